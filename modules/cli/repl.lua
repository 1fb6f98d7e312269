--- fairlead repl: a session of one's own, on the real services or on simulated ones.
local errors = require "fairlead.errors"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("repl", "Type Lua and see what it gives; look into runs; debug.")
  command:argument("script", "A Lua script that returns a procedure: it is there as `procedure`."):args "?"
  command:option("--run", "Open a run, past or interrupted: its parameters, results and events."):argname "RUN"
  command:flag("--world", "Work on simulated services; no real one is touched.")
  command:option("--scenario", "With --world: what happens; `fairlead rehearse --list` tells which there are.")
    :argname "NAME"
  command:option("--seed", "With --world: which of the many ways it can happen.")
    :argname "N":convert(require "fairlead.cli.number"("seed", -(1 << 53), 1 << 53, true))
  return command
end

local function world_of(options)
  if options.world then
    return require "fairlead.world".new { seed = options.seed, scenario = options.scenario }
  end
  for _, name in ipairs { "scenario", "seed" } do
    if options[name] then
      errors.raise { kind = "usage", message = ("--%s is of a simulated world"):format(name), hint = "add --world" }
    end
  end
  return nil
end

---@async
---@param options {script: string?, run: string?, world: boolean?, scenario: string?, seed: integer?}
---@return integer exit_code
function M.main(options)
  local session <const> = require "fairlead.repl".open {
    world = world_of(options), script = options.script, run = options.run,
  }
  return session:run()
end

return M
