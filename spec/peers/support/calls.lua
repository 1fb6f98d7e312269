--- A call of each AWS operation that the procedures and the modules make, as they make it; and some more of each
--- protocol that a script may make. Times are {["$time"] = unix seconds}, bytes {["$bytes"] = text}: each client is
--- given its own form of them.
local json = require "fairlead.json"

local M = {}

local function time(seconds) return { ["$time"] = seconds } end
local function bytes(text) return { ["$bytes"] = text } end

local CLUSTER <const>, SERVICE <const> = "production-cluster", "production-web"
local ARN <const> = "arn:aws:ecs:eu-west-2:123456789012:"
local DEFINITION <const> = ARN .. "task-definition/web:42"
local DEPLOYMENT <const> = ARN .. "service-deployment/production-cluster/production-web/NCWGC2ZR-taawPAYrIaU5"
local REVISION <const> = ARN .. "service-revision/production-cluster/production-web/4980306466373577095"
local DIGEST <const> = "sha256:" .. ("ab"):rep(32)
local QUEUE <const> = "https://sqs.eu-west-2.amazonaws.com/123456789012/jobs"
local TEXT <const> = "Grüße, 東京 \"quoted\" <&> \\ / \u{1F6A2}\n\ttab"

---@type {[1]: string, [2]: string, [3]: table}[] service, operation, parameters
M.made = {
  { "sts", "GetCallerIdentity", {} },
  { "sts", "AssumeRole", { RoleArn = "arn:aws:iam::123456789012:role/deploy", RoleSessionName = "a b+c=d",
    DurationSeconds = 900, ExternalId = "x/y=z", PolicyArns = { { arn = "arn:aws:iam::aws:policy/A" } },
    Tags = { { Key = "k", Value = TEXT } } } },
  { "sts", "AssumeRoleWithWebIdentity", { RoleArn = "arn:aws:iam::123456789012:role/deploy",
    RoleSessionName = "session", WebIdentityToken = "header.payload.signature" } },
  { "iam", "SimulatePrincipalPolicy", {
    PolicySourceArn = "arn:aws:iam::123456789012:user/deployer",
    ActionNames = { "ecs:UpdateService", "ecr:PutImage" }, ResourceArns = { ARN .. "x" } } },

  { "ecs", "DescribeServices", { cluster = CLUSTER, services = { SERVICE, "api" } } },
  { "ecs", "DescribeTaskDefinition", { taskDefinition = DEFINITION } },
  { "ecs", "ListTasks", { cluster = CLUSTER, desiredStatus = "RUNNING", serviceName = SERVICE } },
  { "ecs", "DescribeTasks", { cluster = CLUSTER, tasks = { ARN .. "task/production-cluster/0123456789abcdef" } } },
  { "ecs", "ListServiceDeployments", { cluster = CLUSTER, service = SERVICE, status = { "SUCCESSFUL" },
    maxResults = 100, createdAt = { after = time(1772442000) } } },
  { "ecs", "DescribeServiceDeployments", { serviceDeploymentArns = { DEPLOYMENT } } },
  { "ecs", "DescribeServiceRevisions", { serviceRevisionArns = { REVISION } } },
  { "ecs", "UpdateService", { cluster = CLUSTER, service = SERVICE, taskDefinition = DEFINITION,
    forceNewDeployment = true } },
  { "ecs", "StopServiceDeployment", { serviceDeploymentArn = DEPLOYMENT, stopType = "ROLLBACK" } },
  { "ecs", "ContinueServiceDeployment", { serviceDeploymentArn = DEPLOYMENT, hookId = "h", action = "CONTINUE" } },

  { "ecr", "BatchGetImage", { registryId = "123456789012", repositoryName = "web",
    imageIds = { { imageTag = "ab12cd3" }, { imageDigest = DIGEST } } } },
  { "ecr", "DescribeImages", { repositoryName = "web", imageIds = { { imageDigest = DIGEST } } } },
  { "ecr", "PutImage", { repositoryName = "web", imageTag = "latest", imageDigest = DIGEST,
    imageManifest = "{\n   \"schemaVersion\": 2\n}",
    imageManifestMediaType = "application/vnd.oci.image.manifest.v1+json" } },

  { "codedeploy", "ListDeployments", { applicationName = "web", deploymentGroupName = "web-group",
    createTimeRange = { start = time(1772442000), ["end"] = time(1772442000.5) } } },
  { "codedeploy", "ListDeployments", { applicationName = "web", deploymentGroupName = "web-group",
    includeOnlyStatuses = { "Created", "InProgress" } }, "with statuses" },
  { "codedeploy", "GetDeployment", { deploymentId = "d-ABCDEF123" } },
  { "codedeploy", "BatchGetDeploymentTargets", { deploymentId = "d-ABCDEF123", targetIds = { "c:s" } } },
  { "codedeploy", "GetDeploymentGroup", { applicationName = "web", deploymentGroupName = "web-group" } },
  { "codedeploy", "CreateDeployment", { applicationName = "web", deploymentGroupName = "web-group",
    description = TEXT, revision = { revisionType = "AppSpecContent",
      appSpecContent = { content = "{\"Resources\":[],\"version\":0.0}" } } } },
  { "codedeploy", "StopDeployment", { deploymentId = "d-ABCDEF123", autoRollbackEnabled = false } },

  { "codepipeline", "GetPipelineState", { name = "web" } },
  { "codepipeline", "GetPipelineExecution", { pipelineName = "web", pipelineExecutionId = "e-1" } },
  { "codepipeline", "ListPipelineExecutions", { pipelineName = "web" } },
  { "codepipeline", "ListActionExecutions", { pipelineName = "web", filter = { pipelineExecutionId = "e-1" } } },
  { "codepipeline", "PutApprovalResult", { pipelineName = "web", stageName = "Approve", actionName = "approve",
    token = "t", result = { status = "Approved", summary = TEXT } } },
  { "codepipeline", "StopPipelineExecution", { pipelineName = "web", pipelineExecutionId = "e-1", abandon = true,
    reason = "why" } },

  { "sqs", "GetQueueUrl", { QueueName = "jobs" } },
  { "sqs", "SendMessage", { QueueUrl = QUEUE, MessageBody = TEXT } },
  { "sqs", "ReceiveMessage", { QueueUrl = QUEUE, MaxNumberOfMessages = 10, VisibilityTimeout = 30,
    WaitTimeSeconds = 20 } },
  { "sqs", "ChangeMessageVisibility", { QueueUrl = QUEUE, ReceiptHandle = "r+/=", VisibilityTimeout = 0 } },
  { "sqs", "DeleteMessage", { QueueUrl = QUEUE, ReceiptHandle = "r+/=" } },

  { "logs", "GetLogEvents", { logGroupName = "/ecs/web", logStreamName = "web/app/0123", limit = 50,
    startFromHead = false } },
  { "cloudwatch", "DescribeAlarms", { AlarmNames = { "errors" }, AlarmTypes = { "MetricAlarm", "CompositeAlarm" },
    MaxRecords = 100 } },
  { "elbv2", "DescribeTargetHealth", { TargetGroupArn = "arn:aws:elasticloadbalancing:eu-west-2:1:targetgroup/w/0" } },
  { "ssm", "GetParameter", { Name = "/app/key" } },
  { "secretsmanager", "DescribeSecret", { SecretId = "app" } },

  { "s3", "GetObject", { Bucket = "data", Key = "a b/é+&=?#.csv", Range = "bytes=0-99", IfMatch = "\"e\"" } },
  { "s3", "PutObject", { Bucket = "data", Key = "a b/é+&=?#.csv", Body = bytes "some bytes", ContentType = "text/csv",
    IfNoneMatch = "*" } },
  { "s3", "HeadObject", { Bucket = "data", Key = "../x//y" } },
  { "s3", "DeleteObject", { Bucket = "data", Key = "k", VersionId = "v+1" } },
  { "s3", "DeleteObjects", { Bucket = "data",
    Delete = { Objects = { { Key = "a&<b>" }, { Key = "c" } }, Quiet = true } } },
  { "s3", "ListObjectsV2", { Bucket = "data", Prefix = "a b/é", Delimiter = "/", MaxKeys = 10 } },
  { "s3", "CreateMultipartUpload", { Bucket = "data", Key = "large" } },
  { "s3", "UploadPart", { Bucket = "data", Key = "large", UploadId = "u/+=", PartNumber = 1, Body = bytes "part" } },
  { "s3", "CompleteMultipartUpload", { Bucket = "data", Key = "large", UploadId = "u",
    MultipartUpload = { Parts = { { PartNumber = 1, ETag = "\"e\"" } } } } },
  { "s3", "AbortMultipartUpload", { Bucket = "data", Key = "large", UploadId = "u" } },
}

