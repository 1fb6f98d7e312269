local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local debugging = require "spec.support.debugging"
local errors = require "fairlead.errors"
local program = require "spec.support.program"
local task = require "fairlead.task"

local function closing(fn) return setmetatable({}, { __close = fn }) end

local function failure_of(work)
  local ok, err = pcall(work.wait, work)
  assert.is_false(ok)
  return err
end

describe("a task of debugger.start", function()
  it("gives its results, with and without a debugger", function()
    assert.same({ 1, nil, 3 }, { debugger.start(function(...) return ... end, 1, nil, 3):wait() })
    local session <close> = debugging.attach()
    assert.same({ 1, nil, 3 }, { debugger.start(function(...) clock.sleep(0.01) return ... end, 1, nil, 3):wait() })
    assert.is_true(session.none(0))
  end)

  it("ends what it has started in the background, and then has ended", function()
    local cleaned
    debugger.start(function()
      task.start(function()
        local _ <close> = closing(function() clock.sleep(0.01) cleaned = true end)
        clock.sleep(10)
      end)
      clock.sleep(0.01)
    end):wait()
    assert.is_true(cleaned)
  end)

  it("fails as any task does where no debugger is attached, and its closing handlers may wait", function()
    local order = {}
    local work = debugger.start(function()
      local _ <close> = closing(function(_, err) clock.sleep(0.01) order[#order + 1] = "outer " .. err.message end)
      local _ <close> = closing(function(_, err) clock.sleep(0.01) order[#order + 1] = "inner " .. err.message end)
      error("broken", 0)
    end)
    local err = failure_of(work)
    assert.equal("broken", err.message)
    assert.matches("debugger_failures_spec.lua:%d+: in ", err.traceback)
    assert.same({ "inner broken", "outer broken" }, order)
  end)

  it("fails the task that started it, when nobody waits for it", function()
    local owner = task.start(function()
      debugger.start(function() error("below", 0) end)
      clock.sleep(5)
    end)
    assert.equal("below", failure_of(owner).message)
  end)

  it("knows what the task around it was told to know, in its closing handlers, too", function()
    local seen, first, second
    local owner = task.start(function()
      task.set_context "of the owner"
      local work = debugger.start(function()
        first = coroutine.running()
        local _ <close> = closing(function()
          clock.sleep(0.01)
          seen, second = task.context(), coroutine.running()
        end)
        error "broken"
      end)
      return pcall(work.wait, work)
    end)
    owner:wait()
    assert.equal("of the owner", seen)
    assert.equal(first, second)
  end)

  it("is cancelled before it begins, while it waits, and while it cleans up", function()
    local session <close> = debugging.attach()
    local early = debugger.start(function() error "not reached" end)
    early:cancel()
    assert.equal("cancelled", failure_of(early).kind)
    local cleaned
    local waiting = debugger.start(function()
      local _ <close> = closing(function() clock.sleep(0.01) cleaned = true end)
      clock.sleep(10)
    end)
    clock.sleep(0.01)
    waiting:cancel()
    assert.equal("cancelled", failure_of(waiting).kind)
    assert.is_true(cleaned)
    local order = {}
    local cleaning = debugger.start(function()
      local _ <close> = closing(function() clock.sleep(0.01) order[#order + 1] = "outer may wait" end)
      local _ <close> = closing(function() clock.sleep(10) order[#order + 1] = "not reached" end)
      error "broken"
    end)
    session.stop():release()
    clock.sleep(0.01)
    cleaning:cancel()
    assert.equal("cancelled", failure_of(cleaning).kind)
    assert.same({ "outer may wait" }, order)
    assert.is_true(session.none(0))
  end)
end)

describe("a failure that is kept", function()
  it("shows where it happened, with its error and traceback, and what can be seen there", function()
    local session <close> = debugging.attach()
    local up = { 1 }
    local function inner(n)
      local list = { up }
      return list.field.name + n
    end
    local work = debugger.start(function()
      task.name "work"
      local outer = "outer"
      local result = inner(5)
      return outer, result
    end)
    local stop = session.stop()
    assert.equal("failure", stop.kind)
    assert.equal("work", stop.name)
    assert.matches("attempt to index a nil value %(field 'field'%)", stop.error.message)
    assert.matches("in upvalue 'inner'", stop.error.traceback)
    assert.equal("held", (work:status()))
    local values = debugging.values(stop.frames[1])
    assert.equal(5, values.n)
    assert.equal(up, values.list[1])
    assert.equal(up, values.up)
    assert.equal("outer", debugging.values(stop.frames[2]).outer)
    assert.equal(stop.frames[1].line, tonumber(stop.where:match ":(%d+)$"))
    stop:release()
    assert.equal(stop.error, failure_of(work))
  end)

  it("lets its closing handlers see what was changed in it, and run in order, each of which may wait", function()
    local session <close> = debugging.attach()
    local order = {}
    local function note(text)
      return closing(function(_, err)
        clock.sleep(0.005)
        order[#order + 1] = text .. (err and " " .. err.message or "")
      end)
    end
    local work = debugger.start(function()
      local value = "as it was"
      local _ <close> = note "1"
      local _ <close> = closing(function() order[#order + 1] = value end)
      pcall(function()
        local _ <close> = note "2" -- no more there
      end)
      local none <close> = nil
      local off <close> = false
      local function below()
        local _ <close> = note "3"
        for _ in function() return true end, nil, nil, note "4" do
          local _ <close> = note "5"
          table.sort({ 2, 1 }, function()
            local _ <close> = note "6"
            error("broken", 0)
          end)
        end
      end
      below(none, off)
    end)
    local stop = session.stop()
    assert.same({ "2" }, order)
    for _, frame in ipairs(stop.frames) do
      if frame:set("value", "changed") then break end
    end
    order = {}
    stop:release()
    failure_of(work)
    assert.same({ "6 broken", "5 broken", "4 broken", "3 broken", "changed", "1 broken" }, order)
  end)

  it("gives the handlers' own metamethod back, and closes no other value of their kind", function()
    local session <close> = debugging.attach()
    local closed = {}
    local kind = { __close = function(self) closed[#closed + 1] = self.name end }
    local function new(name) return setmetatable({ name = name }, kind) end
    local original = kind.__close
    local work = debugger.start(function()
      local open = new "only a local"
      local _ <close> = new "to be closed"
      error(open.name)
    end)
    session.stop():release()
    failure_of(work)
    assert.same({ "to be closed" }, closed)
    assert.equal(original, rawget(kind, "__close"))
  end)

  it("fails with the last error of its handlers, as Lua does it", function()
    local session <close> = debugging.attach()
    local seen = {}
    local work = debugger.start(function()
      local _ <close> = closing(function(_, err) seen[#seen + 1] = err.message end)
      local _ <close> = closing(function(_, err)
        clock.sleep(0.005)
        seen[#seen + 1] = err.message
        error("of a handler", 0)
      end)
      error("first", 0)
    end)
    local stop = session.stop()
    assert.equal("first", stop.error.message)
    stop:release()
    assert.equal("of a handler", failure_of(work).message)
    assert.same({ "first", "of a handler" }, seen)
  end)

  it("goes on with all around it: its own children, its parents, a parent's local that is changed", function()
    local session <close> = debugging.attach()
    local ticks = 0
    local parent = task.start(function()
      local answer = "unchanged"
      local work = debugger.start(function()
        task.start(function()
          while true do
            clock.sleep(0.002)
            ticks = ticks + 1
          end
        end)
        clock.sleep(0.005)
        error "broken"
      end)
      pcall(work.wait, work)
      return answer
    end)
    local stop = session.stop()
    local before = ticks
    clock.sleep(0.02)
    assert.is_true(ticks > before)
    for _, frame in ipairs(stop.frames) do
      if frame.task == parent and frame:get "answer" then
        assert.is_true(frame:set("answer", "changed"))
        break
      end
    end
    stop:release()
    assert.equal("changed", parent:wait())
    before = ticks
    clock.sleep(0.01)
    assert.equal(before, ticks)
  end)

  it("is of any kind but an interruption, an end that is meant, and memory", function()
    local session <close> = debugging.attach()
    for _, kind in ipairs { "http.timeout", "gate.refused", "lock.held" } do
      local work = debugger.start(errors.raise, { kind = kind, message = "m" })
      local stop = session.stop()
      assert.equal(kind, stop.error.kind)
      stop:release()
      assert.equal(kind, failure_of(work).kind)
    end
    for _, kind in ipairs { "waiting.decision", "dry_run.end", "exit", "memory" } do
      assert.equal(kind, failure_of(debugger.start(errors.raise, { kind = kind, message = "m" })).kind)
    end
    assert.is_true(session.none(0))
  end)

  it("takes an error that is not text, and one of a coroutine inside", function()
    local session <close> = debugging.attach()
    local value = {}
    local work = debugger.start(function() error(value) end)
    local stop = session.stop()
    assert.equal(value, stop.error.cause)
    stop:release()
    assert.equal(stop.error, failure_of(work))
    work = debugger.start(function()
      local kept = "kept"
      for _ in coroutine.wrap(function() error("inside", 0) end) do kept = nil end
      return kept
    end)
    stop = session.stop()
    assert.equal("inside", stop.error.message)
    local seen
    for _, frame in ipairs(stop.frames) do seen = seen or debugging.values(frame).kept end
    assert.equal("kept", seen)
    stop:release()
    assert.equal("inside", failure_of(work).message)
  end)

  it("ends when it is cancelled: its error takes its course, and its handlers may wait", function()
    local session <close> = debugging.attach()
    local cleaned
    local work = debugger.start(function()
      local _ <close> = closing(function(_, err) clock.sleep(0.01) cleaned = err.message end)
      error("broken", 0)
    end)
    local stop = session.stop()
    work:cancel "enough"
    assert.equal("broken", failure_of(work).message)
    assert.equal("broken", cleaned)
    assert.is_false(stop:is_live())
  end)

  it("ends with the block around it", function()
    local session <close> = debugging.attach()
    local cleaned
    task.start(function()
      debugger.start(function()
        local _ <close> = closing(function() clock.sleep(0.01) cleaned = true end)
        error "broken"
      end)
      session.stop()
    end):wait()
    assert.is_true(cleaned)
    assert.same({}, debugger.stops())
  end)

  it("ends when the debugger is detached", function()
    local work
    do
      local session <close> = debugging.attach()
      work = debugger.start(function() error("broken", 0) end)
      session.stop()
    end
    assert.equal("broken", failure_of(work).message)
  end)

  it("can be of a very deep recursion", function()
    local session <close> = debugging.attach()
    local closed = 0
    local work = debugger.start(function()
      local _ <close> = closing(function() clock.sleep(0.001) closed = closed + 1 end)
      local function deep(n) return 1 + deep(n + 1) end
      return deep(1)
    end)
    local stop = session.stop()
    assert.matches("stack overflow", stop.error.message)
    stop:release()
    assert.matches("stack overflow", failure_of(work).message)
    assert.equal(1, closed)
  end)

  it("may fail again and again, in tasks within tasks", function()
    local session <close> = debugging.attach()
    local work = debugger.start(function()
      local inner = debugger.start(function() error("inner", 0) end)
      local _, err = pcall(inner.wait, inner)
      error("outer after " .. err.message, 0)
    end)
    local stop = session.stop()
    assert.equal("inner", stop.error.message)
    stop:release()
    stop = session.stop()
    assert.equal("outer after inner", stop.error.message)
    stop:release()
    assert.equal("outer after inner", failure_of(work).message)
  end)
end)

describe("a program with held tasks", function()
  local function run(text, memory_limit)
    local folder <close> = program.folder()
    local path = folder:write("script.lua", [[
      local clock, debugger, process, task = require "fairlead.clock", require "fairlead.debugger",
        require "fairlead.process", require "fairlead.task"
      local function closing(fn) return setmetatable({}, { __close = fn }) end
      local function send(signal)
        task.start(process.run, { "sh", "-c", "sleep 0.1; kill -" .. signal .. " $PPID" })
      end
    ]] .. text)
    local options = memory_limit and { "--memory-limit", tostring(memory_limit), path } or { path }
    options.timeout = 20
    return program.run(options)
  end

  it("is ended by Ctrl-C: the held are let go, and clean up", function()
    local result = run [[
      local attached <close> = debugger.attach { on_stop = function() end }
      local work = debugger.start(function()
        local _ <close> = closing(function() clock.sleep(0.01) print "cleaned failure" end)
        error "broken"
      end)
      task.start(function()
        local _ <close> = closing(function() clock.sleep(0.01) print "cleaned breakpoint" end)
        breakpoint()
      end)
      send "INT"
      work:wait()
    ]]
    assert.equal(130, result.code)
    assert.matches("cleaned failure", result.stdout)
    assert.matches("cleaned breakpoint", result.stdout)
    assert.equal("", result.stderr:gsub("fairlead: interrupted\n", ""))
  end)

  it("is ended by Ctrl-C in a busy loop while there are breakpoints and a step", function()
    local result = run [[
      local attached <close> = debugger.attach { on_stop = function(stop) stop:next() end }
      debugger.break_at("nowhere.lua", 1)
      send "INT"
      clock.sleep(0)
      local function busy() local n = 0 while true do n = n + 1 end end
      breakpoint()
      busy()
    ]]
    assert.equal(130, result.code)
  end)

  it("has its breakpoints back after a Ctrl-C that meant another", function()
    local result = run [[
      local stops = 0
      local attached <close> = debugger.attach { on_stop = function(stop)
        stops = stops + 1
        stop:continue()
      end }
      local event = task.event()
      task.on_interrupt(event)
      debugger.break_at("script.lua", debug.getinfo(1, "l").currentline + 6)
      task.start(function()
        local began = clock.monotonic()
        while clock.monotonic() - began < 0.3 do
          pcall(string.rep, "x", 10)
        end
        print "here"
      end)
      send "INT"
      event:wait()
      clock.sleep(0.5)
      print(stops)
    ]]
    assert.equal("here\n1\n", result.stdout)
    assert.equal(0, result.code)
  end)

  it("ends when it reaches its memory limit in a task of debugger.start", function()
    local result = run([[
      local attached <close> = debugger.attach { on_stop = function() print "held" end }
      local work = debugger.start(function()
        local _ <close> = closing(function() clock.sleep(0.01) print "cleaned" end)
        local list = {}
        while true do list[#list + 1] = ("x"):rep(100000) .. #list end
      end)
      work:wait()
    ]], 32)
    assert.equal(1, result.code)
    assert.matches("memory limit of 32 MiB", result.stderr)
    assert.is_nil(result.stdout:find "held")
    assert.matches("cleaned", result.stdout)
  end)

  it("ends with os.exit while tasks are held", function()
    local result = run [[
      debugger.attach { on_stop = function(stop) if stop.kind == "failure" then os.exit(7) end end }
      task.start(function() breakpoint() end)
      debugger.start(function() error "broken" end):wait()
    ]]
    assert.equal(7, result.code)
  end)
end)
