--- The worlds in which the procedures here are rehearsed: what GitHub, AWS and Slack hold before a release begins.
--- Invented, but of the same shape as the real one; who uses other services or names writes another.
local reservations = require "rehearsal.reservations"
local settings = require "settings"

local M = {}

local START <const> = 1772442000 -- 2026-03-02 09:00 UTC, a Monday

-- ---- people, the same for all ----

local USERS <const> = {
  adeveloper = { name = "A Developer" },
  anotherdeveloper = { name = "Another Developer" },
  areviewer = { name = "A Reviewer" },
  anadmin = { name = "An Admin" },
  anotheradmin = { name = "Another Admin" },
}

local function email(login) return login .. "@example.gov.uk" end

local function github_users()
  local users = {}
  for login, user in pairs(USERS) do users[login] = { name = user.name, email = email(login) } end
  return users
end

local function slack(application)
  local users = {}
  for login, id in pairs(application.people) do
    users[#users + 1] = { id = id, name = login, email = email(login), admin = login:find "admin$" ~= nil }
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
    usergroups = {
      { id = "S01ASYNC", handle = "async-admins", users = { application.people.anadmin,
        application.people.anotheradmin } },
    },
  }
end

-- ---- GitHub ----

local function page(title) return ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n"):format(title, title) end

local function jobs(application, seconds)
  local list = {}
  for i, check in ipairs(application.required_checks) do
    list[i] = { name = check:match "/ (.+)$" or check, seconds = seconds[i] }
  end
  return list
end

-- What main holds, the oldest first: three releases, the newest of which is live.
local function history(own)
  return {
    { message = "Begin", files = own.files, author = "anotherdeveloper" },
    { message = "Say who to write to", files = { ["CONTACT.md"] = "Write to the team.\n" }, author = "areviewer" },
    { message = "Say how to run it", files = { ["RUNNING.md"] = "make run\n" }, author = "anotherdeveloper" },
  }
end

local function github(application, own)
  return {
    repository = application.repository,
    default_branch = application.main,
    token = "ghp_rehearsal0000000000000000000000000000",
    user = "adeveloper",
    users = github_users(),
    teams = { admins = { "anadmin", "anotheradmin" }, ["providers-admins"] = { "anadmin", "anotheradmin" } },
    commits = history(own),
    branch = { name = own.branch, commits = own.commits },
    workflows = own.workflows,
    environments = own.environments or { development = {}, staging = {}, production = {} },
    rules = { required_checks = application.required_checks, required_approvals = 1, dismiss_stale = true },
    merge_methods = { application.merge_method },
  }
end

-- A job for each environment of the push; by hand for one.
local function publish_workflow(application, seconds, redeploys)
  return {
    name = "Publish",
    on = {
      push = { branches = { application.main } },
      workflow_dispatch = { inputs = { environment = { required = true } } },
    },
    jobs = {
      { name = "test", seconds = 240 },
      { name = "publish", seconds = seconds, for_each = "environment", publishes = true, redeploys = redeploys },
    },
    environments_on_push = { "development", "staging" },
  }
end

-- ---- AWS and the sites ----

local AWS_DEPLOYS <const> = { codedeploy = "codedeploy", rolling = "ecs", blue_green = "blue_green" }

local function aws_environment(known, account, own)
  local first <const> = known.services[1]
  local images = {}
  for i, service in ipairs(known.services) do
    images[i] = {
      repository = service.image, service = service.service, tags = own.tags, reference = own.reference,
      moving_tag = own.moving_tag,
    }
  end
  local environment = {
    account = account,
    region = known.region,
    cluster = first.cluster,
    service = first.service,
    images = images,
    deploys = AWS_DEPLOYS[first.deploys],
    application = first.application,
    group = first.group,
    tasks = 2,
    health_seconds = 50,
    earlier = { { back = 2, days = 21 }, { back = 1, days = 9 } },
  }
  for field, value in pairs(own.environment and own.environment(known) or {}) do environment[field] = value end
  return environment
end

local function aws(application, own)
  local environments = {}
  for name, known in pairs(application.environments) do
    environments[name] = aws_environment(known, tostring(111111111110 + known.order), own)
  end
  return {
    access_key_id = "AKIAREHEARSAL0000001",
    secret_access_key = "rehearsal/secret/key/rehearsal/secret/key",
    environments = environments,
  }
end

local function host_of(url) return (url:gsub("^https?://", "")) end

local function sites(application)
  local list = {}
  for name, environment in pairs(application.environments) do
    for _, test in ipairs(environment.smoke_test) do
      local host <const> = host_of(test.site or environment.site)
      local site = list[host] or { environment = name, health = environment.version.path, pages = {} }
      list[host] = site
      if test.path then site.pages[test.path] = page(test.contains) end
    end
  end
  return list
