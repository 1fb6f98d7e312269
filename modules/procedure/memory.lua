--- A recorder that keeps a run's steps in memory: for rehearsals, and for runs that nobody will take up again.
---
--- A recorder is what the procedure layer asks before it acts. A key is a table with `id` (path, occurrence; unique in
--- the run), `path`, and `digest` (of the step's intent).
---   recorder:find(key)            -> {status = "begun"|"finished", digest=, intent=, result=, began=} or nil
---   recorder:begin(key, intent)   before acting, so that an interruption leaves a trace
---   recorder:finish(key, result)  after; from now on `find` gives the result
local clock = require "fairlead.clock"
local value = require "fairlead.procedure.value"

---@class procedure.Recorder
---@field find fun(self, key: table): table|nil
---@field begin fun(self, key: table, intent: any)
---@field finish fun(self, key: table, result: any)

---@class procedure.MemoryRecorder: procedure.Recorder
---@field records table<string, table>
local Memory = {}
Memory.__index = Memory

local M = {}

---@return procedure.MemoryRecorder
function M.new()
  return setmetatable({ records = {} }, Memory)
end

---@param key table
---@return table|nil record a copy
function Memory:find(key)
  local record = self.records[key.id]
  if not record then return nil end
  return {
    status = record.status,
    digest = record.digest,
    intent = value.copy(record.intent),
    result = value.copy(record.result),
    began = record.began,
  }
end

---@param key table
---@param intent any
function Memory:begin(key, intent)
  self.records[key.id] = { status = "begun", digest = key.digest, intent = value.copy(intent), began = clock.now() }
end

---@param key table
---@param result any
function Memory:finish(key, result)
  local record = assert(self.records[key.id], "finish before begin")
  record.status, record.result = "finished", value.copy(result)
end

return M
