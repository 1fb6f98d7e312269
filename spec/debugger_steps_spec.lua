local clock = require "fairlead.clock"
local debugger = require "fairlead.debugger"
local debugging = require "spec.support.debugging"
local program = require "spec.support.program"
local script = require "fairlead.script"
local task = require "fairlead.task"

-- Runs a script whose lines have marks, and goes on from its breakpoint() as `moves` say; gives the marks at which it
-- stopped, and what it returned.
local function walk(text, moves, ...)
  local folder <close> = program.folder()
  local session <close> = debugging.attach()
  local path = folder:write("script.lua", text)
  local number, mark_at = 0, {}
  for one in text:gmatch "([^\n]*)\n" do
    number = number + 1
    mark_at[number] = one:match "%-%- (%w+)$" or number
  end
  local work = task.start(script.load(path), ...)
  local seen = {}
  for i, move in ipairs(moves) do
    if i == #moves then move = "continue" end -- or the step would end in this task, which waits
    local stop = session.stop()
    seen[#seen + 1] = stop.where:sub(1, #path) == path and mark_at[stop.frames[1].line] or stop.where
    stop[move](stop)
  end
  local results = table.pack(pcall(work.wait, work))
  assert.is_true(session.none(0))
  return table.concat(seen, " "), table.unpack(results, 2, results.n)
end

describe("a step", function()
  local CALLS <const> = [[
    local function inner(n)
      local m = n + 1 -- inner
      return m -- inner2
    end
    breakpoint() -- start
    local a = inner(1) -- call
    local b = inner(a) -- call2
    return a + b -- last
  ]]

  it("with next passes what is called", function()
    local seen, result = walk(CALLS, { "next", "next", "next", "next" })
    assert.equal("start call call2 last", seen)
    assert.equal(5, result)
  end)

  it("with step goes into what is called, and out of it", function()
    assert.equal("start call inner inner2 call2 inner inner2 last",
      walk(CALLS, { "next", "step", "step", "step", "step", "step", "step", "step" }))
  end)

  it("with next at a function's end comes to its caller", function()
    assert.equal("start call inner inner2 call2 last",
      walk(CALLS, { "next", "step", "next", "next", "next", "next" }))
  end)

  it("with finish goes on to the line after the call", function()
    assert.equal("start call inner call2", walk(CALLS, { "next", "step", "finish", "continue" }))
  end)

  it("passes Fairlead's own modules", function()
    assert.equal("start all first second after", walk([[
      local clock, task = require "fairlead.clock", require "fairlead.task"
      local function child()
        clock.sleep(0.01) -- first
        return 1 -- second
      end
      breakpoint() -- start
      task.all { child } -- all
      return 2 -- after
    ]], { "next", "step", "step", "step", "continue" }))
  end)

  it("with next passes a call that waits, and tasks that it starts", function()
    assert.equal("start wait many last", walk([[
      local clock, task = require "fairlead.clock", require "fairlead.task"
      local function child(n)
        local m = n
        clock.sleep(0.01)
        return m
      end
      breakpoint() -- start
      clock.sleep(0.01) -- wait
      task.map({ 1, 2, 3 }, child) -- many
      return 2 -- last
    ]], { "next", "next", "next", "next" }))
  end)

  it("comes from a task's end to the task that waits for it", function()
    assert.equal("inside end after last", walk([[
      local task = require "fairlead.task"
      local work = task.start(function()
        breakpoint() -- inside
        return 1 -- end
      end)
      local one = work:wait()
      local two = one + 1 -- after
      return two -- last
    ]], { "next", "next", "next", "continue" }))
  end)

  it("does not go into a task that was there before", function()
    assert.equal("start wait last", walk([[
      local clock, task = require "fairlead.clock", require "fairlead.task"
      local other = task.start(function()
        while true do
          local n = 1 -- other
          clock.sleep(0.001)
        end
      end)
      breakpoint() -- start
      clock.sleep(0.02) -- wait
      other:cancel() -- last
    ]], { "step", "step", "continue" }))
  end)

  it("goes through an iterator in a coroutine of its own, or passes it", function()
    local ITERATOR <const> = [[
      local function items() -- wrap
        return coroutine.wrap(function()
          local one = 1 -- one
          coroutine.yield(one) -- yield
        end) -- two
      end
      local list = items()
      breakpoint() -- start
      for item in list do -- for
        list = item -- body
      end -- end
      return list -- last
    ]]
    assert.equal("start for body for end last", walk(ITERATOR, { "next", "next", "next", "next", "next", "next" }))
    assert.equal("start for one yield body for two end last",
      walk(ITERATOR, { "next", "step", "step", "step", "step", "step", "step", "step", "step" }))
    assert.equal("start for one body", walk(ITERATOR, { "next", "step", "finish", "continue" }))
  end)

  it("goes on after an error that is caught", function()
    assert.equal("start call fails caught last", walk([[
      local function broken()
        error("broken") -- fails
      end
      breakpoint() -- start
      local ok = pcall(broken) -- call
      local n = 1 -- caught
      return ok and n -- last
    ]], { "next", "step", "next", "next", "continue" }))
  end)

  it("stops at a breakpoint on its way, which ends it", function()
    assert.equal("start call inside", walk([[
      local function inner()
        local n = 1
        breakpoint() -- inside
        return n
      end
      breakpoint() -- start
      inner() -- call
      return 1
    ]], { "next", "next", "continue" }))
  end)

  it("is not made where Lua cannot wait", function()
    assert.equal("start sort last", walk([[
      local list = { 2, 1 }
      local function compare(a, b)
        return a < b
      end
      breakpoint() -- start
      table.sort(list, compare) -- sort
      return list[1] -- last
    ]], { "step", "step", "step" }))
  end)

  it("cannot be made of a failure", function()
    local session <close> = debugging.attach()
    local work = debugger.start(function() error "broken" end)
    local stop = session.stop()
    for _, move in ipairs { "continue", "step", "next", "finish" } do
      assert.equal("usage", select(2, pcall(stop[move], stop)).kind)
    end
    stop:release()
    assert.is_false((pcall(work.wait, work)))
  end)

  it("is made in two tasks at the same time", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    local path = folder:write("script.lua", [[
      local name = ...
      breakpoint()
      local one = name .. 1
      local two = one .. 2
      return two
    ]])
    local tasks = { task.start(script.load(path), "a"), task.start(script.load(path), "b") }
    for at = 2, 4 do
      local stops = { session.stop(), session.stop() }
      assert.same({ at, at }, { stops[1].frames[1].line, stops[2].frames[1].line })
      assert.are_not.equal(stops[1].task, stops[2].task)
      stops[2]:next()
      stops[1]:next()
    end
    session.stop():continue()
    session.stop():continue()
    assert.same({ "a12", "b12" }, { tasks[1]:wait(), tasks[2]:wait() })
    clock.sleep(0)
    assert.is_nil(debug.gethook())
  end)

  it("is made again in a function that went on before, also where a line begins with a metamethod's call", function()
    assert.equal("start use start use start use", walk([[
      local names = setmetatable({}, { __index = function(_, name) return name end })
      for i = 1, 3 do
        breakpoint() -- start
        local _ = names.x .. i -- use
      end
    ]], { "next", "continue", "next", "continue", "next", "continue" }))
  end)

  it("outlives the coroutine in which it was made", function()
    assert.equal("start inner after", walk([[
      local clock = require "fairlead.clock"
      local function once()
        local co = coroutine.wrap(function()
          breakpoint() -- start
          coroutine.yield(1) -- inner
        end)
        return (co())
      end
      clock.simulate({}, function() collectgarbage() end, once())
      collectgarbage() -- after
    ]], { "next", "next", "continue" }))
  end)

  it("stops in a module that is required", function()
    local folder <close> = program.folder()
    local session <close> = debugging.attach()
    folder:write("own_module.lua", "local n = 1\nreturn n + 1\n")
    local path = folder:write("script.lua", "return (require 'own_module')\n")
    debugger.break_at("own_module.lua", 2)
    local work = task.start(script.load(path))
    local stop = session.stop()
    assert.matches("own_module.lua:2$", stop.where)
    assert.equal(1, debugging.values(stop.frames[1]).n)
    stop:continue()
    assert.equal(2, work:wait())
    package.loaded.own_module = nil
  end)
end)
