--- What a newly pushed image sets going in its environment: a pipeline that starts CodeDeploy, or the workflow that
--- calls UpdateService once it has pushed.
local bluegreen = require "fairlead.world.aws.bluegreen"
local controller = require "fairlead.world.aws.ecs_controller"
local ecr = require "fairlead.world.aws.ecr"
local ecs = require "fairlead.world.aws.ecs"
local records = require "fairlead.world.aws.service_deployments"
local sorted = require "fairlead.sorted"

local M = {}

--- Seconds from an image's arrival to the deployment that it starts: the registry's event, a pipeline, a hook.
local DEPLOY_DELAY <const> = { low = 4, high = 12 }
--- Seconds from one of a workflow's calls to the next.
local STEP <const> = { low = 1, high = 3 }
--- Seconds until a pipeline asks CodeDeploy again that refused it for the deployment under way.
local RETRY <const> = 60

local TAGS <const> = { "<short sha>", "latest" }

--- The tags that a publish job gives an image of a commit.
---@param item table an image of the fixture
---@param short_sha string
---@return string[]
function M.tags(item, short_sha)
  local tags = {}
  for i, tag in ipairs(item.tags or TAGS) do
    tags[i] = tag:gsub("<short sha>", short_sha)
  end
  return tags
end

--- What makes the content of an image of a commit: equal for equal seeds, and for all environments that take it from
--- one repository.
---@param aws fairlead.world.AWS
---@param item table an image of an environment
---@param sha string
---@return string
function M.identity(aws, item, sha)
  return ("%s %s %d"):format(sha, item.repository_state.begun_by, aws.w.seed)
end

--- The tag by which a task definition names an image that it does not name by digest: one that moves.
local function moving_tag(item)
  if item.moving_tag then
    return item.moving_tag
  end
  for _, tag in ipairs(item.tags or TAGS) do
    if not tag:find("<short sha>", 1, true) then
      return tag
    end
  end
  return "latest"
end

--- Whether the task definitions name an image by a tag that moves ("latest") or by its digest ("digest"). A workflow
--- that only forces a new deployment can do so with a moving tag alone.
local function names_tag(environment, item)
  return (item.reference or (environment.deploys == "codedeploy" and "digest" or "latest")) == "latest"
end

--- Registers a revision of a service's task definition that names the newest images.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment
---@param service fairlead.world.aws.Service
---@param now number
---@return fairlead.world.aws.TaskDefinition
function M.next_definition(aws, environment, service, now)
  local containers = {}
  for i, item in ipairs(service.items) do
    local uri, rest = item.repository_state.uri, "@" .. item.newest.digest
    if names_tag(environment, item) then
      rest = ":" .. moving_tag(item)
    end
    containers[i] = {
      name = item.container or item.repository:match "[^/]+$",
      image = uri .. rest,
      group = "/ecs/" .. service.name,
      prefix = service.name,
    }
  end
  local store = aws:store(environment.account, environment.region)
  return ecs.register(store, { family = service.name, containers = containers, now = now })
end

--- Starts a deployment of an environment's newest images, or tries again later: CodeDeploy has one at a time.
local function deploy(aws, environment)
  local group = environment.group
  if group.active then
    table.insert(environment.refusals, {
      at = aws.w.now,
      code = "DeploymentLimitExceededException",
      active = group.active.id,
    })
    environment.arrival = aws.w:after(RETRY, function()
      deploy(aws, environment)
    end)
    return
  end
  environment.arrival = nil
  local definition = M.next_definition(aws, environment, environment.services[1], aws.w.now)
  bluegreen.start(aws, group, { definition = definition, creator = "user", description = "New image in the registry" })
end

local function start_pipeline(aws, environment)
  if environment.arrival then
    environment.arrival.cancelled = true -- several images of one commit start one deployment
  end
  environment.arrival = aws.w:after(aws.draws:between(DEPLOY_DELAY.low, DEPLOY_DELAY.high), function()
    deploy(aws, environment)
  end)
end

