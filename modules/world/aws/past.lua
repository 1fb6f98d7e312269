--- What was deployed to an environment before the world began: images, task definitions, and deployments that came
--- through or did not; of which commits, is known once the repository is there.
---
--- The fixture's `earlier` is a list, the oldest first: { back = n (the commit: so many of main's first parents back),
--- days = ago, failed = true (it was rolled back), pruned = true (its images are gone from the registry) }.
local arrivals = require "fairlead.world.aws.arrivals"
local bluegreen = require "fairlead.world.aws.bluegreen"
local ecr = require "fairlead.world.aws.ecr"
local records = require "fairlead.world.aws.service_deployments"

local M = {}

local DAY <const> = 86400
--- How many days ago what runs at the start came into service.
M.SINCE = 3
--- Seconds from a push until the deployment that it starts, and the time that this takes.
local LATER <const>, TOOK <const> = 60, 700

--- What stands for a commit until the repository is made: the same in all environments.
---@param aws fairlead.world.AWS
---@param back integer how many first parents back from main; 0: main itself
---@return string sha
function M.placeholder(aws, back)
  aws.placeholders[back] = aws.placeholders[back] or aws.w:stream("aws.initial " .. back):text(40)
  return aws.placeholders[back]
end

--- Pushes an environment's images of a commit.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment
---@param sha string
---@param at number
function M.push(aws, environment, sha, at)
  for _, item in ipairs(environment.images) do
    item.newest = ecr.push(item.repository_state, {
      identity = arrivals.identity(aws, item, sha),
      sha = sha,
      tags = arrivals.tags(item, sha:sub(1, 7)),
      now = at,
    })
  end
end

local function mark_good(environment)
  for _, item in ipairs(environment.images) do
    environment.good[item.newest.digest] = true
  end
end

--- A service deployment of ECS's that is over.
local function record_service_deployment(aws, service, definition, at, failed)
  local revision = records.revise(aws, service, definition, at)
  local record = records.record(aws, service, revision, at)
  record.started_at, record.finished_at, record.updated_at = at + 2, at + TOOK, at + TOOK
  if failed then
    record.status, record.reason, record.breaker = "ROLLBACK_SUCCESSFUL", records.ROLLED_BACK, "TRIGGERED"
    record.rollback = { reason = records.ROLLED_BACK, started_at = at + TOOK / 2, revision = record.source }
    return
  end
  record.status = "SUCCESSFUL"
  service.definition = definition
  service.last_completed = { id = "ecs-svc/" .. revision.id, revision = revision, definition = definition }
end

--- Puts an environment's earlier deployments in place, before what runs at the start. Its services are there, and run
--- nothing yet.
---@param aws fairlead.world.AWS
---@param environment fairlead.world.aws.Environment
---@return {definition: fairlead.world.aws.TaskDefinition, at: number, failed: boolean?}[] of the first service
function M.create(aws, environment)
  local releases = {}
  for i, given in ipairs(environment.fixture.earlier or {}) do
    local at = aws.w.now - given.days * DAY
    M.push(aws, environment, M.placeholder(aws, given.back), at)
    for j, service in ipairs(environment.services) do
      local definition = arrivals.definition_to_deploy(aws, environment, service, at)
      if environment.deploys ~= "codedeploy" then
        record_service_deployment(aws, service, definition, at + LATER, given.failed)
      elseif not given.failed then
        service.definition = definition
      end
      if j == 1 then
        releases[i] = { definition = definition, at = at + LATER, failed = given.failed }
      end
    end
    if not given.failed then
      mark_good(environment)
    end
    if given.pruned then
      for _, item in ipairs(environment.images) do
        ecr.remove(item.repository_state, item.newest)
      end
    end
  end
  return releases
end

--- Gives CodeDeploy's group the deployments of earlier releases.
---@param aws fairlead.world.AWS
---@param group table
---@param releases {definition: fairlead.world.aws.TaskDefinition, at: number, failed: boolean?}[] as create gave them
function M.record_deployments(aws, group, releases)
  local last
  local newest = table.remove(group.deployments, 1)
  for _, release in ipairs(releases) do
    local function record(more)
      local deployment = bluegreen.record(aws, group, more)
      bluegreen.settle_past(deployment, TOOK)
      deployment.previous = last
      return deployment
    end
    local deployment = record { definition = release.definition, creator = "user", created_at = release.at,
      description = "New image in the registry" }
    if release.failed and last then
      local rollback = record { definition = last, creator = "codeDeployRollback", created_at = release.at + TOOK,
        rollback_of = deployment.id, message = ("Deployment %s was rolled back automatically."):format(deployment.id) }
      bluegreen.fail_past(deployment, rollback)
    elseif not release.failed then
      last = release.definition
    end
  end
  newest.previous = last
  table.insert(group.deployments, 1, newest)
  group.active = nil
end

--- Gives what stands for commits their real ids, in everything that runs and in every registry.
local function relabel(environments, from, to)
  for _, environment in ipairs(environments) do
    for _, item in ipairs(environment.images) do
      for _, image in ipairs(item.repository_state.images) do
        image.sha = image.sha == from and to or image.sha
        for i, tag in ipairs(image.tags) do
          image.tags[i] = tag:gsub(from:sub(1, 7), to:sub(1, 7))
        end
      end
    end
    for _, service in ipairs(environment.services) do
      for _, task in ipairs(service.tasks) do
        for _, container in ipairs(task.containers) do
          container.sha = container.sha == from and to or container.sha
        end
      end
    end
  end
end

--- The repository has been made: what runs is of its main branch, what ran before of that commit's first parents.
---@param aws fairlead.world.AWS
---@param environments fairlead.world.aws.Environment[]
---@param commits table<string, {parents: string[]}>? the repository's
---@param sha string main's
function M.relabel(aws, environments, commits, sha)
  relabel(environments, aws.initial_sha, sha)
  aws.initial_sha = sha
  local most = 0
  for back in pairs(aws.placeholders) do
    most = math.max(most, back)
  end
  local at = sha
  for back = 1, most do
    at = at and commits and commits[at] and commits[at].parents[1]
    if at and aws.placeholders[back] then
      relabel(environments, aws.placeholders[back], at)
    end
  end
end

return M
