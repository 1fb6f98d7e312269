--- What a failure is about: from the error, and the part of the plan in which it was raised, to the environment, the
--- services, the deployment, the build or the checks that can tell why.
local aws = require "fairlead.aws"
local contexts = require "release.live.context"

local M = {}

---@class why.Subject
---@field release Release
---@field err Error
---@field path string the part of the run that failed
---@field since number unix seconds: when that part of the plan began
---@field environment table? of settings.lua
---@field services live.Context[] those that it is about; all of the environment where that cannot be told
---@field deployment string? id
---@field build integer? id of a workflow run
---@field checks table? as github:checks gives them, of a commit whose tests failed
---@field private session table?
local Subject = {}
Subject.__index = Subject

-- Environments are parts of the plan by their names, "Staging", or what the run was told to act in.
local function environment_of(release, err, path)
  if err.environment then return release.settings.environments[err.environment] end
  local part <const> = (path:match "^[^/]+" or ""):lower()
  for name, environment in pairs(release.settings.environments) do
    if name:lower() == part then return environment end
  end
  return release.settings.environments[release.run.parameters.environment or ""]
end

-- The services that the error names, in its target ("d-ABC of staging-web") or the path ("Staging/web/Deployment").
local function services_of(release, environment, err, path)
  local all <const>, named = contexts.all(release, environment), {}
  local target <const> = tostring(err.target or ""):match " of (.+)$"
  for _, context in ipairs(all) do
    local service <const> = context.service
    if err.service == service.name or target == service.service or target == service.application
      or (not target and context.several and ("/" .. path .. "/"):find("/" .. service.name .. "/", 1, true)) then
      named[#named + 1] = context
    end
  end
  return #named > 0 and named or all
end

---@param release Release
---@param err Error
---@param path string? the part of the run that failed
---@param since number unix seconds
---@return why.Subject
function M.of(release, err, path, since)
  local self = setmetatable({ release = release, err = err, path = path or "", since = since, services = {} }, Subject)
  self.environment = environment_of(release, err, self.path)
  if self.environment then self.services = services_of(release, self.environment, err, self.path) end
  if err:is "deployment" then
    self.deployment = err.deployment or tostring(err.target or ""):match "^(%S+) of "
  end
  if err:is "github.run_failed" then
    self.build = math.tointeger(err.build) or math.tointeger(tostring(err.target):match "/actions/runs/(%d+)")
  end
  if err.reason == "tests-failed" then self.checks = release.failed_checks end
  return self
end

---A client of the environment's account; `region` where it is another one than the environment's.
---@param service string
---@param region string?
---@return fairlead.aws.Client
function Subject:client(service, region)
  if region and region ~= self.environment.region then
    return aws.session({ profile = self.environment.profile, region = region }):client(service)
  end
  self.session = self.session or aws.session { profile = self.environment.profile, region = self.environment.region }
  return self.session:client(service)
end

return M
