--- What is true of the Planning Data applications and nowhere else: names, places, people. Change it here.
---
--- Sources: the teams' procedure page and their workflow files. AWS names vary by account; `profile` names a profile of
--- the AWS configuration files, so that each environment may be an account of its own (nil: the default credentials).
local function environment(name)
  return {
    name = name,
    profile = nil,
    region = "eu-west-2",
    site = ("https://www.%splanning.data.gov.uk"):format(name == "production" and "" or name .. "."),
    repository = name .. "-planning-data", -- ECR
    cluster = name .. "-cluster",
    service = name .. "-planning-data",
    codedeploy_application = name .. "-planning-data",
    codedeploy_group = name .. "-planning-data-deployment",
  }
end

local MINUTE <const>, HOUR <const> = 60, 3600

local planning_data = {
  name = "Planning Data Platform",
  repository = "digital-land/digital-land.info",
  main = "main",
  required_checks = { "lint", "unit tests", "integration tests", "acceptance tests" },
  approvals = 1, -- by another developer
  merge_method = "merge",
  publish_workflow = "publish.yml", -- on each push to main; by hand with the input `environment`
  environments = {
    development = environment "development",
    staging = environment "staging",
    production = environment "production",
  },
  version = { path = "/health", field = "version" }, -- where the site tells the commit that it was built from
  smoke_test = { -- what a person would look at: a path, and a text that must be on the page
    { path = "/", contains = "Planning Data" },
    { path = "/dataset", contains = "Datasets" },
    { path = "/health", contains = "ok" },
  },
  channel = "planning-data-platform",
  infrastructure_channel = "planning-data-infrastructure",
  admins = { -- those who may approve production: GitHub login and Slack id
    anadmin = "U02ADMIN",
    anotheradmin = "U03ADMIN",
  },
  holds = { -- for how long a release says that it has an environment to itself, where there is one for everybody
    development = 90 * MINUTE,
    staging = 90 * MINUTE,
    production = 90 * MINUTE,
  },
  timeouts = {
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
  },
}

return { planning_data = planning_data }
