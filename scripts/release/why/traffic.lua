--- What stands around the tasks: the load balancer's opinion of them, and the alarms that stop deployments.
---
--- Sources: Elastic Load Balancing v2 API reference, DescribeTargetHealth, TargetHealth; CloudWatch API reference,
--- DescribeAlarms; CodeDeploy API reference, AlarmConfiguration; Amazon ECS API reference, DeploymentAlarms.
local contexts = require "release.live.context"

local M = {}

local MOST_ALARMS <const> = 100 -- of one DescribeAlarms

local function target_groups(context)
  local arns, known = {}, {}
  local function add(arn)
    if arn and not known[arn] then
      known[arn] = true
      arns[#arns + 1] = arn
    end
  end
  add(context.service.target_group)
  local service <const> = contexts.describe(context)
  local function balancers(list)
    for _, balancer in ipairs(list or {}) do
      add(balancer.targetGroupArn)
      add(balancer.advancedConfiguration and balancer.advancedConfiguration.alternateTargetGroupArn)
    end
  end
  balancers(service.loadBalancers)
  for _, set in ipairs(service.taskSets or {}) do balancers(set.loadBalancers) end
  return arns
end

---Targets that are not healthy, by what the load balancer says of them.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.health(subject)
  local found = {}
  for _, context in ipairs(subject.services) do
    for _, arn in ipairs(target_groups(context)) do
      local answer <const>, known = subject:client("elbv2"):DescribeTargetHealth { TargetGroupArn = arn }, {}
      for _, target in ipairs(answer.TargetHealthDescriptions or {}) do
        local health <const> = target.TargetHealth or {}
        local text <const> = ("targets in %s are %s: %s"):format(arn:match ":targetgroup/([^/]+)" or arn,
          tostring(health.State), health.Description or health.Reason or "no reason is given")
        local line <const> = ("%s:%s"):format(target.Target.Id, tostring(target.Target.Port))
        if known[text] then
          table.insert(known[text].lines, line)
        elseif health.State == "unhealthy" or health.State == "unavailable" then
          known[text] = { text = text, lines = { line } }
          found[#found + 1] = known[text]
        end
      end
    end
  end
  return found
end

-- Names of the alarms that may stop a deployment of a service: the group's, or the service's own.
local function alarms_of(context)
  local service <const> = context.service
  if service.deploys == "codedeploy" then
    local answer <const> = context.codedeploy:GetDeploymentGroup {
      applicationName = service.application, deploymentGroupName = service.group,
    }
    local names = {}
    for i, alarm in ipairs((answer.deploymentGroupInfo.alarmConfiguration or {}).alarms or {}) do
      names[i] = alarm.name
    end
    return names
  end
  local configuration <const> = contexts.describe(context).deploymentConfiguration or {}
  return (configuration.alarms or {}).alarmNames or {}
end

---Alarms that are raised, or were since the part began.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.alarms(subject)
  local names, known, found = {}, {}, {}
  for _, context in ipairs(subject.services) do
    for _, name in ipairs(alarms_of(context)) do
      if not known[name] and #names < MOST_ALARMS then
        known[name] = true
        names[#names + 1] = name
      end
    end
  end
  if #names == 0 then return found end
  local answer <const> = subject:client("cloudwatch"):DescribeAlarms {
    AlarmNames = names, AlarmTypes = { "MetricAlarm", "CompositeAlarm" }, MaxRecords = MOST_ALARMS,
  }
  for _, list in ipairs { answer.MetricAlarms or {}, answer.CompositeAlarms or {} } do
    for _, alarm in ipairs(list) do
      local changed <const> = alarm.StateTransitionedTimestamp or alarm.StateUpdatedTimestamp or 0
      if alarm.StateValue == "ALARM" then
        found[#found + 1] = { text = ("alarm %s is raised"):format(alarm.AlarmName), lines = { alarm.StateReason } }
      elseif alarm.StateValue == "OK" and changed >= subject.since then
        found[#found + 1] = { text = ("alarm %s was raised meanwhile"):format(alarm.AlarmName),
          lines = { alarm.StateReason } }
      end
    end
  end
  return found
end

return M
