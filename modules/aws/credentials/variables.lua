--- Credentials in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local found = require "fairlead.aws.credentials.found"

local ID <const>, KEY <const> = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"

---@type fairlead.aws.Provider
return {
  name = "environment",
  kind = "environment",
  load = function(session)
    if session.options.profile then
      return nil, ("left out, as the profile '%s' was asked for by name"):format(session.options.profile)
    end
    local id <const>, key <const> = environment.get(ID), environment.get(KEY)
    if not id and not key then
      return nil, ID .. " is not set"
    elseif not (id and key) then
      -- To go on would be to act as somebody else than was meant.
      errors.raise { kind = "config.invalid", op = "aws.session", target = "environment",
        message = ("%s is set and %s is not"):format(id and ID or KEY, id and KEY or ID),
        hint = "set both, or neither" }
    end
    return found.make({ access_key_id = id, secret_access_key = key,
      session_token = environment.get "AWS_SESSION_TOKEN", account_id = environment.get "AWS_ACCOUNT_ID",
    }, "environment")
  end,
}
