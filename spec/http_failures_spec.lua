-- What http says when there is no answer: each kind over a real socket, limits, cancelling in every phase, closing.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local peer = require "fairlead.peer"
local program = require "spec.support.program"
local server = require "spec.support.server"
local task = require "fairlead.task"

local faults = server.faults

-- The error of a single attempt, and how long it took.
local function failure(url, options)
  options = options or {}
  if options.retry == nil then options.retry = false end
  local began = clock.monotonic()
  local ok, err = try(http.get, url, options)
  assert.is_nil(ok)
  assert.equal("table", type(err))
  return err, clock.monotonic() - began
end

-- The error of a request that a server treats so.
local function failure_by(fault, options)
  local s <close> = server.start(fault)
  local err, seconds = failure(s.url .. "/path?X-Amz-Signature=abc", options)
  assert.equal("GET", err.op)
  assert.equal(s.url .. "/path", err.target)
  return err, seconds
end

local function closed_port()
  local listener <close> = peer.listen()
  return listener:port()
end

describe("http without an answer", function()
  local active

  before_each(function() active = peer.handles() end)
  after_each(function() assert.equal(active, peer.handles()) end)

  it("says that a name cannot be resolved", function()
    local err = failure "http://no-such-host.invalid/x"
    assert.equal("http.resolve", err.kind)
    assert.matches("^GET http://no%-such%-host.invalid/x: the name of no%-such%-host.invalid cannot be resolved; ",
      tostring(err))
  end)

  it("says that a connection is refused, and by whom", function()
    local port = closed_port()
    local err = failure(("http://127.0.0.1:%d/x?token=abc"):format(port))
    assert.equal("http.connect", err.kind)
    assert.is_true(err.retryable)
    assert.matches(("^GET http://127.0.0.1:%d/x: connection refused by 127.0.0.1:%d; "):format(port, port),
      tostring(err))
    assert.is_nil(tostring(err):find "abc")
  end)

  it("does not take a refused connection for a proxy's, however the host is written", function()
    for _, host in ipairs { "LOCALHOST", "[::1]", "localhost" } do
      local err = failure(("http://%s:%d/"):format(host, closed_port()))
      assert.equal("http.connect", err.kind)
      err = failure(("http://%s:%d/"):format(host, closed_port()), { proxy = false })
      assert.equal("http.connect", err.kind)
    end
  end)

  it("says that the connection was cut or closed before an answer", function()
    for _, fault in ipairs { faults.reset, faults.hang_up } do
      local err = failure_by(fault)
      assert.equal("http.reset", err.kind)
      assert.is_true(err.retryable)
      assert.matches("closed before an answer came", err.message)
    end
  end)

  it("says that the connection broke within the body", function()
    local err = failure_by(faults.reset_in_body)
    assert.equal("http.reset", err.kind)
    assert.matches("broke while receiving the body", err.message)
  end)

  it("says that the body ended early, whether its length was announced or it came in chunks", function()
    for _, fault in ipairs { faults.short_body, faults.truncated_chunks } do
      local err = failure_by(fault)
      assert.equal("http.truncated", err.kind)
      assert.matches("after 9 bytes", err.message)
    end
  end)

  it("says that it was not HTTP that came", function()
    for _, fault in ipairs { faults.broken_chunks, faults.gibberish } do
      assert.equal("http.protocol", failure_by(fault).kind)
    end
  end)

  it("refuses a body that cannot be decompressed", function()
    local err = failure_by(function(exchange)
      exchange:reply(200, { ["Content-Encoding"] = "gzip" }, "this is not gzip, whatever it says")
    end)
    assert.equal("http.protocol", err.kind)
  end)
end)

describe("a header that goes on from none", function()
  it("does no harm to requests before and after it", function()
    local s <close> = server.start(function(exchange)
      if exchange.path == "/good" then return exchange:reply(200, { ["X-Name"] = "some value, long enough" }, "ok") end
      exchange:write "HTTP/1.1 200 OK\r\n goes: on\r\nX-Name: some value, long enough\r\nContent-Length: 2\r\n\r\nok"
    end)
    for _ = 1, 10 do
      local response = http.get(s.url .. "/good")
      assert.equal("some value, long enough", response.headers["x-name"])
      local bad, err = try(http.get, s.url .. "/bad") -- libcurl before 8.1 refuses it
      if bad then assert.equal("ok", bad.body) else assert.matches("header is malformed", err.message) end
    end
  end)
end)

