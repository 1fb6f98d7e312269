local json = require "fairlead.json"
local process = require "fairlead.process"
local program = require "spec.support.program"

local HEAD <const> = [[
local procedure = require "fairlead.procedure"
local clock = require "fairlead.clock"
]]

-- A procedure's text from its parts.
local function procedure_of(run, more)
  return HEAD .. ("return procedure.new { name = 'spec', summary = 'Spec', %s run = function(run, parameters) %s end }")
    :format(more or "", run)
end

local REHEARSAL <const> = [[rehearsal = function() return { github = { repository = "acme/lamp", token = "t",
  default_branch = "main", user = "ada", users = { ada = { name = "Ada" } }, files = { README = "x" } } } end,]]

-- Runs `fairlead COMMAND script.lua …` on a script of this text, the folder's path taken out of what it printed.
local function fairlead(command, script, ...)
  local folder <close> = program.folder()
  local arguments = { command, folder:write("script.lua", script), ... }
  arguments.env = { NO_COLOR = false, GITHUB_ACTIONS = false, USER = "ada" }
  local result = program.run(arguments)
  local place = folder.path:gsub("%p", "%%%0") .. "/"
  result.stderr, result.stdout = result.stderr:gsub(place, ""), result.stdout:gsub(place, "")
  return result
end

-- Fails with this exit code and exactly this line on standard error, and nothing on standard output.
local function assert_refused(result, code, line)
  assert.equal("fairlead: " .. line .. "\n", result.stderr)
  assert.equal("", result.stdout)
  assert.equal(code, result.code)
end

local function last_line(text)
  return json.decode(text:match "([^\n]+)\n$")
end

