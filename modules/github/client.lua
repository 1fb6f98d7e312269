--- GitHub's REST and GraphQL interfaces: requests with the token, retries, limits, ETags, pages. What is asked is the
--- other files' matter.
---
--- Sources: docs.github.com "Getting started with the REST API" (headers), "Using pagination in the REST API" (Link),
--- "Best practices for using the REST API" (conditional requests), "Forming calls with GraphQL".
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local shape = require "fairlead.service.shape"

local Governor = require "fairlead.github.governor"
local credentials = require "fairlead.github.credentials"
local failure = require "fairlead.github.failure"
local hosts = require "fairlead.github.host"

-- Both types: proxies and simulators that know GitHub's description of itself answer 406 to the first alone.
local ACCEPT <const> = "application/vnd.github+json, application/json;q=0.9"
local API_VERSION <const> = "2022-11-28"
local CALL_TIMEOUT <const> = 900 -- seconds for a call with its retries and its waits for limits
local REQUEST_TIMEOUT <const> = 30 -- seconds for one request
local RETRIES <const> = 3 -- after 1, 4 and 9 s, as octokit's plugin-retry.js
local MAX_PAGES <const> = 100
local CACHE_ENTRIES <const> = 256

local IDEMPOTENT <const> = { GET = true, HEAD = true, PUT = true, DELETE = true }
local WRITE <const> = { POST = true, PUT = true, PATCH = true, DELETE = true }
local TRANSIENT <const> = { [500] = true, [502] = true, [503] = true, [504] = true }

---@class fairlead.github.ClientOptions
---@field repository? string "owner/name": what paths without a leading slash, and all that is asked by name, are about
---@field token? string|Secret default: `app`, then GH_TOKEN, GITHUB_TOKEN (for a server GH_ENTERPRISE_TOKEN,
---  GITHUB_ENTERPRISE_TOKEN before them), then the app of FAIRLEAD_GITHUB_APP_ID and
---  FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE, then gh's login
---@field app? fairlead.github.AppOptions a GitHub App, whose installation in the repository is used
---@field base_url? string default: GITHUB_API_URL, then that of GH_HOST, then https://api.github.com
---@field timeout? number seconds that one call may take with its retries and waits; default 900
---@field request_timeout? number seconds for one request; default 30

---@class fairlead.github.CallOptions
---@field timeout? number seconds that the call may take with its retries and waits; default: the client's
---@field op? string what the call is for, in errors; default: "github.get" and so on
---@field headers? table<string, string>
---@field once? boolean send no second time unless GitHub surely did nothing; default: true for POST and PATCH
---@field write? boolean counts as a write; default: everything but GET and HEAD
---@field shape? fairlead.service.Shape what a good answer has at least
---@field upload? {content: string, type: string} sent as it is, to where GitHub takes files
---@field sink? fun(): fun(chunk: string) makes, for each attempt, what takes a good answer's body: that is not decoded

---@class fairlead.github.Client
---@field repository string? "owner/name"
---@field base_url string
---@field host string as gh calls it: "github.com"
---@field token Secret? the one that was used last; an app has none before its first request
---@field token_source string where it is from, for people
---@field private credential fairlead.github.Credential
---@field private governor fairlead.github.Governor
local Client = {}
Client.__index = Client
Client.__name = "fairlead.github.Client"

