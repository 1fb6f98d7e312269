--- CodeDeploy, beyond a release that goes well: going back, a group that is busy, stopping, what was begun already.
local clock = require "fairlead.clock"
local deploying = require "spec.support.deploying"

local live = require "release.live"

local function play(body)
  return deploying.play({ settings = "planning_data" }, function(place)
    local before = live.now(place.this, place.environment).services[1]
    place.publish(place.sha)
    live.follow(place.this, place.environment, place.sha)
    return body(place, live.contexts(place.this, place.environment)[1], before)
  end)
end

-- Goes back inside a step, as a rollback does.
local function go_back(place, context, target)
  local began = clock.now()
  return place.this.run:step("Go back", {
    intent = { to = target.digest },
    already = function() return context.strategy.found(context, target, began) end,
    act = function() return context.strategy.back(context, target) end,
  })
end

describe("going back by CodeDeploy", function()
  it("deploys the earlier task definition, and knows its own deployment again", function()
    local result, w = play(function(place, context, before)
      local since = clock.now()
      local seen = place.this.run:stage("Rollback", function()
        local id = go_back(place, context, before)
        context.strategy.follow(context, id)
        return id
      end)
      local again
      -- The same step, in a run that is taken up: its id is the same, so what it began is found.
      place.this.run:stage("Other", function()
        again = place.this.run:step("Go back", { already = function()
          return { found = context.strategy.found(context, before, since) or "none" }
        end, act = function() end })
      end)
      return { id = seen, other_step = again.found, now = live.now(place.this, place.environment) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("none", result.value.other_step, "another step's deployment is not taken for its own")
    assert.equal(w.aws.initial_sha, result.value.now.commit)
    assert.equal(result.value.id, result.value.now.services[1].deployment)
  end)

  it("waits while the group is busy with another deployment", function()
    local result, w = play(function(place, context, before)
      place.publish(place.sha) -- the same again: its image's arrival starts a deployment
      clock.sleep(20)
      local busy = assert(context.strategy.under_way(context))
      local id = go_back(place, context, before)
      return { id = id, busy = busy, ended = context.strategy.ended(context, busy) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_not.equal(result.value.busy, result.value.id)
    assert.is_true(result.value.ended)
    local waited
    for _, event in ipairs(result.events) do
      if event.event == "wait.progress" and event.path == "Go back/Group free" then waited = waited or event.text end
    end
    assert.matches("staging%-planning%-data%-deployment is busy: " .. result.value.busy:gsub("%-", "%%-")
      .. " is under way", waited)
    assert.is_truthy(w)
  end)

  it("creates one deployment although the answer is lost", function()
    local created = 0
    local result = play(function(place, context, before)
      local codedeploy <const> = context.codedeploy
      local create <const> = codedeploy.CreateDeployment
      rawset(codedeploy, "CreateDeployment", function(...)
        create(...)
        created = created + 1
        require("fairlead.errors").raise { kind = "http.timeout", message = "no answer", retryable = true }
      end)
      return { id = go_back(place, context, before) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(1, created)
  end)
end)

describe("a deployment that waits for a word before its traffic shifts", function()
  it("says so while it waits, and is followed when somebody has given it", function()
    local result, w = deploying.play({ settings = "planning_data", change = function(fixture)
      fixture.aws.environments.staging.ready_wait_seconds = 3600
    end }, function(place)
      place.publish(place.sha)
      local _ = require("fairlead.task").start(function()
        clock.sleep(600)
        local context = live.contexts(place.this, place.environment)[1]
        context.codedeploy:ContinueDeployment {
          deploymentId = context.strategy.under_way(context), deploymentWaitType = "READY_WAIT",
        }
      end)
      return live.follow(place.this, place.environment, place.sha)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local told
    for _, event in ipairs(result.events) do
      if event.event == "wait.progress" and (event.text or ""):find "somebody has to say" then told = event.text end
    end
    assert.matches("^d%-%w+: the new tasks run, and somebody has to say that the traffic may go to them: http", told)
    assert.equal(result.value.commit, w.aws:live("staging").sha)
  end)
end)

describe("stopping a deployment of CodeDeploy", function()
  it("rolls it back, and does nothing to one that has ended", function()
    local result, w = deploying.play({ settings = "planning_data" }, function(place)
      place.publish(place.sha)
      clock.sleep(60)
      local context = live.contexts(place.this, place.environment)[1]
      local id = assert(context.strategy.under_way(context))
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
    assert.matches("^d%-%w+ was rolled back by d%-%w+: MANUAL_STOP", result.value.text)
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
  end)
end)
