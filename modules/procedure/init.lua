--- Procedures: what a team does step by step, written as a Lua function and carried out by `fairlead run`.
---
---   local procedure = require "fairlead.procedure"
---   return procedure.new {
---     name = "restart", summary = "Restart the service", parameters = { environment = { required = true } },
---     run = function(run, parameters) … end,
---   }
---
--- This layer knows no service and never prints: it makes events, and faces listen.
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local dry = require "fairlead.procedure.dry"
local ending = require "fairlead.procedure.ending"
local errors = require "fairlead.errors"
local events = require "fairlead.procedure.events"
local json = require "fairlead.json"
local locks = require "fairlead.procedure.lock"
local memory = require "fairlead.procedure.memory"
local nodes = require "fairlead.procedure.node"
local outcomes = require "fairlead.procedure.outcome"
local parameters = require "fairlead.procedure.parameters"
local Run = require "fairlead.procedure.run"
local script = require "fairlead.script"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"

local M = {}

---@class procedure.Procedure
---@field name string
---@field summary? string one line
---@field parameters table<string, procedure.Parameter>
---@field plan string[] the names of the top-level steps, in order
---@field script? string a digest of the script that it was loaded from, and of the modules beside it
---@field run fun(run: procedure.Run, parameters: table<string, any>): any
---@field rehearsal? fun(): table the world that `fairlead rehearse` plays in
---@field commands table<string, procedure.Procedure> what else the script can do: `fairlead rollback` runs the command
--- "rollback"
local Procedure = {}
Procedure.__index = Procedure
Procedure.__name = "procedure.Procedure"

local FIELDS <const> = { name = "string", summary = "string", parameters = "table", plan = "table", run = "function",
  rehearsal = "function", commands = "table" }

---@class procedure.Options
---@field name string
---@field summary? string one line
---@field parameters? table<string, procedure.Parameter>
---@field plan? string[] the names of the top-level steps, in order
---@field run fun(run: procedure.Run, parameters: table<string, any>): any
---@field rehearsal? fun(): table the world that `fairlead rehearse` plays in
---@field commands? table<string, procedure.Procedure> what else the script can do, each a procedure of its own

-- A command is rehearsed in the world of the procedure that it belongs to, unless it names another.
local function check_commands(commands, name, rehearsal)
  local checked = {}
  for word, command in pairs(commands or {}) do
    local function wrong(text) error(("procedure %q: commands: %s"):format(name, text), 3) end
    if type(word) ~= "string" or not word:find "^%l[%l%d-]*$" then
      wrong(("'%s' is no name of a command (small letters, digits and dashes)"):format(tostring(word)))
    end
    if getmetatable(command) ~= Procedure then wrong(("%s: procedure expected, got %s"):format(word, type(command))) end
    command.rehearsal = command.rehearsal or rehearsal
    checked[word] = command
  end
  return checked
end

---Makes a procedure. Misuse raises, with the procedure's name.
---@param options procedure.Options
---@return procedure.Procedure
function M.new(options)
  if type(options) ~= "table" then
    error("bad argument #1 to 'procedure.new' (table expected, got " .. type(options) .. ")", 2)
  end
  local name = options.name
  if type(name) ~= "string" or name == "" then error("procedure.new: name: non-empty text expected", 2) end
  for field, item in pairs(options) do
    local kind = FIELDS[field]
    if not kind then error(("procedure %q: unknown field '%s'"):format(name, tostring(field)), 2) end
    if type(item) ~= kind then
      error(("procedure %q: %s: %s expected, got %s"):format(name, field, kind, type(item)), 2)
    end
  end
  if not options.run then error(("procedure %q: run: function expected, got nil"):format(name), 2) end
  local plan = {}
  for i, step in ipairs(options.plan or {}) do
    if type(step) ~= "string" then error(("procedure %q: plan[%d]: text expected"):format(name, i), 2) end
    plan[i] = step
  end
  return setmetatable({
    name = name,
    summary = options.summary,
    parameters = parameters.declare(options.parameters or {}, name),
    plan = plan,
    run = options.run,
    rehearsal = options.rehearsal,
    commands = check_commands(options.commands, name, options.rehearsal),
  }, Procedure)
end

---@param item any
---@return boolean
function M.is(item)
  return getmetatable(item) == Procedure
end

