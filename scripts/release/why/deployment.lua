--- Why a deployment failed, as AWS tells it: the failing lifecycle event of CodeDeploy, what ECS says of its own
--- service deployment, and the service's events since it began.
---
--- Sources: CodeDeploy API reference, ECSTarget, Diagnostics, ErrorInformation; Amazon ECS API reference,
--- ServiceDeployment, ServiceEvent; copilot-cli, internal/pkg/stream (the words that make an event worth showing).
local contexts = require "release.live.context"

local M = {}

local MOST_EVENTS <const> = 5 -- of one service
local WORDS <const> = {
  "fail", "unhealthy", "error", "throttl", "unable", "missing", "alarm detected", "rolling back", "circuit breaker",
}

local function is_codedeploy(context) return context.service.deploys == "codedeploy" end

-- The error itself may say it already.
local function is_told(subject, text) return tostring(subject.err):find(text, 1, true) ~= nil end

---The lifecycle events of CodeDeploy's deployment that failed, with what the functions behind them said.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.lifecycle(subject)
  local found = {}
  for _, context in ipairs(subject.deployment and subject.services or {}) do
    local service <const> = context.service
    local answer <const> = is_codedeploy(context) and context.codedeploy:BatchGetDeploymentTargets {
      deploymentId = subject.deployment, targetIds = { service.cluster .. ":" .. service.service },
    } or {}
    local target <const> = answer.deploymentTargets and answer.deploymentTargets[1]
    for _, event in ipairs(target and target.ecsTarget and target.ecsTarget.lifecycleEvents or {}) do
      if event.status == "Failed" then
        local told <const> = event.diagnostics or {}
        local said = told.message ~= "" and told.message or told.errorCode
        if said and is_told(subject, said) then said = nil end
        local code <const> = told.errorCode ~= "UnknownError" and told.errorCode
        found[#found + 1] = {
          text = ("lifecycle event %s of %s failed%s"):format(event.lifecycleEventName, subject.deployment,
            said and ": " .. said or ""),
          lines = { code and "error code " .. code or "", told.scriptName or "", told.logTail or "" },
        }
      end
    end
  end
  return found
end

---What ECS says of the service deployment that failed.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.service_deployment(subject)
  local found = {}
  for _, context in ipairs(subject.deployment and subject.services or {}) do
    if not is_codedeploy(context) then
      local arn = subject.deployment
      if not arn:find "^arn:" then
        arn = ("%s/%s"):format(contexts.describe(context).serviceArn:gsub(":service/", ":service-deployment/"), arn)
      end
      local answer <const> = context.ecs:DescribeServiceDeployments { serviceDeploymentArns = { arn } }
      local told <const> = answer.serviceDeployments[1]
      local breaker <const> = told and told.deploymentCircuitBreaker or {}
      if breaker.status == "TRIGGERED" then
        found[#found + 1] = {
          text = ("%s: the deployment circuit breaker opened"):format(context.service.service),
          lines = { ("%s failures, %s are allowed"):format(breaker.failureCount, breaker.threshold) },
        }
      end
      if told and told.statusReason and not is_told(subject, told.statusReason) then
        found[#found + 1] = { text = ("%s: %s"):format(context.service.service, told.statusReason) }
      end
    end
  end
  return found
end

local function is_bad(text)
  local lower <const> = text:lower()
  for _, word in ipairs(WORDS) do
    if lower:find(word, 1, true) then return true end
  end
  return false
end

-- The same event of another task, or another time.
local function kind_of(text) return (text:gsub("%x%x%x%x%x%x%x%x%x+", "#"):gsub("%d+", "#")) end

---The services' events since the part began that speak of trouble; each kind once, the newest first.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.events(subject)
  local found = {}
  for _, context in ipairs(subject.services) do
    local lines, known = {}, {}
    for _, event in ipairs(contexts.describe(context).events or {}) do -- the newest first
      local kind <const> = kind_of(event.message)
      if event.createdAt >= subject.since and is_bad(event.message) and not known[kind] and #lines < MOST_EVENTS then
        known[kind] = true
        lines[#lines + 1] = event.message:gsub("^%(service [^)]+%) ", "")
      end
    end
    if #lines > 0 then
      local oldest <const> = lines[#lines] -- nearest to the cause
      found[#found + 1] = { text = ("ECS says of %s: %s"):format(context.service.service, oldest), lines = lines }
    end
  end
  return found
end

return M
