--- Percent-encoding of queries and forms.
local native = require "fairlead.http.native"

local M = {}

local escapes = {}
for byte = 0, 255 do escapes[string.char(byte)] = ("%%%02X"):format(byte) end

---Everything but letters, digits and -._~ as %XX (RFC 3986's unreserved characters).
---@param text string
---@return string
function M.percent(text)
  if not text:find("[^%w%-._~]") then return text end
  return (text:gsub("[^%w%-._~]", escapes))
end

---Bytes that a URL may not hold as they are, and that nobody means otherwise: raw UTF-8.
---@param url string
---@return string
function M.url(url) return (url:gsub("[\128-\255]", escapes)) end

-- A value as text; nil and a reason when it has none.
local function text_of(value)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" then
    if math.type(value) == "integer" then return ("%d"):format(value) end
    if value == math.tointeger(value) then return ("%d"):format(value) end
    return ("%.14g"):format(value)
  end
  if kind == "boolean" then return tostring(value) end
  if native.is_secret(value) then return native.reveal(value), nil, true end
  return nil, ("string, number or boolean expected, got %s"):format(kind)
end

local function add(parts, name, value)
  local key = text_of(name)
  if not key then return nil, "names are strings" end
  local text, problem, is_secret = text_of(value)
  if not text then return nil, ("%s: %s"):format(key, problem) end
  parts.secret = parts.secret or is_secret
  parts[#parts + 1] = M.percent(key) .. "=" .. M.percent(text)
  return true
end

local function add_all(parts, name, value)
  if type(value) ~= "table" then return add(parts, name, value) end
  for _, one in ipairs(value) do
    local ok, problem = add(parts, name, one)
    if not ok then return nil, problem end
  end
  return true
end

---"a=1&b=2": of a table, sorted by name (a list as a value repeats the name); or of a list of {name, value}, as it is.
---@param values table
---@return string|nil text
---@return string|boolean|nil problem why there is no text; else whether a Secret went into it
function M.pairs(values)
  local parts = {}
  if type(values[1]) == "table" then
    for _, pair in ipairs(values) do
      local ok, problem = add_all(parts, pair[1], pair[2])
      if not ok then return nil, problem end
    end
  else
    local names = {}
    for name in pairs(values) do
      if type(name) ~= "string" then return nil, ("names are strings, got a %s"):format(type(name)) end
      names[#names + 1] = name
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local ok, problem = add_all(parts, name, values[name])
      if not ok then return nil, problem end
    end
  end
  return table.concat(parts, "&"), parts.secret
end

return M
