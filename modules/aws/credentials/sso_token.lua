--- The token of a sign-in to IAM Identity Center, which the AWS command line keeps in a cache, and its renewal there.
---
--- Sources: AWS SDKs and Tools Reference Guide, "IAM Identity Center credential provider" and "SSO token provider";
--- botocore `tokens.py`, SSOTokenProvider; IAM Identity Center OIDC API Reference, CreateToken.
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local file = require "fairlead.file"
local json = require "fairlead.json"

local endpoint = require "fairlead.aws.endpoint"
local unsigned = require "fairlead.aws.credentials.unsigned"

local M = {}

local EARLY <const> = 900 -- seconds before its end from which a token is renewed
local LARGEST <const> = 1 << 20 -- bytes of a cached token
local SERVICE <const> = { host = "oidc", id = "SSO_OIDC" }

---@class fairlead.aws.SignIn
---@field session string? name of the sso-session section; nothing: an older profile, whose token is never renewed
---@field start_url string
---@field region string
---@field profile string
---@field target string names the profile in errors

--- What to do about a sign-in that is missing or over.
---@param sign_in fairlead.aws.SignIn
---@return string
function M.hint(sign_in)
  local name <const> = sign_in.profile
  return ("run `aws sso login --profile %s`"):format(name:find "^[%w_.@+-]+$" and name or "'" .. name .. "'")
end

local function refuse(sign_in, message, cause)
  errors.raise { kind = "aws.no_credentials", op = "aws.session", target = sign_in.target, message = message,
    hint = M.hint(sign_in), cause = cause }
end

--- Where the token of a sign-in is kept.
---@param sign_in fairlead.aws.SignIn
---@return string path
function M.path(sign_in)
  return ("%s/.aws/sso/cache/%s.json"):format(environment.get "HOME" or "",
    digest.sha1(sign_in.session or sign_in.start_url))
end

--- The cached token; nothing, and why, when there is none that can be used.
local function read(path)
  local from <close>, problem = io.open(path, "r")
  local text = from and from:read(LARGEST)
  if not text then
    return nil, problem or path .. " is empty"
  end
  local token <const> = try(json.decode, text, { nulls = false })
  if type(token) ~= "table" or type(token.accessToken) ~= "string" or not answer.time(token.expiresAt) then
    return nil, path .. " holds no token"
  end
  return token
end

local function can_renew(token, now)
  local registered_until <const> = answer.time(token.registrationExpiresAt)
  for _, name in ipairs { "refreshToken", "clientId", "clientSecret" } do
    if type(token[name]) ~= "string" then
      return false
    end
  end
  return registered_until ~= nil and registered_until > now
end

--- Has a token renewed, and kept for all who use the cache.
local function renew(session, sign_in, token, path)
  local response <const> = unsigned.call(session, {
    method = "POST", url = endpoint.resolve(session, SERVICE, sign_in.region) .. "/token",
    headers = { ["Content-Type"] = "application/json" },
    body = secret(json.encode { clientId = token.clientId, clientSecret = token.clientSecret,
      grantType = "refresh_token", refreshToken = token.refreshToken }),
  }, { op = "sso-oidc.CreateToken", target = sign_in.region, service = "sso-oidc" })
  local given <const> = try(json.decode, response.body or "", { nulls = false })
  local seconds <const> = type(given) == "table" and math.tointeger(given.expiresIn)
  if not seconds or type(given.accessToken) ~= "string" then
    errors.raise { kind = "aws.api", op = "sso-oidc.CreateToken", target = sign_in.region,
      message = "answered with something that is no token" }
  end
  local fresh = {}
  for name, value in pairs(token) do
    fresh[name] = value -- whatever else the command line keeps there
  end
  fresh.accessToken, fresh.refreshToken = given.accessToken, given.refreshToken or token.refreshToken
  fresh.startUrl, fresh.region = sign_in.start_url, sign_in.region
  fresh.expiresAt = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(clock.now()) + seconds)
  -- A cache that cannot be written does not stop this session: its token is kept in memory, too.
  file.replace(path, json.encode(fresh))
  session.memory[path] = fresh
  return fresh
end

--- The later of the cached token and the one that this session has had renewed.
local function newest(session, path)
  local cached <const>, problem = read(path)
  local own <const> = session.memory[path]
  if own and (not cached or answer.time(own.expiresAt) > answer.time(cached.expiresAt)) then
    return own
  end
  return cached, problem
end

--- The access token of a sign-in, renewed when it is near its end.
---@async
---@param session fairlead.aws.Session
---@param sign_in fairlead.aws.SignIn
---@return Secret
--- raises aws.no_credentials, which says what to run
function M.load(session, sign_in)
  local path <const> = M.path(sign_in)
  local token, problem = newest(session, path)
  local now <const> = clock.now()
  if not token then
    refuse(sign_in, ("nobody is signed in to IAM Identity Center (%s)"):format(problem))
  end
  local cause
  if sign_in.session and answer.time(token.expiresAt) - now < EARLY and can_renew(token, now) then
    local fresh <const>, err = try(renew, session, sign_in, token, path)
    -- Another program may have renewed it just before, which makes the older refresh token worthless.
    token, cause = fresh or newest(session, path) or token, err
  end
  if answer.time(token.expiresAt) <= now then
    refuse(sign_in, "the sign-in to IAM Identity Center has expired", cause)
  end
  return secret(token.accessToken)
end

--- Raises that a token that looked good was refused: somebody has signed out, or the sign-in was revoked.
---@param sign_in fairlead.aws.SignIn
---@param cause Error
function M.refused(sign_in, cause)
  refuse(sign_in, "the sign-in to IAM Identity Center is no longer accepted", cause)
end

return M
