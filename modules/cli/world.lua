--- fairlead world serve: the simulated services over real HTTP, for any client.
local number = require "fairlead.cli.number"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("world", "The simulated GitHub, AWS and Slack over real HTTP.")
  command:require_command(true)
  command:command_target "verb"
  local serve = command:command("serve", "Serve them on this machine, until Ctrl-C.")
  serve:argument("script", "A procedure, whose rehearsal says what exists."):args "?"
  serve:option("--port", "Where; a free one when left out."):argname "N":convert(number("port", 0, 65535, true))
  serve:option("--scenario", "What happens; `fairlead rehearse --list` tells which there are.")
    :argname "NAME":default "all-well"
  serve:option("--seed", "Which of the many ways it can happen."):argname "N":default "1"
    :convert(number("seed", math.mininteger, math.maxinteger, true))
  serve:option("--speed", "How many times faster than real its time runs."):argname "N":default "1"
    :convert(number("speed", 0.001, 100000, false))
  return command
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local fixture
  if options.script then
    local procedure = require "fairlead.procedure".load(options.script)
    fixture = procedure.rehearsal and procedure.rehearsal()
  end
  local code = require "fairlead.world.serve".run {
    port = options.port, scenario = options.scenario, seed = options.seed, speed = options.speed, fixture = fixture,
  }
  return math.tointeger(code) or 0
end

return M
