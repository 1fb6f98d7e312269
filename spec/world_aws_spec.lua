-- The simulated AWS: what runs, what a deployment does, what the services refuse; answers checked against the services'
-- own models.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"

local SHA <const> = "ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12"
local APPLICATION <const> = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
local TARGET <const> = "staging-cluster:staging-web"

local function publish(w, environment)
  w:publish { environment = environment or "staging", sha = SHA, short_sha = SHA:sub(1, 7), at = w.now }
end

local function newest(w)
  local id = aws.call(w, "codedeploy", "ListDeployments", APPLICATION).deployments[1]
  return aws.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
end

local function target(w, id)
  local input = { deploymentId = id, targetId = TARGET }
  return aws.call(w, "codedeploy", "GetDeploymentTarget", input).deploymentTarget.ecsTarget
end

local function service(w, cluster, name)
  local input = { cluster = cluster or "staging-cluster", services = json.array { name or "staging-web" } }
  return aws.call(w, "ecs", "DescribeServices", input).services[1]
end

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

local function find(list, fn)
  for _, item in ipairs(list) do
    if fn(item) then
      return item
    end
  end
end

describe("a signature", function()
  local function refusal(options, name)
    return aws.rehearse(function()
      local w = aws.world()
      local answer = aws.send(w, name or "ecs", "ListServices", { cluster = "staging-cluster" }, options)
      assert.equal(#w.aws.requests, 1)
      assert.equal(answer.status, w.aws.requests[1].status)
      return answer
    end)
  end

  it("is accepted when it is right", function()
    assert.equal(200, refusal({}).status)
  end)

  it("is refused when the key is not known, the secret is wrong, or the body was changed", function()
    local unknown = refusal { sign = { credentials = { access_key_id = "AKIDOTHER", secret_access_key = "x" } } }
    assert.equal("UnrecognizedClientException", unknown.code)
    local wrong = refusal { sign = { credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "x" } } }
    assert.equal("InvalidSignatureException", wrong.code)
    assert.equal(400, wrong.status)
    local changed = refusal {
      change = function(sent)
        sent.body = '{"cluster":"worker-cluster"}'
      end,
    }
    assert.equal("InvalidSignatureException", changed.code)
    assert.match("does not match the signature you provided", changed.body.message)
  end)

  it("is refused when it is older than five minutes, or of the future", function()
    local old = refusal { sign = { time = aws.START - 301 } }
    assert.equal("InvalidSignatureException", old.code)
    assert.equal(
      "Signature expired: 20260302T085459Z is now earlier than 20260302T085500Z (20260302T090000Z - 5 min.)",
      old.body.message
    )
    assert.match("Signature not yet current", refusal({ sign = { time = aws.START + 301 } }).body.message)
    assert.equal(200, refusal({ sign = { time = aws.START - 299 } }).status)
  end)

  it("is refused for another service, another region, a header that came later, and when there is none", function()
    assert.match("correct service: 'ecs'", refusal({ sign = { service = "ecr" } }).body.message)
    assert.match("valid region", refusal({ sign = { region = "us-east-1" } }).body.message)
    local added = refusal {
      change = function(sent)
        table.insert(sent.headers, { "X-Amz-Meta", "1" })
      end,
    }
    assert.match("'x%-amz%-meta' must be a 'SignedHeader'", added.body.message)
    local none = refusal {
      change = function(sent)
        for i, pair in ipairs(sent.headers) do
          if pair[1]:lower() == "authorization" then
            table.remove(sent.headers, i)
            break
          end
        end
      end,
    }
    assert.equal("MissingAuthenticationTokenException", none.code)
    assert.equal(403, none.status)
  end)

  it("with a session token needs the token that belongs to its key", function()
    local function change(fixture)
      fixture.aws.session_token = "FwoGZXIvYXdzEXAMPLE"
    end
    aws.rehearse(function()
      local w = aws.world { change = change }
      local input = { cluster = "staging-cluster" }
      assert.equal("UnrecognizedClientException", aws.send(w, "ecs", "ListServices", input).code)
      local sign = { credentials = w.fixture.aws }
      assert.equal(200, aws.send(w, "ecs", "ListServices", input, { sign = sign }).status)
    end)
  end)
end)

