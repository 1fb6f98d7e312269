--- What ECS remembers of the deployments that it controls itself: service revisions (what was to run, with the digests
--- that its tags stood for then), service deployments (how one of them came into service, or did not), and the older
--- `deployments` of a service. Rolling updates (rolling.lua) and blue-green ones (shifting.lua) share it.
---
--- Sources: Amazon ECS Developer Guide, "View service history using Amazon ECS service deployments", "Amazon ECS
--- service revisions" ("Amazon ECS doesn't create a new service revision for a rollback operation"), "Stopping Amazon
--- ECS service deployments"; API reference, ContainerImage (tags are resolved to digests once for each revision).
local ecr = require "fairlead.world.aws.ecr"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

--- What a service deployment says of itself when it did not come through.
M.ROLLED_BACK = "Service deployment rolled back because the circuit breaker threshold was exceeded."
M.ROLLED_BACK_BY_ALARM = "Service deployment rolled back because of one or more active alarms."
M.STOPPED_BY_BREAKER = "Service deployment stopped because the circuit breaker threshold was exceeded."
M.STOPPED_BY_USER = "Service deployment was stopped by a user."
M.ROLLED_BACK_BY_USER = "Service deployment rolled back because of a user's request."
M.SUPERSEDED = "Service deployment stopped because a new service deployment was started."

local ARN_LETTERS <const> = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ_-"

---@class fairlead.world.aws.Revision
---@field id string digits; also those of the deployment that brings it
---@field arn string
---@field definition fairlead.world.aws.TaskDefinition
---@field images {container: string, text: string, digest: string?}[]
---@field created_at number

---@class fairlead.world.aws.ServiceDeployment
---@field arn string
---@field service fairlead.world.aws.Service
---@field status string PENDING, IN_PROGRESS, SUCCESSFUL, STOP_REQUESTED, STOPPED, ROLLBACK_…
---@field reason string?
---@field target fairlead.world.aws.Revision
---@field source fairlead.world.aws.Revision? what ran before, and what a rollback goes back to
---@field rollback {reason: string, started_at: number, revision: fairlead.world.aws.Revision}?
---@field breaker string? TRIGGERED, once the circuit breaker has opened
---@field triggered_alarms string[]
---@field stage string? of a deployment that shifts traffic
---@field hooks table[] pause hooks that it has met
---@field shift fairlead.world.aws.Shift? of a deployment that shifts traffic
---@field created_at number
---@field started_at number?
---@field finished_at number?
---@field stopped_at number?
---@field updated_at number

---@class fairlead.world.aws.Deployment
---@field id string "ecs-svc/<digits>"
---@field status "PRIMARY"|"ACTIVE"|"INACTIVE"
---@field revision fairlead.world.aws.Revision
---@field definition fairlead.world.aws.TaskDefinition
---@field record fairlead.world.aws.ServiceDeployment
---@field is_rollback boolean? it takes the service back to what ran before
---@field rollout_state "IN_PROGRESS"|"COMPLETED"|"FAILED"
---@field rollout_reason string
---@field failed_tasks integer failures in succession
---@field weight number? percent of the traffic, where that is shifted
---@field test_weight number?
---@field target_group string?
---@field created_at number
---@field updated_at number

local function arn(service, kind, id)
  local store = service.store
  return ("arn:aws:ecs:%s:%s:%s/%s/%s/%s"):format(store.region, store.account, kind, service.cluster.name,
    service.name, id)
end

--- A revision of a task definition: what its tags stand for is settled here, for all its tasks.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@param now number
---@return fairlead.world.aws.Revision
function M.revise(aws, service, definition, now)
  local id, images = aws.draws:text(19, "123456789"), {}
  for i, container in ipairs(definition.containers) do
    local image = ecr.resolve(service.store, container.image)
    images[i] = { container = container.name, text = container.image, digest = image and image.digest }
  end
  local revision = {
    id = id,
    arn = arn(service, "service-revision", id),
    definition = definition,
    images = images,
    created_at = now,
  }
  table.insert(service.revisions, revision)
  return revision
