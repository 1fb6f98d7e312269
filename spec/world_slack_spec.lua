-- The simulated Slack, asked over HTTP as anybody would ask it.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local support = require "spec.support.world"

--- Calls a method; gives the decoded answer and the response.
local function slack(method, arguments, ask)
  ask = ask or {}
  local options = {
    headers = { authorization = "Bearer " .. (ask.token or "xoxb-a-bots-token") },
    retry = false,
    [ask.as or "json"] = arguments or {},
  }
  local response = http.post("https://slack.com/api/" .. method, options)
  return response:json(), response
end

local function form(method, arguments)
  return slack(method, arguments, { as = "form" })
end

local function visit(fn, scenario, changes)
  support.visit({ scenario = scenario, changes = changes }, fn)
end

local CHANNEL <const> = "C01LIGHT"

describe("world.slack's door", function()
  it("answers ok false in a 200 for what is wrong", function()
    visit(function()
      local body, response = slack("auth.test", {}, { token = "xoxb-wrong" })
      assert.same({ ok = false, error = "invalid_auth" }, body)
      assert.equal(200, response.status)
      local bare = http.post("https://slack.com/api/auth.test", { form = { a = "b" } }):json()
      assert.equal("not_authed", bare.error)
      assert.equal("unknown_method", slack("chat.shout", {}).error)
      local headers = { ["content-type"] = "text/plain", authorization = "Bearer xoxb-a-bots-token" }
      local text = http.post("https://slack.com/api/auth.test", { body = "x", headers = headers }):json()
      assert.equal("invalid_post_type", text.error)
    end)
  end)

  it("takes tokens in a form, and arguments in forms, JSON and queries", function()
    visit(function()
      local who = http.post("https://slack.com/api/auth.test", { form = { token = "xoxb-a-bots-token" } }):json()
      assert.same({ true, "release-bot", "T01ACME" }, { who.ok, who.user, who.team_id })
      assert.equal("lighthouse", form("conversations.info", { channel = CHANNEL }).channel.name)
      assert.equal("lighthouse", slack("conversations.info", { channel = CHANNEL }).channel.name)
      local response = http.get("https://slack.com/api/conversations.info", {
        query = { channel = CHANNEL },
        headers = { authorization = "Bearer xoxb-a-bots-token" },
      })
      assert.equal("lighthouse", response:json().channel.name)
    end)
  end)

  it("refuses a method that is called more often than its tier allows, each for itself", function()
    visit(function()
      local group, response
      for _ = 1, 25 do
        group, response = form "usergroups.list" -- tier 2: 20 a minute, and some more
      end
      assert.same({ "ratelimited", 429 }, { group.error, response.status })
      local seconds = tonumber(response.headers["retry-after"])
      assert.is_true(seconds > 30 and seconds <= 60)
      for _ = 1, 60 do
        assert.is_true(form("conversations.info", { channel = CHANNEL }).ok)
      end
      assert.equal("ratelimited", form("conversations.info", { channel = CHANNEL }).error)
      clock.sleep(seconds)
      assert.is_true(form("usergroups.list").ok)
    end)
  end)

  it("names the scope that is missing", function()
    visit(function(w)
      local body = slack("chat.postMessage", { channel = CHANNEL, text = "x" })
      assert.equal("chat:write", w.slack.requests[#w.slack.requests].scope)
      assert.same({ "missing_scope", "chat:write", "channels:read" }, { body.error, body.needed, body.provided })
      assert.is_true(slack("conversations.info", { channel = CHANNEL }).ok)
    end, nil, { slack = { scopes = { "channels:read" } } })
  end)
end)

describe("world.slack's messages", function()
  it("are posted, changed and deleted", function()
    visit(function()
      local posted = slack("chat.postMessage", { channel = "#lighthouse", text = "one" })
      assert.same({ true, CHANNEL }, { posted.ok, posted.channel })
      assert.equal(posted.ts, posted.message.ts)
      assert.is_true(slack("chat.update", { channel = CHANNEL, ts = posted.ts, text = "two" }).ok)
      local history = form("conversations.history", { channel = CHANNEL })
      assert.equal("two", history.messages[1].text)
      assert.is_truthy(history.messages[1].edited)
      assert.is_true(slack("chat.delete", { channel = CHANNEL, ts = posted.ts }).ok)
      assert.equal(0, #form("conversations.history", { channel = CHANNEL }).messages)
      assert.equal("message_not_found", slack("chat.update", { channel = CHANNEL, ts = posted.ts, text = "x" }).error)
    end)
  end)

  it("are refused without text, to channels that there are not, to those that the bot is not in", function()
    visit(function(w)
      local function refusal(arguments)
        return slack("chat.postMessage", arguments).error
      end
      assert.equal("no_text", refusal { channel = CHANNEL })
      assert.equal("channel_not_found", refusal { channel = "C0NONE", text = "x" })
      assert.equal("not_in_channel", refusal { channel = "C02OTHER", text = "x" })
      assert.equal("invalid_arguments", refusal { text = "x" })
      assert.equal("msg_too_long", refusal { channel = CHANNEL, text = ("x"):rep(40001) })
      assert.equal("thread_not_found", refusal { channel = CHANNEL, text = "x", thread_ts = "1.000000" })
      assert.equal("invalid_metadata_schema", refusal { channel = CHANNEL, text = "x", metadata = { event_type = 1 } })
      local channel = w.slack:channel(CHANNEL)
      local theirs = w.slack:post(channel, w.slack:user("ada"), { text = "mine" })
      assert.equal("cant_update_message", slack("chat.update", { channel = CHANNEL, ts = theirs.ts, text = "x" }).error)
      assert.equal("cant_delete_message", slack("chat.delete", { channel = CHANNEL, ts = theirs.ts }).error)
    end)
  end)

  it("have timestamps that are unique and grow, also within one moment", function()
    visit(function(w)
      local last = ""
      for i = 1, 200 do
        local item = w.slack:post(w.slack:channel(CHANNEL), w.slack.me, { text = tostring(i) })
        assert.matches("^%d%d%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d$", item.ts)
        assert.is_true(item.ts > last)
        last = item.ts
      end
    end)
  end)

  it("to one channel are let through at about one a second, and refused with Retry-After", function()
    visit(function()
      local refused, seconds
      for i = 1, 12 do
        local body, response = slack("chat.postMessage", { channel = CHANNEL, text = tostring(i) })
        if response.status == 429 then
          assert.same({ ok = false, error = "ratelimited" }, body)
          refused, seconds = i, tonumber(response.headers["retry-after"])
          break
        end
      end
      assert.is_true(refused > 3 and refused < 9)
      assert.is_true(seconds >= 1)
      clock.sleep(seconds)
      assert.is_true(slack("chat.postMessage", { channel = CHANNEL, text = "again" }).ok)
    end)
  end)

  it("form threads, which history does not show", function()
    visit(function()
      local parent = slack("chat.postMessage", { channel = CHANNEL, text = "parent" })
      local reply = slack("chat.postMessage", { channel = CHANNEL, text = "reply", thread_ts = parent.ts })
      clock.sleep(5)
      slack("chat.postMessage", { channel = CHANNEL, text = "both", thread_ts = reply.ts, reply_broadcast = true })
      local replies = form("conversations.replies", { channel = CHANNEL, ts = parent.ts })
      assert.same({ "parent", "reply", "both" },
        { replies.messages[1].text, replies.messages[2].text, replies.messages[3].text })
      assert.equal(2, replies.messages[1].reply_count)
      local history = form("conversations.history", { channel = CHANNEL }).messages
      assert.same({ "both", "parent" }, { history[1].text, history[2].text })
      assert.equal(2, #history)
      assert.equal("thread_not_found", form("conversations.replies", { channel = CHANNEL, ts = "1.000000" }).error)
    end)
  end)

  it("are listed between times, in pages, with metadata only when it is asked for", function()
    visit(function()
      local ts = {}
      for i = 1, 5 do
        ts[i] = slack("chat.postMessage", { channel = CHANNEL, text = tostring(i),
          metadata = { event_type = "count", event_payload = { n = i } } }).ts
        clock.sleep(2)
      end
      local function texts(arguments)
        arguments.channel = CHANNEL
        local body, list = form("conversations.history", arguments), {}
        for i, item in ipairs(body.messages) do
          list[i] = item.text
        end
        return table.concat(list), body
      end
      assert.equal("54321", texts {})
      assert.equal("54", texts { oldest = ts[3] })
      assert.equal("543", texts { oldest = ts[3], inclusive = "true" })
      assert.equal("21", texts { latest = ts[3] })
      local first, body = texts { limit = 2 }
      assert.equal("54", first)
      assert.is_true(body.has_more)
      assert.is_nil(body.messages[1].metadata)
      local second = texts { limit = 2, cursor = body.response_metadata.next_cursor }
      assert.equal("32", second)
      local _, whole = texts { include_all_metadata = "true" }
      assert.same({ n = 5 }, whole.messages[1].metadata.event_payload)
    end)
  end)

  it("have links, also inside threads", function()
    visit(function()
      local parent = slack("chat.postMessage", { channel = CHANNEL, text = "parent" })
      local reply = slack("chat.postMessage", { channel = CHANNEL, text = "reply", thread_ts = parent.ts })
      local plain = form("chat.getPermalink", { channel = CHANNEL, message_ts = parent.ts }).permalink
      assert.equal("https://workspace.slack.com/archives/C01LIGHT/p" .. parent.ts:gsub("%.", ""), plain)
      local within = form("chat.getPermalink", { channel = CHANNEL, message_ts = reply.ts }).permalink
      assert.is_truthy(within:find("?thread_ts=" .. parent.ts, 1, true))
    end)
  end)
end)

describe("world.slack's reactions", function()
  it("are added once and taken back", function()
    visit(function(w)
      local posted = slack("chat.postMessage", { channel = CHANNEL, text = "x" })
      local item = { channel = CHANNEL, timestamp = posted.ts, name = "eyes" }
      assert.is_true(slack("reactions.add", item).ok)
      assert.equal("already_reacted", slack("reactions.add", item).error)
      local channel = w.slack:channel(CHANNEL)
      w.slack:react(channel, w.slack:find(channel, posted.ts), w.slack:user("ada"), "eyes")
      local found = form("reactions.get", { channel = CHANNEL, timestamp = posted.ts, full = "true" })
      assert.same({ { name = "eyes", count = 2, users = { w.slack.me.id, "U01ADA" } } }, found.message.reactions)
      assert.is_true(slack("reactions.remove", item).ok)
      assert.equal("no_reaction", slack("reactions.remove", item).error)
      assert.equal("message_not_found", form("reactions.get", { channel = CHANNEL, timestamp = "1.000000" }).error)
    end)
  end)
end)

describe("world.slack's people and files", function()
  it("are found by id, address and group", function()
    visit(function()
      assert.equal("ada", form("users.info", { user = "U01ADA" }).user.name)
      assert.equal("user_not_found", form("users.info", { user = "U0NONE" }).error)
      assert.equal("U02ROOT", form("users.lookupByEmail", { email = "Root@Example.com" }).user.id)
      assert.equal("users_not_found", form("users.lookupByEmail", { email = "x@example.com" }).error)
      assert.same({ "U02ROOT" }, form("usergroups.users.list", { usergroup = "S01" }).users)
      assert.equal("admins", form("usergroups.list").usergroups[1].handle)
      assert.equal("no_such_subteam", form("usergroups.users.list", { usergroup = "S9" }).error)
      local first = form("users.list", { limit = 1 })
      assert.equal("ada", first.members[1].name)
      local second = form("users.list", { limit = 1, cursor = first.response_metadata.next_cursor })
      assert.equal("root", second.members[1].name)
    end)
  end)

  it("are uploaded in three steps", function()
    visit(function(w)
      local place = form("files.getUploadURLExternal", { filename = "report.txt", length = 5 })
      assert.equal("file_not_found",
        slack("files.completeUploadExternal", { files = { { id = place.file_id } }, channel_id = CHANNEL }).error)
      assert.equal(400, http.post(place.upload_url, { body = "four", retry = false }).status)
      assert.equal("OK - 5", http.post(place.upload_url, { body = "lines", retry = false }).body)
      local done = slack("files.completeUploadExternal", {
        files = { { id = place.file_id, title = "Report" } },
        channel_id = CHANNEL,
        initial_comment = "Here it is",
      })
      assert.equal("Report", done.files[1].title)
      local message = form("conversations.history", { channel = CHANNEL }).messages[1]
      assert.same({ "Here it is", "report.txt" }, { message.text, message.files[1].name })
      assert.equal("lines", w.slack.uploads[place.file_id].content)
    end)
  end)
end)

describe("world.slack's bot for deployments", function()
  it("posts one message for each deployment and edits it; a rollback is told under its cause's id", function()
    visit(function(w)
      local function tell(id, event, rollback_of)
        w:deployment_event {
          id = id, event = event, at = clock.now(), application = "staging-light", environment = "staging",
          group = "staging-light-deployment", region = "eu-west-2", account = "1", rollback_of = rollback_of,
        }
      end
      tell("d-ONE", "started")
      tell("d-ONE", "replacement service running")
      tell("d-ONE", "failed")
      tell("d-TWO", "started", "d-ONE")
      tell("d-TWO", "completed", "d-ONE")
      local history = form("conversations.history", { channel = CHANNEL }).messages
      assert.equal(2, #history)
      assert.equal("Rollback d-ONE for staging-light (completed)", history[1].text)
      assert.equal("Deployment d-ONE for staging-light (failed)", history[2].text)
      assert.equal(":no_entry_sign: Deploying staging-light to staging environment", history[2].blocks[1].text.text)
      assert.matches("started\n.*replacement service running\n.*failed", history[2].blocks[2].text.text)
    end)
  end)
end)
