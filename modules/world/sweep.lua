--- The crash sweep: rehearses a procedure again and again, kills it each time at another instant, takes it up again,
--- and compares what the world holds in the end with what an uninterrupted run leaves there.
---
--- Runs are deterministic, so an instant is found again by beginning anew with the same seed. The world, its clock, its
--- repositories and the run's records live on after the kill; the procedure's memory does not: its script, and what
--- that requires from its own folder, is loaded again.
local advice = require "fairlead.world.sweep.advice"
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
local task = require "fairlead.task"

local M = {}

local QUIET <const> = 48 * 3600 -- seconds after which a world that still moves is compared as it is

-- A killed process forgets what its script's own modules held.
local function forget(script)
  local folder = script:match "^(.*)/[^/]*$" or "."
  local path = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  for name in pairs(package.loaded) do
    if not name:find "^fairlead%." and package.searchpath(name, path) then
      package.loaded[name] = nil
    end
  end
end

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
---@field instants fairlead.world.Instant[][] of each process: the killed one, the one that took the run up
---@field begun table<string, boolean> steps that are begun and not finished in the end
---@field locks table<string, boolean> locks that are held in the end
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
        if name == "begin" then self.begun[key.id] = true end
        if name == "finish" or name == "fail" then self.begun[key.id] = nil end
        if name == "ended" then self.final = key end
        return method(inner, key, ...)
      end
    end })
  end
  return self
end

-- Carries the procedure out once, in one process; nil when that was killed.
local function live(options, world, place, recorder, book, crash, state)
  forget(options.script)
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

