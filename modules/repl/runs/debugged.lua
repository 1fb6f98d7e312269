--- `--debug`: a run with its plain lines, in a session that opens its prompt when something fails, and closes when the
--- run has ended.
local errors = require "fairlead.errors"

local M = {}

local INTERRUPTED <const> = 130 -- a cancellation gives no result

---Adds the option.
---@param command table of lua-argparse
function M.define(command)
  command:flag("--debug", "Where something fails, stop and open the REPL there; commands may come from a pipe.")
end

local function check(options)
  for name, text in pairs { json = "--json", dry_run = "--dry-run", crash_everywhere = "--crash-everywhere" } do
    if options[name] then
      errors.raise {
        kind = "usage", message = ("--debug is for people, and %s is not"):format(text), hint = "leave one of them out",
      }
    end
  end
  options.plain = true -- lines above the prompt
end

---Carries a run out under the debugger, in a session.
---@async
---@param options table of the command line
---@param world fairlead.world.World|nil
---@param carry async fun(under: (fun(execution: procedure.ExecuteOptions): procedure.ExecuteOptions),
--- session: repl.Session): integer carries it out with options that `under` has changed; the exit code
---@return integer exit_code
function M.run(options, world, carry)
  check(options)
  local session <const> = require "fairlead.repl".open { world = world, script = world and options.script }
  local code, failure = INTERRUPTED, nil
  session:begin_with("the run", function()
    local function under(execution)
      require "fairlead.repl.runs.supervision".new(session, execution)
      return execution
    end
    local ended, err = try(require "fairlead.repl.writes".allowing, "the run", carry, under, session)
    code, failure = ended or code, err
  end)
  session:run()
  if failure then error(failure, 0) end -- it never began
  return code
end

return M
