--- The world of the second organisation: see settings.lua beside it.
local settings = require "second_organisation.settings"

local M = {}

local ACCOUNT <const> = "420042004200" -- one account for everything

local function page(title) return ("<!doctype html>\n<h1>%s</h1>\n"):format(title) end

local function github()
  return {
    repository = settings.repository,
    default_branch = settings.main,
    token = "ghp_secondorganisation00000000000000000000",
    user = "ines",
    users = {
      ines = { name = "Ines", email = "ines@harbour.example" },
      odd = { name = "Odd", email = "odd@harbour.example" },
      pia = { name = "Pia", email = "pia@harbour.example" },
    },
    commits = {
      { message = "Tables on paper", files = { ["README.md"] = "# Tide tables\n" }, author = "odd" },
      { message = "Tables in feet", files = { ["units.txt"] = "feet\n" }, author = "odd" },
      { message = "Tables in metres", files = { ["units.txt"] = "metres\n" }, author = "pia" },
    },
    branch = {
      name = "neap-tides",
      commits = {
        { message = "Say when it is neap tide", files = { ["neap.txt"] = "7 days after spring\n" } },
        { message = "Spell it right", files = { ["neap.txt"] = "7 days after the spring tide\n" } },
      },
    },
    workflows = {
      ["verify.yaml"] = {
        name = "Verify", on = { pull_request = true }, jobs = { { name = "verify", seconds = 140 } },
      },
      ["image.yaml"] = {
        name = "Image",
        on = { push = { branches = { settings.main } } },
        jobs = { { name = "build", seconds = 200, publishes = "qa" } },
      },
    },
    environments = {},
    rules = { required_checks = settings.required_checks, required_approvals = 2, dismiss_stale = false },
    merge_methods = { settings.merge_method },
  }
end

local function aws_environment(known)
  local service <const> = known.services[1]
  return {
    account = ACCOUNT,
    region = known.region,
    cluster = service.cluster,
    service = service.service,
    images = { { repository = service.image, service = service.service, tags = { "sha-<short sha>" }, container = "web",
      reference = "digest" } },
    deploys = service.deploys,
    tasks = known.name == "live" and 4 or 1,
    health_seconds = 30,
    canary_seconds = 120,
    bake_seconds = 180,
    breaker = { enable = true, rollback = true },
    earlier = { { back = 2, days = 40 }, { back = 1, days = 12 } },
  }
end

local function aws()
  local environments = {}
  for name, known in pairs(settings.environments) do environments[name] = aws_environment(known) end
  environments.preprod.lifecycle_hooks = { { stages = { "POST_TEST_TRAFFIC_SHIFT" } } }
  environments.live.lifecycle_hooks = { { stages = { "POST_PRODUCTION_TRAFFIC_SHIFT" } } }
  environments.qa.pipeline = {
    name = settings.environments.live.pipeline.name,
    stages = {
      { name = "Source" },
      { name = "Quality", deploys = "qa" },
      { name = "Rehearsal", deploys = "preprod" },
      { name = "Decision", approval = "Harbour-master" },
      { name = "Public", deploys = "live" },
    },
  }
  return {
    access_key_id = "AKIASECONDORG0000001",
    secret_access_key = "second/organisation/second/organisation1",
    environments = environments,
  }
end

local function host_of(url) return (url:gsub("^https://", "")) end

local function sites()
  local list = {}
  for name, known in pairs(settings.environments) do
    local site = { environment = name, health = known.version.path, version_field = known.version.field, pages = {} }
    for _, test in ipairs(known.smoke_test) do site.pages[test.path] = page(test.contains) end
    list[host_of(known.site)] = site
    if known.test_site then
      list[host_of(known.test_site)] = setmetatable({ traffic = "test" }, { __index = site })
    end
  end
  return list
end

---@return table fixture as world.new takes it; without Slack
function M.world()
  return {
    start = 1791100000, -- 2026-10-04, a Sunday
    github = github(),
    aws = aws(),
    sites = sites(),
    roles = { staging = "preprod", production = "live" },
    people = {
      reviewers = { { login = "odd", after_seconds = 300 }, { login = "pia", after_seconds = 900 } },
      admins = { { login = "harbour-master", way = "codepipeline", after_seconds = 600 } },
      newer = { login = "pia", title = "Tables in fathoms", files = { ["units.txt"] = "fathoms\n" } },
    },
  }
end

return M