---@param options table
---@param at integer? the instant of the kill; nil: none
---@return fairlead.world.sweep.Play
local function play(options, at)
  local world = require "fairlead.world".new { seed = options.seed, scenario = options.scenario }
  rehearsal.load(world, options.script, options.command)
  return rehearsal.inside(world, function(folder, transport)
    local place = { folder = folder, transport = transport }
    local book = ledger()
    local recorder = options.recorder and options.recorder() or memory.new()
    local state = { id = options.id }
    local function where()
      return state.run and nodes.current(state.run).path or ""
    end
    local first = crashes.new(at, where)
    if at == 0 then
      first.dead = true
    end
    local result = at ~= 0 and live(options, world, place, recorder, book, first, state) or nil
    local instants = { first.instants }
    if at then
      if result then
        errors.raise {
          kind = "world.sweep", op = "sweep", target = options.script,
          message = ("instant %d did not come again: two runs with one seed were not the same"):format(at),
          hint = "the procedure depends on something outside of the world, like the date or a random number",
        }
      end
      state.run = nil
      local second = crashes.new(nil, where)
      -- A run whose end is on record is over: nobody takes it up.
      result = book.final and finished(book.final) or
        live(options, world, place, reopened(recorder), book, second, state)
      instants[2] = second.instants
    end
    settle(world)
    local last = result.events[#result.events]
    return {
      failed = last and last.failed,
      result = result, effects = effects.of(world), instants = instants, begun = book.begun, locks = book.locks,
    }
  end)
end

---------------------------------------------------------------------------------------------------------------------
-- Which instants

--- The numbers of the instants to try: all that differ in what was written or recorded before them; of reads in a row,
--- which change nothing but the time, so many for each part of the procedure (nil: all).
---@param instants fairlead.world.Instant[]
---@param samples integer?
---@return integer[]
function M.choose(instants, samples)
  local chosen, group = {}, {}
  local function flush()
    local count = samples and math.min(samples, #group) or #group
    for i = 1, count do
      chosen[#chosen + 1] = group[1 + (i - 1) * (#group - 1) // math.max(count - 1, 1)]
    end
    group = {}
  end
  for i = 0, #instants do
    local instant, following = instants[i], instants[i + 1]
    local only_reads = instant and not instant.writes and following and not following.writes
    if not only_reads or (group[1] and instants[group[1]].path ~= instant.path) then
      flush()
    end
    if only_reads then
      group[#group + 1] = i
    else
      chosen[#chosen + 1] = i
    end
  end
  flush()
  return chosen
end

-- So many of a list at most, evenly spread.
local function spread(list, most)
  if not most or most >= #list then return list end
  local some = {}
  for i = 1, most do
    some[i] = list[1 + (i - 1) * (#list - 1) // math.max(most - 1, 1)]
  end
  return some
end

---------------------------------------------------------------------------------------------------------------------
-- What was wrong

-- How often what was done where, by all processes of a run.
local function deeds(processes)
  local counts = {}
  for _, instants in ipairs(processes) do
    for _, instant in ipairs(instants) do
      if instant.writes and instant.kind ~= "record" and not instant.text:find "^git .*fetch" then
        local key = instant.path .. "\0" .. effects.plain(instant.text)
        counts[key] = (counts[key] or 0) + 1
      end
    end
  end
  return counts
end

-- The step whose deed was done more often, or less often, than without the kill.
local function blame(baseline, found, more)
  local expected, had = deeds(baseline.instants), deeds(found.instants)
  local list = {}
  local function compare(key)
    local a, b = expected[key] or 0, had[key] or 0
    if (more and b > a) or (not more and b < a) then
      local path, text = key:match "^(.-)%z(.*)$"
      list[#list + 1] = { path = path, text = text }
    end
  end
  for key in pairs(expected) do compare(key) end
  for key in pairs(had) do
    if not expected[key] then compare(key) end
  end
  table.sort(list, function(a, b)
    if a.path ~= b.path then return a.path < b.path end
    return a.text < b.text
  end)
  return list
end

local function is_step(processes, path)
  for _, instants in ipairs(processes) do
    for _, instant in ipairs(instants) do
      local step = instant.entry == nil or instant.entry == "step"
      if instant.kind == "record" and step and instant.text == "begin " .. path then return true end
    end
  end
  return false
end

-- Of several suspects, the one that was under way when the process was killed.
local function suspect(list, processes)
  local killed = processes[1]
  local path = killed[#killed] and killed[#killed].path
  for _, one in ipairs(list) do
    if one.path == path then return one end
  end
  return list[1]
end

-- What a step does to the world when nobody kills it.
local function deed_of(baseline, path)
  for _, instant in ipairs(baseline.instants[1]) do
    if instant.path == path and instant.writes and instant.kind ~= "record" then return instant.text end
  end
end

local function left_over(expected, found, text, problems)
  for name in pairs(found) do
    if not expected[name] then problems[#problems + 1] = text:format(name) end
  end
end

---@class fairlead.world.sweep.Finding
---@field at integer the instant
---@field when string "after …"
---@field problems string[] what differs from the uninterrupted run
---@field step string? the step that did something too often, or not at all
---@field deed string? what it did
---@field advice string?

---@param baseline fairlead.world.sweep.Play
---@param found fairlead.world.sweep.Play
---@param at integer
---@return fairlead.world.sweep.Finding? finding nil: nothing is wrong
local function judge(baseline, found, at)
  local problems, more, less = {}, false, false
  local a, b = baseline.result, found.result
  local other_end = a.outcome ~= b.outcome or a.reason ~= b.reason
  if other_end then
    problems[#problems + 1] = ("it ended as %s (%s%s) in place of %s (%s)"):format(b.outcome, b.reason,
      b.error and ": " .. tostring(b.error) or "", a.outcome, a.reason)
  end
  for _, difference in ipairs(effects.differences(baseline.effects, found.effects)) do
    more = more or difference.found > difference.expected
    less = less or difference.found < difference.expected
    problems[#problems + 1] = ("%d instead of %d times: %s"):format(difference.found, difference.expected,
      difference.effect)
  end
  left_over(baseline.begun, found.begun, "begun and never finished: %s", problems)
  left_over(baseline.locks, found.locks, "still locked: %s", problems)
  if #problems == 0 then return nil end
  local last = baseline.instants[1][at]
  local finding = {
    at = at, problems = problems,
    when = last and ("after %s%s"):format(last.text, last.path ~= "" and " in " .. last.path or "")
      or "at its beginning",
  }
  local one = suspect(blame(baseline, found, more or not less), found.instants)
  if b.reason == "resume.unsure" then
    finding.step = found.failed or ""
    finding.deed = deed_of(baseline, finding.step)
    finding.advice = advice.of(finding.step, true, finding.deed or "")
  elseif other_end then
    finding.step, finding.advice = found.failed or "", advice.ENDED_OTHERWISE
  elseif one then
    finding.step, finding.deed = one.path, one.text
    finding.advice = advice.of(one.path, is_step(found.instants, one.path), one.text)
  end
  return finding
end

---------------------------------------------------------------------------------------------------------------------

---@class fairlead.world.sweep.Options
---@field script string path of a script that returns a procedure
---@field parameters table<string, any>?
---@field scenario string?
---@field seed integer?
---@field samples integer? of reads in a row, how many to try in each part of the procedure; nil: all
---@field at_most integer? so many instants, evenly spread; nil: all that `samples` leaves
---@field recorder (fun(): procedure.Recorder)? makes the records of one run; memory when not given
---@field on_point fun(done: integer, all: integer)? hears how far it is

---@class fairlead.world.sweep.Report
---@field scenario string
---@field seed integer
---@field outcome string of the uninterrupted run
---@field reason string
---@field records integer commits of the run's records
---@field requests integer
---@field programs integer
---@field instants integer all that there are
---@field tried integer
---@field wrong integer
---@field findings fairlead.world.sweep.Finding[]
---@field effects integer how many effects the uninterrupted run has

---Kills a procedure's rehearsal at its instants, one after the other, and takes it up again.
---@async
---@param options fairlead.world.sweep.Options
---@return fairlead.world.sweep.Report
function M.run(options)
  options = setmetatable({
    parameters = options.parameters or {}, scenario = options.scenario or "all-well", seed = options.seed or 1,
  }, { __index = options })
  local baseline = play(options)
  options.id = baseline.result.id
  local instants = baseline.instants[1]
  local counts = { record = 0, request = 0, program = 0 }
  for _, instant in ipairs(instants) do counts[instant.kind] = counts[instant.kind] + 1 end
  local total = 0
  for _, count in pairs(baseline.effects) do total = total + count end
  local chosen = spread(M.choose(instants, options.samples), options.at_most)
  local report = {
    scenario = options.scenario, seed = options.seed, outcome = baseline.result.outcome,
    reason = baseline.result.reason, records = counts.record, requests = counts.request, programs = counts.program,
    instants = #instants + 1, tried = 0, wrong = 0, findings = {}, effects = total,
  }
  if baseline.result.outcome == "usage" then
    error(baseline.result.error, 0)
  end
  for i, at in ipairs(chosen) do
    local finding = judge(baseline, play(options, at), at)
    report.tried = i
    if finding then
      report.wrong = report.wrong + 1
      report.findings[#report.findings + 1] = finding
    end
    if options.on_point then options.on_point(i, #chosen) end
  end
  return report
end

return M
