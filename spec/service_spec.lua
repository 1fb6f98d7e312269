-- What the service clients share: addresses, answers, times, chance.
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local chance = require "fairlead.service.chance"

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

describe("service addresses", function()
  it("have segments and queries that hold any text", function()
    assert.equal("feature%2Fx%20%C3%A9", address.segment "feature/x é")
    assert.equal("a-b._~9", address.segment "a-b._~9")
    assert.equal("", address.query {})
    assert.equal("", address.query(nil))
    assert.equal("?a=1&b=x%26y&c=false&d=1&d=2", address.query { b = "x&y", a = 1, c = false, d = { 1, 2 } })
  end)

  it("have origins that compare", function()
    assert.equal("https://api.github.com:443", address.origin "https://API.github.com/repos?x=http://y")
    assert.equal("http://h:8080", address.origin "http://h:8080")
    assert.not_equal(address.origin "http://h", address.origin "https://h")
    assert.is_nil(address.origin "https://api.github.com@evil.example/")
    assert.is_nil(address.origin "ftp://h")
    assert.is_nil(address.origin "/path")
  end)

  it("are taken as bases only when they are ones", function()
    assert.equal("https://h/api", address.base("https://h/api//", "X_URL"))
    for _, wrong in ipairs { "h", "https://h?x", "https://u:p@h", "https://h/ b", "" } do
      local err <const> = failure(address.base, wrong, "X_URL")
      assert.equal("config.invalid", err.kind)
      assert.matches("X_URL", tostring(err))
      assert.is_nil(tostring(err):find("u:p", 1, true))
    end
  end)
end)

describe("service answers", function()
  local about <const> = { kind = "x.api", op = "x.get", target = "/y" }

  local function decode(body)
    return answer.decode({ status = 200, headers = {}, body = body }, about)
  end

  it("lose nulls in objects and keep the places in lists", function()
    local value <const> = decode '{"a":null,"b":{"c":null,"d":[1,null,3]},"e":[]}'
    assert.is_nil(value.a)
    assert.is_nil(value.b.c)
    assert.equal(3, #value.b.d)
    assert.equal(3, value.b.d[3])
    assert.same({}, value.e)
    assert.is_nil(decode "null")
    assert.is_nil(decode "")
  end)

  it("that are not JSON are errors of the service", function()
    local err <const> = failure(decode, "<html>")
    assert.equal("x.api", err.kind)
    assert.equal("json.syntax", err.cause.kind)
    assert.matches("x.get /y: answered 200 with something that is not JSON (no content type, 6 bytes)", tostring(err),
      1, true)
  end)

  it("give reasons of a length that can be read, whole characters only", function()
    assert.equal("short", answer.brief "short")
    assert.equal("violations: a check  is missing", answer.brief "violations:\n\n a check  is\r\nmissing")
    local long <const> = answer.brief(("é"):rep(40000000))
    assert.is_true(#long < 1100)
    assert.is_truthy(utf8.len(long))
    assert.matches("é…$", long)
  end)

  it("have waits that are numbers and have an end, or none", function()
    assert.equal(30, answer.seconds "30")
    assert.equal(1.5, answer.seconds " 1.5 ")
    for _, wrong in ipairs { "", "-1", "1e999", "inf", "nan", "0x10", "soon", ("9"):rep(400) } do
      assert.is_nil(answer.seconds(wrong))
    end
    assert.is_true(answer.seconds(("9"):rep(99)) < math.huge)
    assert.is_nil(answer.seconds(nil))
  end)

  it("have times in unix seconds", function()
    assert.equal(0, answer.time "1970-01-01T00:00:00Z")
    assert.equal(1772442000, answer.time "2026-03-02T09:00:00Z")
    assert.equal(1772442000, answer.time "2026-03-02T10:30:00+01:30")
    assert.equal(1772442000.25, answer.time "2026-03-02T09:00:00.250Z")
    assert.equal(951782400, answer.time "2000-02-29T00:00:00Z")
    assert.equal(4107542400, answer.time "2100-03-01T00:00:00Z")
    assert.is_nil(answer.time(nil))
    assert.is_nil(answer.time "yesterday")
    for _ = 1, 200 do
      local at <const> = math.random(0, 4000000000)
      assert.equal(at, answer.time(os.date("!%Y-%m-%dT%H:%M:%SZ", at)))
    end
  end)
end)

describe("service dates", function()
  it("of HTTP are unix seconds", function()
    assert.equal(1772442000, answer.http_date "Mon, 02 Mar 2026 09:00:00 GMT")
    assert.is_nil(answer.http_date(nil))
    assert.is_nil(answer.http_date "Mon, 02 Foo 2026 09:00:00 GMT")
  end)
end)

describe("service chance", function()
  it("comes from the source in force, which goes with its call", function()
    local function half() return 0.5 end
    local a, b, c = chance.with(half, function(...) return chance.random(), chance.random(1, 4), ... end, nil)
    assert.same({ 0.5, 3 }, { a, b })
    assert.is_nil(c)
    assert.is_false(pcall(chance.with, half, error))
    local seen = {}
    for _ = 1, 100 do
      seen[chance.random()] = true
      local n <const> = chance.random(2, 3)
      assert.is_true(n == 2 or n == 3)
    end
    assert.is_nil(seen[0.5])
  end)

  it("makes tokens of 32 digits, each another", function()
    local one <const> = chance.token()
    assert.matches("^%x+$", one)
    assert.equal(32, #one)
    assert.not_equal(one, chance.token())
  end)
end)
