--- A program on a real pseudo-terminal, as a person meets it: keys are typed, the screen is looked at.
---
---     local session <close> = sessions.start { program.path, "repl", columns = 60, rows = 12 }
---     session:expect "> "
---     session:type "1 + 1\r"            -- or session:line "1 + 1"
---     session:expect "2"                -- plain text on the screen; session:expect_pattern "^%d"
---     assert.same({ "> 1 + 1", "2", "> " }, session:screen())
---     assert.equal(0, session:finish())
local clock = require "fairlead.clock"
local pty = require "fairlead.pty"
local task = require "fairlead.task"
local text = require "fairlead.faces.text"
local vt = require "spec.support.vt"

local M = {}

local PATIENCE <const> = 20 -- seconds; sanitized programs on a busy machine are slow

local KEYS <const> = {
  enter = "\r", tab = "\t", escape = "\27", backspace = "\127", delete = "\27[3~", space = " ",
  up = "\27[A", down = "\27[B", right = "\27[C", left = "\27[D", home = "\27[H", ["end"] = "\27[F",
  ["page-up"] = "\27[5~", ["page-down"] = "\27[6~", ["ctrl-left"] = "\27[1;5D", ["ctrl-right"] = "\27[1;5C",
}

---@class TerminalSession
local Session = {}
Session.__index = Session

local function environment(given)
  local values = {
    TERM = "xterm-256color", LC_ALL = "C.UTF-8", PATH = os.getenv "PATH", HOME = "/nonexistent",
  }
  for _, name in ipairs { "FAIRLEAD_STRESS_GC", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS" } do
    values[name] = os.getenv(name)
  end
  for name, value in pairs(given or {}) do values[name] = value or nil end
  local list = {}
  for name, value in pairs(values) do list[#list + 1] = name .. "=" .. value end
  table.sort(list)
  return list
end

--- Starts a program: its words, and `columns` (80), `rows` (24), `env` (name to value; false: not set).
---@param options table
---@return TerminalSession
function M.start(options)
  local words = { "/usr/bin/setsid", "--ctty" }
  table.move(options, 1, #options, 3, words)
  local columns, rows = options.columns or 80, options.rows or 24
  local self = setmetatable({ raw = {}, changed = task.event() }, Session)
  self.seen = vt.new(columns, rows)
  self.pty = pty.start(columns, rows, words, environment(options.env))
  self.reader = task.start(function()
    for piece in self.pty.read, self.pty do
      self.raw[#self.raw + 1] = piece
      self.seen:write(piece)
      self.changed:set()
      if self.stalled then return end
    end
    self.ended = true
    self.changed:set()
  end)
  return self
end

--- Types text as it is: "\r" is the Enter key.
function Session:type(keys)
  assert(self.pty:write(keys))
end

--- Types a line and Enter.
function Session:line(line)
  self:type(line .. "\r")
end

--- Presses keys by their names: "tab", "up", "ctrl-c", "alt-f"; others are typed as they are.
function Session:key(...)
  for _, name in ipairs { ... } do
    local control, alt = name:match "^ctrl%-(.)$", name:match "^alt%-(.)$"
    self:type(KEYS[name] or control and string.char(control:upper():byte() & 0x1F) or alt and "\27" .. alt or name)
  end
end

--- Pastes text, as a terminal with bracketed paste does: line ends are sent as Enter.
function Session:paste(block)
  self:type("\27[200~" .. block:gsub("\n", "\r") .. "\27[201~")
end

-- The last lines, for a message.
local function last_lines(self)
  local lines = self.seen:read_all()
  return table.concat(lines, "\n", math.max(1, #lines - 40))
end

-- All lines as one text; the cursor's line reaches to the cursor, so that a prompt has its last space.
local function all_text(self)
  local lines, row = self.seen:read_all(), #self.seen.scrolled + self.seen.row
  for index = #lines + 1, row do lines[index] = "" end
  lines[row] = lines[row] .. (" "):rep(self.seen.column - 1 - text.width(lines[row]))
  return table.concat(lines, "\n")
end

--- Waits until `condition(session)` gives something, and gives that; fails with what the screen shows.
---@async
function Session:wait_until(condition, what, timeout)
  local deadline = clock.monotonic() + (timeout or PATIENCE)
  while true do
    self.changed:clear()
    local value = condition(self)
    if value then return value end
    local left = deadline - clock.monotonic()
    if self.ended or left <= 0 then
      error(("%s: %s; the screen:\n%s\n"):format(what, self.ended and "the program has ended" or "not in time",
        last_lines(self)), 3)
    end
    try(task.timeout, math.min(left, 1), self.changed.wait, self.changed)
  end
end

--- Waits until the screen, or what has scrolled away, shows this text.
---@async
function Session:expect(wanted, timeout)
  return self:wait_until(function() return all_text(self):find(wanted, 1, true) end,
    ("%q is not to be seen"):format(wanted), timeout)
end

--- The same for a Lua pattern, over the lines of the screen and of what has scrolled away; gives its captures' first.
---@async
function Session:expect_pattern(pattern, timeout)
  return self:wait_until(function() return all_text(self):match(pattern) end,
    ("no %q is to be seen"):format(pattern), timeout)
end

--- Waits until the screen shows exactly these lines (none of those that have scrolled away).
---@async
function Session:expect_screen(lines, timeout)
  local wanted = table.concat(lines, "\n")
  self:wait_until(function() return table.concat(self:screen(), "\n") == wanted end,
    ("the screen is not\n%s\n"):format(wanted), timeout)
end

--- The lines that a person sees now, without the spaces at their ends.
function Session:screen()
  return self.seen:read()
end

--- The same with what has scrolled away.
function Session:all_lines()
  return self.seen:read_all()
end

--- Where the cursor is: row and column, from 1.
function Session:cursor()
  return self.seen.row, self.seen.column
end

--- All that the program wrote.
function Session:output()
  return table.concat(self.raw)
end

function Session:resize(columns, rows)
  self.seen:resize(columns, rows)
  self.pty:resize(columns, rows)
end

--- The terminal takes no more output from now on, as one that has been stopped with Ctrl-S.
function Session:stall()
  self.stalled = true
end

--- What the terminal does with what is typed: {echo=, icanon=, isig=, ixon=}.
function Session:modes()
  return self.pty:modes()
end

--- Waits for the program's end.
---@async
---@return integer code 128 and the signal's number when a signal ended it
function Session:finish(timeout)
  local code, signal = task.timeout(timeout or PATIENCE, self.pty.wait, self.pty)
  return signal > 0 and 128 + signal or code
end

function Session:kill(signal)
  self.pty:kill(signal)
end

--- The terminal goes away; the program gets SIGHUP, and is left to itself.
function Session:hang_up()
  self.pty:hang_up()
end

--- Ends program and terminal.
function Session:close()
  self.pty:close()
  self.reader:wait()
end

Session.__close = Session.close

return M
