--- What rolling and ECS's own blue-green deployments have in common: both are service deployments, which ECS makes for
--- each UpdateService, and each of which has an ARN to follow.
---
--- Sources: Amazon ECS API reference, ServiceDeployment, UpdateService, StopServiceDeployment; Amazon ECS Developer
--- Guide, "Stopping Amazon ECS service deployments".
local clock = require "fairlead.clock"
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local history = require "release.live.history"
local images = require "release.live.image"
local surely = require "release.live.surely"
local tasks = require "release.live.tasks"

---@class live.ServiceDeployments: live.Strategy
local M = {}

local SHOWS_UP <const> = 120 -- seconds until what UpdateService has begun must be listed, with its images settled
local PAUSE <const> = 5 -- seconds between looks for it

M.find = history.find
M.under_way = history.under_way

--- Of a service's `deployments`, the one that serves: PRIMARY, or while a new one is on its way the one before it.
local function serving_of(service, under_way)
  local primary, before
  for _, deployment in ipairs(service.deployments or {}) do
    if deployment.status == "PRIMARY" then primary = deployment end
    if deployment.status == "ACTIVE" and deployment.rolloutState == "COMPLETED" then before = before or deployment end
  end
  return under_way and before or primary
end

---@async
---@param context live.Context
---@return live.State
function M.state(context)
  local service <const> = contexts.describe(context)
  local serving <const> = serving_of(service, history.under_way(context)) or {}
  local brief <const> = history.serving(context)
  return {
    deployment = brief and brief.serviceDeploymentArn or serving.id, definition = serving.taskDefinition,
    started_by = serving.id, desired = service.desiredCount,
  }
end

-- ---- how it ended ----

local function console(context, arn)
  local service <const> = context.service
  return ("https://%s.console.aws.amazon.com/ecs/v2/clusters/%s/services/%s/deployments/%s"):format(
    context.environment.region, service.cluster, service.service, contexts.short_id(arn))
end

local function alarms_of(deployment)
  local names <const> = deployment.alarms and deployment.alarms.triggeredAlarmNames or {}
  return #names > 0 and (" (alarms: %s)"):format(table.concat(names, ", ")) or ""
end

local function because_of(deployment)
  local rollback <const> = deployment.rollback or {}
  local reason <const> = rollback.reason or deployment.statusReason or "ECS gives no reason"
  return reason .. alarms_of(deployment)
end

local function raise(context, deployment, kind, message)
  errors.raise {
    kind = "deployment." .. kind, op = "deployment", code = deployment.status,
    target = ("%s of %s"):format(contexts.short_id(deployment.serviceDeploymentArn), context.service.service),
    message = message, hint = "see " .. console(context, deployment.serviceDeploymentArn),
  }
end
M.raise = raise

local function raise_superseded(context, deployment, successor)
  local revision <const> = history.revision(context, successor.targetServiceRevisionArn)
  local digest <const> = revision and history.digest(context, revision)
  local commit <const> = digest and images.commit_of_tags(context, images.tags(context, digest))
  local _, err <const> = try(raise, context, deployment, "superseded",
    ("deployment %s, which brings %s, took its place"):format(contexts.short_id(successor.serviceDeploymentArn),
      images.describe(context, digest)))
  err.by = commit and commit.sha -- who asks may find that it is newer, and all is well
  error(err, 0)
end

-- Returns the one that took its place, where that brings the same image: our version comes by it instead.
local function stopped(context, deployment, image)
  local breaker <const> = deployment.deploymentCircuitBreaker or {}
  if breaker.status == "TRIGGERED" then
    raise(context, deployment, "failed", because_of(deployment) .. "; nothing was rolled back")
  end
  local successor <const> = history.successor(context, deployment)
  if successor and history.brings(context, successor.targetServiceRevisionArn, image) then
    return successor.serviceDeploymentArn
  elseif successor then
    raise_superseded(context, deployment, successor)
  end
  raise(context, deployment, "stopped", because_of(deployment))
end

---Raises what a service deployment's status says, unless it is under way or came through.
---@async
---@param context live.Context
---@param arn string
---@param deployment table? as history.get gives it
---@param image live.Image
---@return string? successor ARN of the deployment that took its place and brings the same image
function M.check(context, arn, deployment, image)
  if not deployment then
    raise(context, { serviceDeploymentArn = arn, status = "MISSING" }, "superseded", "ECS does not know it any more")
  end
  local status <const> = deployment.status
  if status == "ROLLBACK_FAILED" then
    raise(context, deployment, "failed", because_of(deployment) .. "; and its rollback failed too")
  elseif status:find "^ROLLBACK_" then
    local so_far <const> = status == "ROLLBACK_SUCCESSFUL" and "it was rolled back" or "it is being rolled back"
    raise(context, deployment, "rolled_back", ("%s (%s)"):format(so_far, because_of(deployment)))
  elseif status == "STOPPED" then
    return stopped(context, deployment, image)
  end
end

---@async
---@param context live.Context
---@param arn string
---@param image live.Image
function M.verdict(context, arn, image) M.check(context, arn, history.get(context, arn), image) end

