-- What goes wrong on GitHub and in Slack, scenario by scenario, as anybody who looks would see it.
local clock = require "fairlead.clock"
local gitweb = require "fairlead.world.gitweb"
local http = require "fairlead.http"
local json = require "fairlead.json"
local process = require "fairlead.process"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

local function visit(scenario, fn, options)
  options = options or {}
  local fixture = options.fixture or support.fixture(options.changes)
  fixture.people = options.people or {}
  support.visit({ fixture = fixture, scenario = scenario, seed = options.seed }, fn)
end

local function push(w)
  process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
end

local function open_pull(w, call)
  push(w)
  return select(2, call("POST", R .. "/pulls", { body = { title = "T", head = "light-it", base = "main" } }))
end

local function checks(call, sha)
  local _, body = call("GET", ("%s/commits/%s/check-runs"):format(R, sha))
  local found = {}
  for _, run in ipairs(body.check_runs) do
    found[run.name] = run.conclusion ~= json.null and run.conclusion or run.status
  end
  return found
end

--- The first moment at which `done()` holds, looked at each second.
local function moment(done)
  for _ = 1, 3600 do
    if done() then
      return clock.now()
    end
    clock.sleep(1)
  end
  error "never"
end

describe("in the scenario check-added-late", function()
  it("all checks there are have passed for over a minute when the last required one appears", function()
    for seed = 1, 3 do
      visit("check-added-late", function(w, call)
        local pull = open_pull(w, call)
        local function passed() return checks(call, pull.head.sha).lint == "success" end
        local green = moment(passed)
        assert.same({ lint = "success" }, checks(call, pull.head.sha))
        local response, body = call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = {} })
        assert.equal(405, response.status)
        assert.matches('"unit" is expected', body.message)
        local appeared = moment(function() return checks(call, pull.head.sha).unit end)
        assert.is_true(appeared - green >= 59 and appeared - green <= 92, tostring(appeared - green))
        clock.sleep(130)
        assert.same({ lint = "success", unit = "success" }, checks(call, pull.head.sha))
      end, { seed = seed })
    end
  end)
end)

describe("in the scenario checks-of-previous-commit", function()
  it("the branch is on GitHub with green checks, and its head has none for minutes", function()
    visit("checks-of-previous-commit", function(w, call)
      local _, before = call("GET", R .. "/branches/light-it")
      assert.same({ lint = "success", unit = "success" }, checks(call, before.commit.sha))
      local pull = open_pull(w, call)
      assert.are_not.equal(before.commit.sha, pull.head.sha)
      assert.equal(before.commit.sha, select(2, call("GET", R .. "/commits/light-it")).parents[1].sha)
      clock.sleep(280)
      assert.same({}, checks(call, pull.head.sha))
      clock.sleep(200)
      assert.same({ lint = "success", unit = "success" }, checks(call, pull.head.sha))
    end)
  end)
end)

describe("in the scenario checks-of-previous-commit, with one commit on the branch", function()
  it("the branch has been pushed as it began", function()
    local commit = { message = "Light the lamp", files = { ["lamp.txt"] = "light\n" } }
    local one = { name = "light-it", commits = { commit } }
    visit("checks-of-previous-commit", function(_, call)
      local _, main = call("GET", R .. "/branches/main")
      assert.equal(main.commit.sha, select(2, call("GET", R .. "/branches/light-it")).commit.sha)
      assert.same({ lint = "success", unit = "success" }, checks(call, main.commit.sha))
    end, { changes = { github = { branch = one } } })
  end)
end)

describe("in the scenario cancelled-check", function()
  it("a required check ends as cancelled, its run too, and the merge is refused", function()
    visit("cancelled-check", function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      assert.same({ lint = "success", unit = "cancelled" }, checks(call, pull.head.sha))
      local _, runs = call("GET", R .. "/actions/runs", { query = { head_sha = pull.head.sha } })
      assert.equal("cancelled", runs.workflow_runs[1].conclusion)
      local _, body = call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = {} })
      assert.matches('"unit" is failing', body.message)
    end)
  end)
end)

describe("in the scenario approval-then-push", function()
  it("the approval is of a commit that is no longer the head", function()
    for _, dismiss in ipairs { true, false } do
      visit("approval-then-push", function(w, call)
        local pull = open_pull(w, call)
        clock.sleep(400)
        local _, now = call("GET", R .. "/pulls/" .. pull.number)
        assert.are_not.equal(pull.head.sha, now.head.sha)
        local _, reviews = call("GET", ("%s/pulls/%d/reviews"):format(R, pull.number))
        assert.same({ "bob", pull.head.sha, dismiss and "DISMISSED" or "APPROVED" },
          { reviews[1].user.login, reviews[1].commit_id, reviews[1].state })
        assert.equal(409, (call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number),
          { body = { sha = pull.head.sha } })).status)
      end, {
        people = { reviewers = { { login = "bob", after_seconds = 60 } } },
        changes = { github = { rules = { required_checks = {}, required_approvals = 1, dismiss_stale = dismiss } } },
      })
    end
  end)
end)

describe("in the scenario two-releases-at-once", function()
  it("a newer commit is on main a minute after ours, and is published after it", function()
    visit("two-releases-at-once", function(w, call)
      local sent = {}
      w:on("publish", function(data)
        if data.environment == "staging" then sent[#sent + 1] = data.sha end
      end)
      local pull = open_pull(w, call)
      local _, ours = call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = {} })
      clock.sleep(61)
      local _, main = call("GET", R .. "/branches/main")
      assert.are_not.equal(ours.sha, main.commit.sha)
      assert.equal(ours.sha, main.commit.parents[1].sha)
      local _, newer = call("GET", R .. "/pulls", { query = { state = "closed" } })
      assert.same({ "Mend the footer's links", "colleague" }, { newer[1].title, newer[1].user.login })
      local _, compared = call("GET", ("%s/compare/%s...main"):format(R, ours.sha))
      assert.same({ 2, 0 }, { compared.ahead_by, compared.behind_by })
      clock.sleep(300)
      w:settle()
      table.sort(sent, function(a) return a == ours.sha end)
      assert.same({ ours.sha, main.commit.sha }, sent)
    end, { changes = { github = { rules = { required_checks = {} } } } })
  end)
