--- AWS's operations as types: what a client's method takes and gives, where its service is known.
local operations = require "fairlead.aws.operations"

local M = {}

local KINDS <const> = { list = "table", map = "table", time = "number", blob = "string" }

-- A member of AWS's as annotations would have it. A time may be a text, too, and a blob a Secret.
local function slot_of(member, with_words)
  local of = { kind = "name", name = KINDS[member.kind] or member.kind }
  if member.words and with_words then
    of = { kind = "union", of = {} }
    for i, word in ipairs(member.words) do of.of[i] = { kind = "literal", value = word } end
  end
  return { name = member.name, type = of, optional = not member.required or nil, text = "" }
end

local function slots(members, with_words)
  local list = {}
  for i, member in ipairs(members) do list[i] = slot_of(member, with_words) end
  return list
end

---The type of a client: fairlead.aws.Client or fairlead.aws.S3, with the service that it is of.
---@param service string
---@return check.Known
function M.client(service)
  return { kind = "name", name = service == "s3" and "fairlead.aws.S3" or "fairlead.aws.Client", service = service }
end

---An operation as a function that takes its parameters.
---@param service string
---@param name string
---@param with_words? boolean with the words that AWS knows for a parameter now; it adds to them
---@return check.Known|nil nil: it is not known here
function M.operation(service, name, with_words)
  local operation = operations.find(service, name)
  if not operation then return nil end
  local parameters = { kind = "table", fields = slots(operation.parameters, with_words) }
  return {
    kind = "fun", method = true, full = service .. ":" .. name, operation = operation, documented = true,
    parameters = { { name = "parameters", type = parameters, text = "" } },
    returns = { { kind = "table", fields = slots(operation.results) } },
  }
end

---What is wrong with the name of an operation that is not known here.
---@param service string
---@param name string
---@return string|nil message nil: AWS may have added it
---@return string|nil hint
function M.mistake(service, name) return operations.mistake(service, name, {}) end

return M
