-- `--debug`: what fails is stopped at, looked at, put right and done again, by commands from a pipe.
local program = require "spec.support.program"
local process = require "fairlead.process"

local folder

local HEAD <const> = [[
local errors = require "fairlead.errors"
local procedure = require "fairlead.procedure"
local settings = { target = "wrong" }
local broken = "spec.broken"
]]

local function script_of(body, more)
  return folder:write("script.lua", HEAD .. ([[
return procedure.new {
  name = "spec", summary = "a spec", %s
  rehearsal = function() return require "fairlead.world.example".fixture() end,
  run = function(run)
%s
  end,
}
]]):format(more or "", body))
end

local function run(what, lines, ...)
  local result = program.run {
    what, "--debug", stdin = table.concat(lines, "\n"),
    env = { USER = "ada", FAIRLEAD_STATE = folder.path .. "/state" }, ...
  }
  return result.stdout, result.code, result.stderr
end

local function rehearse(lines, body, more, ...)
  return run("rehearse", lines, script_of(body, more), ...)
end

-- Line numbers of the script: HEAD has four, then come four of the declaration.
local FIRST <const> = 9

local TWO_STEPS <const> = [[
    run:on_failure(function() run:say "the handler" end)
    local lock <close> = run:lock("shop")
    run:step("First", function() run:say "once" return { id = 1 } end)
    run:stage("Deploy", function()
      local wanted = settings
      local done = run:step("Second", {
        already = function(begun) run:say("looked: " .. (begun and begun.status or "new")) end,
        act = function()
          local target = wanted.target
          if target ~= "right" then errors.raise { kind = broken, message = "the target is " .. target } end
          return { target = target }
        end,
      })
      run:say("deployed to " .. done.target)
    end)
]]

-- How often a line of the output has these words, after its time.
local function count(out, words)
  local number = 0
  for line in out:gmatch "[^\n]+" do
    if line:gsub("^%d%d:%d%d:%d%d  ", ""):gsub("%s+", " "):find(words, 1, true) then number = number + 1 end
  end
  return number
end

local function before(out, first, second)
  local at, after = out:find(first, 1, true), out:find(second, 1, true)
  assert.is_truthy(at, first .. " is not there:\n" .. out)
  assert.is_truthy(after, second .. " is not there:\n" .. out)
  assert.is_true(at < after)
end

