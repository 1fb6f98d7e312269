-- Workflows of other shapes: called by another, with jobs for main only, that wait for a reviewer, that push images and
-- then call ECS; and what their jobs leave in their logs.
local clock = require "fairlead.clock"
local process = require "fairlead.process"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

--- A repository whose one workflow of each push calls another for the tests, and deploys from main.
local WORKFLOWS <const> = {
  ["test.yml"] = {
    name = "Test",
    on = { workflow_call = true },
    jobs = { { name = "lint", seconds = 30 }, { name = "unit", seconds = 60 } },
  },
  ["base.yml"] = {
    name = "Base",
    on = { push = true },
    jobs = {
      { name = "test", uses = "test.yml" },
      { name = "deploy production", environment = "production", publishes = true, seconds = 90, needs = { "test" },
        branches = { "main" } },
      { name = "deploy staging", environment = "staging", publishes = true, seconds = 90, needs = { "test" },
        branches = { "main" } },
    },
  },
  ["featureDeploy.yml"] = {
    name = "Feature deploy",
    on = {
      workflow_dispatch = { inputs = { environment = { required = true, options = { "development", "staging" } } } },
    },
    jobs = { { name = "deploy", environment = "${{ inputs.environment }}", publishes = true, seconds = 80 } },
  },
  ["publish.yml"] = {
    name = "Publish",
    on = { workflow_dispatch = { inputs = { environment = { required = true } } } },
    jobs = {
      { name = "test", seconds = 30 },
      { name = "publish", for_each = "environment", publishes = true, redeploys = true, seconds = 100 },
    },
  },
}

local RULES <const> = { required_checks = { "test / lint", "test / unit" }, required_approvals = 0 }

local function visit(fn, scenario)
  support.visit({ scenario = scenario, changes = { github = { workflows = WORKFLOWS, rules = RULES } } }, fn)
end

local function checks(call, sha)
  local _, body = call("GET", ("%s/commits/%s/check-runs"):format(R, sha))
  local found = {}
  for _, run in ipairs(body.check_runs) do
    found[run.name] = run.conclusion ~= require("fairlead.json").null and run.conclusion or run.status
  end
  return found
end

local function open_pull(w, call)
  process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
  return select(2, call("POST", R .. "/pulls", { body = { title = "T", head = "light-it", base = "main" } }))
end

