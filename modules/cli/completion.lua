--- fairlead completion: a script that completes commands and options in a shell.
local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("completion", "Print a completion script for a shell.")
  command:argument("shell", "bash, zsh or fish"):choices { "bash", "zsh", "fish" }
  return command
end

---@param options {shell: string}
---@return integer exit_code
function M.main(options)
  local parser = require "fairlead.cli".parser()
  io.stdout:write(parser["get_" .. options.shell .. "_complete"](parser))
  return 0
end

return M
