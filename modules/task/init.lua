--- Tasks: several waits at once, in a structure. A task that is started here never outlives the call (or, for
--- `start`, the task) that started it; the first failure cancels the others and is raised; a cancelled task's
--- `<close>` variables run and may wait.
local errors = require "fairlead.errors"
local native = require "fairlead.task.native"
local sleep = require("fairlead.clock.native").sleep

local M = {}

---@class Task
---@field wait fun(self: Task): ... waits for the end; what its function returned, or raises what it raised
---@field result fun(self: Task): ... the same for one that has finished
---@field cancel fun(self: Task, reason: string?) raises an error of kind "cancelled" in it, at its next wait
---@field status fun(self: Task): string, string? "ready", "running", "waiting", "held", "done" or "failed"; what it
--- waits for
---@field held fun(self: Task): number seconds during which a debugger held it, or a task below it: no deadline counts
--- them

---@class TaskEvent
---@field set fun(self: TaskEvent) wakes all that wait
---@field clear fun(self: TaskEvent)
---@field wait fun(self: TaskEvent) returns at once when it is set
---@field is_set fun(self: TaskEvent): boolean

-- What each task was told to know, by M.set_context; the tasks that it starts know it from their beginning.
local contexts = setmetatable({}, { __mode = "k" })

---A function for a task that is started otherwise than here: it will know what the running task was told to know.
---@param fn function
---@return function
function M.inherit(fn)
  local context = contexts[coroutine.running()]
  if context == nil or type(fn) ~= "function" then return fn end
  return function(...)
    contexts[coroutine.running()] = context
    return fn(...)
  end
end
local inherit <const> = M.inherit

---What the running task was told to know, itself or by the task that started it.
---@return any
function M.context()
  return contexts[coroutine.running()]
end

---Has the running task, and those that it starts from now on, know something: which part of a procedure they are in,
--- say.
---@param context any nil: nothing
function M.set_context(context)
  contexts[coroutine.running()] = context
end

---Starts `fn(...)` in the background of the calling task, which ends it when it ends itself. A failure of one that
---nobody waits for is the caller's failure, at its next wait.
---@param fn function
---@return Task
function M.start(fn, ...)
  return native.start(inherit(fn), ...)
end

---Something that tasks can wait for: not set at first.
---@return TaskEvent
M.event = native.event

---Labels the running task, for messages.
---@param text string
M.name = native.name

---The running task, the task that it is part of, and so on to the root: also from within a script's own coroutine.
---@return Task ...
M.lineage = native.lineage

---Whether a task is being cancelled: the running one, or one that it is part of.
---@param co thread its coroutine
---@return boolean
M.is_ending = native.is_ending

---Whom Ctrl-C means from now on: a task (the first cancels it, the second cuts its cleaning short), an event (it is
---set), nil: the root task, and so the whole program, as in the beginning. The third that nobody acts on kills the
---program; each call begins counting anew, and so does an event that was clear. SIGTERM always means the root task.
---@param target Task|TaskEvent|nil
M.on_interrupt = native.on_interrupt

---@class TaskEntry
---@field task Task
---@field name? string what task.name called it
---@field depth integer 0: the root task
---@field parent? Task the one that started it
---@field state "ready"|"running"|"waiting"|"held"
---@field waits_for? string the function that waits in it
---@field since? number unix seconds of its clock: when it began to wait

---All tasks that have not finished: each before those that it started, which are in the order of their start.
---@return TaskEntry[]
function M.list()
  local list = {}
  local function add(task, parent, depth)
    local name, waits_for, since = native.about(task)
    list[#list + 1] = {
      task = task, name = name, depth = depth, parent = parent, state = task:status(), waits_for = waits_for,
      since = since,
    }
    for _, child in ipairs(native.children(task)) do add(child, task, depth + 1) end
  end
  local root = native.root()
  if root then add(root, nil, 0) end
  return list
end

---Gives a closing handler, and all tasks around it that are being cancelled, so long from now on; without it they have
---ten seconds. A second interrupt still cuts them short.
---@param seconds number at most an hour
M.more_time = native.more_time

