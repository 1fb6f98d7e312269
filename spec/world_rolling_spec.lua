-- ECS's rolling updates in the simulated AWS, of an application of two images and two services: the workflow forces
-- them, the circuit breaker takes them back, people stop them and go back to earlier task definitions.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"

local API <const>, PROCESSOR <const>, NAMES <const> = async.API, async.PROCESSOR, async.NAMES
local SHA <const> = aws.SHA

local function update(w, input)
  input.cluster, input.service = async.CLUSTER, input.service or API
  return aws.call(w, "ecs", "UpdateService", input).service
end

--- The digest to which a repository's tag points.
local function digest_of(w, repository, tag)
  local input = { repositoryName = repository, imageIds = { { imageTag = tag } } }
  return aws.call(w, "ecr", "DescribeImages", input).imageDetails[1].imageDigest
end

local function revision(w, arn)
  return aws.call(w, "ecs", "DescribeServiceRevisions", { serviceRevisionArns = { arn } }).serviceRevisions[1]
end

describe("a workflow that publishes two images", function()
  it("then forces a new deployment of each service, and each rolls over to what its tag has come to mean", function()
    aws.rehearse(function()
      local w = async.world()
      local before, deployed = {}, {}
      for _, name in ipairs(NAMES) do
        before[name] = async.service(w, name).deployments[1].id
      end
      w:on("deployed", function(data)
        deployed[data.service] = data.sha
      end)
      aws.publish(w)
      clock.sleep(10)
      for _, name in ipairs(NAMES) do
        local service = async.service(w, name)
        assert.equal(2, #service.deployments, name)
        assert.equal("PRIMARY IN_PROGRESS", service.deployments[1].status .. " " .. service.deployments[1].rolloutState)
        assert.equal("ACTIVE", service.deployments[2].status)
        assert.equal(before[name], service.deployments[2].id)
        assert.equal(async.deployments(w, name)[1].serviceDeploymentArn, service.currentServiceDeployment)
        assert.is_false(async.is_stable(w, name))
      end
      clock.sleep(300)
      for i, name in ipairs(NAMES) do
        local repository = ({ "staging-pub-async-request-api", "staging-pub-async-request-processor" })[i]
        local digest, newest = digest_of(w, repository, SHA:sub(1, 7)), async.deployments(w, name)[1]
        assert.is_true(async.is_stable(w, name))
        assert.equal("SUCCESSFUL", newest.status)
        assert.is_nil(newest.lifecycleStage) -- a rolling update reports none
        assert.is_nil(async.service(w, name).currentServiceDeployment)
        local images = revision(w, newest.targetServiceRevision.arn).containerImages
        assert.equal(digest, images[1].imageDigest)
        assert.match(":main$", images[1].image)
        for _, task in ipairs(async.tasks(w, name)) do
          assert.equal(digest, task.containers[1].imageDigest)
          assert.match(":main$", task.containers[1].image)
        end
        assert.equal(SHA, deployed[name])
        assert.equal(SHA, w.aws:live("staging").services[name].sha)
      end
      assert.equal(SHA, w.aws:live("staging").sha)
    end)
  end)

  it("leaves the environment of two commits when one service fails, and no commit can be called live", function()
    aws.rehearse(function()
      local w = async.world()
      w.scenario = setmetatable({ rolling_fails = { staging = "processor" } }, { __index = w.scenario })
      local before = w.aws:live("staging").sha
      aws.publish(w)
      clock.sleep(1200)
      w:settle()
      local live = w.aws:live("staging")
      assert.equal(SHA, live.services[API].sha)
      assert.equal(before, live.services[PROCESSOR].sha)
      assert.is_nil(live.sha)
      local failed = aws.find(async.tasks(w, PROCESSOR, "STOPPED"), function(task)
        return task.stoppedReason == "Task failed container health checks" -- it has no load balancer
      end)
      assert.equal("ServiceSchedulerInitiated", failed.stopCode)
      assert.same({}, { table.unpack(async.service(w, PROCESSOR).loadBalancers) })
    end)
  end)
end)

describe("the scenario rolling-update-rolls-back", function()
  it("ends with a service that looks as after a success, running the image of before", function()
    aws.rehearse(function()
      local w = async.world { scenario = "rolling-update-rolls-back" }
      local before, old = w.aws:live("staging").sha, async.service(w).deployments[1]
      local old_digest = async.tasks(w)[1].containers[1].imageDigest
      aws.publish(w)
      clock.sleep(15)
      local service = async.service(w)
      local mine, arn = service.deployments[1].id, service.currentServiceDeployment
      local seen = {}
      for _ = 1, 240 do
        clock.sleep(5)
        local status = async.deployments(w)[1].status
        if seen[#seen] ~= status then
          seen[#seen + 1] = status
        end
      end
      assert.same({ "IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_SUCCESSFUL" }, seen)
      assert.is_true(async.is_stable(w))
      service = async.service(w)
      assert.equal("COMPLETED", service.deployments[1].rolloutState)
      assert.not_equal(mine, service.deployments[1].id)
      assert.not_equal(old.id, service.deployments[1].id)
      -- The same task definition all along: comparing definitions tells nothing here.
      assert.equal(old.taskDefinition, service.deployments[1].taskDefinition)
      -- The tag means the new image; the revision that is rolled back to still has the digest of then.
      assert.not_equal(old_digest, digest_of(w, "staging-pub-async-request-api", "main"))
      assert.equal(old_digest, async.tasks(w)[1].containers[1].imageDigest)
      assert.equal(before, w.aws:live("staging").sha)

      local list = async.deployments(w)
      assert.equal(arn, list[1].serviceDeploymentArn)
      assert.equal(2, #list) -- a rollback is no service deployment of its own
      assert.equal("Service deployment rolled back because the circuit breaker threshold was exceeded.",
        list[1].statusReason)
      assert.equal(list[2].targetServiceRevision.arn, list[1].rollback.serviceRevisionArn)
      assert.equal("TRIGGERED", list[1].deploymentCircuitBreaker.status)
      assert.equal(3, list[1].deploymentCircuitBreaker.threshold)
      local texts = {}
      for i, event in ipairs(service.events) do
        texts[i] = event.message
      end
      local told = table.concat(texts, "\n")
      assert.match("(deployment " .. mine .. ") deployment failed: tasks failed to start.", told, 1, true)
      assert.match("rolling back to (deployment " .. old.id .. ").", told, 1, true)
      assert.match("has reached a steady state", texts[1])
    end)
  end)

  it("does not touch services that CodeDeploy deploys", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "rolling-update-rolls-back" }
      aws.publish(w)
      clock.sleep(900)
      assert.equal("Succeeded", aws.newest(w).status)
      assert.equal(SHA, w.aws:live("staging").sha)
    end)
  end)
end)

describe("a rolling update that fails", function()
  local function failing(change)
    local w = async.world { change = change }
    w.scenario = setmetatable({ rolling_fails = { staging = true } }, { __index = w.scenario })
    aws.publish(w)
    return w
  end

  it("without a breaker stays in progress for ever, the old tasks serving", function()
    aws.rehearse(function()
      local w = failing(function(staging)
        staging.breaker = nil
      end)
      clock.sleep(7200)
      local newest = async.deployments(w)[1]
      assert.equal("IN_PROGRESS DISABLED", newest.status .. " " .. newest.deploymentCircuitBreaker.status)
      local service = async.service(w)
      assert.equal("IN_PROGRESS", service.deployments[1].rolloutState)
      assert.is_true(service.deployments[1].failedTasks > 5)
      assert.equal(2, service.deployments[2].runningCount)
      assert.is_false(async.is_stable(w))
    end)
  end)

  it("with a breaker that does not roll back stops there", function()
    aws.rehearse(function()
      local w = failing(function(staging)
        staging.breaker = { enable = true, rollback = false }
      end)
      clock.sleep(1200)
      local service, newest = async.service(w), async.deployments(w)[1]
      assert.equal("STOPPED", newest.status)
      assert.is_number(newest.stoppedAt)
      assert.equal("PRIMARY FAILED", service.deployments[1].status .. " " .. service.deployments[1].rolloutState)
      assert.equal(0, service.deployments[1].runningCount + service.deployments[1].pendingCount)
      assert.equal(2, service.deployments[2].runningCount)
      local count = #async.tasks(w, API, "STOPPED")
      clock.sleep(600)
      assert.equal(count, #async.tasks(w, API, "STOPPED"))
    end)
  end)

  it("only once it has traffic goes back when its alarms go off", function()
    aws.rehearse(function()
      local w = failing(function(staging)
        staging.failure, staging.alarms = "alarm", { "api-5xx" }
      end)
      local before, served = async.tasks(w)[1].containers[1].imageDigest, false
      for _ = 1, 90 do
        clock.sleep(5)
        w:settle()
        served = served or w.aws:live("staging").services[API].sha == SHA
      end
      local newest = async.deployments(w)[1]
      assert.is_true(served)
      assert.equal("ROLLBACK_SUCCESSFUL TRIGGERED", newest.status .. " " .. newest.alarms.status)
      assert.equal("Service deployment rolled back because of one or more active alarms.", newest.statusReason)
      assert.is_true(async.is_stable(w))
      assert.equal(before, async.tasks(w)[1].containers[1].imageDigest)
    end)
  end)

  it("can be stopped by a person, and goes back", function()
    aws.rehearse(function()
      local w = failing(function(staging)
        staging.breaker = nil
      end)
      clock.sleep(120)
      local arn, before = async.service(w).currentServiceDeployment, async.tasks(w)[1].containers[1].imageDigest
      aws.call(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = arn, stopType = "ROLLBACK" })
      assert.equal("ROLLBACK_REQUESTED", async.deployments(w)[1].status)
      -- Asking once more is no error, and starts nothing else.
      aws.call(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = arn, stopType = "ROLLBACK" })
      clock.sleep(300)
      assert.equal("ROLLBACK_SUCCESSFUL", async.deployments(w)[1].status)
      assert.is_true(async.is_stable(w))
      assert.equal(before, async.tasks(w)[1].containers[1].imageDigest)
      local again = aws.send(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = arn })
      assert.equal("ConflictException", again.code)
      again = aws.send(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = arn .. "x" })
      assert.equal("ServiceDeploymentNotFoundException", again.code)
    end)
  end)

  it("can be aborted, and leaves everything as it is", function()
    aws.rehearse(function()
      local w = failing(function(staging)
        staging.breaker = nil
      end)
      clock.sleep(60)
      local arn = async.service(w).currentServiceDeployment
      aws.call(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = arn, stopType = "ABORT" })
      assert.equal("STOP_REQUESTED", async.deployments(w)[1].status)
      clock.sleep(1200)
      assert.equal("STOPPED", async.deployments(w)[1].status)
      assert.equal(2, async.service(w).deployments[2].runningCount)
      assert.is_false(async.is_stable(w))
    end)
  end)

  it("cannot roll back to an image that the registry has no more", function()
    aws.rehearse(function()
      local w = failing()
      local item = w.aws.environments.staging.images[1]
      require("fairlead.world.aws.ecr").remove(item.repository_state, item.newest)
      clock.sleep(1500)
      assert.equal("ROLLBACK_FAILED", async.deployments(w)[1].status)
      local unpulled = aws.find(async.tasks(w, API, "STOPPED"), function(task)
        return task.stopCode == "TaskFailedToStart"
      end)
      assert.match("^CannotPullContainerError: .*not found$", unpulled.stoppedReason)
      assert.equal(unpulled.stoppedReason, unpulled.containers[1].reason)
      assert.is_nil(unpulled.containers[1].exitCode)
      assert.equal(2, async.service(w).runningCount) -- the tasks of before still run
    end)
  end)
