-- What goes over the wire, compared with botocore: its API models and its own serializer (Debian's python3-botocore).
local aws = require "fairlead.aws"
local fake = require "spec.support.fake_service"
local http = require "fairlead.http"
local json = require "fairlead.json"
local process = require "fairlead.process"
local profile = require "fairlead.aws.profile"
local services = require "fairlead.aws.services"
local variables = require "fairlead.environment"

local function botocore(mode, input)
  local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_wire.py", mode, stdin = input,
    timeout = 120 }
  assert.equal(0, done.code, done.stderr)
  return json.decode(done.stdout)
end

describe("aws services", function()
  it("name themselves as botocore's models do", function()
    local names <const> = services.names()
    local compared, queries = 0, 0
    for i, model in ipairs(botocore("models", json.encode(names))) do
      local name <const> = names[i]
      local own <const>, metadata <const> = services.list[name], model.metadata
      assert.equal(own.host, model.endpoint, name)
      assert.equal(own.signing, model.signing, name)
      assert.equal(own.id, (model.service_id:upper():gsub(" ", "_")), name)
      -- Debian 12's models describe SQS's and CloudWatch's older protocol; they have both.
      if own.rest then
        assert.equal("rest-xml", metadata.protocol, name)
      elseif own.types then
        assert.equal("query", metadata.protocol, name)
        assert.equal(own.version, metadata.apiVersion, name)
        queries = queries + 1
      elseif metadata.protocol == "json" then
        assert.equal(own.target, metadata.targetPrefix, name)
        assert.equal(own.json, metadata.jsonVersion, name)
        for operation, member in pairs(model.tokens) do
          assert.equal(member, own.tokens[operation], name .. "." .. operation)
        end
        compared = compared + 1
      else
        assert.is_true(name == "sqs" or name == "cloudwatch", name)
      end
    end
    assert.is_true(compared >= 9)
    assert.equal(2, queries)
  end)

  it("know the types of all members of XML answers", function()
    local ours <const> = { integer = "integer", long = "integer", double = "number", float = "number",
      boolean = "boolean", timestamp = "time", list = "list", map = "map" }
    local names <const>, compared = { "elbv2", "sts" }, 0
    for i, theirs in ipairs(botocore("types", json.encode(names))) do
      local types <const> = services.list[names[i]].types
      for path, kinds in pairs(theirs) do
        assert.equal(1, #kinds, path)
        local expected <const> = ours[kinds[1]] or "string"
        assert.equal(expected, types[path] or types[path:match "[^.]*$"] or "string", path)
        compared = compared + 1
      end
    end
    assert.is_true(compared > 100)
  end)
end)

local CALLS <const> = {
  { "ecs", "DescribeServices", { cluster = "production-cluster", services = { "web", "api" } } },
  { "ecs", "UpdateService", { cluster = "c", service = "s", forceNewDeployment = true, desiredCount = 0 } },
  { "ecs", "ListTasks", { cluster = "c", maxResults = 100 } },
  { "ecs", "RegisterTaskDefinition", { family = "web", requiresCompatibilities = { "FARGATE" }, cpu = "256",
    containerDefinitions = { { name = "app", essential = true, portMappings = { { containerPort = 80 } },
      command = { "serve", "--force" }, environment = { { name = "A", value = "é \"quoted\"" } } } } } },
  { "ecr", "DescribeImages", { repositoryName = "web", imageIds = { { imageTag = "ab12cd3" } },
    filter = { tagStatus = "TAGGED" } } },
  { "ecr", "BatchGetImage", { repositoryName = "web", imageIds = { { imageDigest = "sha256:00" } } } },
  { "ecr", "GetAuthorizationToken", {} },
  { "codedeploy", "GetDeployment", { deploymentId = "d-ABC" } },
  { "codedeploy", "ListDeployments", { applicationName = "a", deploymentGroupName = "g",
    includeOnlyStatuses = json.array {}, createTimeRange = { start = 1772442000 } } },
  { "codedeploy", "StopDeployment", { deploymentId = "d-ABC", autoRollbackEnabled = false } },
  { "codepipeline", "PutApprovalResult", { pipelineName = "p", stageName = "s", actionName = "a", token = "t",
    result = { summary = "fine", status = "Approved" } } },
  { "ssm", "GetParameter", { Name = "/app/key", WithDecryption = true } },
  { "secretsmanager", "GetSecretValue", { SecretId = "app" } },
  { "logs", "FilterLogEvents", { logGroupName = "g", startTime = 1772442000123, limit = 10 } },
  { "dynamodb", "PutItem", { TableName = "locks", ConditionExpression = "attribute_not_exists(#e)",
    ExpressionAttributeNames = { ["#e"] = "environment" }, Item = { environment = { S = "production" },
      fence = { N = "42" }, tags = { L = json.array {} }, held = { BOOL = true } } } },
  { "sts", "GetCallerIdentity", {} },
  { "sts", "AssumeRole", { RoleArn = "arn:aws:iam::1:role/deploy", RoleSessionName = "a b+c=d/é", DurationSeconds = 900,
    PolicyArns = { { arn = "arn:aws:iam::aws:policy/A" }, { arn = "arn:aws:iam::aws:policy/B" } },
    Tags = { { Key = "k", Value = "v" } } } },
  { "elbv2", "DescribeTargetHealth", { TargetGroupArn = "arn:aws:x", Targets = { { Id = "10.0.0.1", Port = 80 } } } },
  { "elbv2", "DescribeTargetGroups", { Names = json.array {}, PageSize = 5 } },
  { "elbv2", "ModifyListener", { ListenerArn = "l", DefaultActions = { { Type = "forward", ForwardConfig = {
    TargetGroups = { { TargetGroupArn = "t", Weight = 0 } },
    TargetGroupStickinessConfig = { Enabled = false } } } } } },
  { "events", "PutEvents", { Entries = { { Source = "s", DetailType = "d", Detail = "{\"a\":1}" } } } },
}

describe("aws calls", function()
  it("are what botocore would send for the same parameters", function()
    local asked = {}
    for i, call in ipairs(CALLS) do
      asked[i] = { service = call[1], operation = call[2], parameters = call[3] }
    end
    local expected <const> = botocore("serialize", json.encode(asked))
    local seen <const> = fake.run(function(request)
      local action <const> = not request.headers["x-amz-target"] and request.body.Action
      return 200, action and ("<%sResponse/>"):format(action) or {}
    end, function()
      local session <const> = aws.session { region = "eu-west-2",
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "k" } }
      for _, call in ipairs(CALLS) do
        local client <const> = session:client(call[1])
        client[call[2]](client, call[3])
      end
    end)
    assert.equal(#CALLS, #seen)
    for i, call in ipairs(CALLS) do
      local theirs <const>, ours <const> = expected[i], seen[i]
      local name <const> = call[1] .. "." .. call[2]
      assert.equal(theirs.method, ours.method, name)
      assert.equal(theirs.path, ours.path, name)
      assert.equal(theirs.headers["X-Amz-Target"], ours.headers["x-amz-target"], name)
      if theirs.headers["X-Amz-Target"] then
        assert.equal(theirs.headers["Content-Type"], ours.headers["content-type"], name)
        assert.same(json.decode(theirs.body), ours.body, name)
        assert.equal(json.encode(json.decode(theirs.body)), ours.text, name)
      else
        assert.equal("application/x-www-form-urlencoded; charset=utf-8", ours.headers["content-type"], name)
        assert.same(fake.decode_query(theirs.body), ours.body, name)
      end
    end
  end)

  it("bear no signature, and need no credentials, where STS takes another proof", function()
    local seen <const> = fake.run(function() return 200, "<AssumeRoleWithWebIdentityResponse/>" end, function()
      variables.with({ ["AWS_*"] = false, AWS_REGION = "eu-west-2", AWS_EC2_METADATA_DISABLED = "true" }, function()
        aws.session({}):client("sts"):AssumeRoleWithWebIdentity { RoleArn = "arn:aws:iam::1:role/deploy",
          RoleSessionName = "session", WebIdentityToken = secret "a.b.c" }
      end)
    end)
    assert.equal("a.b.c", seen[1].body.WebIdentityToken)
    assert.is_true(seen[1].is_secret)
    assert.is_nil(seen[1].headers.authorization)
    assert.is_nil(seen[1].headers["x-amz-date"])
  end)

  it("say to SQS and CloudWatch that the codes of their query protocol are understood, and to no other", function()
    local seen <const> = fake.run(function() return 200, {} end, function()
      local session <const> = aws.session { region = "eu-west-2",
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "k" } }
      session:client("sqs"):GetQueueUrl { QueueName = "q" }
      session:client("cloudwatch"):DescribeAlarms {}
      session:client("ecs"):ListClusters {}
    end)
    assert.equal("true", seen[1].headers["x-amzn-query-mode"])
    assert.equal("true", seen[2].headers["x-amzn-query-mode"])
    assert.is_nil(seen[3].headers["x-amzn-query-mode"])
  end)

  it("go to SQS in the JSON protocol that it has had since 2023", function()
    local seen <const> = fake.run(function() return 200, { MessageId = "m" } end, function()
      local session <const> = aws.session { region = "eu-west-2",
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "k" } }
      session:client("sqs"):SendMessage { QueueUrl = "https://sqs.eu-west-2.amazonaws.com/1/q", MessageBody = "b" }
    end)
    assert.equal("https://sqs.eu-west-2.amazonaws.com/", seen[1].url)
    assert.equal("AmazonSQS.SendMessage", seen[1].headers["x-amz-target"])
    assert.equal("application/x-amz-json-1.0", seen[1].headers["content-type"])
  end)
