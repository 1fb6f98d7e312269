--- fairlead check: what can be told about scripts without running them.
local M = {}

-- What is looked for, as the help tells it.
local function rules()
  local lines = { "What it looks for:" }
  for _, rule in ipairs(require "fairlead.check.rules") do
    lines[#lines + 1] = ("   %-21s %s"):format(rule[1], rule[2])
  end
  lines[#lines + 1] = "\nA comment allows something in its line or, alone in a line, in the next:\n"
    .. "   -- fairlead: allow step-without-already"
  return table.concat(lines, "\n")
end

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("check", "Look for mistakes in scripts and the modules beside them; nothing is run.")
  command:argument("scripts", "Lua scripts."):args "+"
  command:epilog(rules())
  return command
end

local function plural(count, noun) return ("%d %s%s"):format(count, noun, count == 1 and "" or "s") end

---@async
---@param options {scripts: string[]}
---@return integer exit_code 0: nothing was found; 1: something was
function M.main(options)
  local text = require "fairlead.faces.text"
  local report = require "fairlead.check".files(options.scripts)
  for _, finding in ipairs(report.findings) do
    print(text.harmless(text.clean(("%s:%d:%d: %s%s [%s]"):format(finding.path, finding.line, finding.column,
      finding.message, finding.hint and "; " .. finding.hint or "", finding.rule))))
  end
  if #report.findings == 0 then
    print(("Nothing found in %s."):format(plural(#report.files, "file")))
    return 0
  end
  print(("%s in %s."):format(plural(#report.findings, "finding"), plural(#report.files, "file")))
  return 1
end

return M
