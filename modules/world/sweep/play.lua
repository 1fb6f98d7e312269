--- One run in a world of its own, killed at chosen instants, and taken up again each time.
---
--- Runs are deterministic, so the first instant is found again by beginning anew with the same seed. The world, its
--- clock, its repositories and the run's records live on after a kill; the procedure's memory does not: its script, and
--- what that requires from its own folder, is loaded again. Later instants are known by what they are instants of.
local choose = require "fairlead.world.sweep.choose"
local clock = require "fairlead.clock"
local crashes = require "fairlead.world.sweep.crash"
local effects = require "fairlead.world.sweep.effects"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local memory = require "fairlead.procedure.memory"
local nodes = require "fairlead.procedure.node"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local rehearsal = require "fairlead.world.rehearsal"
local script = require "fairlead.journal.script"
local task = require "fairlead.task"

local M = {}

local QUIET <const> = 48 * 3600 -- seconds after which a world that still moves is compared as it is

-- The procedure, telling which part of it the running task is at.
local function watched(loaded, state)
  local copy = {}
  for field, value in pairs(loaded) do
    copy[field] = value
  end
  function copy.run(run, parameters)
    state.run = run
    return loaded.run(run, parameters)
  end
  return setmetatable(copy, getmetatable(loaded))
end

---@class fairlead.world.sweep.Play
---@field result procedure.Result
---@field effects table<string, integer>
---@field others table<string, integer>[]? of an uninterrupted run: effects when only the network behaves otherwise
---@field instants fairlead.world.Instant[][] of each process: the killed ones, the one that took the run up last
---@field hit fairlead.world.sweep.Kill[] instants at which it was killed
---@field begun table<string, boolean> steps that are begun and not finished in the end
---@field locks table<string, boolean> locks that are held in the end
---@field error string? what it failed with in the end
---@field failed string? where it failed in the end

-- Takes note of what is begun and held, as a listener and around the recorder.
local function ledger()
  local self = { begun = {}, locks = {} }
  function self.event(event)
    local name = event.lock or event.environment
    if event.event == "lock.taken" then
      self.locks[tostring(name)] = true
    elseif event.event == "lock.released" then
      self.locks[tostring(name)] = nil
    end
  end
  function self.recorder(inner)
    return setmetatable({}, { __index = function(_, name)
      local method = inner[name]
      if type(method) ~= "function" then
        return method
      end
      return function(_, key, ...)
        -- A wait does nothing, and one that ended because another branch failed stays begun.
        if name == "begin" and key.kind ~= "wait" then self.begun[key.id] = true end
        if name == "finish" or name == "fail" then self.begun[key.id] = nil end
        if name == "ended" then self.final = key end
        return method(inner, key, ...)
      end
    end })
  end
  return self
end

-- Carries the procedure out once, in one process; nil when that was killed.
local function live(options, place, recorder, book, crash, state)
  local world <const> = place.world
  script.forget(options.script) -- a killed process forgets what its script's own modules held
  local loaded = rehearsal.load(world, options.script, options.command)
  local execution = rehearsal.execute_options(world, place.folder, {
    id = state.id,
    attempt = 1, -- still: only an end on record makes what follows another attempt
    recorder = crash:recorder(book.recorder(recorder)),
    listener = function(event)
      if not crash.dead then book.event(event) end
    end,
  })
  local result = task.race {
    function()
      crash.died:wait()
      return false
    end,
    function()
      return http.with_transport(crash:transport(place.transport), process.with_runner, crash:runner(),
        procedure.execute, watched(loaded, state), options.parameters, execution)
    end,
  }
  return result or nil
end

-- The records of a killed process as another one reads them: what the first kept in mind only is gone.
local function reopened(recorder)
  local copy = memory.new()
  if getmetatable(copy) ~= getmetatable(recorder) then return recorder end
  copy.records, copy.ordinal = recorder.records, recorder.ordinal
  return copy
end

local function finished(final)
  return { outcome = final.outcome, reason = final.reason, exit_code = final.exit_code, events = { final } }
end

