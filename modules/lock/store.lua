--- The store of locks of one machine: an SQLite database beside the journal. It is a file of its own, so that a hundred
--- processes in line do not hold up the steps of the one that works.
---
--- When a lease ends. A lease is kept with two ends: by the wall clock, for people and for other machines; and by the
--- steady clock, which nobody can set and which the processes of one machine share until it restarts. Within one boot
--- only the steady one counts. Of an earlier boot of this machine nothing runs any more.
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local native = require "fairlead.journal.native"

local M = {}

---@class lock.Store
---@field private db journal.Database
local Store = {}
Store.__index = Store

local BUSY <const> = 10 -- seconds that a statement waits for another process's transaction, which takes a moment
local LONGEST_TICKET <const> = 15 -- seconds that a ticket lasts without being renewed
local KEEP <const> = 90 * 86400 -- seconds that the log goes back

-- What makes each version of the layout out of the one before, the first out of an empty file. Never changed, only
-- added to. The row of a lock stays when it is free: it has the token. `lease` NULL: free.
local LAYOUTS <const> = { [[
  CREATE TABLE locks (
    name TEXT PRIMARY KEY, token INTEGER NOT NULL, lease TEXT, run TEXT, owner TEXT, reason TEXT, notify TEXT,
    taken REAL, wanted_until REAL, renewed REAL, ttl REAL, expires REAL, steady_end REAL, boot TEXT, host TEXT
  ) WITHOUT ROWID;
  CREATE TABLE tickets (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, run TEXT NOT NULL,
    owner TEXT NOT NULL, reason TEXT NOT NULL, since REAL NOT NULL, ttl REAL NOT NULL,
    expires REAL NOT NULL, steady_end REAL NOT NULL, boot TEXT NOT NULL, host TEXT NOT NULL
  );
  CREATE INDEX tickets_of ON tickets (name, number);
  CREATE TABLE log (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, name TEXT NOT NULL, token INTEGER NOT NULL, lease TEXT NOT NULL,
    what TEXT NOT NULL, owner TEXT, by TEXT, why TEXT
  );
  CREATE INDEX log_of ON log (lease);
]] }

---The version of the layout that this program writes.
M.version = #LAYOUTS

-- One transaction; what `fn` raises undoes it.
local function transaction(db, fn)
  db:run "BEGIN IMMEDIATE"
  local done = table.pack(pcall(fn))
  if not done[1] then
    if db:in_transaction() then db:run "ROLLBACK" end
    error(done[2], 0)
  end
  db:run "COMMIT"
  return table.unpack(done, 2, done.n)
end

local function migrate(db, path)
  local function version() return db:rows("PRAGMA user_version")[1].user_version end
  if version() == 0 then db:script "PRAGMA journal_mode = WAL" end
  if version() < M.version then
    transaction(db, function()
      for number = version() + 1, M.version do -- asked again: another process may have been faster
        db:script(("%s; PRAGMA user_version = %d"):format(LAYOUTS[number], number))
      end
    end)
  end
  if version() > M.version then
    errors.raise {
      kind = "journal.newer", op = "lock", target = path,
      message = ("was written by a newer fairlead (version %d, this one knows %d)"):format(version(), M.version),
      hint = "use that one, or set FAIRLEAD_STATE to another folder",
    }
  end
end

---Where the locks of a folder are kept.
---@param folder string
---@return string
function M.path(folder)
  return folder .. "/locks.db"
end

-- On a virtual clock both times are the same number, and nothing outside of it shares them.
local function is_virtual() return clock.now() == clock.steady() end

-- The log's shared memory does not reach over a network (sqlite.org, "Write-Ahead Logging").
local function check_folder(folder)
  local network = require "fairlead.journal".network(native.folder(folder).type)
  if not network then return end
  errors.raise {
    kind = "journal.network", op = "lock", target = folder,
    message = ("is on a network file system (%s), where locks are not safe"):format(network),
    hint = "set FAIRLEAD_STATE to a folder on a disk of this machine",
  }