end)

describe("a task definition", function()
  it("of an earlier image takes a service back, and one by a moving tag does not", function()
    aws.rehearse(function()
      local w = async.world()
      local before, old = w.aws:live("staging").sha, async.tasks(w)[1].containers[1].imageDigest
      aws.publish(w)
      clock.sleep(300)
      local definition = async.service(w).taskDefinition
      update(w, { taskDefinition = definition, forceNewDeployment = true })
      clock.sleep(300)
      assert.equal(SHA, w.aws:live("staging").services[API].sha)

      local input = aws.call(w, "ecs", "DescribeTaskDefinition", { taskDefinition = definition }).taskDefinition
      local container = input.containerDefinitions[1]
      container.image = container.image:gsub(":main$", "@" .. old)
      local pinned = aws.call(w, "ecs", "RegisterTaskDefinition", {
        family = input.family, containerDefinitions = input.containerDefinitions,
      }).taskDefinition
      assert.not_equal(definition, pinned.taskDefinitionArn)
      local id = update(w, { taskDefinition = pinned.taskDefinitionArn }).deployments[1].id
      clock.sleep(300)
      assert.equal(id, async.service(w).deployments[1].id)
      assert.equal(before, w.aws:live("staging").services[API].sha)
      -- Its lines go where its own options say.
      local task = async.tasks(w)[1].taskArn:match "[^/]+$"
      local stream = ("%s/staging-pub-async-request-api/%s"):format(API, task)
      local events = aws.call(w, "logs", "GetLogEvents", { logGroupName = "/ecs/" .. API, logStreamName = stream })
      assert.equal("starting commit " .. before, events.events[1].message)
    end)
  end)

  it("that is deregistered stays readable, and nothing new may use it", function()
    aws.rehearse(function()
      local w = async.world()
      local definition = async.service(w).taskDefinition
      local input = { family = API, containerDefinitions = { { name = "x", image = "nothing:1" } } }
      local second = aws.call(w, "ecs", "RegisterTaskDefinition", input).taskDefinition.taskDefinitionArn
      local gone = aws.call(w, "ecs", "DeregisterTaskDefinition", { taskDefinition = second }).taskDefinition
      assert.equal("INACTIVE", gone.status)
      assert.equal("INACTIVE", aws.call(w, "ecs", "DescribeTaskDefinition", { taskDefinition = second })
        .taskDefinition.status)
      -- A family's name means its newest active revision.
      assert.equal(definition, aws.call(w, "ecs", "DescribeTaskDefinition", { taskDefinition = API })
        .taskDefinition.taskDefinitionArn)
      local refused = aws.send(w, "ecs", "UpdateService", { cluster = async.CLUSTER, service = API,
        taskDefinition = second })
      assert.equal("ClientException", refused.code)
      local function listed(status)
        return aws.call(w, "ecs", "ListTaskDefinitions", { familyPrefix = API, status = status }).taskDefinitionArns
      end
      assert.same({ definition }, { table.unpack(listed()) })
      assert.same({ second }, { table.unpack(listed "INACTIVE") })
    end)
  end)
end)

