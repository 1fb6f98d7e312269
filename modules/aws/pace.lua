--- AWS_RETRY_MODE=adaptive: a client that was throttled sends no more requests a second than the service takes, and
--- tries more again little by little.
---
--- Source: botocore `retries/adaptive.py`, `throttling.py` (the rate after a throttled answer, by the CUBIC curve of
--- RFC 8312) and `bucket.py` (requests take tokens, which come at that rate).
local clock = require "fairlead.clock"

local SCALE <const>, BETA <const> = 0.4, 0.7 -- the curve's; BETA: what is left of the rate after a throttled answer
local SLOWEST <const> = 0.5 -- requests a second
local BUCKET <const> = 0.5 -- seconds over which the rate is measured
local SMOOTHING <const> = 0.8 -- of a new measurement
local MOST <const> = 2 -- times the measured rate, at most

---@class fairlead.aws.Pace
---@field private enabled boolean a throttled answer has come
local Pace = {}
Pace.__index = Pace

---@return fairlead.aws.Pace
function Pace.new()
  local now <const> = clock.now()
  return setmetatable({
    enabled = false,
    highest = 0, turn = 0, failed_at = now, -- the curve: the rate at the last throttled answer, seconds until then
    rate = 1, capacity = 1, level = 0, filled_at = nil, -- the tokens
    measured = 0, count = 0, bucket = math.floor(now), -- what was sent
  }, Pace)
end

local function fill(self)
  local now <const> = clock.now()
  self.level = math.min(self.capacity, self.level + (now - (self.filled_at or now)) * self.rate)
  self.filled_at = now
end

local function set_rate(self, rate)
  fill(self)
  self.rate = math.max(rate, SLOWEST)
  self.capacity = math.max(rate, 1)
  self.level = math.min(self.level, self.capacity)
end

local function measure(self)
  local bucket <const> = math.floor(clock.now() / BUCKET) * BUCKET
  self.count = self.count + 1
  if bucket > self.bucket then
    local rate <const> = self.count / (bucket - self.bucket)
    self.measured = rate * SMOOTHING + self.measured * (1 - SMOOTHING)
    self.count, self.bucket = 0, bucket
  end
  return self.measured
end

--- Waits until a request may be sent.
---@async
---@param deadline number unix seconds
---@return boolean admitted false: not before the deadline
function Pace:admit(deadline)
  if not self.enabled then
    return true
  end
  fill(self)
  while self.level < 1 do
    -- A clock does not see the smallest fractions pass.
    local pause <const> = math.max((1 - self.level) / self.rate, 0.001)
    if clock.now() + pause >= deadline then
      return false
    end
    clock.sleep(pause)
    fill(self)
  end
  self.level = self.level - 1
  return true
end

--- An answer has come, or was lost.
---@param throttled boolean
function Pace:heard(throttled)
  local measured <const>, now = measure(self), clock.now()
  local rate
  if throttled then
    self.highest = self.enabled and math.min(measured, self.rate) or measured
    self.turn = (self.highest * (1 - BETA) / SCALE) ^ (1 / 3)
    self.failed_at, self.enabled = now, true
    rate = self.highest * BETA
  else
    rate = SCALE * (now - self.failed_at - self.turn) ^ 3 + self.highest
  end
  set_rate(self, math.min(rate, MOST * measured))
end

return Pace
