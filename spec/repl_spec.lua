-- The REPL without a terminal: lines from a pipe.
local program = require "spec.support.program"

-- Gives the lines to `fairlead repl …`.
local function repl(lines, ...)
  return program.run { "repl", stdin = lines, env = { USER = "ada" }, ... }
end

-- What the lines print on standard output, without its last line's end; nothing may go wrong.
local function output(lines, ...)
  local result = repl(lines, ...)
  assert.equal("", result.stderr)
  assert.equal(0, result.code)
  return (result.stdout:gsub("\n$", ""))
end

-- What goes wrong with the lines, and what was printed.
local function failure(lines, ...)
  local result = repl(lines, ...)
  return result.stderr, result.stdout, result.code
end

describe("fairlead repl without a terminal", function()
  it("prints what expressions give, without prompt or colour", function()
    assert.equal("2\n5", output "1+1\nx = 5\nx\n")
    assert.equal('"a"\n{ 1, 2 }', output "'a', {1, 2}\n")
    assert.equal("nil\nfalse", output "nil\nfalse\n")
    assert.equal("6", output "= 6\n")
    assert.equal("7", output "return 7\n")
  end)

  it("shows what was raised that is no text", function()
    local errors = failure('error { kind = "x" }\n' ..
      'error(setmetatable({}, { __tostring = function() return "mine" end }))\n')
    assert.equal('error: { kind = "x" }\nerror: mine\n', errors)
  end)

  it("prints nothing for what gives nothing", function()
    assert.equal("one", output "print 'one'\n")
    assert.equal("", output "\n   \n-- only a comment\n")
  end)

  it("reads on until a statement is whole", function()
    assert.equal("1\n2\n3", output "for i = 1, 3 do\n  print(i)\nend\n")
    assert.equal('"a\\nb"', output "[[a\nb]]\n")
    assert.equal("3", output "(1 +\n2)\n")
    assert.equal("-1", output "local function f()\n\n  return -1\nend\nf()\n")
  end)

  it("takes an input that ends in the middle of a statement for an error", function()
    local errors, out, code = failure "x = (\n1\n"
    assert.equal("error: line 2: the input ends in the middle of a statement: ')' expected (to close '(' at line 1) "
      .. "near <eof>\n", errors)
    assert.equal("", out)
    assert.equal(1, code)
  end)

  it("does not need a line's end at the end", function()
    assert.equal("4", output "2 + 2")
  end)

  it("reads lines that are longer than what a pipe gives at once", function()
    assert.equal("200000", output(("#'%s'\n"):format(("x"):rep(200000))))
  end)

  it("ends with the code of the last line's error, or 0", function()
    assert.equal(1, repl("error 'no'\n").code)
    assert.equal(0, repl("error 'no'\n1\n").code)
    local refused = "require 'fairlead.errors'.raise { kind = 'gate.refused', message = 'no' }\n"
    assert.equal(3, repl("1\n" .. refused).code)
    assert.equal(2, repl("1\n:nonsense\n").code)
  end)

  it("tells errors on standard error, in one line, and goes on", function()
    local errors, out, code = failure "error 'no'\n1\n"
    assert.equal("error: repl 1:1: no\n", errors)
    assert.equal("1\n", out)
    assert.equal(0, code)
  end)

  it("outlives a line that fills the memory, and whatever it left there", function()
    local fill = "t = {} while true do t[#t + 1] = {} end"
    local result = program.run { "--memory-limit", "32", "repl", stdin = fill .. "\n1\nt = nil\n2\n"
      .. fill .. " &\nclock.sleep(1)\nt = nil\n3\n" }
    assert.matches("^error: the script reached its memory limit of 32 MiB;[^\n]*\n", result.stderr)
    assert.matches("%[1%] failed: the script reached its memory limit", result.stderr)
    assert.equal("1\n2\n3\n", result.stdout)
    assert.equal(0, result.code)
  end)

  it("cuts what an error says at some length", function()
    local errors = failure "error(('x'):rep(1e7))\n"
    assert.truthy(errors:sub(-100):find("x… and 9990010 bytes more\n", 1, true))
    assert.is_true(#errors < 11000)
  end)

  it("points at where a line cannot be read", function()
    assert.equal("error: unexpected symbol near '='\n  local y = = 2\n            ^\n", (failure "local y = = 2\n"))
    assert.equal("error: unexpected symbol near ')'\n  x = ('ü') + )\n              ^\n", (failure "x = ('ü') + )\n"))
  end)

  it("tells of the line's own place where a call is wrong", function()
    assert.equal("error: repl 1:1: bad argument #1 to 'http.get' (string expected, got no value)\n",
      (failure "http.get()\n"))
  end)

  it("says which variable there is none of, and which was perhaps meant", function()
    assert.equal("error: undefined variable 'htpp'; did you mean 'http'?\n", (failure "htpp\n"))
    assert.equal("error: undefined variable 'setings'; did you mean 'settings'?\n", (failure "settings = 1\nsetings\n"))
  end)

  it("has modules by their short names", function()
    assert.equal('"[1]"\ntrue', output "json.encode {1}\nclock.now() > 0\n")
  end)

  it("waits without a keyword", function()
    assert.equal("true", output "local b = clock.monotonic()\nclock.sleep(0.05)\nclock.monotonic() - b >= 0.05\n")
  end)
end)

describe("a session's variables", function()
  it("keep a chunk's locals", function()
    assert.equal("3", output "local a, b = 1, 2\na + b\n")
    assert.equal("5", output "local function five() return 5 end\nfive()\n")
    assert.equal("6", output "local n <const> = 6\nn\n")
    assert.equal("2", output "local a = 1; local a = 2\na\n")
    assert.equal("8", output "local x = 4\nx = x * 2\nx\n")
  end)

  it("do not keep what belongs to a block, or is closed when the line ends", function()
    assert.matches("undefined variable 'inner'", (failure "do local inner = 1 end\ninner\n"))
    local errors, out = failure("local l <close> = setmetatable({}, { __close = function() print 'closed' end })\nl\n")
    assert.matches("undefined variable 'l'", errors)
    assert.equal("closed\n", out)
  end)

  it("do not lose a goto to a chunk's end", function()
    assert.equal("1", output "goto out; do local x = 1 end ::out::\n1\n")
    assert.equal("2", output "goto out; local x = 1; ::out::\n2\n")
  end)

  it("hold the last results and the last error", function()
    assert.equal('1\n2\n"last"\n2\n1', output "1\n2\n'last'\n_2\n_4\n")
    assert.equal("3\n4", output "3\n_ + 1\n")
    local _, out = failure "error 'no'\nerr.message\n"
    assert.equal('"repl 1:1: no"\n', out)
  end)

  it("are not Lua's own globals", function()
    assert.equal("nil\n1", output "x = 1\nrawget(package.loaded._G, 'x')\n_G.x\n")
  end)
end)

describe("background lines", function()
  it("go on while others run, and their values are told", function()
    assert.equal("1\n[1] done: 3", output "clock.sleep(0.05) or 3 &\n1\n")
  end)

  it("are waited for at the end of the input", function()
    assert.equal('[1] done: "late"', output "(function() clock.sleep(0.1) return 'late' end)() &\n")
  end)

  it("are cancelled by :quit, and their closers run", function()
    assert.equal("closed\n[1] cancelled", output(
      "do local c <close> = setmetatable({}, { __close = function() print 'closed' end }) clock.sleep(9) end &\n"
      .. "clock.sleep(0.01)\n:quit\n"))
  end)

  it("do not end the session when they fail", function()
    local errors, out, code = failure "error 'no' &\nclock.sleep(0.05)\n1\n"
    assert.equal("[1] failed: repl 1:1: no\n", errors)
    assert.equal("1\n", out)
    assert.equal(0, code)
  end)
end)

describe("commands", function()
  it("are named when there is no such", function()
    local errors, _, code = failure ":qit\n"
    assert.equal("error: there is no command ':qit'; did you mean ':quit'?\n", errors)
    assert.equal(2, code)
  end)

  it("can be shortened", function()
    assert.equal("1", output "1\n:qui\n2\n")
  end)

  it(":help lists all, and tells about one", function()
    local all = output ":help\n"
    for _, command in ipairs(require "fairlead.repl.commands".all()) do
      assert.truthy(all:find("\n" .. command.usage, 1, true), command.usage)
    end
    assert.matches("^:time EXPRESSION\n", output ":help time\n")
    for _, topic in ipairs(require "fairlead.repl.help.topics".list) do
      assert.truthy(all:find(topic.name, 1, true), topic.name)
      assert.equal(topic.help, output((":help %s\n"):format(topic.name)))
    end
  end)

  it(":load runs a file whose locals live on", function()
    local folder <close> = program.folder()
    local path = folder:write("some.lua",
      "#!/usr/bin/env fairlead\nlocal beside = require 'beside'\nreturn beside.n + 1\n")
    folder:write("beside.lua", "return { n = 1 }\n")
    assert.equal("2", output((":load %s\n"):format(path)))
    local kept = folder:write("kept.lua", "local kept = 7\n")
    assert.equal("7", output((":load %s\nkept\n"):format(kept)))
    assert.matches("some%.lua: No such file", (failure ":load no/some.lua\n"))
  end)

  it(":err tells all that is known of the last error", function()
    local _, out = failure "local function f() error 'deep' end\nf()\n:err\n"
    assert.matches("repl 1:1: deep\n  kind        script\n  at repl 1:1: in", out)
  end)

  it(":set changes how values are shown", function()
    assert.equal("{\n  first = 1,\n  second = 2\n}", output ":set width 12\n{first=1, second=2}\n")
    assert.matches("width 'x', expected a number, or auto", (failure ":set width x\n"):gsub("is ", ""))
  end)

  it(":time tells how long it takes and how many requests it makes", function()
    assert.matches("^0%.05%d s, 0 requests$", output ":time clock.sleep(0.05)\n")
  end)
end)

describe("fairlead repl --world", function()
  local PULL <const> = [[
gh = github.client { repository = "acme/lighthouse" }
git.open(w.folder.work):push { branch = "light-the-lamp" }
local pull = gh:open_pull_request { head = "light-the-lamp", base = "main", title = "Light the lamp" }
]]

  it("works on simulated services, which can be looked into", function()
    local out = output(PULL .. "w.github.pulls:get(pull.number).title\n", "--world")
    assert.matches('\n"Light the lamp"$', out)
  end)

  it("has a clock that jumps over waits, and else stands still", function()
    local out = output(PULL .. "gh:checks(pull.head.sha).state\nclock.sleep(600)\ngh:checks(pull.head.sha).state\n"
      .. "local at = clock.now()\nprocess.run { 'sleep', '0.2' }.code\nclock.now() - at\n", "--world")
    assert.matches('"missing"\n"passing"\n0\n0%.0$', out)
    assert.matches("^0%.0%d%d s, 0 requests; 10 min of the world's time$",
      output(":time clock.sleep(600)\n", "--world"))
  end)

  it("takes a scenario and a seed", function()
    local out = output("w.scenario.name, w.seed\n", "--world", "--scenario", "flaky", "--seed", "7")
    assert.equal('"flaky"\n7', out)
    local errors, _, code = failure("1\n", "--scenario", "flaky")
    assert.equal("fairlead: --scenario is of a simulated world; add --world\n", errors)
    assert.equal(2, code)
  end)

  it("leaves nothing behind", function()
    local folder = output("w.folder.path\n", "--world"):match '"(.*)"'
    assert.is_nil((io.open(folder)))
  end)
end)

describe(":start", function()
  local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local clock = require "fairlead.clock"
return procedure.new {
  name = "lamp", summary = "Light the lamp",
  parameters = { colour = { default = "white" }, wait = { type = "number", default = 60 } },
  run = function(run, parameters)
    run:step("Light", function() clock.sleep(parameters.wait) return parameters.colour end)
    return parameters.colour
  end,
  rehearsal = function() return require "fairlead.world.example".fixture() end,
}
]]

  local function with_script(lines, ...)
    local folder <close> = program.folder()
    return repl(lines, folder:write("lamp.lua", SCRIPT), ...)
  end

  it("carries the procedure out in the world, at once", function()
    local result = with_script(":start 'colour=dark red'\n_\nprocedure.name\n:events 3\n", "--world")
    assert.equal("", result.stderr)
    assert.matches("09:00:00  begin     Light\n09:01:00  done      Light  1 min\n", result.stdout)
    assert.matches("\nDone: Light the lamp · 1 min · run 20260302%-090000%-%x+\n", result.stdout)
    assert.matches('\n"dark red"\n"lamp"\n', result.stdout)
    assert.equal(0, result.code)
  end)

  it("carries it out in the background, and several at a time", function()
    local result = with_script(":start &\n:start colour=red &\n1\n", "--world")
    assert.equal("", result.stderr)
    local _, count = result.stdout:gsub("\nDone: Light the lamp", "")
    assert.equal(2, count)
  end)

  it("is not done for real where nobody can confirm it", function()
    local result = with_script ":start\n"
    assert.equal("error: start lamp: it is carried out for real only when somebody at a terminal has confirmed it; "
      .. "`fairlead run SCRIPT` carries it out without asking, `fairlead repl --world` in a simulated world\n",
      result.stderr)
    assert.equal(1, result.code)
  end)

  it("says which parameter is wrong, and has the code of how the run ended", function()
    local result = with_script(":start colur=red\n", "--world")
    assert.matches("colur", result.stderr)
    assert.equal(2, result.code)
    assert.equal(1, with_script(":start wait=-1\n", "--world").code)
  end)
end)