end)

local ANSWERS <const> = {
  { "sts", "GetCallerIdentity", [[
      <Arn>arn:aws:iam::123456789012:user/d&amp;d</Arn> <UserId>AIDA</UserId> <Account>012345678901</Account>]] },
  { "sts", "AssumeRole", [[<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s+/=</SecretAccessKey>
      <SessionToken>t</SessionToken><Expiration>2026-03-02T10:00:00Z</Expiration></Credentials>
      <PackedPolicySize>6</PackedPolicySize>]] },
  { "elbv2", "DescribeTargetHealth", [[<TargetHealthDescriptions><member><HealthCheckPort>8080</HealthCheckPort>
      <Target><Id>10.0.1.5</Id><Port>8080</Port><AvailabilityZone>eu-west-2a</AvailabilityZone></Target>
      <TargetHealth><State>unhealthy</State><Reason>Target.ResponseCodeMismatch</Reason>
      <Description>Health checks failed with these codes: [502]</Description></TargetHealth></member>
      </TargetHealthDescriptions>]] },
  { "elbv2", "DescribeTargetHealth", "<TargetHealthDescriptions/>" },
  { "elbv2", "DescribeTargetGroups", [[<TargetGroups><member><TargetGroupName>site</TargetGroupName><Port>80</Port>
      <HealthCheckEnabled>true</HealthCheckEnabled><HealthyThresholdCount>5</HealthyThresholdCount>
      <Matcher><HttpCode>200,302</HttpCode></Matcher><LoadBalancerArns><member>arn:1</member><member>arn:2</member>
      </LoadBalancerArns></member></TargetGroups><NextMarker>m</NextMarker>]] },
  { "elbv2", "DescribeRules", [[<Rules><member><Priority>10</Priority><IsDefault>false</IsDefault><Conditions>
      <member><Values><member>/a</member></Values></member></Conditions><Actions><member><Order>1</Order>
      <RedirectConfig><Port>443</Port></RedirectConfig><AuthenticateOidcConfig><AuthenticationRequestExtraParams><entry>
      <key>k</key><value>v</value></entry></AuthenticationRequestExtraParams><SessionTimeout>604800</SessionTimeout>
      </AuthenticateOidcConfig></member></Actions></member></Rules>]] },
  { "elbv2", "DescribeSSLPolicies", [[<SslPolicies><member><Name>p</Name><Ciphers><member><Name>c</Name>
      <Priority>1</Priority></member></Ciphers></member></SslPolicies>]] },
}

