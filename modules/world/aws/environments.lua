--- The environments of the fixture: makes what exists in each when the world begins, and tells what is live. What new
--- images set going is in arrivals.lua.
---
--- An environment of the fixture: { account=, region=, cluster=, service= (where its images name none),
---   images = {{ repository=, service=, tags = {"<short sha>" (or "sha-<short sha>"), "main"}, container=,
---     reference = "digest"|"latest" (a task definition names the image by digest, or by the tag that moves),
---     moving_tag=, load_balanced = false, failure = as below, for this service }},
---   deploys = "codedeploy"|"rolling" (or "ecs")|"blue_green", strategy = "CANARY"|"LINEAR" (of blue_green),
---   application=, group=, deployment_config=, auto_rollback = {events}, ready_wait_seconds=  (CodeDeploy)
---   workflow_updates = false (the workflow that pushes does not call UpdateService), breaker = {enable=, rollback=},
---   lifecycle_hooks = {{ stages = {…}, timeout_minutes=, action= }}  (ECS)
---   tasks=, health_seconds=, health_path=, canary_seconds=, canary_weight=, bake_seconds=, install_timeout=, alarms=,
---   failure = "health"|"exit"|"memory"|"secret"|"alarm", earlier = see past.lua, queues=, parameters=, secrets=,
---   tables=, workers= }
local arrivals = require "fairlead.world.aws.arrivals"
local bluegreen = require "fairlead.world.aws.bluegreen"
local ecr = require "fairlead.world.aws.ecr"
local ecs = require "fairlead.world.aws.ecs"
local past = require "fairlead.world.aws.past"
local sorted = require "fairlead.sorted"
local tasks = require "fairlead.world.aws.tasks"
local workers = require "fairlead.world.aws.workers"

local M = {}

--- Days since which the first version has been running.
local DAY <const> = 86400

---@class fairlead.world.aws.Environment
---@field name string
---@field account string
---@field region string
---@field deploys "codedeploy"|"ecs"|"rolling"|"blue_green" what brings a new image into service; "ecs" and "rolling"
--- are the same
---@field strategy "ROLLING"|"BLUE_GREEN"|"CANARY"|"LINEAR" of services that ECS deploys
---@field workflow_updates boolean the workflow that pushes images then calls UpdateService; false: nobody does
---@field services fairlead.world.aws.Service[]
---@field images table[] the fixture's images with `repository_state`
---@field group table? CodeDeploy's deployment group
---@field pipeline fairlead.world.aws.Pipeline? what brings new images into service instead
---@field good table<string, boolean> digests that work, whatever the scenario
---@field refusals {at: number, code: string, active: string}[] CodeDeploy's, of the pipeline that starts deployments
---@field health_seconds number from a container's start until it is healthy
---@field canary_seconds number how long part of the traffic goes to the new tasks
---@field canary_weight integer percent of that part
---@field bake_seconds number from all traffic until the old tasks are stopped
---@field install_timeout number after which tasks that never become healthy end a deployment
---@field ready_wait_seconds number? a deployment waits for ContinueDeployment before it shifts traffic, at most so long
---@field failure "health"|"exit"|"memory"|"secret"|"alarm" how a version that does not work fails
---@field health_path string
---@field breaker {enable: boolean, rollback: boolean}? of services that ECS deploys
---@field hooks table[] pause hooks of such services; in the fixture {stages = {…}, timeout_minutes=, action=}
---@field alarms string[]? names of alarms that stop a failing deployment

local STRATEGIES <const> = { codedeploy = "ROLLING", ecs = "ROLLING", rolling = "ROLLING", blue_green = "BLUE_GREEN" }

--- The fixture's pause hooks as the API describes them.
local function hooks_of(list)
  local hooks = {}
  for i, hook in ipairs(list or {}) do
    hooks[i] = {
      targetType = "PAUSE",
      lifecycleStages = hook.stages,
      timeoutConfiguration = {
        timeoutInMinutes = hook.timeout_minutes or 1440,
        action = hook.action or "ROLLBACK",
      },
    }
  end
  return hooks
end

local function with_defaults(name, fixture)
  local strategy = STRATEGIES[fixture.deploys or "codedeploy"]
  if not strategy then
    error(("the fixture's aws.environments.%s: deploys: %q is none of codedeploy, ecs, rolling, blue_green"):format(
      name, tostring(fixture.deploys)), 0)
  end
  return {
    name = name,
    fixture = fixture,
    account = fixture.account,
    region = fixture.region,
    deploys = fixture.deploys or "codedeploy",
    strategy = fixture.strategy or strategy,
    workflow_updates = fixture.workflow_updates ~= false,
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
    hooks = hooks_of(fixture.lifecycle_hooks),
    alarms = fixture.alarms,
    images = {},
    services = {},
    good = {},
    refusals = {},
  }
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
        load_balanced = item.load_balanced ~= false,
        created_at = created_at,
      })
      service.failure = item.failure
      by_name[name] = service
      service.items = {}
      table.insert(environment.services, service)
    end
    table.insert(service.items, item)
  end