end

---Opens the store in a folder; makes both when they are missing.
---@async
---@param folder string
---@return lock.Store store to be closed
---errors: kinds journal.*
function M.open(folder)
  check_folder(folder)
  local path = M.path(folder)
  for attempt = 1, 50 do
    local db = native.open(path, BUSY)
    local _, err = try(function()
      migrate(db, path)
      -- A token that was given must not come again after a power cut; none of a rehearsal's outlives it.
      db:script("PRAGMA synchronous = " .. (is_virtual() and "OFF" or "FULL"))
    end)
    if not err then return setmetatable({ db = db }, Store) end
    db:close()
    -- SQLite does not wait when two processes turn a new file into one with a write-ahead log.
    if err.kind ~= "journal.busy" or attempt == 50 then error(err, 0) end
    clock.sleep(0.02 * attempt)
  end
end

---Closes the file. May be called again.
function Store:close()
  self.db:close()
end

Store.__close = Store.close

local function new_id()
  local random <close> = assert(io.open("/dev/urandom", "rb"))
  return digest.sha256(random:read(16)):sub(1, 32)
end

-- The time in all its forms.
local function time()
  local wall, steady = clock.now(), clock.steady()
  if wall == steady then return { wall = wall, steady = steady, boot = "virtual", host = "virtual" } end
  local here = native.process()
  return { wall = wall, steady = steady, boot = here.boot, host = here.host }
end

local function has_lapsed(row, now)
  if row.boot == now.boot then return now.steady >= row.steady_end end
  if row.host == now.host then return true end
  return now.wall >= row.expires
end

local function owner_of(row) return json.decode(row.owner) end

