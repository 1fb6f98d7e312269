-- The REPL at a terminal, as somebody meets it who types.
local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

local folder

-- `fairlead repl …` at a terminal of 80 by 24, or what `options` say; its first prompt is there.
local function start(options, ...)
  local call = { program.path, "repl", ... }
  call.env = { FAIRLEAD_STATE = folder.path, HOME = folder.path, USER = "ada", NO_COLOR = "1" }
  for key, value in pairs(options or {}) do call[key] = value end
  local session = sessions.start(call)
  session:expect "> "
  return session
end

-- Presses Ctrl-C at the prompt, and waits for the next one: it is a signal, which overtakes what is typed.
local function clear(session)
  local _, before = table.concat(session:all_lines(), "\n"):gsub("\n%l+> ", "")
  session:key "ctrl-c"
  session:wait_until(function()
    local _, now = table.concat(session:all_lines(), "\n"):gsub("\n%l+>", "")
    return now > before
  end, "the prompt is not cleared")
end

local CLOSER <const> = "local c <close> = setmetatable({}, { __close = function() %s end })"

-- Leaves by Ctrl-D on an empty line.
local function leave(session)
  session:expect_pattern "\n%l+> $"
  session:key "ctrl-d"
  assert.equal(0, session:finish())
  assert.same({}, session.seen.unknown)
end

