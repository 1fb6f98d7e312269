--- AWS STS: who a key belongs to. AWS query protocol (botocore's model sts/2011-06-15).
local xml = require "fairlead.world.aws.xml"

local M = {
  signing_name = "sts",
  query = true,
  json = "1.1",
  version = "2011-06-15",
  namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
  operations = {},
}

M.operations.GetCallerIdentity = {
  run = function(call)
    local account = call:account()
    local user = call.aws.fixture.user or "deployer"
    return {
      UserId = "AIDA" .. call.w:stream("aws.user_id"):text(17, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
      Account = account,
      Arn = ("arn:aws:iam::%s:user/%s"):format(account, user),
    }
  end,
}

--- Reads a form's parameters; this service's operations take none.
function M.read_query()
  return {}
end

--- The XML of an operation's output.
---@param _ string the operation
---@param output table
---@return string
function M.write_query(_, output)
  local out = {}
  for i, name in ipairs { "Arn", "UserId", "Account" } do
    out[i] = xml.element(name, output[name])
  end
  return table.concat(out)
end

return M
