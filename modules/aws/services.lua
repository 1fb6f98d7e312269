--- The services: where they are, how they name themselves, and which of AWS's protocols they speak.
---
--- Source: each service's API model as botocore carries it (`botocore/data/<service>/…/service-2.json`, metadata:
--- endpointPrefix, signingName, jsonVersion, targetPrefix, apiVersion, serviceId; `idempotencyToken` members). A spec
--- compares.
local types = require "fairlead.aws.query_types"

local M = {}

---@class fairlead.aws.Service
---@field host string before ".<region>.amazonaws.com"
---@field signing string the service's name in signatures
---@field target? string JSON protocols: before the operation in X-Amz-Target
---@field json? string JSON protocols: version, in Content-Type
---@field version? string query protocol: of the service's API
---@field types? table<string, fairlead.aws.QueryType> query protocol: what members of answers are
---@field id string as in AWS_ENDPOINT_URL_<ID>
---@field tokens? table<string, string> operation -> the parameter that makes it safe to repeat
---@field retries? {attempts: integer, base: number, legacy: table} other than the other services'; base: seconds;
--- legacy: those of AWS_RETRY_MODE=legacy
---@field long_polls? table<string, number> operation -> seconds that an answer may take by intent
---@field rest? boolean S3's protocol, rest-xml
---@field query_mode? boolean it once spoke the query protocol, and is told that what its errors were called there is
--- understood (Smithy 2.0, "awsQueryCompatible": a client must send X-Amzn-Query-Mode)
---@field unsigned? table<string, boolean> operations that bear no signature
---@field secret? boolean `SecretString` and `SecretBinary` in answers are secrets

---@alias fairlead.aws.ServiceName
---| "cloudwatch" | "codedeploy" | "codepipeline" | "dynamodb" | "ecr" | "ecs" | "elbv2" | "events"
---| "logs" | "s3" | "secretsmanager" | "sqs" | "ssm" | "sts"

---@type table<string, fairlead.aws.Service>
M.list = {
  -- JSON since 2025 (protocols of botocore's model cloudwatch/2010-08-01); older models describe the query protocol.
  cloudwatch = { host = "monitoring", signing = "monitoring", target = "GraniteServiceVersion20100801", json = "1.0",
    id = "CLOUDWATCH", query_mode = true },
  codedeploy = { host = "codedeploy", signing = "codedeploy", target = "CodeDeploy_20141006", json = "1.1",
    id = "CODEDEPLOY" },
  codepipeline = { host = "codepipeline", signing = "codepipeline", target = "CodePipeline_20150709", json = "1.1",
    id = "CODEPIPELINE", tokens = { StartPipelineExecution = "clientRequestToken" } },
  dynamodb = { host = "dynamodb", signing = "dynamodb", target = "DynamoDB_20120810", json = "1.0", id = "DYNAMODB",
    retries = { attempts = 4, base = 0.025, legacy = { attempts = 10, base = 0.05 } },
    tokens = { ExecuteTransaction = "ClientRequestToken", ExportTableToPointInTime = "ClientToken",
      ImportTable = "ClientToken", StartBulkPutItems = "ClientToken", TransactWriteItems = "ClientRequestToken" } },
  ecr = { host = "api.ecr", signing = "ecr", target = "AmazonEC2ContainerRegistry_V20150921", json = "1.1",
    id = "ECR" },
  ecs = { host = "ecs", signing = "ecs", target = "AmazonEC2ContainerServiceV20141113", json = "1.1", id = "ECS",
    -- Not marked in older models, but taken: "Amazon ECS API Reference", RunTask, clientToken.
    tokens = { CreateGateway = "clientToken", RunTask = "clientToken" } },
  elbv2 = { host = "elasticloadbalancing", signing = "elasticloadbalancing", version = "2015-12-01",
    types = types.elbv2, id = "ELASTIC_LOAD_BALANCING_V2" },
  events = { host = "events", signing = "events", target = "AWSEvents", json = "1.1", id = "EVENTBRIDGE" },
  logs = { host = "logs", signing = "logs", target = "Logs_20140328", json = "1.1", id = "CLOUDWATCH_LOGS",
    tokens = { PutQueryDefinition = "clientToken" } },
  s3 = { host = "s3", signing = "s3", rest = true, id = "S3" },
  secretsmanager = { host = "secretsmanager", signing = "secretsmanager", target = "secretsmanager", json = "1.1",
    id = "SECRETS_MANAGER", secret = true,
    tokens = { CreateSecret = "ClientRequestToken", PutSecretValue = "ClientRequestToken",
      RotateSecret = "ClientRequestToken", UpdateSecret = "ClientRequestToken" } },
  -- JSON since 2023; the query protocol, which older models describe, is not spoken here.
  sqs = { host = "sqs", signing = "sqs", target = "AmazonSQS", json = "1.0", id = "SQS", query_mode = true,
    long_polls = { ReceiveMessage = 20 } },
  ssm = { host = "ssm", signing = "ssm", target = "AmazonSSM", json = "1.1", id = "SSM",
    tokens = { CreateMaintenanceWindow = "ClientToken", CreatePatchBaseline = "ClientToken",
      DeleteInventory = "ClientToken", RegisterTargetWithMaintenanceWindow = "ClientToken",
      RegisterTaskWithMaintenanceWindow = "ClientToken" } },
  sts = { host = "sts", signing = "sts", version = "2011-06-15", types = types.sts, id = "STS",
    unsigned = { AssumeRoleWithSAML = true, AssumeRoleWithWebIdentity = true } },
}

--- The names of all services, sorted.
---@return string[]
function M.names()
  local names = {}
  for name in pairs(M.list) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- Verbs of operations that change nothing, or that leave the same state when they are done twice.
local READS <const> = { "^Describe", "^List", "^Get", "^BatchGet", "^BatchCheck", "^BatchDescribe", "^Query$", "^Scan$",
  "^Filter", "^Lookup", "^Search", "^Test",
  "^AssumeRole" }
local SAME_TWICE <const> = { "^Delete", "^Tag", "^Untag", "^Stop", "^Put" }
local NOT_SAME_TWICE <const> = { PutEvents = true, PutLogEvents = true, PutItem = true }

local function matches(operation, patterns)
  for _, pattern in ipairs(patterns) do
    if operation:find(pattern) then
      return true
    end
  end
  return false
end

--- Whether an operation may be sent again when it is not known if the first was heard. AWS's SDKs repeat all; but
--- UpdateService, RegisterTaskDefinition and CreateDeployment take no token, and twice is not once.
---@param service fairlead.aws.Service
---@param operation string
---@param parameters table
---@return boolean
function M.repeatable(service, operation, parameters)
  local token <const> = service.tokens and service.tokens[operation]
  if token and parameters[token] ~= nil then
    return true
  end
  return matches(operation, READS) or (matches(operation, SAME_TWICE) and not NOT_SAME_TWICE[operation])
end

return M
