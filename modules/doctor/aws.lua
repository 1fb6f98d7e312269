--- AWS: which credentials, as whom, and whether the places that applications name are there and may be read. Each is
--- read with the operation that a release uses, and nothing else.
---
--- Sources: API references of Amazon ECS (DescribeServices: failures), Amazon ECR (BatchGetImage: failures), AWS
--- CodeDeploy (GetDeploymentGroup), Amazon SQS (GetQueueUrl), AWS CodePipeline (GetPipelineState), AWS STS
--- (GetCallerIdentity: "No permissions are required").
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local list = require "fairlead.doctor.list"
local simulation = require "fairlead.doctor.simulation"

local M = {}

local CALL <const> = { timeout = 9, request_timeout = 9 } -- seconds

---@class doctor.Place what there has to be in an account and region
---@field kind "service"|"repository"|"deployment_group"|"queue"|"pipeline"
---@field name? string of a repository, queue or pipeline
---@field cluster? string of a service
---@field service? string of a service
---@field by? "CODE_DEPLOY"|"ECS" what has to deploy a service
---@field application? string of a deployment group
---@field group? string of a deployment group
---@field stages? string[] of a pipeline

---@class doctor.AWS what an application's environment needs of AWS
---@field environment string
---@field profile? string
---@field region string
---@field places doctor.Place[]
---@field writes {action: string, resource: string}[] what is written; in a resource {account} stands for the account

-- ---- places ----

local DEPLOYERS <const> = { CODE_DEPLOY = "CodeDeploy", ECS = "ECS itself", EXTERNAL = "something else" }

local function deployer(name) return DEPLOYERS[name] or tostring(name) end

local looks = {}

function looks.service(client, place)
  local answer <const> = client:DescribeServices { cluster = place.cluster, services = { place.service } }
  local found <const> = (answer.services or {})[1]
  if not found or found.status == "INACTIVE" then
    return list.bad(("there is no such service in the cluster %s"):format(place.cluster), "correct the settings")
  end
  local by <const> = (found.deploymentController or {}).type or "ECS"
  if place.by and by ~= place.by then
    return list.bad(("is deployed by %s, and the settings say %s"):format(deployer(by), deployer(place.by)),
      "correct the settings: `deploys` of the service")
  end
  return list.ok(("%d of %d tasks run, deployed by %s"):format(found.runningCount or 0, found.desiredCount or 0,
    deployer(by)))
end

-- An image that nobody has: what is asked is whether one might ask.
function looks.repository(client, place)
  client:BatchGetImage { repositoryName = place.name, imageIds = { { imageTag = "fairlead-doctor" } } }
  return list.ok "images may be read"
end

function looks.deployment_group(client, place)
  local wanted <const> = { applicationName = place.application, deploymentGroupName = place.group }
  local answer, err = try(client.GetDeploymentGroup, client, wanted)
  if err then
    if not err:is "aws.api.not_authorised" then error(err, 0) end
    client:ListDeployments(wanted) -- this is needed; how the group is set up is not
    return list.ok "deployments may be read"
  end
  local target <const> = ((answer.deploymentGroupInfo or {}).ecsServices or {})[1]
  if target and place.service and (target.serviceName ~= place.service or target.clusterName ~= place.cluster) then
    return list.bad(("deploys %s in the cluster %s"):format(target.serviceName, target.clusterName),
      "correct the settings: `group` of the service")
  end
  client:ListDeployments(wanted)
  return list.ok(target and "deploys " .. target.serviceName or "deployments may be read")
end

function looks.queue(client, place)
  client:GetQueueUrl { QueueName = place.name }
  return list.ok "is there"
end

