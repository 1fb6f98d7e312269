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
local http = require "fairlead.http"
local json = require "fairlead.json"

local endpoint = require "fairlead.aws.endpoint"
local found = require "fairlead.aws.credentials.found"
local unsigned = require "fairlead.aws.credentials.unsigned"

local M = {}

local EARLY <const> = 900 -- seconds before its end from which a token is renewed
local LONGEST <const> = 366 * 86400 -- seconds that a token may hold
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

---@class fairlead.aws.Token
---@field text Secret the cached file
---@field access_token Secret
---@field expires_at number unix seconds
---@field renewable_until number unix seconds; 0: not at all

--- A cached file's token; nothing when it holds none.
---@return fairlead.aws.Token?
local function open(text)
  local fields <const> = found.parse(text) or {}
  local expires_at <const> = answer.time(found.text(fields, "expiresAt"))
  if type(fields.accessToken) ~= "userdata" or not expires_at then
    return nil
  end
  local renewable = type(fields.refreshToken) == "userdata" and type(fields.clientId) == "userdata"
    and type(fields.clientSecret) == "userdata"
  return { text = secret(text), access_token = fields.accessToken, expires_at = expires_at,
    renewable_until = renewable and answer.time(found.text(fields, "registrationExpiresAt")) or 0 }
end

--- The cached token; nothing, and why, when there is none that can be used.
local function read(path)
  local from <close>, problem = io.open(path, "r")
  local text <const> = from and from:read(LARGEST)
  if not text then
    return nil, problem or path .. " is empty"
  end
  return open(text), path .. " holds no token"
end

--- Has a token renewed, and kept for all who use the cache.
local function renew(session, sign_in, token, path)
  local fields <const> = json.decode(http.reveal(token.text))
  local response <const> = unsigned.call(session, {
    method = "POST", url = endpoint.resolve(session, SERVICE, sign_in.region) .. "/token",
    headers = { ["Content-Type"] = "application/json" },
    body = secret(json.encode { clientId = fields.clientId, clientSecret = fields.clientSecret,
      grantType = "refresh_token", refreshToken = fields.refreshToken }),
  }, { op = "sso-oidc.CreateToken", target = sign_in.region, service = "sso-oidc" })
  local given <const> = try(json.decode, response.body or "", { nulls = false })
  local seconds <const> = type(given) == "table" and math.tointeger(given.expiresIn)
  if not seconds or seconds < 1 or seconds > LONGEST or type(given.accessToken) ~= "string" then
    errors.raise { kind = "aws.api", op = "sso-oidc.CreateToken", target = sign_in.region,
      message = "answered with something that is no token" }
  end
  -- Whatever else the command line keeps there stays.
  fields.accessToken, fields.refreshToken = given.accessToken, type(given.refreshToken) == "string"
    and given.refreshToken or fields.refreshToken
  fields.startUrl, fields.region = sign_in.start_url, sign_in.region
  fields.expiresAt = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(clock.now()) + seconds)
  local text <const> = json.encode(fields)
  -- A cache that cannot be written does not stop this session: its token is kept in memory, too.
  file.replace(path, text)
  session.memory[path] = open(text)
  return session.memory[path]
end

--- The later of the cached token and the one that this session has had renewed.
local function newest(session, path)
  local cached <const>, problem = read(path)
  local own <const> = session.memory[path]
  if own and (not cached or own.expires_at > cached.expires_at) then
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
  if sign_in.session and token.expires_at - now < EARLY and token.renewable_until > now then
    local fresh <const>, err = try(renew, session, sign_in, token, path)
    -- Another program may have renewed it just before, which makes the older refresh token worthless.
    token, cause = fresh or newest(session, path) or token, err
  end
  if token.expires_at <= now then
    refuse(sign_in, "the sign-in to IAM Identity Center has expired", cause)
  end
  return token.access_token
end

--- Raises that a token that looked good was refused: somebody has signed out, or the sign-in was revoked.
---@param sign_in fairlead.aws.SignIn
---@param cause Error
function M.refused(sign_in, cause)
  refuse(sign_in, "the sign-in to IAM Identity Center is no longer accepted", cause)
end

return M
