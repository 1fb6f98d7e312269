--- One call of an AWS operation: who calls, when, what its region holds, and how an operation refuses.
local M = {}

---@class fairlead.world.aws.Failure
---@field code string
---@field message string?
---@field status integer? 400 when not given
---@field extra table? further members of the error
---@field from_front_door boolean? refused before the service saw it

---@class fairlead.world.aws.Call
---@field aws fairlead.world.AWS
---@field w fairlead.world.World
---@field now number unix seconds
---@field request_id string
---@field operation string?
---@field region string
---@field credentials fairlead.world.aws.Credentials? that the request was signed with
---@field began number unix seconds at which the request came
local Call = {}
Call.__index = Call

---@param aws fairlead.world.AWS
---@param request_id string
---@param operation string?
---@param began number unix seconds at which the request came
---@return fairlead.world.aws.Call
function M.new(aws, request_id, operation, began)
  local self = { aws = aws, w = aws.w, now = aws.w.now, request_id = request_id, operation = operation, began = began }
  return setmetatable(self, Call)
end

local Failure = {}

--- Ends the call with an error of the service.
---@param code string
---@param text string?
---@param more {status: integer?, extra: table?, from_front_door: boolean?}?
function Call.fail(_, code, text, more)
  local failure = { code = code, message = text }
  for name, value in pairs(more or {}) do
    failure[name] = value
  end
  error(setmetatable(failure, Failure), 0)
end

local Hold = {}

--- Ends the call for now, when less than `seconds` have passed since it came: it is asked again a little later.
---@param seconds number
function Call:hold(seconds)
  if self.now < self.began + seconds then
    error(setmetatable({ till = self.began + seconds }, Hold), 0)
  end
end

--- Till when a caught value holds the call; nil for anything else.
---@param value any
---@return number?
function M.held(value)
  return getmetatable(value) == Hold and value.till or nil
end

--- The failure in a caught value; nil for anything else.
---@param value any
---@return fairlead.world.aws.Failure?
function M.failure(value)
  return getmetatable(value) == Failure and value or nil
end

--- The stores of the call's region, in order of account.
---@return table[]
function Call:stores()
  return self.aws:stores_in(self.region)
end

--- The account on whose behalf an answer speaks when nothing more particular does.
---@return string
function Call:account()
  return self.aws.account
end

--- Who calls: a user, or the session of a role.
---@return string ARN
function Call:caller()
  local arn = self.credentials and self.credentials.arn
  return arn or ("arn:aws:iam::%s:user/%s"):format(self:account(), self.aws.fixture.user or "deployer")
end

--- Part of a list, and the token of the next part. Tokens are positions, opaque enough for clients that must not read
--- them.
---@param list any[]
---@param token string? as the last part gave it
---@param limit integer
---@param on_bad_token fun() refuses, as the service does
---@return any[] part
---@return string? next_token
function Call.page(_, list, token, limit, on_bad_token)
  local first = 1
  if token then
    first = math.tointeger(tonumber(token:match "^page%-(%d+)$"))
    if not first or first < 1 or first > #list then
      return on_bad_token()
    end
  end
  local last = math.min(first + limit - 1, #list)
  local next_token = last < #list and ("page-%d"):format(last + 1) or nil
  return table.move(list, first, last, 1, {}), next_token
end

--- A time as the JSON protocols send it: unix seconds with milliseconds.
---@param time number?
---@return number?
function M.stamp(time)
  return time and math.floor(time * 1000 + 0.5) / 1000
end

return M
