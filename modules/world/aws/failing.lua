--- How a version fails that does not work: what its tasks do and say. The scenario decides which versions those are.
---
--- Sources of the wording: Amazon ECS Developer Guide, "Amazon ECS stopped tasks error messages", "Amazon ECS service
--- event messages", "Resolve stopped task errors in Amazon ECS".
local M = {}

---@class fairlead.world.aws.Way
---@field when "start"|"run"|"checks"|"traffic" at which point of a task's life it fails
---@field code string? the task's stopCode
---@field reason string? its stoppedReason
---@field exit_code integer? of its first container
---@field container_reason string? that container's reason
---@field lines string[] what that container writes before

---@type table<string, fairlead.world.aws.Way>
local WAYS <const> = {
  -- It runs, but does not answer its health checks.
  health = {
    when = "checks",
    code = "ServiceSchedulerInitiated",
    lines = {
      "ERROR in app: Exception on %s [GET]",
      "sqlalchemy.exc.ProgrammingError: column entity.geometry_type does not exist",
      '"GET %s HTTP/1.1" 500',
    },
  },
  -- Its process ends by itself.
  exit = {
    when = "run",
    code = "EssentialContainerExited",
    reason = "Essential container in task exited",
    exit_code = 1,
    lines = {
      "Traceback (most recent call last):",
      '  File "/src/application/settings.py", line 31, in <module>',
      "KeyError: 'REQUEST_QUEUE_URL'",
      "error: cannot start: a required setting has no value",
    },
  },
  -- It is killed: it takes more memory than it may.
  memory = {
    when = "run",
    code = "EssentialContainerExited",
    reason = "OutOfMemoryError: Container killed due to memory usage",
    exit_code = 137,
    container_reason = "OutOfMemoryError: Container killed due to memory usage",
    lines = { "loading 4800000 entities into memory" },
  },
  -- It is never started: something that its task definition names cannot be had.
  secret = {
    when = "start",
    code = "TaskFailedToStart",
    reason = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval "
      .. "failed: unable to retrieve secret from asm: service call has been retried 1 time(s): "
      .. "ResourceNotFoundException: Secrets Manager can't find the specified secret.",
    lines = {},
  },
  -- It is healthy, and fails with real traffic: an alarm goes off.
  alarm = {
    when = "traffic",
    lines = { '"GET /entity/ HTTP/1.1" 500', "ERROR in app: Exception on /entity/ [GET]" },
  },
}

--- The way in which a task's version fails; nil when it works.
---@param aws fairlead.world.AWS
---@param task fairlead.world.aws.Task its containers have their images
---@return fairlead.world.aws.Way?
function M.way(aws, task)
  local service, scenario = task.service, aws.w.scenario
  local environment = service.environment
  local bad = scenario.rolls_back and scenario.rolls_back[environment.name]
  if service.controller == "ECS" and scenario.rolling_fails then
    bad = bad or scenario.rolling_fails[environment.name]
  end
  if not bad or environment.good[task.containers[1].digest] then
    return nil
  elseif type(bad) == "string" and not service.name:find(bad, 1, true) then
    return nil
  end
  return WAYS[service.failure or environment.failure] or WAYS.health
end

return M
