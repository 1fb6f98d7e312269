--- From a request to AWS to what IAM has to allow for it: action, resources, condition.
---
--- Source: Service Authorization Reference, "Actions, resources, and condition keys for …" of each service: an action
--- has its operation's name unless it stands below, and may be restricted to what its column "Resource types" lists;
--- where that is empty, only "*" is possible.
local M = {}

---@class permissions.Need
---@field action string "ecs:DescribeServices"
---@field resources string[] ARNs, or "*"
---@field condition? table

---@class permissions.Context
---@field region string
---@field account string
---@field learned table<string, {application: string, group: string}> CodeDeploy's deployments by id

-- The service's prefix in IAM by its host name.
local PREFIX <const> = { ["api.ecr"] = "ecr", monitoring = "cloudwatch" }

-- Operations that another action allows. SQS API Reference, "Actions": the batch operations have their single one's.
local SAME_AS <const> = {
  ["sqs:SendMessageBatch"] = "SendMessage", ["sqs:DeleteMessageBatch"] = "DeleteMessage",
  ["sqs:ChangeMessageVisibilityBatch"] = "ChangeMessageVisibility",
}

-- STS API Reference, GetCallerIdentity: "No permissions are required to perform this operation."
local FREE <const> = { ["sts:GetCallerIdentity"] = true, ["sts:GetSessionToken"] = true }

local function name_in(arn) return (tostring(arn):match "([^/:]+)$") end

local function arn(context, service, rest)
  return ("arn:aws:%s:%s:%s:%s"):format(service, context.region, context.account, rest)
end

local function each(list, fn)
  local found = {}
  for i, item in ipairs(list or {}) do found[i] = fn(item) end
  return found
end

-- ---- Amazon Elastic Container Service ----

local function cluster(p) return name_in(p.cluster or "default") end

local function service_arn(context, p, service)
  if tostring(service):find "^arn:" then return service end
  return arn(context, "ecs", ("service/%s/%s"):format(cluster(p), service))
end

-- An ARN that ends in an id of its own: any of the same kind and service.
local function any_of(text) return (text:gsub("[^/]+$", "*")) end

local function family(definition)
  return name_in((tostring(definition):gsub(":%d+$", "")))
end

local ecs = {}

function ecs.DescribeServices(p, context)
  return each(p.services, function(service) return service_arn(context, p, service) end)
end

function ecs.UpdateService(p, context) return { service_arn(context, p, p.service) } end
ecs.ListServiceDeployments = ecs.UpdateService
ecs.DeleteService = ecs.UpdateService
function ecs.DescribeClusters(p, context)
  return each(p.clusters, function(name) return arn(context, "ecs", "cluster/" .. name_in(name)) end)
end
function ecs.ListTasks(p, context)
  return nil, { ArnEquals = { ["ecs:cluster"] = arn(context, "ecs", "cluster/" .. cluster(p)) } }
end
function ecs.DescribeTasks(p, context) return { arn(context, "ecs", ("task/%s/*"):format(cluster(p))) } end
ecs.StopTask = ecs.DescribeTasks
function ecs.RunTask(p, context)
  return { arn(context, "ecs", ("task-definition/%s:*"):format(family(p.taskDefinition))) }
end
function ecs.RegisterTaskDefinition(p, context)
  return { arn(context, "ecs", ("task-definition/%s:*"):format(p.family)) }
end
function ecs.DescribeServiceDeployments(p) return each(p.serviceDeploymentArns, any_of) end
function ecs.DescribeServiceRevisions(p) return each(p.serviceRevisionArns, any_of) end
function ecs.StopServiceDeployment(p) return { any_of(p.serviceDeploymentArn) } end
ecs.ContinueServiceDeployment = ecs.StopServiceDeployment

-- ---- AWS CodeDeploy ----

local function group_arn(context, application, group)
  return arn(context, "codedeploy", ("deploymentgroup:%s/%s"):format(application, group))
end

-- Deployments have no ARN: what allows them is their group's.
local function group_of_deployment(p, context)
  local known = context.learned[p.deploymentId] or { application = "*", group = "*" }
  return { group_arn(context, known.application, known.group) }
end

local codedeploy = { GetDeployment = group_of_deployment }

function codedeploy.ListDeployments(p, context)
  return { group_arn(context, p.applicationName, p.deploymentGroupName) }
end
codedeploy.CreateDeployment = codedeploy.ListDeployments
codedeploy.GetDeploymentGroup = codedeploy.ListDeployments
function codedeploy.GetApplicationRevision(p, context)
  return { arn(context, "codedeploy", "application:" .. p.applicationName) }
end
codedeploy.RegisterApplicationRevision = codedeploy.GetApplicationRevision
function codedeploy.GetDeploymentConfig(p, context)
  return { arn(context, "codedeploy", "deploymentconfig:" .. p.deploymentConfigName) }
end

-- ---- others ----

local function repository(p, context) return { arn(context, "ecr", "repository/" .. p.repositoryName) } end

local function queue(p, context)
  return { arn(context, "sqs", p.QueueName or name_in(p.QueueUrl)) }
end

local function pipeline(p, context) return { arn(context, "codepipeline", p.name or p.pipelineName) } end

