--- When to send a request to AWS again, how long to wait before, and when to stop: the SDKs' retry modes.
---
--- standard: botocore `retries/standard.py` and `quota.py`; the numbers are the rules that AWS's SDKs made the default
--- in November 2026 (AWS Developer Tools Blog); AWS_NEW_RETRIES_2026=false gives those from before. adaptive: the same,
--- and a pace (see fairlead.aws.pace). legacy: botocore `retryhandler.py` and `_retry.json`: five attempts, no quota.
local chance = require "fairlead.service.chance"
local Pace = require "fairlead.aws.pace"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

---@class fairlead.aws.RetryRules
---@field base number seconds, for failures
---@field throttling_base number seconds
---@field cost integer tokens for a retry
---@field throttling_cost integer tokens
---@field timeout_cost integer tokens
---@field longest number seconds between two attempts, before chance shortens them
---@field most_hint number? seconds by which a service may ask for more; nothing: it is not listened to
local RULES_2026 <const> = { attempts = 3, base = 0.05, throttling_base = 1, cost = 14, throttling_cost = 5,
  timeout_cost = 14, longest = 20, most_hint = 5 }
local RULES_BEFORE <const> = { attempts = 3, base = 1, throttling_base = 1, cost = 5, throttling_cost = 5,
  timeout_cost = 10, longest = 20 }
local RULES_LEGACY <const> = { attempts = 5, base = 1, throttling_base = 1, cost = 0, throttling_cost = 0,
  timeout_cost = 0, longest = math.huge, legacy = true }
local QUOTA <const> = 500 -- tokens
local BANDWIDTH <const> = 509 -- a status that only the legacy mode takes for one that passes

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

local function attempts_of(profile)
  local text, source = environment.get "AWS_MAX_ATTEMPTS", "AWS_MAX_ATTEMPTS"
  if not text and profile.max_attempts then
    text, source = profile.max_attempts, "max_attempts in the AWS profile"
  end
  local attempts = text and math.tointeger(tonumber(text))
  if text and not (attempts and attempts >= 1 and attempts <= 100) then
    errors.raise { kind = "config.invalid", op = source, target = text, message = "is no number of attempts",
      hint = "give a whole number from 1 to 100" }
  end
  return attempts
end

local function mode_of(profile)
  local mode = environment.get "AWS_RETRY_MODE"
  local source <const> = mode and "AWS_RETRY_MODE" or "retry_mode in the AWS profile"
  mode = (mode or profile.retry_mode or "standard"):lower()
  if mode ~= "standard" and mode ~= "adaptive" and mode ~= "legacy" then
    errors.raise { kind = "config.invalid", op = source, target = mode, message = "is no retry mode",
      hint = "it is standard, adaptive or legacy" }
  end
  return mode
end

--- The retry rules and the quota of one client.
---@param profile table<string, string> the profile's settings
---@param own? {attempts: integer, base: number, legacy: {attempts: integer, base: number}} what a service has of its
--- own in the rules of 2026; legacy: and in those of that mode
---@return table
function Retry.new(profile, own)
  local mode <const> = mode_of(profile)
  local before <const> = (environment.get "AWS_NEW_RETRIES_2026" or ""):lower() == "false"
  local rules <const> = mode == "legacy" and RULES_LEGACY or before and RULES_BEFORE or RULES_2026
  own = own and (rules == RULES_2026 and own or rules == RULES_LEGACY and own.legacy) or {}
  return setmetatable({
    attempts = attempts_of(profile) or own.attempts or rules.attempts, rules = rules, base = own.base, tokens = QUOTA,
    pace = mode == "adaptive" and Pace.new() or nil,
  }, Retry)
end

--- Waits until a request may be sent.
---@async
---@param deadline number unix seconds
---@return boolean admitted false: not before the deadline
function Retry:admit(deadline)
  return not self.pace or self.pace:admit(deadline)
end

--- What came of a request.
---@param err Error? nothing: an answer
function Retry:heard(err)
  if self.pace then
    self.pace:heard(err ~= nil and Retry.is_throttling(err.code, err.status))
  end
end

--- Whether a failure is one that may pass by itself, in this mode.
---@param err Error
---@return boolean
function Retry:may_pass(err)
  return Retry.is_transient(err) or self.rules.legacy and err.status == BANDWIDTH or false
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

--- Waits before the next attempt. Where the quota is used up there is none; a long poll, which would be asked again at
--- once, waits all the same.
---@async
---@param err Error why the last one failed
---@param attempt integer how many were made
---@param deadline number unix seconds
---@param retry_after number? seconds that the service asks for
---@param is_poll boolean?
---@return integer? cost tokens taken for the retry; nothing: do not try again
function Retry:wait(err, attempt, deadline, retry_after, is_poll)
  if attempt >= self.attempts then
    return nil
  end
  local rules <const> = self.rules
  local throttled <const> = Retry.is_throttling(err.code, err.status)
  local cost = throttled and rules.throttling_cost or err:is "http.timeout" and rules.timeout_cost or rules.cost
  local spent <const> = cost > self.tokens
  if spent and not is_poll then
    return nil
  end
  -- In the legacy mode a service's own base holds for throttling, too, and chance has no part in it.
  local fixed <const> = self.base ~= nil and rules.legacy
  local base <const> = throttled and not fixed and rules.throttling_base or self.base or rules.base
  local share <const> = fixed and 1 or chance.random()
  local pause = share * math.min(base * 2 ^ (attempt - 1), rules.longest)
  if retry_after and rules.most_hint then
    pause = math.max(pause, math.min(retry_after, pause + rules.most_hint))
  end
  if clock.now() + pause >= deadline then
    return nil
  end
  if not spent then
    self.tokens = self.tokens - cost
  end
  clock.sleep(pause)
  return not spent and cost or nil
end

--- Gives tokens back after a success: what the last retry cost, or one.
---@param cost integer? of the last retry; nothing: the first attempt succeeded
function Retry:succeeded(cost)
  self.tokens = math.min(QUOTA, self.tokens + (cost or 1))
end

return Retry
