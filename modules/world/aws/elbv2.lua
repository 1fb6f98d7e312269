--- Elastic Load Balancing v2: the target groups of the ECS services, and the health of what is in them, which is their
--- tasks'. AWS query protocol.
---
--- Sources: botocore's model elasticloadbalancingv2/2015-12-01; User Guide for Application Load Balancers, "Health
--- checks for Application Load Balancer target groups" (states, reason codes and their descriptions).
local json = require "fairlead.json"
local query = require "fairlead.world.aws.query"
local sorted = require "fairlead.sorted"
local tasks = require "fairlead.world.aws.tasks"

local M = {
  signing_name = "elasticloadbalancing",
  query = true,
  json = "1.1",
  version = "2015-12-01",
  namespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
  operations = {},
}

local PORT <const> = 8080
local CHECKS <const> = 3 -- failed health checks until a task is unhealthy; as in tasks.lua

--- All target groups of the call's region: {arn=, service=, colour=}, in order of cluster and service.
local function target_groups(call)
  local groups = {}
  for _, store in ipairs(call:stores()) do
    for _, cluster in sorted(store.ecs.clusters) do
      for _, service in sorted(cluster.services) do
        for _, arn in ipairs(service.load_balanced and service.target_groups or {}) do
          groups[#groups + 1] = { arn = arn, name = arn:match ":targetgroup/([^/]+)/", service = service }
        end
      end
    end
  end
  return groups
end

local function not_found(call, what)
  call:fail("TargetGroupNotFound", what)
end

local function find(call, arn)
  if not arn:find "^arn:aws[%w-]*:elasticloadbalancing:[^:]+:%d+:targetgroup/[^/]+/%x+$" then
    call:fail("ValidationError", ("'%s' is not a valid target group ARN"):format(arn))
  end
  for _, group in ipairs(target_groups(call)) do
    if group.arn == arn then
      return group
    end
  end
  not_found(call, "One or more target groups not found")
end

local function describe(group)
  local environment, store = group.service.environment, group.service.store
  return {
    TargetGroupArn = group.arn,
    TargetGroupName = group.name,
    Protocol = "HTTP",
    Port = PORT,
    VpcId = "vpc-" .. store.account:rep(2):sub(1, 17),
    HealthCheckProtocol = "HTTP",
    HealthCheckPort = "traffic-port",
    HealthCheckEnabled = true,
    HealthCheckIntervalSeconds = math.max(5, math.floor(environment.health_seconds / CHECKS)),
    HealthCheckTimeoutSeconds = 4,
    HealthyThresholdCount = CHECKS,
    UnhealthyThresholdCount = CHECKS,
    HealthCheckPath = environment.health_path,
    Matcher = { HttpCode = "200" },
    LoadBalancerArns = json.array {
      ("arn:aws:elasticloadbalancing:%s:%s:loadbalancer/app/%s/%s"):format(store.region, store.account,
        group.service.cluster.name:sub(1, 32), group.arn:sub(-16)),
    },
    TargetType = "ip",
    ProtocolVersion = "HTTP1",
    IpAddressType = "ipv4",
  }
end

M.operations.DescribeTargetGroups = {
  input = {
    LoadBalancerArn = "string",
    TargetGroupArns = { "list", "string" },
    Names = { "list", "string" },
    Marker = "string",
    PageSize = "integer",
  },
  run = function(call, input)
    local all, wanted = target_groups(call), {}
    for _, arn in ipairs(input.TargetGroupArns or {}) do
      wanted[#wanted + 1] = find(call, arn)
    end
    for _, name in ipairs(input.Names or {}) do
      local count = #wanted
      for _, group in ipairs(all) do
        if group.name == name then
          wanted[#wanted + 1] = group
        end
      end
      if #wanted == count then
        not_found(call, "One or more target groups not found")
      end
    end
    local named = input.TargetGroupArns or input.Names
    local list = {}
    for _, group in ipairs(named and wanted or all) do
      local description = describe(group)
      if not input.LoadBalancerArn or description.LoadBalancerArns[1] == input.LoadBalancerArn then
        list[#list + 1] = description
      end
    end
    if input.PageSize and (input.PageSize < 1 or input.PageSize > 400) then
      call:fail("ValidationError", ("Value '%d' at 'pageSize' failed to satisfy constraint: Member must have value "
        .. "less than or equal to 400 and greater than or equal to 1"):format(input.PageSize))
    end
    local part, marker = call:page(list, input.Marker, input.PageSize or 400, function()
      call:fail("ValidationError", "The provided marker is not valid")
    end)
    return { TargetGroups = json.array(part), NextMarker = marker }
  end,
}

--- What the load balancer thinks of a task; nil: it is not, or not any more, in the group.
local function health(call, task)
  if task.last_status == "DEACTIVATING" then
    return { State = "draining", Reason = "Target.DeregistrationInProgress",
      Description = "Target deregistration is in progress" }
  elseif task.last_status ~= "RUNNING" then
    return nil
  elseif task.health == "HEALTHY" then
    return { State = "healthy" }
  elseif task.failed_checks then
    return { State = "unhealthy", Reason = "Target.ResponseCodeMismatch",
      Description = "Health checks failed with these codes: [500]" }
  elseif call.now - task.started_at < call.w:duration(5) then
    return { State = "initial", Reason = "Elb.RegistrationInProgress",
      Description = "Target registration is in progress" }
  end
  return { State = "initial", Reason = "Elb.InitialHealthChecking", Description = "Initial health checks in progress" }
end

M.operations.DescribeTargetHealth = {
  input = {
    ["TargetGroupArn!"] = "string",
    Targets = { "list", { ["Id!"] = "string", Port = "integer", AvailabilityZone = "string" } },
    Include = { "list", "string" },
  },
  run = function(call, input)
    local group = find(call, input.TargetGroupArn)
    local list, by_address = {}, {}
    for _, task in ipairs(tasks.of(call.aws, group.service)) do
      local state = task.target_group == group.arn and health(call, task)
      if state then
        local target = {
          Target = { Id = tasks.address(task), Port = PORT, AvailabilityZone = group.service.store.region .. "a" },
          HealthCheckPort = tostring(PORT),
          TargetHealth = state,
        }
        list[#list + 1], by_address[target.Target.Id] = target, target
      end
    end
    if input.Targets then
      list = {}
      for i, target in ipairs(input.Targets) do
        list[i] = by_address[target.Id] or {
          Target = { Id = target.Id, Port = target.Port or PORT },
          TargetHealth = { State = "unused", Reason = "Target.NotRegistered",
            Description = "Target is not registered to the target group" },
        }
      end
    end
    return { TargetHealthDescriptions = json.array(list) }
  end,
}

M.read_query = query.reader(M.operations)
M.write_query = query.write

return M
