--- AWS CodeDeploy: the operations. What a deployment does is in bluegreen.lua.
---
--- Source of shapes, codes and messages: botocore's model codedeploy/2014-10-06.
local bluegreen = require "fairlead.world.aws.bluegreen"
local digest = require "fairlead.digest"
local ecs = require "fairlead.world.aws.ecs"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local view = require "fairlead.world.aws.codedeploy_view"

local M = {
  signing_name = "codedeploy",
  target = "CodeDeploy_20141006",
  json = "1.1",
  operations = {},
}

local STATUSES <const> = {
  Created = true, Queued = true, InProgress = true, Baking = true, Succeeded = true, Failed = true, Stopped = true,
  Ready = true,
}

function M.store()
  return { applications = {}, by_id = {} }
end

--- This service has an error of its own for each member that is not there.
local MISSING <const> = {
  deploymentId = { "DeploymentIdRequiredException", "The deployment ID was not specified." },
  deploymentIds = { "DeploymentIdRequiredException", "At least one deployment ID must be specified." },
  applicationName = { "ApplicationNameRequiredException", "The application name was not specified." },
  deploymentGroupName = { "DeploymentGroupNameRequiredException", "The deployment group name was not specified." },
  revision = { "RevisionRequiredException", "The revision was not specified." },
  targetId = { "DeploymentTargetIdRequiredException", "A deployment target ID was not provided." },
  targetIds = { "DeploymentTargetIdRequiredException", "At least one deployment target ID must be provided." },
}

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local known = MISSING[member] or { "ValidationException", ("Value null at '%s'"):format(member) }
  call:fail(known[1], known[2])
end

local function find_deployment(call, id)
  if not id:find "^d%-%w+$" then
    call:fail("InvalidDeploymentIdException", ("Deployment ID %s is invalid"):format(id))
  end
  for _, store in ipairs(call:stores()) do
    if store.codedeploy.by_id[id] then
      return store.codedeploy.by_id[id]
    end
  end
  call:fail("DeploymentDoesNotExistException", ("Deployment with ID %s does not exist"):format(id))
end

local function find_application(call, name)
  for _, store in ipairs(call:stores()) do
    if store.codedeploy.applications[name] then
      return store.codedeploy.applications[name]
    end
  end
  call:fail("ApplicationDoesNotExistException", ("No application found for name: %s"):format(name))
end

local function find_group(call, application_name, name)
  local group = find_application(call, application_name).groups[name]
  if not group then
    call:fail("DeploymentGroupDoesNotExistException", ("No Deployment Group found for name: %s"):format(name))
  end
  return group
end

local function page(call, list, input, size)
  return call:page(list, input.nextToken, size, function()
    call:fail("InvalidNextTokenException", "The next token was specified in an invalid format.")
  end)
end

M.operations.GetDeployment = {
  input = { ["deploymentId!"] = "string" },
  run = function(call, input)
    return { deploymentInfo = view.deployment(find_deployment(call, input.deploymentId)) }
  end,
}

