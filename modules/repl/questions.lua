--- Questions to whoever sits at the terminal. The foreground line asks in the prompt's place, one question at a time;
--- what runs in the background must not take the prompt away from somebody who types, so its question stands above it
--- until `:answer TEXT`, or until no more lines are read: what then cleans up asks in the prompt's place, too.
local errors = require "fairlead.errors"
local native = require "fairlead.task.native"
local task = require "fairlead.task"

local M = {}

---@class repl.Question
---@field text string
---@field answered TaskEvent
---@field answer string|nil
---@field tasks Task[] who asks, and the tasks around it

---@class repl.Questions
---@field session repl.Session
---@field open repl.Question[] those of background lines, the oldest first
---@field asking boolean the editor asks one
---@field left boolean no more lines are read
local Questions = {}
Questions.__index = Questions

---@param session repl.Session
---@return repl.Questions
function M.new(session)
  return setmetatable({ session = session, open = {}, asking = false, left = false, free = task.event() }, Questions)
end

local function is_foreground(session)
  if not session.line then return false end
  for _, one in ipairs { task.lineage() } do
    if one == session.line then return true end
  end
  return false
end

-- Ctrl-C ends a question of what cleans up after the session's end; a line's own it ends with the line.
local function until_interrupted(self)
  if not self.session.ended or is_foreground(self.session) then return nil end
  local group <const>, interrupted <const> = native.group(), task.event()
  task.on_interrupt(interrupted)
  group:start(function()
    interrupted:wait()
    self.session.editor:interrupt()
  end)
  return setmetatable({}, { __close = function()
    task.on_interrupt(nil)
    group:close()
  end })
end

local function ask_now(self, text)
  while self.asking do
    self.free:clear()
    self.free:wait()
  end
  self.asking = true
  local turn <close> = setmetatable({}, { __close = function() -- luacheck: ignore turn
    self.asking = false
    self.free:set()
  end })
  local output <const> = self.session.output
  output:before_prompt()
  output.prompting = true
  local shown <close> = setmetatable({}, { __close = function() output:after_prompt() end }) -- luacheck: ignore shown
  local ending <close> = until_interrupted(self) -- luacheck: ignore ending
  return (self.session.editor:ask(text))
end

local function ask_above(self, text)
  local question <const> = { text = text, answered = task.event(), tasks = { task.lineage() } }
  table.insert(self.open, question)
  local taken <close> = setmetatable({}, { __close = function() -- luacheck: ignore taken
    for i, other in ipairs(self.open) do
      if other == question then return table.remove(self.open, i) end
    end
  end })
  local asked <const> = text:find "%w" and text:gsub("%s+$", "") or "an answer is waited for"
  self.session:print(self.session:paint("yellow", asked .. "  — :answer TEXT"))
  self.session.stops:wake() -- a command that waits for who asks gives the prompt back
  question.answered:wait()
  if not question.answer and self.left then return ask_now(self, text) end
  return question.answer
end

---No more lines are read: what was asked above the prompt is asked in its place.
function Questions:leave()
  self.left = true
  for _, question in ipairs(self.open) do question.answered:set() end
end

---Asks for a line.
---@async
---@param text string
---@return string|nil answer nil: nobody wants to answer
function Questions:ask(text)
  if self.left or is_foreground(self.session) then return ask_now(self, text) end
  return ask_above(self, text)
end

---Whether a question of a task's, or of one below it, stands above the prompt.
---@param outer Task
---@return boolean
function Questions:is_asked_below(outer)
  for _, question in ipairs(self.open) do
    for _, one in ipairs(question.tasks) do
      if one == outer then return true end
    end
  end
  return false
end

---Answers the oldest question of a background line.
---@param text string
---errors: kind "usage"
function Questions:answer(text)
  local question <const> = self.open[1]
  if not question then errors.raise { kind = "usage", message = "nothing was asked" } end
  question.answer = text
  question.answered:set()
end

return M
