--- Amazon CloudWatch: the alarms that an environment's fixture names. They are raised while new tasks fail.
---
--- Source: botocore's model monitoring/2010-08-01 (JSON 1.0 among its protocols since 2025).
local call_of = require "fairlead.world.aws.call"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local tasks = require "fairlead.world.aws.tasks"

local M = {
  signing_name = "monitoring",
  target = "GraniteServiceVersion20100801",
  json = "1.0",
  error_prefix = "com.amazonaws.cloudwatch#",
  operations = {},
}

local PERIOD <const> = 60 -- seconds that a datapoint covers
local MOST <const> = 100 -- alarms of one answer

local stamp <const> = call_of.stamp

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  call:fail("MissingParameter", ("The parameter %s is required."):format(member))
end

--- Since when an environment's alarms have been in the state that they are in, and how many tasks fail.
---
--- One datapoint raises them; they are over when a whole period has passed in which nothing failed.
local function state_of(call, environment)
  local failures = {}
  for _, service in ipairs(environment.services) do
    for _, task in ipairs(tasks.of(call.aws, service)) do
      if task.failing_since then
        failures[#failures + 1] = { since = task.failing_since, till = task.stopping_at or call.now }
      end
    end
  end
  table.sort(failures, function(a, b) return a.since < b.since end)
  local quiet = call.w:duration(2 * PERIOD)
  local since, till, count = nil, nil, 0
  for _, failure in ipairs(failures) do
    if not since or failure.since > till + quiet then
      since, till, count = failure.since, failure.till, 0
    end
    till, count = math.max(till, failure.till), count + 1
  end
  if since and call.now < till + quiet then
    return "ALARM", since, count
  end
  return "OK", since and till + quiet or environment.services[1].created_at, 0
end

local function describe(call, environment, name)
  local state, since, failing = state_of(call, environment)
  return {
    AlarmName = name,
    AlarmArn = ("arn:aws:cloudwatch:%s:%s:alarm:%s"):format(environment.region, environment.account, name),
    AlarmDescription = ("Targets of %s that fail their health checks"):format(environment.name),
    AlarmConfigurationUpdatedTimestamp = stamp(environment.services[1].created_at),
    ActionsEnabled = true,
    OKActions = json.array {},
    AlarmActions = json.array {},
    InsufficientDataActions = json.array {},
    StateValue = state,
    StateReason = state == "ALARM"
        and ("Threshold Crossed: 1 datapoint [%d.0] was greater than or equal to the threshold (1.0)."):format(failing)
      or "Threshold Crossed: 1 datapoint [0.0] was not greater than or equal to the threshold (1.0).",
    StateUpdatedTimestamp = stamp(since),
    StateTransitionedTimestamp = stamp(since),
    MetricName = "UnHealthyHostCount",
    Namespace = "AWS/ApplicationELB",
    Statistic = "Maximum",
    Dimensions = json.array {
      { Name = "TargetGroup", Value = environment.services[1].target_groups[1]:match "targetgroup/.*$" },
    },
    Period = PERIOD,
    EvaluationPeriods = 1,
    DatapointsToAlarm = 1,
    Threshold = 1.0,
    ComparisonOperator = "GreaterThanOrEqualToThreshold",
    TreatMissingData = "missing",
  }
end

local function in_set(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

M.operations.DescribeAlarms = {
  input = {
    AlarmNames = { "list", "string" },
    AlarmNamePrefix = "string",
    AlarmTypes = { "list", "string" },
    StateValue = "string",
    ActionPrefix = "string",
    MaxRecords = "integer",
    NextToken = "string",
  },
  run = function(call, input)
    if input.AlarmNames and input.AlarmNamePrefix then
      call:fail("InvalidParameterCombination", "AlarmNames and AlarmNamePrefix cannot be used together.")
    elseif input.MaxRecords and (input.MaxRecords < 1 or input.MaxRecords > MOST) then
      call:fail("ValidationError", ("Value '%d' at 'maxRecords' failed to satisfy constraint: Member must have value "
        .. "between 1 and 100"):format(input.MaxRecords))
    end
    local named, prefix, types = in_set(input.AlarmNames), input.AlarmNamePrefix or "", in_set(input.AlarmTypes)
    local alarms = {}
    for _, environment in sorted(call.aws.environments) do
      for _, name in ipairs(environment.region == call.region and environment.alarms or {}) do
        local alarm = describe(call, environment, name)
        if
          (not input.AlarmNames or named[name])
          and name:sub(1, #prefix) == prefix
          and (not input.AlarmTypes or types.MetricAlarm)
          and (not input.StateValue or alarm.StateValue == input.StateValue)
          and not input.ActionPrefix -- none has actions
        then
          alarms[#alarms + 1] = alarm
        end
      end
    end
    table.sort(alarms, function(a, b) return a.AlarmName < b.AlarmName end)
    local part, token = call:page(alarms, input.NextToken, input.MaxRecords or 50, function()
      call:fail("InvalidNextToken", "The next token specified is invalid.")
    end)
    return { MetricAlarms = json.array(part), CompositeAlarms = json.array {}, NextToken = token }
  end,
}

return M
