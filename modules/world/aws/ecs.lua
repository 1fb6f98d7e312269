--- Amazon ECS: clusters, services and task definitions as state, and the operations that read and change them. What
--- tasks do is in tasks.lua, the ECS controller's deployments are in rolling.lua, CodeDeploy's in bluegreen.lua.
---
--- Source of shapes, codes and messages: botocore's model ecs/2014-11-13.
local json = require "fairlead.json"
local rolling = require "fairlead.world.aws.rolling"
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
---@field deployments fairlead.world.aws.Deployment[] the newest first
---@field history fairlead.world.aws.Deployment[] all service deployments, the newest first
---@field events {id: string, at: number, text: string}[] the newest first
---@field target_groups string[] ARNs, blue and green
---@field breaker {enable: boolean, rollback: boolean}?

---@class fairlead.world.aws.TaskDefinition
---@field arn string
---@field family string
---@field revision integer
---@field containers {name: string, image: string}[]
---@field registered_at number

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
--- created_at: number}
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
    events = {},
    target_groups = groups,
    breaker = options.environment.breaker,
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
    local deployment = rolling.record(aws, service, definition, created_at)
    deployment.rollout_state, deployment.state = "COMPLETED", "SUCCESSFUL"
    deployment.rollout_reason = ("ECS deployment %s completed."):format(deployment.id)
    deployment.finished_at, deployment.updated_at = created_at + 120, created_at + 120
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