describe("http's limits", function()
  it("end a request after timeout, and say in which phase", function()
    for phase, fault in pairs {
      ["waiting for the answer"] = faults.silence,
      ["receiving the body"] = faults.stall,
      ["receiving the header"] = function(exchange)
        exchange:write "HTTP/1.1 200 OK\r\nX-A: b\r\n"
        clock.sleep(3600)
      end,
    } do
      local err, seconds = failure_by(fault, { timeout = 0.2 })
      assert.equal("http.timeout", err.kind)
      assert.is_true(err.retryable)
      assert.equal("timed out after 0.2 s while " .. phase, err.message)
      assert.is_true(seconds >= 0.19 and seconds < 2, seconds)
    end
  end)

  it("end a slow drip after timeout although bytes keep coming", function()
    local err, seconds = failure_by(faults.drip, { timeout = 0.3, idle_timeout = 0.2 })
    assert.equal("timed out after 0.3 s while receiving the body", err.message)
    assert.is_true(seconds < 2)
  end)

  it("end a request in which nothing moves for idle_timeout", function()
    local err, seconds = failure_by(faults.stall, { timeout = 20, idle_timeout = 0.2 })
    assert.equal("http.timeout", err.kind)
    assert.equal("nothing moved for 0.2 s while receiving the body", err.message)
    assert.is_true(seconds < 2)
  end)

  it("do not count the time that a sink takes as idle", function()
    local s <close> = server.start(function(exchange) exchange:reply(200, {}, ("x"):rep(4 * 1024 * 1024)) end)
    local received, waits = 0, 0
    http.get(s.url, {
      idle_timeout = 0.15,
      sink = function(chunk)
        received = received + #chunk
        if waits < 2 then
          waits = waits + 1
          clock.sleep(0.4)
        end
      end,
    })
    assert.equal(4 * 1024 * 1024, received)
  end)

  it("end a connection that does not come about within connect_timeout", function()
    -- A listener whose queue is full: further connections get no answer from the kernel.
    local listener <close> = peer.listen { backlog = 0 }
    local filler <close> = peer.connect("127.0.0.1", listener:port()) -- luacheck: ignore 211
    local other = task.start(function() return pcall(peer.connect, "127.0.0.1", listener:port()) end)
    clock.sleep(0.05)
    local url = ("http://127.0.0.1:%d/"):format(listener:port())
    local err, seconds = failure(url, { timeout = 20, connect_timeout = 0.3 })
    other:cancel()
    assert.equal("http.timeout", err.kind)
    assert.matches("^timed out after 0.3 s while connecting$", err.message)
    assert.is_true(seconds < 2, seconds)
  end)

  it("say that it was the TLS handshake that did not come about", function()
    local listener <close> = peer.listen()
    local err = failure(("https://127.0.0.1:%d/"):format(listener:port()), { connect_timeout = 0.2 })
    assert.equal("http.timeout", err.kind)
    assert.equal("timed out after 0.2 s while in the TLS handshake", err.message)
  end)

  it("cover redirects and retries together", function()
    local s <close> = server.start(function(exchange)
      clock.sleep(0.15)
      exchange:reply(302, { Location = "/again" })
    end)
    local began = clock.monotonic()
    local ok, err = try(http.get, s.url, { timeout = 0.25 })
    assert.is_nil(ok)
    assert.equal("http.timeout", err.kind)
    assert.is_true(clock.monotonic() - began < 2)
    assert.equal(2, #s.requests)
  end)

  it("refuse a body larger than max_body, announced or not", function()
    local function announced(exchange) exchange:reply(200, {}, ("x"):rep(1000)) end
    for _, fault in ipairs { announced, faults.endless_body } do
      local err = failure_by(fault, { max_body = 999 })
      assert.equal("http.too_large", err.kind)
      assert.is_false(err.retryable)
      assert.matches("larger than max_body, 999 bytes; raise max_body=, or take", tostring(err))
    end
    local s <close> = server.start(announced)
    assert.equal(1000, #http.get(s.url, { max_body = 1000 }).body)
  end)

  it("refuse a body that is larger than max_body when decompressed, long before it is all there", function()
    local bomb = server.bomb(20 * 1024 * 1024)
    assert.is_true(#bomb < 150 * 1024)
    local err = failure_by(function(exchange)
      exchange:reply(200, { ["Content-Encoding"] = "gzip" }, bomb)
    end, { max_body = 1024 * 1024 })
    assert.equal("http.too_large", err.kind)
    local whole <close> = server.start(function(exchange)
      exchange:reply(200, { ["Content-Encoding"] = "deflate" }, bomb:sub(11)) -- the same without gzip's header
    end)
    assert.equal(20 * 1024 * 1024 // 258 * 258 + 1, #http.get(whole.url).body) -- within the default limit
  end)

  it("refuse a header without end", function()
    local err = failure_by(faults.header_flood)
    assert.equal("http.too_large", err.kind)
    assert.matches("the header is larger than 262144 bytes", err.message)
  end)

  it("do not mistake the length that HEAD announces for a body", function()
    local s <close> = server.start(function(exchange) exchange:head(200, { ["Content-Length"] = "1000000" }) end)
    assert.equal("1000000", http.head(s.url, { max_body = 10 }).headers["content-length"])
  end)
end)

describe("a cancelled request", function()
  -- Cancels after a moment; gives how long that took.
  local function cancel(url, options)
    local began
    local request = task.start(http.get, url, options)
    clock.sleep(0.05)
    began = clock.monotonic()
    request:cancel "no longer wanted"
    local ok, err = try(request.wait, request)
    assert.is_nil(ok)
    assert.equal("cancelled", err.kind)
    return clock.monotonic() - began
  end

  it("ends at once in every phase, and leaves nothing open", function()
    local listener <close> = peer.listen { backlog = 0 }
    local filler <close> = peer.connect("127.0.0.1", listener:port()) -- luacheck: ignore 211
    local s <close> = server.start(server.routes {
      ["/silence"] = faults.silence,
      ["/stall"] = faults.stall,
      ["/drip"] = faults.drip,
      ["/endless"] = faults.endless_body,
      ["/busy"] = faults.busy(503, "3600", 1),
    })
    local tls <close> = peer.listen()
    local active = peer.handles()
    local port = listener:port()
    for _, case in ipairs {
      { "http://no-such-host.invalid/" },
      { ("http://127.0.0.1:%d/"):format(port) },
      { ("https://127.0.0.1:%d/"):format(tls:port()) },
      { s.url .. "/silence" },
      { s.url .. "/stall" },
      { s.url .. "/drip" },
      { s.url .. "/endless", { max_body = 1e12, timeout = 60 } },
      { s.url .. "/drip", { sink = function() end } },
      { s.url .. "/endless", { sink = function() clock.sleep(60) end } },
      { s.url .. "/busy", { retry = { attempts = 2, max_retry_after = 7200 }, timeout = 10000 } },
    } do
      if case[1]:find "invalid" then
        -- May have failed by itself before it is cancelled; the point is that nothing stays.
        local request = task.start(try, http.get, case[1], { retry = false })
        request:cancel()
        try(request.wait, request)
      else
        local seconds = cancel(case[1], case[2])
        assert.is_true(seconds < 0.5, case[1] .. " took " .. seconds)
      end
    end
    clock.sleep(0.05) -- the server's side of what was cut
    assert.is_true(peer.handles() <= active + 4, "handles were left open: " .. peer.handles() - active)
  end)

  it("runs closing handlers that may request themselves", function()
    local s <close> = server.start(server.routes {
      ["/silence"] = faults.silence,
      ["/bye"] = function(exchange) exchange:reply(200, {}, "bye") end,
    })
    local said
    local work = task.start(function()
      local farewell <close> = setmetatable({}, { -- luacheck: ignore 211
        __close = function() said = http.get(s.url .. "/bye").body end,
      })
      http.get(s.url .. "/silence")
    end)
    clock.sleep(0.05)
    work:cancel()
    try(work.wait, work)
    assert.equal("bye", said)
  end)

  it("is not tried again", function()
    local s <close> = server.start(faults.silence)
    local ok, err = try(task.timeout, 0.1, http.get, s.url, { retry = 5 })
    assert.is_nil(ok)
    assert.equal("timeout", err.kind)
    assert.equal(1, #s.requests)
  end)

  it("can be one of two hundred that are given up together", function()
    local s <close> = server.start(faults.silence)
    local active = peer.handles()
    local requests = {}
    for i = 1, 200 do requests[i] = function() http.get(s.url, { timeout = 60 }) end end
    local ok, err = try(task.timeout, 0.3, task.all, requests)
    assert.is_nil(ok)
    assert.equal("timeout", err.kind)
    clock.sleep(0.05)
    assert.is_true(peer.handles() <= active)
  end)
end)

describe("a program that ends while requests are under way", function()
  -- Runs a chunk in a process of its own: under the sanitizers it would also say what it left behind.
  local function run(chunk, url)
    local began = clock.monotonic()
    local done = program.run { "-e", chunk, url }
    assert.is_true(clock.monotonic() - began < 5)
    return done
  end

  it("ends at once and cleanly, in whatever phase they are", function()
    local s <close> = server.start(server.routes {
      ["/silence"] = faults.silence,
      ["/endless"] = faults.endless_body,
      ["/ok"] = function(exchange) exchange:reply(200, {}, "ok") end,
    })
    local listener <close> = peer.listen()
    local done = run([[
      local url, silent = arg[1]:match "(.*) (.*)"
      for i = 1, 20 do
        for _, what in ipairs {
          url .. "/silence", url .. "/endless", url .. "/ok", silent, "http://no-such-host.invalid/"
        } do
          task.start(function()
            http.get(what, { max_body = 1e15, sink = i % 2 == 0 and function() clock.sleep(60) end or nil })
          end)
        end
      end
      clock.sleep(0.1)
      print "over"
    ]], ("%s https://127.0.0.1:%d/"):format(s.url, listener:port()))
    assert.equal("over\n", done.stdout)
    assert.equal("", done.stderr)
    assert.equal(0, done.code)
  end)

  it("tells its own failure, not theirs", function()
    local s <close> = server.start(faults.silence)
    local done = run([[
      for _ = 1, 20 do task.start(http.get, arg[1]) end
      clock.sleep(0.1)
      error("the script's own", 0)
    ]], s.url)
    assert.equal(1, done.code)
    assert.matches("the script's own", done.stderr)
    assert.is_nil(done.stderr:find("cancelled", 1, true))
  end)

  it("closes kept connections", function()
    local s <close> = server.start(function(exchange) exchange:reply(200, {}, "ok") end)
    assert.equal("ok\n", run("http.get(arg[1]).body", s.url).stdout)
  end)
end)
