--- Who has an environment. Whoever deploys to one has it to itself meanwhile: against other runs on this machine by a
--- lock, against those on other machines by a record in the application's repository. Where there is one environment
--- for everybody, it may be kept for people to try what came, and given back by a command or at the run's end.
---
--- The record comes first, then the lock: a run that has the record never waits for one that waits for the record.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local line = require "release.reservation.line"
local reality = require "release.reservation.reality"
local shared = require "release.reservation.shared"
local slack = require "fairlead.slack"
local sorted = require "fairlead.sorted"
local words = require "release.reservation.words"

---@class Release
local Release = {}

local HOUR <const> = 3600
local GIVING_BACK <const> = 600 -- seconds for which giving back is tried
local WINDING_DOWN <const> = 900 -- seconds that AWS may need to stop, or to go back
local UNHEARD <const> = 1800 -- seconds for which GitHub may not answer whose the environment is
local EVERY <const> = 10 -- seconds between looks while waiting

---The shared reservations of this application.
---@return Shared
function Release:reservations()
  self.shared = self.shared or shared.open(self)
  return self.shared
end

local function mention(who)
  return who.slack and ("<@%s>"):format(who.slack) or slack.escape(who.login)
end

local function command(self, environment, rest)
  return ("`fairlead reserve %s %s %s`"):format(self.settings.key, environment, rest)
end

-- ---- giving back ----

-- Asked before each write: while GitHub does not answer nobody can tell, so nothing is written meanwhile.
local function affirm(self, environment, claim)
  local deadline <const> = clock.now() + UNHEARD
  while true do
    local _, err <const> = try(self:reservations().affirm, self:reservations(), environment, claim)
    if not err then return end
    if not err.retryable or clock.now() >= deadline then error(err, 0) end
    clock.sleep(EVERY)
  end
end

---@class release.Having to be closed: that gives the environment back
---@field environment string
---@field claim table
local Having = {}
Having.__index = Having

local function stop(having)
  if having.keeper then having.keeper:cancel() end
  if having.guard then having.guard:close() end
  if having.lock then having.lock:close() end
end

-- Told and tolerated: what cannot be given back ends by itself.
local function hand_back(self, having)
  local environment <const> = having.environment
  local _, err = try(self.run.wait, self.run, {
    name = "Hand back " .. environment,
    timeout = GIVING_BACK,
    every = EVERY,
    check = function()
      self:reservations():give_back(environment, having.claim)
      return true
    end,
  })
  if err and err:is "resume" then error(err, 0) end
  if err then self.run:warn(("%s was not given back: %s"):format(environment, tostring(err))) end
  self.having[environment] = nil
end

local function keep(self, having)
  local environment <const>, seconds <const> = having.environment, having.hold
  local until_ <const> = self.run:wait {
    name = "Keep " .. environment,
    timeout = GIVING_BACK,
    every = EVERY,
    check = function() return self:reservations():keep(environment, having.claim, seconds) or -1 end,
  }
  if until_ < 0 then
    self.run:warn(("%s is no longer this run's to keep"):format(environment))
    return
  end
  having.kept = true
  self.run:notify {
    key = "kept " .. environment,
    text = (":test_tube: %s is yours to try until %s. Longer: %s; done: %s"):format(environment,
      words.moment(until_, clock.now()), command(self, environment, "--extend 1h"),
      command(self, environment, "--give-back")),
  }
  self:keep_reserved(having)
end

-- What an interrupted run deploys goes on without it: the environment stays this run's until its time is over, or the
-- run is taken up.
local function stays(err)
  local kind <const> = errors.wrap(err).kind
  return kind == "cancelled" or kind == "wait.timeout" or kind:find "^resume%." or kind:find "^waiting%."
end

function Having:close(err)
  if self.closed then return end
  self.closed = true
  local release <const>, environment <const> = self.release, self.environment
  stop(self)
  if release.run.dry then return end
  if err == nil and self.hold then return keep(release, self) end
  if err == nil then return hand_back(release, self) end
  if release.run.chosen_on_cancel and release.run.chosen_on_cancel ~= "leave" then
    try(function() release:reservations():keep(environment, self.claim, WINDING_DOWN) end)
  end
  if stays(err) then return end
  local _, problem = try(function() release:reservations():give_back(environment, self.claim) end)
  if problem then release.run:warn(("%s was not given back: %s"):format(environment, tostring(problem))) end
  release.having[environment] = nil
