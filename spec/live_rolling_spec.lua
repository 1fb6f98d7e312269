--- Rolling updates by ECS, followed by the service deployment's own ARN: of two services at once, with a circuit
--- breaker and without.
local clock = require "fairlead.clock"
local deploying = require "spec.support.deploying"

local live = require "release.live"

local function play(options, body)
  options.settings = "async_processor"
  return deploying.play(options, body)
end

-- Pushes the images, lets ECS deploy them as the workflow does, and follows them.
local function go_live(place)
  place.publish(place.sha)
  place.force()
  return live.follow(place.this, place.environment, place.sha)
end

describe("a rolling update", function()
  it("of two services is followed to the end, each by its own ARN", function()
    local result, w = play({}, function(place)
      local found = go_live(place)
      return { found = found, proof = live.prove(place.this, place.environment, place.sha),
        now = live.now(place.this, place.environment), current = live.current(place.this, place.environment) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local seen = result.value
    assert.equal(2, #seen.found.services)
    for i, name in ipairs { "request-api", "request-processor" } do
      local service = seen.found.services[i]
      assert.equal(name, service.name)
      assert.matches("^arn:aws:ecs:eu%-west%-2:%d+:service%-deployment/staging%-cluster/staging%-pub%-async%-" .. name
        :gsub("%-", "%%-") .. "/", service.deployment)
      assert.equal(2, service.tasks)
      assert.equal(service.deployment, seen.now.services[i].deployment)
    end
    assert.equal(4, seen.found.tasks)
    assert.equal(seen.found.commit, seen.now.commit)
    for _, link in ipairs(seen.proof.links) do
      if link.name ~= "build" then assert.is_true(link.ok, link.name .. ": " .. link.text) end
    end
    assert.is_true(seen.proof.holds)
    assert.matches("^request%-api [%w_-]+, request%-processor [%w_-]+$", seen.current)
    assert.equal(seen.found.commit, w.aws:live("staging").sha)
  end)

  it("that the circuit breaker takes back has not won, although ECS is stable again", function()
    local told = {}
    local result, w = play({ scenario = "rolling-update-rolls-back" }, function(place)
      local _, err = pcall(go_live, place)
      clock.sleep(1200)
      for i, context in ipairs(live.contexts(place.this, place.environment)) do
        local described = place.ecs:DescribeServices {
          cluster = context.service.cluster, services = { context.service.service },
        }.services[1]
        local arn = place.ecs:ListServiceDeployments {
          cluster = context.service.cluster, service = context.service.service,
        }.serviceDeployments[1].serviceDeploymentArn
        told[i] = { stable = #described.deployments == 1 and described.runningCount == described.desiredCount,
          ended = table.pack(context.strategy.ended(context, arn)) }
      end
      error(err, 0)
    end)
    assert.equal("rolled_back", result.outcome, tostring(result.error))
    assert.equal("deployment.rolled_back", result.reason)
    assert.equal(5, result.exit_code)
    assert.matches("^deployment [%w_-]+ of staging%-pub%-async%-[%w-]+: it is being rolled back %(.*circuit breaker",
      tostring(result.error))
    for _, service in ipairs(told) do
      assert.is_true(service.stable)
      assert.is_false(service.ended[1])
      assert.matches("was rolled back: .*circuit breaker", service.ended[2])
    end
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
  end)

  it("of one service that fails says what each of them runs now", function()
    local result, w = play({ scenario = "rolling-update-rolls-back" }, function(place)
      local staging = place.world.aws.environments.staging
      place.publish(place.sha)
      for _, image in ipairs(staging.services[2].items[1].repository_state.images) do
        staging.good[image.digest] = true -- the processor's new version works
      end
      place.force()
      return live.follow(place.this, place.environment, place.sha)
    end)
    assert.equal("deployment.rolled_back", result.reason, tostring(result.error))
    local facts = table.concat(result.facts, "\n")
    assert.matches("request%-api in staging runs " .. w.aws.initial_sha:sub(1, 8) .. " %(sha256:%x+%)", facts)
    local processor = facts:match "request%-processor in staging runs (%x+) %(sha256:%x+%)"
    assert.equal(w.aws:live("staging").services["staging-pub-async-request-processor"].sha:sub(1, 8), processor)
    assert.is_not.equal(w.aws.initial_sha:sub(1, 8), processor)
  end)

  it("without a circuit breaker has failed once new tasks fail one after another", function()
    local result = play({
      scenario = "rolling-update-rolls-back",
      change = function(fixture) fixture.aws.environments.staging.breaker = nil end,
    }, go_live)
    assert.equal("deployment.failed", result.reason, tostring(result.error))
    assert.matches("%d+ new tasks failed one after another %(.+%); without a circuit breaker ECS goes on trying, and "
      .. "the old tasks serve; see https://", tostring(result.error))
    assert.is_true(result.elapsed < 30 * 60)
  end)

  it("whose place another takes is superseded, and it is said by which commit", function()
    local result, w = play({}, function(place)
      local old <const>, task <const> = place.world.aws.initial_sha, require "fairlead.task"
      place.publish(place.sha)
      place.force()
      local _ = task.start(function()
        clock.sleep(30)
        place.publish(old)
        place.force()
      end)
      return live.follow(place.this, place.environment, place.sha)
    end)
    assert.equal("deployment.superseded", result.reason, tostring(result.error))
    local text = tostring(result.error)
    assert.matches("which brings sha256:%x+ of " .. w.aws.initial_sha:sub(1, 8) .. " \".-\" by .-, took its place",
      text)
  end)

  it("whose place another takes that brings the same image goes on with that one", function()
    local task <const> = require "fairlead.task"
    local result, w = play({}, function(place)
      place.publish(place.sha)
      place.force()
      local _ = task.start(function()
        clock.sleep(30)
        place.force()
      end)
      return live.follow(place.this, place.environment, place.sha)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local service = w.aws.environments.staging.services[1]
    assert.equal(service.history[1].arn, result.value.services[1].deployment)
    assert.equal("STOPPED", service.history[2].status)
  end)

  it("that nobody has begun is told with what there is instead", function()
    local result = play({}, function(place)
      place.environment.services = { place.environment.services[1] }
      place.this.settings.timeouts.image = 120
      place.publish(place.sha)
      return live.follow(place.this, place.environment, place.sha)
    end)
    assert.equal("wait.timeout", result.reason)
    assert.matches("Start of the deployment: .*no deployment of staging%-pub%-async%-request%-api since %x+ was pushed",
      tostring(result.error))
  end)
end)

describe("going back by a rolling update", function()
  it("puts the tag back on the earlier image, and can be found again", function()
    local result, w = play({}, function(place)
      local before = live.now(place.this, place.environment)
      go_live(place)
      local ids = {}
      for i, context in ipairs(live.contexts(place.this, place.environment)) do
        local since, target = clock.now(), before.services[i]
        clock.sleep(90)
        assert(not context.strategy.found(context, target, since))
        ids[i] = context.strategy.back(context, target)
        assert(context.strategy.found(context, target, since) == ids[i])
        assert(context.strategy.under_way(context) == ids[i])
        context.strategy.follow(context, ids[i])
      end
      local now = live.now(place.this, place.environment)
      return { ids = ids, now = now, proof = live.prove(place.this, place.environment, now.commit) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(w.aws.initial_sha, result.value.now.commit)
    assert.equal(result.value.ids[1], result.value.now.services[1].deployment)
    assert.same({ "main", w.aws.initial_sha:sub(1, 7) }, { result.value.now.services[1].tags[2],
      result.value.now.services[1].tags[1] })
    assert.is_true(result.value.proof.holds, result.value.proof.missing)
  end)

  it("can stop what is under way, and stopping what has ended does no harm", function()
    local result, w = play({}, function(place)
      place.publish(place.sha)
      place.force()
      clock.sleep(10)
      local context = live.contexts(place.this, place.environment)[1]
      local id = context.strategy.under_way(context)
      local first = context.strategy.stop(context, id, { rollback = true })
      clock.sleep(600)
      local came_through, text = context.strategy.ended(context, id)
      return { first = first, second = context.strategy.stop(context, id, { rollback = true }), text = text,
        came_through = came_through }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("stopped", result.value.first)
    assert.equal("over", result.value.second)
    assert.is_false(result.value.came_through)
    assert.matches("was rolled back: ", result.value.text)
    assert.equal(w.aws.initial_sha, w.aws:live("staging").services["staging-pub-async-request-api"].sha)
  end)
end)
