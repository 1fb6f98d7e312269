--- AWS Secrets Manager: reading.
---
--- Source of shapes and codes: botocore's model secretsmanager/2017-10-17.
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local stamp = require("fairlead.world.aws.call").stamp

local M = {
  signing_name = "secretsmanager",
  target = "secretsmanager",
  json = "1.1",
  operations = {},
}

function M.store()
  return { secrets = {} }
end

--- Makes the secrets of the fixture: name -> text.
---@param aws fairlead.world.AWS
---@param store table
---@param fixture {secrets: table<string, string>?} an environment's part
function M.create(aws, store, fixture)
  local draws = aws.w:stream "aws.secrets"
  for name, text in sorted(fixture.secrets) do
    local d = draws:text(32)
    store.secretsmanager.secrets[name] = {
      name = name,
      text = text,
      arn = ("arn:aws:secretsmanager:%s:%s:secret:%s-%s"):format(
        store.region,
        store.account,
        name,
        draws:text(6, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
      ),
      version = ("%s-%s-%s-%s-%s"):format(d:sub(1, 8), d:sub(9, 12), d:sub(13, 16), d:sub(17, 20), d:sub(21)),
      created_at = aws.w.now - 86400 * 30,
    }
  end
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  call:fail("InvalidParameterException", ("You must provide a value for the parameter %s."):format(member))
end

--- The secret of a name, of its ARN, or of its ARN without the six characters at its end.
local function find(call, id)
  for _, store in ipairs(call:stores()) do
    for name, secret in sorted(store.secretsmanager.secrets) do
      if id == name or id == secret.arn or id == secret.arn:sub(1, -8) then
        return secret
      end
    end
  end
  call:fail("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
end

M.operations.GetSecretValue = {
  input = { ["SecretId!"] = "string", VersionId = "string", VersionStage = "string" },
  run = function(call, input)
    local secret = find(call, input.SecretId)
    if input.VersionId and input.VersionId ~= secret.version then
      call:fail(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for VersionId: " .. input.VersionId
      )
    elseif input.VersionStage and input.VersionStage ~= "AWSCURRENT" then
      call:fail(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret value for staging label: " .. input.VersionStage
      )
    end
    return {
      ARN = secret.arn,
      Name = secret.name,
      VersionId = secret.version,
      SecretString = secret.text,
      VersionStages = json.array { "AWSCURRENT" },
      CreatedDate = stamp(secret.created_at),
    }
  end,
}

M.operations.DescribeSecret = {
  input = { ["SecretId!"] = "string" },
  run = function(call, input)
    local secret = find(call, input.SecretId)
    return {
      ARN = secret.arn,
      Name = secret.name,
      CreatedDate = stamp(secret.created_at),
      LastChangedDate = stamp(secret.created_at),
      VersionIdsToStages = { [secret.version] = json.array { "AWSCURRENT" } },
    }
  end,
}

return M