end

Having.__close = Having.close

---Gives back what is kept for trying: when the change is merged, and at the run's end.
---@async
function Release:hand_back_kept()
  local names = {}
  for name, having in pairs(self.having or {}) do
    if having.kept then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    stop(self.having[name])
    hand_back(self, self.having[name])
  end
end

-- ---- while it is had ----

---In the background: a run that deploys needs it longer than it said; who tries something is told that it ends soon.
---@param having table
---@private
function Release:keep_reserved(having)
  local environment <const>, claim <const> = having.environment, having.claim
  having.keeper = self.run:background("reservation of " .. environment, function()
    local until_ = clock.now() + line.NUDGE
    repeat
      clock.sleep(math.max(30, until_ - line.NUDGE - clock.now()))
      local done, err = try(function()
        local did <const>, ends <const> = self:reservations():renew(environment, claim)
        if did == "nudge" then
          self.run:notify {
            key = ("nudge %s %d"):format(environment, math.floor(ends)),
            text = (":alarm_clock: %s: you have %s until %s. Longer: %s; done: %s"):format(mention(claim), environment,
              words.moment(ends, clock.now()), command(self, environment, "--extend 1h"),
              command(self, environment, "--give-back")),
          }
        end
        return { until_ = ends, nudged = did == "nudge" }
      end)
      if err then self.run:say(("the reservation of %s was not looked at: %s"):format(environment, tostring(err))) end
      -- It is somebody else's: the next step finds out, if there is one.
      if done and not done.until_ then return end
      until_ = done and done.until_ or clock.now() + line.NUDGE + 60
      if done and done.until_ - clock.now() <= line.NUDGE then until_ = done.until_ + line.NUDGE end
    until until_ == nil
  end)
end

-- ---- getting it ----

local function claim_of(self, environment, change, options)
  local place <const>, thread <const> = self.settings.environments[environment], self.talk.thread
  local me <const> = self:reservations():me(change.requester)
  return {
    login = me.login, slack = me.slack, run = me.run, deploying = true,
    kind = (change.merged or options.goes_back) and "deploy" or "try",
    pull_request = change.number, commit = change.merged or change.head,
    why = options.why or change.title or "a deployment",
    goes_back = options.goes_back, seconds = place.hold or HOUR,
    thread = thread and { channel = thread.channel, ts = thread.ts } or nil,
  }
end

local function raise_held(self, environment, hold)
  self.run:refuse("held", ("%s is %s"):format(environment, words.hold(hold, clock.now())),
    ("agree with them; then: fairlead reserve %s %s --free --reason \"…\""):format(self.settings.key, environment))
end

local function raise_taken(self, environment, look, waited)
  local holder <const> = look.reservation.holder
  local err = errors.new {
    kind = "lock.held", op = "reservation", target = environment,
    message = look.note.text .. (waited and ("; waited %s for it"):format(words.span(waited)) or ""),
    hint = ("`fairlead resume %s` goes on when it is free; agree with them, or take it away: "
      .. "fairlead reserve %s %s --steal --reason \"…\""):format(self.run.id, self.settings.key, environment),
  }
  err.holder = holder
  error(err, 0)
end

-- Told in Slack: whom this waits for, and where somebody's time ends soon.
local function tell_waiting(self, environment, look, told)
  local holder <const> = look.reservation.holder
  if not holder then return end
  local now <const> = clock.now()
  local key <const> = ("waiting for %s since %d"):format(holder.login, math.floor(holder.since))
  if not told[key] then
    local differs <const> = reality.difference(self, environment, holder)
    told[key] = differs and ("; but %s"):format(differs) or ""
    self.run:notify {
      key = key,
      text = (":hourglass: waiting for %s: %s%s%s"):format(environment, slack.escape(words.holder(holder, now)),
        slack.escape(told[key]), look.before > 0 and ("; %d come first"):format(look.before) or ""),
    }
  end
  look.note.text = look.note.text .. told[key]
  if not look.nudge then return end
  self.run:notify {
    key = ("nudge %d"):format(math.floor(holder["until"])),
    text = (":alarm_clock: %s: you have %s until %s, and somebody waits for it. Longer: %s; done: %s"):format(
      mention(holder), environment, words.moment(holder["until"], now), command(self, environment, "--extend 1h"),
      command(self, environment, "--give-back")),
  }
