local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local lfs = require "lfs"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local task = require "fairlead.task"

local function open_files()
  local count = 0
  for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
  return count
end

-- /proc's line on a process; "" when there is none.
local function status_of(pid)
  local file <close> = io.open("/proc/" .. pid .. "/stat")
  return file and file:read "a" or ""
end

-- The states (R, S, Z, …) of this process's children, by process id.
local function children()
  local own = lfs.symlinkattributes("/proc/self", "target")
  local found = {}
  for entry in lfs.dir "/proc" do
    local state, parent = (entry:match "^%d+$" and status_of(entry) or ""):match "^%d+ %(.*%) (%a) (%d+)"
    if parent == own then found[tonumber(entry)] = state end
  end
  return found
end

local function is_alive(pid)
  local text = status_of(pid)
  return text ~= "" and text:match "%) (%a)" ~= "Z"
end

local function wait_until(condition, seconds)
  local deadline = clock.monotonic() + seconds
  while not condition() do
    if clock.monotonic() > deadline then return false end
    clock.sleep(0.01)
  end
  return true
end

local function shell(text, options)
  local command = { "sh", "-c", text }
  for name, value in pairs(options or {}) do command[name] = value end
  return process.run(command)
end

local function failure(fn, ...)
  local value, err = try(fn, ...)
  assert.is_nil(value)
  return err
end

local function misuse(options, pattern)
  local ok, message = pcall(process.run, options)
  assert.is_false(ok)
  assert.matches(pattern, tostring(message))
end

