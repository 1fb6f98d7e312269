--- Deployments, their targets and groups as CodeDeploy describes them.
---
--- Source of shapes: botocore's model codedeploy/2014-10-06 (where `identifer` is spelt so).
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local stamp = require("fairlead.world.aws.call").stamp
local tasks = require "fairlead.world.aws.tasks"

local M = {}

--- The revision that deploys a task definition: an AppSpec.
local function revision(definition)
  local content = json.encode({
    version = 0.0,
    Resources = json.array {
      {
        TargetService = {
          Type = "AWS::ECS::Service",
          Properties = {
            TaskDefinition = definition.arn,
            LoadBalancerInfo = { ContainerName = definition.containers[1].name, ContainerPort = 8080 },
          },
        },
      },
    },
  }, { sort_keys = true })
  return {
    revisionType = "AppSpecContent",
    appSpecContent = { content = content, sha256 = digest.sha256(content) },
  }
end

--- What the target of a deployment is doing: it has one, its service.
---@param deployment fairlead.world.aws.CodeDeployment
---@return string
function M.target_status(deployment)
  local status = deployment.status
  if status == "Succeeded" or status == "Failed" or status == "Ready" then
    return status
  elseif status == "Stopped" then
    return "Failed"
  elseif status == "Created" or status == "Queued" then
    return "Pending"
  end
  return "InProgress"
end

---@param deployment fairlead.world.aws.CodeDeployment
---@return string
function M.target_id(deployment)
  local service = deployment.group.service
  return service.cluster.name .. ":" .. service.name
end

local function overview(deployment)
  local counts = { Pending = 0, InProgress = 0, Succeeded = 0, Failed = 0, Skipped = 0, Ready = 0 }
  local status = M.target_status(deployment)
  counts[status] = counts[status] + 1
  return counts
end

local function settings(group)
  local environment = group.environment
  local alarms = {}
  for i, name in ipairs(environment.alarms or {}) do
    alarms[i] = { name = name }
  end
  return {
    deploymentStyle = { deploymentType = "BLUE_GREEN", deploymentOption = "WITH_TRAFFIC_CONTROL" },
    autoRollbackConfiguration = {
      enabled = #group.rolls_back_on > 0,
      events = json.array { table.unpack(group.rolls_back_on) },
    },
    alarmConfiguration = {
      enabled = #alarms > 0,
      ignorePollAlarmFailure = false,
      alarms = json.array(alarms),
    },
    blueGreenDeploymentConfiguration = {
      terminateBlueInstancesOnDeploymentSuccess = {
        action = "TERMINATE",
        terminationWaitTimeInMinutes = math.ceil(environment.bake_seconds / 60),
      },
      deploymentReadyOption = {
        actionOnTimeout = environment.ready_wait_seconds and "STOP_DEPLOYMENT" or "CONTINUE_DEPLOYMENT",
        waitTimeInMinutes = environment.ready_wait_seconds and math.ceil(environment.ready_wait_seconds / 60) or 0,
      },
    },
    loadBalancerInfo = {
      targetGroupPairInfoList = json.array {
        {
          targetGroups = json.array {
            { name = group.service.target_groups[1]:match "targetgroup/([^/]+)/" },
            { name = group.service.target_groups[2]:match "targetgroup/([^/]+)/" },
          },
          prodTrafficRoute = {
            listenerArns = json.array {
              ("arn:aws:elasticloadbalancing:%s:%s:listener/app/%s/50dc6c495c0c9188/f2f7dc8efc522ab2"):format(
                environment.region,
                environment.account,
                group.service.name
              ),
            },
          },
        },
      },
    },
  }
end

