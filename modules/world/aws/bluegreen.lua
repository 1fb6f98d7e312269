--- CodeDeploy's blue-green deployment of an ECS service: its lifecycle events, the shift of traffic, the bake, failure,
--- and the rollback, which is a deployment of its own.
---
--- Sources: AWS CodeDeploy User Guide, "CodeDeploy deployments on an Amazon ECS compute platform", "Redeploy and roll
--- back a deployment with CodeDeploy"; botocore's model codedeploy/2014-10-06.
local ecs = require "fairlead.world.aws.ecs"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

--- In their order; those that are hooks are skipped when no function is hooked to them.
local LIFECYCLE <const> = {
  "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic", "BeforeAllowTraffic",
  "AllowTraffic", "AfterAllowTraffic",
}

---@class fairlead.world.aws.CodeDeployment
---@field id string "d-XXXXXXXXX"
---@field group table
---@field status string
---@field creator "user"|"codeDeployRollback"
---@field definition fairlead.world.aws.TaskDefinition what it deploys
---@field previous fairlead.world.aws.TaskDefinition? what ran before
---@field events {name: string, status: string, started_at: number?, ended_at: number?, problem: table?}[]
---@field blue table? task set that served when it began
---@field green table? task set that it started
---@field created_at number
---@field started_at number?
---@field completed_at number?
---@field failure {code: string, message: string}?
---@field rollback_id string? the deployment that rolls this one back
---@field rollback_of string? the deployment that this one rolls back
---@field canary_seconds number? its own, where not its environment's
---@field bake_seconds number?

--- Makes an application and its deployment group, and the deployment by which came what runs now.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment
---@param store table
---@param created_at number
---@return table group
function M.create_group(aws, environment, store, created_at)
  local state, service = store.codedeploy, environment.services[1]
  local name = environment.fixture.application or service.name
  local application = state.applications[name]
    or { name = name, id = M.uuid(aws), created_at = created_at, groups = {}, store = store }
  state.applications[name] = application
  local group = {
    name = environment.fixture.group or (name .. "-deployment"),
    id = M.uuid(aws),
    application = application,
    environment = environment,
    service = service,
    store = store,
    config_name = environment.fixture.deployment_config
      or ("%s-Canary%dPercent%gMinutes"):format(
        environment.name,
        environment.canary_weight,
        environment.canary_seconds / 60
      ),
    rolls_back_on = environment.fixture.auto_rollback
      or { "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST" },
    deployments = {},
  }
  application.groups[group.name] = group
  local set = service.task_sets[1]
  local first = M.record(aws, group, {
    definition = service.definition,
    creator = "user",
    created_at = set.created_at - 20,
    id = set.external_id,
  })
  first.green = set
  M.settle_past(first, 20 + environment.health_seconds + environment.canary_seconds + environment.bake_seconds)
  group.active = nil
  return group
end

--- Lets a deployment be over since long, and well.
---@param deployment fairlead.world.aws.CodeDeployment
---@param took number seconds
function M.settle_past(deployment, took)
  deployment.status = "Succeeded"
  deployment.started_at, deployment.completed_at = deployment.created_at + 2, deployment.created_at + took
  deployment.updated_at = deployment.completed_at
  for _, event in ipairs(deployment.events) do
    local acts = event.name == "Install" or event.name == "AllowTraffic"
    event.status = acts and "Succeeded" or "Skipped"
    event.started_at, event.ended_at = deployment.started_at, deployment.completed_at
  end
end

--- Lets a deployment that is over have failed, and another have rolled it back.
---@param deployment fairlead.world.aws.CodeDeployment
---@param rollback fairlead.world.aws.CodeDeployment
function M.fail_past(deployment, rollback)
  local message = "The deployment timed out while waiting for the replacement task set to become healthy."
  deployment.status, deployment.failure = "Failed", { code = "TIMEOUT", message = message }
  for _, event in ipairs(deployment.events) do
    if event.name == "Install" then
      event.status, event.problem = "Failed", { code = "UnknownError", message = message }
    else
      event.status = "Skipped"
    end
  end
  deployment.rollback_id = rollback.id
  deployment.rollback_message = ("Deployment %s is rolling back this deployment."):format(rollback.id)
