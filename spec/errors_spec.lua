local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local task = require "fairlead.task"

local function timeout_error(fields)
  local all = {
    kind = "http.timeout", message = "no answer within 30 s", op = "http.get", target = "https://api.example/x",
    hint = "try again later", status = 504, code = "Slow", request_id = "r-1", retryable = true,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return errors.new(all)
end

describe("an error object", function()
  it("says what, on what, why and what to do next, in one line", function()
    assert.equal("http.get https://api.example/x: no answer within 30 s; try again later", tostring(timeout_error()))
    assert.equal("lost", tostring(errors.new { kind = "k", message = "lost" }))
    assert.equal("git.open: lost", tostring(errors.new { kind = "k", message = "lost", op = "git.open" }))
    assert.equal("/tmp/x: lost", tostring(errors.new { kind = "k", message = "lost", target = "/tmp/x" }))
    assert.equal("lost; look", tostring(errors.new { kind = "k", message = "lost", hint = "look" }))
  end)

  it("stays one line that no terminal obeys, whatever it quotes; a script's own words stay as they are", function()
    assert.equal("get a b: x? [31m? y ü; do z", tostring(errors.new { kind = "k", op = "get", target = "a\nb",
      message = "x\0\r[31m\27\ty ü", hint = "do\nz" }))
    assert.equal("one\ntwo", tostring(errors.wrap "one\ntwo"))
  end)

  it("is of its kind and of each dotted beginning of it", function()
    local err = errors.new { kind = "aws.api.not_found", message = "" }
    for kind, expected in pairs {
      ["aws"] = true, ["aws.api"] = true, ["aws.api.not_found"] = true,
      ["aw"] = false, ["aws."] = false, ["aws.api.not"] = false, ["aws.api.not_found.x"] = false,
      ["api"] = false, [""] = false,
    } do
      assert.equal(expected, err:is(kind), kind)
    end
  end)

  it("keeps every field that it was made of", function()
    local fields = { kind = "k", message = "m", extra = { 1 } }
    local err = errors.new(fields)
    assert.equal(fields, err)
    assert.same({ 1 }, err.extra)
    assert.is_true(errors.is_error(err))
    for _, other in ipairs { "text", 5, {}, { kind = "k", message = "m" }, setmetatable({}, { __name = "x" }) } do
      assert.is_false(errors.is_error(other))
    end
  end)

  it("needs a kind and a message", function()
    local cases = {
      [{ kind = "k" }] = "'errors.new' (message: string expected, got nil)",
      [{ message = "m" }] = "'errors.new' (kind: string expected, got nil)",
      [{ kind = true, message = "m" }] = "'errors.new' (kind: string expected, got boolean)",
      ["text"] = "table expected, got string",
    }
    for fields, expected in pairs(cases) do
      local ok, err = pcall(errors.new, fields)
      assert.is_false(ok)
      assert.matches(expected, err, 1, true)
    end
  end)

  it("is raised as it is", function()
    local ok, err = pcall(errors.raise, { kind = "k", message = "m" })
    assert.is_false(ok)
    assert.is_true(errors.is_error(err))
    assert.equal("m", tostring(err))
  end)
end)

describe("errors.wrap", function()
  it("makes an error object of anything that can be raised", function()
    local named = setmetatable({}, { __tostring = function() return "a thing" end })
    for message, value in pairs { ["at x"] = "at x", ["5"] = 5, ["true"] = true, ["a thing"] = named } do
      local err = errors.wrap(value)
      assert.equal("script", err.kind)
      assert.equal(message, err.message)
    end
    assert.equal("nil", errors.wrap(nil).message)
  end)

  it("leaves an error object alone", function()
    local err = timeout_error()
    assert.equal(err, errors.wrap(err))
  end)
end)

describe("errors.describe", function()
  it("tells the fields, the traceback and the causes", function()
    local _, inner = try(function() error("broken") end)
    local text = errors.describe(timeout_error { cause = inner })
    local first, second = text:match "^([^\n]*)\n(.*)$"
    assert.equal("http.get https://api.example/x: no answer within 30 s; try again later", first)
    assert.matches("kind +http%.timeout\n +status +504\n +code +Slow\n +request_id +r%-1\n", second)
    assert.matches("because of: .*errors_spec%.lua:%d+: broken\n", second)
    assert.matches("  at .*errors_spec%.lua:%d+: in function", second)
  end)

  it("takes what is no error object", function()
    assert.matches("^just text\n", errors.describe "just text")
  end)

  it("tells a value that a script raised once", function()
    local raised = setmetatable({}, { __tostring = function() return "a value" end })
    local _, err = try(function() error(raised) end)
    for _, value in ipairs { raised, err } do
      local text = errors.describe(value)
      assert.matches("^a value\n", text)
      assert.is_nil(text:find("because of", 1, true))
    end
  end)

  it("ends when causes go round in a circle", function()
    local one, other = errors.new { kind = "a", message = "one" }, errors.new { kind = "b", message = "other" }
    one.cause, other.cause = other, one
    local _, count = errors.describe(one):gsub("because of", "")
    assert.is_true(count < 10)
  end)
end)

describe("errors.exit_code", function()
  it("follows from the kind", function()
    for kind, code in pairs {
      ["script"] = 1, ["http.timeout"] = 1, ["usage"] = 2, ["usage.parameter"] = 2, ["config.missing"] = 2,
      ["aws.no_credentials"] = 2, ["gate.refused"] = 3, ["gate.timeout"] = 3, ["github.api.not_authorised"] = 4,
      ["aws.api.not_authorised"] = 4, ["deployment.rolled_back"] = 5, ["deployment.failed"] = 1, ["lock.held"] = 75,
      ["cancelled"] = 130, ["gateway"] = 1, ["not_authorised"] = 1, ["usages"] = 1,
    } do
      assert.equal(code, errors.exit_code(errors.new { kind = kind, message = "" }), kind)
    end
    assert.equal(1, errors.exit_code "text")
  end)
end)

describe("try", function()
  it("gives the results as they are", function()
    assert.equal(3, select("#", try(function() return nil, false, nil end)))
    assert.equal(0, select("#", try(function() end)))
    assert.same({ 1, 2, 3 }, { try(function(...) return ... end, 1, 2, 3) })
    assert.equal(try, require "fairlead.try")
  end)

  it("gives nil and an error object, whatever was raised", function()
    local raised = timeout_error()
    local value, err = try(error, raised)
    assert.is_nil(value)
    assert.equal(raised, err)
    for _, each in ipairs { "text", 5, {}, false } do
      local none, wrapped = try(error, each, 0)
      assert.is_nil(none)
      assert.is_true(errors.is_error(wrapped))
      assert.equal("script", wrapped.kind)
    end
    assert.equal(2, select("#", try(error)))
  end)

  it("keeps the traceback of where it went wrong", function()
    local function deepest() error("broken") end
    local function middle()
      deepest()
      return 1
    end
    local _, err = try(middle)
    assert.matches("errors_spec%.lua:%d+: broken$", err.message)
    local lines = {}
    for line in err.traceback:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.matches("in upvalue 'deepest'", lines[1], 1, true)
    assert.matches("in function", lines[2], 1, true)
    local again = select(2, try(error, err))
    assert.equal(lines[1], again.traceback:match "[^\n]+")
  end)

  it("survives a stack that overflows", function()
    local function endless() return 1 + endless() end
    local value, err = try(endless)
    assert.is_nil(value)
    assert.matches("stack overflow", err.message, 1, true)
    assert.is_true(#err.traceback < 10000)
  end)

  it("lets what it calls wait, and nests", function()
    clock.simulate({ start = 0 }, function()
      local value = try(function()
        clock.sleep(1)
        local none, inner = try(function()
          clock.sleep(1)
          error("inner", 0)
        end)
        assert.is_nil(none)
        return inner.message .. clock.now()
      end)
      assert.equal("inner2.0", value)
    end)
  end)

  it("does not swallow a cancellation", function()
    clock.simulate({ start = 0 }, function()
      local after, closed = false, false
      local handle = task.start(function()
        local _ <close> = setmetatable({}, { __close = function() closed = true end })
        try(try, clock.sleep, 100)
        after = true
      end)
      clock.sleep(1)
      handle:cancel()
      try(handle.wait, handle)
      assert.is_false(after)
      assert.is_true(closed)
      assert.equal(1, clock.now())
    end)
  end)

  it("says what it is given wrong", function()
    assert.has_error(function() try() end)
    assert.matches("attempt to call a string value", select(2, try("name")).message, 1, true)
  end)
end)
