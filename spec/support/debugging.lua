--- For specs of the debugger: attached for as long as a variable lives, its stops taken one by one.
local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local task = require "fairlead.task"

local M = {}

--- Attaches a debugger. `session:stop()` waits for the next stop, `session.passed` lists the places that were passed.
---@return table session to be closed
function M.attach()
  local session = { passed = {}, waiting = {}, came = task.event() }
  function session.stop()
    while #session.waiting == 0 do
      session.came:clear()
      task.timeout(2, session.came.wait, session.came)
    end
    return table.remove(session.waiting, 1)
  end
  --- No task stops for a moment.
  function session.none(seconds)
    clock.sleep(seconds or 0.05)
    return #session.waiting == 0
  end
  local attached = debugger.attach {
    on_stop = function(stop)
      session.waiting[#session.waiting + 1] = stop
      session.came:set()
    end,
    on_passed = function(place) session.passed[#session.passed + 1] = place.where end,
  }
  return setmetatable(session, { __close = function() attached:close() end })
end

--- A script's line that has a mark in a comment at its end, as in `breakpoint() -- here`.
---@param text string of the script
---@param mark string
---@return integer
function M.line(text, mark)
  local number = 0
  for line in text:gmatch "([^\n]*)\n?" do
    number = number + 1
    if line:find("-- " .. mark, 1, true) then return number end
  end
  error("no line has the mark " .. mark)
end

--- The values of what can be seen in a frame, by name.
---@param frame debugger.Frame
---@return table
function M.values(frame)
  local values = {}
  for _, variable in ipairs(frame:locals()) do values[variable.name] = variable.value end
  return values
end

return M
