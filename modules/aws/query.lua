--- AWS's query protocol: a form in, XML out. Tables go in and come out as with the JSON protocols.
---
--- Source: "AWS Query protocol" in the Smithy specification; botocore `serialize.py` (QuerySerializer).
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local xml = require "fairlead.xml"

local M = {}

M.CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"

local function escape(text)
  return (text:gsub("[^%w%-._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

local ARRAY <const> = getmetatable(json.array())

local function is_list(value)
  return #value > 0 or getmetatable(value) == ARRAY
end

local function sorted_keys(value, path)
  local keys = {}
  for key in pairs(value) do
    if type(key) ~= "string" then
      error(("bad parameters (%s: a list has other keys too)"):format(path == "" and "the table" or path), 0)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

--- Adds a value's fields: lists as `name.member.1`, structures as `name.Field`.
local function flatten(value, path, fields)
  local kind <const> = type(value)
  if kind == "table" and is_list(value) then
    for i, item in ipairs(value) do
      flatten(item, ("%s.member.%d"):format(path, i), fields)
    end
    if #value == 0 then
      fields[#fields + 1] = escape(path) .. "="
    end
  elseif kind == "table" then
    for _, key in ipairs(sorted_keys(value, path)) do
      flatten(value[key], path == "" and key or path .. "." .. key, fields)
    end
  else
    if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      error(("bad parameters (%s: a text, number, boolean or table expected, got %s)"):format(path,
        value == json.null and "json.null" or kind), 0)
    end
    fields[#fields + 1] = escape(path) .. "=" .. escape(tostring(value))
  end
end

--- A request's body.
---@param operation string
---@param version string of the service's API
---@param parameters table as in the API reference
---@return string form
function M.encode(operation, version, parameters)
  local fields = { "Action=" .. escape(operation), "Version=" .. escape(version) }
  flatten(parameters, "", fields)
  return table.concat(fields, "&")
end

local function children_of(element)
  local children = {}
  for _, child in ipairs(element) do
    if type(child) == "table" then
      children[#children + 1] = child
    end
  end
  return children
end

local function text_of(element)
  local parts = {}
  for _, child in ipairs(element) do
    parts[#parts + 1] = type(child) == "string" and child or nil
  end
  return table.concat(parts)
end

local function all_named(children, name)
  for _, child in ipairs(children) do
    if child.name ~= name then
      return false
    end
  end
  return #children > 0
end

local function child_of(element, name)
  for _, child in ipairs(element) do
    if type(child) == "table" and child.name == name then
      return child
    end
  end
end

-- A text that is not what it should be stays as it is: better than nothing in its place.
local SCALARS <const> = {
  string = function(text) return text end,
  integer = function(text) return math.tointeger(tonumber(text)) or text end,
  number = function(text) return tonumber(text) or text end,
  boolean = function(text)
    if text == "true" or text == "false" then
      return text == "true"
    end
    return text
  end,
  time = function(text) return answer.time(text) or tonumber(text) or text end,
}

local convert

local function structure(children, name, types)
  local value = {}
  for _, child in ipairs(children) do
    value[child.name] = convert(child, child.name, types, types[name .. "." .. child.name] or types[child.name])
  end
  return value
end

--- An element's value. An item of a list is converted under the list's name.
function convert(element, name, types, kind)
  local children <const> = children_of(element)
  if all_named(children, "member") or kind == "list" then
    local list = json.array {}
    for i, child in ipairs(children) do
      list[i] = convert(child, name, types, nil)
    end
    return list
  elseif all_named(children, "entry") or kind == "map" then
    local map = {}
    for _, entry in ipairs(children) do
      local key <const>, value = child_of(entry, "key"), child_of(entry, "value")
      if key and value then
        map[text_of(key)] = convert(value, name, types, nil)
      end
    end
    return map
  elseif #children > 0 then
    return structure(children, name, types)
  end
  return SCALARS[kind or "string"](text_of(element))
end

--- An answer's output.
---@param response table an answer of `http.request`
---@param operation string
---@param types table<string, fairlead.aws.QueryType>
---@param about {kind: string, op: string, target: string} for the error when the body is something else
---@return table output
function M.decode(response, operation, types, about)
  local root <const>, err = try(xml.decode, response.body or "")
  if not root or root.name ~= operation .. "Response" then
    errors.raise {
      kind = about.kind, op = about.op, target = about.target, status = response.status, cause = err,
      message = ("answered %d with something that is no %sResponse (%s, %d bytes)"):format(response.status, operation,
        response.headers["content-type"] or "no content type", #(response.body or "")),
      hint = "does the address belong to this service, and is no proxy answering in its place?",
    }
  end
  local result <const> = child_of(root, operation .. "Result")
  return result and structure(children_of(result), "", types) or {}
end

--- What a refusal in XML says: `<ErrorResponse><Error>` of the query protocol, or a bare `<Error>` as S3 has it.
---@param body string
---@return {code: string?, message: string?, request_id: string?, region: string?}? nothing when it is no such XML
function M.refusal(body)
  local root <const> = try(xml.decode, body)
  if not root then
    return nil
  end
  local found <const> = root.name == "Error" and root or child_of(root, "Error")
  if not found then
    return nil
  end
  local function text(parent, name)
    local child <const> = child_of(parent, name)
    return child and text_of(child) or nil
  end
  return { code = text(found, "Code"), message = text(found, "Message"),
    region = text(found, "Region"),
    request_id = text(root, "RequestId") or text(root, "RequestID") or text(found, "RequestId") }
end

return M
