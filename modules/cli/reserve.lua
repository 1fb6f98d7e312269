--- fairlead reserve: an environment of an application, for a person to have for a while; by the command `reserve` of
--- the application's script.
local errors = require "fairlead.errors"
local project = require "fairlead.cli.project"
local run = require "fairlead.cli.run"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("reserve", "Have an environment for a while; or extend, hand over, give back, show.")
  command:argument("application", "The name of its script in scripts/, without .lua.")
  command:argument("environment", "Which; with --show all when left out."):args "?"
  command:option("--for", "How long: 90m, 2h."):argname "TIME":target "seconds"
  command:option("--reason", "Why; those who wait read it."):argname "TEXT"
  command:option("--pull-request", "It ends when this one is merged or closed."):argname "NUMBER":target "pull_request"
  command:mutex(
    command:option("--extend", "So much longer; by whoever has it."):argname "TIME",
    command:option("--hand-over", "From now on it is theirs; by whoever has it."):argname "LOGIN":target "hand_over",
    command:flag("--give-back", "It is free again; by whoever has it."):target "give_back",
    command:flag("--steal", "Take it away from whoever has it; they are told the reason."),
    command:flag("--free", "Let deployments go on where a rollback stopped them; with a reason."),
    command:flag("--show", "Who has it, who waits, and what runs there.")
  )
  project.define_folder(command)
  run.define_options(command)
  return command
end

local function usage(message, hint)
  errors.raise { kind = "usage", op = "reserve", message = message, hint = hint }
end

-- What was asked for, as the command's parameters.
local function words_of(options)
  local words = {}
  local function add(name, value)
    if value then words[#words + 1] = ("%s=%s"):format(name, value) end
  end
  local what = "take"
  for _, one in ipairs { "extend", "hand_over", "give_back", "steal", "free", "show" } do
    if options[one] then what = one:gsub("_", "-") end
  end
  if not options.environment and what ~= "show" then usage("which environment?", "name it after the application") end
  if (what == "steal" or what == "free") and not (options.reason and options.reason:find "%S") then
    usage(("--%s needs a reason"):format(what), "say why: --reason \"…\"")
  end
  if options.seconds and what ~= "take" then usage("--for is for reserving", "give --extend the time itself") end
  add("environment", options.environment)
  add("what", what)
  add("for", options.extend or options.seconds)
  add("reason", options.reason)
  add("to", options.hand_over)
  add("pull_request", options.pull_request)
  return words
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  options.parameters = words_of(options)
  options.script, options.command_name = project.find(options.application, options.scripts).path, "reserve"
  return run.main(options)
end

return M
