--- Commands for a run that is stopped under the debugger: its part done again, a result for it, its end.
local errors = require "fairlead.errors"
local stops = require "fairlead.repl.runs.stops"
local supervision = require "fairlead.repl.runs.supervision"
local text = require "fairlead.faces.text"

local usage <const> = stops.usage

local function current(session)
  local stop <const> = stops.current(session)
  local self <const> = supervision.of(session, stop)
  if not self then usage("this stop is of no run", "`:continue` goes on") end
  return stop, self
end

-- What is given in a replay is on no record: nobody is asked.
local function confirmed(session, stop, question)
  if not session.interactive or session.past and session.past:holds(stop) then return true end
  return session:confirm(question)
end

local function retry(session, argument)
  local stop <const>, self = current(session)
  local place <const> = self:find(stop, argument)
  -- What else has stopped in that part is ended before it is done again.
  session.stops:go_on(stop, function(one) self:again(one, place, true) end,
    function(other) return self:is_within(other, place) end)
  local held <const> = session.stop and supervision.hold_of(session.stop)
  if held and held.place == place and held.results then session:keep(held.results[2]) end
end

local function go_on(session, stop, self)
  local held <const> = supervision.hold_of(stop)
  if held or stop.kind ~= "failure" then
    return session.stops:go_on(stop, function(one) one:continue() end)
  end
  local place <const> = self:find(stop, "")
  session.stops:go_on(stop, function(one) self:again(one, place, false) end)
end

local function give(session, stop, self, expression)
  local place <const> = self:giving(stop)
  local ok <const>, results = session:evaluate("return " .. expression)
  if not ok then error(results, 0) end
  local problem <const> = require "fairlead.procedure.value".unfit(results[1], "the value")
  if problem then errors.raise { kind = "usage", message = problem } end
  local name <const> = supervision.name_of(place)
  local question <const> = ("Take %s for the result of %s? It goes on record as yours."):format(
    session:text(results[1]), name)
  if not confirmed(session, stop, question) then return session:print "nothing was taken" end
  session.stops:go_on(stop, function(one) self:give(one, place, results[1]) end)
end

-- ---- runs of the past ----

local function past(session)
  return session.past or usage("no run is open", "`fairlead repl --run RUN` opens one")
end

local function replay(session, argument)
  local self <const> = past(session)
  local words <const>, step = require "fairlead.repl.words".split(argument), {}
  -- A path may have spaces.
  while words[1] and not words[1]:find("=", 1, true) do step[#step + 1] = table.remove(words, 1) end
  self:replay(step[1] and self:number(table.concat(step, " ")) or self:last(), words)
end

-- What is given to a replay are the secrets that the journal does not hold.
local function gives(_, argument) return argument:find("=", 1, true) ~= nil end

-- What the run that is stopped has done so far, else what the run that is open did.
local function steps(session)
  local self <const> = not session.past and session.stop and supervision.of(session, session.stop)
  if not self then return past(session):print_steps() end
  local list <const> = {}
  for _, record in pairs(self.run.recorder.records) do list[#list + 1] = record end
  table.sort(list, function(one, other) return one.ordinal < other.ordinal end)
  local lines <const> = require "fairlead.cli.show".tree(list, false, true)
  if #lines == 0 then session:print "nothing was done in it" end
  for _, line in ipairs(lines) do session:print(line) end
end

-- At a failure what the script itself finds out of it, in the services that know.
local function why(session)
  local stop <const> = session.stop
  local self <const> = stop and stop.error and supervision.of(session, stop)
  if not self then return past(session):print_why() end
  local list <const> = self.run:why(stop.error, supervision.path_of(self:place_of(stop)))
  for _, line in ipairs(stop.error.details or {}) do session:print(text.clean(line)) end
  if #list == 0 then session:print "the script finds nothing out of this; `:err` tells all that the error says" end
  for _, finding in ipairs(list) do
    session:print(text.clean(finding.text))
    for _, line in ipairs(finding.details and text.lines(finding.details) or {}) do session:print("  " .. line) end
  end
end

-- ---- going on ----

local function resume(session, argument)
  local opened <const> = session.past
  if opened and (not session.stop and argument == "" or session.stop and opened:holds(session.stop)
    and argument == "") then
    return opened:go_on()
  end
  local stop <const>, self = current(session)
  local expression <const> = argument:match "^=%s*(.+)$"
  if expression then return give(session, stop, self, expression) end
  if argument ~= "" then usage("a value is given as `:resume = VALUE`") end
  go_on(session, stop, self)
end

local function fail(session)
  local stop <const>, self = current(session)
  if stop.kind ~= "failure" then usage("it has not failed", "`:continue` goes on") end
  session.stops:go_on(stop, function(one) self:fail(one) end)
end

-- ---- completion ----

local function parts(session, typed)
  local self <const> = session.stop and supervision.of(session, session.stop)
  local place, names = self and self:place_of(session.stop), {}
  while place do
    names[#names + 1] = supervision.name_of(place)
    place = supervision.outer(place)
  end
  return stops.completions(names, typed)
end

local function paths(session, typed)
  local names = {}
  for i, entry in ipairs(session.past and require "fairlead.cli.show".steps(session.past.entries) or {}) do
    names[i] = entry.path
  end
  return stops.completions(names, typed)
end

---@type repl.Command[]
return {
  { name = "retry", usage = ":retry [PART]", text = "Do what failed again, in place; stand still when it is done.",
    run = retry, complete = parts, help = [[
What it gives is `_`. The part is the step, wait or gate that failed, or PART, one around it: a stage is gone through
again, and its finished steps give what is recorded. A step's `already` is asked first, so nothing is done twice; one
that has none, and was begun, says so. Outside of any step the procedure is gone through again from the top.]] },
  { name = "resume", usage = ":resume [= VALUE]", text = "Go on: with what :retry gave, or after doing it again.",
    run = resume, help = [[
With `= VALUE` that value is taken for the result of the step or wait that failed, and the run goes on. It is on record
with your name and the time. A gate's decision cannot be given: `:retry` asks again.]] },
  { name = "fail", usage = ":fail", text = "Let the error take its course: handlers, messages, the run's end.",
    run = fail },
  { name = "steps", usage = ":steps", text = "What was done in the run that is stopped or open, numbered.",
    run = steps },
  { name = "why", usage = ":why", text = "Why what is stopped failed; why the run that is open ended.", run = why },
  { name = "replay", usage = ":replay [K|PATH]", text = "Go through that run up to a step, with what is on record.",
    run = replay, complete = paths, hides = gives, help = [[
The script runs again; steps up to K give their recorded results and nothing is done. It stands still before what comes
next, with live frames: `:where`, `:locals`, expressions. `:resume = VALUE` goes on as if that had been the next result;
`:resume` goes on for real. What the script reads outside of its steps it reads anew. Without K: up to the last that was
finished. In a world (`--world`) the simulated services carry out what was done up to there. A secret parameter, which
the journal does not hold, is given again: `:replay K token=…`.]] },
  { name = "reload", usage = ":reload", text = "Take the script as it is now, and go through the run again with it.",
    run = function(session) past(session):reload() end },
}