M.operations.BatchGetDeployments = {
  input = { ["deploymentIds!"] = { "list", "string" } },
  run = function(call, input)
    if #input.deploymentIds > 25 then
      call:fail("BatchLimitExceededException", "The maximum number of deployments in a batch is 25.")
    end
    local list = {}
    for _, id in ipairs(input.deploymentIds) do
      for _, store in ipairs(call:stores()) do
        local deployment = store.codedeploy.by_id[id]
        list[#list + 1] = deployment and view.deployment(deployment)
      end
    end
    return { deploymentsInfo = json.array(list) }
  end,
}

local function check_range(call, range)
  if range and range.start and range["end"] and range.start > range["end"] then
    call:fail("InvalidTimeRangeException", "The start time must be before the end time.")
  end
  return range or {}
end

--- Pages are smaller than the service's 100, so that a client which forgets the rest is found out.
local DEPLOYMENTS_PAGE <const> = 20

M.operations.ListDeployments = {
  input = {
    applicationName = "string",
    deploymentGroupName = "string",
    externalId = "string",
    includeOnlyStatuses = { "list", "string" },
    createTimeRange = { start = "number", ["end"] = "number" },
    nextToken = "string",
  },
  run = function(call, input)
    if input.applicationName and not input.deploymentGroupName then
      call:fail("DeploymentGroupNameRequiredException", "The deployment group name was not specified.")
    elseif input.deploymentGroupName and not input.applicationName then
      call:fail("ApplicationNameRequiredException", "The application name was not specified.")
    end
    local range, wanted = check_range(call, input.createTimeRange), nil
    for _, status in ipairs(input.includeOnlyStatuses or {}) do
      if not STATUSES[status] then
        call:fail("InvalidDeploymentStatusException", ("Deployment status %s is invalid"):format(status))
      end
      wanted = wanted or {}
      wanted[status] = true
    end
    local all = {}
    if input.applicationName then
      all = find_group(call, input.applicationName, input.deploymentGroupName).deployments
    else
      for _, store in ipairs(call:stores()) do
        for _, deployment in sorted(store.codedeploy.by_id) do
          all[#all + 1] = deployment
        end
      end
      table.sort(all, function(a, b)
        if a.created_at ~= b.created_at then
          return a.created_at > b.created_at
        end
        return a.id < b.id
      end)
    end
    local ids = {}
    for _, deployment in ipairs(all) do
      local at = deployment.created_at
      local in_time = (not range.start or at >= range.start) and (not range["end"] or at < range["end"])
      if in_time and (not wanted or wanted[deployment.status]) and not input.externalId then
        ids[#ids + 1] = deployment.id
      end
    end
    local part, next_token = page(call, ids, input, DEPLOYMENTS_PAGE)
    return { deployments = json.array(part), nextToken = next_token }
  end,
}

M.operations.ListApplications = {
  input = { nextToken = "string" },
  run = function(call, input)
    local names = {}
    for _, store in ipairs(call:stores()) do
      for name in sorted(store.codedeploy.applications) do
        names[#names + 1] = name
      end
    end
    local part, next_token = page(call, names, input, 100)
    return { applications = json.array(part), nextToken = next_token }
  end,
}

M.operations.GetApplication = {
  input = { ["applicationName!"] = "string" },
  run = function(call, input)
    return { application = view.application(find_application(call, input.applicationName)) }
  end,
}

M.operations.ListDeploymentGroups = {
  input = { ["applicationName!"] = "string", nextToken = "string" },
  run = function(call, input)
    local application, names = find_application(call, input.applicationName), {}
    for name in sorted(application.groups) do
      names[#names + 1] = name
    end
    local part, next_token = page(call, names, input, 100)
    return { applicationName = application.name, deploymentGroups = json.array(part), nextToken = next_token }
  end,
}

M.operations.GetDeploymentGroup = {
  input = { ["applicationName!"] = "string", ["deploymentGroupName!"] = "string" },
  run = function(call, input)
    return { deploymentGroupInfo = view.group(find_group(call, input.applicationName, input.deploymentGroupName)) }
  end,
}

local function check_started(call, deployment)
  if not deployment.started_at then
    call:fail("DeploymentNotStartedException", "The specified deployment has not started.")
  end
end

local function check_target(call, deployment, target_id)
  if target_id ~= view.target_id(deployment) then
    call:fail(
      "DeploymentTargetDoesNotExistException",
      ("Deployment target %s does not exist in deployment %s"):format(target_id, deployment.id)
    )
  end
end

M.operations.ListDeploymentTargets = {
  input = { ["deploymentId!"] = "string", nextToken = "string", targetFilters = { "map", { "list", "string" } } },
  run = function(call, input)
    local deployment = find_deployment(call, input.deploymentId)
    check_started(call, deployment)
    local ids = {}
    local wanted = input.targetFilters and input.targetFilters.TargetStatus
    local status = view.target_status(deployment)
    for _, held in ipairs(wanted or { status }) do
      if held == status then
        ids[1] = view.target_id(deployment)
      end
    end
    return { targetIds = json.array(ids) }
  end,
}

M.operations.GetDeploymentTarget = {
  input = { ["deploymentId!"] = "string", ["targetId!"] = "string" },
  run = function(call, input)
    local deployment = find_deployment(call, input.deploymentId)
    check_target(call, deployment, input.targetId)
    return { deploymentTarget = view.target(call.aws, deployment) }
  end,
}

M.operations.BatchGetDeploymentTargets = {
  input = { ["deploymentId!"] = "string", ["targetIds!"] = { "list", "string" } },
  run = function(call, input)
    local deployment, list = find_deployment(call, input.deploymentId), {}
    check_started(call, deployment)
    for i, target_id in ipairs(input.targetIds) do
      check_target(call, deployment, target_id)
      list[i] = view.target(call.aws, deployment)
    end
    return { deploymentTargets = json.array(list) }
  end,
}

--- The task definition that a revision's AppSpec names.
local function read_revision(call, revision)
  local content
  if revision.revisionType == "AppSpecContent" and revision.appSpecContent then
    content = revision.appSpecContent.content
    local sha256 = revision.appSpecContent.sha256
    if content and sha256 and sha256 ~= digest.sha256(content) then
      call:fail("InvalidRevisionException", "The SHA256 of the AppSpec content does not match the content.")
    end
  elseif revision.revisionType == "String" and revision.string then
    content = revision.string.content
  end
  if not content then
    call:fail("InvalidRevisionException", "The revision was specified in an invalid format.")
  end
  local arn = content:match "arn:aws:ecs:[%w-]+:%d+:task%-definition/[%w_-]+:%d+"
  local definition = arn and ecs.find_definition(call, arn)
  if not definition then
    call:fail("InvalidRevisionException", "The AppSpec file does not name an existing task definition.")
  end
  return definition
end

M.operations.CreateDeployment = {
  input = {
    ["applicationName!"] = "string",
    deploymentGroupName = "string",
    revision = {
      revisionType = "string",
      appSpecContent = { content = "string", sha256 = "string" },
      string = { content = "string", sha256 = "string" },
    },
    description = "string",
    deploymentConfigName = "string",
    autoRollbackConfiguration = { enabled = "boolean", events = { "list", "string" } },
  },
  run = function(call, input)
    for _, member in ipairs { "deploymentGroupName", "revision" } do
      if not input[member] then
        M.missing(call, member)
      end
    end
    local group = find_group(call, input.applicationName, input.deploymentGroupName)
    local definition = read_revision(call, input.revision)
    if group.active then
      call:fail(
        "DeploymentLimitExceededException",
        ("The Deployment Group '%s' already has an active Deployment '%s'"):format(group.name, group.active.id)
      )
    end
    local deployment = bluegreen.start(call.aws, group, {
      definition = definition,
      creator = "user",
      description = input.description,
    })
    return { deploymentId = deployment.id }
  end,
}

M.operations.StopDeployment = {
  input = { ["deploymentId!"] = "string", autoRollbackEnabled = "boolean" },
  run = function(call, input)
    local deployment = find_deployment(call, input.deploymentId)
    if bluegreen.is_over(deployment) then
      call:fail(
        "DeploymentAlreadyCompletedException",
        ("Deployment %s has already completed."):format(deployment.id)
      )
    end
    bluegreen.stop(call.aws, deployment, input.autoRollbackEnabled)
    return { status = "Succeeded", statusMessage = "Deployment stopped." }
  end,
}

M.operations.ContinueDeployment = {
  input = { deploymentId = "string", deploymentWaitType = "string" },
  run = function(call, input)
    if not input.deploymentId then
      M.missing(call, "deploymentId")
    end
    local wait = input.deploymentWaitType or "READY_WAIT"
    if wait ~= "READY_WAIT" and wait ~= "TERMINATION_WAIT" then
      call:fail("InvalidDeploymentWaitTypeException", "The wait type is invalid.")
    end
    local deployment = find_deployment(call, input.deploymentId)
    if bluegreen.is_over(deployment) then
      call:fail(
        "DeploymentAlreadyCompletedException",
        ("Deployment %s has already completed."):format(deployment.id)
      )
    elseif not bluegreen.continue(call.aws, deployment, wait) then
      call:fail("DeploymentIsNotInReadyStateException", "The deployment does not have a status of Ready.")
    end
    return nil
  end,
}

return M