end

local function world(application, own)
  return {
    start = START,
    github = github(application, own),
    aws = aws(application, own.aws or { tags = { "<short sha>", "latest" } }),
    sites = sites(application),
    slack = slack(application),
    people = {
      reviewers = { { login = "areviewer", after_seconds = 420 } },
      admins = { { name = "anadmin", login = "anadmin", after_seconds = own.patience or 240, way = own.approval } },
    },
    migrations = application.migrations,
    held = reservations.held({
      {
        environment = "development", by = "anotherdeveloper", slack = application.people.anotherdeveloper,
        reason = "users try the new search", seconds = 1500,
      },
    }, application.key),
  }
end

-- ---- the three applications ----

---The world of the Planning Data Platform.
---@return table fixture as world.new takes it
function M.planning_data()
  local application <const> = settings.planning_data
  return world(application, {
    files = {
      ["README.md"] = "# " .. application.name .. "\n",
      ["application/pages/index.html"] = page "Planning Data",
      ["application/pages/dataset.html"] = page "Datasets",
    },
    branch = "add-conservation-areas",
    commits = {
      {
        message = "Show conservation areas on the map\n\nThe layer comes from the dataset of the same name.",
        files = { ["application/pages/map.html"] = page "Map" },
      },
      { message = "Name the map's layers", files = { ["application/layers.json"] = '["conservation-area"]\n' } },
    },
    workflows = {
      ["test.yml"] = { name = "Test", on = { push = true }, jobs = jobs(application, { 35, 90, 150, 240 }) },
      ["publish.yml"] = publish_workflow(application, 170),
    },
  })
end

---The world of the Providers Service.
---@return table fixture as world.new takes it
function M.providers()
  local application <const> = settings.providers
  return world(application, {
    files = {
      ["README.md"] = "# " .. application.name .. "\n",
      ["src/views/index.html"] = page "Check planning and housing data",
    },
    branch = "explain-geometry-errors",
    commits = {
      {
        message = "Explain what is wrong with a geometry\n\nPeople could not tell which row was meant.",
        files = { ["src/views/results.html"] = page "Results" },
      },
    },
    workflows = {
      ["test.yml"] = { name = "Test", on = { workflow_call = true }, jobs = jobs(application, { 30, 80, 120, 200 }) },
      ["base.yml"] = {
        name = "Base",
        on = { push = true },
        jobs = {
          { name = "test", uses = "test.yml" },
          { name = "staging", seconds = 160, needs = { "test" }, branches = { application.main },
            environment = "staging", publishes = true },
          { name = "production", seconds = 160, needs = { "test" }, branches = { application.main },
            environment = "production", publishes = true },
        },
      },
      ["featureDeploy.yml"] = {
        name = "Feature deploy",
        on = {
          workflow_dispatch = {
            inputs = { environment = { required = true, options = { "development", "staging" } } },
          },
        },
        jobs = { { name = "deploy", seconds = 200, for_each = "environment", publishes = true } },
      },
    },
    environments = {
      development = {}, staging = {}, production = { teams = { "providers-admins" }, prevent_self_review = true },
    },
    approval = "github",
    patience = 2700, -- the job of production waits from the merge on; an admin reviews it when staging has been tried
  })
end

---The world of the Async Processor API.
---@return table fixture as world.new takes it
function M.async_processor()
  local application <const> = settings.async_processor
  return world(application, {
    files = {
      ["README.md"] = "# " .. application.name .. "\n",
      ["request-api/src/main.py"] = "app = FastAPI()\n",
      ["request-processor/src/tasks.py"] = "def check(request): pass\n",
    },
    branch = "retry-slow-urls",
    commits = {
      {
        message = "Try slow addresses again\n\nA publisher's server may sleep; one more attempt finds it awake.",
        files = { ["request-processor/src/tasks.py"] = "def check(request, attempts=2): pass\n" },
      },
    },
    workflows = {
      ["test.yml"] = { name = "Test", on = { push = true }, jobs = jobs(application, { 60, 180 }) },
      ["publish.yml"] = publish_workflow(application, 190, true),
    },
    aws = {
      tags = { "<short sha>", "main" },
      reference = "latest",
      moving_tag = "main",
      environment = function(known)
        return {
          breaker = { enable = true, rollback = true },
          workers = {
            {
              queue = known.name .. "-request-queue",
              results = known.name .. "-result-queue",
              service = known.services[2].service,
              seconds = 8,
            },
          },
        }
      end,
    },
  })
end

return M
