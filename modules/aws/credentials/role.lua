--- A role that a profile names: `role_arn`, with the profile or the place whose credentials may assume it.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Assume role credential provider"; AWS STS API Reference, AssumeRole;
--- botocore `credentials.py`, AssumeRoleProvider (a source profile's own keys come before a role that it names).
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"

local found = require "fairlead.aws.credentials.found"

local M = { name = "profile's role" }

local LONGEST_CHAIN <const> = 10 -- profiles
local ASK <const> = 3 -- times for a code that is none

-- What credential_source calls a source, and which kind of provider that is.
local SOURCES <const> = { Environment = "environment", EcsContainer = "container", Ec2InstanceMetadata = "instance" }

local function refuse(target, message, hint)
  errors.raise { kind = "config.invalid", op = "aws.session", target = target, message = message, hint = hint }
end

--- The profiles that have led here, the first one first; one that comes again would go round for ever.
local function longer_chain(session, target, source)
  local chain <const> = table.move(session.options.chain or {}, 1, LONGEST_CHAIN, 1, {})
  chain[#chain + 1] = session.profile
  for _, name in ipairs(chain) do
    if name == source then
      refuse(target, ("its source_profile leads back to where it began: %s -> %s"):format(table.concat(chain, " -> "),
        source), "let the last of them have credentials of its own")
    end
  end
  if #chain >= LONGEST_CHAIN then
    refuse(target, ("comes at the end of %d profiles, each the source_profile of the one before"):format(#chain))
  end
  return chain
end

local function has_keys(settings)
  return settings.aws_access_key_id ~= nil or settings.aws_secret_access_key ~= nil
end

--- The session whose credentials assume the role that a profile names.
local function source_of(session, settings, target)
  local name <const>, place <const> = settings.source_profile, settings.credential_source
  if name and place then
    refuse(target, "has both source_profile and credential_source", "leave one of them out")
  elseif name == session.profile then
    return session:derive { profile = name, own = true, no_role = true }
  elseif name then
    local chain <const> = longer_chain(session, target, name)
    local source <const> = session:files().profiles[name]
    if not source then
      refuse(target, ("its source_profile '%s' is in neither %s nor %s"):format(name, session:files().config_path,
        session:files().credentials_path), "write the section of that profile, or name another")
    end
    return session:derive { profile = name, chain = chain, own = true, no_role = has_keys(source) }
  elseif SOURCES[place] then
    return session:derive { only = SOURCES[place] }
  end
  refuse(target, place and ("has an unknown credential_source: %s"):format(place)
    or "has role_arn, but neither source_profile nor credential_source",
    place and "Environment, EcsContainer and Ec2InstanceMetadata are those that there are"
    or "name the profile whose keys may assume the role: source_profile = NAME")
end

--- The code that a device shows, from whoever sits at the terminal.
local function code_of(session, serial, role_arn, target)
  local ask <const> = session.options.mfa_code
  if ask then
    return ask(serial)
  end
  local terminal <const> = require "fairlead.terminal"
  if not terminal.is_tty(0) then
    errors.raise { kind = "aws.no_credentials", op = "aws.session", target = target,
      message = ("a code of the device %s (mfa_serial) is wanted, and there is no terminal to ask at"):format(serial),
      hint = "start it from a terminal, or use credentials that need no code" }
  end
  terminal.discard()
  for _ = 1, ASK do
    io.stderr:write(("Code of %s, to take on %s: "):format(serial, role_arn))
    local line <const> = terminal.read_line()
    local code <const> = line and line:match "^%s*(%d%d%d%d%d%d)%s*$"
    if code then
      return code
    elseif not line then
      break
    end
    io.stderr:write("That is no code: six digits.\n")
  end
  errors.raise { kind = "aws.no_credentials", op = "aws.session", target = target,
    message = ("no code of the device %s was given"):format(serial), hint = "start again, with the device at hand" }
end

--- Assumes a role.
---@async
---@param source fairlead.aws.Session
---@param role {role_arn: string, role_session_name: string?, external_id: string?, duration_seconds: integer?,
--- serial_number: string?, token_code: string?}
---@return {access_key_id: string, secret_access_key: Secret, session_token: Secret, expires_at: number}
--- raises aws.api (.not_authorised when the role may not be assumed), aws.no_credentials, config.missing
function M.assume(source, role)
  local output <const> = source:client("sts"):AssumeRole({
    RoleArn = role.role_arn,
    RoleSessionName = role.role_session_name or ("fairlead-%d"):format(math.floor(clock.now())),
    ExternalId = role.external_id,
    DurationSeconds = role.duration_seconds,
    SerialNumber = role.serial_number,
    TokenCode = role.token_code,
  })
  return found.of_role(output, role.role_arn, { op = "sts.AssumeRole", target = role.role_arn })
end

--- The seconds that a profile wants its role's credentials to hold.
local function duration_of(settings, target)
  local text <const> = settings.duration_seconds
  local seconds <const> = text and math.tointeger(tonumber(text))
  if text and not (seconds and seconds >= 900 and seconds <= 43200) then
    refuse(target, ("duration_seconds = %s is no number of seconds from 900 to 43200"):format(text))
  end
  return seconds
end

--- The credentials of the role that a profile names.
---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials?
---@return string? why
function M.load(session)
  local settings <const> = session:settings()
  local arn <const> = settings.role_arn
  if not arn or session.options.no_role then
    return nil, ("profile '%s' names no role"):format(session.profile)
  elseif settings.web_identity_token_file then
    return nil, ("profile '%s' has its role by a web identity"):format(session.profile)
  end
  local target <const> = session:name(session:path_of "role_arn")
  local role <const> = { role_arn = arn, role_session_name = settings.role_session_name,
    external_id = settings.external_id, duration_seconds = duration_of(settings, target) }
  local source <const> = source_of(session, settings, target)
  if settings.mfa_serial then
    source:credentials() -- before a person is asked for a code that holds for half a minute
    role.serial_number = settings.mfa_serial
    role.token_code = code_of(session, settings.mfa_serial, arn, target)
  end
  return found.make(M.assume(source, role), "role " .. arn)
end

return M
