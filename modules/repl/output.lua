--- What a session writes. On a terminal the prompt may be open at any time, so print(), io.write() and io.stdout of all
--- code of this program go through here while the session lasts: whole lines appear above the prompt, never through it.
local text = require "fairlead.faces.text"

local M = {}

---@class repl.Output
---@field editor Editor|nil nil: not on a terminal
---@field prompting boolean the editor shows a prompt
---@field above boolean the editor prints
---@field partial string what was written behind the prompt without a line's end
---@field column boolean something stands on the terminal's line already
---@field notice boolean a passing notice stands there
---@field silent boolean nothing was written since the line in the foreground began
local Output = {}
Output.__index = Output

local STDOUT <const>, STDERR <const> = io.stdout, io.stderr
local AT_ONCE <const> = 1 << 16 -- bytes of a long text that are written between two chances to interrupt it

---@param editor Editor|nil
---@return repl.Output
function M.new(editor)
  return setmetatable({
    editor = editor, prompting = false, above = false, partial = "", column = false, notice = false,
    silent = true,
  }, Output)
end

local function write_slowly(file, said)
  for first = 1, #said, AT_ONCE do file:write(said:sub(first, first + AT_ONCE - 1)) end
end

---Writes text as it is, to standard output or where that shows.
---@param said string
---@param file? file* io.stderr for errors
function Output:write(said, file)
  if said == "" then return end
  if not self.editor then
    (file or STDOUT):write(said)
  elseif self.prompting and not self.above then
    local lines = self.partial .. said
    local whole, rest = lines:match "^(.*)\n([^\n]*)$"
    self.partial = rest or lines
    if whole then
      self.above = true -- an editor whose prompt is just being closed prints to standard output: not here again
      self.editor:print(whole)
      self.above = false
    end
  else
    self:clear_notice()
    write_slowly(STDOUT, said)
    STDOUT:flush()
    self.silent = false
    self.column = said:sub(-1) ~= "\n"
  end
end

---Writes lines.
---@param said string
---@param file? file* io.stderr for errors
function Output:line(said, file)
  if self.editor and not self.prompting and self.column then self:write "\n" end
  self:write(said, file)
  self:write("\n", file)
end

---A line that stands until something else is written; on a terminal only.
---@param said string
---@param columns integer
function Output:show_notice(said, columns)
  if not self.editor or self.prompting or self.column then return end
  STDOUT:write("\r\27[2m", text.cut(text.clean(said), columns - 1), "\27[0m\27[K")
  STDOUT:flush()
  self.notice = true
end

---Takes that line away.
function Output:clear_notice()
  if not self.notice then return end
  self.notice = false
  STDOUT:write "\r\27[K"
  STDOUT:flush()
end

---The prompt comes next: it begins on a line of its own.
function Output:before_prompt()
  self:clear_notice()
  if self.column then STDOUT:write "\n" end
  self.column = false
  STDOUT:flush()
end

---The prompt is gone. What was written meanwhile without a line's end follows it.
function Output:after_prompt()
  self.prompting = false
  local rest = self.partial
  self.partial = ""
  self:write(rest)
end

-- A file of this program that is the terminal: its methods, but for writing.
local function stand_in(output, file)
  local methods = {}
  function methods:write(...)
    output:write(table.concat { ... })
    return self
  end
  function methods:flush() return self end
  function methods.setvbuf() return true end
  for _, name in ipairs { "read", "lines", "seek", "close" } do
    methods[name] = function(_, ...) return file[name](file, ...) end
  end
  return setmetatable({}, { __name = "FILE*", __index = methods, __tostring = function() return tostring(file) end })
end

---Has all code of this program write through here, until what is returned is closed. `strict` is what modules and
---scripts see; both it and _G hold a `print`.
---@return table closing to be closed
function Output:install()
  if not self.editor then return setmetatable({}, { __close = function() end }) end
  local strict <const> = _ENV
  local before <const> = { print = strict.print, plain = _G.print, write = io.write, out = io.stdout, err = io.stderr }
  local function print(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    self:write(table.concat(parts, "\t") .. "\n")
  end
  rawset(strict, "print", print)
  rawset(_G, "print", print)
  rawset(io, "stdout", stand_in(self, STDOUT))
  rawset(io, "stderr", stand_in(self, STDERR))
  rawset(io, "write", function(...)
    if io.output() ~= STDOUT then return before.write(...) end
    return io.stdout:write(...)
  end)
  return setmetatable({}, { __close = function()
    rawset(strict, "print", before.print)
    rawset(_G, "print", before.plain)
    rawset(io, "write", before.write)
    rawset(io, "stdout", before.out)
    rawset(io, "stderr", before.err)
  end })
end

return M
