-- The simulated GitHub's workflow runs, checks and deployments that wait for a person.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY
local DISPATCH <const> = R .. "/actions/workflows/publish.yml/dispatches"

local function push(w, ...)
  return process.run({ "git", "push", "-q", "origin", cwd = w:open().work, ... }):check()
end

local function open_pull(w, call)
  push(w, "light-it")
  local response, pull = call("POST", R .. "/pulls", { body = { title = "T", head = "light-it", base = "main" } })
  assert.equal(201, response.status)
  return pull
end

--- Name -> "status conclusion" of a commit's checks.
local function checks(call, sha)
  local _, body = call("GET", ("%s/commits/%s/check-runs"):format(R, sha))
  assert.equal(body.total_count, #body.check_runs)
  local found = {}
  for _, run in ipairs(body.check_runs) do
    found[run.name] = run.status .. (run.conclusion ~= json.null and " " .. run.conclusion or "")
  end
  return found
end

local function run_of(call, id)
  return select(2, call("GET", ("%s/actions/runs/%d"):format(R, id)))
end

local function dispatch(call, environment, ask)
  local body = { ref = "main", inputs = { environment = environment }, return_run_details = true }
  local response, started = call("POST", DISPATCH, { body = body, token = ask and ask.token })
  assert.equal(200, response.status)
  return started.workflow_run_id
end

describe("world.github's checks", function()
  it("appear seconds after a push, run and complete", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      local sha = pull.head.sha
      assert.same({}, checks(call, sha))
      clock.sleep(9)
      local early = checks(call, sha)
      assert.is_truthy(early.lint and early.unit)
      clock.sleep(20)
      assert.same({ lint = "in_progress", unit = "in_progress" }, checks(call, sha))
      clock.sleep(40)
      assert.same({ lint = "completed success", unit = "in_progress" }, checks(call, sha))
      clock.sleep(60)
      assert.same({ lint = "completed success", unit = "completed success" }, checks(call, sha))
      local _, suites = call("GET", ("%s/commits/%s/check-suites"):format(R, sha))
      assert.equal("success", suites.check_suites[1].conclusion)
    end)
  end)

  it("have ids that need more than 32 bits, and stay integers", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(9)
      local _, body = call("GET", ("%s/commits/%s/check-runs"):format(R, pull.head.sha))
      local id = body.check_runs[1].id
      assert.equal("integer", math.type(id))
      assert.is_true(id > 1 << 32)
      assert.equal("lint", select(2, call("GET", ("%s/check-runs/%d"):format(R, id))).name)
    end)
  end)

  it("start anew for a new commit", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(30)
      process.run({ "git", "commit", "-q", "--allow-empty", "-m", "More", cwd = w.folder.work }):check()
      push(w, "light-it")
      local _, changed = call("GET", R .. "/pulls/" .. pull.number)
      assert.same({}, checks(call, changed.head.sha))
      clock.sleep(30)
      assert.is_truthy(checks(call, changed.head.sha).unit)
      assert.is_truthy(checks(call, pull.head.sha).unit)
    end)
  end)

  it("appear minutes later in the scenario tests-late", function()
    support.visit({ scenario = "tests-late" }, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      assert.same({}, checks(call, pull.head.sha))
      clock.sleep(300)
      assert.equal("completed success", checks(call, pull.head.sha).lint)
      assert.equal("in_progress", checks(call, pull.head.sha).unit)
    end)
  end)

  it("fail in the scenario tests-fail, and again when they are run again", function()
    support.visit({ scenario = "tests-fail" }, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      assert.same({ lint = "completed success", unit = "completed failure" }, checks(call, pull.head.sha))
      local _, runs = call("GET", R .. "/actions/runs", { query = { head_sha = pull.head.sha, status = "failure" } })
      local id = runs.workflow_runs[1].id
      assert.equal(201, (call("POST", ("%s/actions/runs/%d/rerun-failed-jobs"):format(R, id))).status)
      clock.sleep(20)
      assert.same({ lint = "completed success", unit = "in_progress" }, checks(call, pull.head.sha))
      local _, all = call("GET", ("%s/commits/%s/check-runs"):format(R, pull.head.sha), { query = { filter = "all" } })
      assert.equal(3, all.total_count)
      clock.sleep(200)
      assert.equal("completed failure", checks(call, pull.head.sha).unit)
      assert.equal(2, run_of(call, id).run_attempt)
    end)
  end)

  it("are no commit statuses: those are pending for ever", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(300)
      local path = ("%s/commits/%s/status"):format(R, pull.head.sha)
      local _, status = call("GET", path)
      assert.same({ "pending", 0 }, { status.state, status.total_count })
      local post = ("%s/statuses/%s"):format(R, pull.head.sha)
      for _, state in ipairs { "pending", "success" } do
        assert.equal(201, (call("POST", post, { body = { state = state, context = "ci/lamp" } })).status)
      end
      assert.equal("success", select(2, call("GET", path)).state)
      call("POST", post, { body = { state = "error", context = "ci/oil" } })
      assert.equal("failure", select(2, call("GET", path)).state)
      assert.equal(422, (call("POST", post, { body = { state = "perhaps" } })).status)
    end)
  end)