describe("fairlead run", function()
  it("says that there is no such script", function()
    assert_refused(program.run { "run", "no/such.lua" }, 2,
      "script no/such.lua: No such file or directory; name a Lua script that can be read")
  end)

  it("says where a syntax error is", function()
    assert_refused(fairlead("run", "local x = 1\nlocal y = = 2"), 2, "script.lua:2: unexpected symbol near '='")
  end)

  it("shows the script's own traceback of an error while it loads", function()
    assert_refused(fairlead("run", "local function f() error 'no settings' end\nf()\nreturn 1"), 1,
      "script.lua:1: no settings\n    script.lua:1: in local 'f'\n    script.lua:2: in main chunk")
  end)

  it("says what a script returns that returns no procedure", function()
    local hint = "; end it with `return procedure.new{…}`"
    assert_refused(fairlead("run", "local x = 1"), 2, "script script.lua: returned nil" .. hint)
    assert_refused(fairlead("run", "return { run = print }"), 2,
      "script script.lua: returned a table that is not a procedure" .. hint)
  end)

  it("shows an undefined variable as the script's mistake", function()
    local result = fairlead("run", procedure_of "run:say(undefined_name)")
    assert.equal("fairlead: script.lua:3: undefined variable 'undefined_name'; write `local` where it is made\n"
      .. "    script.lua:3: in field 'run'\n", result.stderr)
    assert.equal(1, result.code)
  end)

  describe("with parameters", function()
    local script = procedure_of("run:say(parameters.branch .. parameters.count)",
      [[parameters = { branch = { required = true, help = 'what to release' },
        count = { type = 'integer', default = 1 } },]])
    local hint = "; `fairlead help script.lua` lists the parameters"

    it("passes them on", function()
      local result = fairlead("run", script, "branch=add=map", "count=5")
      assert.equal(0, result.code)
      assert.matches("note      add=map5\n", result.stdout)
    end)

    it("refuses an unknown one", function()
      assert_refused(fairlead("run", script, "branch=x", "cuont=3"), 2,
        "unknown parameter 'cuont' (given \"3\"); did you mean 'count'?" .. hint)
    end)

    it("refuses to go without a required one", function()
      assert_refused(fairlead("run", script), 2,
        "parameter 'branch' is missing, expected text (what to release)" .. hint)
    end)

    it("refuses an ill-typed one", function()
      assert_refused(fairlead("run", script, "branch=x", "count=many"), 2,
        "parameter 'count' is \"many\", expected a whole number" .. hint)
    end)

    it("tells all that is wrong with them, a line each", function()
      assert_refused(fairlead("run", script, "count=many"), 2,
        "parameter 'branch' is missing, expected text (what to release)" .. hint
          .. "\nfairlead: parameter 'count' is \"many\", expected a whole number" .. hint)
    end)

    it("refuses what is no name=value, and what is given twice", function()
      assert_refused(fairlead("run", script, "branch"), 2,
        "parameter 'branch' has no value, expected name=value" .. hint)
      assert_refused(fairlead("run", script, "branch=a", "branch=b"), 2, "parameter 'branch' is given twice" .. hint)
    end)
  end)

  it("prints JSON whose last line is run.finished, however it ends", function()
    local function final(result)
      for line in result.stdout:gmatch "[^\n]+" do json.decode(line) end
      local last = last_line(result.stdout)
      assert.equal("run.finished", last.event)
      assert.equal(result.code, last.exit_code)
      return { last.outcome, last.reason, last.exit_code }
    end
    assert.same({ "done", "done", 0 }, final(fairlead("run", procedure_of "run:say 'x'", "--json")))
    assert.same({ "failed", "script", 1 }, final(fairlead("run", procedure_of "error 'x'", "--json")))
    assert.same({ "refused", "no.way", 3 }, final(fairlead("run", procedure_of "run:refuse('no.way', 'x')", "--json")))
    assert.same({ "usage", "usage", 2 }, final(fairlead("run", procedure_of "", "--json", "x=1")))
    assert.same({ "usage", "usage", 2 }, final(fairlead("run", procedure_of "", "--json", "x")))
    assert.same({ "usage", "script.syntax", 2 }, final(fairlead("run", "= 1", "--json")))
    assert.same({ "usage", "script.not_found", 2 }, final(program.run { "run", "no/such.lua", "--json" }))
    assert.same({ "usage", "script.no_procedure", 2 }, final(fairlead("run", "return 1", "--json")))
  end)

  it("does nothing in a dry run", function()
    local script = procedure_of [[run:step("Open", { intent = "open it", act = function() print "ACTED" end })]]
    local result = fairlead("run", script, "--dry-run")
    assert.equal(0, result.code)
    assert.is_nil(result.stdout:find("ACTED", 1, true))
    assert.matches("would     Open  open it\n", result.stdout)
    assert.matches("\nWould do\n  Open: open it\n", result.stdout)
  end)

  it("asks at a gate only where somebody can answer, and takes --yes for the requester's own", function()
    local script = procedure_of "run:gate { name = 'Go' }"
    local result = fairlead("run", script)
    assert.equal(3, result.code)
    assert.matches("nobody can be asked: standard input is not a terminal", result.stdout)
    result = fairlead("run", script, "--yes")
    assert.equal(0, result.code)
    assert.matches("decided   Go  approved by ada via %-%-yes\n", result.stdout)
  end)

  describe("on Ctrl-C", function()
    local function interrupted(run, ...)
      local folder <close> = program.folder()
      local path = folder:write("script.lua", procedure_of([[
        run:notifier(function(message) print("TOLD " .. message.outcome) end)
        run:on_failure(function() clock.sleep(0.05) print "CLEANED" end)
      ]] .. run))
      return process.run { "timeout", "--preserve-status", "--foreground", "-s", "INT", "0.7", program.path, "run",
        path, ..., timeout = 30 }
    end

    it("ends a wait within a second: handlers run, notifiers are told, exit 130", function()
      local result = interrupted("run:wait { name = 'It', timeout = 60, check = function() end }", "--plain")
      assert.equal(130, result.code)
      assert.matches("CLEANED\nTOLD interrupted\n", result.stdout)
      assert.matches("\nInterrupted: Spec · ", result.stdout)
    end)

    it("ends a busy loop in the same way", function()
      local result = interrupted("while true do end", "--json")
      assert.equal(130, result.code)
      assert.matches("CLEANED\nTOLD interrupted\n", result.stdout)
      local last = last_line(result.stdout)
      assert.same({ "run.finished", "interrupted", 130 }, { last.event, last.outcome, last.exit_code })
    end)
  end)
end)

