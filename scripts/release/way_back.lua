--- Where a rollback would go, and whether it could: the last release that was live and healthy, its images, its task
--- definitions and their secrets. The same is asked before each promotion, so that nobody goes on without a way back.
---
--- Sources: Amazon ECS Developer Guide, "Pass Secrets Manager secrets through environment variables" (valueFrom),
--- "Deregister a task definition revision" (INACTIVE revisions cannot be deployed).
local aws = require "fairlead.aws"
local context = require "release.live.context"
local errors = require "fairlead.errors"
local images = require "release.live.image"
local live = require "release.live"

---@class Release
local Release = {}

local short <const> = context.short

local REMEMBERED <const> = 20 -- of each service's earlier deployments that are looked through

---@class Release.Target
---@field commit string? nil: it is not known of which commit it is
---@field proven boolean a release was proven live with it and passed its smoke test
---@field at string? ISO 8601: when it was recorded
---@field services live.Target[] with name=

-- ---- which ----

-- What runs now, where no record tells of anything better.
local function of_now(self, environment)
  local now <const> = live.now(self, environment)
  local services = {}
  for i, service in ipairs(now.services) do
    if not service.digest or not service.definition then return nil end
    services[i] = { name = service.name, digest = service.digest, definition = service.definition }
  end
  return { commit = now.commit, proven = false, services = services }
end

-- What AWS remembers of a service's earlier deployments, the newest first: those of a commit that may be gone back to.
local function past_of(one, but_not)
  local next_past <const> = one.strategy.past(one)
  return function()
    for past in next_past do
      local told <const> = images.commit_of_tags(one, images.tags(one, past.digest))
      if told and not but_not[told.sha] then
        return { name = one.name, digest = past.digest, definition = past.definition, commit = told.sha }
      end
    end
  end
end

-- The newest commit that every service has had: where one of them did not take the last one, they differ now.
local function of_history(self, environment, but_not)
  local found = {} -- by commit: how many services have had it, and what each of them ran then
  local all <const> = context.all(self, environment)
  for i = #all, 1, -1 do
    local read = 0
    for past in past_of(all[i], but_not) do
      local one <const> = found[past.commit] or { count = 0, services = {} }
      found[past.commit] = one
      if not one.services[i] then
        one.count = one.count + 1
        one.services[i] = { name = past.name, digest = past.digest, definition = past.definition }
      end
      if one.count == #all then return { commit = past.commit, proven = false, services = one.services } end
      read = read + 1
      if read == REMEMBERED then break end
    end
  end
end

-- ---- whether ----

local function image_problem(one, service)
  local found <const> = one.ecr:BatchGetImage(images.repository(one, {
    imageIds = { { imageDigest = service.digest } },
  }))
  if #found.images > 0 then return nil end
  return ("image %s of %s is gone from %s"):format(context.short_digest(service.digest), one.name, one.service.image)
end

-- The name by which a secret is asked for: without the JSON key, stage and version that may follow in an ARN.
local function secret_name(from)
  local arn <const> = from:match "^(arn:[^:]*:secretsmanager:[^:]*:[^:]*:secret:[^:]+)"
  if arn then return "secretsmanager", arn end
  return "ssm", from:match "^arn:[^:]*:ssm:[^:]*:[^:]*:parameter(/?.+)$" or from
end

local ASK <const> = {
  secretsmanager = function(client, name) client:DescribeSecret { SecretId = name } end,
  ssm = function(client, name) client:GetParameter { Name = name } end, -- as it is stored: nothing is decrypted
}

local function secret_problem(one, session, from)
  local service <const>, name <const> = secret_name(from)
  local _, err <const> = try(ASK[service], session:client(service), name)
  if not err then return nil end
  if err:is "aws.api.not_found" or err.code == "ParameterNotFound" or err.code == "ResourceNotFoundException" then
    return ("secret %s of %s is gone"):format(name, one.name)
  end
  return nil, ("secret %s of %s could not be looked at: %s"):format(name, one.name, tostring(err))
end

