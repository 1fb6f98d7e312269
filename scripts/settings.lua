--- What is true of the three Planning Data applications and nowhere else: names, places, people. Change it here; it is
--- data, and docs/settings.md says what each field means.
---
--- Sources: the teams' procedure page and their workflow files. AWS names vary by account; `profile` names a profile of
--- the AWS configuration files, so that each environment may be an account of its own (nil: the default credentials).
local MINUTE <const>, HOUR <const> = 60, 3600

local timeouts = {
  push = 2 * MINUTE,
  lock = 8 * HOUR, -- in line for an environment
  tests = 45 * MINUTE,
  review = 8 * HOUR,
  build = 45 * MINUTE,
  image = 20 * MINUTE,
  deployment = 60 * MINUTE,
  tasks = 15 * MINUTE,
  site = 5 * MINUTE,
  approval = 8 * HOUR,
}

local people = { -- login on GitHub, id in Slack
  anadmin = "U02ADMIN",
  anotheradmin = "U03ADMIN",
  adeveloper = "U01DEV",
  anotherdeveloper = "U05DEV",
  areviewer = "U04REVIEW",
}

-- Who is asked for a review where nobody is; tagged in Slack.
local asked_for_review = { reviewers = { "areviewer" } }

-- Who may say that production gets it, and where: in Slack, by a reaction or a reply in the release's thread.
local by_an_admin = { by = { people = { "anadmin", "anotheradmin" } }, via = { "slack" } }

local ORDER <const> = { "development", "staging", "production" }

--- The three environments, each made by `describe(name)`.
local function environments(describe)
  local all = {}
  for order, name in ipairs(ORDER) do
    local environment = describe(name)
    environment.name, environment.order = name, order
    environment.region = "eu-west-2"
    environment.hold = 90 * MINUTE -- for how long a release says that it has it, where there is one for everybody
    environment.shared = name == "development"
    all[name] = environment
  end
  return all
end

--- An ECS service that CodeDeploy brings its new version to.
local function blue_green_service(application, environment)
  local name <const> = environment .. "-" .. application
  return {
    name = application,
    cluster = environment .. "-cluster",
    service = name,
    image = name, -- ECR repository
    deploys = "codedeploy",
    application = name,
    group = name .. "-deployment",
  }
end

local function domain(environment)
  return (environment == "production" and "" or environment .. ".") .. "planning.data.gov.uk"
end

local VERSION <const> = { path = "/health", field = "version" } -- where a site tells the commit that it was built from

-- The workflow builds for all environments of a push in one run, each in a job of its own.
local function job_of(environment) return ("publish (%s)"):format(environment) end

---@type release.Settings
local planning_data = {
  key = "planning-data",
  name = "Planning Data Platform",
  repository = "digital-land/digital-land.info",
  main = "main",
  required_checks = { "lint", "unit tests", "integration tests", "acceptance tests" },
  approvals = 1, -- by another developer
  pull_request = asked_for_review,
  merge_method = "merge",
  workflows = { tests = "test.yml", on_push = "publish.yml", by_hand = "publish.yml" },
  environments = environments(function(name)
    return {
      arrives = name == "production" and "dispatch" or "push", -- an admin starts production's build by hand
      job = job_of(name),
      services = { blue_green_service("planning-data", name) },
      site = "https://www." .. domain(name),
      version = VERSION,
      smoke_test = { -- what a person would look at: a path, and a text that must be on the page
        { path = "/", contains = "Planning Data" },
        { path = "/dataset", contains = "Datasets" },
        { path = "/health", contains = "ok" },
      },
      approval = name == "production" and by_an_admin or nil,
    }
  end),
  people = people,
  migrations = "migrations",
  channel = "planning-data-platform",
  infrastructure_channel = "planning-data-infrastructure",
  timeouts = timeouts,
}

---@type release.Settings
local providers = {
  key = "providers",
  name = "Providers Service",
  repository = "digital-land/submit",
  main = "main",
  required_checks = { "test / lint", "test / unit", "test / integration", "test / acceptance" },
  approvals = 1,
  pull_request = asked_for_review,
  merge_method = "merge",
  -- base.yml calls test.yml on each push; on main it goes on to production and staging. featureDeploy.yml refuses
  -- production.
  workflows = { tests = "base.yml", on_push = "base.yml", by_hand = "featureDeploy.yml" },
  environments = environments(function(name)
    return {
      arrives = "push",
      job = name ~= "development" and name or nil,
      services = { blue_green_service("submit", name) },
      site = "https://check." .. domain(name),
      version = VERSION,
      smoke_test = {
        { path = "/", contains = "Check planning and housing data" },
        { path = "/health", contains = "ok" },
        { site = "https://provide." .. domain(name), path = "/", contains = "Provide planning and housing data" },
      },
      -- Production's job waits until one of its GitHub environment's reviewers lets it go on.
      approval = name == "production" and { by = { github_teams = { "providers-admins" } }, via = { "github" } } or nil,
    }
  end),
  people = people,
  channel = "planning-data-platform",
  infrastructure_channel = "planning-data-infrastructure",
  timeouts = timeouts,
}

-- Both images carry the tags <short sha> and main; the services run whatever main names when they are told to deploy.
local function rolling_service(name, environment)
  local service <const> = ("%s-pub-async-%s"):format(environment, name)
  return {
    name = name,
    cluster = environment .. "-cluster",
    service = service,
    image = service, -- ECR repository
    deploys = "rolling",
  }
end

---@type release.Settings
local async_processor = {
  key = "async-processor",
  name = "Async Processor API",
  repository = "digital-land/async-request-backend",
  main = "main",
  required_checks = { "unit tests", "integration tests" },
  approvals = 1,
  pull_request = asked_for_review,
  merge_method = "squash",
  workflows = { tests = "test.yml", on_push = "publish.yml", by_hand = "publish.yml" },
  environments = environments(function(name)
    return {
      arrives = name == "production" and "dispatch" or "push",
      job = job_of(name),
      services = { rolling_service("request-api", name), rolling_service("request-processor", name) },
      site = ("https://async-request-api.%s"):format(domain(name)), -- not public: seen from the office's network
      version = VERSION,
      smoke_test = {
        { path = "/health", contains = "ok" },
        { -- a message through the queue, and its result
          queue = name .. "-request-queue",
          message = { type = "check_url", url = "https://www.planning.data.gov.uk/health" },
          result = { queue = name .. "-result-queue", fields = { status = "COMPLETE" } },
          within = 5 * MINUTE,
        },
      },
      approval = name == "production" and {
        by = { slack_groups = { "async-admins" }, people = { "anadmin" } }, -- people: also while Slack tells no group
        via = { "slack", "terminal" },
      } or nil,
    }
  end),
  people = people,
  migrations = "request-api/migrations",
  channel = "planning-data-platform",
  infrastructure_channel = "planning-data-infrastructure",
  timeouts = timeouts,
}

return { planning_data = planning_data, providers = providers, async_processor = async_processor }
