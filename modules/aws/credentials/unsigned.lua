--- Calls by which credentials are come by, and which therefore bear no signature.
local errors = require "fairlead.errors"
local http = require "fairlead.http"

local failure = require "fairlead.aws.failure"

local M = {}

local TIMEOUT <const> = 20 -- seconds for a call with its repetitions

--- Sends a request and gives its answer.
---@async
---@param request http.RequestOptions
---@param about {op: string, target: string, service: string, repeatable: boolean?} repeatable: twice is the same as
--- once
---@return http.Response response a success
--- raises aws.api and http.*
function M.call(request, about)
  request.timeout, request.follow = TIMEOUT, false
  request.retry = about.repeatable and { attempts = 3, unsafe = true, backoff = 0.2 } or false
  local response <const>, err = try(http.request, request)
  if not response then
    errors.raise { kind = err.kind, op = about.op, target = request.url:match "^[^?]*", message = err.message,
      retryable = err.retryable, hint = err.hint, cause = err }
  elseif response.status >= 300 then
    error(failure.new(response, about), 0)
  end
  return response
end

return M
