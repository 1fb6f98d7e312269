-- What http does again, and what it must not: retries, kept connections that die, redirects.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local server = require "spec.support.server"

local faults = server.faults
local START <const> = 1767225600 -- Thu, 01 Jan 2026 00:00:00 GMT

-- A transport that gives these answers in turn (a string is the kind of an error), and the times of the requests.
local function scripted(answers)
  local errors = require "fairlead.errors"
  local times = {}
  return function(request)
    times[#times + 1] = clock.now() - START
    local answer = answers[#times] or answers[#answers]
    if type(answer) == "string" then
      errors.raise { kind = answer, message = "scripted", op = request.method, retryable = true }
    end
    return { status = answer[1], headers = answer[2] or {}, body = "" }
  end, times
end

-- Sends one request over such a transport on a virtual clock that begins at START.
local function run(answers, options)
  local transport, times = scripted(answers)
  options.url = options.url or "https://example.com/"
  local ok, result = try(clock.simulate, { start = START }, http.with_transport, transport,
    http.request, options)
  return ok, result, times
end

describe("a retry", function()
  it("comes after a failure to connect, a reset, a timeout, a truncated answer, 429, 502, 503 and 504", function()
    for _, answer in ipairs {
      "http.connect", "http.resolve", "http.reset", "http.timeout", "http.truncated",
      { 429 }, { 502 }, { 503 }, { 504 },
    } do
      local r, _, times = run({ answer, answer, { 200 } }, {})
      assert.equal(200, r.status)
      assert.equal(3, r.attempts)
      assert.same({ 0, 0.5, 1.5 }, times)
      assert.equal(1.5, r.elapsed)
    end
  end)

  it("does not come after other answers and failures", function()
    for _, answer in ipairs { { 200 }, { 404 }, { 500 }, { 403 } } do
      local r, _, times = run({ answer }, {})
      assert.equal(answer[1], r.status)
      assert.equal(1, #times)
    end
    for _, kind in ipairs { "http.tls", "http.too_large", "http.protocol", "http.proxy", "other" } do
      local ok, err, times = run({ kind }, {})
      assert.is_nil(ok)
      assert.equal(kind, err.kind)
      assert.equal(1, #times)
    end
  end)

  it("gives the last answer, or raises the last failure, when attempts are used up", function()
    local r, _, times = run({ { 503 } }, {})
    assert.equal(503, r.status)
    assert.equal(3, #times)
    local ok, err = run({ "http.reset" }, { retry = 2 })
    assert.is_nil(ok)
    assert.equal("http.reset", err.kind)
  end)

  it("is for idempotent methods, or for any with unsafe", function()
    for _, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "OPTIONS" } do
      assert.equal(2, run({ "http.reset", { 200 } }, { method = method }).attempts)
    end
    for _, method in ipairs { "POST", "PATCH" } do
      local ok, _, times = run({ "http.reset", { 200 } }, { method = method, retry = 5 })
      assert.is_nil(ok)
      assert.equal(1, #times)
      assert.equal(2, run({ "http.reset", { 200 } }, { method = method, retry = { unsafe = true } }).attempts)
    end
  end)

  it("can be turned off, or counted", function()
    for option, expected in pairs { [false] = 1, [1] = 1, [5] = 5 } do
      local _, _, times = run({ { 503 } }, { retry = option, timeout = 100 })
      assert.equal(expected, #times)
    end
    local _, _, times = run({ { 503 } }, { retry = { attempts = 6, backoff = 1, max_backoff = 4 }, timeout = 100 })
    assert.same({ 0, 1, 3, 7, 11, 15 }, times)
  end)

  it("waits as long as Retry-After says, in seconds or as a date", function()
    local _, _, times = run({ { 429, { { "Retry-After", "7" } } }, { 200 } }, {})
    assert.same({ 0, 7 }, times)
    for _, date in ipairs {
      "Thu, 01 Jan 2026 00:00:09 GMT", "Thursday, 01-Jan-26 00:00:09 GMT", "Thu Jan  1 00:00:09 2026",
    } do
      _, _, times = run({ { 503, { { "retry-after", date } } }, { 200 } }, {})
      assert.same({ 0, 9 }, times)
    end
    _, _, times = run({ { 503, { { "retry-after", "Thu, 01 Jan 1970 00:00:00 GMT" } } }, { 200 } }, {})
    assert.same({ 0, 0 }, times)
    _, _, times = run({ { 503, { { "retry-after", "soon" } } }, { 200 } }, {})
    assert.same({ 0, 0.5 }, times)
  end)

  it("does not come when Retry-After asks for more than is allowed, or than is left", function()
    local r, _, times = run({ { 429, { { "Retry-After", "61" } } }, { 200 } }, { timeout = 1000 })
    assert.equal(429, r.status)
    assert.equal(1, #times)
    r = run({ { 429, { { "Retry-After", "61" } } }, { 200 } }, { timeout = 1000, retry = { max_retry_after = 61 } })
    assert.equal(200, r.status)
    r = run({ { 429, { { "Retry-After", "31" } } }, { 200 } }, {})
    assert.equal(429, r.status)
  end)

  it("leaves each attempt its share of the time", function()
    local s <close> = server.start(faults.silence)
    local ok, err = try(http.get, s.url .. "/slow", { timeout = 5, retry = { attempt_timeout = 0.1, backoff = 0.01 } })
    assert.is_nil(ok)
    assert.equal("timed out after 0.1 s while waiting for the answer", err.message)
    assert.equal(3, #s.requests)
  end)

  it("works over real connections that are cut", function()
    local count = 0
    local s <close> = server.start(function(exchange)
      count = count + 1
      if count < 3 then faults.reset(exchange) else exchange:reply(200, {}, "at last") end
    end)
    local r = http.get(s.url, { retry = { backoff = 0.01 } })
    assert.equal("at last", r.body)
    assert.equal(3, r.attempts)
  end)

  it("honours Retry-After over a real connection", function()
    local s <close> = server.start(faults.busy(429, "1", 1))
    local began = clock.monotonic()
    assert.equal("at last", http.get(s.url).body)
    local seconds = clock.monotonic() - began
    assert.is_true(seconds >= 0.95 and seconds < 3, seconds)
  end)
end)

describe("a kept connection that dies under a request", function()
  -- Answers the first request of a connection; to the second it only hangs up.
  local function one_answer_each(exchange)
    if exchange.number == 1 then exchange:reply(200, {}, "first") else exchange:finish() end
  end

  it("does not make a POST be sent twice", function()
    for _, body in ipairs { "deploy", "" } do
      local s <close> = server.start(one_answer_each)
      http.get(s.url .. "/warm")
      local ok, err = try(http.post, s.url .. "/act", { body = body })
      local acts = 0
      for _, request in ipairs(s.requests) do
        if request.path == "/act" then acts = acts + 1 end
      end
      assert.equal(1, acts)
      if not ok then
        assert.equal("http.reset", err.kind)
        assert.matches("may have been carried out", err.hint)
      end
    end
  end)

  it("is replaced for a GET", function()
    local s <close> = server.start(one_answer_each)
    http.get(s.url)
    assert.equal("first", http.get(s.url, { retry = false }).body)
    assert.equal(2, s.connections)
  end)

  it("is replaced for a PUT, with its whole body", function()
    local s <close> = server.start(one_answer_each)
    http.get(s.url)
    local body = ("x"):rep(300 * 1024)
    assert.equal("first", http.put(s.url, { body = body, retry = false }).body)
    assert.is_true(s.requests[#s.requests].body == body)
  end)
end)

describe("a redirect", function()
  -- Answers with a redirect once, then tells what it got.
  local function redirecting(status, location)
    return function(exchange)
      if exchange.path == "/from" then
        return exchange:reply(status, { Location = location }, "go")
      end
      exchange:reply(200, {}, exchange.method .. " " .. exchange.target .. " " .. exchange.body)
    end
  end

  it("is followed with the method that its status calls for", function()
    for _, case in ipairs {
      { 301, "GET", "GET" }, { 302, "GET", "GET" }, { 303, "GET", "GET" }, { 307, "GET", "GET" },
      { 301, "POST", "GET" }, { 302, "POST", "GET" }, { 303, "POST", "GET" }, { 307, "POST", "POST" },
      { 308, "POST", "POST" }, { 301, "PUT", "PUT" }, { 303, "PUT", "GET" }, { 303, "DELETE", "GET" },
    } do
      local status, method, expected = table.unpack(case)
      local s <close> = server.start(redirecting(status, "to?a=1"))
      local body = method ~= "GET" and "body" or nil
      local headers = { ["Content-Type"] = "a/b" }
      local r = http.request { method = method, url = s.url .. "/from", body = body, headers = headers }
      local kept = expected == method and body or ""
      assert.equal(("%s /to?a=1 %s"):format(expected, kept), r.body)
      assert.equal(s.url .. "/to?a=1", r.url)
      assert.equal(expected == method and "a/b" or nil, s.requests[2].headers["content-type"])
    end
    local s <close> = server.start(redirecting(303, "/to"))
    http.head(s.url .. "/from")
    assert.equal("HEAD", s.requests[2].method)
  end)

  it("is resolved against the URL that it came from", function()
    for location, expected in pairs {
      ["/to"] = "/to", ["to"] = "/a/b/to", ["../to"] = "/a/to", ["?x=1"] = "/a/b/from?x=1", ["/to#part"] = "/to",
      ["/a b"] = "/a%20b",
    } do
      local first = true
      local s <close> = server.start(function(exchange)
        if first then
          first = false
          return exchange:reply(302, { Location = location })
        end
        exchange:reply(200, {}, exchange.target)
      end)
      assert.equal(expected, http.get(s.url .. "/a/b/from").body)
    end
  end)

  it("is followed five times, or as often as follow says", function()
    local s <close> = server.start(faults.redirect_loop)
    local ok, err = try(http.get, s.url .. "/loop?token=abc")
    assert.is_nil(ok)
    assert.equal("http.redirect", err.kind)
    assert.matches("/loop: more than 5 redirects$", tostring(err))
    assert.equal(6, #s.requests)
    try(http.get, s.url .. "/loop", { follow = 1 })
    assert.equal(8, #s.requests)
    assert.equal(302, http.get(s.url .. "/loop", { follow = false }).status)
  end)

  it("without Location, or with 304, is an answer", function()
    local s <close> = server.start(function(exchange) exchange:reply(exchange.path == "/a" and 302 or 304) end)
    assert.equal(302, http.get(s.url .. "/a").status)
    assert.equal(304, http.get(s.url .. "/b").status)
  end)

  it("keeps credentials on the same host, and drops them on another host or port", function()
    local headers = {
      Authorization = "Basic abc", Cookie = "a=b", ["X-Amz-Security-Token"] = "t", ["Proxy-Authorization"] = "p",
      ["X-Api-Key"] = secret "k", ["X-Plain"] = "stays",
    }
    local other <close> = server.start(redirecting(200))
    for _, case in ipairs { { "/to", true }, { other.url .. "/to", false } } do
      local s <close> = server.start(redirecting(307, case[1]))
      http.get(s.url .. "/from", { headers = headers })
      local got = (case[2] and s or other).requests
      got = got[#got].headers
      for name in pairs(headers) do
        local expected = (case[2] or name == "X-Plain") and http.reveal(headers[name]) or nil
        assert.equal(expected, got[name:lower()])
      end
    end
  end)

  -- Where scheme and host matter, over a transport: what the second request bears.
  local function hop(from, to, options)
    local second
    options.url = from
    local ok, err = try(http.with_transport, function(request)
      if request.url == from then return { status = 307, headers = { { "location", to } }, body = "" } end
      second = request
      return { status = 200, headers = {}, body = "" }
    end, http.request, options)
    return second, ok and nil or err
  end

  local function bears(request, name)
    for _, pair in ipairs(request.headers) do
      if pair[1] == name then return true end
    end
    return false
  end

  it("knows which hosts are the same", function()
    for _, case in ipairs {
      { "https://example.com/a", "https://EXAMPLE.com:443/b", true },
      { "http://example.com/a", "https://example.com/b", true },
      { "https://example.com/a", "https://example.com:8443/b", false },
      { "https://example.com/a", "https://example.com.evil.example/b", false },
      { "https://example.com/a", "//evil.example/b", false },
      { "https://example.com/a", "https://sub.example.com/b", false },
      { "https://example.com/a", "https:\\\\evil.example/b", false },
    } do
      local second, err = hop(case[1], case[2], { headers = { Authorization = "x" } })
      if second then assert.equal(case[3], bears(second, "Authorization"), case[2]) else assert.is_truthy(err) end
    end
  end)

  it("from https to http is refused when the request bears secrets, and followed when it bears none", function()
    for _, options in ipairs {
      { headers = { Authorization = "x" } }, { headers = { ["X-Key"] = secret "k" } },
      { method = "PUT", body = secret "b" },
    } do
      local second, err = hop("https://example.com/a?token=x", "http://example.com/b", options)
      assert.is_nil(second)
      assert.equal("http.redirect", err.kind)
      assert.matches("https://example.com/a: it redirects from https to http, to example.com", tostring(err))
    end
    assert.equal("http://example.com/b", hop("https://example.com/a", "http://example.com/b", {}).url)
  end)

  it("of a secret body to another host is refused", function()
    local second, err = hop("https://a.example/", "https://b.example/", { method = "PUT", body = secret "b" })
    assert.is_nil(second)
    assert.matches("it redirects a secret body to another host, b.example", err.message)
  end)

  it("to something that is no http URL, or has a password in it, is refused", function()
    for _, place in ipairs { "file:///etc/passwd", "https://user:hunter2@b.example/", "https://", "gopher://x/" } do
      local second, err = hop("https://a.example/", place, {})
      assert.is_nil(second)
      assert.equal("http.redirect", err.kind)
      assert.is_nil(tostring(err):find("hunter2", 1, true))
    end
  end)
end)
