--- What CodePipeline does: executions that go through a pipeline's stages one after the other: images are taken up,
--- deployed to one environment after another, and held until somebody approves.
---
--- A fixture's environment whose images start a pipeline has
---   pipeline = { name=, mode = "SUPERSEDED"|"QUEUED", code = false, stages = { { name="Source" },
---     { name=, deploys=<environment> }, { name=, approval=<the action's name> }, … } }
--- Its source stage has two actions: Image takes up what was pushed; Code takes what main's head is at that moment
--- (which a newer merge may have moved past what the image was built from), unless `code` is false.
---
--- Sources: AWS CodePipeline User Guide, "Quotas" (timeouts of actions), "How pipeline executions work" (a stage is
--- locked while an execution is in it; waiting executions are superseded by more recent ones), "Stop a pipeline
--- execution", "Retry a failed stage", "Add a manual approval action" (seven days); Amazon ECR source action reference
--- (the revision is the image's digest).
local arrivals = require "fairlead.world.aws.arrivals"
local bluegreen = require "fairlead.world.aws.bluegreen"
local controller = require "fairlead.world.aws.ecs_controller"
local ecr = require "fairlead.world.aws.ecr"
local ecs = require "fairlead.world.aws.ecs"
local sorted = require "fairlead.sorted"

local M = {}

local ARRIVAL <const> = { low = 4, high = 12 } -- seconds from an image's push to the execution that its event starts
local SOURCE <const> = { low = 2, high = 5 } -- seconds that the source action takes
local STEP <const> = { low = 1, high = 4 } -- seconds from the end of a stage to the beginning of the next
local DEPLOYMENT <const> = 3600 -- seconds until the action for ECS gives up
local APPROVAL <const> = 7 * 86400 -- seconds until an approval that nobody gives has failed

---@class fairlead.world.aws.Pipeline
---@field name string
---@field environment fairlead.world.aws.Environment whose images it takes up
---@field mode "SUPERSEDED"|"QUEUED"
---@field stages fairlead.world.aws.Stage[]
---@field executions fairlead.world.aws.Execution[] the newest first
---@field runs fairlead.world.aws.ActionRun[] the newest first
local Pipeline = {}
Pipeline.__index = Pipeline

---@class fairlead.world.aws.Stage
---@field name string
---@field kind "source"|"deploy"|"approval"
---@field action string name of its one action
---@field environment fairlead.world.aws.Environment? that it deploys to
---@field current fairlead.world.aws.Execution? that is in it: the stage is locked
---@field inbound fairlead.world.aws.Execution[] that wait for it, the first first
---@field latest fairlead.world.aws.ActionRun? the last run of its action

---@class fairlead.world.aws.Execution
---@field id string
---@field status string InProgress, Stopping, Stopped, Succeeded, Superseded, Failed
---@field images fairlead.world.aws.Image[] of the environment's images, in their order
---@field code string? the commit that the source of code was at
---@field trigger {type: string, detail: string}
---@field stage integer where it is
---@field started_at number
---@field updated_at number
---@field stop_reason string?
---@field summary string?

---@class fairlead.world.aws.ActionRun
---@field id string
---@field execution fairlead.world.aws.Execution
---@field stage fairlead.world.aws.Stage
---@field status string InProgress, Abandoned, Succeeded, Failed
---@field started_at number
---@field updated_at number
---@field by string? ARN of who changed it last
---@field token string? of an approval
---@field external_id string? of what it has started
---@field summary string?
---@field failure {code: string, message: string}?

local ENDED <const> = { Stopped = true, Succeeded = true, Superseded = true, Failed = true }

---@param execution fairlead.world.aws.Execution
---@return boolean
function M.is_over(execution)
  return ENDED[execution.status] == true
end

local function set_status(self, execution, status)
  execution.status, execution.updated_at = status, self.aws.w.now
end

local enter

--- The stage is free: the next execution that waits for it goes in.
local function unlock(self, stage)
  stage.current = nil
  local following = table.remove(stage.inbound, 1)
  if following then
    enter(self, following)
  end
end

local function end_execution(self, execution, status)
  set_status(self, execution, status)
  self.aws.w:emit("pipeline_finished", { pipeline = self.name, execution = execution.id, status = status })
end

--- An action has ended, and with it its stage.
local function finish_run(self, run, status, details)
  local execution, stage = run.execution, run.stage
  if run.status ~= "InProgress" then
    return -- abandoned meanwhile
  end
  run.status, run.updated_at = status, self.aws.w.now
  run.summary, run.failure = details.summary or run.summary, details.failure
  execution.updated_at = self.aws.w.now
  if status == "Failed" then
    end_execution(self, execution, execution.status == "Stopping" and "Stopped" or "Failed")
  elseif execution.status == "Stopping" then
    end_execution(self, execution, "Stopped")
  elseif not self.stages[execution.stage + 1] then
    end_execution(self, execution, "Succeeded")
  else
    execution.stage = execution.stage + 1
    self.aws.w:after(self.draws:between(STEP.low, STEP.high), function()
      enter(self, execution)
    end)
  end
  unlock(self, stage)
end

local function fail_run(self, run, message)
  finish_run(self, run, "Failed", { failure = { code = "JobFailed", message = message }, summary = message })
end

--- An image as an environment's own repository has it: a copy where that is another than the one it was pushed to.
local function bring(self, item, image)
  local repository = item.repository_state
  local found, short = ecr.find_digest(repository, image.digest), nil
  for _, tag in ipairs(image.tags) do
    short = short or tag:match "%f[%x]%x%x%x%x%x%x%x+$"
  end
  short = short or (image.sha or image.digest:sub(8)):sub(1, 7)
  return found or ecr.copy(repository, image, arrivals.tags(item, short), self.aws.w.now)
end

--- Registers a revision of a service's task definition that names an execution's images by their digests.
local function register(self, environment, service, images)
  local containers, by_item = {}, {}
  for i, item in ipairs(environment.images) do
    by_item[item] = images[i]
  end
  for i, item in ipairs(service.items) do
    item.newest = bring(self, item, by_item[item])
    containers[i] = {
      name = item.container or item.repository:match "[^/]+$",
      image = item.repository_state.uri .. "@" .. item.newest.digest,
      group = "/ecs/" .. service.name,
      prefix = service.name,
    }
  end
  local store = self.aws:store(environment.account, environment.region)
  return ecs.register(store, { family = service.name, containers = containers, now = self.aws.w.now })
end

local function deploy_with_codedeploy(self, run, environment)
  local group = environment.group
  if group.active then
    return fail_run(self, run, ("Deployment group %s already has an active deployment '%s'"):format(group.name,
      group.active.id))
  end
  local definition = register(self, environment, environment.services[1], run.execution.images)
  local deployment = bluegreen.start(self.aws, group, {
    definition = definition, creator = "user",
    description = ("%s, execution %s"):format(self.name, run.execution.id),
  })
  run.external_id = deployment.id
  self.running[deployment.id] = function(status)
    if status == "Succeeded" then
      return finish_run(self, run, "Succeeded", { summary = "Deployment Succeeded" })
    end
    fail_run(self, run, ("The deployment %s ended as %s"):format(deployment.id, status))
  end
end

local function deploy_with_ecs(self, run, environment)
  local left = #environment.services
  self.aws.w:after(DEPLOYMENT, function()
    fail_run(self, run, "The Amazon ECS deployment has timed out.")
  end)
  for _, service in ipairs(environment.services) do
    local definition = register(self, environment, service, run.execution.images)
    local record = controller.start(self.aws, service, definition).record
    run.external_id = run.external_id or record.arn
    self.running[record.arn] = function(status)
      left = left - 1
      if status ~= "SUCCESSFUL" then
        fail_run(self, run, ("The deployment of %s ended as %s"):format(service.name, status))
      elseif left == 0 then
        finish_run(self, run, "Succeeded", { summary = "Deployment Succeeded" })
      end
    end
  end
end

local function ask_for_approval(self, run)
  run.token = self:uuid()
  run.expires = self.aws.w:after(APPROVAL, function()
    finish_run(self, run, "Failed", {
      failure = { code = "TimeoutError", message = "The approval has timed out." },
      summary = "The approval has timed out.",
    })
  end)
  self.aws.w:emit("approval_waiting", { pipeline = self, run = run })
end

--- Begins the action of the stage that an execution has entered.
local function act(self, execution)
  local stage = self.stages[execution.stage]
  local run = {
    id = self:uuid(), execution = execution, stage = stage, status = "InProgress", started_at = self.aws.w.now,
    updated_at = self.aws.w.now,
  }
  table.insert(self.runs, 1, run)
  stage.latest = run
  if stage.kind == "source" then
    self.aws.w:after(self.draws:between(SOURCE.low, SOURCE.high), function()
      run.external_id = execution.images[1].digest
      finish_run(self, run, "Succeeded", { summary = execution.images[1].digest })
    end)
  elseif stage.kind == "approval" then
    ask_for_approval(self, run)
  elseif stage.environment.group then
    deploy_with_codedeploy(self, run, stage.environment)
  else
    deploy_with_ecs(self, run, stage.environment)
  end
end

--- An execution comes to its stage: it goes in, or waits; who waited before it is superseded.
function enter(self, execution)
  if execution.status == "Stopping" then
    return end_execution(self, execution, "Stopped")
  elseif M.is_over(execution) then
    return
  end
  local stage = self.stages[execution.stage]
  if not stage.current then
    stage.current = execution
    execution.updated_at = self.aws.w.now
    return act(self, execution)
  end
  if self.mode == "SUPERSEDED" then
    for _, waiting in ipairs(stage.inbound) do
      end_execution(self, waiting, "Superseded")
    end
    stage.inbound = {}
  end
  table.insert(stage.inbound, execution)
end

---@return string
function Pipeline:uuid()
  local d = self.draws:text(32)
  return ("%s-%s-%s-%s-%s"):format(d:sub(1, 8), d:sub(9, 12), d:sub(13, 16), d:sub(17, 20), d:sub(21))
end

--- The head of the main branch; before there is a repository, the commit of the newest image.
local function head(self)
  local w = self.aws.w
  local branches = w.folder and w.folder.repository.branches
  return branches and branches[w.fixture.github.default_branch] or self.environment.images[1].newest.sha
end

--- Starts an execution.
---@param options {images: fairlead.world.aws.Image[]?, code: string?, trigger: {type: string, detail: string}} images:
--- the newest ones when not given; code: main's head when not given
---@return fairlead.world.aws.Execution
function Pipeline:start(options)
  local images = options.images or {}
  for i, item in ipairs(self.environment.images) do
    images[i] = images[i] or item.newest
  end
  local execution = {
    id = self:uuid(), status = "InProgress", images = images, code = self.code and (options.code or head(self)) or nil,
    trigger = options.trigger, stage = 1,
    started_at = self.aws.w.now, updated_at = self.aws.w.now,
  }
  table.insert(self.executions, 1, execution)
  enter(self, execution)
  return execution
end

--- New images have come to an environment that this pipeline deploys to. Only those of its source start it.
---@param environment fairlead.world.aws.Environment
function Pipeline:images_arrived(environment)
  if environment ~= self.environment then
    return
  elseif self.arrival then
    self.arrival.cancelled = true -- several images of one commit start one execution
  end
  self.arrival = self.aws.w:after(self.draws:between(ARRIVAL.low, ARRIVAL.high), function()
    self.arrival = nil
    self:start { trigger = { type = "CloudWatchEvent", detail = ("arn:aws:events:%s:%s:rule/%s-image"):format(
      environment.region, environment.account, self.name) } }
  end)
end

--- Gives an approval its result.
---@param run fairlead.world.aws.ActionRun one that waits for it
---@param result {status: "Approved"|"Rejected", summary: string}
---@param by string ARN
function Pipeline:approve(run, result, by)
  run.by, run.expires.cancelled = by, true
  finish_run(self, run, result.status == "Approved" and "Succeeded" or "Failed", {
    summary = result.summary,
    failure = result.status == "Rejected" and { code = "JobFailed", message = result.summary } or nil,
  })
end

--- Stops an execution: when its action has ended, or at once. What the action has started goes on by itself.
---@param execution fairlead.world.aws.Execution
---@param options {abandon: boolean?, reason: string?, by: string}
function Pipeline:stop(execution, options)
  execution.stop_reason = options.reason
  local stage = self.stages[execution.stage]
  if not options.abandon then
    set_status(self, execution, "Stopping")
    for i, waiting in ipairs(stage.inbound) do
      if waiting == execution then
        table.remove(stage.inbound, i)
        return end_execution(self, execution, "Stopped")
      end
    end
    return
  end
  local run = stage.latest
  end_execution(self, execution, "Stopped")
  for i = #stage.inbound, 1, -1 do
    if stage.inbound[i] == execution then
      table.remove(stage.inbound, i)
    end
  end
  if stage.current == execution then
    if run.status == "InProgress" then
      run.status, run.updated_at, run.by = "Abandoned", self.aws.w.now, options.by
      if run.expires then
        run.expires.cancelled = true
      end
    end
    unlock(self, stage)
  end
end

--- Runs the action of an execution's failed or stopped stage again.
---@param execution fairlead.world.aws.Execution
function Pipeline:retry(execution)
  set_status(self, execution, "InProgress")
  execution.stop_reason = nil
  enter(self, execution)
end

local KINDS <const> = { deploys = "deploy", approval = "approval" }

local function make_stage(aws, name, fixture, i)
  local function wrong(text)
    error(("the fixture's aws.environments.%s.pipeline.stages[%d]: %s"):format(name, i, text), 0)
  end
  local kind = i == 1 and "source" or nil
  for field, known in pairs(KINDS) do
    kind = fixture[field] and known or kind
  end
  if type(fixture.name) ~= "string" or not kind or (i == 1) ~= (kind == "source") then
    wrong "name, and `deploys` or `approval` (neither in the first), expected"
  end
  local environment = fixture.deploys and aws.environments[fixture.deploys]
  if kind == "deploy" and not (environment and environment.services[1]) then
    wrong(("no environment %q with a service"):format(tostring(fixture.deploys)))
  end
  local names = { source = "Image", deploy = "Deploy", approval = fixture.approval }
  return { name = fixture.name, kind = kind, action = fixture.action or names[kind], environment = environment,
    inbound = {} }
end

local function create(aws, environment)
  local fixture = environment.fixture.pipeline
  local self = setmetatable({
    aws = aws, name = fixture.name, environment = environment, mode = fixture.mode or "SUPERSEDED",
    code = fixture.code ~= false, stages = {},
    executions = {}, runs = {}, running = {}, created_at = aws.w.now - 60 * 86400,
    draws = aws.w:stream("aws.pipeline." .. fixture.name),
  }, Pipeline)
  for i, stage in ipairs(fixture.stages) do
    self.stages[i] = make_stage(aws, environment.name, stage, i)
    if self.stages[i].environment then
      self.stages[i].environment.pipeline = self
    end
  end
  environment.pipeline = self
  aws:store(environment.account, environment.region).codepipeline.pipelines[fixture.name] = self
  local function ended(id, status)
    local fn = self.running[id]
    if fn then
      self.running[id] = nil
      fn(status)
    end
  end
  aws.w:on("deployment_finished", function(data) ended(data.id, data.status) end)
  aws.w:on("service_deployment_finished", function(data) ended(data.arn, data.status) end)
end

--- Makes the fixture's pipelines. The environments are there.
---@param aws fairlead.world.AWS
function M.create(aws)
  for _, environment in sorted(aws.environments) do
    if environment.fixture.pipeline then
      create(aws, environment)
    end
  end
end

return M
