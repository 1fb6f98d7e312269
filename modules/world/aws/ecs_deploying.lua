--- Amazon ECS: UpdateService, and the operations on the service deployments and revisions that it makes.
---
--- Source of shapes, codes and messages: botocore's model ecs/2014-11-13. Which states a service deployment may be
--- stopped in: Amazon ECS Developer Guide, "Stopping Amazon ECS service deployments".
local controller = require "fairlead.world.aws.ecs_controller"
local json = require "fairlead.json"
local records = require "fairlead.world.aws.service_deployments"
local sorted = require "fairlead.sorted"
local view = require "fairlead.world.aws.ecs_view"

local M = {}

--- Tasks that a service may want (Amazon ECS service quotas).
local MOST_TASKS <const> = 5000
--- At most so many deployments of a service may be active (aws/containers-roadmap 2836).
local MOST_ACTIVE <const> = 5

--- What a service that CodeDeploy controls refuses to have changed by UpdateService.
local CODE_DEPLOY_REFUSES <const> = { "taskDefinition", "forceNewDeployment", "loadBalancers", "networkConfiguration" }

local function refuse_for_code_deploy(call, input)
  for _, member in ipairs(CODE_DEPLOY_REFUSES) do
    if member == "forceNewDeployment" and input[member] then
      call:fail(
        "InvalidParameterException",
        "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller. "
          .. "Use AWS CodeDeploy to trigger a new deployment."
      )
    elseif input[member] then
      call:fail(
        "InvalidParameterException",
        ("Unable to update %s on services with a CODE_DEPLOY deployment controller. "):format(member)
          .. "Use AWS CodeDeploy to trigger a new deployment."
      )
    end
  end
end

local function wanted_definition(ecs, call, text)
  if not text then
    return nil
  end
  local definition = ecs.find_definition(call, text)
  if not definition then
    call:fail("ClientException", "TaskDefinition not found.")
  elseif definition.deregistered_at then
    call:fail("ClientException", "TaskDefinition is inactive")
  end
  return definition
end

local STRATEGIES <const> = { ROLLING = true, BLUE_GREEN = true, CANARY = true, LINEAR = true }

local function invalid(call, text, ...)
  call:fail("InvalidParameterException", text:format(...))
end

local function check_minutes(call, name, minutes)
  if minutes and (minutes < 0 or minutes > 1440) then
    invalid(call, "%s must be between 0 and 1440.", name)
  end
end

--- A share of the traffic, in percent.
local function check_percent(call, name, percent, least)
  if percent and (percent < least or percent > 100) then
    invalid(call, "%s must be between %g and 100.", name, least)
  end
end

local THRESHOLDS <const> = { COUNT = true, BOUNDED_PERCENT = true, UNBOUNDED_PERCENT = true }

local function check_breaker(call, breaker)
  local own = breaker and breaker.thresholdConfiguration
  if own and (not THRESHOLDS[own.type] or not own.value or own.value < 1) then
    invalid(call, "Invalid thresholdConfiguration.")
  end
end

local function check_hooks(call, hooks)
  for _, hook in ipairs(hooks) do
    local timeout = hook.timeoutConfiguration
    if hook.targetType and hook.targetType ~= "PAUSE" and hook.targetType ~= "AWS_LAMBDA" then
      invalid(call, "Invalid targetType.")
    elseif timeout and timeout.action and timeout.action ~= "CONTINUE" and timeout.action ~= "ROLLBACK" then
      invalid(call, "Invalid timeout action.")
    elseif timeout and timeout.timeoutInMinutes and timeout.timeoutInMinutes < 1 then
      invalid(call, "timeoutInMinutes must be at least 1.")
    end
    for _, stage in ipairs(hook.lifecycleStages or {}) do
      if hook.targetType == "PAUSE" and controller.NO_PAUSE[stage] then
        invalid(call, "PAUSE lifecycle hooks are not supported at the %s stage.", stage)
      end
    end
    if #(hook.lifecycleStages or {}) == 0 then
      invalid(call, "A lifecycle hook must have lifecycle stages.")
    elseif hook.targetType ~= "PAUSE" and not hook.hookTargetArn then
      invalid(call, "A lifecycle hook must have a hookTargetArn.")
    end
  end
end

