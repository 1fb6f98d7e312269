-- AWS's retry modes, compared with botocore's numbers (spec/support/retry_vectors.json).
local Pace = require "fairlead.aws.pace"
local Retry = require "fairlead.aws.retry"
local aws = require "fairlead.aws"
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local json = require "fairlead.json"
local services = require "fairlead.aws.services"
local task = require "fairlead.task"

local vectors
do
  local file <close> = assert(io.open "spec/support/retry_vectors.json")
  vectors = json.decode(file:read "a")
end

local THROTTLED <const> = errors.new { kind = "aws.api.throttled", message = "x", code = "ThrottlingException",
  status = 400 }
local FAILED <const> = errors.new { kind = "aws.api", message = "x", code = "HTTP 503", status = 503 }

local function retry_of(service, overlay)
  local variables = { ["AWS_*"] = false }
  for name, value in pairs(overlay or {}) do variables[name] = value end
  return environment.with(variables, Retry.new, {}, services.list[service].retries)
end

-- Seconds that are waited after an attempt.
local function waited(retry, err, attempt, share, asked)
  return clock.simulate({ start = fake.START }, chance.with, function() return share end, function()
    assert.is_truthy(retry:wait(err, attempt, math.huge, asked))
    return clock.now() - fake.START
  end)
end

local function client(service, overlay, options)
  local variables = { ["AWS_*"] = false, HOME = "/nonexistent" }
  for name, value in pairs(overlay or {}) do variables[name] = value end
  return environment.with(variables, function()
    return aws.session({ region = "eu-west-2", credentials = { access_key_id = "A", secret_access_key = secret "s" } })
      :client(service, options)
  end)
end

-- Requests that were sent, by calls of which each may fail.
local function run(answer, body)
  return chance.with(function() return 1 end, fake.run, answer, body)
end

local function always(status, body, headers)
  return function() return status, body or "", headers end
end

