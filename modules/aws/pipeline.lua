--- What CodePipeline's executions carry, and how far they are.
---
--- Sources: AWS CodePipeline API Reference, ListPipelineExecutions (SourceRevision: a commit's id for a source of code,
--- an image's digest for Amazon ECR), ListActionExecutions, GetPipelineExecution.
local M = {}

---@class fairlead.aws.PipelineStage
---@field name string
---@field action string the action that is or was last at work in it
---@field category string Source, Build, Test, Deploy, Approval, Invoke
---@field status string InProgress, Succeeded, Failed, Abandoned
---@field external_id string? what the action has started: a CodeDeploy deployment's id, …
---@field summary string?
---@field why string? of a failed one
---@field started_at number unix seconds
---@field updated_at number unix seconds

--- The newest execution that carries one of some revisions. A pipeline whose source is a registry knows an image by its
--- digest and nothing of commits; one with sources of code takes the branch's head when it starts, which may be newer
--- than the image. So ask for the image's digest where there is one, and for the commit only where there is none.
---@async
---@param client fairlead.aws.Client of "codepipeline"
---@param pipeline string
---@param revisions string[] digests or full commit ids; any of them will do
---@param since number? unix seconds; older executions do not count
---@return {pipelineExecutionId: string, status: string, startTime: number}? execution as the list has it
function M.find(client, pipeline, revisions, since)
  local wanted = {}
  for _, revision in ipairs(revisions) do
    wanted[revision] = true
  end
  for found in client:paginate("ListPipelineExecutions", { pipelineName = pipeline }, "pipelineExecutionSummaries") do
    if since and (found.startTime or 0) < since then
      return nil -- they come newest first
    end
    for _, source in ipairs(found.sourceRevisions or {}) do
      if wanted[source.revisionId] then
        return found
      end
    end
  end
end

local function stage_of(run)
  local result <const> = run.output and run.output.executionResult or {}
  local kind <const> = run.input and run.input.actionTypeId or {}
  return {
    name = run.stageName, action = run.actionName, category = kind.category, status = run.status,
    external_id = result.externalExecutionId, summary = result.externalExecutionSummary,
    why = result.errorDetails and result.errorDetails.message or nil, started_at = run.startTime,
    updated_at = run.lastUpdateTime,
  }
end

-- Of several actions in a stage the one that tells most: what failed, what is at work, what ended last.
local WEIGHT <const> = { Failed = 4, Abandoned = 3, InProgress = 2, Succeeded = 1 }

local function tells_more(a, b)
  local heavier <const> = (WEIGHT[a.status] or 0) - (WEIGHT[b.status] or 0)
  return heavier > 0 or heavier == 0 and a.updated_at > b.updated_at
end

--- How far an execution is: its own status, and the stages that it has come to, in their order.
---@async
---@param client fairlead.aws.Client of "codepipeline"
---@param pipeline string
---@param execution string id
---@return {status: string, stages: fairlead.aws.PipelineStage[], waiting: fairlead.aws.PipelineStage?} progress status:
--- InProgress, Succeeded, Failed, Stopping, Stopped, Superseded, Cancelled; waiting: the approval that is asked for
function M.progress(client, pipeline, execution)
  local newest, order = {}, {}
  for run in client:paginate("ListActionExecutions", { pipelineName = pipeline,
    filter = { pipelineExecutionId = execution } }, "actionExecutionDetails") do
    -- An action that was run again counts as it is now: the newest come first.
    local key <const> = run.stageName .. "\0" .. run.actionName
    if not newest[key] then
      newest[key] = stage_of(run)
      order[#order + 1] = newest[key]
    end
  end
  table.sort(order, function(a, b) return a.started_at < b.started_at end)
  local stages, by_name, waiting = {}, {}, nil
  for _, stage in ipairs(order) do
    local place <const> = by_name[stage.name]
    if not place then
      stages[#stages + 1] = stage
      by_name[stage.name] = #stages
    elseif tells_more(stage, stages[place]) then
      stages[place] = stage
    end
    if stage.category == "Approval" and stage.status == "InProgress" then
      waiting = stage
    end
  end
  local state <const> = client:GetPipelineExecution { pipelineName = pipeline, pipelineExecutionId = execution }
  return { status = state.pipelineExecution.status, stages = stages, waiting = waiting }
end

return M
