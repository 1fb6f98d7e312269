-- A server that means harm, or talks nonsense: bounded memory, bounded time, one line that says what.
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local process = require "fairlead.process"
local memory = require "spec.support.memory"
local server = require "spec.support.server"
local task = require "fairlead.task"

local MOST <const> = 8 << 20 -- bytes that a request may take where little is asked for
local MOMENT <const> = 3 -- seconds

local function say(...)
  local pieces = { ... }
  return function(exchange)
    for _, piece in ipairs(pieces) do exchange:write(piece) end
    exchange:finish()
  end
end

-- Writes again and again, until nobody listens.
local function flood(first, piece)
  return function(exchange)
    exchange:write(first)
    while true do exchange:write(piece) end
  end
end

-- One request to a server that answers so: the answer, or the error; within time and memory, and in one line.
local function ask(handler, options)
  local s <close> = server.start(handler)
  options = options or {}
  options.url, options.retry = s.url .. "/path", options.retry or false
  options.timeout = options.timeout or 20
  local response, err
  local began = clock.monotonic()
  local peak = memory.peak(function() response, err = try(http.request, options) end)
  assert.is_true(clock.monotonic() - began < MOMENT, "it took " .. clock.monotonic() - began)
  if memory.counts() then assert.is_true(peak < MOST, "it took " .. peak .. " bytes") end
  if response then return response, nil, s end
  assert.matches("^%u+ http://127.0.0.1:%d+/path: [^\r\n]+$", tostring(err))
  return nil, err, s
end

local function refused(kind, pattern, handler, options)
  local response, err = ask(handler, options)
  assert.is_nil(response)
  assert.equal(kind, err.kind, tostring(err))
  assert.matches(pattern, err.message)
end

describe("a header from a server that means harm", function()
  it("of a hundred megabytes is refused after 256 KiB", function()
    refused("http.too_large", "the header is larger than 262144 bytes",
      flood("HTTP/1.1 200 OK\r\n", ("X-Flood: %s\r\n"):format(("x"):rep(8000)):rep(8)))
  end)

  it("of one line without end is refused", function()
    refused("http.too_large", "a line of the header is longer than 100 KiB",
      flood("HTTP/1.1 200 OK\r\nX-Long: ", ("x"):rep(64 * 1024)))
  end)

  it("of interim answers without end is refused", function()
    refused("http.too_large", "the header is larger than 262144 bytes",
      flood("", ("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"):rep(500)))
  end)

  it("that comes a byte at a time ends with the request's time", function()
    refused("http.timeout", "timed out after 0.3 s while receiving the header", function(exchange)
      exchange:write "HTTP/1.1 200 OK\r\nX-Slow: "
      while true do
        exchange:write "x"
        clock.sleep(0.02)
      end
    end, { timeout = 0.3 })
  end)

  it("with a zero byte is refused", function()
    refused("http.protocol", "[Nn]ul byte in header", say "HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n")
  end)

  it("has no second header within a line: a carriage return alone is a space", function()
    local response = ask(say "HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 2\r\n\r\nok")
    assert.equal("a Set-Cookie: b", response.headers["x-a"])
    assert.is_nil(response.headers["set-cookie"])
  end)

  it("with a status that is none of three digits is refused", function()
    for _, line in ipairs { "HTTP/2 2002", "HTTP/" .. ("2"):rep(60) .. "/ ", "HTTP/1.1 012 X" } do
      refused("http.protocol", "%S", say(line .. "\r\nContent-Length: 0\r\n\r\n"))
    end
  end)

  it("that is missing (HTTP/0.9) is no answer", function()
    refused("http.protocol", "HTTP/0.9", say "<html>hello</html>")
  end)
end)

