local errors = require "fairlead.errors"
local json = require "fairlead.json"

local TEXT <const> = "xoxb-hush-1234"

-- The only way that a spec has to see inside without opening: secrets compare by their texts.
local function assert_holds(text, value)
  assert.equal("userdata", type(value))
  assert.is_true(value == secret(text))
end

describe("a secret", function()
  it("is the same by its global name and by require", function()
    assert.equal(secret, require "fairlead.secret")
  end)

  it("shows as a tag wherever it is turned into text", function()
    local value = secret(TEXT)
    local seen = {
      tostring(value), ("%s"):format(value), json.encode { value }, json.encode(value), tostring(value .. "x"),
      tostring(errors.wrap(value)), errors.describe(errors.new { kind = "k", message = "m", code = value }),
    }
    for _, text in ipairs(seen) do
      assert.matches("[secret]", text, 1, true)
      assert.is_nil(text:find("hush", 1, true))
    end
  end)

  it("tells nothing of its length", function()
    assert.equal(tostring(secret ""), tostring(secret(("x"):rep(1000))))
    assert.has_error(function() return #secret(TEXT) end)
  end)

  it("makes a secret of what it is joined with, on either side", function()
    assert_holds("Bearer " .. TEXT, "Bearer " .. secret(TEXT))
    assert_holds(TEXT .. "!", secret(TEXT) .. "!")
    assert_holds(TEXT .. TEXT, secret(TEXT) .. secret(TEXT))
    assert_holds("a" .. TEXT .. "b" .. 5, "a" .. secret(TEXT) .. "b" .. 5)
    assert_holds("a\0b", secret "a\0" .. "b")
    assert_holds("", secret "" .. "")
  end)

  it("compares with secrets by their texts, and with nothing else", function()
    assert.is_true(secret(TEXT) == secret(TEXT))
    assert.is_false(secret(TEXT) == secret(TEXT .. "x"))
    assert.is_false(secret(TEXT) == secret(TEXT:sub(1, -2) .. "5"))
    assert.is_false(secret(TEXT) == TEXT)
    assert.is_false(secret "a" == secret "a\0")
  end)

  it("is given back as it is when it is made twice", function()
    local value = secret(TEXT)
    assert.is_true(rawequal(value, secret(value)))
  end)

  it("gives its text to no function of Lua's", function()
    local value = secret(TEXT)
    local attempts = {
      length = function() return #value end,
      index = function() return value.text end,
      assign = function() value.text = "x" end,
      call = function() return value() end,
      less = function() return value < secret "z" end,
      add = function() return value + 1 end,
      sub = function() return string.sub(value, 1, 4) end,
      byte = function() return string.byte(value) end,
      quote = function() return ("%q"):format(value) end,
      concat = function() return table.concat { value } end,
      write = function() return io.stdout:write(value) end,
      load = function() return assert(load(value)) end,
      open = function() return assert(io.open(value)) end,
      pack = function() return string.pack("z", value) end,
      utf8 = function() return utf8.len(value) end,
      setmetatable = function() return setmetatable(value, {}) end,
      raise = function() error(value) end,
    }
    for name, attempt in pairs(attempts) do
      local ok, err = pcall(attempt)
      assert.is_false(ok, name)
      assert.is_nil(tostring(err):find("hush", 1, true), name)
    end
    assert.is_false(getmetatable(value))
    assert.is_nil(tonumber(value))
    assert.is_nil(debug.getuservalue(value, 1))
  end)

  it("keeps bytes of any kind and any size", function()
    local bytes = {}
    for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
    local text = table.concat(bytes):rep(4000)
    assert_holds(text .. text, secret(text) .. text)
  end)

  it("is made of text only", function()
    for _, value in ipairs { {}, true, print, json.null } do
      local ok, err = pcall(secret, value)
      assert.is_false(ok)
      assert.matches("secret' (string expected", err, 1, true)
    end
    assert.has_error(function() secret() end)
    assert.has_error(function() return secret "a" .. {} end)
    assert.has_error(function() return nil .. secret "a" end)
  end)
end)

describe("the secrets that live", function()
  local find = require "fairlead.secret.native".find

  it("are found in a text, from left to right, as ranges", function()
    local one, two = secret "hush-one", secret("Bearer " .. "hush-two") -- luacheck: ignore
    assert.same({ 3, 10, 12, 19 }, find "a hush-one hush-two b")
    assert.same({ 1, 15 }, find "Bearer hush-two")
    assert.same({}, find "hush-on")
    assert.same({}, find "")
    assert.is_truthy(one and two)
  end)

  it("are found where they overlap, and next to zero bytes", function()
    local kept = { secret "aaaaaaab", secret "abcdefgh", secret "zero\0zero" } -- luacheck: ignore
    assert.same({ 2, 15 }, find "xaaaaaaabcdefghx")
    assert.same({ 2, 10 }, find "\0zero\0zero\0")
    assert.is_truthy(kept)
  end)

  it("are not found when they are all of the text, if that is asked", function()
    local whole, part = secret "all of this text", secret "of this" -- luacheck: ignore
    assert.same({ 1, 16 }, find "all of this text")
    assert.same({ 5, 11 }, find("all of this text", true))
    assert.is_truthy(whole and part)
  end)

  it("are few when many have gone", function()
    local kept = {}
    for i = 1, 20000 do
      local value = secret("passing-by-%d" .. i)
      if i % 5000 == 0 then kept[#kept + 1] = value end
    end
    collectgarbage()
    collectgarbage()
    assert.same({}, find "passing-by-%d4999")
    assert.same({ 1, 17 }, find "passing-by-%d5000")
    assert.equal(4, #kept)
  end)
end)
