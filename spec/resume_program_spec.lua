--- `fairlead run` that is killed, stopped, started twice, and what resume, runs, show and why make of it: real
--- processes and a real journal.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"
local task = require "fairlead.task"

-- Each effect is a line in a file, so that doing something twice shows.
local HELPER <const> = [[
local M = {}
function M.done(folder, text)
  local file <close> = assert(io.open(folder .. "/effects", "a"))
  file:write(text, "\n")
end
function M.exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end
return M
]]

local SCRIPT <const> = [[
local clock = require "fairlead.clock"
local effects = require "effects"
local procedure = require "fairlead.procedure"
return procedure.new {
  name = "deploy", summary = "deploy it",
  parameters = { folder = { required = true }, token = { secret = true, required = true } },
  run = function(run, parameters)
    local folder = parameters.folder
    local function step(name)
      return run:step(name, {
        intent = { name = name },
        already = function()
          for line in io.lines(folder .. "/effects") do if line == name then return { found = true } end end
        end,
        act = function()
          effects.done(folder, name)
          clock.sleep(tonumber(os.getenv "SLOW" or "0"))
          return { done = name }
        end,
      })
    end
    effects.done(folder, "attempt")
    run:stage("Build", function() step "one" step "two" end)
    run:wait { name = "Go", timeout = 600, every = 0.02, check = function()
      return effects.exists(folder .. "/go"), "nobody said go"
    end }
    run:gate { name = "Sure", question = "Deploy it?" }
    step "three"
    run:say("with " .. tostring(parameters.token))
  end,
}
]]

local folder

-- Runs the program with a journal of the spec's own.
local function fairlead(arguments)
  local call = { env = { FAIRLEAD_STATE = folder.path .. "/state", USER = "ada" }, timeout = 60 }
  for key, value in pairs(arguments) do
    if key == "env" then
      for name, item in pairs(value) do call.env[name] = item end
    else
      call[key] = value
    end
  end
  return program.run(call)
end

local function effects()
  local counts = {}
  for line in io.lines(folder.path .. "/effects") do counts[line] = (counts[line] or 0) + 1 end
  return counts
end

