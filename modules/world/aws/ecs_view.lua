--- Services, tasks and deployments as ECS describes them.
---
--- Source of shapes: botocore's model ecs/2014-11-13.
local json = require "fairlead.json"
local records = require "fairlead.world.aws.service_deployments"
local stamp = require("fairlead.world.aws.call").stamp
local tasks = require "fairlead.world.aws.tasks"

local M = {}

local PLATFORM <const> = "1.4.0"

local function load_balancers(service, target_group)
  if not service.load_balanced then
    return json.array {}
  end
  local container = service.definition.containers[1]
  return json.array { { targetGroupArn = target_group, containerName = container.name, containerPort = 8080 } }
end

local function task_set(aws, service, set)
  local running, pending = tasks.count(aws, service, set.id)
  return {
    id = set.id,
    taskSetArn = set.arn,
    serviceArn = service.arn,
    clusterArn = service.cluster.arn,
    startedBy = "CODE_DEPLOY",
    externalId = set.external_id,
    status = set.status,
    taskDefinition = set.definition.arn,
    computedDesiredCount = set.desired,
    pendingCount = pending,
    runningCount = running,
    createdAt = stamp(set.created_at),
    updatedAt = stamp(set.updated_at),
    launchType = "FARGATE",
    platformVersion = PLATFORM,
    platformFamily = "Linux",
    loadBalancers = load_balancers(service, set.target_group),
    scale = { value = set.scale + 0.0, unit = "PERCENT" },
    stabilityStatus = set.stability,
    stabilityStatusAt = stamp(set.stability_at),
    tags = json.array {},
  }
end

local function deployment(aws, service, held)
  local running, pending = tasks.count(aws, service, held.id)
  return {
    id = held.id,
    status = held.status,
    taskDefinition = held.definition.arn,
    desiredCount = held.status == "PRIMARY" and service.desired or 0,
    pendingCount = pending,
    runningCount = running,
    failedTasks = held.failed_tasks,
    createdAt = stamp(held.created_at),
    updatedAt = stamp(held.updated_at),
    launchType = "FARGATE",
    platformVersion = PLATFORM,
    platformFamily = "Linux",
    rolloutState = held.rollout_state,
    rolloutStateReason = held.rollout_reason,
  }
end

local function each(list, fn)
  local out = {}
  for i, item in ipairs(list) do
    out[i] = fn(item)
  end
  return json.array(out)
end

--- How a service is deployed, as it is described.
local function deployment_configuration(service)
  local configuration = { maximumPercent = 200, minimumHealthyPercent = 100 }
  if service.controller == "CODE_DEPLOY" then
    return configuration
  end
  local breaker = service.breaker or { enable = false, rollback = false }
  configuration.deploymentCircuitBreaker = {
    enable = breaker.enable,
    rollback = breaker.rollback,
    resetOnHealthyTask = breaker.resetOnHealthyTask,
    thresholdConfiguration = breaker.thresholdConfiguration,
  }
  configuration.strategy = service.strategy
  local names = service.environment.alarms
  if names and names[1] then
    configuration.alarms = { alarmNames = json.array { table.unpack(names) }, enable = true, rollback = true }
  end
  if service.strategy == "ROLLING" then
    return configuration
  end
  configuration.bakeTimeInMinutes = math.ceil(service.bake_seconds / 60)
  configuration.lifecycleHooks = json.array { table.unpack(service.hooks) }
  if service.strategy == "CANARY" then
    configuration.canaryConfiguration = {
      canaryPercent = service.canary.percent + 0.0,
      canaryBakeTimeInMinutes = math.ceil(service.canary.seconds / 60),
    }
  elseif service.strategy == "LINEAR" then
    configuration.linearConfiguration = {
      stepPercent = service.linear.percent + 0.0,
      stepBakeTimeInMinutes = math.ceil(service.linear.seconds / 60),
    }
  end
  return configuration
end

--- The revisions that have tasks, the newest first.
local function current_revisions(aws, service)
  return each(service.deployments, function(held)
    local running, pending = tasks.count(aws, service, held.id)
    return {
      arn = held.revision.arn,
      requestedTaskCount = held.status == "PRIMARY" and service.desired or running,
      runningTaskCount = running,
      pendingTaskCount = pending,
    }
  end)
end

