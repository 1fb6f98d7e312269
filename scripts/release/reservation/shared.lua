--- Reservations as all machines see them: each operation reads the record of an environment, changes it by the rules of
--- line.lua, and writes it if nobody else did meanwhile. Done twice, each does what it does once; so a run that was
--- interrupted in the middle asks again.
local clock = require "fairlead.clock"
local environment_of = require "fairlead.environment"
local errors = require "fairlead.errors"
local line = require "release.reservation.line"
local record = require "release.reservation.record"
local records = require "fairlead.github.records"
local words = require "release.reservation.words"

---@class Shared
---@field private github fairlead.github.Client
---@field private records fairlead.github.Records
---@field private settings table of the application
---@field private run procedure.Run
local Shared = {}
Shared.__index = Shared

local PULL_ASKED <const> = 60 -- seconds for which it is believed that a pull request is open

local M = {}

---@param release Release
---@return Shared
function M.open(release)
  return setmetatable({
    github = release.github, settings = release.settings, run = release.run, pulls = {}, older = {},
    records = records.open { client = release.github, prefix = record.prefix(release.settings.key) },
  }, Shared)
end

---Who asks: the token's user. A job of GitHub Actions has none of its own, and acts for whoever started it.
---@async
---@param login string? who it is, when that is on record
---@return {login: string, slack: string?, run: string}
function Shared:me(login)
  if not self.login then
    login = login or self.github:viewer() or environment_of.get "GITHUB_ACTOR" or self.run.user
    self.login = record.login(login) or "somebody"
  end
  return { login = self.login, slack = (self.settings.people or {})[self.login], run = self.run.id }
end

---@async
---@param environment string
---@return Reservation
function Shared:read(environment)
  return record.read(environment, (self.records:read(environment)), self.settings.key)
end

--- Reads, changes, writes. `change(reservation, now)` gives true when it changed something, a line for the log, and
--- what is to be returned.
local function update(self, environment, change)
  return self.records:update(environment, function(value)
    local reservation <const> = record.read(environment, value, self.settings.key)
    local changed <const>, subject <const>, result <const> = change(reservation, clock.now())
    return changed and record.plain(reservation) or nil, subject and ("%s: %s"):format(environment, subject), result
  end)
end

--- "closed" or "merged", nil while it is open. Asked once a minute only.
local function how_closed(self, number)
  local known <const> = self.pulls[number]
  local now <const> = clock.now()
  if known and (known.how or now - known.asked < PULL_ASKED) then return known.how end
  local pull <const>, err = try(self.github.pull_request, self.github, { number = number })
  if err and not err:is "github.api.not_found" then error(err, 0) end
  local how <const> = pull and pull.state ~= "open" and (pull.merged and "merged" or "closed") or nil
  self.pulls[number] = { how = how, asked = now }
  return how
end

---Whether commit a is an ancestor of commit b. Commits do not change, so each pair is asked for once.
---@async
---@param a string
---@param b string
---@return boolean
function Shared:is_older(a, b)
  if a == b then return false end
  local key <const> = a .. b
  if self.older[key] == nil then
    local compared <const>, err = try(self.github.compare, self.github, a, b)
    -- A commit that GitHub does not know (any more) is older than nothing.
    if err and not err:is "github.api.not_found" then error(err, 0) end
    self.older[key] = compared ~= nil and compared.status == "ahead"
  end
  return self.older[key]
end

