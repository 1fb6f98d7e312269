-- AWS clients: errors, retries, pages, secrets, endpoints.
local aws = require "fairlead.aws"
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local http = require "fairlead.http"
local json = require "fairlead.json"
local server = require "spec.support.server"

local CREDENTIALS <const> = { access_key_id = "AKIDEXAMPLE", secret_access_key = "sesame-open" }
-- Nothing of the developer's own configuration.
local CLEAN <const> = { ["AWS_*"] = false, AWS_CONFIG_FILE = "/nowhere/config",
  AWS_SHARED_CREDENTIALS_FILE = "/nowhere/credentials" }

local function client(service, options, overlay)
  local variables = {}
  for name, value in pairs(CLEAN) do
    variables[name] = value
  end
  for name, value in pairs(overlay or {}) do
    variables[name] = value
  end
  return environment.with(variables, function()
    return aws.session({ region = "eu-west-2", credentials = CREDENTIALS }):client(service, options)
  end)
end

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

local function throttled()
  return 400, { __type = "ThrottlingException", message = "Rate exceeded" }
end

--- Pauses are what chance makes of them: none at its lowest, the longest at its highest.
local function run(answer, body)
  return chance.with(function() return 0.999 end, fake.run, answer, body)
end

describe("aws operations", function()
  it("are signed requests over the wire, and answers are tables without nulls", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, '{"services":[{"serviceName":"web","events":null}],"failures":[]}')
    end)
    local ecs <const> = client("ecs", { endpoint = s.url .. "/" })
    local output <const> = ecs:DescribeServices { cluster = "c", services = { "web" } }
    assert.same({ services = { { serviceName = "web" } }, failures = {} }, output)
    local request <const> = s.requests[1]
    assert.equal("POST /", request.method .. " " .. request.target)
    assert.equal('{"cluster":"c","services":["web"]}', request.body)
    assert.equal("AmazonEC2ContainerServiceV20141113.DescribeServices", request.headers["x-amz-target"])
    assert.equal("application/x-amz-json-1.1", request.headers["content-type"])
    assert.matches("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/%d+/eu%-west%-2/ecs/aws4_request, ",
      request.headers.authorization)
    assert.matches("SignedHeaders=content%-type;host;x%-amz%-date;x%-amz%-target", request.headers.authorization)
    assert.is_nil(request.raw_header:find("sesame", 1, true))
  end)

  it("go to the endpoint that is nearest: option, service's variable, variable, AWS", function()
    local variables <const> = { AWS_ENDPOINT_URL_SECRETS_MANAGER = "http://secrets:1",
      AWS_ENDPOINT_URL = "http://all:2/" }
    assert.equal("http://own:3", client("ecs", { endpoint = "http://own:3" }, variables).endpoint)
    assert.equal("http://secrets:1", client("secretsmanager", nil, variables).endpoint)
    assert.equal("http://all:2", client("ecs", nil, variables).endpoint)
    assert.equal("https://api.ecr.eu-west-2.amazonaws.com", client("ecr").endpoint)
    local err <const> = failure(client, "ecs", nil, { AWS_ENDPOINT_URL = "localhost:4566" })
    assert.equal("config.invalid", err.kind)
    assert.matches("AWS_ENDPOINT_URL localhost:4566", tostring(err), 1, true)
  end)

  it("are refused before anything is sent when they are not named like operations", function()
    local seen <const> = fake.run(function() return 200, {} end, function()
      local ecs <const> = client "ecs"
      assert.error_matches(function() ecs:list_clusters {} end,
        "'ecs' has no method 'list_clusters' %(operations are named as in AWS's API: ListClusters%)")
      assert.error_matches(function() ecs:DescribeServices "web" end,
        "'DescribeServices' %(table expected, got string%)")
    end)
    assert.equal(0, #seen)
    assert.error_matches(function() client "s4" end, "codedeploy, codepipeline, dynamodb.* expected, got 's4'")
  end)
end)

