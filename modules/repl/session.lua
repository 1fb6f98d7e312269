--- A session: reads lines, runs each as a task of its own, shows what it gives. Everything else of the REPL hangs on
--- this: commands, completion, the debugger, runs, the question before real writes.
local commands = require "fairlead.repl.commands"
local environment = require "fairlead.repl.environment"
local errors = require "fairlead.errors"
local evaluate = require "fairlead.repl.evaluate"
local inputs = require "fairlead.repl.input"
local jobs = require "fairlead.repl.jobs"
local lines = require "fairlead.repl.line"
local questions = require "fairlead.repl.questions"
local reserve = require "fairlead.repl.reserve"
local task = require "fairlead.task"

local M = {}

local KEPT <const> = 9 -- results, `_1` to `_9`

---@class repl.Session
---@field place "world"|"real"
---@field world fairlead.world.World|nil the simulated services
---@field folder fairlead.world.Folder|nil the world's repositories and state, while the session runs
---@field script string|nil path of the script
---@field procedure procedure.Procedure|nil what the script returns
---@field interactive boolean somebody sits at a terminal
---@field colour boolean
---@field settings {width: integer|nil, depth: integer|nil, items: integer|nil, keys: string} what `:set` sets
---@field env table what lines see
---@field frame table|nil the debugger's: the frame in which lines are evaluated
---@field stop table|nil the debugger's: the stop that is looked at
---@field clock userdata|nil on which lines live; nil: the real one
---@field editor Editor|nil
---@field output repl.Output
---@field input repl.Input
---@field jobs repl.Jobs background lines, while the session runs
---@field results any[] of the last lines, the newest first
---@field last_error Error|nil
---@field exit_code integer of the last line
---@field count integer lines so far
---@field questions repl.Questions
---@field said string the text of the last line
---@field interrupted TaskEvent|nil Ctrl-C at the prompt
---@field cleared boolean it came since the prompt was opened
---@field line Task|nil that runs in the foreground
---@field carried repl.Carried[] what `:start` started
---@field events string[] what those did, a line each
---@field reserve string|nil memory that is kept for the session itself
---@field spent boolean|nil it was needed once
local Session = {}
Session.__index = Session

require "fairlead.repl.show".install(Session)

---@param fields table
---@return repl.Session
function M.new(fields)
  local self <const> = setmetatable(fields, Session)
  self.results, self.exit_code, self.count = {}, 0, 0
  self.settings = { keys = "emacs" }
  self.prompts, self.closers, self.around, self.starters, self.editor_hooks = {}, {}, {}, {}, {}
  self.asked_to_leave = 0
  self.carried, self.events, self.questions = {}, {}, questions.new(self)
  self.env = environment.new(self)
  return self
end

---Keeps a result for `_` and its kin.
---@param value any
function Session:keep(value)
  table.insert(self.results, 1, value)
  self.results[KEPT + 1] = nil
end

---- what is done ----

local function chunk_name(self)
  return ("=repl %d"):format(self.count)
end

---Evaluates Lua in the session, in the calling task. Its locals live on.
---@async
---@param said string
---@param name? string the chunk's name as load() takes it
---@return boolean ok
---@return any[]|Error results with their number in `n`, or the error
function Session:evaluate(said, name)
  name = name or chunk_name(self)
  local env <const> = self.frame and self.frame:environment(self.env) or self.env
  local chunk, problem, unfinished = evaluate.compile(said, name, env, self.env)
  if not chunk then return false, evaluate.syntax_error(said, problem, unfinished, name) end
  return evaluate.run(chunk)
end

---Carries out a command, in the calling task. Its error is told in one line.
---@async
---@param name string without the colon
---@param argument string
---@return boolean ok
function Session:command(name, argument)
  local _, err = try(function() commands.find(name).run(self, argument) end)
  if not err then return true end
  self:failed(err)
  self.exit_code = errors.exit_code(err)
  return false
end

-- A line of Lua, in its own task.
local function run_line(self, said, name, background)
  local ok, results = self:evaluate(said, name)
  if background then
    if not ok then error(results, 0) end
    return table.unpack(results, 1, results.n)
  end
  self.exit_code = ok and 0 or errors.exit_code(results)
  if not ok then return self:failed(results) end
  if results[1] ~= nil then self:keep(results[1]) end
  self:show(table.unpack(results, 1, results.n))
end

---Runs a line as a task of its own.
---@async
---@param said string
---@param background? boolean do not wait for it
function Session:start(said, background)
  local command, argument = commands.parse(said)
  local name <const> = chunk_name(self)
  local function body()
    task.name(lines.name(said))
    if not command then return run_line(self, said, name, background) end
    self.exit_code = 0
    self:command(command, argument)
  end
  local wrapped <const> = self:wrapped(body, said)
  if background and not command then
    self:announce(self.jobs:start(said, wrapped))
  else
    lines.foreground(self, wrapped, said)
  end
end

---A function that is run as a line is: with what parts of the REPL have around each.
---@param body async fun(): ...
---@param said? string the line's text; the present one's when left out
---@return async fun(): ...
function Session:wrapped(body, said)
  local line <const> = { number = self.count, text = said or self.said }
  for _, fn in ipairs(self.around) do
    local inner <const> = body
    body = function() return fn(line, inner) end
  end
  return body
