--- The rolling update of a service whose deployments ECS itself controls: new tasks beside the old, the old ones
--- stopped as the new ones are healthy, the circuit breaker, its rollback.
---
--- After a rollback the service looks as after a success: one deployment, all tasks running. Only the ids of its
--- deployments, and the service deployment's own status, tell.
---
--- Sources: botocore's model ecs/2014-11-13, Deployment and ServiceDeployment; Amazon ECS Developer Guide, "How the
--- Amazon ECS deployment circuit breaker detects failures", "Stopping Amazon ECS service deployments".
local records = require "fairlead.world.aws.service_deployments"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

local function is_at_work(deployment)
  return deployment.status == "PRIMARY" and deployment.rollout_state == "IN_PROGRESS" and not deployment.frozen
    and not deployment.record.shift
end

local roll_back

--- The alarms of a service watch its new tasks while these have all the traffic, and nothing else is left.
local function bake(aws, service, deployment, fn)
  local alarms = service.environment.alarms
  if not alarms or not alarms[1] then
    return fn()
  end
  aws.w:after(aws.draws:between(40, 80), function()
    local failing = false
    for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
      failing = tasks.fails_with_traffic(aws, task) or failing
    end
    if not is_at_work(deployment) then
      return
    elseif failing and deployment.record.source then
      deployment.rollout_state = "FAILED"
      deployment.rollout_reason = "ECS deployment failed: an alarm is active."
      deployment.record.triggered_alarms = { alarms[1] }
      return roll_back(aws, service, deployment, records.ROLLED_BACK_BY_ALARM)
    end
    fn()
  end)
end

--- Ends a deployment whose tasks are the only ones left. ECS looks again before it says so: for some seconds, or as
--- long as its alarms watch, there is one deployment, with all its tasks, that is still in progress.
local function end_deployment(aws, service, deployment)
  if deployment.ending then
    return
  end
  deployment.ending = true
  bake(aws, service, deployment, function()
    aws.w:after(aws.draws:between(5, 12), function()
      if is_at_work(deployment) then
        records.complete(aws, service, deployment)
        records.tell_deployed(aws, service, deployment)
        records.tell_finished(aws, deployment.record)
      end
    end)
  end)
end

--- Goes on when the tasks' states have changed: old tasks leave as new ones are healthy.
local function advance(aws, service, deployment)
  if not is_at_work(deployment) then
    return
  end
  local healthy = 0
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    if task.health == "HEALTHY" and task.desired_status == "RUNNING" then
      healthy = healthy + 1
    end
  end
  -- For each healthy new task one old task goes: the service never has fewer than it wants.
  local old_left, may_go = 0, healthy >= service.desired and math.maxinteger or healthy
  for _, older in ipairs(service.deployments) do
    for _, task in ipairs(older ~= deployment and tasks.of(aws, service, older.id) or {}) do
      old_left = old_left + (task.stopped_at and 0 or 1)
      if task.desired_status == "STOPPED" then
        may_go = may_go - (task.replaced_by == deployment and 1 or 0)
      elseif may_go > 0 then
        may_go = may_go - 1
        task.replaced_by = deployment
        task.on_stopped = function()
          advance(aws, service, deployment)
        end
        tasks.stop(aws, task, {
          code = "ServiceSchedulerInitiated",
          reason = ("Scaling activity initiated by (deployment %s)"):format(older.id),
        })
      end
    end
  end
  records.sweep(aws, service)
  if healthy >= service.desired and old_left == 0 then
    end_deployment(aws, service, deployment)
  end
end

local start_deployment

--- Takes a service back to what ran before. The images are those of then, whatever their tags have come to mean.
function roll_back(aws, service, deployment, reason)
  local record, back_to = deployment.record, service.last_completed
  records.begin_rollback(aws, record, reason)
  tasks.event(aws, service, ("rolling back to (deployment %s)."):format(back_to.id))
  start_deployment(aws, service, record, {
    id = aws.draws:text(19, "123456789"),
    revision = record.source,
    now = aws.w.now,
    reason = record.breaker and ("ECS deployment circuit breaker: rolling back to deploymentId %s."):format(back_to.id)
      or nil,
    is_rollback = true,
  })
end

--- The circuit breaker opens: the deployment has failed, and starts no more tasks.
local function trip(aws, service, deployment)
  local record = deployment.record
  deployment.rollout_state, deployment.updated_at = "FAILED", aws.w.now
  deployment.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
  record.breaker = "TRIGGERED"
  tasks.event(aws, service, ("(deployment %s) deployment failed: tasks failed to start."):format(deployment.id))
  if deployment.is_rollback then
    records.set_status(aws, record, "ROLLBACK_FAILED")
  elseif service.breaker.rollback and record.source then
    return roll_back(aws, service, deployment, records.ROLLED_BACK)
  else
    records.set_status(aws, record, "STOPPED", records.STOPPED_BY_BREAKER)
  end
  records.tell_finished(aws, record)
