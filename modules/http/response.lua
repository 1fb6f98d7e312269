--- Answers: status, headers, body.
local errors = require "fairlead.errors"
local native = require "fairlead.http.native"

local M = {}

local EXCERPT <const> = 300 -- bytes of a body that an error may quote

---@class http.Response
---@field status integer
---@field headers table<string, string> any case; lines of the same name are joined by ", "
---@field header_list string[][] {name, value}, as received
---@field body string "" when a sink took it
---@field url string where it came from, after redirects
---@field method string of the last request
---@field http_version string "1.0", "1.1" or "2"
---@field elapsed number seconds, redirects and retries included
---@field attempts integer exchanges, but for redirects that were followed
---@field sent (string|Secret)[][] the request's headers
local Response = { attempts = 1 }

local LIST <const> = {} -- the key of the raw list in a `headers` that has not been asked for anything yet
local Headers = {}

local function index(headers)
  local list = rawget(headers, LIST)
  if not list then return end
  headers[LIST] = nil
  for i = 1, #list do
    local name, value = list[i][1]:lower(), list[i][2]
    local before = rawget(headers, name)
    rawset(headers, name, before and before .. ", " .. value or value)
  end
end

function Headers:__index(name)
  if type(name) ~= "string" then return nil end
  index(self)
  return rawget(self, name:lower())
end

function Headers:__pairs()
  index(self)
  return next, self, nil
end

-- What most scripts never ask for is made when it is asked for.
local lazy = {}

function lazy.header_list(response) return native.headers(response.header) end

function lazy.headers(response) return setmetatable({ [LIST] = response.header_list }, Headers) end

local Meta = { __name = "http.Response" }

function Meta:__index(name)
  local method = Response[name]
  if method then return method end
  local make = lazy[name]
  if not make then return nil end
  local value = make(self)
  rawset(self, name, value)
  return value
end

-- One line of the body's beginning, without what could upset a terminal, and without the secrets that were sent.
local function excerpt(response)
  local text = response.body:sub(1, EXCERPT * 2)
  for _, pair in ipairs(response.sent) do
    if native.is_secret(pair[2]) then
      local sent = native.reveal(pair[2])
      for _, part in ipairs { sent, sent:match("%s(%S+)$") } do
        if #part >= 4 then text = text:gsub(part:gsub("%p", "%%%0"), "[secret]") end
      end
    end
  end
  text = text:gsub("[%s%c]+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text > EXCERPT then text = text:sub(1, EXCERPT):gsub("[\192-\255][\128-\191]*$", "") .. "…" end
  return text
end

local REASONS <const> = {
  [400] = "bad request", [401] = "not authorised", [403] = "forbidden", [404] = "not found",
  [405] = "method not allowed", [408] = "request timeout", [409] = "conflict", [410] = "gone",
  [412] = "precondition failed", [413] = "too large", [422] = "unprocessable", [429] = "too many requests",
  [500] = "server error", [502] = "bad gateway", [503] = "unavailable", [504] = "gateway timeout",
}
local RETRYABLE <const> = { [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }

local function first(headers, ...)
  for _, name in ipairs { ... } do
    if headers[name] then return headers[name] end
  end
  return nil
end

---The response itself when its status is 2xx. Raises `http.status` otherwise.
---@return http.Response
function Response:check()
  local status = self.status
  if status >= 200 and status <= 299 then return self end
  local quote = excerpt(self)
  local e = errors.new {
    kind = "http.status",
    op = self.method,
    target = native.target(self.url),
    status = status,
    message = ("status %d%s%s"):format(status, REASONS[status] and " " .. REASONS[status] or "",
      quote ~= "" and ": " .. quote or ""),
    request_id = first(self.headers, "x-request-id", "x-amzn-requestid", "x-github-request-id"),
    retryable = RETRYABLE[status] or false,
  }
  e.method, e.url = self.method, e.target
  error(e, 0)
end

---The body as JSON. Raises `json.syntax`.
---@return any
function Response:json()
  local ok, value = pcall(require("fairlead.json").decode, self.body)
  if ok then return value end
  if type(value) ~= "table" or value.kind ~= "json.syntax" then error(value, 0) end
  local kind = self.headers["content-type"]
  errors.raise {
    kind = "json.syntax",
    op = self.method,
    target = native.target(self.url),
    status = self.status,
    message = ("the answer is not JSON (%s)"):format(kind and "it says " .. kind or "it does not say what it is"),
    cause = value,
  }
end

---Makes a response of what libcurl gave.
---@param method string
---@param url string
---@param sent (string|Secret)[][]
---@param status integer
---@param header string
---@param body string|nil
---@param version string|nil
---@return http.Response
function M.received(method, url, sent, status, header, body, version)
  return setmetatable({
    status = status,
    header = header,
    body = body or "",
    http_version = version,
    method = method,
    url = url,
    sent = sent,
    elapsed = 0,
  }, Meta)
end

---Makes a response of what another transport gave.
---@param order http.Request
---@param raw http.Raw
---@return http.Response
function M.new(order, raw)
  local response = M.received(order.method, order.url, order.headers, raw.status, "", raw.body, raw.http_version)
  response.header_list = raw.headers
  return response
end

return M
