--- Smoke tests of what is live: a message through a queue and its result, sent once whatever happens.
local aws = require "fairlead.aws"
local deploying = require "spec.support.deploying"
local json = require "fairlead.json"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"

local release = require "release"
local smoke = require "release.live.smoke"

local RESULTS <const> = "staging-result-queue"

-- The version before is live and its worker answers; only the queue is tried, as `tests` have it.
local function play(options, body)
  options.settings = "async_processor"
  local change <const> = options.change
  function options.change(fixture, environment)
    environment.smoke_test = { environment.smoke_test[2] }
    if change then change(fixture, environment) end
  end
  return deploying.play(options, body)
end

local function sent(w)
  local count = 0
  for _, request in ipairs(w.aws.requests) do
    if request.operation == "SendMessage" and request.status == 200 then count = count + 1 end
  end
  return count
end

local function left(place, queue)
  local sqs = aws.session({ region = place.environment.region }):client "sqs"
  local url = sqs:GetQueueUrl({ QueueName = queue }).QueueUrl
  return tonumber(sqs:GetQueueAttributes({
    QueueUrl = url, AttributeNames = json.array { "ApproximateNumberOfMessages" },
  }).Attributes.ApproximateNumberOfMessages)
end

local function put(place, queue, body)
  local sqs = aws.session({ region = place.environment.region }):client "sqs"
  sqs:SendMessage { QueueUrl = sqs:GetQueueUrl({ QueueName = queue }).QueueUrl, MessageBody = body }
end

describe("a message through a queue", function()
  it("passes when its result comes from our version, and takes that result only", function()
    local result = play({}, function(place)
      put(place, RESULTS, json.encode { id = "somebody else's", status = "COMPLETE" })
      put(place, RESULTS, "no JSON at all")
      local passed = smoke.run(place.this, place.environment, place.world.aws.initial_sha)
      require("fairlead.clock").sleep(60)
      return { passed = passed, left = left(place, RESULTS) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({ pages = 0, messages = 1 }, result.value.passed)
    assert.equal(2, result.value.left)
  end)

  it("fails when the result comes from another version", function()
    local result = play({}, function(place) smoke.run(place.this, place.environment, place.sha) end)
    assert.equal("smoke_test.failed", result.reason)
    assert.matches("^smoke test staging%-request%-queue: the result comes from version %x+, not %x+; does a worker of "
      .. "the old version still run%?$", tostring(result.error))
  end)

  it("fails when a field of the result is not as the settings say", function()
    local result = play({
      change = function(_, environment) environment.smoke_test[1].result.fields = { status = "DONE" } end,
    }, function(place) smoke.run(place.this, place.environment, place.world.aws.initial_sha) end)
    assert.matches("the result's status is COMPLETE, not DONE", tostring(result.error))
  end)

  it("fails when no result comes in time", function()
    local result = play({
      change = function(fixture) fixture.aws.environments.staging.workers = nil
        fixture.aws.environments.staging.queues = { "staging-request-queue", RESULTS }
      end,
    }, function(place) smoke.run(place.this, place.environment, place.world.aws.initial_sha) end)
    assert.equal("wait.timeout", result.reason)
    assert.matches("Result in staging%-result%-queue: not there after 5 min; last seen: no result of message %x+ yet",
      tostring(result.error))
  end)

  it("is not sent again by a run that is taken up, although the first never heard that it was", function()
    local heard, result, again = true, nil, nil
    local outer, w = play({}, function(place)
      local recorder = memory.new()
      local sha <const> = place.world.aws.initial_sha
      local test = procedure.new { name = "test", run = function(run)
        local this = release.new(run, place.this.settings, {})
        local sqs = require("release.live.context").clients(this, place.environment).sqs
        local send <const> = sqs.SendMessage
        rawset(sqs, "SendMessage", function(...)
          local answer = send(...)
          if heard then return answer end
          require("fairlead.errors").raise { kind = "http.reset", message = "the answer is lost" }
        end)
        return smoke.run(this, place.environment, sha)
      end }
      local options = { recorder = recorder, id = "20260302-090000-abcdef", mode = "rehearsal" }
      heard = false
      result = procedure.execute(test, {}, options)
      heard = true
      again = procedure.execute(test, {}, options)
      return { left = left(place, RESULTS) }
    end)
    assert.equal("done", outer.outcome, tostring(outer.error))
    assert.equal("http.reset", result.reason)
    assert.equal("done", again.outcome, tostring(again.error))
    assert.equal(1, sent(w))
    assert.equal(0, outer.value.left)
  end)

  -- Sends one message; `network` stands between: it gets the function that sends.
  local function through(network)
    local result, w = play({}, function(place)
      local sqs = require("release.live.context").clients(place.this, place.environment).sqs
      local send <const>, first = sqs.SendMessage, true
      rawset(sqs, "SendMessage", function(...)
        if not first then return send(...) end
        first = false
        return network(send, ...)
      end)
      smoke.run(place.this, place.environment, place.world.aws.initial_sha)
      return { left = left(place, RESULTS) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(0, result.value.left)
    return sent(w)
  end

  local function lose()
    require("fairlead.errors").raise { kind = "http.timeout", message = "lost", retryable = true }
  end

  it("is sent once where the answer is lost, and again where it was never heard", function()
    assert.equal(1, through(function(send, ...)
      send(...)
      lose()
    end))
    assert.equal(1, through(lose))
  end)
end)