end)

describe("in the scenario migration-present", function()
  it("the change holds a migration in the fixture's folder, and nothing else is different", function()
    local names = {}
    for _, scenario in ipairs { "all-well", "migration-present" } do
      local fixture = support.fixture()
      fixture.migrations = "db/migrations"
      visit(scenario, function(w, call)
        local pull = open_pull(w, call)
        local _, files = call("GET", ("%s/pulls/%d/files"):format(R, pull.number))
        local list = {}
        for i, file in ipairs(files) do list[i] = file.filename end
        names[scenario] = list
        assert.equal("Tell of it\n\nAt length.", select(2, call("GET", R .. "/commits/light-it")).commit.message)
      end, { fixture = fixture })
    end
    assert.same({ "NEWS.md", "lamp.txt" }, names["all-well"])
    assert.same({ "NEWS.md", "db/migrations/versions/5d1c40e8a7b2_add_the_layers_columns.py", "lamp.txt" },
      names["migration-present"])
  end)
end)

describe("in the scenario dev-taken", function()
  local REF <const> = "fairlead/reservations/development"

  local function taken(given_back)
    local fixture = support.fixture()
    fixture.held = {
      {
        ref = "refs/" .. REF, by = "bob", seconds = 600, given_back = given_back,
        message = function(now, till) return json.encode({ by = "bob", since = now, till = till }) end,
      },
    }
    return fixture
  end

  local function held_by(call)
    local response, ref = call("GET", R .. "/git/ref/" .. REF)
    if response.status == 404 then return nil end
    return json.decode(select(2, call("GET", R .. "/git/commits/" .. ref.object.sha)).message), ref.object.sha
  end

  it("a ref says who has it, and is gone when they give it back", function()
    visit("dev-taken", function(w, call)
      local note = held_by(call)
      assert.same({ "bob", w.fixture.start }, { note.by, note.since })
      assert.is_true(note.till - note.since >= 540 and note.till - note.since <= 660)
      clock.sleep(530)
      assert.is_truthy(held_by(call))
      clock.sleep(140)
      assert.is_nil(held_by(call))
    end, { fixture = taken() })
  end)

  it("or moves on to a commit that says so, after what others have added to it", function()
    visit("dev-taken", function(_, call)
      local note, sha = held_by(call)
      note.queue = { "ada" }
      local _, tree = call("GET", R .. "/git/trees/main")
      local _, mine = call("POST", R .. "/git/commits", {
        body = { message = json.encode(note), tree = tree.sha, parents = { sha } },
      })
      assert.equal(200, (call("PATCH", R .. "/git/refs/" .. REF, { body = { sha = mine.sha } })).status)
      clock.sleep(670)
      local free, after = held_by(call)
      assert.same({ queue = { "ada" } }, free)
      assert.equal(mine.sha, select(2, call("GET", R .. "/git/commits/" .. after)).parents[1].sha)
    end, {
      fixture = taken(function(message)
        return json.encode { queue = json.decode(message).queue }
      end),
    })
  end)

  it("nobody holds anything in any other scenario", function()
    visit("all-well", function(_, call)
      assert.is_nil(held_by(call))
    end, { fixture = taken() })
  end)
end)

describe("in the scenario slack-down", function()
  it("no call succeeds, in one of Slack's ways to fail, and GitHub is as ever", function()
    visit("slack-down", function(w, call)
      local seen = {}
      for _ = 1, 40 do
        local answer, err = try(http.post, "https://slack.com/api/auth.test", {
          headers = { authorization = "Bearer xoxb-a-bots-token" }, form = {}, retry = false, timeout = 10,
        })
        local how = err and err.kind or answer.status == 200 and answer:json().error or tostring(answer.status)
        seen[how] = true
      end
      assert.same({ ["http.timeout"] = true, ["503"] = true, internal_error = true, fatal_error = true }, seen)
      assert.equal(200, (call("GET", "/user")).status)
      assert.is_true(#w.slack.requests > 0)
    end)
  end)
end)

describe("in the scenario github-down-for-10-minutes", function()
  it("it fails for that long from some instant in the middle, and carries out nothing meanwhile", function()
    local starts = {}
    for seed = 1, 3 do
      visit("github-down-for-10-minutes", function(w, call)
        local function works(method, path, ask)
          local ok, response = pcall(call, method, path, ask)
          return ok and response.status < 500
        end
        assert.is_true(works("GET", "/user"))
        local began = clock.now()
        local from = moment(function() return not works("GET", "/user") end)
        for _ = 1, 5 do
          assert.is_false(works("POST", R .. "/issues", { body = { title = "Nobody hears me" } }))
        end
        local fetch = { method = "GET", target = "/acme/lighthouse.git/info/refs?service=git-upload-pack", headers = {},
          body = "" }
        assert.equal(503, gitweb.answer(w, fetch).status)
        local to = moment(function() return works("GET", "/user") end)
        assert.same({}, w.github.issues)
        assert.is_true(math.abs(to - from - 600) < 5, tostring(to - from))
        assert.is_true(from - began >= 299 and from - began <= 1510, tostring(from - began))
        starts[seed] = from
      end, { seed = seed })
    end
    assert.are_not.equal(starts[1], starts[2])
  end)
end)
