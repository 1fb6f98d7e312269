--- Locks between real processes: a race of a hundred, holders and waiters that are stopped, killed, robbed, and whose
--- clocks are set.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"
local task = require "fairlead.task"

local LOCKER <const> = lfs.currentdir() .. "/spec/support/locker.lua"

local function text_of(path)
  local file <close> = io.open(path)
  return file and file:read "a" or ""
end

local function until_there(path)
  for _ = 1, 2000 do
    if lfs.attributes(path) then return end
    clock.sleep(0.01)
  end
  error("there is no " .. path .. " after 20 s")
end

local function events_of(stdout)
  local list = {}
  for line in stdout:gmatch "[^\n]+" do list[#list + 1] = json.decode(line) end
  return list
end

local function find(events, name)
  for _, event in ipairs(events) do
    if event.event == name then return event end
  end
end

-- A folder with its own state, and lockers that run in it.
local Place = {}

local function place()
  local folder = program.folder()
  folder.env = {
    FAIRLEAD_STATE = folder.path .. "/state", USER = "ada", FAIRLEAD_STRESS_GC = false, GITHUB_ACTIONS = false,
  }
  for name, method in pairs(Place) do folder[name] = method end
  return folder
end

function Place:locker(options)
  local call = { timeout = 60, env = {} }
  for name, value in pairs(self.env) do call.env[name] = value end
  for name, value in pairs(options.env or {}) do call.env[name] = value end
  for i, word in ipairs(options.before or {}) do call[i] = word end
  for _, word in ipairs { program.path, "run", LOCKER, "--json", "folder=" .. self.path, "name=" .. options.name } do
    call[#call + 1] = word
  end
  for _, word in ipairs(options) do call[#call + 1] = word end
  local result = process.run(call)
  result.events = events_of(result.stdout)
  result.last = result.events[#result.events]
  return result
end

-- One in the background, which has the lock when this returns.
function Place:holder(options)
  local running = task.start(self.locker, self, options)
  until_there(self.path .. "/" .. options.name .. ".in")
  return running
end

function Place:waiter(options)
  local before = #self:locks()[1].waiting
  local running = task.start(self.locker, self, options)
  self:until_waiting(before + 1)
  return running
end

function Place:fairlead(...)
  return program.run { env = self.env, ... }
end

function Place:locks()
  return events_of(self:fairlead("locks", "--json").stdout)
end

function Place:until_waiting(count)
  for _ = 1, 400 do
    local list = self:locks()
    if list[1] and #list[1].waiting == count then return list[1] end
    clock.sleep(0.05)
  end
  error(("there are not %d in line after 20 s"):format(count))
end

function Place:go(name) self:write(name .. ".go", "") end

function Place:signal(name, signal)
  process.run({ "kill", "-" .. signal, (text_of(self.path .. "/" .. name .. ".pid"):gsub("%s+", "")) }):check()
end

function Place:log() return text_of(self.path .. "/log") end

describe("a lock between processes", function()
  it("is had by one at a time, in order of arrival, by each of a hundred that race for it", function()
    local RACERS <const> = 100
    local here <close> = place()
    local first = here:holder { name = "holder" }
    local racers = {}
    for i = 1, RACERS do
      racers[i] = task.start(here.locker, here, { name = "racer" .. i, "wait=no" })
    end
    here:until_waiting(RACERS) -- all of them have come
    here:go "holder"
    assert.equal("done", first:wait().last.outcome)

    local order = {}
    for i, racer in ipairs(racers) do
      local result = racer:wait()
      assert.equal("done", result.last.outcome, result.stderr)
      order[i] = {
        token = find(result.events, "lock.taken").token, ticket = find(result.events, "wait.progress").ticket,
        name = "racer" .. i,
      }
    end
    table.sort(order, function(a, b) return a.token < b.token end)
    local expected = { "holder first 1", "holder second 1" }
    for i, racer in ipairs(order) do
      assert.equal(i + 1, racer.token) -- each had it once
      if i > 1 then assert.is_true(order[i - 1].ticket < racer.ticket, "served before somebody who came earlier") end
      expected[#expected + 1] = ("%s first %d"):format(racer.name, racer.token)
      expected[#expected + 1] = ("%s second %d"):format(racer.name, racer.token)
    end
    -- What they wrote is not interleaved, and in the order of their tokens.
    assert.equal(table.concat(expected, "\n") .. "\n", here:log())
    assert.same({}, here:locks())
  end)

  it("refuses the next write of a holder that was stopped for longer than its lease, though nobody took it", function()
    local here <close> = place()
    local stopped = here:holder { name = "stopped", "lease=1" }
    here:signal("stopped", "STOP")
    clock.sleep(1.5)
    here:go "stopped"
    here:signal("stopped", "CONT")
    local result = stopped:wait()
    assert.equal("lock.lost", result.last.reason)
    assert.equal(1, result.code)
    assert.matches("its lease ran out", result.last.error)
    assert.equal("stopped first 1\n", here:log())
    assert.equal("lapsed", find(result.events, "lock.released").why)
    -- What was refused was not done: taken up again, the run takes its lock again and does it, once.
    assert.matches("fairlead resume " .. result.last.run:gsub("%p", "%%%0"), result.last.hint)
    local resumed = here:fairlead("resume", result.last.run, "--json")
    assert.equal(0, resumed.code, resumed.stderr)
    assert.equal("stopped first 1\nstopped second 2\n", here:log())
  end)

  it("refuses it after the next in line had the lock, too", function()
    local here <close> = place()
    local stopped = here:holder { name = "stopped", "lease=1" }
    here:signal("stopped", "STOP")
    local other = here:holder { name = "other" } -- comes when the lease has run out
    here:go "stopped"
    here:signal("stopped", "CONT")
    assert.equal("lock.lost", stopped:wait().last.reason)
    here:go "other"
    assert.equal("done", other:wait().last.outcome)
    assert.equal("stopped first 1\nother first 2\nother second 2\n", here:log())
  end)

  it("keeps the lock of a holder that works for longer than its lease", function()
    local here <close> = place()
    local holder = here:holder { name = "holder", "lease=0.5" }
    clock.sleep(1.5)
    local other = here:locker { name = "other", "timeout=0" }
    assert.equal("lock.held", other.last.reason)
    here:go "holder"
    assert.equal("done", holder:wait().last.outcome)
  end)

  it("passes on when the holder was killed and its lease has run out", function()
    local here <close> = place()
    local killed = here:holder { name = "killed", "lease=1" }
    local next_one = here:waiter { name = "next", "wait=no" }
    here:signal("killed", "KILL")
    local began = clock.monotonic()
    assert.equal("KILL", killed:wait().signal)
    local said = here:fairlead "locks".stdout
    assert.equal("done", next_one:wait().last.outcome)
    assert.is_true(clock.monotonic() - began < 5)
    assert.matches("its process is gone", said)
    assert.equal("killed first 1\nnext first 2\nnext second 2\n", here:log())
    assert.same({}, here:locks())
  end)

  it("passes over a place in line whose owner was killed", function()
    local here <close> = place()
    local holder = here:holder { name = "holder" }
    local killed = here:waiter { name = "killed", "lease=1", "wait=no" }
    local behind = here:waiter { name = "behind", "wait=no" }
    here:signal("killed", "KILL")
    assert.equal("KILL", killed:wait().signal)
    here:go "holder"
    assert.equal("done", holder:wait().last.outcome)
    assert.equal("done", behind:wait().last.outcome)
    assert.equal("holder first 1\nholder second 1\nbehind first 2\nbehind second 2\n", here:log())
  end)

  it("gives up the place in line at once on Ctrl-C", function()
    local here <close> = place()
    local holder = here:holder { name = "holder" }
    local waiter = here:waiter { name = "waiter" }
    here:signal("waiter", "INT")
    assert.equal("interrupted", waiter:wait().last.outcome)
    assert.same(0, #here:locks()[1].waiting)
    here:go "holder"
    holder:wait()
  end)

  it("is taken again by the run that was killed and is taken up, whatever its lease and those who wait", function()
    local here <close> = place()
    local killed = here:holder { name = "killed" }
    local waiter = here:waiter { name = "waiter", "wait=no" }
    here:signal("killed", "KILL")
    local id = killed:wait().events[1].run
    here:go "killed"
    local resumed = here:fairlead("resume", id, "--json")
    local events = events_of(resumed.stdout)
    assert.equal("done", events[#events].outcome, resumed.stderr)
    assert.is_true(find(events, "lock.taken").again)
    assert.equal("done", waiter:wait().last.outcome)
    assert.equal("killed first 1\nkilled second 2\nwaiter first 3\nwaiter second 3\n", here:log())
  end)

  it("is what `why` tells that a run waits for", function()
    local here <close> = place()
    local holder = here:holder { name = "holder" }
    local waiter = here:waiter { name = "waiter", "wait=no" }
    local said = here:fairlead("why").stdout
    assert.matches("Lock development: this: held by ada on .*: spec of holder", said)
    here:go "holder"
    holder:wait()
    waiter:wait()
  end)

  it("is given back at once on Ctrl-C", function()
    local here <close> = place()
    local holder = here:holder { name = "holder" }
    here:signal("holder", "INT")
    assert.equal("interrupted", holder:wait().last.outcome)
    assert.same({}, here:locks())
  end)

  it("says who has it, why and until when, when the time to wait is over", function()
    local here <close> = place()
    local holder = here:holder { name = "holder" }
    for _, timeout in ipairs { "timeout=0", "timeout=0.3" } do
      local result = here:locker { name = "late", timeout, env = { USER = "bob" } }
      assert.equal(75, result.code)
      assert.equal("waiting", result.last.outcome)
      assert.equal("lock.held", result.last.reason)
      assert.matches("held by ada on .*, since %d+:%d%d, until .*: spec of holder %(run %d+%-%d+%-%x+%)",
        result.last.error)
      assert.matches("fairlead resume %d+", result.last.hint)
      assert.matches("fairlead unlock development %-%-steal", result.last.hint)
      assert.same(0, #here:locks()[1].waiting)
    end
    here:go "holder"
    holder:wait()
  end)
end)

describe("a lock of a process whose clock is set", function()
  -- The file says by how much its clock is wrong; its timers and the others' go on as they did.
  local function faked(here, offset)
    here:write("offset", offset)
    return {
      FAKETIME_TIMESTAMP_FILE = here.path .. "/offset", FAKETIME_NO_CACHE = "1", FAKETIME_DONT_FAKE_MONOTONIC = "1",
      DONT_FAKE_MONOTONIC = "1", LD_PRELOAD = here.preload,
      -- The sanitizers' library insists on being the first otherwise.
      ASAN_OPTIONS = (os.getenv "ASAN_OPTIONS" or "") .. ":verify_asan_link_order=0",
    }
  end

  local function library()
    local found = process.run({ "sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1" }):check().stdout
    return assert(found:match "%S+")
  end

  for _, change in ipairs { { "forward", "+1h" }, { "back", "-1h" } } do
    it("stays its own, and nobody else's, when that is " .. change[1], function()
      local here <close> = place()
      here.preload = library()
      local holder = here:holder { name = "holder", "lease=1", env = faked(here, "+0") }
      here:write("offset", change[2])
      clock.sleep(1.5) -- it has renewed its lease by the new time
      local other = here:locker { name = "other", "timeout=0" }
      assert.equal("lock.held", other.last.reason)
      here:go "holder"
      local done = holder:wait()
      assert.equal("done", done.last.outcome, done.stderr)
      local hours = (done.last.at - find(done.events, "run.started").at) / 3600
      assert.is_true(math.abs(hours) > 0.9, "the clock was not set")
      assert.equal("holder first 1\nholder second 1\n", here:log())
    end)

    it("cannot be taken by one whose own clock is an hour " .. change[1], function()
      local here <close> = place()
      here.preload = library()
      local holder = here:holder { name = "holder", "lease=5" }
      local other = here:locker { name = "other", "timeout=0", env = faked(here, change[2]) }
      assert.equal("lock.held", other.last.reason)
      here:go "holder"
      assert.equal("done", holder:wait().last.outcome)
    end)

    it("runs out when it was killed after that was " .. change[1], function()
      local here <close> = place()
      here.preload = library()
      local holder = here:holder { name = "holder", "lease=1", env = faked(here, "+0") }
      here:write("offset", change[2])
      clock.sleep(0.6)
      here:signal("holder", "KILL")
      holder:wait()
      assert.equal("done", here:locker({ name = "other", "wait=no", "timeout=10" }).last.outcome)
    end)
  end
end)
