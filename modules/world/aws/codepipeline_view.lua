--- CodePipeline's state as the service describes it.
---
--- Source of shapes: botocore's model codepipeline/2015-07-09; User Guide, "Approve or reject an approval action in a
--- pipeline" (what GetPipelineState tells of an approval).
local call_of = require "fairlead.world.aws.call"
local json = require "fairlead.json"

local M = {}

M.stamp = call_of.stamp
local stamp <const> = call_of.stamp

local CATEGORIES <const> = {
  source = { category = "Source", provider = "ECR" },
  approval = { category = "Approval", provider = "Manual" },
}

local function category(stage)
  return CATEGORIES[stage.kind]
    or { category = "Deploy", provider = stage.environment.group and "CodeDeployToECS" or "ECS" }
end

--- The revisions that an execution carries: images by their digests, and code by its commit.
local function revisions(pipeline, execution)
  local list = {}
  for i, image in ipairs(execution.images) do
    list[i] = {
      actionName = pipeline.stages[1].action,
      revisionId = image.digest,
      revisionSummary = json.encode {
        ProviderType = "ECR",
        RepositoryName = pipeline.environment.images[i].repository,
        ImageTag = image.tags[1],
      },
    }
  end
  if execution.code then
    list[#list + 1] = {
      actionName = "Code",
      revisionId = execution.code,
      revisionSummary = json.encode { ProviderType = "GitHub", CommitMessage = "" },
    }
  end
  return json.array(list)
end

---@param pipeline fairlead.world.aws.Pipeline
---@param execution fairlead.world.aws.Execution
---@return table
function M.summary(pipeline, execution)
  return {
    pipelineExecutionId = execution.id,
    status = execution.status,
    startTime = stamp(execution.started_at),
    lastUpdateTime = stamp(execution.updated_at),
    sourceRevisions = revisions(pipeline, execution),
    trigger = { triggerType = execution.trigger.type, triggerDetail = execution.trigger.detail },
    stopTrigger = execution.stop_reason and { reason = execution.stop_reason } or nil,
    executionMode = pipeline.mode,
    executionType = "STANDARD",
  }
end

---@param pipeline fairlead.world.aws.Pipeline
---@param execution fairlead.world.aws.Execution
---@return table
function M.execution(pipeline, execution)
  local artifacts = {}
  for i, image in ipairs(execution.images) do
    artifacts[i] = {
      name = pipeline.environment.images[i].repository:match "[^/]+$",
      revisionId = image.digest,
      created = stamp(image.pushed_at),
    }
  end
  return {
    pipelineName = pipeline.name,
    pipelineVersion = 1,
    pipelineExecutionId = execution.id,
    status = execution.status,
    statusSummary = execution.stop_reason,
    artifactRevisions = json.array(artifacts),
    variables = json.array {},
    trigger = { triggerType = execution.trigger.type, triggerDetail = execution.trigger.detail },
    executionMode = pipeline.mode,
    executionType = "STANDARD",
  }
end

--- The last run of a stage's action. Only an approval that waits shows its token.
local function latest_run(run)
  return {
    actionExecutionId = run.id,
    status = run.status,
    summary = run.summary,
    lastStatusChange = stamp(run.updated_at),
    token = run.status == "InProgress" and run.token or nil,
    lastUpdatedBy = run.by,
    externalExecutionId = run.external_id,
    errorDetails = run.failure,
  }
end

--- A stage's status is that of its action: InProgress, Succeeded, Failed; or how its execution was stopped.
local function stage_status(stage)
  local run = stage.latest
  local execution = run.execution
  if run.status == "InProgress" and execution.status == "Stopping" then
    return "Stopping"
  elseif run.status == "Abandoned" or execution.status == "Stopped" and run.status == "Failed" then
    return "Stopped"
  end
  return run.status
end

local function state_of(stage)
  local run, waiting = stage.latest, {}
  for i, execution in ipairs(stage.inbound) do
    waiting[i] = { pipelineExecutionId = execution.id, status = "InProgress", type = "STANDARD" }
  end
  return {
    stageName = stage.name,
    inboundExecution = waiting[#waiting],
    inboundExecutions = json.array(waiting),
    inboundTransitionState = { enabled = true },
    actionStates = json.array {
      {
        actionName = stage.action,
        currentRevision = run and stage.kind == "source" and {
          revisionId = run.execution.images[1].digest,
          revisionChangeId = run.execution.images[1].digest,
          created = stamp(run.execution.images[1].pushed_at),
        } or nil,
        latestExecution = run and latest_run(run) or nil,
      },
    },
    latestExecution = run and {
      pipelineExecutionId = run.execution.id,
      status = stage_status(stage),
      type = "STANDARD",
    } or nil,
  }
end

---@param pipeline fairlead.world.aws.Pipeline
---@return table
function M.state(pipeline)
  local stages = {}
  for i, stage in ipairs(pipeline.stages) do
    stages[i] = state_of(stage)
  end
  return {
    pipelineName = pipeline.name,
    pipelineVersion = 1,
    stageStates = json.array(stages),
    created = stamp(pipeline.created_at),
    updated = stamp(pipeline.created_at),
  }
end

---@param pipeline fairlead.world.aws.Pipeline
---@param run fairlead.world.aws.ActionRun
---@return table
function M.action_run(pipeline, run)
  local kind = category(run.stage)
  return {
    pipelineExecutionId = run.execution.id,
    actionExecutionId = run.id,
    pipelineVersion = 1,
    stageName = run.stage.name,
    actionName = run.stage.action,
    startTime = stamp(run.started_at),
    lastUpdateTime = stamp(run.updated_at),
    updatedBy = run.by,
    status = run.status,
    input = {
      actionTypeId = { category = kind.category, owner = "AWS", provider = kind.provider, version = "1" },
      region = pipeline.environment.region,
    },
    output = {
      executionResult = {
        externalExecutionId = run.external_id or run.token,
        externalExecutionSummary = run.summary,
        errorDetails = run.failure,
      },
    },
  }
end

return M