-- Unique for a real run; in a rehearsal the same for the same seed.
local function run_id(options, now)
  local tail
  if options.seed or options.mode == "rehearsal" then
    tail = digest.sha256(("seed %s at %s"):format(options.seed or 0, now)):sub(1, 6)
  else
    local random <close> = assert(io.open("/dev/urandom", "rb"))
    tail = ("%02x%02x%02x"):format(random:read(3):byte(1, 3))
  end
  return os.date("!%Y%m%d-%H%M%S", math.floor(now)) .. "-" .. tail
end

local MODES <const> = { run = true, ["dry-run"] = true, rehearsal = true, replay = true }

-- HTTP exchanges become events of the step that made them.
local function follow_http(run)
  local remove = require "fairlead.http".on_exchange(function(exchange)
    local event = {
      event = "http.request", method = exchange.method, url = exchange.url, status = exchange.status,
      error = exchange.error and tostring(exchange.error) or nil, attempt = exchange.attempt,
      -- A rehearsal's events repeat exactly; how long this machine took does not.
      elapsed = run.mode ~= "rehearsal" and exchange.elapsed and events.round(exchange.elapsed) or nil,
    }
    local node = nodes.current(run)
    if node ~= run.root then
      node:emit(event)
    else
      run.stream:emit(event)
    end
  end)
  return setmetatable({}, { __close = function() remove() end })
end

---@class procedure.Result
---@field id string
---@field outcome procedure.Outcome
---@field reason string
---@field exit_code integer
---@field error? Error
---@field events procedure.Event[]
---@field started number unix seconds
---@field finished number
---@field elapsed number
---@field value any what the procedure's function returned
---@field live table[] what it stated to be live where
---@field facts string[]
---@field unwritten? string why the journal does not hold how it ended
---@field broken? string why the listener heard no more from some moment on

---@return procedure.Result
local function result_of(run)
  local final = run.final
  return {
    id = run.id, outcome = final.outcome, reason = final.reason, exit_code = final.exit_code, error = run.error,
    events = run.stream.list, started = run.started, finished = run.finished, elapsed = final.elapsed,
    value = run.value, live = run.lives, facts = run.facts, broken = run.stream.broken,
    unwritten = run.unwritten,
  }
end

local function carry_out(run, values)
  local procedure = run.procedure
  if not run.supervise then
    local value = procedure.run(run, values) -- no tail call: a traceback names the function
    return value
  end
  return supervise.call(run, { kind = "procedure", name = procedure.name, node = run.root }, procedure.run, run, values)
end

---@class procedure.ExecuteOptions
---@field listener? function|table fn(event), or an object with a method `event`: hears each event as it happens
---@field recorder? procedure.Recorder|fun(run: procedure.Run): procedure.Recorder where steps are recorded, or what
--- makes it once the parameters are known to be right; memory when left out
---@field no_wait? boolean end with outcome "waiting" where the run would wait for a person
---@field attempt? integer 1; more when the run is taken up
---@field mode? "run"|"dry-run"|"rehearsal"|"replay" replay: what the recorder holds gives its result; what it does
--- not hold ends the run (kind "replay.end"), and nobody is told anything
---@field interactive? boolean somebody sits at the terminal
---@field yes? boolean the requester's own confirmations are given
---@field on_cancel? string what becomes of what goes on elsewhere when the run is cancelled, where run:on_cancel knows
--- that choice: "leave", "stop", "rollback". Nothing: whoever sits at the terminal is asked
---@field channels? table<string, procedure.Channel> channels of gates by name; "terminal" replaces the built-in one
---@field directory? string the working copy; the current folder when left out
---@field pace? number how many times as often waits look, for simulated services that hurry; 1
---@field seed? integer makes the run's id repeat
---@field id? string the run's id
---@field where? string how to see the list of parameters, for messages
---@field user? string who started the run
---@field supervise? procedure.Supervisor calls each part of the run: supervise(kind, name, call, place) gives what
--- call() gives, or deals with its failure, calling it again or giving another result (place:give). Kinds: step, stage,
--- wait, gate, lock, look (a wait's check; what it raises is the wait's to deal with unless place.ends), procedure
---@field on_run? fun(run: procedure.Run) hears of the run before it begins

