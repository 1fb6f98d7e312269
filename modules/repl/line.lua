--- A line while it is read and while it runs: whom Ctrl-C means, and what is said of one that takes long.
local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local inputs = require "fairlead.repl.input"
local native = require "fairlead.task.native"
local reserve = require "fairlead.repl.reserve"
local task = require "fairlead.task"

local M = {}

local LONGEST_NAME <const> = 40
local QUIET <const> = 3 -- seconds that a line may take before anything is said of it

---A line's text shortened to a task's name, without the secrets in it.
---@param said string
---@return string
function M.name(said)
  local text <const> = require "fairlead.faces.text"
  return text.cut(text.clean((require "fairlead.repl.secrets".redact(said):gsub("%s+", " "))), LONGEST_NAME)
end

-- Whom Ctrl-C means: only where somebody sits at the terminal. Of a pipe it ends the whole program.
local function interrupts(self, target)
  if self.interactive then task.on_interrupt(target) end
end

---Calls `body(session)` with Ctrl-C at the prompt clearing the line.
---@async
---@param session repl.Session
---@param body async fun(session: repl.Session)
function M.with(session, body)
  if not session.interactive then return body(session) end
  local helpers <close> = native.group()
  local interrupted <const> = task.event()
  session.interrupted = interrupted
  helpers:start(function()
    task.name "clears the prompt at Ctrl-C"
    while true do
      interrupted:wait()
      interrupted:clear()
      session.cleared = true
      if session.line then -- it began in the same moment
        session.line:cancel "interrupted"
      else
        session.editor:interrupt()
      end
    end
  end)
  local restore <close> = setmetatable({}, { __close = function() task.on_interrupt(nil) end }) -- luacheck: ignore
  body(session)
end

---Reads a chunk.
---@async
---@param session repl.Session
---@return string kind "text", "interrupt" or "end"
---@return string|nil text
function M.read(session)
  interrupts(session, session.interrupted)
  reserve.hold(session)
  session.cleared = false
  session.output:before_prompt()
  session.output.prompting = session.editor ~= nil
  local kind, said = inputs.read(session.input, session:prompt())
  session.output:after_prompt()
  if session.cleared then return "interrupt" end -- with Enter hardly over
  return kind, said
end

-- What a line waits for: itself, or the first of those below it that waits for no other task.
local function waits_for(line)
  local below, leaf = {}, nil
  for _, entry in ipairs(task.list()) do
    if entry.task == line or entry.parent and below[entry.parent] then
      below[entry.task] = true
      if entry.waits_for and not entry.waits_for:find "^task" then
        return entry.waits_for .. (entry.name and entry.task ~= line and (" (%s)"):format(entry.name) or "")
      end
      leaf = entry.waits_for or leaf
    end
  end
  return leaf
end

-- Says what a line waits for when it has waited for long.
local function watch(session, line)
  task.name "tells what a line waits for"
  local began <const> = clock.monotonic()
  clock.sleep(QUIET)
  while true do
    local what <const> = waits_for(line)
    if what then
      local passed <const> = math.floor(clock.monotonic() - began)
      session.output:show_notice(("waits: %s, for %d s; Ctrl-C ends it"):format(what, passed), session:width())
    end
    clock.sleep(1)
  end
end

-- Until the line has ended; false: something in it has stopped, and the prompt is needed to look at that.
local function ends(session, line)
  local helpers <close> = native.group()
  if session.interactive then helpers:start(watch, session, line) end
  return session.stops:ends(line)
end

---Nobody looks any more at what the session began with: it goes on to its end, and Ctrl-C ends it.
---@async
---@param session repl.Session
function M.finish(session)
  session.stops:leave()
  session.questions:leave()
  local job <const> = session.beginning.job
  if job and not job.finished then
    session.line = job.line -- what it asks is asked in the prompt's place
    interrupts(session, job.line)
    try(job.line.wait, job.line)
    session.line = nil
    interrupts(session, session.interrupted)
  end
  session.jobs:wait()
  session:quit()
end

---Runs a line to its end in a task of its own, which Ctrl-C cancels. Its own errors it has told itself. One in which
---something stops goes on in the background.
---@async
---@param session repl.Session
---@param body async fun()
---@param said string the line
function M.foreground(session, body, said)
  local group <const> = native.group() -- closed when the line has ended, else when the session has
  local line <const> = session.clock and group:start_on(session.clock, body) or group:start(body)
  session.line, session.output.silent = line, true
  interrupts(session, line)
  debugger.let_time_pass(true) -- a world's clock stands still for stops only while somebody thinks
  local ended <const> = ends(session, line)
  debugger.let_time_pass(false)
  session.line = nil
  session.output:clear_notice()
  interrupts(session, session.interrupted)
  if not ended then
    local job <const> = session.jobs:adopt(said, line)
    if session.beginning and not session.beginning.job then session.beginning.job = job end
    return
  end
  local closing <close> = group -- luacheck: ignore closing
  -- Its own errors it tells itself, unless it was cancelled, or nothing was left to tell them with.
  if line:status() == "failed" then reserve.release(session) end
  local _, err = try(line.result, line)
  if not err then return end
  -- The terminal has shown ^C, and nothing came after it that began a new line.
  if session.editor and err.kind == "cancelled" and session.output.silent then session.output.column = true end
  session:failed(err)
  session.exit_code = require "fairlead.errors".exit_code(err)
  session.input.pasted = nil -- of an interrupted block nothing more is run
end

return M
