--- What became of the new version's tasks: why they stopped, how their containers ended, and what those printed last.
---
--- Sources: Amazon ECS API reference, Task (stopCode, stoppedReason), Container (exitCode, reason); Amazon ECS
--- Developer Guide, "Using the awslogs log driver" (the stream's name: prefix/container/task), "Viewing Amazon ECS
--- stopped task errors" (a stopped task can be described for an hour).
local errors = require "fairlead.errors"
local tasks = require "release.live.tasks"

local M = {}

local LINES <const> = 20 -- of a container's log
local READ <const> = 100 -- lines of it that are read

-- Tasks of the part's time that stopped because of something: not those that ECS takes down in good order.
local function stopped(subject, context)
  local list = {}
  for _, task in ipairs(tasks.list(context, nil, "STOPPED")) do
    local orderly <const> = task.stopCode == "ServiceSchedulerInitiated"
      and tostring(task.stoppedReason):find "^Scaling activity initiated by"
    if task.createdAt >= subject.since and not orderly and task.stopCode ~= "UserInitiated" then
      list[#list + 1] = task
    end
  end
  table.sort(list, function(a, b)
    if a.createdAt ~= b.createdAt then return a.createdAt < b.createdAt end
    return a.taskArn < b.taskArn
  end)
  return list
end

local function container_lines(task)
  local ended, lines = {}, {}
  for _, container in ipairs(task.containers or {}) do
    if container.exitCode and container.exitCode ~= 0 then
      ended[#ended + 1] = ("%s ended with %d"):format(container.name, container.exitCode)
    end
    lines[#lines + 1] = ("  container %s: %s%s"):format(container.name,
      container.exitCode and "exit code " .. math.tointeger(container.exitCode) or "no exit code",
      container.reason and ", " .. container.reason or "")
  end
  return table.concat(ended, ", "), lines
end

---Why tasks stopped: each reason once.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.stopped(subject)
  local found = {}
  for _, context in ipairs(subject.services) do
    local by_reason, count = {}, {}
    for _, task in ipairs(stopped(subject, context)) do
      local ended <const>, lines = container_lines(task)
      local text <const> = ("tasks of %s stopped: %s%s"):format(context.service.service, tostring(task.stoppedReason),
        ended ~= "" and (" (%s)"):format(ended) or "")
      count[text] = (count[text] or 0) + 1
      table.insert(lines, 1, ("task %s: %s"):format(task.taskArn:match "[^/]+$", tostring(task.stopCode)))
      if not by_reason[text] then
        by_reason[text] = { text = text, lines = lines }
        found[#found + 1] = by_reason[text]
      end
    end
    for text, finding in pairs(by_reason) do
      if count[text] > 1 then table.insert(finding.lines, ("and %d more of them"):format(count[text] - 1)) end
    end
  end
  return found
end

-- ---- what they printed ----

-- The container that failed; else the first one.
local function failing(task)
  for _, container in ipairs(task.containers) do
    if container.exitCode and container.exitCode ~= 0 or container.reason then return container end
  end
  return task.containers[1]
end

local function log_place(context, task)
  local container <const> = failing(task)
  if task.stopCode == "TaskFailedToStart" and not container.exitCode then return nil end -- it never printed anything
  local described <const> = context.ecs:DescribeTaskDefinition { taskDefinition = task.taskDefinitionArn }
  for _, definition in ipairs(described.taskDefinition.containerDefinitions) do
    if definition.name == container.name then
      local logs <const> = definition.logConfiguration or {}
      local options <const> = logs.options or {}
      if logs.logDriver == "awslogs" and options["awslogs-stream-prefix"] then
        return {
          container = container.name, group = options["awslogs-group"], region = options["awslogs-region"],
          stream = ("%s/%s/%s"):format(options["awslogs-stream-prefix"], container.name, task.taskArn:match "[^/]+$"),
        }
      end
      errors.raise {
        kind = "config.missing", op = "log", target = container.name,
        message = ("goes by %s, where it cannot be found again"):format(logs.logDriver or "no log driver"),
      }
    end
  end
end

-- The line that says most: the last one that speaks of an error, else the last.
local function telling(lines)
  for i = #lines, 1, -1 do
    local lower <const> = lines[i]:lower()
    if lower:find("error", 1, true) or lower:find("exception", 1, true) or lower:find("fatal", 1, true)
      or lower:find("panic", 1, true) then
      return lines[i]
    end
  end
  return lines[#lines]
end

local function read_log(subject, context, task)
  local place <const> = log_place(context, task)
  if not place then return nil end
  local answer <const> = subject:client("logs", place.region):GetLogEvents {
    logGroupName = place.group, logStreamName = place.stream, limit = READ, startFromHead = false,
  }
  local lines = {}
  for _, event in ipairs(answer.events) do
    for line in tostring(event.message):gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  end
  if #lines == 0 then return nil end
  return {
    text = ("container %s of %s printed last: %s"):format(place.container, context.service.service, telling(lines)),
    lines = lines, tail = LINES,
  }
end

---The last lines of the container that failed. Where no task has stopped, of one that runs.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.logs(subject)
  local found = {}
  for _, context in ipairs(subject.services) do
    local gone <const> = stopped(subject, context)
    local task = gone[#gone]
    if not task then
      for _, running in ipairs(tasks.list(context, nil, "RUNNING")) do
        if running.createdAt >= subject.since then task = running end
      end
    end
    found[#found + 1] = task and read_log(subject, context, task)
  end
  return found
end

return M
