--- From the options of http.request to the request that a transport takes.
local encode = require "fairlead.http.encode"
local misuse = require "fairlead.http.misuse"
local native = require "fairlead.http.native"

local M = {}

--- Defaults, in seconds.
M.TIMEOUT, M.CONNECT_TIMEOUT = 30, 10
local DEFAULT_MAX_BODY <const> = 64 * 1024 * 1024

-- What each option may be: types, and how a message names them. `json` may be anything.
local function one_of(expected, ...)
  local kinds = { expected = expected }
  for _, kind in ipairs { ... } do kinds[kind] = true end
  return kinds
end

local TEXT = one_of("string or secret", "string", "userdata")
local NUMBER = one_of("number", "number")
local OPTIONS = {
  method = one_of("string", "string"),
  url = one_of("string", "string"),
  query = one_of("table or string", "table", "string"),
  headers = one_of("table", "table"),
  body = TEXT,
  json = one_of("value", "nil", "boolean", "number", "string", "table", "userdata"),
  form = one_of("table", "table"),
  timeout = NUMBER,
  connect_timeout = NUMBER,
  idle_timeout = NUMBER,
  retry = one_of("false, a number of attempts, or a table", "boolean", "number", "table"),
  follow = one_of("boolean or number", "boolean", "number"),
  sink = one_of("function", "function"),
  max_body = NUMBER,
  ca_file = one_of("string", "string"),
  proxy = one_of("string, secret or false", "string", "userdata", "boolean"),
}

local function check_options(call, options)
  for name, value in next, options do
    local kinds = OPTIONS[name]
    if not kinds then misuse.raise(call, "%s", misuse.unknown(name, OPTIONS)) end
    if not kinds[type(value)] then misuse.raise(call, "%s", misuse.type_error(name, kinds.expected, value)) end
    if kinds == NUMBER and (value <= 0 or value ~= value) then misuse.raise(call, "%s: must be more than 0", name) end
    if type(value) == "userdata" and name ~= "json" and not native.is_secret(value) then
      misuse.raise(call, "%s", misuse.type_error(name, kinds.expected, value))
    end
  end
end

-- ---- URL -------------------------------------------------------------------------------------------

-- Characters that have no business in a URL: they make two parsers read two different hosts out of it.
local FORBIDDEN <const> = "[%c \\\"<>^`{|}]"

local function check_url(call, url)
  if type(url) ~= "string" then misuse.raise(call, "%s", misuse.type_error("url", "string", url)) end
  local authority = url:match("^[hH][tT][tT][pP][sS]?://([^/?#]*)")
  if not authority or authority == "" then
    misuse.raise(call, "url: http://… or https://… expected, got '%s'", native.target(url))
  end
  if authority:find("@", 1, true) then
    misuse.raise(call, "url: a name or password in it would be seen; send it in a header, as a secret")
  end
  local bad = url:find(FORBIDDEN)
  if bad then misuse.raise(call, "url: byte %d of it has to be percent-encoded", bad) end
end

local function add_query(call, url, query)
  local text, is_secret = query, false
  if type(query) == "table" then
    text, is_secret = encode.pairs(query)
    if not text then misuse.raise(call, "query: %s", is_secret) end
  elseif query:find("[%c #]") then
    misuse.raise(call, "query: it has to be percent-encoded; or give a table")
  end
  if is_secret == true then misuse.raise(call, "query: a secret in a URL would be seen; send it in a header") end
  if text == "" then return url end
  return url .. (url:find("?", 1, true) and (url:find("[?&]$") and "" or "&") or "?") .. text
end

-- Most URLs: nothing in it to refuse, to encode or to cut off.
local CLEAN <const> = "^https?://[%w.-]+:?%d*[/?][%w%-._~!$&'()*+,;=:@/?%%]*$"

-- URLs that were found clean, a few: a poll asks for the same one over and over.
local known, known_count = {}, 0

local function remember(url)
  if known_count == 64 then known, known_count = {}, 0 end
  known[url], known_count = true, known_count + 1
end

local function build_url(call, url, query)
  if type(url) == "string" and (known[url] or url:find(CLEAN)) then
    if query then return add_query(call, url, query) end
    if not known[url] then remember(url) end
    return url
  end
  check_url(call, url)
  local fragment = url:find("#", 1, true)
  if fragment then url = url:sub(1, fragment - 1) end
  if query then url = add_query(call, url, query) end
  if url:find("[\128-\255]") then url = encode.url(url) end
  return url
end

-- ---- headers ----------------------------------------------------------------------------------------

local TOKEN <const> = "^[%w!#$%%&'*+%-.^_`|~]+$" -- RFC 9110, 5.6.2

local function check_value(call, name, value)
  local kind = type(value)
  if kind == "number" then
    return math.type(value) == "integer" and ("%d"):format(value) or tostring(value)
  end
  local text = value
  if kind ~= "string" then
    if not native.is_secret(value) then
      misuse.raise(call, "headers: %s", misuse.type_error(name, "string, secret or number", value))
    end
    text = native.reveal(value)
  end
  if text:find("[\r\n%z]") then misuse.raise(call, "headers: %s holds a line break or a zero byte", name) end
  return value
end