---@type {[1]: string, [2]: string, [3]: table}[] what no procedure of ours does, and scripts may
M.more = {
  { "ecs", "RegisterTaskDefinition", { family = "web", requiresCompatibilities = { "FARGATE" }, cpu = "256",
    containerDefinitions = { { name = "app", essential = true, portMappings = { { containerPort = 80 } },
      command = json.array {}, environment = { { name = "A", value = TEXT } } } } } },
  { "ecs", "RunTask", { cluster = CLUSTER, taskDefinition = "web", count = 1 } },
  { "ecr", "GetAuthorizationToken", {} },
  { "codepipeline", "StartPipelineExecution", { name = "web" } },
  { "ssm", "PutParameter", { Name = "/app/key", Value = TEXT, Type = "SecureString", Overwrite = true } },
  { "secretsmanager", "GetSecretValue", { SecretId = "app" } },
  { "secretsmanager", "PutSecretValue", { SecretId = "app", SecretString = TEXT } },
  { "dynamodb", "PutItem", { TableName = "locks", ConditionExpression = "attribute_not_exists(#e)",
    ExpressionAttributeNames = { ["#e"] = "environment" }, Item = { environment = { S = TEXT },
      fence = { N = "9007199254740993" }, tags = { L = json.array {} }, held = { BOOL = true } } } },
  { "dynamodb", "GetItem", { TableName = "locks", Key = { environment = { S = "p" } }, ConsistentRead = true } },
  { "dynamodb", "UpdateItem", { TableName = "locks", Key = { environment = { S = "p" } },
    UpdateExpression = "SET fence = :f", ExpressionAttributeValues = { [":f"] = { N = "1" } } } },
  { "dynamodb", "DeleteItem", { TableName = "locks", Key = { environment = { S = "p" } } } },
  { "dynamodb", "Query", { TableName = "locks", KeyConditionExpression = "environment = :e", Limit = 5,
    ExpressionAttributeValues = { [":e"] = { S = "p" } } } },
  { "logs", "FilterLogEvents", { logGroupName = "g", startTime = 1772442000123, limit = 10 } },
  { "events", "PutEvents", { Entries = { { Source = "s", DetailType = "d", Detail = "{\"a\":1}",
    Time = time(1772442000) } } } },
  { "elbv2", "DescribeTargetGroups", { Names = { "a", "b" }, PageSize = 5 } },
  { "elbv2", "ModifyListener", { ListenerArn = "l", DefaultActions = { { Type = "forward",
    ForwardConfig = { TargetGroups = { { TargetGroupArn = "t", Weight = 0 } },
      TargetGroupStickinessConfig = { Enabled = false } } } } } },
  { "cloudwatch", "GetMetricStatistics", { Namespace = "AWS/ECS", MetricName = "CPUUtilization", Period = 60,
    StartTime = time(1772442000), EndTime = time(1772445600.25), Statistics = { "Average" } } },
}

---What Fairlead is given: times are numbers, bytes texts.
---@param value any
---@return any
function M.plain(value)
  if type(value) ~= "table" then return value end
  if value["$time"] then return value["$time"] end
  if value["$bytes"] then return value["$bytes"] end
  local copy = setmetatable({}, getmetatable(value))
  for key, item in pairs(value) do copy[key] = M.plain(item) end
  return copy
end

---What the clients beside the specs are given.
---@param calls table[]
---@return table[]
function M.as_input(calls)
  local list = {}
  for i, call in ipairs(calls) do
    list[i] = { service = call[1], operation = call[2],
      parameters = next(call[3]) and call[3] or setmetatable({}, nil) }
  end
  return json.array(list)
end

---What a call is named in the tables.
---@param call table
---@return string
function M.name(call)
  return ("%s.%s%s"):format(call[1], call[2], call[4] and ", " .. call[4] or "")
end

return M
