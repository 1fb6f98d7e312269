--- What is needed to look at one service of an environment: its settings, the clients of its account, and the strategy
--- by which new versions come to it.
local aws = require "fairlead.aws"
local errors = require "fairlead.errors"

local M = {}

---@class live.Context
---@field run procedure.Run
---@field release Release
---@field environment table of settings.lua
---@field service table of settings.lua: one of the environment's services
---@field name string what the service is called, "web" for one
---@field several boolean the environment has more services than this one
---@field timeouts table<string, number> seconds
---@field ecs fairlead.aws.Client
---@field ecr fairlead.aws.Client
---@field codedeploy fairlead.aws.Client
---@field strategy live.Strategy
---@field following {id: string, image: live.Image}? the deployment that is followed, once it is known

---@class live.Image
---@field digest string
---@field digests table<string, boolean> the same and, of an image for several platforms, each platform's own
---@field tag string
---@field pushed_at number unix seconds
---@field sha string? the commit that it is of, in full; nothing: it is not known

---@class live.State what takes a service's traffic now
---@field deployment string? id of the deployment that brought it
---@field definition string? ARN of its task definition
---@field started_by string? what its tasks say that they were started by
---@field desired integer tasks that there should be

---@class live.Target what a service is to go back to; a row of what live.follow gave for the release that was live
---@field definition string ARN of its task definition
---@field digest string of its image

---How new versions come to a service. A deployment is known by its id from the moment that it is found.
---@class live.Strategy
---@field find fun(context: live.Context, image: live.Image, since: number): string?, string? the deployment that
--- brings an image and began after `since` (unix seconds), or a note on what is there instead; looks once
---@field follow fun(context: live.Context, id: string, image: live.Image) waits for its end; raises deployment.* when
--- it does not come through
---@field ended fun(context: live.Context, id: string): boolean?, string whether a deployment came through: true, false,
--- nil while it is under way; and a line that says so
---@field failed_at fun(context: live.Context, id: string): number? unix seconds: when a deployment failed, if it did
---@field verdict fun(context: live.Context, id: string, image: live.Image) raises why a deployment did not come
--- through, as `follow` does; nothing: it did, or is under way
---@field state fun(context: live.Context): live.State
---@field under_way fun(context: live.Context): string? id of the deployment that is under way, whoever began it
---@field stop fun(context: live.Context, id: string, options: {rollback: boolean?}): string "stopped", or "over" when
--- it had ended already; a write
---@field back fun(context: live.Context, target: live.Target): string id of the deployment that brings an earlier
--- version back; a write, for a step's `act`
---@field past fun(context: live.Context): fun(): live.Target? what served before, by what AWS remembers, the newest
--- first
---@field found fun(context: live.Context, target: live.Target, since: number): string? id of the deployment that `back`
--- has begun, for that step's `already`; since: unix seconds

---The clients of an environment's account and region; one each for a release.
---@param release Release
---@param environment table of settings.lua
---@return table<string, fairlead.aws.Client> clients by service: ecr, ecs, codedeploy, codepipeline, sqs
function M.clients(release, environment)
  release.clients = release.clients or {}
  local known = release.clients[environment.name]
  if known then return known end
  local session <const> = aws.session { profile = environment.profile, region = environment.region }
  known = {}
  for _, service in ipairs { "ecr", "ecs", "codedeploy", "codepipeline", "sqs" } do
    known[service] = session:client(service)
  end
  release.clients[environment.name] = known
  return known
end

local function strategy_of(environment, service)
  local known <const> = { codedeploy = true, rolling = true, blue_green = true }
  if known[service.deploys] then return require("release.live." .. service.deploys) end
  errors.raise {
    kind = "config.invalid", op = "settings", target = ("%s, service %s"):format(environment.name, service.name),
    message = ("deploys = %q is no way to deploy"):format(tostring(service.deploys)),
    hint = "write codedeploy, rolling or blue_green",
  }
end

---One context for each service of an environment, in the order of the settings.
---@param release Release
---@param environment table of settings.lua
---@return live.Context[]
function M.all(release, environment)
  local clients <const>, list = M.clients(release, environment), {}
  for i, service in ipairs(environment.services) do
    list[i] = {
      run = release.run, release = release, environment = environment, service = service, name = service.name,
      several = #environment.services > 1, timeouts = release.settings.timeouts,
      ecs = clients.ecs, ecr = clients.ecr, codedeploy = clients.codedeploy,
      strategy = strategy_of(environment, service),
    }
  end
  return list
end

---The first characters of a commit id, for people.
---@param sha string
---@return string
function M.short(sha) return sha:sub(1, 8) end

---The first characters of an image's digest, for people: "sha256:0123456789ab".
---@param digest string
---@return string
function M.short_digest(digest) return digest:sub(1, 19) end

---A service as ECS describes it.
---@async
---@param context live.Context
---@return table
---errors: kind "aws.api.not_found"
function M.describe(context)
  local service <const> = context.service
  local described <const> = context.ecs:DescribeServices { cluster = service.cluster, services = { service.service } }
  if described.services[1] then return described.services[1] end
  errors.raise {
    kind = "aws.api.not_found", op = "ecs.DescribeServices", target = service.service,
    message = "there is no such service in " .. service.cluster, hint = "correct it in settings.lua",
  }
end

---The last part of an ARN, or the id that was given: how people tell a deployment.
---@param id string
---@return string
function M.short_id(id) return id:match "[^/]+$" end

return M