end)

describe("world.github's workflow runs", function()
  it("start on a merge to the branches that the workflow names, and publish for each environment", function()
    support.visit({ changes = { github = { rules = { required_checks = {} } } } }, function(w, call)
      local published = {}
      w:on("publish", function(data)
        published[#published + 1] = ("%s %s"):format(data.environment, data.short_sha)
      end)
      local pull = open_pull(w, call)
      local _, merged = call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = { sha = pull.head.sha } })
      clock.sleep(30)
      assert.same({ test = "in_progress" }, checks(call, merged.sha)) -- later jobs appear when they are due
      clock.sleep(300)
      assert.same({
        test = "completed success",
        ["publish (development)"] = "completed success",
        ["publish (staging)"] = "completed success",
      }, checks(call, merged.sha))
      table.sort(published)
      local short = merged.sha:sub(1, 7)
      assert.same({ "development " .. short, "staging " .. short }, published)
    end)
  end)

  it("are named by the answer to a dispatch that asks for it", function()
    support.visit({}, function(_, call)
      local id = dispatch(call, "development")
      local run = run_of(call, id)
      assert.same({ "queued", "workflow_dispatch", "main", "ada" },
        { run.status, run.event, run.head_branch, run.actor.login })
      clock.sleep(30)
      assert.equal("in_progress", run_of(call, id).status)
      clock.sleep(250)
      run = run_of(call, id)
      assert.same({ "completed", "success" }, { run.status, run.conclusion })
      local _, jobs = call("GET", ("%s/actions/runs/%d/jobs"):format(R, id))
      assert.same({ "test", "publish (development)" }, { jobs.jobs[1].name, jobs.jobs[2].name })
      local log = call("GET", ("%s/actions/jobs/%d/logs"):format(R, jobs.jobs[2].id))
      assert.equal(200, log.status)
      assert.matches("publish %(development%)", log.body)
    end)
  end)

  it("are not named by a server that does not know the option, and appear later", function()
    support.visit({ scenario = "dispatch-unnamed" }, function(_, call)
      local body = { ref = "main", inputs = { environment = "development" }, return_run_details = true }
      local response, refused = call("POST", DISPATCH, { body = body })
      assert.equal(422, response.status)
      assert.matches('"return_run_details" is not a permitted key', refused.message)
      body.return_run_details = nil
      response = call("POST", DISPATCH, { body = body })
      assert.same({ 204, "" }, { response.status, response.body })
      local path, query = R .. "/actions/workflows/publish.yml/runs", { event = "workflow_dispatch" }
      assert.equal(0, select(2, call("GET", path, { query = query })).total_count)
      clock.sleep(8)
      assert.equal(1, select(2, call("GET", path, { query = query })).total_count)
    end)
  end)

  it("are refused with the wrong inputs, for the wrong workflow, for a branch that there is not", function()
    support.visit({}, function(_, call)
      local function refusal(body, path)
        local response, answer = call("POST", path or DISPATCH, { body = body })
        assert.equal(422, response.status)
        return answer.message
      end
      assert.equal("Required input 'environment' not provided", refusal { ref = "main" })
      assert.equal('Unexpected inputs provided: ["colour"]',
        refusal { ref = "main", inputs = { environment = "development", colour = "red" } })
      assert.equal("Provided value 'moon' for input 'environment' not in the list of allowed values",
        refusal { ref = "main", inputs = { environment = "moon" } })
      assert.equal("No ref found for: nowhere", refusal { ref = "nowhere", inputs = { environment = "development" } })
      assert.equal("Workflow does not have 'workflow_dispatch' trigger",
        refusal({ ref = "main" }, R .. "/actions/workflows/test.yml/dispatches"))
      local none = call("POST", R .. "/actions/workflows/none.yml/dispatches", { body = { ref = "main" } })
      assert.equal(404, none.status)
    end)
  end)

  it("can be cancelled while they run, not after", function()
    support.visit({}, function(_, call)
      local id = dispatch(call, "development")
      clock.sleep(30)
      assert.equal(202, (call("POST", ("%s/actions/runs/%d/cancel"):format(R, id))).status)
      clock.sleep(10)
      local run = run_of(call, id)
      assert.same({ "completed", "cancelled" }, { run.status, run.conclusion })
      assert.equal(409, (call("POST", ("%s/actions/runs/%d/cancel"):format(R, id))).status)
    end)
  end)

  it("are listed by their properties, the newest first", function()
    support.visit({}, function(_, call)
      local first = dispatch(call, "development")
      clock.sleep(60)
      local middle = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(clock.now()))
      clock.sleep(60)
      local second = dispatch(call, "development")
      local function ids(query)
        local _, body = call("GET", R .. "/actions/runs", { query = query })
        local list = {}
        for i, run in ipairs(body.workflow_runs) do
          list[i] = run.id
        end
        return list
      end
      assert.same({ second, first }, ids {})
      assert.same({ second }, ids { created = ">=" .. middle })
      assert.same({ first }, ids { created = "<" .. middle })
      assert.same({ first }, ids { created = "2026-03-01.." .. middle })
      assert.same({}, ids { branch = "light-it" })
      assert.same({ second }, ids { status = "queued" })
    end)
  end)

  it("wait for a reviewer where the environment has some, who is not the one who started it", function()
    support.visit({}, function(_, call)
      local id = dispatch(call, "production")
      clock.sleep(120)
      assert.equal("waiting", run_of(call, id).status)
      local path = ("%s/actions/runs/%d/pending_deployments"):format(R, id)
      local _, pending = call("GET", path)
      assert.equal("production", pending[1].environment.name)
      assert.is_false(pending[1].current_user_can_approve)
      assert.equal("root", pending[1].reviewers[1].reviewer.login)
      local body = { environment_ids = { pending[1].environment.id }, state = "approved", comment = "go" }
      assert.equal(403, (call("POST", path, { body = body })).status)
      assert.equal(422, (call("POST", path, { body = { environment_ids = { 1 }, state = "approved", comment = "" },
        token = "ghp_roots-token" })).status)
      assert.equal(200, (call("POST", path, { body = body, token = "ghp_roots-token" })).status)
      assert.same({}, select(2, call("GET", path)))
      clock.sleep(200)
      assert.equal("success", run_of(call, id).conclusion)
      local _, approvals = call("GET", ("%s/actions/runs/%d/approvals"):format(R, id))
      assert.same({ "approved", "root", "go" },
        { approvals[1].state, approvals[1].user.login, approvals[1].comment })
      local own = dispatch(call, "production", { token = "ghp_roots-token" })
      clock.sleep(120)
      _, pending = call("GET", ("%s/actions/runs/%d/pending_deployments"):format(R, own), { token = "ghp_roots-token" })
      assert.is_false(pending[1].current_user_can_approve)
    end)
  end)

  it("fail when the reviewer rejects", function()
    support.visit({}, function(w, call)
      local published = 0
      w:on("publish", function() published = published + 1 end)
      local id = dispatch(call, "production")
      clock.sleep(120)
      local path = ("%s/actions/runs/%d/pending_deployments"):format(R, id)
      local _, pending = call("GET", path)
      call("POST", path, {
        body = { environment_ids = { pending[1].environment.id }, state = "rejected", comment = "no" },
        token = "ghp_roots-token",
      })
      assert.equal("failure", run_of(call, id).conclusion)
      clock.sleep(300)
      assert.equal(0, published)
    end)
  end)
end)
