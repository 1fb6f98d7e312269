--- Amazon ECS: clusters, services and task definitions as state, and the operations that read them. What tasks do is in
--- tasks.lua; the ECS controller's deployments are in rolling.lua and shifting.lua, CodeDeploy's in bluegreen.lua; the
--- operations that register and deploy are in ecs_definitions.lua and ecs_deploying.lua.
---
--- Source of shapes, codes and messages: botocore's model ecs/2014-11-13.
local json = require "fairlead.json"
local records = require "fairlead.world.aws.service_deployments"
local sorted = require "fairlead.sorted"
local tasks = require "fairlead.world.aws.tasks"
local view = require "fairlead.world.aws.ecs_view"

local M = {
  signing_name = "ecs",
  target = "AmazonEC2ContainerServiceV20141113",
  json = "1.1",
  operations = {},
}

---@class fairlead.world.aws.Service
---@field name string
---@field arn string
---@field cluster {name: string, arn: string}
---@field store table
---@field environment fairlead.world.aws.Environment
---@field controller "ECS"|"CODE_DEPLOY"
---@field definition fairlead.world.aws.TaskDefinition of the primary task set or deployment
---@field desired integer
---@field tasks fairlead.world.aws.Task[]
---@field task_sets table[] of CodeDeploy's deployments; the first serves or served first
---@field strategy "ROLLING"|"BLUE_GREEN"|"CANARY"|"LINEAR" how the ECS controller deploys
---@field deployments fairlead.world.aws.Deployment[] of the ECS controller, the newest first
---@field history fairlead.world.aws.ServiceDeployment[] the newest first
---@field revisions fairlead.world.aws.Revision[]
---@field last_completed fairlead.world.aws.Deployment? what a rollback goes back to
---@field load_balanced boolean
---@field hooks table[] lifecycle hooks of its deployments, as the API describes them
---@field bake_seconds number where traffic is shifted: from all of it until what served before is stopped
---@field canary {percent: number, seconds: number}
---@field linear {percent: number, seconds: number}
---@field events {id: string, at: number, text: string}[] the newest first
---@field target_groups string[] ARNs, blue and green
---@field breaker {enable: boolean, rollback: boolean, thresholdConfiguration: table?, resetOnHealthyTask: boolean?}?

---@class fairlead.world.aws.TaskDefinition
---@field arn string
---@field family string
---@field revision integer
---@field containers {name: string, image: string}[]
---@field registered_at number
---@field deregistered_at number?

function M.store()
  return { clusters = {}, families = {} }
end

