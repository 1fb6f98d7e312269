--- The program under test: the one that runs this spec.
local lfs = require "lfs"
local process = require "fairlead.process"

local M = {}

--- Its path, also when the folder is changed.
M.path = assert(lfs.symlinkattributes("/proc/self/exe", "target"))

-- The journal of the programs that specs run: not the developer's own. It goes with this process.
local state

local function state_folder()
  if not state then
    local path = os.tmpname()
    os.remove(path)
    state = setmetatable({ path = path }, { __gc = function()
      for _, name in ipairs { "/journal.db", "/journal.db-wal", "/journal.db-shm", "" } do os.remove(path .. name) end
    end })
  end
  return state.path
end

--- Runs the program with these arguments (and the options of process.run), and a state folder of the specs' own.
---@async
---@param arguments table
---@return table result as process.run's
function M.run(arguments)
  local call, env = { timeout = 60 }, { FAIRLEAD_STATE = state_folder() }
  for key, value in pairs(arguments) do call[key] = value end
  for name, value in pairs(call.env or {}) do env[name] = value end
  call.env = env
  table.insert(call, 1, M.path)
  return process.run(call)
end

--- A folder that is removed when the variable is closed, with a method to write files into it.
---@return table folder
function M.folder()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  local folder = { path = path }
  function folder.write(_, name, text)
    local file <close> = assert(io.open(path .. "/" .. name, "w"))
    file:write(text)
    return path .. "/" .. name
  end
  return setmetatable(folder, { __close = function() process.run { "rm", "-rf", path } end })
end

return M
