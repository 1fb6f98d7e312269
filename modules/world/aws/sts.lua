--- AWS STS: who a key belongs to, and roles for those who may assume them: here everybody may, in the accounts that the
--- fixture names. AWS query protocol (botocore's model sts/2011-06-15).
local query = require "fairlead.world.aws.query"
local sign_ins = require "fairlead.world.aws.sign_ins"

local M = {
  signing_name = "sts",
  query = true,
  json = "1.1",
  version = "2011-06-15",
  namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
  operations = {},
}

local HOUR <const> = 3600

M.operations.GetCallerIdentity = {
  run = function(call)
    local arn = call:caller()
    return {
      UserId = call.credentials.role_id
        or "AIDA" .. call.w:stream("aws.user_id"):text(17, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
      Account = arn:match "^arn:aws:%a+::(%d+):",
      Arn = arn,
    }
  end,
}

M.operations.AssumeRole = {
  input = {
    ["RoleArn!"] = "string",
    ["RoleSessionName!"] = "string",
    DurationSeconds = "integer",
    ExternalId = "string",
    Policy = "string",
  },
  run = function(call, input)
    local account, path = input.RoleArn:match "^arn:aws:iam::(%d+):role/(.+)$"
    local seconds = input.DurationSeconds or HOUR
    if not account or not input.RoleSessionName:find "^[%w+=,.@_-]+$" or #input.RoleSessionName > 64 then
      call:fail("ValidationError", ("%s is invalid"):format(account and input.RoleSessionName or input.RoleArn))
    elseif seconds < 900 or seconds > 12 * HOUR then
      call:fail("ValidationError", "The requested DurationSeconds is outside of 900 to 43200 seconds.")
    end
    local known = account == call:account()
    for _, environment in pairs(call.aws.environments) do
      known = known or environment.account == account
    end
    if not known then
      call:fail("AccessDenied", ("User: %s is not authorized to perform: sts:AssumeRole on resource: %s"):format(
        call:caller(), input.RoleArn), { status = 403 })
    end
    local credentials = sign_ins.assume(call.aws, {
      account = account, name = path:match "[^/]+$", session = input.RoleSessionName, seconds = seconds,
    })
    return {
      Credentials = {
        AccessKeyId = credentials.access_key_id,
        SecretAccessKey = credentials.secret_access_key,
        SessionToken = credentials.session_token,
        Expiration = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(credentials.expires_at)),
      },
      AssumedRoleUser = { AssumedRoleId = credentials.role_id, Arn = credentials.arn },
    }
  end,
}

M.read_query = query.reader(M.operations)
M.write_query = query.write

return M
