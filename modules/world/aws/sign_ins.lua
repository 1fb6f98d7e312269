--- Who is signed in: the credentials that requests are signed with. In a scenario with `session_expires` they are those
--- of a session, which ends after that time; then somebody has to sign in again.
---
--- A fixture with `aws.renews` keeps its credentials in a shared credentials file, where newer ones are written when a
--- session ends, as tools for signing in do. Otherwise they are in the environment's variables, and stay what they are
--- for as long as a process lives.
local errors = require "fairlead.errors"

local M = {}

local LETTERS <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
local BASE64 <const> = LETTERS .. "abcdefghijklmnopqrstuvwxyz0189+/"

---@class fairlead.world.aws.Credentials
---@field access_key_id string
---@field secret_access_key string
---@field session_token string?
---@field expires_at number? unix seconds
---@field arn string? of a role's session; nil: the fixture's user
---@field role_id string? of such a session: its role's id and its name

--- The credentials with which the world begins.
---@param aws fairlead.world.AWS
function M.begin(aws)
  local fixture, expires = aws.fixture, aws.w.scenario.session_expires
  if not fixture.access_key_id then
    return
  end
  aws.role_draws = aws.w:stream "aws.roles"
  aws.sign_in_draws = aws.w:stream "aws.sign_ins"
  local credentials = {
    access_key_id = fixture.access_key_id,
    secret_access_key = fixture.secret_access_key,
    session_token = fixture.session_token or expires and "FwoGZXIvYXdz" .. aws.sign_in_draws:text(188, BASE64) or nil,
    expires_at = expires and aws.w.now + aws.w:duration(expires) or nil,
  }
  aws.keys[credentials.access_key_id], aws.signed_in = credentials, credentials
end

local function session(aws, draws, seconds)
  local credentials = {
    access_key_id = "ASIA" .. draws:text(16, LETTERS),
    secret_access_key = draws:text(40, BASE64),
    session_token = "FwoGZXIvYXdz" .. draws:text(188, BASE64),
    expires_at = aws.w.now + aws.w:duration(seconds),
  }
  aws.keys[credentials.access_key_id] = credentials
  return credentials
end

--- Somebody signs in again: a new session, as long as the one before.
---@param aws fairlead.world.AWS
---@return fairlead.world.aws.Credentials
function M.renew(aws)
  aws.signed_in = session(aws, aws.sign_in_draws, aws.w.scenario.session_expires)
  return aws.signed_in
end

--- Somebody assumes a role.
---@param aws fairlead.world.AWS
---@param role {account: string, name: string, session: string, seconds: number}
---@return fairlead.world.aws.Credentials
function M.assume(aws, role)
  local credentials = session(aws, aws.role_draws, role.seconds)
  credentials.arn = ("arn:aws:sts::%s:assumed-role/%s/%s"):format(role.account, role.name, role.session)
  credentials.role_id = ("AROA%s:%s"):format(aws.role_draws:text(17, LETTERS), role.session)
  return credentials
end

--- The credentials that are good now. A process that is started with ones that have ended is nothing that anybody does:
--- they sign in before.
---@param aws fairlead.world.AWS
---@return fairlead.world.aws.Credentials?
function M.current(aws)
  local credentials = aws.signed_in
  if credentials and credentials.expires_at and credentials.expires_at <= aws.w.now then
    return M.renew(aws)
  end
  return credentials
end

local function write(path, credentials, profiles)
  local lines = {}
  for _, profile in ipairs(profiles) do
    lines[#lines + 1] = ("[%s]"):format(profile)
    lines[#lines + 1] = "aws_access_key_id = " .. credentials.access_key_id
    lines[#lines + 1] = "aws_secret_access_key = " .. credentials.secret_access_key
    lines[#lines + 1] = credentials.session_token and "aws_session_token = " .. credentials.session_token
  end
  local file, problem = io.open(path, "w")
  if not file or not file:write(table.concat(lines, "\n"), "\n") or not file:close() then
    errors.raise { kind = "world.folder", op = "world.aws", target = path, message = problem or "cannot be written" }
  end
end

--- Keeps a shared credentials file, in which the session is renewed whenever it ends.
---@param aws fairlead.world.AWS
---@param path string
function M.keep_file(aws, path)
  local profiles = table.move(aws.fixture.profiles or {}, 1, 100, 2, { "default" })
  local function keep(credentials)
    write(path, credentials, profiles)
    if credentials.expires_at then
      aws.w:at(credentials.expires_at, function()
        -- Not when the world's folder is gone, or another process has signed in.
        if aws.w.folder and aws.signed_in == credentials then
          keep(M.renew(aws))
        end
      end)
    end
  end
  keep(M.current(aws))
end

return M