describe("fairlead rehearse", function()
  local script = procedure_of([[
    run:wait { name = "Deployment", timeout = 3600, every = 10,
      check = function() return clock.now() > 1772442000 + 1500 end }
    run:gate { name = "Confirm" }
  ]], REHEARSAL)

  it("takes minutes of the world's time and none of anybody's", function()
    local result = fairlead("rehearse", script)
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    local minutes, wall = result.stdout:match "Rehearsed %(all%-well, seed 1%): (%d+) min .- in ([%d.]+) s%."
    assert.is_true(tonumber(minutes) >= 25)
    assert.is_true(tonumber(wall) < 5)
  end)

  it("prints the same bytes for the same seed", function()
    local function lines(seed) return fairlead("rehearse", script, "--json", "--seed", seed).stdout end
    local first = lines "7"
    assert.matches('"event":"run.finished"', first)
    assert.equal(first, lines "7")
    assert.are_not.equal(first, lines "8")
  end)

  it("lists the scenarios", function()
    local result = program.run { "rehearse", "--list" }
    assert.equal(0, result.code)
    assert.matches("^all%-well +nothing goes wrong\n", result.stdout)
    assert.matches("\nstaging%-rolls%-back +%g", result.stdout)
  end)

  it("says what is wrong with its options", function()
    local how = "; `fairlead rehearse --help` tells how it is used"
    assert_refused(fairlead("rehearse", script, "--seed", "x"), 2,
      "option '--seed' is 'x', expected a whole number" .. how)
    assert_refused(program.run { "rehearse" }, 2, "which script?" .. how)
    local result = fairlead("rehearse", script, "--scenario", "staging-rolls-bck")
    assert.equal(2, result.code)
    assert.matches('no scenario "staging%-rolls%-bck"; did you mean "staging%-rolls%-back"?', result.stderr)
  end)

  it("says that a procedure names no world", function()
    local result = fairlead("rehearse", procedure_of "")
    assert.equal(2, result.code)
    assert.equal("fairlead: rehearse spec: the procedure names no world to be rehearsed in; give procedure.new a "
      .. "function `rehearsal` that returns one\n", result.stderr)
  end)
end)

