-- Approvals in Slack: who may, what counts, what is said.
local clock = require "fairlead.clock"
local fake = require "spec.support.fake_service"
local json = require "fairlead.json"
local slack = require "fairlead.slack"

local IDS <const> = { anadmin = "U1", other = "U2", adev = "U3", passer = "U4" }
local NAMES <const> = { U1 = "anadmin", U2 = "other", U3 = "adev", U4 = "passer" }
local EVIDENCE <const> = { head = "ab12cd3", digest = "sha256:99", checks = { "lint", "unit" },
  title = "2 < 3 & more" }

--- A Slack that keeps what is written: messages, and reactions and replies that a spec puts there.
local function workspace()
  local w = { posts = {}, updates = {}, reactions = {}, replies = {} }
  local people = {}
  for name, id in pairs(IDS) do
    people[#people + 1] = { id = id, name = name, profile = {} }
  end
  function w.answer(request)
    local method <const>, body <const> = request.path:match "^/api/(.+)$", request.body
    if method == "users.list" then
      return 200, { ok = true, members = people }
    elseif method == "users.info" then
      return 200, { ok = true, user = { id = body.user, name = NAMES[body.user] } }
    elseif method == "chat.postMessage" then
      w.posts[#w.posts + 1] = body
      return 200, { ok = true, channel = body.channel, ts = ("10.%d"):format(#w.posts) }
    elseif method == "chat.update" then
      w.updates[#w.updates + 1] = body
      return 200, { ok = true, channel = body.channel, ts = body.ts }
    elseif method == "reactions.get" then
      return 200, { ok = true, message = { ts = body.timestamp, reactions = json.array(w.reactions) } }
    elseif method == "conversations.replies" then
      return 200, { ok = true, messages = json.array(w.replies) }
    end
    return 200, { ok = false, error = "unknown_method" }
  end
  return w
end

local function with_gate(options, body)
  local w <const> = workspace()
  local asked = { client = slack.client { token = "t", base_url = "http://slack/api" }, channel = "C1",
    approvers = { "anadmin", "U2", "adev" }, requester = "adev" }
  for key, value in pairs(options) do
    asked[key] = value
  end
  local _, result = fake.run(w.answer, function()
    local channel <const> = slack.approval(asked)
    channel:ask { run = "r1", path = "Production", name = "Production", question = "Release <it>?", evidence = EVIDENCE,
      digest = "d", deadline = clock.now() + 60 }
    return body(channel, w)
  end)
  return w, result
end

local function reaction(name, ...)
  return { name = name, count = select("#", ...), users = { ... } }
end

describe("slack.approval", function()
  it("asks with the evidence, escaped, and says who may decide and how", function()
    local w <const> = with_gate({}, function() end)
    local message <const> = w.posts[1]
    assert.equal("C1", message.channel)
    assert.matches("*Release &lt;it&gt;?*\nchecks:\n    • lint\n    • unit\ndigest: sha256:99\nhead: ab12cd3\n"
      .. "title: 2 &lt; 3 &amp; more\nWho may decide: <@U1>, <@U2>. React with :white_check_mark: to approve or "
      .. ":no_entry_sign: to refuse", message.text, 1, true)
    assert.equal("fairlead_approval", message.metadata.event_type)
    assert.equal("Production", message.metadata.event_payload.gate)
  end)

  it("has no decision while nobody reacts, or reacts otherwise", function()
    with_gate({}, function(channel, w)
      assert.is_nil(channel:answer())
      w.reactions = { reaction("eyes", "U1"), reaction("tada", "U4") }
      w.replies = { { ts = "10.1", user = "UBOT", text = "?" }, { ts = "10.2", user = "U4", text = "what is this?" } }
      assert.is_nil(channel:answer())
      assert.equal(1, #w.posts, "chatting is allowed")
    end)
  end)

  it("takes an allowed person's reaction, with a skin tone too", function()
    for name, decision in pairs { white_check_mark = "approved", ["+1::skin-tone-3"] = "approved",
      no_entry_sign = "refused", x = "refused" } do
      local _, given = with_gate({}, function(channel, w)
        w.reactions = { reaction(name, "U2") }
        return channel:answer()
      end)
      assert.equal(decision, given.decision)
      assert.equal("other", given.by)
    end
  end)

  it("takes an allowed person's reply, with the reason", function()
    for text, expected in pairs {
      ["approve"] = { "approved" }, ["Approved!"] = { "approved" }, ["`approve`"] = { "approved" },
      ["refuse: not on a Friday"] = { "refused", "not on a Friday" }, ["Refuse"] = { "refused" },
      ["refused, the map is blank"] = { "refused", "the map is blank" },
    } do
      local _, given = with_gate({}, function(channel, w)
        w.replies = { { ts = "10.5", user = "U1", text = text } }
        return channel:answer()
      end)
      assert.same({ decision = expected[1], by = "anadmin", why = expected[2] }, given, text)
    end
    for _, text in ipairs { "I approve", "approver needed", "do not approve", "refuses to load", "Approve? Never.",
      "approved, but wait until Monday", "approve?" } do
      local _, given = with_gate({}, function(channel, w)
        w.replies = { { ts = "10.5", user = "U1", text = text } }
        return channel:answer()
      end)
      assert.is_nil(given, text)
    end
  end)

  it("lets a refusal count before an approval", function()
    local _, given = with_gate({}, function(channel, w)
      w.reactions = { reaction("white_check_mark", "U1") }
      w.replies = { { ts = "10.5", user = "U2", text = "refuse wait" } }
      return channel:answer()
    end)
    assert.same({ decision = "refused", by = "other", why = "wait" }, given)
    local _, other = with_gate({}, function(channel, w)
      w.reactions = { reaction("white_check_mark", "U1"), reaction("no_entry_sign", "U2") }
      return channel:answer()
    end)
    assert.equal("refused", other.decision)
  end)

  it("ignores everybody else and says so once each, in the thread", function()
    local w <const>, given = with_gate({}, function(channel, w)
      w.reactions = { reaction("white_check_mark", "U4", "U3") }
      w.replies = { { ts = "10.5", user = "U4", text = "approve" } }
      assert.is_nil(channel:answer())
      assert.is_nil(channel:answer())
      w.reactions = { reaction("white_check_mark", "U4", "U3", "U1") }
      return channel:answer()
    end)
    assert.same({ decision = "approved", by = "anadmin" }, given)
    assert.equal(3, #w.posts)
    assert.equal("10.1", w.posts[2].thread_ts)
    assert.matches("<@U4>: your answer does not count here: only these people may decide: <@U1>, <@U2>.",
      w.posts[2].text, 1, true)
    assert.matches("<@U3>: your answer does not count here: you started this run", w.posts[3].text, 1, true)
  end)

  it("lets the requester decide only where the team says so", function()
    local _, given = with_gate({ allow_requester = true }, function(channel, w)
      w.reactions = { reaction("white_check_mark", "U3") }
      return channel:answer()
    end)
    assert.equal("adev", given.by)
    assert.error_matches(function() with_gate({ approvers = { "adev" } }, function() end) end,
      "the requester is the only one who is named")
  end)

  it("does not count what stood in the thread before the question", function()
    local w <const> = with_gate({ thread = "9.0" }, function(channel, w)
      w.replies = { { ts = "9.5", user = "U1", text = "approve" } }
      assert.is_nil(channel:answer())
      w.replies = { { ts = "9.5", user = "U1", text = "approve" }, { ts = "10.5", user = "U1", text = "approve" } }
      assert.equal("approved", channel:answer().decision)
    end)
    assert.equal("9.0", w.posts[1].thread_ts)
  end)

  it("writes the decision into the message", function()
    for _, case in ipairs {
      { { decision = "approved", by = "anadmin", via = "Slack" }, ":white_check_mark: Approved by anadmin" },
      { { decision = "refused", by = "ann", via = "terminal", why = "a < b" },
        ":no_entry_sign: Refused by ann (terminal): a &lt; b" },
      { { decision = "timeout" }, ":hourglass: Nobody decided in time" },
      { { decision = "voided", by = "anadmin", via = "Slack", why = "head: a -> b" },
        ":no_entry_sign: Void, as something has changed since it was approved by anadmin: head: a -&gt; b" },
      { nil, ":no_entry_sign: The run was stopped" },
    } do
      local w <const> = with_gate({}, function(channel) channel:close(case[1]) end)
      local update <const> = w.updates[1]
      assert.equal("10.1", update.ts)
      assert.equal(case[2], update.text:sub(-#case[2]))
      assert.matches("*Release &lt;it&gt;?*\nchecks:", update.text, 1, true)
      assert.is_nil(update.text:find("Who may decide", 1, true))
    end
  end)

  it("takes a question back that is asked anew", function()
    local w <const> = with_gate({}, function(channel)
      channel:withdraw({ question = "Release <it>?", run = "r", path = "Go" }, { channel = "C1", ts = "9.9" })
    end)
    assert.equal("9.9", w.updates[1].ts)
    assert.equal("*Release &lt;it&gt;?*\n:no_entry_sign: Void, as something has changed since it was asked; "
      .. "it is asked anew", w.updates[1].text)
  end)

  it("says nothing where it never asked, and refuses what cannot work", function()
    local w <const> = workspace()
    fake.run(w.answer, function()
      slack.approval({ client = slack.client { token = "t", base_url = "http://slack/api" }, channel = "C1",
        approvers = { "anadmin" } }):close { decision = "timeout" }
    end)
    assert.equal(0, #w.updates)
    assert.error_matches(function() slack.approval { channel = "C1" } end, "client: a slack.client expected, got nil")
    assert.error_matches(function() slack.approval { client = {}, channel = "C1", approvers = {} } end,
      "approvers: a list of names expected")
  end)
end)