describe("--debug", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("stops where something fails, says what and where, and does it again in place", function()
    local out, code, errors = rehearse({
      ":locals", "target", "wanted.target = 'right'", ":retry", "_.target", ":resume",
    }, TWO_STEPS)
    assert.equal("", errors)
    assert.equal(0, code)
    assert.matches("stop 1[^\n]*failed: the target is wrong\n  at [^\n]*script.lua:" .. FIRST + 9, out)
    assert.matches("\n> " .. FIRST + 9 .. "            if target ~= \"right\"", out)
    assert.is_truthy(out:find("in Deploy/Second; its deadlines are held, the world's clock stands still, "
      .. "its locks are kept: shop", 1, true))
    assert.matches('\ntarget = "wrong"\n"wrong"\n', out)
    assert.matches('\n"right"\n', out)
    before(out, "looked: new", "looked: failed")
    before(out, "Deploy/Second is done", "deployed to right")
    assert.equal(1, count(out, "note First once"))
    assert.equal(1, count(out, "locked Lock shop"))
    assert.equal(1, count(out, "again Deploy › Second"))
    assert.equal(0, count(out, "the handler"))
    assert.is_truthy(out:find("Done: a spec", 1, true))
  end)

  it("goes on at once with :resume, after doing it again", function()
    local out, code = rehearse({ "wanted.target = 'right'", ":resume" }, TWO_STEPS)
    assert.equal(0, code)
    assert.equal(1, count(out, "deployed to right"))
    assert.is_nil(out:find "stop 2")
  end)

  it("stops again where it fails again", function()
    local out, code = rehearse({ ":retry", "wanted.target = 'right'", ":retry", ":resume" }, TWO_STEPS)
    assert.equal(0, code)
    assert.matches("stop 2[^\n]*failed: the target is wrong", out)
    assert.equal(2, count(out, "again Deploy › Second"))
  end)

  it("lets the error take its course at the end of the input, and by :fail", function()
    for _, lines in ipairs { {}, { ":fail" }, { "1 + 1" } } do
      local out, code = rehearse(lines, TWO_STEPS)
      assert.equal(1, code)
      assert.equal(1, count(out, "note the handler"))
      assert.is_truthy(out:find("Failed: a spec", 1, true))
      assert.is_truthy(out:find("at Deploy › Second", 1, true))
      assert.equal(1, count(out, "stop 1"))
      assert.equal(0, count(out, "stop 2"))
      assert.equal(1, count(out, "unlocked shop"))
    end
  end)

  it("ends what stands still before what is around it when the run is cancelled", function()
    local out, code, errors = rehearse({ ":quit" }, TWO_STEPS)
    assert.equal("", errors)
    assert.equal(130, code)
    before(out, "failed    Deploy › Second", "unlocked  shop")
    before(out, "unlocked  shop", "note      the handler")
    before(out, "note      the handler", "Interrupted: a spec")
    assert.equal(0, count(out, "warning"))
  end)

  it("takes a value for a result, and puts on record whose it is", function()
    local path = script_of(TWO_STEPS)
    local out, code = run("run", { ":resume = { target = 'elsewhere' }" }, path)
    assert.equal(0, code)
    assert.equal(1, count(out, "given Deploy › Second by hand by ada"))
    assert.equal(1, count(out, "deployed to elsewhere"))
    local id = out:match "%((%d+%-%d+%-%x+)%)"
    local shown = program.run { "show", id, env = { FAIRLEAD_STATE = folder.path .. "/state" } }.stdout
    assert.matches("✔ Second  [^\n]*elsewhere[^\n]*%(2 attempts%)  %(given by hand by ada%)", shown)
  end)

  it("tells what was raised, whatever it is, and which of those of one name it is", function()
    local out, code = rehearse({ ":resume = 1" }, [[
    for i = 1, 2 do
      run:step("Same", { repeatable = true, act = function() if i == 2 then error { level = i } end return i end })
    end
]])
    assert.equal(0, code)
    assert.matches("\nstop 1 in Same %(2%)  failed: { level = 2 }\n", out)
  end)

  it("takes no value that cannot be one", function()
    local lines = { ":resume = print", ":resume = nonsense", ":resume 5", ":retry Nowhere" }
    local _, code, errors = rehearse(lines, TWO_STEPS)
    assert.equal(1, code)
    assert.matches("the value is a function", errors)
    assert.matches("undefined variable 'nonsense'", errors)
    assert.matches("a value is given as `:resume = VALUE`", errors)
    assert.matches("'Nowhere' is no part that Deploy/Second stands in; it stands in Deploy/Second, Deploy, spec",
      errors)
  end)

  it("goes through a stage again, and through the procedure", function()
    for part, again in pairs { Deploy = "again Deploy", spec = "begin First" } do
      local out, code = rehearse({ "wanted.target = 'right'", ":retry " .. part, ":resume" }, TWO_STEPS)
      assert.equal(0, code, out)
      assert.equal(1, count(out, "note First once"))
      assert.is_true(count(out, again) >= 1)
      assert.equal(1, count(out, "deployed to right"))
      assert.equal(part == "spec" and 1 or 0, count(out, "skipped First"))
    end
  end)

  it("looks through the frames, up to the procedure", function()
    local out = rehearse({ ":where", ":up", ":up", ":locals", ":frame 1", ":down", ":upvalues", ":source 1", ":stops" },
      TWO_STEPS)
    assert.matches("> +1  [^\n]*script.lua:" .. FIRST + 9 .. "  act", out)
    assert.matches("  +%d  [^\n]*script.lua:" .. FIRST + 5, out)
    assert.matches("frame 2  [^\n]*script.lua:" .. FIRST + 5, out)
    assert.is_truthy(out:find "this is the innermost frame" or true)
    assert.matches('\nwanted = { target = "wrong" }', out)
    assert.matches("\n> stop 1", out)
  end)

  it("evaluates in the frame that is looked at, and changes its locals", function()
    local out, code = rehearse({
      "target .. '!'", "target = 'changed'", "target", ":up", "wanted.target", "local mine = 7", "mine",
      "wanted = { target = 'right' }", ":retry", ":resume",
    }, TWO_STEPS)
    assert.matches('\n"wrong!"\n"changed"\n', out)
    assert.matches('\n"wrong"\n7\n', out)
    assert.equal(0, code, out)
  end)

  it("stops at the line that fails in a wait's check, and looks again there", function()
    local out, code = rehearse({ ":locals", "settings.level = 3", ":retry", ":resume" }, [[
    local found = run:wait { name = "Level", timeout = 100, check = function()
      local wanted = 3
      if settings.level ~= wanted then
        errors.raise { kind = broken, message = "level is " .. tostring(settings.level) }
      end
      return settings.level
    end }
    run:say("level " .. found)
]])
    assert.equal(0, code)
    assert.matches("failed: level is nil\n  at [^\n]*script.lua:" .. FIRST + 3, out)
    assert.matches("\nwanted = 3\n", out)
    assert.equal(1, count(out, "note level 3"))
    assert.equal(0, count(out, "failed Level"))
  end)

  it("says of a wait that looked again and found nothing that it is not done", function()
    local out, code = rehearse({ "settings.level = 1", ":retry", "settings.level = 2", ":resume" }, [[
    run:wait { name = "Level", timeout = 100, check = function()
      if not settings.level then errors.raise { kind = broken, message = "there is no level" } end
      return settings.level == 2 or nil
    end }
]])
    assert.equal(0, code)
    assert.matches("\nstop 2 in Level  stands still\n", out)
    assert.matches("\nLevel has found nothing yet; :resume goes on waiting, :retry looks again\n", out)
    assert.is_nil(out:find "Level is done")
  end)

  it("stops where a wait's time was over, and waits anew", function()
    local out, code = rehearse({ "settings.there = true", ":retry", ":resume" }, [[
    run:wait { name = "Image", timeout = 100, check = function() return settings.there, "not there" end }
]])
    assert.equal(0, code)
    assert.matches("failed: wait for Image: not there after", out)
    assert.equal(1, count(out, "again Image"))
  end)

  it("does not take the place of what a wait tolerates", function()
    local out, code = rehearse({}, [[
    local looks = 0
    run:wait { name = "Image", timeout = 100, check = function()
      looks = looks + 1
      if looks < 3 then errors.raise { kind = "http.reset", message = "lost", retryable = true } end
      return true
    end }
]])
    assert.equal(0, code)
    assert.is_nil(out:find "stop 1")
  end)

  it("asks a gate again that was refused", function()
    local out, code = rehearse({ "settings.answer = 'approved'", ":resume = 1", ":retry", ":resume" }, [[
    local channel = { name = "chat", ask = function() end, answer = function()
      return { decision = settings.answer or "refused", by = "bob" }
    end }
    run:gate { name = "Go", via = { channel } }
]])
    assert.equal(0, code)
    assert.matches("failed: gate Go: refused by bob", out)
    assert.equal(1, count(out, "decided Go approved by bob"))
  end)

  it("has one branch stand still while the others go on", function()
    local out, code = rehearse({ ":stops", ":stop 2", "n", "settings.ok = true", ":resume", ":resume" }, [[
    local function part(n)
      return function()
        run:step("Deploy", { repeatable = true, act = function()
          if not settings.ok then errors.raise { kind = broken, message = "branch " .. n } end
          return true
        end })
      end
    end
    run:parallel { one = part(1), two = part(2), three = function()
      run:wait { name = "Late", timeout = 1000, check = function() settings.n = (settings.n or 0) + 1
        return settings.n > 5 end }
      run:say "three is there"
    end }
]])
    assert.equal(0, code, out)
    assert.matches("\n> stop 1[^\n]*branch 1[^\n]*\n  stop 2[^\n]*branch 2", out)
    assert.matches("\n2\n", out)
    assert.equal(1, count(out, "three is there"))
  end)

  it("goes through a stage again of which two branches have stopped", function()
    local out, code, errors = rehearse({ "where.target = 'right'", ":retry Deploy", ":stops", ":resume" }, [[
    run:stage("Deploy", function()
      local where = settings
      local function part(name)
        return function()
          local where <const> = where
          return run:step(name, { repeatable = true, act = function()
            if where.target ~= "right" then error(name .. " is wrong") end
            return name
          end })
        end
      end
      run:parallel { one = part "One", two = part "Two" }
    end)
]])
    assert.equal("", errors)
    assert.equal(0, code, out)
    before(out, "failed: ", "\nDeploy is done; :resume goes on, :retry does it again")
    assert.is_truthy(out:find("\n> stop %d+ in [^\n]*stands still[^\n]*\n\nDone"), out)
    assert.is_truthy(out:find("Done: a spec", 1, true))
  end)

  it("stops at breakpoint() and at :break, and goes on by steps", function()
    local out, code = rehearse({ "a", ":next", "b", ":next", ":break " .. FIRST + 6, ":breaks", ":continue", "c",
      ":delete 1", ":continue" }, [[
    local a = 1
    breakpoint()
    local b = a + 1
    b = b * 2
    settings.b = b
    local c = b
    c = c + 1
    run:say("c is " .. c)
]])
    assert.equal(0, code, out)
    assert.matches("stop 1[^\n]*breakpoint\n  at [^\n]*script.lua:" .. FIRST + 1, out)
    assert.matches("script.lua:" .. FIRST + 6 .. "\n", out)
    assert.equal(1, count(out, "note c is 5"))
  end)

  it("is not for programs", function()
    local path = script_of ""
    for _, option in ipairs { "--json", "--crash-everywhere" } do
      local _, code, errors = run("rehearse", {}, option, path)
      assert.equal(2, code)
      assert.matches("%-%-debug is for people", errors)
    end
    local _, code = run("run", {}, "--dry-run", path)
    assert.equal(2, code)
  end)

  it("tells what is wrong with a script that cannot be carried out as ever", function()
    local path = folder:write("wrong.lua", "return return")
    for _, what in ipairs { "run", "rehearse" } do
      local out, code, errors = run(what, {}, path)
      local plain = program.run { what, "--plain", path }
      assert.same({ plain.stdout, plain.code, plain.stderr }, { out, code, errors })
      assert.matches("^fairlead: [^\n]*wrong.lua:1: unexpected symbol near 'return'", errors)
    end
    local _, code, errors = run("resume", {}, "99")
    assert.equal(2, code)
    assert.matches("^fairlead: run 99: the journal has no such run", errors)
  end)

  it("leaves a run that does not fail as it is", function()
    local path = script_of [[ run:step("One", function() return 1 end) ]]
    local plain = program.run { "rehearse", "--plain", path }
    local out, code, errors = run("rehearse", {}, path)
    assert.equal(0, code)
    assert.equal("", errors)
    local function timeless(text) return (text:gsub("in %d+%.%d+ s", "")) end
    assert.equal(timeless(plain.stdout), timeless(out))
  end)
end)

