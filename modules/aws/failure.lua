--- AWS's refusals as error objects.
---
--- Sources: "AWS JSON 1.1 protocol" in the Smithy specification (error type in `__type` or X-Amzn-ErrorType, "#" and
--- ":" around the code); "AWS query compatible" errors of SQS (x-amzn-query-error); "Common errors" in each service's
--- API reference; "AWS Query protocol", Operation error serialization.
local answer = require "fairlead.service.answer"
local errors = require "fairlead.errors"
local json = require "fairlead.json"

local Retry = require "fairlead.aws.retry"
local operations = require "fairlead.aws.operations"
local query = require "fairlead.aws.query"

local M = {}

local KEYS <const> = "the access key is wrong or no longer valid; check the profile or AWS_ACCESS_KEY_ID"
local EXPIRED <const> = "the credentials (%s) have expired; sign in again (`aws sso login`, or new AWS_* variables), "
  .. "then `fairlead resume` goes on"
local NAMES <const> = "is the name right, and the account and the region too (AWS_PROFILE, AWS_REGION)?"
local CLOCK <const> = "is this machine's clock right, and the secret access key whole?"
local PERMISSION <const> = "an administrator has to allow this action to these credentials"

local NOT_AUTHORISED <const> = {
  AccessDenied = PERMISSION, AccessDeniedException = PERMISSION, UnauthorizedOperation = PERMISSION,
  NotAuthorized = PERMISSION, OptInRequired = "the account has not enabled this service or region",
  ExpiredToken = EXPIRED, ExpiredTokenException = EXPIRED, RequestExpired = CLOCK, RequestTimeTooSkewed = CLOCK,
  UnrecognizedClientException = KEYS, InvalidClientTokenId = KEYS, InvalidAccessKeyId = KEYS,
  MissingAuthenticationToken = KEYS, MissingAuthenticationTokenException = KEYS, IncompleteSignature = KEYS,
  IncompleteSignatureException = KEYS, InvalidSignatureException = CLOCK, SignatureDoesNotMatch = CLOCK,
}

local HINTS <const> = {
  PreconditionFailed = "the object is not, or no longer, as the condition (IfMatch, IfNoneMatch) says",
  ConditionalRequestConflict = "another write to the same key was under way; look at the object, then try again",
}

local function kind_of(code, status)
  if NOT_AUTHORISED[code] or ((status == 401 or status == 403) and not Retry.is_throttling(code, status)) then
    return "aws.api.not_authorised"
  elseif Retry.is_throttling(code, status) then
    return "aws.api.throttled"
  elseif code:find "NotFound" or code:find "DoesNotExist" or code:find "NonExistent" or status == 404 then
    return "aws.api.not_found"
  end
  return "aws.api"
end

local function hint_of(code, about)
  if NOT_AUTHORISED[code] == EXPIRED then
    return EXPIRED:format(about.credentials or "those given")
  elseif code == "UnknownOperationException" or code == "InvalidAction" then
    local near = operations.near(about.service, about.op:match "[^.]*$")
    return ("%s has no such operation; %s"):format(about.service, near and ("did you mean '%s'?"):format(near)
      or "names are as in its API reference")
  end
  return NOT_AUTHORISED[code] or HINTS[code]
end

--- "com.amazonaws.ecs#ClusterNotFoundException:http://…" is ClusterNotFoundException.
local function code_of(response, body, codes)
  local raw = body.__type or body.code or body.Code or response.headers["x-amzn-errortype"]
  raw = type(raw) == "string" and raw or nil
  -- SQS names its errors in two ways; the query protocol's are those that its users know.
  local older <const> = response.headers["x-amzn-query-error"]
  if older then
    raw = older:match "^[^;]+" or raw
  end
  if not raw then
    return codes and codes[response.status] or ("HTTP %d"):format(response.status)
  end
  return answer.brief(raw:gsub("^.*#", ""):gsub(":.*$", ""))
end

--- An answer that is not a success, as an error object.
---@param response table
---@param about {op: string, target: string, service: string, credentials: string?, codes: table<integer, string>?}
---  credentials: where they are from; codes: for answers without a body, by status
---@return Error
function M.new(response, about)
  local body
  if response.body and response.body:find "^%s*<" then
    body = query.refusal(response.body)
  else
    body = try(json.decode, response.body or "")
  end
  body = type(body) == "table" and body or {}
  local code <const> = code_of(response, body, about.codes)
  local text <const> = body.message or body.Message or body.errorMessage
  local kind <const> = kind_of(code, response.status)
  local err = errors.new {
    kind = kind, op = about.op, target = about.target, status = response.status, code = code,
    request_id = response.headers["x-amzn-requestid"] or response.headers["x-amz-request-id"]
      or type(body.request_id) == "string" and body.request_id or nil,
    message = type(text) == "string" and text ~= "" and answer.brief(("%s: %s"):format(code, text)) or code,
    hint = hint_of(code, about) or kind == "aws.api.not_authorised" and PERMISSION
      or kind == "aws.api.not_found" and NAMES or nil,
  }
  err.retryable = Retry.is_transient(err) or code == "ConditionalRequestConflict"
  return err
end

return M