--- Who takes a service's traffic: the task sets by weight, or each deployment by its healthy tasks.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@return {started_by: string, weight: number, deployment: string?}[]
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
    shares[#shares + 1] = { started_by = deployment.id, weight = healthy, deployment = deployment.id }
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

local function need_cluster(call, name)
  local cluster, store = find_cluster(call, name)
  if not cluster then
    call:fail("ClusterNotFoundException", "Cluster not found.")
  end
  return cluster, store
end

local function find_service(cluster, name)
  local service = cluster.services[short_name(name)]
  if service and (not name:find "^arn:" or name == service.arn) then
    return service
  end
end

local function service_arn(call, store, cluster, name)
  return name:find "^arn:" and name
    or ("arn:aws:ecs:%s:%s:service/%s/%s"):format(call.region, store.account, cluster.name, name)
end

--- The definition that "family", "family:revision" or an ARN names.
---@param call fairlead.world.aws.Call
---@param text string
---@return fairlead.world.aws.TaskDefinition?
function M.find_definition(call, text)
  local name = text:match "^arn:[^/]+/(.+)$" or text
  local family, revision = name:match "^(.-):(%d+)$"
  for _, store in ipairs(call:stores()) do
    local revisions = store.ecs.families[family or name]
    local definition = revisions and revisions[revision and tonumber(revision) or #revisions]
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

local function page(call, list, input, most)
  local limit = input.maxResults or most
  if limit < 1 or limit > 100 then
    call:fail("InvalidParameterException", "Invalid maxResults parameter. Must be between 1 and 100.")
  end
  return call:page(list, input.nextToken, limit, function()
    call:fail("InvalidParameterException", "Invalid token")
  end)
end

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

M.operations.DescribeTaskDefinition = {
  input = { ["taskDefinition!"] = "string", include = { "list", "string" } },
  run = function(call, input)
    local definition = M.find_definition(call, input.taskDefinition)
    if not definition then
      call:fail("ClientException", "Unable to describe task definition.")
    end
    return { taskDefinition = view.definition(definition) }
  end,
}

M.operations.RegisterTaskDefinition = {
  input = {
    ["family!"] = "string",
    ["containerDefinitions!"] = { "list", { name = "string", image = "string", essential = "boolean" } },
    taskRoleArn = "string",
    executionRoleArn = "string",
    networkMode = "string",
    cpu = "string",
    memory = "string",
    requiresCompatibilities = { "list", "string" },
  },
  run = function(call, input)
    if #input.containerDefinitions == 0 then
      call:fail("ClientException", "Container list cannot be empty.")
    elseif not input.family:find "^[%w_-]+$" or #input.family > 255 then
      call:fail("ClientException", "Invalid 'family' parameter value: it must match [a-zA-Z0-9_-]{1,255}.")
    end
    for _, container in ipairs(input.containerDefinitions) do
      if not container.name or not container.image then
        call:fail("ClientException", "Container.name and Container.image should not be null or empty.")
      end
    end
    local known
    for _, store in ipairs(call:stores()) do
      known = known or (store.ecs.families[input.family] and store)
    end
    local store = known or call.aws:store(call:account(), call.region)
    local definition = M.register(store, {
      family = input.family,
      containers = input.containerDefinitions,
      now = call.now,
      input = input,
    })
    return { taskDefinition = view.definition(definition) }
  end,
}

--- What a service that CodeDeploy controls refuses to have changed by UpdateService.
local CODE_DEPLOY_REFUSES <const> = { "taskDefinition", "forceNewDeployment", "loadBalancers", "networkConfiguration" }

M.operations.UpdateService = {
  input = {
    cluster = "string",
    ["service!"] = "string",
    desiredCount = "integer",
    taskDefinition = "string",
    forceNewDeployment = "boolean",
    deploymentConfiguration = { deploymentCircuitBreaker = { ["enable!"] = "boolean", ["rollback!"] = "boolean" } },
    healthCheckGracePeriodSeconds = "integer",
  },
  run = function(call, input)
    local service = find_service(need_cluster(call, input.cluster), input.service)
    if not service then
      call:fail("ServiceNotFoundException", "Service not found.")
    end
    local refused = {}
    for _, member in ipairs(service.controller == "CODE_DEPLOY" and CODE_DEPLOY_REFUSES or {}) do
      if input[member] then
        refused[#refused + 1] = member == "forceNewDeployment" and "force a new deployment" or member
      end
    end
    if refused[1] == "force a new deployment" then
      call:fail(
        "InvalidParameterException",
        "Cannot force a new deployment on services with a CODE_DEPLOY deployment controller. "
          .. "Use AWS CodeDeploy to trigger a new deployment."
      )
    elseif refused[1] then
      call:fail(
        "InvalidParameterException",
        ("Unable to update %s on services with a CODE_DEPLOY deployment controller. "):format(refused[1])
          .. "Use AWS CodeDeploy to trigger a new deployment."
      )
    end
    local definition = input.taskDefinition and M.find_definition(call, input.taskDefinition)
    if input.taskDefinition and not definition then
      call:fail("ClientException", "TaskDefinition not found.")
    end
    local configuration = input.deploymentConfiguration
    if configuration and configuration.deploymentCircuitBreaker then
      service.breaker = configuration.deploymentCircuitBreaker
    end
    if input.desiredCount then
      if input.desiredCount < 0 then
        call:fail("InvalidParameterException", "desiredCount must be at least 0.")
      end
      service.desired = input.desiredCount
    end
    if input.forceNewDeployment or definition then
      if not rolling.may_start(service) then
        call:fail("InvalidParameterException", "Unable to start a deployment: the service has 5 active deployments.")
      end
      rolling.start(call.aws, service, definition or service.definition)
    end
    return { service = view.service(call.aws, service) }
  end,
}

M.operations.ListServiceDeployments = {
  input = {
    ["service!"] = "string",
    cluster = "string",
    status = { "list", "string" },
    createdAt = { before = "number", after = "number" },
    nextToken = "string",
    maxResults = "integer",
  },
  run = function(call, input)
    local service = find_service(need_cluster(call, input.cluster), input.service)
    if not service then
      call:fail("ServiceNotFoundException", "Service not found.")
    end
    local wanted, range, found = nil, input.createdAt or {}, {}
    for _, status in ipairs(input.status or {}) do
      wanted = wanted or {}
      wanted[status] = true
    end
    for _, deployment in ipairs(service.history) do
      local at = deployment.created_at
      local in_time = (not range.after or at > range.after) and (not range.before or at < range.before)
      if in_time and (not wanted or wanted[deployment.state]) then
        found[#found + 1] = view.service_deployment_brief(service, deployment)
      end
    end
    local part, next_token = page(call, found, input, 20)
    return { serviceDeployments = json.array(part), nextToken = next_token }
  end,
}

M.operations.DescribeServiceDeployments = {
  input = { ["serviceDeploymentArns!"] = { "list", "string" } },
  run = function(call, input)
    local by_arn, found, failures = {}, {}, {}
    for _, store in ipairs(call:stores()) do
      for _, cluster in pairs(store.ecs.clusters) do
        for _, service in pairs(cluster.services) do
          for _, deployment in ipairs(service.history) do
            by_arn[deployment.arn] = { service, deployment }
          end
        end
      end
    end
    for _, arn in ipairs(input.serviceDeploymentArns) do
      if by_arn[arn] then
        found[#found + 1] = view.service_deployment(call.aws, by_arn[arn][1], by_arn[arn][2])
      else
        failures[#failures + 1] = { arn = arn, reason = "MISSING" }
      end
    end
    return { serviceDeployments = json.array(found), failures = json.array(failures) }
  end,
}

return M

