--- The worlds in which the procedures here are rehearsed: what GitHub, AWS and Slack hold before a release begins.
--- They are made of the settings (release/rehearsal.lua); here is what those do not say. Invented, but of the same
--- shape as the real one.
local rehearsal = require "release.rehearsal"
local settings = require "settings"

local M = {}

local NAMES <const> = {
  adeveloper = "A Developer",
  anotherdeveloper = "Another Developer",
  areviewer = "A Reviewer",
  anadmin = "An Admin",
  anotheradmin = "Another Admin",
}

local function page(title) return ("<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n"):format(title, title) end

-- What is the same for all three.
local function world(application, own)
  own.user, own.reviewer, own.colleague = "adeveloper", "areviewer", "anotherdeveloper"
  own.names, own.domain, own.reason = NAMES, "example.gov.uk", "users try the new search"
  own.github_teams = { admins = { "anadmin", "anotheradmin" }, ["providers-admins"] = { "anadmin", "anotheradmin" } }
  own.slack_groups = {
    {
      id = "S01ASYNC", handle = "async-admins",
      users = { application.people.anadmin, application.people.anotheradmin },
    },
  }
  own.before = { { name = "test", seconds = 240 } }
  return rehearsal.world(application, own)
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
    test_seconds = { 35, 90, 150, 240 },
    publish_seconds = 170,
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
      ["test.yml"] = { name = "Test", on = { workflow_call = true }, jobs = {
        { name = "lint", seconds = 30 }, { name = "unit", seconds = 80 }, { name = "integration", seconds = 120 },
        { name = "acceptance", seconds = 200 },
      } },
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
    test_seconds = { 60, 180 },
    publish_seconds = 190,
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
