--- Checks that a request's input has the members and types that an operation wants, before the operation reads it.
---
--- A shape is a type's name ("string", "integer", "number", "boolean"), `{ "list", shape }`, `{ "map", shape }`, or a
--- table of members; a member whose name ends in "!" must be there. Members that no shape names are ignored, as the
--- services ignore them.
local json = require "fairlead.json"

local M = {}

--- What a value is called in the message of a SerializationException.
local function json_type(value)
  local kind = type(value)
  if kind == "string" then
    return "STRING_VALUE"
  elseif kind == "number" then
    return math.type(value) == "integer" and "NUMBER_VALUE" or "DECIMAL_VALUE"
  elseif kind == "boolean" then
    return value and "TRUE_VALUE" or "FALSE_VALUE"
  end
  return "Start of structure or map found where not expected"
end

local function wrong(value, wanted)
  local found = json_type(value)
  if type(value) == "table" then
    return { problem = "type", message = found .. "." }
  end
  return { problem = "type", message = ("%s cannot be converted to %s"):format(found, wanted) }
end

local SCALARS <const> = {
  string = { "String", type, "string" },
  integer = { "Integer", math.type, "integer" },
  number = { "Double", type, "number" },
  boolean = { "Boolean", type, "boolean" },
}

local check

--- A shape's members in order of name, so that of several faults always the same one is told.
local members_of = setmetatable({}, { __mode = "k" })

local function members(shape)
  local list = members_of[shape]
  if not list then
    list = {}
    for member, member_shape in pairs(shape) do
      local name, required = member:match "^([^!]+)(!?)$"
      list[#list + 1] = { name = name, required = required == "!", shape = member_shape }
    end
    table.sort(list, function(a, b)
      return a.name < b.name
    end)
    members_of[shape] = list
  end
  return list
end

local function check_members(value, shape, path)
  if #value > 0 then
    return { problem = "type", message = "Start of list found where not expected" }
  end
  for _, member in ipairs(members(shape)) do
    local name, held = member.name, value[member.name]
    if held == json.null then
      held, value[name] = nil, nil
    end
    local at = path == "" and name or path .. "." .. name
    if held == nil then
      if member.required then
        return { problem = "missing", member = at }
      end
    else
      local found = check(held, member.shape, at)
      if found then
        return found
      end
    end
  end
end

--- The first thing that is wrong with a value: nil, or `{problem="type", message=}` or `{problem="missing", member=}`.
---@param value any decoded JSON
---@param shape string|table
---@param path string where the value is, "" at the top
---@return {problem: string, message: string?, member: string?}?
function check(value, shape, path)
  if value == json.null then
    return wrong({}, "")
  end
  local scalar = SCALARS[shape]
  if scalar then
    return scalar[2](value) ~= scalar[3] and wrong(value, scalar[1]) or nil
  end
  if type(value) ~= "table" then
    return wrong(value, shape[1] == "list" and "List" or "Map")
  end
  if shape[1] == "list" then
    if #value == 0 and next(value) ~= nil then
      return { problem = "type", message = json_type(value) .. "." }
    end
    for i, item in ipairs(value) do
      local found = check(item, shape[2], ("%s.%d.member"):format(path, i))
      if found then
        return found
      end
    end
  elseif shape[1] == "map" then
    for key, item in pairs(value) do
      local found = check(item, shape[2], ("%s.%s.member"):format(path, key))
      if found then
        return found
      end
    end
  else
    return check_members(value, shape, path)
  end
end

M.check = check

return M