function looks.pipeline(client, place)
  local states <const> = client:GetPipelineState({ name = place.name }).stageStates or {}
  local known, names = {}, {}
  for i, stage in ipairs(states) do known[stage.stageName], names[i] = true, stage.stageName end
  for _, name in ipairs(place.stages or {}) do
    if not known[name] then
      return list.bad(("has no stage %s"):format(name), "it has: " .. table.concat(names, ", "))
    end
  end
  return list.ok(("%d stages"):format(#states))
end

local SERVICES <const> = { service = "ecs", repository = "ecr", deployment_group = "codedeploy", queue = "sqs",
  pipeline = "codepipeline" }
local TITLES <const> = { service = "service", repository = "images", deployment_group = "group", queue = "queue",
  pipeline = "pipeline" }

local function title_of(place)
  return ("%s %s"):format(TITLES[place.kind], place.kind == "service" and place.service or place.group or place.name)
end

-- ---- credentials ----

local function duration(seconds)
  if seconds < 5400 then return ("%d min"):format(seconds // 60) end
  return ("%d h"):format(seconds // 3600)
end

local function credentials(session, hide)
  local found <const> = session:credentials()
  for _, name in ipairs { "access_key_id", "secret_access_key", "session_token" } do hide:add(found[name]) end
  local left <const> = found.expires_at and found.expires_at - clock.now()
  local source <const> = found.source == "environment" and "AWS_ACCESS_KEY_ID" or found.source
  return list.ok(("from %s%s"):format(source, left and ", for another " .. duration(math.floor(left)) or ""),
    { value = session })
end

local function who(session)
  local found, err = try(function() return session:client("sts", CALL):GetCallerIdentity {} end)
  if found then return list.ok(tostring(found.Arn), { value = { arn = found.Arn, account = found.Account } }) end
  local finding <const> = list.failed(err)
  -- Not told is no reason to look at nothing else.
  if finding.state == "unknown" then finding.value = {} end
  return finding
end

-- One session for all environments with the same credentials and region.
local function session_of(self, profile, region, application)
  local where <const> = "AWS" .. (profile and " " .. profile or "") .. (region and " " .. region or "")
  local known = self.sessions[where]
  if not known then
    known = { session = aws.session { profile = profile, region = region } }
    self.sessions[where] = known
  end
  local session <const>, for_it <const> = known.session, { application = application }
  known.credentials = self.checks:add(where, "credentials", for_it, function()
    return credentials(session, self.hide)
  end)
  local sts <const> = try(function() return session:client("sts", CALL).endpoint end)
  local needs <const> = { known.credentials, sts and self.hosts.need(sts, application) }
  -- STS may be out of reach where other services are not.
  local options <const> = { needs = needs, otherwise = {}, application = application }
  known.identity = self.checks:add(where, "identity", options, function() return who(session) end)
  return known
end

local function add_environment(self, one)
  local place <const>, application <const> = one.place, one.application
  local known <const> = session_of(self, place.profile, place.region, application)
  local where <const> = ("AWS %s %s"):format(application, place.environment)
  for _, thing in ipairs(place.places) do
    -- What is wrong with the configuration is this check's finding, too, not its end.
    local client <const>, err = try(known.session.client, known.session, SERVICES[thing.kind], CALL)
    local needs <const> = { known.credentials, known.identity }
    needs[3] = client and self.hosts.need(client.endpoint, application)
    self.checks:add(where, title_of(thing), { needs = needs, application = application }, function()
      if not client then return list.failed(err) end
      return looks[thing.kind](client, thing)
    end)
  end
  if #place.writes == 0 then return end
  local needs <const> = { known.credentials, known.identity }
  self.checks:add(where, "writing", { needs = needs, application = application }, function(session, identity)
    return simulation.look(session, identity, place)
  end)
end

---Adds what there is to look at.
---@param checks doctor.List
---@param hosts table of doctor/hosts.lua
---@param hide doctor.Hider learns the credentials
---@param wanted {application: string, place: doctor.AWS}[] none: only the default credentials, if there are some
---@param bare boolean there is no application at all
function M.add(checks, hosts, hide, wanted, bare)
  local self <const> = { checks = checks, hosts = hosts, hide = hide, sessions = {} }
  for _, one in ipairs(wanted) do add_environment(self, one) end
  if not bare then return end
  local session <const> = aws.session {}
  local found <const> = checks:add("AWS", "credentials", {}, function()
    local finding, err = try(credentials, session, hide)
    if finding then return finding end
    local failed <const> = list.failed(err)
    if err.kind == "aws.no_credentials" then failed.state = "unknown" end -- nothing here needs them
    return failed
  end)
  local sts <const> = try(function() return session:client("sts", CALL).endpoint end)
  checks:add("AWS", "identity", { needs = { found, sts and hosts.need(sts) } }, function()
    session:region()
    return who(session)
  end)
end

return M
