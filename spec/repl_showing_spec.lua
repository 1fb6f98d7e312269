-- What a terminal shows of results and of the REPL's own texts: no more than somebody can read, and no broken words.
local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

local folder

local function start(...)
  local session = sessions.start { program.path, "repl", "--world", columns = 60, rows = 24, env = {
    FAIRLEAD_STATE = folder.path, HOME = folder.path, NO_COLOR = "1",
  }, ... }
  session:expect "world> "
  return session
end

local function shown(session, line)
  local before = #session:all_lines()
  session:line(line)
  session:wait_until(function()
    local list = session:all_lines()
    return #list > before and list[#list] == "world>"
  end, "no prompt after " .. line)
  return table.concat(session:all_lines(), "\n", before + 1, #session:all_lines() - 1) .. "\n"
end

describe("at a terminal", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("a result that would fill more than two screens is shown less deep", function()
    local session <close> = start()
    shown(session, "t = { a = { b = { c = { d = 1 } } }, list = {} }")
    assert.matches("c = { d = 1 }", shown(session, "t"), 1, true)
    shown(session, "for i = 1, 50 do t.list[i] = { i, {} } end")
    assert.matches("{ a = { … 1 }, list = { … 50 } }\n", shown(session, "t"), 1, true)
    shown(session, ":set depth 4")
    assert.matches("c = { d = 1 }", shown(session, "t"), 1, true)
  end)

  it("what follows the first value of a line takes one line", function()
    local session <close> = start()
    shown(session, "t = { ('x'):rep(50), ('y'):rep(50) }")
    local said = shown(session, "t, t, 'short'")
    assert.matches('^{\n  "x+",\n  "y+"\n}\n{ [^\n]*\n"short"\n$', said)
  end)

  it("texts are folded at words, tables beside their first column", function()
    local session <close> = start()
    local said = shown(session, ":help")
    assert.is_truthy(said:find("\n:tasks [all]\n    What runs in the background, what it waits for,", 1, true))
    assert.matches("\n:retry %[PART%] +does the step, wait or gate\n", shown(session, ":help debugging"))
    for line in (said .. shown(session, ":help retry")):gmatch "[^\n]+" do
      assert.is_true(require "fairlead.faces.text".width(line) <= 60, line)
    end
  end)

  it("what a run does and where it stopped takes no broken words, and its tasks stand below their line", function()
    folder:write("script.lua", [[
local procedure = require "fairlead.procedure"
return procedure.new {
  name = "spec", summary = "a procedure whose summary is so long that no terminal of sixty columns shows it in a line",
  rehearsal = function() return require "fairlead.world.example".fixture() end,
  run = function(run)
    run:step("First", function()
      error("nothing of what was looked for could be found anywhere, though it was looked for everywhere", 0) -- why?
    end)
  end,
}
]])
    local session <close> = start(folder.path .. "/script.lua")
    session:line ":start"
    session:expect "stop 1> "
    local said = table.concat(session:all_lines(), "\n")
    assert.is_truthy(said:find("\n09:00:00  run       a procedure whose summary is so long\n" .. (" "):rep(20) ..
      "that no terminal of sixty columns shows\n", 1, true), said)
    assert.matches("\n> 7        error%(\"nothing of what was looked for could be f…\n", said)
    session:line ":tasks"
    session:expect "\n[1] :start     waits: tasks\n"
    session:expect_pattern "\n +First +held\n"
  end)
end)