describe("a length from a server that means harm", function()
  it("that is no number, negative or beyond all bounds is refused, or cut off at what is there", function()
    for _, length in ipairs { "-1", "9223372036854775808", "99999999999999999999999", "0x10", "5, 6", "" } do
      local response, err = ask(say(("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nhello"):format(length)),
        { max_body = 1000 })
      if response then
        assert.is_true(#response.body <= 5, length)
      else
        assert.is_true(err:is "http.protocol" or err:is "http.too_large" or err:is "http.truncated", tostring(err))
      end
    end
  end)

  it("that is larger than max_body is refused before any of it is there", function()
    refused("http.too_large", "larger than max_body, 1000 bytes",
      say("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello"), { max_body = 1000 })
  end)

  it("that is larger than what comes is a truncated answer; what is beyond it is no part of the body", function()
    refused("http.truncated", "after 5 bytes", say "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello")
    assert.equal("hell", ask(say "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhello").body)
  end)

  it("that comes twice, and differs, does not leave anything for the next answer", function()
    local first = true
    local s <close> = server.start(function(exchange)
      if not first then return exchange:reply(200, {}, "mine") end
      first = false
      exchange:write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 50\r\n\r\nevil"
        .. "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong")
    end)
    try(http.get, s.url, { retry = false, timeout = 0.3 })
    assert.equal("mine", http.get(s.url).body)
  end)
end)

describe("chunks from a server that means harm", function()
  local HEAD <const> = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

  it("of a length that is none, or beyond all bounds, are refused", function()
    local chunks = { "zz\r\n", "-5\r\nhello\r\n", "\r\n\r\n", "fffffffffffffffff\r\nhello\r\n", ("1"):rep(100) }
    for _, chunk in ipairs(chunks) do
      local response, err = ask(say(HEAD .. chunk), { max_body = 1000 })
      assert.is_nil(response, chunk)
      assert.is_true(err:is "http.protocol" or err:is "http.truncated" or err:is "http.too_large", tostring(err))
    end
  end)

  it("with a remark without end take no memory, and end with the request's time", function()
    refused("http.timeout", "receiving the body", flood(HEAD .. "5;x=", ("x"):rep(64 * 1024)), { timeout = 0.5 })
  end)

  it("with trailers without end are refused", function()
    refused("http.too_large", "the header is larger than 262144 bytes",
      flood(HEAD .. "0\r\n", ("X-Trailer: %s\r\n"):format(("x"):rep(4000)):rep(8)))
  end)

  it("beside a length count, not the length", function()
    local response = ask(say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "5\r\nhello\r\n0\r\n\r\n"))
    assert.equal("hello", response.body)
  end)
end)

describe("a compressed body from a server that means harm", function()
  local function compressed(encoding, bytes)
    return say(("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"):format(encoding, #bytes),
      bytes)
  end

  it("of a gigabyte in seven megabytes is refused at max_body", function()
    local bomb = server.bomb(1 << 30)
    refused("http.too_large", "larger than max_body", compressed("gzip", bomb), { max_body = 1 << 20 })
  end)

  it("goes through a sink piece by piece, and not into memory", function()
    local bomb, taken = server.bomb(64 << 20), 0
    local response = ask(compressed("gzip", bomb), { sink = function(chunk) taken = taken + #chunk end })
    assert.equal(200, response.status)
    assert.is_true(taken > 63 << 20)
  end)

  it("within another counts as what it is in the end", function()
    local twice = process.run({ "gzip", "-c", stdin = server.bomb(200 << 20) }):check().stdout
    assert.is_true(#twice < 100000)
    refused("http.too_large", "larger than max_body", compressed("gzip, gzip", twice), { max_body = 1 << 20 })
  end)

  it("in an encoding that nobody knows is refused", function()
    refused("http.protocol", "[Uu]nrecognized content encoding", compressed("snake-oil", "hello"))
  end)

  it("in very many encodings is refused", function()
    refused("http.protocol", "content encoding", compressed(("gzip, "):rep(50) .. "gzip", server.bomb(1000)))
  end)
end)

describe("an answer before the request is sent whole", function()
  local BODY <const> = ("x"):rep(16 << 20)

  it("is the answer, when the server closes the connection upon it", function()
    local s <close> = server.start(function() end)
    s:close()
    local peer = require "fairlead.peer"
    local listener <close> = peer.listen()
    local serving = task.start(function()
      local socket <close> = listener:accept()
      socket:read()
      socket:write "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!"
      clock.sleep(0.2)
    end)
    local url = ("http://127.0.0.1:%d/path"):format(listener:port())
    local began = clock.monotonic()
    local response, err = try(http.post, url, { body = BODY, timeout = 5 })
    serving:cancel()
    try(serving.wait, serving)
    assert.is_true(clock.monotonic() - began < MOMENT)
    if response then assert.equal(413, response.status) else assert.equal("http.reset", err.kind, tostring(err)) end
  end)
end)
