--- A gate's channel that goes by a manual approval of CodePipeline: who approves or rejects there decides; and when
--- somebody decides elsewhere, the pipeline is given that decision.
---
--- It asks nothing: CodePipeline has asked by itself when the execution came to the action. Who may approve is IAM's
--- affair (`codepipeline:PutApprovalResult` on the action), so its answer is taken as it is.
---
--- Sources: AWS CodePipeline API Reference, PutApprovalResult, GetPipelineState, ListActionExecutions; User Guide,
--- "Approve or reject an approval action in a pipeline", "How pipeline executions work".
local errors = require "fairlead.errors"
local handed = require "fairlead.service.handed_on"

local EVERY <const> = 10 -- seconds between two looks
local LONGEST <const> = 512 -- characters of a summary

---@class fairlead.aws.ApprovalOptions
---@field client fairlead.aws.Client of "codepipeline"
---@field pipeline string
---@field execution string id of the pipeline execution; the approval of another one does not count
---@field stage string
---@field action string
---@field name? string default "CodePipeline"
---@field every? number seconds between two looks; default 10

---@class fairlead.aws.Approval
---@field name string
---@field every number
---@field client fairlead.aws.Client
---@field pipeline string
---@field execution string
---@field stage string
---@field action string
local Approval = {}
Approval.__index = Approval
Approval.__name = "fairlead.aws.Approval"

---@param options fairlead.aws.ApprovalOptions
---@return fairlead.aws.Approval channel
function Approval.new(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'aws.approval' (table expected, got %s)"):format(type(options)), 3)
  end
  local self = { name = options.name or "CodePipeline", every = options.every or EVERY }
  for _, field in ipairs { "client", "pipeline", "execution", "stage", "action" } do
    local expected <const> = field == "client" and "table" or "string"
    if type(options[field]) ~= expected then
      error(("bad argument #1 to 'aws.approval' (%s: %s expected, got %s)"):format(field, expected,
        type(options[field])), 3)
    end
    self[field] = options[field]
  end
  return setmetatable(self, Approval)
end

--- Remembers what the decision is about; CodePipeline asks.
---@param request table run, digest (a procedure's gate request)
function Approval:ask(request)
  self.mark = handed.mark(request)
end

local function find(list, field, value)
  for _, item in ipairs(list or {}) do
    if item[field] == value then
      return item
    end
  end
end

--- What the action is doing in its stage, whichever execution that is of, and the stage's execution.
local function state_of(self)
  local output <const> = self.client:GetPipelineState { name = self.pipeline }
  local stage <const> = find(output.stageStates, "stageName", self.stage)
  local action <const> = stage and find(stage.actionStates, "actionName", self.action)
  if not action then
    errors.raise {
      kind = "aws.api.not_found", op = "aws.approval", target = self.pipeline,
      message = ("the pipeline has no action %s in a stage %s"):format(self.action, self.stage),
      hint = "are the names those of the pipeline as it is now? `aws codepipeline get-pipeline --name` tells",
    }
  end
  return action.latestExecution or {}, stage.latestExecution and stage.latestExecution.pipelineExecutionId
end

--- The newest run of the action in this execution; nil: the execution has not come to it.
local function run_of(self)
  local newest
  for item in self.client:paginate("ListActionExecutions", { pipelineName = self.pipeline,
    filter = { pipelineExecutionId = self.execution } }, "actionExecutionDetails") do
    if item.stageName == self.stage and item.actionName == self.action
      and (not newest or (item.startTime or 0) > (newest.startTime or 0)) then
      newest = item
    end
  end
  return newest
end

--- A person's name in an ARN: a user's, or the session's of a role.
local function name_in(arn)
  return arn and (arn:match ":assumed%-role/[^/]+/(.+)$" or arn:match ":user/.-([^/]+)$" or arn) or nil
end

local ENDED <const> = { Superseded = "a newer execution has overtaken it", Stopped = "it was stopped",
  Stopping = "it is being stopped", Cancelled = "it was cancelled", Failed = "it has failed" }

--- Whether the execution has ended without a decision.
local function lost(self)
  local execution <const> = self.client:GetPipelineExecution({ pipelineName = self.pipeline,
    pipelineExecutionId = self.execution }).pipelineExecution
  local why <const> = ENDED[execution.status]
  return why and { decision = "refused", by = self.name, why = ("execution %s of %s did not come to a decision: %s%s")
    :format(self.execution, self.pipeline, why, execution.statusSummary and " (" .. execution.statusSummary .. ")"
    or "") } or nil
end

--- The decision, when there is one.
---@async
---@return {decision: "approved"|"refused", by: string?, why: string?}?
function Approval:answer()
  local run <const> = run_of(self)
  if not run or run.status == "InProgress" then
    return lost(self)
  elseif run.status == "Abandoned" then
    return { decision = "refused", by = self.name, why = "the approval was abandoned as the execution was stopped" }
  end
  -- The summary is in the stage's state, as long as no other execution has come there; who it was is in both.
  local result <const> = run.output and run.output.executionResult or {}
  local summary, by = result.externalExecutionSummary, run.updatedBy
  if not summary or not by then
    local state <const>, execution = state_of(self)
    if execution == self.execution and state.status == run.status then
      summary, by = summary or state.summary, by or state.lastUpdatedBy
    end
  end
  local decision <const> = run.status == "Succeeded" and "approved" or "refused"
  local handed_on <const> = handed.read(summary or "", self.mark)
  if handed_on then
    return { decision = decision, by = handed_on.by, why = handed_on.why }
  end
  return { decision = decision, by = name_in(by), why = summary ~= "" and summary or nil }
end

local GONE <const> = { ApprovalAlreadyCompletedException = true, InvalidApprovalTokenException = true }

--- Whether the pipeline has the decision already: somebody may have been faster there, or an answer of AWS's was lost.
local function has_it(self, decision)
  local run <const> = run_of(self)
  return run and run.status == (decision.decision == "approved" and "Succeeded" or "Failed")
end

--- Hands a decision that was made elsewhere on to the pipeline. Others (void, no answer in time, a cancelled run) leave
--- the approval open.
---@async
---@param decision? {decision: string, by: string?, why: string?, via: string?}
--- raises aws.api when the pipeline does not wait for it, or was told otherwise
function Approval:close(decision)
  if not decision or decision.via == self.name
    or decision.decision ~= "approved" and decision.decision ~= "refused" then
    return
  end
  local state <const>, execution = state_of(self)
  local token <const> = execution == self.execution and state.status == "InProgress" and state.token
  local err
  if token then
    err = select(2, try(self.client.PutApprovalResult, self.client, {
      pipelineName = self.pipeline, stageName = self.stage, actionName = self.action, token = token,
      result = { status = decision.decision == "approved" and "Approved" or "Rejected",
        summary = handed.write(decision, self.mark, LONGEST) },
    }))
    if not err then
      return
    elseif not GONE[err.code] then
      error(err, 0)
    end
  end
  if not has_it(self, decision) then
    errors.raise {
      kind = "aws.api.conflict", op = "aws.approval", target = self.pipeline, cause = err,
      message = ("%s of execution %s does not wait for a decision, and has not had this one"):format(self.action,
        self.execution),
      hint = "look at the pipeline: a newer execution may have overtaken this one, or somebody decided otherwise",
    }
  end
end

return Approval
