-- The simulated load balancer and its alarms, as the real clients see them.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"

--- Each target group's targets as "state reason", sorted; by the group's colour.
local function health(elb)
  local by_colour = {}
  for group in elb:paginate("DescribeTargetGroups", { PageSize = 1 }, "TargetGroups") do
    local colour <const> = group.TargetGroupName:match "^staging%-web%-(%a+)$"
    if colour then
      local states = {}
      local output <const> = elb:DescribeTargetHealth { TargetGroupArn = group.TargetGroupArn }
      for i, item in ipairs(output.TargetHealthDescriptions) do
        states[i] = item.TargetHealth.State .. (item.TargetHealth.Reason and " " .. item.TargetHealth.Reason or "")
      end
      table.sort(states)
      by_colour[colour] = table.concat(states, ", ")
    end
  end
  return by_colour
end

--- What `health` was, one after another, while a new version arrives; each once.
local function history(scenario, seconds)
  return aws.rehearse(function()
    local w <const> = aws.world { scenario = scenario }
    return aws.with_clients(w, function(session)
      local elb <const>, seen, last = session:client "elbv2", {}, nil
      aws.publish(w)
      for _ = 1, seconds // 3 do
        local now <const> = health(elb)
        local line <const> = ("blue: %s; green: %s"):format(now.blue, now.green)
        if line ~= last then
          seen[#seen + 1], last = line, line
        end
        clock.sleep(3)
      end
      return seen
    end)
  end)
end

local function index_of(list, text, from)
  for i = from or 1, #list do
    if list[i] == text then
      return i
    end
  end
  error(("no %q after %d in:\n%s"):format(text, from or 1, table.concat(list, "\n")), 2)
end

local BOTH <const> = "blue: healthy, healthy; green: "

describe("a service's target groups", function()
  it("take the new tasks in, and let the old ones go", function()
    local seen <const> = history("all-well", 900)
    assert.equal(BOTH, seen[1])
    local at = index_of(seen, BOTH .. "initial Elb.InitialHealthChecking, initial Elb.InitialHealthChecking")
    at = index_of(seen, BOTH .. "healthy, healthy", at)
    local draining <const> = "draining Target.DeregistrationInProgress"
    at = index_of(seen, ("blue: %s, %s; green: healthy, healthy"):format(draining, draining), at)
    index_of(seen, "blue: ; green: healthy, healthy", at)
  end)

  it("say why new tasks are not healthy", function()
    local seen <const> = history("staging-rolls-back", 300)
    local mismatch <const> = "unhealthy Target.ResponseCodeMismatch"
    local at <const> = index_of(seen, ("%s%s, %s"):format(BOTH, mismatch, mismatch))
    local drained = table.concat(seen, "\n", at)
    assert.is_truthy(drained:find(BOTH .. "draining Target.DeregistrationInProgress", 1, true), drained)
  end)

  it("hold the tasks' own addresses, and refuse what they do not know", function()
    aws.rehearse(function()
      local w <const> = aws.world()
      aws.with_clients(w, function(session)
        local elb <const>, ecs <const> = session:client "elbv2", session:client "ecs"
        local service <const> = ecs:DescribeServices { cluster = "worker-cluster", services = { "worker-api" } }
        local group <const> = service.services[1].loadBalancers[1].targetGroupArn
        local tasks <const> = ecs:DescribeTasks { cluster = "worker-cluster",
          tasks = ecs:ListTasks({ cluster = "worker-cluster" }).taskArns }.tasks
        local address <const> = tasks[1].containers[1].networkInterfaces[1].privateIpv4Address
        local output <const> = elb:DescribeTargetHealth { TargetGroupArn = group, Targets = { { Id = address },
          { Id = "10.9.9.9", Port = 80 } } }
        assert.same({
          { Target = { Id = address, Port = 8080, AvailabilityZone = "eu-west-2a" }, HealthCheckPort = "8080",
            TargetHealth = { State = "healthy" } },
          { Target = { Id = "10.9.9.9", Port = 80 }, TargetHealth = { State = "unused",
            Reason = "Target.NotRegistered", Description = "Target is not registered to the target group" } },
        }, output.TargetHealthDescriptions)
        local described <const> = elb:DescribeTargetGroups { TargetGroupArns = { group } }
        assert.equal("/health", described.TargetGroups[1].HealthCheckPath)

        local function refusal(parameters)
          local _, err = try(elb.DescribeTargetHealth, elb, parameters)
          return err.kind .. " " .. err.code
        end
        assert.equal("aws.api.not_found TargetGroupNotFound", refusal { TargetGroupArn = group:gsub("%x$", function(d)
          return d == "0" and "1" or "0"
        end) })
        assert.equal("aws.api ValidationError", refusal { TargetGroupArn = "worker-api" })
        assert.equal("aws.api MissingParameter", refusal {})
        assert.equal("aws.api MissingParameter", refusal { TargetGroupArn = group, Targets = { { Port = 80 } } })
        local _, err = try(elb.DescribeAccountLimits, elb, {})
        assert.equal("InvalidAction", err.code)
        local named <const> = elb:DescribeTargetGroups { Names = { "worker-api-green", "worker-api-blue" } }
        assert.equal("worker-api-green", named.TargetGroups[1].TargetGroupName)
        assert.equal(2, #named.TargetGroups)
      end)
    end)
  end)
end)

describe("an environment's alarms", function()
  local function change(fixture)
    fixture.aws.environments.staging.alarms = { "staging-web-unhealthy", "staging-web-5xx" }
    fixture.aws.environments.worker.alarms = { "worker-unhealthy" }
  end

  it("are raised while new tasks fail, and over when nothing has failed for a while", function()
    aws.rehearse(function()
      local w <const> = aws.world { scenario = "staging-rolls-back", change = change }
      aws.with_clients(w, function(session)
        local cloudwatch <const>, raised, over = session:client "cloudwatch", nil, nil
        local function raised_now()
          local names = {}
          local input <const> = { StateValue = "ALARM", MaxRecords = 1 }
          for alarm in cloudwatch:paginate("DescribeAlarms", input, "MetricAlarms") do
            names[#names + 1] = alarm.AlarmName
          end
          return table.concat(names, " ")
        end
        assert.equal("", raised_now())
        local began <const> = clock.now()
        aws.publish(w)
        while not over and clock.now() < began + 1800 do
          clock.sleep(5)
          local names <const> = raised_now()
          if names ~= "" then
            raised = raised or clock.now() - began
            assert.equal("staging-web-5xx staging-web-unhealthy", names)
          elseif raised then
            over = clock.now() - began
          end
        end
        assert.is_true(raised < 90, raised)
        assert.is_true(over > raised + 120, over)
        local alarms <const> = cloudwatch:DescribeAlarms({ AlarmNames = { "staging-web-5xx", "worker-unhealthy" } })
          .MetricAlarms
        assert.equal("OK OK", alarms[1].StateValue .. " " .. alarms[2].StateValue)
        assert.is_true(alarms[1].StateUpdatedTimestamp > began + 120)
        assert.is_true(alarms[2].StateUpdatedTimestamp < began)
      end)
    end)
  end)

  it("are none where the fixture names none, and bad requests are refused", function()
    aws.rehearse(function()
      aws.with_clients(aws.world(), function(session)
        local cloudwatch <const> = session:client "cloudwatch"
        assert.same({ MetricAlarms = {}, CompositeAlarms = {} }, cloudwatch:DescribeAlarms {})
        local _, err = try(cloudwatch.DescribeAlarms, cloudwatch, { NextToken = "x" })
        assert.equal("InvalidNextToken", err.code)
        _, err = try(cloudwatch.DescribeAlarms, cloudwatch, { AlarmNames = { "a" }, AlarmNamePrefix = "a" })
        assert.equal("InvalidParameterCombination", err.code)
      end)
    end)
  end)
end)
