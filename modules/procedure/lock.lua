--- run:lock: has an environment to itself for a while.
---
--- Whoever takes a lock waits for it in line, in order of arrival. While it is held a background task renews its lease.
--- Before each step that would act, the locks around it are checked: a step inside a lock that was lost is refused.
local clock = require "fairlead.clock"
local duration = require "fairlead.procedure.duration"
local errors = require "fairlead.errors"
local events = require "fairlead.procedure.events"
local locks = require "fairlead.lock"
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"
local value = require "fairlead.procedure.value"

local M = {}

---@class procedure.LockOptions
---@field reason? string why, for those who wait; the procedure's summary when left out
---@field for? number seconds for which it will be needed, for those who wait; an hour when left out. It ends nothing
---@field timeout? number seconds to wait in line; an hour when left out, 0: not at all
---@field lease? number seconds after which a holder that was killed, or is stopped, has lost it; 60 when left out
---@field notify? table where to tell that somebody stole it: {slack = {channel=, thread=}}

local HOUR <const> = 3600
local LEASE <const> = 60
local SHORTEST <const>, LONGEST <const> = 0.5, 86400 -- seconds that a lease may last
local REPEAT <const> = 30 -- seconds after which waiting is told although nothing changed
local FIELDS <const> = { reason = "string", ["for"] = "number", timeout = "number", lease = "number", notify = "table" }

local function check_options(name, options)
  nodes.check_name(name, "run:lock", 4)
  local function wrong(text)
    error(("run:lock %q: %s"):format(name, text), 4)
  end
  if options == nil then options = {} end
  if type(options) ~= "table" then wrong("a table of options expected, got " .. type(options)) end
  for field, item in pairs(options) do
    local kind = FIELDS[field]
    if not kind then
      wrong(("unknown field '%s' (it takes reason, for, timeout, lease, notify)"):format(tostring(field)))
    end
    if type(item) ~= kind then wrong(("%s: %s expected, got %s"):format(field, kind, type(item))) end
  end
  local wanted, timeout, lease = options["for"] or HOUR, options.timeout or HOUR, options.lease or LEASE
  if not (wanted > 0 and wanted < math.huge) then wrong "for: a number of seconds above 0 expected" end
  if not (timeout >= 0 and timeout < math.huge) then wrong "timeout: a number of seconds, 0 or more, expected" end
  if not (lease >= SHORTEST and lease <= LONGEST) then
    wrong(("lease: seconds from %g to %d expected"):format(SHORTEST, LONGEST))
  end
  local problem = value.problem(options.notify, "notify")
  if problem then wrong(problem .. "; notify is plain data") end
  if options.reason and not options.reason:find "%S" then wrong "reason: non-empty text expected" end
  return {
    reason = options.reason, wanted = wanted, timeout = timeout, notify = options.notify,
    -- Whoever needs it for a moment only is not waited for longer than that when killed.
    ttl = math.max(SHORTEST, math.min(lease, wanted)),
  }
end

-- ---- holding ----

---@class procedure.Lock to be closed: that gives the lock back
---@field name string
---@field token integer the fencing token; of two holders the one with the greater is the true one
---@field private held table shared by all that have taken it in this run
local Lock = {}
Lock.__index = Lock
Lock.__name = "procedure.Lock"

local function utc(run) return run.mode == "rehearsal" end

local function lost_error(held)
  return errors.new {
    kind = "lock.lost", op = "lock", target = held.name,
    message = ("this run no longer has it: %s"):format(locks.describe_loss(held.loss, utc(held.run))),
    hint = ("find out what was done there since; `fairlead resume %s` takes it again and goes on"):format(held.run.id),
  }
end

local function tell_released(held, why)
  if held.told then return end
  held.told = true
  held.run:emit {
    event = "lock.released", lock = held.name, token = held.lease.token, why = why,
    held = events.round(clock.now() - held.lease.taken),
  }
end

local function lose(held, loss)
  if held.loss then return end
  held.loss = loss
  tell_released(held, loss.what)
  held.run:warn(("lock '%s' is lost: %s"):format(held.name, locks.describe_loss(loss, utc(held.run))))
