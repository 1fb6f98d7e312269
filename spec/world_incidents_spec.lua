-- What goes wrong with deployments in the simulated AWS, and what can be read of it afterwards: tasks, logs, lifecycle
-- events, alarms; images of other commits, images that are gone, groups that are busy, people who come between.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local message = require "fairlead.world.message"

local SHA <const>, APPLICATION <const>, find <const> = aws.SHA, aws.APPLICATION, aws.find

local function with(scenario)
  return function(w)
    w.scenario = setmetatable(scenario, { __index = w.scenario })
    return w
  end
end

--- A world whose staging fails in some way, with alarms.
local function failing(way)
  local w = aws.world { change = function(fixture)
    fixture.aws.environments.staging.failure = way
    fixture.aws.environments.staging.alarms = { "staging-web-5xx", "staging-web-slow" }
  end }
  return with { rolls_back = { staging = true } }(w)
end

local function stopped(w, pattern)
  local list = { cluster = "staging-cluster", serviceName = "staging-web", desiredStatus = "STOPPED" }
  local arns = aws.call(w, "ecs", "ListTasks", list).taskArns
  local tasks = aws.call(w, "ecs", "DescribeTasks", { cluster = "staging-cluster", tasks = arns }).tasks
  return find(tasks, function(task)
    return task.lastStatus == "STOPPED" and task.stoppedReason:find(pattern)
  end)
end

local function lines_of(w, task)
  local stream = ("staging-web/staging-web-app/%s"):format(task.taskArn:match "[^/]+$")
  local input = { logGroupName = "/ecs/staging-web", logStreamName = stream, startFromHead = true }
  local lines = {}
  for i, event in ipairs(aws.call(w, "logs", "GetLogEvents", input).events) do
    lines[i] = event.message
  end
  return table.concat(lines, "\n")
end

local function deployment(w, id)
  return aws.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
end

local function version(w)
  local answer = w:handle(message.parse { method = "GET", url = "https://www.staging.example.com/health" })
  return json.decode(answer.body).version
end

describe("a container", function()
  local function fails(way)
    local w = failing(way)
    aws.publish(w)
    clock.sleep(300)
    return w
  end

  it("that ends by itself leaves its exit code and its last lines", function()
    aws.rehearse(function()
      local w = fails "exit"
      local task = stopped(w, "^Essential container in task exited$")
      assert.equal("EssentialContainerExited 1", task.stopCode .. " " .. task.containers[1].exitCode)
      local lines = lines_of(w, task)
      assert.match("^starting commit %x+\nTraceback.*cannot start: a required setting has no value$", lines)
    end)
  end)

  it("that takes too much memory was killed for it", function()
    aws.rehearse(function()
      local w = fails "memory"
      local task = stopped(w, "^OutOfMemoryError")
      assert.equal(137, task.containers[1].exitCode)
      assert.match("Container killed due to memory usage", task.containers[1].reason)
      assert.match("entities into memory$", lines_of(w, task))
    end)
  end)

  it("whose secret is not there never starts, and writes nothing", function()
    aws.rehearse(function()
      local w = fails "secret"
      local task = stopped(w, "^ResourceInitializationError: unable to pull secrets")
      assert.equal("TaskFailedToStart", task.stopCode)
      assert.is_nil(task.startedAt)
      assert.is_nil(task.containers[1].exitCode)
      local input = { logGroupName = "/ecs/staging-web" }
      assert.equal("ResourceNotFoundException", aws.send(w, "logs", "DescribeLogStreams", input).code)
    end)
  end)

  it("that fails its health checks is told of in the service's events, by task and target group", function()
    aws.rehearse(function()
      local w = fails "health"
      local task = stopped(w, "^Task failed ELB health checks in %(target%-group arn:")
      local id = task.taskArn:match "[^/]+$"
      local texts = {}
      for i, event in ipairs(aws.service(w).events) do
        texts[i] = event.message
      end
      local told = table.concat(texts, "\n")
      local unhealthy = ("(service staging-web) (task %s) (port 8080) is unhealthy in (target-group "):format(id)
      assert.match(unhealthy, told, 1, true)
      assert.match(("has stopped 1 running tasks: (task %s)."):format(id), told, 1, true)
      assert.match('"GET /health HTTP/1.1" 500$', lines_of(w, task):gsub("\nreceived SIGTERM, stopping$", ""))
    end)
  end)
end)

