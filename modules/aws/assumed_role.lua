--- Credentials of a role that the session's own credentials may assume: `role_arn`, of the session or of its profile.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Assume role credential provider"; AWS STS API Reference, AssumeRole.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"

local M = {}

local LONGEST_CHAIN <const> = 5

local function refuse(target, message, hint)
  errors.raise { kind = "config.invalid", op = "aws.session", target = target, message = message, hint = hint }
end

--- The session whose credentials assume the role that a profile names.
local function source_of(session, settings, target)
  local source <const> = settings.source_profile
  if settings.mfa_serial then
    refuse(target, "wants a code of a device (mfa_serial), which is not asked for here",
      "use credential_process with a tool that asks for it")
  elseif source == session.profile then
    return session:derive { profile = source, own_keys = true }
  elseif source then
    local chain = { [session.profile] = true }
    local length = 1
    for name in pairs(session.options.chain or {}) do
      chain[name], length = true, length + 1
    end
    if chain[source] or length > LONGEST_CHAIN then
      refuse(target, "source_profile: the profiles name one another, or too many", nil)
    end
    return session:derive { profile = source, chain = chain }
  elseif settings.credential_source == "Environment" then
    return session:derive { environment_only = true }
  end
  refuse(target, settings.credential_source
    and ("credential_source = %s, which is not done here"):format(settings.credential_source)
    or "has role_arn, but neither source_profile nor credential_source",
    "name the profile whose keys may assume the role: source_profile = NAME")
end

--- Assumes a role.
---@async
---@param source fairlead.aws.Session
---@param role {role_arn: string, role_session_name: string?, external_id: string?, duration_seconds: integer?}
---@return {access_key_id: string, secret_access_key: Secret, session_token: Secret, expires_at: number}
--- raises aws.api (.not_authorised when the role may not be assumed), aws.no_credentials, config.missing
function M.assume(source, role)
  local found <const> = source:client("sts"):AssumeRole({
    RoleArn = role.role_arn,
    RoleSessionName = role.role_session_name or ("fairlead-%d"):format(math.floor(clock.now())),
    ExternalId = role.external_id,
    DurationSeconds = role.duration_seconds,
  }).Credentials
  return { access_key_id = found.AccessKeyId, secret_access_key = found.SecretAccessKey,
    session_token = found.SessionToken, expires_at = found.Expiration }
end

--- The credentials of the role that a profile names.
---@async
---@param session fairlead.aws.Session
---@param settings table<string, string> the profile's
---@param target string names the profile in errors
---@return {access_key_id: string, secret_access_key: Secret, session_token: Secret, expires_at: number}
function M.of_profile(session, settings, target)
  local seconds <const> = settings.duration_seconds and math.tointeger(tonumber(settings.duration_seconds))
  if settings.duration_seconds and not (seconds and seconds >= 900 and seconds <= 43200) then
    refuse(target, ("duration_seconds = %s is no number of seconds from 900 to 43200"):format(
      settings.duration_seconds))
  end
  return M.assume(source_of(session, settings, target), {
    role_arn = settings.role_arn, role_session_name = settings.role_session_name, external_id = settings.external_id,
    duration_seconds = seconds,
  })
end

return M