local function add_header(call, list, seen, name, value)
  if type(name) ~= "string" then
    misuse.raise(call, "%s", misuse.type_error("a header's name", "string", name))
  end
  if not name:find(TOKEN) then misuse.raise(call, "headers: '%s' is not a header's name", (name:gsub("%c", "?"))) end
  local lower = name:lower()
  if lower == "transfer-encoding" then misuse.raise(call, "headers: %s is up to the transport", name) end
  seen[lower] = true
  if type(value) == "table" then
    for _, one in ipairs(value) do list[#list + 1] = { name, check_value(call, name, one) } end
  else
    list[#list + 1] = { name, check_value(call, name, value) }
  end
end

-- In the order of a list; of a map, sorted by name, so that the same call sends the same bytes.
local function build_headers(call, headers)
  local list, seen = {}, {}
  if type(headers[1]) == "table" then
    for _, pair in ipairs(headers) do add_header(call, list, seen, pair[1], pair[2]) end
    return list, seen
  end
  local names = {}
  for name in next, headers do
    if type(name) ~= "string" then
      misuse.raise(call, "headers: a map of names to values, or a list of {name, value}, expected")
    end
    names[#names + 1] = name
  end
  if names[2] then table.sort(names) end
  for i = 1, #names do add_header(call, list, seen, names[i], headers[names[i]]) end
  return list, seen
end

-- A Content-Length that was signed along is the transport's to send: it only has to be true.
local function drop_length(call, list, body)
  for i = #list, 1, -1 do
    if list[i][1]:lower() == "content-length" then
      local length = body and #native.reveal(body) or 0
      if tonumber(native.reveal(list[i][2])) ~= length then
        misuse.raise(call, "headers: Content-Length is not the body's, %d", length)
      end
      table.remove(list, i)
    end
  end
end

-- ---- body -------------------------------------------------------------------------------------------

local function build_body(call, options)
  local body, json, form = options.body, options.json, options.form
  if body ~= nil then
    if json ~= nil or form then misuse.raise(call, "only one of body, json and form can be given") end
    return body, nil
  elseif json ~= nil then
    if form then misuse.raise(call, "only one of body, json and form can be given") end
    return require("fairlead.json").encode(json), "application/json"
  elseif form then
    local text, is_secret = encode.pairs(form)
    if not text then misuse.raise(call, "form: %s", is_secret) end
    return is_secret and secret(text) or text, "application/x-www-form-urlencoded"
  end
  return nil, nil
end

---@class http.Request what a transport gets; not to be changed
---@field method string
---@field url string final, encoded, without a fragment
---@field headers (string|Secret)[][] {name, value}
---@field body string|Secret|nil
---@field timeout number seconds that this exchange may take
---@field connect_timeout number seconds, of these, until there is a connection
---@field idle_timeout number? seconds, of these, in which nothing moves
---@field max_body integer? bytes after decompression; nil: no limit
---@field sink (async fun(chunk: string))? takes the body of a 2xx answer
---@field ca_file string?
---@field proxy string|Secret|false|nil

-- The headers of a request that asks for none and has no body: made once, and never changed.
local PLAIN <const> = { { "User-Agent", native.user_agent } }

local function complete_headers(call, options, body, content_type)
  local headers = options.headers
  if not headers and not content_type then return PLAIN end
  local list, seen = build_headers(call, headers or {})
  if content_type and not seen["content-type"] then list[#list + 1] = { "Content-Type", content_type } end
  if not seen["user-agent"] then list[#list + 1] = PLAIN[1] end
  if seen["content-length"] then drop_length(call, list, body) end
  return list
end

---Checks the options, and makes of them what differs from request to request.
---@param call { name: string, argument: integer } for messages
---@param options http.Options
---@param method string?
---@param url string?
---@return string method
---@return string url
---@return (string|Secret)[][] headers
---@return string|Secret|nil body
---@return integer|nil max_body
function M.read(call, options, method, url)
  if next(options) ~= nil then check_options(call, options) end
  if not method then
    method = options.method or "GET"
    if not method:find("^%a+$") then misuse.raise(call, "method: '%s' is none", (method:gsub("%c", "?"))) end
    method = method:upper()
  end
  if options.proxy == true then misuse.raise(call, "proxy: string, secret or false expected, got true") end
  local max_body = options.max_body
  if max_body then max_body = max_body // 1 | 0 elseif not options.sink then max_body = DEFAULT_MAX_BODY end
  local body, content_type = build_body(call, options)
  local headers = complete_headers(call, options, body, content_type)
  return method, build_url(call, url or options.url, options.query), headers, body, max_body
end

---The same as a request for a transport.
---@param options http.Options
---@param method string
---@param url string
---@param headers (string|Secret)[][]
---@param body string|Secret|nil
---@param max_body integer|nil
---@return http.Request
function M.order(options, method, url, headers, body, max_body)
  return {
    method = method,
    url = url,
    headers = headers,
    body = body,
    timeout = options.timeout or M.TIMEOUT,
    connect_timeout = options.connect_timeout or M.CONNECT_TIMEOUT,
    idle_timeout = options.idle_timeout,
    max_body = max_body,
    sink = options.sink,
    ca_file = options.ca_file,
    proxy = options.proxy,
  }
end

return M
