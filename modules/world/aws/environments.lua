--- The environments of the fixture: makes what exists in each when the world begins, takes newly pushed images to their
--- deployment, and tells what is live.
local bluegreen = require "fairlead.world.aws.bluegreen"
local ecr = require "fairlead.world.aws.ecr"
local ecs = require "fairlead.world.aws.ecs"
local sorted = require "fairlead.sorted"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

--- Seconds from an image's arrival to the deployment that it starts: the registry's event, a pipeline, a hook.
local DEPLOY_DELAY <const> = { low = 4, high = 12 }
--- Days since which the first version has been running.
local DAY <const> = 86400

---@class fairlead.world.aws.Environment
---@field name string
---@field account string
---@field region string
---@field deploys "codedeploy"|"ecs" what brings a new image into service
---@field services fairlead.world.aws.Service[]
---@field images table[] the fixture's images with `repository_state`
---@field group table? CodeDeploy's deployment group
---@field good table<string, boolean> digests that work, whatever the scenario
---@field health_seconds number from a container's start until it is healthy
---@field canary_seconds number how long part of the traffic goes to the new tasks
---@field canary_weight integer percent of that part
---@field bake_seconds number from all traffic until the old tasks are stopped
---@field install_timeout number after which tasks that never become healthy end a deployment
---@field ready_wait_seconds number? a deployment waits for ContinueDeployment before it shifts traffic, at most so long
---@field failure "health"|"exit" how a version that does not work fails
---@field health_path string
---@field breaker {enable: boolean, rollback: boolean}? of a rolling update
---@field alarms string[]? names of alarms that stop a failing deployment

local function with_defaults(name, fixture)
  return {
    name = name,
    fixture = fixture,
    account = fixture.account,
    region = fixture.region,
    deploys = fixture.deploys or "codedeploy",
    tasks = fixture.tasks or 2,
    health_seconds = fixture.health_seconds or 45,
    canary_seconds = fixture.canary_seconds or 300,
    canary_weight = fixture.canary_weight or 20,
    bake_seconds = fixture.bake_seconds or 300,
    install_timeout = fixture.install_timeout or 600,
    ready_wait_seconds = fixture.ready_wait_seconds,
    failure = fixture.failure or "health",
    health_path = fixture.health_path or "/health",
    breaker = fixture.breaker,
    alarms = fixture.alarms,
    images = {},
    services = {},
    good = {},
  }
end

--- A template of tags, for a commit.
local function tags_for(template, short_sha)
  local tags = {}
  for i, tag in ipairs(template or { "<short sha>", "latest" }) do
    tags[i] = tag == "<short sha>" and short_sha or tag
  end
  return tags
end

local function identity(aws, environment, sha)
  return ("%s %s %d"):format(sha, environment.name, aws.w.seed)
end

--- How a task definition names an image: by digest, or by a tag that moves.
local function image_text(item, image)
  if item.reference == "latest" then
    return item.repository_state.uri .. ":" .. (item.moving_tag or "latest")
  end
  return item.repository_state.uri .. "@" .. image.digest
end

local function create_services(aws, environment, store, created_at)
  local by_name, fixture = {}, environment.fixture
  for _, item in ipairs(environment.images) do
    local name = item.service or fixture.service
    local service = by_name[name]
    if not service then
      service = ecs.create_service(aws, store, {
        cluster = fixture.cluster,
        name = name,
        environment = environment,
        desired = environment.tasks,
        controller = environment.deploys == "codedeploy" and "CODE_DEPLOY" or "ECS",
        created_at = created_at,
      })
      by_name[name] = service
      service.items = {}
      table.insert(environment.services, service)
    end
    table.insert(service.items, item)
  end
  for _, service in ipairs(environment.services) do
    local definition = M.next_definition(aws, environment, service, created_at)
    ecs.run_initial(aws, service, definition, created_at + 60)
  end
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
    containers[i] = {
      name = item.container or item.repository:match "[^/]+$",
      image = image_text(item, item.newest),
      group = "/ecs/" .. service.name,
      prefix = service.name,
    }
  end
  local store = aws:store(environment.account, environment.region)
  return ecs.register(store, { family = service.name, containers = containers, now = now })
end

local function put_extras(aws, environment, store)
  local fixture = environment.fixture
  for _, kind in ipairs { "sqs", "ssm", "secretsmanager", "dynamodb" } do
    require("fairlead.world.aws." .. kind).create(aws, store, fixture)
  end
end

