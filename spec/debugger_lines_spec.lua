local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local debugging = require "spec.support.debugging"
local lines = require "fairlead.debugger.lines"
local program = require "spec.support.program"
local script = require "fairlead.script"
local task = require "fairlead.task"

local line_of = debugging.line

-- A script in a file, started as a task; `marks[name]` is the line with that mark.
local function start(folder, text, name)
  local path = folder:write(name or "script.lua", text)
  local marks = setmetatable({}, { __index = function(_, mark) return line_of(text, mark) end })
  return path, marks, function(...) return task.start(script.load(path), ...) end
end

local function line(stop) return stop.frames[1].line end

describe("a breakpoint by file and line", function()
  it("stops before that line, with the locals that it sees", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local path, marks, run = start(folder, [[
      local a = ...
      local b = a + 1
      local c = b * 2 -- here
      return a + b + c
    ]])
    debugger.break_at("script.lua", marks.here)
    local work = run(1)
    local stop = session.stop()
    assert.equal("breakpoint", stop.kind)
    assert.equal(path .. ":" .. marks.here, stop.where)
    assert.same({ a = 1, b = 2, ["...1"] = 1 }, debugging.values(stop.frames[1]))
    stop.frames[1]:set("b", 10)
    assert.equal("here", stop.frames[1]:text(0)[1].text:match "%-%- (%w+)")
    stop:continue()
    assert.equal(1 + 10 + 20, work:wait())
  end)

  it("names a file by the end of its path, by whole parts", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local path, _, run = start(folder, "local x = 1\nreturn x\n", "planning-data.lua")
    for name, means in pairs {
      ["planning-data.lua"] = true, [path] = true, [path:match "[^/]+/[^/]+$"] = true, ["./planning-data.lua"] = true,
      ["data.lua"] = false, ["other/planning-data.lua"] = false,
    } do
      local id = debugger.break_at(name, 2)
      local work = run()
      if means then session.stop():continue() end
      assert.equal(1, work:wait())
      assert.is_true(session.none(0))
      assert.is_true(debugger.remove(id))
    end
  end)

  it("moves to the next line that has code, also in a file that is loaded later", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local text = [[
      local function f(x) -- f
        -- a comment

        x = x + 1 -- code
        return x
      end
      return f(1)
    ]]
    local id, pending = debugger.break_at("later.lua", 2)
    assert.is_true(pending.pending)
    local path, marks, run = start(folder, text, "later.lua")
    local work = run()
    local stop = session.stop()
    assert.equal(marks.code, line(stop))
    local places = { { file = path, line = marks.code } }
    assert.same({ id = id, file = "later.lua", line = 2, places = places, pending = false }, debugger.breakpoints()[1])
    stop:continue()
    work:wait()
    debugger.remove(id)
    assert.same({}, debugger.breakpoints())
    local _, again = debugger.break_at("later.lua", 2) -- loaded already
    assert.equal(marks.code, again.places[1].line)
    work = run()
    assert.equal(marks.code, line(session.stop()))
    debugger.stops()[1]:continue()
    work:wait()
  end)

  it("is refused where no code follows in a file that is loaded", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, _, run = start(folder, "return 1\n", "short.lua")
    run():wait()
    local _, err = pcall(debugger.break_at, "short.lua", 5)
    assert.equal("usage", err.kind)
    assert.same({}, debugger.breakpoints())
    assert.has_error(function() debugger.break_at("", 1) end)
    assert.has_error(function() debugger.break_at("a.lua", 1.5) end)
    assert.is_true(session.none(0))
  end)

  it("stops in a function that runs already, in a coroutine that exists already",
    function()
      local folder <close> = program.folder()
      local session <close> = debugging.attach()
      local text = [[
        local clock = require "fairlead.clock"
        local generator = coroutine.wrap(function()
          while true do
            coroutine.yield "value" -- generator
          end
        end)
        generator()
        while not _ENV.done do -- loop
          clock.sleep(0.001)
        end
        local value = generator() -- after
        return value
      ]]
      local path, marks = start(folder, text)
      local env = setmetatable({}, { __index = _G })
      local work = task.start(assert(loadfile(path, "t", env)))
      clock.sleep(0.02)
      debugger.break_at("script.lua", marks.loop)
      local stop = session.stop()
      assert.equal(marks.loop, line(stop))
      debugger.remove(debugger.breakpoints()[1].id)
      debugger.break_at("script.lua", marks.generator)
      env.done = true
      stop:continue()
      stop = session.stop()
      assert.equal(marks.generator, line(stop))
      assert.equal(marks.after, stop.frames[2].line) -- the code that resumed the coroutine
      stop:continue()
      assert.equal("value", work:wait())
    end)

  it("stops each time round a loop, and no longer when it was removed", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, marks, run = start(folder, [[
      local sum = 0
      for i = 1, 5 do
        sum = sum + i -- body
      end
      return sum
    ]])
    local id = debugger.break_at("script.lua", marks.body)
    local work = run()
    for i = 1, 3 do
      local stop = session.stop()
      assert.equal(i, debugging.values(stop.frames[1]).i)
      if i == 3 then assert.is_true(debugger.remove(id)) end
      stop:continue()
    end
    assert.equal(15, work:wait())
    assert.is_false(debugger.remove(id))
  end)

  it("is passed, and told, where Lua cannot wait", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local path, marks, run = start(folder, [[
      return (("abc"):gsub(".", function(letter)
        return letter:upper() -- inside
      end))
    ]])
    debugger.break_at("script.lua", marks.inside)
    assert.equal("ABC", run():wait())
    clock.sleep(0)
    assert.equal(path .. ":" .. marks.inside, session.passed[1])
    assert.equal(3, #session.passed)
  end)

  it("is passed in a coroutine that is resumed where Lua cannot wait, whose yields stay what they are", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, marks, run = start(folder, [[
      local inner = coroutine.wrap(function()
        local n = 0
        while true do
          n = n + 1 -- inside
          coroutine.yield(n)
        end
      end)
      return (("abc"):gsub(".", function() return tostring(inner()) end))
    ]])
    debugger.break_at("script.lua", marks.inside)
    assert.equal("123", run():wait())
    clock.sleep(0)
    assert.equal(3, #session.passed)
    assert.same({}, debugger.stops())
  end)

  it("does not take a coroutine's yield of nothing for a stop", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, marks, run = start(folder, [[
      local inner = coroutine.wrap(function()
        coroutine.yield()
        coroutine.yield(nil, 2)
        return "end"
      end)
      return inner() == nil, select("#", inner()), inner()
      -- nothing
    ]])
    debugger.break_at("other.lua", marks.nothing)
    assert.same({ true, 2, "end" }, { run():wait() })
    assert.is_true(session.none(0))
  end)

  it("costs nothing when there is none, and little where the line is another", function()
    local folder <close> = program.folder()
    local _, _, run = start(folder, [[
      local began, sum = require("fairlead.clock").monotonic(), 0
      for i = 1, 300000 do
        sum = sum + i
      end
      return require("fairlead.clock").monotonic() - began, debug.gethook()
    ]])
    local before = run():wait()
    do
      local session <close> = debugging.attach()
      debugger.break_at("other.lua", 3)
      local with, hook = run():wait()
      assert.is_true(with < 1)
      assert.is_not_nil(hook)
      assert.is_true(session.none(0))
    end
    local after, hook = run():wait()
    assert.is_nil(hook)
    assert.is_true(after < 10 * before + 0.05)
  end)

  it("stops two tasks at once, each at its line", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, marks, run = start(folder, [[
      local name = ...
      local text = "I am " .. name
      return text -- here
    ]])
    debugger.break_at("script.lua", marks.here)
    local one, two = run "one", run "two"
    local first, second = session.stop(), session.stop()
    assert.equal("I am one", debugging.values(first.frames[1]).text)
    assert.equal("I am two", debugging.values(second.frames[1]).text)
    second:continue()
    assert.equal("I am two", two:wait())
    first:continue()
    assert.equal("I am one", one:wait())
  end)

  it("raises a cancellation at once in a task that was held there", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local _, marks, run = start(folder, [[
      local list = ...
      local _ <close> = setmetatable({}, { __close = function() list[#list + 1] = "cleaned" end })
      local n = 1
      list[#list + n] = "not reached" -- here
      while true do n = n + 1 end
    ]])
    debugger.break_at("script.lua", marks.here)
    local list = {}
    local work = run(list)
    session.stop()
    work:cancel()
    assert.equal("cancelled", select(2, pcall(work.wait, work)).kind)
    assert.same({ "cleaned" }, list)
  end)
end)

describe("the lines that have code", function()
  it("are those of the chunk and of all functions in it, as debug.getinfo tells them", function()
    local text = { "local a = 1", "", "local function f(x, ...)", "  -- none", "  local y = x", "  return function()",
      "    return y, ...", "  end", "end", "return f" }
    text[7] = "    return y"
    local chunk = assert(load(table.concat(text, "\n")))
    local expected = {}
    local outer = chunk()
    for _, fn in ipairs { chunk, outer, (outer(1)) } do
      for number in pairs(debug.getinfo(fn, "L").activelines) do expected[number] = true end
    end
    assert.same(expected, lines.of(chunk))
    assert.equal(5, lines.next(chunk, 4))
    assert.is_nil(lines.next(chunk, 11))
  end)

  it("are found in long files, whose lines are far apart", function()
    local text = {}
    for i = 1, 3000 do text[i] = i % 100 == 0 and ("local v%d = %d + (...)"):format(i % 150, i) or "" end
    local chunk = assert(load(table.concat(text, "\n")))
    assert.same(debug.getinfo(chunk, "L").activelines, lines.of(chunk))
    assert.equal(100, lines.next(chunk, 1))
  end)
end)
