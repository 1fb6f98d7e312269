--- fairlead rollback: an application goes back to what was live and healthy, by the command `rollback` of its script.
local project = require "fairlead.cli.project"
local run = require "fairlead.cli.run"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("rollback", "Go back to the last release that was live and healthy.")
  command:argument("application", "The name of its script in scripts/, without .lua.")
  command:argument("environment", "Where.")
  command:option("--why", "What is wrong with what is live; the team is told."):argname "TEXT":count(1)
  command:option("--to", "Another release to go back to."):argname "COMMIT"
  command:argument("parameters", "name=value, further parameters of the command."):args "*"
  project.define_folder(command)
  run.define_options(command)
  return command
end

---@async
---@param options table
---@return integer exit_code
function M.main(options)
  local entry <const> = project.find(options.application, options.scripts)
  local words = table.move(options.parameters, 1, #options.parameters, 1, {})
  words[#words + 1] = "environment=" .. options.environment
  words[#words + 1] = "why=" .. options.why
  if options.to then words[#words + 1] = "to=" .. options.to end
  options.script, options.command_name, options.parameters = entry.path, "rollback", words
  return run.main(options)
end

return M
