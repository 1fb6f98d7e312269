--- Stopping tasks to look at them, while all others go on: at breakpoints, line by line, and where they failed.
---
--- A script stops itself by `breakpoint()`; `break_at` does so from outside. Where no debugger is attached nothing
--- stops, and nothing is paid for. Deadlines around a task that is stopped are held (Task:held), and virtual time
--- stands still.
local breakpoints = require "fairlead.debugger.breakpoints"
local errors = require "fairlead.errors"
local frames = require "fairlead.debugger.frames"
local native = require "fairlead.debugger.native"
local task = require "fairlead.task"

local M = {}

---@class debugger.Stop
---@field id integer
---@field kind "breakpoint"|"step"|"failure"
---@field task Task
---@field name? string the task's
---@field error? Error of a failure
---@field where string "file:line" of the script
---@field since number unix seconds of the task's clock
---@field frames debugger.Frame[] the innermost first; then those of the tasks that wait for this one
---@field private hold table
local Stop = {}
Stop.__index = Stop
Stop.__name = "debugger.Stop"

---@class debugger.Options
---@field on_stop async fun(stop: debugger.Stop) called in a task of its own for each stop
---@field on_passed? fun(place: {task: Task, where: string}) a breakpoint was passed where Lua cannot wait: inside
--- table.sort, string.gsub, a finalizer; in one go a hundred times at most

---@class debugger.Attached
---@field close fun(self: debugger.Attached) lets all go on; failures take their course
local Attached = {}
Attached.__index = Attached

local stops, last_id = {}, 0 -- of tasks that have not gone on, by id

local function place_of(list)
  for _, frame in ipairs(list) do
    if not frame.ours then return ("%s:%d"):format(frame.source, frame.line) end
  end
  local first = list[1]
  return first and ("%s:%d"):format(first.source, first.line) or "?"
end

-- What a hook noted of the place where it holds this task.
local function held_of(of)
  for _, stop in pairs(stops) do
    if stop.task == of and stop.hold:is_held() then return stop.held end
  end
  return nil
end

-- Also of the tasks around it, which wait for it.
local function frames_of(stop)
  local list = {}
  frames.add(stop.task, stop.held, list)
  local owner = native.owner(stop.task)
  while owner do
    local state = owner:status()
    if state == "waiting" or state == "held" then frames.add(owner, held_of(owner), list) end
    owner = native.owner(owner)
  end
  return list
end

local function stop_of(hold)
  local kind, of, _, err, line, names = hold:about()
  last_id = last_id + 1
  local name, _, since = require("fairlead.task.native").about(of)
  local stop = setmetatable({
    id = last_id, kind = kind, task = of, name = name, error = err, since = since, hold = hold,
    held = line and { line = line, names = names } or nil,
  }, Stop)
  stop.frames = frames_of(stop)
  stop.where = place_of(stop.frames)
  stops[stop.id] = stop
  return stop
end

local function go(stop, how)
  if not stop.hold:is_held() then
    errors.raise {
      kind = "debugger.stale", op = "debugger", message = ("stop %d is over: the task has gone on"):format(stop.id),
    }
  end
  if how and stop.kind == "failure" then
    errors.raise {
      kind = "usage", op = "debugger",
      message = "a task that has failed cannot go on: its error can only take its course (stop:release())",
    }
  end
  stops[stop.id] = nil
  stop.hold:go(how)
end

---Lets the task go on until something else stops it.
function Stop:continue()
  go(self, self.kind == "failure" and "on" or nil)
end

---Lets it go on until the next line, also one of a function, of a coroutine or of a task that it calls or starts.
---Fairlead's own modules are passed.
function Stop:step()
  go(self, "step")
end

---Lets it go on until the next line of this function, or of one that called it.
function Stop:next()
  go(self, "next")
end

---Lets it go on until the line after this function's call, in the one that called it.
function Stop:finish()
  go(self, "finish")
end

---Lets a failure's error take its course: the task's closing handlers run, then it has failed.
function Stop:release()
  go(self, nil)
end

---Whether the task is still stopped here.
---@return boolean
function Stop:is_live()
  return self.hold:is_held()
end

local function passed(options, event)
  if not options.on_passed then return end
  options.on_passed { task = event.task, where = ("%s:%d"):format((event.source:gsub("^[@=]", "")), event.line) }
end

local function detach(attached)
  if attached.closed then return end
  attached.closed = true
  breakpoints.detach()
  stops = {}
  native.detach()
end

function Attached:close()
  detach(self)
  self.listener:cancel "the debugger was detached"
end
Attached.__close = Attached.close

local function listen(attached, options)
  local _ <close> = setmetatable({}, { __close = function() detach(attached) end }) -- with the task that attached it
  task.name "debugger"
  while true do
    local event = native.next()
    if type(event) == "table" then
      passed(options, event)
    elseif event:is_held() then
      task.start(options.on_stop, stop_of(event))
    end
  end
end

---From now on tasks stop at breakpoints, and those of `debugger.start` where they fail.
---@param options debugger.Options
---@return debugger.Attached attached to be closed; it ends with the running task
function M.attach(options)
  if type(options) ~= "table" or type(options.on_stop) ~= "function" then
    error("bad argument #1 to 'debugger.attach' (options with a function on_stop expected)", 2)
  end
  native.attach()
  breakpoints.attach()
  local attached = setmetatable({}, Attached)
  attached.listener = task.start(listen, attached, options)
  return attached
end

---Starts `fn(...)` in a task of its own below the running one, as task.start does. When it fails while a debugger is
---attached it is kept as it is, for somebody to look at, until its stop is released or it is cancelled.
---@param fn function
---@return Task
function M.start(fn, ...)
  return native.start(task.inherit(fn), ...)
end

---The tasks that are stopped now, in the order in which they stopped.
---@return debugger.Stop[]
function M.stops()
  local list = {}
  for id, stop in pairs(stops) do
    if stop.hold:is_held() then
      list[#list + 1] = stop
    else
      stops[id] = nil
    end
  end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

---Stops the running task; also a global. Where no debugger is attached it does nothing.
---@async
M.breakpoint = breakpoint

---Has every task stop before a line is executed.
---@param file string the end of a source's path: "planning-data.lua" or "scripts/planning-data.lua"
---@param line integer where it has no code: the next one that has
---@return integer id
---@return debugger.Breakpoint breakpoint where it is; pending while no such file is loaded
---errors: kind "usage": the file is loaded and has no code from that line on
function M.break_at(file, line)
  return breakpoints.add(file, line)
end

---@return debugger.Breakpoint[] in the order in which they were made
function M.breakpoints()
  return breakpoints.list()
end

---Removes a breakpoint.
---@param id integer
---@return boolean removed whether there was one
function M.remove(id)
  return breakpoints.remove(id)
end

---Whether virtual time goes on with what is not stopped, while something is; it stands still at first. A deadline of
---what is stopped is held all the same.
---@param passes boolean
M.let_time_pass = native.let_time_pass

return M
