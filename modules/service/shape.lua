--- The shape that an answer must have so that what is read from it is there: checked before it is read, so that the
--- answer of a proxy, or of a newer or a broken server, is told as such and not as an index into nothing.
---
---     local PULL <const> = { number = "integer", title = "text?", head = { sha = "text" }, labels = shape.maybe(
---       shape.list { name = "text" }) }
---     shape.problem(answer, PULL) --> "head.sha: a text expected, got nothing"
local address = require "fairlead.service.address"
local json = require "fairlead.json"

local M = {}

--- "text", "integer", "number", "boolean", "sha" (a git object's id), "url" (http or https); with a "?": or nothing.
---@alias fairlead.service.Kind string
---@alias fairlead.service.Shape fairlead.service.Kind|table<string, any> an object with at least these fields

local KINDS <const> = {
  text = { "a text", function(value) return type(value) == "string" end },
  integer = { "a whole number", function(value) return math.type(value) == "integer" end },
  number = { "a number", function(value) return type(value) == "number" end },
  boolean = { "true or false", function(value) return type(value) == "boolean" end },
  sha = { "an id of a git object", function(value) return type(value) == "string" and value:find "^%x+$" ~= nil end },
  url = { "an http address", function(value)
    return type(value) == "string" and address.origin(value) ~= nil and not value:find '[%c \\"<>^`{|}]'
  end },
}
for _, name in ipairs { "text", "integer", "number", "boolean", "sha", "url" } do
  local kind = KINDS[name]
  KINDS[name .. "?"] = { kind[1], function(value) return value == nil or kind[2](value) end }
end

local LIST <const>, MAYBE <const> = {}, {}

---A list whose items have a shape.
---@param of fairlead.service.Shape
---@return fairlead.service.Shape
function M.list(of) return { [LIST] = of } end

---A shape, or nothing.
---@param of fairlead.service.Shape
---@return fairlead.service.Shape
function M.maybe(of) return { [MAYBE] = of } end

local function name_of(value)
  if value == nil or value == json.null then return "nothing" end
  if type(value) ~= "table" then return "a " .. (type(value) == "string" and "text" or type(value)) end
  return #value > 0 and "a list" or "an object"
end

local function expected(path, what, value)
  return ("%s%s expected, got %s"):format(path ~= "" and path .. ": " or "", what, name_of(value))
end

local problem_at

local function problem_in_list(list, of, path)
  if type(list) ~= "table" or #list == 0 and next(list) ~= nil then return expected(path, "a list", list) end
  for i, item in ipairs(list) do
    local problem = problem_at(item, of, ("%s[%d]"):format(path, i))
    if problem then return problem end
  end
end

function problem_at(value, shape, path)
  if type(shape) == "string" then
    local kind = KINDS[shape]
    return not kind[2](value) and expected(path, kind[1], value) or nil
  elseif shape[MAYBE] then
    return value ~= nil and problem_at(value, shape[MAYBE], path) or nil
  elseif shape[LIST] then
    return problem_in_list(value, shape[LIST], path)
  elseif type(value) ~= "table" or #value > 0 then
    return expected(path, "an object", value)
  end
  local first -- by name, so that the same answer gives the same words
  for name, of in pairs(shape) do
    if (not first or name < first) and problem_at(value[name], of, name) then first = name end
  end
  return first and problem_at(value[first], shape[first], path ~= "" and path .. "." .. first or first)
end

---What is wrong with a value, by the first place that is; nil: nothing.
---@param value any
---@param shape fairlead.service.Shape
---@return string|nil problem
function M.problem(value, shape) return problem_at(value, shape, "") end

return M
