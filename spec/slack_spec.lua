-- The Slack client: calls, refusals, pacing, messages that are written once, names, files.
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local json = require "fairlead.json"
local server = require "spec.support.server"
local slack = require "fairlead.slack"
local task = require "fairlead.task"

local function client(base_url)
  return slack.client { token = "xoxb-sesame", base_url = base_url or "http://slack/api" }
end

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

--- Answers by method: a table is merged into {ok = true}.
local function methods(answers)
  return function(request, number)
    local answer = answers[request.path:match "^/api/(.+)$"]
    if type(answer) == "function" then
      return answer(request, number)
    elseif not answer then
      return 200, { ok = false, error = "unknown_method" }
    end
    local merged = { ok = true }
    for key, value in pairs(answer) do
      merged[key] = value
    end
    return 200, merged
  end
end

local function paths(seen)
  local list = {}
  for i, request in ipairs(seen) do
    list[i] = request.path:match "^/api/(.+)$"
  end
  return list
end

describe("slack.client", function()
  it("sends writes as JSON and reads as forms, with the token in a header only", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, '{"ok":true,"channel":"C1","ts":"1.2","messages":[]}')
    end)
    local c <const> = client(s.url .. "/api/")
    assert.same({ channel = "C1", ts = "1.2" }, c:post { channel = "C1", text = "héllo", thread = "1.1" })
    c:history { channel = "C1", oldest = 1772442000, limit = 3 }
    local post <const>, read <const> = s.requests[1], s.requests[2]
    assert.equal("POST /api/chat.postMessage", post.method .. " " .. post.target)
    assert.equal("Bearer xoxb-sesame", post.headers.authorization)
    assert.equal("application/json; charset=utf-8", post.headers["content-type"])
    local sent <const> = json.decode(post.body)
    assert.equal("héllo", sent.text)
    assert.equal("1.1", sent.thread_ts)
    assert.equal("application/x-www-form-urlencoded", read.headers["content-type"])
    assert.equal("channel=C1&include_all_metadata=true&limit=3&oldest=1772442000.000000", read.body)
    for _, request in ipairs(s.requests) do
      assert.is_nil((request.target .. request.body):find "sesame")
    end
  end)

  it("takes SLACK_BOT_TOKEN and SLACK_API_URL, and names the variable when there is no token", function()
    environment.with({ SLACK_BOT_TOKEN = "xoxb-1", SLACK_API_URL = "http://127.0.0.1:9/slack/api/" }, function()
      assert.equal("http://127.0.0.1:9/slack/api", slack.client().base_url)
    end)
    environment.with({ SLACK_BOT_TOKEN = false, SLACK_API_URL = false }, function()
      assert.equal("https://slack.com/api", slack.client({ token = "t" }).base_url)
      local err <const> = failure(slack.client)
      assert.equal("config.missing", err.kind)
      assert.matches("SLACK_BOT_TOKEN", tostring(err))
    end)
  end)

  it("raises what Slack refuses in an answer of status 200", function()
    local cases <const> = {
      { { error = "invalid_auth" }, "slack.api.not_authorised", "SLACK_BOT_TOKEN" },
      { { error = "missing_scope", needed = "chat:write", provided = "users:read" }, "slack.api.not_authorised",
        "missing scope chat:write (the token has: users:read); add the scope" },
      { { error = "not_in_channel" }, "slack.api", "not in channel; invite the bot" },
      { { error = "channel_not_found" }, "slack.api.not_found", "/invite" },
      { { error = "invalid_blocks", response_metadata = { messages = { "[ERROR] must be text" } } }, "slack.api",
        "invalid blocks: [ERROR] must be text" },
      { {}, "slack.api", "unknown error" },
    }
    for _, case in ipairs(cases) do
      local answer <const> = case[1]
      answer.ok = false
      local seen <const>, err = fake.run(function()
        return 200, answer, { ["X-Slack-Req-Id"] = "r1" }
      end, function() return failure(function() client():post { channel = "C1", text = "t" } end) end)
      assert.equal(case[2], err.kind)
      assert.equal(answer.error or "unknown_error", err.code)
      assert.equal("r1", err.request_id)
      assert.matches(case[3], tostring(err), 1, true)
      assert.matches("slack.chat.postMessage C1: ", tostring(err), 1, true)
      assert.equal(1, #seen)
    end
  end)

  it("says that an answer is not Slack's", function()
    local _, err = fake.run(function() return 404, "no such page" end, function()
      return failure(function() client():call "auth.test" end)
    end)
    assert.equal("slack.api.not_found", err.kind)
    local _, html = fake.run(function() return 200, "<html>" end, function()
      return failure(function() client():call "auth.test" end)
    end)
    assert.matches("not JSON", tostring(html))
  end)

  it("refuses a call that is none", function()
    assert.error_matches(function() client():call "../admin" end, "a method such as 'chat.postMessage' expected")
    assert.error_matches(function() client():post { channel = "C1" } end, "text: string expected, got nil")
  end)
end)

