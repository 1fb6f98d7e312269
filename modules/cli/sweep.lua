--- fairlead rehearse --crash-everywhere: the report of a crash sweep.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local options_of = require "fairlead.cli.options"
local text = require "fairlead.faces.text"

local M = {}

-- Findings that blame one step for one deed, or one end, are one mistake; the first shows how it came about.
local function group(findings)
  local groups, by_key = {}, {}
  for _, finding in ipairs(findings) do
    local key = table.concat({ finding.step or "", finding.deed or "", finding.advice or "" }, "\0")
    local known = by_key[key]
    if not known then
      known = { first = finding, count = 0 }
      by_key[key], groups[#groups + 1] = known, known
    end
    known.count = known.count + 1
  end
  return groups
end

local function name_of(step)
  if step == nil then return "not known which step" end
  return step == "" and "outside of all steps" or step
end

-- Texts from the world may have several lines; their first is enough to know them by, and the first that no other
-- problem has, as something that is there in place of something else may differ in one line only.
local function line(problem, problems)
  local first <const>, rest = problem:match "^([^\n]*)\n?(.*)$"
  for own in rest:gmatch "[^\n]+" do
    local shared = false
    for _, other in ipairs(problems) do
      shared = shared or other ~= problem and ("\n" .. other .. "\n"):find("\n" .. own .. "\n", 1, true) ~= nil
    end
    if not shared then return text.clean(("%s … %s"):format(first, own)) end
  end
  return text.clean(first .. (rest ~= "" and " …" or ""))
end

---The report for people.
---@param report fairlead.world.sweep.Report
---@return string
function M.text(report)
  local lines = {}
  local function add(format, ...) lines[#lines + 1] = format:format(...) end
  for _, found in ipairs(group(report.findings)) do
    local first = found.first
    add("%s: wrong when killed at %d instant%s", text.clean(name_of(first.step)), found.count,
      found.count == 1 and "" or "s")
    add("  first %s (instant %d)", text.clean(first.when), first.at)
    for _, problem in ipairs(first.problems) do add("    %s", line(problem, first.problems)) end
    if first.deed then add("  it did: %s", text.clean(first.deed)) end
    if first.advice then add("  what to do: %s", text.clean(first.advice)) end
    add ""
  end
  add("%s, seed %d: killed and taken up again at %d of %d instants (after each of %d records; before and after each of "
    .. "%d requests and %d programs%s) in %d runs: %d wrong.", report.scenario, report.seed, report.tried,
    report.instants, report.records, report.requests, report.programs,
    report.tried < report.instants and "; a sample of them" or "", report.runs, report.wrong)
  return table.concat(lines, "\n")
end

---@async
---@param options table of the command line
---@return integer exit_code 1 when anything was done twice, or not at all
function M.main(options)
  local began = clock.monotonic()
  local shows = not options.json and require "fairlead.terminal".is_tty(2)
  local report = require "fairlead.world.sweep".run {
    script = options.script,
    command = options.command_name,
    parameters = options_of.parameters(options.parameters, "fairlead help " .. options.script),
    scenario = options.scenario,
    seed = options.seed,
    samples = options.reads,
    at_most = options.sample,
    together = options.together,
    on_point = function(done, all)
      if shows then io.stderr:write(("\r%d of %d instants"):format(done, all), done == all and "\r\27[K" or "") end
    end,
  }
  if options.json then
    for _, finding in ipairs(report.findings) do
      finding.event, finding.problems = "sweep.finding", json.array(finding.problems)
      print(json.encode(finding, { sort_keys = true }))
    end
    report.findings, report.event = nil, "sweep.finished"
    print(json.encode(report, { sort_keys = true }))
  else
    print(M.text(report))
    print(("The uninterrupted run ends as %s (%s) with %d effects. %.1f s; nothing real was touched."):format(
      report.outcome, report.reason, report.effects, clock.monotonic() - began))
  end
  return report.wrong > 0 and 1 or 0
end

return M