local function parameters(p, context)
  local names = p.Names or { p.Name }
  return each(names, function(name) return arn(context, "ssm", "parameter/" .. name:gsub("^/", "")) end)
end

-- A secret's ARN ends in six characters of its own.
local function secret(p, context)
  if tostring(p.SecretId):find "^arn:" then return { p.SecretId } end
  return { arn(context, "secretsmanager", ("secret:%s-??????"):format(p.SecretId)) }
end

local function log_group(p, context) return { arn(context, "logs", ("log-group:%s:*"):format(p.logGroupName)) } end

local function table_of(p, context) return { arn(context, "dynamodb", "table/" .. name_in(p.TableName)) } end

---@type table<string, table<string, fun(p: table, context: permissions.Context): string[]?, table?>>
local RESOURCES <const> = {
  ecs = ecs,
  codedeploy = codedeploy,
  ecr = { BatchGetImage = repository, DescribeImages = repository, ListImages = repository, PutImage = repository,
    BatchCheckLayerAvailability = repository, GetDownloadUrlForLayer = repository, BatchDeleteImage = repository },
  sqs = { SendMessage = queue, ReceiveMessage = queue, DeleteMessage = queue, GetQueueUrl = queue,
    GetQueueAttributes = queue, ChangeMessageVisibility = queue, PurgeQueue = queue },
  codepipeline = { GetPipeline = pipeline, GetPipelineState = pipeline, GetPipelineExecution = pipeline,
    ListPipelineExecutions = pipeline, ListActionExecutions = pipeline, StartPipelineExecution = pipeline,
    StopPipelineExecution = pipeline, RetryStageExecution = pipeline,
    PutApprovalResult = function(p, context)
      return { arn(context, "codepipeline", ("%s/%s/%s"):format(p.pipelineName, p.stageName, p.actionName)) }
    end },
  ssm = { GetParameter = parameters, GetParameters = parameters, PutParameter = parameters },
  secretsmanager = { GetSecretValue = secret, DescribeSecret = secret, PutSecretValue = secret },
  logs = { FilterLogEvents = log_group, DescribeLogStreams = log_group, StartQuery = log_group,
    GetLogEvents = function(p, context)
      return { arn(context, "logs", ("log-group:%s:log-stream:*"):format(p.logGroupName)) }
    end },
  cloudwatch = { DescribeAlarms = function(p, context)
    if not p.AlarmNames or #p.AlarmNames == 0 then return { arn(context, "cloudwatch", "alarm:*") } end
    return each(p.AlarmNames, function(name) return arn(context, "cloudwatch", "alarm:" .. name) end)
  end },
  dynamodb = { GetItem = table_of, PutItem = table_of, UpdateItem = table_of, DeleteItem = table_of, Query = table_of,
    Scan = table_of, DescribeTable = table_of },
  sts = { AssumeRole = function(p) return { p.RoleArn } end },
}

---The service's prefix in IAM, and the region, by the host that a request goes to.
---@param host string
---@return string|nil prefix
---@return string|nil region
function M.service_of(host)
  local service, region = host:match "^(.-)%.(%l%l%-[%l%-]+%-%d)%.amazonaws%.com"
  if not service then return host:match "^([%w-]+)%.amazonaws%.com", "us-east-1" end
  return PREFIX[service] or service, region
end

-- The roles that a task definition names are handed to ECS by whoever registers it.
local function passed_roles(p)
  local roles, seen = {}, {}
  for _, role in ipairs { p.executionRoleArn or false, p.taskRoleArn or false } do
    if role and not seen[role] then roles[#roles + 1] = role end
    seen[role] = true
  end
  if #roles == 0 then return nil end
  return { action = "iam:PassRole", resources = roles,
    condition = { StringEquals = { ["iam:PassedToService"] = "ecs-tasks.amazonaws.com" } } }
end

-- CodeDeploy looks at the revision and at the configuration with the rights of whoever creates a deployment: README of
-- aws-actions/amazon-ecs-deploy-task-definition, "Permissions".
local function for_deployment(p, context)
  return {
    { action = "codedeploy:GetDeploymentConfig", resources = {
      arn(context, "codedeploy", "deploymentconfig:" .. (p.deploymentConfigName or "*")),
    } },
    { action = "codedeploy:RegisterApplicationRevision", resources = {
      arn(context, "codedeploy", "application:" .. p.applicationName),
    } },
  }
end

---What one request needs.
---@param prefix string
---@param operation string
---@param p table its parameters
---@param context permissions.Context
---@return permissions.Need[]
function M.needs(prefix, operation, p, context)
  local full = ("%s:%s"):format(prefix, operation)
  if FREE[full] then return {} end
  operation = SAME_AS[full] or operation
  local find = RESOURCES[prefix] and RESOURCES[prefix][operation]
  local resources, condition
  if find then resources, condition = find(p, context) end
  if not resources or #resources == 0 then resources = { "*" } end
  local needs = { { action = ("%s:%s"):format(prefix, operation), resources = resources, condition = condition } }
  if full == "ecs:RegisterTaskDefinition" then needs[2] = passed_roles(p) end
  if full == "codedeploy:CreateDeployment" then table.move(for_deployment(p, context), 1, 2, 2, needs) end
  return needs
end

return M
