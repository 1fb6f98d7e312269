--- Requests as the simulated services read them, and their answers.
local json = require "fairlead.json"

local M = {}

---@class fairlead.world.Request
---@field method string
---@field url string
---@field scheme string
---@field host string lower case, with the port when the URL has one
---@field path string as sent: percent-encoded
---@field raw_query string
---@field query table<string, string> decoded; of a repeated name the last
---@field query_list string[][] decoded {name, value} in the order sent
---@field headers string[][] {name, value} in the order sent
---@field header fun(name: string): string? the value of a header, in any case
---@field body string
---@field service string? the service to answer, where the host does not tell

---@class fairlead.world.Answer
---@field status integer
---@field headers string[][]
---@field body string

--- Percent-decoding; a broken escape stays as it is.
---@param text string
---@return string
function M.decode(text)
  return (text:gsub("%%(%x%x)", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

--- Percent-encoding of everything but unreserved characters.
---@param text string
---@return string
function M.encode(text)
  return (text:gsub("[^%w%-%._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

--- The pairs of a query or of a form body, in order, decoded.
---@param text string
---@return string[][]
function M.pairs(text)
  local list = {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=(.*)$")
    name, value = name or part, value or ""
    list[#list + 1] = { M.decode((name:gsub("+", " "))), M.decode((value:gsub("+", " "))) }
  end
  return list
end

local function as_map(list)
  local map = {}
  for _, pair in ipairs(list) do
    map[pair[1]] = pair[2]
  end
  return map
end

--- A form body as a table; of a repeated name the last.
---@param text string
---@return table<string, string>
function M.form(text)
  return as_map(M.pairs(text))
end

--- Makes a request of what a client sent.
---@param sent {method: string, url: string, headers: string[][]?, body: string?, service: string?} values are text
---@return fairlead.world.Request
function M.parse(sent)
  local scheme, host, rest = sent.url:match("^(%a[%w+.-]*)://([^/?#]*)([^#]*)")
  if not scheme then
    error(("bad argument #1 to 'message.parse' (url: absolute URL expected, got %q)"):format(sent.url), 2)
  end
  local path, raw_query = rest:match("^([^?]*)%??(.*)$")
  local headers, by_name = sent.headers or {}, {}
  for _, pair in ipairs(headers) do
    local name = pair[1]:lower()
    by_name[name] = by_name[name] and (by_name[name] .. ", " .. pair[2]) or pair[2]
  end
  local query_list = M.pairs(raw_query)
  return {
    method = sent.method,
    url = sent.url,
    scheme = scheme:lower(),
    host = host:lower(),
    path = path == "" and "/" or path,
    raw_query = raw_query,
    query = as_map(query_list),
    query_list = query_list,
    headers = headers,
    header = function(name)
      return by_name[name:lower()]
    end,
    body = sent.body or "",
    service = sent.service,
  }
end

--- An answer with a body of JSON.
---@param status integer
---@param value any
---@param headers string[][]?
---@return fairlead.world.Answer
function M.json(status, value, headers)
  return M.text(status, json.encode(value, { sort_keys = true }), headers, "application/json; charset=utf-8")
end

--- An answer with a body of text.
---@param status integer
---@param body string
---@param headers string[][]?
---@param content_type string? plain text when not given
---@return fairlead.world.Answer
function M.text(status, body, headers, content_type)
  local all = { { "content-type", content_type or "text/plain; charset=utf-8" } }
  for _, pair in ipairs(headers or {}) do
    all[#all + 1] = pair
  end
  return { status = status, headers = all, body = body }
end

return M