--- Takes over a deployment configuration, checked before anything is changed.
local function configure(call, service, configuration)
  configuration = configuration or {}
  local strategy = configuration.strategy or service.strategy
  if not STRATEGIES[strategy] then
    invalid(call, "Invalid deployment strategy.")
  elseif strategy == "BLUE_GREEN" and service.strategy ~= strategy and not configuration.bakeTimeInMinutes then
    invalid(call, "bakeTimeInMinutes is required for the BLUE_GREEN deployment strategy.")
  end
  check_minutes(call, "bakeTimeInMinutes", configuration.bakeTimeInMinutes)
  check_hooks(call, configuration.lifecycleHooks or {})
  check_breaker(call, configuration.deploymentCircuitBreaker)
  local canary, linear = configuration.canaryConfiguration, configuration.linearConfiguration
  check_percent(call, "canaryPercent", canary and canary.canaryPercent, 0.1)
  check_percent(call, "stepPercent", linear and linear.stepPercent, 3)
  check_minutes(call, "canaryBakeTimeInMinutes", canary and canary.canaryBakeTimeInMinutes)
  check_minutes(call, "stepBakeTimeInMinutes", linear and linear.stepBakeTimeInMinutes)
  service.strategy = strategy
  service.breaker = configuration.deploymentCircuitBreaker or service.breaker
  service.hooks = configuration.lifecycleHooks or service.hooks
  if configuration.bakeTimeInMinutes then
    service.bake_seconds = configuration.bakeTimeInMinutes * 60
  end
  if canary then
    service.canary = { percent = canary.canaryPercent or 5, seconds = (canary.canaryBakeTimeInMinutes or 10) * 60 }
  end
  if linear then
    service.linear = { percent = linear.stepPercent or 10, seconds = (linear.stepBakeTimeInMinutes or 6) * 60 }
  end
end

local function update(ecs, call, input)
  local service = ecs.need_service(call, input)
  if service.controller == "CODE_DEPLOY" then
    refuse_for_code_deploy(call, input)
  end
  local definition = wanted_definition(ecs, call, input.taskDefinition)
  if input.desiredCount and (input.desiredCount < 0 or input.desiredCount > MOST_TASKS) then
    call:fail("InvalidParameterException", "desiredCount must be between 0 and 5000.")
  end
  local deploys = input.forceNewDeployment or (definition and definition ~= service.definition)
  if deploys and #service.deployments >= MOST_ACTIVE then
    call:fail("InvalidParameterException", "Unable to start a deployment: the service has 5 active deployments.")
  end
  configure(call, service, input.deploymentConfiguration)
  local scales = input.desiredCount and input.desiredCount ~= service.desired
  service.desired = input.desiredCount or service.desired
  if deploys then
    controller.start(call.aws, service, definition or service.definition)
  elseif scales and service.controller == "ECS" then
    controller.scale(call.aws, service)
  end
  return { service = view.service(call.aws, service) }
end

