--- How a run ends: those who must know are told, then the last event is.
local beside = require "fairlead.procedure.beside"
local clock = require "fairlead.clock"
local duration = require "fairlead.procedure.duration"
local events = require "fairlead.procedure.events"
local json = require "fairlead.json"
local outcomes = require "fairlead.procedure.outcome"
local value = require "fairlead.procedure.value"

local M = {}

---The steps of the plan that did not end well, in its order.
---@param run procedure.Run
---@return string[]
local function not_done(run)
  local names = {}
  for _, name in ipairs(run.procedure.plan) do
    if not run.completed[name] then names[#names + 1] = name end
  end
  return names
end

-- Where in a script a plain Lua error happened: "deploy.lua:12: …".
local function place(err)
  if err.kind ~= "script" then return nil end
  local file, line = tostring(err.message):match "^(.-):(%d+): "
  return file, tonumber(line)
end

local SAID <const> = {
  done = "is done",
  failed = "failed",
  usage = "could not start",
  refused = "was refused",
  not_authorised = "was not authorised",
  rolled_back = "was rolled back",
  waiting = "waits",
  interrupted = "was interrupted",
}

-- The ending as notifiers get it.
local function message(run, final)
  local text = ("%s %s after %s"):format(run.procedure.summary or run.procedure.name, SAID[final.outcome],
    duration.text(final.elapsed))
  if final.error then text = text .. ": " .. final.error end
  return {
    ending = true, text = text, run = run.id, procedure = run.procedure.name,
    outcome = final.outcome, reason = final.reason, exit_code = final.exit_code,
    error = run.error, failed = final.failed, not_done = final.not_done,
    live = run.lives, facts = run.facts, why = run.reasons, elapsed = final.elapsed,
  }
end

local function last_event(run)
  local outcome, reason, exit_code = outcomes.of(run.error)
  if run.dry and not run.error then reason = "dry_run" end
  local final = {
    event = "run.finished", outcome = outcome, reason = reason, exit_code = exit_code,
    elapsed = events.round(clock.now() - run.started),
    live = json.array(value.copy(run.lives)), facts = json.array(value.copy(run.facts)),
    stopped = run.dry_end,
    not_reached = run.dry_end and json.array(not_done(run)) or nil,
  }
  if run.mode == "run" and run.recorder.journal and outcomes.can_resume(outcome, reason) then
    final.resume = "fairlead resume " .. run.id
  end
  if run.error then
    final.error, final.hint, final.failed = tostring(run.error), run.error.hint, run.failed
    final.kind = run.error.kind
    final.file, final.line = place(run.error)
    final.not_done = json.array(not_done(run))
    local why <const> = value.copy(run.reasons)
    table.move(run.error.details or {}, 1, #(run.error.details or {}), #why + 1, why)
    final.why = #why > 0 and json.array(why) or nil
  end
  return final
end

---Ends a run; once. When telling is itself interrupted, the last event still comes.
---@async
---@param run procedure.Run
---@param err table|nil an error object
function M.finish(run, err)
  if run.finished then return end
  if not run.ending then
    run.error, run.failed = err, err and run.failure and run.failure.path
  end
  local _ <close> = setmetatable({}, { __close = function()
    if run.finished then return end
    beside.stop(run)
    run.finished = clock.now()
    run.final = last_event(run)
    run.stream:emit(run.final)
    if run.dry or run.mode == "replay" then return end
    local _, unwritten = try(run.recorder.ended, run.recorder, run.final)
    if unwritten then run.unwritten = tostring(unwritten) end
  end })
  if run.ending then return end
  run.ending = true
  if run.dry or run.mode == "replay" then return end
  local outcome = outcomes.of(err)
  -- A run that waits for a person is neither over nor in trouble; of one that somebody else carries out now nobody is
  -- told here.
  if err and (err.kind == "resume.lost" or err.kind:find "^waiting%.") then
    return beside.at_end(run, message(run, last_event(run)))
  end
  if err and outcome ~= "waiting" then
    for _, handler in ipairs(run.failure_handlers) do
      local _, why = try(function() handler(err, run) end)
      if why then run:warn("on_failure: " .. tostring(why)) end
    end
  end
  -- A good end is told once for ever, any other once for each attempt.
  local told = message(run, last_event(run))
  run:tell(told, outcome == "done" and "@ended" or ("@ended#%d"):format(run.attempt), "")
  beside.at_end(run, told)
end

return M
