-- Who answers a question about a release, where, and whether it is theirs to answer.
local clock = require "fairlead.clock"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

local PEOPLE <const> = { admins = { { user = "root", login = "root", after_seconds = 200 } } }

local function visit(scenario, fn, people, github)
  local fixture = support.fixture { github = github or {} }
  table.insert(fixture.slack.users, { id = "U03EVE", name = "eve" })
  fixture.people = people or PEOPLE
  support.visit({ fixture = fixture, scenario = scenario }, fn)
end

--- The bot asks; after ten minutes: who did what, in order of time.
local function ask(w)
  local slack = w.slack
  local channel, seen = slack:channel "lighthouse", {}
  local function note(kind, user, what)
    seen[#seen + 1] = { user = slack:user(user).name, kind = kind, what = what, after = w.now - w.fixture.start }
  end
  w:on("slack_reaction", function(data) note("reaction", data.by.id, data.name) end)
  w:on("slack_message", function(data)
    if not data.by.bot then note("reply", data.by.id, data.message.text) end
  end)
  slack:post(channel, slack.me, {
    text = "Production?", metadata = { event_type = "fairlead_approval", event_payload = { run = "1" } },
  })
  clock.sleep(600)
  w:settle()
  return seen
end

local function summary(seen)
  local list = {}
  for i, one in ipairs(seen) do list[i] = ("%s %s %s"):format(one.user, one.kind, one.what) end
  return list
end

local function dispatch(call, environment)
  local _, started = call("POST", R .. "/actions/workflows/publish.yml/dispatches", {
    body = { ref = "main", inputs = { environment = environment }, return_run_details = true },
  })
  return started.workflow_run_id
end

describe("a question about a release", function()
  it("is answered by the requester at once and by an admin later, in the scenario approval-by-requester", function()
    visit("approval-by-requester", function(w)
      local seen = ask(w)
      local said = summary(seen)
      assert.same("root reaction white_check_mark", table.remove(said))
      table.sort(said)
      assert.same({ "ada reaction white_check_mark", "ada reply approve" }, said)
      assert.is_true(seen[2].after < 30 and seen[3].after > 150)
    end)
  end)

  it("is answered by somebody who is on no list, in the scenario wrong-person-approves", function()
    visit("wrong-person-approves", function(w)
      local said = summary(ask(w))
      assert.same("root reaction white_check_mark", table.remove(said))
      table.sort(said)
      assert.same({ "eve reaction white_check_mark", "eve reply approve" }, said)
    end)
  end)

  it("is answered by whoever the fixture names for that", function()
    local people = { admins = PEOPLE.admins, stranger = { user = "ada" }, requester = { user = "eve" } }
    visit("wrong-person-approves", function(w)
      assert.equal("ada", ask(w)[1].user)
    end, people)
    visit("approval-by-requester", function(w)
      assert.equal("eve", ask(w)[1].user)
    end, people)
  end)

  it("is answered by an admin with a reply, or refused with a reason", function()
    local people = { admins = { { user = "root", way = "reply", after_seconds = 60, why = "the lens is dirty" } } }
    visit("all-well", function(w)
      assert.same({ "root reply approve" }, summary(ask(w)))
    end, people)
    visit("admin-refuses", function(w)
      assert.same({ "root reply refuse the lens is dirty" }, summary(ask(w)))
    end, people)
  end)

  it("is left alone in Slack by an admin who reviews on GitHub", function()
    local people = { admins = { { user = "root", login = "root", way = "github", after_seconds = 60 } } }
    visit("all-well", function(w, call)
      local run = dispatch(call, "production")
      assert.same({}, ask(w))
      local _, approvals = call("GET", ("%s/actions/runs/%d/approvals"):format(R, run))
      assert.same({ "approved", "root" }, { approvals[1].state, approvals[1].user.login })
      assert.is_nil(approvals[2])
    end, people)
  end)

  it("is not answered on GitHub by an admin who started the run and may not review their own", function()
    local people = { admins = { { user = "ada", login = "ada", way = "github", after_seconds = 30 } } }
    visit("all-well", function(_, call)
      local run = dispatch(call, "production")
      clock.sleep(1200)
      assert.equal("waiting", select(2, call("GET", ("%s/actions/runs/%d"):format(R, run))).status)
    end, people, {
      environments = { development = {}, production = { reviewers = { "ada" }, prevent_self_review = true } },
    })
  end)
end)

describe("in the scenario hotfix-during-release", function()
  local function published(w)
    local list = {}
    w:on("publish", function(data) list[#list + 1] = data end)
    return list
  end

  it("somebody publishes another commit for production while the question waits for its answer", function()
    visit("hotfix-during-release", function(w, call)
      local sent = published(w)
      ask(w)
      assert.equal(1, #sent)
      assert.equal("production", sent[1].environment)
      local _, commit = call("GET", R .. "/commits/" .. sent[1].sha)
      assert.matches("^Hotfix", commit.commit.message)
      assert.equal(sent[1].sha, select(2, call("GET", R .. "/branches/hotfix")).commit.sha)
      local _, compared = call("GET", R .. "/compare/main..." .. sent[1].sha)
      assert.are_not.equal("behind", compared.status)
      assert.is_true(sent[1].at - w.fixture.start < 60)
    end)
  end)

  it("or shortly before the reviewer of a waiting job decides on GitHub", function()
    visit("hotfix-during-release", function(w, call)
      local sent, status = published(w), nil
      local id = dispatch(call, "production")
      w:on("publish", function() status = status or w.github.actions.by_id[id].status end)
      clock.sleep(300)
      w:settle()
      assert.same({ 1, "waiting" }, { #sent, status })
      assert.matches("^Hotfix", select(2, call("GET", R .. "/commits/" .. sent[1].sha)).commit.message)
    end)
  end)
end)