end

-- The lease that this process believes in ends a moment before the stored one: counted from before it was asked for.
local function renew(held, options)
  local before = clock.steady()
  local ok, loss = held.store:renew(held.lease, options)
  if ok then
    held.sure_until = before + held.lease.ttl
  else
    lose(held, loss)
  end
end

-- In the background. A store that fails for a moment is tried again while the lease lasts.
local function beat(held)
  task.name("lock " .. held.name)
  local warned = false
  while not held.loss do
    clock.sleep(held.lease.ttl / 4)
    if held.closed then return end
    local _, err = try(renew, held)
    if err and not warned then held.run:warn(("lock '%s' was not renewed: %s"):format(held.name, tostring(err))) end
    warned = err ~= nil
  end
end

local function keep_beating(held)
  local status = held.heart and held.heart:status()
  -- A heart ends with the task that started it; the lock may be needed longer than that task.
  if status == nil or status == "done" or status == "failed" then
    held.heart = supervise.start_beside(held.run, nodes.bind(held.node, beat), held)
  end
end

-- The lock holds now and a little longer, or this raises.
local function affirm(held)
  if not held.loss then
    if clock.steady() > held.sure_until - held.lease.ttl / 2 then
      renew(held)
    else
      local ok, loss = held.store:check(held.lease)
      if not ok then lose(held, loss) end
    end
  end
  if not held.loss and clock.steady() >= held.sure_until then lose(held, { what = "lapsed" }) end
  if held.loss then error(lost_error(held), 0) end
  keep_beating(held)
end

local function end_hold(held)
  if held.closed then return end
  held.closed = true
  held.run.held[held.name] = nil
  local store <close> = held.store
  if held.heart then held.heart:cancel() end
  if held.loss then return end
  local ok, loss, err
  ok, err = try(function()
    local released
    released, loss = store:release(held.lease)
    return released or false
  end)
  if err then
    -- The lease runs out by itself.
    tell_released(held, "failed")
    held.run:warn(("lock '%s' was not given back: %s"):format(held.name, tostring(err)))
  elseif ok then
    tell_released(held, "done")
  else
    lose(held, loss)
  end
end

---Gives the lock back; once.
function Lock:close()
  if self.closed then return end
  self.closed = true
  local held = self.held
  if not held then return end -- a dry run's
  held.depth = held.depth - 1
  if held.depth == 0 then end_hold(held) end
end

Lock.__close = Lock.close

---Says that it will be needed for so many seconds from now.
---@param seconds number
function Lock:extend(seconds)
  if type(seconds) ~= "number" or not (seconds > 0 and seconds < math.huge) then
    error("lock:extend: a number of seconds above 0 expected", 2)
  end
  if not self.held then return end
  if self.closed then error(("lock:extend: lock '%s' was given back"):format(self.name), 2) end
  if not self.held.loss then renew(self.held, { wanted = seconds }) end
  if self.held.loss then error(lost_error(self.held), 0) end
end

---Whether this run still has it, as far as is known here; without asking the store.
---@return boolean
function Lock:is_held()
  return not self.closed and self.held ~= nil and self.held.loss == nil
end

local function handle(held)
  held.depth = held.depth + 1
  return setmetatable({ name = held.name, token = held.lease.token, held = held }, Lock)
end

-- ---- waiting ----

local function held_error(name, standing, run, waited)
  local holder = standing.holder
  local who = holder and "is held by " .. locks.describe(holder, utc(run))
    or ("is free, and %s comes first"):format(standing.next and locks.who(standing.next) or "somebody else")
  local gone = holder and locks.is_gone(holder.owner)
    and ("; its process is gone, it will be free at %s"):format(locks.moment(holder.expires, utc(run))) or ""
  local err = errors.new {
    kind = "lock.held", op = "lock", target = name,
    message = who .. gone .. (waited and ("; waited %s for it"):format(
      duration.text(waited)) or ""),
    hint = ("`fairlead resume %s` goes on when it is free; agree with them, or take it away: "
      .. "fairlead unlock %s --steal --reason \"…\""):format(run.id, name),
  }
  err.holder = holder
  return err
