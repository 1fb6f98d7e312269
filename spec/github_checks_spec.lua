-- The verdict over a commit's checks, and what a branch demands.
local clock = require "fairlead.clock"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local json = require "fairlead.json"
local world = require "spec.support.world"

local SHA <const> = ("ab12"):rep(10)
local BASE <const> = "/repos/owner/name/"

local function client()
  return github.client { repository = "owner/name", token = "t", base_url = "http://h" }
end

local next_id

--- A check run as GitHub describes it. `conclusion` nil: not completed.
local function run(name, conclusion, fields)
  next_id = next_id + 1
  local raw = {
    id = next_id, name = name, status = conclusion and "completed" or "in_progress",
    conclusion = conclusion or json.null, app = { slug = "github-actions" }, check_suite = { id = 1 },
    html_url = "https://github.com/owner/name/runs/" .. next_id, started_at = "2026-03-02T09:00:00Z",
    completed_at = conclusion and "2026-03-02T09:01:00Z" or json.null,
  }
  for key, value in pairs(fields or {}) do
    raw[key] = value
  end
  return raw
end

local function routes_of(check_runs, statuses, more)
  local routes = {
    ["GET " .. BASE .. "commits/" .. SHA .. "/check-runs"] =
      { total_count = #check_runs, check_runs = json.array(check_runs) },
    ["GET " .. BASE .. "commits/" .. SHA .. "/status"] =
      { state = "pending", total_count = #(statuses or {}), statuses = json.array(statuses or {}) },
  }
  for path, answer in pairs(more or {}) do
    routes["GET " .. BASE .. path] = answer
  end
  return fake.routes(routes)
end

local function checks(check_runs, statuses, options, more)
  local _, verdict = fake.run(routes_of(check_runs, statuses, more), function()
    return client():checks(SHA, options)
  end)
  return verdict
end

describe("github checks", function()
  before_each(function() next_id = 100 end)

  it("are missing, never passing, when nothing was reported", function()
    local verdict <const> = checks {}
    assert.equal("missing", verdict.state)
    assert.equal("no check of ab12ab12 has reported", verdict.why)
    assert.same({}, verdict.runs)
  end)

  it("count each conclusion by Fairlead's own table", function()
    local expected <const> = {
      success = "passing", neutral = "passing", skipped = "passing", failure = "failing", cancelled = "failing",
      timed_out = "failing", action_required = "failing", startup_failure = "failing", stale = "failing",
      something_new = "failing",
    }
    for conclusion, state in pairs(expected) do
      assert.equal(state, checks({ run("lint", conclusion) }).state, conclusion)
    end
    for _, status in ipairs { "queued", "in_progress", "requested", "waiting", "pending" } do
      assert.equal("pending", checks({ run("lint", nil, { status = status }) }).state, status)
    end
  end)

  it("tell every check by name, with times, pages and verdicts", function()
    local verdict <const> = checks({ run("unit", "success"), run("lint") }, {
      { context = "deploy/preview", state = "success", target_url = "https://ci/1",
        created_at = "2026-03-02T09:00:00Z", updated_at = "2026-03-02T09:00:30Z" },
    })
    assert.equal("pending", verdict.state)
    assert.equal("1 of 3 checks of ab12ab12 are not done: lint (in_progress)", verdict.why)
    assert.same({
      name = "unit", app = "github-actions", source = "check", status = "completed", conclusion = "success",
      state = "passing", url = "https://github.com/owner/name/runs/101", started_at = fake.START,
      completed_at = fake.START + 60,
    }, verdict.runs[3])
    assert.same({
      name = "deploy/preview", source = "status", status = "completed", conclusion = "success", state = "passing",
      url = "https://ci/1", started_at = fake.START, completed_at = fake.START + 30,
    }, verdict.runs[1])
    assert.is_nil(verdict.runs[2].conclusion)
  end)

  it("fail as soon as one fails, though others are not done", function()
    local verdict <const> = checks { run("a", "failure"), run("b"), run("c", "cancelled"), run("d", "success") }
    assert.equal("failing", verdict.state)
    assert.equal("2 of 4 checks of ab12ab12 fail: a (failure), c (cancelled)", verdict.why)
  end)

  it("do not let a combined status of nothing hold back what passes", function()
    assert.equal("passing", checks({ run("lint", "success") }).state)
  end)

  it("count a status and a check of one name both", function()
    local verdict <const> = checks({ run("lint", "success") }, { { context = "lint", state = "error" } })
    assert.equal("failing", verdict.state)
    assert.equal(2, #verdict.runs)
  end)

  it("let a pending re-run beat an older pass, and a pass beat an older failure", function()
    assert.equal("pending", checks({ run("lint", "success"), run("lint") }).state)
    assert.equal("passing", checks({ run("lint", "failure"), run("lint", "success") }).state)
    -- The order of the answer does not matter, the ids do.
    local older <const>, newer <const> = run("lint", "failure"), run("lint", "success")
    assert.equal("passing", checks({ newer, older }).state)
  end)

  it("keep two workflows' jobs of one name apart", function()
    local both <const> = {
      run("test", "failure", { check_suite = { id = 1 } }), run("test", "success", { check_suite = { id = 2 } }),
    }
    local function suites(first, second)
      return { ["actions/runs"] = { total_count = 2, workflow_runs = {
        { id = 12, check_suite_id = 2, workflow_id = second, event = "push", status = "completed" },
        { id = 11, check_suite_id = 1, workflow_id = first, event = "push", status = "completed" },
      } } }
    end
    assert.equal("failing", checks(both, nil, nil, suites(71, 72)).state)
    assert.equal("passing", checks(both, nil, nil, suites(71, 71)).state)
  end)

  it("want what is required to have reported", function()
    local options <const> = { required = { "lint", "unit" } }
    local verdict <const> = checks({ run("lint", "success") }, nil, options)
    assert.equal("missing", verdict.state)
    assert.same({ "unit" }, verdict.missing)
    assert.equal("required checks of ab12ab12 have not reported: unit", verdict.why)
    local pending <const> = checks({ run("lint") }, nil, options)
    assert.equal("pending", pending.state)
    assert.matches("not reported yet: unit", pending.why)
    assert.equal("passing", checks({ run("lint", "success"), run("unit", "skipped") }, nil, options).state)
  end)

  it("leave out what is to be ignored", function()
    assert.equal("passing", checks({ run("lint", "success"), run("flaky", "failure") }, nil,
      { ignore = { "flaky" } }).state)
  end)

  it("look at all pages", function()
    local function page(request)
      local first <const> = request.query.page == nil
      local link <const> = first and { Link = ("<http://h%scommits/%s/check-runs?page=2>; rel=\"next\""):format(BASE,
        SHA) } or nil
      return 200, { total_count = 2, check_runs = { first and run("a", "success") or run("b", "failure") } }, link
    end
    local _, verdict = fake.run(fake.routes {
      ["GET " .. BASE .. "commits/" .. SHA .. "/check-runs"] = page,
      ["GET " .. BASE .. "commits/" .. SHA .. "/status"] = { total_count = 0, statuses = json.array {} },
    }, function() return client():checks(SHA) end)
    assert.equal("failing", verdict.state)
    assert.equal(2, #verdict.runs)
  end)

  describe("with a token that may not read them", function()
    local function forbidden()
      return 403, { message = "Resource not accessible by personal access token" }
    end
    local jobs <const> = { total_count = 2, jobs = {
      { id = 1, name = "lint", status = "completed", conclusion = "success" },
      { id = 2, name = "unit", status = "in_progress", conclusion = json.null },
    } }
    local workflow_runs <const> = { total_count = 3, workflow_runs = {
      { id = 13, workflow_id = 71, event = "push", name = "Test", status = "in_progress" },
      { id = 12, workflow_id = 71, event = "push", name = "Test", status = "completed", conclusion = "failure" },
      { id = 11, workflow_id = 72, event = "push", name = "Broken", status = "completed",
        conclusion = "startup_failure" },
    } }

    it("are seen through the newest run of each workflow, and say so", function()
      local _, verdict = fake.run(fake.routes {
        ["GET " .. BASE .. "commits/" .. SHA .. "/check-runs"] = forbidden,
        ["GET " .. BASE .. "commits/" .. SHA .. "/status"] = { total_count = 0, statuses = json.array {} },
        ["GET " .. BASE .. "actions/runs"] = workflow_runs,
        ["GET " .. BASE .. "actions/runs/13/jobs"] = jobs,
        ["GET " .. BASE .. "actions/runs/11/jobs"] = { total_count = 0, jobs = json.array {} },
      }, function() return client():checks(SHA) end)
      assert.equal("failing", verdict.state)
      assert.equal(3, #verdict.runs)
      assert.matches("1 of 3 checks of ab12ab12 fail: Broken (startup_failure) (seen through workflow runs",
        verdict.why, 1, true)
    end)

    it("are asked for again only after ten minutes", function()
      local asked, may = 0, false
      fake.run(fake.routes {
        ["GET " .. BASE .. "commits/" .. SHA .. "/check-runs"] = function()
          asked = asked + 1
          if not may then return forbidden() end
          return 200, { total_count = 0, check_runs = json.array {} }
        end,
        ["GET " .. BASE .. "commits/" .. SHA .. "/status"] = { total_count = 0, statuses = json.array {} },
        ["GET " .. BASE .. "actions/runs"] = workflow_runs,
        ["GET " .. BASE .. "actions/runs/13/jobs"] = jobs,
        ["GET " .. BASE .. "actions/runs/11/jobs"] = { total_count = 0, jobs = json.array {} },
      }, function()
        local gh <const> = client()
        for _ = 1, 5 do
          assert.matches("seen through workflow runs", gh:checks(SHA).why, 1, true)
          clock.sleep(30)
        end
        assert.equal(1, asked)
        may = true
        clock.sleep(600)
        assert.equal("missing", gh:checks(SHA).state)
        assert.equal(2, asked)
      end)
    end)

    it("of the simulated GitHub tell the same as checks do, but for whose they are", function()
      local rights <const> = { "contents:read", "actions:read", "statuses:read", "pull_requests:read" }
      local tokens <const> = { github_pat_some = { user = "ada", rights = rights } }
      world.visit({ changes = { github = { tokens = tokens } } }, function(w)
        w:open().repository.branches.work = w:open().repository.branches.main
        local sha <const> = w.github:commit_as("work", { author = "ada", message = "W", files = { ["w.txt"] = "w" } })
        w.github.pulls:open { title = "Work", head = "work", base = "main", by = "ada" }
        local function look(token)
          local verdict <const> = github.client { repository = "acme/lighthouse", token = token }:checks(sha)
          local names = {}
          for i, check in ipairs(verdict.runs) do names[i] = check.name .. " " .. check.state end
          return names, verdict.state, verdict.why
        end
        local states = {}
        for i, seconds in ipairs { 20, 40, 120 } do
          clock.sleep(seconds)
          local full <const>, state <const>, why <const> = look(w.fixture.github.token)
          local some <const>, seen <const>, told <const> = look "github_pat_some"
          assert.same(full, some)
          assert.equal(state, seen)
          assert.equal(why .. " (seen through workflow runs and statuses: the token may not read checks)", told)
          assert.equal(2, #some)
          states[i] = state
        end
        assert.same({ "pending", "pending", "passing" }, states)
      end)
    end)

    it("are refused when it may not read workflow runs either", function()
      local _, err = fake.run(forbidden, function() return select(2, try(client().checks, client(), SHA)) end)
      assert.equal("github.api.not_authorised", err.kind)
      assert.matches("check%-runs", err.target)
    end)
  end)
end)

describe("github branch rules", function()
  local ruleset <const> = {
    { type = "deletion" },
    { type = "required_status_checks", parameters = { strict_required_status_checks_policy = true,
      required_status_checks = { { context = "unit", integration_id = 15368 }, { context = "lint" } } } },
    { type = "pull_request", parameters = { required_approving_review_count = 1, require_last_push_approval = false,
      dismiss_stale_reviews_on_push = true } },
  }
  local protection <const> = {
    required_status_checks = { strict = false, contexts = { "lint", "e2e" }, checks = { { context = "e2e" } } },
    required_pull_request_reviews = { required_approving_review_count = 2, dismiss_stale_reviews = false },
  }

  local function rules(branch, list, classic)
    local _, found = fake.run(fake.routes {
      ["GET " .. BASE .. "branches/release%2F1"] = branch,
      ["GET " .. BASE .. "rules/branches/release%2F1"] = json.array(list),
      ["GET " .. BASE .. "branches/release%2F1/protection"] = classic,
    }, function() return client():branch_rules "release/1" end)
    return found
  end

  it("come from rulesets and classic protection together", function()
    assert.same({
      checks_required = { "e2e", "lint", "unit" }, strict = true, approvals = 2, dismiss_stale = true,
      last_push_approval = false, pull_request = true, unreadable = {}, source = "ruleset and protection",
    }, rules({ name = "release/1", protected = true }, ruleset, protection))
  end)

  it("are none for an unprotected branch", function()
    local found <const> = rules({ name = "release/1", protected = false }, {}, nil)
    assert.equal("none", found.source)
    assert.equal(0, found.approvals)
    assert.same({}, found.checks_required)
  end)

  it("say what only an administrator may see, and take the check names from the branch", function()
    local found <const> = rules({ name = "release/1", protected = true, protection = { enabled = true,
      required_status_checks = { contexts = { "unit" } } } }, {}, function()
      return 403, { message = "Must have admin rights to Repository." }
    end)
    assert.same({ "unit" }, found.checks_required)
    assert.same({ "branch protection" }, found.unreadable)
    assert.equal("protection", found.source)
  end)

  it("are refused for a branch that does not exist", function()
    local _, err = fake.run(fake.routes {}, function()
      return select(2, try(client().branch_rules, client(), "gone"))
    end)
    assert.equal("github.api.not_found", err.kind)
  end)
end)