--- Registers the next revision of a family.
---@param store table
---@param options {family: string, containers: table[], now: number, input: table?}
---@return fairlead.world.aws.TaskDefinition
function M.register(store, options)
  local revisions = store.ecs.families[options.family] or {}
  store.ecs.families[options.family] = revisions
  local definition = {
    family = options.family,
    revision = #revisions + 1,
    containers = options.containers,
    registered_at = options.now,
    input = options.input or {},
    store = store,
    arn = ("arn:aws:ecs:%s:%s:task-definition/%s:%d"):format(
      store.region,
      store.account,
      options.family,
      #revisions + 1
    ),
  }
  revisions[#revisions + 1] = definition
  return definition
end

--- Makes a service, and its cluster when it is not there. It runs nothing yet.
---@param aws fairlead.world.AWS
---@param store table
---@param options {cluster: string, name: string, environment: table, desired: integer, controller: string,
--- load_balanced: boolean, created_at: number}
---@return fairlead.world.aws.Service
function M.create_service(aws, store, options)
  local prefix = ("arn:aws:ecs:%s:%s:"):format(store.region, store.account)
  local cluster = store.ecs.clusters[options.cluster]
    or { name = options.cluster, arn = prefix .. "cluster/" .. options.cluster, services = {} }
  store.ecs.clusters[options.cluster] = cluster
  local groups = {}
  for i, colour in ipairs { "blue", "green" } do
    groups[i] = ("arn:aws:elasticloadbalancing:%s:%s:targetgroup/%s-%s/%s"):format(
      store.region,
      store.account,
      options.name:sub(1, 26),
      colour,
      aws.draws:text(16)
    )
  end
  local service = {
    name = options.name,
    arn = prefix .. "service/" .. options.cluster .. "/" .. options.name,
    cluster = cluster,
    store = store,
    environment = options.environment,
    controller = options.controller,
    desired = options.desired,
    created_at = options.created_at,
    tasks = {},
    task_sets = {},
    deployments = {},
    history = {},
    revisions = {},
    events = {},
    target_groups = groups,
    load_balanced = options.load_balanced,
    strategy = options.environment.strategy,
    breaker = options.environment.breaker or nil,
    hooks = options.environment.hooks,
    bake_seconds = options.environment.bake_seconds,
    canary = { percent = options.environment.canary_weight, seconds = options.environment.canary_seconds },
    linear = { percent = options.environment.canary_weight, seconds = options.environment.canary_seconds },
  }
  cluster.services[options.name] = service
  return service
end

--- Makes a task set of a service whose deployments CodeDeploy controls.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param options {definition: table, external_id: string, status: string, weight: integer, target_group: string,
--- created_at: number}
---@return table task_set
function M.create_task_set(aws, service, options)
  local id = "ecs-svc/" .. aws.draws:text(19, "123456789")
  local task_set = {
    id = id,
    arn = ("arn:aws:ecs:%s:%s:task-set/%s/%s/%s"):format(
      service.store.region,
      service.store.account,
      service.cluster.name,
      service.name,
      id
    ),
    definition = options.definition,
    external_id = options.external_id,
    status = options.status,
    weight = options.weight,
    target_group = options.target_group,
    scale = 100,
    desired = service.desired,
    stability = "STABILIZING",
    stability_at = options.created_at,
    created_at = options.created_at,
    updated_at = options.created_at,
  }
  table.insert(service.task_sets, task_set)
  return task_set
end

--- What runs in a service when the world begins.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@param created_at number
function M.run_initial(aws, service, definition, created_at)
  local started_by
  service.definition = definition
  if service.controller == "CODE_DEPLOY" then
    local task_set = M.create_task_set(aws, service, {
      definition = definition,
      external_id = "d-" .. aws.draws:text(9, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
      status = "PRIMARY",
      weight = 100,
      target_group = service.target_groups[1],
      created_at = created_at,
    })
    task_set.stability, task_set.stability_at = "STEADY_STATE", created_at + 90
    started_by = task_set.id
  else
    local revision = records.revise(aws, service, definition, created_at)
    local record = records.record(aws, service, revision, created_at)
    local deployment = records.add(service, record, { id = revision.id, revision = revision, now = created_at })
    deployment.rollout_state = "COMPLETED"
    deployment.rollout_reason = ("ECS deployment %s completed."):format(deployment.id)
    deployment.weight = service.strategy ~= "ROLLING" and 100 or nil
    deployment.target_group = service.target_groups[1]
    record.status, record.started_at = "SUCCESSFUL", created_at + 2
    record.finished_at, record.updated_at = created_at + 120, created_at + 120
    deployment.updated_at = created_at + 120
    service.last_completed = deployment
    started_by = deployment.id
  end
  for _ = 1, service.desired do
    tasks.already_running(aws, service, {
      definition = definition,
      started_by = started_by,
      target_group = service.target_groups[1],
      created_at = created_at + 10,
    })
  end
  tasks.event(aws, service, "has reached a steady state.")
end

--- Who takes a service's traffic: task sets and deployments between which it is shifted by their weight, others by
--- their healthy tasks.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@return {started_by: string, weight: number, test_weight: number?, deployment: string?}[]
function M.traffic(aws, service)
  local shares = {}
  if service.controller == "CODE_DEPLOY" then
    for i, task_set in ipairs(service.task_sets) do
      shares[i] = { started_by = task_set.id, weight = task_set.weight, deployment = task_set.external_id }
    end
    return shares
  end
  for _, deployment in ipairs(service.deployments) do
    local healthy = 0
    for _, task in ipairs(tasks.of(aws, service, deployment.id)) do
      if task.health == "HEALTHY" and task.desired_status == "RUNNING" then
        healthy = healthy + 1
      end
    end
    local weight = healthy > 0 and deployment.weight or healthy
    shares[#shares + 1] = {
      started_by = deployment.id, weight = weight, deployment = deployment.id,
      test_weight = healthy > 0 and deployment.test_weight or weight,
    }
  end
  return shares
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local names = { services = "Services cannot be empty.", tasks = "Tasks cannot be empty." }
  call:fail("InvalidParameterException", names[member] or (member .. " cannot be null or empty."))
end

--- The last part of an ARN, or the name that was given.
local function short_name(text)
  return text:match "[^/]+$"
end

local function find_cluster(call, name)
  local wanted = short_name(name or "default")
  for _, store in ipairs(call:stores()) do
    local cluster = store.ecs.clusters[wanted]
    if cluster and (not name or not name:find("^arn:") or name == cluster.arn) then
      return cluster, store
    end
  end
end

--- The cluster of a name or ARN; refuses when there is none.
---@param call fairlead.world.aws.Call
---@param name string?
---@return table cluster
---@return table store
function M.need_cluster(call, name)
  local cluster, store = find_cluster(call, name)
  if not cluster then
    call:fail("ClusterNotFoundException", "Cluster not found.")
  end
  return cluster, store
end

local need_cluster = M.need_cluster

local function find_service(cluster, name)
  local service = cluster.services[short_name(name)]
  if service and (not name:find "^arn:" or name == service.arn) then
    return service
  end
end

--- The service that a request names; refuses when there is none.
---@param call fairlead.world.aws.Call
---@param input {cluster: string?, service: string}
---@return fairlead.world.aws.Service
function M.need_service(call, input)
  local service = find_service(need_cluster(call, input.cluster), input.service)
  if not service then
    call:fail("ServiceNotFoundException", "Service not found.")
  end
  return service
end

local function service_arn(call, store, cluster, name)
  return name:find "^arn:" and name
    or ("arn:aws:ecs:%s:%s:service/%s/%s"):format(call.region, store.account, cluster.name, name)
end

--- The definition that "family" (its newest active revision), "family:revision" or an ARN names.
---@param call fairlead.world.aws.Call
---@param text string
---@return fairlead.world.aws.TaskDefinition?
function M.find_definition(call, text)
  local name = text:match "^arn:[^/]+/(.+)$" or text
  local family, revision = name:match "^(.-):(%d+)$"
  for _, store in ipairs(call:stores()) do
    local revisions = store.ecs.families[family or name] or {}
    local last = #revisions
    while not revision and revisions[last] and revisions[last].deregistered_at do
      last = last - 1
    end
    local definition = revisions[revision and tonumber(revision) or last]
    if definition and (not text:find "^arn:" or definition.arn == text) then
      return definition
    end
  end
end

M.operations.DescribeServices = {
  input = { cluster = "string", ["services!"] = { "list", "string" }, include = { "list", "string" } },
  run = function(call, input)
    local cluster, store = need_cluster(call, input.cluster)
    if #input.services == 0 then
      call:fail("InvalidParameterException", "Services cannot be empty.")
    elseif #input.services > 10 then
      call:fail("InvalidParameterException", "Services cannot have more than 10 elements.")
    end
    local services, failures = {}, {}
    for _, name in ipairs(input.services) do
      local service = find_service(cluster, name)
      if service then
        services[#services + 1] = view.service(call.aws, service)
      else
        failures[#failures + 1] = { arn = service_arn(call, store, cluster, name), reason = "MISSING" }
      end
    end
    return { services = json.array(services), failures = json.array(failures) }
  end,
}

M.operations.DescribeClusters = {
  input = { clusters = { "list", "string" }, include = { "list", "string" } },
  run = function(call, input)
    local clusters, failures = {}, {}
    for _, name in ipairs(input.clusters or { "default" }) do
      local cluster = find_cluster(call, name)
      if cluster then
        clusters[#clusters + 1] = view.cluster(call.aws, cluster)
      else
        local arn = ("arn:aws:ecs:%s:%s:cluster/%s"):format(call.region, call:account(), short_name(name))
        failures[#failures + 1] = { arn = arn, reason = "MISSING" }
      end
    end
    return { clusters = json.array(clusters), failures = json.array(failures) }
  end,
}

--- Part of a list, as `maxResults` and `nextToken` ask for it.
---@param call fairlead.world.aws.Call
---@param list any[]
---@param input {maxResults: integer?, nextToken: string?}
---@param most integer how many there are in a part when nothing is asked for
---@return any[] part
---@return string? next_token
function M.page(call, list, input, most)
  local limit = input.maxResults or most
  if limit < 1 or limit > 100 then
    call:fail("InvalidParameterException", "Invalid maxResults parameter. Must be between 1 and 100.")
  end
  return call:page(list, input.nextToken, limit, function()
    call:fail("InvalidParameterException", "Invalid token")
  end)
end

local page = M.page

M.operations.ListServices = {
  input = { cluster = "string", nextToken = "string", maxResults = "integer", launchType = "string" },
  run = function(call, input)
    local arns = {}
    for _, service in sorted(need_cluster(call, input.cluster).services) do
      arns[#arns + 1] = service.arn
    end
    local part, next_token = page(call, arns, input, 10)
    return { serviceArns = json.array(part), nextToken = next_token }
  end,
}

M.operations.ListTasks = {
  input = {
    cluster = "string",
    family = "string",
    serviceName = "string",
    desiredStatus = "string",
    startedBy = "string",
    launchType = "string",
    nextToken = "string",
    maxResults = "integer",
  },
  run = function(call, input)
    local cluster, status = need_cluster(call, input.cluster), input.desiredStatus or "RUNNING"
    if status ~= "RUNNING" and status ~= "PENDING" and status ~= "STOPPED" then
      call:fail("InvalidParameterException", "Invalid desiredStatus.")
    elseif input.startedBy and (input.serviceName or input.family) then
      call:fail("InvalidParameterException", "Cannot provide both startedBy and serviceName or family.")
    end
    local services = cluster.services
    if input.serviceName then
      local service = find_service(cluster, input.serviceName)
      if not service then
        call:fail("ServiceNotFoundException", "Service not found.")
      end
      services = { [service.name] = service }
    end
    local arns = {}
    for _, service in sorted(services) do
      for _, task in ipairs(tasks.of(call.aws, service, input.startedBy)) do
        -- A desired status of PENDING gives nothing: ECS never sets it (ListTasks, desiredStatus).
        if task.desired_status == status and (not input.family or task.definition.family == input.family) then
          arns[#arns + 1] = task.arn
        end
      end
    end
    local part, next_token = page(call, arns, input, 100)
    return { taskArns = json.array(part), nextToken = next_token }
  end,
}

M.operations.DescribeTasks = {
  input = { cluster = "string", ["tasks!"] = { "list", "string" }, include = { "list", "string" } },
  run = function(call, input)
    local cluster, store = need_cluster(call, input.cluster)
    if #input.tasks == 0 then
      call:fail("InvalidParameterException", "Tasks cannot be empty.")
    elseif #input.tasks > 100 then
      call:fail("InvalidParameterException", "Tasks cannot have more than 100 elements.")
    end
    local by_id = {}
    for _, service in pairs(cluster.services) do
      for _, task in ipairs(tasks.of(call.aws, service)) do
        by_id[task.id] = task
      end
    end
    local found, failures = {}, {}
    for _, name in ipairs(input.tasks) do
      local task = by_id[short_name(name)]
      if task then
        found[#found + 1] = view.task(task)
      else
        local arn = name:find "^arn:" and name
          or ("arn:aws:ecs:%s:%s:task/%s/%s"):format(call.region, store.account, cluster.name, name)
        failures[#failures + 1] = { arn = arn, reason = "MISSING" }
      end
    end
    return { tasks = json.array(found), failures = json.array(failures) }
  end,
}

for _, part in ipairs { "ecs_definitions", "ecs_deploying" } do
  require("fairlead.world.aws." .. part).add(M)
end

return M
