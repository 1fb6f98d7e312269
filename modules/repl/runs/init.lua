--- A run of the past in a session: what the journal holds of it as values, a replay of it up to any step, and its going
--- on from there, live or in a world.
---
--- A replay carries the script out again with what is on record for answers, up to a step, and stands still before what
--- comes next, with live frames. What the script reads outside of its steps it reads anew.
local errors = require "fairlead.errors"
local resume = require "fairlead.cli.resume"
local script = require "fairlead.journal.script"
local show = require "fairlead.cli.show"
local supervision = require "fairlead.repl.runs.supervision"
local text = require "fairlead.faces.text"

local M = {}

---@class repl.Past
---@field session repl.Session
---@field book journal.Journal
---@field run journal.Run
---@field entries table[] of Journal:entries
---@field current boolean replays are of the script as it lies there now, whatever it was
---@field replayed repl.Replay|nil what goes on
---@field changed string[]|nil how the script has changed since the run, when it was last replayed
---@field files repl.RecordedScript|nil the script as it was, while that is replayed
local Past = {}
Past.__index = Past

---@class repl.Replay
---@field upto integer the number of the last step that is gone through
---@field job repl.Job
---@field supervision repl.Supervision
---@field recorder procedure.Recorder

local function usage(message, hint)
  errors.raise { kind = "usage", message = message, hint = hint }
end

-- ---- what is on record ----

local function read(self)
  self.run = self.book:run(self.run.id)
  self.entries = self.book:entries(self.run.id)
end

-- The last results by path; what failed or is under way has none.
local function results_of(entries)
  local steps = {}
  for _, entry in ipairs(show.steps(entries)) do
    if entry.status == "finished" then steps[entry.path] = entry.result end
  end
  return steps
end

---Prints the steps, numbered.
function Past:print_steps()
  read(self)
  local list <const> = show.tree(self.entries, self.run.state ~= "running", true)
  if #list == 0 then self.session:print "nothing was done in it" end
  for _, line in ipairs(list) do self.session:print(line) end
end

---Prints why it ended, or what it waits for.
---@async
function Past:print_why()
  read(self)
  require "fairlead.cli.why".print(self.book, self.run)
end

