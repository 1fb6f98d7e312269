--- fairlead test: busted inside the host, so that `it` may wait. All arguments are busted's own.
local M = { raw = true }

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("test", "Run busted specs inside the host; waiting works inside `it`.")
  command:add_help(false)
  command:argument("arguments", "busted's: spec files, --filter, -o plainTerminal…"):args "*"
  return command
end

---@async
---@param options {arguments: string[]}
---@return integer exit_code
function M.main(options)
  local names = { [0] = "fairlead test" }
  table.move(options.arguments, 1, #options.arguments, 1, names)
  rawset(_G, "arg", names) -- where busted looks for its arguments
  -- Specs require their own support files by the path from where they are run.
  package.path = "./?.lua;./?/init.lua;" .. package.path
  local ok, runner = pcall(require, "busted.runner")
  if not ok then
    require "fairlead.errors".raise {
      kind = "config.missing", message = "busted, the spec runner, is not installed",
      hint = "install the package lua-busted",
    }
  end
  runner { standalone = false }
  return 0
end

return M
