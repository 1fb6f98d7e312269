--- The terminal that the program was started from: its size, and lines that are typed into it.
local native = require "fairlead.terminal.native"
local task = require "fairlead.task"

local M = {}

---Whether a file descriptor is a terminal.
---@param fd integer 0 input, 1 output, 2 errors
---@return boolean
M.is_tty = native.is_tty

---The size of the terminal behind a file descriptor.
---@param fd? integer 1 (output) when left out
---@return integer|nil columns nil when it is no terminal or does not know its size
---@return integer|nil rows
M.size = native.size

---Forgets what was typed and not read yet: an answer has to come after its question. Input that is no terminal stays.
M.discard = native.discard

---Reads one line from standard input. Other tasks go on meanwhile.
---@async
---@param timeout? number seconds; nil: as long as it takes
---@return string|nil line without its end; nil at the end of the input
---errors: kinds "timeout", "terminal.read"
function M.read_line(timeout)
  if timeout == nil then return native.read_line() end
  return (task.timeout(timeout, native.read_line))
end

return M