---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@return table
function M.service(aws, service)
  local running, pending = tasks.count(aws, service)
  local by_code_deploy, ongoing = service.controller == "CODE_DEPLOY", records.ongoing(service)
  return {
    serviceArn = service.arn,
    serviceName = service.name,
    clusterArn = service.cluster.arn,
    status = "ACTIVE",
    desiredCount = service.desired,
    runningCount = running,
    pendingCount = pending,
    launchType = "FARGATE",
    platformVersion = PLATFORM,
    platformFamily = "Linux",
    taskDefinition = service.definition.arn,
    loadBalancers = load_balancers(service, service.target_groups[1]),
    deploymentConfiguration = deployment_configuration(service),
    deploymentController = { type = service.controller },
    taskSets = by_code_deploy and each(service.task_sets, function(set)
      return task_set(aws, service, set)
    end) or nil,
    deployments = each(service.deployments, function(held)
      return deployment(aws, service, held)
    end),
    currentServiceDeployment = ongoing and ongoing.arn or nil,
    currentServiceRevisions = not by_code_deploy and current_revisions(aws, service) or nil,
    events = each(service.events, function(event)
      return { id = event.id, createdAt = stamp(event.at), message = event.text }
    end),
    createdAt = stamp(service.created_at),
    schedulingStrategy = "REPLICA",
    healthCheckGracePeriodSeconds = service.load_balanced and 30 or nil,
    enableECSManagedTags = true,
    propagateTags = "NONE",
    enableExecuteCommand = false,
  }
end

---@param aws fairlead.world.AWS
---@param cluster table
---@return table
function M.cluster(aws, cluster)
  local services, running, pending = 0, 0, 0
  for _, service in pairs(cluster.services) do
    local r, p = tasks.count(aws, service)
    services, running, pending = services + 1, running + r, pending + p
  end
  return {
    clusterArn = cluster.arn,
    clusterName = cluster.name,
    status = "ACTIVE",
    registeredContainerInstancesCount = 0,
    runningTasksCount = running,
    pendingTasksCount = pending,
    activeServicesCount = services,
  }
end

local function container(task, held)
  local running = task.last_status
  return {
    containerArn = ("%s/%s"):format(task.arn:gsub(":task/", ":container/"), held.runtime_id:sub(-10)),
    taskArn = task.arn,
    name = held.name,
    image = held.text,
    imageDigest = held.digest,
    runtimeId = task.started_at and held.runtime_id or nil,
    lastStatus = (running == "RUNNING" or running == "STOPPED") and running
      or (task.desired_status == "STOPPED" and task.started_at and "RUNNING")
      or "PENDING",
    exitCode = task.last_status == "STOPPED" and held.exit_code or nil,
    reason = held.reason,
    healthStatus = task.health,
    networkInterfaces = json.array {
      { attachmentId = held.runtime_id:sub(1, 8), privateIpv4Address = tasks.address(task) },
    },
  }
end

---@param task fairlead.world.aws.Task
---@return table
function M.task(task)
  return {
    taskArn = task.arn,
    clusterArn = task.service.cluster.arn,
    taskDefinitionArn = task.definition.arn,
    group = "service:" .. task.service.name,
    startedBy = task.started_by,
    lastStatus = task.last_status,
    desiredStatus = task.desired_status,
    healthStatus = task.health,
    containers = each(task.containers, function(held)
      return container(task, held)
    end),
    availabilityZone = task.service.store.region .. "a",
    connectivity = task.started_at and "CONNECTED" or nil,
    connectivityAt = stamp(task.pull_started_at),
    cpu = "256",
    memory = "512",
    createdAt = stamp(task.created_at),
    pullStartedAt = stamp(task.pull_started_at),
    pullStoppedAt = stamp(task.pull_stopped_at),
    startedAt = stamp(task.started_at),
    stoppingAt = stamp(task.stopping_at),
    executionStoppedAt = stamp(task.execution_stopped_at),
    stoppedAt = stamp(task.stopped_at),
    stopCode = task.stop_code,
    stoppedReason = task.stopped_reason,
    launchType = "FARGATE",
    platformVersion = PLATFORM,
    platformFamily = "Linux",
    version = task.version,
    tags = json.array {},
  }
end

---@param definition fairlead.world.aws.TaskDefinition
---@return table
function M.definition(definition)
  local input = definition.input
  local compatibilities = input.requiresCompatibilities or { "FARGATE" }
  return {
    taskDefinitionArn = definition.arn,
    family = definition.family,
    revision = definition.revision,
    status = definition.deregistered_at and "INACTIVE" or "ACTIVE",
    registeredAt = stamp(definition.registered_at),
    deregisteredAt = stamp(definition.deregistered_at),
    networkMode = input.networkMode or "awsvpc",
    cpu = input.cpu or "256",
    memory = input.memory or "512",
    taskRoleArn = input.taskRoleArn,
    executionRoleArn = input.executionRoleArn,
    volumes = json.array {},
    placementConstraints = json.array {},
    compatibilities = json.array { "EC2", "FARGATE" },
    requiresCompatibilities = json.array { table.unpack(compatibilities) },
    containerDefinitions = each(definition.containers, function(held)
      if held.group == nil then
        return held -- as a client registered it
      end
      return {
        name = held.name,
        image = held.image,
        essential = true,
        cpu = 0,
        portMappings = json.array { { containerPort = 8080, hostPort = 8080, protocol = "tcp" } },
        environment = json.array {},
        mountPoints = json.array {},
        volumesFrom = json.array {},
        logConfiguration = {
          logDriver = "awslogs",
          options = {
            ["awslogs-group"] = held.group,
            ["awslogs-region"] = definition.store.region,
            ["awslogs-stream-prefix"] = held.prefix,
          },
        },
      }
    end),
  }
