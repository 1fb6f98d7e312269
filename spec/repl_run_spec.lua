-- `fairlead repl --run RUN`: a run of the past as values, gone through again up to any step, and taken up.
local process = require "fairlead.process"
local program = require "spec.support.program"

local folder

local HELPER <const> = "return { work = function(n) if n ~= %d then error('wanted %d, got ' .. n) end return n end }\n"

local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local helper = require "helper"
return procedure.new {
  name = "spec", summary = "a spec",
  parameters = { branch = { default = "main" }, done = { required = true }, token = { secret = true } },
  rehearsal = function() return require "fairlead.world.example".fixture() end,
  run = function(run, parameters)
    local function note(text)
      local file <close> = assert(io.open(parameters.done, "a"))
      file:write(text, "\n")
    end
    run:notifier(function(message) note("told: " .. message.text) end)
    local lock <close> = run:lock("shop")
    local first = run:step("First", function() note "first" return { id = 1, branch = parameters.branch } end)
    run:notify "begun"
    run:stage("Deploy", function()
      local second = run:step("Second", { already = function() end, act = function()
        note "second"
        return first.id + 1
      end })
      local sum = first.id + second
      local third = run:step("Third", { already = function() end, act = function()
        note "third"
        return helper.work(sum)
      end })
      run:say("third is " .. third)
    end)
  end,
}
]]

local function environment()
  return { USER = "ada", FAIRLEAD_STATE = folder.path .. "/state" }
end

local function read(name)
  local file <close> = io.open(folder.path .. "/" .. name)
  return file and file:read "a" or ""
end

-- Carries the script out; its third step fails unless `wanted` is 3. Gives the run's id.
local function carry_out(wanted, script)
  folder:write("helper.lua", HELPER:format(wanted, wanted))
  local path = folder:write("script.lua", script or SCRIPT)
  local result = program.run { "run", "--plain", path, "done=" .. folder.path .. "/done", env = environment() }
  return assert(result.stdout:match "%((%d+%-%d+%-%x+)%)", result.stdout .. result.stderr)
end

local function open(id, lines, ...)
  local result = program.run {
    "repl", "--run", id, stdin = table.concat(lines, "\n"), env = environment(), ...
  }
  return result.stdout, result.code, result.stderr
end

local function state_of(id)
  return program.run { "show", id, env = environment() }.stdout
end

