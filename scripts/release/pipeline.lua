--- A pipeline of AWS CodePipeline that carries a change from one environment to the next: which of its executions is
--- ours, and how far that is.
---
--- An execution is told by its source: the commit, or the digest of the image whose arrival started it; never by being
--- the newest. Sources: CodePipeline API reference, ListPipelineExecutions (sourceRevisions), GetPipelineExecution,
--- ListActionExecutions; User Guide, "How pipeline executions work" (superseded executions).
local aws = require "fairlead.aws"
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local images = require "release.live.image"
local live = require "release.live"

local M = {}

local BAD <const> = { Failed = true, Stopped = true, Stopping = true, Superseded = true, Cancelled = true }

---The client of an environment's account and region.
---@param place table of settings.lua
---@return fairlead.aws.Client
function M.client(place)
  return aws.session({ profile = place.profile, region = place.region }):client "codepipeline"
end

-- Everything that stands for a commit in a source revision.
local function revisions_of(release, place, sha)
  local known = { [sha] = true }
  for _, context in ipairs(contexts.all(release, place)) do
    local image <const> = images.find(context, sha)
    for digest in pairs(image and image.digests or {}) do known[digest] = true end
  end
  return known
end

---The newest execution of a pipeline that carries a commit.
---@async
---@param release Release
---@param place table an environment of settings.lua, with `pipeline`
---@param sha string
---@return string? id
function M.execution(release, place, sha)
  local ours <const> = revisions_of(release, place, sha)
  local list <const> = { pipelineName = place.pipeline.name }
  for found in M.client(place):paginate("ListPipelineExecutions", list, "pipelineExecutionSummaries") do
    for _, source in ipairs(found.sourceRevisions or {}) do
      if ours[source.revisionId] then return found.pipelineExecutionId end
    end
  end
end

local function raise_ended(place, execution, status, why)
  errors.raise {
    kind = status == "Superseded" and "deployment.superseded" or "deployment.failed", op = "pipeline",
    target = ("%s, execution %s"):format(place.pipeline.name, execution),
    message = ("it is %s%s"):format(status:lower(), why and why ~= "" and ": " .. why or ""),
    hint = ("see https://%s.console.aws.amazon.com/codesuite/codepipeline/pipelines/%s/executions/%s/timeline"):format(
      place.region, place.pipeline.name, execution),
  }
end

local function actions_of(client, place, execution)
  local list = {}
  for action in client:paginate("ListActionExecutions", {
    pipelineName = place.pipeline.name, filter = { pipelineExecutionId = execution },
  }, "actionExecutionDetails") do
    list[#list + 1] = action
  end
  return list
end

-- Why it failed, in the words of the action that did.
local function complaint(actions)
  for _, action in ipairs(actions) do
    local result <const> = action.status == "Failed" and action.output and action.output.executionResult or {}
    if action.status == "Failed" then
      return ("%s of %s failed: %s"):format(action.actionName, action.stageName,
        result.externalExecutionSummary or "CodePipeline gives no reason")
    end
  end
end

local function stage_standing(actions, name)
  local standing
  for _, action in ipairs(actions) do -- the newest first
    if action.stageName == name then
      if action.status ~= "Succeeded" then return action.status end
      standing = standing or "Succeeded"
    end
  end
  return standing
end

local function look(client, place, execution)
  local told <const> = client:GetPipelineExecution {
    pipelineName = place.pipeline.name, pipelineExecutionId = execution,
  }.pipelineExecution
  return told, actions_of(client, place, execution)
end

---Waits until the execution that carries a commit has begun the stage that deploys to an environment. How that
---deployment goes is for live.follow to see: it may stand at a hook until it is answered, and the stage with it.
---@async
---@param release Release
---@param place table an environment of settings.lua, with `pipeline` = {name=, stage=}
---@param sha string
---@return string execution
---errors: kinds "deployment.failed", "deployment.superseded"
function M.follow(release, place, sha)
  local client <const>, timeouts <const> = M.client(place), release.settings.timeouts
  local execution <const> = release.run:wait {
    name = "Start of the pipeline",
    timeout = timeouts.build + timeouts.image,
    every = 10,
    pretend = "‹execution of the pipeline›",
    check = function()
      local id <const> = M.execution(release, place, sha)
      return id, not id and ("%s has no execution of %s"):format(place.pipeline.name, contexts.short(sha)) or nil
    end,
  }
  release.run:wait {
    name = "Pipeline",
    timeout = timeouts.deployment,
    every = 10,
    pretend = { execution = execution },
    check = function()
      local told <const>, actions <const> = look(client, place, execution)
      if stage_standing(actions, place.pipeline.stage) then return { execution = execution } end
      if BAD[told.status] then
        raise_ended(place, execution, told.status, complaint(actions) or told.statusSummary)
      end
      local now <const> = actions[1]
      return nil, now and ("%s of %s: %s"):format(now.actionName, now.stageName, now.status) or told.status
    end,
  }
  return execution
end

---Raises when an execution has ended badly. For who waits in vain for the deployment that it was to begin.
---@async
---@param place table an environment of settings.lua
---@param execution string
---errors: kinds "deployment.failed", "deployment.superseded"
function M.check(place, execution)
  local told <const>, actions <const> = look(M.client(place), place, execution)
  if BAD[told.status] then
    raise_ended(place, execution, told.status, complaint(actions) or told.statusSummary)
  end
end

-- Nothing further begins. That it is over, or is being stopped, is as well.
local function stop(place, execution, why)
  local client <const> = M.client(place)
  local _, err <const> = try(client.StopPipelineExecution, client, {
    pipelineName = place.pipeline.name, pipelineExecutionId = execution, abandon = true, reason = why:sub(1, 200),
  })
  local over <const> = err and (err.code == "PipelineExecutionNotStoppableException"
    or err.code == "DuplicatedStopRequestException")
  if err and not over then error(err, 0) end
end

---Stops an execution, and the deployment of our image that it may have begun: that goes on without it.
---@async
---@param release Release
---@param place table an environment of settings.lua
---@param sha string
---@param execution string
---@param why string
function M.take_back(release, place, sha, execution, why)
  stop(place, execution, why)
  for _, context in ipairs(contexts.all(release, place)) do
    local id <const> = context.strategy.under_way(context)
    if id and live.brings(context, id, sha) then context.strategy.stop(context, id, { rollback = true }) end
  end
end

return M