end

---@param record fairlead.world.aws.ServiceDeployment
---@return table
function M.service_deployment_brief(record)
  return {
    serviceDeploymentArn = record.arn,
    serviceArn = record.service.arn,
    clusterArn = record.service.cluster.arn,
    createdAt = stamp(record.created_at),
    startedAt = stamp(record.started_at),
    finishedAt = stamp(record.finished_at),
    targetServiceRevisionArn = record.target.arn,
    status = record.status,
    statusReason = record.reason,
  }
end

--- A revision's tasks, whichever of the service's deployments started them, and its traffic where that is shifted.
local function revision_summary(aws, record, revision)
  local service, running, pending = record.service, 0, 0
  local weight, test_weight
  for _, held in ipairs(service.deployments) do
    if held.revision == revision then
      local r, p = tasks.count(aws, service, held.id)
      running, pending = running + r, pending + p
      weight, test_weight = held.weight, held.test_weight or held.weight
    end
  end
  return {
    arn = revision.arn,
    requestedTaskCount = service.desired,
    runningTaskCount = running,
    pendingTaskCount = pending,
    requestedProductionTrafficWeight = record.shift and (weight or 0) + 0.0 or nil,
    requestedTestTrafficWeight = record.shift and (test_weight or 0) + 0.0 or nil,
  }
end

--- What the circuit breaker of a service deployment has seen.
local function breaker_state(record)
  local service, failures = record.service, 0
  for _, held in ipairs(service.deployments) do
    if held.record == record and not held.is_rollback then
      failures = held.failed_tasks
    end
  end
  local on = service.breaker and service.breaker.enable
  return {
    status = record.breaker or (not on and "DISABLED")
      or (records.is_ongoing(record) and "MONITORING" or "MONITORING_COMPLETE"),
    failureCount = failures,
    threshold = records.threshold(service),
  }
end

local function alarm_state(record)
  local names, triggered = record.service.environment.alarms, record.triggered_alarms
  if not names or not names[1] then
    return nil
  end
  return {
    status = triggered[1] and "TRIGGERED" or records.is_ongoing(record) and "MONITORING" or "MONITORING_COMPLETE",
    alarmNames = json.array { table.unpack(names) },
    triggeredAlarmNames = json.array { table.unpack(triggered) },
  }
end

---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@return table
function M.service_deployment(aws, record)
  local answer = M.service_deployment_brief(record)
  answer.targetServiceRevisionArn = nil
  answer.updatedAt, answer.stoppedAt = stamp(record.updated_at), stamp(record.stopped_at)
  answer.targetServiceRevision = revision_summary(aws, record, record.target)
  answer.sourceServiceRevisions = record.source and json.array { revision_summary(aws, record, record.source) } or nil
  answer.deploymentConfiguration = deployment_configuration(record.service)
  answer.deploymentCircuitBreaker = breaker_state(record)
  answer.alarms = alarm_state(record)
  answer.lifecycleStage = record.shift and record.stage
  answer.lifecycleHookDetails = record.hooks[1] and each(record.hooks, function(held)
    return {
      hookId = held.id,
      targetType = "PAUSE",
      status = held.status,
      expiresAt = stamp(held.expires_at),
      timeoutAction = held.action,
    }
  end) or nil
  answer.rollback = record.rollback and {
    reason = record.rollback.reason,
    startedAt = stamp(record.rollback.started_at),
    serviceRevisionArn = record.rollback.revision.arn,
  } or nil
  return answer
end

---@param service fairlead.world.aws.Service
---@param revision fairlead.world.aws.Revision
---@return table
function M.service_revision(service, revision)
  return {
    serviceRevisionArn = revision.arn,
    serviceArn = service.arn,
    clusterArn = service.cluster.arn,
    taskDefinition = revision.definition.arn,
    launchType = "FARGATE",
    platformVersion = PLATFORM,
    platformFamily = "Linux",
    loadBalancers = load_balancers(service, service.target_groups[1]),
    containerImages = each(revision.images, function(held)
      return { containerName = held.container, imageDigest = held.digest, image = held.text }
    end),
    guardDutyEnabled = false,
    createdAt = stamp(revision.created_at),
  }
end

return M
