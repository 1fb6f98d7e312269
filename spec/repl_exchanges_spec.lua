local exchange_text = require "fairlead.repl.http.text"
local exchanges = require "fairlead.repl.http.exchanges"
local http = require "fairlead.http"
local scope = require "fairlead.repl.scope"
local server = require "spec.support.server"
local task = require "fairlead.task"

local function answering(raw)
  return function() return raw or { status = 200, headers = {}, body = "" } end
end

local function text_of(one)
  return table.concat(exchange_text.one(one), "\n")
end

describe("a session's exchanges", function()
  it("are kept as they come, with who made them", function()
    local list <close> = exchanges.listen()
    local peer <close> = server.start(function(exchange)
      exchange:reply(exchange.path == "/no" and 404 or 200, {}, "abc")
    end)
    scope.within({ name = "line 3", line = 3 }, function()
      http.get(peer.url .. "/yes?page=2")
      task.all { function() coroutine.wrap(function() http.post(peer.url .. "/no", { body = "four" }) end)() end }
    end)
    http.get(peer.url)
    assert.is_nil(list.trouble)
    local first, second, third = list:get(1), list:get(2), list:get()
    assert.equal("GET " .. peer.url .. "/yes?page=2", first.method .. " " .. first.url)
    assert.same({ 200, 0, 3, "line 3" }, { first.status, first.sent, first.received, first.by })
    assert.same({ 404, 4, 3, "line 3" }, { second.status, second.sent, second.received, second.by })
    assert.is_nil(third.by)
    assert.is_false(third.replaced)
    assert.is_true(first.elapsed >= 0 and first.elapsed < 5)
  end)

  it("hold failures, attempts and streamed bodies as well", function()
    local list <close> = exchanges.listen()
    local peer <close> = server.start(server.routes {
      ["/gone"] = server.faults.reset,
      ["/busy"] = function(exchange) exchange:reply(#list.list == 2 and 200 or 503, {}, "") end,
      ["/large"] = function(exchange) exchange:reply(200, {}, ("x"):rep(5000)) end,
    })
    try(http.get, peer.url .. "/gone", { retry = false })
    http.get(peer.url .. "/busy", { retry = { attempts = 2, backoff = 0.001 } })
    http.get(peer.url .. "/large", { sink = function() end })
    assert.matches("connection was", list:get(1).error, 1, true)
    assert.is_nil(list:get(1).status)
    assert.same({ 503, 1 }, { list:get(2).status, list:get(2).attempt })
    assert.same({ 200, 2 }, { list:get(3).status, list:get(3).attempt })
    assert.equal(5000, list:get(4).received)
    assert.matches("failed after", text_of(list:get(1)), 1, true)
  end)

  it("are the last 200, and the last 50 whole", function()
    local list <close> = exchanges.listen()
    http.with_transport(answering(), function()
      for i = 1, 230 do http.get("http://example.org/" .. i) end
    end)
    assert.equal(200, #list.list)
    assert.equal(31, list.list[1].number)
    assert.is_nil(list:get(30))
    assert.is_nil(list:get(180).request)
    assert.is_truthy(list:get(181).request)
    assert.matches("not kept", text_of(list:get(180)), 1, true)
    assert.is_true(list:get().replaced)
  end)

  it("keep bodies to a limit", function()
    local list <close> = exchanges.listen()
    http.with_transport(answering { status = 200, headers = {}, body = ("y"):rep(1 << 20) }, function()
      http.put("http://example.org/", { body = ("x"):rep(1 << 20) })
    end)
    local one = list:get()
    assert.is_true(#one.request.body <= 1 << 16 and #one.answer.body <= 1 << 16)
    assert.same({ 1 << 20, 1 << 20 }, { one.sent, one.received })
    assert.matches("1.0 MB is left out", text_of(one), 1, true)
  end)

  it("show no secret, whichever way it went", function()
    local list <close> = exchanges.listen()
    local hidden <const> = "hunter2-hunter2"
    local answer = { status = 200, headers = { { "Set-Cookie", "a=" .. hidden }, { "X-Auth-Token", hidden } },
      body = '{"access_token": "' .. hidden .. '", "n": [1, 2]}' }
    local token = secret(hidden)
    http.with_transport(answering(answer), function()
      http.post("https://example.org/?sig=" .. hidden .. "&page=1", {
        headers = { Authorization = "Bearer " .. hidden, ["X-Other"] = token, Cookie = hidden },
        json = { password = hidden, user = "me" },
      })
      http.post("https://hooks.slack.com/services/T1/B1/" .. hidden, { body = secret(hidden) })
    end)
    token = nil -- luacheck: ignore 311
    collectgarbage()
    for i = 1, 2 do
      local shown = text_of(list:get(i)) .. table.concat(exchange_text.list(list.list, {}), "\n")
      assert.is_nil(shown:find(hidden, 1, true), shown)
      -- Not in what is kept, either: but for values that are secrets.
      for _, pair in ipairs(list:get(i).request.headers) do
        assert.is_true(type(pair[2]) ~= "string" or not pair[2]:find(hidden, 1, true), pair[1])
      end
      assert.equal("userdata", type(list:get(i).request.body))
      assert.equal("userdata", type(list:get(i).request.url))
    end
    local shown = text_of(list:get(1))
    assert.matches("Authorization: Bearer [secret]", shown, 1, true)
    assert.matches("?sig=[secret]&page=1", shown, 1, true)
    assert.matches('"access_token": "[secret]"', shown, 1, true)
    assert.matches('\n  "n": [', shown, 1, true)
  end)

  it("are harmless to the terminal that shows them", function()
    local list <close> = exchanges.listen()
    http.with_transport(answering { status = 200, headers = { { "X", "\27]0;title\7" } }, body = "\27[2J\u{202E}" },
      http.get, "http://example.org/")
    assert.is_nil(text_of(list:get()):find "[\27\7]")
    http.with_transport(answering { status = 200, headers = {}, body = "\0\1\2" }, http.get, "http://example.org/")
    assert.matches("3 B that are no text", text_of(list:get()), 1, true)
  end)

  it("are listed in columns, cut to the terminal", function()
    local list <close> = exchanges.listen()
    http.with_transport(answering { status = 200, headers = {}, body = ("x"):rep(12345) }, function()
      for i = 1, 12 do
        scope.within({ name = "line " .. i }, http.get, "https://example.org/" .. ("long/"):rep(i * 3))
      end
    end)
    local lines = exchange_text.list(list.list, { limit = 10, width = 80 })
    assert.equal(11, #lines)
    local column = lines[1]:find("request", 1, true)
    for i = 2, #lines do assert.equal("GET example.org", lines[i]:sub(column, column + 14)) end
    assert.matches("12 kB", lines[2], 1, true)
    assert.matches("…$", lines[11])
  end)

  it("stop being kept when the session ends", function()
    local list = exchanges.listen()
    list:close()
    http.with_transport(answering(), http.get, "http://example.org/")
    assert.equal(0, #list.list)
  end)
end)

describe("what a task works for", function()
  it("is what it, or the task around it, was told last", function()
    local outer, inner = { name = "outer" }, { name = "inner" }
    assert.is_nil(scope.nearest())
    assert.equal("result", scope.within(outer, function()
      scope.within(inner, function() assert.equal(inner, scope.nearest()) end)
      assert.equal(outer, scope.nearest())
      task.all { function()
        assert.equal(outer, scope.nearest())
        scope.within(inner, function()
          coroutine.wrap(function() assert.equal(inner, scope.nearest()) end)()
        end)
      end }
      return "result"
    end))
    assert.is_nil(scope.nearest())
    try(scope.within, outer, error, "failed")
    assert.is_nil(scope.nearest())
  end)
end)