describe("fairlead help", function()
  it("lists topics that all have a text", function()
    local list = program.run { "help" }.stdout
    local count = 0
    for topic in list:gmatch "\n   ([%w-]+) +%g" do
      count = count + 1
      local result = program.run { "help", topic }
      assert.equal(0, result.code, topic)
      assert.is_true(#result.stdout > 200, topic)
    end
    assert.is_true(count >= 8)
  end)

  it("tells what a procedure takes", function()
    local result = fairlead("help", procedure_of("", [[plan = { 'One', 'Two' }, parameters = {
      branch = { required = true },
      size = { type = 'choice', choices = { 'small', 'large' }, default = 'small', help = 'how big' } },]]))
    assert.equal([[
spec: Spec

Parameters (name=value):
   branch  (text; required)
   size    how big (small or large; default small)

Steps:
   1. One
   2. Two

fairlead run script.lua …
]], result.stdout)
  end)

  it("tells how a command is used", function()
    local result = program.run { "help", "run" }
    assert.equal(0, result.code)
    assert.matches("^Usage: fairlead run ", result.stdout)
    assert.equal(result.stdout, program.run({ "run", "--help" }).stdout)
  end)

  it("knows what was meant", function()
    assert_refused(program.run { "help", "prcedure" }, 2,
      "there is no help on 'prcedure'; did you mean `fairlead help procedure`?")
  end)
end)

describe("the command line", function()
  it("knows what was meant", function()
    assert_refused(program.run { "rehaerse", "x.lua" }, 2,
      "unknown command 'rehaerse'; did you mean `fairlead rehearse`?")
    assert_refused(program.run { "frobnicate" }, 2,
      "unknown command 'frobnicate'; `fairlead --help` lists the commands")
    assert_refused(program.run { "run", "x.lua", "--jsn" }, 2,
      "unknown option '--jsn'; did you mean '--json'?; `fairlead run --help` tells how it is used")
    assert_refused(program.run { "run" }, 2, "missing argument 'script'; `fairlead run --help` tells how it is used")
  end)

  it("shows the help, asked for or not", function()
    local asked, bare = program.run { "--help" }, program.run {}
    assert.equal(0, asked.code)
    assert.equal(2, bare.code)
    assert.equal(asked.stdout, bare.stderr)
    for _, command in ipairs { "run", "rehearse", "world", "test", "help", "completion" } do
      assert.matches("\n   " .. command .. " +%g", asked.stdout)
    end
  end)

  it("completes in bash, zsh and fish", function()
    for shell, check in pairs { bash = { "bash", "-n" }, zsh = false, fish = false } do
      local result = program.run { "completion", shell }
      assert.equal(0, result.code)
      assert.matches("rehearse", result.stdout)
      if check then
        assert.equal("", process.run({ check[1], check[2], stdin = result.stdout }).stderr)
      end
    end
  end)

  it("says where a script waits although Lua cannot", function()
    local result = fairlead("run", procedure_of "table.sort({ 2, 1 }, function() clock.sleep(1) end)", "--plain")
    assert.equal(1, result.code)
    assert.matches("^fairlead: clock.sleep would have to wait where Lua cannot; [^\n]+\n    script.lua:3: in ",
      result.stderr)
  end)

  it("tells everything that it knows of an error when asked", function()
    local script = procedure_of [[
      require("fairlead.errors").raise { kind = "github.api.not_found", op = "github.pull_request",
        target = "acme/lamp#7", message = "Not Found", status = 404, request_id = "ABC:1" } ]]
    local result = fairlead("run", script, "--verbose")
    assert.equal(1, result.code)
    assert.matches("^fairlead: github.pull_request acme/lamp#7: Not Found\n", result.stderr)
    assert.matches("    +status +404\n", result.stderr)
    assert.matches("    +request_id +ABC:1\n", result.stderr)
  end)

  it("commands neither a terminal nor a workflow runner with what services said", function()
    local script = procedure_of [[
      require("fairlead.errors").raise { kind = "aws.api", op = "ecs.ListTasks", target = "\27]0;x\7",
        message = "one\n::add-mask::two\n\27[2J\u{9b}2J", hint = "\27[31m", code = "\27[5m" } ]]
    for _, options in ipairs { { "--verbose" }, { "--json" }, { "--plain" } } do
      local result = fairlead("run", script, table.unpack(options))
      assert.equal(1, result.code)
      assert.is_nil((result.stdout .. result.stderr):find "[\0-\8\11-\31\127]")
      assert.is_nil(result.stderr:find "\u{9b}")
      assert.is_nil(result.stderr:find "\n%s*::")
    end
    local plain = program.run { "-e", [[error "a\27[2J\u{9b}\127é"]] }
    assert.matches("^fairlead: [^\n]*: a%?%[2J%?%?é\n", plain.stderr)
  end)

  it("shows no value of a parameter whose name is wrong where there is a secret one", function()
    local script = procedure_of("", "parameters = { token = { secret = true } },")
    for _, face in ipairs { "--json", "--plain" } do
      local result = fairlead("run", script, face, "tokn=ghp_a-secret")
      assert.equal(2, result.code)
      assert.is_nil((result.stdout .. result.stderr):find("ghp_a-secret", 1, true))
      assert.matches("unknown parameter 'tokn'; did you mean 'token'", result.stderr)
    end
  end)
end)

describe("fairlead test", function()
  local SPEC <const> = [[
    local clock = require "fairlead.clock"
    describe("waiting", function()
      it("works", function() clock.sleep(0.01) assert.is_true(true) end)
      it("shows what failed", function() assert.equal(%d, 1) end)
    end)
  ]]

  local function test(number)
    local folder <close> = program.folder()
    return program.run { "test", "-o", "plainTerminal", folder:write("some_spec.lua", SPEC:format(number)) }
  end

  it("runs specs that wait, and counts them on a line of its own", function()
    local result = test(1)
    assert.equal(0, result.code)
    assert.matches("\n2 successes / 0 failures / 0 errors / 0 pending : ", result.stdout)
  end)

  it("fails when one does", function()
    local result = test(2)
    assert.equal(1, result.code)
    assert.matches("\n1 success / 1 failure / 0 errors / 0 pending : ", result.stdout)
  end)
end)
