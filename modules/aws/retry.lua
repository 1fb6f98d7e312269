--- When to send a request to AWS again, how long to wait before, and when to stop: the SDKs' standard retry mode.
---
--- Source: botocore `retries/standard.py` and `quota.py`; the numbers are the rules that AWS's SDKs made the default in
--- November 2026 (AWS Developer Tools Blog); AWS_NEW_RETRIES_2026=false gives those from before.
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local LONGEST <const> = 20 -- seconds

---@class fairlead.aws.RetryRules
---@field base number seconds, for failures
---@field throttling_base number seconds
---@field cost integer tokens for a retry
---@field throttling_cost integer tokens
---@field timeout_cost integer tokens
local RULES_2026 <const> = { base = 0.05, throttling_base = 1, cost = 14, throttling_cost = 5, timeout_cost = 14,
  server_hint = true }
local RULES_BEFORE <const> = { base = 1, throttling_base = 1, cost = 5, throttling_cost = 5, timeout_cost = 10 }
local QUOTA <const> = 500 -- tokens

-- `LimitExceededException` is left out: it also means "you have as many as you may", which waiting does not cure.
local THROTTLING <const> = {
  Throttling = true, ThrottlingException = true, ThrottledException = true, RequestThrottledException = true,
  TooManyRequestsException = true, ProvisionedThroughputExceededException = true, TransactionInProgressException = true,
  RequestLimitExceeded = true, BandwidthLimitExceeded = true, RequestThrottled = true, SlowDown = true,
  PriorRequestNotComplete = true, EC2ThrottledException = true,
}
local TRANSIENT <const> = { RequestTimeout = true, RequestTimeoutException = true, InternalError = true,
  InternalFailure = true, InternalServerError = true, ServiceUnavailable = true }
local STATUSES <const> = { [500] = true, [502] = true, [503] = true, [504] = true }

local Retry = {}
Retry.__index = Retry

local function attempts_of(profile, usual)
  local text, source = environment.get "AWS_MAX_ATTEMPTS", "AWS_MAX_ATTEMPTS"
  if not text and profile.max_attempts then
    text, source = profile.max_attempts, "max_attempts in the AWS profile"
  end
  local attempts = text and math.tointeger(tonumber(text))
  if text and not (attempts and attempts >= 1 and attempts <= 100) then
    errors.raise { kind = "config.invalid", op = source, target = text, message = "is no number of attempts",
      hint = "give a whole number from 1 to 100" }
  end
  local mode <const> = environment.get "AWS_RETRY_MODE" or profile.retry_mode or "standard"
  if mode ~= "standard" and mode ~= "adaptive" and mode ~= "legacy" then
    errors.raise { kind = "config.invalid", op = "AWS_RETRY_MODE", target = mode, message = "is no retry mode",
      hint = "standard is what there is; adaptive and legacy are taken for it" }
  end
  return attempts or (mode == "legacy" and 5 or usual)
end

--- The retry rules and the quota of one client.
---@param profile table<string, string> the profile's settings
---@param own? {attempts: integer, base: number} what a service has of its own in the rules of 2026
---@return table
function Retry.new(profile, own)
  local before <const> = (environment.get "AWS_NEW_RETRIES_2026" or ""):lower() == "false"
  own = not before and own or { attempts = 3 }
  return setmetatable({
    attempts = attempts_of(profile, own.attempts), rules = before and RULES_BEFORE or RULES_2026, base = own.base,
    tokens = QUOTA,
  }, Retry)
end

--- Whether an error code or status tells of throttling.
---@param code string?
---@param status integer?
---@return boolean
function Retry.is_throttling(code, status)
  return THROTTLING[code] or status == 429 or false
end

--- Whether a failure is one that may pass by itself.
---@param err Error
---@return boolean
function Retry.is_transient(err)
  if err:is "http" then
    return err:is "http.connect" or err:is "http.resolve" or err:is "http.reset" or err:is "http.timeout"
      or err:is "http.truncated"
  end
  return Retry.is_throttling(err.code, err.status) or TRANSIENT[err.code] or STATUSES[err.status] or false
end

--- Whether the request was surely not carried out, so that any operation may be sent again.
---@param err Error
---@return boolean
function Retry.was_not_heard(err)
  return err:is "http.connect" or err:is "http.resolve" or Retry.is_throttling(err.code, err.status)
end

--- Waits before the next attempt.
---@async
---@param err Error why the last one failed
---@param attempt integer how many were made
---@param deadline number unix seconds
---@param retry_after number? seconds that the service asks for
---@return integer? cost tokens taken for the retry; nothing: do not try again
function Retry:wait(err, attempt, deadline, retry_after)
  if attempt >= self.attempts then
    return nil
  end
  local rules <const> = self.rules
  local throttled <const> = Retry.is_throttling(err.code, err.status)
  local cost = throttled and rules.throttling_cost or err:is "http.timeout" and rules.timeout_cost or rules.cost
  if cost > self.tokens then
    return nil
  end
  local pause
  if rules.server_hint then
    local base <const> = throttled and rules.throttling_base or self.base or rules.base
    pause = chance.random() * math.min(base * 2 ^ (attempt - 1), LONGEST)
    if retry_after then
      pause = math.max(retry_after, math.min(pause, retry_after + 5))
    end
  else
    pause = chance.random() * math.min(rules.base * 2 ^ (attempt - 1), LONGEST)
  end
  if clock.now() + pause >= deadline then
    return nil
  end
  self.tokens = self.tokens - cost
  clock.sleep(pause)
  return cost
end

--- Gives tokens back after a success: what the last retry cost, or one.
---@param cost integer? of the last retry; nothing: the first attempt succeeded
function Retry:succeeded(cost)
  self.tokens = math.min(QUOTA, self.tokens + (cost or 1))
end

return Retry
