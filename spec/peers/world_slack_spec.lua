-- Slack's own client, @slack/web-api, against `fairlead world serve`: every method that the procedures use.
local others = require "spec.peers.support.others"
local results = require "spec.peers.support.results"
local served_world = require "spec.peers.support.served_world"

local TOKEN <const>, CHANNEL <const> = "xoxb-a-bots-token", "C01LIGHT"
local BLOCKS <const> = { { type = "section", text = { type = "mrkdwn", text = "*é* <https://example.org|there>" } } }

describe("a served world, asked by @slack/web-api:", function()
  local world, client

  setup(function()
    world = served_world.start "spec/peers/software/world.lua"
    client = others.of_node(world)
  end)
  teardown(function()
    client:close()
    world:close()
  end)

  local column <const> = results.column { spec = "world_slack", group = "Slack", it = it,
    peer = "@slack/web-api, asking `world serve`" }

  local function asked(method, body)
    column(method, function()
      return body(function(parameters, other) return client:call("slack", other or method, parameters, TOKEN) end,
        function(parameters, token) return client:ask("slack", method, parameters, token or TOKEN).code end)
    end)
  end

  asked("auth.test", function(call, code)
    assert.equal("release-bot", call({}).user)
    assert.equal("invalid_auth", code({}, "xoxb-nobodys"))
  end)

  asked("conversations.list", function(call)
    assert.equal("lighthouse", call({ types = "public_channel", limit = 100 }).channels[1].name)
  end)

  asked("conversations.info", function(call, code)
    assert.equal("lighthouse", call({ channel = CHANNEL }).channel.name)
    assert.equal("channel_not_found", code { channel = "C0NONE" })
  end)

  asked("conversations.members", function(call)
    assert.is_true(#call({ channel = CHANNEL }).members > 0)
  end)

  asked("users.list", function(call)
    assert.is_true(#call({ limit = 100 }).members >= 2)
  end)

  asked("users.info", function(call, code)
    assert.equal("ada", call({ user = "U01ADA" }).user.name)
    assert.equal("user_not_found", code { user = "U0NONE" })
  end)

  asked("users.lookupByEmail", function(call)
    assert.equal("U01ADA", call({ email = "ada@example.com" }).user.id)
  end)

  asked("usergroups.list", function(call)
    assert.equal("admins", call({}).usergroups[1].handle)
  end)

  asked("usergroups.users.list", function(call)
    assert.equal("U02ROOT", call({ usergroup = "S01" }).users[1])
  end)

  local ts

  asked("chat.postMessage", function(call, code)
    ts = call({ channel = CHANNEL, text = "é & <ü>", blocks = BLOCKS,
      metadata = { event_type = "release", event_payload = { run = "r-1" } } }).ts
    assert.equal("not_in_channel", code { channel = "C02OTHER", text = "x" })
    local long <const> = { type = "section", text = { type = "mrkdwn", text = ("x"):rep(3001) } }
    assert.equal("invalid_blocks", code { channel = CHANNEL, text = "x", blocks = { long } })
  end)

  asked("chat.update", function(call, code)
    assert.equal(ts, call({ channel = CHANNEL, ts = ts, text = "newer", blocks = BLOCKS }).ts)
    assert.equal("message_not_found", code { channel = CHANNEL, ts = "1.000001", text = "x" })
  end)

  asked("chat.getPermalink", function(call)
    assert.matches("^https://", call({ channel = CHANNEL, message_ts = ts }).permalink)
  end)

  asked("reactions.add", function(call, code)
    call { channel = CHANNEL, timestamp = ts, name = "thumbsup" }
    assert.equal("already_reacted", code { channel = CHANNEL, timestamp = ts, name = "thumbsup" })
  end)

  asked("reactions.get", function(call)
    assert.equal("thumbsup", call({ channel = CHANNEL, timestamp = ts, full = true }).message.reactions[1].name)
  end)

  asked("reactions.remove", function(call)
    call { channel = CHANNEL, timestamp = ts, name = "thumbsup" }
  end)

  asked("conversations.history", function(call)
    local found <const> = call { channel = CHANNEL, oldest = ts, inclusive = true, include_all_metadata = true }
    assert.equal("newer", found.messages[1].text)
    assert.equal("r-1", found.messages[1].metadata.event_payload.run)
  end)

  asked("conversations.replies", function(call)
    call({ channel = CHANNEL, text = "below", thread_ts = ts }, "chat.postMessage")
    assert.equal("below", call({ channel = CHANNEL, ts = ts }).messages[2].text)
  end)

  asked("filesUploadV2", function(call)
    local done <const> = call { channel_id = CHANNEL, filename = "log.txt", content = "lines é\n", title = "Log" }
    assert.is_true(done.ok)
    return "The SDK's own way to upload: files.getUploadURLExternal, the upload, files.completeUploadExternal."
  end)

  asked("chat.delete", function(call)
    call { channel = CHANNEL, ts = ts }
  end)
end)