describe("aws retries, standard", function()
  it("wait as long as botocore, with and without a wish of the service's", function()
    for _, case in ipairs(vectors.delays) do
      local retry = retry_of(case.service, { AWS_MAX_ATTEMPTS = "100" })
      local asked = case.asked ~= json.null and case.asked / 1000 or nil
      assert.near(case.delay, waited(retry, case.throttled and THROTTLED or FAILED, case.attempt, case.share, asked),
        1e-6, json.encode(case))
    end
    assert.is_true(#vectors.delays == 480)
  end)

  it("take tokens of a quota, 14 or 5, and wait no more without them", function()
    for err, count in pairs { [FAILED] = 35, [THROTTLED] = 100 } do
      local retry, retries = retry_of "ecs", 0
      clock.simulate({ start = fake.START }, function()
        while retry:wait(err, 1, math.huge) do retries = retries + 1 end
      end)
      assert.equal(count, retries)
    end
  end)

  it("of a long poll wait even without tokens, and are none", function()
    local seen = run(always(400, { __type = "ThrottlingException" }), function()
      local sqs = client "sqs"
      sqs.retry.tokens = 0
      local began = clock.now()
      assert.is_nil((try(sqs.ReceiveMessage, sqs, { QueueUrl = "https://sqs/q" })))
      assert.near(1.05, clock.now() - began, 0.001)
      began = clock.now()
      assert.is_nil((try(sqs.GetQueueUrl, sqs, { QueueName = "q" })))
      assert.near(0.05, clock.now() - began, 0.001)
    end)
    assert.equal(2, #seen)
  end)
end)

describe("aws retries, by the rules from before November 2026", function()
  it("begin at a second, cost 5 or 10, and do not listen to x-amz-retry-after", function()
    local overlay = { AWS_NEW_RETRIES_2026 = "false", AWS_MAX_ATTEMPTS = "100" }
    for attempt, pause in ipairs { 1, 2, 4, 8, 16, 20, 20 } do
      assert.equal(pause, waited(retry_of("ecs", overlay), FAILED, attempt, 1, 5))
      assert.equal(pause, waited(retry_of("dynamodb", overlay), THROTTLED, attempt, 1, 5))
    end
    local lost = errors.new { kind = "http.timeout", message = "x" }
    local retry = retry_of("ecs", overlay)
    clock.simulate({ start = fake.START }, function()
      assert.equal(10, retry:wait(lost, 1, math.huge))
      assert.equal(5, retry:wait(FAILED, 1, math.huge))
    end)
  end)
end)

describe("aws retries, legacy", function()
  local LEGACY <const> = { AWS_RETRY_MODE = "legacy" }

  it("are five attempts, without a quota, doubling from a second", function()
    local seen = run(always(503), function()
      local ecs = client("ecs", LEGACY)
      for _ = 1, 60 do try(ecs.ListClusters, ecs) end
    end)
    assert.equal(300, #seen)
    for i, pause in ipairs { 1, 2, 4, 8 } do assert.near(pause + 0.05, seen[i + 1].at - seen[i].at, 0.001) end
  end)

  it("are ten attempts for DynamoDB, from 50 ms, without chance", function()
    local retry = retry_of("dynamodb", LEGACY)
    assert.equal(10, retry.attempts)
    for attempt, pause in ipairs(vectors.legacy) do
      assert.near(pause, waited(retry, attempt % 2 == 0 and THROTTLED or FAILED, attempt, 0.3), 1e-6)
    end
  end)

  it("take 509 for something that passes, and the other modes do not", function()
    local function sent(overlay)
      return #run(always(509), function()
        local ecs = client("ecs", overlay)
        try(ecs.ListClusters, ecs)
      end)
    end
    assert.equal(5, sent(LEGACY))
    assert.equal(1, sent {})
  end)
end)

describe("aws retries, adaptive", function()
  it("have the rate that botocore has after each answer", function()
    clock.simulate({ start = 1000 }, function()
      local pace = Pace.new()
      for _, answer in ipairs(vectors.rates) do
        clock.sleep(answer.at - clock.now())
        pace:heard(answer.throttled)
        assert.near(answer.rate, pace.rate, 1e-3, answer.at)
      end
    end)
  end)

  it("send what the service takes: a service of 5 a second hears hardly more, and all calls come through", function()
    local taken, second = 0, nil
    local refused = { adaptive = 0, standard = 0 }
    for mode in pairs(refused) do
      local seen = run(function(request)
        local now = math.floor(request.at)
        if now ~= second then second, taken = now, 0 end
        taken = taken + 1
        if taken <= 5 then return 200, {} end
        refused[mode] = refused[mode] + 1
        return 400, { __type = "ThrottlingException" }
      end, function()
        local ecs = client("ecs", { AWS_RETRY_MODE = mode, AWS_MAX_ATTEMPTS = "20" }, { timeout = 600 })
        task.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function()
          for _ = 1, 15 do ecs:ListClusters() end
        end, { limit = 10 })
      end)
      assert.equal(150 + refused[mode], #seen)
    end
    assert.is_true(refused.adaptive * 2 < refused.standard, refused.adaptive .. " and " .. refused.standard)
  end)

  it("tell a call that would not be admitted in its time", function()
    local _, err = run(function() return 400, { __type = "ThrottlingException" } end, function()
      local ecs = client("ecs", { AWS_RETRY_MODE = "adaptive", AWS_MAX_ATTEMPTS = "1" })
      for _ = 1, 5 do try(ecs.ListClusters, ecs) end
      return (select(2, try(ecs.ListClusters, ecs, {}, { timeout = 0.5 })))
    end)
    assert.equal("aws.api.throttled", err.kind)
    assert.matches("^ecs.ListClusters eu%-west%-2: AWS has throttled this client's calls", tostring(err))
  end)
end)

describe("aws retry settings", function()
  it("may be written in any case, and say where they are wrong", function()
    assert.equal(5, retry_of("ecs", { AWS_RETRY_MODE = "Legacy" }).attempts)
    local _, err = try(retry_of, "ecs", { AWS_RETRY_MODE = "eager" })
    assert.equal("AWS_RETRY_MODE eager: is no retry mode; it is standard, adaptive or legacy", tostring(err))
    local _, from_profile = try(environment.with, { ["AWS_*"] = false }, Retry.new, { retry_mode = "eager" })
    assert.matches("^retry_mode in the AWS profile eager: ", tostring(from_profile))
  end)
end)