---The number of a step: as `:steps` counts, or by its path, or by the end of its path.
---@param word string
---@return integer
---errors: kind "usage"
function Past:number(word)
  local steps <const> = show.steps(self.entries)
  local number <const> = math.tointeger(tonumber(word))
  if number and number >= 0 and number <= #steps then return number end
  local found
  for i, entry in ipairs(steps) do
    if entry.path == word then return i end
    if entry.path:sub(-#word - 1) == "/" .. word then found = i end
  end
  return found or usage(("there is no step '%s'"):format(word), "`:steps` lists them")
end

-- The last step that was finished before anything that was not.
local function last_finished(entries)
  local last = 0
  for i, entry in ipairs(show.steps(entries)) do
    if entry.status ~= "finished" then break end
    last = i
  end
  return last
end

-- ---- loading the script ----

local function changes(self)
  local now <const> = script.read(self.run.script)
  return now.sha256 ~= self.run.sha256 and script.changes(self.book:files(self.run.sha256) or {}, now.files) or {}
end

local function need_script(self)
  if self.run.script then return end
  usage("it came from no script's file", "start `fairlead run SCRIPT` for one that can be replayed")
end

-- The procedure, from the files as they lie there now. All of them are loaded anew: what its modules hold belongs to
-- whatever ran before, and `require` must not find those on record.
local function load_now(self)
  if self.files then self.files:close() end
  self.files = nil
  script.forget(self.run.script)
  return require "fairlead.procedure".load(self.run.script, self.run.command)
end

-- The procedure for a replay: from the files on record, where those that lie there now are others.
local function load(self)
  need_script(self)
  local loaded <const>, err = try(load_now, self)
  if self.current and err then error(err, 0) end
  self.changed = loaded and changes(self) or { tostring(err) }
  if self.current or #self.changed == 0 then return loaded end
  if not self.run.sha256 then error(err, 0) end
  script.forget(self.run.script)
  self.files = require "fairlead.repl.runs.recorded_script".open(self.run, self.book:files(self.run.sha256))
  self.session:print "the script has changed since: it is replayed as it was; :reload takes it as it is now"
  return require "fairlead.procedure".load(self.files.path, self.run.command)
end

-- ---- a replay ----

-- What was recorded up to a step, in memory; nothing is written to the journal.
local function recorder_upto(self, upto)
  local recorder <const> = require "fairlead.procedure.memory".new()
  local steps <const> = show.steps(self.entries)
  local last <const> = steps[upto]
  for _, entry in ipairs(self.entries) do
    if last and entry.ordinal <= last.ordinal then
      recorder.records[entry.id] = require "fairlead.procedure.value".copy(entry)
      recorder.ordinal = math.max(recorder.ordinal, entry.ordinal)
    end
  end
  return recorder
end

local ACTS <const> = { step = true, wait = true, gate = true, lock = true }

local function is_next(place)
  if not ACTS[place.kind] then return false end
  local record <const> = place:on_record()
  return not record or record.status ~= "finished"
end

-- What replays refuse: nothing that writes gets out, whatever asks for it.
local function without_writes(fn, ...)
  return require "fairlead.dry".refusing("replay", "replay.write", fn, ...)
end

-- In the real one: recorded answers, and nothing else is done.
local function replay(self, loaded, given, upto)
  local recorder <const> = recorder_upto(self, upto)
  local options <const> = {
    id = self.run.id, mode = "replay", recorder = recorder, directory = self.run.directory, user = self.run.user,
    where = "fairlead help " .. self.run.script,
  }
  local watched <const> = supervision.new(self.session, options, is_next)
  if not self.told then self.session:print "what the script reads outside of its steps it reads anew" end
  self.told = true
  return { upto = upto, recorder = recorder, supervision = watched, body = function()
    local carry_out <const> = require "fairlead.repl.runs.carry_out".execute
    local result <const> = without_writes(carry_out, self.session, loaded, given, options)
    if result.error and result.error.kind ~= "replay.end" then error(result.error, 0) end
    if not result.error then self.session:print "the replay came to the procedure's end" end
  end }
end

-- In a world: what was done up to there is carried out by the simulated services.
local function play(self, loaded, given, upto, before)
  local rehearsal <const> = require "fairlead.world.rehearsal"
  local session <const>, wanted = self.session, {}
  for i = 1, upto do wanted[show.steps(self.entries)[i].path] = true end
  local recorder <const> = before and before.recorder or require "fairlead.procedure.memory".new()
  local options <const> = rehearsal.execute_options(session.world, session.folder, {
    recorder = recorder, id = self.run.id, attempt = before and 2 or 1,
  })
  local doors <const>, show_event = require "fairlead.repl.runs.doors".new(),
    require "fairlead.repl.runs.carry_out".listener(session, {})
  options.listener = function(event)
    if not doors.is_shut then show_event(event) end
  end
  local watched <const> = supervision.new(session, options, function(place)
    if not ACTS[place.kind] or not self.replayed or self.replayed.goes_on then return false end
    local record <const> = place:on_record()
    return not (record and record.status == "finished") and not wanted[place:next_path()]
  end)
  return { upto = upto, recorder = recorder, supervision = watched, doors = doors, body = function()
    local result <const> = doors:within(rehearsal.execute, session.folder, loaded, given, options)
    session.exit_code = result.exit_code
    if result.error then session.last_error = result.error end
  end }
end

-- Ends what goes on. In a world as a kill would: nobody there hears of it.
local function stop(self)
  local replayed <const> = self.replayed
  if not replayed then return end
  self.replayed = nil
  -- As it is now: what is left of the run records its own end.
  replayed.records = require "fairlead.procedure.value".copy(replayed.recorder.records)
  if replayed.doors then replayed.doors:shut() end
  self.session.stops:forget(function(one) return supervision.of(self.session, one) == replayed.supervision end)
  replayed.job.silent = true
  if not replayed.job.finished then
    replayed.job.task:cancel "it is gone through again"
    try(replayed.job.task.wait, replayed.job.task)
  end
  supervision.forget(self.session, replayed.supervision)
end

-- Starts it, and waits until it stands still.
local function start(self, replayed, said)
  self.replayed = replayed
  replayed.job = self.session.jobs:start(said, self.session:wrapped(replayed.body, said), { quiet = true })
  self.session.stops:ends(replayed.job.task)
end

local function secrets(self, loaded, words)
  local given <const> = require "fairlead.cli.options".parameters(words, ":help replay")
  local values <const> = resume.parameters(self.run, loaded, given)
  for name, spec in require "fairlead.sorted"(loaded.parameters) do
    if spec.secret and spec.required and values[name] == nil then
      usage(("parameter '%s' is a secret, which the journal does not hold"):format(name),
        ("`:replay K %s=…`"):format(name))
    end
  end
  return values
end

---Goes through the run up to a step, and stands still before what comes next.
---@async
---@param upto integer
---@param words string[] secrets: "name=value"
function Past:replay(upto, words)
  read(self)
  stop(self)
  local loaded <const> = load(self)
  words = words[1] and words or self.words or {} -- those of the replay before
  local given <const> = secrets(self, loaded, words)
  self.words = words
  start(self, (self.session.world and play or replay)(self, loaded, given, upto), ":replay " .. upto)
end

---Takes the script as it lies there now, and goes through the run with it, up to where it stands.
---@async
function Past:reload()
  need_script(self)
  load_now(self) -- before anything ends: it may be wrong
  local list <const> = changes(self)
  for _, line in ipairs(list) do self.session:print(text.clean(line)) end
  if #list == 0 then self.session:print "the script is as it was when the run began" end
  self.current = true
  local before <const> = self.replayed
  if not before then return end
  stop(self)
  local loaded <const> = load_now(self)
  local given <const> = secrets(self, loaded, self.words or {})
  if self.session.world then
    local reopened <const> = require "fairlead.procedure.memory".new()
    reopened.records, reopened.ordinal = before.records, before.recorder.ordinal
    before.recorder = reopened
    start(self, play(self, loaded, given, before.upto, before), ":reload")
  else
    start(self, replay(self, loaded, given, before.upto), ":reload")
  end
end

-- ---- going on ----

---Whether a stop is where a replay stands still before what comes next.
---@param one debugger.Stop
---@return boolean
function Past:holds(one)
  local held <const> = supervision.hold_of(one)
  return self.replayed ~= nil and held ~= nil and held.why == "next"
    and supervision.of(self.session, one) == self.replayed.supervision
end

-- What can be said against going on before anybody is asked, and before a replay ends for it.
local function check(self)
  read(self)
  need_script(self)
  resume.check_run(self.book, self.run, {})
  if not self.files or self.current then return end
  errors.raise {
    kind = "resume.changed", op = "resume", target = self.run.id,
    message = "the script has changed since: " .. text.clean(table.concat(self.changed, "; ")),
    hint = "`:reload` takes it as it is now",
  }
end

local function live(self)
  local session <const> = self.session
  check(self) -- somebody may have thought about it for long
  stop(self)
  local loaded <const> = load_now(self)
  local now <const> = resume.check_script(self.book, self.run, { accept_change = self.current }, "`:reload`")
  local given <const> = secrets(self, loaded, self.words or {})
  local carried <const> = { procedure = loaded, ["in"] = "real" }
  local carry_out <const> = require "fairlead.repl.runs.carry_out"
  local options <const> = resume.execution(self.book, self.run, now, {}, carry_out.listener(session, carried))
  local function body()
    carried.result = carry_out.execute(session, loaded, given, options)
    session.exit_code = carried.result.exit_code
  end
  table.insert(session.carried, carried)
  local job <const> = session.jobs:start(":resume", session:wrapped(body, ":resume"), { quiet = true })
  carried.task = job.task
  session.stops:ends(job.task)
end

local function may_go_on(self)
  local session <const>, question = self.session, ("Go on with run %s for real?"):format(self.run.id)
  if session.writes.on then return true end
  if session.interactive then return session:confirm(question) end
  errors.raise {
    kind = "repl.write", op = "resume", target = self.run.id,
    message = "it goes on for real only when somebody at a terminal has confirmed it",
    hint = ("`:writes on` before it, or `fairlead resume %s --debug`; with --world it goes on there"):format(
      self.run.id),
  }
end

---Goes on from where it stands: in a world there, else for real, under the debugger.
---@async
function Past:go_on()
  if self.session.world then
    local one <const> = self.session.stop
    if not self.replayed or not one then usage("it does not stand anywhere", "`:replay K` goes up to a step") end
    self.replayed.goes_on = true
    return self.session.stops:go_on(one, function(stopped) stopped:continue() end)
  end
  check(self)
  if may_go_on(self) then live(self) else self.session:print "nothing was done" end
end

-- ---- opening ----

local function headline(self)
  local run <const> = self.run
  local said = ("%s  %s: %s"):format(run.id, run.procedure, run.state)
  if run.error then said = said .. ("; %s"):format(run.error.text) end
  if run.state == "running" then
    said = said .. ("; carried out by %s, to be looked at only"):format(
      require "fairlead.journal.owner".describe(run.owner))
  end
  return text.clean(said)
end

---The step up to which a replay goes where none is named: the last that was finished.
---@return integer
function Past:last()
  return last_finished(self.entries)
end

---The script of a run.
---@async
---@param id string
---@return string|nil path nil: it came from no script's file
---errors: kind "resume.unknown"
function M.script_of(id)
  local book <close> = require "fairlead.journal".open()
  return book:run(id).script
end

---Opens a run in a session.
---@param session repl.Session
---@param id string
function M.open_run(session, id)
  local book <const> = require "fairlead.journal".open()
  session:on_close(function()
    if session.past then stop(session.past) end
    if session.past and session.past.files then session.past.files:close() end
    book:close()
  end)
  local run <const> = book:run(id)
  local self <const> = setmetatable({ session = session, book = book, run = run, entries = book:entries(run.id) }, Past)
  session.past = self
  local env <const> = session.env
  env.run, env.parameters = require "fairlead.cli.runs".plain(run), run.parameters
  env.entries, env.events, env.steps = self.entries, book:events(run.id), results_of(self.entries)
  if session.interactive then
    session:print(headline(self))
    session:print ":steps :why :replay [K] :reload :resume; run, parameters, steps, events, entries are values"
  end
end

return M
