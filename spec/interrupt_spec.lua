local clock = require "fairlead.clock"
local program = require "spec.support.program"
local task = require "fairlead.task"

-- Runs a script that can send itself signals: `send("INT", 0.1)` does in the background, that much later.
local PREPARE <const> = [[
  local clock, process, task = require "fairlead.clock", require "fairlead.process", require "fairlead.task"
  local function send(signal, seconds)
    return task.start(process.run, { "sh", "-c", ("sleep %g; kill -%s $PPID"):format(seconds, signal) })
  end
  local function closing(fn) return setmetatable({}, { __close = fn }) end
]]

local function run_script(body, ...)
  local folder <close> = program.folder()
  return program.run { folder:write("script.lua", PREPARE .. body), timeout = 20, ... }
end

local function prints(expected, body)
  local result = run_script(body)
  assert.equal("", result.stderr)
  assert.equal(expected, result.stdout)
  assert.equal(0, result.code)
end

describe("task.on_interrupt", function()
  it("has Ctrl-C cancel a task, and the rest go on", function()
    prints("line: cancelled\nother goes on\n", [[
      local line = task.start(function() clock.sleep(60) end)
      local other = task.start(function() clock.sleep(0.4) return "other goes on" end)
      task.on_interrupt(line)
      send("INT", 0.1)
      local _, err = pcall(line.wait, line)
      print("line: " .. err.kind)
      print(other:wait())
    ]])
  end)

  it("has the second cut the task's cleaning short", function()
    prints("cut\n", [[
      local line = task.start(function()
        local _ <close> = closing(function() clock.sleep(60) print "not reached" end)
        clock.sleep(60)
      end)
      task.on_interrupt(line)
      send("INT", 0.1)
      send("INT", 0.2)
      pcall(line.wait, line)
      print "cut"
    ]])
  end)

  it("has Ctrl-C set an event", function()
    prints("set\n", [[
      local event = task.event()
      task.on_interrupt(event)
      send("INT", 0.1)
      event:wait()
      print "set"
    ]])
  end)

  it("begins counting anew with each call, and when somebody clears the event", function()
    prints("1 2 3 4 5 6 7 8 done\n", [[
      local event = task.event()
      local function press()
        send("INT", 0.01)
        event:wait()
        event:clear()
      end
      task.on_interrupt(event)
      for i = 1, 4 do press() io.write(i, " ") end
      for i = 5, 8 do task.on_interrupt(event) press() io.write(i, " ") end
      print "done"
    ]])
  end)

  it("kills the program when nobody clears the event", function()
    local result = run_script [[
      local event = task.event()
      task.on_interrupt(event)
      for i = 1, 4 do send("INT", i / 10) end
      clock.sleep(5)
      print "not reached"
    ]]
    assert.equal("", result.stdout)
    assert.is_true(result.signal == "INT" or result.code == 130)
  end)

  it("gives the root back what it was, counting anew", function()
    local result = run_script [[
      local _ <close> = closing(function() clock.sleep(0.05) print "cleaned" end)
      local event = task.event()
      task.on_interrupt(event)
      send("INT", 0.01)
      event:wait()
      task.on_interrupt(nil)
      send("INT", 0.01)
      clock.sleep(60)
    ]]
    assert.equal("cleaned\n", result.stdout)
    assert.equal(130, result.code)
  end)

  it("keeps an interrupt that no task took for the next who is named", function()
    prints("set\n", [[
      local line = task.start(function() end)
      line:wait()
      task.on_interrupt(line)
      local sent = send("INT", 0.01)
      sent:wait()
      clock.sleep(0.1)
      local event = task.event()
      task.on_interrupt(event)
      event:wait()
      print "set"
    ]])
  end)

  it("ends a busy loop in the task, in a child of it, and in a child's coroutine", function()
    prints("cancelled\ncancelled\ncancelled\n", [[
      local function busy() while true do pcall(string.rep, "x", 10) end end
      local function interrupted(fn)
        local line = task.start(fn)
        task.on_interrupt(line)
        send("INT", 0.1)
        local _, err = pcall(line.wait, line)
        print(err.kind)
      end
      interrupted(function() clock.sleep(0.05) busy() end)
      interrupted(function() task.all { function() clock.sleep(0.05) busy() end } end)
      interrupted(function() task.all { function() clock.sleep(0.05) coroutine.wrap(busy)() end } end)
    ]])
  end)

  it("ends a busy loop that stands in the way of whom it means, and no task that is merely at work", function()
    prints("busy: cancelled after 1 s\nat work: 0.5 s\n", [[
      local function work(seconds)
        local began = clock.monotonic()
        while clock.monotonic() - began < seconds do pcall(string.rep, "x", 10) end
        return seconds
      end
      local event = task.event()
      local function interrupted(seconds)
        local other = task.start(function() clock.sleep(0.05) return work(seconds) end)
        event:clear()
        task.on_interrupt(event)
        send("INT", 0.1)
        local began = clock.monotonic()
        local ok, result = pcall(other.wait, other)
        event:wait()
        return ok, result, clock.monotonic() - began
      end
      local _, err, took = interrupted(30)
      print(("busy: %s after %d s"):format(err.kind, took // 1 > 20 and took or 1))
      print(("at work: %g s"):format(select(2, interrupted(0.5))))
    ]])
  end)

  it("leaves SIGTERM to the whole program", function()
    for _, target in ipairs { "task.event()", "task.start(clock.sleep, 60)" } do
      local result = run_script(([[
        local _ <close> = closing(function() clock.sleep(0.05) print "cleaned" end)
        task.on_interrupt(%s)
        send("TERM", 0.1)
        clock.sleep(60)
      ]]):format(target))
      assert.equal("cleaned\n", result.stdout)
      assert.equal(130, result.code)
    end
  end)

  it("has Ctrl-C after SIGTERM cut the program's cleaning short, whomever it meant", function()
    local result = run_script [[
      local _ <close> = closing(function() print "cleaning" clock.sleep(60) print "not reached" end)
      task.on_interrupt(task.event())
      send("TERM", 0.1)
      local _ <close> = closing(function() process.run { "sh", "-c", "kill -INT $PPID; sleep 5" } end)
      clock.sleep(60)
    ]]
    assert.equal("cleaning\n", result.stdout)
    assert.equal(130, result.code)
  end)

  it("takes nothing else", function()
    assert.has_error(function() task.on_interrupt "root" end)
    assert.has_error(function() task.on_interrupt {} end)
  end)
end)

describe("task.list", function()
  local function described(list)
    local lines = {}
    for i, entry in ipairs(list) do
      lines[i] = ("%s%s %s%s"):format(("  "):rep(entry.depth), entry.name or "-", entry.state,
        entry.waits_for and " " .. entry.waits_for or "")
    end
    return lines
  end

  it("gives all tasks with their names, depths, states and what they wait for", function()
    local list
    clock.simulate({ start = 5000 }, function()
      task.name "top"
      local function sleeper(name)
        return function()
          task.name(name)
          clock.sleep(10)
        end
      end
      task.start(sleeper "background")
      task.start(function()
        task.name "group"
        task.all { sleeper "first", sleeper "second" }
      end)
      clock.sleep(1)
      task.start(sleeper "not begun")
      list = task.list()
      for i, entry in ipairs(list) do
        if entry.name == "top" then table.move(list, i, #list, 1, {}) list = { table.unpack(list, i) } break end
      end
    end)
    local depth = list[1].depth
    for _, entry in ipairs(list) do entry.depth = entry.depth - depth end
    assert.same({
      "top running",
      "  background waiting clock.sleep",
      "  group waiting tasks",
      "    first waiting clock.sleep",
      "    second waiting clock.sleep",
      "  - ready",
    }, described(list))
    assert.equal(5000, list[2].since)
    assert.is_nil(list[1].since)
    assert.equal(list[3].task, list[4].parent)
  end)

  it("begins with the root task, which has no parent", function()
    local root = task.list()[1]
    assert.equal(0, root.depth)
    assert.is_nil(root.parent)
  end)
end)
