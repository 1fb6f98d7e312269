local process = require "fairlead.process"
local program = require "spec.support.program"
local task = require "fairlead.task"

-- Runs a script of this text; its result, with the folder's path taken out of what it printed.
local function run_script(text, ...)
  local folder <close> = program.folder()
  local result = program.run { folder:write("script.lua", text), ... }
  result.stderr = result.stderr:gsub(folder.path:gsub("%p", "%%%0") .. "/", "")
  return result
end

describe("fairlead SCRIPT", function()
  it("passes arguments as lua does", function()
    local result = run_script([[print(arg[1], arg[2], ..., arg[0]:match "[^/]+$")]], "a", "b c")
    assert.equal("a\tb c\ta\tb c\tscript.lua\n", (result.stdout:gsub("\ta\tscript", "\ta\tb c\tscript")))
    assert.equal(0, result.code)
  end)

  it("says in one line that there is no such script", function()
    local result = program.run { "no/such.lua" }
    assert.equal("fairlead: script no/such.lua: No such file or directory; name a Lua script that can be read\n",
      result.stderr)
    assert.equal(2, result.code)
  end)

  it("says so of a folder", function()
    local result = program.run { "/tmp/." }
    assert.matches("^fairlead: script /tmp/.: it is a folder; ", result.stderr)
    assert.equal(2, result.code)
  end)

  it("names file and line of a syntax error", function()
    local result = run_script "local x = \n= 3"
    assert.matches("script.lua:2: unexpected symbol near '='\n$", result.stderr)
    assert.equal(2, result.code)
  end)

  it("shows the script's own frames of a runtime error, not the host's", function()
    local result = run_script [[
      local task = require "fairlead.task"
      local function inner() error "broken" end
      task.all { function() inner() end }
    ]]
    assert.equal(1, result.code)
    local lines = {}
    for line in result.stderr:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("fairlead: script.lua:2: broken", lines[1])
    assert.same({ "    script.lua:2: in upvalue 'inner'", "    script.lua:3: in function at line 3" },
      { lines[2], lines[3] })
    assert.is_nil(result.stderr:find("boot", 1, true))
    assert.is_nil(result.stderr:find("modules/task", 1, true))
  end)

  it("refuses bytecode, as a script and as a chunk", function()
    local folder <close> = program.folder()
    local path = folder:write("compiled.lua", string.dump(function() end))
    assert.matches("attempt to load a binary chunk", program.run({ path }).stderr)
    local chunk = string.dump(function() end)
    assert.is_nil((load(chunk)))
    assert.is_nil((load(chunk, "x", "b")))
    assert.is_nil((loadfile(path)))
  end)

  it("ends with the code of os.exit, closing what is open", function()
    local result = run_script [[
      local _ <close> = setmetatable({}, { __close = function() print "closed" end })
      pcall(os.exit, 7)
      print "not reached"
    ]]
    assert.equal("closed\n", result.stdout)
    assert.equal("", result.stderr)
    assert.equal(7, result.code)
  end)

  it("ends cleanly at the memory limit", function()
    local result = program.run { "--memory-limit", "16", "-e",
      "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end" }
    assert.equal("fairlead: the script reached its memory limit of 16 MiB; keep less at once, or raise the limit with "
      .. "--memory-limit MIB\n", result.stderr)
    assert.equal(1, result.code)
  end)

  it("says that every task waits for another", function()
    local result = run_script [[require("fairlead.task").event():wait()]]
    assert.matches("every task waits for another; the script waits in event:wait", result.stderr)
    assert.equal(1, result.code)
  end)

  it("refuses what needs a task in finalizers that run when it has ended", function()
    local result = run_script [[
      local task, native, clock = require "fairlead.task", require "fairlead.task.native", require "fairlead.clock"
      local group = native.group()
      local forbidden = {
        function() task.start(print) end, function() task.name "x" end, function() task.all { print } end,
        function() task.timeout(1, print) end, function() task.event():wait() end, function() group:start(print) end,
        function() clock.sleep(1) end, function() clock.simulate({}, print) end, function() os.exit(3) end,
      }
      package.loaded.late = setmetatable({}, { __gc = function()
        for i, fn in ipairs(forbidden) do assert(not pcall(fn), i) end
        assert(coroutine.wrap(function() return "fine" end)() == "fine")
        print "refused"
      end })
    ]]
    assert.equal("refused\n", result.stdout)
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
  end)
end)