end

local function standing_text(standing, run)
  local parts = {}
  parts[1] = standing.holder and "held by " .. locks.describe(standing.holder, utc(run)) or "free"
  if standing.position > 1 then parts[2] = ("%d before this run"):format(standing.position - 1) end
  return table.concat(parts, ", ")
end

local function tell(waiting, standing)
  local now, says = clock.now(), standing_text(standing, waiting.run)
  waiting.info.text = says
  if says == waiting.said and now - waiting.said_at < REPEAT then return end
  waiting.said, waiting.said_at = says, now
  local expected = standing.position == 1 and standing.holder and standing.holder.until_ > now
    and standing.holder.until_ or nil
  waiting.info.expected = expected
  waiting.node:emit {
    event = "wait.progress", text = says, position = standing.position, ticket = standing.number,
    expected = expected and events.round(expected), since = events.round(waiting.info.since),
    deadline = events.round(waiting.info.deadline),
  }
end

-- Who is next looks often; the others as often as the line can move. A line that stands still is looked at less.
local function pause(waiting, standing)
  if standing.position ~= waiting.position then
    waiting.position, waiting.moved = standing.position, clock.steady()
  end
  local still = clock.steady() - waiting.moved
  local seconds = math.max(0.02 * math.min(standing.position, 50), math.min(1, still / 50))
  return math.min(seconds, math.max(0.001, waiting.give_up - clock.steady()))
end

-- Out of the line, whatever happens: a place that nobody waits at would hold up those behind it until it runs out.
local function leaving(store, claim)
  return setmetatable({}, { __close = function()
    if claim.ticket then try(store.leave, store, claim.ticket) end
  end })
end

local function wait_for(waiting, store, claim)
  local _ <close> = leaving(store, claim)
  local standing, lease
  while true do
    local stale
    if claim.ticket then standing, stale = store:standing(claim.name, claim.ticket) end
    if not standing or stale or standing.position == 1 and not standing.holder then
      waiting.asked = clock.steady()
      lease, standing = store:acquire(claim)
      if lease then
        claim.ticket = nil
        return lease
      end
      claim.ticket = standing.ticket
    end
    if not claim.wait then error(held_error(claim.name, standing, waiting.run), 0) end
    tell(waiting, standing)
    local now = clock.steady()
    if now >= waiting.give_up then
      error(held_error(claim.name, standing, waiting.run, now - waiting.began), 0)
    end
    clock.sleep(pause(waiting, standing))
  end
end

local function owner_of(run)
  local process = require "fairlead.journal.native".process()
  return {
    run = run.id, user = run.user or locks.user(), host = process.host, procedure = run.procedure.name,
    process = { pid = process.pid, began = process.began, boot = process.boot, namespace = process.namespace },
  }
end

-- On the record it is a wait, for who looks at the run from outside; and one that is taken up again keeps its deadline.
-- Unlike other waits it is gone through again on resume: the lock itself is what counts.
local function put_on_record(run, node, options)
  local key = node:key(nil)
  local record = node:recorded(key, nil)
  local deadline = clock.now() + options.timeout
  if record and record.status == "begun" and record.deadline then deadline = math.min(record.deadline, deadline) end
  run.recorder:begin(key, nil, { deadline = deadline })
  return key, deadline
end

