--- Redirects: where an answer leads, and what may go along.
local errors = require "fairlead.errors"
local native = require "fairlead.http.native"

local M = {}

local STATUSES <const> = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- Headers that prove who asks. Those that begin with x-amz- and those whose value is a Secret count as well.
local CREDENTIALS <const> = { authorization = true, cookie = true, ["proxy-authorization"] = true }
-- Headers that tell of a body.
local BODY <const> = { ["content-type"] = true, ["content-encoding"] = true, ["content-language"] = true }

local DIRECTLY <const> = "name the address to use directly"

local function is_credential(pair)
  local name = pair[1]:lower()
  return CREDENTIALS[name] or name:find("^x%-amz%-") or type(pair[2]) ~= "string"
end

local function bears_secrets(request)
  if request.body and type(request.body) ~= "string" then return true end
  for _, pair in ipairs(request.headers) do
    if is_credential(pair) then return true end
  end
  return false
end

local function fail(request, text, hint)
  errors.raise {
    kind = "http.redirect",
    op = request.method,
    target = native.target(request.url),
    message = text,
    hint = hint,
    retryable = false,
  }
end

-- Another origin (RFC 6454), but for going from http to https on the usual ports.
local function leaves(from, to)
  if from.host:lower() ~= to.host:lower() then return true end
  if from.scheme == to.scheme then return from.port ~= to.port end
  return not (from.scheme == "http" and from.port == "80" and to.port == "443")
end

local function kept_headers(request, leaving, bodiless)
  local kept = {}
  for _, pair in ipairs(request.headers) do
    local name = pair[1]:lower()
    local drop = (leaving and (is_credential(pair) or name == "host")) or (bodiless and BODY[name])
    if not drop then kept[#kept + 1] = pair end
  end
  return kept
end

---The value of a header in a raw list; the first of several.
---@param headers string[][]
---@param name string lower case
---@return string|nil
function M.header(headers, name)
  for i = 1, #headers do
    if headers[i][1]:lower() == name then return headers[i][2] end
  end
  return nil
end

---Whether an answer is a redirect.
---@param answer http.Response
---@return boolean
function M.is_redirect(answer)
  return STATUSES[answer.status] ~= nil and M.header(answer.header_list, "location") ~= nil
end

---The request that follows a redirect. 303, and 301 or 302 after a POST, turn it into a GET without body (RFC 9110,
---15.4). Raises http.redirect when the place cannot be gone to, or must not be with what the request bears.
---@param request http.Request
---@param answer http.Response
---@return http.Request
function M.follow(request, answer)
  local place = M.header(answer.header_list, "location")
  local url, problem = native.resolve(request.url, place)
  local from, to = native.parse(request.url), url and native.parse(url)
  if not to or (to.scheme ~= "http" and to.scheme ~= "https") then
    fail(request, ("it redirects to a place that is no http(s) URL (%s)"):format(problem or "another scheme"))
  end
  if to.user then fail(request, "it redirects to a URL with a name or password in it") end
  local leaving = leaves(from, to)
  local method = request.method
  local bodiless = answer.status == 303 and method ~= "GET" and method ~= "HEAD"
    or answer.status <= 302 and method == "POST"
  if from.scheme == "https" and to.scheme == "http" and bears_secrets(request) then
    fail(request, ("it redirects from https to http, to %s, and the request bears secrets"):format(to.host), DIRECTLY)
  end
  if leaving and not bodiless and request.body and type(request.body) ~= "string" then
    fail(request, ("it redirects a secret body to another host, %s"):format(to.host), DIRECTLY)
  end
  local next_request = {}
  for name, value in pairs(request) do next_request[name] = value end
  next_request.method, next_request.url = bodiless and "GET" or method, url
  next_request.headers = kept_headers(request, leaving, bodiless)
  if bodiless then next_request.body = nil end
  return next_request
end

return M