---@async
---@param context live.Context
---@param arn string
---@return number? at
function M.failed_at(context, arn)
  local deployment <const> = history.get(context, arn)
  if not deployment then return nil end
  if deployment.rollback then return deployment.rollback.startedAt end
  if deployment.status ~= "STOPPED" then return nil end
  return deployment.stoppedAt or deployment.finishedAt or deployment.updatedAt
end

---@async
---@param context live.Context
---@param arn string
---@return boolean? came_through
---@return string text
function M.ended(context, arn)
  local deployment <const> = history.get(context, arn)
  local name <const> = contexts.short_id(arn)
  if not deployment then return nil, name .. " is not remembered by ECS" end
  local status <const> = deployment.status
  if status == "SUCCESSFUL" then return true, name .. " succeeded" end
  if status:find "^ROLLBACK_" then return false, ("%s was rolled back: %s"):format(name, because_of(deployment)) end
  if status == "STOPPED" then return false, ("%s was stopped: %s"):format(name, because_of(deployment)) end
  return nil, ("%s is under way (%s)"):format(name, deployment.lifecycleStage or status)
end

---The older `deployments` entry of a service deployment under way: it alone counts tasks that failed.
---@param service table as ECS describes it
---@param deployment table ServiceDeployment
---@return table?
function M.entry(service, deployment)
  if service.currentServiceDeployment ~= deployment.serviceDeploymentArn then return nil end
  for _, entry in ipairs(service.deployments or {}) do
    if entry.status == "PRIMARY" then return entry end
  end
end

-- Failures in succession after which it is hopeless: as many as would open a circuit breaker, were there one.
local function hopeless(desired) return math.max(3, math.min(200, math.ceil(desired / 2))) end

---Raises when new tasks fail one after another and there is no circuit breaker to end it: ECS would go on for ever.
---@async
---@param context live.Context
---@param deployment table ServiceDeployment, under way
---@param service table as ECS describes it
function M.check_tasks(context, deployment, service)
  local configuration <const> = service.deploymentConfiguration or {}
  local breaker <const> = configuration.deploymentCircuitBreaker
  if breaker and breaker.enable then return end
  local entry <const> = M.entry(service, deployment)
  if not entry or (entry.failedTasks or 0) < hopeless(service.desiredCount) then return end
  raise(context, deployment, "failed", ("%d new tasks failed one after another (%s); without a circuit breaker ECS "
    .. "goes on trying, and the old tasks serve"):format(entry.failedTasks,
    tasks.last_words(context, entry.id) or "ECS gives no reason"))
end

---States a deployment and where to look at it.
---@param context live.Context
---@param arn string
function M.tell(context, arn)
  context.run:fact(("deployment %s of %s in %s: %s"):format(contexts.short_id(arn), context.service.service,
    context.environment.name, console(context, arn)))
end

-- ---- stop, and go back ----

---@async
---@param context live.Context
---@param arn string
---@param options {rollback: boolean?}
---@return string
function M.stop(context, arn, options)
  local _, err <const> = try(context.ecs.StopServiceDeployment, context.ecs,
    { serviceDeploymentArn = arn, stopType = options.rollback and "ROLLBACK" or "ABORT" })
  if not err then return "stopped" end
  -- There is no error of its own for one that has ended, or that somebody is stopping: its status says so.
  local now <const> = history.get(context, arn)
  if not now or now.status ~= "PENDING" and now.status ~= "IN_PROGRESS" then return "over" end
  error(err, 0)
end

---@async
---@param context live.Context
---@return fun(): live.Target?
function M.past(context)
  local briefs <const>, i = history.list(context), 0
  return function()
    while i < #briefs do
      i = i + 1
      local revision <const> = briefs[i].status == "SUCCESSFUL"
        and history.revision(context, briefs[i].targetServiceRevisionArn)
      local digest <const> = revision and history.digest(context, revision)
      if digest then return { definition = revision.taskDefinition, digest = digest } end
    end
  end
end

---@async
---@param context live.Context
---@param target live.Target
---@param since number unix seconds
---@return string? arn
function M.found(context, target, since)
  for _, brief in ipairs(history.list(context, { after = since })) do
    local revision <const> = history.revision(context, brief.targetServiceRevisionArn)
    if revision and revision.taskDefinition == target.definition
      and history.digest(context, revision) == target.digest then
      return brief.serviceDeploymentArn
    end
  end
end

---@async
---@param context live.Context
---@param target live.Target
---@return string arn
function M.back(context, target)
  local began <const> = clock.now()
  local tag <const> = images.moving_tag(context, target.definition)
  if tag then images.retag(context, target.digest, tag) end
  local function found() return M.found(context, target, began) end
  surely(function()
    return context.ecs:UpdateService {
      cluster = context.service.cluster, service = context.service.service, taskDefinition = target.definition,
      -- Where the definition is the same and only what its tag stands for is another, nothing else would begin.
      forceNewDeployment = true,
    }
  end, found)
  while true do
    local arn <const> = found()
    if arn then return arn end
    if clock.now() > began + SHOWS_UP then
      errors.raise {
        kind = "deployment.failed", op = "deployment", target = context.service.service,
        message = "it was begun, and ECS lists none that brings " .. target.digest:sub(1, 19),
        hint = "look at the service's deployments before it is begun again",
      }
    end
    clock.sleep(PAUSE)
  end
end

return M
