--- Credentials of a role in IAM Identity Center ("SSO"), by a sign-in that the AWS command line has made.
---
--- Sources: AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider"; IAM Identity Center Portal
--- API Reference, GetRoleCredentials; botocore `credentials.py`, SSOProvider.
local address = require "fairlead.service.address"
local errors = require "fairlead.errors"

local endpoint = require "fairlead.aws.endpoint"
local found = require "fairlead.aws.credentials.found"
local tokens = require "fairlead.aws.credentials.sso_token"
local unsigned = require "fairlead.aws.credentials.unsigned"

local M = { name = "IAM Identity Center" }

local SERVICE <const> = { host = "portal.sso", id = "SSO" }

local function refuse(target, message, hint)
  errors.raise { kind = "config.invalid", op = "aws.session", target = target, message = message, hint = hint }
end

--- A profile's settings with those of the sso-session section that it names.
local function settings_of(session, target)
  local own <const>, merged = session:settings(), {}
  for name, value in pairs(own) do
    merged[name] = value
  end
  if own.sso_session then
    local section <const> = session:files().sso_sessions[own.sso_session]
    if not section then
      refuse(target, ("names the section [sso-session %s], which is not there"):format(own.sso_session),
        "run `aws configure sso`, or write the section")
    end
    for name, value in pairs(section) do
      if own[name] ~= nil and own[name] ~= value then
        refuse(target, ("has another %s than its section [sso-session %s]"):format(name, own.sso_session),
          "leave it out of the profile")
      end
      merged[name] = value
    end
  end
  for _, name in ipairs { "sso_account_id", "sso_role_name", "sso_region", "sso_start_url" } do
    if type(merged[name]) ~= "string" or merged[name] == "" then
      refuse(target, ("is for IAM Identity Center, and has no %s"):format(name),
        "run `aws configure sso`, or write it")
    end
  end
  return merged
end

---@async
---@param session fairlead.aws.Session
---@return fairlead.aws.Credentials?
---@return string? why
function M.load(session)
  local own <const> = session:settings()
  local named <const> = own.sso_role_name and "sso_role_name" or own.sso_account_id and "sso_account_id"
  if not named then
    return nil, ("profile '%s' names no %s"):format(session.profile, (own.sso_session or own.sso_start_url)
      and "sso_account_id and sso_role_name" or "sign-in")
  end
  local target <const> = session:name(session:path_of(named))
  local settings <const> = settings_of(session, target)
  local sign_in <const> = { session = own.sso_session, start_url = settings.sso_start_url,
    region = settings.sso_region, profile = session.profile, target = target }
  local account <const>, role = settings.sso_account_id, settings.sso_role_name
  local response <const>, err = try(unsigned.call, session, {
    url = endpoint.resolve(session, SERVICE, sign_in.region) .. "/federation/credentials"
      .. address.query { role_name = role, account_id = account },
    headers = { ["x-amz-sso_bearer_token"] = tokens.load(session, sign_in) },
  }, { op = "sso.GetRoleCredentials", target = ("%s in %s"):format(role, account), service = "sso", repeatable = true })
  if err and err.status == 401 then
    tokens.refused(sign_in, err)
  elseif err then
    error(err, 0)
  end
  local fields <const>, problem = found.parse(response.body or "")
  local given <const> = fields and fields.roleCredentials
  if type(given) ~= "table" or not found.text(given, "accessKeyId") or type(given.secretAccessKey) ~= "userdata"
    or type(given.sessionToken) ~= "userdata" then
    errors.raise { kind = "aws.api", op = "sso.GetRoleCredentials", target = sign_in.region,
      message = "answered with " .. (problem or "something that holds no credentials") }
  end
  return found.make({
    access_key_id = found.text(given, "accessKeyId"), secret_access_key = given.secretAccessKey,
    session_token = given.sessionToken, account_id = account,
    expires_at = math.type(given.expiration) and given.expiration / 1000 or nil,
  }, ("IAM Identity Center, %s in %s"):format(role, account))
end

return M
