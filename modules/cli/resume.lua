--- fairlead resume: takes up a run that was interrupted, or that failed.
local errors = require "fairlead.errors"
local number = require "fairlead.cli.number"
local options_of = require "fairlead.cli.options"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("resume", "Take up a run that was interrupted or failed; nothing is done twice.")
  command:argument("run", "Its id, or a part of it (`fairlead runs` lists them); without: the newest that can be "
    .. "taken up."):args "?"
  command:argument("parameters", "name=value, for secrets only: the journal does not hold them."):args "*"
  command:flag("--accept-change", "Go on although the script changed, as long as what is recorded still matches.")
    :target "accept_change"
  command:flag("--take-over", "Take it from a machine or container that is gone for good."):target "take_over"
  command:flag("--yes", "Confirm what whoever started the run may confirm; approvals by others stay theirs.")
  command:flag("--no-wait", "End with exit code 75 where it would wait for a person."):target "no_wait"
  options_of.define_on_cancel(command)
  command:option("--pace", "Look so many times as often: for services that `world serve --speed N` simulates.")
    :argname "N":default "1":convert(number("pace", 0.001, 100000, false))
  require "fairlead.repl.runs.debugged".define(command)
  options_of.define_faces(command)
  return command
end

---The script as it is now, if it is still what the run was made of, or may be another. It has been loaded.
---@async
---@param book journal.Journal
---@param run journal.Run
---@param options {accept_change: boolean?}
---@param how? string how to go on all the same, for the hint
---@return journal.Script
---errors: kind "resume.changed"
function M.check_script(book, run, options, how)
  local scripts = require "fairlead.journal.script"
  local script = scripts.read(run.script)
  if script.sha256 == run.sha256 then return script end
  if options.accept_change then return script end
  local changes = scripts.changes(book:files(run.sha256) or {}, script.files)
  local shown = table.concat(changes, "; ", 1, math.min(#changes, 5))
  if #changes > 5 then shown = ("%s; and %d more"):format(shown, #changes - 5) end
  errors.raise {
    kind = "resume.changed", op = "resume", target = run.id,
    message = "the script has changed since: " .. shown,
    hint = ("put it back%s, go on with %s, or start a new run"):format(
      run.commit and (" (it was at commit %s)"):format(run.commit:sub(1, 8)) or "", how or "--accept-change"),
  }
end

---What the journal holds, and the secrets, which it does not.
---@param run journal.Run
---@param procedure procedure.Procedure
---@param given table<string, any>
---@return table<string, any>
---errors: kind "usage"
function M.parameters(run, procedure, given)
  local values = {}
  for name, value in pairs(run.parameters) do values[name] = value end
  for name, value in pairs(given) do
    local spec = procedure.parameters[name]
    if spec and not spec.secret then
      errors.raise {
        kind = "usage", op = "resume", target = run.id,
        message = ("parameter '%s' was given when the run began and stays as it was"):format(name),
        hint = "only secrets are given again; start a new run for other values",
      }
    end
    values[name] = value
  end
  return values
end

---Whether this process may take a run up; an error says why not.
---@param book journal.Journal
---@param run journal.Run
---@param options {take_over: boolean?}
function M.check_run(book, run, options)
  -- Where it cannot be taken, this says why not.
  if not run.resumable or (run.state == "elsewhere" and not options.take_over) then book:take(run.id) end
  if not run.script then
    errors.raise { kind = "usage", op = "resume", target = run.id, message = "it came from no script's file" }
  end
end

---How procedure.execute is called for a run that is taken up; the recorder that it makes takes it.
---@param book journal.Journal
---@param run journal.Run
---@param script journal.Script
---@param options {no_wait: boolean?, yes: boolean?, on_cancel: string?, pace: number?, take_over: boolean?}
---@param listener function|table
---@return procedure.ExecuteOptions
function M.execution(book, run, script, options, listener)
  return {
    id = run.id,
    attempt = run.attempts + (run.finished and 1 or 0), -- a killed process may have told its end, or half of it
    directory = run.directory,
    listener = listener,
    recorder = function()
      local user = os.getenv "USER" or os.getenv "LOGNAME"
      local token = book:take(run.id, { user = user, take_over = options.take_over, script = script })
      return book:resuming(run.id, token)
    end,
    no_wait = options.no_wait,
    yes = options.yes,
    on_cancel = options.on_cancel,
    pace = options.pace,
    interactive = require "fairlead.terminal".is_tty(0),
    user = run.user,
    where = "fairlead help " .. run.script,
  }
end

-- Carries it out before a face; `under` may change how.
local function carry_out(options, under)
  local result = options_of.show(options, function(listener)
    local procedure = require "fairlead.procedure"
    local book <close> = require "fairlead.journal".open()
    local run = options.run and book:run(options.run) or book:newest_resumable()
    M.check_run(book, run, options)
    local loaded = procedure.load(run.script, run.command)
    local script = M.check_script(book, run, options)
    local given = options_of.parameters(options.parameters, "fairlead help " .. run.script)
    return procedure.execute(loaded, M.parameters(run, loaded, given),
      under(M.execution(book, run, script, options, listener)))
  end)
  return options_of.finish(result, options)
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  -- `fairlead resume token=…`: the newest run, with a secret.
  if options.run and options.run:find "=" then
    table.insert(options.parameters, 1, options.run)
    options.run = nil
  end
  if options.debug then
    return require "fairlead.repl.runs.debugged".run(options, nil, function(under) return carry_out(options, under) end)
  end
  return carry_out(options, function(execution) return execution end)
end

return M
