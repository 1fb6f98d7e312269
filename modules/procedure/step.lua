--- run:step and run:stage.
local dry = require "fairlead.procedure.dry"
local errors = require "fairlead.errors"
local guards = require "fairlead.procedure.guard"
local locks = require "fairlead.procedure.lock"
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local value = require "fairlead.procedure.value"

local M = {}

---@class procedure.StepOptions
---@field intent? any what the step is about to do, as text or plain data; recorded before acting, matched on resume
---@field already? fun(begun: table|nil): any looks at the world: the result when it is done already, nil or false
--- when it is not. begun: the record of an attempt that did not end, {began= unix seconds of the first, attempts=,
--- error=, …}
---@field repeatable? boolean doing it twice does no harm: it only reads, say. Then it needs no `already` to be resumed
---@field reads? boolean it only reads, and what it read is kept: a dry run does it, and it may be done twice
---@field act fun(): any does it; its result must be plain data
---@field pretend? any a dry run's result where it would act: plain data, or a function that gives them

local FIELDS <const> = { intent = true, already = true, repeatable = true, reads = true, act = true,
  pretend = true }

local function check(name, what)
  nodes.check_name(name, "run:step", 4)
  if type(what) == "function" then return { act = what } end
  if type(what) ~= "table" or type(what.act) ~= "function" then
    error(("run:step %q: a function or {intent=, already=, act=function} expected, got %s"):format(name,
      type(what) == "table" and "a table without act" or type(what)), 3)
  end
  if what.already ~= nil and type(what.already) ~= "function" then
    error(("run:step %q: already: function expected, got %s"):format(name, type(what.already)), 3)
  end
  for field in pairs(what) do
    if not FIELDS[field] then
      error(("run:step %q: unknown field '%s' (it takes intent, already, repeatable, reads, act, pretend)"):format(name,
        tostring(field)), 3)
    end
  end
  return what
end

-- It was begun, and whether it was done nobody can tell. Doing it again would be a guess.
local function raise_unsure(node, record)
  errors.raise {
    kind = "resume.unsure", op = "step", target = node.path,
    message = record.status == "failed" and ("was begun and failed (%s); whether it took effect is not known")
        :format(record.error or "no reason is recorded")
      or "was begun, and the run ended before its result was known; whether it took effect is not known",
    hint = "give it already=function() … end that looks for its effect, or repeatable=true where doing it twice does "
      .. "no harm; then resume with --accept-change",
  }
end

-- Does it between its beginning and its end on the record. A failure is recorded as one; an interruption leaves it
-- begun.
local function act(run, node, key, what, plain)
  guards.check(run, node)
  locks.check(run, node)
  run.recorder:begin(key, what.intent)
  local _ <close> = nodes.recording_failure(run, key)
  locks.check(run, node) -- again: recording may have taken its time, or the process stood still
  local result = what.act()
  plain(result)
  return result
end

local function do_step(run, name, what)
  local intent = run.dry and dry.text(what.intent) or what.intent
  local intent_text = intent ~= nil and value.describe(intent) or nil
  local node <close> = nodes.open(run, "step", name, { intent = intent_text })
  local key = node:key(intent)
  local record = node:recorded(key, intent)
  if record and record.status == "finished" then
    node:skip "recorded"
    return record.result
  end
  nodes.check_replayed(node, record)
  local function plain(result)
    local unfit = value.unfit(result, "result")
    if unfit then
      error(("run:step %q: %s, which cannot be recorded; return plain data"):format(name, unfit), 4)
    end
  end
  local found, unlooked
  if what.already then found, unlooked = dry.look(run, what.already, record) end
  if found then
    plain(found)
    if not run.dry then
      run.recorder:begin(key, what.intent)
      run.recorder:finish(key, found)
    end
    node:skip "already"
    return found
  end
  if run.dry and what.reads then
    found, unlooked = dry.look(run, what.act)
    plain(found)
    if found ~= nil then return found end
  end
  if run.dry then
    local why = run.pretended and unlooked or {}
    local would = not what.reads and (intent_text or name) or nil
    node:skip("dry run", { would = would, note = why.text, error = why.error })
    return dry.pretend(run, node, what.pretend)
  end
  if record and not (what.already or what.repeatable or what.reads) then raise_unsure(node, record) end
  local result = act(run, node, key, what, plain)
  run.recorder:finish(key, result)
  return result
end

local function do_stage(run, name, fn, ...)
  local _ <close> = nodes.open(run, "stage", name)
  return fn(...)
end

---@param Run table the class of runs
function M.install(Run)
  ---Does something once. Before acting its intent is recorded; after, its result. `already` is asked first, so that
  ---what is done in the world is not done again, whoever did it. On resume a finished step gives its recorded result;
  ---one that was begun and has no `already` ends the run, unless it is repeatable.
  ---@async
  ---@param name string unique enough for a person; a repeated name gets a number
  ---@param what procedure.StepOptions|fun(): any
  ---@return any result plain data, as returned by `act` or found by `already`
  ---errors: kinds "resume.mismatch" (recorded was another step), "resume.unsure" (begun, and nothing tells whether
  --- done)
  function Run:step(name, what)
    what = check(name, what)
    local intent = self.dry and dry.text(what.intent) or what.intent
    local problem = value.unfit(intent, "intent")
    if problem then error(("run:step %q: %s, which cannot be recorded"):format(name, problem), 2) end
    if self.supervise then
      return supervise.call(self, { kind = "step", name = name, intent = what.intent }, do_step, self, name, what)
    end
    return do_step(self, name, what)
  end

  ---What is on record of a step, wait or gate of this name, right here, from a process of this run that ended before:
  ---what led up to it is not needed again. It counts as come to, though it may not be.
  ---@param name string
  ---@return "begun"|"finished"|"failed"|nil status nil: nothing
  function Run:recorded(name)
    nodes.check_name(name, "run:recorded")
    local here = nodes.current(self)
    local record = self.recorder:find { id = here == self.root and name or here.path .. "/" .. name }
    return record and record.status
  end

  ---A part of the procedure that groups steps: a branch of the tree, a name in the plan. It is not recorded (the steps
  ---in it are), so it is gone through again on resume, and in a dry run too.
  ---@async
  ---@param name string
  ---@param fn fun(...): ...
  ---@return any ... what `fn` returns
  function Run:stage(name, fn, ...)
    nodes.check_name(name, "run:stage")
    if type(fn) ~= "function" then
      error(("run:stage %q: function expected, got %s"):format(name, type(fn)), 2)
    end
    if self.supervise then
      return supervise.call(self, { kind = "stage", name = name }, do_stage, self, name, fn, ...)
    end
    return do_stage(self, name, fn, ...)
  end

  ---A key that is the same each time this step runs in this run, and in no other: for services that take one.
  ---@return string id 32 hexadecimal digits
  function Run:step_id()
    local node = nodes.current(self)
    if node == self.root then error("run:step_id: called outside any step", 2) end
    return require "fairlead.digest".sha256(self.id .. "\0" .. node.path):sub(1, 32)
  end
end

return M
