--- The web sites that a release changes: each answers with the version that its environment's traffic goes to at that
--- moment. While traffic is shifting, each request falls to one version or the other by weight.
---
--- The fixture's `sites`: { [host] = { environment=, health = "/health", version_field = "version" ("git.commit": in an
---   object called git), version_in_health = false, version_header=, version_format = "short", pages = {[path]=html},
---   traffic = "test", broken_body= } }
local message = require "fairlead.world.message"

local M = {}

---@class fairlead.world.Sites
---@field requests {at: number, method: string, host: string, path: string, status: integer, sha: string?}[]
local Sites = {}
Sites.__index = Sites

---@param w fairlead.world.World
---@return fairlead.world.Sites
function M.new(w)
  return setmetatable({ w = w, requests = {}, hosts = w.fixture.sites or {}, draws = w:stream "sites" }, Sites)
end

--- The version that this request falls to.
local function pick(self, weights)
  local total = 0
  for _, share in ipairs(weights) do
    total = total + share.weight
  end
  local at = self.draws:unit() * total
  for _, share in ipairs(weights) do
    at = at - share.weight
    if at < 0 then
      return share
    end
  end
end

--- Whether the scenario breaks this version: one that came with the rehearsal, not the one before it. Its pages fail;
--- its health, which only says that the process runs, is what it was.
local function is_broken(self, environment, share)
  local smoke_fails = self.w.scenario.smoke_fails
  return smoke_fails and smoke_fails[environment] and share.sha ~= self.w.aws.initial_sha
end

--- Puts a value where a field's dotted name says: "git.commit" into an object that is called git.
local function put(body, field, value)
  local rest = field
  for name in field:gmatch "([^.]+)%." do
    body[name] = body[name] or {}
    body, rest = body[name], rest:sub(#name + 2)
  end
  body[rest] = value
end

local function answer_site(self, site, request)
  local environment = site.environment
  local live = self.w.aws:live(environment)
  local share = pick(self, site.traffic == "test" and live.test_weights or live.weights)
  if not share then
    return message.text(503, "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>\n", {
      { "server", "awselb/2.0" },
    }, "text/html"), nil
  end
  local short = share.sha and share.sha:sub(1, 7)
  local headers = { { "server", "nginx" }, { "cache-control", "no-cache" } }
  if site.version_header and share.sha then
    headers[#headers + 1] = { site.version_header, site.version_format == "short" and short or share.sha }
  end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    return message.text(405, "Method Not Allowed\n", headers), share.sha
  elseif request.path == (site.health or "/health") then
    local body = { status = "ok" }
    if site.version_in_health ~= false then
      put(body, site.version_field or "version", share.sha)
    end
    return message.json(200, body, headers), share.sha
  elseif is_broken(self, environment, share) then
    return message.text(500, site.broken_body or "Internal Server Error\n", headers), share.sha
  end
  local page = site.pages and site.pages[request.path]
  if site.pages and not page then
    return message.text(404, "Page not found\n", headers, "text/html; charset=utf-8"), share.sha
  end
  local body = page or "<!doctype html>\n<title>{host}</title>\n<h1>{host}</h1>\n"
  body = body:gsub("{(%w+)}", { host = request.host, sha = share.sha, version = short })
  return message.text(200, body, headers, "text/html; charset=utf-8"), share.sha
end

--- Answers for a host of the fixture; nil for any other, which no name server knows.
---@param request fairlead.world.Request
---@return fairlead.world.Answer?
function Sites:handle(request)
  local host = request.host:gsub(":%d+$", "")
  local site = self.hosts[host]
  if not site then
    return nil
  end
  local answer, sha = answer_site(self, site, request)
  self.requests[#self.requests + 1] = {
    at = self.w.now,
    method = request.method,
    host = host,
    path = request.path,
    status = answer.status,
    sha = sha,
  }
  return answer
end

return M
