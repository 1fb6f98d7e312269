-- AWS's own clients against `fairlead world serve`: every operation that the procedures use, by boto3 and by the AWS
-- command line.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local others = require "spec.peers.support.others"
local results = require "spec.peers.support.results"
local served_world = require "spec.peers.support.served_world"

local APPLICATION <const> = { applicationName = "staging-web", deploymentGroupName = "staging-web-deployment" }
local REPOSITORY <const> = { repositoryName = "staging-web-app" }
local PATIENCE <const> = 60 -- seconds, at the world's speed an hour

local function with(base, more)
  local all = {}
  for _, part in ipairs { base, more } do
    for name, value in pairs(part) do all[name] = value end
  end
  return all
end

for _, mode in ipairs { "boto3", "aws" } do
  describe("a served world, asked by " .. (mode == "aws" and "the AWS command line" or mode) .. ":", function()
    local world, client

    setup(function()
      world = served_world.start "spec/peers/software/world.lua"
      client = others.start(mode, world.url, world.variables)
    end)
    teardown(function()
      client:close()
      world:close()
    end)

    local column <const> = results.column { spec = "world_aws", group = "AWS", it = it,
      peer = (mode == "aws" and "the AWS command line" or mode) .. ", asking `world serve`" }
    local function asked(operation, body)
      local service <const>, name <const> = operation:match "^(%w+)%.(%w+)$"
      column(operation, function()
        return body(function(parameters) return client:call(service, name, parameters) end, function(parameters)
          return client:ask(service, name, parameters).code
        end)
      end)
    end

    --- What `look` gives as soon as it gives anything.
    local function soon(look)
      local deadline <const> = clock.monotonic() + PATIENCE
      repeat
        local found <const> = look()
        if found then return found end
        clock.sleep(0.2)
      until clock.monotonic() > deadline
      error("did not come to it", 2)
    end

    asked("sts.GetCallerIdentity", function(call)
      assert.equal("arn:aws:iam::111111111111:user/deployer", call({}).Arn)
    end)

    asked("sts.AssumeRole", function(call)
      local role <const> = call { RoleArn = "arn:aws:iam::111111111111:role/deploy", RoleSessionName = "session" }
      assert.matches("assumed%-role/deploy/session$", role.AssumedRoleUser.Arn)
    end)

    local service
    asked("ecs.DescribeServices", function(call)
      local found <const> = call { cluster = "staging-cluster", services = { "staging-web", "none" } }
      service = found.services[1]
      assert.equal(2, service.runningCount)
      assert.equal("MISSING", found.failures[1].reason)
    end)

    asked("ecs.DescribeTaskDefinition", function(call, code)
      local found <const> = call { taskDefinition = service.taskDefinition }
      assert.equal("staging-web-app", found.taskDefinition.containerDefinitions[1].name)
      assert.equal("ClientException", code { taskDefinition = "none:1" })
    end)

    local tasks
    asked("ecs.ListTasks", function(call, code)
      tasks = call({ cluster = "staging-cluster", desiredStatus = "RUNNING", serviceName = "staging-web" }).taskArns
      assert.equal(2, #tasks)
      assert.equal("ClusterNotFoundException", code { cluster = "none" })
    end)

    asked("ecs.DescribeTasks", function(call)
      local found <const> = call { cluster = "staging-cluster", tasks = tasks }
      assert.equal("RUNNING", found.tasks[1].lastStatus)
    end)

    local image, manifest
    asked("ecr.DescribeImages", function(call, code)
      image = call(with(REPOSITORY, { imageIds = { { imageTag = "latest" } } })).imageDetails[1]
      assert.matches("^sha256:", image.imageDigest)
      assert.equal("ImageNotFoundException", code(with(REPOSITORY, { imageIds = { { imageTag = "none" } } })))
    end)

    asked("ecr.BatchGetImage", function(call)
      local found <const> = call(with(REPOSITORY, { imageIds = { { imageDigest = image.imageDigest },
        { imageTag = "none" } } }))
      manifest = found.images[1].imageManifest
      assert.equal("ImageNotFound", found.failures[1].failureCode)
    end)

    asked("ecr.PutImage", function(call, code)
      local put <const> = call(with(REPOSITORY, { imageManifest = manifest, imageTag = "kept" }))
      assert.equal(image.imageDigest, put.image.imageId.imageDigest)
      assert.equal("ImageAlreadyExistsException", code(with(REPOSITORY, { imageManifest = manifest,
        imageTag = "kept" })))
    end)

    asked("codedeploy.GetDeploymentGroup", function(call, code)
      local group <const> = call(APPLICATION).deploymentGroupInfo
      assert.equal("ECS", group.computePlatform)
      assert.equal("DeploymentGroupDoesNotExistException", code { applicationName = "staging-web",
        deploymentGroupName = "none" })
    end)

    local deployment
    asked("codedeploy.CreateDeployment", function(call, code)
      local content <const> = json.encode { version = 0.0, Resources = { { TargetService = {
        Type = "AWS::ECS::Service", Properties = { TaskDefinition = service.taskDefinition,
          LoadBalancerInfo = { ContainerName = "staging-web-app", ContainerPort = 8080 } } } } } }
      local input <const> = with(APPLICATION, { description = "Back (é)", revision = {
        revisionType = "AppSpecContent", appSpecContent = { content = content } } })
      deployment = call(input).deploymentId
      assert.equal("DeploymentLimitExceededException", code(input))
    end)

    asked("codedeploy.GetDeployment", function(call, code)
      assert.equal("Back (é)", call({ deploymentId = deployment }).deploymentInfo.description)
      assert.equal("DeploymentDoesNotExistException", code { deploymentId = "d-NOTHING99" })
    end)

    asked("codedeploy.ListDeployments", function(call)
      local recent <const> = with(APPLICATION, { createTimeRange = { start = { ["$time"] = clock.now() - 3600 } } })
      assert.same({ deployment }, { table.unpack(call(recent).deployments) })
      local done <const> = with(APPLICATION, { includeOnlyStatuses = { "Succeeded" } })
      assert.equal(2, #call(done).deployments)
    end)

    asked("codedeploy.BatchGetDeploymentTargets", function(call)
      local targets <const> = soon(function()
        local found <const> = client:ask("codedeploy", "BatchGetDeploymentTargets", { deploymentId = deployment,
          targetIds = { "staging-cluster:staging-web" } })
        return found.output -- it has targets when it has started
      end).deploymentTargets
      assert.equal("ECSTarget", targets[1].deploymentTargetType)
      assert.is_table(call { deploymentId = deployment, targetIds = { "staging-cluster:staging-web" } })
    end)

    asked("codedeploy.StopDeployment", function(call, code)
      assert.is_string(call({ deploymentId = deployment, autoRollbackEnabled = false }).status)
      soon(function()
        local info <const> = client:call("codedeploy", "GetDeployment", { deploymentId = deployment }).deploymentInfo
        return info.status == "Stopped"
      end)
      assert.equal("DeploymentAlreadyCompletedException", code { deploymentId = deployment })
    end)

    -- ---- what ECS deploys by itself ----

    -- It stands at its hook until somebody says that it may go on.
    local BLUE <const> = { cluster = "blue-cluster", service = "blue-web" }

    local function newest() return client:call("ecs", "ListServiceDeployments", BLUE).serviceDeployments[1] end

    local function hook_of(found)
      for _, hook in ipairs(found.lifecycleHookDetails or {}) do
        if hook.status == "AWAITING_ACTION" then return { arn = found.serviceDeploymentArn, hook = hook.hookId } end
      end
    end

    local function described(arn)
      return client:call("ecs", "DescribeServiceDeployments", { serviceDeploymentArns = { arn } }).serviceDeployments[1]
    end

    asked("ecs.UpdateService", function(call)
      local updated <const> = call(with(BLUE, { forceNewDeployment = true }))
      assert.equal("blue-web", updated.service.serviceName)
    end)

    asked("ecs.ListServiceDeployments", function(call)
      local since <const> = with(BLUE, { status = { "SUCCESSFUL" }, maxResults = 100,
        createdAt = { after = { ["$time"] = clock.now() - 3600 } } })
      assert.equal(0, #call(since).serviceDeployments)
      assert.matches("^%u+_?%u+$", call(BLUE).serviceDeployments[1].status)
    end)

    asked("ecs.DescribeServiceDeployments", function(call)
      local arn <const> = newest().serviceDeploymentArn
      soon(function() return hook_of(call({ serviceDeploymentArns = { arn } }).serviceDeployments[1]) end)
    end)

    asked("ecs.StopServiceDeployment", function(call)
      local arn <const> = newest().serviceDeploymentArn
      assert.equal(arn, call({ serviceDeploymentArn = arn, stopType = "ROLLBACK" }).serviceDeploymentArn)
      soon(function() return described(arn).status == "ROLLBACK_SUCCESSFUL" end)
    end)

    asked("ecs.ContinueServiceDeployment", function(call)
      client:call("ecs", "UpdateService", with(BLUE, { forceNewDeployment = true }))
      local waiting <const> = soon(function() return hook_of(described(newest().serviceDeploymentArn)) end)
      call { serviceDeploymentArn = waiting.arn, hookId = waiting.hook, action = "CONTINUE" }
      soon(function() return described(waiting.arn).status == "SUCCESSFUL" end)
    end)

    asked("ecs.DescribeServiceRevisions", function(call)
      local arn <const> = newest().targetServiceRevisionArn
      local revision <const> = call({ serviceRevisionArns = { arn } }).serviceRevisions[1]
      assert.matches("^sha256:", revision.containerImages[1].imageDigest)
    end)

    -- ---- CodePipeline ----

    local execution
    asked("codepipeline.StartPipelineExecution", function(call)
      execution = call({ name = "orchard" }).pipelineExecutionId
    end)

    local approval
    asked("codepipeline.GetPipelineState", function(call, code)
      approval = soon(function()
        for _, stage in ipairs(call({ name = "orchard" }).stageStates) do
          local latest <const> = stage.actionStates[1].latestExecution
          if latest and latest.token then return latest.token end
        end
      end)
      assert.equal("PipelineNotFoundException", code { name = "none" })
    end)

    asked("codepipeline.GetPipelineExecution", function(call)
      local found <const> = call { pipelineName = "orchard", pipelineExecutionId = execution }
      assert.equal("InProgress", found.pipelineExecution.status)
    end)

    asked("codepipeline.ListPipelineExecutions", function(call)
      assert.equal(execution, call({ pipelineName = "orchard" }).pipelineExecutionSummaries[1].pipelineExecutionId)
    end)

    asked("codepipeline.ListActionExecutions", function(call)
      local found <const> = call { pipelineName = "orchard", filter = { pipelineExecutionId = execution } }
      assert.equal("Approve", found.actionExecutionDetails[1].actionName)
    end)

    asked("codepipeline.PutApprovalResult", function(call, code)
      local answer <const> = { pipelineName = "orchard", stageName = "Two", actionName = "Approve", token = approval,
        result = { status = "Approved", summary = "fine" } }
      assert.is_truthy(call(answer).approvedAt)
      assert.equal("ApprovalAlreadyCompletedException", code(answer))
    end)

    asked("codepipeline.StopPipelineExecution", function(call, code)
      local stop <const> = { pipelineName = "orchard", pipelineExecutionId = execution, abandon = true,
        reason = "enough" }
      assert.equal(execution, call(stop).pipelineExecutionId)
      assert.is_string(code(stop))
    end)

    -- ---- queues, logs, alarms, balancers, parameters, secrets, tables ----

    local queue, message
    asked("sqs.GetQueueUrl", function(call, code)
      queue = call({ QueueName = "staging-jobs" }).QueueUrl
      assert.equal("AWS.SimpleQueueService.NonExistentQueue", code { QueueName = "none" })
    end)

    asked("sqs.SendMessage", function(call)
      assert.is_string(call({ QueueUrl = queue, MessageBody = "é & <ü>" }).MessageId)
    end)

    asked("sqs.ReceiveMessage", function(call)
      message = call({ QueueUrl = queue, MaxNumberOfMessages = 10, VisibilityTimeout = 600 }).Messages[1]
      assert.equal("é & <ü>", message.Body)
    end)

    asked("sqs.ChangeMessageVisibility", function(call)
      call { QueueUrl = queue, ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0 }
      local again <const> = client:call("sqs", "ReceiveMessage", { QueueUrl = queue, VisibilityTimeout = 600 })
      assert.equal(message.MessageId, again.Messages[1].MessageId)
    end)

    asked("sqs.DeleteMessage", function(call)
      call { QueueUrl = queue, ReceiptHandle = message.ReceiptHandle }
      local counts <const> = client:call("sqs", "GetQueueAttributes", { QueueUrl = queue, AttributeNames = { "All" } })
      assert.equal("0", counts.Attributes.ApproximateNumberOfMessagesNotVisible)
    end)

    asked("logs.GetLogEvents", function(_, code)
      assert.equal("ResourceNotFoundException", code { logGroupName = "/ecs/none", logStreamName = "none" })
      return "Only versions that fail have printed anything: asked for a log that is not there."
    end)

    asked("cloudwatch.DescribeAlarms", function(call)
      local alarm <const> = call({ AlarmNames = { "staging-unhealthy" }, AlarmTypes = { "MetricAlarm",
        "CompositeAlarm" }, MaxRecords = 100 }).MetricAlarms[1]
      assert.equal("OK", alarm.StateValue)
    end)

    asked("elbv2.DescribeTargetHealth", function(call, code)
      local now <const> = client:call("ecs", "DescribeServices", { cluster = "staging-cluster",
        services = { "staging-web" } }).services[1]
      local arn <const> = now.taskSets[1].loadBalancers[1].targetGroupArn
      assert.equal("healthy", call({ TargetGroupArn = arn }).TargetHealthDescriptions[1].TargetHealth.State)
      assert.equal("TargetGroupNotFound", code { TargetGroupArn = arn .. "0" })
    end)

    asked("ssm.GetParameter", function(call, code)
      assert.equal("hunter2", call({ Name = "/staging/web/password", WithDecryption = true }).Parameter.Value)
      assert.equal("ParameterNotFound", code { Name = "/none" })
    end)

    asked("secretsmanager.DescribeSecret", function(call, code)
      assert.equal("staging/key", call({ SecretId = "staging/key" }).Name)
      assert.equal("ResourceNotFoundException", code { SecretId = "none" })
    end)

    asked("dynamodb.PutItem", function(call, code)
      local put <const> = { TableName = "locks", Item = { LockID = { S = "é" }, fence = { N = "9007199254740993" } },
        ConditionExpression = "attribute_not_exists(LockID)" }
      call(put)
      assert.equal("ConditionalCheckFailedException", code(put))
    end)

    asked("dynamodb.GetItem", function(call)
      assert.equal("9007199254740993", call({ TableName = "locks", Key = { LockID = { S = "é" } } }).Item.fence.N)
    end)

    asked("dynamodb.DeleteItem", function(call)
      call { TableName = "locks", Key = { LockID = { S = "é" } } }
    end)
  end)
end
