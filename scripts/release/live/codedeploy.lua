--- Blue-green by CodeDeploy: each deployment has an id of its own, and so has the rollback of one.
---
--- Sources: the API models of CodeDeploy and ECS; CodeDeploy user guide, "Redeploy and roll back a deployment" (a
--- rollback is a deployment of its own, so "the last one succeeded" may mean that it was rolled back), "AppSpec file
--- structure"; CodeDeploy quotas (one deployment at a time in a group; the refusal's message names it); ECS API
--- reference, TaskSet (externalId is the CodeDeploy deployment's id).
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local images = require "release.live.image"
local json = require "fairlead.json"
local service_of = require("release.live.context").describe
local surely = require "release.live.surely"

---@class live.CodeDeploy: live.Strategy
local M = {}

local CLOCK_SKEW <const> = 60 -- seconds by which AWS's clocks may differ from one another
local UNDER_WAY <const> = { "Created", "Queued", "InProgress", "Baking", "Ready" }

local function primary(service)
  for _, set in ipairs(service.taskSets or {}) do
    if set.status == "PRIMARY" then return set end
  end
end

---@async
---@param context live.Context
---@return live.State
function M.state(context)
  local service <const> = service_of(context)
  local set <const> = primary(service) or {}
  return {
    deployment = set.externalId, definition = set.taskDefinition, started_by = set.id, desired = service.desiredCount,
  }
end

local function get(context, id)
  return context.codedeploy:GetDeployment { deploymentId = id }.deploymentInfo
end

--- The task definition that a deployment brings: as its AppSpec says, in JSON or YAML; where that lies in S3, as its
--- task set says, once there is one.
local function definition_of(context, deployment)
  local revision <const> = deployment.revision or {}
  local text <const> = (revision.appSpecContent or revision.string or {}).content or ""
  local named <const> = text:match "arn:aws[%w-]*:ecs:[%w-]+:%d+:task%-definition/[%w_-]+:%d+"
  if named then return named end
  for _, set in ipairs(service_of(context).taskSets or {}) do
    if set.externalId == deployment.deploymentId then return set.taskDefinition end
  end
end

local function list(context, filter)
  filter.applicationName, filter.deploymentGroupName = context.service.application, context.service.group
  return context.codedeploy:paginate("ListDeployments", filter, "deployments")
end

-- A tag that moves ("latest") proves nothing either way; the running tasks will tell.
local function is_ours(context, info, image)
  if info.creator == "codeDeployRollback" then return false end
  local definition <const> = definition_of(context, info)
  if not definition then return nil end
  return images.is_in(context, definition, image) ~= false
end

---@async
---@param context live.Context
---@param image live.Image
---@param since number unix seconds
---@return string? id
---@return string? note
function M.find(context, image, since)
  context.passed_over = context.passed_over or {} -- ids that are known to bring something else
  for id in list(context, { createTimeRange = { start = since - CLOCK_SKEW } }) do
    if not context.passed_over[id] then
      local ours <const> = is_ours(context, get(context, id), image)
      if ours then return id end
      context.passed_over[id] = ours == false
    end
  end
  return nil, ("no deployment of %s in %s"):format(image.tag, context.service.group)
end

---@async
---@param context live.Context
---@return string? id
function M.under_way(context)
  return list(context, { includeOnlyStatuses = UNDER_WAY })() -- a group has one at most
end

-- ---- to its end ----

local function console(context, id)
  return ("https://%s.console.aws.amazon.com/codesuite/codedeploy/deployments/%s"):format(
    context.environment.region, id)
end

--- How far a deployment is: the lifecycle event under way, and the share of the traffic that the new tasks take. For
--- people only: a deployment has no targets before it starts (DeploymentNotStartedException), and does not fail for it.
local function progress(context, id, status)
  if status == "Ready" then
    return { text = id .. ": the new tasks run, and somebody has to say that the traffic may go to them: "
      .. console(context, id) }
  end
  local told <const>, err <const> = try(context.codedeploy.BatchGetDeploymentTargets, context.codedeploy, {
    deploymentId = id, targetIds = { context.service.cluster .. ":" .. context.service.service },
  })
  if err and err.code ~= "DeploymentNotStartedException" then return { text = ("%s (%s)"):format(id, err) } end
  local targets <const> = told and told.deploymentTargets or {}
  local target <const> = targets[1] and targets[1].ecsTarget
  if not target then return { text = id .. " is being prepared" } end
  local note = { text = id }
  for _, event in ipairs(target.lifecycleEvents or {}) do
    if event.status == "InProgress" then note.text = ("%s: %s"):format(id, event.lifecycleEventName) end
  end
  for _, set in ipairs(target.taskSetsInfo or {}) do
    if set.taskSetLabel == "Green" then note.traffic = set.trafficWeight end
  end
  if note.text == id and note.traffic == 100 then note.text = id .. ": the old tasks are kept for a while" end
  return note
end

local function rollback_of(info)
  return info.rollbackInfo and info.rollbackInfo.rollbackDeploymentId
end

local function because_of(info)
  local why <const> = info.errorInformation or {}
  return ("%s: %s"):format(why.code or info.status, why.message or "CodeDeploy gives no reason")
end

-- CodeDeploy first says that a deployment failed, and seconds later which one rolls it back.
local ROLLBACK_SEEN <const> = 20 -- seconds

local function raise_failed(context, id, info)
  local rollback <const> = rollback_of(info)
  local because <const> = because_of(info)
  errors.raise {
    kind = rollback and "deployment.rolled_back" or "deployment." .. info.status:lower(),
    op = "deployment", target = ("%s of %s"):format(id, context.service.application),
    code = (info.errorInformation or {}).code,
    message = rollback and ("it was rolled back by deployment %s (%s)"):format(rollback, because) or because,
    hint = "see " .. console(context, id),
  }
end

---@async
---@param context live.Context
---@param id string
function M.follow(context, id)
  context.run:fact(("deployment %s to %s: %s"):format(id, context.environment.name, console(context, id)))
  local failed_since
  context.run:wait {
    name = "Deployment",
    timeout = context.timeouts.deployment,
    every = 10,
    pretend = { id = id },
    check = function()
      local info <const> = get(context, id)
      if info.status == "Succeeded" then return { id = id } end
      if info.status == "Failed" or info.status == "Stopped" then
        failed_since = failed_since or clock.now()
        local settled <const> = rollback_of(info) or clock.now() - failed_since >= ROLLBACK_SEEN
        if settled then raise_failed(context, id, info) end
        return nil, ("%s: %s; is it rolled back?"):format(id, because_of(info))
      end
      return nil, progress(context, id, info.status)
    end,
  }
end

---@async
---@param context live.Context
---@param id string
function M.verdict(context, id)
  local deadline <const> = clock.now() + ROLLBACK_SEEN
  while true do
    local info <const> = get(context, id)
    if info.status ~= "Failed" and info.status ~= "Stopped" then return end
    if rollback_of(info) or clock.now() >= deadline then raise_failed(context, id, info) end
    clock.sleep(5)
  end
end

---@async
---@param context live.Context
---@param id string
---@return number? at
function M.failed_at(context, id)
  local info <const> = get(context, id)
  return (info.status == "Failed" or info.status == "Stopped") and info.completeTime or nil
end

---@async
---@param context live.Context
---@param id string
---@return boolean? came_through
---@return string text
function M.ended(context, id)
  local info <const>, err <const> = try(get, context, id)
  if err and err.code == "DeploymentDoesNotExistException" then return nil, id .. " is not remembered by CodeDeploy" end
  if err then error(err, 0) end
  if info.status == "Succeeded" then return true, id .. " succeeded" end
  if info.status == "Failed" or info.status == "Stopped" then
    local rollback <const> = rollback_of(info)
    return false, ("%s %s%s"):format(id, rollback and "was rolled back by " .. rollback .. ": " or "", because_of(info))
  end
  return nil, ("%s is under way (%s)"):format(id, info.status)
end

-- ---- stop, and go back ----

---@async
---@param context live.Context
---@param id string
---@param options {rollback: boolean?}
---@return string
function M.stop(context, id, options)
  local _, err <const> = try(context.codedeploy.StopDeployment, context.codedeploy,
    { deploymentId = id, autoRollbackEnabled = options.rollback == true })
  if not err then return "stopped" end
  if err.code == "DeploymentAlreadyCompletedException" then return "over" end
  error(err, 0)
end

local function app_spec(context, target)
  local set <const> = primary(service_of(context))
  local balancer <const> = set and set.loadBalancers and set.loadBalancers[1]
  return json.encode({
    version = 0.0,
    Resources = { {
      TargetService = {
        Type = "AWS::ECS::Service",
        Properties = {
          TaskDefinition = target.definition,
          LoadBalancerInfo = balancer
            and { ContainerName = balancer.containerName, ContainerPort = balancer.containerPort } or nil,
        },
      },
    } },
  }, { sort_keys = true })
end

-- What this run's deployments back are known by, whatever else is deployed meanwhile.
local function marker(context) return "fairlead " .. context.run:step_id() end

local function create(context, target)
  return context.codedeploy:CreateDeployment {
    applicationName = context.service.application, deploymentGroupName = context.service.group,
    description = ("Back to %s (%s)"):format(target.digest:sub(1, 19), marker(context)),
    revision = { revisionType = "AppSpecContent", appSpecContent = { content = app_spec(context, target) } },
  }.deploymentId
end

--- Waits until the deployment that a group is busy with has ended. Whatever became of it is not ours.
local function wait_for(context, id)
  context.run:wait {
    name = "Group free",
    timeout = context.timeouts.deployment,
    every = 10,
    check = function()
      local done <const>, text <const> = M.ended(context, id)
      return done ~= nil and { id = id }, ("%s is busy: %s"):format(context.service.group, text)
    end,
  }
end

---@async
---@param context live.Context
---@param target live.Target
---@return string id
function M.back(context, target)
  local began <const> = clock.now()
  local tag <const> = images.moving_tag(context, target.definition)
  if tag then images.retag(context, target.digest, tag) end
  while true do
    local id <const>, err <const> = try(surely, function() return create(context, target) end,
      function() return M.found(context, target, began) end)
    if id then return id end
    local busy <const> = err.code == "DeploymentLimitExceededException" and err.message:match "%f[%w]d%-%w+"
    if not busy then error(err, 0) end
    -- The tag that was put back has perhaps set going what was to be begun here.
    if tag and definition_of(context, get(context, busy)) == target.definition then return busy end
    wait_for(context, busy)
  end
end

---@async
---@param context live.Context
---@return fun(): live.Target?
function M.past(context)
  local ids <const> = list(context, { includeOnlyStatuses = { "Succeeded" } })
  return function()
    for id in ids do
      local definition <const> = definition_of(context, get(context, id))
      local digest <const> = definition and images.digest_in(context, definition)
      if digest then return { definition = definition, digest = digest } end
    end
  end
end

---@async
---@param context live.Context
---@param target live.Target
---@param since number unix seconds
---@return string? id
function M.found(context, target, since)
  local mark <const> = marker(context)
  for id in list(context, { createTimeRange = { start = since - CLOCK_SKEW } }) do
    local info <const> = get(context, id)
    if (info.description or ""):find(mark, 1, true) and definition_of(context, info) == target.definition then
      return id
    end
  end
end

return M
