--- ECS's own deployments that shift traffic (strategies BLUE_GREEN, CANARY, LINEAR): a service deployment goes through
--- its lifecycle stages, waits where a hook pauses it, bakes, and turns back when told to or when something fails.
---
--- Sources: botocore's model ecs/2014-11-13 (ServiceDeploymentLifecycleStage, DeploymentLifecycleHook); Amazon ECS
--- Developer Guide, "Pause hooks for Amazon ECS service deployments", "Continuing service deployments", "Amazon ECS
--- canary deployments", "Amazon ECS deployment failure detection".
local records = require "fairlead.world.aws.service_deployments"
local tasks = require "fairlead.world.aws.tasks"

local M = {}

local HOOK_LETTERS <const> = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789_-"
--- Seconds that a stage takes in which nothing is waited for.
local QUICK <const> = { low = 1, high = 4 }

--- One way through: a deployment's service, its record, what served before and what is to serve.
---@class fairlead.world.aws.Shift
---@field service fairlead.world.aws.Service
---@field record fairlead.world.aws.ServiceDeployment
---@field blue fairlead.world.aws.Deployment
---@field green fairlead.world.aws.Deployment

local function is_at_work(shift)
  return shift.record.status == "IN_PROGRESS"
end

--- Goes on after a while, unless the deployment has turned meanwhile.
local function later(aws, shift, seconds, fn)
  local turn = shift.turn
  return aws.w:after(seconds, function()
    if shift.turn == turn and is_at_work(shift) then
      fn()
    end
  end)
end

--- Gives green a share of the production traffic, blue the rest.
local function give(aws, shift, percent)
  shift.green.weight, shift.blue.weight = percent, 100 - percent
  shift.record.updated_at = aws.w.now
end

local function stop_and(aws, shift, deployment, fn)
  local left = 1
  local function gone()
    left = left - 1
    if left == 0 then
      records.sweep(aws, shift.service)
      fn()
    end
  end
  for _, task in ipairs(tasks.of(aws, shift.service, deployment.id)) do
    if not task.stopped_at then
      left = left + 1
      task.on_stopped = gone
    end
  end
  records.stop_tasks(aws, shift.service, deployment)
  aws.w:after(0, gone)
end

--- Takes the traffic back to what served before; green's tasks go.
local function roll_back(aws, shift, reason)
  local service, record, green, blue = shift.service, shift.record, shift.green, shift.blue
  shift.turn = shift.turn + 1
  records.begin_rollback(aws, record, reason)
  green.rollout_state, green.rollout_reason = "FAILED", reason
  tasks.event(aws, service, ("(deployment %s) deployment failed: %s"):format(green.id, reason))
  tasks.event(aws, service, ("rolling back to (deployment %s)."):format(blue.id))
  local had_traffic = (green.weight or 0) > 0
  record.stage = had_traffic and "PRODUCTION_TRAFFIC_SHIFT" or record.stage
  aws.w:after(aws.draws:between(3, 8), function()
    if record.status ~= "ROLLBACK_IN_PROGRESS" then
      return -- another deployment has begun
    end
    give(aws, shift, 0)
    blue.status, green.status = "PRIMARY", "ACTIVE"
    service.definition = blue.definition
    for i, held in ipairs(service.deployments) do
      if held == blue then
        table.insert(service.deployments, 1, table.remove(service.deployments, i))
      end
    end
    if had_traffic then
      records.tell_deployed(aws, service, blue)
    end
    record.stage = "CLEAN_UP"
    stop_and(aws, shift, green, function()
      records.set_status(aws, record, "ROLLBACK_SUCCESSFUL")
      tasks.event(aws, service, "has reached a steady state.")
      records.tell_finished(aws, record)
    end)
  end)
end

--- Alarms watch green once it has traffic: a version that fails only then is found out in a while.
local function watch(aws, shift)
  if shift.watched then
    return
  end
  shift.watched = true
  later(aws, shift, aws.draws:between(40, 80), function()
    local failing = false
    for _, task in ipairs(tasks.of(aws, shift.service, shift.green.id)) do
      failing = tasks.fails_with_traffic(aws, task) or failing
    end
    local alarms = shift.service.environment.alarms
    if failing and alarms and alarms[1] then
      shift.record.triggered_alarms = { alarms[1] }
      roll_back(aws, shift, records.ROLLED_BACK_BY_ALARM)
    end
  end)
end

local enter

--- Shifts step by step: each step's percent, and the seconds until the next.
local function shift_by(aws, shift, steps, index, done)
  later(aws, shift, aws.draws:between(3, 8), function()
    local step = steps[index]
    give(aws, shift, step.percent)
    watch(aws, shift)
    if step.percent >= 100 then
      records.tell_deployed(aws, shift.service, shift.green)
      return done()
    end
    later(aws, shift, step.seconds, function()
      shift_by(aws, shift, steps, index + 1, done)
    end)
  end)
end

