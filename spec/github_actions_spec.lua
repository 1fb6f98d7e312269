-- Workflows: the run that a dispatch started and no other, jobs, deployments that wait for a review.
local clock = require "fairlead.clock"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local json = require "fairlead.json"

local BASE <const> = "/repos/owner/name/actions/"
local RUNS <const> = BASE .. "workflows/publish.yml/runs"
local DISPATCHES <const> = BASE .. "workflows/publish.yml/dispatches"

local function client()
  return github.client { repository = "owner/name", token = "t", base_url = "http://h" }
end

local function failure(fn)
  return select(2, try(fn))
end

local function run(id, fields)
  local raw = {
    id = id, name = "Publish", display_title = "Publish development", workflow_id = 71, event = "workflow_dispatch",
    path = ".github/workflows/publish.yml", status = "queued", conclusion = json.null, head_sha = ("a"):rep(40),
    head_branch = "add-layer", check_suite_id = 5, actor = { login = "adev" }, run_attempt = 1,
    html_url = "https://github.com/owner/name/actions/runs/" .. id, created_at = "2026-03-02T09:00:00Z",
    run_started_at = "2026-03-02T09:00:01Z", updated_at = "2026-03-02T09:00:02Z",
  }
  for key, value in pairs(fields or {}) do
    raw[key] = value
  end
  return raw
end