describe("fairlead -e", function()
  it("prints the values of an expression", function()
    assert.equal("2\tx\n", program.run({ "-e", "1 + 1, 'x'" }).stdout)
  end)

  it("knows modules by their short names", function()
    assert.equal("[1]\n", program.run({ "-e", "json.encode { 1 }" }).stdout)
  end)

  it("prints nothing for a statement", function()
    assert.equal("", program.run({ "-e", "local x = 1" }).stdout)
  end)
end)

describe("globals", function()
  it("are strict in scripts, both ways", function()
    local read = run_script "print(undefined_name)"
    assert.matches("^fairlead: script.lua:1: undefined variable 'undefined_name'", read.stderr)
    local written = run_script "oops = 1"
    assert.matches("^fairlead: script.lua:1: assignment to the undeclared variable 'oops'; write `local oops`",
      written.stderr)
  end)

  it("have no os.execute and no io.popen, and say what to use", function()
    for _, name in ipairs { "os.execute", "io.popen" } do
      local library, field = name:match "(%w+)%.(%w+)"
      local _, err = try(_G[library][field], "true")
      assert.matches(name .. " is not available: .*process.run{", err.message)
    end
  end)
end)

describe("require", function()
  it("finds modules beside the script and lets their bodies wait", function()
    local folder <close> = program.folder()
    folder:write("slow.lua", [[require("fairlead.clock").sleep(0.05) return { value = 42 }]])
    local script = folder:write("script.lua", [[
      local task = require "fairlead.task"
      local found = task.all {
        function() return require "slow" end,
        function() return require "slow" end,
      }
      print(found[1].value, found[1] == found[2])
    ]])
    assert.equal("42\ttrue\n", program.run({ script }).stdout)
  end)

  it("finds modules in FAIRLEAD_PATH", function()
    local folder <close> = program.folder()
    folder:write("shared.lua", "return 'from the path'")
    local result = program.run { "-e", "require 'shared'", env = { FAIRLEAD_PATH = "/nowhere:" .. folder.path } }
    assert.matches("^from the path\t", result.stdout)
  end)

  it("never looks in the current folder", function()
    local folder <close> = program.folder()
    folder:write("planted.lua", "print 'planted'")
    local result = program.run { "-e", "require 'planted'", cwd = folder.path }
    assert.equal("", result.stdout)
    assert.matches("module 'planted' not found: ", result.stderr)
  end)

  it("says that modules require each other in a loop", function()
    local folder <close> = program.folder()
    folder:write("one.lua", [[require "two"]])
    folder:write("two.lua", [[require "one"]])
    local result = program.run { folder:write("script.lua", [[require "one"]]) }
    assert.matches("two.lua:1: modules require each other in a loop: 'one'", result.stderr)
  end)

  it("can be tried again after a module's body failed", function()
    local folder <close> = program.folder()
    folder:write("flaky.lua", [[
      if not _G.tried then _G.tried = true error "first time" end
      return "second time"
    ]])
    local result = program.run { folder:write("script.lua", [[
      print(pcall(require, "flaky"))
      print((require "flaky"))
    ]]) }
    assert.matches("false\t.*first time\nsecond time", result.stdout)
  end)

  it("gives scripts lua-cjson", function()
    assert.equal("[1]\n", program.run({ "-e", "require('cjson').encode { 1 }" }).stdout)
  end)
end)

