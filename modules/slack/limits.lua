--- How often Slack may be asked what, and keeping to it before Slack says so.
---
--- Sources: docs.slack.dev "Rate limits" (tiers 1 to 4; chat.postMessage about one message a second for a channel) and
--- each method's page for its tier. What is not listed here goes by tier 3.
local clock = require "fairlead.clock"

local PER_MINUTE <const> = { 1, 20, 50, 100 } -- by tier
local TIERS <const> = {
  ["conversations.list"] = 2, ["users.list"] = 2, ["reactions.list"] = 2, ["reactions.remove"] = 2,
  ["users.info"] = 4, ["chat.getPermalink"] = 4, ["files.getUploadURLExternal"] = 4,
  ["files.completeUploadExternal"] = 4, ["auth.test"] = 4, ["chat.postEphemeral"] = 4,
}
local DEFAULT_TIER <const> = 3
local POST_GAP <const> = 1 -- seconds between two messages to one channel

---@class fairlead.slack.Limits
local Limits = {}
Limits.__index = Limits

---@return fairlead.slack.Limits
function Limits.new()
  return setmetatable({ buckets = {}, next_post = {}, silent_until = {} }, Limits)
end

--- A bucket that fills at the tier's rate: bursts are allowed, as Slack allows them, a steady excess is not.
local function take(self, method, now)
  local rate <const> = PER_MINUTE[TIERS[method] or DEFAULT_TIER]
  local bucket = self.buckets[method] or { level = rate, at = now }
  self.buckets[method] = bucket
  bucket.level = math.min(rate, bucket.level + (now - bucket.at) * rate / 60) - 1
  bucket.at = now
  return bucket.level >= 0 and now or now - bucket.level * 60 / rate
end

--- When a call may be made; its place is taken.
---@param method string
---@param channel string? of chat.postMessage
---@return number unix seconds, now or later
function Limits:reserve(method, channel)
  local now <const> = clock.now()
  local at
  if method == "chat.postMessage" then
    at = math.max(now, self.next_post[channel] or 0)
    self.next_post[channel] = at + POST_GAP
  else
    at = take(self, method, now)
  end
  return math.max(at, self.silent_until[method] or 0)
end

--- Slack has said for how long it wants no such call.
---@param method string
---@param seconds number
function Limits:silence(method, seconds)
  self.silent_until[method] = math.max(self.silent_until[method] or 0, clock.now() + seconds)
end

return Limits