-- List entries in order, then named entries by name: the same order each time.
local function ordered_keys(functions)
  local keys = {}
  for key in pairs(functions) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if math.type(a) == "integer" and math.type(b) == "integer" then return a < b end
    if type(a) ~= type(b) then return type(a) == "number" end
    return tostring(a) < tostring(b)
  end)
  return keys
end

local function check_functions(name, functions)
  if type(functions) ~= "table" then
    error(("bad argument #1 to '%s' (table of functions expected, got %s)"):format(name, type(functions)), 3)
  end
  for key, fn in pairs(functions) do
    if type(fn) ~= "function" then
      error(("bad argument #1 to '%s' (field %s: function expected, got %s)"):format(name, tostring(key), type(fn)), 3)
    end
  end
end

local function start_all(tasks, functions)
  local key_of = {}
  for _, key in ipairs(ordered_keys(functions)) do key_of[tasks:start(inherit(functions[key]))] = key end
  return key_of
end

---Runs all functions at once.
---@async
---@param functions table<any, function>
---@return table results the first result of each, by the same key; raises the first failure, the others being cancelled
function M.all(functions)
  check_functions("task.all", functions)
  local tasks <close> = native.group()
  local key_of, results = start_all(tasks, functions), {}
  for task in tasks.next, tasks do results[key_of[task]] = task:result() end
  return results
end

---Runs all functions at once until the first returns or fails; cancels the others.
---@async
---@param functions table<any, function> at least one
---@return any result the winner's first result
---@return any key the winner's key
function M.race(functions)
  check_functions("task.race", functions)
  if next(functions) == nil then error("bad argument #1 to 'task.race' (at least one function expected)", 2) end
  local tasks <close> = native.group()
  local key_of = start_all(tasks, functions)
  local winner = tasks:next()
  return (winner:result()), key_of[winner]
end

---Calls `fn(item, index)` for every item of a list, several at once.
---@async
---@param list any[]
---@param fn fun(item: any, index: integer): any
---@param options { limit: integer? }? how many at once; default: all
---@return any[] results the first result of each call, in the list's order
function M.map(list, fn, options)
  if type(list) ~= "table" then error("bad argument #1 to 'task.map' (list expected, got " .. type(list) .. ")", 2) end
  if type(fn) ~= "function" then
    error("bad argument #2 to 'task.map' (function expected, got " .. type(fn) .. ")", 2)
  end
  fn = inherit(fn)
  local limit = options and options.limit or #list
  if math.type(limit) ~= "integer" or limit < 1 and #list > 0 then
    error("bad argument #3 to 'task.map' (field 'limit': an integer of 1 or more expected)", 2)
  end
  local tasks <close> = native.group()
  local index_of, results, started = {}, {}, 0
  local function start_next()
    if started == #list then return end
    started = started + 1
    index_of[tasks:start(fn, list[started], started)] = started
  end
  for _ = 1, limit do start_next() end
  for task in tasks.next, tasks do
    results[index_of[task]] = task:result()
    start_next()
  end
  return results
end

---For how long the running task, or a task below it, was held by a debugger so far.
---@return number seconds of its clock
function M.held()
  return (native.lineage()):held()
end

local SOON <const> = 0.1 -- seconds between two looks at one that is held when its time would be over

-- Sleeps until the task has had its time, not counting that during which a debugger held it.
local function wait_for_end(work, seconds)
  local slept = seconds
  sleep(seconds)
  while work:held() + seconds > slept do
    local left = math.max(work:held() + seconds - slept, SOON)
    sleep(left)
    slept = slept + left
  end
end

---Calls `fn(...)` and cancels it after `seconds`, not counting those during which a debugger held it.
---@async
---@param seconds number
---@param fn function
---@return ... fn's results; raises kind "timeout" when it took longer
function M.timeout(seconds, fn, ...)
  local tasks <close> = native.group()
  local work = tasks:start(inherit(fn), ...)
  local limit = tasks:start(wait_for_end, work, seconds)
  if tasks:next() == limit then
    errors.raise { kind = "timeout", message = ("not finished within %g s"):format(seconds), retryable = true }
  end
  return work:result()
end

return M