-- How many come before this claim. One that is not in line yet comes last, or where its commit belongs.
local function count_before(self, reservation, claim)
  local queue = table.move(reservation.queue, 1, #reservation.queue, 1, {})
  if not line.find(reservation, claim.run) then queue[#queue + 1] = claim end
  local ordered <const> = line.in_order(queue, function(a, b) return self:is_older(a, b) end)
  for i, waiter in ipairs(ordered) do
    if waiter.run == claim.run then return i - 1 end
  end
end

---@class Shared.Look
---@field state "mine"|"taken"|"waits"|"hold"
---@field reservation Reservation
---@field before integer? how many come first
---@field former table? whose it was
---@field because string? why it could be taken
---@field nudge boolean? its holder is to be told that it ends soon
---@field note table? how it stands

local function is_due(holder, before, now)
  return before == 0 and holder and not holder.deploying and not holder.nudged
    and holder["until"] - now <= line.NUDGE and holder["until"] > now
end

---One look: takes the environment when it is this claim's turn; else takes a place in line, if it waits.
---@async
---@param environment string
---@param claim table
---@param options {waits: boolean?, looks: boolean?}? looks: changes nothing
---@return Shared.Look
function Shared:turn(environment, claim, options)
  local waits <const>, looks <const> = options and options.waits, options and options.looks
  return (update(self, environment, function(reservation, now)
    if reservation.hold and not claim.goes_back then
      return false, nil, { state = "hold", reservation = reservation }
    end
    local forgot <const> = line.forget_gone(reservation, now, claim.run)
    if line.is_mine(reservation.holder, claim) then
      local changed <const> = not looks and line.enter(reservation, claim, now)
      return changed, claim.login .. " goes on", { state = "mine", reservation = reservation }
    end
    local because <const> = line.vacancy(reservation.holder, now, function(number) return how_closed(self, number) end)
    local before <const> = count_before(self, reservation, claim)
    if because and before == 0 and not looks then
      local former <const> = line.take(reservation, claim, now)
      return true, ("%s takes it: %s"):format(claim.login, claim.why),
        { state = "taken", reservation = reservation, former = former, because = because }
    end
    local look <const> = {
      state = "waits", reservation = reservation, before = before, note = words.waiting(reservation, before, now),
    }
    if looks or not waits then return false, nil, look end
    local joined <const> = line.join(reservation, claim, now)
    if is_due(reservation.holder, before, now) then
      look.nudge, reservation.holder.nudged = true, now
    end
    local did <const> = look.nudge and "its holder is told that it ends soon"
      or joined == "joined" and claim.login .. " gets in line" or claim.login .. " still waits"
    return forgot or joined ~= nil or look.nudge, did, look
  end))
end

---Gives back what the claim has, or its place in line. What is not its own stays.
---@async
---@param environment string
---@param claim {run: string, login: string}
---@param why string?
function Shared:give_back(environment, claim, why)
  update(self, environment, function(reservation, now)
    return line.give_back(reservation, claim, now, why), claim.login .. " gives it back"
  end)
end

---Keeps what the claim has, for people to try what was brought.
---@async
---@param environment string
---@param claim table
---@param seconds number
---@return number|nil until_ unix seconds; nil: it is no longer this claim's
function Shared:keep(environment, claim, seconds)
  return (update(self, environment, function(reservation, now)
    local kept <const> = line.keep(reservation, claim, now, seconds)
    return kept, claim.login .. " keeps it to try the change", kept and reservation.holder["until"] or nil
  end))
end

---Adds to what the run has while it deploys, or notes that its holder was told of its end.
---@async
---@param environment string
---@param claim table
---@return "extended"|"nudge"|nil what nil: there is nothing to do
---@return number|nil until_
function Shared:renew(environment, claim)
  local what <const> = update(self, environment, function(reservation, now)
    local holder <const> = reservation.holder
    if not line.is_mine(holder, claim) or holder["until"] - now > line.NUDGE then
      return false, nil, { until_ = holder and line.is_mine(holder, claim) and holder["until"] or nil }
    end
    if holder.deploying then
      line.extend(reservation, claim, now, line.EXTENSION)
      return true, claim.login .. " still deploys", { did = "extended", until_ = holder["until"] }
    end
    if holder.nudged then return false, nil, { until_ = holder["until"] } end
    holder.nudged = now
    return true, "its holder is told that it ends soon", { did = "nudge", until_ = holder["until"] }
  end)
  return what.did, what.until_
end

---Raises unless the claim still has it: asked before something is changed there.
---@async
---@param environment string
---@param claim table
---errors: kind "lock.lost"
function Shared:affirm(environment, claim)
  local reservation <const> = self:read(environment)
  local hold <const> = reservation.hold
  local goes_on <const> = not hold or hold.run == self.run.id or claim.goes_back
  if goes_on and line.is_mine(reservation.holder, claim) then return end
  local now <const> = clock.now()
  local message = "this run no longer has it: " .. (hold and words.hold(hold, now)
    or reservation.holder and words.holder(reservation.holder, now) or "nobody has it")
  if reservation.last and reservation.last.what == "stolen" then
    message = ("this run no longer has it: %s took it away: %s"):format(reservation.last.login, reservation.last.why)
  end
  errors.raise {
    kind = "lock.lost", op = "reservation", target = environment, message = message,
    hint = ("find out what was done there since; `fairlead resume %s` takes it again and goes on"):format(self.run.id),
  }
end

-- Only whoever has it may change it; anybody may take it away, with a reason.
local function need_mine(self, environment, reservation, what)
  local holder <const> = reservation.holder
  if holder and holder.login == self.login and not holder.deploying then return end
  local now <const> = clock.now()
  local why = "nobody has it"
  if holder then
    why = (holder.login == self.login and "a run of yours deploys there: " or "it is not yours: ")
      .. words.holder(holder, now)
  end
  self.run:refuse("not-yours", ("cannot %s %s: %s"):format(what, environment, why),
    holder and "agree with them; or take it away with a reason: --steal --reason \"…\"" or nil)
end

---Ends the run unless the one who asks has the environment.
---@async
---@param environment string
---@param what string what is about to be done: "extend"
---errors: kind "gate.refused" (reason "not-yours")
function Shared:need_mine(environment, what)
  self:me()
  need_mine(self, environment, self:read(environment), what)
end

---@async
---@param environment string
---@param seconds number more than it had
---@return Reservation
function Shared:extend(environment, seconds)
  local me <const> = self:me()
  return (update(self, environment, function(reservation, now)
    need_mine(self, environment, reservation, "extend")
    line.extend(reservation, me, now, seconds)
    return true, ("%s extends it to %s"):format(me.login, words.moment(reservation.holder["until"], now)), reservation
  end))
end

---@async
---@param environment string
---@param to string login on GitHub
---@param why string?
---@return Reservation
function Shared:hand_over(environment, to, why)
  local me <const> = self:me()
  return (update(self, environment, function(reservation, now)
    need_mine(self, environment, reservation, "hand over")
    line.hand_over(reservation, me, { login = to, slack = (self.settings.people or {})[to] }, now, why)
    return true, ("%s hands it over to %s"):format(me.login, to), reservation
  end))
end

---Takes it away from whoever has it; with `mine` only from oneself, which needs no reason.
---@async
---@param environment string
---@param why string?
---@param options {mine: boolean?}?
---@return table|nil former nil: nobody had it
function Shared:clear(environment, why, options)
  local me <const> = self:me()
  return (update(self, environment, function(reservation, now)
    if not reservation.holder then return false, nil, nil end
    if options and options.mine then need_mine(self, environment, reservation, "give back") end
    local former <const> = line.steal(reservation, me, now, why or "given back")
    if options and options.mine then reservation.last.what = "given-back" end
    return true, ("%s %s"):format(me.login, options and options.mine and "gives it back"
      or ("takes it away from %s: %s"):format(former.login, why)), former
  end))
end

---Nobody deploys there until it is freed.
---@async
---@param environment string
---@param why string
---@return table hold
function Shared:hold(environment, why)
  local me <const> = self:me()
  return (update(self, environment, function(reservation, now)
    if reservation.hold and reservation.hold.run == me.run then return false, nil, reservation.hold end
    line.hold(reservation, me, now, record.text(why) or "no reason given")
    return true, ("held by %s: %s"):format(me.login, why), reservation.hold
  end))
end

---@async
---@param environment string
---@param why string
---@return table|nil hold what it was held for; nil: it was not held
function Shared:free(environment, why)
  local me <const> = self:me()
  return (update(self, environment, function(reservation, now)
    local hold <const> = reservation.hold
    if not hold then return false, nil, nil end
    line.free(reservation, me, now, why)
    return true, ("%s lets deployments go on: %s"):format(me.login, why), hold
  end))
end

return M
