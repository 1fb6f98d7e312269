--- The world in which the procedures here are rehearsed: what GitHub, AWS and Slack hold before a release begins.
--- Invented, but of the same shape as the real one; who uses other services or names writes another.
local settings = require "settings"

local M = {}

local START <const> = 1772442000 -- 2026-03-02 09:00 UTC, a Monday

local function page(title) return ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n"):format(title, title) end

local function github(application)
  return {
    repository = application.repository,
    default_branch = application.main,
    token = "ghp_rehearsal0000000000000000000000000000",
    user = "adeveloper",
    users = {
      adeveloper = { name = "A Developer", email = "a.developer@example.gov.uk" },
      areviewer = { name = "A Reviewer", email = "a.reviewer@example.gov.uk" },
      anadmin = { name = "An Admin", email = "an.admin@example.gov.uk" },
    },
    teams = { admins = { "anadmin" } },
    files = {
      ["README.md"] = "# " .. application.name .. "\n",
      ["application/pages/index.html"] = page "Planning Data",
      ["application/pages/dataset.html"] = page "Datasets",
    },
    branch = {
      name = "add-conservation-areas",
      commits = {
        {
          message = "Show conservation areas on the map\n\nThe layer comes from the dataset of the same name.",
          files = { ["application/pages/map.html"] = page "Map" },
        },
        { message = "Name the map's layers", files = { ["application/layers.json"] = '["conservation-area"]\n' } },
      },
    },
    workflows = {
      ["test.yml"] = {
        name = "Test",
        on = { push = true },
        jobs = {
          { name = "lint", seconds = 35 },
          { name = "unit tests", seconds = 90 },
          { name = "integration tests", seconds = 150 },
          { name = "acceptance tests", seconds = 240 },
        },
      },
      ["publish.yml"] = {
        name = "Publish",
        on = {
          push = { branches = { application.main } },
          workflow_dispatch = { inputs = { environment = { required = true } } },
        },
        jobs = {
          { name = "test", seconds = 240 },
          { name = "publish", seconds = 170, for_each = "environment", publishes = true },
        },
        environments_on_push = { "development", "staging" },
      },
    },
    environments = { development = {}, staging = {}, production = {} },
    rules = { required_checks = application.required_checks, required_approvals = 1, dismiss_stale = true },
  }
end

local function aws(application)
  local environments, account = {}, 111111111110
  for _, name in ipairs { "development", "staging", "production" } do
    local known <const> = application.environments[name]
    local service <const> = known.services[1]
    account = account + 1
    environments[name] = {
      account = tostring(account),
      region = known.region,
      cluster = service.cluster,
      service = service.service,
      images = { { repository = service.image, tags = { "<short sha>", "latest" } } },
      deploys = "codedeploy",
      application = service.application,
      group = service.group,
      tasks = 2,
      health_seconds = 50,
    }
  end
  return {
    access_key_id = "AKIAREHEARSAL0000001",
    secret_access_key = "rehearsal/secret/key/rehearsal/secret/key",
    environments = environments,
  }
end

local function sites(application)
  local list = {}
  for name, environment in pairs(application.environments) do
    local pages = {}
    for _, test in ipairs(environment.smoke_test) do pages[test.path] = page(test.contains) end
    list[environment.site:gsub("^https?://", "")] = {
      environment = name, health = environment.version.path, pages = pages,
    }
  end
  return list
end

local function slack(application)
  local admin, users = {}, {}
  for _, login in ipairs(application.environments.production.approval.by.people) do admin[login] = true end
  for login, id in pairs(application.people) do
    users[#users + 1] = { id = id, name = login, email = login .. "@example.gov.uk", admin = admin[login] }
  end
  table.sort(users, function(a, b) return a.id < b.id end)
  return {
    token = "xoxb-rehearsal-0000000000",
    team = "T0REHEARSAL",
    bot = "fairlead",
    channels = {
      { id = "C01PLATFORM", name = application.channel },
      { id = "C02INFRA", name = application.infrastructure_channel },
    },
    users = users,
  }
end

---The world of the Planning Data Platform.
---@return table fixture as world.new takes it
function M.planning_data()
  local application <const> = settings.planning_data
  return {
    start = START,
    github = github(application),
    aws = aws(application),
    sites = sites(application),
    slack = slack(application),
    people = {
      reviewers = { { login = "areviewer", after_seconds = 420 } },
      admins = { { name = "anadmin", login = "anadmin", after_seconds = 240 } },
    },
  }
end

return M
