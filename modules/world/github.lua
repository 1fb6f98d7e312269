--- The simulated GitHub: one repository (real git), its pull requests, its workflows, and the REST API before them.
---
--- This file is the door: tokens and their rights, headers, conditional requests, rate limits. What is behind it is in
--- the parts: `actions` (workflow runs, checks), `pulls` (pull requests, reviews, merges), and their routes.
--- Sources: GitHub Docs, REST API; field names from GitHub's OpenAPI description.
local actions = require "fairlead.world.github.actions"
local actions_api = require "fairlead.world.github.actions_api"
local app = require "fairlead.world.github.app"
local deployments = require "fairlead.world.github.deployments"
local git_data = require "fairlead.world.github.git_data"
local issues = require "fairlead.world.github.issues"
local json = require "fairlead.json"
local limits = require "fairlead.world.github.limits"
local message = require "fairlead.world.message"
local pulls = require "fairlead.world.github.pulls"
local pulls_api = require "fairlead.world.github.pulls_api"
local refusal = require "fairlead.world.github.refusal"
local repository_api = require "fairlead.world.github.repository_api"
local router = require "fairlead.world.github.router"
local shapes = require "fairlead.world.github.shapes"
local sorted = require "fairlead.sorted"
local teams = require "fairlead.world.github.teams"

local M = {}

--- The scopes of a classic token whose fixture names none.
local SCOPES <const> = { "repo", "workflow", "read:org" }

---@class fairlead.world.GitHub
---@field requests {at: number, method: string, path: string, operation: string, status: integer, right: string?}[]
--- right: what a fine-grained token must be allowed to do for it: "checks:read"
---@field fixture table
---@field world fairlead.world.World
---@field actions fairlead.world.Actions
---@field pulls fairlead.world.Pulls
---@field limits fairlead.world.GitHubLimits
---@field deployments fairlead.world.GitHubDeployments
---@field installation_tokens table<string, table>? of the app, by their text
---@field issues table[] {number=, title=, body=, state=, author=, labels=, comments=}; pull requests are in `pulls`
---@field statuses table<string, table[]> commit statuses by sha, the newest first
---@field random fairlead.world.Random
local GitHub = {}
GitHub.__index = GitHub

---@param world fairlead.world.World
---@return fairlead.world.GitHub
function M.new(world)
  local fixture = world.fixture.github
  local self = setmetatable({
    world = world,
    fixture = fixture,
    random = world:stream("github"),
    requests = {},
    statuses = {},
    issues = {},
    router = router.new(),
    etags = {},
    last_id = 21900000000,
  }, GitHub)
  self.owner, self.name = fixture.repository:match("^([^/]+)/([^/]+)$")
  self.shapes = shapes.new(self)
  self.limits = limits.new(self)
  self.deployments = deployments.new(self)
  self.actions = actions.new(self)
  self.pulls = pulls.new(self)
  git_data.add(self, self.router)
  repository_api.add(self, self.router)
  pulls_api.add(self, self.router)
  issues.add(self, self.router)
  actions_api.add(self, self.router)
  deployments.add(self, self.router)
  teams.add(self, self.router)
  app.add(self, self.router)
  world:on_settled(function()
    self:notice_pushes()
  end)
  return self
end

--- A new id. GitHub's are larger than 32 bits and grow.
---@return integer
function GitHub:new_id()
  self.last_id = self.last_id + self.random:integer(1, 4000)
  return self.last_id
end

--- The repository on disk; the first call makes it.
---@async
---@return fairlead.world.Repository
function GitHub:repository()
  return self.world:open().repository
end

--- Takes in what has been pushed to the repository since the last look.
---@async
function GitHub:notice_pushes()
  local folder = self.world.folder
  if not folder then
    return
  end
  for _, push in ipairs(folder.repository:new_pushes()) do
    self:pushed(push.ref, push.before, push.after, self.fixture.user)
  end
end

--- A ref has moved: pull requests follow, workflows start.
---@async
---@param ref string
---@param before string? sha
---@param after string? sha; nil: deleted
---@param login string who pushed
function GitHub:pushed(ref, before, after, login)
  local branch = ref:match("^refs/heads/(.+)$")
  self.world:emit("push", { ref = ref, branch = branch, before = before, after = after, by = login })
  if branch then
    self.pulls:branch_moved(branch, after, login)
    if after then
      self.actions:branch_pushed(branch, after, login)
    end
  end
end

