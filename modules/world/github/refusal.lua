--- How a route of the simulated GitHub says no: raised anywhere below a route, answered by the service.
local sorted = require "fairlead.sorted"

local M = {}

local Refusal = {}

--- Ends the request with an error answer.
---@param status integer
---@param text string GitHub's message
---@param errors table[]|string[]? the list that GitHub adds for fields
---@param headers string[][]? of the answer
function M.raise(status, text, errors, headers)
  error(setmetatable({ status = status, message = text, errors = errors, headers = headers }, Refusal), 0)
end

--- 404, as GitHub says it also for what the token may not see.
function M.not_found()
  M.raise(404, "Not Found")
end

--- 422 for what is well formed and cannot be.
---@param resource string "PullRequest", …
---@param field string?
---@param code "missing_field"|"invalid"|"custom"|"already_exists"
---@param text string?
function M.invalid(resource, field, code, text)
  M.raise(422, "Validation Failed", { { resource = resource, field = field, code = code, message = text } })
end

--- Whether something raised is a refusal.
---@param value any
---@return boolean
function M.is(value)
  return getmetatable(value) == Refusal
end

local TYPES <const> = { string = "a string", boolean = "a boolean", table = "an object", integer = "an integer" }

local function type_of(value)
  return math.type(value) == "integer" and "integer" or type(value)
end

--- Checks a body's fields as GitHub checks them against its API's description, before anything else.
--- Source of the texts: answers of api.github.com.
---@param body table
---@param fields table<string, string> name -> "string", "boolean", "integer" or "table"; with "!" when it must be there
---@param strict boolean? other fields are refused too
function M.check(body, fields, strict)
  local names = {}
  for name in pairs(fields) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local wanted, value = fields[name]:gsub("!", ""), body[name]
    local needed, null = fields[name]:sub(-1) == "!", type(value) == "userdata" -- JSON's null
    if value == nil then
      if needed then
        M.raise(422, ('Invalid request.\n\n"%s" wasn\'t supplied.'):format(name))
      end
    elseif type_of(value) ~= wanted and (needed or not null) then -- where nothing is needed, null is nothing
      local text = "Invalid request.\n\nFor 'properties/%s', %s is not %s."
      M.raise(422, text:format(name, null and "nil" or tostring(value), TYPES[wanted]))
    end
  end
  if strict then
    for name in sorted(body) do
      if not fields[name] then
        M.raise(422, ('Invalid request.\n\n"%s" is not a permitted key.'):format(name))
      end
    end
  end
end

return M
