--- The tree of a run: where in it each task is, and the events that each part's beginning and end make.
---
--- A node is one step, stage, wait or gate while it is under way. Its `<close>` tells the end, so that an error, a
--- cancellation and a plain return all leave the tree in order.
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local events = require "fairlead.procedure.events"
local task = require "fairlead.task"
local value = require "fairlead.procedure.value"

local M = {}

---@class procedure.Node
---@field run procedure.Run
---@field name string
---@field path string
---@field kind "step"|"stage"|"wait"|"gate"|"run"
---@field parent? procedure.Node
---@field since number
---@field counts table<string, integer> how often each name was used directly below this node
---@field occurrence integer which of the nodes of its name in its parent
---@field scope? string the parallel branch whose steps come one after another with it; "" for the run itself
---@field attempt? integer of a supervised run: how often it was called
---@field part? procedure.Place of a supervised run: what its supervisor knows it as
---@field ended? string set when the end has been told
---@field entry? procedure.Key what a recorder knows it by, once it was asked for
local Node = {}
Node.__index = Node

---@param run procedure.Run
---@return procedure.Node
function M.root(run)
  return setmetatable({ run = run, name = "", path = "", kind = "run", counts = {}, since = clock.now() }, Node)
end

---Whether a node is another, or below it.
---@param node procedure.Node?
---@param ancestor procedure.Node
---@return boolean
function M.is_below(node, ancestor)
  while node do
    if node == ancestor then return true end
    node = node.parent
  end
  return false
end

-- The node that the running coroutine was told to be in: it, or the task that it was started by, opened it.
local function place_of(run)
  local node = task.context()
  return getmetatable(node) == Node and node.run == run and node or nil
end