local function page(runs)
  return { total_count = #runs, workflow_runs = json.array(runs) }
end

local function dispatch(routes, options)
  local asked = { workflow = "publish.yml", ref = "add-layer", inputs = { environment = "development" } }
  for key, value in pairs(options or {}) do
    asked[key] = value
  end
  return fake.run(fake.routes(routes), function()
    return try(function() return client():dispatch(asked) end)
  end)
end

local function count(seen, method)
  local n = 0
  for _, request in ipairs(seen) do
    n = n + (request.method == method and 1 or 0)
  end
  return n
end

describe("github.dispatch", function()
  it("returns the run that GitHub names", function()
    local seen <const>, started = dispatch {
      ["GET " .. RUNS] = page {},
      ["POST " .. DISPATCHES] = { workflow_run_id = 900, run_url = "api", html_url = "page" },
      ["GET " .. BASE .. "runs/900"] = run(900),
    }
    assert.equal(900, started.id)
    assert.equal("pending", started.state)
    assert.equal(fake.START, started.created_at)
    assert.same({ ref = "add-layer", inputs = { environment = "development" }, return_run_details = true },
      seen[2].body)
  end)

  it("returns it even when it cannot be read yet", function()
    local _, started = dispatch {
      ["GET " .. RUNS] = page {}, ["POST " .. DISPATCHES] = { workflow_run_id = 900, html_url = "page" },
    }
    assert.equal(900, started.id)
    assert.equal("page", started.url)
  end)

  it("finds the run where GitHub does not name it, among others that are not it", function()
    local posted
    local _, started = dispatch {
      ["GET " .. RUNS] = function()
        local runs = { run(800) }
        if posted and clock.now() - posted > 4 then
          runs = { run(903, { head_branch = "other" }), run(902), run(800) }
        end
        return 200, page(runs)
      end,
      ["POST " .. DISPATCHES] = function()
        posted = clock.now()
        return 204, ""
      end,
    }
    assert.equal(902, started.id)
  end)

  it("tells own runs from a colleague's, and by a marker in the run's name", function()
    local function routes()
      local posted = false
      return {
        ["GET /user"] = { login = "adev" },
        ["GET " .. RUNS] = function()
          return 200, page(posted and {
            run(903, { actor = { login = "colleague" }, display_title = "Publish run-77" }), run(902) } or {})
        end,
        ["POST " .. DISPATCHES] = function()
          posted = true
          return 204, ""
        end,
      }
    end
    local _, own = dispatch(routes())
    assert.equal(902, own.id)
    local _, marked = dispatch(routes(), { marker = "run-77" })
    assert.equal(903, marked.id)
    local _, other = dispatch(routes(), { actor = "colleague" })
    assert.equal(903, other.id)
  end)

  it("does not guess between two that fit", function()
    local posted = false
    local _, started, err = dispatch {
      ["GET /user"] = { login = "adev" },
      ["GET " .. RUNS] = function() return 200, page(posted and { run(903), run(902) } or {}) end,
      ["POST " .. DISPATCHES] = function()
        posted = true
        return 204, ""
      end,
    }
    assert.is_nil(started)
    assert.equal("github.api.conflict", err.kind)
    assert.matches("marker", tostring(err))
  end)

  it("leaves out what an older server does not know", function()
    local posted = 0
    local seen <const>, started = dispatch {
      ["GET " .. RUNS] = function() return 200, page(posted == 2 and { run(902) } or {}) end,
      ["POST " .. DISPATCHES] = function()
        posted = posted + 1
        if posted == 1 then
          return 422, { message = "Invalid request.\n\n\"return_run_details\" is not a permitted key." }
        end
        return 204, ""
      end,
    }
    assert.equal(902, started.id)
    assert.same({ ref = "add-layer", inputs = { environment = "development" } }, seen[3].body)
  end)

  it("looks for the run before it repeats a dispatch whose answer was lost", function()
    for _, heard in ipairs { true, false } do
      local started_runs, posts = {}, 0
      local _, started = dispatch {
        ["GET " .. RUNS] = function() return 200, page(started_runs) end,
        ["POST " .. DISPATCHES] = function()
          posts = posts + 1
          if posts == 1 then
            started_runs = heard and { run(902) } or {}
            fake.lose "http.reset"
          end
          started_runs = { run(904) }
          return 200, { workflow_run_id = 904 }
        end,
      }
      assert.equal(heard and 902 or 904, started.id)
      assert.equal(heard and 1 or 2, posts)
    end
  end)

  it("says when no run shows up, and starts no second one", function()
    local seen <const>, _, err = dispatch({
      ["GET " .. RUNS] = page { run(800) }, ["POST " .. DISPATCHES] = function() return 204, "" end,
    }, { timeout = 20 })
    assert.equal("github.api", err.kind)
    assert.is_true(err.retryable)
    assert.matches("owner/name publish.yml: the workflow was started, and no run has shown up within 20 s",
      tostring(err), 1, true)
    assert.equal(1, count(seen, "POST"))
  end)

  it("raises what GitHub refuses, without looking for a run", function()
    local seen <const>, _, err = dispatch {
      ["GET " .. RUNS] = page {},
      ["POST " .. DISPATCHES] = function() return 422, { message = "No ref found for: add-layer" } end,
    }
    assert.equal("github.api.invalid", err.kind)
    assert.matches("No ref found for: add%-layer", tostring(err))
    assert.equal(2, #seen)
  end)

  it("wants a workflow and a ref", function()
    assert.error_matches(function() client():dispatch { workflow = "a.yml" } end, "ref: a value expected, got nil")
  end)
end)

describe("github workflow runs", function()
  it("have jobs, with verdicts", function()
    local _, jobs = fake.run(fake.routes {
      ["GET " .. BASE .. "runs/900"] = run(900, { status = "completed", conclusion = "failure" }),
      ["GET " .. BASE .. "runs/900/jobs"] = { total_count = 2, jobs = {
        { id = 1, name = "test", status = "completed", conclusion = "failure", html_url = "p", steps = {
          { name = "npm test", status = "completed", conclusion = "failure", number = 1 } },
          started_at = "2026-03-02T09:00:00Z", completed_at = "2026-03-02T09:02:30Z" },
        { id = 2, name = "publish", status = "completed", conclusion = "skipped" },
      } },
    }, function()
      local found <const> = client():workflow_run(900)
      assert.equal("failing", found.state)
      assert.is_truthy(json.encode(found):find('"id":900', 1, true), "is plain data")
      return found:jobs()
    end)
    assert.same({ id = 1, name = "test", status = "completed", conclusion = "failure", state = "failing", url = "p",
      started_at = fake.START, completed_at = fake.START + 150,
      steps = { { name = "npm test", status = "completed", conclusion = "failure" } } }, jobs[1])
    assert.equal("passing", jobs[2].state)
  end)

  it("are listed by commit, event and workflow, newest first", function()
    local seen <const>, runs = fake.run(fake.routes {
      ["GET " .. RUNS] = page { run(901), run(903), run(902) },
    }, function()
      return client():workflow_runs { workflow = "publish.yml", head_sha = "abc", event = "push", limit = 2 }
    end)
    assert.same({ event = "push", head_sha = "abc", per_page = "2" }, seen[1].query)
    assert.equal(2, #runs)
    assert.is_true(runs[1].id > runs[2].id)
  end)
end)

local PENDING <const> = { { environment = { id = 41, name = "production" }, wait_timer = 5,
  wait_timer_started_at = "2026-03-02T09:00:00Z", current_user_can_approve = true, reviewers = {
    { type = "User", reviewer = { login = "anadmin" } }, { type = "Team", reviewer = { slug = "admins" } } } } }

describe("the log of a job", function()
  local function read(text, bytes)
    local seen, log = fake.run(function(request)
      if request.path == BASE .. "jobs/7/logs" then return 302, "", { Location = "http://logs.example/7?sig=s" } end
      return 200, text, { ["Content-Type"] = "text/plain" }
    end, function() return client():job_log(7, bytes) end)
    return log, seen
  end

  it("comes from where GitHub points, and the token does not go there", function()
    local log, seen = read "one\ntwo\n"
    assert.equal("one\ntwo\n", log)
    assert.equal("http://logs.example/7?sig=s", seen[2].url)
    assert.is_string(seen[1].headers.authorization)
    assert.is_nil(seen[2].headers.authorization)
  end)

  it("is cut to its end, at a line", function()
    assert.equal("three\n", read("one\ntwo\nthree\n", 9))
    assert.equal("one\ntwo\n", read("one\ntwo\n", 8))
    assert.equal("", read("", 8))
  end)

  it("may be gone", function()
    local err = failure(function() fake.run(fake.routes {}, function() client():job_log(7) end) end)
    assert.equal("github.api.not_found", err.kind)
    assert.equal("github.job_log", err.op)
  end)
end)

describe("github pending deployments", function()
  it("tell who may approve", function()
    local _, pending = fake.run(fake.routes { ["GET " .. BASE .. "runs/900/pending_deployments"] = PENDING }, function()
      return client():pending_deployments(900)
    end)
    assert.same({ { environment = "production", environment_id = 41, can_approve = true,
      reviewers = { "anadmin", "@admins" }, wait_seconds = 300, waiting_since = fake.START } }, pending)
  end)

  it("are reviewed by the environments' names", function()
    local seen <const>, decided = fake.run(fake.routes {
      ["GET " .. BASE .. "runs/900/pending_deployments"] = PENDING,
      ["POST " .. BASE .. "runs/900/pending_deployments"] = json.array { { id = 1, ref = "main" } },
    }, function()
      return client():review_deployments { run = 900, environments = { "production" }, state = "rejected",
        comment = "not on a Friday" }
    end)
    assert.same({ "production" }, decided)
    assert.same({ environment_ids = { 41 }, state = "rejected", comment = "not on a Friday" }, seen[2].body)
    assert.equal(2, #seen)
  end)

  it("are reviewed once when the answer is lost", function()
    local waiting, posts = true, 0
    local seen <const>, decided = fake.run(fake.routes {
      ["GET " .. BASE .. "runs/900/pending_deployments"] = function()
        return 200, json.array(waiting and PENDING or {})
      end,
      ["POST " .. BASE .. "runs/900/pending_deployments"] = function()
        posts, waiting = posts + 1, false
        fake.lose "http.reset"
      end,
    }, function()
      return client():review_deployments { run = 900, environments = { "production", "staging" }, state = "approved" }
    end)
    assert.same({ "production" }, decided)
    assert.same({ environment_ids = { 41 }, state = "approved", comment = "" }, seen[2].body)
    assert.equal(1, posts)
  end)

  it("want a decision that is one", function()
    assert.error_matches(function()
      client():review_deployments { run = 1, environments = { "production" }, state = "yes" }
    end, '"approved" or "rejected" expected')
  end)
end)

describe("github.approval", function()
  local function answer(pending, reviews, status, request)
    local seen, decision = fake.run(fake.routes {
      ["GET " .. BASE .. "runs/900/pending_deployments"] = json.array(pending),
      ["GET " .. BASE .. "runs/900/approvals"] = json.array(reviews),
      ["GET " .. BASE .. "runs/900"] = run(900, status),
      ["GET /user"] = { login = "adev" },
    }, function()
      local channel <const> = github.approval { client = client(), run = 900, environment = "production" }
      assert.equal("GitHub", channel.name)
      channel:ask(request or { question = "?" })
      local given <const> = channel:answer()
      channel:close(given and { decision = given.decision, via = "GitHub" } or { decision = "timeout" })
      return given
    end)
    assert.equal(0, count(seen, "POST"), "it only looks")
    return decision
  end

  local function review(state, environment, comment, by)
    return { state = state, comment = comment or "", user = { login = by or "anadmin" },
      environments = { { id = 1, name = environment } } }
  end

  --- What was sent when a decision that was made elsewhere is handed on to a run that waits, or does not.
  local function hand_on(decision, pending, reviews)
    local waiting = pending
    local seen <const>, channel = fake.run(fake.routes {
      ["GET " .. BASE .. "runs/900/pending_deployments"] = function() return 200, json.array(waiting) end,
      ["POST " .. BASE .. "runs/900/pending_deployments"] = function()
        waiting = {}
        return 200, json.array {}
      end,
      ["GET " .. BASE .. "runs/900/approvals"] = function() return 200, json.array(reviews or {}) end,
      ["GET " .. BASE .. "runs/900"] = run(900, { status = "in_progress" }),
    }, function()
      local asked <const> = github.approval { client = client(), run = 900, environment = "production" }
      asked:ask { run = "r-1", digest = ("d"):rep(64) }
      asked:close(decision)
      return asked
    end)
    for _, request in ipairs(seen) do
      if request.method == "POST" then return request.body, channel end
    end
    return nil, channel
  end

  it("hands on what was decided elsewhere, and knows its own again", function()
    local by_ann <const> = { decision = "approved", by = "ann", via = "Slack", why = "go" }
    local sent <const> = hand_on(by_ann, PENDING)
    assert.same({ environment_ids = { 41 }, state = "approved",
      comment = "Approved by ann in Slack: go [r-1 dddddddddddd]" }, sent)
    local refused <const> = hand_on({ decision = "refused", by = "ann", via = "terminal" }, PENDING)
    assert.same({ "rejected", "Refused by ann in terminal [r-1 dddddddddddd]" }, { refused.state, refused.comment })
    assert.same({ decision = "approved", by = "ann", why = "go", handed_on = true },
      answer({}, { review("approved", "production", sent.comment, "adev") }, nil,
        { run = "r-1", digest = ("d"):rep(64) }))
    assert.equal("anadmin", answer({}, { review("approved", "production", sent.comment) }).by, "of another run")
  end)

  it("takes a decision that was handed on from nobody but the token's user", function()
    local forged <const> = answer({}, { review("approved", "production", "Approved by ann in Slack [r-1 dddddddddddd]",
      "eve") }, nil, { run = "r-1", digest = ("d"):rep(64) })
    assert.equal("eve", forged.by)
    assert.is_nil(forged.handed_on)
  end)

  it("leaves the job waiting where there is no decision, and says when it had another one", function()
    assert.is_nil(hand_on({ decision = "voided", by = "ann", via = "Slack" }, PENDING))
    assert.is_nil(hand_on({ decision = "timeout" }, PENDING))
    local by_ann <const> = { decision = "approved", by = "ann", via = "Slack" }
    assert.is_nil(hand_on(by_ann, {}, { review("approved", "production") }), "somebody was faster")
    assert.equal("github.api.conflict",
      failure(function() hand_on(by_ann, {}, { review("rejected", "production") }) end).kind)
  end)

  it("waits while the environment does, whatever was said of an earlier attempt", function()
    assert.is_nil(answer(PENDING, { review("approved", "production") }))
    assert.is_nil(answer({}, {}, { status = "in_progress" }))
    assert.is_nil(answer({}, { review("approved", "staging") }, { status = "in_progress" }))
  end)

  it("is approved or refused by whom, with the comment", function()
    assert.same({ decision = "approved", by = "anadmin" }, answer({}, { review("approved", "production") }))
    assert.same({ decision = "refused", by = "anadmin", why = "not on a Friday" },
      answer({}, { review("rejected", "production", "not on a Friday") }))
  end)

  it("takes the end of a run that nobody was asked about for a refusal", function()
    local decision <const> = answer({}, {}, { status = "completed", conclusion = "success" })
    assert.equal("refused", decision.decision)
    assert.matches("without a review of production; does that environment have required reviewers", decision.why)
  end)

  it("wants a client, a run and an environment", function()
    assert.error_matches(function() github.approval { client = {}, run = 1 } end, "environment: string expected")
    assert.equal("github.api.not_found", failure(function()
      fake.run(fake.routes {}, function()
        github.approval({ client = client(), run = 1, environment = "p" }):answer()
      end)
    end).kind)
  end)
end)
