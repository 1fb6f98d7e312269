--- For specs of the simulated AWS: an application of two images and two services in one cluster, which its workflow
--- brings up to date by forcing rolling updates.
local aws = require "spec.support.aws"

local M = {}

M.CLUSTER = "staging-cluster"
M.API = "staging-pub-async-request-api"
M.PROCESSOR = "staging-pub-async-request-processor"
M.NAMES = { M.API, M.PROCESSOR }

--- Puts it in the place of staging's web application in spec.support.aws's fixture.
---@param change fun(staging: table)? changes the environment
function M.fixture(change)
  local function image(name, service, more)
    more.repository, more.service = "staging-pub-async-" .. name, service
    more.tags = { "<short sha>", "main" }
    return more
  end
  local staging = {
    account = "333333333333",
    region = "eu-west-2",
    cluster = M.CLUSTER,
    images = {
      image("request-api", M.API, {}),
      image("request-processor", M.PROCESSOR, { load_balanced = false }),
    },
    deploys = "rolling",
    tasks = 2,
    health_seconds = 30,
    breaker = { enable = true, rollback = true },
  }
  if change then
    change(staging)
  end
  return function(fixture)
    fixture.aws.environments.staging = staging
  end
end

--- A world with it.
---@param options {scenario: string?, seed: integer?, change: fun(staging: table)?}?
function M.world(options)
  options = options or {}
  return aws.world { scenario = options.scenario, seed = options.seed, change = M.fixture(options.change) }
end

--- A service as ECS describes it.
---@param name string?
function M.service(w, name)
  return aws.service(w, M.CLUSTER, name or M.API)
end

--- A service's service deployments in full, the newest first.
---@param name string?
function M.deployments(w, name)
  local arns = {}
  local input = { cluster = M.CLUSTER, service = name or M.API }
  for i, brief in ipairs(aws.call(w, "ecs", "ListServiceDeployments", input).serviceDeployments) do
    arns[i] = brief.serviceDeploymentArn
  end
  return aws.call(w, "ecs", "DescribeServiceDeployments", { serviceDeploymentArns = arns }).serviceDeployments
end

--- A service's tasks, described.
---@param name string?
---@param status "RUNNING"|"STOPPED"|nil
function M.tasks(w, name, status)
  local input = { cluster = M.CLUSTER, serviceName = name or M.API, desiredStatus = status }
  local arns = aws.call(w, "ecs", "ListTasks", input).taskArns
  if #arns == 0 then
    return {}
  end
  return aws.call(w, "ecs", "DescribeTasks", { cluster = M.CLUSTER, tasks = arns }).tasks
end

--- What the AWS CLI's `ecs wait services-stable` looks at (botocore, ecs waiters-2.json).
---@param name string?
function M.is_stable(w, name)
  local service = M.service(w, name)
  return #service.deployments == 1 and service.runningCount == service.desiredCount
end

return M