--- Secrets opened, for comparing.
local function opened(value)
  if type(value) == "userdata" then
    return http.reveal(value)
  elseif type(value) == "table" then
    local copy = {}
    for key, item in pairs(value) do
      copy[key] = opened(item)
    end
    return copy
  end
  return value
end

describe("aws answers in XML", function()
  it("are read as botocore reads them", function()
    local asked = {}
    for i, item in ipairs(ANSWERS) do
      asked[i] = { service = item[1], operation = item[2], body = ('<%sResponse xmlns="http://x.amazonaws.com/doc/1/">'
        .. "<%sResult>%s</%sResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></%sResponse>"):format(
        item[2], item[2], item[3], item[2], item[2]) }
    end
    local expected <const> = botocore("parse", json.encode(asked))
    fake.run(function(_, number) return 200, asked[number].body end, function()
      local session <const> = aws.session { region = "eu-west-2",
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "k" } }
      for i, item in ipairs(asked) do
        local client <const> = session:client(item.service)
        assert.same(opened(expected[i]), opened(client[item.operation](client, {})), item.operation)
      end
    end)
  end)

  it("keep their secrets", function()
    local _, output = fake.run(function()
      return 200, ("<AssumeRoleResponse><AssumeRoleResult>%s</AssumeRoleResult></AssumeRoleResponse>"):format(
        ANSWERS[2][3])
    end, function()
      return aws.session({ region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = "k" } })
        :client("sts"):AssumeRole { RoleArn = "r", RoleSessionName = "s" }
    end)
    assert.equal("[secret] [secret]", tostring(output.Credentials.SecretAccessKey) .. " "
      .. tostring(output.Credentials.SessionToken))
    assert.equal(1772445600, output.Credentials.Expiration)
  end)
