--- The services' operations, by their API names: what each takes, what it gives, and what was meant by a name that is
--- none of them. What is known of S3 is in s3/operations.lua; of the others, in a file for each service.
local nearest = require "fairlead.nearest"
local services = require "fairlead.aws.services"

local M = {}

---@class fairlead.aws.Member
---@field name string
---@field kind "string"|"integer"|"number"|"boolean"|"time"|"blob"|"list"|"map"|"table" a time is unix seconds, or text
---@field required? boolean
---@field words? string[] the only texts that it may be

---@class fairlead.aws.Operation
---@field service string
---@field name string
---@field parameters fairlead.aws.Member[] those that are required first
---@field results fairlead.aws.Member[]
---@field by_name table<string, fairlead.aws.Member> the parameters

-- Names that differ so little are one name and a slip: AWS would have to add an operation with nearly another's name.
local SLIP <const> = 2

local texts, known, listed = {}, {}, {}

local function text_of(service)
  local text = texts[service]
  if not text then
    text = "\n" .. require("fairlead.aws.operations." .. service)
    texts[service] = text
  end
  return text
end

-- A line of a service's text, and those that go on with it.
local function entry(service, first)
  local text = text_of(service)
  local _, last = text:find("\n" .. first, 1, true)
  if not last then return nil end
  local stop = text:find("\n%S", last) or #text
  return text:sub(last + 1, stop - 1)
end

local function members(text)
  local list = {}
  for name, kind, required in text:gmatch "([%w_.-]+):?(%l*)(!?)" do
    list[#list + 1] = { name = name, kind = kind ~= "" and kind or "string", required = required == "!" or nil }
  end
  return list
end

local function words_of(service, operation, parameter)
  local text = entry(service, ("%s.%s = "):format(operation, parameter)) or entry(service, parameter .. " = ")
  if not text then return nil end
  local words = {}
  for word in text:gmatch "%S+" do words[#words + 1] = word end
  return words
end

local KINDS_OF_S3 <const> = { path = "string", header = "string", query = "string", metadata = "map" }

local function from_s3(name)
  local s3 = require "fairlead.aws.s3.operations"
  local described = s3.list[name]
  if not described then return nil end
  local required, parameters, results = {}, {}, {}
  for _, parameter in ipairs(described.required) do required[parameter] = true end
  for parameter, place in pairs(described.places) do
    local about = s3.headers[parameter] or s3.query[parameter]
    local kind = KINDS_OF_S3[place] or described.element and "table" or "blob"
    if (place == "header" or place == "query") and about and about.kind ~= "date" then kind = about.kind end
    if about and about.kind == "date" then kind = "time" end
    parameters[#parameters + 1] = { name = parameter, kind = kind, required = required[parameter] }
  end
  for result in pairs(described.gives) do results[#results + 1] = { name = result, kind = "string" } end
  for result, kind in pairs(described.output or {}) do
    results[#results + 1] = { name = result, kind = type(kind) == "string" and kind or kind.list and "list" or "table" }
  end
  table.sort(parameters, function(a, b)
    if (a.required or false) ~= (b.required or false) then return a.required or false end
    return a.name < b.name
  end)
  table.sort(results, function(a, b) return a.name < b.name end)
  return parameters, results
end

local function from_text(service, name)
  local text = entry(service, name .. "\n") and "" or entry(service, name .. " ")
  if not text or text:find "^= " then return nil end -- a parameter's words
  local takes, gives = text:match "^(.-)%->(.*)$"
  local parameters = members(takes or text)
  for _, parameter in ipairs(parameters) do
    if parameter.kind == "string" then parameter.words = words_of(service, name, parameter.name) end
  end
  return parameters, members(gives or "")
end

---An operation of a service.
---@param service fairlead.aws.ServiceName
---@param name string as in the service's API: "DescribeServices"
---@return fairlead.aws.Operation|nil operation nil: it is not known here; AWS may have added it since
function M.find(service, name)
  local key = service .. "." .. name
  if known[key] ~= nil then return known[key] or nil end
  local parameters, results
  if services.list[service] and name:find "^%u%w*$" then
    if service == "s3" then
      parameters, results = from_s3(name)
    else
      parameters, results = from_text(service, name)
    end
  end
  if not parameters then
    known[key] = false
    return nil
  end
  local by_name = {}
  for _, parameter in ipairs(parameters) do by_name[parameter.name] = parameter end
  known[key] = { service = service, name = name, parameters = parameters, results = results, by_name = by_name }
  return known[key]
end

---The names of a service's operations, sorted.
---@param service fairlead.aws.ServiceName
---@return string[]
function M.names(service)
  local names = listed[service]
  if names then return names end
  names = {}
  if service == "s3" then
    for name in pairs(require "fairlead.aws.s3.operations".list) do names[#names + 1] = name end
  elseif services.list[service] then
    for name, after in text_of(service):gmatch "\n(%u%w*)([^\n]*)" do
      if not after:find "^[.%w]* = " then names[#names + 1] = name end
    end
  end
  table.sort(names)
  listed[service] = names
  return names
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do set[item.name or item] = true end
  return set
end

---The operation that was perhaps meant.
---@param service fairlead.aws.ServiceName
---@param name string
---@param most? integer letters by which they may differ
---@return string|nil
function M.near(service, name, most)
  local names = M.names(service)
  for _, candidate in ipairs(names) do
    if candidate:lower() == name:lower() then return candidate end
  end
  return nearest.name(name, set_of(names), most)
end

-- What is wrong with the parameters' names.
local function wrong_parameter(operation, parameters)
  for name in pairs(parameters) do
    if not operation.by_name[name] then
      if type(name) ~= "string" then
        return ("takes its parameters by name, got [%s]"):format(tostring(name))
      end
      local names = {}
      for i, parameter in ipairs(operation.parameters) do names[i] = parameter.name end
      local near = nearest.name(name, operation.by_name)
      return ("has no parameter '%s'"):format(name), near and ("did you mean '%s'?"):format(near)
        or #names == 0 and "it takes none" or "it takes " .. table.concat(names, ", ")
    end
  end
end

---What is wrong with a call, before anything is sent. AWS ignores parameters that it does not know, and so would do
---something else than was asked.
---@param service fairlead.aws.ServiceName
---@param name string the operation's
---@param parameters table
---@return string|nil mistake nil: nothing that is known here
---@return string|nil hint
function M.mistake(service, name, parameters)
  local operation = M.find(service, name)
  if operation then
    local problem, hint = wrong_parameter(operation, parameters)
    if not problem then return nil end
    return ("%s.%s %s"):format(service, name, problem), hint
  end
  -- Operations are added, and JSON can carry what is not known here; XML is only read by those who know the members.
  local description = services.list[service]
  if not description then return nil end -- a client of another service, made with a description of its own
  local near = M.near(service, name, description.json and SLIP or nil)
  if near or not description.json then
    return ("%s has no operation '%s'"):format(service, name), near and ("did you mean '%s'?"):format(near)
  end
end

return M
