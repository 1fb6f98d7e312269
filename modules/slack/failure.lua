--- Slack's refusals (`ok: false` in an answer of status 200) as error objects.
---
--- Source: docs.slack.dev "Using the Slack Web API" (evaluating responses) and the methods' lists of errors.
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"

local M = {}

local TOKEN <const> = "set SLACK_BOT_TOKEN to the bot's token (it begins with xoxb-)"

local NOT_AUTHORISED <const> = {
  invalid_auth = "the token is wrong; " .. TOKEN,
  not_authed = "no token was sent; " .. TOKEN,
  account_inactive = "the bot or its workspace was removed; " .. TOKEN,
  token_revoked = "the token was revoked; " .. TOKEN,
  token_expired = "the token has expired; " .. TOKEN,
  not_allowed_token_type = "this needs a bot's token; " .. TOKEN,
  missing_scope = "add the scope to the app and install it again",
  no_permission = "the app lacks a permission for this",
  org_login_required = "the workspace is being moved to an organisation",
  ekm_access_denied = "an administrator has suspended access",
  team_access_not_granted = "the app is not allowed in this workspace",
  restricted_action = "the workspace's settings do not let the bot do this",
}
local NOT_FOUND <const> = {
  channel_not_found = "is the name right, and is the bot in it if it is private? (/invite it)",
  user_not_found = "is the name or id right?", users_not_found = "is the address right?",
  message_not_found = "it was deleted, or is in another channel", thread_not_found = "the message was deleted",
  file_not_found = "it was deleted",
}
local HINTS <const> = {
  not_in_channel = "invite the bot: /invite @its-name in that channel",
  is_archived = "the channel is archived; choose another",
  msg_too_long = "messages hold up to 40,000 characters",
  no_text = "give text or blocks",
  invalid_blocks = "the blocks are not as Block Kit wants them",
}
local TRANSIENT <const> = { internal_error = true, fatal_error = true, service_unavailable = true,
  request_timeout = true, ratelimited = true, rate_limited = true }

--- An answer's refusal as an error object.
---@param decoded table the answer
---@param response table
---@param about {op: string, target: string}
---@return Error
function M.refusal(decoded, response, about)
  local code <const> = type(decoded.error) == "string" and answer.brief(decoded.error) or "unknown_error"
  local kind, hint = "slack.api", HINTS[code]
  if NOT_AUTHORISED[code] then
    kind, hint = "slack.api.not_authorised", NOT_AUTHORISED[code]
  elseif NOT_FOUND[code] then
    kind, hint = "slack.api.not_found", NOT_FOUND[code]
  elseif code == "ratelimited" or code == "rate_limited" then
    kind = "slack.api.rate_limited"
  end
  local message = code:gsub("_", " ")
  if code == "missing_scope" and type(decoded.needed) == "string" then
    message = ("missing scope %s (the token has: %s)"):format(decoded.needed, tostring(decoded.provided or "none"))
  end
  local details = type(decoded.response_metadata) == "table" and decoded.response_metadata.messages
  if type(details) == "table" and type(details[1]) == "string" then
    message = message .. ": " .. details[1]
  end
  return errors.new {
    kind = kind, op = about.op, target = about.target, status = response.status, code = code,
    message = answer.brief(message),
    hint = hint, request_id = response.headers["x-slack-req-id"], retryable = TRANSIENT[code] or false,
  }
end

--- A status that is not 200 as an error object.
---@param response table
---@param about {op: string, target: string}
---@return Error
function M.status(response, about)
  local status <const> = response.status
  local kind = status == 429 and "slack.api.rate_limited" or status == 401 and "slack.api.not_authorised"
    or status == 404 and "slack.api.not_found" or "slack.api"
  return errors.new {
    kind = kind, op = about.op, target = about.target, status = status,
    message = ("Slack answered %d"):format(status), request_id = response.headers["x-slack-req-id"],
    retryable = status == 429 or status >= 500,
    hint = status == 404 and "is the address Slack's (https://slack.com/api)?" or status == 401 and TOKEN or nil,
  }
end

return M
