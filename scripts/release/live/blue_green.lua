--- ECS's own blue-green deployments (BLUE_GREEN, CANARY, LINEAR): a service deployment goes through its lifecycle
--- stages, and where a hook pauses it somebody has to say how to go on. The smoke test says so where there is an
--- address at which to try the new version; where there is none, a person does.
---
--- Sources: Amazon ECS Developer Guide, "Pause hooks for Amazon ECS service deployments", "Continuing service
--- deployments"; API reference, ServiceDeployment (lifecycleStage, lifecycleHookDetails), ContinueServiceDeployment.
local base = require "release.live.service_deployment"
local clock = require "fairlead.clock"
local contexts = require "release.live.context"
local git = require "fairlead.git"
local history = require "release.live.history"
local sites = require "release.live.site"
local smoke = require "release.live.smoke"

---@class live.BlueGreen: live.ServiceDeployments
local M = setmetatable({}, { __index = base })

-- In their order; a deployment without a hook, test listener or bake time passes some at once.
local STAGES <const> = {
  "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT",
  "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP",
}
local PLACE <const> = {}
for place, stage in ipairs(STAGES) do PLACE[stage] = place end

local function place_of(deployment) return PLACE[deployment.lifecycleStage or ""] or 0 end

-- "BAKE_TIME" as people say it: "bake time".
local function words(stage) return (stage:lower():gsub("_", " ")) end

local function progress(deployment)
  local target <const>, stage <const> = deployment.targetServiceRevision or {}, deployment.lifecycleStage
  local name <const> = contexts.short_id(deployment.serviceDeploymentArn)
  local text = ("%s: %s"):format(name, stage and words(stage) or deployment.status:lower())
  local running <const>, wanted <const> = target.runningTaskCount or 0, target.requestedTaskCount or 0
  if running < wanted then text = ("%s, %d of %d new tasks run"):format(text, running, wanted) end
  return { text = text, fraction = place_of(deployment) / #STAGES, traffic = target.requestedProductionTrafficWeight }
end

-- The hook that waits for a word and has not had one.
local function hook_of(deployment, answered)
  for _, hook in ipairs(deployment.lifecycleHookDetails or {}) do
    if hook.targetType == "PAUSE" and hook.status == "AWAITING_ACTION" and not answered[hook.hookId] then
      return hook
    end
  end
end

-- Until it has ended well, stands at a hook, or another that brings the same image took its place.
local function wait(context, arn, image, answered)
  return context.run:wait {
    name = "Deployment",
    timeout = context.timeouts.deployment,
    every = 10,
    pretend = { id = arn },
    check = function()
      local deployment <const> = history.get(context, arn)
      local successor <const> = base.check(context, arn, deployment, image)
      if successor then return { id = arn, successor = successor } end
      if deployment.status == "SUCCESSFUL" then return { id = arn } end
      local hook <const> = hook_of(deployment, answered)
      if hook then
        return { id = arn, hook = hook.hookId, stage = deployment.lifecycleStage, expires = hook.expiresAt }
      end
      base.check_tasks(context, deployment, contexts.describe(context))
      return nil, progress(deployment)
    end,
  }
end

-- ---- what to say at a hook ----

-- Nothing is waited for any more at a hook that somebody has answered, or whose time is over.
local function hook_status(context, arn, id)
  local deployment <const> = history.get(context, arn)
  for _, hook in ipairs(deployment and deployment.lifecycleHookDetails or {}) do
    if hook.hookId == id then return hook.status end
  end
end

local function answer(context, pause, action)
  local name <const> = action == "CONTINUE" and "Continue" or "Turn back"
  context.run:step(name, {
    intent = { deployment = pause.id, hook = pause.hook, action = action },
    already = function()
      local status <const> = hook_status(context, pause.id, pause.hook)
      return status ~= "AWAITING_ACTION" and { hook = pause.hook, status = status or "gone" }
    end,
    act = function()
      local ecs <const> = context.ecs
      local _, err <const> = try(ecs.ContinueServiceDeployment, ecs,
        { serviceDeploymentArn = pause.id, hookId = pause.hook, action = action }, { idempotent = true })
      -- A repeated word meets a hook that does not wait any more.
      if err and hook_status(context, pause.id, pause.hook) == "AWAITING_ACTION" then error(err, 0) end
      return { hook = pause.hook, status = action }
    end,
  })
end

-- Where the new version can be tried while a deployment stands at a hook: at its test traffic, or in public already.
local function address_of(context, pause)
  local environment <const>, place <const> = context.environment, PLACE[pause.stage or ""] or 0
  if place >= PLACE.POST_PRODUCTION_TRAFFIC_SHIFT then return environment.site end
  if place >= PLACE.POST_TEST_TRAFFIC_SHIFT then return environment.test_site end
end

local function try_there(context, address, image)
  local release <const>, environment <const> = context.release, context.environment
  if environment.version and image.sha then
    release.run:wait {
      name = "Test traffic",
      timeout = context.timeouts.site,
      every = 5,
      check = function()
        local told <const> = sites.version(release, environment, address)
        return told and git.is_abbreviation(told, image.sha) and { version = told },
          ("%s answers with version %s"):format(address, told or "none")
      end,
    }
  end
  smoke.before_traffic(release, environment, address)
end

-- Somebody may answer in AWS's console instead.
local function console_channel(context, pause)
  local channel = { name = "AWS console", every = 15 }
  function channel.ask(_, request)
    request.say(("or continue deployment %s in the console"):format(contexts.short_id(pause.id)))
  end
  function channel.answer()
    local status <const> = hook_status(context, pause.id, pause.hook)
    if status == "SUCCEEDED" or status == "IN_PROGRESS" then return { decision = "approved", by = "the console" } end
    if status ~= "AWAITING_ACTION" then
      return { decision = "refused", by = "ECS", why = "the hook is " .. (status or "gone") }
    end
  end
  return channel
end

local function ask(context, pause, image)
  context.run:gate {
    name = "Continue",
    question = ("%s in %s is paused (%s) and brings %s; go on?"):format(context.service.service,
      context.environment.name, words(pause.stage or "no stage"), image.tag),
    evidence = { deployment = pause.id, hook = pause.hook, image = image.digest },
    via = { "terminal", console_channel(context, pause) },
    timeout = math.max(60, (pause.expires or math.huge) < math.huge and pause.expires - clock.now()
      or context.timeouts.approval),
  }
end

local function at_hook(context, pause, image)
  local address <const> = address_of(context, pause)
  local _, err <const> = try(function()
    if address then try_there(context, address, image) else ask(context, pause, image) end
  end)
  if not err then return answer(context, pause, "CONTINUE") end
  if err.retryable then error(err, 0) end -- nothing was found out about the version
  answer(context, pause, "ROLLBACK")
  if err:is "gate" then error(err, 0) end
  base.raise(context, { serviceDeploymentArn = pause.id, status = "ROLLBACK_REQUESTED" }, "rolled_back",
    ("the new version was tried before it had all traffic, and turned back: %s"):format(err))
end

---@async
---@param context live.Context
---@param arn string
---@param image live.Image
function M.follow(context, arn, image)
  base.tell(context, arn)
  local answered = {}
  while true do
    local now <const> = wait(context, arn, image, answered)
    if now.successor then return M.follow(context, now.successor, image) end
    if not now.hook then return end
    answered[now.hook] = true
    at_hook(context, now, image)
  end
end

return M
