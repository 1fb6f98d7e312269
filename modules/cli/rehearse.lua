--- fairlead rehearse: carries out a procedure in a simulated world, on a virtual clock. Nothing real is touched.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local number = require "fairlead.cli.number"
local options_of = require "fairlead.cli.options"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("rehearse", "Carry out a procedure in a simulated world; nothing real is touched.")
  command:argument("script", "A Lua script that returns a procedure."):args "?"
  command:argument("parameters", "name=value; `fairlead help SCRIPT` lists them."):args "*"
  command:option("--command", "Another thing that the script can do, such as rollback."):argname "NAME"
    :target "command_name"
  command:option("--scenario", "What happens; --list tells which there are."):argname "NAME":default "all-well"
  command:option("--seed", "Which of the many ways it can happen; the same seed gives the same run.")
    :argname "N":default "1":convert(function(text)
      local seed = math.tointeger(tonumber(text))
      if not seed then return nil, ("option '--seed' is '%s', expected a whole number"):format(text) end
      return seed
    end)
  command:flag("--list", "List the scenarios.")
  command:flag("--crash-everywhere", "Kill it at each instant, take it up again, and report what was done twice.")
    :target "crash_everywhere"
  command:option("--reads", "With --crash-everywhere: of reads in a row, which change nothing, how many to try in each "
    .. "part; or `all`."):argname "N":default "1":convert(function(text)
      local count = text == "all" and math.maxinteger or math.tointeger(tonumber(text))
      if not count or count < 0 then return nil, ("option '--reads' is '%s', expected a number or all"):format(text) end
      return count
    end)
  command:option("--together", "With --crash-everywhere: at how many instants, one after the other, to kill one run; "
    .. "what goes wrong there is tried again alone."):argname "N":default "8":convert(number("together", 1, 1000, true))
  command:option("--sample", "With --crash-everywhere: try so many of all instants, drawn by the seed.")
    :argname "N":convert(number("sample", 1, math.maxinteger, true))
  require "fairlead.repl.runs.debugged".define(command)
  options_of.define_faces(command)
  return command
end

local function list()
  local scenarios = require "fairlead.world.scenarios".list
  local widest = 0
  for _, scenario in ipairs(scenarios) do widest = math.max(widest, #scenario.name) end
  for _, scenario in ipairs(scenarios) do
    print(("%s  %s"):format(scenario.name .. (" "):rep(widest - #scenario.name), scenario.text))
  end
  return 0
end

-- The last line: how long it took, here and there.
local function tell(options, result, seconds)
  local code = options_of.finish(result, options)
  if not options.json and result.outcome ~= "usage" then
    local duration = require "fairlead.procedure.duration"
    print(("\nRehearsed (%s, seed %d): %s of simulated time in %.2f s. Nothing real was touched."):format(
      options.scenario, options.seed, duration.text(result.elapsed), seconds))
  end
  return code
end

-- In a session, whose world it is.
local function debug_in_world(options, where, played)
  local world = require "fairlead.world".new { seed = options.seed, scenario = options.scenario }
  return require "fairlead.repl.runs.debugged".run(options, world, function(under, session)
    return played(function(listener)
      local rehearsal = require "fairlead.world.rehearsal"
      local loaded = rehearsal.load(world, session.procedure, options.command_name)
      local parameters = options_of.parameters(options.parameters, where)
      return rehearsal.execute(session.folder, loaded, parameters, under(
        rehearsal.execute_options(world, session.folder, { listener = listener })))
    end)
  end)
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  if options.list then return list() end
  if not options.script then
    errors.raise { kind = "usage", message = "which script?", hint = "`fairlead rehearse --help` tells how it is used" }
  end
  if options.crash_everywhere and not options.debug then return require "fairlead.cli.sweep".main(options) end
  local began = clock.monotonic()
  local where = "fairlead help " .. options.script
  local function played(play)
    local result = options_of.show(options, play)
    return tell(options, result, clock.monotonic() - began)
  end
  if options.debug then return debug_in_world(options, where, played) end
  return played(function(listener)
    local loaded = require "fairlead.procedure".load(options.script)
    local parameters = options_of.parameters(options.parameters, where)
    local world = require "fairlead.world".new { seed = options.seed, scenario = options.scenario }
    return world:run(loaded, parameters, { listener = listener, where = where, command = options.command_name })
  end)
end

return M
