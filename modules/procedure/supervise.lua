--- Supervised runs: whoever carries a run out may have each part of it called by a function of its own, which can call
--- it again in place when it failed, or give a result for it.
---
--- A run without a supervisor comes here nowhere: its parts are plain calls. With one, each part may run in a task of
--- the supervisor's. What a part is known by must not change by that: its place in the tree, its number
--- among those of its name, and its line of steps stay those of the code that called for it.
local errors = require "fairlead.errors"
local nodes = require "fairlead.procedure.node"
local native = require "fairlead.task.native"
local task = require "fairlead.task"
local value = require "fairlead.procedure.value"

local M = {}

---@alias procedure.Supervisor async fun(kind: string, name: string, call: function, place: procedure.Place): any

---@class procedure.Place one part of a run, as its supervisor sees it
---@field run procedure.Run
---@field kind "step"|"stage"|"wait"|"gate"|"lock"|"look"|"procedure" a look is one of a wait's: its check
---@field name string
---@field path string? nil: it has not begun
---@field attempts integer how often it was called
---@field parent procedure.Node that it is a part of
---@field node procedure.Node? of the last attempt
---@field occurrence integer? its number among those of its name
---@field ends? fun(err: Error): boolean of a look: whether an error ends the wait, which deals with the others itself
---@field private intent any of a step
---@field private scope string?
---@field private co thread that called for it
---@field private fn function
---@field private arguments table
local Place = {}
Place.__index = Place
Place.__name = "procedure.Place"

-- What a part of the run registered is registered anew when it is gone through again.
local function forget_below(run, node)
  for i = #run.registered, 1, -1 do
    local one = run.registered[i]
    if nodes.is_below(one.node, node) then
      table.remove(run.registered, i)
      for at = #one.list, 1, -1 do
        if rawequal(one.list[at], one.item) then
          table.remove(one.list, at)
          break
        end
      end
      if one.list == run.background_tasks then one.item:cancel "what started it is gone through again" end
    end
  end
end

-- A look is within a wait, which goes on; its failure was on record for as long as nobody had said that.
local function look_anew(run, node)
  local record = node.entry and run.recorder:find(node.entry)
  local info = run.waits[node]
  if record and record.status == "failed" and info then
    run.recorder:begin(node.entry, nil, { deadline = info.deadline })
  end
end

-- Once more: nothing of the attempt before counts but what is on record.
local function begin_anew(place)
  local run, node = place.run, place.node
  run.failure = nil
  if not node then return end
  forget_below(run, node)
  if place.kind == "look" then return look_anew(run, node) end
  if node == run.root then
    node.counts, run.completed = {}, {}
    run.notices[node] = nil
  end
  if run.recorder.again then run.recorder:again(node.path) end
end

-- A supervisor's own task is taken for the code that called for the part.
local function enter(place, fn, ...)
  local run, co = place.run, coroutine.running()
  if co ~= place.co then
    task.set_context(place.parent)
    run.branches[co] = place.scope
  end
  if place.kind ~= "look" and place.kind ~= "procedure" then run.supervised[co] = place end
  return fn(...)
end

local function attempt(place)
  if place.attempts > 0 then begin_anew(place) end
  place.attempts = place.attempts + 1
  return enter(place, place.fn, table.unpack(place.arguments, 1, place.arguments.n))
end

---Has the run's supervisor call `fn(...)`, a part of the run.
---@async
---@param run procedure.Run one that has a supervisor
---@param fields {kind: string, name: string, intent: any, node: procedure.Node?, ends: function?}
---@param fn async fun(...): ...
---@return any ... what the supervisor gives
function M.call(run, fields, fn, ...)
  local place = setmetatable(fields, Place)
  local co = coroutine.running()
  place.run, place.fn, place.arguments, place.attempts = run, fn, table.pack(...), 0
  place.parent, place.scope, place.co = nodes.current(run), nodes.scope_of(run, co), co
  if place.node then place.path = place.node.path end
  if place.kind == "procedure" then place.node.part = place end
  return run.supervise(place.kind, place.name, function() return attempt(place) end, place)
end

---The path that the part will have, which is about to be called.
---@return string
function Place:next_path()
  local count = self.occurrence or (self.parent.counts[self.name] or 0) + 1
  return (nodes.path_of(self.parent, self.name, count))
end

---What is on record of the part that is about to be called.
---@return table|nil record
function Place:on_record()
  return self.run.recorder:find { id = self:next_path() }
end

---Why no result can be given for this part; nil: it can.
---@return string|nil
function Place:fixed()
  if self.run.dry then return "a dry run records nothing" end
  if self.kind == "gate" then return "a decision is its approvers' to make; the gate can be asked again" end
  if self.kind == "lock" then return "a lock has to be had" end
  if self.kind ~= "step" and self.kind ~= "wait" then
    return ("a %s is not on record: only a step or a wait has a result"):format(self.kind)
  end
  return nil
end

---Takes a value for the result of this step or wait, which somebody answers for: on record, with who and when.
---@async
---@param given any plain data
---@param by string? who
---@return any given
function Place:give(given, by)
  local why = self:fixed() or value.unfit(given, "the value")
  if why then errors.raise { kind = "usage", op = self.kind, target = self.path or self.name, message = why } end
  local run = self.run
  self.attempts = self.attempts + 1
  return enter(self, function()
    local node <close> = nodes.open(run, self.kind, self.name, { by_hand = by or true })
    local key = node:key(self.intent)
    local record = node:recorded(key, self.intent)
    local hand = { id = node.path .. "@by hand", kind = "hand", path = node.path, occurrence = node.occurrence,
      digest = "" }
    run.recorder:begin(hand, { by = by, value = given })
    if not record or record.status ~= "begun" then run.recorder:begin(key, self.intent) end
    run.recorder:finish(key, given)
    run.recorder:finish(hand, { by = by })
    node:skip("by hand", { by = by })
    return given
  end)
end

---Puts on record that an attempt failed, at once: whoever looks at the failure may take long, and its closing handlers
---run later.
---@param err any
---@param where string? "file:line", for those who look at the run from outside
function Place:failed(err, where)
  local node = self.node
  if where then
    local event = { event = "note", kind = "stopped", text = ("%s  at %s"):format(tostring(err), where) }
    if node and node ~= self.run.root then node:emit(event) else self.run.stream:emit(event) end
  end
  local key = node and node.entry
  if not key or key.settled or node.ended or self.run.dry then return end
  local record = self.run.recorder:find(key)
  if record and record.status == "begun" then self.run.recorder:fail(key, err) end
end

---What keeps things alive that belong to the run and to no part of it; nil: it has no supervisor, and they belong to
---the task that starts them.
---@param run procedure.Run
---@return table group to be closed
function M.nursery(run)
  run.nursery = native.group()
  return run.nursery
end

---Starts a task beside the steps: in a supervised run the task of a part ends with each attempt, and this must not.
---@param run procedure.Run
---@param fn function
---@return Task
function M.start_beside(run, fn, ...)
  if not run.nursery then return task.start(fn, ...) end
  return run.nursery:start(fn, ...)
end

---Keeps in mind which part of a supervised run put something into one of its lists.
---@param run procedure.Run
---@param list table
---@param item any
function M.registered(run, list, item)
  if not run.supervise then return end
  run.registered[#run.registered + 1] = { list = list, item = item, node = nodes.current(run) }
end

return M