local function steps_of(service)
  local steps = {}
  if service.strategy == "CANARY" then
    steps[1] = { percent = service.canary.percent, seconds = service.canary.seconds }
  elseif service.strategy == "LINEAR" then
    local percent = service.linear.percent
    while percent < 100 do
      steps[#steps + 1] = { percent = percent, seconds = service.linear.seconds }
      percent = percent + service.linear.percent
    end
  end
  steps[#steps + 1] = { percent = 100, seconds = 0 }
  return steps
end

local start_task

local function task_failed(aws, shift)
  local service, green, record = shift.service, shift.green, shift.record
  green.failed_tasks, green.updated_at = green.failed_tasks + 1, aws.w.now
  local breaker = service.breaker
  if breaker and breaker.enable and green.failed_tasks >= records.threshold(service) then
    record.breaker = "TRIGGERED"
    if breaker.rollback then
      return roll_back(aws, shift, records.ROLLED_BACK)
    end
    green.rollout_state = "FAILED"
    green.rollout_reason = "ECS deployment circuit breaker: tasks failed to start."
    records.set_status(aws, record, "STOPPED", records.STOPPED_BY_BREAKER)
    return records.tell_finished(aws, record)
  end
  later(aws, shift, records.pause_after(green.failed_tasks), function()
    start_task(aws, shift)
  end)
end

--- Ends the stage SCALE_UP when green has as many healthy tasks as are wanted.
local function check_scale(aws, shift)
  local healthy = 0
  for _, task in ipairs(tasks.of(aws, shift.service, shift.green.id)) do
    healthy = healthy + (task.health == "HEALTHY" and task.desired_status == "RUNNING" and 1 or 0)
  end
  if shift.scaled and healthy >= shift.service.desired and is_at_work(shift) then
    local done = shift.scaled
    shift.scaled = nil
    done()
  end
end

function start_task(aws, shift)
  local service, green = shift.service, shift.green
  tasks.start(aws, service, {
    definition = green.definition,
    images = green.revision.images,
    started_by = green.id,
    target_group = green.target_group,
    on_healthy = function()
      green.failed_tasks = 0
      check_scale(aws, shift)
    end,
    on_stopped = function(task)
      records.sweep(aws, service)
      if is_at_work(shift) and not task.scaled_in then
        task_failed(aws, shift)
      end
    end,
  })
end

--- What happens in each stage, in their order; each calls `done` when it is over.
local STAGES <const> = {
  { name = "RECONCILE_SERVICE", run = function(aws, shift, done)
    for _, older in ipairs { table.unpack(shift.service.deployments) } do
      if older ~= shift.green and older ~= shift.blue then
        records.stop_tasks(aws, shift.service, older)
      end
    end
    later(aws, shift, aws.draws:between(5, 15), done)
  end },
  { name = "PRE_SCALE_UP" },
  { name = "SCALE_UP", run = function(aws, shift, done)
    shift.scaled, shift.has_tasks = done, true
    for _ = 1, shift.service.desired do
      start_task(aws, shift)
    end
    tasks.event(aws, shift.service, ("(deployment %s) has started %d tasks."):format(shift.green.id,
      shift.service.desired))
    check_scale(aws, shift)
  end },
  { name = "POST_SCALE_UP" },
  { name = "TEST_TRAFFIC_SHIFT", run = function(aws, shift, done)
    later(aws, shift, aws.draws:between(3, 8), function()
      shift.green.test_weight, shift.blue.test_weight = 100, 0
      done()
    end)
  end },
  { name = "POST_TEST_TRAFFIC_SHIFT" },
  -- A place for hooks only: no stage of a deployment is called so.
  { name = "PRE_PRODUCTION_TRAFFIC_SHIFT", hooks_only = true },
  { name = "PRODUCTION_TRAFFIC_SHIFT", run = function(aws, shift, done)
    shift_by(aws, shift, steps_of(shift.service), 1, done)
  end },
  { name = "POST_PRODUCTION_TRAFFIC_SHIFT" },
  { name = "BAKE_TIME", run = function(aws, shift, done)
    later(aws, shift, shift.service.bake_seconds, done)
  end },
  { name = "CLEAN_UP", run = function(aws, shift, done)
    stop_and(aws, shift, shift.blue, done)
  end },
}

--- Stages at which no hook may pause.
M.NO_PAUSE = { SCALE_UP = true, TEST_TRAFFIC_SHIFT = true, PRODUCTION_TRAFFIC_SHIFT = true, BAKE_TIME = true,
  CLEAN_UP = true }

local function hook_of(service, stage)
  for _, hook in ipairs(service.hooks) do
    for _, name in ipairs(hook.lifecycleStages) do
      if name == stage then
        return hook
      end
    end
  end
end

--- Waits at a pause hook until somebody says how to go on, or its time is over.
local function pause(aws, shift, hook, stage, done)
  local timeout = hook.timeoutConfiguration or {}
  local seconds, action = (timeout.timeoutInMinutes or 1440) * 60, timeout.action or "ROLLBACK"
  local detail = {
    id = "ecs-pause-" .. aws.draws:text(43, HOOK_LETTERS),
    stage = stage,
    status = "AWAITING_ACTION",
    expires_at = aws.w.now + aws.w:duration(seconds),
    action = action,
    go_on = done,
  }
  table.insert(shift.record.hooks, detail)
  shift.record.updated_at = aws.w.now
  later(aws, shift, seconds, function()
    if detail.status == "AWAITING_ACTION" then
      detail.status = "TIMED_OUT"
      if action == "CONTINUE" then
        return done()
      end
      roll_back(aws, shift, ("Service deployment rolled back because %s lifecycle hook(s) timed out."):format(stage))
    end
  end)
end

--- Enters a stage: its hook first, then what happens in it, then the next.
function enter(aws, shift, index)
  local stage, record = STAGES[index], shift.record
  if not stage then
    records.complete(aws, shift.service, shift.green)
    return records.tell_finished(aws, record)
  end
  if not stage.hooks_only then
    record.stage, record.updated_at = stage.name, aws.w.now
  end
  local function done()
    if is_at_work(shift) then
      enter(aws, shift, index + 1)
    end
  end
  local function run()
    if stage.run then
      return stage.run(aws, shift, done)
    elseif stage.hooks_only then
      return done()
    end
    later(aws, shift, aws.draws:between(QUICK.low, QUICK.high), done)
  end
  local hook = hook_of(shift.service, stage.name)
  if hook and hook.targetType == "PAUSE" then
    return pause(aws, shift, hook, stage.name, run)
  end
  run()
end

--- The deployment that serves: the last that came through, or what has taken its place without having ended.
local function serving(service)
  for _, deployment in ipairs(service.deployments) do
    if deployment == service.last_completed then
      return deployment
    end
  end
  return service.deployments[#service.deployments]
end

--- Starts a deployment of a task definition.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@return fairlead.world.aws.Deployment
function M.start(aws, service, definition)
  local now, more = aws.w.now, records.supersede(aws, service)
  local revision = records.revise(aws, service, definition, now)
  local record = records.record(aws, service, revision, now)
  local blue = serving(service)
  for _, older in ipairs(service.deployments) do
    older.weight = older == blue and 100 or 0
  end
  blue.target_group = blue.target_group or service.target_groups[1]
  local green = records.add(service, record, { id = revision.id, revision = revision, now = now })
  green.weight, green.test_weight = 0, 0
  green.target_group = service.target_groups[blue.target_group == service.target_groups[1] and 2 or 1]
  local shift = { service = service, record = record, blue = blue, green = green, turn = 0 }
  record.shift = shift
  aws.w:after(aws.draws:between(1, 3), function()
    if record.status == "PENDING" then
      records.set_status(aws, record, "IN_PROGRESS")
      enter(aws, shift, more and 1 or 2)
    end
  end)
  return green
end

--- Whether it is too late for a way back: what served before is being stopped.
---@param record fairlead.world.aws.ServiceDeployment
---@return boolean
function M.is_past_return(record)
  return record.stage == "CLEAN_UP"
end

--- Brings both what serves and what is to serve to the number of tasks that is wanted now.
---@param aws fairlead.world.AWS
---@param shift fairlead.world.aws.Shift
function M.scale(aws, shift)
  local service = shift.service
  local function fit(deployment, start)
    local running, pending = tasks.count(aws, service, deployment.id)
    for _ = running + pending + 1, service.desired do
      start()
    end
    records.stop_surplus(aws, service, deployment, running + pending - service.desired)
  end
  if shift.record.stage ~= "CLEAN_UP" then
    fit(shift.blue, function()
      tasks.start(aws, service, {
        definition = shift.blue.definition,
        images = shift.blue.revision.images,
        started_by = shift.blue.id,
        target_group = shift.blue.target_group,
      })
    end)
  end
  if shift.has_tasks and is_at_work(shift) then
    fit(shift.green, function()
      start_task(aws, shift)
    end)
    check_scale(aws, shift)
  end
end

--- Stops the service deployment under way at somebody's request.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param how "ROLLBACK"|"ABORT" ABORT leaves everything as it is
function M.stop(aws, record, how)
  local shift = record.shift
  shift.turn = shift.turn + 1
  records.set_status(aws, record, how == "ROLLBACK" and "ROLLBACK_REQUESTED" or "STOP_REQUESTED",
    records.STOPPED_BY_USER)
  aws.w:after(aws.draws:between(2, 5), function()
    if record.status == "ROLLBACK_REQUESTED" then
      roll_back(aws, shift, records.ROLLED_BACK_BY_USER)
    elseif record.status == "STOP_REQUESTED" then
      records.set_status(aws, record, "STOPPED")
      records.tell_finished(aws, record)
    end
  end)
end

--- Ends the wait of a pause hook.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param hook_id string
---@param action "CONTINUE"|"ROLLBACK"
---@return boolean continued false: no such hook waits
function M.continue(aws, record, hook_id, action)
  for _, detail in ipairs(record.hooks) do
    if detail.id == hook_id and detail.status == "AWAITING_ACTION" and record.status == "IN_PROGRESS" then
      if action == "CONTINUE" then
        detail.status = "SUCCEEDED"
        detail.go_on()
      else
        detail.status = "FAILED"
        roll_back(aws, record.shift,
          ("Service deployment rolled back because %s lifecycle hook(s) failed."):format(detail.stage))
      end
      return true
    end
  end
  return false
end

return M