describe("fairlead repl --run", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("has a run's parameters, results and events as values", function()
    local id = carry_out(4)
    local out, code, errors = open(id, {
      "run.state", "parameters.branch", "steps.First.id", "steps['Deploy/Second']", "steps['Deploy/Third']",
      "#events > 5", "entries[2].path", ":steps", ":why",
    })
    assert.equal("", errors)
    assert.equal(0, code)
    assert.matches('^"failed"\n"main"\n1\n2\nnil\ntrue\n"First"\n', out)
    assert.matches("\n  2  ✔ First  0 s", out)
    assert.matches("\n       Deploy\n  3    ✔ Second  0 s  2\n  4    ✘ Third  [^\n]*wanted 4, got 3\n", out)
    assert.matches("\n[%d%-%x]+  spec: failed\n[^\n]*wanted 4, got 3\n  at Deploy/Third\n", out)
  end)

  it("goes through it again up to a step, with live frames, and does nothing", function()
    local id = carry_out(4)
    local done, before = read "done", state_of(id)
    local out, code, errors = open(id, {
      ":replay 2", "first.branch", ":replay Lock shop", ":replay Deploy/Second", "sum", ":locals", ":where",
      ":replay 0", ":replay",
      "second",
    })
    assert.equal("", errors)
    assert.equal(0, code)
    assert.matches("stop 1[^\n]*stands still\n[^>]*> %d+        local second = run:step", out)
    assert.matches('\nDeploy/Second comes next\n"main"\n', out)
    assert.matches("\nFirst comes next\n", out)
    assert.matches("\nDeploy/Third comes next\n3\nsecond = 2\nsum    = 3\n>  1  [^\n]*script.lua:%d+  fn\n", out)
    assert.matches("\nLock shop comes next\n", out)
    assert.matches("\nDeploy/Third comes next\n2\n$", out)
    assert.equal(done, read "done")
    assert.equal(before, state_of(id))
  end)

  it("goes on in a replay as if a result had been another", function()
    local out, code = open(carry_out(4), { ":replay 2", ":resume = 41", "sum", ":resume = 0" })
    assert.equal(0, code)
    assert.matches("\nDeploy/Third comes next\n42\nthe replay came to the procedure's end\n", out)
    assert.is_nil(read("done"):find "second\nsecond")
  end)

  it("replays the script as it was, until it is to be loaded again", function()
    local id = carry_out(4)
    folder:write("helper.lua", HELPER:format(3, 3))
    folder:write("script.lua", (SCRIPT:gsub("local sum = ", "local more = 5\n      local sum = ")))
    local out, code, errors = open(id, { ":replay", ":locals", ":reload", ":locals" })
    assert.equal("", errors)
    assert.equal(0, code)
    local was, is = out:match "^(.-)(script.lua: .*)$"
    assert.matches("the script has changed since: it is replayed as it was", was)
    assert.is_nil(was:find "more")
    assert.matches("^script.lua: line %d+: 1 added\nhelper.lua: line 1: 1 of before became 1\n", is)
    assert.matches("\nmore   = 5\nsum    = 3\n", is)
    local left = process.run { "ls", folder.path .. "/state" }.stdout
    assert.is_nil(left:find "replay")
  end)

  it("goes on for real with a changed script only once that is loaded, and stands still until then", function()
    local id = carry_out(4)
    folder:write("script.lua", (SCRIPT:gsub("local sum = ", "local more = 5\n      local sum = ")))
    folder:write("helper.lua", HELPER:format(3, 3))
    local out, code, errors = open(id, { ":writes on", ":replay", ":resume", "second", ":reload", ":resume" })
    assert.matches("the script has changed since: script.lua: [^\n]*; `:reload` takes it as it is now\n$", errors)
    assert.equal(0, code)
    assert.matches("\nDeploy/Third comes next\n2\nscript.lua: line", out)
    assert.is_truthy(out:find("Done: a spec", 1, true))
    assert.equal(2, select(2, read "done":gsub("third\n", "")))
    assert.equal(1, select(2, read "done":gsub("second\n", "")))
  end)

  it("says what is wrong with a script that cannot be loaded again, and stays where it is", function()
    local id = carry_out(4)
    folder:write("script.lua", "return return")
    local out, code, errors = open(id, { ":replay", ":reload", "second" })
    assert.equal(0, code)
    assert.matches("error: [^\n]*script.lua:1: unexpected symbol", errors)
    assert.matches("Deploy/Third comes next\n2\n$", out)
  end)

  it("takes the run up for real, once that is allowed, and does nothing twice", function()
    local id = carry_out(4)
    folder:write("helper.lua", HELPER:format(3, 3))
    local _, code, errors = open(id, { ":resume" })
    assert.equal(1, code)
    assert.matches("it goes on for real only when somebody at a terminal has confirmed it", errors)
    local out
    out, code, errors = open(id, { ":writes on", ":replay", ":resume" })
    assert.equal(2, code, out)
    assert.matches("the script has changed since: helper.lua", errors)
    out, code, errors = open(id, { ":writes on", ":replay", ":reload", ":resume", ":steps" })
    assert.equal("", errors)
    assert.equal(0, code, out)
    assert.matches("\n%d%d:%d%d:%d%d  note      Deploy  third is 3\n", out)
    assert.matches("\nDone: a spec", out)
    assert.matches("\n  4    ✔ Third  [%d.]+ s  3  %(2 attempts%)\n", out)
    assert.matches("spec: done", state_of(id))
    assert.equal("first\ntold: begun\nsecond\nthird\n", read("done"):gsub("told: a spec[^\n]*\n", "")
      :gsub("third\nthird\n", "third\n"))
  end)

  it("debugs the run that it has taken up", function()
    local id = carry_out(4)
    local out, code = open(id, { ":writes on", ":resume", "n", "n = 4", ":resume = 3", ":steps" })
    assert.equal(0, code)
    assert.matches("stop 1 in Deploy/Third  failed: [^\n]*wanted 4, got 3", out)
    assert.matches("\n3\n", out)
    assert.matches("Third  [%d.]+ s  3  %(3 attempts%)  %(given by hand by ada%)", out)
    assert.matches("spec: done", state_of(id))
  end)

  it("says of what cannot be taken up why not", function()
    local id = carry_out(3)
    local out, code, errors = open(id, { ":writes on", ":resume" })
    assert.equal("", out)
    assert.equal(2, code)
    assert.matches("error: resume " .. id:gsub("%-", "%%-") .. ": has ended: done; start a new run\n", errors)
    errors = select(3, open(id, { ":replay Nowhere", ":replay 9", ":retry", ":resume = 1" }))
    assert.matches("there is no step 'Nowhere'; `:steps` lists them\n", errors)
    assert.matches("there is no step '9'", errors)
    assert.matches("nothing is stopped", errors)
    out, code, errors = open("99", { "1" })
    assert.same({ "", 2 }, { out, code })
    assert.matches("the journal has no such run", errors)
  end)

  it("asks for a secret, which the journal does not hold", function()
    local script = SCRIPT:gsub("token = { secret = true }", "token = { secret = true, required = true }")
    folder:write("helper.lua", HELPER:format(4, 4))
    local path = folder:write("script.lua", script)
    local run = program.run { "run", "--plain", path, "done=" .. folder.path .. "/done", "token=t0psecret",
      env = environment() }
    local id = run.stdout:match "%((%d+%-%d+%-%x+)%)"
    local out, code, errors = open(id, { ":replay", ":replay 3 token=t0psecret", "parameters.token == nil", "sum" })
    assert.matches("parameter 'token' is a secret, which the journal does not hold; `:replay K token=…`", errors)
    assert.matches("\nDeploy/Third comes next\ntrue\n3\n$", out)
    assert.equal(0, code)
    local again, _, nothing = open(id, { ":replay 3 token=t0psecret", ":replay 2" })
    assert.equal("", nothing)
    assert.matches("\nDeploy/Second comes next\n", again)
    local _, _, wrong = open(id, { ":replay branch=other" })
    assert.matches("parameter 'branch' was given when the run began and stays as it was", wrong)
  end)

  it("lets nothing out of a replay that would write outside of steps", function()
    local writes = "require 'fairlead.http'.post('http://127.0.0.1:9/')\n      local sum = "
    local script = SCRIPT:gsub("local sum = ", writes)
    folder:write("helper.lua", HELPER:format(4, 4))
    local path = folder:write("script.lua", script)
    local run = program.run { "run", "--plain", path, "done=" .. folder.path .. "/done", env = environment() }
    local id = run.stdout:match "%((%d+%-%d+%-%x+)%)"
    local out = open(id, { ":replay", "err.kind" })
    assert.matches("failed: POST http://127.0.0.1:9/: a replay does not write", out)
    assert.matches('"replay.write"\n', out)
  end)

  it("looks at a run that is under way, and leaves it alone", function()
    folder:write("helper.lua", HELPER:format(3, 3))
    local script = folder:write("script.lua", (SCRIPT:gsub("local sum = ", [[
      run:wait { name = "File", timeout = 60, every = 0.1, check = function()
        local file = io.open(parameters.done .. ".go")
        return file and file:close()
      end }
      local sum = ]])))
    local out = process.run { "sh", "-c", [[
      "$0" run --plain "$1" done="$2/done" >"$2/output" 2>&1 &
      until grep -q 'waiting\|begin     Deploy › File' "$2/output"; do sleep 0.05; done
      id=$("$0" runs | cut -d' ' -f1)
      printf ':steps\n:why\n:writes on\n:resume\n:replay\nsecond\n' | "$0" repl --run "$id" 2>&1
      touch "$2/done.go"; wait $!; echo "code $?"
    ]], program.path, script, folder.path, env = environment(), timeout = 60 }
    assert.matches("4    … File  under way\n", out.stdout)
    assert.matches("spec: running\n", out.stdout)
    assert.matches("error: resume [%d%-%x]+: is carried out by ada on [^\n]*; wait for it, or end it with Ctrl%-C",
      out.stdout)
    assert.matches("Deploy/File comes next\n2\n", out.stdout)
    assert.matches("code 0\n$", out.stdout)
  end)
end)