describe("an alarm that goes off when the new tasks have traffic", function()
  it("stops the deployment in the middle of its shift, names itself, and the traffic goes back", function()
    aws.rehearse(function()
      local w = failing "alarm"
      local before = w.aws:live("staging").sha
      aws.publish(w)
      clock.sleep(120)
      local id = aws.newest(w).deploymentId
      assert.equal(2, #w.aws:live("staging").weights)
      clock.sleep(120)
      local info = deployment(w, id)
      assert.equal("Stopped ALARM_ACTIVE", info.status .. " " .. info.errorInformation.code)
      assert.match("Activated alarms: <staging-web-5xx>", info.errorInformation.message, 1, true)
      local event = find(aws.target(w, id).lifecycleEvents, function(event)
        return event.status == "Failed"
      end)
      assert.equal("AllowTraffic UnknownError", event.lifecycleEventName .. " " .. event.diagnostics.errorCode)
      assert.match("alarms have been activated", event.diagnostics.message)
      assert.equal(id, aws.newest(w).rollbackInfo.rollbackTriggeringDeploymentId)
      assert.same({ before, 1 }, { w.aws:live("staging").sha, #w.aws:live("staging").weights })
    end)
  end)
end)

describe("a deployment made by hand", function()
  it("of an earlier task definition takes an environment back to its image", function()
    aws.rehearse(function()
      local w = aws.world()
      local before, definition = w.aws:live("staging").sha, aws.service(w).taskDefinition
      aws.publish(w)
      clock.sleep(900)
      w:settle()
      assert.equal(SHA, w.aws:live("staging").sha)
      local content = json.encode { version = 0.0, Resources = { { TargetService = { Type = "AWS::ECS::Service",
        Properties = { TaskDefinition = definition, LoadBalancerInfo = { ContainerName = "staging-web-app",
          ContainerPort = 8080 } } } } } }
      local id = aws.call(w, "codedeploy", "CreateDeployment", {
        applicationName = APPLICATION.applicationName,
        deploymentGroupName = APPLICATION.deploymentGroupName,
        revision = { revisionType = "AppSpecContent", appSpecContent = { content = content } },
        description = "Back to what ran before",
      }).deploymentId
      clock.sleep(900)
      local info = deployment(w, id)
      assert.equal("Succeeded user Back to what ran before", info.status .. " " .. info.creator .. " "
        .. info.description)
      assert.equal(before, w.aws:live("staging").sha)
      assert.equal(definition, aws.service(w).taskDefinition)
    end)
  end)
end)

describe("the scenario image-of-other-commit", function()
  it("puts our tag on software of another commit: everything fits but the site's answer", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "image-of-other-commit" }
      local before = w.aws:live("staging")
      aws.publish(w)
      clock.sleep(900)
      assert.equal("Succeeded", aws.newest(w).status)
      local image = aws.call(w, "ecr", "DescribeImages", { repositoryName = "staging-web-app",
        imageIds = { { imageTag = SHA:sub(1, 7) } } }).imageDetails[1]
      assert.not_equal(before.digest, image.imageDigest)
      assert.equal(image.imageDigest, w.aws:live("staging").digest)
      assert.equal(before.sha, version(w))
    end)
  end)
end)

describe("the scenario deployment-limit-exceeded", function()
  it("lets CodeDeploy refuse our deployment until the one under way is over", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "deployment-limit-exceeded" }
      local before = w.aws:live("staging").sha
      aws.publish(w)
      clock.sleep(60)
      local other = aws.newest(w)
      assert.equal("InProgress Restarted by hand", other.status .. " " .. other.description)
      local refusal = w.aws.environments.staging.refusals[1]
      assert.same({ "DeploymentLimitExceededException", other.deploymentId }, { refusal.code, refusal.active })
      clock.sleep(240)
      assert.equal(other.deploymentId, aws.newest(w).deploymentId)
      clock.sleep(300)
      local ours = aws.newest(w)
      assert.not_equal(other.deploymentId, ours.deploymentId)
      assert.equal("New image in the registry", ours.description)
      assert.equal("Succeeded", deployment(w, other.deploymentId).status)
      assert.equal(before, w.aws:live("staging").sha)
      clock.sleep(900)
      w:settle()
      assert.equal(SHA, w.aws:live("staging").sha)
    end)
  end)
end)

describe("the scenario old-image-pruned", function()
  it("leaves production's tasks running an image that the registry has no more", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "old-image-pruned", change = function(fixture)
        fixture.aws.environments.production = fixture.aws.environments.staging
        fixture.aws.environments.staging = nil
      end }
      local digest, definition = w.aws:live("production").digest, aws.service(w).taskDefinition
      assert.equal(2, aws.service(w).runningCount)
      local got = aws.call(w, "ecr", "BatchGetImage", { repositoryName = "staging-web-app",
        imageIds = { { imageDigest = digest } } })
      assert.equal("ImageNotFound", got.failures[1].failureCode)
      local revision = { revisionType = "AppSpecContent", appSpecContent = { content = definition } }
      local id = aws.call(w, "codedeploy", "CreateDeployment", { applicationName = APPLICATION.applicationName,
        deploymentGroupName = APPLICATION.deploymentGroupName, revision = revision }).deploymentId
      clock.sleep(900)
      assert.equal("Failed", deployment(w, id).status)
      local task = stopped(w, "^CannotPullContainerError")
      assert.equal("TaskFailedToStart", task.stopCode)
      assert.match(digest, task.containers[1].reason, 1, true)
      assert.equal(2, aws.service(w).runningCount)
    end)
  end)
end)

describe("somebody who deploys another commit in the middle of ours", function()
  it("stops CodeDeploy's deployment, which is no rollback, and theirs is what runs", function()
    aws.rehearse(function()
      local w <close> = with { overtaken = { staging = 60 } }(aws.world())
      require("fairlead.world.colleagues").begin(w)
      w:open()
      aws.publish(w)
      clock.sleep(30)
      local ours = aws.newest(w).deploymentId
      clock.sleep(1200)
      local info = deployment(w, ours)
      assert.equal("Stopped MANUAL_STOP", info.status .. " " .. info.errorInformation.code)
      assert.is_nil(info.rollbackInfo)
      assert.equal("user Succeeded", aws.newest(w).creator .. " " .. aws.newest(w).status)
      local live = w.aws:live("staging").sha
      assert.not_equal(SHA, live)
      assert.equal("Hotfix: no search without a term", w.github:repository().commits[live].message)
    end)
  end)

  it("takes a rolling update's place", function()
    aws.rehearse(function()
      local w <close> = with { overtaken = { staging = 30 } }(async.world())
      require("fairlead.world.colleagues").begin(w)
      w:open()
      aws.publish(w)
      clock.sleep(20)
      local ours = async.service(w).currentServiceDeployment
      clock.sleep(600)
      local list = async.deployments(w)
      assert.equal(ours, list[2].serviceDeploymentArn)
      assert.equal("STOPPED SUCCESSFUL", list[2].status .. " " .. list[1].status)
      assert.not_equal(SHA, w.aws:live("staging").sha)
    end)
  end)
end)