describe("fairlead repl at a terminal", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("shows what expressions give", function()
    local session <close> = start()
    session:line "1 + 1"
    session:expect "\n2\nfairlead> "
    session:line "'grün', nil"
    session:expect '\n"grün"\nnil\nfairlead> '
    leave(session)
    assert.same({ "fairlead> 1 + 1", "2", "fairlead> 'grün', nil", '"grün"', "nil", "fairlead>" }, session:screen())
  end)

  it("reads statements over several lines, with a prompt of their own", function()
    local session <close> = start()
    session:line "for i = 1, 2 do"
    session:expect "\n   .. "
    session:line "  print(i)"
    session:line "end"
    session:expect "\n1\n2\nfairlead> "
    leave(session)
  end)

  it("takes a pasted block of 200 lines as one chunk", function()
    local lines = { "local sum = 0", "do" }
    for i = 1, 196 do lines[#lines + 1] = ("  sum = sum + %d -- ü"):format(i) end
    lines[#lines + 1] = "end"
    lines[#lines + 1] = "local half = sum / 2"
    local session <close> = start()
    session:paste(table.concat(lines, "\n"))
    session:expect "local half = sum / 2"
    session:key "enter"
    session:line "sum, half"
    session:expect "\n19306\n9653.0\nfairlead> "
    leave(session)
  end)

  it("takes commands within a pasted block", function()
    local session <close> = start()
    session:paste "local a = 1\n:set width 33\n:set width\na + 1\n"
    session:expect "\n33\n2\nfairlead> "
    leave(session)
  end)

  it("points at where a line cannot be read", function()
    local session <close> = start()
    session:line "local y = = 2"
    session:expect "error: unexpected symbol near '='\n  local y = = 2\n            ^\nfairlead> "
    leave(session)
  end)

  it("clears the line at Ctrl-C, also one of several", function()
    local session <close> = start()
    session:type "half a li"
    session:expect "half a li"
    session:key "ctrl-c"
    session:expect_pattern "half a li[^\n]*\nfairlead> $"
    session:line "do"
    session:expect "   .. "
    session:key "ctrl-c"
    session:expect_pattern "   %.%. [^\n]*\nfairlead> $"
    session:line "7"
    session:expect "\n7\nfairlead> "
    leave(session)
  end)

  it("cancels a line that waits at Ctrl-C, and its closers run", function()
    local session <close> = start()
    session:line("do " .. CLOSER:format "print 'closed'" .. " print 'begun' clock.sleep(99) end")
    session:expect "\nbegun"
    session:key "ctrl-c"
    session:expect "closed\nerror: interrupted\nfairlead> "
    leave(session)
  end)

  it("stops a busy line at Ctrl-C, and lives on", function()
    local session <close> = start()
    for _ = 1, 3 do
      session:line "while true do end"
      session:wait_until(function() return session:modes().echo end, "the line does not run")
      session:key "ctrl-c"
      session:expect_pattern "error: interrupted\nfairlead> $"
    end
    session:line "6 * 7"
    session:expect "\n42\nfairlead> "
    leave(session)
  end)

  it("says what a line waits for that takes long, and takes that away", function()
    local session <close> = start()
    session:line "clock.sleep(4.5) or 'done'"
    session:expect("waits: clock.sleep, for 3 s; Ctrl-C ends it", 30)
    session:expect '\n"done"\nfairlead> '
    assert.same({ "fairlead> clock.sleep(4.5) or 'done'", '"done"', "fairlead>" }, session:screen())
    leave(session)
  end)

  it("keeps a half-typed line while 10,000 lines come from the background", function()
    local session <close> = start()
    session:line "for i = 1, 10000 do print('line ' .. i) if i % 100 == 0 then clock.sleep(0) end end &"
    session:type "x = 'half"
    session:expect("[1] done", 60)
    session:type " and half'"
    session:key "enter"
    session:line "x"
    session:expect '\n"half and half"\nfairlead> '
    local seen = 0
    for _, line in ipairs(session:all_lines()) do
      if line:find "^line %d+$" then
        seen = seen + 1
        assert.equal("line " .. seen, line)
      end
    end
    assert.equal(10000, seen)
    leave(session)
  end)

  it("shows what is printed by anybody above the prompt", function()
    local session <close> = start()
    session:line "clock.sleep(0.3) io.write('one ', 'two\\n') io.stdout:write 'three' io.stderr:write '\\nfour\\n' &"
    session:expect "[1] started\nfairlead> "
    session:type "typed"
    session:expect "\none two\nthree\nfour\n[1] done\nfairlead> typed"
    clear(session)
    session:line "io.write 'no end'"
    session:expect_pattern "\nno end\nFILE%*[^\n]*\nfairlead> $"
    leave(session)
  end)

  it("tells how background lines end, and goes on", function()
    local session <close> = start()
    session:line "clock.sleep(0.2) or 5 &"
    session:expect "[1] started\n"
    session:expect "[1] done: 5\nfairlead> "
    session:line "error 'no' &"
    session:expect "[2] failed: repl 2:1: no\nfairlead> "
    session:line "t = task.start(function() clock.sleep(99) end)"
    session:line ":tasks"
    session:expect "[3] task.start in: t = task.start(function() clock.sleep(99…  waits: clock.sleep"
    session:line ":cancel 3"
    session:expect "[3] cancelled\nfairlead> "
    leave(session)
  end)

  it("asks at Ctrl-D when something still runs; the second means it", function()
    local session <close> = start()
    session:line("do " .. CLOSER:format "print 'closed'" .. " clock.sleep(99) end &")
    session:expect "[1] started\nfairlead> "
    session:key "ctrl-d"
    session:expect "1 background line still runs (:tasks); Ctrl-D again cancels it and ends\nfairlead> "
    session:key "ctrl-d"
    assert.equal(0, session:finish())
    session:expect "closed\n[1] cancelled"
  end)

  it("says what the end waits for when that takes long", function()
    local session <close> = start()
    session:line("do " .. CLOSER:format "clock.sleep(1.5)" .. " clock.sleep(99) end &")
    session:expect "[1] started"
    session:line ":quit"
    session:expect "waiting for [1] to clean up: clock.sleep\n[1] cancelled"
    assert.equal(0, session:finish())
  end)

  it("lives on over results and output of any size", function()
    local session <close> = start()
    session:line "('x'):rep(100 << 20)"
    session:expect("fairlead> ", 60)
    session:line "while true do print 'runaway' end"
    session:expect "runaway\nrunaway\nrunaway"
    session:key "ctrl-c"
    session:expect "error: interrupted\nfairlead> "
    session:line "1"
    session:expect "\n1\nfairlead> "
    leave(session)
  end)

  it("follows the terminal's width", function()
    local session <close> = start { columns = 30 }
    session:line "{ first = 'aaaaaaaa', second = 'bbbbbbbb' }"
    session:expect '{\n  first = "aaaaaaaa",\n  second = "bbbbbbbb"\n}\nfairlead> '
    session:resize(80, 24)
    session:line "{ first = 'aaaaaaaa', second = 'cccccccc' }"
    session:expect '\n{ first = "aaaaaaaa", second = "cccccccc" }\nfairlead> '
    leave(session)
  end)

  it("keeps the history from one session to the next, but no line with a secret", function()
    do
      local session <close> = start()
      session:line "first = 1"
      session:line "token = secret 'hunter2'"
      session:line "token"
      session:expect "[secret]"
      leave(session)
    end
    local session <close> = start()
    session:key("up", "up")
    session:expect "fairlead> first = 1"
    session:key "enter"
    session:line ":history 2"
    session:expect_pattern "%d  first = 1\n +%d  :history 2\n"
    leave(session)
    local file <close> = assert(io.open(folder.path .. "/history"))
    assert.is_nil(file:read "a":find "hunter2")
  end)
end)

describe("fairlead repl --world at a terminal", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("opens a pull request, and shows what the world holds then", function()
    local session <close> = start({}, "--world")
    session:expect "world> "
    session:line "gh = github.client { repository = 'acme/lighthouse' }"
    session:line "git.open(w.folder.work):push { branch = 'light-the-lamp' }"
    session:expect 'status = "new"'
    session:line "local light = { head = 'light-the-lamp', base = 'main', title = 'Light the lamp' }"
    session:line "local pull = gh:open_pull_request(light)"
    session:line "w.github.pulls:get(pull.number).title"
    session:expect '\n"Light the lamp"\nworld> '
    session:line "clock.sleep(600)"
    session:line "gh:checks(pull.head.sha).state"
    session:expect '\n"passing"\nworld> '
    leave(session)
  end)

  it("rehearses in the background while the prompt is there", function()
    local script = folder:write("lamp.lua", [[
      local clock = require "fairlead.clock"
      return require "fairlead.procedure".new { name = "lamp",
        run = function(run) run:step("Light", function() clock.sleep(3600) end) end,
        rehearsal = function() return require "fairlead.world.example".fixture() end }
    ]])
    local session <close> = start({}, script, "--world")
    session:line ":start &"
    session:type "typed"
    session:expect "done      Light  1 h"
    session:expect_pattern "Took\n  Light  1 h\nworld> typed$"
    clear(session)
    leave(session)
  end)
end)

describe(":start at a terminal, for real", function()
  local SCRIPT <const> = [[
    return require "fairlead.procedure".new { name = "lamp", parameters = { colour = { default = "white" } },
      run = function(run, parameters)
        run:gate { name = "Go", question = "Light it?", via = { "terminal" } }
        return run:step("Light", function() return parameters.colour end)
      end }
  ]]
  local script

  before_each(function()
    folder = program.folder()
    script = folder:write("lamp.lua", SCRIPT)
  end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("asks first, and the run's own questions stand in the prompt's place", function()
    local session <close> = start({}, script)
    session:line ":start colour=red"
    session:expect 'Carry out "lamp" for real with colour=red? (yes/no) '
    session:line "yes"
    session:expect_pattern "asked     Go  Light it%?\n.*Type: yes, or no and why%.\n> $"
    session:line "yes"
    session:expect "Done: lamp"
    session:expect_pattern "\nfairlead> $"
    session:line "_"
    session:expect '\n"red"\nfairlead> '
    leave(session)
    local runs = program.run { "runs", env = { FAIRLEAD_STATE = folder.path } }
    assert.matches("lamp", runs.stdout)
  end)

  it("does nothing without a yes", function()
    local session <close> = start({}, script)
    session:line ":start"
    session:expect 'Carry out "lamp" for real? (yes/no) '
    session:line "no"
    session:expect "error: nothing was started\nfairlead> "
    leave(session)
  end)

  it("asks what a run in the background asks above the prompt, to be answered by :answer", function()
    local session <close> = start({}, script)
    session:line ":start &"
    session:expect "(yes/no) "
    session:line "yes"
    session:expect "— :answer TEXT\nfairlead> "
    session:line ":answer yes"
    session:expect "Done: lamp"
    session:line ":answer yes"
    session:expect "error: nothing was asked\nfairlead> "
    leave(session)
  end)

  it("ends with :stop", function()
    local session <close> = start({}, script)
    session:line ":start &"
    session:expect "(yes/no) "
    session:line "yes"
    session:expect "— :answer TEXT\nfairlead> "
    session:line ":tasks"
    session:expect "[1] :start &"
    session:line ":stop"
    session:expect "Interrupted"
    session:expect_pattern "\nfairlead> $"
    leave(session)
  end)
end)