end

local function tell_taken(self, environment, claim, look)
  local former <const>, now <const> = look.former, clock.now()
  local holder <const> = look.reservation.holder
  local place <const> = self.settings.environments[environment]
  if former then
    self.run:notify {
      key = "taken",
      text = (":lock: %s takes %s over from %s (%s): %s. It was %s's for: %s"):format(mention(claim), environment,
        mention(former), look.because, slack.escape(claim.why), slack.escape(former.login), slack.escape(former.why)),
    }
  elseif place.shared or claim.by_hand then
    self.run:notify {
      key = "taken",
      text = (":lock: %s has %s until %s: %s"):format(mention(claim), environment,
        words.moment(holder["until"], now), slack.escape(claim.why)),
    }
  end
end

local function wait_for_turn(self, environment, claim)
  local reservations <const>, run <const> = self:reservations(), self.run
  local began <const> = clock.now()
  local last, told = nil, {}
  local function look()
    last = reservations:turn(environment, claim, { waits = not run.no_wait, looks = run.dry })
    if last.state == "hold" then raise_held(self, environment, last.reservation.hold) end
    if last.state == "waits" and run.dry then return true, last.note end
    if last.state == "waits" and run.no_wait then raise_taken(self, environment, last) end
    if last.state == "waits" then
      tell_waiting(self, environment, last, told)
      return nil, last.note
    end
    tell_taken(self, environment, claim, last)
    return { since = math.floor(last.reservation.holder.since) }
  end
  -- Out of the line when it gives up: those behind would wait for it in vain until it counts as gone.
  local left <close> = setmetatable({}, { __close = function(_, err) -- luacheck: ignore left
    if err == nil or run.dry or errors.wrap(err).kind:find "^resume%." then return end
    if last and last.state == "waits" then try(reservations.give_back, reservations, environment, claim) end
  end })
  local _, err = try(run.wait, run, {
    name = "Reserve " .. environment,
    timeout = self.settings.timeouts.lock,
    every = EVERY,
    again = true,
    check = look,
  })
  if err and err:is "wait.timeout" and last and last.state == "waits" then
    raise_taken(self, environment, last, clock.now() - began)
  end
  if err then error(err, 0) end
end

-- The lock on this machine: two applications may call an environment by the same name.
local function lock_name(self, environment) return ("%s %s"):format(self.settings.key, environment) end

-- What is on record as given back, or kept, by a process of this run that ended before.
local function had_before(self, environment)
  local run <const> = self.run
  local kept <const> = run:recorded("Keep " .. environment)
  if not kept and not run:recorded("Hand back " .. environment) then return nil end
  run:recorded("Reserve " .. environment)
  run:recorded("Lock " .. lock_name(self, environment))
  return true
end

---Has an environment until what this gives is closed. Waits in line for it; whoever has it is told of in the terminal
---and in Slack, with why and until when.
---@async
---@param environment string
---@param change table
---@param options? { hold: number?, why: string?, goes_back: boolean? } hold: seconds for which people have it
--- afterwards, to try what came; goes_back: for a rollback, which minds neither that the environment is held, nor that
--- something newer is live
---@return release.Having to be closed
---errors: kinds "lock.held", "lock.lost", "gate.refused" (reason "held")
function Release:have(environment, change, options)
  options = options or {}
  self.having = self.having or {}
  local place <const>, thread <const>, run <const> = self.settings.environments[environment], self.talk.thread, self.run
  local claim <const> = claim_of(self, environment, change, options)
  local having = setmetatable({
    release = self, environment = environment, claim = claim, hold = options.hold and options.hold > 0 and options.hold,
  }, Having)
  self:give_back_at_the_end()
  self.having[environment] = having
  -- Nothing is left to be done there but what closing it does.
  if had_before(self, environment) then return having end
  wait_for_turn(self, environment, claim)
  having.lock = run:lock(lock_name(self, environment), {
    reason = change.number and ("%s #%d %s"):format(self.settings.name, change.number, claim.why)
      or ("%s: %s"):format(self.settings.name, claim.why),
    ["for"] = place.hold,
    timeout = self.settings.timeouts.lock,
    notify = thread and { slack = { channel = thread.channel, thread = thread.ts } } or nil,
  })
  if run.dry then return having end
  if claim.kind == "deploy" and not options.goes_back then
    local _, err = try(self.refuse_older, self, environment, claim.commit)
    if err then
      having:close(err)
      error(err, 0)
    end
  end
  having.guard = run:guard(function() affirm(self, environment, claim) end)
  self:keep_reserved(having)
  return having
