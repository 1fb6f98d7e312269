--- Slack may be down, and a release goes on without it: what is tried there has a limit of time and fails nobody. That
--- it fails is said once; then it is left alone for a while, so that not every step waits for it anew.
local clock = require "fairlead.clock"
local task = require "fairlead.task"

local M = {}

local FIRST_PAUSE <const>, LONGEST_PAUSE <const> = 30, 300 -- seconds

---@class Outage
---@field run procedure.Run
---@field over? number when it may be asked again, by clock.steady; nil: it works, as far as is known
---@field err? Error what it failed with last
---@field private pause? number
---@field private told? boolean
local Outage = {}
Outage.__index = Outage

---@param run procedure.Run
---@return Outage
function M.new(run) return setmetatable({ run = run }, Outage) end

---Notes that something failed.
---@param err Error
function Outage:failed(err)
  self.pause = math.min(self.pause and self.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
  self.over, self.err = clock.steady() + self.pause, err
  if self.told then return end
  self.told = true
  if err.kind == "timeout" then err = "no answer in time" end
  self.run:warn(("Slack cannot be told: %s. The release goes on without it; what is missing there is made up for when "
    .. "it answers again"):format(tostring(err)))
end

---Whether it is left alone now.
---@return boolean
function Outage:is_on() return self.over ~= nil and clock.steady() < self.over end

---Whether the last attempt failed, left alone or not.
---@return boolean
function Outage:has_failed() return self.err ~= nil end

---Calls `fn`, unless Slack is left alone now.
---@async
---@param seconds number that it may take
---@param fn function
---@return boolean done false when it failed or was not called
---@return any result what `fn` returned, or the error
function Outage:attempt(seconds, fn)
  if self:is_on() then return false, self.err end
  local result, err = try(task.timeout, seconds, fn)
  if err then
    self:failed(err)
    return false, err
  end
  self.over, self.err, self.pause = nil, nil, nil
  return true, result
end

---Has the next attempt made at once.
function Outage:insist() self.over = nil end

return M
