--- run:guard: what has to hold whenever a part of a run is about to change something.
local nodes = require "fairlead.procedure.node"

local M = {}

---Asks the guards around a node. Called before a step acts.
---@async
---@param run procedure.Run
---@param node procedure.Node
function M.check(run, node)
  -- A copy: what a guard waits for may take another away meanwhile.
  for _, guard in ipairs(table.move(run.guards, 1, #run.guards, 1, {})) do
    if nodes.is_below(node, guard.node) then guard.check() end
  end
end

---@param Run table the class of runs
function M.install(Run)
  ---Has something asked before each step in this part of the run acts, until it is closed: a lease on another machine
  ---is still this run's, say.
  ---@param check async fun() raises when nothing may be changed any more
  ---@return table guard to be closed
  function Run:guard(check)
    if type(check) ~= "function" then error("run:guard: function expected, got " .. type(check), 2) end
    local guard = { node = nodes.current(self), check = check }
    table.insert(self.guards, guard)
    function guard.close()
      for i, other in ipairs(self.guards) do
        if other == guard then
          table.remove(self.guards, i)
          return
        end
      end
    end
    return setmetatable(guard, { __close = guard.close })
  end
end

return M
