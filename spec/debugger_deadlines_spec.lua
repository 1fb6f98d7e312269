local clock = require "fairlead.clock"
local debugging = require "spec.support.debugging"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local task = require "fairlead.task"

describe("a task that is held", function()
  it("tells for how long it and the tasks below it were held, at the same time counting once", function()
    local session <close> = debugging.attach()
    local parent = task.start(function()
      task.all { function() breakpoint() end, function() breakpoint() end, function() clock.sleep(0.01) end }
      clock.sleep(10)
    end)
    assert.equal(0, parent:held())
    local first, second = session.stop(), session.stop()
    clock.sleep(0.1)
    local so_far, each = parent:held(), first.task:held()
    assert.is_true(each >= 0.09)
    assert.equal("overlap", so_far >= 0.09 and so_far < 1.5 * each and "overlap" or so_far .. " of twice " .. each)
    first:continue()
    second:continue()
    clock.sleep(0.01)
    so_far = parent:held()
    clock.sleep(0.03)
    assert.equal(so_far, parent:held())
    assert.is_true(task.held() >= so_far) -- this one is around it
    parent:cancel()
  end)
end)

describe("task.timeout", function()
  it("does not count what a debugger held", function()
    local session <close> = debugging.attach()
    local work = task.start(task.timeout, 0.1, function()
      clock.sleep(0.05)
      breakpoint()
      clock.sleep(0.02)
      return "done"
    end)
    local stop = session.stop()
    clock.sleep(0.3)
    assert.equal("waiting", (work:status()))
    stop:continue()
    assert.equal("done", work:wait())
  end)

  it("counts all else, before and after", function()
    local session <close> = debugging.attach()
    local began = clock.monotonic()
    local work = task.start(task.timeout, 0.2, function()
      breakpoint()
      clock.sleep(10)
    end)
    local stop = session.stop()
    clock.sleep(0.1)
    stop:continue()
    local ok, err = pcall(work.wait, work)
    assert.is_false(ok)
    assert.equal("timeout", err.kind)
    local took = clock.monotonic() - began
    assert.is_true(took >= 0.29 and took < 1, "took " .. took)
  end)

  it("gives up on work that is held when it is cancelled itself", function()
    local session <close> = debugging.attach()
    local work = task.start(task.timeout, 0.05, breakpoint)
    session.stop()
    work:cancel()
    assert.equal("cancelled", select(2, pcall(work.wait, work)).kind)
  end)
end)

describe("the time to clean up", function()
  it("does not count what a debugger held", function()
    local folder <close> = program.folder()
    local path = folder:write("script.lua", [[
      local clock, debugger, task = require "fairlead.clock", require "fairlead.debugger", require "fairlead.task"
      clock.scaled(100, function() -- the 10 seconds that there are take 0.1
        local attached <close> = debugger.attach { on_stop = function(stop)
          clock.sleep(20)
          stop:continue()
        end }
        local work = task.start(function()
          local _ <close> = setmetatable({}, { __close = function()
            clock.sleep(4)
            breakpoint()
            clock.sleep(4)
            print "cleaned"
            clock.sleep(8)
            print "not reached"
          end })
          clock.sleep(60)
        end)
        clock.sleep(1)
        work:cancel()
        pcall(work.wait, work)
      end)
    ]])
    assert.equal("cleaned\n", program.run({ path, timeout = 20 }).stdout)
  end)
end)

describe("virtual time", function()
  it("stands still while a task that lives in it is held", function()
    local session <close> = debugging.attach()
    local work = task.start(clock.simulate, { start = 1000 }, function()
      local ticks = 0
      task.start(function()
        while true do
          clock.sleep(60)
          ticks = ticks + 1
        end
      end)
      clock.sleep(90)
      breakpoint()
      local at = clock.now()
      clock.sleep(60)
      return ticks, at, clock.now()
    end)
    local stop = session.stop()
    clock.sleep(0.05)
    assert.equal(1090, stop.since)
    assert.equal(0, stop.task:held())
    stop:continue()
    assert.same({ 2, 1090, 1150 }, { work:wait() })
  end)
end)

describe("a run's deadlines", function()
  local function execute(body)
    local proc = procedure.new { name = "held", summary = "for specs", parameters = {}, run = body }
    return task.start(procedure.execute, proc, {}, { interactive = false })
  end

  it("of a wait are held with the task, and on record as they were", function()
    local session <close> = debugging.attach()
    local stopped, checks, deadline = false, 0, nil
    local run = execute(function(run)
      local began = clock.now()
      run:wait { name = "It", timeout = 0.5, every = 0.05, check = function()
        checks = checks + 1
        if not stopped then
          stopped = true
          breakpoint()
        end
        deadline = deadline or run:waiting()[1].deadline - began
        return clock.now() - began > 1.2 or nil
      end }
    end)
    local stop = session.stop()
    clock.sleep(1)
    stop:continue()
    local result = run:wait()
    assert.equal("done", result.outcome)
    assert.is_true(checks > 1)
    local recorded
    for _, event in ipairs(result.events) do
      if event.event == "step.started" and event.kind == "wait" then recorded = event.deadline - event.at end
    end
    assert.is_true(recorded < 0.6)
  end)

  it("of a wait end when the time is over that nobody held", function()
    local session <close> = debugging.attach()
    local stopped = false
    local run = execute(function(run)
      run:wait { name = "It", timeout = 0.2, every = 0.05, check = function()
        if not stopped then
          stopped = true
          breakpoint()
        end
      end }
    end)
    local stop = session.stop()
    clock.sleep(0.3)
    local at = clock.monotonic()
    stop:continue()
    assert.equal("wait.timeout", run:wait().reason)
    local took = clock.monotonic() - at
    assert.is_true(took > 0.1 and took < 2, "took " .. took)
  end)

  it("of a gate are held with the task", function()
    local session <close> = debugging.attach()
    local looks = 0
    local run = execute(function(run)
      run:gate { name = "Go", timeout = 0.4, via = { {
        name = "fake", every = 0.05, ask = function() breakpoint() end,
        answer = function()
          looks = looks + 1
          if looks == 1 then breakpoint() end
          return looks > 3 and { decision = "approved", by = "anadmin" } or nil
        end,
      } } }
    end)
    for _ = 1, 2 do
      local stop = session.stop()
      clock.sleep(0.5)
      stop:continue()
    end
    assert.equal("done", run:wait().outcome)
  end)
end)
