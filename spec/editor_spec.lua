local editing = require "spec.support.editing"
local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

local folder

local function start(script, options)
  return editing.start(folder, script, options)
end

describe("the editor", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("reads lines, and ends with Ctrl-D on an empty one", function()
    local session <close> = start "all()"
    session:expect "> "
    session:line "one"
    session:expect "<line one>\n> "
    session:line ""
    session:expect "<line >\n> "
    session:key "ctrl-d"
    assert.equal(0, session:finish())
    assert.same({ "> one", "<line one>", ">", "<line >", ">", "<end nil>" }, session:all_lines())
    assert.same({}, session.seen.unknown)
  end)

  it("edits in the middle of the line", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "one three"
    session:key("ctrl-left")
    session:type "two "
    session:key("home", "delete", "end", "backspace", "left")
    session:expect_screen { "> ne two thre" }
    session:key "enter"
    session:expect "<line ne two thre>"
  end)

  it("takes several pasted lines as one event, and one as typed text", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "x = "
    session:paste "1 +"
    session:key "enter"
    session:expect_screen { "> x = 1 +", "<line x = 1 +>", ">" }
    session:type "for"
    session:paste " i = 1, 2 do\n  print(i)\nend\n"
    session:expect "<paste for i = 1, 2 do|  print(i)|end|>"
    session:expect_screen {
      "> x = 1 +", "<line x = 1 +>", "> for i = 1, 2 do", "..   print(i)", ".. end",
      "<paste for i = 1, 2 do|  print(i)|end|>", ">",
    }
  end)

  it("takes a paste's line ends of any kind, and a paste without an end mark when nothing follows", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "\27[200~a\r\nb\nc\rd\27[201~"
    session:expect "<paste a|b|c|d>\n> "
    session:type "\27[200~without an end"
    session:expect("> without an end", 10)
  end)

  it("takes a paste of 200 lines as one event, and shows all of it", function()
    local session <close> = start [[
      local kind, text = e:read("> ", { continuation = ".. " })
      local lines, block = {}, nil
      for number = 1, 200 do lines[number] = ("local variable_%03d = %d\n"):format(number, number) end
      block = table.concat(lines)
      print(("<%s %s>"):format(kind, text == block))
    ]]
    local lines = {}
    for number = 1, 200 do lines[number] = ("local variable_%03d = %d\n"):format(number, number) end
    local block = table.concat(lines)
    session:expect "> "
    session:paste(block)
    assert.equal(0, session:finish())
    session:expect "\n.. local variable_200 = 200\n<paste true>"
    assert.equal("> local variable_001 = 1", session:all_lines()[1])
    assert.equal(".. local variable_100 = 100", session:all_lines()[100])
  end)

  it("gives lines that are pasted without marks one by one, and loses none", function()
    local session <close> = start("all()", { rows = 60 })
    local lines = {}
    for number = 1, 100 do lines[number] = ("line_%03d\tx\r"):format(number) end
    session:type(table.concat(lines))
    for number = 1, 100 do session:expect_pattern(("<line line_%03d%%s+x>"):format(number)) end
  end)

  it("shows pasted lines without a continuation, and behind an empty prompt", function()
    local session <close> = start [[
      local kind, text = e:read ""
      print(kind, text)
    ]]
    session:wait_until(function() return not session:modes().icanon end, "the editor")
    session:paste "a\nb\n"
    session:expect_pattern "a\nb\npaste%s+a\nb\n"
    assert.equal(0, session:finish())
  end)

  it("takes nothing of a paste that is too long, and goes on behind its end", function()
    local session <close> = start "all()"
    session:expect "> "
    session:paste(("x = 'one line of very many'\n"):rep(41000))
    session:expect "eft out]\n> "
    session:line "one"
    session:expect "<line one>"
  end)

  it("is interrupted from a task", function()
    local session <close> = start [[
      task.start(function()
        clock.sleep(0.2)
        e:interrupt()
      end)
      all()
    ]]
    session:type "half a li"
    session:expect "<interrupt nil>"
    session:expect_screen { "> half a li^C", "<interrupt nil>", ">" }
  end)

  it("asks a question, whose answer the history does not have", function()
    local session <close> = start [[
      e:add_history "old"
      say("answer", e:ask "sure? ")
      all()
    ]]
    session:expect "sure? "
    session:key "up"
    session:line "yes"
    session:expect "<answer yes>\n> "
    session:key("up", "enter")
    session:expect "<line old>"
  end)

  it("gives the terminal back when it is stopped by Ctrl-Z, and takes it again", function()
    local path = editing.script(folder, "all()")
    local session <close> = sessions.start {
      "/bin/bash", "--norc", "--noprofile", "-i", columns = 40, rows = 30, env = { PS1 = "shell$ " },
    }
    session:expect "shell$ "
    session:line("clear; " .. program.path .. " " .. path)
    session:expect "> "
    session:type(("1 and more "):rep(5))
    session:expect "and\n more 1 and more" -- the terminal forgets what is typed and not yet read
    session:key "ctrl-z"
    session:expect "Stopped"
    session:line "bg" -- in the background it stops at once, and leaves the shell its terminal
    session:line "sleep 0.5; jobs -s >/dev/null && echo stopped: $(jobs -sp | wc -l)"
    session:expect "stopped: 1"
    session:line "clear; echo again; fg"
    session:expect_pattern "again\n.*> 1 and more"
    session:key("left", "backspace", "enter")
    session:expect "<line 1 and more 1 and more 1 and more 1\n and more 1 and mor >"
    session:key "ctrl-z"
    session:expect "shell$ "
    session:line "clear; echo once more; fg"
    session:expect_pattern "once more\n.*\n> "
    session:key "ctrl-d"
    session:expect_pattern "<end nil>\n.*shell%$ "
    session:line "exit"
    assert.equal(0, session:finish())
  end)

  it("goes on after Ctrl-Z where no shell could have it go on", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "on"
    session:expect "> on"
    session:key "ctrl-z"
    session:type "e\r"
    session:expect "<line one>"
  end)

  it("ends the read when it is closed, or interrupted, while a completion is looked for", function()
    for _, what in ipairs { "close", "interrupt" } do
      local session <close> = start(([[
        local asked = task.event()
        e:completer(function() asked:set(); clock.sleep(0.3); return 1, { { text = "one" } } end)
        task.start(function() asked:wait(); e:%s() end)
        local kind = e:read "> "
        print("gave " .. kind)
      ]]):format(what))
      session:expect "> "
      session:key "tab"
      session:expect("gave " .. (what == "close" and "end" or what))
      assert.equal(0, session:finish())
    end
  end)

  it("refuses a second reader, also while a completion is looked for", function()
    local session <close> = start [[
      local asked = task.event()
      e:completer(function() asked:set(); clock.sleep(0.3); return 1, { { text = "one" } } end)
      task.start(function()
        asked:wait()
        local _, err = try(e.read, e, "second> ")
        e:print(tostring(err):match "another task is reading already")
      end)
      all()
    ]]
    session:expect "> "
    session:key "tab"
    session:expect "another task is reading already\n> one"
    session:key "enter"
    session:expect "<line one>"
  end)

  it("interrupts no other read than the one that was open", function()
    local session <close> = start [[
      for i = 1, 300 do -- each is cancelled just when its line is entered, or a little before or after
        local reader = task.start(e.read, e, "> ")
        if i > 1 then clock.sleep(i % 7 / 3000) end
        reader:cancel()
        try(reader.wait, reader)
        local given
        local second = task.start(function() given = e:read "# " end)
        clock.sleep(0.002)
        if given == "interrupt" then print "the wrong one" end
        second:cancel()
        try(second.wait, second)
      end
      print "done"
    ]]
    for _ = 1, 300 do
      session:type "\r"
      if session.ended then break end
      require("fairlead.clock").sleep(0.003)
    end
    session:expect "done"
    assert.falsy(table.concat(session:all_lines(), "\n"):find("the wrong one", 1, true))
  end)
end)