--- A commit made on GitHub's side, by somebody else than the script: a colleague.
---@async
---@param branch string
---@param commit {message: string, files: table<string, string|false>, author: string}
---@return string sha
function GitHub:commit_as(branch, commit)
  local repository = self:repository()
  local before = repository.branches[branch]
  local person = require("fairlead.world.repository").person(self.fixture, commit.author)
  local sha = repository:commit {
    ref = "refs/heads/" .. branch,
    message = commit.message,
    files = commit.files,
    author = person,
    at = self.world.now,
  }
  self:pushed("refs/heads/" .. branch, before, sha, commit.author)
  return sha
end

---------------------------------------------------------------------------------------------------------------------
-- Who asks

--- Everybody the fixture names, in any place.
---@param login string
---@return boolean
function GitHub:is_user(login)
  return (self.fixture.users or {})[login] ~= nil or login == self.fixture.user
end

--- Whether a user may write to the repository.
---@param login string
---@return boolean
function GitHub:can_write(login)
  local user = (self.fixture.users or {})[login]
  return login == self.fixture.user or (user ~= nil and user.permission ~= "read")
end

--- The members of a team.
---@param slug string
---@return string[]
function GitHub:team(slug)
  return (self.fixture.teams or {})[slug] or {}
end

--- Who a token belongs to: {login=, rights= set or nil for all, scopes= of a classic token}; nil for nobody; refuses
--- what is no token of ours.
local function viewer_of(self, request)
  local given = request.header("authorization")
  if not given then
    return nil
  end
  local token = given:match("^[Bb]earer%s+(%S+)$") or given:match("^[Tt]oken%s+(%S+)$")
  if token and token == self.fixture.token then
    return { login = self.fixture.user, token = token, scopes = self.fixture.scopes or SCOPES }
  end
  local viewer = token and (app.installed(self, token) or app.signed(self, token))
  if viewer then
    return viewer
  end
  local other = token and (self.fixture.tokens or {})[token]
  if not other then
    refusal.raise(401, "Bad credentials")
  end
  local rights
  if other.rights then
    rights = {}
    for _, right in ipairs(other.rights) do
      rights[right] = true
      rights[right:gsub(":write$", ":read")] = true
    end
  end
  return { login = other.user, rights = rights, token = token, scopes = not rights and (other.scopes or SCOPES) or nil }
end

local function check_rights(self, route, viewer)
  local right = route.right
  app.check(viewer, route)
  if not right or right == "app" then
    return
  end
  local writes = right:sub(-6) == ":write"
  if not viewer then
    if writes then
      refusal.raise(401, "Requires authentication")
    elseif self.fixture.private or right:find("^administration") then
      refusal.not_found()
    end
  elseif viewer.rights and not viewer.rights[right] then
    local kind = viewer.installation and "integration" or "personal access token"
    refusal.raise(403, "Resource not accessible by " .. kind, nil, {
      { "x-accepted-github-permissions", (right:gsub(":", "=")) },
    })
  elseif writes and not viewer.installation and not self:can_write(viewer.login) then
    refusal.raise(403, "Must have push access to repository.")
  end
end

---------------------------------------------------------------------------------------------------------------------
-- Requests

local REST <const> = "https://docs.github.com/rest"

--- One ETag for one body. Distinct bodies are numbered in place of being hashed; there are few, and they are kept.
local function etag_of(self, body)
  local tag = self.etags[body]
  if not tag then
    self.etag_count = (self.etag_count or 0) + 1
    if self.etag_count % 500 == 0 then -- a world that is served for days must not remember them all
      self.etags = {}
    end
    tag = ('W/"%064x"'):format(self.etag_count)
    self.etags[body] = tag
  end
  return tag
end

local function body_of(request)
  if request.body == "" then
    return {}
  end
  local ok, value = pcall(json.decode, request.body)
  if not ok then
    refusal.raise(400, "Problems parsing JSON")
  elseif type(value) ~= "table" or value[1] ~= nil then
    refusal.raise(400, "Body should be a JSON object")
  end
  return value
end