--- A deployment as GetDeployment gives it.
---@param deployment fairlead.world.aws.CodeDeployment
---@return table
function M.deployment(deployment)
  local group = deployment.group
  local info = settings(group)
  info.alarmConfiguration = nil
  info.applicationName = group.application.name
  info.deploymentGroupName = group.name
  info.deploymentConfigName = group.config_name
  info.deploymentId = deployment.id
  info.revision = revision(deployment.definition)
  info.previousRevision = deployment.previous and revision(deployment.previous) or nil
  info.status = deployment.status
  info.createTime = stamp(deployment.created_at)
  info.startTime = stamp(deployment.started_at)
  info.completeTime = stamp(deployment.completed_at)
  info.deploymentOverview = overview(deployment)
  info.description = deployment.description
  info.creator = deployment.creator
  info.ignoreApplicationStopFailures = false
  info.updateOutdatedInstancesOnly = false
  info.instanceTerminationWaitTimeStarted = deployment.baking_since ~= nil
  info.fileExistsBehavior = "DISALLOW"
  info.deploymentStatusMessages = json.array {}
  info.computePlatform = "ECS"
  if deployment.failure then
    info.errorInformation = { code = deployment.failure.code, message = deployment.failure.message }
  end
  if deployment.rollback_id or deployment.rollback_of then
    info.rollbackInfo = {
      rollbackDeploymentId = deployment.rollback_id,
      rollbackTriggeringDeploymentId = deployment.rollback_of,
      rollbackMessage = deployment.rollback_message,
    }
  end
  return info
end

local function task_set(aws, deployment, set, label)
  local running, pending = tasks.count(aws, deployment.group.service, set.id)
  return {
    identifer = set.id,
    desiredCount = set.desired,
    pendingCount = pending,
    runningCount = running,
    status = set.status,
    trafficWeight = set.weight + 0.0,
    targetGroup = { name = set.target_group:match "targetgroup/([^/]+)/" },
    taskSetLabel = label,
  }
end

--- A deployment's one target, its service, with lifecycle events and the traffic of each task set.
---@param aws fairlead.world.AWS
---@param deployment fairlead.world.aws.CodeDeployment
---@return table
function M.target(aws, deployment)
  local events, sets = {}, {}
  for i, event in ipairs(deployment.events) do
    events[i] = {
      lifecycleEventName = event.name,
      status = event.status,
      startTime = stamp(event.started_at),
      endTime = stamp(event.ended_at),
      diagnostics = event.problem and {
        errorCode = event.problem.code,
        scriptName = "",
        message = event.problem.message,
        logTail = "",
      } or nil,
    }
  end
  if deployment.blue and deployment.blue ~= deployment.green then
    sets[1] = task_set(aws, deployment, deployment.blue, "Blue")
  end
  if deployment.green then
    sets[#sets + 1] = task_set(aws, deployment, deployment.green, "Green")
  end
  return {
    deploymentTargetType = "ECSTarget",
    ecsTarget = {
      deploymentId = deployment.id,
      targetId = M.target_id(deployment),
      targetArn = deployment.group.service.arn,
      lastUpdatedAt = stamp(deployment.updated_at),
      lifecycleEvents = json.array(events),
      status = M.target_status(deployment),
      taskSetsInfo = json.array(sets),
    },
  }
end

---@param application table
---@return table
function M.application(application)
  return {
    applicationId = application.id,
    applicationName = application.name,
    createTime = stamp(application.created_at),
    linkedToGitHub = false,
    computePlatform = "ECS",
  }
end

local function last(deployment)
  return deployment and {
    deploymentId = deployment.id,
    status = deployment.status,
    createTime = stamp(deployment.created_at),
    endTime = stamp(deployment.completed_at),
  } or nil
end

---@param group table
---@return table
function M.group(group)
  local info, succeeded = settings(group), nil
  for _, deployment in ipairs(group.deployments) do
    if deployment.status == "Succeeded" and not succeeded then
      succeeded = deployment
    end
  end
  info.applicationName = group.application.name
  info.deploymentGroupId = group.id
  info.deploymentGroupName = group.name
  info.deploymentConfigName = group.config_name
  info.serviceRoleArn = ("arn:aws:iam::%s:role/%s-codedeploy"):format(group.environment.account, group.environment.name)
  info.targetRevision = revision(group.deployments[1].definition)
  info.triggerConfigurations = json.array {}
  info.computePlatform = "ECS"
  info.ecsServices = json.array { { serviceName = group.service.name, clusterName = group.service.cluster.name } }
  info.lastSuccessfulDeployment = last(succeeded)
  info.lastAttemptedDeployment = last(group.deployments[1])
  return info
end

return M