local function definition_problems(one, session, service, problems, unknown)
  local told <const>, err <const> = try(one.ecs.DescribeTaskDefinition, one.ecs,
    { taskDefinition = service.definition })
  local definition <const> = told and told.taskDefinition
  if not definition or definition.status ~= "ACTIVE" then
    if err and not (err:is "aws.api.not_found" or err.code == "ClientException") then error(err, 0) end
    problems[#problems + 1] = ("task definition %s of %s is %s"):format(context.short_id(service.definition), one.name,
      definition and definition.status or "gone")
    return
  end
  local asked = {}
  for _, container in ipairs(definition.containerDefinitions) do
    for _, secret in ipairs(container.secrets or {}) do
      if not asked[secret.valueFrom] then
        asked[secret.valueFrom] = true
        local problem <const>, doubt <const> = secret_problem(one, session, secret.valueFrom)
        problems[#problems + 1] = problem
        unknown[#unknown + 1] = doubt
      end
    end
  end
end

---What stands in the way of going back to a target. Reads only.
---@async
---@param environment table of settings.lua
---@param target Release.Target
---@return string[] problems none: the way is open
---@return string[] unknown what could not be looked at
function Release:obstacles(environment, target)
  local problems, unknown, by_name = {}, {}, {}
  for _, service in ipairs(target.services) do by_name[service.name] = service end
  local session <const> = aws.session { profile = environment.profile, region = environment.region }
  for _, one in ipairs(context.all(self, environment)) do
    local service <const> = by_name[one.name]
    if not service then
      problems[#problems + 1] = ("nothing is known of %s as it was then"):format(one.name)
    else
      problems[#problems + 1] = image_problem(one, service)
      definition_problems(one, session, service, problems, unknown)
    end
  end
  return problems, unknown
end

---Where a rollback of an environment would go.
---@async
---@param environment string
---@param leaving string? the commit that is, or will be, live there
---@param options? {now: boolean?} now: what runs now will do where nothing is recorded: it is to be replaced
---@return Release.Target?
function Release:way_back(environment, leaving, options)
  local place <const> = self.settings.environments[environment]
  local record, bad = try(self.last_healthy, self, environment, leaving or "")
  if record then
    return { commit = record.commit, proven = true, at = record.at, services = record.services }
  elseif errors.is_error(bad) then -- the records are not to be read
    if not (bad:is "github.api.not_authorised" or bad:is "github.api.not_found") then error(bad, 0) end
    bad = {}
  end
  if options and options.now then
    local now <const> = of_now(self, place)
    if not (now and now.commit and now.commit == leaving) then return now end -- else it has come already, by itself
  end
  if leaving then bad[leaving] = true end
  return of_history(self, place, bad)
end

local function describe(target) return target.commit and short(target.commit) or "what ran before" end

local function look(self, environment, sha)
  local place <const> = self.settings.environments[environment]
  local target <const> = self:way_back(environment, sha, { now = true })
  local problems, unknown = { "nothing is known of what was live before" }, {}
  if target then problems, unknown = self:obstacles(place, target) end
  for _, doubt in ipairs(unknown) do self.run:warn(doubt) end
  if #problems == 0 then return { target = target } end
  local text <const> = ("%s has no way back: %s"):format(environment, table.concat(problems, "; "))
  if not place.without_way_back then
    self.run:refuse("no-way-back", text,
      ("put back what is gone, or set without_way_back of %s in the settings"):format(environment))
  end
  self.run:warn(text)
  return {}
end

---Before a promotion: there is a release to go back to, and everything that this takes. The run is refused otherwise,
---unless the environment's settings say that it may go on (`without_way_back = true`).
---@async
---@param environment string
---@param sha string the commit that will be live
---@return Release.Target?
function Release:need_way_back(environment, sha)
  local target <const> = self.run:step("Way back", {
    intent = { environment = environment, leaving = sha },
    reads = true, -- once the new version is there, nobody can see any more what was before it
    act = function() return look(self, environment, sha) end,
  }).target
  self.ways_back = self.ways_back or {}
  if target and not self.ways_back[environment] then
    self.ways_back[environment] = target
    self.run:fact(("way back in %s: %s%s"):format(environment, describe(target),
      target.proven and "" or ", which no release has proven"))
  end
  return target
end

return Release
