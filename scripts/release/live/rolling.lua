--- ECS's rolling update, with and without the circuit breaker.
---
--- Without a breaker a bad version is "in progress" for ever, and the old tasks serve on: then the failed tasks tell.
--- With one that rolls back the service is stable again in the end, and "services-stable" would call that success.
--- Sources: Amazon ECS Developer Guide, "How the Amazon ECS deployment circuit breaker detects failures"; API
--- reference, Deployment (failedTasks: in succession, 0 again after one that starts).
local base = require "release.live.service_deployment"
local contexts = require "release.live.context"
local history = require "release.live.history"

---@class live.Rolling: live.ServiceDeployments
local M = setmetatable({}, { __index = base })

local function progress(context, deployment, service)
  local target <const> = deployment.targetServiceRevision or {}
  local running <const> = target.runningTaskCount or 0
  local wanted <const> = target.requestedTaskCount or service.desiredCount
  local entry <const> = base.entry(service, deployment)
  local failed <const> = entry and entry.failedTasks or 0
  return {
    text = ("%s: %d of %d new tasks run%s%s"):format(
      contexts.short_id(deployment.serviceDeploymentArn), running, wanted,
      failed > 0 and (", %d failed"):format(failed) or "",
      running >= wanted and wanted > 0 and (", %s stops the old ones"):format(context.service.service) or ""),
    fraction = wanted > 0 and math.min(1, running / wanted) or nil,
  }
end

---@async
---@param context live.Context
---@param arn string
---@param image live.Image
function M.follow(context, arn, image)
  base.tell(context, arn)
  local ended <const> = context.run:wait {
    name = "Deployment",
    timeout = context.timeouts.deployment,
    every = 10,
    pretend = { id = arn },
    check = function()
      local deployment <const> = history.get(context, arn)
      local successor <const> = base.check(context, arn, deployment, image)
      if successor then return { id = arn, successor = successor } end
      if deployment.status == "SUCCESSFUL" then return { id = arn } end
      local service <const> = contexts.describe(context)
      base.check_tasks(context, deployment, service)
      return nil, progress(context, deployment, service)
    end,
  }
  if ended.successor then M.follow(context, ended.successor, image) end
end

return M
