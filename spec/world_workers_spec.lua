-- The simulated SQS: long polls, and applications that work on a queue's messages.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local task = require "fairlead.task"

local function with_worker(worker)
  return function(fixture)
    worker.queue, worker.results = "worker-request-queue", "worker-result-queue"
    worker.service = worker.service or "worker-api"
    fixture.aws.environments.worker.workers = { worker }
  end
end

local function queue(sqs, name)
  return sqs:GetQueueUrl({ QueueName = name }).QueueUrl
end

--- The bodies of what arrives in a queue within `seconds`, each with the seconds that it took.
local function receive(sqs, name, seconds)
  local began <const>, url <const>, list = clock.now(), queue(sqs, name), {}
  while clock.now() < began + seconds do
    local wait <const> = math.min(20, math.ceil(began + seconds - clock.now()))
    for _, message in ipairs(sqs:ReceiveMessage({ QueueUrl = url, WaitTimeSeconds = wait }).Messages or {}) do
      sqs:DeleteMessage { QueueUrl = url, ReceiptHandle = message.ReceiptHandle }
      list[#list + 1] = { body = json.decode(message.Body), after = clock.now() - began }
    end
  end
  return list
end

local function rehearse(options, body)
  return aws.rehearse(function()
    local w <const> = aws.world(options)
    return aws.with_clients(w, function(session) return body(session:client "sqs", w, session) end)
  end)
end

describe("a long poll", function()
  it("answers as soon as a message arrives, from whomever, and leaves the world to others", function()
    rehearse({}, function(sqs, w)
      local url <const>, began <const> = queue(sqs, "staging-jobs"), clock.now()
      local output <const> = task.all {
        received = function()
          local messages <const> = sqs:ReceiveMessage({ QueueUrl = url, WaitTimeSeconds = 20 }).Messages
          return { body = messages[1].Body, after = clock.now() - began }
        end,
        sent = function()
          clock.sleep(7)
          sqs:SendMessage { QueueUrl = url, MessageBody = "hello" }
        end,
      }
      assert.equal("hello", output.received.body)
      assert.is_true(output.received.after > 7 and output.received.after < 9.5, output.received.after)
      local polls = 0
      for _, request in ipairs(w.aws.requests) do
        polls = polls + (request.operation == "ReceiveMessage" and 1 or 0)
      end
      assert.equal(1, polls)
    end)
  end)

  it("answers when a delayed message's time comes", function()
    rehearse({}, function(sqs)
      local url <const>, began <const> = queue(sqs, "staging-jobs"), clock.now()
      sqs:SendMessage { QueueUrl = url, MessageBody = "late", DelaySeconds = 10 }
      assert.equal("late", sqs:ReceiveMessage({ QueueUrl = url, WaitTimeSeconds = 20 }).Messages[1].Body)
      local took <const> = clock.now() - began
      assert.is_true(took > 10 and took < 12, took)
    end)
  end)

  it("ends with nothing when its time is over; without one there is no wait", function()
    rehearse({}, function(sqs)
      local url <const>, began <const> = queue(sqs, "staging-jobs"), clock.now()
      assert.is_nil(sqs:ReceiveMessage({ QueueUrl = url, WaitTimeSeconds = 20 }).Messages)
      local took <const> = clock.now() - began
      assert.is_true(took > 20 and took < 21.5, took)
      assert.is_nil(sqs:ReceiveMessage({ QueueUrl = url }).Messages)
      assert.is_true(clock.now() - began < took + 2)
    end)
  end)

  it("longer than the client's patience is a timeout", function()
    rehearse({}, function(sqs)
      local url <const> = queue(sqs, "staging-jobs")
      local _, err = try(sqs.ReceiveMessage, sqs, { QueueUrl = url, WaitTimeSeconds = 20 }, { timeout = 5 })
      assert.equal("http.timeout", err.kind)
    end)
  end)
end)

describe("a worker", function()
  it("answers each message with what it worked on, and the version that did", function()
    local function run()
      return rehearse({ change = with_worker { seconds = 8 } }, function(sqs, w)
        local url <const> = queue(sqs, "worker-request-queue")
        sqs:SendMessage { QueueUrl = url, MessageBody = '{"id":"job-1","type":"check_url"}' }
        local second <const> = sqs:SendMessage { QueueUrl = url, MessageBody = "not JSON" }
        local results <const> = receive(sqs, "worker-result-queue", 30)
        table.sort(results, function(a, b) return tostring(a.body.id) > tostring(b.body.id) end)
        local version <const> = w.aws.initial_sha:sub(1, 7)
        assert.equal(2, #results)
        assert.same({ id = "job-1", status = "COMPLETE", version = version }, results[1].body)
        assert.same({ id = second.MessageId, status = "COMPLETE", version = version }, results[2].body)
        assert.is_true(results[1].after > 6 and results[1].after < 16, results[1].after)
        local attributes <const> = sqs:GetQueueAttributes({ QueueUrl = url, AttributeNames = { "All" } }).Attributes
        assert.equal("0 0", attributes.ApproximateNumberOfMessages .. " "
          .. attributes.ApproximateNumberOfMessagesNotVisible)
        return results[1].after
      end)
    end
    assert.equal(run(), run())
  end)

  it("takes nothing while none of its tasks is healthy, and what waited once one is", function()
    local function change(fixture)
      with_worker {}(fixture)
      fixture.aws.environments.worker.tasks = 0
    end
    rehearse({ change = change }, function(sqs, _, session)
      local ecs <const> = session:client "ecs"
      sqs:SendMessage { QueueUrl = queue(sqs, "worker-request-queue"), MessageBody = '{"id":7}' }
      assert.same({}, receive(sqs, "worker-result-queue", 60))
      ecs:UpdateService { cluster = "worker-cluster", service = "worker-api", desiredCount = 1,
        forceNewDeployment = true }
      local results <const> = receive(sqs, "worker-result-queue", 180)
      assert.equal(7, results[1].body.id)
      assert.equal(1, #results)
    end)
  end)

  for broken, expected in pairs { failed = { "FAILED" }, silent = {} } do
    it("of a version that the scenario breaks is " .. broken, function()
      local function change(fixture)
        local staging <const> = fixture.aws.environments.staging
        staging.canary_seconds, staging.bake_seconds = 30, 30
        staging.workers = { { queue = "staging-jobs", results = "staging-results", service = "staging-web",
          broken = broken } }
      end
      rehearse({ change = change, scenario = "smoke-test-fails" }, function(sqs)
        local url <const> = queue(sqs, "staging-jobs")
        sqs:SendMessage { QueueUrl = url, MessageBody = '{"id":"before"}' }
        assert.equal("COMPLETE", receive(sqs, "staging-results", 20)[1].body.status)
      end)
      aws.rehearse(function()
        local w <const> = aws.world { change = change, scenario = "smoke-test-fails" }
        aws.publish(w)
        aws.with_clients(w, function(session)
          local sqs <const> = session:client "sqs"
          clock.sleep(600)
          w:settle()
          sqs:SendMessage { QueueUrl = queue(sqs, "staging-jobs"), MessageBody = '{"id":"after"}' }
          local statuses = {}
          for i, result in ipairs(receive(sqs, "staging-results", 60)) do
            assert.equal(aws.SHA:sub(1, 7), result.body.version)
            statuses[i] = result.body.status
          end
          assert.same(expected, statuses)
        end)
      end)
    end)
  end

  it("of a service that is not there is an error of the fixture", function()
    assert.error_matches(function() aws.world { change = with_worker { service = "nobody" } } end,
      "aws.environments.worker.workers%[1%]: queue, results and a service of the environment expected")
  end)
end)
