--- What runs in an environment now, and of which commit it is: told by the digest that the tasks run and by the tags of
--- that digest, not by what was meant to run.
local contexts = require "release.live.context"
local images = require "release.live.image"
local sites = require "release.live.site"
local tasks = require "release.live.tasks"

local M = {}

---@class live.Service what a service runs now
---@field name string
---@field deployment string? id of the deployment that brought it
---@field definition string? ARN of the task definition
---@field digest string? what most of its tasks run
---@field tags string[]? of the digest; nothing: the image is gone
---@field commit string? in full, as the tags say
---@field running integer tasks that run it
---@field other integer tasks that run something else
---@field pending integer tasks that do not run yet
---@field desired integer

---@class live.Now
---@field commit string? in full; nothing where the services differ, or no tag tells
---@field services live.Service[]
---@field site_version string? what the site says that it is
---@field site_error string? why the site does not say it

local function service_now(context)
  local state <const> = context.strategy.state(context)
  local count = { running = 0, other = 0, pending = 0 }
  if state.started_by then count = tasks.count(context, state.started_by) end
  local tags <const> = count.digest and images.tags(context, count.digest)
  local commit <const> = images.commit_of_tags(context, tags)
  return {
    name = context.name, deployment = state.deployment, definition = state.definition, digest = count.digest,
    tags = tags, commit = commit and commit.sha, running = count.running, other = count.other,
    pending = count.pending, desired = state.desired,
  }
end

---What runs in an environment now. Looks once.
---@async
---@param release Release
---@param environment table of settings.lua
---@return live.Now
function M.now(release, environment)
  local now = { services = {} }
  for i, context in ipairs(contexts.all(release, environment)) do
    local service <const> = service_now(context)
    now.services[i] = service
    if i == 1 then
      now.commit = service.commit
    elseif now.commit ~= service.commit then
      now.commit = nil
    end
  end
  if environment.site and environment.version then
    local version <const>, err <const> = try(sites.version, release, environment)
    now.site_version, now.site_error = version, err and tostring(err) or nil
  end
  return now
end

return M
