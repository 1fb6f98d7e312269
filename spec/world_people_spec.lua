-- The simulated people, and whole procedures rehearsed among them.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local github = require "fairlead.github"
local http = require "fairlead.http"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local slack = require "fairlead.slack"
local support = require "spec.support.world"
local world = require "fairlead.world"

local R <const> = support.REPOSITORY

local PEOPLE <const> = {
  reviewers = { { login = "bob", after_seconds = 60 } },
  admins = { { user = "root", login = "root", after_seconds = 90, why = "the tide is wrong" } },
  bystanders = { { user = "ada", after_seconds = 5 } },
  colleague = { login = "bob", message = "Polish the lens", files = { ["lens.txt"] = "clear\n" } },
}

local function visit(scenario, fn, changes)
  local fixture = support.fixture(changes)
  fixture.people = PEOPLE
  support.visit({ fixture = fixture, scenario = scenario }, fn)
end

local function open_pull(w, call)
  process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
  local _, pull = call("POST", R .. "/pulls", { body = { title = "T", head = "light-it", base = "main" } })
  return pull
end

local function reviews(call, pull)
  return select(2, call("GET", ("%s/pulls/%d/reviews"):format(R, pull.number)))
end

describe("world.people: a reviewer", function()
  it("approves the head when its checks have passed, and what is pushed afterwards anew", function()
    visit("all-well", function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(80)
      assert.equal(0, #reviews(call, pull))
      clock.sleep(150)
      local list = reviews(call, pull)
      assert.same({ "bob", "APPROVED", pull.head.sha }, { list[1].user.login, list[1].state, list[1].commit_id })
      process.run({ "git", "commit", "-q", "--allow-empty", "-m", "More", cwd = w.folder.work }):check()
      process.run({ "git", "push", "-q", "origin", "light-it", cwd = w.folder.work }):check()
      assert.equal("DISMISSED", reviews(call, pull)[1].state)
      clock.sleep(300)
      assert.same({ 2, "APPROVED" }, { #reviews(call, pull), reviews(call, pull)[2].state })
    end)
  end)

  it("does not approve what is red", function()
    visit("tests-fail", function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(3600)
      assert.equal(0, #reviews(call, pull))
    end)
  end)

  it("does not come in the scenario review-missing", function()
    visit("review-missing", function(w, call)
      local pull = open_pull(w, call)
      call("POST", ("%s/pulls/%d/requested_reviewers"):format(R, pull.number), { body = { reviewers = { "bob" } } })
      clock.sleep(7 * 86400)
      assert.equal(0, #reviews(call, pull))
    end)
  end)
end)

describe("world.people: a colleague", function()
  it("pushes just before the merge in the scenario head-moves", function()
    visit("head-moves", function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(300)
      local path = ("%s/pulls/%d"):format(R, pull.number)
      local refused = call("PUT", path .. "/merge", { body = { sha = pull.head.sha } })
      assert.equal(409, refused.status)
      local _, changed = call("GET", path)
      assert.are_not.equal(pull.head.sha, changed.head.sha)
      local log = process.run({ "git", "log", "-1", "--format=%an %s", "light-it", cwd = w.folder.origin }):check()
      assert.equal("Bob Polish the lens\n", log.stdout)
      assert.equal("DISMISSED", reviews(call, pull)[1].state)
      clock.sleep(300)
      assert.equal(200, (call("PUT", path .. "/merge", { body = { sha = changed.head.sha } })).status)
    end)
  end)
end)

describe("world.people: an admin", function()
  --- Asks in Slack with the real client; gives the decision.
  local function ask(w)
    local client = slack.client { token = w.fixture.slack.token }
    local channel = slack.approval { client = client, channel = "lighthouse", approvers = { "U02ROOT" } }
    channel:ask { question = "Light the lamp?", evidence = { commit = "abc" } }
    local decision
    repeat
      clock.sleep(10)
      decision = channel:answer()
    until decision or clock.now() > w.fixture.start + 3600
    channel:close(decision)
    return decision
  end

  it("answers a question in Slack; who is not asked does not count", function()
    visit("all-well", function(w)
      local decision = ask(w)
      assert.same({ "approved", "root" }, { decision.decision, decision.by })
      local told = 0
      for _, item in ipairs(w.slack:channel("lighthouse").messages) do
        told = told + (item.text:find("<@U01ADA>: your answer does not count", 1, true) and 1 or 0)
      end
      assert.equal(1, told)
    end)
  end)

  it("refuses in the scenario admin-refuses, and says why", function()
    visit("admin-refuses", function(w)
      local decision = ask(w)
      assert.same({ "refused", "root", "the tide is wrong" }, { decision.decision, decision.by, decision.why })
    end)
  end)

  it("approves or rejects a deployment that waits on GitHub", function()
    for scenario, expected in pairs { ["all-well"] = "approved", ["admin-refuses"] = "refused" } do
      visit(scenario, function(w)
        w:open()
        local client = github.client { repository = "acme/lighthouse", token = w.fixture.github.token }
        local run = client:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "production" } }
        local channel = github.approval { client = client, run = run.id, environment = "production" }
        local decision
        repeat
          clock.sleep(10)
          decision = channel:answer()
        until decision
        assert.same({ expected, "root" }, { decision.decision, decision.by })
      end)
    end
  end)
end)

describe("world:run", function()
  local function a_procedure(act)
    return procedure.new { name = "look", run = act, rehearsal = support.fixture }
  end

  it("carries a procedure out on virtual time, in a clone of its own, with tokens that the world takes", function()
    local seen = {}
    local w = world.new {}
    local result = w:run(a_procedure(function(run)
      seen.login = github.client({ repository = "acme/lighthouse" }):get("/user").login
      seen.branch = process.run({ "git", "branch", "--show-current", cwd = run.directory }):check().stdout
      seen.remote = process.run({ "git", "config", "remote.origin.url", cwd = run.directory }):check().stdout
      seen.directory, seen.profile = run.directory, environment.get "AWS_PROFILE"
      seen.now = clock.now()
      clock.sleep(1800)
    end))
    assert.same({ "done", 0 }, { result.outcome, result.exit_code })
    assert.equal("ada", seen.login)
    assert.equal("light-it\n", seen.branch)
    assert.equal("https://github.com/acme/lighthouse.git\n", seen.remote)
    assert.is_nil(seen.profile)
    assert.is_true(seen.now >= 1772442000 and seen.now < 1772442010)
    assert.is_true(result.elapsed >= 1800)
    assert.equal("run.finished", result.events[#result.events].event)
    assert.is_nil(io.open(seen.directory .. "/.git/HEAD"))
    assert.equal(1, #w.github.requests)
  end)

  it("hides the user's own tokens and profile, and gives them back", function()
    local mine = { GITHUB_TOKEN = "ghp_mine", AWS_PROFILE = "mine", GITHUB_API_URL = "https://example.com" }
    environment.with(mine, function()
      local seen
      world.new({}):run(a_procedure(function()
        seen = { environment.get "GITHUB_TOKEN" or "-", environment.get "AWS_PROFILE" or "-",
          environment.get "GITHUB_API_URL" or "-", environment.get "GH_TOKEN" or "-" }
      end))
      assert.same({ "-", "-", "-", "ghp_a-developers-token" }, seen)
      assert.equal("ghp_mine", environment.get "GITHUB_TOKEN")
    end)
  end)

  it("removes its folder and gives the network back when the procedure fails", function()
    local directory
    local result = world.new({}):run(a_procedure(function(run)
      directory = run.directory
      error "the lamp fell"
    end))
    assert.same({ "failed", 1 }, { result.outcome, result.exit_code })
    assert.is_nil(io.open(directory .. "/.git/HEAD"))
    local _, err = try(http.get, "http://127.0.0.1:1/", { retry = false, proxy = false })
    assert.equal("http.connect", err.kind)
  end)

  it("needs a procedure that names its world, or a fixture", function()
    local homeless = procedure.new { name = "homeless", run = function() end }
    local _, err = try(world.new({}).run, world.new({}), homeless)
    assert.equal("usage", err.kind)
    assert.matches("homeless", tostring(err))
    assert.equal("done", world.new({ fixture = support.fixture() }):run(homeless).outcome)
  end)
end)
