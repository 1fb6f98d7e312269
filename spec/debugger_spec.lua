local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local debugging = require "spec.support.debugging"
local task = require "fairlead.task"

-- The line of this file that the caller is at, and so many after it.
local function line(after)
  return debug.getinfo(2, "l").currentline + (after or 0)
end

local function closing(fn) return setmetatable({}, { __close = fn }) end

local THIS <const> = "spec/debugger_spec.lua"

describe("breakpoint()", function()
  it("does nothing where no debugger is attached", function()
    local before = clock.monotonic()
    for _ = 1, 1000 do breakpoint() end
    assert.is_true(clock.monotonic() - before < 0.1)
  end)

  it("stops the task until it goes on, and says where", function()
    local session <close> = debugging.attach()
    local done, at = false, nil
    local work = task.start(function()
      task.name "work"
      at = line(1)
      breakpoint()
      done = true
    end)
    local stop = session.stop()
    assert.equal("breakpoint", stop.kind)
    assert.equal(work, stop.task)
    assert.equal("work", stop.name)
    assert.matches(THIS .. ":" .. at .. "$", stop.where)
    assert.equal("held", (work:status()))
    assert.same({ stop }, debugger.stops())
    clock.sleep(0.02)
    assert.is_false(done)
    stop:continue()
    work:wait()
    assert.is_true(done)
    assert.same({}, debugger.stops())
  end)

  it("stops inside a pcall, a <close> handler, a metamethod, an iterator and a script's own coroutine", function()
    local session <close> = debugging.attach()
    local work = task.start(function()
      local seen = {}
      pcall(function() breakpoint() seen[#seen + 1] = "pcall" end)
      do
        local _ <close> = closing(function() breakpoint() seen[#seen + 1] = "close" end)
      end
      local _ = setmetatable({}, { __index = function() breakpoint() seen[#seen + 1] = "index" end }).x
      for value in function(_, last) breakpoint() return not last or nil end do seen[#seen + 1] = tostring(value) end
      for value in coroutine.wrap(function() breakpoint() coroutine.yield "wrapped" breakpoint() end) do
        seen[#seen + 1] = value
      end
      return table.concat(seen, " ")
    end)
    for _ = 1, 7 do session.stop():continue() end
    assert.equal("pcall close index true wrapped", work:wait())
  end)

  it("is passed, and told, where Lua cannot wait", function()
    local session <close> = debugging.attach()
    local list, at = { 2, 1 }, line(2)
    table.sort(list, function(a, b)
      breakpoint()
      return a < b
    end)
    assert.same({ 1, 2 }, list)
    clock.sleep(0)
    assert.matches(THIS .. ":" .. at .. "$", session.passed[1])
    assert.same({}, session.waiting)
  end)

  it("is passed a million times in the time that it takes, and told a hundred times", function()
    local session <close> = debugging.attach()
    local values, began = {}, clock.monotonic()
    for i = 1, 20000 do values[i] = (i * 7919) % 20011 end
    table.sort(values, function(a, b)
      breakpoint()
      return a < b
    end)
    clock.sleep(0.01)
    assert.equal(100, #session.passed)
    assert.is_true(clock.monotonic() - began < 5)
    string.gsub("ab", ".", function() breakpoint() end)
    clock.sleep(0.01)
    assert.equal(102, #session.passed)
  end)

  it("is passed in a coroutine that is resumed where Lua cannot wait", function()
    local session <close> = debugging.attach()
    local inner = coroutine.wrap(function()
      while true do
        breakpoint()
        coroutine.yield(true)
      end
    end)
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b) return inner() and a < b end)
    assert.same({ 1, 2, 3 }, list)
    clock.sleep(0)
    assert.is_true(#session.passed >= 2)
    assert.same({}, debugger.stops())
  end)

  it("stops two tasks at once while a third goes on", function()
    local session <close> = debugging.attach()
    local ticks = 0
    local third = task.start(function()
      while true do
        clock.sleep(0.005)
        ticks = ticks + 1
      end
    end)
    local one = task.start(function() breakpoint() return 1 end)
    local two = task.start(function() breakpoint() return 2 end)
    local first, second = session.stop(), session.stop()
    local before = ticks
    clock.sleep(0.05)
    assert.is_true(ticks > before)
    assert.same({ first, second }, debugger.stops())
    second:continue()
    assert.equal(2, two:wait())
    assert.equal("held", (one:status()))
    first:continue()
    assert.equal(1, one:wait())
    third:cancel()
  end)
end)

describe("a stop", function()
  it("has frames with what can be seen in them, also those of the tasks that wait for it", function()
    local session <close> = debugging.attach()
    local function inner(a, ...)
      local b = a * 2
      do
        local hidden = b -- luacheck: ignore
      end
      local b = b + 1 -- luacheck: ignore
      breakpoint()
      return b, ...
    end
    local work = task.start(function()
      local outer = "outer"
      task.all { function()
        local result = inner(20, "x", nil)
        return result
      end }
      return outer
    end)
    local stop = session.stop()
    local values = debugging.values(stop.frames[1])
    assert.equal(20, values.a)
    assert.equal(41, values.b)
    assert.is_nil(values.hidden)
    assert.equal("x", values["...1"])
    assert.equal("inner", stop.frames[1].name)
    local around, ours
    for _, frame in ipairs(stop.frames) do
      if frame.task == work and frame.ours then ours = frame.name end
      if frame.task == work and not frame.ours then around = select(2, frame:get "outer") end
    end
    assert.equal("all", ours) -- of task.all
    assert.equal("outer", around)
    stop:continue()
    work:wait()
  end)

  it("lets locals, varargs and upvalues be changed", function()
    local session <close> = debugging.attach()
    local up = "up"
    local work = task.start(function(...)
      local here = "here"
      breakpoint()
      return here, up, ...
    end, "extra", "more")
    local stop = session.stop()
    local frame = stop.frames[1]
    assert.is_true(frame:set("here", "HERE"))
    assert.is_true(frame:set("up", "UP"))
    assert.is_true(frame:set("...2", "MORE"))
    assert.is_false(frame:set("nothing", 1))
    assert.is_false((frame:get "nothing"))
    stop:continue()
    assert.same({ "HERE", "UP", "extra", "MORE" }, { work:wait() })
    assert.equal("UP", up)
  end)

  it("gives an environment for code that stands there", function()
    local session <close> = debugging.attach()
    local up = 1
    local work = task.start(function()
      local n, none = 20, nil
      breakpoint()
      return n, up, none
    end)
    local stop = session.stop()
    local base = { print = print, none = "of base", other = "other" }
    local env = stop.frames[1]:environment(base)
    assert.equal(21, load("return n + up", "=line", "t", env)())
    assert.is_nil(load("return none", "=line", "t", env)())
    assert.equal("other", load("return other", "=line", "t", env)())
    load("n = n + 1; up = 5; fresh = 'in base'", "=line", "t", env)()
    assert.equal("in base", base.fresh)
    assert.is_nil(rawget(base, "n"))
    stop:continue()
    assert.same({ 21, 5 }, { work:wait() })
  end)

  it("shows the source around its line", function()
    local session <close> = debugging.attach()
    local work = task.start(function()
      breakpoint() -- shown here
    end)
    local stop = session.stop()
    local text = stop.frames[1]:text(1)
    assert.equal(3, #text)
    assert.matches("breakpoint%(%) %-%- shown here", text[2].text)
    assert.is_true(text[2].current)
    assert.is_false(text[1].current)
    stop:continue()
    work:wait()
  end)

  it("cannot be used when its task has gone on", function()
    local session <close> = debugging.attach()
    local work = task.start(function()
      breakpoint()
      clock.sleep(0.01)
    end)
    local stop = session.stop()
    local frame = stop.frames[1]
    stop:continue()
    for _, use in ipairs {
      function() stop:continue() end, function() frame:locals() end, function() frame:get "x" end,
      function() frame:set("x", 1) end,
    } do
      local _, err = pcall(use)
      assert.equal("debugger.stale", err.kind)
    end
    work:wait()
    assert.equal("debugger.stale", select(2, pcall(frame.locals, frame)).kind)
  end)

  it("is let go when its task is cancelled", function()
    local session <close> = debugging.attach()
    local cleaned
    local work = task.start(function()
      local _ <close> = closing(function() clock.sleep(0.01) cleaned = true end)
      breakpoint()
      cleaned = "not reached"
    end)
    local stop = session.stop()
    work:cancel "enough"
    assert.equal("cancelled", select(2, pcall(work.wait, work)).kind)
    assert.is_true(cleaned)
    assert.is_false(stop:is_live())
    assert.same({}, debugger.stops())
  end)
end)

describe("hundreds of stops", function()
  it("keep nothing", function()
    local session <close> = debugging.attach()
    local work = task.start(function()
      while true do
        breakpoint()
        pcall(function() debugger.start(error, "broken"):wait() end)
      end
    end)
    local function used()
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local before
    for i = 1, 200 do
      if i == 50 then before = used() end
      session.stop():next()
      local stop = session.stop()
      assert.equal("step", stop.kind)
      stop:continue()
      session.stop():release()
    end
    assert.is_true(used() - before < 50)
    work:cancel()
  end)
end)

describe("a debugger that is attached", function()
  it("is alone", function()
    local session <close> = debugging.attach()
    assert.has_error(function() debugger.attach { on_stop = function() end } end)
    assert.is_true(session.none(0))
  end)

  it("lets all go on when it is closed, or when the task ends that attached it", function()
    local work
    do
      local session <close> = debugging.attach()
      work = task.start(function() breakpoint() breakpoint() return "on" end)
      session.stop()
    end
    assert.equal("on", work:wait())
    local other = task.start(function() clock.sleep(0.02) breakpoint() return "on" end)
    task.start(function()
      debugger.attach { on_stop = function() end }
      clock.sleep(0.05)
    end):wait()
    assert.equal("on", other:wait())
    local again <close> = debugging.attach()
    assert.is_true(again.none(0))
  end)

  it("fails with what on_stop raises", function()
    local holder = task.start(function()
      debugger.attach { on_stop = function() error("of on_stop", 0) end }
      local work = task.start(function() breakpoint() return "on" end)
      clock.sleep(5)
      return work
    end)
    assert.matches("of on_stop", select(2, pcall(holder.wait, holder)).message)
    local again <close> = debugging.attach()
    assert.is_true(again.none(0))
  end)
end)
