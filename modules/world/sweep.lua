--- The crash sweep: rehearses a procedure again and again, kills it at other instants each time, takes it up again, and
--- compares what the world holds in the end with what an uninterrupted run leaves there.
---
--- Several instants may be tried in one run, one after the other: it is killed, taken up, and killed again. A run that
--- ends otherwise than it should is followed by one for each of its instants alone, so that a finding names one.
local choose = require "fairlead.world.sweep.choose"
local judge = require "fairlead.world.sweep.judge"
local play = require "fairlead.world.sweep.play"
local random = require "fairlead.world.random"

local M = {}

---@class fairlead.world.sweep.Options
---@field script string path of a script that returns a procedure
---@field command string? another thing that the script can do
---@field parameters table<string, any>?
---@field scenario string?
---@field seed integer?
---@field samples integer? of reads in a row, how many to try in each part of the procedure; nil: all
---@field at_most integer? of these instants, how many to try, drawn by the seed; nil: all
---@field together integer? how many to try in one run; 1 when not given
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
---@field runs integer that it took
---@field wrong integer
---@field findings fairlead.world.sweep.Finding[]
---@field effects integer how many effects the uninterrupted run has

local NETWORKS <const> = 8

-- What differs by the network's chance alone is not the kill's doing: which of two parts that fail side by side fails
-- first, say, whom a question reaches while a service refuses, or what a run still does before it sees that somebody
-- pushed. Uninterrupted runs with other faults, and slower ones, tell.
local function vary_network(options, baseline, report)
  baseline.others = {}
  for network = 1, NETWORKS do
    report.runs = report.runs + 1
    baseline.others[network] = play.run(options, {}, nil, { network = network }).effects
  end
end

local PAUSES <const> = { 30, 330 } -- seconds

-- Whether a run that only stood still where this one was killed does the same: then it is the time that it took to be
-- taken up, in which others did something.
local function only_late(options, baseline, kills, played, report)
  if kills[1].at == 0 then return false end
  for _, pause in ipairs(PAUSES) do
    report.runs = report.runs + 1
    local paused <const> = play.run(options, kills, baseline.instants[1], { pause = pause })
    paused.others = { baseline.effects, table.unpack(baseline.others) }
    if not judge.of(paused, played) then return true end
  end
  return false
end

-- Tries a group in one run, and what went wrong there alone. Gives the kills that it did not come to.
local function try(options, baseline, group, report)
  local instants <const> = baseline.instants[1]
  local function once(kills, network)
    report.runs = report.runs + 1
    local played <const> = play.run(options, kills, instants, { network = network })
    local finding = judge.of(baseline, played)
    if finding and not baseline.others then
      vary_network(options, baseline, report)
      finding = judge.of(baseline, played)
    end
    local late <const> = finding and #kills == 1 and only_late(options, baseline, kills, played, report)
    return not late and finding or nil, played.hit, late
  end
  local finding, hit = once(group)
  report.tried = report.tried + #hit
  local function found(one)
    report.wrong = report.wrong + 1
    report.findings[#report.findings + 1] = one
  end
  if finding and #hit > 1 then
    local known = false
    for _, kill in ipairs(hit) do
      local alone <const>, _, late = once { kill }
      if alone then found(alone) end
      known = known or alone or late
    end
    -- Of all of them in one run only: that counts if it is so again when the network behaves otherwise.
    if not known and once(group, 1) and once(group, 2) then found(finding) end
  elseif finding then
    found(finding)
  end
  local reached, missed = {}, {}
  for _, kill in ipairs(hit) do reached[kill] = true end
  for _, kill in ipairs(group) do
    if not reached[kill] then missed[#missed + 1] = kill end
  end
  return missed
end

local function counts_of(instants)
  local counts = { record = 0, request = 0, program = 0 }
  for _, instant in ipairs(instants) do counts[instant.kind] = counts[instant.kind] + 1 end
  return counts
end

---Kills a procedure's rehearsal at its instants and takes it up again.
---@async
---@param options fairlead.world.sweep.Options
---@return fairlead.world.sweep.Report
function M.run(options)
  options = setmetatable({
    parameters = options.parameters or {}, scenario = options.scenario or "all-well", seed = options.seed or 1,
  }, { __index = options })
  local baseline <const> = play.run(options, {})
  if baseline.result.outcome == "usage" then error(baseline.result.error, 0) end
  options.id, options.error = baseline.result.id, baseline.error
  local instants <const> = baseline.instants[1]
  local counts <const>, effects = counts_of(instants), 0
  for _, count in pairs(baseline.effects) do effects = effects + count end
  local report <const> = {
    scenario = options.scenario, seed = options.seed, outcome = baseline.result.outcome,
    reason = baseline.result.reason, records = counts.record, requests = counts.request, programs = counts.program,
    instants = #instants + 1, tried = 0, runs = 0, wrong = 0, findings = {}, effects = effects,
  }
  local numbers <const> = choose.sample(choose.instants(instants, options.samples), options.at_most,
    random.stream(options.seed, "sweep"))
  local left, together = choose.kills(instants, numbers), options.together or 1
  while #left > 0 do
    local missed = {}
    for _, group in ipairs(choose.groups(left, together)) do
      table.move(try(options, baseline, group, report), 1, together, #missed + 1, missed)
      if options.on_point then options.on_point(report.tried, #numbers) end
    end
    table.sort(missed, function(a, b) return a.at < b.at end)
    left = missed
  end
  table.sort(report.findings, function(a, b) return a.at < b.at end)
  return report
end

return M
