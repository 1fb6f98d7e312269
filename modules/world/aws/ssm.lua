--- AWS Systems Manager Parameter Store.
---
--- Source of shapes and codes: botocore's model ssm/2014-11-06.
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local stamp = require("fairlead.world.aws.call").stamp

local M = {
  signing_name = "ssm",
  target = "AmazonSSM",
  json = "1.1",
  operations = {},
}

function M.store()
  return { parameters = {} }
end

--- Makes the parameters of the fixture: name -> text, or -> {value=, type="SecureString"}.
---@param aws fairlead.world.AWS
---@param store table
---@param fixture {parameters: table<string, string|table>?} an environment's part
function M.create(aws, store, fixture)
  for name, held in sorted(fixture.parameters) do
    local parameter = type(held) == "table" and held or { value = held }
    store.ssm.parameters[name] = {
      name = name,
      store = store,
      value = parameter.value,
      type = parameter.type or "String",
      version = parameter.version or 1,
      changed_at = aws.w.now - 86400,
    }
  end
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local text = "1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null"
  call:fail("ValidationException", text:format(member:gsub("^%u", string.lower)))
end

local function find(call, name)
  local plain = name:match "^arn:aws:ssm:[%w-]+:%d+:parameter(/.+)$" or name
  local version = tonumber(plain:match ":(%d+)$")
  plain = plain:gsub(":[^:]*$", "")
  for _, store in ipairs(call:stores()) do
    local parameter = store.ssm.parameters[plain]
    if parameter and (not version or version == parameter.version) then
      return parameter
    end
  end
end

local function view(parameter, decrypt)
  local value = parameter.value
  if parameter.type == "SecureString" and not decrypt then
    value = digest.base64("encrypted " .. digest.sha256(value))
  end
  return {
    Name = parameter.name,
    Type = parameter.type,
    Value = value,
    Version = parameter.version,
    LastModifiedDate = stamp(parameter.changed_at),
    ARN = ("arn:aws:ssm:%s:%s:parameter%s%s"):format(
      parameter.store.region,
      parameter.store.account,
      parameter.name:sub(1, 1) == "/" and "" or "/",
      parameter.name
    ),
    DataType = "text",
  }
end

M.operations.GetParameter = {
  input = { ["Name!"] = "string", WithDecryption = "boolean" },
  run = function(call, input)
    local parameter = find(call, input.Name)
    if not parameter then
      call:fail("ParameterNotFound")
    end
    return { Parameter = view(parameter, input.WithDecryption) }
  end,
}

M.operations.GetParameters = {
  input = { ["Names!"] = { "list", "string" }, WithDecryption = "boolean" },
  run = function(call, input)
    if #input.Names < 1 or #input.Names > 10 then
      call:fail("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint: "
        .. "Member must have length less than or equal to 10")
    end
    local found, unknown = {}, {}
    for _, name in ipairs(input.Names) do
      local parameter = find(call, name)
      if parameter then
        found[#found + 1] = view(parameter, input.WithDecryption)
      else
        unknown[#unknown + 1] = name
      end
    end
    return { Parameters = json.array(found), InvalidParameters = json.array(unknown) }
  end,
}

M.operations.GetParametersByPath = {
  input = {
    ["Path!"] = "string",
    Recursive = "boolean",
    WithDecryption = "boolean",
    MaxResults = "integer",
    NextToken = "string",
  },
  run = function(call, input)
    local path = input.Path
    if path:sub(1, 1) ~= "/" then
      call:fail("ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter name "
        .. "must begin with a forward slash \"/\".")
    end
    path = path:sub(-1) == "/" and path or path .. "/"
    local limit = input.MaxResults or 10
    if limit < 1 or limit > 10 then
      call:fail("ValidationException", ("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy "
        .. "constraint: Member must have value less than or equal to 10"):format(limit))
    end
    local found = {}
    for _, store in ipairs(call:stores()) do
      for name, parameter in sorted(store.ssm.parameters) do
        local rest = name:sub(1, #path) == path and name:sub(#path + 1)
        if rest and (input.Recursive or not rest:find("/", 1, true)) then
          found[#found + 1] = view(parameter, input.WithDecryption)
        end
      end
    end
    local part, next_token = call:page(found, input.NextToken, limit, function()
      call:fail("InvalidNextToken", "The specified token is not valid.")
    end)
    return { Parameters = json.array(part), NextToken = next_token }
  end,
}

return M
