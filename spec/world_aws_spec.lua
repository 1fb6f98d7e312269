-- The simulated AWS: signatures, what the services refuse, queues, tables; every answer checked against the services'
-- own models.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"

local publish = aws.publish
local APPLICATION <const>, TARGET <const> = aws.APPLICATION, aws.TARGET

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

describe("a message that was received", function()
  it("is back in its queue as soon as it is put back, and not put back twice", function()
    aws.rehearse(function()
      local w <const> = aws.world()
      local url <const> = aws.call(w, "sqs", "GetQueueUrl", { QueueName = "staging-jobs" }).QueueUrl
      local function receive()
        return (aws.call(w, "sqs", "ReceiveMessage", { QueueUrl = url, VisibilityTimeout = 600 }).Messages or {})[1]
      end
      aws.call(w, "sqs", "SendMessage", { QueueUrl = url, MessageBody = "somebody else's" })
      local message <const> = receive()
      assert.is_nil(receive())
      local back <const> = { QueueUrl = url, ReceiptHandle = message.ReceiptHandle, VisibilityTimeout = 0 }
      aws.call(w, "sqs", "ChangeMessageVisibility", back)
      assert.equal("com.amazonaws.sqs#MessageNotInflight", aws.send(w, "sqs", "ChangeMessageVisibility", back).code)
      assert.equal(message.MessageId, receive().MessageId)
      back.VisibilityTimeout = 43201
      assert.equal("com.amazonaws.sqs#InvalidParameterValue",
        aws.send(w, "sqs", "ChangeMessageVisibility", back).code)
    end)
  end)
end)

describe("junk in any member", function()
  local JUNK <const> = {
    0, -1, 1e300, 5.5, "", "x", "arn:aws:", "page-0", "page-99999999999999999999", "d-AAAAAAAAA", ":1", "/", true,
    json.null, json.array {}, json.array { "" }, json.array { 1 }, json.array { json.array {} }, {}, { a = "b" },
    { S = "x" }, { S = 1 }, { N = "x" }, { k = { S = "x" } }, { LockID = { S = "x" } }, { LockID = { S = 5 } },
    "staging-cluster", "staging-web", "locks", "staging-web-app", "https://x/111111111111/staging-jobs", "/staging",
    "a = :b AND (", "SET a = a + :x", json.array { {} }, json.array { { imageTag = "x" } }, "/ecs/staging-web",
    json.array { { imageDigest = "x" } }, "staging/key", "RUNNING", "TAGGED",
  }

  it("is answered by every operation as a service answers, with 200 or 400", function()
    local services = { "codedeploy", "dynamodb", "ecr", "ecs", "logs", "secretsmanager", "sqs", "ssm" }
    local sorted = require "fairlead.sorted"
    local draws, statuses = require("fairlead.world.random").stream(1, "junk"), {}
    aws.rehearse(function()
      local w = aws.world()
      for _ = 1, 25 do
        for _, name in ipairs(services) do
          for operation, held in sorted(require("fairlead.world.aws." .. name).operations) do
            local input = {}
            for member in sorted(held.input) do
              if draws:chance(0.8) then
                input[member:gsub("!$", "")] = draws:pick(JUNK)
              end
            end
            statuses[aws.send(w, name, operation, input).status] = true
          end
        end
      end
    end)
    assert.same({ [200] = true, [400] = true }, statuses)
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