describe("fairlead repl --run --world", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("carries out what was done in simulated services, and goes on there", function()
    local id = carry_out(4)
    local real = read "done"
    folder:write("helper.lua", HELPER:format(4, 4))
    local out, code, errors = open(id, {
      ":replay", "second", ":resume", "n", ":reload", ":where", ":resume = 3",
    }, "--world")
    assert.equal("", errors)
    assert.equal(0, code, out)
    assert.matches("\n09:00:00  done      Deploy › Second  0 s\n", out)
    assert.matches("\nDeploy/Third comes next\n2\n", out)
    assert.matches("stop 2 in Deploy/Third  failed: [^\n]*wanted 4, got 3", out)
    assert.matches("the script is as it was when the run began\n", out)
    assert.matches("skipped   Deploy › Second  done in this run before\n", out)
    assert.matches("\nDone: a spec", out)
    -- The world's clock and services are its own; the file is this spec's, and each step was done once more.
    local again = read("done"):sub(#real + 1)
    assert.equal("first\ntold: begun\nsecond\nthird\n", (again:gsub("told: a spec[^\n]*\n", "")))
  end)

  it("goes through it again with a script that was put right", function()
    local id = carry_out(4)
    local out = process.run { "sh", "-c", [[
      { printf ':replay\n:resume\n'; until grep -q 'stop 2' "$2/output"; do sleep 0.05; done
        sed -i 's/~= 4/~= 3/' "$2/helper.lua"; printf ':reload\n:resume\n'; } \
        | "$0" repl --run "$1" --world >"$2/output" 2>&1
      echo "code $?"; cat "$2/output"
    ]], program.path, id, folder.path, env = environment(), timeout = 60 }
    assert.matches("^code 0\n", out.stdout)
    assert.matches("\nhelper.lua: line 1: 1 of before became 1\n", out.stdout)
    assert.matches("note      Deploy  third is 3\n", out.stdout)
    assert.matches("\nDone: a spec", out.stdout)
    assert.is_nil(out.stdout:find("interrupted", 1, true))
  end)
end)
