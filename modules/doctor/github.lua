--- GitHub: whose token it is, what it may do, and whether what applications name is there.
---
--- Sources: docs.github.com "Scopes for OAuth apps" (X-OAuth-Scopes tells a classic token's), "Permissions required for
--- fine-grained personal access tokens" (no header tells what such a token may do: reading is tried, and writing cannot
--- be told), "About authentication to GitHub" (prefixes of tokens), "Managing your personal access tokens"
--- (GitHub-Authentication-Token-Expiration).
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local host = require "fairlead.github.host"
local http = require "fairlead.http"
local list = require "fairlead.doctor.list"
local task = require "fairlead.task"

local M = {}

local HERE <const> = "GitHub"
local SECONDS <const> = 9 -- for one call, with what it repeats
local SOON <const> = 7 * 86400 -- seconds

---@class doctor.GitHub what an application needs of GitHub
---@field repository string "owner/name"
---@field branch string that is released
---@field workflows string[] files
---@field environments string[] whose reviews are waited for
---@field teams string[] "owner/slug", whose members may approve
---@field writes string[] permissions that are written with: "contents", "pull_requests", …

local KINDS <const> = {
  ghp_ = "a classic personal access token", github_pat_ = "a fine-grained personal access token",
  gho_ = "a token of an OAuth app", ghu_ = "a token of a GitHub App for a person", ghs_ = "a token of a GitHub App",
}

