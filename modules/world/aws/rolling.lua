--- The rolling update of a service whose deployments ECS itself controls: new tasks beside the old, the old ones
--- stopped as the new ones are healthy, the circuit breaker, its rollback.
---
--- Sources: botocore's model ecs/2014-11-13, Deployment and ServiceDeployment; Amazon ECS Developer Guide, "How the
--- Amazon ECS deployment circuit breaker detects failures".
local tasks = require "fairlead.world.aws.tasks"

local M = {}

---@class fairlead.world.aws.Deployment
---@field id string "ecs-svc/<digits>"
---@field status "PRIMARY"|"ACTIVE"|"INACTIVE"
---@field definition fairlead.world.aws.TaskDefinition
---@field rollout_state "IN_PROGRESS"|"COMPLETED"|"FAILED"
---@field rollout_reason string
---@field failed_tasks integer failures in succession
---@field created_at number
---@field updated_at number
---@field state string as a ServiceDeployment: IN_PROGRESS, SUCCESSFUL, ROLLBACK_…, STOPPED
---@field rollback_of fairlead.world.aws.Deployment?

local function finished(deployment)
  return deployment.rollout_state ~= "IN_PROGRESS"
end

--- Consecutive failures at which the breaker opens: half the desired tasks, at least 3, at most 200.
local function threshold(service)
  return math.max(3, math.min(200, math.ceil(service.desired / 2)))
end

local function stop_all(aws, service, deployment, reason)
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    tasks.stop(aws, task, { code = "ServiceSchedulerInitiated", reason = reason })
  end
end

--- Removes older deployments once none of their tasks is left.
local function sweep(aws, service)
  for i = #service.deployments, 1, -1 do
    local deployment = service.deployments[i]
    local running, pending = tasks.count(aws, service, deployment.id)
    if deployment.status ~= "PRIMARY" and running + pending == 0 then
      deployment.status = "INACTIVE"
      table.remove(service.deployments, i)
    end
  end
end

local function complete(aws, service, deployment)
  deployment.rollout_state = "COMPLETED"
  deployment.rollout_reason = ("ECS deployment %s completed."):format(deployment.id)
  deployment.state = "SUCCESSFUL"
  deployment.finished_at, deployment.updated_at = aws.w.now, aws.w.now
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    service.environment.good[task.containers[1].digest or ""] = true
  end
  service.last_completed = deployment
  if deployment.rollback_of then
    deployment.rollback_of.state = "ROLLBACK_SUCCESSFUL"
    deployment.rollback_of.finished_at = aws.w.now
  end
  tasks.event(aws, service, ("(deployment %s) deployment completed."):format(deployment.id))
  tasks.event(aws, service, "has reached a steady state.")
  aws.w:emit("deployed", {
    environment = service.environment.name,
    deployment = deployment.id,
    service = service.name,
    at = aws.w.now,
  })
end

--- Goes on when the tasks' states have changed: old tasks leave as new ones are healthy.
local function advance(aws, service, deployment)
  if finished(deployment) or deployment.status ~= "PRIMARY" then
    return
  end
  local healthy = 0
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    if task.health == "HEALTHY" and task.desired_status == "RUNNING" then
      healthy = healthy + 1
    end
  end
  -- For each healthy new task one old task goes.
  local old_left, may_go = 0, healthy
  for _, older in ipairs(service.deployments) do
    for _, task in ipairs(older ~= deployment and tasks.of(aws, service, older.id) or {}) do
      old_left = old_left + (task.stopped_at and 0 or 1)
      if task.desired_status == "STOPPED" then
        may_go = may_go - (task.stopping_at >= deployment.created_at and 1 or 0)
      elseif may_go > 0 then
        may_go = may_go - 1
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
  sweep(aws, service)
  if healthy >= service.desired and old_left == 0 then
    complete(aws, service, deployment)
  end
end

local start_task

