-- How the editor comes and goes: who may have it, signals, and the terminal's modes.
local editing = require "spec.support.editing"
local program = require "spec.support.program"

local folder

local function start(script, options)
  return editing.start(folder, script, options)
end

local COOKED <const> = { echo = true, icanon = true, isig = true, ixon = true, icrnl = true }

describe("the editor's end", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("gives the terminal back as it was", function()
    local session <close> = start "all()"
    session:expect "> "
    local modes = session:modes()
    assert.same({ false, false, true }, { modes.echo, modes.icanon, modes.isig })
    assert.is_true(session.seen.modes[2004])
    session:key "ctrl-d"
    session:expect "<end nil>"
    assert.equal(0, session:finish())
    assert.same(COOKED, session:modes())
    assert.is_false(session.seen.modes[2004])
  end)

  it("has the terminal in its usual mode between two reads", function()
    local session <close> = start [[
      e:read "> "
      print "between"
      while not io.open(arg[0] .. ".go") do clock.sleep(0.01) end
      e:read "> "
    ]]
    session:expect "> "
    session:key "enter"
    session:expect "between"
    assert.same(COOKED, session:modes())
    assert.is_false(session.seen.modes[2004])
    folder:write("script.lua.go", "")
    session:expect "between\n> "
    assert.is_false(session:modes().echo)
  end)

  it("comes by Ctrl-C, which still is a signal, and cancels the script that waits", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "half"
    session:expect "> half"
    session:key "ctrl-c"
    assert.equal(130, session:finish())
    session:expect_screen { "> half^C", "fairlead: interrupted" }
    assert.same(COOKED, session:modes())
  end)

  it("comes by SIGTERM and by an error, too", function()
    local session <close> = start "all()"
    session:expect "> "
    session:kill(15)
    assert.equal(130, session:finish())
    assert.same(COOKED, session:modes())
    local other <close> = start [[
      task.start(function() clock.sleep(0.05) error "broken" end)
      all()
    ]]
    other:expect "broken"
    assert.equal(1, other:finish())
    assert.same(COOKED, other:modes())
  end)

  it("ends a read that another task waits in", function()
    local session <close> = start([[
      task.start(function() clock.sleep(0.05) e:close() e:close() end)
      print((e:read "> "))
      print(select(2, pcall(e.read, e, "> ")))
    ]], { columns = 120 })
    session:expect "\nend\n"
    session:expect_pattern "the editor is closed"
    assert.equal(0, session:finish())
    assert.same(COOKED, session:modes())
  end)

  it("lets a task that reads be cancelled, and another read follow at once", function()
    local session <close> = start [[
      for _ = 1, 20 do
        local _, err = try(task.timeout, 0.005, e.read, e, "timed> ")
        if err.kind ~= "timeout" then error(err) end
      end
      all()
    ]]
    session:expect "\n> "
    session:line "still here"
    session:expect "<line still here>"
  end)

  it("comes when the terminal hangs up", function()
    local session <close> = start "all()"
    session:expect "> "
    session:hang_up()
    assert.equal(128 + 1, session:finish())
  end)

  it("is the end of the input where a hangup is no signal", function()
    local session <close> = start([[
      local kind = e:read "> "
      local file <close> = io.open(arg[0] .. ".said", "w")
      file:write(kind)
    ]], { before = { "sh", "-c", [[trap "" HUP; exec "$@"]], "sh" } })
    session:expect "> "
    session:hang_up()
    assert.equal(0, session:finish())
    local file <close> = io.open(folder.path .. "/script.lua.said")
    assert.equal("end", file:read "a")
  end)

  it("does not come by Ctrl-Z where no shell could have it go on", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "half"
    session:expect "> half" -- the terminal forgets what is typed and not yet read
    session:key("ctrl-z")
    session:expect_screen { "> half", "> half" }
    session:key "enter"
    session:expect "<line half>"
  end)

  it("is needed before there can be another, and a terminal, too", function()
    local session <close> = start([[
      local _, err = try(editor.open)
      print(err.kind, err.message)
      e:close()
      local again <close> = editor.open()
      print "again"
    ]], { columns = 80 })
    session:expect_pattern "editor.busy%s+the terminal has an editor already"
    session:expect "again"
    assert.equal(0, session:finish())
    local result = program.run { "-e", "require('fairlead.editor').open()" }
    assert.equal(1, result.code)
    assert.matches("no terminal", result.stderr)
  end)

  it("is the collector's business when nobody closed it", function()
    local session <close> = start [[
      e:close()
      do local lost = editor.open() end
      collectgarbage()
      collectgarbage()
      local again <close> = editor.open()
      print "again"
    ]]
    session:expect "again"
    assert.equal(0, session:finish())
    assert.same(COOKED, session:modes())
  end)

  it("refuses two tasks that read at once", function()
    local session <close> = start([[
      local _, err = try(task.all, { function() e:read "one> " end, function() e:read "two> " end })
      print(err.message)
    ]], { columns = 120 })
    session:expect "another task is reading already"
    session:expect "one> "
    assert.equal(0, session:finish())
  end)

  it("leaves LC_CTYPE alone, by which Lua tells letters", function()
    local session <close> = start([[
      print(os.setlocale(nil, "ctype"))
      e:read "> "
      print(os.setlocale(nil, "ctype"))
    ]], { env = { LC_ALL = false } })
    session:expect "\n> "
    session:type "größe"
    session:key("backspace", "enter")
    session:expect_screen { "C", "> größ", "C" }
  end)
end)