---Carries out a procedure. It returns however the run ended; only a cancellation passes through, after the run has told
---its end.
---@async
---@param procedure procedure.Procedure
---@param given table<string, any> parameters: text, or typed values
---@param options? procedure.ExecuteOptions
---@return procedure.Result
function M.execute(procedure, given, options)
  options = options or {}
  if not M.is(procedure) then
    error("bad argument #1 to 'procedure.execute' (procedure expected, got " .. type(procedure) .. ")", 2)
  end
  local mode = options.mode or "run"
  if not MODES[mode] then error("procedure.execute: mode: run, dry-run, rehearsal or replay expected", 2) end
  local now = clock.now()
  local id = options.id or run_id(options, now)
  local run = Run.new {
    id = id, procedure = procedure, script = procedure.script, mode = mode, started = now, recorder = memory.new(),
    stream = events.new(id, options.listener),
    directory = options.directory or ".",
    channels = options.channels or {},
    interactive = options.interactive or false,
    yes = options.yes or false,
    on_cancel_choice = options.on_cancel,
    no_wait = options.no_wait or false,
    attempt = options.attempt or 1,
    pace = options.pace or 1,
    user = options.user or os.getenv "USER" or os.getenv "LOGNAME",
    supervise = options.supervise,
  }
  local values, wrong = try(parameters.read, procedure.parameters, given or {}, options.where or "fairlead help SCRIPT")
  if wrong then
    run.error, run.finished = wrong, now
    run.final = outcomes.finished_event(wrong, now)
    run.stream:emit(run.final)
    return result_of(run)
  end
  run.parameters = values
  if options.mode ~= "dry-run" and options.recorder then
    local recorder = options.recorder
    run.recorder = type(recorder) == "function" and recorder(run) or recorder
    if run.recorder.event then run.stream:listen(run.recorder) end
  end
  local _ <close> = follow_http(run)
  run.stream:emit {
    event = "run.started", procedure = procedure.name, summary = procedure.summary, parameters = values,
    plan = json.array(table.move(procedure.plan, 1, #procedure.plan, 1, {})), mode = mode,
    attempt = run.attempt > 1 and run.attempt or nil,
  }
  local _ <close> = run.supervise and supervise.nursery(run) or nil
  -- A cancellation passes through here: its closers, the run's ending among them, may still wait for a while.
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then ending.finish(run, errors.wrap(err)) end
  end })
  local before <const> = task.context()
  local _ <close> = setmetatable({}, { __close = function() task.set_context(before) end })
  run.main = coroutine.running()
  if options.on_run then options.on_run(run) end
  task.set_context(run.root)
  local _, err = try(function()
    local _ <close> = locks.guard(run)
    run.value = carry_out(run, values)
  end)
  run.dry_end = dry.ended_early(run, err)
  if run.dry_end then err = nil end
  ending.finish(run, err)
  return result_of(run)
end

---A command of a procedure.
---@param procedure procedure.Procedure
---@param name string
---@param target string where the procedure comes from, for the error
---@return procedure.Procedure
---errors: kind "usage"
function M.command(procedure, name, target)
  local found = procedure.commands[name]
  if found then return found end
  local names = {}
  for known in pairs(procedure.commands) do names[#names + 1] = known end
  table.sort(names)
  errors.raise {
    kind = "usage", op = "script", target = target,
    message = ("the procedure %q has no command '%s'"):format(procedure.name, name),
    hint = #names > 0 and "it has: " .. table.concat(names, ", ") or "give procedure.new its `commands`",
  }
end

---Loads a script that returns a procedure.
---@async
---@param path string
---@param command? string the command wanted of it; nil: the procedure itself
---@return procedure.Procedure
---errors: kinds "script.not_found", "script.syntax", "script" (it failed while loading), "script.no_procedure",
---"usage" (it has no such command)
function M.load(path, command)
  local result = script.load(path)(path)
  if M.is(result) then
    local loaded = command and M.command(result, command, path) or result
    -- At once: modules that are loaded later, when they are needed, would make it another one.
    loaded.script = require "fairlead.journal.script".digest(path)
    return loaded
  end
  local got = type(result) == "table" and "a table that is not a procedure" or tostring(result)
  errors.raise {
    kind = "script.no_procedure", op = "script", target = path, message = "returned " .. got,
    hint = "end it with `return procedure.new{…}`",
  }
end

---The outcome, the reason code and the exit code of a run that ended with this error; nil: that ended well.
---@param err Error|nil
---@return procedure.Outcome outcome, string reason, integer exit_code
M.outcome_of = outcomes.of

---The last event of a run that never began: a script that cannot be loaded, wrong parameters.
---@param err Error
---@param at number unix seconds
---@return table event
M.finished_event = outcomes.finished_event

return M