local function run_arguments(more)
  local arguments = { "run", folder.path .. "/deploy.lua", "folder=" .. folder.path, "token=hunter2", "--plain" }
  for key, value in pairs(more or {}) do
    if math.type(key) then arguments[#arguments + 1] = value else arguments[key] = value end
  end
  return arguments
end

local function newest()
  local line = fairlead({ "runs", "--json", "--limit", "1" }).stdout:match "[^\n]+"
  return line and json.decode(line)
end

-- A run that is under way in another process, once `ready` says that it has come far enough.
local function started(ready, more)
  local other = task.start(fairlead, run_arguments(more))
  local limit = clock.monotonic() + 20
  while not ready() do
    assert(clock.monotonic() < limit, "the run did not come so far")
    clock.sleep(0.02)
  end
  return other, newest()
end

local function waits_for_go()
  local run = newest()
  if not run then return false end
  local why = json.decode(fairlead({ "why", run.run, "--json" }).stdout)
  return why.waits_for[1] ~= nil and why.waits_for[1].path == "Go"
end

-- Nothing where it has ended already.
local function kill(run, signal)
  if not run.owner then return end
  process.run { "kill", "-" .. signal, tostring(run.owner.pid) }
end

before_each(function()
  folder = program.folder()
  folder:write("deploy.lua", SCRIPT)
  folder:write("effects.lua", HELPER)
  folder:write("effects", "")
end)
after_each(function() getmetatable(folder).__close() end)

local function resume(more)
  local arguments = { "resume", "--plain", "--yes" }
  table.move(more or {}, 1, #(more or {}), #arguments + 1, arguments)
  arguments[#arguments + 1] = "token=hunter2"
  return fairlead(arguments)
end

describe("a run that was killed", function()
  it("is seen as interrupted, and is done after a resume, with each effect once", function()
    local other, run = started(waits_for_go)
    assert.equal("running", run.state)
    kill(run, "KILL")
    assert.equal(137, other:wait().code)
    assert.equal("interrupted", newest().state)
    folder:write("go", "")
    local result = resume()
    assert.equal(0, result.code, result.stdout .. result.stderr)
    assert.same({ attempt = 2, one = 1, two = 1, three = 1 }, effects())
    local after = newest()
    assert.equal("done", after.state)
    assert.equal(1, after.attempts) -- the first had no end
    assert.is_nil(result.stdout:find("hunter2", 1, true))
  end)

  it("has each effect once, whenever it was killed", function()
    folder:write("go", "")
    for point = 1, 12 do
      folder:write("effects", "")
      local slow = { env = { SLOW = "0.03" }, "--yes" }
      local before = newest()
      local other, run = started(function() -- on a busy machine it may have ended before anybody looks
        local found = newest()
        return found and not (before and found.run == before.run)
      end, slow)
      clock.sleep(point * 0.012)
      kill(run, "KILL")
      other:wait()
      if newest().state ~= "done" then
        local result = resume { newest().run }
        assert.equal(0, result.code, result.stdout .. result.stderr)
      end
      local counts = effects()
      counts.attempt = nil
      assert.same({ one = 1, two = 1, three = 1 }, counts, "killed at point " .. point)
    end
  end)

  it("needs its secrets again, and nothing else", function()
    local other, run = started(waits_for_go)
    kill(run, "KILL")
    other:wait()
    local without = fairlead { "resume", "--plain" }
    assert.equal(2, without.code)
    assert.matches("parameter 'token' is missing", without.stderr, 1, true)
    local changed = resume { "folder=/elsewhere" }
    assert.equal(2, changed.code)
    assert.matches("parameter 'folder' was given when the run began and stays as it was", changed.stderr, 1, true)
    assert.equal("interrupted", newest().state)
    for entry in lfs.dir(folder.path .. "/state") do
      local file <close> = io.open(folder.path .. "/state/" .. entry, "rb")
      local text = file and file:read "a"
      assert.is_nil(text and text:find("hunter2", 1, true))
    end
  end)
end)

describe("a run that was interrupted by Ctrl-C", function()
  it("exits with 130, and is taken up", function()
    local other, run = started(waits_for_go)
    kill(run, "INT")
    local interrupted = other:wait()
    assert.equal(130, interrupted.code)
    assert.matches("fairlead resume " .. run.run .. " takes it up", interrupted.stdout, 1, true)
    assert.equal("interrupted", newest().outcome)
    folder:write("go", "")
    assert.equal(0, resume().code)
    assert.same({ attempt = 2, one = 1, two = 1, three = 1 }, effects())
  end)
end)

describe("two who resume one run", function()
  it("do not both get it: the other is told who has it", function()
    local other, run = started(waits_for_go)
    kill(run, "KILL")
    other:wait()
    local first, second = task.start(resume, { run.run }), task.start(resume, { run.run })
    local limit = clock.monotonic() + 20
    while first:status() ~= "done" and second:status() ~= "done" and clock.monotonic() < limit do
      clock.sleep(0.02)
    end
    folder:write("go", "")
    local results = { first:wait(), second:wait() }
    table.sort(results, function(a, b) return a.code < b.code end)
    assert.equal(0, results[1].code, results[1].stderr)
    assert.equal(75, results[2].code, results[2].stdout)
    assert.matches("is carried out by ada on [^,]+, process %d+, since ", results[2].stderr)
    assert.same({ attempt = 2, one = 1, two = 1, three = 1 }, effects())
  end)
end)

describe("resume refuses", function()
  it("a run that is under way, one that is done, and one that is not known", function()
    local other, run = started(waits_for_go, { "--yes" })
    local running = resume { run.run }
    assert.equal(75, running.code)
    assert.matches("is carried out by ada", running.stderr, 1, true)
    folder:write("go", "")
    assert.equal(0, other:wait().code)
    local done = resume { run.run }
    assert.equal(2, done.code)
    assert.matches("has ended: done; start a new run", done.stderr, 1, true)
    local unknown = fairlead { "resume", "20200101-000000-000000" }
    assert.equal(2, unknown.code)
    assert.matches("the journal has no such run; `fairlead runs` lists them", unknown.stderr, 1, true)
    assert.matches("no run can be taken up", fairlead({ "resume" }).stderr, 1, true)
  end)

  it("a script that changed, says where, and goes on when told to", function()
    local other, run = started(waits_for_go)
    kill(run, "KILL")
    other:wait()
    folder:write("go", "")
    folder:write("deploy.lua", (SCRIPT:gsub('step "three"', 'step "three"\n    step "four"')))
    folder:write("effects.lua", HELPER .. "-- more\n")
    local result = resume()
    assert.equal(2, result.code)
    assert.matches("the script has changed since: deploy.lua: line 29: 1 added; effects.lua: line 11: 1 added",
      result.stderr, 1, true)
    assert.equal("interrupted", newest().state)
    assert.equal(0, resume({ "--accept-change" }).code)
    assert.same({ attempt = 2, one = 1, two = 1, three = 1, four = 1 }, effects())
  end)

  it("a change by which what is recorded no longer matches, before anything is done", function()
    local other, run = started(waits_for_go)
    kill(run, "KILL")
    other:wait()
    folder:write("deploy.lua", (SCRIPT:gsub('step "two"', 'step "zwei"')))
    local result = resume { "--accept-change" }
    assert.equal(1, result.code)
    assert.matches("step Build/zwei: is new here; recorded at this place is the step 'Build/two'", result.stdout, 1,
      true)
    assert.same({ attempt = 2, one = 1, two = 1 }, effects())
  end)
end)

describe("run --no-wait", function()
  it("exits with 75 where it would wait for a person, and resume goes on", function()
    folder:write("go", "")
    local result = fairlead(run_arguments { "--no-wait" })
    assert.equal(75, result.code, result.stdout)
    assert.equal("waiting", newest().outcome)
    local why = json.decode(fairlead({ "why", "--json" }).stdout)
    assert.equal("Sure", why.waits_for[1].path)
    assert.equal("Deploy it?", why.waits_for[1].text)
    assert.equal(75, fairlead({ "resume", "token=hunter2", "--no-wait" }).code)
    assert.equal(0, resume().code)
    assert.same({ attempt = 3, one = 1, two = 1, three = 1 }, effects())
  end)
end)

describe("runs, show and why", function()
  it("say what is known, for people and for programs", function()
    folder:write("go", "")
    assert.equal(0, fairlead(run_arguments { "--yes" }).code)
    os.remove(folder.path .. "/go")
    folder:write("effects", "")
    local other, run = started(waits_for_go)
    local why = fairlead { "why", run.run }
    assert.equal(0, why.code)
    assert.matches("Go: this: nobody said go\n  since ", why.stdout, 1, true)
    assert.matches("the end is expected at", why.stdout, 1, true) -- from the run before
    assert.matches("it is given up at", why.stdout, 1, true)
    assert.matches("carried out by ada on ", why.stdout, 1, true)
    local show = fairlead { "show", run.run }
    assert.matches('  Build\n  ✔ one  0 s  {"done":"one"}\n  ✔ two', show.stdout, 1, true)
    assert.matches("… Go  under way", show.stdout, 1, true)
    assert.is_nil(show.stdout:find("hunter2", 1, true))
    local plain = json.decode(fairlead({ "show", run.run, "--json" }).stdout)
    assert.equal("Build/one", plain.entries[1].path)
    assert.equal("begun", plain.entries[3].status)
    local list = fairlead { "runs" }
    assert.matches("^" .. run.run:gsub("%-", "%%-") .. "  running ", list.stdout)
    assert.matches("\n%S+  done ", list.stdout)
    kill(run, "KILL")
    other:wait()
    assert.matches("`fairlead resume " .. run.run .. "` takes it up.", fairlead({ "show", run.run }).stdout, 1, true)
  end)
end)

describe("a journal that may not grow", function()
  it("ends the run with an error, before the step that it has no room for is done", function()
    folder:write("many.lua", [[
      local procedure = require "fairlead.procedure"
      return procedure.new { name = "many", run = function(run)
        for i = 1, 400 do
          run:step("Step " .. i, { intent = { text = ("x"):rep(5000) }, act = function() print("did " .. i) end })
        end
      end }
    ]])
    local result = process.run {
      "sh", "-c", 'ulimit -f 2000; exec "$0" "$@"', program.path, "run", folder.path .. "/many.lua", "--plain",
      env = { FAIRLEAD_STATE = folder.path .. "/state" }, timeout = 60,
    }
    assert.equal(1, result.code, result.stdout .. result.stderr)
    assert.matches("journal.db: there is no space left for it", result.stdout, 1, true)
    local _, did = result.stdout:gsub("did %d+", "")
    assert.is_true(did > 3 and did < 400)
    local finished = 0
    for _, entry in ipairs(json.decode(fairlead({ "show", newest().run, "--json" }).stdout).entries) do
      if entry.status == "finished" then finished = finished + 1 end
    end
    assert.is_true(did - finished <= 1)
  end)
end)

describe("a state folder", function()
  it("may be made by many at once", function()
    folder:write("small.lua", [[
      local procedure = require "fairlead.procedure"
      return procedure.new { name = "small", run = function(run)
        for i = 1, 5 do run:step("Step " .. i, function() return i end) end
      end }
    ]])
    local running = {}
    for i = 1, 8 do running[i] = function() return fairlead { "run", folder.path .. "/small.lua", "--plain" } end end
    for _, result in ipairs(task.all(running)) do assert.equal(0, result.code, result.stdout .. result.stderr) end
    local _, done = fairlead({ "runs" }).stdout:gsub("  done ", "")
    assert.equal(8, done)
  end)
end)

describe("a state folder that cannot be used", function()
  it("is said before anything is done", function()
    folder:write("state", "a file, not a folder")
    local result = fairlead(run_arguments())
    assert.equal(2, result.code, result.stderr)
    assert.matches("is not a folder; set FAIRLEAD_STATE to one", result.stderr, 1, true)
    assert.same({}, effects())
  end)
end)