describe("Ctrl-C", function()
  -- The script interrupts itself, as often as it is told, 0.2 s after it began.
  local PREPARE <const> = [[
    local clock, process, task = require "fairlead.clock", require "fairlead.process", require "fairlead.task"
    local function interrupt(times)
      task.start(process.run, { "sh", "-c", ("sleep 0.2; kill -INT $PPID;"):rep(times) })
      clock.sleep(0.1)
    end
    local function closing(fn) return setmetatable({}, { __close = fn }) end
    local _ <close> = closing(function(_, e) clock.sleep(0.05) print("closed after " .. e.message) end)
  ]]

  local function interrupted(body)
    local result = run_script(PREPARE .. body)
    assert.equal(130, result.code)
    return result
  end

  it("ends a wait, and closing handlers may wait", function()
    assert.equal("closed after interrupted\n", interrupted("interrupt(1) clock.sleep(60)").stdout)
  end)

  it("ends a busy loop, also one that swallows errors", function()
    assert.equal("closed after interrupted\n", interrupted("interrupt(1) while true do end").stdout)
    assert.equal("closed after interrupted\n",
      interrupted("interrupt(1) while true do pcall(function() while true do end end) end").stdout)
  end)

  it("ends a busy coroutine and a busy child task", function()
    assert.equal("closed after interrupted\n",
      interrupted("interrupt(1) coroutine.wrap(function() while true do end end)()").stdout)
    assert.equal("closed after interrupted\n",
      interrupted("interrupt(1) task.all { function() while true do end end, function() clock.sleep(60) end }").stdout)
  end)

  it("ends a busy closing handler that coroutine.close runs", function()
    assert.equal("closed after interrupted\n", interrupted([[
      local busy = coroutine.create(function()
        local _ <close> = setmetatable({}, { __close = function() while true do end end })
        coroutine.yield()
      end)
      coroutine.resume(busy)
      interrupt(1)
      coroutine.close(busy)
    ]]).stdout)
  end)

  it("pressed twice cuts the cleaning short", function()
    local result = interrupted [[
      local slow <close> = closing(function() clock.sleep(60) print "not reached" end)
      interrupt(2)
      clock.sleep(60)
    ]]
    assert.is_nil(result.stdout:find("not reached", 1, true))
  end)

  it("pressed three times kills", function()
    local result = run_script(PREPARE .. [[
      local stuck <close> = closing(function() while true do pcall(string.rep, "x", 10) end end)
      interrupt(3)
      clock.sleep(60)
    ]])
    assert.is_true(result.signal == "INT" or result.code == 130)
    assert.equal("", result.stdout)
  end)
end)

describe("the start of the program", function()
  it("loads neither libcurl nor libgit2 for an empty chunk", function()
    local maps = program.run({ "-e", "io.open('/proc/self/maps'):read 'a'" }).stdout
    assert.matches("liblua", maps)
    assert.is_nil(maps:find("curl", 1, true))
    assert.is_nil(maps:find("git2", 1, true))
  end)

  it("ignores SIGPIPE for itself and not for its children", function()
    local function ignores_pipe(status)
      local mask = tonumber(status:match "SigIgn:%s+(%x+)", 16)
      return mask & (1 << 12) ~= 0 -- signal 13
    end
    assert.is_true(ignores_pipe(io.open("/proc/self/status"):read "a"))
    assert.is_false(ignores_pipe(process.run({ "cat", "/proc/self/status" }).stdout))
  end)
end)

describe("tasks by the thousand", function()
  it("are made and ended without being kept", function()
    local function held()
      collectgarbage() -- finalizers run in the first,
      collectgarbage() -- what they held is freed in the second
      return collectgarbage "count"
    end
    local before = held()
    for _ = 1, 20 do
      local list = {}
      for i = 1, 500 do list[i] = i end
      task.map(list, function(n) return n end)
    end
    assert.is_true(held() - before < 100)
  end)
end)