local function list(ecs, call, input)
  local service = ecs.need_service(call, input)
  local wanted, range, found = nil, input.createdAt or {}, {}
  for _, status in ipairs(input.status or {}) do
    wanted = wanted or {}
    wanted[status] = true
  end
  for _, record in ipairs(service.history) do
    local at = record.created_at
    local in_time = (not range.after or at > range.after) and (not range.before or at < range.before)
    if in_time and (not wanted or wanted[record.status]) then
      found[#found + 1] = view.service_deployment_brief(record)
    end
  end
  local part, next_token = ecs.page(call, found, input, 20)
  return { serviceDeployments = json.array(part), nextToken = next_token }
end

--- Calls `fn` with each service of the call's region.
local function each_service(call, fn)
  for _, store in ipairs(call:stores()) do
    for _, cluster in sorted(store.ecs.clusters) do
      for _, service in sorted(cluster.services) do
        fn(service)
      end
    end
  end
end

local function find_record(call, arn)
  local found
  each_service(call, function(service)
    for _, record in ipairs(service.history) do
      found = record.arn == arn and record or found
    end
  end)
  return found
end

local function need_record(call, arn)
  local record = find_record(call, arn)
  if not record then
    call:fail("ServiceDeploymentNotFoundException", "Service deployment not found.")
  end
  return record
end

local function check_count(call, list_of_arns)
  if #list_of_arns < 1 or #list_of_arns > 20 then
    call:fail("InvalidParameterException", "You must specify between 1 and 20 ARNs.")
  end
end

local function describe(_, call, input)
  check_count(call, input.serviceDeploymentArns)
  local found, failures = {}, {}
  for _, arn in ipairs(input.serviceDeploymentArns) do
    local record = find_record(call, arn)
    if record then
      found[#found + 1] = view.service_deployment(call.aws, record)
    else
      failures[#failures + 1] = { arn = arn, reason = "MISSING" }
    end
  end
  return { serviceDeployments = json.array(found), failures = json.array(failures) }
end

local function describe_revisions(_, call, input)
  check_count(call, input.serviceRevisionArns)
  local by_arn, found, failures = {}, {}, {}
  each_service(call, function(service)
    for _, revision in ipairs(service.revisions) do
      by_arn[revision.arn] = view.service_revision(service, revision)
    end
  end)
  for _, arn in ipairs(input.serviceRevisionArns) do
    found[#found + 1] = by_arn[arn]
    if not by_arn[arn] then
      failures[#failures + 1] = { arn = arn, reason = "MISSING" }
    end
  end
  return { serviceRevisions = json.array(found), failures = json.array(failures) }
end

local function stop(_, call, input)
  local record, how = need_record(call, input.serviceDeploymentArn), input.stopType or "ROLLBACK"
  if how ~= "ROLLBACK" and how ~= "ABORT" then
    call:fail("InvalidParameterException", "Invalid stopType.")
  elseif not records.is_ongoing(record) then
    call:fail("ConflictException", "The service deployment has already completed.")
  elseif controller.is_past_return(record) then
    call:fail("ConflictException", "The service deployment is in the CLEAN_UP stage.")
  elseif how == "ROLLBACK" and not record.source then
    call:fail("ConflictException", "There is no service revision to roll back to.")
  end
  -- One that is being stopped or rolled back already goes on with it.
  if record.status == "PENDING" or record.status == "IN_PROGRESS" then
    controller.stop(call.aws, record, how)
  end
  return { serviceDeploymentArn = record.arn }
end

local function continue(_, call, input)
  local record, action = need_record(call, input.serviceDeploymentArn), input.action or "CONTINUE"
  if action ~= "CONTINUE" and action ~= "ROLLBACK" then
    invalid(call, "Invalid action.")
  elseif not controller.continue(call.aws, record, input.hookId, action) then
    invalid(call, "The lifecycle hook %s is not awaiting an action.", input.hookId)
  end
  return { serviceDeploymentArn = record.arn }
end

--- Adds these operations to the service.
---@param ecs table fairlead.world.aws.ecs
function M.add(ecs)
  local function operation(name, input, run)
    ecs.operations[name] = {
      input = input,
      run = function(call, given)
        return run(ecs, call, given)
      end,
    }
  end
  operation("UpdateService", {
    cluster = "string",
    ["service!"] = "string",
    desiredCount = "integer",
    taskDefinition = "string",
    forceNewDeployment = "boolean",
    deploymentConfiguration = {
      deploymentCircuitBreaker = {
        ["enable!"] = "boolean",
        ["rollback!"] = "boolean",
        resetOnHealthyTask = "boolean",
        thresholdConfiguration = { type = "string", value = "integer" },
      },
      strategy = "string",
      bakeTimeInMinutes = "integer",
      lifecycleHooks = {
        "list",
        {
          targetType = "string",
          hookTargetArn = "string",
          lifecycleStages = { "list", "string" },
          timeoutConfiguration = { timeoutInMinutes = "integer", action = "string" },
        },
      },
      canaryConfiguration = { canaryPercent = "number", canaryBakeTimeInMinutes = "integer" },
      linearConfiguration = { stepPercent = "number", stepBakeTimeInMinutes = "integer" },
    },
    healthCheckGracePeriodSeconds = "integer",
  }, update)
  operation("ListServiceDeployments", {
    ["service!"] = "string",
    cluster = "string",
    status = { "list", "string" },
    createdAt = { before = "number", after = "number" },
    nextToken = "string",
    maxResults = "integer",
  }, list)
  operation("DescribeServiceDeployments", { ["serviceDeploymentArns!"] = { "list", "string" } }, describe)
  operation("DescribeServiceRevisions", { ["serviceRevisionArns!"] = { "list", "string" } }, describe_revisions)
  operation("StopServiceDeployment", { ["serviceDeploymentArn!"] = "string", stopType = "string" }, stop)
  operation("ContinueServiceDeployment", {
    ["serviceDeploymentArn!"] = "string",
    ["hookId!"] = "string",
    action = "string",
  }, continue)
end

return M
