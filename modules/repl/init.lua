--- The REPL: lines of Lua and commands, typed or from a pipe, in a session that is alive while tasks run.
local M = {}

-- Parts with something to set up when a session opens: fairlead.repl.<part>.open(session), in this order.
local PARTS <const> = { "scope", "http.exchanges", "writes", "runs.stops", "runs.supervision" }

---@class repl.Options
---@field world? fairlead.world.World the simulated services to work on; the real ones when left out
---@field script? string path of a script that returns a procedure
---@field run? string the id of a run to open
---@field interactive? boolean somebody sits at a terminal; found out when left out

---Opens a session. `session:run()` reads lines until the end, and gives the exit code.
---@async
---@param options? repl.Options
---@return repl.Session
function M.open(options)
  options = options or {}
  local terminal <const> = require "fairlead.terminal"
  local interactive = options.interactive
  if interactive == nil then interactive = terminal.is_tty(0) and terminal.is_tty(1) end
  local inputs <const> = require "fairlead.repl.input"
  -- A run's world is the one that its script names.
  local script <const> = options.script or options.run and options.world
    and require "fairlead.repl.runs".script_of(options.run) or nil
  local session <const> = require "fairlead.repl.session".new {
    place = options.world and "world" or "real",
    world = options.world,
    script = script,
    interactive = interactive,
    colour = interactive and require "fairlead.environment".get "NO_COLOR" == nil,
    output = require "fairlead.repl.output".new(nil),
    input = inputs.pipe(),
  }
  if options.world then
    require "fairlead.repl.place".open(session)
  elseif script then
    session.procedure = require "fairlead.procedure".load(script)
  end
  session.env.procedure = session.procedure
  for _, part in ipairs(PARTS) do require("fairlead.repl." .. part).open(session) end
  if options.run then require "fairlead.repl.runs".open_run(session, options.run) end
  return session
end

return M