---The node that the running code belongs to.
---
---A coroutine of the script's own is not known here; it belongs to the innermost node that everything now under way is
---part of.
---@param run procedure.Run
---@return procedure.Node
function M.current(run)
  local known = place_of(run)
  if known then return known end
  local open = run.open
  local node = open[#open] or run.root
  for i = #open - 1, 1, -1 do
    while not M.is_below(open[i], node) and not M.is_below(node, open[i]) do node = node.parent end
  end
  return node
end

---The line of steps that a coroutine is: that of the run itself, or of one of its branches.
---@param run procedure.Run
---@param co thread
---@return string|nil scope "" for the run itself; nil: a task that the script started by itself
function M.scope_of(run, co)
  return co == run.main and "" or run.branches[co]
end

---Wraps a function that another task will call, so that it belongs to `node` there.
---@param node procedure.Node
---@param fn function
---@return function
function M.bind(node, fn)
  return function(...)
    task.set_context(node)
    return fn(...)
  end
end

---@param name any
---@param where string the method, for the message
---@param level? integer of the script's call, as for error(); 3 when the method itself calls this
function M.check_name(name, where, level)
  if type(name) ~= "string" or name == "" then
    error(("%s: name: non-empty text expected, got %s"):format(where, name == "" and "none" or type(name)), level or 3)
  end
  if name:find "[/%c]" then
    error(("%s: name %q: a name has no '/' (it separates the names of a path) and no control characters")
      :format(where, name), level or 3)
  end
end

-- Called again by its supervisor a part keeps its number; the others of its name have theirs.
local function number_of(run, parent, name, co)
  local place = run.supervise and run.supervised[co]
  local known = place and place.parent == parent and place.name == name
  local count = known and place.occurrence or (parent.counts[name] or 0) + 1
  parent.counts[name] = math.max(count, parent.counts[name] or 0)
  if known then run.supervised[co] = nil end
  return count, known and place or nil
end

-- Two tasks that use one name at the same time would take each other's numbers, and so each other's records, on resume.
local function check_unique(run, parent, name, co)
  for _, other in ipairs(run.open) do
    if other.parent == parent and other.base == name and other.task ~= co and other.kind ~= "stage" then
      error(("run:%s %q: another task is in a %s of this name; give each its own name, or its own stage")
        :format(other.kind, name, other.kind), 4)
    end
  end
end

---The path of one of the nodes of a name directly below a node.
---@param parent procedure.Node
---@param name string
---@param count integer which of them
---@return string path
---@return string own its own name
function M.path_of(parent, name, count)
  local own = count > 1 and ("%s (%d)"):format(name, count) or name
  return parent.path == "" and own or parent.path .. "/" .. own, own
end

---Begins a node and tells it.
---@param run procedure.Run
---@param kind "step"|"stage"|"wait"|"gate"
---@param name string
---@param fields? table what `step.started` says beside the path
---@return procedure.Node node to be closed
function M.open(run, kind, name, fields)
  local co = coroutine.running()
  local parent = M.current(run)
  if kind ~= "stage" then check_unique(run, parent, name, co) end
  local count, place = number_of(run, parent, name, co)
  local path, own = M.path_of(parent, name, count)
  local node = setmetatable({
    run = run,
    kind = kind,
    name = own,
    base = name,
    occurrence = count,
    scope = M.scope_of(run, co),
    path = path,
    parent = parent,
    counts = {},
    since = clock.now(),
    task = co,
    place_before = task.context(),
  }, Node)
  task.set_context(node)
  run.open[#run.open + 1] = node
  run.failure = nil -- the script went on, so an earlier failure was dealt with
  local event = fields or {}
  event.event, event.kind = "step.started", kind
  if place then
    place.node, place.path, place.occurrence = node, node.path, count
    node.part = place
    node.attempt = place.attempts
    event.attempt = node.attempt > 1 and node.attempt or nil
  end
  node:emit(event)
  return node
end

---@param event table
function Node:emit(event)
  event.path, event.step = self.path, self.name
  self.run.stream:emit(event)
end

---@class procedure.Key
---@field id string unique in the run: the path, and for what belongs to a node more than that
---@field kind "step"|"wait"|"gate"|"question"|"notify"
---@field path string
---@field occurrence integer
---@field scope? string as a node's; nil in a task that the script started by itself
---@field digest string of the arguments: another one means that it is no longer the same entry

---What a recorder knows this node by.
---@param arguments any plain
---@return procedure.Key key
function Node:key(arguments)
  self.entry = {
    id = self.path,
    kind = self.kind,
    path = self.path,
    occurrence = self.occurrence,
    scope = self.scope,
    digest = digest.sha256(value.canonical { self.kind, self.path, value.canonical(arguments) }),
  }
  return self.entry
end

---What is recorded of this node, when it is still the same.
---@param key procedure.Key
---@param arguments any plain
---@return table|nil record
---errors: kind "resume.mismatch"
function Node:recorded(key, arguments)
  local record = self.run.recorder:find(key)
  if not record or record.digest == key.digest then return record end
  local message
  if record.kind ~= key.kind then
    message = ("was recorded as a %s, the script now has a %s"):format(record.kind, key.kind)
  else
    message = ("was recorded with the intent %s, the script now has %s"):format(
      value.brief(record.intent), value.brief(arguments))
  end
  errors.raise {
    kind = "resume.mismatch", op = key.kind, target = key.path, message = message,
    hint = "the script or its arguments changed since; put it back as it was, or start a new run",
  }
end

---For a `<close>` variable: an error that passes it is put on the record as this entry's failure. An interruption is
---not: the entry stays begun, for who takes the run up. Nor is one of a key that is `settled`: its end is on record.
---@param run procedure.Run
---@param key procedure.Key
---@return table guard
function M.recording_failure(run, key)
  return setmetatable({}, { __close = function(_, err)
    if err == nil or run.dry or key.settled then return end
    local kind = errors.wrap(err).kind
    if kind == "cancelled" or kind:find "^waiting%." then return end
    local _, lost = try(run.recorder.fail, run.recorder, key, err)
    if lost then run:warn("the failure could not be recorded: " .. tostring(lost)) end
  end })
end

---In a replay nothing is done: what is not on record ends it here.
---@param node procedure.Node
---@param record table|nil
function M.check_replayed(node, record)
  if node.run.mode ~= "replay" or (record and record.status == "finished") then return end
  errors.raise {
    kind = "replay.end", op = node.kind, target = node.path,
    message = record and "was under way or had failed here; a replay does not do it" or "is not on record up to here",
  }
end

---Ends a node that did nothing: it was done before, or this is a dry run.
---@param why "already"|"recorded"|"dry run"|"by hand"
---@param fields? table
function Node:skip(why, fields)
  local event = fields or {}
  event.event, event.why = "step.skipped", why
  event.elapsed = events.round(clock.now() - self.since)
  self.ended, self.why_skipped = "skipped", why
  self:emit(event)
end

local function status_of(err)
  if err == nil then return "done" end
  local kind = type(err) == "table" and err.kind or "script"
  if kind == "cancelled" then return "cancelled" end
  if kind == "dry_run.end" or kind:find "^waiting%." then return "stopped" end
  return (kind == "gate" or kind:find "^gate%.") and "refused" or "failed"
end

function Node:__close(err)
  local run = self.run
  if coroutine.running() == self.task then task.set_context(self.place_before) end
  for i = #run.open, 1, -1 do
    if run.open[i] == self then
      table.remove(run.open, i)
      break
    end
  end
  run.waits[self] = nil
  if self.ended then
    if self.parent == run.root and self.why_skipped ~= "dry run" then run.completed[self.name] = true end
    return
  end
  local event = {
    event = "step.finished",
    status = status_of(err),
    elapsed = events.round(clock.now() - self.since),
  }
  self.ended = event.status
  if err ~= nil then
    local wrapped = errors.wrap(err)
    event.error, event.reason = tostring(wrapped), wrapped.reason or wrapped.kind
    -- The innermost node that an error passes names the place; those around it pass the same error on, and siblings
    -- are only cancelled because of it.
    local failure = run.failure
    if not failure or (not rawequal(failure.raised, err) and event.status ~= "cancelled") then
      run.failure = { raised = err, path = self.path }
    end
  elseif self.parent == run.root then
    run.completed[self.name] = true
  end
  self:emit(event)
end

return M