end

---Says that something goes on in the background.
---@param job repl.Job
function Session:announce(job)
  if self.interactive then self:print(self:paint("dim", ("[%d] started"):format(job.number))) end
end

---Asks yes or no. Without a terminal nobody can answer.
---@async
---@param question string
---@return boolean confirmed
function Session:confirm(question)
  local answer <const> = self:ask(question .. " (yes/no) ")
  local word <const> = answer and answer:lower():match "^%s*(%a*)"
  return word == "yes" or word == "y"
end

---Asks for a line.
---@async
---@param question string
---@return string|nil answer nil: there is no terminal, or nobody wants to answer
function Session:ask(question)
  if not self.editor then return nil end
  self.output.silent = false
  return self.questions:ask(question)
end

---- what parts of the REPL hook into ----

---Has a part change the prompt: `fn(word)` gets its word so far, "world" or "fairlead" at first, and gives another, or
---nil to leave it.
---@param fn fun(word: string): string|nil
function Session:on_prompt(fn)
  table.insert(self.prompts, fn)
end

---Has a part know the line editor once there is one: at a terminal, when the session begins to read.
---@param fn fun(editor: Editor)
function Session:on_editor(fn)
  table.insert(self.editor_hooks, fn)
end

---Has something done when the session ends, the last registered first.
---@param fn async fun()
function Session:on_close(fn)
  table.insert(self.closers, fn)
end

---Has a part run lines and commands: `fn(line, body)` calls `body()` in the line's own task, and gives its results.
---`line` has `number` and `text`.
---@param fn async fun(line: {number: integer, text: string}, body: async fun(): ...): ...
function Session:on_line(fn)
  table.insert(self.around, fn)
end

---Has a part change how a procedure is carried out by `:start`: `fn(options)` may change the options of
---procedure.execute.
---@param fn fun(options: procedure.ExecuteOptions)
function Session:on_start(fn)
  table.insert(self.starters, fn)
end

---The prompt.
---@return string
function Session:prompt()
  local word = self.place == "world" and "world" or "fairlead"
  for _, fn in ipairs(self.prompts) do word = fn(word) or word end
  if self.writes then word = self.writes:marked(word) end -- after all others: it has to be seen
  return self:paint(word:find "!$" and "red" or "bold", word .. ">") .. " "
end

---Ends the session after this line.
function Session:quit()
  self.ended = true
  self.questions.left = true
end

---Has the session begin with something, without a prompt, and end with it. When something in it stops, lines are read;
---at their end it goes on as if nobody had been there.
---@param said string what it is
---@param body async fun()
function Session:begin_with(said, body)
  self.beginning = { said = said, body = function()
    local ending <close> = setmetatable({}, { __close = function() -- luacheck: ignore ending
      self:quit()
      if self.output.prompting and not self.questions.asking then self.editor:interrupt() end
    end })
    body()
  end }
end

---- the loop ----

-- At the end of the input. A pipe's background lines are waited for: to cut a release short because its commands were
-- all read would be wrong. At a terminal it takes two.
local function at_end(self)
  local running <const> = #self.jobs:running()
  if running == 0 then return self:quit() end
  if self.beginning then return lines.finish(self) end
  if not self.interactive then
    self.stops:leave()
    self.jobs:wait()
    return self:quit()
  end
  self.asked_to_leave = self.asked_to_leave + 1
  if self.asked_to_leave > 1 then return self:quit() end
  local what <const> = running == 1 and "1 background line still runs (:tasks); Ctrl-D again cancels it and ends"
    or "%d background lines still run (:tasks); Ctrl-D again cancels them and ends"
  self:print(what:format(running))
end

local function accept(self, said)
  self.asked_to_leave = 0
  if not said:find "%S" then return end
  self.count, self.said = self.count + 1, said
  if self.editor and commands.may_keep(self, said) then self.editor:add_history(said) end
  if inputs.is_command(said) then return self:start(said) end
  self:start(inputs.background(said))
end

-- One line, or the end.
local function turn(self)
  local kind, said = lines.read(self)
  if kind == "end" then
    at_end(self)
  elseif kind == "text" then
    accept(self, said)
  end
end

local function loop(self)
  if self.beginning then lines.foreground(self, self.beginning.body, self.beginning.said) end
  while not self.ended do
    local _, err = try(turn, self)
    if err then -- not the line's own, which is told: something in the background has filled the memory
      reserve.release(self)
      if not err:is "memory" then error(err, 0) end
      self:failed(err)
    end
  end
end

local function run(self)
  local closing <close> = setmetatable({}, { __close = function() -- luacheck: ignore closing
    for i = #self.closers, 1, -1 do self.closers[i]() end
  end })
  task.name "fairlead repl"
  jobs.with(self, function(running)
    self.jobs = running
    lines.with(self, loop)
  end)
end

---Reads and runs lines until the end.
---@async
---@return integer exit_code of the last line; 0 at a terminal
function Session:run()
  local terminal <close> = self.interactive and require "fairlead.repl.at_terminal".open(self) or nil -- luacheck: ignore
  local installed <close> = self.output:install() -- luacheck: ignore installed
  if self.world then
    require "fairlead.repl.place".inside(self, function() run(self) end)
  else
    run(self)
  end
  return self.interactive and 0 or self.exit_code
end

return M
