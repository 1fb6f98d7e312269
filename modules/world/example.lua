--- A small world for those who bring none: one repository, one application in two environments, one channel.
local M = {}

local function environment(name, account)
  return {
    account = account,
    region = "eu-west-2",
    cluster = name .. "-cluster",
    service = name .. "-lighthouse",
    images = { { repository = name .. "-lighthouse", tags = { "<short sha>", "latest" } } },
    deploys = "codedeploy",
    application = name .. "-lighthouse",
    group = name .. "-lighthouse-deployment",
    tasks = 2,
    health_seconds = 40,
    queues = { name .. "-requests" },
    tables = { { name = name .. "-locks", key = "LockID" } },
    parameters = { ["/" .. name .. "/lighthouse/colour"] = "white" },
  }
end

---@return table fixture for world.new
function M.fixture()
  return {
    github = {
      repository = "acme/lighthouse",
      default_branch = "main",
      token = "ghp_world0000000000000000000000000000000",
      user = "ada",
      users = {
        ada = { name = "Ada", email = "ada@example.com" },
        grace = { name = "Grace", email = "grace@example.com" },
        root = { name = "Root", email = "root@example.com", admin = true },
      },
      files = { ["README.md"] = "# Lighthouse\n", ["lamp.txt"] = "dark\n" },
      branch = {
        name = "light-the-lamp",
        commits = { { message = "Light the lamp", files = { ["lamp.txt"] = "light\n" } } },
      },
      workflows = {
        ["test.yml"] = {
          name = "Test",
          on = { push = true, pull_request = true },
          jobs = { { name = "lint", seconds = 30 }, { name = "unit", seconds = 90 } },
        },
        ["publish.yml"] = {
          name = "Publish",
          on = {
            push = { branches = { "main" } },
            workflow_dispatch = { inputs = { environment = { required = true } } },
          },
          jobs = {
            { name = "test", seconds = 90 },
            { name = "publish", seconds = 120, for_each = "environment", publishes = true },
          },
          environments_on_push = { "staging" },
        },
      },
      environments = { staging = {}, production = {} },
      rules = { required_checks = { "lint", "unit" }, required_approvals = 1, dismiss_stale = true },
    },
    aws = {
      access_key_id = "AKIAWORLD00000000001",
      secret_access_key = "world/secret/key/world/secret/key/world0",
      environments = {
        staging = environment("staging", "111111111111"),
        production = environment("production", "222222222222"),
      },
    },
    sites = {
      ["staging.lighthouse.example.com"] = { environment = "staging", version_header = "x-version" },
      ["lighthouse.example.com"] = { environment = "production", version_header = "x-version" },
    },
    slack = {
      token = "xoxb-world-000000000000",
      team = "T0WORLD",
      bot = "fairlead",
      channels = { { id = "C01DEPLOY", name = "deployments" } },
      users = {
        { id = "U01ADA", name = "ada", email = "ada@example.com" },
        { id = "U02GRACE", name = "grace", email = "grace@example.com" },
        { id = "U03ROOT", name = "root", email = "root@example.com", admin = true },
      },
    },
    people = {
      reviewers = { { login = "grace", after_seconds = 300, decision = "approve" } },
      admins = { { name = "root", login = "root", after_seconds = 240, way = "reaction" } },
    },
  }
end

return M
