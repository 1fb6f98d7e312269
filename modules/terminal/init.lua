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

-- Who reads the terminal in this module's place.
local reader

---Forgets what was typed and not read yet: an answer has to come after its question. Input that is no terminal stays.
function M.discard()
  if not reader then native.discard() end
end

---Has somebody else, who has the terminal, read lines for all code of this program: a line editor.
---@param read (async fun(): string|nil)|nil nil: nobody any more
---@return (async fun(): string|nil)|nil before
function M.use_reader(read)
  local before <const> = reader
  reader = read
  return before
end

---Reads one line from standard input. Other tasks go on meanwhile.
---@async
---@param timeout? number seconds; nil: as long as it takes
---@return string|nil line without its end; nil at the end of the input
---errors: kinds "timeout", "terminal.read"
function M.read_line(timeout)
  local read <const> = reader or native.read_line
  if timeout == nil then return read() end
  return (task.timeout(timeout, read))
end

return M