local function published(w, name)
  local list = {}
  w:on(name or "publish", function(data) list[#list + 1] = data.environment end)
  return list
end

describe("world.github's workflows", function()
  it("that call another name its jobs after the job that calls, and skip what is for main only", function()
    visit(function(w, call)
      local pull, sent = open_pull(w, call), published(w)
      clock.sleep(15)
      assert.same({ "test / lint", "test / unit" }, (function()
        local names = {}
        for name in pairs(checks(call, pull.head.sha)) do
          if name:find "^test" then names[#names + 1] = name end
        end
        table.sort(names)
        return names
      end)())
      clock.sleep(150)
      assert.same({
        ["test / lint"] = "success", ["test / unit"] = "success",
        ["deploy production"] = "skipped", ["deploy staging"] = "skipped",
      }, checks(call, pull.head.sha))
      assert.same({}, sent)
      local _, runs = call("GET", R .. "/actions/runs", { query = { head_sha = pull.head.sha } })
      assert.same({ 1, "success", ".github/workflows/base.yml" },
        { runs.total_count, runs.workflow_runs[1].conclusion, runs.workflow_runs[1].path })
      assert.matches("test%.yml@refs/heads/light%-it$", runs.workflow_runs[1].referenced_workflows[1].path)
      assert.equal(200, (call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = {} })).status)
    end)
  end)

  it("on main publish where nobody need be asked, and wait where somebody must", function()
    visit(function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      local sent = published(w)
      local _, merged = call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = {} })
      clock.sleep(100)
      assert.equal("waiting", checks(call, merged.sha)["deploy production"])
      clock.sleep(150)
      local _, runs = call("GET", R .. "/actions/runs", { query = { head_sha = merged.sha } })
      local run = runs.workflow_runs[1]
      assert.equal("waiting", run.status)
      assert.same({ "staging" }, sent)
      local path = ("%s/actions/runs/%d/pending_deployments"):format(R, run.id)
      local _, pending = call("GET", path)
      assert.equal("production", pending[1].environment.name)
      assert.is_nil(pending[2])
      call("POST", path, { token = "ghp_roots-token",
        body = { environment_ids = { pending[1].environment.id }, state = "approved", comment = "" } })
      clock.sleep(200)
      assert.equal("success", select(2, call("GET", R .. "/actions/runs/" .. run.id)).conclusion)
      assert.same({ "staging", "production" }, sent)
    end)
  end)

  it("by hand refuse an environment that is none of theirs, and deploy to the one that is", function()
    visit(function(w, call)
      local sent = published(w)
      local path = R .. "/actions/workflows/featureDeploy.yml/dispatches"
      local response, body = call("POST", path, { body = { ref = "main", inputs = { environment = "production" } } })
      assert.equal(422, response.status)
      assert.matches("'production' for input 'environment' not in the list", body.message)
      local _, started = call("POST", path, {
        body = { ref = "main", inputs = { environment = "development" }, return_run_details = true },
      })
      clock.sleep(150)
      local _, jobs = call("GET", ("%s/actions/runs/%d/jobs"):format(R, started.workflow_run_id))
      assert.same({ "deploy", "success" }, { jobs.jobs[1].name, jobs.jobs[1].conclusion })
      assert.same({ "development" }, sent)
    end)
  end)

  it("may push their images and then, as their last step, tell ECS to take them", function()
    visit(function(w, call)
      local events = {}
      w:on("publish", function(data) events[#events + 1] = { data.environment, data.short_sha, w.now } end)
      w:on("run_completed", function(data)
        events[#events + 1] = { data.run.conclusion, data.run.sha:sub(1, 7), w.now }
      end)
      local _, started = call("POST", R .. "/actions/workflows/publish.yml/dispatches", {
        body = { ref = "main", inputs = { environment = "staging" }, return_run_details = true },
      })
      clock.sleep(250)
      local _, run = call("GET", R .. "/actions/runs/" .. started.workflow_run_id)
      assert.same({ "staging", run.head_sha:sub(1, 7) }, { events[1][1], events[1][2] })
      assert.same({ "success", run.head_sha:sub(1, 7) }, { events[2][1], events[2][2] })
      assert.is_true(events[2][3] - events[1][3] >= 5) -- time for the calls
      assert.is_nil(events[3])
      local _, jobs = call("GET", ("%s/actions/runs/%d/jobs"):format(R, run.id))
      local names = {}
      for i, step in ipairs(jobs.jobs[2].steps) do names[i] = step.name end
      assert.same({ "Set up job", "Run actions/checkout@v4", "Build and push the images",
        "Tell ECS to take the new images", "Complete job" }, names)
    end)
  end)

  it("fail in the called tests, then publish nothing, and say in the log which test it was", function()
    visit(function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      assert.same({
        ["test / lint"] = "success", ["test / unit"] = "failure",
        ["deploy production"] = "skipped", ["deploy staging"] = "skipped",
      }, checks(call, pull.head.sha))
      local _, runs = call("GET", R .. "/actions/runs", { query = { head_sha = pull.head.sha } })
      local _, jobs = call("GET", ("%s/actions/runs/%d/jobs"):format(R, runs.workflow_runs[1].id))
      local failed
      for _, job in ipairs(jobs.jobs) do
        failed = job.conclusion == "failure" and job or failed
      end
      assert.equal("failure", failed.steps[3].conclusion)
      local log = call("GET", ("%s/actions/jobs/%d/logs"):format(R, failed.id))
      assert.equal(200, log.status)
      assert.matches("^2026%-03%-02T09:0%d:%d%d%.%d%d%d%d%d%d%dZ Current runner", log.body)
      assert.matches("Z FAILED tests/unit/test_pages%.py::test_page_has_a_heading_of_its_own %- assert 500 == 200\n",
        log.body)
      local _, notes = call("GET", ("%s/check-runs/%d/annotations"):format(R, failed.id))
      assert.same({ "failure", "Process completed with exit code 1." },
        { notes[1].annotation_level, notes[1].message })
      assert.matches("##%[error%]Process completed with exit code 1%.\n[^\n]+Cleaning up orphan processes\n$", log.body)
    end, "tests-fail")
  end)
end)
