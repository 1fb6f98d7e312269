--- AWS CodePipeline: the operations. What pipelines do is in pipelines.lua.
---
--- Source of shapes, codes and messages: botocore's model codepipeline/2015-07-09.
local json = require "fairlead.json"
local pipelines = require "fairlead.world.aws.pipelines"
local view = require "fairlead.world.aws.codepipeline_view"

local M = {
  signing_name = "codepipeline",
  target = "CodePipeline_20150709",
  json = "1.1",
  operations = {},
}

function M.store()
  return { pipelines = {} }
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  call:fail("ValidationException", ("1 validation error detected: Value null at '%s' failed to satisfy constraint: "
    .. "Member must not be null"):format(member))
end

local function find_pipeline(call, name)
  for _, store in ipairs(call:stores()) do
    if store.codepipeline.pipelines[name] then
      return store.codepipeline.pipelines[name]
    end
  end
  call:fail("PipelineNotFoundException", ("Account '%s' does not have a pipeline with name '%s'"):format(call:account(),
    name))
end

local function find_execution(call, pipeline, id)
  for i, execution in ipairs(pipeline.executions) do
    if execution.id == id then
      return execution, i
    end
  end
  call:fail("PipelineExecutionNotFoundException", ("The pipeline execution with ID '%s' does not exist in pipeline "
    .. "'%s'"):format(id, pipeline.name))
end

local function find_stage(call, pipeline, name)
  for i, stage in ipairs(pipeline.stages) do
    if stage.name == name then
      return stage, i
    end
  end
  call:fail("StageNotFoundException", ("No stage with name '%s' found in pipeline '%s'"):format(name, pipeline.name))
end

--- The images and the commit that a caller asks for; what is not asked for is the newest.
local function chosen(call, pipeline, revisions)
  local images, code = {}, nil
  for _, revision in ipairs(revisions or {}) do
    local found = revision.revisionType == "COMMIT_ID" and revision.actionName == "Code"
      and revision.revisionValue:find "^%x+$"
    code = found and revision.revisionValue or code
    for i, item in ipairs(revision.revisionType == "IMAGE_DIGEST" and pipeline.environment.images or {}) do
      for _, image in ipairs(item.repository_state.images) do
        if image.digest == revision.revisionValue then
          images[i], found = image, true
        end
      end
    end
    if not found then
      call:fail("ValidationException", ("The source revision '%s' of type %s does not exist"):format(
        revision.revisionValue, revision.revisionType))
    end
  end
  return images, code
end

M.operations.StartPipelineExecution = {
  input = {
    ["name!"] = "string",
    clientRequestToken = "string",
    variables = { "list", { ["name!"] = "string", ["value!"] = "string" } },
    sourceRevisions = {
      "list", { ["actionName!"] = "string", ["revisionType!"] = "string", ["revisionValue!"] = "string" },
    },
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.name)
    for _, execution in ipairs(input.clientRequestToken and pipeline.executions or {}) do
      if execution.client_token == input.clientRequestToken then
        return { pipelineExecutionId = execution.id }
      end
    end
    local images, code = chosen(call, pipeline, input.sourceRevisions)
    local execution = pipeline:start {
      images = images,
      code = code,
      trigger = { type = "StartPipelineExecution", detail = call:caller() },
    }
    execution.client_token = input.clientRequestToken
    return { pipelineExecutionId = execution.id }
  end,
}

M.operations.GetPipelineState = {
  input = { ["name!"] = "string" },
  run = function(call, input)
    return view.state(find_pipeline(call, input.name))
  end,
}

M.operations.GetPipelineExecution = {
  input = { ["pipelineName!"] = "string", ["pipelineExecutionId!"] = "string" },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    return { pipelineExecution = view.execution(pipeline, find_execution(call, pipeline, input.pipelineExecutionId)) }
  end,
}

local function page(call, list, input)
  local limit = input.maxResults or 100
  if limit < 1 or limit > 100 then
    call:fail("ValidationException", ("1 validation error detected: Value '%d' at 'maxResults' failed to satisfy "
      .. "constraint: Member must have value less than or equal to 100"):format(limit))
  end
  return call:page(list, input.nextToken, limit, function()
    call:fail("InvalidNextTokenException", "The next token that was provided is not valid.")
  end)
end