describe("fairlead resume --debug", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("stops where a run that was taken up fails", function()
    local env = { USER = "ada", FAIRLEAD_STATE = folder.path .. "/state" }
    assert.equal(1, program.run({ "run", "--plain", script_of(TWO_STEPS), env = env }).code)
    local out, code, errors = run("resume", { "wanted.target = 'right'", ":retry", ":resume" })
    assert.equal("", errors)
    assert.equal(0, code, out)
    assert.equal(1, count(out, "skipped First done in this run before"))
    assert.equal(2, count(out, "looked: failed"), out)
    assert.equal(1, count(out, "deployed to right"))
    local shown = program.run { "runs", env = env }.stdout
    assert.matches("^%S+ +done", shown)
  end)
end)

describe("a run that is killed while it is stopped", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("is taken up as any other", function()
    local path = script_of([[
    run:step("First", function() run:say "once" return true end)
    run:wait { name = "File", timeout = 60, check = function()
      local file = io.open(run.parameters.file)
      if not file then errors.raise { kind = broken, message = "it is not there" } end
      file:close()
      return true
    end }
    run:step("Last", function() return true end)
]], "parameters = { file = { required = true } },")
    local env = { FAIRLEAD_STATE = folder.path .. "/state" }
    local file = "file=" .. folder.path .. "/wanted"
    local out = process.run { "sh", "-c", [[
      mkfifo "$3"; exec 3<>"$3"
      "$0" run --debug "$1" "$2" <"$3" >"$4" 2>&1 &
      until grep -q 'stop 1' "$4"; do sleep 0.05; done
      "$0" why; kill -9 $!; wait $!; echo $?
    ]], program.path, path, file, folder.path .. "/input", folder.path .. "/output", env = env, timeout = 60,
      stdin = "" }
    assert.matches("\nFile: stopped by a debugger: it is not there  at [^\n]*script.lua:%d+\n", out.stdout)
    assert.matches("137\n$", out.stdout)
    local state = program.run { "runs", env = env }.stdout
    assert.matches("interrupted", state)
    folder:write("wanted", "")
    local resumed = program.run { "resume", "--plain", env = env }
    assert.equal(0, resumed.code, resumed.stdout .. resumed.stderr)
    assert.equal(1, count(resumed.stdout, "skipped First done in this run before"))
    assert.equal(1, count(resumed.stdout, "done Last"))
  end)
end)
