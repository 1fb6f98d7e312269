--- A pipeline of AWS CodePipeline that carries a change from one environment to the next: which of its executions is
--- ours, and how far that is.
---
--- An execution is told by its source: the commit, or the digest of the image whose arrival started it; never by being
--- the newest. Sources: CodePipeline User Guide, "How pipeline executions work" (superseded executions); and those of
--- fairlead.aws.pipeline.
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local executions = require "fairlead.aws.pipeline"
local images = require "release.live.image"
local live = require "release.live"
local sorted = require "fairlead.sorted"

local M = {}

local BAD <const> = { Failed = true, Stopped = true, Stopping = true, Superseded = true, Cancelled = true }

---The client of an environment's account and region.
---@param release Release
---@param place table of settings.lua
---@return fairlead.aws.Client
function M.client(release, place) return contexts.clients(release, place).codepipeline end

-- An image starts the pipeline where it arrives first: the registries of all environments that it deploys to count.
local function digests_of(release, place, sha)
  local list = {}
  for _, other in sorted(release.settings.environments) do
    if other.pipeline and other.pipeline.name == place.pipeline.name then
      for _, context in ipairs(contexts.all(release, other)) do
        local image <const> = images.find(context, sha)
        for digest in sorted(image and image.digests) do list[#list + 1] = digest end
      end
    end
  end
  return list
end

local function carries_an_image(execution)
  for _, source in ipairs(execution.sourceRevisions or {}) do
    if (source.revisionId or ""):find "^sha256:" then return true end
  end
  return false
end

---The newest execution of a pipeline that carries a commit. One that has an image for a source is told by that alone:
---beside it, it takes up whatever its branch of code holds at that moment.
---@async
---@param release Release
---@param place table an environment of settings.lua, with `pipeline`
---@param sha string
---@return string? id
function M.execution(release, place, sha)
  local client <const>, name <const> = M.client(release, place), place.pipeline.name
  local digests <const> = digests_of(release, place, sha)
  local found = #digests > 0 and executions.find(client, name, digests) or nil
  if not found then
    found = executions.find(client, name, { sha })
    if found and carries_an_image(found) then return nil end
  end
  return found and found.pipelineExecutionId
end

-- Why it failed, in the words of the action that did.
local function complaint(stages)
  for _, stage in ipairs(stages) do
    if stage.status == "Failed" then
      return ("%s of %s failed: %s"):format(stage.action, stage.name,
        stage.why or stage.summary or "CodePipeline gives no reason")
    end
  end
end

local function raise_if_ended_badly(place, execution, progress)
  local status <const>, why <const> = progress.status, complaint(progress.stages)
  if not BAD[status] then return end
  errors.raise {
    kind = status == "Superseded" and "deployment.superseded" or "deployment.failed", op = "pipeline",
    target = ("%s, execution %s"):format(place.pipeline.name, execution),
    message = ("it is %s%s"):format(status:lower(), why and ": " .. why or ""),
    hint = ("see https://%s.console.aws.amazon.com/codesuite/codepipeline/pipelines/%s/executions/%s/timeline"):format(
      place.region, place.pipeline.name, execution),
  }
end

local function has_begun(stages, name)
  for _, stage in ipairs(stages) do
    if stage.name == name then return true end
  end
  return false
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
  local client <const>, timeouts <const> = M.client(release, place), release.settings.timeouts
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
      local now <const> = executions.progress(client, place.pipeline.name, execution)
      if has_begun(now.stages, place.pipeline.stage) then return { execution = execution } end
      raise_if_ended_badly(place, execution, now)
      local last <const> = now.stages[#now.stages]
      return nil, last and ("%s of %s: %s"):format(last.action, last.name, last.status) or now.status
    end,
  }
  return execution
end

---Raises when an execution has ended badly. For who waits in vain for the deployment that it was to begin.
---@async
---@param release Release
---@param place table an environment of settings.lua
---@param execution string
---errors: kinds "deployment.failed", "deployment.superseded"
function M.check(release, place, execution)
  raise_if_ended_badly(place, execution,
    executions.progress(M.client(release, place), place.pipeline.name, execution))
end

-- Nothing further begins. That it is over, or is being stopped, is as well.
local function stop(client, place, execution, why)
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
  stop(M.client(release, place), place, execution, why)
  for _, context in ipairs(contexts.all(release, place)) do
    local id <const> = context.strategy.under_way(context)
    if id and live.brings(context, id, sha) then context.strategy.stop(context, id, { rollback = true }) end
  end
end

return M