end

--- Records that a revision is to come into service.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param revision fairlead.world.aws.Revision
---@param now number
---@return fairlead.world.aws.ServiceDeployment
function M.record(aws, service, revision, now)
  local record = {
    arn = arn(service, "service-deployment", aws.draws:text(21, ARN_LETTERS)),
    service = service,
    status = "PENDING",
    target = revision,
    source = service.last_completed and service.last_completed.revision,
    triggered_alarms = {},
    hooks = {},
    created_at = now,
    updated_at = now,
  }
  table.insert(service.history, 1, record)
  return record
end

--- One of a service's `deployments`, PRIMARY, first in the list.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param record fairlead.world.aws.ServiceDeployment
---@param options {id: string, revision: fairlead.world.aws.Revision, now: number, reason: string?,
--- is_rollback: boolean?}
---@return fairlead.world.aws.Deployment
function M.add(service, record, options)
  local id = "ecs-svc/" .. options.id
  local deployment = {
    id = id,
    status = "PRIMARY",
    record = record,
    revision = options.revision,
    definition = options.revision.definition,
    is_rollback = options.is_rollback,
    rollout_state = "IN_PROGRESS",
    rollout_reason = options.reason or ("ECS deployment %s in progress."):format(id),
    failed_tasks = 0,
    created_at = options.now,
    updated_at = options.now,
  }
  for _, older in ipairs(service.deployments) do
    older.status = "ACTIVE"
  end
  table.insert(service.deployments, 1, deployment)
  service.definition = deployment.definition
  return deployment
end

local ONGOING <const> = {
  PENDING = true,
  IN_PROGRESS = true,
  STOP_REQUESTED = true,
  ROLLBACK_REQUESTED = true,
  ROLLBACK_IN_PROGRESS = true,
}

---@param record fairlead.world.aws.ServiceDeployment
---@return boolean
function M.is_ongoing(record)
  return ONGOING[record.status] == true
end

--- The service deployment under way, if there is one.
---@param service fairlead.world.aws.Service
---@return fairlead.world.aws.ServiceDeployment?
function M.ongoing(service)
  local newest = service.history[1]
  return newest and M.is_ongoing(newest) and newest or nil
end

local ENDS <const> = { SUCCESSFUL = true, STOPPED = true, ROLLBACK_SUCCESSFUL = true, ROLLBACK_FAILED = true }

--- Gives a service deployment another status.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param status string
---@param reason string?
function M.set_status(aws, record, status, reason)
  record.status, record.updated_at = status, aws.w.now
  record.reason = reason or record.reason
  if status == "STOPPED" then
    record.stopped_at = aws.w.now
  end
  if status == "IN_PROGRESS" then
    record.started_at = record.started_at or aws.w.now
  elseif ENDS[status] then
    record.finished_at = aws.w.now
  end
end

--- Ends the service deployment under way for the sake of a new one.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@return boolean there_was one
function M.supersede(aws, service)
  local before = M.ongoing(service)
  if before and before.status == "IN_PROGRESS" and before.stage == "CLEAN_UP" then
    M.complete(aws, service, before.shift.green) -- it has all the traffic, and there is no way back
    M.tell_finished(aws, before)
    return true
  elseif before then
    M.set_status(aws, before, "STOPPED", M.SUPERSEDED)
    M.tell_finished(aws, before)
  end
  return before ~= nil
end

--- A service deployment turns round: it goes back to what ran before.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param reason string
function M.begin_rollback(aws, record, reason)
  M.set_status(aws, record, "ROLLBACK_IN_PROGRESS", reason)
  record.rollback = { reason = reason, started_at = aws.w.now, revision = record.source }
end