describe("a service", function()
  it("takes at most five deployments at once, the newest wins, and those that it replaces are stopped", function()
    aws.rehearse(function()
      local w = async.world()
      w.scenario = setmetatable({ rolling_fails = { staging = true } }, { __index = w.scenario })
      aws.publish(w)
      clock.sleep(55)
      local refused
      for _ = 1, 6 do
        local answer = aws.send(w, "ecs", "UpdateService", {
          cluster = async.CLUSTER, service = API, forceNewDeployment = true,
        })
        refused = answer.status ~= 200 and answer or refused
        clock.sleep(0.5)
      end
      assert.equal("InvalidParameterException", refused.code)
      assert.match("5 active deployments", refused.body.message)
      clock.sleep(5)
      local list = async.deployments(w)
      assert.equal("IN_PROGRESS", list[1].status)
      assert.equal("STOPPED", list[2].status)
    end)
  end)

  it("scales without a deployment", function()
    aws.rehearse(function()
      local w = async.world()
      local id = update(w, { desiredCount = 4 }).deployments[1].id
      clock.sleep(120)
      assert.equal(4, async.service(w).runningCount)
      update(w, { desiredCount = 1 })
      clock.sleep(120)
      assert.equal(1, async.service(w).runningCount)
      assert.equal(id, async.service(w).deployments[1].id)
      assert.equal(1, #async.deployments(w))
    end)
  end)
end)
