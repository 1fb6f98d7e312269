--- Calls by which credentials are come by, and which therefore bear no signature.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"

local failure = require "fairlead.aws.failure"

local M = {}

local TIMEOUT <const> = 20 -- seconds for a call with its repetitions
local BACKOFF <const> = 0.2 -- seconds before the second try

local TRIES <const> = 3
-- STS could not reach whoever gave the web identity (STS API Reference, AssumeRoleWithWebIdentity: "retry").
local AGAIN <const> = "IDPCommunicationError"

--- Sends a request and gives its answer.
---@async
---@param session fairlead.aws.Session
---@param request http.RequestOptions
---@param about {op: string, target: string, service: string, repeatable: boolean?} repeatable: twice is the same as
--- once
---@return http.Response response a success
--- raises aws.api and http.*
function M.call(session, request, about)
  request.timeout, request.follow, request.ca_file = TIMEOUT, false, session:ca_file()
  request.headers = request.headers or {}
  request.headers["User-Agent"] = "fairlead"
  request.retry = about.repeatable and { attempts = TRIES, unsafe = true, backoff = BACKOFF } or false
  for attempt = 1, TRIES do
    local response <const>, err = try(http.request, request)
    if not response then
      errors.raise { kind = err.kind, op = about.op, target = request.url:match "^[^?]*", message = err.message,
        retryable = err.retryable, hint = err.hint, cause = err }
    elseif response.status < 300 then
      return response
    end
    local refusal <const> = failure.new(response, about)
    if refusal.code ~= AGAIN or attempt == TRIES then
      error(refusal, 0)
    end
    clock.sleep(BACKOFF)
  end
end

return M