--- A deployment has all its tasks and all the traffic.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param deployment fairlead.world.aws.Deployment
function M.complete(aws, service, deployment)
  deployment.rollout_state, deployment.updated_at = "COMPLETED", aws.w.now
  deployment.rollout_reason = ("ECS deployment %s completed."):format(deployment.id)
  M.set_status(aws, deployment.record, deployment.is_rollback and "ROLLBACK_SUCCESSFUL" or "SUCCESSFUL")
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    for _, container in ipairs(task.containers) do
      service.environment.good[container.digest or ""] = true
    end
  end
  service.last_completed = deployment
  M.sweep(aws, service)
  tasks.event(aws, service, ("(deployment %s) deployment completed."):format(deployment.id))
  tasks.event(aws, service, "has reached a steady state.")
end

--- Tells the world that a service's traffic goes to another version, or back to the one before.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param deployment fairlead.world.aws.Deployment
function M.tell_deployed(aws, service, deployment)
  local live = aws:live(service.environment.name).services[service.name]
  aws.w:emit("deployed", {
    environment = service.environment.name,
    service = service.name,
    sha = live.sha,
    short_sha = live.short_sha,
    deployment = deployment.id,
    at = aws.w.now,
  })
end

--- Tells the world that a service deployment is over.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
function M.tell_finished(aws, record)
  aws.w:emit("service_deployment_finished", {
    arn = record.arn,
    environment = record.service.environment.name,
    service = record.service.name,
    status = record.status,
    at = aws.w.now,
  })
end

--- How many failures open a service's circuit breaker: half the desired tasks, at least 3, at most 200, unless its
--- configuration says otherwise (Developer Guide, "How the Amazon ECS deployment circuit breaker detects failures").
---@param service fairlead.world.aws.Service
---@return integer
function M.threshold(service)
  local own = service.breaker and service.breaker.thresholdConfiguration
  if own and own.type == "COUNT" then
    return math.max(1, own.value)
  end
  local share = math.ceil(service.desired * (own and own.value or 50) / 100)
  if own and own.type == "UNBOUNDED_PERCENT" then
    return math.max(1, share)
  end
  return math.max(3, math.min(200, share))
end

local function has_tasks(aws, service, deployment)
  for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
    if not task.stopped_at then
      return true
    end
  end
  return false
end

--- Seconds until the scheduler starts another task after so many failures (Developer Guide, "Amazon ECS service
--- throttle logic").
---@param failures integer
---@return number
function M.pause_after(failures)
  return math.min(300, 5 * 2 ^ math.min(failures, 8))
end

--- Removes older deployments once the last of their tasks has stopped; not the one to which there is a way back.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
function M.sweep(aws, service)
  local ongoing = M.ongoing(service)
  local kept = ongoing and ongoing.shift and ongoing.shift.blue
  for i = #service.deployments, 1, -1 do
    local deployment = service.deployments[i]
    if deployment.status ~= "PRIMARY" and deployment ~= kept and not has_tasks(aws, service, deployment) then
      deployment.status = "INACTIVE"
      table.remove(service.deployments, i)
    end
  end
end

--- Stops so many of a deployment's tasks, those first that do not serve.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param deployment fairlead.world.aws.Deployment
---@param surplus number
function M.stop_surplus(aws, service, deployment, surplus)
  local list = tasks.of(aws, service, deployment.id)
  for _, serving in ipairs { false, true } do
    for _, task in ipairs(list) do
      if surplus > 0 and task.desired_status == "RUNNING" and (task.health == "HEALTHY") == serving then
        surplus = surplus - 1
        task.scaled_in = true
        tasks.stop(aws, task, {
          code = "ServiceSchedulerInitiated",
          reason = ("Scaling activity initiated by (deployment %s)"):format(deployment.id),
        })
      end
    end
  end
end

--- Stops all tasks of a deployment.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param deployment fairlead.world.aws.Deployment
function M.stop_tasks(aws, service, deployment)
  M.stop_surplus(aws, service, deployment, math.huge)
end

return M