end)

describe("aws pages", function()
  it("are followed by the tokens that botocore's paginators name", function()
    local names, compared = {}, 0
    for _, name in ipairs(services.names()) do
      names[#names + 1] = not services.list[name].rest and name or nil -- S3's are in aws_s3_wire_spec.lua
    end
    for i, model in ipairs(botocore("models", json.encode(names))) do
      for operation, pair in pairs(model.pages) do
        local seen <const>, items = fake.run(function(request, number)
          if not request.headers["x-amz-target"] then
            return 200, ("<%sResponse><%sResult><list><member>%d</member></list>%s</%sResult></%sResponse>"):format(
              operation, operation, number, number == 1 and ("<%s>more</%s>"):format(pair[1], pair[1]) or "", operation,
              operation)
          end
          return 200, { list = { number }, [pair[1]] = number == 1 and "more" or nil }
        end, function()
          local client <const> = aws.session({ region = "eu-west-2", credentials = { access_key_id = "A",
            secret_access_key = "k" } }):client(names[i])
          local found = {}
          for item in client:paginate(operation, { given = 1 }, "list", { newer = true }) do
            found[#found + 1] = item
          end
          return found
        end)
        if seen[2].body.Action then
          assert.same({ "1", "2" }, items, operation)
          assert.same({ "1", "more" }, { seen[2].body.given, seen[2].body[pair[2]] }, operation)
        else
          assert.same({ 1, 2 }, items, operation)
          assert.same({ given = 1, [pair[2]] = "more" }, seen[2].body, operation)
        end
        compared = compared + 1
      end
    end
    assert.is_true(compared > 50)
  end)
end)

describe("aws shared files", function()
  it("are read as botocore reads them", function()
    local text <const> = table.concat({
      "# comment", "; comment", "[default]", "region = eu-west-2", "", "[profile  admin]",
      "ROLE_ARN=arn:aws:iam::1:role/x", "source_profile = default", "s3 =", "  max_concurrent_requests = 20",
      "  addressing_style=path", "empty =",
      "with_equals = a=b==", "spaces   =   wide open  ", "",
    }, "\n")
    local theirs <const>, ours <const> = botocore("profiles", text), profile.parse(text, "config")
    assert.same({ region = "eu-west-2" }, ours.default)
    assert.same(theirs.default, ours.default)
    local admin <const> = theirs.admin
    admin.s3.max_concurrent_requests = tostring(admin.s3.max_concurrent_requests)
    assert.same(admin, ours["profile  admin"])
  end)
end)