local function take(run, name, options, node)
  local key, deadline = put_on_record(run, node, options)
  local _ <close> = nodes.recording_failure(run, key)
  local waits = options.timeout > 0 and not run.no_wait
  local claim = {
    name = name, owner = owner_of(run), wanted = options.wanted, ttl = options.ttl, wait = waits,
    notify = options.notify, reason = options.reason or run.procedure.summary or run.procedure.name,
  }
  local now = clock.now()
  local info = { name = node.name, path = node.path, since = now, deadline = deadline, lock = name }
  run.waits[node] = info
  local store = locks.open()
  local kept = false
  local _ <close> = setmetatable({}, { __close = function() if not kept then store:close() end end })
  -- Nobody waits longer, or gives up early, because somebody sets the clock.
  local steady = clock.steady()
  local waiting = { run = run, node = node, info = info, began = steady, give_up = steady + deadline - now }
  local lease = wait_for(waiting, store, claim)
  kept = true
  local held = {
    run = run, name = name, node = node.parent, store = store, lease = lease, depth = 0,
    sure_until = waiting.asked + lease.ttl,
  }
  run.held[name] = held
  node:emit {
    event = "lock.taken", lock = name, token = lease.token, reason = claim.reason,
    ["until"] = events.round(lease.until_), waited = events.round(clock.now() - now), again = lease.retaken or nil,
  }
  keep_beating(held)
  run.recorder:finish(key, { token = lease.token })
  return held
end

-- Two tasks of one run that want the same lock take it once: the second waits for what becomes of the first.
local function take_turns(run, name)
  while run.taking[name] do run.taking[name]:wait() end
  local done = task.event()
  run.taking[name] = done
  return setmetatable({}, { __close = function()
    run.taking[name] = nil
    done:set()
  end })
end

-- What a run has that only looks as if it had it.
local function nobodys(name)
  return setmetatable({ name = name, token = 0 }, Lock)
end

-- A dry run looks who has it, and makes nothing: not even the file where locks are kept.
local function preview(name, options, run, node)
  local would = ("lock %s for %s"):format(name, duration.text(options.wanted))
  local store <close> = locks.open_existing()
  for _, record in ipairs(store and store:list() or {}) do
    if record.name == name and record.id then
      would = ("%s; now it is held by %s"):format(would, locks.describe(record, utc(run)))
    end
  end
  node:skip("dry run", { would = would })
  return nobodys(name)
end

local function do_lock(run, name, options)
  local node <close> = nodes.open(run, "wait", "Lock " .. name, {
    intent = options.reason, deadline = events.round(clock.now() + options.timeout),
  })
  if run.dry then return preview(name, options, run, node) end
  if run.mode == "replay" then
    local key = node:key(nil)
    nodes.check_replayed(node, node:recorded(key, nil))
    node:skip "recorded"
    return nobodys(name)
  end
  return handle(take(run, name, options, node))
end

-- ---- for the other parts of a run ----

---Raises kind "lock.lost" when a lock around this node is no longer this run's. Asked before anything is changed.
---@param run procedure.Run
---@param node procedure.Node
function M.check(run, node)
  for _, held in pairs(run.held) do
    if nodes.is_below(node, held.node) then affirm(held) end
  end
end

---Gives back, when it is closed, what the script took and did not close.
---@param run procedure.Run
---@return table guard to be closed
function M.guard(run)
  return setmetatable({}, { __close = function()
    local list = {}
    for _, held in pairs(run.held) do list[#list + 1] = held end
    table.sort(list, function(a, b) return a.name < b.name end)
    for _, held in ipairs(list) do end_hold(held) end
  end })
end

---@param Run table the class of runs
function M.install(Run)
  ---Takes a lock and has it until it is closed: `local lock <close> = run:lock("development", {reason = …})`. When
  ---somebody else has it, waits in line. The same run may take it again inside, and has it again when it is resumed.
  ---@async
  ---@param name string what is locked: an environment
  ---@param options? procedure.LockOptions
  ---@return procedure.Lock lock to be closed
  ---errors: kinds "lock.held" (not free in time, or it does not wait), "lock.lost", "journal.…" (no place to keep it)
  function Run:lock(name, options)
    options = check_options(name, options)
    local _ <close> = take_turns(self, name)
    local held = self.held[name]
    if held then
      affirm(held)
      return handle(held)
    end
    if self.supervise then
      return supervise.call(self, { kind = "lock", name = "Lock " .. name }, do_lock, self, name, options)
    end
    return do_lock(self, name, options)
  end
end

return M