describe("a request that a service cannot read", function()
  local function code_of(service_name, operation, input, options)
    return aws.rehearse(function()
      local answer = aws.send(aws.world(), service_name, operation, input, options)
      assert.not_equal(200, answer.status)
      return answer.code
    end)
  end

  it("is refused: no JSON, wrong types, missing members, unknown operations, another content type", function()
    assert.equal("SerializationException", code_of("ecs", "ListTasks", "{"))
    assert.equal("SerializationException", code_of("ecs", "ListTasks", { cluster = 5 }))
    assert.equal("SerializationException", code_of("ecs", "DescribeServices", { services = "staging-web" }))
    assert.equal("InvalidParameterException", code_of("ecr", "DescribeImages", {}))
    assert.equal("DeploymentIdRequiredException", code_of("codedeploy", "GetDeployment", {}))
    assert.equal("ValidationException", code_of("ssm", "GetParameter", {}))
    assert.equal("UnknownOperationException", code_of("ecs", "DropEverything", {}))
    local headers = {
      ["content-type"] = "application/json",
      ["x-amz-target"] = "AmazonEC2ContainerServiceV20141113.ListClusters",
    }
    assert.equal("UnknownOperationException", code_of("ecs", "ListTasks", {}, { sign = { headers = headers } }))
  end)

  it("is refused when what it names does not exist", function()
    assert.equal("ClusterNotFoundException", code_of("ecs", "ListTasks", { cluster = "nowhere" }))
    assert.equal("RepositoryNotFoundException", code_of("ecr", "DescribeImages", { repositoryName = "nothing" }))
    local ids = json.array { { imageTag = "nothing" } }
    assert.equal(
      "ImageNotFoundException",
      code_of("ecr", "DescribeImages", { repositoryName = "staging-web-app", imageIds = ids })
    )
    assert.equal("DeploymentDoesNotExistException", code_of("codedeploy", "GetDeployment", { deploymentId = "d-ABC" }))
    assert.equal("InvalidDeploymentIdException", code_of("codedeploy", "GetDeployment", { deploymentId = "x" }))
    assert.equal("ApplicationDoesNotExistException", code_of("codedeploy", "GetApplication", { applicationName = "x" }))
    assert.equal("ParameterNotFound", code_of("ssm", "GetParameter", { Name = "/nothing" }))
    assert.equal("ResourceNotFoundException", code_of("logs", "DescribeLogStreams", { logGroupName = "/nothing" }))
    assert.equal(
      "com.amazonaws.sqs#QueueDoesNotExist",
      code_of("sqs", "GetQueueUrl", { QueueName = "nothing" })
    )
  end)
end)

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
        "Succeeded 100 1", "InProgress 100/0 2", "InProgress 80/20 2", "Baking 0/100 2", "Succeeded 0/100 1",
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
      assert.equal(2, failed) -- the third failure opens the breaker
      assert.not_equal(mine, primary(w).id)
      assert.equal("COMPLETED", primary(w).rolloutState)
      assert.equal(1, #service(w, "worker-cluster", "worker-api").deployments)
      assert.equal(before, w.aws:live("worker").sha)
      local list = aws.call(w, "ecs", "ListServiceDeployments", { cluster = "worker-cluster", service = "worker-api" })
      assert.equal("ROLLBACK_SUCCESSFUL", list.serviceDeployments[2].status)
    end)
  end)

  it("without a breaker stays in progress for ever", function()
    local function change(fixture)
      fixture.aws.environments.worker.breaker = nil
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

describe("a queue", function()
  it("gives a message once until its visibility ends, and never after it was deleted", function()
    aws.rehearse(function()
      local w = aws.world()
      local url = aws.call(w, "sqs", "GetQueueUrl", { QueueName = "staging-jobs" }).QueueUrl
      local sent = aws.call(w, "sqs", "SendMessage", { QueueUrl = url, MessageBody = "hello" })
      assert.equal("5d41402abc4b2a76b9719d911017c592", sent.MD5OfMessageBody)
      local function receive()
        return (aws.call(w, "sqs", "ReceiveMessage", { QueueUrl = url, VisibilityTimeout = 10 }).Messages or {})[1]
      end
      assert.equal("hello", receive().Body)
      assert.is_nil(receive())
      clock.sleep(11)
      local again = receive()
      local input = { QueueUrl = url, AttributeNames = json.array { "All" } }
      local attributes = aws.call(w, "sqs", "GetQueueAttributes", input).Attributes
      assert.equal("1", attributes.ApproximateNumberOfMessagesNotVisible)
      aws.call(w, "sqs", "DeleteMessage", { QueueUrl = url, ReceiptHandle = again.ReceiptHandle })
      clock.sleep(60)
      assert.is_nil(receive())
    end)
  end)
end)

describe("a table", function()
  it("lets one of two writers have what neither may overwrite", function()
    aws.rehearse(function()
      local w = aws.world()
      local function put(owner, condition, values)
        return aws.send(w, "dynamodb", "PutItem", {
          TableName = "locks",
          Item = { LockID = { S = "staging" }, Owner = { S = owner }, Until = { N = "10" } },
          ConditionExpression = condition,
          ExpressionAttributeValues = values,
          ReturnValuesOnConditionCheckFailure = "ALL_OLD",
        })
      end
      assert.equal(200, put("a", "attribute_not_exists(LockID)").status)
      local second = put("b", "attribute_not_exists(LockID)")
      assert.equal("com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", second.code)
      assert.equal("a", second.body.Item.Owner.S)
      local expired = "attribute_not_exists(LockID) OR (Until < :now AND NOT Owner = :me)"
      assert.equal(400, put("b", expired, { [":now"] = { N = "9" }, [":me"] = { S = "b" } }).status)
      assert.equal(200, put("b", expired, { [":now"] = { N = "11" }, [":me"] = { S = "b" } }).status)
      local update = aws.call(w, "dynamodb", "UpdateItem", {
        TableName = "locks",
        Key = { LockID = { S = "staging" } },
        UpdateExpression = "SET #u = #u + :five, Fence = if_not_exists(Fence, :zero) + :five REMOVE Reason",
        ConditionExpression = "#o = :me",
        ExpressionAttributeNames = { ["#u"] = "Until", ["#o"] = "Owner" },
        ExpressionAttributeValues = { [":five"] = { N = "5" }, [":zero"] = { N = "0" }, [":me"] = { S = "b" } },
        ReturnValues = "ALL_NEW",
      })
      assert.equal("15 5", update.Attributes.Until.N .. " " .. update.Attributes.Fence.N)
      local delete = {
        TableName = "locks",
        Key = { LockID = { S = "staging" } },
        ConditionExpression = "Owner = :me",
        ExpressionAttributeValues = { [":me"] = { S = "a" } },
      }
      assert.equal(400, aws.send(w, "dynamodb", "DeleteItem", delete).status)
      delete.ExpressionAttributeValues[":me"].S = "b"
      assert.equal(200, aws.send(w, "dynamodb", "DeleteItem", delete).status)
      local get = { TableName = "locks", Key = { LockID = { S = "staging" } } }
      assert.is_nil(aws.call(w, "dynamodb", "GetItem", get).Item)
    end)
  end)

  it("refuses expressions that do not parse, and names that are not used", function()
    aws.rehearse(function()
      local w = aws.world()
      local function message_of(condition, values)
        local answer = aws.send(w, "dynamodb", "PutItem", {
          TableName = "locks",
          Item = { LockID = { S = "staging" } },
          ConditionExpression = condition,
          ExpressionAttributeValues = values,
        })
        assert.equal("com.amazonaws.dynamodb.v20120810#ValidationException", answer.code)
        return answer.body.message
      end
      assert.match("^Invalid ConditionExpression: Syntax error", message_of "Owner =")
      assert.match("attribute value: :me", message_of "Owner = :me")
      assert.match("unused in expressions", message_of("attribute_not_exists(LockID)", { [":me"] = { S = "a" } }))
    end)
  end)
end)

describe("every answer", function()
  it("has the members and types that the services' own models know", function()
    local lines = {}
    aws.rehearse(function()
      local w = aws.world { scenario = "staging-rolls-back" }
      local url = "https://sqs.eu-west-2.amazonaws.com/111111111111/staging-jobs"
      local function ask(name, operation, input)
        local output = aws.call(w, name, operation, input)
        lines[#lines + 1] = json.encode { service = name, operation = operation, output = output }
        return output
      end
      local function ask_all()
        ask("ecr", "DescribeImages", { repositoryName = "staging-web-app" })
        ask("ecr", "ListImages", { repositoryName = "staging-web-app" })
        ask("ecr", "DescribeRepositories", {})
        ask("ecr", "GetAuthorizationToken", {})
        ask("ecr", "BatchGetImage", {
          repositoryName = "staging-web-app",
          imageIds = json.array { { imageTag = "latest" }, { imageTag = "nothing" } },
        })
        ask("ecs", "DescribeClusters", { clusters = json.array { "staging-cluster", "nowhere" } })
        for _, name in ipairs { "staging", "worker" } do
          local cluster = name .. "-cluster"
          local arns = ask("ecs", "ListServices", { cluster = cluster }).serviceArns
          ask("ecs", "DescribeServices", { cluster = cluster, services = arns })
          for _, status in ipairs { "RUNNING", "STOPPED" } do
            local tasks = ask("ecs", "ListTasks", { cluster = cluster, desiredStatus = status }).taskArns
            if #tasks > 0 then
              local described = ask("ecs", "DescribeTasks", { cluster = cluster, tasks = tasks }).tasks
              ask("ecs", "DescribeTaskDefinition", { taskDefinition = described[1].taskDefinitionArn })
            end
          end
        end
        ask("codedeploy", "ListApplications", {})
        ask("codedeploy", "GetApplication", { applicationName = "staging-web" })
        ask("codedeploy", "ListDeploymentGroups", { applicationName = "staging-web" })
        ask("codedeploy", "GetDeploymentGroup", APPLICATION)
        local ids = ask("codedeploy", "ListDeployments", APPLICATION).deployments
        ask("codedeploy", "BatchGetDeployments", { deploymentIds = ids })
        for _, id in ipairs(ids) do
          ask("codedeploy", "GetDeployment", { deploymentId = id })
          ask("codedeploy", "ListDeploymentTargets", { deploymentId = id })
          ask("codedeploy", "GetDeploymentTarget", { deploymentId = id, targetId = TARGET })
          local targets = json.array { TARGET }
          ask("codedeploy", "BatchGetDeploymentTargets", { deploymentId = id, targetIds = targets })
        end
        ask("sqs", "SendMessage", { QueueUrl = url, MessageBody = "hello" })
        ask("sqs", "ReceiveMessage", { QueueUrl = url, AttributeNames = json.array { "All" } })
        ask("sqs", "GetQueueAttributes", { QueueUrl = url, AttributeNames = json.array { "All" } })
        ask("sqs", "ListQueues", {})
        ask("ssm", "GetParameter", { Name = "/staging/web/colour" })
        ask("ssm", "GetParameters", { Names = json.array { "/staging/web/password", "/nothing" } })
        local found = ask("ssm", "GetParametersByPath", { Path = "/staging/web", WithDecryption = true })
        assert.equal(2, #found.Parameters)
        ask("secretsmanager", "GetSecretValue", { SecretId = "staging/key" })
        ask("secretsmanager", "DescribeSecret", { SecretId = "staging/key" })
        ask("dynamodb", "DescribeTable", { TableName = "locks" })
      end
      publish(w)
      clock.sleep(90)
      local input = { cluster = "worker-cluster", service = "worker-api", forceNewDeployment = true }
      ask("ecs", "UpdateService", input)
      clock.sleep(20)
      ask_all()
      clock.sleep(900)
      ask_all()
      ask("logs", "FilterLogEvents", { logGroupName = "/ecs/staging-web" })
      local streams = ask("logs", "DescribeLogStreams", { logGroupName = "/ecs/staging-web" }).logStreams
      local stream = streams[1].logStreamName
      ask("logs", "GetLogEvents", { logGroupName = "/ecs/staging-web", logStreamName = stream })
    end)
    local checked = process.run { "/usr/bin/python3", "spec/support/aws_shapes.py", stdin = table.concat(lines, "\n") }
    assert.equal(("checked %d\n"):format(#lines), checked.stdout .. checked.stderr)
    assert.is_true(#lines > 60)
  end)
end)
