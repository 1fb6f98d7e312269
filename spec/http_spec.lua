-- What http.request sends, and what it gives. Failures, retries and TLS have spec files of their own.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local peer = require "fairlead.peer"
local server = require "spec.support.server"
local task = require "fairlead.task"

-- What a request looks like to a transport.
local function sent(options)
  local seen
  http.with_transport(function(request)
    seen = request
    return { status = 200, headers = {}, body = "" }
  end, http.request, options)
  return seen
end

local function header(request, name)
  local values = {}
  for _, pair in ipairs(request.headers) do
    if pair[1]:lower() == name then values[#values + 1] = http.reveal(pair[2]) end
  end
  return table.concat(values, "|")
end

local function misuse(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  assert.equal("string", type(err))
  return err
end

local function echo(exchange)
  local text = ("%s %s %s"):format(exchange.method, exchange.target, exchange.body)
  exchange:reply(200, { ["Content-Type"] = "text/plain" }, text)
end

describe("http over a real connection", function()
  local s, active

  before_each(function()
    active = peer.handles()
    s = server.start(echo)
  end)
  after_each(function()
    s:close()
    assert.same({}, s.failures)
    assert.equal(active, peer.handles())
  end)

  it("gets a page with status, headers in any case, body and where it came from", function()
    local r = http.get(s.url .. "/a?x=1")
    assert.equal(200, r.status)
    assert.equal("GET /a?x=1 ", r.body)
    assert.equal("text/plain", r.headers["CONTENT-type"])
    assert.is_nil(r.headers.absent)
    assert.equal(s.url .. "/a?x=1", r.url)
    assert.equal("1.1", r.http_version)
    assert.equal(1, r.attempts)
    assert.is_true(r.elapsed >= 0 and r.elapsed < 5)
  end)

  it("sends every method's own line and body", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "GET" } do
      assert.equal(method .. " / hello", http.request({ method = method, url = s.url .. "/", body = "hello" }).body)
    end
    assert.equal("", http.head(s.url .. "/").body)
    assert.equal("HEAD", s.requests[#s.requests].method)
  end)

  it("sends an empty body with a length, for methods that have one", function()
    http.post(s.url .. "/")
    assert.is_nil(s.requests[1].headers["content-type"]) -- nothing is said of a body that is not there
    assert.equal("0", s.requests[1].headers["content-length"])
    http.delete(s.url .. "/")
    assert.is_nil(s.requests[2].headers["content-length"])
  end)

  it("sends no header that nobody asked for but Host, Accept, Accept-Encoding and User-Agent", function()
    http.post(s.url .. "/", { body = ("x"):rep(2 * 1024 * 1024) }) -- large enough for libcurl to want "Expect"
    local names = {}
    for name in pairs(s.requests[1].headers) do names[#names + 1] = name end
    table.sort(names)
    assert.same({ "accept", "accept-encoding", "content-length", "host", "user-agent" }, names)
    assert.matches("^fairlead/%d", s.requests[1].headers["user-agent"])
    assert.equal("deflate, gzip, br, zstd", s.requests[1].headers["accept-encoding"])
    assert.equal(2 * 1024 * 1024, #s.requests[1].body)
  end)

  it("sends secrets in headers and bodies, and an empty header", function()
    http.post(s.url .. "/", {
      headers = { Authorization = "Bearer " .. secret "t0ken", ["X-Empty"] = "", ["X-Number"] = 7 },
      body = secret "pass=word",
    })
    assert.equal("Bearer t0ken", s.requests[1].headers.authorization)
    assert.equal("", s.requests[1].headers["x-empty"])
    assert.equal("7", s.requests[1].headers["x-number"])
    assert.equal("pass=word", s.requests[1].body)
  end)

  it("sends the path as it is given, dots and double slashes included", function()
    assert.equal("GET /a/../b//c/%7E ", http.get(s.url .. "/a/../b//c/%7E#part").body)
  end)

  it("keeps a connection for the next request", function()
    for _ = 1, 5 do http.get(s.url .. "/") end
    assert.equal(1, s.connections)
    assert.equal(5, #s.requests)
  end)

  it("runs requests of several tasks at once", function()
    local all = {}
    for i = 1, 100 do all[i] = ("%s/%d"):format(s.url, i) end
    local bodies = task.map(all, function(url) return http.get(url).body end)
    for i = 1, 100 do assert.equal(("GET /%d "):format(i), bodies[i]) end
  end)

  it("carries bodies with every byte in them, of some megabytes", function()
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = string.char(i) end
    local body = table.concat(bytes):rep(8 * 1024)
    local r = http.post(s.url .. "/", { body = body })
    assert.is_true(r.body == "POST / " .. body)
  end)

  it("joins lines of one header, and keeps them apart in header_list", function()
    local two <close> = server.start(function(exchange) exchange:reply(200, { ["Set-Cookie"] = { "a=1", "b=2" } }) end)
    local r = http.get(two.url)
    assert.equal("a=1, b=2", r.headers["set-cookie"])
    local cookies = {}
    for _, pair in ipairs(r.header_list) do
      if pair[1] == "Set-Cookie" then cookies[#cookies + 1] = pair[2] end
    end
    assert.same({ "a=1", "b=2" }, cookies)
    local names = {}
    for name in pairs(r.headers) do names[name] = true end
    assert.same({ ["set-cookie"] = true, ["content-length"] = true }, names)
  end)

  it("ignores interim answers, and trailers", function()
    local odd <close> = server.start(function(exchange)
      exchange:write("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Early: yes\r\n\r\n")
      exchange:head(200, { ["Transfer-Encoding"] = "chunked", Trailer = "X-Late" })
      exchange:chunk("body")
      exchange:write("0\r\nX-Late: yes\r\n\r\n")
    end)
    local r = http.get(odd.url)
    assert.equal("body", r.body)
    assert.is_nil(r.headers["x-early"])
    assert.is_nil(r.headers["x-late"])
  end)
end)

describe("sink", function()
  it("takes the body of a 2xx answer piece by piece, and response.body stays empty", function()
    local s <close> = server.start(function(exchange)
      exchange:head(200, { ["Transfer-Encoding"] = "chunked" })
      for i = 1, 5 do
        exchange:chunk("piece " .. i .. "\n")
        clock.sleep(0.01)
      end
      exchange:chunk ""
    end)
    local pieces = {}
    local r = http.get(s.url, { sink = function(chunk) pieces[#pieces + 1] = chunk end })
    assert.equal("piece 1\npiece 2\npiece 3\npiece 4\npiece 5\n", table.concat(pieces))
    assert.is_true(#pieces > 1)
    assert.equal("", r.body)
  end)

  it("leaves the body of another answer to the response", function()
    local s <close> = server.start(function(exchange) exchange:reply(404, {}, "not here") end)
    local r = http.get(s.url, { sink = function() error "not to be called" end })
    assert.equal("not here", r.body)
  end)

  it("holds the sender back while it waits", function()
    local written = 0
    local s <close> = server.start(function(exchange)
      exchange:head(200, { ["Content-Length"] = tostring(64 * 1024 * 1024) })
      local piece = ("x"):rep(64 * 1024)
      for _ = 1, 1024 do
        exchange:write(piece)
        written = written + #piece
      end
    end)
    local received, slept = 0, false
    http.get(s.url, {
      sink = function(chunk)
        received = received + #chunk
        if not slept then
          slept = true
          clock.sleep(0.3)
          -- What the kernel's socket buffers hold, and not the 64 MiB.
          assert.is_true(written < 16 * 1024 * 1024, "the sender was not held back: " .. written)
        end
      end,
    })
    assert.equal(64 * 1024 * 1024, received)
  end)

  it("ends the transfer when it raises", function()
    local active = peer.handles()
    do
      local s <close> = server.start(server.faults.endless_body)
      local ok, err = pcall(http.get, s.url, { sink = function() error("enough", 0) end })
      assert.is_false(ok)
      assert.equal("enough", err)
    end
    assert.equal(active, peer.handles())
  end)

  it("gets what came before a failure, and no second attempt follows", function()
    local s <close> = server.start(server.faults.reset_in_body)
    local text = ""
    local ok, err = try(http.get, s.url, { sink = function(chunk) text = text .. chunk end })
    assert.is_nil(ok)
    assert.equal("http.reset", err.kind)
    assert.equal("only this", text)
    assert.equal(1, #s.requests)
  end)

  it("is bounded only by a max_body of its own", function()
    local s <close> = server.start(server.faults.endless_body)
    local received = 0
    local _, err = try(http.get, s.url, { max_body = 100000, sink = function(chunk) received = received + #chunk end })
    assert.equal("http.too_large", err.kind)
    assert.is_true(received <= 100000)
  end)
end)

describe("what is sent", function()
  it("has a query in the order of names, with lists repeated and reserved characters encoded", function()
    local url = "https://example.com/p"
    assert.equal(url .. "?a=1&a=2&b=x%26y&c=true&d=1.5&e=3",
      sent { url = url, query = { b = "x&y", a = { 1, 2 }, c = true, d = 1.5, e = 3.0 } }.url)
    assert.equal(url .. "?b=1&a=2", sent { url = url, query = { { "b", 1 }, { "a", 2 } } }.url)
    assert.equal(url .. "?x=1&a=b%20c", sent { url = url .. "?x=1", query = "a=b%20c" }.url)
    assert.equal(url, sent { url = url .. "#there", query = {} }.url)
    assert.equal(url .. "/%C3%A9", sent { url = url .. "/é" }.url)
  end)

  it("has JSON and forms with their content types, unless another is given", function()
    local url = "https://example.com/"
    local request = sent { method = "POST", url = url, json = { a = 1 } }
    assert.equal('{"a":1}', (request.body:gsub("%s", "")))
    assert.equal("application/json", header(request, "content-type"))
    request = sent { method = "POST", url = url, form = { b = "x y", a = "ü" } }
    assert.equal("a=%C3%BC&b=x%20y", request.body)
    assert.equal("application/x-www-form-urlencoded", header(request, "content-type"))
    request = sent { method = "POST", url = url, json = {}, headers = { ["content-type"] = "text/json" } }
    assert.equal("text/json", header(request, "content-type"))
  end)

  it("is a secret when a form holds one", function()
    local request = sent { method = "POST", url = "https://example.com/", form = { token = secret "a b" } }
    assert.equal("[secret]", tostring(request.body))
    assert.equal("token=a%20b", http.reveal(request.body))
  end)

  it("repeats a header for a list, keeps a list of pairs in order, and leaves a right Content-Length to the transport",
    function()
      local request = sent { url = "https://example.com/", headers = { Accept = { "a", "b" } } }
      assert.equal("a|b", header(request, "accept"))
      request = sent {
        method = "POST", url = "https://example.com/", body = "abc",
        headers = { { "Z", "1" }, { "A", "2" }, { "Content-Length", "3" } },
      }
      assert.same({ "Z", "1" }, request.headers[1])
      assert.equal("", header(request, "content-length"))
    end)

  it("does not change the caller's options", function()
    local options = { headers = { A = "b" }, query = { x = 1 }, retry = { attempts = 2 } }
    http.with_transport(function() return { status = 200, headers = {}, body = "" } end, http.get, "http://a/", options)
    assert.same({ headers = { A = "b" }, query = { x = 1 }, retry = { attempts = 2 } }, options)
    assert.is_nil(getmetatable(options.retry))
  end)
end)

describe("misuse", function()
  it("names the function, the argument and what was expected, at the caller's line", function()
    assert.matches("^spec/http_spec.lua:%d+: bad argument #1 to 'http.get' %(string expected, got no value%)$",
      misuse(function() http.get() end))
    assert.matches("bad argument #1 to 'http.request' %(url: string expected, got nil%)", misuse(http.request, {}))
    assert.matches("bad argument #2 to 'http.get' %(table expected, got string%)", misuse(http.get, "http://a", "b"))
    assert.matches("bad argument #2 to 'http.post' %(http.post has its own method and url%)",
      misuse(http.post, "http://a", { method = "GET" }))
  end)

  it("suggests the option that was meant", function()
    assert.matches("unknown option 'timout'; did you mean 'timeout'%?", misuse(http.get, "http://a", { timout = 1 }))
    assert.matches("unknown option 'xyzzy'%)", misuse(http.get, "http://a", { xyzzy = 1 }))
    assert.matches("retry: unknown option 'atempts'; did you mean 'attempts'%?",
      misuse(http.get, "http://a", { retry = { atempts = 1 } }))
  end)

  it("is told for each option's type", function()
    for _, case in ipairs {
      { { timeout = "3" }, "timeout: number expected, got string" },
      { { timeout = 0 }, "timeout: must be more than 0" },
      { { headers = "x" }, "headers: table expected, got string" },
      { { headers = { A = true } }, "headers: A: string, secret or number expected, got boolean" },
      { { sink = 1 }, "sink: function expected, got number" },
      { { body = {} }, "body: string or secret expected, got table" },
      { { body = io.stdout }, "body: string or secret expected, got userdata" },
      { { body = "a", json = 1 }, "only one of body, json and form can be given" },
      { { query = { a = {} , b = print } }, "query: b: string, number or boolean expected, got function" },
      { { query = { a = secret "x" } }, "query: a secret in a URL would be seen" },
      { { retry = true }, "retry: false, a number of attempts, or a table expected, got true" },
      { { retry = 0 }, "retry: attempts: an integer of 1 or more expected" },
      { { retry = { backoff = "x" } }, "retry.backoff: number expected, got string" },
      { { proxy = true }, "proxy: string, secret or false expected, got true" },
    } do
      local text = misuse(http.get, "http://a", case[1])
      assert.is_truthy(text:find(case[2], 1, true), text)
    end
  end)

  it("refuses URLs that are none, or that two parsers could read differently", function()
    for url, text in pairs {
      ["example.com"] = "http://… or https://… expected, got 'example.com'",
      ["file:///etc/passwd"] = "http://… or https://… expected",
      ["https://"] = "http://… or https://… expected",
      ["https://user:hunter2@example.com/"] = "a name or password in it would be seen",
      ["https://example.com/a b"] = "byte 22 of it has to be percent-encoded",
      ["https://good.example\\@evil.example/"] = "a name or password in it",
      ["https://example.com/\r\nX: y"] = "has to be percent-encoded",
    } do
      local message = misuse(http.get, url)
      assert.is_truthy(message:find(text, 1, true), message)
      assert.is_nil(message:find("hunter2", 1, true))
    end
  end)

  it("refuses headers that would smuggle another one in", function()
    for _, headers in ipairs {
      { A = "x\r\nB: y" }, { A = "x\ny" }, { A = "x\0y" }, { A = secret "x\r\nB: y" }, { ["A\r\nB"] = "y" },
      { ["A:"] = "x" }, { [""] = "x" }, { { "A", "x\ny" } }, { A = { "fine", "x\ny" } },
    } do
      assert.matches("headers", misuse(http.get, "http://a", { headers = headers }))
    end
    assert.matches("Content%-Length is not the body's, 3",
      misuse(http.post, "http://a", { body = "abc", headers = { ["Content-Length"] = "4" } }))
    assert.matches("up to the transport",
      misuse(http.get, "http://a", { headers = { ["Transfer-Encoding"] = "chunked" } }))
  end)

  it("says so when the place cannot wait", function()
    local ok, err = pcall(table.sort, { 1, 2 }, function() http.get("http://127.0.0.1:1/") end)
    assert.is_false(ok)
    assert.matches("http.request would have to wait", tostring(err))
  end)
end)

describe("response", function()
  local function answer(raw)
    return http.with_transport(function() return raw end, http.get, "https://example.com/p?token=abc",
      { headers = { Authorization = "Bearer " .. secret "s3cret-token" }, retry = false })
  end

  it("is what check gives when the status is 2xx", function()
    local r = answer { status = 204, headers = {} }
    assert.equal(r, r:check())
    assert.equal("", r.body)
  end)

  it("raises http.status from check, with method, url without query, status and an excerpt", function()
    local r = answer { status = 404, headers = { { "X-Request-Id", "r1" } }, body = ("no\27 such\n thing "):rep(100) }
    local ok, err = try(r.check, r)
    assert.is_nil(ok)
    assert.equal("http.status", err.kind)
    assert.equal(404, err.status)
    assert.equal("GET", err.method)
    assert.equal("https://example.com/p", err.url)
    assert.equal("r1", err.request_id)
    assert.is_false(err.retryable)
    assert.matches("^GET https://example.com/p: status 404 not found: no such thing no such", tostring(err))
    assert.is_true(#tostring(err) < 450)
    assert.is_nil(tostring(err):find("[%c]"))
    assert.is_nil(errors.describe(err):find("abc", 1, true))
  end)

  it("keeps the secrets that were sent out of the excerpt", function()
    local r = answer { status = 401, headers = {}, body = "bad token s3cret-token (Bearer s3cret-token)" }
    local _, err = try(r.check, r)
    assert.is_nil(errors.describe(err):find("s3cret", 1, true))
    assert.matches("%[secret%]", err.message)
  end)

  it("says of a retryable status that it is", function()
    for status, expected in pairs { [503] = true, [429] = true, [500] = true, [400] = false, [304] = false } do
      local r = answer { status = status, headers = {} }
      local _, err = try(r.check, r)
      assert.equal(expected, err.retryable)
    end
  end)

  it("gives JSON, and says of anything else what it is", function()
    assert.same({ a = 1 }, answer({ status = 200, headers = {}, body = '{"a":1}' }):json())
    local r = answer { status = 200, headers = { { "content-type", "text/html" } }, body = "<html>" }
    local _, err = try(r.json, r)
    assert.equal("json.syntax", err.kind)
    assert.matches("^GET https://example.com/p: the answer is not JSON %(it says text/html%)", tostring(err))
  end)
end)

describe("transports and listeners", function()
  local function nothing() return { status = 200, headers = {}, body = "" } end

  it("come back on any exit of with_transport", function()
    local before = http.use_transport(nothing)
    assert.equal(nothing, http.use_transport(before))
    pcall(http.with_transport, nothing, error, "out")
    assert.equal(before, http.use_transport(before))
    assert.equal("a", (http.with_transport(nothing, function() return "a" end)))
  end)

  it("may leave a sink alone", function()
    local text
    local r = http.with_transport(function() return { status = 200, headers = {}, body = "whole" } end, http.request,
      { url = "http://a/", sink = function(chunk) text = chunk end })
    assert.equal("whole", text)
    assert.equal("", r.body)
  end)

  it("hear of each exchange, without secrets", function()
    local heard = {}
    local remove = http.on_exchange(function(e) heard[#heard + 1] = e end)
    http.with_transport(function(request)
      if #heard == 0 then return { status = 302, headers = { { "Location", "/next?signature=x" } }, body = "" } end
      if #heard == 1 then errors.raise { kind = "http.reset", message = "gone" } end
      return { status = 200, headers = {}, body = request.url }
    end, function()
      clock.simulate({}, http.get, "https://example.com/first?token=x")
    end)
    remove()
    http.with_transport(nothing, http.get, "http://a/")
    assert.equal(3, #heard)
    assert.equal("https://example.com/first", heard[1].url)
    assert.equal(302, heard[1].status)
    assert.equal("https://example.com/next", heard[2].url)
    assert.equal("http.reset", heard[2].error.kind)
    assert.equal(1, heard[2].attempt)
    assert.equal(200, heard[3].status)
    assert.equal(2, heard[3].attempt)
    assert.equal("GET", heard[3].method)
  end)
end)
