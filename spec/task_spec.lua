local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local peer = require "fairlead.peer"
local task = require "fairlead.task"

local function closing(fn) return setmetatable({}, { __close = fn }) end

-- Runs fn on a virtual clock, so that no spec waits for real.
local function quickly(fn)
  return function() clock.simulate({ start = 1000 }, fn) end
end

describe("task.all", function()
  it("gives each function's result under its own key", quickly(function()
    local results = task.all {
      function() clock.sleep(2) return "first" end,
      named = function() clock.sleep(1) return "second" end,
    }
    assert.same({ "first", named = "second" }, results)
    assert.equal(1002, clock.now())
  end))

  it("cancels the others at the first failure, waits for their cleaning, and raises it with the child's traceback",
    quickly(function()
      local cleaned
      local ok, err = try(task.all, {
        function()
          local _ <close> = closing(function() clock.sleep(3) cleaned = clock.now() end)
          clock.sleep(100)
        end,
        function() clock.sleep(1) error("broken") end,
      })
      assert.is_nil(ok)
      assert.matches("broken$", err.message)
      assert.matches("task_spec.lua:%d+: in function", err.traceback)
      assert.equal(1004, cleaned)
    end))

  it("takes an empty table", quickly(function() assert.same({}, task.all {}) end))

  it("says which field is not a function", function()
    local _, err = pcall(task.all, { 1 })
    assert.matches("bad argument #1 to 'task.all' %(field 1: function expected, got number%)", err)
  end)
end)

describe("task.race", function()
  it("gives the first result and its key, and ends the others", quickly(function()
    local slow_ended = false
    local result, key = task.race {
      slow = function()
        local _ <close> = closing(function() slow_ended = true end)
        clock.sleep(10)
      end,
      fast = function() clock.sleep(1) return 42 end,
    }
    assert.equal(42, result)
    assert.equal("fast", key)
    assert.is_true(slow_ended)
    assert.equal(1001, clock.now())
  end))
end)

describe("task.map", function()
  it("keeps the list's order and never runs more than the limit at once", quickly(function()
    local running, most = 0, 0
    local squares = task.map({ 5, 3, 1, 4, 2 }, function(n)
      running = running + 1
      most = math.max(most, running)
      clock.sleep(n)
      running = running - 1
      return n * n
    end, { limit = 2 })
    assert.same({ 25, 9, 1, 16, 4 }, squares)
    assert.equal(2, most)
  end))

  it("refuses a limit of none", function()
    local _, err = pcall(task.map, { 1 }, function() end, { limit = 0 })
    assert.matches("field 'limit'", err)
  end)
end)

describe("task.timeout", function()
  it("raises kind timeout and lets the function clean up", quickly(function()
    local cleaned = false
    local _, err = try(task.timeout, 5, function()
      local _ <close> = closing(function() clock.sleep(1) cleaned = true end)
      clock.sleep(100)
    end)
    assert.is_true(err:is "timeout")
    assert.equal("not finished within 5 s", err.message)
    assert.is_true(cleaned)
  end))

  it("passes results and errors through", quickly(function()
    assert.same({ 1, 2 }, { task.timeout(5, function(a, b) return a, b end, 1, 2) })
    local _, err = try(task.timeout, 5, error, "as it is")
    assert.equal("as it is", err.message)
  end))

  it("holds for nested deadlines: the nearest wins", quickly(function()
    local _, err = try(task.timeout, 50, task.timeout, 3, clock.sleep, 100)
    assert.equal("not finished within 3 s", err.message)
    assert.equal(1003, clock.now())
  end))
end)

describe("the failure of a task in the background", function()
  it("is that of the task that started it, and so on up", quickly(function()
    local _, err = try(task.all, { function()
      task.start(function()
        task.start(error, "deep down", 0)
        clock.sleep(100)
      end)
      clock.sleep(100)
    end })
    assert.equal("deep down", err.message)
    assert.equal(1000, clock.now())
  end))
end)

