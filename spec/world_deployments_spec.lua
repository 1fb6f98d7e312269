-- What a new image sets going in the simulated AWS: blue-green deployments, rolling updates, rollbacks, what the sites
-- answer meanwhile.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"

local find, newest, publish, service, target = aws.find, aws.newest, aws.publish, aws.service, aws.target
local SHA <const>, APPLICATION <const> = aws.SHA, aws.APPLICATION

--- The different states that polling sees, in order.
local function watch(w, seconds, every, look)
  local seen = {}
  for _ = 1, seconds // every do
    clock.sleep(every)
    local state = look(w)
    if state ~= seen[#seen] then
      seen[#seen + 1] = state
    end
  end
  return seen
end

describe("an image that is pushed", function()
  it("appears with a digest that is its manifest's, takes the moving tag, and starts one deployment", function()
    aws.rehearse(function()
      local w = aws.world()
      local function latest()
        local input = { repositoryName = "staging-web-app", imageIds = json.array { { imageTag = "latest" } } }
        return aws.call(w, "ecr", "DescribeImages", input).imageDetails[1]
      end
      local before = latest()
      publish(w)
      clock.sleep(30)
      local after = latest()
      assert.not_equal(before.imageDigest, after.imageDigest)
      assert.same({ "ab12ab1", "latest" }, { table.unpack(after.imageTags) })
      local all = aws.call(w, "ecr", "DescribeImages", { repositoryName = "staging-web-app" }).imageDetails
      assert.equal(2, #all)
      assert.equal(1, #all[1].imageTags)
      local ids = json.array { { imageTag = "ab12ab1" }, { imageTag = "missing" } }
      local got = aws.call(w, "ecr", "BatchGetImage", { repositoryName = "staging-web-app", imageIds = ids })
      local hash = process.run { "sha256sum", stdin = got.images[1].imageManifest }
      assert.equal(after.imageDigest, "sha256:" .. hash.stdout:match "^%x+")
      assert.equal("ImageNotFound", got.failures[1].failureCode)
      assert.equal(2, #aws.call(w, "codedeploy", "ListDeployments", APPLICATION).deployments)
      assert.equal("InProgress", newest(w).status)
    end)
  end)

  it("appears minutes later when the scenario says so", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "image-late" }
      publish(w)
      clock.sleep(400)
      local ids = json.array { { imageTag = "ab12ab1" } }
      local input = { repositoryName = "staging-web-app", imageIds = ids }
      assert.equal("ImageNotFoundException", aws.send(w, "ecr", "DescribeImages", input).code)
      clock.sleep(40)
      assert.equal(200, aws.send(w, "ecr", "DescribeImages", input).status)
    end)
  end)

  it("has other digests for another seed and another environment, and the same for the same", function()
    local function digest(seed)
      return aws.rehearse(function()
        local w = aws.world { seed = seed }
        publish(w)
        clock.sleep(1)
        local all = aws.call(w, "ecr", "DescribeImages", { repositoryName = "staging-web-app" }).imageDetails
        return all[2].imageDigest
      end)
    end
    assert.equal(digest(3), digest(3))
    assert.not_equal(digest(3), digest(4))
  end)

  it("can be promoted by tag within its repository, and nowhere without its layers", function()
    aws.rehearse(function()
      local w = aws.world()
      local ids = json.array { { imageTag = "latest" } }
      local got = aws.call(w, "ecr", "BatchGetImage", { repositoryName = "staging-web-app", imageIds = ids })
      local image = got.images[1]
      local input = { repositoryName = "staging-web-app", imageManifest = image.imageManifest, imageTag = "release-1" }
      local put = aws.call(w, "ecr", "PutImage", input).image
      assert.equal(image.imageId.imageDigest, put.imageId.imageDigest)
      assert.equal("ImageAlreadyExistsException", aws.send(w, "ecr", "PutImage", input).code)
      input.repositoryName = "worker-api"
      assert.equal("LayersNotFoundException", aws.send(w, "ecr", "PutImage", input).code)
    end)
  end)
end)

describe("a blue-green deployment", function()
  it("starts new tasks, gives them a part of the traffic, then all, bakes, and stops the old tasks", function()
    aws.rehearse(function()
      local w = aws.world()
      local told = {}
      w:on("deployment", function(event)
        told[#told + 1] = event.event
      end)
      local blue = service(w).taskSets[1]
      publish(w)
      clock.sleep(20)
      local seen = watch(w, 900, 5, function()
        local deployment = newest(w)
        local sets = service(w).taskSets
        local weights = {}
        for i, set in ipairs(target(w, deployment.deploymentId).taskSetsInfo) do
          weights[i] = ("%d"):format(set.trafficWeight)
        end
        return ("%s %s %d"):format(deployment.status, table.concat(weights, "/"), #sets)
      end)
      assert.same({
        "InProgress 100/0 2", "InProgress 80/20 2", "Baking 0/100 2", "Succeeded 0/100 1",
      }, seen)
      assert.same({
        "started", "replacement service running", "replacement service accepting 20% traffic",
        "replacement service accepting 100% traffic", "completed",
      }, told)

      local deployment, state = newest(w), service(w)
      assert.equal(1, deployment.deploymentOverview.Succeeded)
      assert.equal("user", deployment.creator)
      assert.is_nil(deployment.rollbackInfo)
      assert.not_equal(blue.id, state.taskSets[1].id)
      assert.equal(deployment.deploymentId, state.taskSets[1].externalId)
      assert.equal("STEADY_STATE", state.taskSets[1].stabilityStatus)
      assert.equal(state.taskDefinition, state.taskSets[1].taskDefinition)
      assert.equal(2, state.runningCount)
      local events = {}
      for _, event in ipairs(target(w, deployment.deploymentId).lifecycleEvents) do
        events[#events + 1] = event.lifecycleEventName .. " " .. event.status
      end
      assert.same({
        "BeforeInstall Skipped", "Install Succeeded", "AfterInstall Skipped", "AllowTestTraffic Skipped",
        "AfterAllowTestTraffic Skipped", "BeforeAllowTraffic Skipped", "AllowTraffic Succeeded",
        "AfterAllowTraffic Skipped",
      }, events)
    end)
  end)

  it("can be followed from commit to digest to running container to the site's answer", function()
    aws.rehearse(function()
      local w = aws.world()
      publish(w)
      clock.sleep(900)
      local ids = json.array { { imageTag = "ab12ab1" } }
      local image = aws.call(w, "ecr", "DescribeImages", { repositoryName = "staging-web-app", imageIds = ids })
      local set = service(w).taskSets[1]
      local list = aws.call(w, "ecs", "ListTasks", { cluster = "staging-cluster", startedBy = set.id }).taskArns
      local tasks = aws.call(w, "ecs", "DescribeTasks", { cluster = "staging-cluster", tasks = list }).tasks
      assert.equal(2, #tasks)
      for _, task in ipairs(tasks) do
        assert.equal(image.imageDetails[1].imageDigest, task.containers[1].imageDigest)
        assert.equal("RUNNING HEALTHY", task.lastStatus .. " " .. task.healthStatus)
      end
      local definition = aws.call(w, "ecs", "DescribeTaskDefinition", { taskDefinition = set.taskDefinition })
      assert.match(image.imageDetails[1].imageDigest, definition.taskDefinition.containerDefinitions[1].image, 1, true)
      local answer = w:handle(require("fairlead.world.message").parse {
        method = "GET",
        url = "https://www.staging.example.com/health",
      })
      assert.equal(SHA, json.decode(answer.body).version)
      assert.equal(SHA, w.aws:live("staging").sha)
    end)
  end)

  it("whose tasks fail their checks ends as Failed, and a new deployment rolls back, with nothing served", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "staging-rolls-back" }
      local before, told, served = w.aws:live("staging").sha, {}, {}
      w:on("deployment", function(event)
        told[#told + 1] = event.event .. (event.rollback_of and " rollback" or "")
      end)
      publish(w)
      clock.sleep(20)
      local failing = newest(w).deploymentId
      for _ = 1, 100 do
        clock.sleep(10)
        for _, share in ipairs(w.aws:live("staging").weights) do
          served[share.sha] = true
        end
      end
      local failed = aws.call(w, "codedeploy", "GetDeployment", { deploymentId = failing }).deploymentInfo
      assert.equal("Failed", failed.status)
      assert.equal("TIMEOUT", failed.errorInformation.code)
      assert.match("replacement task set to become healthy", failed.errorInformation.message)
      local rollback = newest(w)
      assert.equal(rollback.deploymentId, failed.rollbackInfo.rollbackDeploymentId)
      assert.equal("codeDeployRollback", rollback.creator)
      assert.equal(failing, rollback.rollbackInfo.rollbackTriggeringDeploymentId)
      assert.equal("Succeeded", rollback.status)
      assert.same({ [before] = true }, served)
      assert.same({ "started", "failed", "started rollback", "completed rollback" }, told)
      assert.equal(1, #service(w).taskSets)
      assert.equal(2, service(w).runningCount)

      local list = { cluster = "staging-cluster", serviceName = "staging-web", desiredStatus = "STOPPED" }
      local stopped = aws.call(w, "ecs", "ListTasks", list).taskArns
      local tasks = aws.call(w, "ecs", "DescribeTasks", { cluster = "staging-cluster", tasks = stopped }).tasks
      local why = find(tasks, function(task)
        return task.stoppedReason:find "^Task failed ELB health checks in %(target%-group arn:"
      end)
      assert.equal("ServiceSchedulerInitiated", why.stopCode)
      local input = { logGroupName = "/ecs/staging-web", filterPattern = '"500"' }
      assert.is_true(#aws.call(w, "logs", "FilterLogEvents", input).events >= 3)
    end)
  end)

  it("stops at once when an alarm of its group goes off, and tells of a container's own exit", function()
    local function change(fixture)
      fixture.aws.environments.staging.alarms = { "staging-web-unhealthy" }
      fixture.aws.environments.staging.failure = "exit"
    end
    aws.rehearse(function()
      local w = aws.world { scenario = "staging-rolls-back", change = change }
      publish(w)
      clock.sleep(20)
      local id = newest(w).deploymentId
      clock.sleep(300)
      local stopped = aws.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
      assert.equal("Stopped ALARM_ACTIVE", stopped.status .. " " .. stopped.errorInformation.code)
      assert.equal("codeDeployRollback", newest(w).creator)
      local list = { cluster = "staging-cluster", serviceName = "staging-web", desiredStatus = "STOPPED" }
      local arns = aws.call(w, "ecs", "ListTasks", list).taskArns
      local tasks = aws.call(w, "ecs", "DescribeTasks", { cluster = "staging-cluster", tasks = arns }).tasks
      local crashed = find(tasks, function(task)
        return task.stopCode == "EssentialContainerExited"
      end)
      assert.equal(1, crashed.containers[1].exitCode)
      local stream = ("staging-web/staging-web-app/%s"):format(crashed.taskArn:match "[^/]+$")
      local input = { logGroupName = "/ecs/staging-web", logStreamName = stream, startFromHead = true }
      local events = aws.call(w, "logs", "GetLogEvents", input).events
      assert.match("cannot start", events[#events].message)
    end)
  end)

  it("is the only one of its group: a second is refused by name, and a new image waits for its turn", function()
    aws.rehearse(function()
      local w = aws.world()
      publish(w)
      clock.sleep(60)
      local first = newest(w).deploymentId
      local revision = { revisionType = "AppSpecContent", appSpecContent = {
        content = ("TaskDefinition: %s"):format(service(w).taskDefinition),
      } }
      local input = { revision = revision }
      for name, value in pairs(APPLICATION) do
        input[name] = value
      end
      local refused = aws.send(w, "codedeploy", "CreateDeployment", input)
      assert.equal("DeploymentLimitExceededException", refused.code)
      assert.match(first, refused.body.message, 1, true)
      local later = ("cd34"):rep(10)
      w:publish { environment = "staging", sha = later, short_sha = later:sub(1, 7), at = w.now }
      clock.sleep(2000)
      w:settle()
      assert.equal(later, w.aws:live("staging").sha)
      assert.equal("Succeeded", newest(w).status)
      assert.equal(3, #aws.call(w, "codedeploy", "ListDeployments", APPLICATION).deployments)
      assert.equal(200, aws.send(w, "codedeploy", "CreateDeployment", input).status)
    end)
  end)

  it("can be stopped, with a rollback, until it has ended", function()
    aws.rehearse(function()
      local w = aws.world()
      local before = w.aws:live("staging").sha
      publish(w)
      clock.sleep(120)
      local id = newest(w).deploymentId
      assert.equal(2, #w.aws:live("staging").weights)
      aws.call(w, "codedeploy", "StopDeployment", { deploymentId = id, autoRollbackEnabled = true })
      assert.equal(
        "DeploymentAlreadyCompletedException",
        aws.send(w, "codedeploy", "StopDeployment", { deploymentId = id }).code
      )
      clock.sleep(90)
      assert.equal("codeDeployRollback Succeeded", newest(w).creator .. " " .. newest(w).status)
      assert.same({ before }, { w.aws:live("staging").sha, w.aws:live("staging").weights[2] })
      local stopped = aws.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
      assert.equal("MANUAL_STOP", stopped.errorInformation.code)
    end)
  end)

  it("waits for ContinueDeployment where its group says so, and a bake can be cut short", function()
    local function change(fixture)
      fixture.aws.environments.staging.ready_wait_seconds = 3600
    end
    aws.rehearse(function()
      local w = aws.world { change = change }
      publish(w)
      clock.sleep(200)
      local id = newest(w).deploymentId
      assert.equal("Ready", newest(w).status)
      local input = { deploymentId = id, deploymentWaitType = "TERMINATION_WAIT" }
      assert.equal("DeploymentIsNotInReadyStateException", aws.send(w, "codedeploy", "ContinueDeployment", input).code)
      aws.call(w, "codedeploy", "ContinueDeployment", { deploymentId = id, deploymentWaitType = "READY_WAIT" })
      clock.sleep(320)
      assert.equal("Baking", newest(w).status)
      assert.equal(200, aws.send(w, "codedeploy", "ContinueDeployment", input).status)
      clock.sleep(40)
      assert.equal("Succeeded", newest(w).status)
    end)
  end)

  it("lists by status, time and page", function()
    aws.rehearse(function()
      local w = aws.world()
      publish(w)
      clock.sleep(30)
      local function count(more)
        local input = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
        for name, value in pairs(more) do
          input[name] = value
        end
        return #aws.call(w, "codedeploy", "ListDeployments", input).deployments
      end
      assert.equal(2, count {})
      assert.equal(1, count { includeOnlyStatuses = json.array { "InProgress", "Queued" } })
      assert.equal(1, count { createTimeRange = { start = aws.START } })
      assert.equal(0, count { createTimeRange = { start = clock.now() } })
      for i = 1, 30 do
        local sha = ("%040x"):format(i)
        w:publish { environment = "staging", sha = sha, short_sha = sha:sub(1, 7), at = w.now }
        clock.sleep(1000)
        w:settle()
      end
      local seen, token = {}, nil
      repeat
        local input = { nextToken = token }
        for name, value in pairs(APPLICATION) do
          input[name] = value
        end
        local page = aws.call(w, "codedeploy", "ListDeployments", input)
        for _, id in ipairs(page.deployments) do
          assert.is_nil(seen[id])
          seen[id] = true
        end
        token = page.nextToken
      until not token
      local total = 0
      for _ in pairs(seen) do
        total = total + 1
      end
      assert.equal(32, total)
    end)
  end)
end)

describe("a service whose deployments ECS controls", function()
  local function primary(w)
    return find(service(w, "worker-cluster", "worker-api").deployments, function(deployment)
      return deployment.status == "PRIMARY"
    end)
  end

  local function force(w)
    local input = { cluster = "worker-cluster", service = "worker-api", forceNewDeployment = true }
    return aws.call(w, "ecs", "UpdateService", input).service
  end

  it("rolls over to the image that its tag names now", function()
    aws.rehearse(function()
      local w = aws.world()
      publish(w, "worker")
      clock.sleep(60)
      local before = primary(w)
      local after = force(w).deployments[1]
      assert.not_equal(before.id, after.id)
      assert.equal("IN_PROGRESS", after.rolloutState)
      local least = math.huge
      local seen = watch(w, 300, 5, function()
        least = math.min(least, service(w, "worker-cluster", "worker-api").runningCount)
        return ("%s %d"):format(primary(w).rolloutState, #service(w, "worker-cluster", "worker-api").deployments)
      end)
      -- The old deployment is gone some seconds before the new one is complete.
      assert.same({ "IN_PROGRESS 2", "IN_PROGRESS 1", "COMPLETED 1" }, seen)
      assert.is_true(least >= 2)
      assert.equal(after.id, primary(w).id)
      assert.equal(SHA, w.aws:live("worker").sha)
      local brief = aws.call(w, "ecs", "ListServiceDeployments", { cluster = "worker-cluster", service = "worker-api" })
      assert.equal("SUCCESSFUL", brief.serviceDeployments[1].status)
    end)
  end)

  it("goes back by itself when the circuit breaker opens: the id that UpdateService gave is gone", function()
    aws.rehearse(function()
      local w = aws.world()
      w.scenario = setmetatable({ rolls_back = { worker = true } }, { __index = w.scenario })
      local before = w.aws:live("worker").sha
      publish(w, "worker")
      clock.sleep(5)
      -- The image is bad, and the tag that moved would bring it back with any new task: pin the old one, as a rollback
      -- to the last completed deployment's task definition must.
      local digest = w.aws.environments.worker.services[1].tasks[1].containers[1].digest
      local uri = "222222222222.dkr.ecr.eu-west-2.amazonaws.com/worker-api"
      local function register(image)
        local containers = json.array { { name = "worker-api", image = image, essential = true } }
        local input = { family = "worker-api", containerDefinitions = containers }
        return aws.call(w, "ecs", "RegisterTaskDefinition", input).taskDefinition.taskDefinitionArn
      end
      local function update(arn)
        local input = { cluster = "worker-cluster", service = "worker-api", taskDefinition = arn }
        return aws.call(w, "ecs", "UpdateService", input).service.deployments[1].id
      end
      update(register(uri .. "@" .. digest))
      clock.sleep(300)
      assert.equal("COMPLETED", primary(w).rolloutState)
      local mine = update(register(uri .. ":ab12ab1"))
      local failed = 0
      watch(w, 900, 5, function()
        for _, deployment in ipairs(service(w, "worker-cluster", "worker-api").deployments) do
          failed = deployment.id == mine and math.max(failed, deployment.failedTasks) or failed
        end
      end)
      assert.equal(3, failed) -- the third failure opens the breaker
      assert.not_equal(mine, primary(w).id)
      assert.equal("COMPLETED", primary(w).rolloutState)
      assert.equal(1, #service(w, "worker-cluster", "worker-api").deployments)
      assert.equal(before, w.aws:live("worker").sha)
      local list = aws.call(w, "ecs", "ListServiceDeployments", { cluster = "worker-cluster", service = "worker-api" })
      assert.equal("ROLLBACK_SUCCESSFUL", list.serviceDeployments[1].status)
    end)
  end)

  it("without a breaker stays in progress for ever", function()
    local function change(fixture)
      fixture.aws.environments.worker.breaker = false
    end
    aws.rehearse(function()
      local w = aws.world { change = change }
      w.scenario = setmetatable({ rolls_back = { worker = true } }, { __index = w.scenario })
      publish(w, "worker")
      clock.sleep(5)
      force(w)
      clock.sleep(7200)
      assert.equal("IN_PROGRESS", primary(w).rolloutState)
      assert.is_true(primary(w).failedTasks > 3)
    end)
  end)

  it("is the only kind that UpdateService may deploy", function()
    aws.rehearse(function()
      local w = aws.world()
      local input = { cluster = "staging-cluster", service = "staging-web", forceNewDeployment = true }
      local refused = aws.send(w, "ecs", "UpdateService", input)
      assert.equal("InvalidParameterException", refused.code)
      assert.match("CODE_DEPLOY deployment controller", refused.body.message)
      input = { cluster = "staging-cluster", services = json.array { "nothing" } }
      assert.equal("MISSING", aws.call(w, "ecs", "DescribeServices", input).failures[1].reason)
    end)
  end)
end)

describe("a site", function()
  local message = require "fairlead.world.message"
  local function ask(w, path)
    return w:handle(message.parse { method = "GET", url = "https://www.staging.example.com" .. path })
  end

  local function header(answer, name)
    local pair = find(answer.headers, function(pair)
      return pair[1] == name
    end)
    return pair and pair[2]
  end

  it("answers with either version by weight while traffic is shifting", function()
    aws.rehearse(function()
      local w = aws.world()
      publish(w)
      clock.sleep(150)
      w:settle()
      assert.equal(20, w.aws:live("staging").weights[2].weight)
      local new = 0
      for _ = 1, 500 do
        new = new + (header(ask(w, "/"), "x-version") == SHA and 1 or 0)
      end
      assert.is_true(new > 60 and new < 140, ("%d of 500 answers from the new version"):format(new))
    end)
  end)

  it("fails with the new version when the scenario says so, though AWS says that all is well", function()
    aws.rehearse(function()
      local w = aws.world { scenario = "smoke-test-fails" }
      assert.equal(200, ask(w, "/").status)
      publish(w)
      clock.sleep(900)
      assert.equal("Succeeded", newest(w).status)
      assert.equal(500, ask(w, "/").status)
    end)
  end)

  it("that the fixture does not name is no host", function()
    aws.rehearse(function()
      assert.is_nil(aws.world():handle(message.parse { method = "GET", url = "https://elsewhere.example.com/" }))
    end)
  end)
end)
