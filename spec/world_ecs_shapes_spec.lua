-- The simulated ECS's answers about service deployments against ECS's own model. Debian 12's botocore is older than
-- these operations: a newer one is used where there is one.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"

--- A Python whose botocore knows service deployments and pause hooks; nil when there is none.
local function newer_python()
  local code = "import botocore.loaders as l; "
    .. "l.Loader().load_service_model('ecs', 'service-2')['operations']['ContinueServiceDeployment']"
  for _, python in ipairs { "python3", "/usr/bin/python3" } do
    local ok, done = pcall(process.run, { python, "-c", code, timeout = 60 })
    if ok and done.code == 0 then
      return python
    end
  end
end

describe("what ECS says of service deployments", function()
  it("has the members and types of its model", function()
    local python = newer_python()
    if not python then
      return pending "no botocore here that knows ContinueServiceDeployment"
    end
    local lines = {}
    local function ask(w, operation, input)
      local output = aws.call(w, "ecs", operation, input)
      lines[#lines + 1] = json.encode { service = "ecs", operation = operation, output = output }
      return output
    end
    local function ask_all(w)
      for _, name in ipairs(async.NAMES) do
        ask(w, "DescribeServices", { cluster = async.CLUSTER, services = { name } })
        local listed = ask(w, "ListServiceDeployments", { cluster = async.CLUSTER, service = name })
        for _, brief in ipairs(listed.serviceDeployments) do
          ask(w, "DescribeServiceDeployments", { serviceDeploymentArns = { brief.serviceDeploymentArn, "arn:x" } })
          ask(w, "DescribeServiceRevisions", { serviceRevisionArns = { brief.targetServiceRevisionArn, "arn:x" } })
        end
        local arns = ask(w, "ListTaskDefinitions", { familyPrefix = name }).taskDefinitionArns
        ask(w, "DescribeTaskDefinition", { taskDefinition = arns[1] })
        local stopped = ask(w, "ListTasks", { cluster = async.CLUSTER, serviceName = name, desiredStatus = "STOPPED" })
        if #stopped.taskArns > 0 then
          ask(w, "DescribeTasks", { cluster = async.CLUSTER, tasks = stopped.taskArns })
        end
      end
    end
    local function follow(change, scenario)
      aws.rehearse(function()
        local w = async.world { scenario = scenario, change = change }
        aws.publish(w)
        for _ = 1, 12 do
          clock.sleep(60)
          ask_all(w)
        end
        local arn = async.deployments(w)[1].serviceDeploymentArn
        for _, detail in ipairs(async.deployments(w)[1].lifecycleHookDetails or {}) do
          ask(w, "ContinueServiceDeployment", { serviceDeploymentArn = arn, hookId = detail.hookId })
        end
        if async.service(w).currentServiceDeployment then
          ask(w, "StopServiceDeployment", { serviceDeploymentArn = arn, stopType = "ROLLBACK" })
        end
        clock.sleep(120)
        ask_all(w)
        ask(w, "DeregisterTaskDefinition", { taskDefinition = async.API .. ":1" })
      end)
    end
    follow(nil, "rolling-update-rolls-back")
    follow(function(staging)
      staging.deploys, staging.alarms = "blue_green", { "api-5xx" }
      staging.lifecycle_hooks = { { stages = { "POST_SCALE_UP" } } }
    end)
    for _, strategy in ipairs { "CANARY", "LINEAR" } do
      follow(function(staging)
        staging.deploys, staging.strategy = "blue_green", strategy
        staging.failure, staging.alarms = "alarm", { "api-5xx" }
      end, "rolling-update-rolls-back")
    end
    local checked = process.run { python, "spec/support/aws_shapes.py", stdin = table.concat(lines, "\n") }
    assert.equal(("checked %d\n"):format(#lines), checked.stdout .. checked.stderr)
    assert.is_true(#lines > 200)
  end)
end)
