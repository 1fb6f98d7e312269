--- The journal: what was done in each run, on disk before anybody relies on it. From here a run that was killed at any
--- instant is taken up again.
---
--- One SQLite file in the state folder: write-ahead log, synchronous=FULL (a commit is on the disk when it returns),
--- one transaction for each beginning and each end of a step. Several processes may use it at once. Sources:
--- sqlite.org, "Write-Ahead Logging" and "PRAGMA synchronous".
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local native = require "fairlead.journal.native"
local recorder = require "fairlead.journal.recorder"
local schema = require "fairlead.journal.schema"

local M = {}

---@class journal.Journal
---@field path string of the file
---@field db journal.Database
local Journal = {}
Journal.__index = Journal

require "fairlead.journal.runs".install(Journal)

local BUSY <const> = 10 -- seconds that a statement waits for other processes; the program stands still meanwhile

-- File systems that are another machine's: the log's shared memory does not reach over a network (sqlite.org,
-- "Write-Ahead Logging", Disadvantages). Numbers from statfs(2).
local NETWORK <const> = {
  [0x6969] = "NFS", [0x517b] = "SMB", [0xff534d42] = "CIFS", [0xfe534d42] = "SMB", [0x5346414f] = "AFS",
  [0x00c36400] = "Ceph", [0x01021997] = "9p", [0x7461636f] = "OCFS2", [0x01161970] = "GFS2", [0x0bd00bd0] = "Lustre",
  [0x47504653] = "GPFS",
}

---The name of a file system that is on another machine.
---@param type integer statfs's number
---@return string|nil name nil: it is on this machine
function M.network(type)
  return NETWORK[type]
end

---Where journals are: FAIRLEAD_STATE, else fairlead/ in XDG_STATE_HOME, else ~/.local/state/fairlead.
---@type fun(): string
M.folder = require "fairlead.journal.folder"

---@class journal.Options
---@field folder? string where; M.folder() when left out
---@field durable? boolean false: commits do not wait for the disk, for what nobody will take up again; true
---@field busy? number seconds that each statement waits for other processes; 10

---Opens the journal; made when there is none.
---@async
---@param options? journal.Options
---@return journal.Journal
---errors: kinds "journal.not_owned", ".read_only", ".network", ".newer", ".corrupt", ".not_a_journal", ".busy",
---".full", ".io"
function M.open(options)
  options = options or {}
  local folder = options.folder or M.folder()
  local about = native.folder(folder)
  if NETWORK[about.type] then
    errors.raise {
      kind = "journal.network", op = "journal", target = folder,
      message = ("is on a network file system (%s), where a journal can be damaged"):format(NETWORK[about.type]),
      hint = "set FAIRLEAD_STATE to a folder on a disk of this machine",
    }
  end
  local path = folder .. "/journal.db"
  local self = setmetatable({ path = path, db = native.open(path, options.busy or BUSY) }, Journal)
  local ok, err = pcall(schema.prepare, self, options.durable ~= false)
  if not ok then
    self.db:close()
    error(err, 0)
  end
  return self
end

---Does several things in one transaction: all of it is on the disk when it returns, or none. `fn` does not wait.
---@generic T
---@param fn fun(): T
---@return T result
function Journal:transaction(fn)
  local db = self.db
  db:script "BEGIN IMMEDIATE"
  local _ <close> = setmetatable({}, { __close = function()
    -- Still open: something failed. Where SQLite has rolled back by itself there is nothing to do.
    if db:in_transaction() then pcall(db.script, db, "ROLLBACK") end
  end })
  local result = fn()
  db:script "COMMIT"
  return result
end

---The time, to the millisecond, by the calling task's clock.
---@return number unix seconds
function Journal.now(_)
  return math.floor(clock.now() * 1000 + 0.5) / 1000
end

---The recorder of a run that begins, for procedure.execute: from then on the journal holds it.
---@param script? journal.Script what the procedure was made of
---@param command? string which of its commands it is
---@return fun(run: procedure.Run): journal.Recorder
function Journal:recording(script, command)
  return function(run)
    local token = self:begin {
      id = run.id, procedure = run.procedure.name, summary = run.procedure.summary, mode = run.mode, script = script,
      command = command,
      parameters = M.plain_parameters(run), directory = native.absolute(run.directory), user = run.user,
    }
    return recorder.new(self, run.id, token)
  end
end

---The recorder of a run that is taken up.
---@param id string
---@param token string from Journal:take
---@return journal.Recorder
function Journal:resuming(id, token)
  return recorder.new(self, id, token)
end

---The parameters of a run as they may be written down: typed, secrets left out.
---@param run procedure.Run
---@return table<string, any>
function M.plain_parameters(run)
  local plain = {}
  for name, value in pairs(run.parameters) do
    if not run.procedure.parameters[name].secret then plain[name] = value end
  end
  return plain
end

---Closes the file. May be called again.
function Journal:close()
  self.db:close()
end

Journal.__close = Journal.close

return M