end

---@param aws fairlead.world.AWS
---@return string
function M.uuid(aws)
  local d = aws.draws:text(32)
  return ("%s-%s-%s-%s-%s"):format(d:sub(1, 8), d:sub(9, 12), d:sub(13, 16), d:sub(17, 20), d:sub(21))
end

--- The task set that serves.
local function primary(service)
  for _, set in ipairs(service.task_sets) do
    if set.status == "PRIMARY" then
      return set
    end
  end
end

--- A deployment as data, Created, its group's active one.
---@param aws fairlead.world.AWS
---@param group table
---@param options {definition: table, creator: string, description: string?, created_at: number?, id: string?,
--- rollback_of: string?, message: string?}
---@return fairlead.world.aws.CodeDeployment
function M.record(aws, group, options)
  local deployment = {
    id = options.id or "d-" .. aws.draws:text(9, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
    group = group,
    status = "Created",
    creator = options.creator,
    description = options.description,
    definition = options.definition,
    previous = group.service.definition,
    created_at = options.created_at or aws.w.now,
    updated_at = options.created_at or aws.w.now,
    rollback_of = options.rollback_of,
    rollback_message = options.message,
    blue = primary(group.service),
    events = {},
  }
  for i, name in ipairs(LIFECYCLE) do
    deployment.events[i] = { name = name, status = "Pending" }
  end
  table.insert(group.deployments, 1, deployment)
  group.store.codedeploy.by_id[deployment.id] = deployment
  group.active = deployment
  return deployment
end

---@param deployment fairlead.world.aws.CodeDeployment
---@return boolean
function M.is_over(deployment)
  return deployment.status == "Succeeded" or deployment.status == "Failed" or deployment.status == "Stopped"
end

--- Tells the world, in the words of the messages that AWS's notifications carry to the teams.
local function tell(aws, deployment, event)
  local environment = deployment.group.environment
  deployment.updated_at = aws.w.now
  aws.w:deployment_event {
    id = deployment.id,
    application = deployment.group.application.name,
    group = deployment.group.name,
    environment = environment.name,
    region = environment.region,
    account = environment.account,
    event = event,
    at = aws.w.now,
    rollback_of = deployment.rollback_of,
  }
end

local function set_event(aws, deployment, name, status, problem)
  for _, event in ipairs(deployment.events) do
    if event.name == name then
      event.status, event.problem = status, problem
      event.started_at = event.started_at or aws.w.now
      event.ended_at = status ~= "InProgress" and aws.w.now or nil
    end
  end
  deployment.updated_at = aws.w.now
end

--- Goes on with a deployment after a while, unless it has ended meanwhile.
local function later(aws, deployment, seconds, fn)
  return aws.w:after(seconds, function()
    if not M.is_over(deployment) then
      fn()
    end
  end)
end

local function finish(aws, deployment, status, event)
  deployment.status = status
  deployment.completed_at = aws.w.now
  if deployment.group.active == deployment then
    deployment.group.active = nil
  end
  tell(aws, deployment, event)
end

local function announce_end(aws, deployment)
  aws.w:emit("deployment_finished", {
    id = deployment.id,
    environment = deployment.group.environment.name,
    status = deployment.status,
    rollback_of = deployment.rollback_of,
    at = aws.w.now,
  })
end

local function remove_task_set(service, set)
  for i, held in ipairs(service.task_sets) do
    if held == set then
      table.remove(service.task_sets, i)
    end
  end
end

--- Stops a task set's tasks; the set goes with the last of them, and then `fn` is called.
local function drain(aws, service, set, fn)
  set.status, set.scale, set.desired, set.weight = "DRAINING", 0, 0, 0
  set.updated_at = aws.w.now
  set.stopping = true
  local left = 0
  local function gone()
    left = left - 1
    if left == 0 then
      remove_task_set(service, set)
      fn()
    end
  end
  for _, task in ipairs(tasks.of(aws, service, set.id)) do
    if not task.stopped_at then
      left = left + 1
      task.on_stopped = gone
      tasks.stop(aws, task, {
        code = "ServiceSchedulerInitiated",
        reason = ("Scaling activity initiated by (deployment %s)"):format(set.id),
      })
    end
  end
  if left == 0 then
    left = 1
    aws.w:after(0, gone)
  end
end

--- Gives all of a service's traffic to one of its task sets.
local function give_traffic(aws, service, set)
  for _, other in ipairs(service.task_sets) do
    other.weight = other == set and 100 or 0
    if other.status ~= "DRAINING" then
      other.status = other == set and "PRIMARY" or "ACTIVE"
    end
    other.updated_at = aws.w.now
  end
  service.definition = set.definition
end

local function has(list, word)
  for _, held in ipairs(list) do
    if held == word then
      return true
    end
  end
  return false
end

--- The rollback: a new deployment that takes the traffic back to the task set that served before.
local function roll_back(aws, failed)
  local group, service = failed.group, failed.group.service
  local message = ("Deployment %s was rolled back automatically."):format(failed.id)
  local rollback = M.record(aws, group, {
    definition = failed.previous,
    creator = "codeDeployRollback",
    description = ("Automatic rollback of deployment %s"):format(failed.id),
    rollback_of = failed.id,
    message = message,
  })
  rollback.blue, rollback.green = failed.blue, failed.green
  failed.rollback_id = rollback.id
  failed.rollback_message = ("Deployment %s is rolling back this deployment."):format(rollback.id)
  later(aws, rollback, 2, function()
    rollback.status, rollback.started_at = "InProgress", aws.w.now
    tell(aws, rollback, "started")
    for _, name in ipairs { "BeforeInstall", "Install", "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic" } do
      set_event(aws, rollback, name, name == "Install" and "Succeeded" or "Skipped")
    end
    set_event(aws, rollback, "BeforeAllowTraffic", "Skipped")
    set_event(aws, rollback, "AllowTraffic", "InProgress")
    later(aws, rollback, aws.draws:between(3, 8), function()
      give_traffic(aws, service, failed.blue)
      set_event(aws, rollback, "AllowTraffic", "Succeeded")
      set_event(aws, rollback, "AfterAllowTraffic", "Skipped")
      local function done()
        finish(aws, rollback, "Succeeded", "completed")
        announce_end(aws, rollback)
      end
      if failed.green then
        drain(aws, service, failed.green, done)
      else
        done()
      end
    end)
  end)
end

--- Ends a deployment that did not come through; `trigger` is what the group's automatic rollback may listen to.
---@param aws fairlead.world.AWS
---@param deployment fairlead.world.aws.CodeDeployment
---@param options {status: "Failed"|"Stopped", code: string, message: string, trigger: string, rollback: boolean?}
function M.fail(aws, deployment, options)
  deployment.failure = { code = options.code, message = options.message }
  for _, event in ipairs(deployment.events) do
    if event.status == "InProgress" then
      set_event(aws, deployment, event.name, "Failed", { code = "UnknownError", message = options.message })
    elseif event.status == "Pending" then
      event.status = "Skipped"
    end
  end
  local wants = has(deployment.group.rolls_back_on, options.trigger)
  if options.rollback ~= nil then
    wants = options.rollback
  end
  finish(aws, deployment, options.status, "failed")
  -- Once the old tasks go there is nothing to go back to.
  if wants and not deployment.rollback_of and not deployment.terminating then
    -- The group stays taken until the rollback has begun: nothing else may start between the two.
    deployment.group.active = deployment
    aws.w:after(2, function()
      roll_back(aws, deployment)
    end)
  end
  announce_end(aws, deployment)
end

--- Stops a deployment at somebody's request.
---@param aws fairlead.world.AWS
---@param deployment fairlead.world.aws.CodeDeployment
---@param rollback boolean? nil: as its group says
function M.stop(aws, deployment, rollback)
  M.fail(aws, deployment, {
    status = "Stopped",
    code = "MANUAL_STOP",
    message = "The deployment was stopped by a user.",
    trigger = "DEPLOYMENT_STOP_ON_REQUEST",
    rollback = rollback,
  })
end

local function stop_old_tasks(aws, deployment)
  set_event(aws, deployment, "AfterAllowTraffic", "Skipped")
  deployment.terminating = true
  drain(aws, deployment.group.service, deployment.blue, function()
    if M.is_over(deployment) then
      return
    end
    finish(aws, deployment, "Succeeded", "completed")
    for _, task in ipairs(tasks.of(aws, deployment.group.service, deployment.green.id)) do
      deployment.group.environment.good[task.containers[1].digest or ""] = true
    end
    announce_end(aws, deployment)
  end)
end

--- All traffic goes to the new tasks; the old ones stay for a while, in case.
local function shift_all(aws, deployment)
  local environment = deployment.group.environment
  give_traffic(aws, deployment.group.service, deployment.green)
  set_event(aws, deployment, "AllowTraffic", "Succeeded")
  tell(aws, deployment, "replacement service accepting 100% traffic")
  local live = aws:live(environment.name)
  aws.w:emit("deployed", {
    environment = environment.name,
    sha = live.sha,
    short_sha = live.short_sha,
    deployment = deployment.id,
    at = aws.w.now,
  })
  -- "Baking" is in the service's list of statuses, without a word on when; the wait before the old tasks go is where a
  -- client that has never heard of it would notice.
  deployment.status = "Baking"
  deployment.baking_since = aws.w.now
  deployment.bake = later(aws, deployment, deployment.bake_seconds or environment.bake_seconds, function()
    stop_old_tasks(aws, deployment)
  end)
end

--- Ends a deployment for its group's alarms.
local function stop_on_alarm(aws, deployment)
  M.fail(aws, deployment, {
    status = "Stopped",
    code = "ALARM_ACTIVE",
    message = ("One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, "
      .. "and the affected deployments have been stopped. Activated alarms: <%s>"):format(
        deployment.group.environment.alarms[1]),
    trigger = "DEPLOYMENT_STOP_ON_ALARM",
  })
end

--- Alarms watch the new tasks once they have traffic: a version that fails only then is found out in a while.
local function watch_alarms(aws, deployment)
  local environment = deployment.group.environment
  later(aws, deployment, math.min((deployment.canary_seconds or environment.canary_seconds) * 0.6, 90), function()
    local failing = false
    for _, task in ipairs(tasks.of(aws, deployment.group.service, deployment.green.id)) do
      failing = tasks.fails_with_traffic(aws, task) or failing
    end
    if failing and environment.alarms and environment.alarms[1] then
      stop_on_alarm(aws, deployment)
    end
  end)
end

local function shift(aws, deployment)
  local environment = deployment.group.environment
  deployment.status = "InProgress"
  set_event(aws, deployment, "BeforeAllowTraffic", "Skipped")
  set_event(aws, deployment, "AllowTraffic", "InProgress")
  later(aws, deployment, aws.draws:between(3, 8), function()
    deployment.blue.weight, deployment.green.weight = 100 - environment.canary_weight, environment.canary_weight
    deployment.blue.updated_at, deployment.green.updated_at = aws.w.now, aws.w.now
    tell(aws, deployment, ("replacement service accepting %d%% traffic"):format(environment.canary_weight))
    watch_alarms(aws, deployment)
    later(aws, deployment, deployment.canary_seconds or environment.canary_seconds, function()
      shift_all(aws, deployment)
    end)
  end)
end

local function installed(aws, deployment)
  local environment = deployment.group.environment
  deployment.green.stability, deployment.green.stability_at = "STEADY_STATE", aws.w.now
  deployment.green.installed = true
  set_event(aws, deployment, "Install", "Succeeded")
  tell(aws, deployment, "replacement service running")
  for _, name in ipairs { "AfterInstall", "AllowTestTraffic", "AfterAllowTestTraffic" } do
    set_event(aws, deployment, name, "Skipped")
  end
  if not environment.ready_wait_seconds then
    return shift(aws, deployment)
  end
  deployment.status = "Ready"
  deployment.ready = later(aws, deployment, environment.ready_wait_seconds, function()
    M.fail(aws, deployment, {
      status = "Stopped",
      code = "TIMEOUT",
      message = "The deployment timed out while waiting for a request to reroute traffic.",
      trigger = "DEPLOYMENT_FAILURE",
    })
  end)
end

--- One task of the new set; another in its place when it stops before the set is complete.
local function start_task(aws, deployment)
  local group, set = deployment.group, deployment.green
  tasks.start(aws, group.service, {
    definition = deployment.definition,
    started_by = set.id,
    target_group = set.target_group,
    on_healthy = function()
      set.healthy = set.healthy + 1
      if set.healthy == set.desired and not set.installed and not M.is_over(deployment) then
        installed(aws, deployment)
      end
    end,
    on_stopped = function(task)
      if set.stopping or M.is_over(deployment) then
        return
      end
      set.healthy = set.healthy - (task.health == "HEALTHY" and 1 or 0)
      set.failures = set.failures + 1
      local alarms = group.environment.alarms
      if alarms and alarms[1] and set.failures >= set.desired then
        return stop_on_alarm(aws, deployment)
      end
      later(aws, deployment, 10, function()
        if not set.stopping then
          start_task(aws, deployment)
        end
      end)
    end,
  })
end

local function install(aws, deployment)
  local group = deployment.group
  local service, environment = group.service, group.environment
  deployment.status, deployment.started_at = "InProgress", aws.w.now
  tell(aws, deployment, "started")
  set_event(aws, deployment, "BeforeInstall", "Skipped")
  set_event(aws, deployment, "Install", "InProgress")
  for _, set in ipairs { table.unpack(service.task_sets) } do
    if set ~= deployment.blue and not set.stopping then -- left by a deployment that failed and was not rolled back
      deployment.blue.weight = deployment.blue.weight + set.weight
      drain(aws, service, set, function() end)
    end
  end
  local taken = deployment.blue.target_group == service.target_groups[1]
  deployment.green = ecs.create_task_set(aws, service, {
    definition = deployment.definition,
    external_id = deployment.id,
    status = "ACTIVE",
    weight = 0,
    target_group = service.target_groups[taken and 2 or 1],
    created_at = aws.w.now,
  })
  deployment.green.healthy, deployment.green.failures = 0, 0
  for _ = 1, deployment.green.desired do
    start_task(aws, deployment)
  end
  local text = "(task set %s) has started %d tasks."
  tasks.event(aws, service, text:format(deployment.green.id, deployment.green.desired))
  aws.w:after(environment.install_timeout, function()
    if not deployment.green.installed and not M.is_over(deployment) then
      M.fail(aws, deployment, {
        status = "Failed",
        code = "TIMEOUT",
        message = ("The deployment timed out while waiting for the replacement task set to become healthy. "
          .. "This time out period is %g minutes."):format(environment.install_timeout / 60),
        trigger = "DEPLOYMENT_FAILURE",
      })
    end
  end)
end

--- Starts a deployment of a task definition in a group that has none under way.
---@param aws fairlead.world.AWS
---@param group table
---@param options {definition: fairlead.world.aws.TaskDefinition, creator: string, description: string?}
---@return fairlead.world.aws.CodeDeployment
function M.start(aws, group, options)
  local deployment = M.record(aws, group, options)
  later(aws, deployment, aws.draws:between(1, 3), function()
    install(aws, deployment)
  end)
  return deployment
end

--- Ends a wait that a person may end: before the traffic shifts, or before the old tasks go.
---@param aws fairlead.world.AWS
---@param deployment fairlead.world.aws.CodeDeployment
---@param wait "READY_WAIT"|"TERMINATION_WAIT"
---@return boolean continued false: it does not wait there
function M.continue(aws, deployment, wait)
  if wait == "READY_WAIT" and deployment.status == "Ready" then
    deployment.ready.cancelled = true
    shift(aws, deployment)
    return true
  elseif wait == "TERMINATION_WAIT" and deployment.status == "Baking" and not deployment.terminating then
    deployment.bake.cancelled = true
    stop_old_tasks(aws, deployment)
    return true
  end
  return false
end

return M