describe("a cancellation", function()
  it("is not swallowed by pcall, xpcall, try or a coroutine", quickly(function()
    local after = {}
    for name, swallow in pairs {
      pcall = function() pcall(clock.sleep, 100) end,
      xpcall = function() xpcall(clock.sleep, function(e) return e end, 100) end,
      try = function() try(clock.sleep, 100) end,
      resume = function() coroutine.resume(coroutine.create(function() clock.sleep(100) end)) end,
    } do
      local _, err = try(task.timeout, 1, function() swallow() after[name] = true end)
      assert.is_true(err:is "timeout", name)
    end
    assert.same({}, after)
  end))

  it("ends a closing handler that takes longer than the grace period", quickly(function()
    local _, err = try(task.timeout, 1, function()
      local _ <close> = closing(function() clock.sleep(1e6) end)
      clock.sleep(100)
    end)
    assert.is_true(err:is "timeout")
    assert.is_true(clock.now() < 1100)
  end))

  it("ends closing handlers that would try for ever, also those that begin when the grace is over", quickly(function()
    local rounds = 0
    local _, err = try(task.timeout, 1, function()
      local _ <close> = closing(function()
        repeat rounds = rounds + 1 until pcall(clock.sleep, 1) or rounds == 1000
      end)
      local _ <close> = closing(function() clock.sleep(1e6) end)
      clock.sleep(100)
    end)
    assert.is_true(err:is "timeout")
    assert.equal(1, rounds)
  end))

  it("runs the closing handlers of coroutines, too; those of wrapped ones may wait", quickly(function()
    local closed = {}
    local _, err = try(task.timeout, 1, function()
      coroutine.resume(coroutine.create(function()
        local _ <close> = closing(function() closed[#closed + 1] = "resumed" end)
        coroutine.wrap(function()
          local _ <close> = closing(function() clock.sleep(1) closed[#closed + 1] = "wrapped" end)
          coroutine.yield(clock.sleep(100))
        end)()
      end))
    end)
    assert.is_true(err:is "timeout")
    assert.same({ "wrapped", "resumed" }, closed)
  end))

  it("lets a closing handler use pcall as anywhere else", quickly(function()
    local caught
    try(task.timeout, 1, function()
      local _ <close> = closing(function()
        local ok, err = pcall(function() clock.sleep(1) error("in the handler", 0) end)
        caught = { ok, err }
      end)
      clock.sleep(100)
    end)
    assert.same({ false, "in the handler" }, caught)
  end))

  it("reaches a task before its first step", quickly(function()
    local began = false
    task.race { function() return 1 end, function() clock.sleep(0) began = true end }
    assert.is_false(began)
  end))
end)

describe("task.start", function()
  it("runs beside its parent and ends with it", quickly(function()
    local ticks = 0
    task.timeout(100, function()
      task.start(function() while true do clock.sleep(1) ticks = ticks + 1 end end)
      clock.sleep(5.5)
    end)
    clock.sleep(10)
    assert.equal(5, ticks)
  end))

  it("fails its parent when nobody waits for it", quickly(function()
    local _, err = try(task.timeout, 100, function()
      task.start(function() clock.sleep(1) errors.raise { kind = "heartbeat.lost", message = "no answer" } end)
      clock.sleep(50)
    end)
    assert.is_true(err:is "heartbeat")
    assert.equal(1001, clock.now())
  end))

  it("gives its failure to whoever waits for it", quickly(function()
    local handle = task.start(function() clock.sleep(1) error("mine", 0) end)
    local _, err = try(handle.wait, handle)
    assert.equal("mine", err.message)
    assert.equal("failed", handle:status())
  end))

  it("can be cancelled by its handle", quickly(function()
    local handle = task.start(clock.sleep, 100)
    clock.sleep(1)
    assert.same({ "waiting", "clock.sleep" }, { handle:status() })
    handle:cancel "enough"
    local _, err = try(handle.wait, handle)
    assert.equal("cancelled", err.kind)
    assert.equal("enough", err.message)
  end))
end)

describe("task.event", function()
  it("wakes all that wait, in the order in which they came", quickly(function()
    local event, order = task.event(), {}
    task.all {
      function() event:wait() order[#order + 1] = "a" end,
      function() event:wait() order[#order + 1] = "b" end,
      function() clock.sleep(1) event:set() end,
    }
    assert.same({ "a", "b" }, order)
    event:wait() -- set: at once
    event:clear()
    assert.is_false(event:is_set())
  end))
end)

describe("waiting", function()
  -- libuv runs timers that are due before it polls: what they wake must not wait for the next thing to happen.
  it("ends when a native module's timer fires late", function()
    local began, woken = clock.monotonic(), task.event()
    task.timeout(5, task.all, {
      function() peer.sleep(0.05) woken:set() end,
      function()
        clock.sleep(0.01)
        while clock.monotonic() - began < 0.2 do end -- nobody turns the loop meanwhile
        woken:wait()
      end,
    })
    assert.is_true(clock.monotonic() - began < 2)
  end)

  it("crosses pcall, iterators, metamethods, coroutines and closing handlers", quickly(function()
    local slow = setmetatable({}, { __index = function(_, key) clock.sleep(1) return key .. "!" end })
    assert.same({ true, "x!" }, { pcall(function() return slow.x end) })
    local seen = {}
    for i in function(_, last) clock.sleep(1) if (last or 0) < 3 then return (last or 0) + 1 end end do
      seen[#seen + 1] = i
    end
    assert.same({ 1, 2, 3 }, seen)
    local generate = coroutine.wrap(function()
      for i = 1, 2 do clock.sleep(1) coroutine.yield(i) end
    end)
    assert.same({ 1, 2 }, { generate(), generate() })
    assert.equal(1007, clock.now())
  end))

  it("is refused in one line where Lua cannot yield", function()
    local _, err = try(table.sort, { 2, 1 }, function(a, b) clock.sleep(1) return a < b end)
    assert.is_true(err:is "cannot_wait")
    assert.matches("clock.sleep would have to wait where Lua cannot; .*table.sort", tostring(err))
  end)

  it("is refused for a task's own yield", function()
    local _, err = try(coroutine.yield, 1)
    assert.matches("attempt to yield from outside a coroutine", err.message)
  end)

  it("keeps another task from resuming or closing a coroutine that waits", quickly(function()
    local co = coroutine.create(function() clock.sleep(5) return "done" end)
    local results = task.all {
      function() return select(2, coroutine.resume(co)) end,
      function()
        clock.sleep(1)
        return { { coroutine.resume(co) }, (select(2, pcall(coroutine.close, co))) }
      end,
    }
    assert.equal("done", results[1])
    assert.same({ false, "cannot resume a coroutine that waits in another task" }, results[2][1])
    assert.matches("cannot close a coroutine that waits", results[2][2])
  end))
end)

describe("clock.simulate", function()
  it("passes an hour in no time", function()
    local began = clock.monotonic()
    clock.simulate({ start = 0 }, clock.sleep, 3600)
    assert.is_true(clock.monotonic() - began < 1)
  end)

  it("fires timers in the order of their times, and of their setting when equal", quickly(function()
    local order = {}
    task.all {
      function() clock.sleep(2) order[#order + 1] = "late" end,
      function() clock.sleep(1) order[#order + 1] = "one" end,
      function() clock.sleep(1) order[#order + 1] = "two" end,
    }
    assert.same({ "one", "two", "late" }, order)
  end))

  it("keeps the clock outside as it was", function()
    local before = clock.now()
    clock.simulate({ start = 5 }, function() assert.equal(5, clock.now()) clock.sleep(1e6) end)
    assert.is_true(math.abs(clock.now() - before) < 5)
  end)

  it("can hurry instead of jump", function()
    local began = clock.now()
    local there = clock.scaled(1000, function() clock.sleep(5) return clock.now() end)
    assert.is_true(there - began >= 5)
    assert.is_true(clock.now() - began < 2)
  end)
end)

describe("a coroutine that has failed with tasks of its own", function()
  it("is closed without them where Lua cannot wait, and the task lives on", quickly(function()
    local native = require "fairlead.task.native"
    local ended
    local co = coroutine.create(function()
      local tasks <close> = native.group()
      tasks:start(function()
        local _ <close> = closing(function() ended = clock.now() end)
        clock.sleep(100)
      end)
      clock.sleep(1)
      error "no"
    end)
    assert.is_false(coroutine.resume(co))
    local closed, err = coroutine.close(co)
    assert.is_false(closed)
    assert.equal("cannot_wait", err.kind)
    local before = clock.now()
    for _ = 1, 5 do clock.sleep(1) end
    assert.equal(before + 5, clock.now())
    assert.equal(before, ended)
  end))
end)

describe("clock.sleep", function()
  it("ends in time after the script has computed for longer than it sleeps", function()
    clock.sleep(0.001)
    local began = clock.monotonic()
    while clock.monotonic() - began < 0.03 do end
    clock.sleep(0.01)
    local took = clock.monotonic() - began
    assert.is_true(took >= 0.04 and took < 5, "took " .. took .. " s")
  end)

  for _, bad in ipairs { -1, 0 / 0, math.huge } do
    it("refuses " .. tostring(bad), function()
      local _, err = try(clock.sleep, bad)
      assert.matches("must be a finite number of seconds", err.message)
    end)
  end
end)