--- The path below the API's address: a served world has a prefix of its own.
local function local_path(self, request)
  local prefix = self.world.base_urls.github:match("^%a+://[^/]+(/.*)$")
  if request.service and prefix and request.path:sub(1, #prefix) == prefix then
    return request.path:sub(#prefix + 1)
  end
  return request.path
end

local function check_encoding(text)
  if not utf8.len(text) then
    refusal.raise(400, "Bad Request")
  end
end

local function answer(self, request, path, call)
  if not request.header("user-agent") then
    refusal.raise(
      403,
      "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
        .. "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
    )
  end
  call.viewer = viewer_of(self, request)
  local version = request.header("x-github-api-version")
  if version and version ~= "2022-11-28" then
    refusal.raise(400, ("API version %s is not supported."):format(version))
  end
  self.limits:check(call.viewer, request.method)
  local route, variables = self.router:find(request.method, path)
  if not route then
    refusal.not_found()
  end
  call.operation, call.right = route.verb, route.right
  for name, value in pairs(variables) do
    check_encoding(value)
    call[name] = value
  end
  for name, value in pairs(call.query) do
    check_encoding(name)
    check_encoding(value)
  end
  if call.owner and (call.owner:lower() ~= self.owner:lower() or call.repo:lower() ~= self.name:lower()) then
    refusal.not_found()
  end
  if self.fixture.private and not call.viewer then
    refusal.not_found()
  end
  check_rights(self, route, call.viewer)
  call.body = body_of(request)
  return route.answer(call)
end

--- Answers a request.
---@async
---@param request fairlead.world.Request
---@return fairlead.world.Answer
function GitHub:handle(request)
  self.world:open()
  local path = local_path(self, request)
  local call = { request = request, query = request.query }
  local ok, status, value, headers = pcall(answer, self, request, path, call)
  if not ok then
    local refused = status
    if not refusal.is(refused) then
      error(refused, 0)
    end
    status, headers = refused.status, refused.headers
    value = {
      message = refused.message,
      errors = refused.errors and json.array(refused.errors) or nil,
      documentation_url = REST,
      status = tostring(refused.status),
    }
  end
  local all = {
    { "x-github-media-type", "github.v3; format=json" },
    { "x-github-request-id", ("%04X:%06X:%08X"):format(0xFA1, #self.requests + 1, self.random:integer(0, 0xFFFFFFFF)) },
  }
  if call.viewer and call.viewer.scopes then
    all[#all + 1] = { "x-oauth-scopes", table.concat(call.viewer.scopes, ", ") }
  end
  table.move(headers or {}, 1, #(headers or {}), #all + 1, all)
  local result
  if status == 204 or type(value) == "string" then
    result = message.text(status, value or "", all)
  else
    result = message.json(status, value, all)
  end
  local counts = ok or status ~= 401
  if status == 200 and (request.method == "GET" or request.method == "HEAD") then
    local tag = etag_of(self, result.body)
    table.insert(result.headers, { "etag", tag })
    if request.header("if-none-match") == tag then
      -- "Making a conditional request does not count against your primary rate limit if a 304 response is returned"
      -- (GitHub Docs, "Best practices for using the REST API").
      result.status, result.body, counts = 304, "", false
    end
  end
  if counts then
    self.limits:count(call.viewer)
  end
  for _, header in ipairs(self.limits:headers(call.viewer)) do
    table.insert(result.headers, header)
  end
  table.insert(self.requests, {
    at = self.world.now,
    method = request.method,
    path = path,
    operation = call.operation,
    status = result.status,
    by = call.viewer and call.viewer.login,
    right = call.right,
  })
  return result
end

--- A page of a list, with the Link header that leads to its neighbours.
--- Source: GitHub Docs, "Using pagination in the REST API".
---@param call fairlead.world.Call
---@param list any[]
---@return any[] page
---@return string[][] headers
function GitHub:page(call, list)
  local size = math.tointeger(tonumber(call.query.per_page)) or 30
  size = math.max(1, math.min(size, 100))
  local page = math.max(1, math.tointeger(tonumber(call.query.page)) or 1)
  local last = math.max(1, (#list + size - 1) // size)
  local links = {}
  local function link(number, relation)
    local query = {}
    for name, value in sorted(call.query) do
      if name ~= "page" then
        query[#query + 1] = message.encode(name) .. "=" .. message.encode(value)
      end
    end
    query[#query + 1] = "page=" .. number
    local path = local_path(self, call.request)
    links[#links + 1] = ('<%s%s?%s>; rel="%s"'):format(
      self.world.base_urls.github,
      path,
      table.concat(query, "&"),
      relation
    )
  end
  if page > 1 then
    link(page - 1, "prev")
  end
  if page < last then
    link(page + 1, "next")
    link(last, "last")
  end
  if page > 1 then
    link(1, "first")
  end
  local items = json.array(table.move(list, (page - 1) * size + 1, math.min(page * size, #list), 1, {}))
  return items, #links > 0 and { { "link", table.concat(links, ", ") } } or {}
end

return M
