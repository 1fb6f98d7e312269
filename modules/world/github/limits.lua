--- How many requests the simulated GitHub answers: so many an hour for each token, and, whatever is left of those, no
--- more at a time than its secondary limits allow.
---
--- Sources: GitHub Docs, "Rate limits for the REST API" (5,000 an hour; headers; 900 points a minute, a read being one
--- point and a write five; about 80 requests a minute and 500 an hour that create content).
local refusal = require "fairlead.world.github.refusal"
local sorted = require "fairlead.sorted"

local M = {}

local MINUTE <const>, HOUR <const> = 60, 3600
--- At most so many; `fixture.github.secondary_limits` may have others under the same names.
local MOST <const> = { points = 900, writes_a_minute = 80, writes_an_hour = 500 }

---@class fairlead.world.GitHubLimits
local Limits = {}
Limits.__index = Limits

---@param github fairlead.world.GitHub
---@return fairlead.world.GitHubLimits
function M.new(github)
  return setmetatable({ github = github, world = github.world, fixture = github.fixture, accounts = {} }, Limits)
end

--- Counts what took place within the last seconds.
local function new_meter(seconds)
  return { seconds = seconds, first = 1, last = 0, sum = 0 }
end

local function forget_old(meter, now)
  while meter.first <= meter.last and meter[meter.first].at <= now - meter.seconds do
    meter.sum = meter.sum - meter[meter.first].weight
    meter[meter.first] = nil
    meter.first = meter.first + 1
  end
end

--- The account of a token, or of everybody without one.
local function account_of(self, viewer)
  local key = viewer and viewer.token or ""
  local account = self.accounts[key]
  if not account then
    account = {
      meters = {
        points = new_meter(MINUTE),
        writes_a_minute = new_meter(MINUTE),
        writes_an_hour = new_meter(HOUR),
      },
    }
    self.accounts[key] = account
  end
  if not account.reset or self.world.now >= account.reset then
    account.limit = viewer and (self.fixture.rate_limit or 5000) or 60
    account.used = 0
    account.reset = math.floor(self.world.now) + HOUR
  end
  return account
end

--- What GET /rate_limit tells.
---@param viewer table?
---@return {limit: integer, used: integer, remaining: integer, reset: integer}
function Limits:rate(viewer)
  local account = account_of(self, viewer)
  return {
    limit = account.limit,
    used = math.min(account.used, account.limit),
    remaining = math.max(0, account.limit - account.used),
    reset = account.reset,
  }
end

--- The headers that tell how many requests are left.
---@param viewer table?
---@return string[][]
function Limits:headers(viewer)
  local rate = self:rate(viewer)
  return {
    { "x-ratelimit-limit", tostring(rate.limit) },
    { "x-ratelimit-remaining", tostring(rate.remaining) },
    { "x-ratelimit-used", tostring(rate.used) },
    { "x-ratelimit-reset", tostring(rate.reset) },
    { "x-ratelimit-resource", "core" },
  }
end

--- A request has been answered that counts.
---@param viewer table?
function Limits:count(viewer)
  local account = account_of(self, viewer)
  account.used = account.used + 1
end

local function too_fast(seconds)
  refusal.raise(
    403,
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    nil,
    { { "retry-after", tostring(math.max(1, math.ceil(seconds))) } }
  )
end

--- Refuses when there are too many within a minute or, of writes, within an hour. What is refused does not count.
local function check_secondary(self, account, method)
  local now, write = self.world.now, method ~= "GET" and method ~= "HEAD"
  local weights = { points = write and 5 or 1 }
  if write then
    weights.writes_a_minute, weights.writes_an_hour = 1, 1
  end
  for name, weight in sorted(weights) do
    local meter, most = account.meters[name], (self.fixture.secondary_limits or {})[name] or MOST[name]
    forget_old(meter, now)
    local oldest = meter[meter.first]
    if oldest and meter.sum + weight > most then
      too_fast(oldest.at + meter.seconds - now)
    end
  end
  for name, weight in sorted(weights) do
    local meter = account.meters[name]
    meter.last = meter.last + 1
    meter[meter.last] = { at = now, weight = weight }
    meter.sum = meter.sum + weight
  end
end

--- Refuses a request for which there is no room.
---@param viewer table?
---@param method string
function Limits:check(viewer, method)
  local account = account_of(self, viewer)
  if account.used >= account.limit then
    local id = self.github.shapes:user_id(viewer and viewer.login or "")
    refusal.raise(403, ("API rate limit exceeded for user ID %d."):format(id))
  end
  check_secondary(self, account, method)
end

return M