-- What sort of token it is; nothing of the token itself is told.
local function kind_of(token)
  local text <const> = token and http.reveal(token) or ""
  for prefix, kind in pairs(KINDS) do
    if text:sub(1, #prefix) == prefix then return kind end
  end
  return "a token"
end

local function scopes_of(response)
  local text <const> = response.headers["x-oauth-scopes"]
  if not text then return nil end
  local scopes = {}
  for scope in text:gmatch "[^%s,]+" do scopes[scope] = true end
  return scopes
end

-- `{ client=, scopes=, kind= }` is what the other checks get. An app's token is nobody's: GitHub answers 403.
local function who(client)
  local user, response = try(client.get, client, "/user")
  -- An app has no token before it asks.
  local kind <const>, source <const> = kind_of(client.token), client.token_source
  if not user then
    local err <const> = response
    if err.status == 403 and not err:is "github.api.rate_limited" then
      return list.ok(("of an app, by %s (%s)"):format(source, kind), { value = { client = client, kind = kind } })
    end
    local finding <const> = list.failed(err)
    finding.text = ("%s, by %s (%s)"):format(finding.text, source, kind)
    return finding
  end
  if type(user.login) ~= "string" then return list.unknown "what answers is not GitHub" end
  local till <const> = response.headers["github-authentication-token-expiration"]
  -- "2026-12-01 10:00:00 UTC"
  local at <const> = till and answer.time((till:gsub("^(%S+) (%S+).*$", "%1T%2Z")))
  return list.ok(("%s, by %s (%s%s)"):format(user.login, source, kind, till and ", until " .. till or ""), {
    value = { client = client, kind = kind, scopes = scopes_of(response), login = user.login },
    advice = at and at - clock.now() < SOON and "it ends soon: make a new one" or nil,
  })
end

-- ---- permissions ----

local function scopes(access, wanted, public)
  if not access.scopes then
    return list.unknown(("GitHub does not tell what %s may do; reading is tried below"):format(access.kind),
      "`fairlead permissions SCRIPT` tells what it needs")
  end
  local names = {}
  for name in pairs(access.scopes) do names[#names + 1] = name end
  table.sort(names)
  local has <const> = #names > 0 and table.concat(names, ", ") or "none"
  local lacks = {}
  for _, scope in ipairs(wanted) do
    local there = access.scopes[scope] or scope == "repo" and public and access.scopes.public_repo
      or scope == "read:org" and (access.scopes["write:org"] or access.scopes["admin:org"])
    if not there then lacks[#lacks + 1] = scope end
  end
  if #lacks == 0 then return list.ok(has, { value = access }) end
  return list.bad(("lacks %s (it has: %s)"):format(table.concat(lacks, ", "), has),
    "add them at https://github.com/settings/tokens, or use another token")
end

local READS <const> = {
  { "pull requests", "/pulls?per_page=1" },
  { "workflow runs", "/actions/runs?per_page=1" },
  { "checks", "/commits/{branch}/check-runs?per_page=1" },
  { "statuses", "/commits/{branch}/status" },
  { "deployments", "/deployments?per_page=1" },
}

local encoded <const> = address.segment

local function path_of(place, path)
  return "/repos/" .. place.repository .. path:gsub("{branch}", (encoded(place.branch):gsub("%%", "%%%%")))
end

-- Each kind of thing that releases read, one request for each.
local function reading(access, place)
  local client <const>, can, cannot, first = access.client, {}, {}, nil
  local functions = {}
  for i, row in ipairs(READS) do
    functions[i] = function()
      local found <const>, err = try(client.get, client, path_of(place, row[2]))
      return not found and err
    end
  end
  local failures <const> = task.all(functions)
  for i, row in ipairs(READS) do
    local err <const> = failures[i]
    if err and not err:is "github.api.not_authorised" and not err:is "github.api.not_found" then error(err, 0) end
    if err and row[1] ~= "checks" then first = first or err end
    table.insert(err and cannot or can, row[1])
  end
  if #cannot == 0 then return list.ok("may read " .. table.concat(can, ", ")) end
  if not first then
    return list.ok("may read " .. table.concat(can, ", "),
      { advice = "checks cannot be read: workflow runs and statuses are read in their place" })
  end
  return list.bad("may not read " .. table.concat(cannot, ", "), first.hint)
end

local function writing(access, repository, writes)
  local wanted <const> = table.concat(writes, ", ")
  if access.scopes and repository.permissions and repository.permissions.push then
    return list.ok(("may write %s"):format(wanted))
  end
  return list.unknown(("whether %s may write %s cannot be told without writing"):format(access.kind, wanted),
    "`fairlead permissions SCRIPT` tells what it needs")
end

-- ---- what applications name ----

local function repository(access, place)
  local found <const> = access.client:get("/repos/" .. place.repository)
  if found.archived then
    return list.bad("is archived: nothing can be written", "unarchive it, or correct the settings")
  end
  local may <const> = found.permissions or {}
  local role <const> = may.admin and "admin" or may.maintain and "maintain" or may.push and "write"
    or may.pull and "read"
  if access.login and may.push == false then
    return { state = "bad", text = ("%s may only read it"):format(access.login), value = found,
      advice = "ask for the role Write in the repository" }
  end
  return list.ok(("%s%s"):format(found.private and "private" or "public", role and ", role " .. role or ""),
    { value = found })
end

local function branch(access, place)
  local found <const> = access.client:get(path_of(place, "/branches/{branch}"))
  local sha <const> = tostring((found.commit or {}).sha)
  return list.ok(("at %s%s"):format(sha:sub(1, 8), found.protected and ", protected" or ""))
end

local function workflow(access, place, file)
  local found <const> = access.client:get(("/repos/%s/actions/workflows/%s"):format(place.repository, encoded(file)))
  if found.state == "active" then return list.ok(("%s, active"):format(tostring(found.name))) end
  return list.bad("is " .. tostring(found.state):gsub("_", " "), ("gh workflow enable %s -R %s"):format(file,
    place.repository))
end

local function reviewers(access, place, name)
  local found <const> = access.client:get(("/repos/%s/environments/%s"):format(place.repository, encoded(name)))
  local count = 0
  for _, rule in ipairs(found.protection_rules or {}) do
    if rule.type == "required_reviewers" then count = count + #(rule.reviewers or {}) end
  end
  if count > 0 then return list.ok(("%d reviewer%s"):format(count, count == 1 and "" or "s")) end
  return list.bad("asks nobody for a review, and the settings wait for one",
    "name its reviewers on GitHub: Settings, Environments")
end

local function team(access, name)
  local owner <const>, slug <const> = name:match "^([^/]+)/(.+)$"
  local members <const> = access.client:list(("/orgs/%s/teams/%s/members"):format(encoded(owner), encoded(slug)))
  if #members == 0 then return list.bad("has no members", "add whoever may approve") end
  return list.ok(("%d member%s"):format(#members, #members == 1 and "" or "s"))
end

local function add_place(checks, place, application, token)
  local for_it <const> = { needs = { token }, application = application }
  local at <const> = HERE .. " " .. place.repository
  local found <const> = checks:add(at, "repository", for_it, function(access) return repository(access, place) end)
  for_it.needs = { token, found }
  checks:add(at, "branch " .. place.branch, for_it, function(access) return branch(access, place) end)
  checks:add(at, "scopes", for_it, function(access, repo)
    return scopes(access, #place.teams > 0 and { "repo", "read:org" } or { "repo" }, not repo.private)
  end)
  checks:add(at, "reading", for_it, function(access) return reading(access, place) end)
  checks:add(at, "writing", for_it, function(access, repo) return writing(access, repo, place.writes) end)
  for _, file in ipairs(place.workflows) do
    checks:add(at, file, for_it, function(access) return workflow(access, place, file) end)
  end
  for _, name in ipairs(place.environments) do
    checks:add(at, "environment " .. name, for_it, function(access) return reviewers(access, place, name) end)
  end
  for _, name in ipairs(place.teams) do
    checks:add(HERE, "team " .. name, { needs = { token }, application = application }, function(access)
      return team(access, name)
    end)
  end
end

-- What an app's token is for: an app has one for each place where it is installed.
local function common_repository(wanted)
  local first <const> = wanted[1] and wanted[1].place.repository
  for _, one in ipairs(wanted) do
    if one.place.repository:match "^[^/]+" ~= first:match "^[^/]+" then return nil end
  end
  return first
end

---Adds what there is to look at.
---@param checks doctor.List
---@param hosts table of doctor/hosts.lua
---@param wanted {application: string, place: doctor.GitHub}[] none: only the token, if there is one
---@param bare boolean there is no application at all
function M.add(checks, hosts, wanted, bare)
  local client <const>, err = try(github.client, {
    repository = common_repository(wanted), timeout = SECONDS, request_timeout = SECONDS,
  })
  if not (client or bare or #wanted > 0) then return end -- nobody needs it
  local needs = {}
  -- Also without a token: whether there is a way to it is worth knowing.
  if client or #wanted > 0 then
    local known <const> = not client and try(host.find)
    needs[1] = hosts.need(client and client.base_url or known and known.base_url or "https://api.github.com")
  end
  local token <const> = checks:add(HERE, "token", { needs = client and needs }, function()
    if client then return who(client) end
    local finding <const> = list.failed(err)
    -- Nothing here needs it.
    if #wanted == 0 and err.kind == "config.missing" then finding.state = "unknown" end
    return finding
  end)
  for _, one in ipairs(wanted) do
    table.insert(token.applications, one.application)
    add_place(checks, one.place, one.application, token)
  end
end

return M
