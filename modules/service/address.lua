--- Addresses of a service: base URLs from options and variables, path segments, queries, origins.
local errors = require "fairlead.errors"

local M = {}

--- Text as one segment of a path: a branch `feature/x` becomes `feature%2Fx` (RFC 3986, unreserved characters stay).
---@param text string|integer
---@return string
function M.segment(text)
  return (tostring(text):gsub("[^%w%-%._~]", function(character)
    return ("%%%02X"):format(character:byte())
  end))
end

--- `scheme://host:port` of an address, in lower case, with the port always there; nil when it has none.
---@param url string
---@return string?
function M.origin(url)
  local scheme, authority = url:lower():match "^(https?)://([^/?#]+)"
  if not scheme or authority:find("@", 1, true) then
    return nil
  end
  if not authority:find ":%d+$" then
    authority = authority .. (scheme == "https" and ":443" or ":80")
  end
  return scheme .. "://" .. authority
end

--- A base address as given by an option or a variable, without the slash at its end.
---@param url string
---@param source string where it comes from: an option's or a variable's name
---@return string
function M.base(url, source)
  if type(url) ~= "string" or not M.origin(url) or url:find '[?#%s%c\\"<>^`{|}]' then
    errors.raise {
      kind = "config.invalid", op = source,
      target = (tostring(url):gsub("//[^/]*@", "//…@")), -- a password is nobody's business
      message = "is not a base address",
      hint = "write it as https://host or https://host/path, without a query or a user name",
    }
  end
  return (url:gsub("/+$", ""))
end

--- A table as a query, names sorted so that equal queries give equal addresses; "" for an empty one. A list is
--- repeated, booleans are written as true and false.
---@param query table<string, string|number|boolean|(string|number)[]>?
---@return string "" or "?name=value&…"
function M.query(query)
  local names = {}
  for name in pairs(query or {}) do
    names[#names + 1] = name
  end
  table.sort(names)
  local parts = {}
  for _, name in ipairs(names) do
    local value = query[name]
    for _, item in ipairs(type(value) == "table" and value or { value }) do
      parts[#parts + 1] = M.segment(name) .. "=" .. M.segment(item)
    end
  end
  return #parts > 0 and "?" .. table.concat(parts, "&") or ""
end

return M
