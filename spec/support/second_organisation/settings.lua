--- An organisation that shares nothing with those whose settings are in scripts/: other names for its environments, one
--- repository of code and one of images, no Slack, CodePipeline between trunk and the public, ECS's own deployments.
local MINUTE <const>, HOUR <const> = 60, 3600

local PIPELINE <const> = "tide-tables-delivery"

--- Where one of its environments is seen from outside.
local HOSTS <const> = {
  qa = "tides-qa.harbour.example", preprod = "tides-preprod.harbour.example", live = "tides.example",
}

local function service(environment)
  return {
    name = "tides",
    cluster = "harbour",
    service = "tides-" .. environment,
    image = "harbour/tide-tables", -- one ECR repository for all environments
    tag_prefix = "sha-", -- images are tagged sha-0123456
    deploys = environment == "qa" and "rolling" or "blue_green",
  }
end

local function environment(name, order, stage)
  return {
    name = name,
    order = order,
    region = "eu-north-1",
    arrives = "pipeline",
    pipeline = { name = PIPELINE, stage = stage },
    services = { service(name) },
    site = "https://" .. HOSTS[name],
    version = { path = "/internal/about", field = "git.commit" },
    smoke_test = {
      { path = "/stations/7", contains = "High water" },
      { path = "/stations/7.csv", contains = "time;metres" },
    },
  }
end

local qa <const> = environment("qa", 1, "Quality")
local preprod <const> = environment("preprod", 2, "Rehearsal")
local live <const> = environment("live", 3, "Public")
preprod.test_site = "https://next." .. HOSTS.preprod
live.pipeline.approval = { stage = "Decision", action = "Harbour-master" }
-- Who may approve is IAM's affair.
live.approval = { via = { "codepipeline" } }

---@type release.Settings
return {
  key = "tide-tables",
  name = "Tide Tables",
  repository = "harbour-board/tide-tables",
  main = "trunk",
  required_checks = { "verify" },
  approvals = 2,
  merge_method = "squash",
  workflows = { tests = "verify.yaml", on_push = "image.yaml" },
  environments = { qa = qa, preprod = preprod, live = live },
  timeouts = {
    push = MINUTE, lock = HOUR, tests = 20 * MINUTE, review = 4 * HOUR, build = 20 * MINUTE, image = 10 * MINUTE,
    deployment = 90 * MINUTE, tasks = 10 * MINUTE, site = 5 * MINUTE, approval = 6 * HOUR,
  },
}