describe("aws errors", function()
  it("say code, message, id and what to do", function()
    local cases <const> = {
      { 400, { __type = "ClusterNotFoundException", message = "Cluster\nnot found." }, "aws.api.not_found",
        hint = "and the account and the region too" },
      { 400, { __type = "com.amazonaws.codedeploy#DeploymentDoesNotExistException:http://x" }, "aws.api.not_found",
        code = "DeploymentDoesNotExistException" },
      { 400, { __type = "AccessDeniedException", Message = "User: x is not authorized to perform: ecs:Y" },
        "aws.api.not_authorised", hint = "an administrator" },
      { 400, { __type = "UnrecognizedClientException", message = "m" }, "aws.api.not_authorised", hint = "access key" },
      { 403, { __type = "InvalidSignatureException", message = "m" }, "aws.api.not_authorised", hint = "clock" },
      { 400, { __type = "InvalidParameterException", message = "m" }, "aws.api" },
      { 400, { __type = "UnknownOperationException" }, "aws.api", hint = "no such operation" },
      { 403, "<html>", "aws.api.not_authorised", code = "HTTP 403" },
    }
    for _, case in ipairs(cases) do
      local _, err = fake.run(function()
        return case[1], case[2], { ["X-Amzn-RequestId"] = "id-1" }
      end, function() return failure(function() client("ecs"):DescribeServices {} end) end)
      assert.equal(case[3], err.kind)
      assert.equal(case.code or case[2].__type, err.code)
      assert.equal("id-1", err.request_id)
      assert.equal(case[1], err.status)
      assert.is_false(err.retryable)
      assert.matches("ecs.DescribeServices eu-west-2: " .. err.code, tostring(err), 1, true)
      assert.matches(case.hint or "", tostring(err), 1, true)
      assert.is_nil(tostring(err):find "\n")
    end
  end)

  it("are read in XML too", function()
    local function answered(status, body)
      local _, err = fake.run(function() return status, body end, function()
        return failure(function() client("elbv2"):DescribeTargetHealth { TargetGroupArn = "arn" } end)
      end)
      return err
    end
    local function refusal(code, text)
      return ('<ErrorResponse xmlns="http://e/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error>'
        .. "<RequestId>id-2</RequestId></ErrorResponse>"):format(code, text)
    end
    local err = answered(400, refusal("TargetGroupNotFound", "Target groups &apos;arn&apos; not found"))
    assert.same({ "aws.api.not_found", "TargetGroupNotFound", "id-2", 400 },
      { err.kind, err.code, err.request_id, err.status })
    assert.matches("elbv2.DescribeTargetHealth eu-west-2: TargetGroupNotFound: Target groups 'arn' not found",
      tostring(err), 1, true)
    assert.equal("aws.api.not_authorised", answered(403, refusal("InvalidClientTokenId", "m")).kind)
    assert.equal("HTTP 403", answered(403, "<html><body>Forbidden<br></body></html>").code)
    assert.equal("NoSuchBucket", answered(404, "<Error><Code>NoSuchBucket</Code></Error>").code)
    assert.matches("answered 200 with something that is no DescribeTargetHealthResponse",
      tostring(answered(200, "<html></html>")), 1, true)
    assert.matches("line 1, column 1", tostring(answered(200, "{}").cause), 1, true)
    assert.error_matches(function() client("elbv2"):DescribeTargetGroups { Names = print } end,
      "Names: a text, number, boolean or table expected, got function")
  end)

  it("take the code from the header, and SQS's own names", function()
    local function code(headers)
      local _, err = fake.run(function() return 400, {}, headers end, function()
        return failure(function() client("sqs"):GetQueueUrl {} end)
      end)
      return err.code, err.kind
    end
    assert.equal("QueueDoesNotExist", (code { ["x-amzn-ErrorType"] = "QueueDoesNotExist:" }))
    local name <const>, kind = code { ["x-amzn-query-error"] = "AWS.SimpleQueueService.NonExistentQueue;Sender" }
    assert.equal("AWS.SimpleQueueService.NonExistentQueue", name)
    assert.equal("aws.api.not_found", kind)
  end)

  it("say what could not be reached", function()
    local s <const> = server.start(function() end)
    local url <const> = s.url
    s:close()
    local err = failure(function() client("ecs", { endpoint = url, timeout = 0.5 }):ListClusters() end)
    assert.equal("http.connect", err.kind)
    assert.matches("ecs.ListClusters " .. url, tostring(err), 1, true)
  end)
end)

