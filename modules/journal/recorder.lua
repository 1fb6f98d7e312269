--- A recorder (see fairlead.procedure.memory) that writes to a journal: what a run did is on the disk before the run
--- goes on, so that another process can go on from there.
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local memory = require "fairlead.procedure.memory"
local rows = require "fairlead.journal.row"

local M = {}

---@class journal.Recorder: procedure.MemoryRecorder
---@field journal journal.Journal
---@field run string the run's id
---@field token string
---@field commits integer how many transactions it made
local Recorder = setmetatable({}, { __index = memory.class })
Recorder.__index = Recorder

local MOST_EVENTS <const> = 50000 -- of one run
local LARGEST_EVENT <const> = 65536 -- bytes of JSON
local BATCH <const> = 100 -- events that wait at most for a transaction

-- Events that somebody who looks from outside has to see at once.
local AT_ONCE <const> = {
  ["run.started"] = true, ["wait.progress"] = true, ["gate.asked"] = true, ["gate.decided"] = true,
}

local function encode(item)
  if item == nil then return nil end
  return json.encode(item)
end

---@param journal journal.Journal
---@param id string a run whose owner this process is
---@param token string what shows that
---@return journal.Recorder
function M.new(journal, id, token)
  local self = setmetatable(memory.new(), Recorder)
  self.journal, self.run, self.token, self.commits = journal, id, token, 0
  self.pending = {}
  for _, entry in ipairs(journal:entries(id)) do
    self.records[entry.id] = entry
    self.ordinal = math.max(self.ordinal, entry.ordinal)
  end
  local last = journal.db:rows("SELECT max(ordinal) AS last FROM events WHERE run = ?", id)[1].last
  if last ~= nil and not math.tointeger(last) then
    rows.refuse(journal.path, ("run %s, its newest event's ordinal"):format(id), "a number")
  end
  self.told = last or 0
  return self
end

-- Nobody else may have taken the run meanwhile: who was stopped for long and wakes up must not write any more.
local function check_owner(self)
  if #self.journal.db:rows("SELECT 1 FROM runs WHERE id = ? AND token = ?", self.run, self.token) == 0 then
    errors.raise {
      kind = "resume.lost", op = "run", target = self.run, message = "another process has taken this run up since",
      hint = ("`fairlead show %s` tells which"):format(self.run),
    }
  end
end

local function write_events(self)
  for i, text in ipairs(self.pending) do
    self.journal.db:run("INSERT OR REPLACE INTO events (run, ordinal, event) VALUES (?, ?, ?)", self.run,
      self.told + i, text)
  end
end

-- One transaction: `fn`, and the events that wait.
local function commit(self, fn)
  self.journal:transaction(function()
    check_owner(self)
    if fn then fn() end
    write_events(self)
  end)
  self.told, self.pending = self.told + #self.pending, {}
  self.commits = self.commits + 1
end

local function write(self, record)
  commit(self, function()
    self.journal.db:run([[INSERT OR REPLACE INTO entries (run, id, ordinal, kind, path, occurrence, scope, digest,
        intent, status, result, error, attempts, began, finished, deadline)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
      self.run, record.id, record.ordinal, record.kind, record.path, record.occurrence, record.scope, record.digest,
      encode(record.intent), record.status, encode(record.result), record.error, record.attempts, record.began,
      record.finished, record.deadline)
  end)
end

-- The memory recorder decides what an entry becomes; here it is written, and taken back when it cannot be.
local function through(self, method, key, ...)
  local before = self.records[key.id]
  local ordinal = self.ordinal
  if before then
    local copy = {}
    for field, item in pairs(before) do copy[field] = item end
    self.records[key.id] = copy
  end
  memory.class[method](self, key, ...)
  local ok, err = pcall(write, self, self.records[key.id])
  if ok then return end
  self.records[key.id], self.ordinal = before, ordinal
  error(err, 0)
end

---@param key procedure.Key
---@param intent any
---@param options? {deadline: number?}
function Recorder:begin(key, intent, options)
  through(self, "begin", key, intent, options)
end

---@param key procedure.Key
---@param result any
function Recorder:finish(key, result)
  through(self, "finish", key, result)
end

---@param key procedure.Key
---@param err any
function Recorder:fail(key, err)
  through(self, "fail", key, err)
end

---Hears an event of the run. It is on the disk with the next transaction; a journal that cannot be written then fails
---the next step, not this.
---@param event procedure.Event
function Recorder:event(event)
  if self.told + #self.pending >= MOST_EVENTS then return end
  local text = json.encode(event, { sort_keys = true })
  if #text > LARGEST_EVENT then
    text = json.encode { at = event.at, run = event.run, event = event.event, path = event.path, step = event.step,
      text = ("left out: %d bytes"):format(#text) }
  end
  self.pending[#self.pending + 1] = text
  if AT_ONCE[event.event] or #self.pending >= BATCH then pcall(commit, self) end
end

---The run has ended.
---@param final table its last event
function Recorder:ended(final)
  local failure = final.error and json.encode {
    text = final.error, kind = final.kind, hint = final.hint, failed = final.failed, why = final.why,
  }
  commit(self, function()
    self.journal.db:run([[UPDATE runs SET finished = ?, outcome = ?, reason = ?, exit_code = ?, error = ?, owner = NULL
      WHERE id = ?]], self.journal:now(), final.outcome, final.reason, final.exit_code, failure, self.run)
  end)
end

return M