describe("slack limits", function()
  it("space messages to one channel a second apart, and those to two channels not", function()
    local seen <const> = fake.run(methods { ["chat.postMessage"] = { channel = "C1", ts = "1.1" } }, function()
      local c <const> = client()
      local function to(channel) return function() c:post { channel = channel, text = "t" } end end
      task.all { to "C1", to "C1", to "C1", to "C2" }
    end)
    local at = { C1 = {}, C2 = {} }
    for _, request in ipairs(seen) do
      table.insert(at[request.body.channel], request.at)
    end
    assert.same({ 0, 1, 2 }, at.C1)
    assert.same({ 0 }, at.C2)
  end)

  it("wait out a 429 and up to a second more, then send even a message again", function()
    local seen <const> = chance.with(function() return 0.5 end, fake.run, function(_, number)
      if number == 1 then
        return 429, "", { ["Retry-After"] = 30 }
      end
      return 200, { ok = true, channel = "C1", ts = "1.1" }
    end, function() client():post { channel = "C1", text = "t" } end)
    assert.equal(2, #seen)
    assert.near(30.5, seen[2].at, 0.1)
    assert.same({ "chat.postMessage", "chat.postMessage" }, paths(seen))
  end)

  it("end the call at once when that would take too long", function()
    local seen <const>, err = fake.run(function() return 429, "", { ["Retry-After"] = 900 } end, function()
      return failure(function() client():call("auth.test", {}, { timeout = 60 }) end)
    end)
    assert.equal(1, #seen)
    assert.equal("slack.api.rate_limited", err.kind)
    assert.is_true(err.retryable)
  end)

  it("keep steady reading within the method's tier", function()
    local seen <const> = fake.run(methods { ["users.list"] = { members = {} } }, function()
      local c <const> = client()
      for _ = 1, 40 do
        c:call "users.list"
      end
    end)
    -- Tier 2: 20 at once, then one each 3 s.
    assert.is_true(seen[20].at < 2)
    assert.is_true(seen[40].at > 55)
  end)
end)

describe("slack messages", function()
  local function nonce_of(body)
    return body.metadata.event_payload.fairlead_post
  end

  it("carry metadata: the caller's and a mark of their own", function()
    local seen <const> = fake.run(methods { ["chat.postMessage"] = { channel = "C1", ts = "1.1" } }, function()
      client():post { channel = "C1", text = "t",
        metadata = { event_type = "release", event_payload = { run = "r1" } } }
      client():post { channel = "C1", text = "t" }
    end)
    local first <const>, second <const> = seen[1].body, seen[2].body
    assert.equal("release", first.metadata.event_type)
    assert.equal("r1", first.metadata.event_payload.run)
    assert.equal(32, #nonce_of(first))
    assert.not_equal(nonce_of(first), nonce_of(second))
  end)

  it("are looked for when the answer was lost, and written again only when they are not there", function()
    for _, thread in ipairs { "", "1.1" } do
      for _, arrived in ipairs { true, false } do
        local stored, posts = {}, 0
        local function read() return 200, { ok = true, messages = json.array(stored) } end
        local seen <const>, posted = fake.run(methods {
          ["chat.postMessage"] = function(request)
            posts = posts + 1
            local message <const> = { ts = "5.5", text = request.body.text, metadata = request.body.metadata }
            if posts == 1 then
              stored = arrived and { { ts = "5.6", text = "t" }, message } or {}
              fake.lose "http.timeout"
            end
            return 200, { ok = true, channel = "C1", ts = "6.6" }
          end,
          ["conversations.history"] = read, ["conversations.replies"] = read,
        }, function()
          return client():post { channel = "C1", text = "t", thread = thread ~= "" and thread or nil }
        end)
        assert.same({ channel = "C1", ts = arrived and "5.5" or "6.6" }, posted)
        assert.equal(arrived and 1 or 2, posts)
        assert.equal(thread == "" and "conversations.history" or "conversations.replies", paths(seen)[2])
        assert.equal("true", seen[2].body.include_all_metadata)
      end
    end
  end)

  it("are changed in place, again after a lost answer", function()
    local seen <const> = fake.run(methods { ["chat.update"] = function(_, number)
      if number == 1 then
        fake.lose "http.reset"
      end
      return 200, { ok = true, channel = "C1", ts = "1.1" }
    end }, function() client():update { channel = "C1", ts = "1.1", text = "done" } end)
    assert.equal(2, #seen)
    assert.same({ channel = "C1", ts = "1.1", text = "done" }, seen[2].body)
  end)

  it("are read over pages, as many as wanted", function()
    local function pages(request)
      local start <const> = tonumber(request.body.cursor or 0)
      local list = {}
      for i = 1, 2 do
        list[i] = { ts = ("%d.0"):format(9 - start - i), text = "m" }
      end
      return 200, { ok = true, messages = list, response_metadata = { next_cursor = start < 4 and
        tostring(start + 2) or "" } }
    end
    local seen <const>, few, all = fake.run(methods { ["conversations.history"] = pages }, function()
      return client():history { channel = "C1", limit = 3 }, client():history { channel = "C1" }
    end)
    assert.equal(3, #few)
    assert.equal(6, #all)
    assert.equal("8.0", all[1].ts)
    assert.equal(2 + 3, #seen)
  end)

  it("end with an error after so many pages, not as if that were all", function()
    local seen <const>, err = fake.run(function(_, number)
      return 200, { ok = true, members = {}, response_metadata = { next_cursor = "c" .. number } }
    end, function() return failure(function() client():user "@nobody" end) end)
    assert.equal(100, #seen)
    assert.matches("slack.users.list http://.*: has more than 100 pages; give an id", tostring(err))
  end)

  it("have replies without the message itself, and reactions with who", function()
    local _, replies, reactions, none = fake.run(methods {
      ["conversations.replies"] = { messages = { { ts = "1.1", text = "?" }, { ts = "1.2", text = "a" } } },
      ["reactions.get"] = function(request)
        return 200, { ok = true, type = "message", message = { reactions = request.body.timestamp == "1.1" and {
          { name = "+1", count = 2, users = { "U1", "U2" } } } or nil } }
      end,
    }, function()
      local c <const> = client()
      return c:replies { channel = "C1", ts = "1.1" }, c:reactions { channel = "C1", ts = "1.1" },
        c:reactions { channel = "C1", ts = "1.2" }
    end)
    assert.same({ { ts = "1.2", text = "a" } }, replies)
    assert.same({ { name = "+1", count = 2, users = { "U1", "U2" } } }, reactions)
    assert.same({}, none)
  end)
end)

describe("slack names", function()
  local CHANNELS <const> = { channels = { { id = "C1", name = "general", is_private = false, is_member = true },
    { id = "C2", name = "releases", is_private = true, is_member = false } } }

  it("of channels are asked for once, ids not at all", function()
    local seen <const>, channel = fake.run(methods { ["conversations.list"] = CHANNELS,
      ["chat.postMessage"] = { channel = "C2", ts = "1.1" } }, function()
      local c <const> = client()
      assert.equal("C2", c:channel("releases").id)
      assert.equal("C9", c:channel("C9").id)
      c:post { channel = "#releases", text = "t" }
      return c:channel "#releases"
    end)
    assert.same({ id = "C2", name = "releases", is_private = true, is_member = false }, channel)
    assert.same({ "conversations.list", "chat.postMessage" }, paths(seen))
    assert.equal("C2", seen[2].body.channel)
  end)

  it("that nothing is called are refused", function()
    local _, no_channel, no_user = fake.run(methods { ["conversations.list"] = CHANNELS,
      ["users.list"] = { members = {} } }, function()
      return failure(function() client():channel "#nowhere" end), failure(function() client():user "nobody" end)
    end)
    assert.equal("slack.api.not_found", no_channel.kind)
    assert.matches("slack.channel #nowhere: no such channel", tostring(no_channel), 1, true)
    assert.equal("slack.api.not_found", no_user.kind)
  end)

  it("of people are ids, addresses, handles, or display names that only one has", function()
    local function raw(id, name, shown, deleted)
      return { id = id, name = name, deleted = deleted or false, profile = { display_name = shown,
        email = name .. "@example.org" } }
    end
    local _, err = fake.run(methods {
      ["users.info"] = { user = raw("U7", "ann", "Ann") },
      ["users.lookupByEmail"] = { user = raw("U8", "bob", "Bob") },
      ["users.list"] = { members = { raw("U0", "eve", "Eve", true), raw("U1", "eve", "Eve"), raw("U2", "sam", "Sam"),
        raw("U3", "sam2", "Sam"), raw("U4", "Eve-fan", "Dan") } },
    }, function()
      local c <const> = client()
      assert.equal("ann", c:user("U7").name)
      assert.equal("U8", c:user("bob@example.org").id)
      assert.equal("U1", c:user("@eve").id)
      assert.equal("U4", c:user("Dan").id)
      return failure(function() c:user "Sam" end)
    end)
    assert.matches("or several people are", tostring(err))
  end)
end)

describe("slack.upload", function()
  it("asks for an address, sends the bytes there without the token, and shares the file", function()
    local s
    s = server.start(function(exchange)
      exchange:reply(200, {}, exchange.path == "/api/files.getUploadURLExternal"
        and ('{"ok":true,"upload_url":"%s/upload/x","file_id":"F1"}'):format(s.url)
        or exchange.path == "/upload/x" and "OK - 5"
        or '{"ok":true,"files":[{"id":"F1","permalink":"https://x.slack.com/files/F1"}]}')
    end)
    local closing <close> = s -- luacheck: ignore closing
    local file <const> = client(s.url .. "/api"):upload { channel = "C1", filename = "log.txt", content = "a\0b\r\n",
      text = "the log", thread = "1.1" }
    assert.same({ id = "F1", url = "https://x.slack.com/files/F1" }, file)
    assert.equal("filename=log.txt&length=5", s.requests[1].body)
    assert.equal("a\0b\r\n", s.requests[2].body)
    assert.is_nil(s.requests[2].headers.authorization)
    assert.same({ files = { { id = "F1", title = "log.txt" } }, channel_id = "C1", initial_comment = "the log",
      thread_ts = "1.1" }, json.decode(s.requests[3].body))
  end)

  it("says when the file store refuses", function()
    local _, err = fake.run(function(request)
      if request.path == "/upload" then
        return 503, ""
      end
      return 200, { ok = true, upload_url = "http://files/upload", file_id = "F1" }
    end, function()
      return failure(function() client():upload { channel = "C1", filename = "f", content = "c" } end)
    end)
    assert.matches("slack.upload f: Slack's file store answered 503", tostring(err), 1, true)
  end)
end)

describe("slack calls that fail", function()
  it("are repeated when they only read, and not when they write", function()
    local function failing(_, number)
      if number <= 2 then
        return 503, ""
      end
      return 200, { ok = true }
    end
    local reads <const>, at = fake.run(failing, function()
      client():call "auth.test"
      return clock.now() - fake.START
    end)
    assert.equal(3, #reads)
    assert.near(5, at, 0.3)
    local writes <const>, err = fake.run(failing, function()
      return failure(function() client():call("reactions.add", { channel = "C1" }) end)
    end)
    assert.equal(1, #writes)
    assert.is_true(err.retryable)
  end)
end)