--- The definition that a workflow deploys: the one there is, forced, where that names a tag; else a new one.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment
---@param service fairlead.world.aws.Service
---@param now number
---@return fairlead.world.aws.TaskDefinition
function M.definition_to_deploy(aws, environment, service, now)
  for _, item in ipairs(service.items) do
    if not names_tag(environment, item) then
      return M.next_definition(aws, environment, service, now)
    end
  end
  return service.definition or M.next_definition(aws, environment, service, now)
end

--- The workflow's calls of UpdateService, one service after the other. It does not wait for what they start.
local function update_services(aws, environment, index)
  local service = environment.services[index]
  if not service then
    return
  end
  aws.w:after(aws.draws:between(STEP.low, STEP.high), function()
    controller.start(aws, service, M.definition_to_deploy(aws, environment, service, aws.w.now))
    update_services(aws, environment, index + 1)
  end)
end

--- Somebody deploys once more what runs already, by hand, so that CodeDeploy has no time for anything else.
local function keep_busy(aws, environment, seconds)
  local group = environment.group
  if not group or group.active then
    return
  end
  local deployment = bluegreen.start(aws, group, {
    definition = group.service.definition,
    creator = "user",
    description = "Restarted by hand",
  })
  -- Its canary and its bake share what time is left after its tasks have started.
  local rest = math.max(2, seconds - environment.health_seconds - 30)
  deployment.canary_seconds, deployment.bake_seconds = rest / 2, rest / 2
end

--- Pushes the images of a commit to an environment's repositories. In a scenario they hold the software of another
--- commit, which a stale cache has brought in, under the tags of this one.
local function push(aws, environment, data)
  local scenario, stale, software = aws.w.scenario, "", data.sha
  if scenario.other_software and scenario.other_software[environment.name] then
    stale, software = " with a stale cache", aws.initial_sha
  end
  for _, item in ipairs(environment.images) do
    item.newest = ecr.push(item.repository_state, {
      identity = M.identity(aws, item, data.sha) .. stale,
      sha = software,
      tags = M.tags(item, data.short_sha or data.sha:sub(1, 7)),
      now = aws.w.now,
    })
  end
  local busy = scenario.group_busy and scenario.group_busy[environment.name]
  if busy and not environment.was_busy then
    environment.was_busy = true
    keep_busy(aws, environment, busy)
  end
  local by_hand = environment.pipeline and environment.pipeline.environment ~= environment
  if environment.pipeline and not by_hand then
    environment.pipeline:images_arrived(environment)
  elseif environment.deploys == "codedeploy" then
    start_pipeline(aws, environment)
  elseif environment.workflow_updates or by_hand then
    update_services(aws, environment, 1)
  end
end

--- An image was put into a repository through the API. A tag that the environment's images carry starts a deployment,
--- as a push by CI does.
---@param aws fairlead.world.AWS
---@param repository fairlead.world.aws.Repository
---@param image fairlead.world.aws.Image
---@param tags string[]
function M.image_arrived(aws, repository, image, tags)
  for _, environment in sorted(aws.environments) do
    for _, item in ipairs(environment.images) do
      local template = item.tags or TAGS
      if item.repository_state == repository and tags[1] == template[#template] then
        item.newest = image
        if environment.pipeline then
          environment.pipeline:images_arrived(environment)
        elseif environment.deploys == "codedeploy" then
          start_pipeline(aws, environment)
        end
      end
    end
  end
end

--- Somebody stops at once what is under way in an environment, with no way back: something else is to come.
---@param aws fairlead.world.AWS
---@param name string of the environment
function M.stop(aws, name)
  local environment = aws.environments[name]
  local active = environment.group and environment.group.active
  if active and not bluegreen.is_over(active) then
    bluegreen.stop(aws, active, false)
  end
  for _, service in ipairs(environment.services) do
    local record = records.ongoing(service)
    if record and record.status == "IN_PROGRESS" then
      controller.stop(aws, record, "ABORT")
    end
  end
end

--- Takes the images of publish jobs to their environments.
---@param aws fairlead.world.AWS
function M.listen(aws)
  aws.w:on("publish", function(data)
    local environment = aws.environments[data.environment]
    if not environment then
      error(("publish: the fixture's aws.environments has no %q"):format(tostring(data.environment)), 0)
    end
    aws.w:after(aws.w.scenario.image_delay or 0, function()
      push(aws, environment, data)
    end)
  end)
end

return M
