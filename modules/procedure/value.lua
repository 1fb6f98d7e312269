--- Plain values: what a journal can hold and give back unchanged.
---
--- Results of steps, facts and evidence are data, not objects: nil, booleans, numbers, text in UTF-8, and tables that
--- are either lists or maps with text keys. Whatever else a script hands over is refused at once, by its path, because
--- a run that is taken up tomorrow cannot get a function or a connection back from a file.
local json = require "fairlead.json"

local M = {}

local ARRAY <const> = getmetatable(json.array())

local function child(path, key)
  if math.type(key) == "integer" then return ("%s[%d]"):format(path, key) end
  local text = tostring(key)
  if text:find "^[%a_][%w_]*$" then return path .. "." .. text end
  return ("%s[%q]"):format(path, text)
end

---@param value table
---@return boolean list, any bad_key  a list; or the first key that fits neither a list nor a map
local function shape(value)
  local size = #value
  local list = size > 0
  local count = 0
  for key in next, value do
    count = count + 1
    if math.type(key) ~= "integer" or key < 1 or key > size then list = false end
  end
  if list and count == size then return true end
  for key in next, value do
    if type(key) ~= "string" then return false, key end
  end
  return false
end

local check

local function check_table(value, path, seen)
  if seen[value] then return path .. " refers back to itself" end
  local meta = getmetatable(value)
  -- Lists marked by json.array and json.decode carry a metatable of their own; any other is an object's.
  if meta ~= nil and meta ~= ARRAY then
    local name = type(meta) == "table" and rawget(meta, "__name")
    return ("%s is an object%s"):format(path, name and " (" .. tostring(name) .. ")" or "")
  end
  local list, bad = shape(value)
  if bad ~= nil and not list then
    return ("%s has the key %s: a table is either a list or has text keys only"):format(path, tostring(bad))
  end
  seen[value] = true
  for key, item in next, value do
    local wrong = check(item, child(path, key), seen)
    if wrong then return wrong end
    if type(key) == "string" and not utf8.len(key) then return path .. " has a key that is not UTF-8" end
  end
  seen[value] = nil
end

function check(value, path, seen)
  local kind = type(value)
  if value == nil or value == json.null or kind == "boolean" or math.type(value) == "integer" then return nil end
  if kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      return ("%s is %s, which JSON has no word for"):format(path, tostring(value))
    end
  elseif kind == "string" then
    if not utf8.len(value) then return path .. " is text that is not UTF-8" end
  elseif kind == "table" then
    return check_table(value, path, seen)
  else
    return ("%s is a %s"):format(path, kind)
  end
end

---Says what in `value` JSON cannot hold.
---@param value any
---@param name string what to call the value, as in "result"
---@return string|nil problem "result.reply.close is a function"; nil when all of it is plain
function M.problem(value, name)
  return check(value, name, {})
end

local LARGEST <const> = 1 << 20 -- bytes of JSON in one entry

---Says why `value` cannot be recorded: it is not plain, or too much.
---@param value any
---@param name string what to call the value, as in "result"
---@return string|nil problem
function M.unfit(value, name)
  local problem = M.problem(value, name)
  if problem or value == nil then return problem end
  local size = #json.encode(value)
  if size > LARGEST then return ("%s is %d bytes of JSON, above the limit of %d"):format(name, size, LARGEST) end
end

---A deep copy of a plain value.
---@generic T
---@param value T
---@return T
function M.copy(value)
  if type(value) ~= "table" or value == json.null then return value end
  local copy = {}
  for key, item in next, value do copy[key] = M.copy(item) end
  return setmetatable(copy, getmetatable(value))
end

---The same text for equal values, whatever order their keys were set in.
---@param value any plain
---@return string
function M.canonical(value)
  if value == nil then return "null" end
  return json.encode(value, { sort_keys = true })
end

local function sorted_keys(a, b)
  local keys, known = {}, {}
  for _, source in ipairs { a, b } do
    for key in next, source do
      if not known[key] then
        known[key] = true
        keys[#keys + 1] = key
      end
    end
  end
  table.sort(keys, function(x, y)
    if type(x) == type(y) then return x < y end
    return type(x) == "number"
  end)
  return keys
end

local function brief(value)
  if value == nil then return "nothing" end
  local text = type(value) == "string" and value or M.canonical(value)
  if utf8.len(text) and utf8.len(text) > 60 then text = text:sub(1, utf8.offset(text, 58) - 1) .. "…" end
  return text
end
M.brief = brief

---What differs between two plain values, one line for each difference: "head: was 1a2b, is now 3c4d".
---@param before any
---@param after any
---@param name? string where the values are found
---@param lines? string[]
---@return string[]
function M.changes(before, after, name, lines)
  lines = lines or {}
  if type(before) == "table" and type(after) == "table" and before ~= json.null and after ~= json.null then
    for _, key in ipairs(sorted_keys(before, after)) do
      local path = name and child(name, key) or (math.type(key) and child("", key) or tostring(key))
      M.changes(before[key], after[key], path, lines)
    end
  elseif M.canonical(before) ~= M.canonical(after) then
    lines[#lines + 1] = ("%s: was %s, is now %s"):format(name or "evidence", brief(before), brief(after))
  end
  return lines
end

---One line of text for a plain table of facts: "environment staging, sha 1a2b3c4".
---@param facts any text, or a table; its `text` comes first
---@return string
function M.describe(facts)
  if facts == nil then return "" end
  if type(facts) ~= "table" then return tostring(facts) end
  local parts = {}
  if facts.text then parts[1] = tostring(facts.text) end
  for _, key in ipairs(sorted_keys(facts, {})) do
    local item = facts[key]
    if key ~= "text" then
      parts[#parts + 1] = type(key) == "number" and brief(item) or ("%s %s"):format(key, brief(item))
    end
  end
  return table.concat(parts, ", ")
end

return M