end

--- Brings into service what runs when the world begins.
local function run_initial(aws, environment)
  local at = aws.w.now - past.SINCE * DAY
  past.push(aws, environment, aws.initial_sha, at)
  for _, item in ipairs(environment.images) do
    environment.good[item.newest.digest] = true
  end
  for _, service in ipairs(environment.services) do
    local definition = arrivals.definition_to_deploy(aws, environment, service, at)
    ecs.run_initial(aws, service, definition, at + 60)
  end
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
  for i, item in ipairs(fixture.images or {}) do
    local repository = store.ecr.repositories[item.repository]
      or ecr.create_repository(store, item.repository, created_at, { immutable = item.immutable })
    repository.begun_by = repository.begun_by or name -- several environments may take their images from one
    environment.images[i] = setmetatable({
      repository_state = repository,
      environment = environment,
    }, { __index = item })
  end
  create_services(aws, environment, store, created_at)
  local releases = past.create(aws, environment)
  run_initial(aws, environment)
  if environment.deploys == "codedeploy" and environment.services[1] then
    environment.group = bluegreen.create_group(aws, environment, store, created_at)
    past.record_deployments(aws, environment.group, releases)
  end
  put_extras(aws, environment, store)
  workers.create(aws, environment, store)
  aws.environments[name] = environment
end

--- Makes every environment and listens for what reaches them.
---@param aws fairlead.world.AWS
function M.create(aws)
  aws.placeholders = {}
  aws.initial_sha = past.placeholder(aws, 0)
  for name, fixture in sorted(aws.fixture.environments) do
    create(aws, name, fixture)
  end
  -- Once all are there: where several take their images from one registry, the image is gone for all of them.
  for name, environment in sorted(aws.environments) do
    for _, item in ipairs((aws.w.scenario.pruned or {})[name] and environment.images or {}) do
      ecr.remove(item.repository_state, item.newest)
    end
  end
  if next(aws.environments) then -- a fixture without them publishes to nowhere
    arrivals.listen(aws)
  end
  aws.w:on("opened", function(folder)
    local sha = folder.sha or folder.repository.branches[aws.w.fixture.github.default_branch]
    if sha then
      local list = {}
      for _, environment in sorted(aws.environments) do
        list[#list + 1] = environment
      end
      past.relabel(aws, list, folder.repository and folder.repository.commits, sha)
    end
  end)
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

--- What takes a service's traffic now, and by how much.
local function live_service(aws, service)
  local live, most = { weights = {}, test_weights = {}, definition = service.definition.arn }, 0
  for _, share in ipairs(ecs.traffic(aws, service)) do
    local image = running_image(aws, service, share.started_by)
    if share.weight > 0 then
      table.insert(live.weights, { sha = image.sha, digest = image.digest, weight = share.weight })
    end
    local test_weight = share.test_weight or share.weight
    if test_weight > 0 then
      table.insert(live.test_weights, { sha = image.sha, digest = image.digest, weight = test_weight })
    end
    if share.weight > most then
      most = share.weight
      live.sha, live.digest, live.deployment = image.sha, image.digest, share.deployment
      live.short_sha = image.sha and image.sha:sub(1, 7)
    end
  end
  return live
end

--- What takes an environment's traffic now: see AWS:live. Where its services run different commits there is no `sha`;
--- `services` has each one's.
---@param aws fairlead.world.AWS
---@param name string
---@return {sha: string?, short_sha: string?, digest: string?, deployment: string?, weights: table[],
--- services: table<string, table>} live
function M.live(aws, name)
  local environment = aws.environments[name]
  local first = environment and environment.services[1]
  if not first then
    return { weights = {}, test_weights = {}, services = {} }
  end
  local services, agree = {}, true
  for _, service in ipairs(environment.services) do
    services[service.name] = live_service(aws, service)
    agree = agree and services[service.name].sha == services[first.name].sha
  end
  local live = { services = services }
  for key, value in pairs(services[first.name]) do
    live[key] = value
  end
  if not agree then
    live.sha, live.short_sha = nil, nil
  end
  return live
end

return M
