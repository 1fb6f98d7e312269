--- A role by a web identity: a token that somebody else gives (GitHub Actions, Kubernetes) lies in a file, and is
--- renewed there; whoever has it may take on the role.
---
--- Sources: AWS SDKs and Tools Reference Guide, "Assume role credential provider" (AWS_WEB_IDENTITY_TOKEN_FILE); AWS
--- STS API Reference, AssumeRoleWithWebIdentity; botocore `credentials.py`, AssumeRoleWithWebIdentityProvider.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local endpoint = require "fairlead.aws.endpoint"
local found = require "fairlead.aws.credentials.found"
local query = require "fairlead.aws.query"
local services = require "fairlead.aws.services"
local unsigned = require "fairlead.aws.credentials.unsigned"

local M = { name = "web identity" }

local LONGEST <const> = 20000 -- bytes that STS takes

-- variable -> the profile's setting
local NAMES <const> = { AWS_WEB_IDENTITY_TOKEN_FILE = "web_identity_token_file", AWS_ROLE_ARN = "role_arn",
  AWS_ROLE_SESSION_NAME = "role_session_name" }

--- The token: read at each use, as its file is replaced before it ends.
local function token_of(path, target)
  local file <close>, problem = io.open(path, "r")
  local text = file and file:read(LONGEST + 1)
  text = text and text:match "^%s*(.-)%s*$"
  if not text or text == "" or #text > LONGEST then
    errors.raise { kind = "config.invalid", op = "aws.session", target = target,
      message = ("the web identity's token file cannot be used: %s"):format(not file and problem
        or not text and path .. ": cannot be read" or text == "" and path .. " is empty" or path .. " is too large"),
      hint = "AWS_WEB_IDENTITY_TOKEN_FILE or web_identity_token_file names a file with a token" }
  end
  return text
end

---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials?
---@return string? why
function M.load(session)
  local settings <const> = session:settings()
  local function get(variable)
    return not session.options.profile and environment.get(variable) or settings[NAMES[variable]]
  end
  local path <const> = get "AWS_WEB_IDENTITY_TOKEN_FILE"
  if not path then
    return nil, session.options.profile and ("profile '%s' names no token file"):format(session.profile)
      or "AWS_WEB_IDENTITY_TOKEN_FILE is not set"
  end
  local target <const> = settings.web_identity_token_file == path
    and session:name(session:path_of "web_identity_token_file") or "environment"
  local arn <const> = get "AWS_ROLE_ARN"
  if not arn then
    errors.raise { kind = "config.invalid", op = "aws.session", target = target,
      message = "a web identity's token file is named, and no role",
      hint = "set AWS_ROLE_ARN, or role_arn in the profile" }
  end
  local body <const> = query.encode("AssumeRoleWithWebIdentity", services.list.sts.version, {
    RoleArn = arn, WebIdentityToken = token_of(path, target),
    RoleSessionName = get "AWS_ROLE_SESSION_NAME" or ("fairlead-%d"):format(math.floor(clock.now())),
  })
  local region <const> = session:region()
  local about <const> = { kind = "aws.api", op = "sts.AssumeRoleWithWebIdentity", target = region, service = "sts",
    credentials = "web identity " .. path, repeatable = true }
  local response <const> = unsigned.call(session, {
    method = "POST", url = endpoint.resolve(session, services.list.sts, region) .. "/",
    headers = { ["Content-Type"] = query.CONTENT_TYPE }, body = secret(body),
  }, about)
  local output <const> = query.decode(response, "AssumeRoleWithWebIdentity", services.list.sts.types, about)
  return found.make(found.of_role(output, arn, about), "role " .. arn)
end

return M
