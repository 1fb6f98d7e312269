-- The simulated CodeDeploy under any sequence of images, stops, continuations and deployments by hand: what it holds
-- stays true to itself, and something always serves.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"

local ENDS <const> = { Succeeded = true, Failed = true, Stopped = true }

local function check(w, seed)
  local environment = w.aws.environments.staging
  local primary, weight, at_work = 0, 0, 0
  for _, set in ipairs(environment.services[1].task_sets) do
    primary = primary + (set.status == "PRIMARY" and 1 or 0)
    weight = weight + set.weight
    assert.is_true(set.weight >= 0 and set.weight <= 100, seed)
  end
  assert.equal(1, primary, "PRIMARY task sets, seed " .. seed)
  assert.equal(100, weight, "traffic, seed " .. seed)
  local live = w.aws:live "staging"
  assert.is_string(live.sha, "nothing serves, seed " .. seed)
  for _, deployment in ipairs(environment.group.deployments) do
    at_work = at_work + (ENDS[deployment.status] and 0 or 1)
    assert.equal(ENDS[deployment.status] == true, deployment.completed_at ~= nil, "completed: seed " .. seed)
  end
  assert.is_true(at_work <= 1, "deployments at once, seed " .. seed)
end

local function call(w, operation, input)
  local ok, answer = pcall(aws.send, w, "codedeploy", operation, input)
  assert.is_true(ok, operation .. ": " .. tostring(answer))
  return answer
end

describe("the simulated CodeDeploy", function()
  it("survives any sequence of what people and pipelines do", function()
    local done = {}
    for seed = 1, 12 do
      aws.rehearse(function()
        local w = aws.world { seed = seed, scenario = seed % 2 == 0 and "staging-rolls-back" or nil,
          change = function(fixture)
            local staging = fixture.aws.environments.staging
            staging.failure = ({ "health", "exit", "alarm" })[seed % 3 + 1]
            staging.alarms = seed % 4 < 2 and { "staging-5xx" } or nil
            staging.ready_wait_seconds = seed % 5 == 0 and 120 or nil
            staging.canary_seconds, staging.bake_seconds, staging.install_timeout = 60, 60, 180
          end }
        local random, definitions = w:stream "spec", { aws.service(w).taskDefinition }
        for i = 1, 60 do
          local newest = aws.newest(w).deploymentId
          local what = random:pick { "publish", "stop", "continue", "create", "wait", "wait", "wait" }
          local answer
          if what == "publish" then
            local sha = ("%040x"):format(i)
            w:publish { environment = "staging", sha = sha, short_sha = sha:sub(1, 7), at = w.now }
          elseif what == "stop" then
            local rollback = random:pick { "true", "false", "nil" }
            answer = call(w, "StopDeployment", { deploymentId = newest,
              autoRollbackEnabled = rollback ~= "nil" and rollback == "true" or nil })
          elseif what == "continue" then
            answer = call(w, "ContinueDeployment", { deploymentId = newest,
              deploymentWaitType = random:pick { "READY_WAIT", "TERMINATION_WAIT", "NO_WAIT" } })
          elseif what == "create" then
            answer = call(w, "CreateDeployment", { applicationName = aws.APPLICATION.applicationName,
              deploymentGroupName = aws.APPLICATION.deploymentGroupName,
              revision = { revisionType = "String", string = { content = random:pick(definitions) } } })
          end
          if answer then
            local key = what .. " " .. (answer.code or answer.status)
            done[key] = (done[key] or 0) + 1
          end
          definitions[#definitions + 1] = aws.service(w).taskDefinition
          check(w, seed)
          clock.sleep(random:between(0, 90))
          w:settle()
          check(w, seed)
        end
        clock.sleep(3600)
        w:settle()
        check(w, seed)
        assert.is_nil(w.aws.environments.staging.group.active, "the group is free again, seed " .. seed)
      end)
    end
    for _, key in ipairs { "stop 200", "stop DeploymentAlreadyCompletedException", "continue 200", "create 200",
      "create DeploymentLimitExceededException" } do
      assert.is_true((done[key] or 0) > 3, key .. " happened " .. (done[key] or 0) .. " times")
    end
  end)
end)
