--- What a script needs to be allowed: the IAM policy of each AWS account, the permissions of a GitHub token, the scopes
--- of a Slack bot. It is found out by rehearsing all that can happen, and holds no more than that.
local clock = require "fairlead.clock"
local collect = require "fairlead.permissions.collect"
local json = require "fairlead.json"
local procedure = require "fairlead.procedure"
local rehearsals = require "fairlead.world.rehearsal"
local Run = require "fairlead.procedure.run"
local task = require "fairlead.task"
local worlds = require "fairlead.world"

local M = {}

---@class permissions.Report
---@field accounts {account: string, environments: string[], policy: table}[]
---@field github {subject: string, permissions: {name: string, access: string}[]}[]
---@field slack string[]
---@field rehearsed integer how many runs
---@field left_out string[] what could not be rehearsed, and why
---@field unknown string[] methods of Slack whose scope is not known

local function sorted(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local SOME <const> = { string = "rehearsal", integer = 1, number = 1, boolean = true, duration = "1h" }

-- What a procedure is told: what is given, something for what else it needs, and each environment where it wants one.
local function ways_to_call(which, given, environments)
  local values, by_environment = {}, false
  for name, parameter in pairs(which.parameters) do
    if given[name] ~= nil then
      values[name] = given[name]
    elseif name == "environment" then
      by_environment = true
    elseif parameter.required then
      values[name] = parameter.choices and parameter.choices[1] or SOME[parameter.type or "string"]
    end
  end
  if not by_environment then return { values } end
  local ways = {}
  for i, name in ipairs(environments) do
    ways[i] = { environment = name }
    for other, value in pairs(values) do ways[i][other] = value end
  end
  return ways
end

local function execute(report, world, folder, which, what, given)
  local environments = sorted((world.fixture.aws or {}).environments or {})
  for _, values in ipairs(ways_to_call(which, given, environments)) do
    local result = procedure.execute(which, values, rehearsals.execute_options(world, folder, {}))
    if result.outcome == "usage" then
      report.left_out[what .. ": " .. tostring(result.error)] = true
    else
      report.rehearsed = report.rehearsed + 1
    end
  end
end

-- Calls `fn` with a world that is listened to, and the procedure in it.
local function in_world(collector, script, scenario, fn)
  local world = worlds.new { scenario = scenario }
  local loaded = rehearsals.load(world, script)
  collector:listen(world)
  return rehearsals.inside(world, function(folder) return fn(world, folder, loaded) end)
end

-- Calls `made(options)` each time when a run says what may become of something when it is cancelled.
local function watching_guards(made, fn, ...)
  local original = Run.on_cancel
  local _ <close> = setmetatable({}, { __close = function() Run.on_cancel = original end })
  function Run.on_cancel(run, options)
    made(options)
    return original(run, options)
  end
  return fn(...)
end

local AFTER <const> = 60 -- seconds

-- A run that is cancelled a while after the moment with this number, by somebody who chose `choice`.
local function cancel(report, collector, script, given, number, choice)
  in_world(collector, script, "all-well", function(world, folder, loaded)
    local options, count, handle = rehearsals.execute_options(world, folder, {}), 0, nil
    options.on_cancel = choice
    local last
    watching_guards(function()
      if clock.now() ~= last then count = count + 1 end
      last = clock.now()
      if count ~= number then return end
      task.start(function()
        clock.sleep(AFTER)
        handle:cancel "interrupted"
      end)
    end, function()
      handle = task.start(procedure.execute, loaded, ways_to_call(loaded, given, {})[1], options)
      pcall(handle.wait, handle)
    end)
  end)
  report.rehearsed = report.rehearsed + 1
end

-- Every way to cancel, at every moment at which it makes a difference.
local function cancel_everywhere(report, collector, script, given, guards)
  for number, choices in ipairs(guards) do
    for i = 2, #choices do -- the first is what happens by itself
      cancel(report, collector, script, given, number, choices[i].name)
    end
  end
end

-- The procedure itself in a scenario and, where everything goes well, each of its commands afterwards.
local function rehearse(report, collector, script, scenario, given)
  local guards, last = {}, nil
  local function made(options)
    -- Several services of one deployment are one moment.
    if clock.now() ~= last then guards[#guards + 1] = options.choices end
    last = clock.now()
  end
  in_world(collector, script, scenario, function(world, folder, loaded)
    watching_guards(made, execute, report, world, folder, loaded, loaded.name, given)
    if scenario ~= "all-well" then return end
    for _, name in ipairs(sorted(loaded.commands)) do
      execute(report, world, folder, loaded.commands[name], "command " .. name, {})
    end
  end)
  if scenario == "all-well" then cancel_everywhere(report, collector, script, given, guards) end
end

-- One statement for the actions that have the same resources and condition.
local function policy_of(needs)
  local groups, order = {}, {}
  for _, key in ipairs(sorted(needs)) do
    local need = needs[key]
    local resources = sorted(need.resources)
    if need.resources["*"] then resources = { "*" } end
    local group_key = json.encode({ resources, need.condition or json.null }, { sort_keys = true })
    local group = groups[group_key]
    if not group then
      group = { Effect = "Allow", Action = {}, Resource = resources, Condition = need.condition }
      groups[group_key] = group
      order[#order + 1] = group
    end
    group.Action[#group.Action + 1] = need.action
  end
  return { Version = "2012-10-17", Statement = order }
end

local function finish(report, collector)
  for _, account in ipairs(sorted(collector.accounts)) do
    local found = collector.accounts[account]
    report.accounts[#report.accounts + 1] = {
      account = account, environments = sorted(found.environments), policy = policy_of(found.needs),
    }
  end
  for _, subject in ipairs(sorted(collector.github)) do
    local list = {}
    for i, name in ipairs(sorted(collector.github[subject])) do
      list[i] = { name = name, access = collector.github[subject][name] }
    end
    report.github[#report.github + 1] = { subject = subject, permissions = list }
  end
  report.slack, report.unknown = sorted(collector.slack), sorted(collector.unknown)
  report.left_out = sorted(report.left_out)
  for name, list in pairs(report) do
    if type(list) == "table" then report[name] = json.array(list) end
  end
  return report
end

---Rehearses a script in every scenario, and its commands, and tells what that needed.
---@async
---@param script string path
---@param options? {scenarios: string[]?, parameters: table<string, any>?, progress: fun(name: string)?} scenarios:
--- these only; parameters: of the procedure, as text
---@return permissions.Report
function M.of(script, options)
  options = options or {}
  local scenarios = options.scenarios
  if not scenarios then
    scenarios = {}
    for i, scenario in ipairs(worlds.scenarios()) do scenarios[i] = scenario.name end
  end
  local report = { accounts = {}, github = {}, slack = {}, rehearsed = 0, left_out = {}, unknown = {} }
  local collector = collect.new()
  for _, scenario in ipairs(scenarios) do
    if options.progress then options.progress(scenario) end
    rehearse(report, collector, script, scenario, options.parameters or {})
  end
  return finish(report, collector)
end

return M
