-- `--debug` and `repl --run` at a terminal: when the prompt comes and goes, what Ctrl-C and Ctrl-D mean.
local program = require "spec.support.program"
local server = require "spec.support.server"
local sessions = require "spec.support.terminal_session"

local folder

local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local clock = require "fairlead.clock"
return procedure.new {
  name = "spec", summary = "a spec",
  rehearsal = function() return require "fairlead.world.example".fixture() end,
  run = function(run)
    run:on_failure(function() run:say "the handler" end)
    local settings = { level = 1 }
    run:step("First", function() return true end)
    run:step("Second", { already = function() end, act = function()
      local level = settings.level
      if level ~= 2 then error("level is " .. level, 0) end
      return { level = level }
    end })
    run:stage("Last", function() clock.sleep(%s) end)
    run:say "at the end"
  end,
}
]]

local function environment()
  return { FAIRLEAD_STATE = folder.path .. "/state", HOME = folder.path, USER = "ada", NO_COLOR = "1" }
end

local function start(what, sleep, ...)
  local path = folder:write("script.lua", SCRIPT:format(sleep))
  return sessions.start { program.path, what, path, rows = 50, columns = 100, env = environment(), ... }
end

describe("--debug at a terminal", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("has a prompt from the failure on, until the run has ended", function()
    local session <close> = start("rehearse", 0, "--debug")
    session:expect "\nstop 1> "
    session:expect "in Second; its deadlines are held, the world's clock stands still"
    session:line "settings.level = 2"
    session:expect "settings.level = 2\nstop 1> "
    session:line ":retry"
    session:expect "Second is done; :resume goes on, :retry does it again"
    session:expect "\nstop 2> "
    session:line "_"
    session:expect "{ level = 2 }\nstop 2> "
    session:line ":resume"
    session:expect "Nothing real was touched."
    assert.equal(0, session:finish())
    assert.same({}, session.seen.unknown)
    assert.is_truthy(session:output():find("at the end", 1, true))
  end)

  it("lets the error take its course at Ctrl-D", function()
    local session <close> = start("run", 0, "--debug")
    session:expect "\nstop 1> "
    session:key "ctrl-d"
    session:expect "note      the handler"
    session:expect "Failed: a spec"
    assert.equal(1, session:finish())
  end)

  it("asks before a value goes on record", function()
    local session <close> = start("run", 0, "--debug")
    session:expect "\nstop 1> "
    session:line ":resume = { level = 5 }"
    session:expect "Take { level = 5 } for the result of Second? It goes on record as yours. (yes/no)"
    session:line "no"
    session:expect "nothing was taken\nstop 1> "
    session:line ":resume = { level = 5 }"
    session:expect_pattern "yours%. %(yes/no%) no.*yours%. %(yes/no%)"
    session:line "yes"
    session:expect "given     Second  by hand by ada"
    session:expect "Done: a spec"
    assert.equal(0, session:finish())
  end)

  it("gives the prompt back for a gate's question that comes while :retry waits", function()
    local path = folder:write("gate.lua", [[
return require("fairlead.procedure").new {
  name = "gates", run = function(run) run:gate { name = "Go", question = "Go?" } end,
}
]])
    local session <close> = sessions.start {
      program.path, "run", "--debug", path, rows = 50, columns = 100, env = environment(),
    }
    session:expect_pattern "Type: yes, or no and why%.\n> $"
    session:line "no"
    session:expect "\nstop 1> "
    session:line ":retry"
    session:expect_pattern "an answer is waited for  — :answer TEXT\n%l+> $"
    session:line ":answer yes"
    session:expect_pattern "Go is done; :resume goes on, :retry does it again\n.*\n}\nfairlead> $"
    session:line ":resume"
    session:expect "Done: gates"
    assert.equal(0, session:finish())
  end)

  it("asks what a background line wanted to know, once nobody looks any more", function()
    local peer <close> = server.start(function(exchange) exchange:reply(200, {}, "{}") end)
    local session <close> = start("run", 0, "--debug")
    session:expect "\nstop 1> "
    session:line(("require('fairlead.http').post(%q).status &"):format(peer.url))
    session:expect ":answer TEXT"
    session:key "ctrl-d"
    session:expect_pattern "Failed: a spec.*%[y/N/all in this line%] $"
    session:line "y"
    session:expect "[2] done: 200"
    assert.equal(1, session:finish())
    assert.equal(1, #peer.requests)
  end)

  it("ends the run at Ctrl-C while it goes on, and not the wait for it at the prompt", function()
    local session <close> = start("run", 60, "--debug")
    session:expect "\nstop 1> "
    session:line "settings.level = 2"
    session:expect "settings.level = 2\nstop 1> "
    session:line ":resume"
    session:expect "begin     Last"
    session:key "ctrl-c" -- :resume waits no longer; the run goes on
    session:expect_pattern "error: interrupted\nfairlead> $"
    session:line "1 + 1"
    session:expect "\n2\nfairlead> "
    session:key "ctrl-d" -- nobody looks any more
    session:wait_until(function() return session:modes().echo end, "the prompt is still there")
    session:key "ctrl-c"
    session:expect "Interrupted: a spec"
    assert.equal(130, session:finish())
  end)
end)

describe("fairlead repl --run at a terminal", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("asks before it takes a run up, and debugs it", function()
    local first <close> = start("run", 0, "--plain")
    first:expect "Failed: a spec"
    local id = first:expect_pattern "run (%d+%-%d+%-%x+)\n"
    assert.equal(1, first:finish())
    local session <close> = sessions.start {
      program.path, "repl", "--run", id, rows = 60, columns = 100, env = environment(),
    }
    session:expect(id .. "  spec: failed; level is 1")
    session:line ":replay"
    session:expect "Second comes next\nstop 1> "
    session:line ":resume"
    session:expect(("Go on with run %s for real? (yes/no)"):format(id))
    session:line "no"
    session:expect "nothing was done\nstop 1> "
    session:line ":resume"
    session:expect_pattern "real%? %(yes/no%) no.*real%? %(yes/no%)"
    session:line "yes"
    session:expect "in Second; its deadlines are held"
    session:expect "\nstop 2> "
    session:line "settings.level = 2"
    session:expect "settings.level = 2\nstop 2> "
    session:line ":resume"
    session:expect "Done: a spec"
    session:expect_pattern "\nfairlead> $"
    session:key "ctrl-d"
    assert.equal(0, session:finish())
  end)
end)
