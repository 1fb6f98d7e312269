--- The AWS query protocol from the service's side, for services whose lists are `member` elements: a form's parameters
--- as the table that the JSON protocols would bring, and a table as XML.
---
--- Source: "AWS Query protocol" in the Smithy specification.
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local xml = require "fairlead.world.aws.xml"

local M = {}

local ARRAY <const> = getmetatable(json.array())

--- A value of a form under its shape: see fairlead.world.aws.shape. What does not fit stays a text, and the shape's
--- check refuses it.
local function typed(text, shape)
  if shape == "integer" then
    return math.tointeger(tonumber(text)) or text
  elseif shape == "number" then
    return tonumber(text) or text
  elseif shape == "boolean" and (text == "true" or text == "false") then
    return text == "true"
  end
  return text
end

--- A member's shape, whether it is required or not.
local function member_of(shape, name)
  if type(shape) ~= "table" then
    return nil
  end
  return shape[name] or shape[name .. "!"]
end

--- Puts a value where `Targets.member.1.Id` says.
local function put(into, path, shape, text)
  local name, rest = path:match "^([^.]+)%.?(.*)$"
  local inner = member_of(shape, name)
  if rest == "" then
    -- `Names=` is an empty list.
    into[name] = text == "" and type(inner) == "table" and json.array {} or typed(text, inner)
    return
  end
  local number, after = rest:match "^member%.(%d+)%.?(.*)$"
  if not number then
    into[name] = type(into[name]) == "table" and into[name] or {}
    return put(into[name], rest, inner, text)
  end
  local list = type(into[name]) == "table" and into[name] or json.array {}
  into[name] = list
  local item = math.min(math.tointeger(tonumber(number)), #list + 1)
  local item_shape = type(inner) == "table" and inner[2] or nil
  if after == "" then
    list[item] = typed(text, item_shape)
  else
    list[item] = type(list[item]) == "table" and list[item] or {}
    put(list[item], after, item_shape, text)
  end
end

--- A function that reads the input of a service's operations.
---@param operations table<string, {input: table?}>
---@return fun(sent: string[][]): table
function M.reader(operations)
  return function(sent)
    local input, action = {}, nil
    for _, pair in ipairs(sent) do
      action = pair[1] == "Action" and pair[2] or action
    end
    local operation = operations[action] or {}
    for _, pair in ipairs(sent) do
      if pair[1] ~= "Action" and pair[1] ~= "Version" then
        put(input, pair[1], operation.input or {}, pair[2])
      end
    end
    return input
  end
end

local function write(value, out)
  if type(value) ~= "table" then
    out[#out + 1] = xml.escape(tostring(value))
  elseif #value > 0 or getmetatable(value) == ARRAY then
    for _, item in ipairs(value) do
      out[#out + 1] = "<member>"
      write(item, out)
      out[#out + 1] = "</member>"
    end
  else
    for name, item in sorted(value) do
      out[#out + 1] = ("<%s>"):format(name)
      write(item, out)
      out[#out + 1] = ("</%s>"):format(name)
    end
  end
end

--- The XML of an operation's output.
---@param _ string the operation
---@param output table
---@return string
function M.write(_, output)
  local out = {}
  write(output, out)
  return table.concat(out)
end

return M