local function log(db, row, what, at, by, why)
  db:run("INSERT INTO log (at, name, token, lease, what, owner, by, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    at, row.name, row.token, row.lease, what, row.owner, by, why)
end

local function free(db, name)
  db:run("UPDATE locks SET lease = NULL, run = NULL, owner = NULL WHERE name = ?", name)
end

local function row_of(db, name)
  return db:rows("SELECT * FROM locks WHERE name = ?", name)[1]
end

-- The row of whoever has it now, or nil.
local function held(db, name, now)
  local row = row_of(db, name)
  return row and row.lease and not has_lapsed(row, now) and row or nil, row
end

local function record_of(row)
  return {
    name = row.name, token = row.token, id = row.lease, owner = owner_of(row), reason = row.reason,
    taken = row.taken, until_ = row.wanted_until, renewed = row.renewed, expires = row.expires, ttl = row.ttl,
    notify = row.notify and json.decode(row.notify) or nil, line = {},
  }
end

-- ---- the line ----

-- Tickets that still count, in their order.
local function line_of(db, name, now)
  local line = {}
  for _, ticket in ipairs(db:rows("SELECT * FROM tickets WHERE name = ? ORDER BY number", name)) do
    if not has_lapsed(ticket, now) then line[#line + 1] = ticket end
  end
  return line
end

local function standing_in(line, id, holder)
  for position, ticket in ipairs(line) do
    if ticket.id == id then
      return { ticket = id, number = ticket.number, position = position, holder = holder and record_of(holder) }
    end
  end
end

-- Ends of tickets and leases that begin to last now.
local function ends(now, ttl) return now.wall + ttl, now.steady + ttl, now.boot, now.host end

local function stand_in_line(db, claim, line, holder, now)
  local own
  for _, ticket in ipairs(line) do
    -- A run that is taken up again keeps its place, while its ticket lasts.
    if ticket.id == claim.ticket or ticket.run == claim.owner.run then own = own or ticket end
  end
  local ttl, id = math.min(claim.ttl, LONGEST_TICKET), own and own.id or new_id()
  if own then
    db:run("UPDATE tickets SET owner = ?, ttl = ?, expires = ?, steady_end = ?, boot = ?, host = ? WHERE id = ?",
      json.encode(claim.owner), ttl, now.wall + ttl, now.steady + ttl, now.boot, now.host, id)
  else
    db:run("INSERT INTO tickets (id, name, run, owner, reason, since, ttl, expires, steady_end, boot, host) "
      .. "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", id, claim.name, claim.owner.run, json.encode(claim.owner),
      claim.reason, now.wall, ttl, ends(now, ttl))
    line = line_of(db, claim.name, now)
  end
  return standing_in(line, id, holder)
end

local function take(db, claim, row, now)
  local ttl, id = claim.ttl, new_id()
  local token = (row and row.token or 0) + 1
  local again = row and row.lease and row.run == claim.owner.run or false
  local taken = again and row.taken or now.wall
  -- A run that takes its lock again has not promised a new end.
  local wanted_until = again and row.wanted_until > now.wall and row.wanted_until or now.wall + claim.wanted
  if again then
    log(db, row, "taken", now.wall, "the same run, taken up again")
  elseif row and row.lease then
    log(db, row, "lapsed", row.expires)
  end
  db:run("INSERT OR REPLACE INTO locks (name, token, lease, run, owner, reason, notify, taken, wanted_until, renewed, "
    .. "ttl, expires, steady_end, boot, host) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    claim.name, token, id, claim.owner.run, json.encode(claim.owner), claim.reason,
    claim.notify and json.encode(claim.notify) or nil, taken, wanted_until, now.wall, ttl, ends(now, ttl))
  db:run("DELETE FROM tickets WHERE name = ? AND run = ?", claim.name, claim.owner.run)
  db:run("DELETE FROM log WHERE at < ?", now.wall - KEEP)
  return { name = claim.name, token = token, id = id, ttl = ttl, taken = taken, until_ = wanted_until, retaken = again }
end

---Takes a lock if it is free and nobody comes first. Otherwise, with `wait`, gets in line, or renews its ticket there.
---@param claim lock.Claim
---@return lock.Lease|nil lease
---@return lock.Standing|nil standing
function Store:acquire(claim)
  local db = self.db
  return transaction(db, function()
    local now = time()
    local holder, row = held(db, claim.name, now)
    for _, ticket in ipairs(db:rows("SELECT * FROM tickets WHERE name = ?", claim.name)) do
      if has_lapsed(ticket, now) then db:run("DELETE FROM tickets WHERE number = ?", ticket.number) end
    end
    local line = line_of(db, claim.name, now)
    local first = line[1]
    local turn = not first or first.id == claim.ticket or first.run == claim.owner.run
    if holder and holder.run == claim.owner.run or not holder and turn then return take(db, claim, row, now) end
    if claim.wait then return nil, stand_in_line(db, claim, line, holder, now) end
    return nil, { position = #line + 1, holder = holder and record_of(holder), next = first and owner_of(first) }
  end)
end

---How a ticket stands, without changing anything; `stale` when it ought to be renewed by `acquire`.
---@param name string
---@param id string
---@return lock.Standing|nil standing nil: it is no longer in line
---@return boolean|nil stale
function Store:standing(name, id)
  local now = time()
  local line = line_of(self.db, name, now)
  local standing = standing_in(line, id, (held(self.db, name, now)))
  if not standing then return nil end
  local ticket = line[standing.position]
  local left = ticket.boot == now.boot and ticket.steady_end - now.steady or ticket.expires - now.wall
  return standing, left < ticket.ttl * 2 / 3
end

---Out of the line.
---@param id string
function Store:leave(id)
  self.db:run("DELETE FROM tickets WHERE id = ?", id)
end

-- ---- the lease ----

-- What became of a lease that is not the lock's any more, or that has run out.
local function loss_of(db, lease, row)
  local said = db:rows("SELECT * FROM log WHERE lease = ? ORDER BY id DESC LIMIT 1", lease.id)[1]
  if said then return { what = said.what, by = said.by, why = said.why, at = said.at } end
  if row and row.lease == lease.id then return { what = "lapsed", at = row.expires } end
  return { what = "lapsed" }
end

---Whether the lease still holds.
---@param lease lock.Lease
---@return true|nil held
---@return lock.Loss|nil loss
function Store:check(lease)
  local holder, row = held(self.db, lease.name, time())
  if holder and holder.lease == lease.id then return true end
  return nil, loss_of(self.db, lease, row)
end

---Makes the lease last `ttl` seconds from now. One that ran out is not revived, even when nobody took the lock since:
---whoever looked meanwhile saw it free.
---@param lease lock.Lease
---@param options? {wanted: number?} wanted: seconds from now for which it will be needed
---@return true|nil renewed
---@return lock.Loss|nil loss
function Store:renew(lease, options)
  local db = self.db
  return transaction(db, function()
    local now = time()
    local holder, row = held(db, lease.name, now)
    if not holder or holder.lease ~= lease.id then
      if row and row.lease == lease.id then
        log(db, row, "lapsed", row.expires)
        free(db, lease.name)
      end
      return nil, loss_of(db, lease, row)
    end
    local expires, steady_end = ends(now, lease.ttl)
    if options and options.wanted then lease.until_ = now.wall + options.wanted end
    db:run("UPDATE locks SET renewed = ?, expires = ?, steady_end = ?, boot = ?, wanted_until = ? WHERE name = ?",
      now.wall, expires, steady_end, now.boot, lease.until_, lease.name)
    return true
  end)
end

---Gives the lock back.
---@param lease lock.Lease
---@return true|nil released
---@return lock.Loss|nil loss
function Store:release(lease)
  local db = self.db
  return transaction(db, function()
    local row = row_of(db, lease.name)
    if not row or row.lease ~= lease.id then return nil, loss_of(db, lease, row) end
    log(db, row, "released", time().wall)
    free(db, lease.name)
    return true
  end)
end

---Takes a lock away from whoever has it; who is next in line gets it. The former owner's next write is refused.
---@param name string
---@param options {by: string, why: string?, what: "stolen"|"unlocked", id: string?} id: only from this lease
---@return lock.Record|nil former
function Store:steal(name, options)
  local db = self.db
  return transaction(db, function()
    local now = time()
    local holder = held(db, name, now)
    if not holder or options.id and holder.lease ~= options.id then return nil end
    log(db, holder, options.what, now.wall, options.by, options.why)
    free(db, name)
    return record_of(holder)
  end)
end

---Every lock that somebody has, or waits for.
---@return lock.Record[]
function Store:list()
  local db, now, list = self.db, time(), {}
  local query = "SELECT name FROM locks WHERE lease IS NOT NULL UNION SELECT name FROM tickets ORDER BY name"
  for _, entry in ipairs(db:rows(query)) do
    local holder = held(db, entry.name, now)
    local record = holder and record_of(holder) or { name = entry.name, line = {} }
    for i, ticket in ipairs(line_of(db, entry.name, now)) do
      record.line[i] = {
        number = ticket.number, owner = owner_of(ticket), reason = ticket.reason, since = ticket.since,
      }
    end
    if holder or #record.line > 0 then list[#list + 1] = record end
  end
  return list
end

---The names that were ever locked.
---@return table<string, true>
function Store:names()
  local names = {}
  for _, row in ipairs(self.db:rows "SELECT name FROM locks") do names[row.name] = true end
  return names
end

---What happened to a lock, oldest first.
---@param name string
---@return {at: number, token: integer, what: string, by: string?, why: string?, owner: lock.Owner}[]
function Store:history(name)
  local list = {}
  for i, row in ipairs(self.db:rows("SELECT * FROM log WHERE name = ? ORDER BY id", name)) do
    list[i] = { at = row.at, token = row.token, what = row.what, by = row.by, why = row.why, owner = owner_of(row) }
  end
  return list
end

return M
