--- Where credentials come from: an ordered list of providers. The first that has some gives them; one that finds
--- something wrong says so; when none has any, the error tells what each was asked and why it did not serve.
---
--- Order: AWS SDKs and Tools Reference Guide, "Standardized credential providers"; botocore `credentials.py` (a profile
--- given by name leaves the environment out).
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local assumed_role = require "fairlead.aws.assumed_role"
local credential_process = require "fairlead.aws.credential_process"

local M = {}

---@class fairlead.aws.Credentials
---@field access_key_id string
---@field secret_access_key Secret
---@field session_token Secret?
---@field expires_at number? unix seconds
---@field source string where they come from

---@class fairlead.aws.Provider
---@field name string
---@field load fun(session: fairlead.aws.Session): fairlead.aws.Credentials?, string? credentials, or why there are none

local function hide(text)
  return type(text) == "string" and secret(text) or text
end

---@param found {access_key_id: string, secret_access_key: string|Secret, session_token: (string|Secret)?,
--- expires_at: number?}
---@param source string
---@return fairlead.aws.Credentials
local function make(found, source)
  local token = found.session_token
  if token == "" then
    token = nil
  end
  return { access_key_id = found.access_key_id, secret_access_key = hide(found.secret_access_key),
    session_token = hide(token), expires_at = found.expires_at, source = source }
end

local function name_of(session, path)
  return ("profile '%s' in %s"):format(session.profile, path)
end

local function role_of_session(session)
  local role <const> = session.options.role_arn
  if not role then
    return nil, "no role asked for"
  end
  local rest = {}
  for name, value in pairs(session.options) do
    rest[name] = name ~= "role_arn" and value or nil
  end
  return make(assumed_role.assume(session:derive(rest), { role_arn = role }), "role " .. role)
end

local function static(session)
  local given <const> = session.options.credentials
  if not given then
    return nil, "none given"
  end
  return make(given, "given")
end

local function from_environment(session)
  if session.options.profile then
    return nil, ("left out, as the profile '%s' was asked for by name"):format(session.options.profile)
  end
  local id <const> = environment.get "AWS_ACCESS_KEY_ID"
  local key <const> = environment.get "AWS_SECRET_ACCESS_KEY"
  if id and not key then
    return nil, "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"
  elseif not id then
    return nil, "AWS_ACCESS_KEY_ID is not set"
  end
  return make({ access_key_id = id, secret_access_key = key, session_token = environment.get "AWS_SESSION_TOKEN" },
    "environment")
end

--- Ways of a profile to get credentials that are not static keys, and how to get them out with the AWS command line.
local function refuse_indirect(session, settings, path)
  local wanted
  if settings.sso_session or settings.sso_start_url then
    wanted = "a sign-in to IAM Identity Center"
  elseif settings.web_identity_token_file then
    wanted = "a web identity"
  elseif settings.login_session then
    wanted = "a console sign-in"
  end
  if wanted then
    errors.raise {
      kind = "config.invalid", op = "aws.session", target = name_of(session, path),
      message = "wants " .. wanted .. ", which is not done here",
      hint = ("run `eval \"$(aws configure export-credentials --profile %s --format env)\"`, and leave AWS_PROFILE "
        .. "unset"):format(session.profile),
    }
  end
end

local function from_file(session, settings, path)
  if not settings then
    return nil, ("%s has no profile '%s'"):format(path, session.profile)
  end
  refuse_indirect(session, settings, path)
  local id <const>, key <const> = settings.aws_access_key_id, settings.aws_secret_access_key
  if not id and not key then
    return nil, ("profile '%s' in %s has no keys"):format(session.profile, path)
  elseif not (id and key) then
    return nil, ("profile '%s' in %s has only one of aws_access_key_id and aws_secret_access_key"):format(
      session.profile, path)
  end
  return make({ access_key_id = id, secret_access_key = key, session_token = settings.aws_session_token },
    ("profile %s (%s)"):format(session.profile, path))
end

--- A setting of the profile in either file, and that file's path.
local function setting_of(session, name)
  local files <const> = session:files()
  for _, file in ipairs { "config", "credentials" } do
    local settings <const> = files[file][session.profile]
    if settings and settings[name] then
      return settings, files[file .. "_path"]
    end
  end
end

local function role_of_profile(session)
  local settings <const>, path = setting_of(session, "role_arn")
  if not settings or session.options.own_keys then
    return nil, ("profile '%s' names no role"):format(session.profile)
  elseif settings.web_identity_token_file then
    refuse_indirect(session, settings, path)
  end
  return make(assumed_role.of_profile(session, settings, name_of(session, path)), "role " .. settings.role_arn)
end

local function from_process(session)
  local settings <const>, path = setting_of(session, "credential_process")
  if not settings then
    return nil, ("profile '%s' names none"):format(session.profile)
  end
  local target <const> = name_of(session, path)
  return make(credential_process.run(settings.credential_process, target), "credential_process of " .. target)
end

local function from_shared_credentials(session)
  local files <const> = session:files()
  return from_file(session, files.credentials[session.profile], files.credentials_path)
end

local function from_config(session)
  local files <const> = session:files()
  return from_file(session, files.config[session.profile], files.config_path)
end

--- In the order in which they are asked. Others (web identity, SSO, containers, instances) take their place in this
--- list.
---@type fairlead.aws.Provider[]
M.providers = {
  { name = "session's role", load = role_of_session },
  { name = "session", load = static },
  { name = "environment", load = from_environment },
  { name = "profile's role", load = role_of_profile }, -- before its keys: as for the AWS command line
  { name = "shared credentials file", load = from_shared_credentials },
  { name = "credential_process", load = from_process },
  { name = "config file", load = from_config },
}

--- The credentials of a session.
---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials
--- raises aws.no_credentials, config.invalid; aws.api when a role may not be assumed
function M.find(session)
  local tried = {}
  for _, provider in ipairs(M.providers) do
    if session.options.environment_only and provider.load ~= from_environment then
      goto continue -- credential_source = Environment of a profile that names a role
    end
    local credentials, why = provider.load(session)
    if credentials then
      return credentials
    end
    tried[#tried + 1] = ("%s: %s"):format(provider.name, why)
    ::continue::
  end
  errors.raise {
    kind = "aws.no_credentials", op = "aws.session", target = ("profile '%s'"):format(session.profile),
    message = "no AWS credentials (" .. table.concat(tried, "; ") .. ")",
    hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has them",
  }
end

return M
