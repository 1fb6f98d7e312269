--- Did my change win? From a commit to what the public sees, link by link: build → image digest → task definition →
--- deployment, by its own id → digest of the running tasks → the site's answer. True only if all hold.
---
--- Nothing here asks for "the newest deployment" or whether a service is "stable": both look well after a rollback.
--- How a version comes to a service is a strategy's business: live/codedeploy.lua, live/rolling.lua,
--- live/blue_green.lua.
local builds = require "release.live.build"
local cancel = require "release.cancel"
local clock = require "fairlead.clock"
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local images = require "release.live.image"
local running = require "release.live.now"
local sites = require "release.live.site"
local smoke = require "release.live.smoke"
local tasks = require "release.live.tasks"

local M = {}

local short <const>, short_digest <const> = contexts.short, contexts.short_digest

M.contexts = contexts.all
M.now = running.now
M.prove = require("release.live.prove").prove

-- ---- one service ----

-- `check` raises where what was to bring the image, or to begin the deployment, has failed.
local function image_of(context, sha, check)
  return context.run:wait {
    name = "Image",
    timeout = context.timeouts.image,
    every = 10,
    pretend = function()
      local digest <const> = ("‹digest of %s›"):format(context.service.image)
      return { tag = short(sha), digest = digest, digests = { [digest] = true }, pushed_at = clock.now() }
    end,
    check = function()
      local image <const> = images.find(context, sha)
      if not image and check then check() end
      return image, not image and ("no image of %s in %s"):format(short(sha), context.service.image) or nil
    end,
  }
end

-- Where something newer is live, AWS may never deploy what came late.
local function deployment_of(context, image, sha, since, check)
  return context.run:wait {
    name = "Start of the deployment",
    timeout = context.timeouts.image,
    every = 10,
    pretend = ("‹deployment of %s›"):format(context.service.service),
    check = function()
      local id <const>, note <const> = context.strategy.find(context, image, since)
      if not id then
        context.release:refuse_older(context.environment.name, sha, { again = true })
        if check then check() end
      end
      return id, note
    end,
  }
end

local function raise_superseded(context, id, state, digest)
  local commit <const> = images.commit_of_tags(context, images.tags(context, digest))
  local err <const> = errors.new {
    kind = "deployment.superseded", op = "deployment",
    target = ("%s of %s"):format(contexts.short_id(id), context.service.service),
    message = ("%s now runs what deployment %s brought: %s"):format(context.service.service,
      contexts.short_id(tostring(state.deployment)), images.describe(context, digest)),
    hint = "find out who deployed, then start again",
  }
  err.by = commit and commit.sha -- who asks may find that it is newer, and all is well
  error(err, 0)
end

-- What serves may have come by another deployment than ours and be the same image; then ours has won all the same.
local function tasks_run(context, id, image)
  return context.run:wait {
    name = "Running tasks",
    timeout = context.timeouts.tasks,
    every = 10,
    pretend = function()
      return { tasks = context.strategy.state(context).desired, definition = "‹task definition›", deployment = id }
    end,
    check = function()
      local state <const> = context.strategy.state(context)
      if not state.started_by then return nil, context.service.service .. " has nothing that takes its traffic" end
      local count <const> = tasks.count(context, state.started_by, image.digests)
      if state.deployment ~= id and count.digest and not image.digests[count.digest] then
        raise_superseded(context, id, state, count.digest)
      end
      local note <const> = ("%d of %d tasks run %s"):format(count.running, state.desired, short_digest(image.digest))
      local all <const> = count.running >= state.desired and count.other == 0 and count.running > 0
      return all and { tasks = count.running, definition = state.definition, deployment = state.deployment }, note
    end,
  }
end

local function follow_deployment(context, id, image)
  local cancelled <close> = cancel.guard(context, id) -- luacheck: ignore cancelled
  if image.sha then context.release:tell_replaced(context.environment.name, image.sha) end
  context.strategy.follow(context, id, image)
end

local function come(context, id, image)
  context.following = { id = id, image = image }
  follow_deployment(context, id, image)
  local found <const> = tasks_run(context, id, image)
  return {
    name = context.name, tag = image.tag, digest = image.digest, definition = found.definition,
    deployment = found.deployment, tasks = found.tasks,
  }
end

local function await_start(context, image, sha, since, check)
  local cancelled <close> = cancel.guard_start(context, function() -- luacheck: ignore cancelled
    return context.strategy.find(context, image, since)
  end)
  return deployment_of(context, image, sha, since, check)
end

local function follow_service(context, sha, since, check)
  local image <const> = image_of(context, sha, check)
  context.run:fact(("image %s:%s is %s"):format(context.service.image, image.tag, image.digest))
  local id <const> = await_start(context, image, sha, math.max(since or 0, image.pushed_at), check)
  return come(context, id, image)
end

local function image_to_go_back_to(context, id, target, sha)
  local cancelled <close> = cancel.guard(context, id) -- luacheck: ignore cancelled
  return images.of_digest(context, target.digest, sha) or errors.raise {
    kind = "aws.api.not_found", op = "image", target = ("%s@%s"):format(context.service.image, target.digest),
    message = "is gone since the rollback was proposed", hint = "choose another commit to go back to: to=COMMIT",
  }
end

local function bring_back(context, target, sha)
  local id <const> = context.run:step("Go back", {
    intent = { service = context.service.service, definition = target.definition, digest = target.digest },
    already = function(begun) return begun and context.strategy.found(context, target, begun.began) end,
    act = function() return context.strategy.back(context, target) end,
    pretend = ("‹deployment of %s›"):format(context.service.service),
  })
  return come(context, id, image_to_go_back_to(context, id, target, sha))
