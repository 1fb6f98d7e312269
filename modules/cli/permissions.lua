--- fairlead permissions: what a script needs to be allowed, found out by rehearsing all that can happen.
local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("permissions",
    "Tell the IAM policies, GitHub permissions and Slack scopes that a script needs, and no more.")
  command:argument("script", "A Lua script that returns a procedure.")
  command:argument("parameters", "name=value; `fairlead help SCRIPT` lists them."):args "*"
  command:flag("--json", "One JSON object.")
  return command
end

local GITHUB_NOTES <const> = {
  contents = "and workflows: write, where a branch changes .github/workflows",
  checks = "fine-grained tokens of a person cannot have it: use a GitHub App or a classic token, or the release reads "
    .. "workflow runs and statuses instead",
}

local function write_github(report)
  for _, one in ipairs(report.github) do
    print(("GitHub: %s"):format(one.subject))
    for _, permission in ipairs(one.permissions) do
      local note = permission.name ~= "contents" or permission.access == "write"
      note = note and GITHUB_NOTES[permission.name]
      print(("  %s: %s%s"):format(permission.name, permission.access, note and "  (" .. note .. ")" or ""))
    end
    print ""
  end
end

local function write_slack(report)
  if #report.slack == 0 then return end
  print "Slack: scopes of the bot"
  for _, scope in ipairs(report.slack) do print("  " .. scope) end
  if #report.unknown > 0 then
    print("  and what these methods need: " .. table.concat(report.unknown, ", "))
  end
  print ""
end

local function write(report)
  local json = require "fairlead.json"
  for _, account in ipairs(report.accounts) do
    print(("AWS: account %s (%s)"):format(account.account, table.concat(account.environments, ", ")))
    print(json.encode(account.policy, { indent = 2, sort_keys = true }))
    print ""
  end
  write_github(report)
  write_slack(report)
  print(("This is what %d rehearsals needed; the account numbers are the rehearsal's.%s"):format(report.rehearsed,
    #report.left_out > 0 and " Not rehearsed: " .. table.concat(report.left_out, "; ") .. "." or ""))
end

---@async
---@param options {script: string, parameters: string[], json: boolean?}
---@return integer exit_code
function M.main(options)
  local terminal = require "fairlead.terminal"
  local shown = terminal.is_tty(2)
  local report = require "fairlead.permissions".of(options.script, {
    parameters = require "fairlead.cli.options".parameters(options.parameters, "fairlead help " .. options.script),
    progress = shown and function(name) io.stderr:write("\r\27[Krehearsing ", name) end or nil,
  })
  if shown then io.stderr:write "\r\27[K" end
  if options.json then
    print(require "fairlead.json".encode(report, { sort_keys = true }))
  else
    write(report)
  end
  return 0
end

return M
