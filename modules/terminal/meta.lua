---@meta fairlead.terminal.native

---The C half of fairlead.terminal.
---@class fairlead.terminal.native
local native = {}

---Reads one line from standard input.
---@async
---@return string|nil line without its end; nil at the end of the input
function native.read_line() end

---Forgets what was typed and not read yet.
function native.discard() end

---Whether a file descriptor is a terminal.
---@param fd integer
---@return boolean
function native.is_tty(fd) end

---The size of the terminal behind a file descriptor.
---@param fd? integer 1 when left out
---@return integer|nil columns
---@return integer|nil rows
function native.size(fd) end

return native