end

-- ---- all of it ----

-- Where one service fails, the others may have the new version already: whoever puts it right has to know.
local function tell_what_runs(release, environment)
  local now <const> = try(running.now, release, environment)
  for _, service in ipairs(now and now.services or {}) do
    release.run:fact(("%s in %s runs %s%s"):format(service.name, environment.name,
      service.commit and short(service.commit) or "an unknown commit",
      service.digest and (" (%s)"):format(short_digest(service.digest)) or ""))
  end
end

-- Of several that failed, the one that failed first by AWS's own clock: the others may be its consequence. Which of
-- them was looked at first says nothing.
local function first_failure(list, err)
  local first, earliest
  for _, context in ipairs(list) do
    local one <const> = context.following
    local at <const> = one and try(context.strategy.failed_at, context, one.id)
    if at and (not earliest or at < earliest) then first, earliest = context, at end
  end
  if not first then return err end
  local _, verdict <const> = try(first.strategy.verdict, first, first.following.id, first.following.image)
  return verdict or err
end

-- Services come along side by side: one that fails ends the others' wait.
local function each(release, environment, fn)
  local list <const>, branches, services = contexts.all(release, environment), {}, {}
  if #list == 1 then return { fn(list[1]) } end
  for _, context in ipairs(list) do
    branches[context.name] = function() return fn(context) end
  end
  local results <const>, err = try(release.run.parallel, release.run, branches)
  if err then
    if err:is "deployment" then err = first_failure(list, err) end
    if err.kind ~= "dry_run.end" then tell_what_runs(release, environment) end
    error(err, 0)
  end
  for i, context in ipairs(list) do services[i] = results[context.name] end
  return services
end

local function column(services, field, convert)
  local list = {}
  for i, service in ipairs(services) do list[i] = convert(service[field]) end
  return list
end

---@class live.Result
---@field commit string
---@field services {name: string, tag: string, digest: string, definition: string, deployment: string, tasks: integer}[]
---@field digest string of the first service
---@field deployment string of the first service
---@field tasks integer of all services
---@field site string? its address; nothing: the environment has none

-- What is the same however the services got there: the site, the summary, the smoke test.
local function arrive(release, environment, sha, services)
  local digests <const>, count = column(services, "digest", short_digest), 0
  for _, service in ipairs(services) do count = count + service.tasks end
  local site <const> = sha and sites.follow(release, environment, sha, digests)
  release.run:live {
    environment = environment.name, version = sha and short(sha), url = site, tasks = count,
    deployment = table.concat(column(services, "deployment", contexts.short_id), ", "),
    image = table.concat(digests, ", "),
  }
  smoke.run(release, environment, sha)
  return {
    commit = sha, services = services, digest = services[1].digest, deployment = services[1].deployment, tasks = count,
    site = site,
  }
end

---Follows a commit from its build until the site answers with it, then tries what is live.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string the commit, in full
---@param build {id: integer}? its workflow run; nothing: what brought the image here is not to be waited for
---@param check fun()? raises where what was to begin the deployment, as a pipeline, has failed
---@return live.Result
---errors: kinds "github.run_failed", "deployment.rolled_back", ".failed", ".stopped", ".superseded", ".not_ours",
--- "smoke_test.failed", "wait.timeout"
function M.follow(release, environment, sha, build, check)
  local since <const> = build and builds.follow(release, environment, sha, build)
  return arrive(release, environment, sha, each(release, environment, function(context)
    return follow_service(context, sha, since, check)
  end))
end

---Brings an earlier version back, by each service's own way, and follows it until the site answers with it.
---@async
---@param release Release
---@param environment table of settings.lua
---@param target Release.Target
---@return live.Result
---errors: as live.follow
function M.back(release, environment, target)
  local by_name = {}
  for _, service in ipairs(target.services) do by_name[service.name] = service end
  return arrive(release, environment, target.commit, each(release, environment, function(context)
    return bring_back(context, by_name[context.name], target.commit)
  end))
end

---The deployments that are under way in an environment, whoever began them.
---@async
---@param release Release
---@param environment table of settings.lua
---@return {context: live.Context, id: string, text: string}[]
function M.under_way(release, environment)
  local list = {}
  for _, context in ipairs(contexts.all(release, environment)) do
    local id <const> = context.strategy.under_way(context)
    if id then
      local _, text <const> = context.strategy.ended(context, id)
      list[#list + 1] = { context = context, id = id, text = text }
    end
  end
  return list
end

---Whether a deployment brings a commit's image.
---@async
---@param context live.Context
---@param id string of a deployment
---@param sha string
---@return boolean
function M.brings(context, id, sha)
  local image <const> = images.find(context, sha)
  return image ~= nil and context.strategy.find(context, image, image.pushed_at) == id
end

---What takes an environment's traffic now, as a text that changes whenever something else does: for evidence.
---@async
---@param release Release
---@param environment table of settings.lua
---@return string? id of the deployment; of several services, each with its name
function M.current(release, environment)
  local ids = {}
  for i, context in ipairs(contexts.all(release, environment)) do
    local id <const> = context.strategy.state(context).deployment
    ids[i] = context.several and ("%s %s"):format(context.name, contexts.short_id(id or "none")) or id
  end
  return ids[1] and table.concat(ids, ", ")
end

return M
