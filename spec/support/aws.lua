--- For specs of the simulated AWS: a fixture, and calls signed like a client's.
local clients = require "fairlead.aws"
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local sigv4 = require "fairlead.sigv4"
local small_world = require "spec.support.world"
local variables = require "fairlead.environment"
local world = require "fairlead.world"

local M = {}

M.START = 1772442000 -- 2026-03-02T09:00:00Z

local TARGETS <const> = {
  codedeploy = "CodeDeploy_20141006",
  dynamodb = "DynamoDB_20120810",
  ecr = "AmazonEC2ContainerRegistry_V20150921",
  ecs = "AmazonEC2ContainerServiceV20141113",
  logs = "Logs_20140328",
  secretsmanager = "secretsmanager",
  sqs = "AmazonSQS",
  ssm = "AmazonSSM",
}

--- Two environments: one that CodeDeploy brings up to date, one whose service ECS updates by rolling.
function M.fixture()
  return {
    start = M.START,
    github = small_world.fixture().github,
    slack = small_world.fixture().slack,
    people = {},
    aws = {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
      environments = {
        staging = {
          account = "111111111111",
          region = "eu-west-2",
          cluster = "staging-cluster",
          service = "staging-web",
          images = { { repository = "staging-web-app", tags = { "<short sha>", "latest" } } },
          deploys = "codedeploy",
          application = "staging-web",
          group = "staging-web-deployment",
          tasks = 2,
          health_seconds = 40,
          queues = { "staging-jobs" },
          parameters = {
            ["/staging/web/colour"] = "green",
            ["/staging/web/password"] = { value = "hunter2", type = "SecureString" },
            ["/staging/web/deep/depth"] = "3",
          },
          secrets = { ["staging/key"] = "s3cr3t" },
          tables = { { name = "locks", key = "LockID" } },
        },
        worker = {
          account = "222222222222",
          region = "eu-west-2",
          cluster = "worker-cluster",
          service = "worker-api",
          images = {
            { repository = "worker-api", tags = { "<short sha>", "main" }, reference = "latest", moving_tag = "main" },
          },
          deploys = "ecs",
          workflow_updates = false,
          tasks = 2,
          health_seconds = 20,
          breaker = { enable = true, rollback = true },
        },
      },
    },
    sites = {
      ["www.staging.example.com"] = { environment = "staging", health = "/health", version_header = "x-version" },
    },
  }
end

--- A world of that fixture.
---@param options {scenario: string?, seed: integer?, change: fun(fixture: table)?}?
function M.world(options)
  options = options or {}
  local fixture = M.fixture()
  if options.change then
    options.change(fixture)
  end
  return world.new { seed = options.seed, scenario = options.scenario, fixture = fixture }
end

--- Sends a signed request; `change(sent)` may spoil it after it was signed.
---@return table answer with `status`, `code` (of an error) and the decoded `body`
---@return table|nil headers
function M.send(w, service, operation, input, options)
  options = options or {}
  local version = (service == "sqs" or service == "dynamodb") and "1.0" or "1.1"
  local host = service == "ecr" and "api.ecr" or service
  local sign = {
    method = "POST",
    url = ("https://%s.eu-west-2.amazonaws.com/"):format(host),
    headers = {
      ["content-type"] = "application/x-amz-json-" .. version,
      ["x-amz-target"] = TARGETS[service] .. "." .. operation,
    },
    body = type(input) == "string" and input or json.encode(input),
    service = service,
    region = "eu-west-2",
    credentials = {
      access_key_id = "AKIDEXAMPLE",
      secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
    time = clock.now(),
  }
  for name, value in pairs(options.sign or {}) do
    sign[name] = value
  end
  local signed, headers = sigv4.sign(sign), {}
  for name, value in pairs(signed.headers) do
    if type(name) == "number" then
      name, value = value[1], value[2]
    end
    headers[#headers + 1] = { name, tostring(value) }
  end
  local sent = { method = sign.method, url = sign.url, headers = headers, body = sign.body }
  if options.change then
    options.change(sent)
  end
  local answer = w:handle(message.parse(sent))
  local body = answer.body ~= "" and answer.body:sub(1, 1) == "{" and json.decode(answer.body) or answer.body
  local code = type(body) == "table" and body.__type or nil
  return { status = answer.status, code = code, body = body, headers = answer.headers }
end

--- Calls an operation that must succeed.
---@return table output
function M.call(w, service, operation, input)
  local answer = M.send(w, service, operation, input)
  if answer.status ~= 200 then
    error(("%s.%s: %d %s"):format(service, operation, answer.status, json.encode(answer.body)), 2)
  end
  return answer.body
end

--- Calls `body(session)` with the world in the network's place and the real clients' session: on a virtual clock.
---@param w fairlead.world.World
---@param body async fun(session: fairlead.aws.Session): ...
function M.with_clients(w, body)
  return variables.with({ ["AWS_*"] = false }, http.with_transport, w:transport(), function()
    return body(clients.session { region = "eu-west-2", credentials = w.fixture.aws })
  end)
end

M.SHA = "ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12"
M.APPLICATION = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
M.TARGET = "staging-cluster:staging-web"

--- What a publish job does that built SHA.
function M.publish(w, environment)
  w:publish { environment = environment or "staging", sha = M.SHA, short_sha = M.SHA:sub(1, 7), at = w.now }
end

--- The newest deployment of staging's group.
function M.newest(w)
  local id = M.call(w, "codedeploy", "ListDeployments", M.APPLICATION).deployments[1]
  return M.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
end

--- A deployment's one target.
function M.target(w, id)
  local input = { deploymentId = id, targetId = M.TARGET }
  return M.call(w, "codedeploy", "GetDeploymentTarget", input).deploymentTarget.ecsTarget
end

--- A service, staging's when none is named.
function M.service(w, cluster, name)
  local input = { cluster = cluster or "staging-cluster", services = json.array { name or "staging-web" } }
  return M.call(w, "ecs", "DescribeServices", input).services[1]
end

--- The first of a list for which `fn` is true.
function M.find(list, fn)
  for _, item in ipairs(list) do
    if fn(item) then
      return item
    end
  end
end

--- Runs a body on a virtual clock that begins when the fixture does.
function M.rehearse(fn, ...)
  return clock.simulate({ start = M.START }, fn, ...)
end

return M