---@param options fairlead.github.ClientOptions
---@return fairlead.github.Client
function Client.new(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'github.client' (table expected, got %s)"):format(type(options)), 3)
  end
  local repository <const> = options.repository
  if repository ~= nil and not tostring(repository):find "^[%w%-]+/[%w%-._]+$" then
    error(("bad argument #1 to 'github.client' (repository: \"owner/name\" expected, got '%s')"):format(repository), 3)
  end
  local host <const> = hosts.find(options.base_url)
  local credential <const> = credentials.find(options, host)
  return setmetatable({
    repository = repository,
    base_url = host.base_url,
    host = host.name,
    credential = credential,
    token_source = credential.source,
    token = not credential.renews and credential:token() or nil,
    timeout = options.timeout or CALL_TIMEOUT,
    request_timeout = options.request_timeout or REQUEST_TIMEOUT,
    governor = Governor.new(),
    cache = {}, -- url -> the answer that had an ETag
    cached = {}, -- urls, oldest first
  }, Client)
end

--- The repository's path, for what needs one.
---@param rest string? what follows, such as "/pulls/5"
---@return string
function Client:path(rest)
  if not self.repository then
    error("this client was made without a repository: github.client{repository=\"owner/name\"}", 2)
  end
  return "/repos/" .. self.repository .. (rest or "")
end

--- "owner/name" or "owner/name#5": what an error is about.
---@param suffix string|integer|nil
---@return string
function Client:subject(suffix)
  return (self.repository or self.base_url) .. (suffix and tostring(suffix) or "")
end

local function url_of(self, path, query)
  if path:find "^https?://" then
    -- The token goes to GitHub only, wherever an answer points.
    if address.origin(path) ~= address.origin(self.base_url) then
      errors.raise {
        kind = "github.api", op = "github.get", target = path:match "^[^?]*",
        message = "leads to another host than " .. self.base_url .. ", where the token must not go",
      }
    end
    return path
  end
  if path:sub(1, 1) ~= "/" then
    path = self:path("/" .. path)
  end
  local joint = address.query(query)
  if path:find("?", 1, true) then
    joint = joint:gsub("^%?", "&")
  end
  return self.base_url .. path .. joint
end

local function remember(self, url, response)
  if not response.headers.etag then
    return
  end
  if not self.cache[url] then
    self.cached[#self.cached + 1] = url
    if #self.cached > CACHE_ENTRIES then
      self.cache[table.remove(self.cached, 1)] = nil
    end
  end
  self.cache[url] = response
end

--- One request, without retries.
local function exchange(self, method, url, body, options, deadline)
  local used <const> = self.credential:token(deadline)
  self.token = used
  local headers = {
    ["Accept"] = ACCEPT,
    ["Authorization"] = "Bearer " .. used,
    ["User-Agent"] = "fairlead",
    ["X-GitHub-Api-Version"] = API_VERSION,
  }
  if body then
    headers["Content-Type"] = options.upload and options.upload.type or "application/json"
  end
  for name, value in pairs(options.headers or {}) do
    headers[name] = value
  end
  local known = method == "GET" and not options.sink and self.cache[url]
  if known then
    headers["If-None-Match"] = known.headers.etag
  end
  return http.request {
    method = method, url = url, headers = headers, body = body, retry = false, sink = options.sink and options.sink(),
    timeout = math.max(math.min(options.upload and math.huge or self.request_timeout, deadline - clock.now()),
      0.001),
  }, known, used
end

--- A good answer's body, decoded. Raises where it is none of GitHub's: a GET's is never empty, and all that is read
--- from it has to be there.
local function open(response, about, wanted)
  local decoded <const> = answer.decode(response, about)
  local problem = wanted and shape.problem(decoded, wanted)
  if decoded == nil and response.status == 200 and response.method == "GET" then problem = "nothing at all" end
  if problem then
    errors.raise {
      kind = "github.api", op = about.op, target = about.target, status = response.status,
      request_id = response.headers["x-github-request-id"],
      message = ("answered %d with something else than was asked for (%s)"):format(response.status, problem),
      hint = "is the address GitHub's, and is no proxy answering in its place?",
    }
  end
  return decoded
end

--- Whether a failed request may be sent again: it did nothing, or doing it twice is the same as once.
local function repeatable(err, once)
  if err:is "http.resolve" or err:is "http.connect" then
    return true -- nothing was sent
  end
  return not once and (err:is "http.reset" or err:is "http.timeout" or err:is "http.truncated")
end

--- Any request. Waits for limits, repeats what may be repeated, raises what GitHub refuses.
---@async
---@param method string
---@param path string "/repos/…", or relative to the client's repository ("pulls/5"), or a whole URL of the same host
---@param query? table<string, any>
---@param body? table sent as JSON
---@param options? fairlead.github.CallOptions
---@return any decoded JSON without nulls in objects; nil for an empty answer
---@return table response
--- raises github.api (.not_authorised .not_found .conflict .not_mergeable .invalid .rate_limited) and http.*
function Client:request(method, path, query, body, options)
  options = options or {}
  local url <const> = options.upload and hosts.uploads(self.base_url) .. path .. address.query(query)
    or url_of(self, path, query)
  local about <const> = { kind = "github.api", op = options.op or "github." .. method:lower(),
    target = (options.upload and path or url:sub(#self.base_url + 1)):match "^[^?]*", refused = self.credential.hint }
  local deadline <const> = clock.now() + (options.timeout or self.timeout)
  local once = options.once
  if once == nil then
    once = not IDEMPOTENT[method]
  end
  local write = options.write
  if write == nil then
    write = WRITE[method] or false
  end
  local text <const> = options.upload and options.upload.content or body and json.encode(body)
  local failures, renewed = 0, false

  --- Sleeps before another attempt; false when there is none left.
  local function again()
    failures = failures + 1
    local pause <const> = failures * failures
    if failures > RETRIES or clock.now() + pause >= deadline then
      return false
    end
    clock.sleep(pause)
    return true
  end

  while true do
    local response, err, known, used
    do
      local held <close> = self.governor:admit(write, deadline, about) -- luacheck: ignore held
      response, err = try(function()
        local got
        got, known, used = exchange(self, method, url, text, options, deadline)
        return got
      end)
    end
    if not response then
      if not (repeatable(err, once) and again()) then
        error(err, 0)
      end
    elseif response.status == 304 and known then
      self.governor:observe(response)
      return open(known, about, options.shape), known
    elseif self.governor:observe(response) then -- luacheck: ignore 542
      -- Refused for a limit's sake and not carried out: admit() waits, then it is sent again, whatever the method.
    elseif response.status == 401 and not renewed and self.credential:refused(used) then
      renewed = true -- nothing was carried out: sent again, whatever the method, with another token
    elseif response.status < 300 then
      if options.sink then
        return nil, response
      end
      local decoded <const> = open(response, about, options.shape)
      if method == "GET" then
        remember(self, url, response)
      end
      return decoded, response
    elseif not (TRANSIENT[response.status] and not once and again()) then
      failure.raise(response, about)
    end
  end
end

---@async
---@param path string
---@param query? table<string, any>
---@param options? fairlead.github.CallOptions
---@return any decoded, table response
function Client:get(path, query, options)
  return self:request("GET", path, query, nil, options)
end

---@async
---@param path string
---@param body? table
---@param options? fairlead.github.CallOptions
---@return any decoded, table response
function Client:post(path, body, options)
  return self:request("POST", path, nil, body or {}, options)
end

---@async
---@param path string
---@param body? table
---@param options? fairlead.github.CallOptions
---@return any decoded, table response
function Client:put(path, body, options)
  return self:request("PUT", path, nil, body or {}, options)
end

---@async
---@param path string
---@param body? table
---@param options? fairlead.github.CallOptions
---@return any decoded, table response
function Client:patch(path, body, options)
  return self:request("PATCH", path, nil, body or {}, options)
end

---@async
---@param path string
---@param body? table
---@param options? fairlead.github.CallOptions
---@return any decoded, table response
function Client:delete(path, body, options)
  return self:request("DELETE", path, nil, body, options)
end

--- The address after rel="next" in a Link header.
local function next_page(link)
  for target, parameters in (link or ""):gmatch "<([^<>]*)>([^<]*)" do
    if parameters:find 'rel="?next"?' then
      return target
    end
  end
end

local function is_list(value)
  return type(value) == "table" and (#value > 0 or next(value) == nil)
end

--- The list in one page: the answer itself, or the one array in an object such as {total_count, check_runs}; nothing
--- where there is none.
local function items_of(page, key)
  if type(page) ~= "table" then
    return nil
  end
  if key then
    return page[key] == nil and {} or is_list(page[key]) and page[key] or nil
  end
  if page.total_count ~= nil then
    for _, value in pairs(page) do
      if is_list(value) then
        return value
      end
    end
    return {}
  end
  return is_list(page) and page or nil
end

--- The items of a page, each of a shape.
local function checked_items(page, options, response, about)
  local items <const> = items_of(page, options.key)
  local problem <const> = not items and "a list expected"
    or options.shape and shape.problem(items, shape.list(options.shape))
  if problem then
    errors.raise {
      kind = "github.api", op = about.op, target = about.target, status = response.status,
      request_id = response.headers["x-github-request-id"],
      message = ("answered %d with something else than a list of what was asked for (%s)"):format(response.status,
        problem),
      hint = "is the address GitHub's, and is no proxy answering in its place?",
    }
  end
  return items
end

--- Every item of a list, over all its pages: `for pull in gh:paginate("pulls") do`.
---@async
---@param path string
---@param query? table<string, any> per_page is 100 unless given
---@param options? {key?: string, max_pages?: integer, timeout?: number, op?: string, shape?: fairlead.service.Shape}
---  key: the field that holds the list, where an answer has several; max_pages: default 100, an error after that;
---  shape: what each item has at least
---@return fun(): any iterator
function Client:paginate(path, query, options)
  options = options or {}
  local first = { per_page = 100 }
  for name, value in pairs(query or {}) do
    first[name] = value
  end
  local call <const> = { timeout = options.timeout, op = options.op }
  local max_pages <const> = options.max_pages or MAX_PAGES
  local pages, position, items = 0, 0, {}
  local following = path
  return function()
    while position >= #items do
      if not following then
        return nil
      end
      if pages >= max_pages then
        errors.raise {
          kind = "github.api", op = options.op or "github.paginate", target = path,
          message = ("has more than %d pages"):format(max_pages),
          hint = "ask for less with the query, or give max_pages",
        }
      end
      local page, response = self:get(following, pages == 0 and first or nil, call)
      pages, position = pages + 1, 0
      items = checked_items(page, options, response, { op = options.op or "github.paginate", target = path })
      following = next_page(response.headers.link)
    end
    position = position + 1
    return items[position]
  end
end

--- All items of a list at once.
---@async
---@param path string
---@param query? table<string, any>
---@param options? table as for paginate
---@return any[]
function Client:list(path, query, options)
  local all = {}
  for item in self:paginate(path, query, options) do
    all[#all + 1] = item
  end
  return all
end

return Client
