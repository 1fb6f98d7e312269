--- A service inside the process, for orders of events that are rare or long: limits, lost answers, minutes of waiting.
--- It takes the place of the network under `fairlead.http`, on a virtual clock.
---
---   local seen = fake.run(function(request) return 200, { ok = true } end, function() client:call(…) end)
---   assert.equal("/pulls", seen[1].path)
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local json = require "fairlead.json"

local M = {}

M.START = 1772442000 -- 2026-03-02T09:00:00Z
local LATENCY <const> = 0.05 -- seconds

--- The fields of a query or a form.
---@param text string?
---@return table<string, string>
function M.decode_query(text)
  local query = {}
  for name, value in (text or ""):gmatch "([^&=]+)=([^&]*)" do
    local function plain(part)
      return (part:gsub("+", " "):gsub("%%(%x%x)", function(hex)
        return string.char(tonumber(hex, 16))
      end))
    end
    query[plain(name)] = plain(value)
  end
  return query
end

local function describe(request)
  local headers = {}
  for _, pair in ipairs(request.headers) do
    headers[pair[1]:lower()] = http.reveal(pair[2])
  end
  local text = request.body and http.reveal(request.body)
  local path, query = request.url:match "^https?://[^/]+([^?]*)%??(.*)$"
  local body
  if text and (headers["content-type"] or ""):find "json" then
    body = json.decode(text)
  elseif text then
    body = M.decode_query(text)
  end
  return {
    method = request.method, url = request.url, path = path, query = M.decode_query(query), headers = headers,
    body = body, text = text, is_secret = type(request.body) == "userdata", at = clock.now() - M.START,
  }
end

--- An error as the network's: what `http` raises when an answer is lost.
---@param kind string
function M.lose(kind)
  require("fairlead.errors").raise { kind = kind, op = "POST", target = "fake", message = "the answer was lost",
    retryable = true }
end

--- Calls `body` with all requests answered by `answer(request, number)`: a status, a body (a table becomes JSON) and
--- headers. Gives the requests, each with `at`: seconds since the beginning.
---@param answer fun(request: table, number: integer): integer, any, table?
---@param body async fun()
---@return table[] requests
---@return any ... body's results
function M.run(answer, body)
  local seen = {}
  local function transport(raw)
    local request = describe(raw)
    seen[#seen + 1] = request
    clock.sleep(LATENCY)
    local status, content, headers = answer(request, #seen)
    local list = {}
    for name, value in pairs(headers or {}) do
      list[#list + 1] = { name, tostring(value) }
    end
    if type(content) == "table" then
      content = json.encode(content)
      list[#list + 1] = { "Content-Type", "application/json" }
    end
    return { status = status, headers = list, body = content or "", url = raw.url, http_version = "1.1" }
  end
  local results = table.pack(clock.simulate({ start = M.START }, function()
    return http.with_transport(transport, body)
  end))
  return seen, table.unpack(results, 1, results.n)
end

--- An answer function that goes by "METHOD /path": a table is the body of a 200, a function answers by itself. A path
--- without an entry is a 404.
---@param routes table<string, table|fun(request: table): integer, any, table?>
---@return function
function M.routes(routes)
  return function(request)
    local route = routes[request.method .. " " .. request.path]
    if type(route) == "function" then
      return route(request)
    elseif route then
      return 200, route
    end
    return 404, { message = "Not Found" }
  end
end

return M
