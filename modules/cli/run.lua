--- fairlead run: carries out a procedure for real.
local number = require "fairlead.cli.number"
local options_of = require "fairlead.cli.options"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("run", "Carry out a procedure for real.")
  command:argument("script", "A Lua script that returns a procedure.")
  command:argument("parameters", "name=value; `fairlead help SCRIPT` lists them."):args "*"
  command:option("--command", "Another thing that the script can do, such as rollback."):argname "NAME"
    :target "command_name"
  M.define_options(command)
  require "fairlead.repl.runs.debugged".define(command)
  return command
end

---Adds the options of every command that carries a procedure out for real.
---@param command table of lua-argparse
function M.define_options(command)
  command:flag("--dry-run", "Read everything, do nothing; tell what would be done."):target "dry_run"
  command:flag("--yes", "Confirm what whoever starts the run may confirm; approvals by others stay theirs.")
  command:flag("--no-wait", "End with exit code 75 where it would wait for a person; `resume` goes on.")
    :target "no_wait"
  options_of.define_on_cancel(command)
  command:option("--pace", "Look so many times as often: for services that `world serve --speed N` simulates.")
    :argname "N":default "1":convert(number("pace", 0.001, 100000, false))
  options_of.define_faces(command)
end

-- Carries it out before a face; `under` may change how.
local function carry_out(options, under)
  local result = options_of.show(options, function(listener)
    local procedure = require "fairlead.procedure"
    local loaded = procedure.load(options.script, options.command_name)
    local where = "fairlead help " .. options.script
    local given = options_of.parameters(options.parameters, where)
    -- Opened before anything is done: a run that nobody could take up does not begin.
    local book <close> = not options.dry_run and require "fairlead.journal".open() or nil
    local execute = procedure.execute
    if options.dry_run then
      execute = function(...) return require "fairlead.dry".inside(procedure.execute, ...) end
    end
    return execute(loaded, given, under {
      listener = listener,
      recorder = book and book:recording(require "fairlead.journal.script".read(options.script), options.command_name),
      no_wait = options.no_wait,
      mode = options.dry_run and "dry-run" or "run",
      yes = options.yes,
      on_cancel = options.on_cancel,
      pace = options.pace,
      interactive = require "fairlead.terminal".is_tty(0),
      where = where,
    })
  end)
  return options_of.finish(result, options)
end

---Carries out the procedure of a script, or one of its commands, and keeps a journal of it.
---@async
---@param options {script: string, command_name: string?, parameters: string[]} and what define_options adds
---@return integer exit_code
function M.main(options)
  if options.debug then
    return require "fairlead.repl.runs.debugged".run(options, nil, function(under) return carry_out(options, under) end)
  end
  return carry_out(options, function(execution) return execution end)
end

return M