end

---Reserves an environment for a person, who has it until they give it back, or its time is over. Waits in line.
---@async
---@param environment string
---@param options { seconds: number, why: string, pull_request: integer? }
function Release:reserve(environment, options)
  local me <const> = self:reservations():me()
  wait_for_turn(self, environment, {
    login = me.login, slack = me.slack, run = me.run, kind = "try", by_hand = true, why = options.why,
    pull_request = options.pull_request, seconds = options.seconds,
  })
end

-- What a process of this run that was killed had, and this one has not come to.
local function give_back_the_rest(self)
  local reservations <const> = self:reservations()
  for environment in sorted(self.settings.environments) do
    local holder <const> = not self.having[environment] and reservations:read(environment).holder
    if holder and holder.run == self.run.id then
      reservations:give_back(environment, { run = self.run.id, login = holder.login })
    end
  end
end

---What is still kept when the run is over goes back, unless it will be taken up.
---@param options? {all: boolean?} all: also what earlier processes of the run had
---@private
function Release:give_back_at_the_end(options)
  self.gives_back_all = self.gives_back_all or options and options.all
  if self.gives_back then return end
  self.gives_back, self.having = true, self.having or {}
  self.run:at_end(function(message)
    local goes_on <const> = message.outcome == "interrupted" or message.outcome == "waiting"
    if goes_on or message.reason:find "^resume%." then return end
    for environment, having in sorted(self.having) do
      if having.kept then self:reservations():give_back(environment, having.claim) end
    end
    if self.gives_back_all and message.outcome ~= "done" and message.reason ~= "wait.timeout" then
      give_back_the_rest(self)
    end
  end)
end

-- ---- holds ----

---Has nobody deploy to an environment until somebody frees it with a reason: `fairlead reserve APPLICATION ENVIRONMENT
-----free --reason TEXT`. After a rollback, say.
---@async
---@param environment string
---@param why string
---@return table hold {login=, why=, since=}
function Release:hold(environment, why)
  local run <const> = self.run
  local hold <const> = run:step("Hold " .. environment, {
    intent = { environment = environment, why = why },
    already = function()
      local known <const> = self:reservations():read(environment).hold
      return known and known.run == run.id and known or nil
    end,
    act = function() return self:reservations():hold(environment, why) end,
  })
  run:notify {
    key = "hold " .. environment,
    text = (":lock: nobody deploys to %s until somebody says why it may go on: %s. Held: %s"):format(environment,
      command(self, environment, "--free --reason \"…\""), slack.escape(why)),
  }
  return hold
end

---Warns of environments that nobody may deploy to now: it may be over by the time that the release gets there, and
---somebody has to see to it.
---@async
function Release:tell_holds()
  for environment in require "fairlead.sorted"(self.settings.environments) do
    local reservation <const>, err = try(function() return self:reservations():read(environment) end)
    if err then self.run:warn(("who has %s is not known: %s"):format(environment, tostring(err))) end
    local hold <const> = reservation and reservation.hold
    if hold then
      self.run:warn(("%s is %s; before this release gets there: fairlead reserve %s %s --free --reason \"…\""):format(
        environment, words.hold(hold, clock.now()), self.settings.key, environment))
    end
  end
end

return Release
