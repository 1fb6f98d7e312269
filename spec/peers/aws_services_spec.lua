-- Fairlead's AWS clients against moto, behind the verifier of signatures: what the procedures ask, on what was made for
-- it before.
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local keys = require "spec.peers.support.keys"
local simulated = require "spec.peers.support.simulated_aws"

local ACCOUNT <const> = "123456789012"

describe("moto", function()
  local moto <const> = simulated.of("aws_services", { it = it, setup = setup, teardown = teardown })
  local asked <const>, lacking <const> = moto.asked, moto.lacking

  it("is not reached with a wrong secret, nor by a stranger", function()
    for _, wrong in ipairs { { keys.id, "wrong" }, { "AKIASTRANGER00000000", keys.secret } } do
      local session <const> = aws.session { region = keys.region, credentials = { access_key_id = wrong[1],
        secret_access_key = wrong[2] } }
      for service, operation in pairs { ecs = "ListClusters", sts = "GetCallerIdentity", s3 = "ListBuckets" } do
        local client <const> = session:client(service, { endpoint = moto.url() })
        local _, err <const> = try(client[operation], client, {})
        assert.equal("aws.api.not_authorised", err.kind)
      end
    end
  end)

  -- ---- STS ----

  asked("sts.GetCallerIdentity", function(session)
    assert.equal(ACCOUNT, session:client("sts"):GetCallerIdentity().Account)
  end)

  asked("sts.AssumeRole", function()
    local role <const> = aws.session { region = keys.region, role_arn = "arn:aws:iam::123456789012:role/deploy",
      credentials = { access_key_id = keys.id, secret_access_key = keys.secret } }
    -- The role's own keys sign this, and its token goes with it.
    assert.matches(":assumed%-role/deploy/", role:client("sts"):GetCallerIdentity().Arn)
  end)

  -- ---- Elastic Container Service ----

  local definition, service

  asked("ecs.RegisterTaskDefinition", function(session)
    local made <const> = session:client("ecs"):RegisterTaskDefinition { family = "web",
      requiresCompatibilities = { "FARGATE" }, cpu = "256", memory = "512", networkMode = "awsvpc",
      containerDefinitions = { { name = "web", image = "123456789012.dkr.ecr.eu-west-2.amazonaws.com/web:ab12cd3",
        essential = true, cpu = 256, memory = 512, portMappings = { { containerPort = 80, hostPort = 80 } } } } }
    definition = made.taskDefinition.taskDefinitionArn
    assert.equal(1, made.taskDefinition.revision)
  end)

  asked("ecs.CreateService", function(session)
    local ecs <const> = session:client "ecs"
    ecs:CreateCluster { clusterName = "web" }
    service = ecs:CreateService({ cluster = "web", serviceName = "site", taskDefinition = definition, desiredCount = 2,
      launchType = "FARGATE" }).service
    assert.equal("ACTIVE", service.status)
  end)

  asked("ecs.DescribeServices", function(session)
    local found <const> = session:client("ecs"):DescribeServices { cluster = "web", services = { "site", "none" } }
    assert.equal(definition, found.services[1].taskDefinition)
    assert.equal("PRIMARY", found.services[1].deployments[1].status)
    assert.equal("MISSING", found.failures[1].reason)
    assert.is_true(math.abs(found.services[1].deployments[1].createdAt - clock.now()) < 600)
  end)

  asked("ecs.DescribeTaskDefinition", function(session)
    local found <const> = session:client("ecs"):DescribeTaskDefinition { taskDefinition = definition }
    assert.equal("web", found.taskDefinition.containerDefinitions[1].name)
    local _, err <const> = try(session:client("ecs").DescribeTaskDefinition, session:client("ecs"),
      { taskDefinition = "none:1" })
    assert.is_true(err:is "aws.api")
    assert.equal("ClientException", err.code)
  end)

  local network

  asked("ecs.RunTask", function(session)
    local found <const> = moto.made("ec2", "DescribeSubnets", {}).Subnets[1]
    network = found.VpcId
    local ran <const> = session:client("ecs"):RunTask { cluster = "web", taskDefinition = definition, count = 2,
      launchType = "FARGATE", networkConfiguration = { awsvpcConfiguration = { subnets = { found.SubnetId },
        securityGroups = json.array {} } } }
    assert.equal(2, #ran.tasks)
  end)

  asked("ecs.ListTasks", function(session)
    local arns = {}
    for arn in session:client("ecs"):paginate("ListTasks", { cluster = "web" }, "taskArns") do arns[#arns + 1] = arn end
    assert.is_true(#arns >= 2)
  end)

  asked("ecs.DescribeTasks", function(session)
    local ecs <const> = session:client "ecs"
    local arns <const> = ecs:ListTasks({ cluster = "web" }).taskArns
    assert.equal(definition, ecs:DescribeTasks({ cluster = "web", tasks = { arns[1] } }).tasks[1].taskDefinitionArn)
  end)

  asked("ecs.UpdateService", function(session)
    local updated <const> = session:client("ecs"):UpdateService { cluster = "web", service = "site",
      taskDefinition = definition, forceNewDeployment = true, desiredCount = 0 }
    assert.equal(0, updated.service.desiredCount)
  end)

  local ARN <const> = "arn:aws:ecs:eu-west-2:123456789012:"
  local DEPLOYMENT <const> = ARN .. "service-deployment/web/site/NCWGC2ZR-taawPAYrIaU5"
  lacking("ecs.ListServiceDeployments", { cluster = "web", service = "site" })
  lacking("ecs.DescribeServiceDeployments", { serviceDeploymentArns = { DEPLOYMENT } })
  lacking("ecs.DescribeServiceRevisions", { serviceRevisionArns = { ARN .. "service-revision/web/site/1" } })
  lacking("ecs.StopServiceDeployment", { serviceDeploymentArn = DEPLOYMENT, stopType = "ROLLBACK" })
  lacking("ecs.ContinueServiceDeployment", { serviceDeploymentArn = DEPLOYMENT, hookId = "h", action = "CONTINUE" })

  -- ---- Elastic Container Registry ----

  local MEDIA <const> = "application/vnd.docker.distribution.manifest.v2+json"
  local manifest <const> = json.encode({ schemaVersion = 2, mediaType = MEDIA,
    config = { mediaType = "application/vnd.docker.container.image.v1+json", size = 2,
      digest = "sha256:" .. ("0"):rep(64) }, layers = json.array {} }, { sort_keys = true })
  local digest

  asked("ecr.PutImage", function(session)
    local ecr <const> = session:client "ecr"
    ecr:CreateRepository { repositoryName = "web" }
    digest = ecr:PutImage({ repositoryName = "web", imageManifest = manifest, imageManifestMediaType = MEDIA,
      imageTag = "ab12cd3" }).image.imageId.imageDigest
    assert.matches("^sha256:%x+$", digest)
    local _, err <const> = try(ecr.DescribeImages, ecr, { repositoryName = "none" })
    assert.equal("aws.api.not_found RepositoryNotFoundException", err.kind .. " " .. err.code)
  end)

  asked("ecr.BatchGetImage", function(session)
    local found <const> = session:client("ecr"):BatchGetImage { repositoryName = "web",
      imageIds = { { imageTag = "ab12cd3" }, { imageTag = "none" } } }
    assert.equal(digest, found.images[1].imageId.imageDigest)
    assert.equal(manifest, found.images[1].imageManifest)
    assert.equal("ImageNotFound", found.failures[1].failureCode)
  end)

  asked("ecr.DescribeImages", function(session)
    local found <const> = session:client("ecr"):DescribeImages { repositoryName = "web",
      imageIds = { { imageDigest = digest } } }
    assert.same({ "ab12cd3" }, { table.unpack(found.imageDetails[1].imageTags) })
    assert.is_true(math.abs(found.imageDetails[1].imagePushedAt - clock.now()) < 600)
  end)

  asked("ecr.GetAuthorizationToken", function(session)
    local found <const> = session:client("ecr"):GetAuthorizationToken()
    assert.equal("[secret]", tostring(found.authorizationData[1].authorizationToken))
  end)

  -- ---- CodeDeploy ----

  local GROUP <const> = { applicationName = "web", deploymentGroupName = "web-group" }
  local deployment

  asked("codedeploy.CreateDeployment", function(session)
    local codedeploy <const> = session:client "codedeploy"
    codedeploy:CreateApplication { applicationName = "web", computePlatform = "ECS" }
    codedeploy:CreateDeploymentGroup { applicationName = "web", deploymentGroupName = "web-group",
      serviceRoleArn = "arn:aws:iam::123456789012:role/codedeploy" }
    deployment = codedeploy:CreateDeployment({ applicationName = "web", deploymentGroupName = "web-group",
      description = "Back, says »Fairlead«", revision = { revisionType = "AppSpecContent",
        appSpecContent = { content = "{\"version\":0.0}" } } }).deploymentId
    assert.is_string(deployment)
  end)

  asked("codedeploy.GetDeployment", function(session)
    local codedeploy <const> = session:client "codedeploy"
    local info <const> = codedeploy:GetDeployment({ deploymentId = deployment }).deploymentInfo
    assert.equal("web-group", info.deploymentGroupName)
    assert.equal("Back, says »Fairlead«", info.description)
    assert.is_true(math.abs(info.createTime - clock.now()) < 600)
    local _, err <const> = try(codedeploy.GetDeployment, codedeploy, { deploymentId = "d-NOTHING99" })
    assert.equal("aws.api.not_found DeploymentDoesNotExistException", err.kind .. " " .. err.code)
  end)

  asked("codedeploy.ListDeployments", function(session)
    local ids = {}
    for id in session:client("codedeploy"):paginate("ListDeployments", { applicationName = "web",
      deploymentGroupName = "web-group", createTimeRange = { start = clock.now() - 600 } }, "deployments") do
      ids[#ids + 1] = id
    end
    assert.same({ deployment }, ids)
  end)

  asked("codedeploy.GetDeploymentGroup", function(session)
    local codedeploy <const> = session:client "codedeploy"
    assert.equal("web-group", codedeploy:GetDeploymentGroup(GROUP).deploymentGroupInfo.deploymentGroupName)
    local _, err <const> = try(codedeploy.GetDeploymentGroup, codedeploy, { applicationName = "web",
      deploymentGroupName = "none" })
    assert.equal("aws.api.not_found", err.kind)
  end)

  lacking("codedeploy.BatchGetDeploymentTargets", { deploymentId = "d-ABCDEF123", targetIds = { "web:site" } })
  lacking("codedeploy.StopDeployment", { deploymentId = "d-ABCDEF123", autoRollbackEnabled = false })

  -- ---- CodePipeline ----

  asked("codepipeline.GetPipeline", function(session)
    local codepipeline <const> = session:client "codepipeline"
    local _, err <const> = try(codepipeline.GetPipeline, codepipeline, { name = "none" })
    assert.equal("aws.api.not_found PipelineNotFoundException", err.kind .. " " .. err.code)
  end)

  lacking("codepipeline.GetPipelineState", { name = "web" })
  lacking("codepipeline.ListActionExecutions", { pipelineName = "web" })
  lacking("codepipeline.PutApprovalResult", { pipelineName = "web", stageName = "Approve", actionName = "approve",
    token = "t", result = { status = "Approved", summary = "fine" } })
  lacking("codepipeline.StopPipelineExecution", { pipelineName = "web", pipelineExecutionId = "e-1", abandon = true })

  -- ---- SQS ----

  local queue

  asked("sqs.GetQueueUrl", function(session)
    local sqs <const> = session:client "sqs"
    sqs:CreateQueue { QueueName = "jobs" }
    queue = sqs:GetQueueUrl({ QueueName = "jobs" }).QueueUrl
    local _, err <const> = try(sqs.GetQueueUrl, sqs, { QueueName = "none" })
    assert.equal("aws.api.not_found", err.kind)
  end)

  local BODY <const> = "{\"id\":\"é & <ü> \u{1F6A2}\"}"
  local message

  asked("sqs.SendMessage", function(session)
    assert.is_string(session:client("sqs"):SendMessage({ QueueUrl = queue, MessageBody = BODY }).MessageId)
  end)

  asked("sqs.ReceiveMessage", function(session)
    message = session:client("sqs"):ReceiveMessage({ QueueUrl = queue, MaxNumberOfMessages = 10, VisibilityTimeout = 30,
      WaitTimeSeconds = 1 }).Messages[1]
    assert.equal(BODY, message.Body)
  end)

  asked("sqs.ChangeMessageVisibility", function(session)
    session:client("sqs"):ChangeMessageVisibility { QueueUrl = queue, ReceiptHandle = message.ReceiptHandle,
      VisibilityTimeout = 0 }
  end)

  asked("sqs.DeleteMessage", function(session)
    local sqs <const> = session:client "sqs"
    local again <const> = sqs:ReceiveMessage({ QueueUrl = queue }).Messages[1]
    sqs:DeleteMessage { QueueUrl = queue, ReceiptHandle = again.ReceiptHandle }
    assert.equal(0, #(sqs:ReceiveMessage({ QueueUrl = queue }).Messages or {}))
  end)

  -- ---- CloudWatch, its logs, load balancers, events ----

  asked("logs.GetLogEvents", function(session)
    local logs <const> = session:client "logs"
    logs:CreateLogGroup { logGroupName = "/ecs/web" }
    logs:CreateLogStream { logGroupName = "/ecs/web", logStreamName = "web/app/0123" }
    local now <const> = math.floor(clock.now() * 1000)
    logs:PutLogEvents { logGroupName = "/ecs/web", logStreamName = "web/app/0123", logEvents = {
      { timestamp = now, message = "first" }, { timestamp = now + 1, message = "Traceback: é" } } }
    local found <const> = logs:GetLogEvents { logGroupName = "/ecs/web", logStreamName = "web/app/0123", limit = 50,
      startFromHead = false }
    assert.same({ "first", "Traceback: é" }, { found.events[1].message, found.events[2].message })
    assert.equal(now, found.events[1].timestamp)
    local _, err <const> = try(logs.GetLogEvents, logs, { logGroupName = "none", logStreamName = "none" })
    assert.equal("aws.api.not_found", err.kind)
  end)

  asked("cloudwatch.DescribeAlarms", function(session)
    local cloudwatch <const> = session:client "cloudwatch"
    cloudwatch:PutMetricAlarm { AlarmName = "errors", Namespace = "AWS/ECS", MetricName = "CPUUtilization", Period = 60,
      EvaluationPeriods = 1, Statistic = "Average", Threshold = 90.5, ComparisonOperator = "GreaterThanThreshold" }
    cloudwatch:SetAlarmState { AlarmName = "errors", StateValue = "ALARM", StateReason = "it is" }
    local alarm <const> = cloudwatch:DescribeAlarms({ AlarmNames = { "errors" }, AlarmTypes = { "MetricAlarm" },
      MaxRecords = 100 }).MetricAlarms[1]
    assert.equal("ALARM it is 90.5", ("%s %s %s"):format(alarm.StateValue, alarm.StateReason, alarm.Threshold))
  end)

  asked("elbv2.DescribeTargetHealth", function(session)
    local elbv2 <const> = session:client "elbv2"
    local group <const> = elbv2:CreateTargetGroup({ Name = "web", Protocol = "HTTP", Port = 80, VpcId = network,
      TargetType = "ip" }).TargetGroups[1]
    assert.equal(80, group.Port)
    elbv2:RegisterTargets { TargetGroupArn = group.TargetGroupArn, Targets = { { Id = "10.0.0.1", Port = 8080 } } }
    local health <const> = elbv2:DescribeTargetHealth { TargetGroupArn = group.TargetGroupArn }
    assert.equal(8080, health.TargetHealthDescriptions[1].Target.Port)
  end)

  asked("events.PutEvents", function(session)
    local put <const> = session:client("events"):PutEvents { Entries = { { Source = "fairlead", DetailType = "released",
      Detail = "{\"a\":1}" } } }
    assert.equal(0, put.FailedEntryCount)
  end)

  -- ---- parameters and secrets ----

  asked("ssm.PutParameter", function(session)
    local ssm <const> = session:client "ssm"
    ssm:PutParameter { Name = "/app/key", Value = secret "s3cr3t é", Type = "SecureString" }
    local _, err <const> = try(ssm.PutParameter, ssm, { Name = "/app/key", Value = "x", Type = "SecureString" })
    assert.equal("ParameterAlreadyExists", err.code)
  end)

  asked("ssm.GetParameter", function(session)
    local ssm <const> = session:client "ssm"
    local found <const> = ssm:GetParameter { Name = "/app/key", WithDecryption = true }
    assert.equal("[secret]", tostring(found.Parameter.Value))
    assert.equal("s3cr3t é", require "fairlead.http".reveal(found.Parameter.Value))
    local _, err <const> = try(ssm.GetParameter, ssm, { Name = "/none" })
    assert.equal("aws.api.not_found ParameterNotFound", err.kind .. " " .. err.code)
  end)

  asked("secretsmanager.DescribeSecret", function(session)
    local manager <const> = session:client "secretsmanager"
    manager:CreateSecret { Name = "app", SecretString = secret "s3cr3t" }
    assert.equal("app", manager:DescribeSecret({ SecretId = "app" }).Name)
    local _, err <const> = try(manager.DescribeSecret, manager, { SecretId = "none" })
    assert.equal("aws.api.not_found", err.kind)
  end)

  asked("secretsmanager.GetSecretValue", function(session)
    local found <const> = session:client("secretsmanager"):GetSecretValue { SecretId = "app" }
    assert.equal("[secret]", tostring(found.SecretString))
  end)

  asked("secretsmanager.PutSecretValue", function(session)
    local manager <const> = session:client "secretsmanager"
    manager:PutSecretValue { SecretId = "app", SecretString = "another" }
    assert.equal("another", require "fairlead.http".reveal(manager:GetSecretValue({ SecretId = "app" }).SecretString))
  end)
end)
