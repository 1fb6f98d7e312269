--- Time. Every timeout and every wait in Fairlead is measured on the calling task's clock: real, hurried or virtual.
local native = require "fairlead.clock.native"
local group = require("fairlead.task.native").group

local M = {}

---Unix seconds of the calling task's clock.
---@return number seconds
M.now = native.now

---Real seconds since some moment: for measuring, not for dates.
---@return number seconds
M.monotonic = native.monotonic

---Seconds as the calling task's timers count them: nobody sets them back or forward. Processes of one machine share
---them until it restarts; on a virtual clock they are its unix seconds.
---@return number seconds
M.steady = native.steady

---Waits.
---@async
---@param seconds number not negative
M.sleep = native.sleep

local function run_on(clock, fn, ...)
  local tasks <close> = group()
  return tasks:start_on(clock, fn, ...):wait()
end

---Calls `fn(...)` on a virtual clock. The clock stands still while any task below `fn` runs or waits for something
---outside the process; when all of them sleep it jumps to the first that wakes.
---@async
---@param options { start: number? } `start` in unix seconds; default: now
---@param fn function
---@return ... fn's results
function M.simulate(options, fn, ...)
  return run_on(native.virtual(options.start or native.now()), fn, ...)
end

---A virtual clock for tasks that come and go: as the one of clock.simulate, it stands still unless all its tasks sleep.
---@param start number unix seconds
---@return clock.Clock clock for clock.on
M.virtual = native.virtual

---Calls `fn(...)` on a clock.
---@async
---@param clock clock.Clock
---@param fn function
---@return ... fn's results
function M.on(clock, fn, ...) return run_on(clock, fn, ...) end

---Calls `fn(...)` on a clock that begins now and runs `speed` times as fast as the real one.
---@async
---@param speed number more than 0
---@param fn function
---@return ... fn's results
function M.scaled(speed, fn, ...)
  return run_on(native.scaled(speed, native.now()), fn, ...)
end

return M
