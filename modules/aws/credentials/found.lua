--- Credentials as all providers hand them on.
local answer = require "fairlead.service.answer"
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

---@param fields {access_key_id: string, secret_access_key: string|Secret, session_token: (string|Secret)?,
--- expires_at: number?, account_id: string?}
---@param source string
---@return fairlead.aws.Credentials
function M.make(fields, source)
  local token = fields.session_token
  if token == "" then
    token = nil
  end
  return { access_key_id = fields.access_key_id, secret_access_key = hide(fields.secret_access_key),
    session_token = hide(token), expires_at = fields.expires_at, account_id = fields.account_id, source = source }
end

local function plain(value)
  return value ~= nil and http.reveal(value) or nil
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
  local expires <const> = plain(fields.Expiration)
  local at <const> = answer.time(expires)
  if expires and not at then
    return nil, "an Expiration that is no time"
  end
  return { access_key_id = id, secret_access_key = key, session_token = fields[token], expires_at = at,
    account_id = plain(fields.AccountId) }
end

--- A text among such fields, for people.
---@param fields table
---@param name string
---@return string?
function M.text(fields, name)
  local value <const> = fields[name]
  return value ~= nil and answer.brief(tostring(http.reveal(value))) or nil
end

return M