local function create(aws, name, fixture)
  local environment = with_defaults(name, fixture)
  local store = aws:store(environment.account, environment.region)
  local created_at = aws.w.now - 30 * DAY
  local sha = aws.w:stream("aws.initial"):text(40)
  aws.initial_sha = sha
  for i, item in ipairs(fixture.images or {}) do
    local repository = store.ecr.repositories[item.repository]
      or ecr.create_repository(store, item.repository, created_at, { immutable = item.immutable })
    local copy = setmetatable({ repository_state = repository, environment = environment }, { __index = item })
    copy.newest = ecr.push(repository, {
      identity = identity(aws, environment, sha),
      sha = sha,
      tags = tags_for(item.tags, sha:sub(1, 7)),
      now = aws.w.now - 3 * DAY,
    })
    environment.good[copy.newest.digest] = true
    environment.images[i] = copy
  end
  create_services(aws, environment, store, created_at)
  if environment.deploys == "codedeploy" and environment.services[1] then
    environment.group = bluegreen.create_group(aws, environment, store, created_at)
  end
  put_extras(aws, environment, store)
  aws.environments[name] = environment
end

--- Gives what runs at the start the commit that the repository's main branch really has.
local function relabel(aws, sha)
  for _, environment in sorted(aws.environments) do
    for _, item in ipairs(environment.images) do
      for _, image in ipairs(item.repository_state.images) do
        if image.sha == aws.initial_sha then
          image.sha = sha
          for i, tag in ipairs(image.tags) do
            image.tags[i] = tag == aws.initial_sha:sub(1, 7) and sha:sub(1, 7) or tag
          end
        end
      end
    end
    for _, service in ipairs(environment.services) do
      for _, task in ipairs(service.tasks) do
        for _, container in ipairs(task.containers) do
          container.sha = container.sha == aws.initial_sha and sha or container.sha
        end
      end
    end
  end
  aws.initial_sha = sha
end

--- Starts a deployment of an environment's newest images as soon as its group is free: one at a time.
local function deploy(aws, environment)
  local group = environment.group
  if group.active then
    environment.waiting = true
    return
  end
  environment.waiting = false
  local service = environment.services[1]
  local definition = M.next_definition(aws, environment, service, aws.w.now)
  bluegreen.start(aws, group, { definition = definition, creator = "user", description = "New image in the registry" })
end

--- Everything that a new image sets going, wherever it came from.
local function arrived(aws, environment)
  if environment.deploys ~= "codedeploy" then
    return
  end
  local delay = aws.draws:between(DEPLOY_DELAY.low, DEPLOY_DELAY.high)
  if environment.arrival then
    environment.arrival.cancelled = true -- several images of one commit start one deployment
  end
  environment.arrival = aws.w:after(delay, function()
    environment.arrival = nil
    deploy(aws, environment)
  end)
end

local function publish(aws, data)
  local environment = aws.environments[data.environment]
  if not environment then
    error(("publish: the fixture's aws.environments has no %q"):format(tostring(data.environment)), 0)
  end
  aws.w:after(aws.w.scenario.image_delay or 0, function(now)
    for _, item in ipairs(environment.images) do
      item.newest = ecr.push(item.repository_state, {
        identity = identity(aws, environment, data.sha),
        sha = data.sha,
        tags = tags_for(item.tags, data.short_sha or data.sha:sub(1, 7)),
        now = now,
      })
    end
    arrived(aws, environment)
  end)
end

--- Makes every environment and listens for what reaches them.
---@param aws fairlead.world.AWS
function M.create(aws)
  for name, fixture in sorted(aws.fixture.environments) do
    create(aws, name, fixture)
  end
  if next(aws.environments) then -- a fixture without them publishes to nowhere
    aws.w:on("publish", function(data)
      publish(aws, data)
    end)
  end
  aws.w:on("opened", function(folder)
    local sha = folder.sha or folder.repository.branches[aws.w.fixture.github.default_branch]
    if sha then
      relabel(aws, sha)
    end
  end)
  aws.w:on("deployment_finished", function(data)
    local environment = aws.environments[data.environment]
    if environment.waiting and not environment.group.active then
      deploy(aws, environment)
    end
  end)
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
      local template = item.tags or { "<short sha>", "latest" }
      if item.repository_state == repository and tags[1] == template[#template] then
        item.newest = image
        arrived(aws, environment)
      end
    end
  end
end

--- The commit and digest that a task set's or deployment's tasks run.
local function running_image(aws, service, started_by)
  for _, task in ipairs(tasks.of(aws, service, started_by)) do
    if task.last_status == "RUNNING" and task.containers[1].digest then
      return task.containers[1]
    end
  end
  return {}
end

--- What takes an environment's traffic now: see AWS:live.
---@param aws fairlead.world.AWS
---@param name string
---@return {sha: string?, short_sha: string?, digest: string?, deployment: string?, weights: table[]}
function M.live(aws, name)
  local environment = aws.environments[name]
  local service = environment and environment.services[1]
  if not service then
    return { weights = {} }
  end
  local live, most = { weights = {} }, 0
  for _, share in ipairs(ecs.traffic(aws, service)) do
    local image = running_image(aws, service, share.started_by)
    if share.weight > 0 then
      table.insert(live.weights, { sha = image.sha, digest = image.digest, weight = share.weight })
    end
    if share.weight > most then
      most = share.weight
      live.sha, live.digest, live.deployment = image.sha, image.digest, share.deployment
      live.short_sha = image.sha and image.sha:sub(1, 7)
    end
  end
  return live
end

return M