-- Lets everything happen that is under way in the world.
local function settle(world)
  local last = clock.now() + QUIET
  local due = world.timeline:next()
  while due and due <= last do
    clock.sleep(math.max(0, due - clock.now()))
    world:settle()
    due = world.timeline:next()
  end
end

local function error_of(result)
  if result.outcome == "done" then return nil end
  local last <const> = result.events[#result.events]
  return tostring(result.error or last and last.error or result.reason)
end

-- How a process of the run comes to its end: at the first of these kills that it comes to. The first process of all
-- does what the uninterrupted run did, so that its instants have their numbers; a later one does some things again and
-- others not, so that an instant is known by its label, and by how many of that label lie between the last kill and
-- it.
local function killer(kills, last, baseline)
  if #kills == 0 then return nil end
  if last.exact then
    return function(_, count)
      if count == kills[1].at then return 1 end
    end
  end
  local wanted, seen = {}, {}
  for i, kill in ipairs(kills) do
    local among <const> = choose.count(baseline, kill.label, last.at + 1, kill.at)
    wanted[i] = { label = kill.label, count = among }
  end
  return function(instant)
    local label <const> = choose.label(instant)
    seen[label] = (seen[label] or 0) + 1
    for i, one in ipairs(wanted) do
      if one.label == label and one.count == seen[label] then return i end
    end
  end
end

local function not_again(options, at)
  errors.raise {
    kind = "world.sweep", op = "sweep", target = options.script,
    message = ("instant %d did not come again: two runs with one seed were not the same"):format(at),
    hint = "the procedure depends on something outside of the world, like the date or a random number",
  }
end

-- The processes of one run, each but the last killed.
local function processes(options, kills, baseline, place, recorder, book, state)
  local played = { instants = {}, hit = {} }
  local left, last = kills, { at = 0, exact = state.exact }
  local function where() return state.run and nodes.current(state.run).path or "" end
  repeat
    local crash <const> = crashes.new(killer(left, last, baseline), where)
    crash.pause = state.pause
    if left[1] and left[1].at == 0 then crash.dead, crash.hit = true, 1 end
    state.run = nil
    local result = not crash.dead and live(options, place, recorder, book, crash, state) or nil
    table.insert(played.instants, crash.instants)
    if crash.hit then
      last, book.locks = left[crash.hit], {} -- leases that nobody renews run out
      table.insert(played.hit, last)
      left = table.move(left, crash.hit + 1, #left, 1, {})
      recorder = reopened(recorder)
    end
    -- A run whose end is on record is over: nobody takes it up.
    played.result = result or book.final and finished(book.final)
  until played.result
  if #kills > 0 and #played.hit == 0 and state.exact and not state.pause then not_again(options, kills[1].at) end
  return played
end

---@param options table
---@param kills fairlead.world.sweep.Kill[] by their numbers in the uninterrupted run; none: that run itself
---@param baseline fairlead.world.Instant[]? instants of the uninterrupted run
---@param how {network: integer?, pause: number?}? network: which of the ways in which the network behaves; pause:
--- seconds for which it stands still at the first of the instants, in place of being killed
---@return fairlead.world.sweep.Play
function M.run(options, kills, baseline, how)
  local network <const>, pause <const> = how and how.network, how and how.pause
  local world = require "fairlead.world".new { seed = options.seed, scenario = options.scenario, network = network }
  rehearsal.load(world, options.script, options.command)
  return rehearsal.inside(world, function(folder, transport)
    local place <const> = { world = world, folder = folder, transport = transport }
    local book <const> = ledger()
    local recorder <const> = options.recorder and options.recorder() or memory.new()
    local state <const> = { id = options.id, exact = not network, pause = pause }
    local played <const> = processes(options, kills, baseline, place, recorder, book, state)
    settle(world)
    local last <const> = played.result.events[#played.result.events]
    played.failed = last and last.failed
    played.error = error_of(played.result)
    played.effects = effects.of(world, { played.error, options.error }) -- a killed process failed with the latter
    played.begun, played.locks = book.begun, book.locks
    return played
  end)
end

return M
