--- What an application needs in order to be released, by its settings: what `fairlead doctor` then looks at. Nothing is
--- asked of anybody here.
local procedure = require "fairlead.procedure"

local M = {}

local function in_order(settings)
  local list = {}
  for _, environment in pairs(settings.environments) do list[#list + 1] = environment end
  table.sort(list, function(a, b) return a.order < b.order end)
  return list
end

local DEFAULT_VIA <const> = { "slack", "terminal" }

local function asks_by(environment, way)
  for _, one in ipairs(environment.approval and (environment.approval.via or DEFAULT_VIA) or {}) do
    if one == way then return true end
  end
  return false
end

-- The values of a set, sorted.
local function sorted(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

-- ---- GitHub ----

local function of_github(settings)
  local workflows, environments, teams = {}, {}, {}
  for _, file in pairs(settings.workflows or {}) do workflows[file] = true end
  local owner <const> = settings.repository:match "^[^/]+"
  for _, environment in ipairs(in_order(settings)) do
    -- The job of the push's run waits for the review of GitHub's environment with the same name.
    if asks_by(environment, "github") and environment.arrives == "push" then
      environments[#environments + 1] = environment.name
    end
    local by <const> = (environment.approval or {}).by or {}
    for _, team in ipairs(by.github_teams or {}) do
      teams[team:find("/", 1, true) and team or owner .. "/" .. team] = true
    end
  end
  return {
    repository = settings.repository, branch = settings.main, workflows = sorted(workflows),
    environments = environments, teams = sorted(teams),
    writes = { "actions", "contents", "deployments", "issues", "pull_requests" },
  }
end

-- ---- Slack ----

local function of_slack(settings)
  if not settings.channel then return nil end
  local scopes = { ["chat:write"] = true, ["channels:read"] = true, ["channels:history"] = true }
  local channels, groups, people = { [settings.channel] = true }, {}, {}
  for _, name in ipairs { "infrastructure_channel", "deployments_channel" } do
    if settings[name] then channels[settings[name]] = true end
  end
  for _, environment in ipairs(in_order(settings)) do
    local by <const> = (environment.approval or {}).by or {}
    if asks_by(environment, "slack") then
      scopes["reactions:read"], scopes["users:read"] = true, true
      for _, group in ipairs(by.slack_groups or {}) do
        groups[group], scopes["usergroups:read"] = true, true
      end
    end
  end
  for login, id in pairs(settings.people or {}) do
    if login:find("/", 1, true) then -- a team of GitHub's, which is a group of Slack's
      groups[id], scopes["usergroups:read"] = true, true
    else
      people[login] = id
    end
  end
  return { scopes = sorted(scopes), channels = sorted(channels), groups = sorted(groups), people = people }
end

-- ---- AWS ----

local BY <const> = { codedeploy = "CODE_DEPLOY", rolling = "ECS", blue_green = "ECS" }

local function arn(environment, service, rest)
  return ("arn:aws:%s:%s:{account}:%s"):format(service, environment.region, rest)
end

local function add_service(found, environment, service)
  local function place(one) table.insert(found.places, one) end
  local function write(action, resource) table.insert(found.writes, { action = action, resource = resource }) end
  place { kind = "service", cluster = service.cluster, service = service.service, by = BY[service.deploys] }
  place { kind = "repository", name = service.image }
  if service.deploys == "codedeploy" then
    place { kind = "deployment_group", application = service.application, group = service.group,
      cluster = service.cluster, service = service.service }
    write("codedeploy:CreateDeployment", arn(environment, "codedeploy",
      ("deploymentgroup:%s/%s"):format(service.application, service.group)))
    write("codedeploy:StopDeployment", "*")
  else
    write("ecs:UpdateService", arn(environment, "ecs", ("service/%s/%s"):format(service.cluster, service.service)))
  end
end

local function add_queues(found, environment, test)
  table.insert(found.places, { kind = "queue", name = test.queue })
  table.insert(found.places, { kind = "queue", name = test.result.queue })
  table.insert(found.writes, { action = "sqs:SendMessage", resource = arn(environment, "sqs", test.queue) })
  for _, action in ipairs { "sqs:ReceiveMessage", "sqs:DeleteMessage" } do
    table.insert(found.writes, { action = action, resource = arn(environment, "sqs", test.result.queue) })
  end
end

local function add_pipeline(found, environment, pipeline)
  local approval <const> = pipeline.approval
  table.insert(found.places, {
    kind = "pipeline", name = pipeline.name, stages = { pipeline.stage, approval and approval.stage },
  })
  if not approval then return end
  table.insert(found.writes, { action = "codepipeline:PutApprovalResult", resource = arn(environment, "codepipeline",
    ("%s/%s/%s"):format(pipeline.name, approval.stage, approval.action)) })
end

local function of_aws(environment)
  local found <const> = {
    environment = environment.name, profile = environment.profile, region = environment.region,
    places = {}, writes = {},
  }
  for _, service in ipairs(environment.services) do add_service(found, environment, service) end
  for _, test in ipairs(environment.smoke_test or {}) do
    if test.queue then add_queues(found, environment, test) end
  end
  if environment.pipeline then add_pipeline(found, environment, environment.pipeline) end
  return found
end

-- ---- all ----

local function of_site(environment, sites)
  local url = environment.site .. (environment.version and environment.version.path or "")
  if sites then url = sites:gsub("{host}", (url:gsub("^https?://", ""):gsub("%%", "%%%%"))) end
  return { environment = environment.name, url = url, field = environment.version and environment.version.field }
end

---What the settings of an application need.
---@param settings release.Settings
---@param sites string? a URL with {host} in it, where the sites are not in public
---@return doctor.Needs
function M.needs(settings, sites)
  local needs <const> = { github = of_github(settings), slack = of_slack(settings), aws = {}, sites = {} }
  for i, environment in ipairs(in_order(settings)) do
    needs.aws[i] = of_aws(environment)
    if environment.site then table.insert(needs.sites, of_site(environment, sites)) end
  end
  return needs
end

---@param settings release.Settings
---@return procedure.Procedure
function M.procedure(settings)
  return procedure.new {
    name = settings.key .. " doctor",
    summary = ("what a release of %s needs: for `fairlead doctor`"):format(settings.name),
    parameters = {
      sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" },
    },
    run = function(_, parameters) return M.needs(settings, parameters.sites) end,
  }
end

return M