M.operations.ListPipelineExecutions = {
  input = {
    ["pipelineName!"] = "string",
    maxResults = "integer",
    nextToken = "string",
    filter = { succeededInStage = { stageName = "string" } },
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    local filter = input.filter and input.filter.succeededInStage
    local stage = filter and filter.stageName and find_stage(call, pipeline, filter.stageName)
    local succeeded, list = {}, {}
    for _, run in ipairs(pipeline.runs) do
      if run.stage == stage and run.status == "Succeeded" then
        succeeded[run.execution] = true
      end
    end
    for _, execution in ipairs(pipeline.executions) do
      if not stage or succeeded[execution] then
        list[#list + 1] = view.summary(pipeline, execution)
      end
    end
    local part, token = page(call, list, input)
    return { pipelineExecutionSummaries = json.array(part), nextToken = token }
  end,
}

M.operations.ListActionExecutions = {
  input = {
    ["pipelineName!"] = "string",
    maxResults = "integer",
    nextToken = "string",
    filter = { pipelineExecutionId = "string" },
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    local only = input.filter and input.filter.pipelineExecutionId
    if only then
      find_execution(call, pipeline, only)
    end
    local list = {}
    for _, run in ipairs(pipeline.runs) do
      if not only or run.execution.id == only then
        list[#list + 1] = view.action_run(pipeline, run)
      end
    end
    local part, token = page(call, list, input)
    return { actionExecutionDetails = json.array(part), nextToken = token }
  end,
}

local UUID <const> = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

M.operations.PutApprovalResult = {
  input = {
    ["pipelineName!"] = "string",
    ["stageName!"] = "string",
    ["actionName!"] = "string",
    ["token!"] = "string",
    ["result!"] = { ["summary!"] = "string", ["status!"] = "string" },
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    local stage = find_stage(call, pipeline, input.stageName)
    if stage.action ~= input.actionName then
      call:fail("ActionNotFoundException", ("No action with name '%s' found in stage '%s'"):format(input.actionName,
        stage.name))
    elseif not input.token:find(UUID) or #input.result.summary > 512
      or input.result.status ~= "Approved" and input.result.status ~= "Rejected" then
      call:fail("ValidationException", "1 validation error detected: the token, the summary or the status is not valid")
    end
    local run = stage.latest
    if stage.kind ~= "approval" or not run or run.token ~= input.token then
      call:fail("InvalidApprovalTokenException", "The approval request already received a response or has expired.")
    elseif run.status ~= "InProgress" then
      call:fail("ApprovalAlreadyCompletedException", "The approval action has already been approved or rejected.")
    end
    pipeline:approve(run, input.result, call:caller())
    return { approvedAt = view.stamp(call.now) }
  end,
}

M.operations.StopPipelineExecution = {
  input = {
    ["pipelineName!"] = "string",
    ["pipelineExecutionId!"] = "string",
    abandon = "boolean",
    reason = "string",
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    local execution = find_execution(call, pipeline, input.pipelineExecutionId)
    if pipelines.is_over(execution) then
      call:fail("PipelineExecutionNotStoppableException", ("The pipeline execution %s is in the %s state and cannot be "
        .. "stopped."):format(execution.id, execution.status))
    elseif execution.status == "Stopping" and not input.abandon then
      call:fail("DuplicatedStopRequestException", ("The pipeline execution %s is already being stopped."):format(
        execution.id))
    end
    pipeline:stop(execution, { abandon = input.abandon, reason = input.reason, by = call:caller() })
    return { pipelineExecutionId = execution.id }
  end,
}

M.operations.RetryStageExecution = {
  input = {
    ["pipelineName!"] = "string",
    ["stageName!"] = "string",
    ["pipelineExecutionId!"] = "string",
    ["retryMode!"] = "string",
  },
  run = function(call, input)
    local pipeline = find_pipeline(call, input.pipelineName)
    local stage = find_stage(call, pipeline, input.stageName)
    local execution = find_execution(call, pipeline, input.pipelineExecutionId)
    if not stage.latest or stage.latest.execution ~= execution then
      call:fail("NotLatestPipelineExecutionException", ("The pipeline execution %s is not the latest in stage %s.")
        :format(execution.id, stage.name))
    elseif pipeline.stages[execution.stage] ~= stage
      or execution.status ~= "Failed" and execution.status ~= "Stopped"
      or stage.latest.status == "Succeeded" then
      call:fail("StageNotRetryableException", ("Stage %s of the pipeline execution %s is not in a state that can be "
        .. "retried."):format(stage.name, execution.id))
    end
    pipeline:retry(execution)
    return { pipelineExecutionId = execution.id }
  end,
}

return M
