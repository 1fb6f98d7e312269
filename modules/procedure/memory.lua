--- A recorder that keeps a run's steps in memory: for runs that nobody will take up again. The journal's recorder is
--- this one, written to a disk.
---
--- A recorder is what the procedure layer asks before it acts. What it knows an entry by is a procedure.Key (node.lua).
---   recorder:find(key)            -> {status = "begun"|"finished"|"failed", kind=, digest=, intent=, result=, …};
---                                    nil: there is none
---   recorder:begin(key, intent)   before acting, so that an interruption leaves a trace
---   recorder:finish(key, result)  after; from now on `find` gives the result
---   recorder:fail(key, err)       it raised; what it did by then nobody knows
---   recorder:acted_on(key)        whether a step was begun after this entry: an approval was used
---   recorder:again(path)          what is below this path will be come to again (a supervised run; may be missing)
---   recorder:ended(final)         the run has ended
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local value = require "fairlead.procedure.value"

---@class procedure.Recorder
---@field find fun(self, key: procedure.Key): table|nil
---@field begin fun(self, key: procedure.Key, intent: any, options: {deadline: number?}?)
---@field finish fun(self, key: procedure.Key, result: any)
---@field fail fun(self, key: procedure.Key, err: any)
---@field acted_on fun(self, key: procedure.Key): boolean
---@field ended fun(self, final: table)
---@field again? fun(self, path: string)
---@field event? fun(self, event: procedure.Event)

---@class procedure.MemoryRecorder: procedure.Recorder
---@field records table<string, table>
---@field ordinal integer of the newest entry
---@field seen table<string, boolean> entries that the script has come to
local Memory = {}
Memory.__index = Memory

local M = { class = Memory }

---@return procedure.MemoryRecorder
function M.new()
  return setmetatable({ records = {}, ordinal = 0, seen = {} }, Memory)
end

---@param key procedure.Key
---@return table|nil record a copy
function Memory:find(key)
  local record = self.records[key.id]
  self.seen[key.id] = true
  if not record then return nil end
  local copy = {}
  for field, item in pairs(record) do copy[field] = item end
  copy.intent, copy.result = value.copy(record.intent), value.copy(record.result)
  return copy
end

local FLOW <const> = { step = true, wait = true, gate = true }

-- Something new, while something that was recorded in the same line of steps has not come yet: the script is another
-- one, or chose another way. Doing what is new could do again, under another name, what was done.
local function check_order(self, key)
  if not FLOW[key.kind] or not key.scope then return end
  local missed
  for id, record in pairs(self.records) do
    if FLOW[record.kind] and record.scope == key.scope and record.status ~= "failed" and not self.seen[id]
      and (not missed or record.ordinal < missed.ordinal) then
      missed = record
    end
  end
  if not missed then return end
  errors.raise {
    kind = "resume.mismatch", op = key.kind, target = key.path,
    message = ("is new here; recorded at this place is the %s '%s', which the script has not come to"):format(
      missed.kind, missed.path),
    hint = "the script changed, or chose another way: put it back as it was, or start a new run",
  }
end

---A part of the run is gone through again: the script has to come to all that is recorded of it once more.
---@param path string "" for the whole run
function Memory:again(path)
  for id in pairs(self.seen) do
    local after = id:sub(#path + 1, #path + 1)
    if path == "" or id:sub(1, #path) == path and (after == "" or after == "/" or after == "@") then
      self.seen[id] = nil
    end
  end
end

---@param key procedure.Key
---@param intent any
---@param options? {deadline: number?}
function Memory:begin(key, intent, options)
  local record = self.records[key.id]
  if not record then
    check_order(self, key)
    self.ordinal = self.ordinal + 1
    record = { id = key.id, ordinal = self.ordinal, kind = key.kind, path = key.path, occurrence = key.occurrence or 1,
      scope = key.scope, attempts = 0 }
    self.records[key.id], self.seen[key.id] = record, true
  end
  -- The first attempt at a step may have taken effect, whatever became of it: that is where a search begins.
  if not record.began or (key.kind ~= "step" and record.status ~= "begun") then record.began = clock.now() end
  record.attempts, record.finished = record.attempts + 1, nil
  record.status, record.digest, record.intent = "begun", key.digest, value.copy(intent)
  record.result, record.error, record.deadline = nil, nil, options and options.deadline
end

---@param key procedure.Key
---@param result any
function Memory:finish(key, result)
  local record = assert(self.records[key.id], "finish before begin")
  record.status, record.result, record.finished = "finished", value.copy(result), clock.now()
end

---@param key procedure.Key
---@param err any
function Memory:fail(key, err)
  local record = assert(self.records[key.id], "fail before begin")
  record.status, record.result, record.finished = "failed", nil, clock.now()
  record.error = tostring(errors.wrap(err))
end

-- Whether an entry's scope is, or is within, another.
local function within(scope, outer)
  return outer == "" or (scope ~= nil and (scope == outer or scope:sub(1, #outer + 1) == outer .. "/"))
end

---@param key procedure.Key
---@return boolean
function Memory:acted_on(key)
  local gate = self.records[key.id]
  for _, record in pairs(self.records) do
    if record.kind == "step" and gate and record.ordinal > gate.ordinal and within(record.scope, gate.scope or "") then
      return true
    end
  end
  return false
end

---@param final table
function Memory:ended(final)
  self.final = final
end

return M
