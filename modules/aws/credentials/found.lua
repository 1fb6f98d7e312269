--- Credentials as all providers hand them on.
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"

local M = {}

---@class fairlead.aws.Credentials
---@field access_key_id string
---@field secret_access_key Secret
---@field session_token Secret?
---@field expires_at number? unix seconds; nothing: they do not end
---@field account_id string? where the source tells
---@field source string where they come from

---@class fairlead.aws.Provider
---@field name string
---@field kind? string what `credential_source` of a profile calls it: environment, container or instance
---@field load async fun(session: fairlead.aws.Session): fairlead.aws.Credentials?, string? credentials, or why there
--- are none; what is there and wrong is raised

local function hide(text)
  return type(text) == "string" and secret(text) or text
end

-- What can be signed with: as sigv4 takes it. Nothing of it is shown.
local function check(id, key, token, source)
  local wrong
  id = http.reveal(id)
  if #id > 128 or not id:find "^[!-~]+$" or id:find "[/,]" then
    wrong = "an access key id that is none (1 to 128 visible characters)"
  elseif #http.reveal(key) == 0 or #http.reveal(key) > 1024 then
    wrong = "a secret access key that is none (1 to 1024 bytes)"
  elseif token and http.reveal(token):find "[^!-~]" then
    wrong = "a session token that is none (visible characters)"
  end
  if wrong then
    errors.raise { kind = "aws.no_credentials", op = "aws.session", target = source, message = "gives " .. wrong,
      hint = "are they whole, and without what does not belong to them?" }
  end
end

---@param fields {access_key_id: string, secret_access_key: string|Secret, session_token: (string|Secret)?,
--- expires_at: number?, account_id: string?}
---@param source string
---@return fairlead.aws.Credentials
--- raises aws.no_credentials for what nothing can be signed with
function M.make(fields, source)
  local token = fields.session_token
  if token == "" then
    token = nil
  end
  check(fields.access_key_id, fields.secret_access_key, token, source)
  return { access_key_id = fields.access_key_id, secret_access_key = hide(fields.secret_access_key),
    session_token = hide(token), expires_at = fields.expires_at, account_id = fields.account_id, source = source }
end

-- A text among fields that `parse` gave, where they are Secrets; nothing for what is no text.
local function plain(value)
  return type(value) == "userdata" and value ~= json.null and http.reveal(value) or nil
end

--- What a program or an address outside says in JSON, as a table whose texts are Secrets: an error about it must not
--- quote it.
---@param text string
---@return table? fields
---@return string? problem
function M.parse(text)
  local fields <const> = try(json.decode, secret(text), { nulls = false })
  if type(fields) ~= "table" then
    return nil, "something that is no JSON object"
  end
  return fields
end

--- Credentials among fields such as `M.parse` gives: AccessKeyId, SecretAccessKey, Expiration, AccountId.
---@param fields table
---@param token string the name that the session token has there
---@return table? found as `M.make` takes it
---@return string? problem what is wrong with them
function M.take(fields, token)
  local id <const>, key <const> = plain(fields.AccessKeyId), fields.SecretAccessKey
  if type(id) ~= "string" or id == "" or type(key) ~= "userdata" then
    return nil, "no AccessKeyId and SecretAccessKey"
  end
  local at <const> = answer.time(plain(fields.Expiration))
  if fields.Expiration ~= nil and not at then
    return nil, "an Expiration that is no time"
  elseif fields[token] ~= nil and not plain(fields[token]) then
    return nil, ("a %s that is no text"):format(token)
  end
  return { access_key_id = id, secret_access_key = key, session_token = fields[token], expires_at = at,
    account_id = plain(fields.AccountId) }
end

--- A text among such fields, for people.
---@param fields table
---@param name string
---@return string?
function M.text(fields, name)
  local value = fields[name]
  value = plain(value) or (type(value) == "number" or type(value) == "boolean") and tostring(value)
  return value and answer.brief(value) or nil
end

local function is_text(value)
  return type(value) == "string" or plain(value) ~= nil
end

--- The credentials in STS's answer to AssumeRole and AssumeRoleWithWebIdentity.
---@param output table
---@param role_arn string
---@param about {op: string, target: string}
---@return table found as `M.make` takes it
--- raises aws.api
function M.of_role(output, role_arn, about)
  local given <const> = output.Credentials
  if type(given) ~= "table" or type(given.AccessKeyId) ~= "string" or not is_text(given.SecretAccessKey)
    or not is_text(given.SessionToken) or type(given.Expiration) ~= "number" then
    errors.raise { kind = "aws.api", op = about.op, target = about.target,
      message = "answered with something that holds no credentials",
      hint = "is the address AWS's, and is no proxy answering in its place?" }
  end
  return { access_key_id = given.AccessKeyId, secret_access_key = given.SecretAccessKey,
    session_token = given.SessionToken, expires_at = given.Expiration,
    account_id = role_arn:match "^arn:[^:]*:iam::(%d+):" }
end

return M
