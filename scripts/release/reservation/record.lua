--- What is written of an environment's reservation: refs/fairlead/reservations/<key>/<environment> of the application's
--- repository holds one such value, in the message of its newest commit (fairlead.github.records).
---
---   {
---     "format": 1,
---     "environment": "development",
---     "holder": {                         absent: nobody has it
---       "login": "areviewer",             on GitHub
---       "slack": "U04REVIEW",             may be absent
---       "kind": "try",                    "try": a change is looked at, and it ends with its pull request
---                                         "deploy": a commit of main is brought here
---       "run": "20260302-090000-abcdef",  the run that has it; absent: it was reserved by hand
---       "by_hand": true,                  a person reserved it, and has it again when the run gives it back
---       "deploying": true,                something is being deployed: nobody takes over before `until`
---       "pull_request": 41, "commit": "<40 digits>",      may be absent
---       "why": "Registers page: users try it",
---       "since": 1772442000, "until": 1772449200,         unix seconds
---       "thread": {"channel": "C01…", "ts": "…"},         where in Slack to tell its holder; may be absent
---       "nudged": 1772448600                              when its holder was told that it ends soon
---     },
---     "hold": {"login": "anadmin", "slack": "U…", "why": "rolled back: …", "since": 1772440000,
---              "run": "…"},               the run that asked for it
---                                         nobody deploys here until somebody has given it up, with a reason
---     "queue": [ {"login", "slack", "run", "kind", "pull_request", "commit", "why",
---                 "since": …,             in line since
---                 "seen": …,              gave its last sign of life
---                 "seconds": 5400} ],     how long it wants it
---     "last": {"what": "taken", "login": "areviewer", "why": "…", "at": 1772442000}
---   }
---
--- Anybody who may push to the repository may write there: what is read is checked, field by field.
local errors = require "fairlead.errors"
local json = require "fairlead.json"

local M = {}

---Where the reservations of an application are: a repository may hold several applications.
---@param key string of the application's settings
---@return string prefix of refs
function M.prefix(key) return "refs/fairlead/reservations/" .. key end

M.FORMAT = 1

local LONGEST_LINE <const> = 40 -- waiters; more are a mistake
local TEXT <const> = 500 -- bytes of a reason

local function fail(ref, why)
  errors.raise {
    kind = "reservation.invalid", op = "reservation", target = ref,
    message = "is not a reservation: " .. why,
    hint = "delete the ref, if nobody is deploying: git push origin :" .. ref,
  }
end

---Text as it may be shown and written: one line, bounded.
---@param value any
---@return string|nil
function M.text(value)
  if type(value) ~= "string" then return nil end
  local line <const> = value:gsub("%c+", " ")
  if not utf8.len(line) then return nil end
  if #line <= TEXT then return line end
  return (line:sub(1, utf8.offset(line, 0, TEXT) - 1)) .. "…"
end

---Who somebody is: a login on GitHub ("adev", "dependabot[bot]"), or a name on a machine.
---@param value any
---@return string|nil
function M.login(value)
  local name <const> = M.text(value)
  return name and #name <= 100 and name:find "%S" and name or nil
end

local function time(value)
  return math.type(value) and value >= 0 and value < 1e11 and value or nil
end

local function whole(value) return math.type(value) == "integer" and value > 0 and value or nil end
local function flag(value) return value == true or nil end
local function sha(value) return type(value) == "string" and value:match "^%x+$" and #value == 40 and value or nil end
local function word(value) return type(value) == "string" and #value <= 100 and value:match "^[%w._-]+$" or nil end
local function kind(value) return (value == "try" or value == "deploy") and value or nil end

local function thread(value)
  if type(value) ~= "table" then return nil end
  local channel <const>, ts <const> = word(value.channel), word(value.ts)
  return channel and { channel = channel, ts = ts }
end

local PERSON <const> = { login = M.login, slack = word, run = word, why = M.text, since = time }
local HOLDER <const> = {
  login = M.login, slack = word, kind = kind, run = word, by_hand = flag, deploying = flag, pull_request = whole,
  commit = sha, why = M.text, since = time, ["until"] = time, thread = thread, nudged = time,
}
local WAITER <const> = {
  login = M.login, slack = word, kind = kind, run = word, pull_request = whole, commit = sha, why = M.text,
  since = time, seen = time, seconds = time,
}

--- The known fields of a value, as far as they are what they should be; nil when one that must be there is not.
local function fields(value, known, needed)
  if type(value) ~= "table" then return nil end
  local copy = {}
  for name, read in pairs(known) do
    if value[name] ~= nil and value[name] ~= json.null then copy[name] = read(value[name]) end
  end
  for _, name in ipairs(needed) do
    if copy[name] == nil then return nil, name end
  end
  copy.why = copy.why or "no reason given"
  return copy
end

---@class Reservation
---@field environment string
---@field holder table? who has it
---@field hold table? why nobody deploys there
---@field queue table[] who waits, in order of arrival
---@field last table? what was done last

---What is written, checked. A waiter that cannot be read is left out: it would hold up the others.
---@param environment string
---@param value table|nil nil: nothing was ever written
---@param key string of the application
---@return Reservation
---errors: kind "reservation.invalid"
function M.read(environment, value, key)
  if value == nil then return { environment = environment, queue = {} } end
  local ref <const> = ("%s/%s"):format(M.prefix(key), environment)
  if type(value) ~= "table" or math.type(value.format) ~= "integer" then fail(ref, "it names no format") end
  if value.format > M.FORMAT then
    errors.raise {
      kind = "reservation.newer", op = "reservation", target = ref,
      message = ("was written by a newer fairlead (format %d, known is %d)"):format(value.format, M.FORMAT),
      hint = "update fairlead on this machine",
    }
  end
  local reservation = { environment = environment, queue = {} }
  if value.holder ~= nil and value.holder ~= json.null then
    local holder, lacks = fields(value.holder, HOLDER, { "login", "since", "until" })
    if not holder then fail(ref, "its holder has no " .. (lacks or "fields")) end
    holder.kind = holder.kind or "try"
    reservation.holder = holder
  end
  if value.hold ~= nil and value.hold ~= json.null then
    local hold, lacks = fields(value.hold, PERSON, { "login", "since" })
    if not hold then fail(ref, "its hold has no " .. (lacks or "fields")) end
    reservation.hold = hold
  end
  for i, item in ipairs(type(value.queue) == "table" and value.queue or {}) do
    if i > LONGEST_LINE then break end
    local waiter <const> = fields(item, WAITER, { "login", "run", "since", "seen" })
    if waiter then
      waiter.kind = waiter.kind or "try"
      reservation.queue[#reservation.queue + 1] = waiter
    end
  end
  if type(value.last) == "table" then
    reservation.last = fields(value.last, { what = word, login = M.login, why = M.text, at = time }, {})
  end
  return reservation
end

---A reservation as it is written.
---@param reservation Reservation
---@return table value
function M.plain(reservation)
  return {
    format = M.FORMAT, environment = reservation.environment, holder = reservation.holder, hold = reservation.hold,
    queue = json.array(table.move(reservation.queue, 1, #reservation.queue, 1, {})), last = reservation.last,
  }
end

return M
