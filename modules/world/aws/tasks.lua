--- The life of ECS tasks: PROVISIONING, PENDING, RUNNING, healthy; and DEACTIVATING, STOPPING, DEPROVISIONING, STOPPED.
---
--- Sources: Amazon ECS Developer Guide, "Amazon ECS task lifecycle" and "Viewing Amazon ECS stopped task errors".
local digest = require "fairlead.digest"
local ecr = require "fairlead.world.aws.ecr"
local failing = require "fairlead.world.aws.failing"
local logs = require "fairlead.world.aws.logs"

local M = {}

--- How long a stopped task can still be described.
M.KEPT = 3600

---@class fairlead.world.aws.Task
---@field id string
---@field arn string
---@field service fairlead.world.aws.Service
---@field definition fairlead.world.aws.TaskDefinition
---@field started_by string id of the deployment or task set
---@field last_status string
---@field desired_status string
---@field health string UNKNOWN, HEALTHY, UNHEALTHY
---@field containers {name: string, text: string, wanted: string?, digest: string?, sha: string?, exit_code: integer?,
--- reason: string?}[] wanted: the digest that the service's revision has settled on, whatever the tag means now
---@field created_at number
---@field stop_code string?
---@field stopped_reason string?
---@field failed_checks integer? health checks that it has failed
---@field failing_since number? when it failed the first
---@field scaled_in boolean? stopped because fewer were wanted, which is no failure
---@field replaced_by fairlead.world.aws.Deployment? stopped because one of that deployment's is healthy

--- Adds to a service's events; the newest 100 are kept (ECS Developer Guide, "Service event messages").
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param text string
function M.event(aws, service, text)
  local digits = aws.ids:text(32)
  table.insert(service.events, 1, {
    id = ("%s-%s-%s-%s-%s"):format(
      digits:sub(1, 8),
      digits:sub(9, 12),
      digits:sub(13, 16),
      digits:sub(17, 20),
      digits:sub(21)
    ),
    at = aws.w.now,
    text = ("(service %s) %s"):format(service.name, text),
  })
  service.events[101] = nil
end

--- A task's address in its network.
---@param task fairlead.world.aws.Task
---@return string
function M.address(task)
  local digits = digest.sha256(task.id)
  local function byte(i) return tonumber(digits:sub(2 * i - 1, 2 * i), 16) end
  return ("10.%d.%d.%d"):format(byte(1) % 4, byte(2), byte(3) % 250 + 4)
end