describe("process.run", function()
  local files_before, handles_before

  before_each(function()
    handles_before = peer.handles()
    files_before = open_files()
  end)

  after_each(function()
    assert.same({}, children(), "children left, or zombies")
    assert.equal(files_before, open_files(), "open files left")
    assert.equal(handles_before, peer.handles(), "handles left on the loop")
  end)

  setup(function()
    process.run { "true" } -- libuv opens what it needs to watch children, once
  end)

  describe("results", function()
    it("are the code and both outputs, apart", function()
      local done = shell "echo out; echo err >&2; exit 7"
      assert.equal(7, done.code)
      assert.is_nil(done.signal)
      assert.is_nil(done.timed_out)
      assert.equal("out\n", done.stdout)
      assert.equal("err\n", done.stderr)
    end)

    it("name the signal that ended the program, with a shell's code for it", function()
      local done = shell "kill -SEGV $$"
      assert.equal("SEGV", done.signal)
      assert.equal(139, done.code)
    end)

    it("pass check when the code is 0, and come back from it", function()
      local done = shell "echo out"
      assert.equal(done, done:check())
    end)

    it("fail check with the last line of standard error", function()
      local done = shell "echo first >&2; echo 'no space left' >&2; echo >&2; exit 3"
      local err = failure(done.check, done)
      assert.equal("process.failed", err.kind)
      assert.equal(3, err.code)
      assert.equal("process.run sh: ended with code 3: no space left", tostring(err))
    end)

    it("fail check by the signal's name", function()
      local done = shell "kill -KILL $$"
      assert.matches("was ended by signal KILL", tostring(failure(done.check, done)))
    end)
  end)

  describe("arguments", function()
    it("reach the program as they are: no shell reads them", function()
      local odd = { "a b", "$HOME", "`id`", "*", "'\"", "", "-n", "two\nlines", "ünïcode" }
      local command = { "printf", "[%s]" }
      table.move(odd, 1, #odd, 3, command)
      assert.equal("[" .. table.concat(odd, "][") .. "]", process.run(command).stdout)
    end)

    it("may be numbers", function()
      assert.equal("5 1.5", process.run { "echo", "-n", 5, 1.5 }.stdout)
    end)

    it("refuse a secret, which ps would show", function()
      misuse({ "echo", secret "hunter2" }, "%[2%]: a secret among the arguments could be seen")
    end)

    it("refuse what no program can be given", function()
      misuse({}, "bad argument #1 to 'process.run' %(a program's name expected at %[1%]%)")
      misuse({ "" }, "the program's name is empty")
      misuse({ "echo", {} }, "%[2%]: string expected, got table")
      misuse({ "echo", "a\0b" }, "%[2%]: an argument cannot hold a zero byte")
      misuse("ls", "table expected, got string")
    end)

    it("refuse an option that does not exist, by name", function()
      misuse({ "true", time_out = 3 }, "unknown option 'time_out'; known are cwd, env")
      misuse({ "true", [3] = "gap" }, "unknown option '3'")
      misuse({ "true", timeout = "3" }, "timeout: number expected, got string")
      misuse({ "true", grace = -1 }, "grace: must not be negative")
      misuse({ "true", cwd = 3 }, "cwd: string expected, got number")
      misuse({ "true", stdin = 3 }, "stdin: string or secret expected, got number")
    end)

    it("are blamed on the caller's line", function()
      local ok, message = pcall(function() process.run { "true", env = 3 } end)
      assert.is_false(ok)
      assert.matches("process_spec.lua:%d+: bad argument", message)
    end)
  end)

  describe("environment", function()
    it("is the host's, with changes; false takes a variable away", function()
      local text = "echo ${HOME-none} $ADDED ${PATH:+path}"
      assert.equal("none 1 path\n", shell(text, { env = { HOME = false, ADDED = "1" } }).stdout)
    end)

    it("takes a secret's text", function()
      assert.equal("hunter2\n", shell("echo $TOKEN", { env = { TOKEN = secret "hunter2" } }).stdout)
    end)

    it("follows the host's overlays, under the call's own changes", function()
      environment.with({ ONE = "overlay", TWO = "overlay", HOME = false }, function()
        assert.equal("overlay own none\n", shell("echo $ONE $TWO ${HOME-none}", { env = { TWO = "own" } }).stdout)
      end)
    end)

    it("refuses names and values that cannot be", function()
      misuse({ "true", env = { ["A=B"] = "1" } }, "env: 'A=B' is no name for a variable")
      misuse({ "true", env = { [1] = "1" } }, "env: names must be strings, got number")
      misuse({ "true", env = { A = "1\0" } }, "env: A: a value cannot hold a zero byte")
      misuse({ "true", env = { A = true } }, "env: A: string, secret or false expected, got boolean")
    end)
  end)

  it("runs in the folder that it is given", function()
    assert.equal("/usr\n", process.run { "pwd", cwd = "/usr" }.stdout)
  end)

  it("gives no input unless told to", function()
    assert.equal("", process.run { "cat" }.stdout)
    assert.equal("", process.run { "cat", stdin = "" }.stdout)
    assert.equal("text", process.run { "cat", stdin = secret "text" }.stdout)
  end)

  it("carries ten megabytes of any bytes both ways", function()
    local all = {}
    for byte = 0, 255 do all[#all + 1] = string.char(byte) end
    local text = table.concat(all):rep(10 * 4096)
    local done = process.run { "cat", stdin = text }
    assert.equal(0, done.code)
    assert.is_true(done.stdout == text, "the bytes differ")
  end)

  it("does not mind a program that leaves its input unread", function()
    local done = process.run { "true", stdin = ("x"):rep(1 << 20) }
    assert.equal(0, done.code)
    assert.equal("abc", process.run { "head", "-c", "3", stdin = "abc" .. ("x"):rep(1 << 20) }.stdout)
  end)

  it("gives it pipes that can be opened by name", function()
    assert.equal("err\n", shell("echo err >/dev/stderr").stderr)
    assert.equal("in", shell("cat /dev/stdin", { stdin = "in" }).stdout)
  end)

  it("gives it default signals: a broken pipe ends it", function()
    local done = process.run { "bash", "-c", "yes | head -n 1 >/dev/null; echo ${PIPESTATUS[0]}" }
    assert.equal("141\n", done.stdout)
    local masks = process.run({ "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status" }).stdout
    assert.equal("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", masks)
  end)

  it("passes no open file of the host's on", function()
    local own <close> = io.open "/proc/self/stat"
    assert.is_not_nil(own)
    local listed = process.run { "ls", "/proc/self/fd" }.stdout
    assert.equal("0\n1\n2\n3\n", listed) -- the fourth is the folder that ls reads
  end)

  it("puts it in a process group of its own", function()
    local pid, group = shell("cut -d' ' -f5 /proc/$$/stat; echo $$").stdout:match "(%d+)\n(%d+)"
    assert.equal(pid, group)
  end)

  describe("a program that cannot be started", function()
    it("is told as not found, with what to do", function()
      local err = failure(process.run, { "fairlead-no-such-program" })
      assert.is_true(err:is "process.not_found")
      assert.equal("process.run fairlead-no-such-program: program not found; " ..
        "install it, or add its folder to the PATH variable", tostring(err))
    end)

    it("is told apart from a missing folder", function()
      local err = failure(process.run, { "true", cwd = "/no/such/folder" })
      assert.equal("process.no_directory", err.kind)
      assert.matches("cannot run in '/no/such/folder': no such folder", tostring(err))
    end)

    it("is told apart from a file without permission to run, and from a missing interpreter", function()
      local path = os.tmpname()
      local file <close> = io.open(path, "w")
      file:write "#!/no/such/interpreter\n"
      file:close()
      assert.equal("process.not_executable", failure(process.run, { path }).kind)
      process.run({ "chmod", "+x", path }):check()
      local err = failure(process.run, { path })
      os.remove(path)
      assert.equal("process.not_found", err.kind)
      assert.matches("the interpreter that its first line names does not exist", tostring(err))
    end)

    it("is told as too long for the system", function()
      local err = failure(process.run, { "true", ("x"):rep(4 << 20) })
      assert.equal("process.start", err.kind)
      assert.matches("too long for the system", tostring(err))
    end)
  end)

  describe("a timeout", function()
    it("ends the program with TERM and gives code 124 with what it wrote until then", function()
      local began = clock.monotonic()
      local done = shell("echo begun; exec sleep 20", { timeout = 0.2 })
      assert.is_true(clock.monotonic() - began < 2)
      assert.equal(124, done.code)
      assert.is_true(done.timed_out)
      assert.equal("TERM", done.signal)
      assert.equal("begun\n", done.stdout)
      assert.equal("process.timeout", failure(done.check, done).kind)
    end)

    it("leaves a program that is done in time alone", function()
      local done = process.run { "true", timeout = 5 }
      assert.equal(0, done.code)
      assert.is_nil(done.timed_out)
    end)

    it("lets the program clean up, and keeps what it says then", function()
      local done = shell("trap 'echo cleaned; exit 9' TERM; while :; do sleep 0.02; done", { timeout = 0.2 })
      assert.equal(124, done.code)
      assert.is_nil(done.signal)
      assert.equal("cleaned\n", done.stdout)
    end)

    it("kills one that will not end, after the grace", function()
      local began = clock.monotonic()
      local done = shell("trap '' TERM; while :; do sleep 0.02; done", { timeout = 0.1, grace = 0.2 })
      local elapsed = clock.monotonic() - began
      assert.is_true(elapsed > 0.28 and elapsed < 2, elapsed)
      assert.equal("KILL", done.signal)
      assert.equal(124, done.code)
    end)

    it("reaches what the program has started, however stubborn", function()
      local done = shell("(trap '' TERM; exec sleep 20) & echo $!; wait", { timeout = 0.2, grace = 0.2 })
      local grandchild = done.stdout:match "%d+"
      assert.equal(124, done.code)
      assert.is_true(wait_until(function() return not is_alive(grandchild) end, 2))
    end)

    it("counts from the start, however busy the script was before", function()
      local busy_until = clock.monotonic() + 0.5
      while clock.monotonic() < busy_until do end -- luacheck: ignore 542
      assert.equal(0, process.run({ "sleep", "0.05", timeout = 0.4 }).code)
    end)

    it("wakes a stopped program to end it", function()
      assert.equal("TERM", shell("kill -STOP $$", { timeout = 0.2, grace = 5 }).signal)
    end)

    it("is real time, also where the task's clock is virtual", function()
      clock.simulate({ start = 0 }, function()
        assert.equal(0, process.run({ "sleep", "0.2", timeout = 10 }).code)
        assert.equal(124, process.run({ "sleep", "20", timeout = 0.2 }).code)
      end)
    end)
  end)

  describe("cancellation", function()
    it("ends the program before it goes on", function()
      local pid_file = os.tmpname()
      local began = clock.monotonic()
      local err = failure(task.timeout, 0.3, function()
        shell("echo $$ >" .. pid_file .. "; exec sleep 20")
      end)
      assert.equal("timeout", err.kind)
      assert.is_true(clock.monotonic() - began < 3)
      local file = io.open(pid_file)
      local pid = file:read "l"
      file:close()
      os.remove(pid_file)
      assert.is_false(is_alive(pid))
    end)

    it("kills a program that ignores it, after the grace", function()
      local began = clock.monotonic()
      local err = failure(task.timeout, 0.2, function()
        shell("trap '' TERM; while :; do sleep 0.02; done", { grace = 0.2 })
      end)
      assert.equal("timeout", err.kind)
      assert.is_true(clock.monotonic() - began < 2)
    end)

    it("in the middle of large input and output leaves nothing", function()
      failure(task.timeout, 0.05, function()
        shell("cat; sleep 20", { stdin = ("x"):rep(8 << 20) })
      end)
    end)

    it("by Ctrl-C ends the program before the host ends", function()
      local program = lfs.symlinkattributes("/proc/self/exe", "target")
      local witness = os.tmpname()
      local began = clock.monotonic()
      local done = process.run {
        "timeout", "--preserve-status", "--signal=INT", "1", program, "-e", [[
          require "fairlead.process".run { "sh", "-c", "trap 'echo ended >$WITNESS; exit' TERM; sleep 20 & wait",
            env = { WITNESS = arg[1] } }
        ]], witness,
      }
      assert.equal(130, done.code)
      assert.is_true(clock.monotonic() - began < 5)
      local file = io.open(witness)
      local text = file:read "a"
      file:close()
      os.remove(witness)
      assert.equal("ended\n", text)
    end)

    it("of one sibling by another's failure", function()
      local err = failure(task.all, {
        function() process.run { "sleep", "20" } end,
        function()
          clock.sleep(0.1)
          error "stop"
        end,
      })
      assert.matches("stop", tostring(err))
    end)
  end)

  describe("a listener", function()
    it("hears of output as it comes, in order, and all of it", function()
      local heard, first = {}, nil
      local began = clock.monotonic()
      local done = process.run {
        "sh", "-c", "echo one; sleep 0.3; echo two >&2; sleep 0.05; echo three",
        on_output = function(piece, stream)
          first = first or clock.monotonic() - began
          heard[#heard + 1] = stream .. ": " .. piece
        end,
      }
      assert.same({ "stdout: one\n", "stderr: two\n", "stdout: three\n" }, heard)
      assert.equal("one\nthree\n", done.stdout)
      assert.is_true(first < clock.monotonic() - began - 0.2)
    end)

    it("may wait, while more comes", function()
      local heard = {}
      local done = process.run {
        "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.01; done",
        on_output = function(piece)
          heard[#heard + 1] = piece
          clock.sleep(0.05)
        end,
      }
      assert.equal(done.stdout, table.concat(heard))
      assert.is_true(#heard < 8)
    end)

    it("kills the program when it fails, or is cancelled", function()
      local pid
      local _, err = try(process.run, {
        "sh", "-c", "echo $$; exec sleep 30",
        on_output = function(piece)
          pid = piece:match "%d+"
          error "enough"
        end,
      })
      assert.matches("enough", err.message)
      assert.equal(1, process.run({ "kill", "-0", pid }).code)
      local _, late = try(task.timeout, 0.2, process.run, {
        "sh", "-c", "echo x; exec sleep 30", on_output = function() clock.sleep(10) end,
      })
      assert.equal("timeout", late.kind)
    end)

    it("does not cut off what the program does when it is told to stop", function()
      local tidied = os.tmpname()
      for attempt = 1, 12 do -- each time in another state: the listener is being told, or has just been
        os.remove(tidied)
        local ready = task.event()
        local running = task.start(process.run, {
          "sh", "-c", "trap 'echo bye; sleep 0.05; touch \"$0\"; exit' TERM; while :; do echo on; done", tidied,
          max_output = math.huge, on_output = function() ready:set() end,
        })
        ready:wait()
        clock.sleep(attempt / 1000)
        running:cancel()
        local _, err = try(running.wait, running)
        assert.equal("cancelled", err.kind)
        assert.truthy(lfs.attributes(tidied), "it was killed before the end of its grace")
      end
      os.remove(tidied)
    end)

    it("has to be a function", function()
      assert.error_matches(function() process.run { "true", on_output = 1 } end, "on_output: function expected, got n")
    end)
  end)

  describe("output", function()
    it("without end is stopped and told", function()
      local err = failure(process.run, { "yes", max_output = 100000 })
      assert.equal("process.too_large", err.kind)
      assert.equal("process.run yes: wrote more than 100000 bytes to standard output; " ..
        "raise max_output, or have it write to a file", tostring(err))
    end)

    it("may reach the limit exactly, each on its own", function()
      local text = "head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2"
      assert.equal(1000, #shell(text, { max_output = 1000 }).stderr)
      local err = failure(shell, text .. "; echo >&2", { max_output = 1000 })
      assert.matches("more than 1000 bytes to standard error", tostring(err))
      assert.equal("", process.run({ "true", max_output = 0 }).stdout)
    end)

    it("held open by a daemon that was left behind does not hold the call", function()
      local began = clock.monotonic()
      local done = shell "setsid sleep 20 & echo $!; echo done"
      assert.is_true(clock.monotonic() - began < 3)
      local daemon, said = done.stdout:match "(%d+)\n(.*)"
      assert.equal("done\n", said)
      assert.equal(0, done.code)
      assert.is_true(is_alive(daemon), "a daemon is nobody's to kill")
      process.run { "kill", daemon }
    end)

    it("is whole, however busy the loop was when it came", function()
      local writer = { "sh", "-c", "sleep 20 & head -c 60000 /dev/zero; echo $! >&2" }
      local done
      task.all {
        function() done = process.run(writer) end,
        function()
          clock.sleep(0.01)
          local busy_until = clock.monotonic() + 1
          while clock.monotonic() < busy_until do end -- luacheck: ignore 542
        end,
      }
      assert.equal(60000, #done.stdout)
      process.run { "kill", (done.stderr:match "%d+") }
    end)
  end)

  it("starts nothing where Lua cannot wait", function()
    local witness = os.tmpname()
    os.remove(witness)
    local err = failure(table.sort, { 2, 1 }, function() return process.run { "touch", witness } ~= nil end)
    assert.equal("cannot_wait", err.kind)
    assert.matches("process.run would have to wait where Lua cannot", tostring(err))
    assert.is_nil(lfs.attributes(witness, "mode"))
  end)

  it("runs two hundred at once", function()
    local numbers = {}
    for i = 1, 200 do numbers[i] = i end
    local results = task.map(numbers, function(number)
      return shell("sleep 0.1; echo $1 " .. number).stdout
    end, { limit = 200 })
    for i = 1, 200 do assert.equal(i .. "\n", results[i]) end
  end)

  it("tells when the system has no more open files to give, and recovers", function()
    local program = lfs.symlinkattributes("/proc/self/exe", "target")
    local done = process.run {
      "sh", "-c", 'ulimit -n 60; exec "$0" -e "$1"', program, [[
        local process, task = require "fairlead.process", require "fairlead.task"
        local numbers = {}
        for i = 1, 40 do numbers[i] = i end
        local results, err = try(task.map, numbers, function() process.run { "sleep", "0.5" } end)
        print(results, err, process.run({ "echo", "-n", "well again" }).stdout)
      ]],
    }
    assert.equal("nil\tprocess.run sleep: too many open files; run fewer at once, or raise ulimit -n\twell again\n",
      done.stdout .. done.stderr)
  end)
end)

describe("process.which", function()
  it("finds a program as run would", function()
    local folder = os.tmpname()
    os.remove(folder)
    lfs.mkdir(folder)
    local path = folder .. "/fairlead-some-program"
    local file = io.open(path, "w")
    file:write "#!/bin/sh\necho found\n"
    file:close()
    environment.with({ PATH = "/nonexistent:" .. folder .. ":/usr/bin:/bin" }, function()
      assert.is_nil(process.which "fairlead-some-program") -- not executable yet
      process.run({ "chmod", "+x", path }):check()
      assert.equal(path, process.which "fairlead-some-program")
      assert.equal("found\n", process.run { "fairlead-some-program" }.stdout)
    end)
    assert.equal(path, process.which(path))
    os.remove(path)
    assert.is_nil(process.which(path))
    lfs.rmdir(folder)
  end)

  it("finds no folder, and nothing by no name", function()
    assert.is_nil(process.which "/usr")
    assert.is_nil(process.which "")
    assert.error_matches(function() process.which(nil) end, "bad argument #1 to 'process.which'")
  end)
end)
