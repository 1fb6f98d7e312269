--- The tasks of a service, and the digest of the image that each of them runs: what was meant to run is in the task
--- definition, what does run is here.
---
--- Source: Amazon ECS API reference, ListTasks (startedBy), DescribeTasks, Container (imageDigest).
local M = {}

local BATCH <const> = 100 -- tasks that DescribeTasks takes at most

---The tasks of a deployment, described.
---@async
---@param context live.Context
---@param started_by string? nothing: all of the service
---@param status "RUNNING"|"STOPPED" what they are meant to be
---@return table[]
function M.list(context, started_by, status)
  local cluster <const>, arns <const>, list = context.service.cluster, {}, {}
  for arn in context.ecs:paginate("ListTasks", {
    cluster = cluster, desiredStatus = status, startedBy = started_by,
    serviceName = not started_by and context.service.service or nil,
  }, "taskArns") do
    arns[#arns + 1] = arn
  end
  for first = 1, #arns, BATCH do
    local described <const> = context.ecs:DescribeTasks {
      cluster = cluster, tasks = table.move(arns, first, math.min(first + BATCH - 1, #arns), 1, {}),
    }
    table.move(described.tasks, 1, #described.tasks, #list + 1, list)
  end
  return list
end

-- A task may have containers of other images beside ours; those are in other repositories.
local function own_digest(context, task)
  local first
  for _, container in ipairs(task.containers) do
    local path <const> = container.image and container.image:match "^[^/]+/([^@:]+)"
    if path == context.service.image and container.imageDigest then return container.imageDigest end
    first = first or container.imageDigest
  end
  return first
end

---@class live.Count
---@field running integer tasks that run one of the digests
---@field other integer tasks that run something else
---@field pending integer tasks that do not run yet
---@field digest string? what most of the running tasks run

local function runs_one_of(task, digests)
  for _, container in ipairs(task.containers) do
    if digests[container.imageDigest or ""] then return true end
  end
  return false
end

-- What most of the tasks run.
local function most_common(context, tasks)
  local by_digest, most, digest = {}, 0, nil
  for _, task in ipairs(tasks) do
    local own <const> = own_digest(context, task)
    if own then
      by_digest[own] = (by_digest[own] or 0) + 1
      if by_digest[own] > most then most, digest = by_digest[own], own end
    end
  end
  return digest
end

---Counts what the tasks of a deployment run.
---@async
---@param context live.Context
---@param started_by string?
---@param digests table<string, boolean>? nothing: the one that most of them run
---@return live.Count
function M.count(context, started_by, digests)
  local count, running = { running = 0, other = 0, pending = 0 }, {}
  for _, task in ipairs(M.list(context, started_by, "RUNNING")) do
    if task.lastStatus == "RUNNING" then
      running[#running + 1] = task
    else
      count.pending = count.pending + 1
    end
  end
  count.digest = most_common(context, running)
  local wanted <const> = digests or { [count.digest or ""] = true }
  for _, task in ipairs(running) do
    local kind <const> = runs_one_of(task, wanted) and "running" or "other"
    count[kind] = count[kind] + 1
  end
  return count
end

---Why tasks of a deployment stopped, in one line: the last one's reason, and its container's exit code.
---@async
---@param context live.Context
---@param started_by string
---@return string?
function M.last_words(context, started_by)
  local last
  for _, task in ipairs(M.list(context, started_by, "STOPPED")) do
    if task.stoppedAt and (not last or task.stoppedAt > last.stoppedAt) then last = task end
  end
  if not last then return nil end
  local text = last.stoppedReason or last.stopCode or "no reason given"
  for _, container in ipairs(last.containers) do
    if container.exitCode and container.exitCode ~= 0 then
      text = ("%s (%s exited with %d)"):format(text, container.name, container.exitCode)
    elseif container.reason then
      text = ("%s (%s: %s)"):format(text, container.name, container.reason)
    end
  end
  return text
end

return M