--- Where a container's lines go, by its definition's awslogs options: nil when nowhere (Developer Guide, "Send Amazon
--- ECS logs to CloudWatch").
local function log_of(task, index)
  local held = task.definition.containers[index]
  local group, prefix = held.group, held.prefix
  local configuration = held.logConfiguration
  if configuration and configuration.logDriver == "awslogs" then
    local options = configuration.options or {}
    group, prefix = options["awslogs-group"], options["awslogs-stream-prefix"]
  end
  if not group then
    return nil
  elseif not prefix then
    return group, task.containers[index].runtime_id
  end
  return group, ("%s/%s/%s"):format(prefix, held.name, task.id)
end

--- Writes lines in the name of a task's first container, the application's.
local function write(aws, task, ...)
  local group, stream = log_of(task, 1)
  for _, text in ipairs(group and { ... } or {}) do
    logs.write(task.service.store, group, stream, aws.w.now, text)
  end
end

--- Continues a task's life unless it has taken another turn meanwhile.
local function later(aws, task, seconds, fn)
  local turn = task.turn
  aws.w:after(seconds, function()
    if task.turn == turn then
      task.version = task.version + 1
      fn()
    end
  end)
end

local function stopped(aws, task)
  task.last_status = "STOPPED"
  task.stopped_at = aws.w.now
  if task.on_stopped then
    task.on_stopped(task)
  end
end

--- Takes a task down.
---@param aws fairlead.world.AWS
---@param task fairlead.world.aws.Task
---@param why {code: string, reason: string, exit_code: integer?}
function M.stop(aws, task, why)
  if task.desired_status == "STOPPED" then
    return
  end
  local was_running = task.last_status == "RUNNING"
  task.turn = task.turn + 1
  task.version = task.version + 1
  task.desired_status = "STOPPED"
  task.stop_code, task.stopped_reason = why.code, why.reason
  task.stopping_at = aws.w.now
  task.last_status = was_running and "DEACTIVATING" or "DEPROVISIONING"
  for _, container in ipairs(task.containers) do
    container.exit_code = was_running and (why.exit_code or 0) or nil
  end
  local function deprovision()
    task.last_status = "DEPROVISIONING"
    later(aws, task, aws.draws:between(4, 9), function()
      stopped(aws, task)
    end)
  end
  if not was_running then
    return deprovision()
  end
  if not why.exit_code then
    write(aws, task, "received SIGTERM, stopping")
  end
  later(aws, task, aws.draws:between(3, 6), function()
    task.last_status = "STOPPING"
    later(aws, task, aws.draws:between(4, 10), function()
      task.execution_stopped_at = aws.w.now
      deprovision()
    end)
  end)
end

--- Stops a task's container in a way that ends the task.
local function crash(aws, task, way)
  task.failing_since = aws.w.now
  write(aws, task, table.unpack(way.lines))
  task.containers[1].reason = way.container_reason
  M.stop(aws, task, { code = way.code, reason = way.reason, exit_code = way.exit_code })
end

--- A task that runs, and fails its health checks three times: the load balancer's, or its container's own.
local function fail_checks(aws, task, way)
  local service, checks = task.service, 3
  local environment = service.environment
  local function check(n)
    later(aws, task, environment.health_seconds / checks, function()
      for _, line in ipairs(way.lines) do
        write(aws, task, (line:gsub("%%s", environment.health_path)))
      end
      task.failed_checks, task.failing_since = n, task.failing_since or aws.w.now
      if n < checks then
        return check(n + 1)
      end
      task.health = "UNHEALTHY"
      local reason = "Task failed container health checks"
      if service.load_balanced then
        reason = ("Task failed ELB health checks in (target-group %s)"):format(task.target_group)
        M.event(aws, service, ("(task %s) (port 8080) is unhealthy in (target-group %s) due to (reason Health checks "
          .. "failed with these codes: [500])."):format(task.id, task.target_group))
      end
      M.event(aws, service, ("has stopped 1 running tasks: (task %s)."):format(task.id))
      M.stop(aws, task, { code = way.code, reason = reason })
    end)
  end
  check(1)
end

--- What a task does once its containers run.
local function run(aws, task, way)
  task.last_status = "RUNNING"
  task.started_at = aws.w.now
  write(aws, task, "starting" .. (task.containers[1].sha and " commit " .. task.containers[1].sha or ""))
  if way and way.when == "checks" then
    return fail_checks(aws, task, way)
  elseif way and way.when == "run" then
    return later(aws, task, aws.draws:between(3, 8), function()
      crash(aws, task, way)
    end)
  end
  later(aws, task, task.service.environment.health_seconds, function()
    task.health = "HEALTHY"
    write(aws, task, "ready")
    if task.service.load_balanced then
      M.event(aws, task.service, ("registered 1 targets in (target-group %s)"):format(task.target_group))
    end
    if task.on_healthy then
      task.on_healthy(task)
    end
  end)
end

--- What a task whose version fails under real traffic writes when it gets some.
---@param aws fairlead.world.AWS
---@param task fairlead.world.aws.Task
---@return boolean fails
function M.fails_with_traffic(aws, task)
  local way = failing.way(aws, task)
  if not way or way.when ~= "traffic" then
    return false
  end
  task.failing_since = task.failing_since or aws.w.now
  write(aws, task, table.unpack(way.lines))
  return true
end

--- Finds each container's image: by the digest that its service's revision has settled on; else a tag means whatever it
--- points at when it is pulled.
local function pull(aws, task)
  task.pull_started_at = aws.w.now
  for _, container in ipairs(task.containers) do
    local text = container.text
    if container.wanted then
      text = ("%s@%s"):format(text:gsub("@.*$", ""):gsub(":[^:/]*$", ""), container.wanted)
    end
    local image = ecr.resolve(task.service.store, text)
    if not image then
      container.reason = ("CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve "
        .. "ref %s: %s: not found"):format(text, text)
      return M.stop(aws, task, { code = "TaskFailedToStart", reason = container.reason })
    end
    container.digest, container.sha = image.digest, image.sha
  end
  local way = failing.way(aws, task)
  if way and way.when == "start" then
    return M.stop(aws, task, { code = way.code, reason = way.reason })
  end
  later(aws, task, aws.draws:between(8, 14), function()
    task.pull_stopped_at = aws.w.now
    run(aws, task, way)
  end)
end

local function new_task(aws, service, options)
  local id = aws.draws:text(32)
  local containers = {}
  for i, container in ipairs(options.definition.containers) do
    local runtime_id = id .. "-" .. aws.draws:text(10, "0123456789")
    local settled = options.images and options.images[i]
    containers[i] = {
      name = container.name,
      text = container.image,
      wanted = settled and settled.digest,
      runtime_id = runtime_id,
    }
  end
  local store = service.store
  local task = {
    id = id,
    arn = ("arn:aws:ecs:%s:%s:task/%s/%s"):format(store.region, store.account, service.cluster.name, id),
    service = service,
    definition = options.definition,
    started_by = options.started_by,
    target_group = options.target_group,
    on_healthy = options.on_healthy,
    on_stopped = options.on_stopped,
    containers = containers,
    created_at = aws.w.now,
    last_status = "PROVISIONING",
    desired_status = "RUNNING",
    health = "UNKNOWN",
    version = 1,
    turn = 0,
  }
  table.insert(service.tasks, task)
  return task
end

--- Starts a task.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param options {definition: fairlead.world.aws.TaskDefinition, images: table[]?, started_by: string,
--- target_group: string, on_healthy: fun(task: fairlead.world.aws.Task)?,
--- on_stopped: fun(task: fairlead.world.aws.Task)?}
---@return fairlead.world.aws.Task
function M.start(aws, service, options)
  local task = new_task(aws, service, options)
  later(aws, task, aws.draws:between(3, 6), function()
    task.last_status = "PENDING"
    pull(aws, task)
  end)
  return task
end

--- A task that has been running since before the world began.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param options {definition: fairlead.world.aws.TaskDefinition, started_by: string, target_group: string,
--- created_at: number}
---@return fairlead.world.aws.Task
function M.already_running(aws, service, options)
  local task = new_task(aws, service, options)
  task.created_at, task.pull_started_at = options.created_at, options.created_at + 5
  task.pull_stopped_at, task.started_at = options.created_at + 14, options.created_at + 15
  task.last_status, task.health, task.version = "RUNNING", "HEALTHY", 5
  for _, container in ipairs(task.containers) do
    local image = ecr.resolve(service.store, container.text)
    container.digest, container.sha = image.digest, image.sha
  end
  return task
end

--- Tasks of a deployment or task set, in order of their start; stopped ones only while they are kept.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param started_by string?
---@return fairlead.world.aws.Task[]
function M.of(aws, service, started_by)
  local list = {}
  for _, task in ipairs(service.tasks) do
    local gone = task.stopped_at and task.stopped_at < aws.w.now - M.KEPT
    if not gone and (not started_by or task.started_by == started_by) then
      list[#list + 1] = task
    end
  end
  return list
end

--- How many tasks of a deployment or task set run, and how many are on their way.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param started_by string?
---@return integer running
---@return integer pending
function M.count(aws, service, started_by)
  local running, pending = 0, 0
  for _, task in ipairs(M.of(aws, service, started_by)) do
    if task.desired_status == "RUNNING" then
      if task.last_status == "RUNNING" then
        running = running + 1
      else
        pending = pending + 1
      end
    end
  end
  return running, pending
end

return M