local function trip(aws, service, deployment)
  deployment.rollout_state = "FAILED"
  deployment.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
  deployment.updated_at = aws.w.now
  deployment.breaker = "TRIGGERED"
  deployment.state = "STOPPED"
  deployment.status_reason = "Service deployment stopped because the circuit breaker threshold was exceeded."
  tasks.event(aws, service, ("(deployment %s) deployment failed: tasks failed to start."):format(deployment.id))
  local back_to = service.last_completed
  if not (service.breaker.rollback and back_to) then
    return
  end
  deployment.state = "ROLLBACK_IN_PROGRESS"
  deployment.status_reason = "Service deployment rolled back because the circuit breaker threshold was exceeded."
  deployment.rollback_started_at = aws.w.now
  tasks.event(aws, service, ("rolling back to (deployment %s)."):format(back_to.id))
  local reason = ("ECS deployment circuit breaker: rolling back to deploymentId %s."):format(back_to.id)
  M.start(aws, service, back_to.definition, { reason = reason, rollback_of = deployment })
end

function start_task(aws, service, deployment)
  tasks.start(aws, service, {
    definition = deployment.definition,
    started_by = deployment.id,
    target_group = service.target_groups[1],
    on_healthy = function()
      deployment.failed_tasks = 0
      advance(aws, service, deployment)
    end,
    on_stopped = function()
      if deployment.status ~= "PRIMARY" or deployment.rollout_state == "FAILED" then
        sweep(aws, service)
        return service.deployments[1] and advance(aws, service, service.deployments[1])
      end
      deployment.failed_tasks = deployment.failed_tasks + 1
      if service.breaker and service.breaker.enable and deployment.failed_tasks >= threshold(service) then
        return trip(aws, service, deployment)
      end
      -- The scheduler starts another, slower with each failure (Developer Guide, "Service throttle logic").
      aws.w:after(math.min(300, 5 * 2 ^ deployment.failed_tasks), function()
        if deployment.status == "PRIMARY" and deployment.rollout_state ~= "FAILED" then
          start_task(aws, service, deployment)
        end
      end)
    end,
  })
end

--- Starts a deployment; what was PRIMARY is ACTIVE until its tasks are gone.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@param options {reason: string?, rollback_of: fairlead.world.aws.Deployment?}?
---@return fairlead.world.aws.Deployment
function M.start(aws, service, definition, options)
  options = options or {}
  for _, older in ipairs(service.deployments) do
    older.status = "ACTIVE"
    if older.rollout_state == "IN_PROGRESS" then
      older.state = "STOPPED"
      older.status_reason = "Service deployment stopped because a new deployment was started."
      stop_all(aws, service, older, ("Scaling activity initiated by (deployment %s)"):format(older.id))
    elseif older.rollout_state == "FAILED" then
      stop_all(aws, service, older, ("Scaling activity initiated by (deployment %s)"):format(older.id))
    end
  end
  local deployment = M.record(aws, service, definition, aws.w.now)
  if options.reason then
    deployment.rollout_reason = options.reason
  end
  deployment.rollback_of = options.rollback_of
  service.definition = definition
  for _ = 1, service.desired do
    start_task(aws, service, deployment)
  end
  tasks.event(aws, service, ("has started %d tasks."):format(service.desired))
  sweep(aws, service)
  return deployment
end

--- A deployment as data, PRIMARY and in progress, first in its service's lists.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@param now number
---@return fairlead.world.aws.Deployment
function M.record(aws, service, definition, now)
  local id = "ecs-svc/" .. aws.draws:text(19, "123456789")
  local revision = aws.draws:text(19, "123456789")
  local base = ("arn:aws:ecs:%s:%s:%%s/%s/%s/%%s"):format(
    service.store.region,
    service.store.account,
    service.cluster.name,
    service.name
  )
  local deployment = {
    id = id,
    arn = base:format("service-deployment", aws.draws:text(21, "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ_-")),
    revision_arn = base:format("service-revision", revision),
    status = "PRIMARY",
    definition = definition,
    rollout_state = "IN_PROGRESS",
    rollout_reason = ("ECS deployment %s in progress."):format(id),
    state = "IN_PROGRESS",
    failed_tasks = 0,
    created_at = now,
    updated_at = now,
  }
  table.insert(service.deployments, 1, deployment)
  table.insert(service.history, 1, deployment)
  return deployment
end

--- Whether another deployment may start: at most five are active (aws/containers-roadmap 2836).
---@param service fairlead.world.aws.Service
---@return boolean
function M.may_start(service)
  return #service.deployments < 5
end

return M
