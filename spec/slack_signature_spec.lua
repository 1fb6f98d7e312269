local clock = require "fairlead.clock"
local native = require "fairlead.slack.native"

-- The example of Slack's page "Verifying requests from Slack".
local function example(fields)
  local request = {
    signing_secret = "8f742231b10e8888abcd99yyyzzz85a5", timestamp = "1531420618", now = 1531420618,
    body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
      .. "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
      .. "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
      .. "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
  }
  for name, value in pairs(fields or {}) do request[name] = value end
  return request
end

local function without(name)
  local request = example()
  request[name] = nil
  return request
end

describe("slack.verify_signature", function()
  it("accepts what Slack signed", function()
    assert.is_true(native.verify_signature(example()))
    assert.is_true(native.verify_signature(example { timestamp = 1531420618 }))
    assert.is_true(native.verify_signature(example {
      signing_secret = secret "8f742231b10e8888abcd99yyyzzz85a5", body = secret(example().body),
    }))
  end)

  it("accepts a signed empty body", function()
    assert.is_true(native.verify_signature {
      signing_secret = "key", timestamp = "1", now = 1, body = "",
      signature = "v0=7904eddf3ac9d609570d2821f1e24b4d623d8da8f6db18dfe64f1fa0ed84fcbb",
    })
  end)

  it("refuses any other body, timestamp, secret or signature", function()
    local good = example()
    assert.is_false(native.verify_signature(example { body = good.body .. " " }))
    assert.is_false(native.verify_signature(example { body = "" }))
    assert.is_false(native.verify_signature(example { timestamp = "1531420619" }))
    assert.is_false(native.verify_signature(example { signing_secret = "9f742231b10e8888abcd99yyyzzz85a5" }))
    for position = 1, #good.signature do
      local wrong = good.signature:sub(1, position - 1) .. "?" .. good.signature:sub(position + 1)
      assert.is_false(native.verify_signature(example { signature = wrong }))
    end
  end)

  it("holds for five minutes either way", function()
    for offset, genuine in pairs { [300] = true, [-300] = true, [301] = false, [-301] = false, [0.5] = true } do
      assert.equal(genuine, native.verify_signature(example { now = 1531420618 + offset }))
    end
    assert.is_false(native.verify_signature(example { now = 0 / 0 }))
  end)

  it("takes the task's clock when now is not given", function()
    clock.simulate({ start = 1531420618 + 299 }, function()
      assert.is_true(native.verify_signature(without "now"))
      clock.sleep(2)
      assert.is_false(native.verify_signature(without "now"))
    end)
  end)

  it("takes a malformed request for a forged one", function()
    assert.is_false(native.verify_signature(without "timestamp"))
    assert.is_false(native.verify_signature(without "signature"))
    local stamps = { "", "now", "-1", "1531420618 ", "+1531420618", "0x5b47a0ca", ("9"):rep(400), "1531420618.0", "\0" }
    for _, timestamp in ipairs(stamps) do
      assert.is_false(native.verify_signature(example { timestamp = timestamp }))
    end
    local right = example().signature
    local signatures = { "", "v0=", "v1" .. right:sub(3), right:upper(), right .. "0", right:sub(1, -2), "\0" }
    for _, signature in ipairs(signatures) do
      assert.is_false(native.verify_signature(example { signature = signature }))
    end
  end)

  it("raises what is the caller's own mistake", function()
    local cases = {
      { without "signing_secret", "signing_secret: string or Secret expected, got nil" },
      { example { signing_secret = "" }, "signing_secret: 1 to 1024 bytes expected" },
      { without "body", "body: string or Secret expected, got nil" },
      { example { signature = 5 }, "signature: string expected, got number" },
      { example { timestamp = 1.5 }, "timestamp: string or integer expected, got number" },
      { example { now = "1531420618" }, "now: number expected, got string" },
    }
    for _, case in ipairs(cases) do
      local ok, err = pcall(native.verify_signature, case[1])
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'slack.verify_signature' (" .. case[2], err, 1, true)
    end
  end)
end)

describe("slack.escape", function()
  it("escapes the three characters that Slack gives a meaning", function()
    assert.equal("a &lt;!channel&gt; &amp;amp; b", native.escape "a <!channel> &amp; b")
    assert.equal("", native.escape "")
    assert.equal('é "\'*_~`\n\0', native.escape 'é "\'*_~`\n\0')
    assert.equal(("&lt;"):rep(100000), native.escape(("<"):rep(100000)))
  end)

  it("keeps a secret secret", function()
    assert.equal("[secret]", tostring(native.escape(secret "<token>")))
    assert.equal(secret "&lt;token&gt;", native.escape(secret "<token>"))
  end)

  it("raises for what is no text", function()
    assert.has_error(function() native.escape(nil) end)
  end)
end)