describe("aws retries", function()
  it("repeat throttled calls of any kind, up to three attempts", function()
    local seen <const>, err = run(throttled, function()
      return failure(function() client("ecs"):UpdateService { service = "web" } end)
    end)
    assert.equal(3, #seen)
    assert.equal("aws.api.throttled", err.kind)
    assert.is_true(err.retryable)
    assert.near(1, seen[2].at - seen[1].at, 0.1)
    assert.near(2, seen[3].at - seen[2].at, 0.1)
  end)

  it("repeat reads after a lost answer and a 503, and no write that would count twice", function()
    local function lost(_, number)
      if number == 1 then
        fake.lose "http.reset"
      elseif number == 2 then
        return 503, ""
      end
      return 200, { services = {} }
    end
    local reads <const> = run(lost, function() client("ecs"):DescribeServices {} end)
    assert.equal(3, #reads)
    local writes <const>, err = run(lost, function()
      return failure(function() client("ecs"):UpdateService { service = "web" } end)
    end)
    assert.equal(1, #writes)
    assert.equal("http.reset", err.kind)
    local asked <const> = run(lost, function()
      client("ecs"):UpdateService({ service = "web" }, { idempotent = true })
    end)
    assert.equal(3, #asked)
  end)

  it("give a call that takes one a token, the same in each attempt", function()
    local seen <const> = run(function(_, number)
      if number == 1 then
        fake.lose "http.timeout"
      end
      return 200, {}
    end, function() client("ecs"):RunTask { taskDefinition = "t" } end)
    assert.equal(2, #seen)
    assert.equal(32, #seen[1].body.clientToken)
    assert.equal(seen[1].text, seen[2].text)
  end)

  it("wait as long as the service asks", function()
    local seen <const> = chance.with(function() return 0 end, fake.run, function(_, number)
      if number == 1 then
        return 503, "", { ["x-amz-retry-after"] = 4000 }
      end
      return 200, {}
    end, function() client("ecs"):ListClusters() end)
    assert.near(4, seen[2].at - seen[1].at, 0.1)
  end)

  it("stop when the quota is used up, and fill it again by successes", function()
    local failing = true
    local seen <const> = run(function()
      return failing and 500 or 200, {}
    end, function()
      local ecs <const> = client "ecs"
      for _ = 1, 18 do
        failure(function() ecs:ListClusters() end)
      end
      failing = false
      for _ = 1, 14 do
        ecs:ListClusters()
      end
      failing = true
      failure(function() ecs:ListClusters() end)
    end)
    -- 500 tokens buy 35 retries of 14; the 36th failure finds 10 left. 14 successes and 10 buy one more.
    assert.equal(18 + 35 + 14 + 2, #seen)
  end)

  it("go by AWS_MAX_ATTEMPTS, AWS_RETRY_MODE and the older rules", function()
    local function attempts(overlay)
      return #run(throttled, function()
        failure(function() client("ecs", nil, overlay):ListClusters() end)
      end)
    end
    assert.equal(1, attempts { AWS_MAX_ATTEMPTS = "1" })
    assert.equal(5, attempts { AWS_RETRY_MODE = "legacy" })
    assert.equal("config.invalid", failure(client, "ecs", nil, { AWS_MAX_ATTEMPTS = "many" }).kind)
    assert.equal("config.invalid", failure(client, "ecs", nil, { AWS_RETRY_MODE = "none" }).kind)
    local seen <const> = run(function() return 500, {} end, function()
      failure(function() client("ecs", nil, { AWS_NEW_RETRIES_2026 = "false" }):ListClusters() end)
    end)
    assert.near(1, seen[2].at - seen[1].at, 0.1)
    local new <const> = run(function() return 500, {} end, function()
      failure(function() client("ecs"):ListClusters() end)
    end)
    assert.near(0.05, new[2].at - new[1].at - 0.05, 0.01)
  end)

  it("are four and closer for DynamoDB", function()
    local function failing() return 500, {} end
    local seen <const> = run(failing, function() failure(function() client("dynamodb"):ListTables() end) end)
    assert.equal(4, #seen)
    assert.near(0.025, seen[2].at - seen[1].at - 0.05, 0.01)
    assert.near(0.1, seen[4].at - seen[3].at - 0.05, 0.01)
    assert.equal(3, #run(failing, function()
      failure(function() client("dynamodb", nil, { AWS_NEW_RETRIES_2026 = "false" }):ListTables() end)
    end))
  end)

  it("end with the deadline of the call", function()
    local seen <const>, at = run(throttled, function()
      failure(function() client("ecs", { timeout = 2 }):ListClusters() end)
      return clock.now() - fake.START
    end)
    assert.equal(2, #seen)
    assert.is_true(at <= 2)
  end)

  it("sign with AWS's time once this machine's clock has proved wrong, and only then", function()
    local seen <const>, err = run(function(request, number)
      if number == 1 or number >= 4 then
        return 403, { __type = "InvalidSignatureException", message = "Signature expired" },
          { Date = number == 1 and "Mon, 02 Mar 2026 09:20:00 GMT" or "Mon, 02 Mar 2026 09:20:03 GMT" }
      end
      assert.matches("^20260302T0920", request.headers["x-amz-date"])
      return 200, {}
    end, function()
      local ecs <const> = client "ecs"
      ecs:ListClusters()
      ecs:ListClusters()
      return failure(function() ecs:ListClusters() end)
    end)
    assert.equal("20260302T090000Z", seen[1].headers["x-amz-date"])
    assert.equal(4, #seen, "a wrong key is not a wrong clock")
    assert.equal("aws.api.not_authorised", err.kind)
  end)

  it("sign each attempt anew, with its own time", function()
    local seen <const> = run(function(_, number)
      if number == 1 then
        return throttled()
      end
      return 200, {}
    end, function() client("ecs"):ListClusters() end)
    assert.equal("20260302T090000Z", seen[1].headers["x-amz-date"])
    assert.equal("20260302T090001Z", seen[2].headers["x-amz-date"])
  end)
end)

describe("aws.paginate", function()
  local function page(items, more)
    return { taskArns = json.array(items), nextToken = more }
  end

  it("goes on over empty pages and leaves the caller's parameters alone", function()
    local pages <const> = { page({ "a" }, "1"), page({}, "2"), page({ "b" }) }
    local parameters <const> = { cluster = "c" }
    local seen <const>, items = fake.run(function(_, number) return 200, pages[number] end, function()
      local found = {}
      for arn in client("ecs"):paginate("ListTasks", parameters, "taskArns") do
        found[#found + 1] = arn
      end
      return found
    end)
    assert.same({ "a", "b" }, items)
    assert.same({ cluster = "c" }, parameters)
    assert.same({ cluster = "c", nextToken = "2" }, seen[3].body)
  end)

  it("ends where a token comes back unchanged", function()
    local seen <const> = fake.run(function() return 200, { events = { 1 }, nextForwardToken = "f/1" } end, function()
      for _ in client("logs"):paginate("GetLogEvents", {}, "events") do end -- luacheck: ignore 542
    end)
    assert.equal(2, #seen)
    assert.error_matches(function() client("ecs"):paginate("ListTasks", {}) end, "string expected, got nil")
  end)
end)

describe("aws secrets", function()
  local function output(service, operation, answer)
    local _, value = fake.run(function() return 200, answer end, function()
      local c <const> = client(service)
      return c[operation](c, {})
    end)
    return value
  end

  it("in answers come as Secrets", function()
    local secret_value <const> = output("secretsmanager", "GetSecretValue", { Name = "n", SecretString = "hush" })
    assert.equal("n", secret_value.Name)
    assert.equal("[secret]", tostring(secret_value.SecretString))
    assert.equal("hush", http.reveal(secret_value.SecretString))
    local parameters <const> = output("ssm", "GetParameters", { Parameters = {
      { Name = "a", Type = "SecureString", Value = "hush" }, { Name = "b", Type = "String", Value = "plain" } } })
    assert.equal("[secret]", tostring(parameters.Parameters[1].Value))
    assert.equal("plain", parameters.Parameters[2].Value)
    local login <const> = output("ecr", "GetAuthorizationToken",
      { authorizationData = { { authorizationToken = "t" } } })
    assert.equal("[secret]", tostring(login.authorizationData[1].authorizationToken))
  end)

  it("in parameters are sent as what they hold, and the caller's table keeps them", function()
    local parameters <const> = { Name = "n", SecretString = secret "hush", Tags = json.array {},
      ForceOverwriteReplicaSecret = false }
    local seen <const> = fake.run(function() return 200, {} end, function()
      client("secretsmanager"):CreateSecret(parameters)
    end)
    local sent <const> = seen[1].body
    assert.equal("hush", sent.SecretString)
    assert.is_true(seen[1].is_secret, "the whole body is one on its way")
    assert.is_false(sent.ForceOverwriteReplicaSecret)
    assert.is_truthy(seen[1].text:find('"Tags":[]', 1, true))
    assert.equal("[secret]", tostring(parameters.SecretString))
  end)
end)
