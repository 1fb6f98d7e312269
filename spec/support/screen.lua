-- A program on a real terminal: tmux holds the pseudo-terminal, and shows what is on its screen.
local clock = require "fairlead.clock"
local process = require "fairlead.process"
local program = require "spec.support.program"

local M = {}

local PATIENCE <const> = 20 -- seconds; sanitized programs on a busy machine are slow

local Screen = {}
Screen.__index = Screen

local function tmux(self, ...)
  local words = { "tmux", "-S", self.folder.path .. "/tmux", "-f", "/dev/null", "-u", ... }
  words.timeout = PATIENCE
  return process.run(words):check()
end

-- Starts a program on a screen of `columns` by `rows`. `env` are further variables, as "NAME=value".
function M.start(columns, rows, command, env)
  local self = setmetatable({ folder = program.folder() }, Screen)
  local words = { "env", "TERM=screen-256color", "LC_ALL=C.UTF-8", "GITHUB_ACTIONS=" }
  table.move(env or {}, 1, #(env or {}), #words + 1, words)
  for _, word in ipairs(command) do words[#words + 1] = "'" .. word .. "'" end
  -- The shell stays when the program has ended, by Ctrl-C too, so that the screen can still be read.
  local line = "trap : INT; " .. table.concat(words, " ") .. "; echo \"[ended $?]\"; read -r _"
  tmux(self, "new-session", "-d", "-x", tostring(columns), "-y", tostring(rows), line)
  return self
end

-- What is on the screen, and with `history` what scrolled away: lines without the spaces at their ends.
function Screen:read(history)
  local text = tmux(self, "capture-pane", "-p", table.unpack(history and { "-S", "-500" } or {})).stdout
  return (text:gsub(" +\n", "\n"):gsub("\n+$", "\n"))
end

-- The same with colours, as escape sequences.
function Screen:read_coloured()
  return tmux(self, "capture-pane", "-p", "-e").stdout
end

-- Waits until the screen shows a pattern.
function Screen:wait(pattern, history)
  local deadline = clock.now() + PATIENCE
  while true do
    local text = self:read(history)
    if text:find(pattern) then return text end
    if clock.now() > deadline then error(("no %q on the screen:\n%s"):format(pattern, text), 2) end
    clock.sleep(0.05)
  end
end

function Screen:type(text)
  tmux(self, "send-keys", "-l", text)
  tmux(self, "send-keys", "Enter")
end

function Screen:interrupt()
  tmux(self, "send-keys", "C-c")
end

function Screen:resize(columns, rows)
  tmux(self, "resize-window", "-x", tostring(columns), "-y", tostring(rows))
end

function Screen:cursor_is_shown()
  return tmux(self, "display-message", "-p", "#{cursor_flag}").stdout == "1\n"
end

function Screen:__close()
  pcall(tmux, self, "kill-server")
  local _ <close> = self.folder
end

return M
