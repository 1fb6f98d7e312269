--- Locks: who has an environment, why, and until when.
---
--- A lock is a lease: it runs out unless its owner renews it, so that an owner that was killed strands nobody. Each
--- time it is taken it gets a fencing token, a number that only grows: whoever comes with an older one has lost it,
--- whatever their clock says. Who has to wait gets a ticket, and is served in the order of tickets.
---
--- This is what procedures (`run:lock`) and the commands `locks` and `unlock` use; where locks are kept is a store's
--- business. A store has these methods; none of them waits, and each of them is one transaction:
---
---   store:acquire(claim)       -> lease; or nil, standing: somebody has it, or comes first
---   store:standing(name, id)   -> standing of a ticket, without a change; nil: there is no such ticket any more
---   store:leave(id)            out of the line
---   store:renew(lease, options) -> true, and the lease lasts `ttl` from now; or nil, loss
---   store:check(lease)         -> true: it is held by whoever has this lease; or nil, loss
---   store:release(lease)       -> true; or nil, loss
---   store:steal(name, options) -> the record of whoever had it; nil: nobody has it now, or no longer under that lease
---   store:list()               -> records, by name, each with its line
---   store:names()              -> the names that ever were locked
---   store:close()
local clock = require "fairlead.clock"
local duration = require "fairlead.procedure.duration"
local environment = require "fairlead.environment"

local M = {}

---@class lock.Owner
---@field run string the run's id: a lock belongs to a run, and a run that is taken up again has its locks again
---@field user string
---@field host string
---@field procedure? string
---@field process lock.Process

---@class lock.Process as journal's native.process tells it
---@field pid integer
---@field began? integer
---@field boot string

---@class lock.Claim
---@field name string
---@field owner lock.Owner
---@field reason string
---@field wanted number seconds for which it will be needed: for people, it ends nothing
---@field ttl number seconds that the lease lasts without being renewed
---@field wait boolean get in line when somebody has it
---@field ticket? string the id of the ticket that this claim waits with
---@field notify? table where the owner hears of a theft: {slack={channel=, thread=}}

---@class lock.Lease
---@field name string
---@field token integer
---@field id string
---@field ttl number
---@field taken number unix seconds
---@field until_ number unix seconds up to which it is wanted
---@field retaken boolean the same run had it already: it was taken up again

---@class lock.Standing
---@field ticket? string its id
---@field number? integer tickets are served in this order
---@field position integer 1: the next
---@field holder? lock.Record nil: it is free, and somebody else's turn

---@class lock.Record
---@field name string
---@field token integer
---@field id string
---@field owner lock.Owner
---@field reason string
---@field taken number unix seconds
---@field until_ number
---@field renewed number
---@field expires number unix seconds
---@field ttl number
---@field notify? table
---@field line lock.Ticket[]

---@class lock.Ticket
---@field number integer
---@field owner lock.Owner
---@field reason string
---@field since number

---@class lock.Loss why a lease is no longer one
---@field what "lapsed"|"stolen"|"unlocked"|"taken"
---@field by? string who did it
---@field why? string their reason
---@field at? number unix seconds

---The store of this machine. To be closed.
---@async
---@return lock.Store
function M.open()
  return require "fairlead.lock.store".open(require "fairlead.journal".folder())
end

---The store of this machine if anything was ever locked on it. To be closed.
---@async
---@return lock.Store|nil
function M.open_existing()
  local folder = require "fairlead.journal".folder()
  local store = require "fairlead.lock.store"
  local file <close> = io.open(store.path(folder))
  return file and store.open(folder) or nil
end

---Whether the owner's process is gone: true, false, or nil where that cannot be told.
---@param owner lock.Owner
---@return boolean|nil
function M.is_gone(owner)
  local process = require "fairlead.journal.native".process
  local here, theirs = process(), owner.process
  if here.boot ~= theirs.boot or here.namespace ~= theirs.namespace or not theirs.pid then return nil end
  return process(theirs.pid).began ~= theirs.began
end

---The name of whoever runs this program.
---@return string
function M.user()
  return environment.get "USER" or environment.get "LOGNAME"
    or ("user %d"):format(require "fairlead.journal.native".process().uid)
end

---Who somebody is, in a few words: "ada on laptop".
---@param owner lock.Owner
---@return string
function M.who(owner)
  return ("%s on %s"):format(owner.user, owner.host)
end

---A moment as people say it: the time; with the date when that is another day.
---@param at number unix seconds
---@param utc? boolean in UTC, for rehearsals
---@return string
function M.moment(at, utc)
  local mark = utc and "!" or ""
  local day = os.date(mark .. "%Y-%m-%d", math.floor(at))
  local today = os.date(mark .. "%Y-%m-%d", math.floor(clock.now()))
  return os.date(mark .. (day == today and "%H:%M" or "%Y-%m-%d %H:%M"), math.floor(at))
end

---Who has a lock, why and until when:
---"ada on laptop, since 14:02, until 15:20: try the map (run 20260302-090000-a1b2c3)".
---@param record lock.Record
---@param utc? boolean
---@return string
function M.describe(record, utc)
  local over = clock.now() - record.until_
  local promised = over > 0 and ("until %s, %s ago"):format(M.moment(record.until_, utc), duration.text(over))
    or "until " .. M.moment(record.until_, utc)
  return ("%s, since %s, %s: %s (run %s)"):format(
    M.who(record.owner), M.moment(record.taken, utc), promised, record.reason, record.owner.run)
end

---Why a lease was lost, as the end of a sentence.
---@param loss lock.Loss
---@param utc? boolean
---@return string
function M.describe_loss(loss, utc)
  local at = loss.at and " at " .. M.moment(loss.at, utc) or ""
  if loss.what == "lapsed" then return "its lease ran out" .. at .. " without being renewed" end
  local by, why = loss.by and " by " .. loss.by or "", loss.why and ": " .. loss.why or ""
  if loss.what == "stolen" then return "it was stolen" .. by .. at .. why end
  if loss.what == "unlocked" then return "it was unlocked" .. by .. at end
  return "it was taken" .. by .. at
end

return M
