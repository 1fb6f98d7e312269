-- ECS's own blue-green, canary and linear deployments in the simulated AWS: lifecycle stages, pause hooks, the bake,
-- and the ways back.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"

local SHA <const>, API <const> = aws.SHA, async.API

local function world(more, scenario)
  return async.world {
    scenario = scenario,
    change = function(staging)
      staging.deploys, staging.bake_seconds = "blue_green", 120
      for key, value in pairs(more or {}) do
        staging[key] = value
      end
    end,
  }
end

--- The different things that polling sees, in order.
local function watch(seconds, every, look)
  local seen = {}
  for _ = 1, seconds // every do
    local state = look()
    if state and state ~= seen[#seen] then
      seen[#seen + 1] = state
    end
    clock.sleep(every)
  end
  return seen
end

local function newest(w)
  return async.deployments(w)[1]
end

local function hook(w)
  return aws.find(newest(w).lifecycleHookDetails or {}, function(detail)
    return detail.status == "AWAITING_ACTION"
  end)
end

local function continue(w, action, id)
  return aws.send(w, "ecs", "ContinueServiceDeployment", {
    serviceDeploymentArn = newest(w).serviceDeploymentArn,
    hookId = id or hook(w).hookId,
    action = action,
  })
end

describe("a blue-green deployment of ECS's own", function()
  it("goes through its stages in order, and its traffic with them", function()
    aws.rehearse(function()
      local w = world()
      local before = w.aws:live("staging").services[API].sha
      aws.publish(w)
      local seen = watch(600, 0.5, function()
        local deployment = newest(w)
        if deployment.status ~= "IN_PROGRESS" then
          return deployment.status
        end
        local share = w.aws:live("staging").services[API]
        return ("%s %s %g"):format(deployment.lifecycleStage, share.sha == before and "old" or "new",
          deployment.targetServiceRevision.requestedProductionTrafficWeight)
      end)
      assert.same({
        "SUCCESSFUL", -- of the one before
        "PENDING", "PRE_SCALE_UP old 0", "SCALE_UP old 0", "POST_SCALE_UP old 0", "TEST_TRAFFIC_SHIFT old 0",
        "POST_TEST_TRAFFIC_SHIFT old 0", "PRODUCTION_TRAFFIC_SHIFT old 0", "POST_PRODUCTION_TRAFFIC_SHIFT new 100",
        "BAKE_TIME new 100", "CLEAN_UP new 100", "SUCCESSFUL",
      }, seen)
      assert.is_true(async.is_stable(w))
      assert.equal(SHA, w.aws:live("staging").sha)
      local revision = newest(w).targetServiceRevision.arn
      assert.equal(revision, async.service(w).currentServiceRevisions[1].arn)
    end)
  end)

  it("that follows one which is not over reconciles first", function()
    aws.rehearse(function()
      local w = world()
      aws.publish(w)
      clock.sleep(30)
      aws.call(w, "ecs", "UpdateService", { cluster = async.CLUSTER, service = API, forceNewDeployment = true })
      clock.sleep(5)
      assert.equal("RECONCILE_SERVICE", newest(w).lifecycleStage)
      assert.equal("STOPPED", async.deployments(w)[2].status)
      clock.sleep(600)
      assert.equal("SUCCESSFUL", newest(w).status)
      assert.equal(1, #async.service(w).deployments)
    end)
  end)

  it("without a breaker waits for its tasks, and goes back at a person's word", function()
    aws.rehearse(function()
      local w = world({ breaker = false }, "rolling-update-rolls-back")
      local before = w.aws:live("staging").sha
      aws.publish(w)
      clock.sleep(3600)
      assert.equal("SCALE_UP", newest(w).lifecycleStage)
      assert.equal(before, w.aws:live("staging").sha)
      aws.call(w, "ecs", "StopServiceDeployment", { serviceDeploymentArn = newest(w).serviceDeploymentArn })
      clock.sleep(120)
      assert.equal("ROLLBACK_SUCCESSFUL", newest(w).status)
      assert.is_true(async.is_stable(w))
      assert.equal("COMPLETED", async.service(w).deployments[1].rolloutState)
    end)
  end)

  it("with a breaker turns back by itself", function()
    aws.rehearse(function()
      local w = world({}, "rolling-update-rolls-back")
      aws.publish(w)
      clock.sleep(900)
      local deployment = newest(w)
      assert.equal("ROLLBACK_SUCCESSFUL", deployment.status)
      assert.match("circuit breaker threshold", deployment.statusReason)
      assert.equal("TRIGGERED", deployment.deploymentCircuitBreaker.status)
    end)
  end)

  it("turns back when alarms go off with the traffic, and the stage then is no sign of progress", function()
    aws.rehearse(function()
      local w = world({ failure = "alarm", alarms = { "api-5xx", "api-slow" }, bake_seconds = 600 },
        "rolling-update-rolls-back")
      local before, served = w.aws:live("staging").sha, {}
      aws.publish(w)
      clock.sleep(3)
      local seen = watch(600, 1, function()
        local sha = w.aws:live("staging").services[API].sha
        served[sha] = true
        local deployment = newest(w)
        return deployment.status:find "ROLLBACK" and deployment.status .. " " .. deployment.lifecycleStage or nil
      end)
      assert.same({
        "ROLLBACK_IN_PROGRESS PRODUCTION_TRAFFIC_SHIFT", "ROLLBACK_IN_PROGRESS CLEAN_UP",
        "ROLLBACK_SUCCESSFUL CLEAN_UP",
      }, seen)
      assert.same({ [before] = true, [SHA] = true }, served)
      assert.equal(before, w.aws:live("staging").sha)
      local alarms = newest(w).alarms
      assert.equal("TRIGGERED", alarms.status)
      assert.same({ "api-5xx" }, { table.unpack(alarms.triggeredAlarmNames) })
      assert.equal("Service deployment rolled back because of one or more active alarms.", newest(w).statusReason)
    end)
  end)

  it("cannot be stopped when what served before is going", function()
    aws.rehearse(function()
      local w = world { bake_seconds = 0 }
      aws.publish(w)
      for _ = 1, 600 do
        clock.sleep(0.5)
        if newest(w).lifecycleStage == "CLEAN_UP" then
          break
        end
      end
      local input = { serviceDeploymentArn = newest(w).serviceDeploymentArn, stopType = "ROLLBACK" }
      assert.equal("ConflictException", aws.send(w, "ecs", "StopServiceDeployment", input).code)
      clock.sleep(60)
      assert.equal("SUCCESSFUL", newest(w).status)
    end)
  end)
end)

describe("a pause hook", function()
  local function paused(more)
    local hooks = { { stages = { "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT" },
      timeout_minutes = more.timeout_minutes, action = more.action } }
    local w = world { lifecycle_hooks = hooks }
    aws.publish(w)
    clock.sleep(120)
    return w
  end

  it("waits for a person at each of its stages, and says until when", function()
    aws.rehearse(function()
      local w = paused {}
      local first = hook(w)
      assert.equal("PAUSE ROLLBACK", first.targetType .. " " .. first.timeoutAction)
      assert.is_true(first.expiresAt > clock.now() + 86000 and first.expiresAt < clock.now() + 86400)
      assert.equal("POST_TEST_TRAFFIC_SHIFT", newest(w).lifecycleStage)
      assert.equal("IN_PROGRESS", newest(w).status)
      assert.equal("InvalidParameterException", continue(w, "CONTINUE", "ecs-pause-of-another").code)
      assert.equal("InvalidParameterException", continue(w, "PERHAPS").code)
      assert.equal(newest(w).serviceDeploymentArn, continue(w).body.serviceDeploymentArn)
      assert.equal("InvalidParameterException", continue(w, "CONTINUE", first.hookId).code) -- it waits no more
      clock.sleep(20)
      local second = hook(w)
      assert.not_equal(first.hookId, second.hookId)
      assert.equal(200, continue(w, "CONTINUE").status)
      clock.sleep(400)
      assert.equal("SUCCESSFUL", newest(w).status)
      assert.equal("SUCCEEDED", newest(w).lifecycleHookDetails[1].status)
    end)
  end)

  it("takes the deployment back when told to", function()
    aws.rehearse(function()
      local w = paused {}
      local before = w.aws:live("staging").services[API].sha
      assert.equal(200, continue(w, "ROLLBACK").status)
      clock.sleep(60)
      assert.equal("ROLLBACK_SUCCESSFUL", newest(w).status)
      assert.match("POST_TEST_TRAFFIC_SHIFT lifecycle hook", newest(w).statusReason)
      assert.equal(before, w.aws:live("staging").services[API].sha)
    end)
  end)

  it("acts by itself when its time is over", function()
    aws.rehearse(function()
      local w = paused { timeout_minutes = 10 }
      clock.sleep(700)
      assert.equal("ROLLBACK_SUCCESSFUL", newest(w).status)
      assert.equal("TIMED_OUT", newest(w).lifecycleHookDetails[1].status)
    end)
    aws.rehearse(function()
      local w = paused { timeout_minutes = 5, action = "CONTINUE" }
      clock.sleep(1200)
      assert.equal("SUCCESSFUL", newest(w).status)
      assert.equal("TIMED_OUT", newest(w).lifecycleHookDetails[2].status)
    end)
  end)

  it("is refused where no stage can pause", function()
    aws.rehearse(function()
      local w = world()
      local function configure(configuration)
        return aws.send(w, "ecs", "UpdateService", { cluster = async.CLUSTER, service = API,
          deploymentConfiguration = configuration })
      end
      for _, stage in ipairs { "TEST_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT" } do
        local refused = configure { lifecycleHooks = { { targetType = "PAUSE", lifecycleStages = { stage } } } }
        assert.equal("InvalidParameterException", refused.code)
        assert.match(stage, refused.body.message)
      end
      local taken = configure {
        lifecycleHooks = { { targetType = "PAUSE", lifecycleStages = { "POST_SCALE_UP" } } },
        bakeTimeInMinutes = 15,
      }
      assert.equal(15, taken.body.service.deploymentConfiguration.bakeTimeInMinutes)
      assert.equal(1, #taken.body.service.deployments) -- a configuration alone deploys nothing
    end)
  end)
end)

describe("traffic", function()
  local function weights(strategy)
    local w = world { strategy = strategy, canary_weight = 30, canary_seconds = 120, bake_seconds = 60 }
    aws.publish(w)
    clock.sleep(3)
    local seen = watch(900, 5, function()
      return ("%g"):format(newest(w).targetServiceRevision.requestedProductionTrafficWeight or 100)
    end)
    assert.equal("SUCCESSFUL", newest(w).status)
    return table.concat(seen, " ")
  end

  it("goes over in two steps for a canary, in equal ones when linear", function()
    assert.equal("0 30 100", aws.rehearse(weights, "CANARY"))
    assert.equal("0 30 60 90 100", aws.rehearse(weights, "LINEAR"))
  end)
end)