end

local start_task

local function task_failed(aws, service, deployment)
  deployment.failed_tasks = deployment.failed_tasks + 1
  deployment.updated_at = aws.w.now
  if service.breaker and service.breaker.enable and deployment.failed_tasks >= records.threshold(service) then
    return trip(aws, service, deployment)
  elseif deployment.failed_tasks == 5 then
    tasks.event(aws, service, "is unable to consistently start tasks successfully. For more information, see the "
      .. "Troubleshooting section of the Amazon ECS Developer Guide.")
  end
  aws.w:after(records.pause_after(deployment.failed_tasks), function()
    if is_at_work(deployment) then
      start_task(aws, service, deployment)
    end
  end)
end

function start_task(aws, service, deployment)
  return tasks.start(aws, service, {
    definition = deployment.definition,
    images = deployment.revision.images,
    started_by = deployment.id,
    target_group = deployment.target_group or service.target_groups[1],
    on_healthy = function()
      if not (service.breaker and service.breaker.resetOnHealthyTask == false) then
        deployment.failed_tasks = 0
      end
      advance(aws, service, deployment)
    end,
    on_stopped = function(task)
      if is_at_work(deployment) and not task.scaled_in then
        return task_failed(aws, service, deployment)
      end
      records.sweep(aws, service)
      if service.deployments[1] then
        advance(aws, service, service.deployments[1])
      end
    end,
  })
end

--- Stops what a deployment that did not come through has started, but not what already serves.
local function abandon(aws, service, deployment)
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    if task.health ~= "HEALTHY" then
      tasks.stop(aws, task, {
        code = "ServiceSchedulerInitiated",
        reason = ("Scaling activity initiated by (deployment %s)"):format(deployment.id),
      })
    end
  end
end

--- Starts the tasks of a deployment; what was PRIMARY is ACTIVE until its tasks are gone.
function start_deployment(aws, service, record, options)
  local deployment = records.add(service, record, options)
  for _, older in ipairs(service.deployments) do
    older.weight = nil -- a strategy that shifts traffic may have come before
    if older ~= deployment and older.rollout_state ~= "COMPLETED" then
      abandon(aws, service, older)
    end
  end
  local started = {}
  for i = 1, service.desired do
    started[i] = ("(task %s)"):format(start_task(aws, service, deployment).id)
  end
  tasks.event(aws, service, ("has started %d tasks: %s."):format(#started, table.concat(started, " ")))
  records.sweep(aws, service)
  advance(aws, service, deployment)
  return deployment
end

--- Starts a deployment of a task definition.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@return fairlead.world.aws.Deployment
function M.start(aws, service, definition)
  local now = aws.w.now
  records.supersede(aws, service)
  local revision = records.revise(aws, service, definition, now)
  local record = records.record(aws, service, revision, now)
  aws.w:after(aws.draws:between(1, 3), function()
    if record.status == "PENDING" then
      records.set_status(aws, record, "IN_PROGRESS")
    end
  end)
  return start_deployment(aws, service, record, { id = revision.id, revision = revision, now = now })
end

--- Stops the service deployment under way at somebody's request.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param how "ROLLBACK"|"ABORT" ABORT leaves everything as it is: no more tasks start, none is stopped
function M.stop(aws, record, how)
  local service = record.service
  local deployment = service.deployments[1]
  deployment.frozen = true
  records.set_status(aws, record, how == "ROLLBACK" and "ROLLBACK_REQUESTED" or "STOP_REQUESTED",
    records.STOPPED_BY_USER)
  aws.w:after(aws.draws:between(2, 5), function()
    if how == "ROLLBACK" and record.status == "ROLLBACK_REQUESTED" then
      roll_back(aws, service, deployment, records.ROLLED_BACK_BY_USER)
    elseif record.status == "STOP_REQUESTED" then
      records.set_status(aws, record, "STOPPED")
      records.tell_finished(aws, record)
    end
  end)
end

--- Starts or stops tasks until the PRIMARY deployment has as many as are wanted.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
function M.scale(aws, service)
  local deployment = service.deployments[1]
  local running, pending = tasks.count(aws, service, deployment.id)
  for _ = running + pending + 1, service.desired do
    start_task(aws, service, deployment)
  end
  records.stop_surplus(aws, service, deployment, running + pending - service.desired)
  advance(aws, service, deployment)
end

return M
