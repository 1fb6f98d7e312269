--- What is in a journal's file, and how a file of an older program becomes one of this.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"

local M = {}

-- The application id in the file's header, "FLJ1": that it is a journal, and nothing else that uses SQLite.
local APPLICATION <const> = 0x464c4a31

-- One text for each version, in order. Never changed once released: the next version is one more text.
local MIGRATIONS <const> = {
  [[
    CREATE TABLE scripts (      -- what runs were made of; many runs share one
      sha256 TEXT PRIMARY KEY,
      files TEXT NOT NULL       -- JSON: a list of {path, sha256, text}, the script first
    );
    CREATE TABLE runs (
      id TEXT PRIMARY KEY,
      number INTEGER NOT NULL,  -- the order in which they began, whatever the clocks said
      procedure TEXT NOT NULL,
      summary TEXT,
      mode TEXT NOT NULL,
      script TEXT,              -- path; NULL: the procedure came from no file
      sha256 TEXT REFERENCES scripts,
      git_commit TEXT,          -- of the script's repository; with '+' when its files differ from that
      parameters TEXT NOT NULL, -- JSON, typed; secrets are left out
      directory TEXT,
      user TEXT,
      host TEXT,
      began REAL NOT NULL,      -- unix seconds
      finished REAL,            -- when the last attempt ended; NULL: under way, or its process is gone
      outcome TEXT,
      reason TEXT,
      exit_code INTEGER,
      error TEXT,               -- JSON: {text, kind, hint, failed}
      attempts INTEGER NOT NULL,
      owner TEXT,               -- JSON: the process that carries it out; NULL: none does
      token TEXT,               -- changes with each owner: who has an old one may not write any more
      ordinal INTEGER NOT NULL  -- of its newest entry
    );
    CREATE UNIQUE INDEX runs_by_number ON runs (number);
    CREATE TABLE entries (
      run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
      id TEXT NOT NULL,         -- path with occurrence
      ordinal INTEGER NOT NULL,
      kind TEXT NOT NULL,       -- step, wait, gate, question, notify
      path TEXT NOT NULL,
      occurrence INTEGER NOT NULL,
      scope TEXT,               -- the parallel branch that it is part of, '' for none; NULL: a task of the script's own
      digest TEXT NOT NULL,
      intent TEXT,              -- JSON
      status TEXT NOT NULL,     -- begun, finished, failed
      result TEXT,              -- JSON
      error TEXT,
      attempts INTEGER NOT NULL,
      began REAL NOT NULL,
      finished REAL,
      deadline REAL,
      PRIMARY KEY (run, id)
    ) WITHOUT ROWID;
    CREATE TABLE events (
      run TEXT NOT NULL REFERENCES runs ON DELETE CASCADE,
      ordinal INTEGER NOT NULL,
      event TEXT NOT NULL,      -- JSON
      PRIMARY KEY (run, ordinal)
    ) WITHOUT ROWID;
  ]],
  "ALTER TABLE runs ADD COLUMN command TEXT", -- of the script's procedure; NULL: the procedure itself
}

---The version that this program writes.
M.version = #MIGRATIONS

local function pragma(db, name)
  local row = db:rows("PRAGMA " .. name)[1]
  return row and select(2, next(row))
end

local function refuse(journal, kind, message, hint)
  errors.raise { kind = kind, op = "journal", target = journal.path, message = message, hint = hint }
end

-- The change to a write-ahead log needs the file for itself for a moment and is refused at once while another process
-- makes the same change.
local function use_log(db)
  for attempt = 1, 50 do
    local ok, err = pcall(db.script, db, "PRAGMA journal_mode = WAL")
    if ok then return end
    if attempt == 50 or not (errors.is_error(err) and err.kind == "journal.busy") then error(err, 0) end
    clock.sleep(0.02)
  end
end

local function migrate(journal)
  local db = journal.db
  journal:transaction(function()
    local version = pragma(db, "user_version")
    if version == 0 and #db:rows "SELECT name FROM sqlite_master LIMIT 1" > 0 then
      refuse(journal, "journal.not_a_journal", "is a database of another program",
        "set FAIRLEAD_STATE to another folder")
    end
    for number = version + 1, #MIGRATIONS do db:script(MIGRATIONS[number]) end
    db:script(("PRAGMA application_id = %d; PRAGMA user_version = %d"):format(APPLICATION, #MIGRATIONS))
  end)
end

---Makes a file that was just opened into a journal of this version.
---@async
---@param journal journal.Journal
---@param durable boolean
function M.prepare(journal, durable)
  local db = journal.db
  local version, application = pragma(db, "user_version"), pragma(db, "application_id")
  if version ~= 0 and application ~= APPLICATION then
    refuse(journal, "journal.not_a_journal", "is a database of another program", "set FAIRLEAD_STATE to another folder")
  end
  if version > #MIGRATIONS then
    refuse(journal, "journal.newer", ("was written by a newer fairlead (version %d of its layout; this one knows %d)")
      :format(version, #MIGRATIONS), "use that fairlead, or set FAIRLEAD_STATE to another folder")
  end
  use_log(db)
  db:script("PRAGMA synchronous = " .. (durable and "FULL" or "OFF"))
  db:script "PRAGMA foreign_keys = ON"
  if version < #MIGRATIONS then migrate(journal) end
end

return M
