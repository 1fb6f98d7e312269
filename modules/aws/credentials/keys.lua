--- Keys that stand in a profile: `aws_access_key_id` and `aws_secret_access_key`, in either of the shared files.
local errors = require "fairlead.errors"

local found = require "fairlead.aws.credentials.found"

local M = {}

--- How to get at the credentials of a profile that is signed in to in a way that only the AWS command line knows.
local function refuse_login(session, settings, path)
  if settings.login_session then
    errors.raise {
      kind = "config.invalid", op = "aws.session", target = session:name(path),
      message = "wants a console sign-in (login_session), which is not done here",
      hint = ("run `eval \"$(aws configure export-credentials --profile %s --format env)\"`, and leave AWS_PROFILE "
        .. "unset"):format(session.profile),
    }
  end
end

local function keys_of(session, settings, path)
  if not settings then
    return nil, ("%s has no profile '%s'"):format(path, session.profile)
  end
  local id <const>, key <const> = settings.aws_access_key_id, settings.aws_secret_access_key
  if not id and not key then
    refuse_login(session, settings, path)
    return nil, ("profile '%s' in %s has no keys"):format(session.profile, path)
  elseif type(id) ~= "string" or type(key) ~= "string" or id == "" or key == "" then
    errors.raise { kind = "config.invalid", op = "aws.session", target = session:name(path),
      message = "has only one of aws_access_key_id and aws_secret_access_key", hint = "write both, or neither" }
  end
  return found.make({ access_key_id = id, secret_access_key = key, session_token = settings.aws_session_token,
    account_id = settings.aws_account_id }, ("profile %s (%s)"):format(session.profile, path))
end

---@type fairlead.aws.Provider
M.shared = {
  name = "shared credentials file",
  load = function(session)
    local files <const> = session:files()
    return keys_of(session, files.credentials[session.profile], files.credentials_path)
  end,
}

---@type fairlead.aws.Provider
M.config = {
  name = "config file",
  load = function(session)
    local files <const> = session:files()
    return keys_of(session, files.config[session.profile], files.config_path)
  end,
}

return M
