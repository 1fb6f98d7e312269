-- The simulated ECS under any sequence of its operations, sensible and not: it answers or refuses, and what it holds
-- stays true to itself.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local ecs = require "fairlead.world.aws.ecs"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

--- A value for a shape (see fairlead.world.aws.shape), out of a pool of texts that sometimes fit.
local function value(random, shape, pool)
  if shape == "string" then
    return random:pick(pool)
  elseif shape == "integer" then
    return random:pick { -1, 0, 1, 2, 3, 5, 60, 1440, 100000 }
  elseif shape == "number" then
    return random:pick { -0.5, 0, 2.5, 10, 33.3, 100, 1e12 }
  elseif shape == "boolean" then
    return random:chance(0.5)
  elseif shape[1] == "list" then
    local list = json.array {}
    for i = 1, random:integer(0, 2) do
      list[i] = value(random, shape[2], pool)
    end
    return list
  elseif shape[1] == "map" then
    return { a = value(random, shape[2], pool) }
  end
  local made = {}
  for name, member in sorted(shape) do
    if name:sub(-1) == "!" or random:chance(0.4) then
      made[name:gsub("!$", "")] = value(random, member, pool)
    end
  end
  return made
end

--- The texts that requests are made of: names that exist, states, and nonsense.
local function pool_of(w)
  local pool = {
    async.CLUSTER, async.CLUSTER, async.API, async.API, async.PROCESSOR, async.API .. ":1", "PAUSE", "POST_SCALE_UP",
    "BLUE_GREEN", "CANARY", "LINEAR", "ROLLING", "ROLLBACK", "ABORT", "CONTINUE", "", "é", "arn:aws:ecs:::", "STOPPED",
    "COUNT", "page-1",
  }
  for _, name in ipairs(async.NAMES) do
    for i, record in ipairs(w.aws.environments.staging.services[name == async.API and 1 or 2].history) do
      if i <= 3 then
        pool[#pool + 1] = record.arn
        pool[#pool + 1] = record.target.arn
        for _, hook in ipairs(record.hooks) do
          pool[#pool + 1] = hook.id
        end
      end
    end
  end
  return pool
end

--- What holds of every service at any time.
local function check(w, seed)
  for _, service in ipairs(w.aws.environments.staging.services) do
    local primary, ongoing = 0, 0
    for _, deployment in ipairs(service.deployments) do
      primary = primary + (deployment.status == "PRIMARY" and 1 or 0)
      assert.is_true(not deployment.weight or (deployment.weight >= 0 and deployment.weight <= 100), seed)
    end
    for i, record in ipairs(service.history) do
      local status = record.status
      local is_ongoing = status == "PENDING" or status:find "IN_PROGRESS" or status:find "REQUESTED"
      ongoing = ongoing + (is_ongoing and 1 or 0)
      assert.is_true(not is_ongoing or i == 1, "an older service deployment goes on, seed " .. seed)
      assert.equal(not is_ongoing, record.finished_at ~= nil, "finished: seed " .. seed)
    end
    -- Whatever fails, what came through before goes on serving.
    local traffic = 0
    for _, share in ipairs(ecs.traffic(w.aws, service)) do
      traffic = traffic + share.weight
    end
    assert.is_true(traffic > 0, ("nothing of %s serves, seed %d"):format(service.name, seed))
    assert.equal(1, primary, "PRIMARY deployments, seed " .. seed)
    assert.is_true(ongoing <= 1 and #service.deployments <= 6, seed)
  end
end

describe("the simulated ECS", function()
  it("survives any operations in any order", function()
    local names, statuses = {}, {}
    for name in sorted(ecs.operations) do
      names[#names + 1] = name
    end
    for i = 1, 5 do
      table.insert(names, "UpdateService")
      table.insert(names, i % 2 == 0 and "StopServiceDeployment" or "ContinueServiceDeployment")
    end
    for seed = 1, 12 do
      aws.rehearse(function()
        local w = async.world { seed = seed, scenario = seed % 2 == 0 and "rolling-update-rolls-back" or nil,
          change = function(staging)
            staging.deploys = seed % 3 == 0 and "blue_green" or "rolling"
            staging.bake_seconds, staging.canary_seconds = 30, 30
          end }
        local random = w:stream "spec"
        for _ = 1, 150 do
          local name, pool = random:pick(names), pool_of(w)
          local input = value(random, ecs.operations[name].input, pool)
          if random:chance(0.7) then -- most requests name what exists, so that they get further
            input.cluster = async.CLUSTER
            input.service = input.service and random:pick(async.NAMES)
            input.taskDefinition = input.taskDefinition and (random:chance(0.5) and async.API or nil)
          end
          if input.desiredCount and (input.desiredCount > 5 or input.desiredCount == 0) then
            input.desiredCount = 4
          end
          local ok, answer = pcall(aws.send, w, "ecs", name, input)
          assert.is_true(ok, ("seed %d, %s %s: %s"):format(seed, name, json.encode(input), tostring(answer)))
          local status = tostring(answer.status)
          statuses[status] = (statuses[status] or 0) + 1
          check(w, seed)
          clock.sleep(random:between(0, 25))
        end
        clock.sleep(3600)
        w:settle()
        check(w, seed)
      end)
    end
    assert.is_true(statuses["200"] > 100 and statuses["400"] > 100, json.encode(statuses))
    assert.is_nil(statuses["500"])
  end)
end)
