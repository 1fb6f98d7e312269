-- How values are shown: readable, in order, in bounded time, and without running anything of theirs.
local errors = require "fairlead.errors"
local inspect = require "fairlead.inspect"
local json = require "fairlead.json"
local style = require "fairlead.faces.style"

-- A metatable that notes every metamethod that is run, and raises.
local EVENTS <const> = { "index", "newindex", "call", "tostring", "pairs", "len", "eq", "lt", "le", "concat", "add",
  "sub", "mul", "div", "mod", "pow", "unm", "idiv", "band", "bor", "bxor", "shl", "shr", "bnot" }

local function hostile(ran)
  local meta = {}
  for _, event in ipairs(EVENTS) do
    meta["__" .. event] = function()
      ran[#ran + 1] = event
      error("a metamethod was run: " .. event)
    end
  end
  meta.__metatable = "hidden"
  meta.__name = setmetatable({}, { __tostring = function() ran[#ran + 1] = "name" end })
  return meta
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  return lines
end

describe("inspect.text", function()
  it("writes tables on one line where they fit, keys in order", function()
    assert.equal('{ 1, "two", [1.5] = false, [10] = true, ["a b"] = {}, z = { 1 } }',
      inspect.text({ 1, "two", z = { 1 }, [10] = true, [1.5] = false, ["a b"] = {} }))
    assert.equal("{}", inspect.text {})
    assert.equal("{ 1, nil, 3 }", inspect.text { 1, nil, 3 })
    assert.equal('{ ["1x"] = 2, _ok = 3, ["end"] = 1 }', inspect.text { ["end"] = 1, ["1x"] = 2, _ok = 3 })
  end)

  it("writes an item a line where they do not", function()
    local text = inspect.text({ name = ("n"):rep(12), jobs = { "lint", "test" } }, { width = 30 })
    assert.same({ "{", '  jobs = { "lint", "test" },', '  name = "nnnnnnnnnnnn"', "}" }, lines_of(text))
    text = inspect.text({ inner = { long = ("x"):rep(30), other = 1 } }, { width = 40, indent = 4 })
    assert.same({ "{", "      inner = {", '        long = "' .. ("x"):rep(30) .. '",', "        other = 1", "      }",
      "    }" }, lines_of(text))
  end)

  it("fills the width to its last column, and never goes over it", function()
    for width = 20, 60 do
      local text = inspect.text({ alpha = { 1, 2, 3 }, beta = { "x", "y" }, c = { d = { e = 1 } } }, { width = width })
      for _, line in ipairs(lines_of(text)) do assert.is_true(#line <= width, line) end
    end
  end)

  it("measures in columns, not bytes", function()
    assert.equal('{ "ééééé", "日本" }', inspect.text({ "ééééé", "日本" }, { width = 20 }))
  end)

  it("tells integers from floats, and loses no digit", function()
    assert.equal("3", inspect.text(3))
    assert.equal("3.0", inspect.text(3.0))
    assert.equal("-0.0", inspect.text(-0.0))
    assert.equal("0.1", inspect.text(0.1))
    assert.equal(0.1 + 0.2, tonumber(inspect.text(0.1 + 0.2)))
    assert.equal("9223372036854775807", inspect.text(math.maxinteger))
    assert.equal("1e+100", inspect.text(1e100))
    assert.equal("math.huge", inspect.text(math.huge))
    assert.equal("-math.huge", inspect.text(-math.huge))
    assert.equal("nan", inspect.text(0 / 0))
  end)

  it("quotes strings so that a terminal obeys nothing of them", function()
    assert.equal([["a\n\tb \"q\" \\ é 日"]], inspect.text 'a\n\tb "q" \\ é 日')
    assert.equal([["\x1B[31m\x00\x7F"]], inspect.text "\27[31m\0\127")
    assert.equal([["\xFFa\xC3"]], inspect.text "\xFFa\xC3")
    assert.equal([["\xED\xA0\x80"]], inspect.text "\xED\xA0\x80") -- half of a surrogate pair
    assert.equal([["\u{9B}31m \u{202E}x \u{2028}"]], inspect.text "\u{9B}31m \u{202E}x \u{2028}")
  end)

  it("cuts long strings between characters, and says how long they are", function()
    assert.equal('"aaaaa…" (1,234,567 bytes)', inspect.text(("a"):rep(1234567), { text = 5 }))
    assert.equal('"éé…" (12 bytes)', inspect.text(("é"):rep(6), { text = 5 }))
    assert.equal('"\\x80\\x80…" (6 bytes)', inspect.text(("\x80"):rep(6), { text = 2 }))
  end)

  it("shows texts of several lines line by line, on request", function()
    assert.same({ "{", "  body = [[", "    one", "    two \\x1B", "  ]],", "  n = 1", "}" },
      lines_of(inspect.text({ body = "one\r\ntwo \27\n", n = 1 }, { lines = true })))
    assert.equal([["one line"]], inspect.text("one line", { lines = true }))
  end)

  it("says how much it left out", function()
    local list = {}
    for i = 1, 40 do list[i] = i end
    assert.equal("{ 1, 2, 3, … 37 more }", inspect.text(list, { items = 3 }))
    assert.equal("{ a = 1, b = 2, … 1 more }", inspect.text({ a = 1, b = 2, c = 3 }, { items = 2 }))
    assert.equal("{ a = { b = { … 2 } } }", inspect.text({ a = { b = { 1, c = 2 } } }, { depth = 2 }))
  end)

  it("names cycles and tables that are there twice", function()
    local t = { name = "x", list = { { 1 } } }
    t.self, t.again = t, t.list[1]
    t.list[1].up = t.list
    assert.equal("{ again = { 1, up = { <cycle to .again> } }, list = <same as .again.up>, name = \"x\", "
      .. "self = <cycle to the whole> }", inspect.text(t, { width = 200 }))
    local keyed = {}
    keyed["a b"] = { keyed }
    keyed[2] = keyed["a b"]
    assert.equal('{ [2] = { <cycle to the whole> }, ["a b"] = <same as [2]> }', inspect.text(keyed))
  end)

  it("shows secrets as their tag, wherever they are", function()
    local token = secret "hunter2"
    local text = inspect.text { token = token, list = { token .. "x" }, [token] = 1 }
    assert.is_nil(text:find("hunter2", 1, true))
    assert.equal("[secret]", inspect.text(token))
    assert.equal("{ list = { [secret] }, token = [secret], [[secret]] = 1 }", text)
  end)

  it("shows an error as its one line, then its fields", function()
    local e = errors.new { kind = "http.status", op = "GET", target = "https://x", message = "status 500", status = 500,
      hint = "try again", cause = errors.new { kind = "http.reset", message = "reset\27[2J" } }
    assert.same({ "GET https://x: status 500; try again", '  cause = Error "reset\\x1B[2J" { kind = "http.reset" },',
      '  kind = "http.status",', "  status = 500" }, lines_of(inspect.text(e)))
    assert.equal('{ e = Error "GET https://x: status 500; try again" { kind = "http.status", status = 500 } }',
      inspect.text({ e = errors.new { kind = e.kind, op = e.op, target = e.target, message = e.message, hint = e.hint,
        status = 500 } }, { width = 120 }))
    local _, raised = try(error, "boom")
    assert.truthy(inspect.text(raised):find("boom\n  kind = \"script\"\n  at ", 1, true))
  end)

  it("says of functions what they are called and where they are", function()
    assert.equal("function string.format [C]", inspect.text(string.format))
    assert.truthy(inspect.text(inspect.text):find "^function inspect%.text modules/inspect/init%.lua:%d+$")
    local line = debug.getinfo(1, "l").currentline + 1
    local mine = function() end
    assert.truthy(inspect.text(mine):find("spec/inspect_spec.lua:" .. line, 1, true))
    assert.equal('function "…"', inspect.text(load "return 1"))
    assert.equal("function line:1", inspect.text(load("return function() end", "=line")()))
  end)

  it("names threads, userdata, null and arrays", function()
    assert.equal("thread suspended", inspect.text(coroutine.create(print)))
    local co = coroutine.create(function() coroutine.yield() end)
    coroutine.resume(co)
    assert.truthy(inspect.text(co):find "^thread suspended .*inspect_spec%.lua:%d+$")
    assert.truthy(inspect.text(io.stdout):find "^FILE%* 0x%x+$")
    assert.equal("{ json.null, json.array {}, { 1 } }", inspect.text(json.decode "[null, [], [1]]"))
  end)

  it("puts the name of an object's class before it", function()
    local object = setmetatable({ id = 1 }, { __name = "example.Thing" })
    assert.equal("example.Thing { id = 1 }", inspect.text(object))
    local rude = setmetatable({ id = 1 }, { __name = "rude\27[1m" })
    assert.equal("rude\u{241B}[1m { id = 1 }", inspect.text(rude))
  end)

  it("paints types, on request", function()
    if not style.new({ colours = true }).colours then return end -- NO_COLOR
    assert.equal('{ \27[36m1\27[0m, a = \27[32m"x"\27[0m, b = \27[33mtrue\27[0m }',
      inspect.text({ 1, a = "x", b = true }, { colour = true }))
  end)
end)

describe("hostile values", function()
  it("are shown without running a metamethod", function()
    local ran = {}
    local meta = hostile(ran)
    local one, two = setmetatable({ 1, x = 2 }, meta), setmetatable({}, meta)
    local text = inspect.text { one, [one] = two, [two] = one, deep = { one },
      err = errors.new { kind = "k", message = "m", cause = one, details = two } }
    inspect.line(one)
    assert.same({}, ran)
    assert.truthy(text:find("{ 1, x = 2 }", 1, true))
  end)

  it("are errors whose fields are no texts", function()
    local ran = {}
    local e = errors.new { kind = "k", message = "m" }
    e.message, e.op, e.target, e.hint, e.traceback = setmetatable({}, hostile(ran)), {}, print, setmetatable({},
      hostile(ran)), setmetatable({}, hostile(ran))
    assert.truthy(inspect.text(e):find("^k\n"))
    assert.truthy(inspect.text({ e }):find('Error "k"', 1, true))
    assert.same({}, ran)
  end)

  it("nest without end", function()
    local deep = {}
    local top = deep
    for _ = 1, 300000 do
      deep.next = {}
      deep = deep.next
    end
    local text = inspect.text(top, { depth = math.maxinteger })
    assert.truthy(text:find("… 1", 1, true))
    assert.is_true(#text < 100000)
  end)

  it("have a million keys, in bounded time", function()
    local map, list = {}, {}
    for i = 1, 1000000 do
      map["k" .. i] = i
      list[i] = i
    end
    local began = os.clock()
    assert.truthy(inspect.text(map, { items = 2 }):find "^{ k%d+ = %d+, k%d+ = %d+, … at least %d%d%d,%d%d%d more }$")
    assert.equal("{ 1, 2, … 999,998 more }", inspect.text(list, { items = 2 }))
    assert.is_true(os.clock() - began < 2)
  end)

  it("are wide at every level, and still end", function()
    local function wide(depth)
      local t = {}
      for i = 1, 40 do t[i] = depth > 0 and wide(depth - 1) or i end
      return t
    end
    local began = os.clock()
    local text = inspect.text(wide(3), { depth = 100, items = 1000 })
    assert.is_true(os.clock() - began < 3)
    assert.is_true(#text < 4000000)
  end)
end)

describe("inspect.line", function()
  it("is one line of at most the width", function()
    for width = 20, 60 do
      local value = { name = ("é\n"):rep(40), list = { 1, 2, 3 }, other = { a = { b = {} } } }
      local line = inspect.line(value, { width = width })
      assert.is_nil(line:find("\n", 1, true))
      assert.is_true(utf8.len(line) <= width, line)
    end
    assert.equal("{ 1, 2 }", inspect.line { 1, 2 })
    assert.truthy(inspect.line(("x"):rep(100), { width = 20 }):find "…$")
  end)
end)
