--- A small world for specs: one repository, two workflows, a protected branch, a channel, people.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local world = require "fairlead.world"

local M = {}

M.REPOSITORY = "/repos/acme/lighthouse"

--- A fixture; `changes` are laid over its parts.
---@param changes table<string, table>?
---@return table
function M.fixture(changes)
  local fixture = {
    start = 1772442000,
    github = {
      repository = "acme/lighthouse",
      default_branch = "main",
      token = "ghp_a-developers-token",
      user = "ada",
      users = {
        ada = { name = "Ada", email = "ada@example.com" },
        bob = { name = "Bob", email = "bob@example.com" },
        eve = { name = "Eve", permission = "read" },
        root = { name = "Root", admin = true },
      },
      tokens = {
        ["ghp_bobs-token"] = { user = "bob" },
        ["ghp_eves-token"] = { user = "eve" },
        ["ghp_roots-token"] = { user = "root" },
        ["github_pat_narrow"] = { user = "ada", rights = { "contents:write", "pull_requests:write" } },
      },
      teams = { keepers = { "bob", "root" } },
      files = { ["README.md"] = "# Lighthouse\n", ["lamp.txt"] = "dark\n" },
      branch = {
        name = "light-it",
        commits = {
          { message = "Light the lamp", files = { ["lamp.txt"] = "light\n" } },
          { message = "Tell of it\n\nAt length.", files = { ["NEWS.md"] = "There is light.\n" } },
        },
      },
      workflows = {
        ["test.yml"] = {
          name = "Test",
          on = { pull_request = true },
          jobs = { { name = "lint", seconds = 40 }, { name = "unit", seconds = 90 } },
        },
        ["publish.yml"] = {
          name = "Publish",
          on = {
            push = { branches = { "main" } },
            workflow_dispatch = {
              inputs = { environment = { required = true, options = { "development", "production" } } },
            },
          },
          jobs = {
            { name = "test", seconds = 60 },
            { name = "publish", seconds = 100, for_each = "environment", publishes = true },
          },
          environments_on_push = { "development", "staging" },
        },
      },
      environments = {
        development = {},
        staging = {},
        production = { reviewers = { "root" }, prevent_self_review = true },
      },
      rules = { required_checks = { "lint", "unit" }, required_approvals = 1, dismiss_stale = true },
    },
    slack = {
      token = "xoxb-a-bots-token",
      team = "T01ACME",
      bot = "release-bot",
      channels = {
        { id = "C01LIGHT", name = "lighthouse" },
        { id = "C02OTHER", name = "elsewhere", is_member = false },
      },
      users = {
        { id = "U01ADA", name = "ada", email = "ada@example.com" },
        { id = "U02ROOT", name = "root", email = "root@example.com", admin = true },
      },
      usergroups = { { id = "S01", handle = "admins", users = { "U02ROOT" } } },
    },
    people = {},
  }
  for part, values in pairs(changes or {}) do
    for name, value in pairs(values) do
      fixture[part][name] = value
    end
  end
  return fixture
end

--- Carries out `fn(w, call)` in a world, on a virtual clock, with the world for a network. `call(method, path,
--- options)` asks the simulated GitHub and gives the response and its decoded body. The world is closed afterwards.
---@param options {seed: integer?, scenario: string?, fixture: table?, changes: table?}
---@param fn async fun(w: fairlead.world.World, call: function)
function M.visit(options, fn)
  local w = world.new {
    seed = options.seed,
    scenario = options.scenario,
    fixture = options.fixture or M.fixture(options.changes),
  }
  return clock.simulate({ start = w.now }, function()
    local closing <close> = w -- luacheck: ignore closing
    return http.with_transport(w:transport(), function()
      return fn(w, function(method, path, ask)
        ask = ask or {}
        local headers = ask.headers or {}
        headers["user-agent"] = headers["user-agent"] or "spec"
        headers.authorization = headers.authorization or ("Bearer " .. (ask.token or w.fixture.github.token))
        local response = http.request {
          method = method,
          url = "https://api.github.com" .. path,
          query = ask.query,
          headers = headers,
          json = ask.body,
          follow = ask.follow,
          retry = ask.retry or false,
        }
        local body
        if (response.headers["content-type"] or ""):find("json") and response.body ~= "" then
          body = response:json()
        end
        return response, body
      end)
    end)
  end)
end

return M
