local program = require "spec.support.program"
local sessions = require "spec.support.terminal_session"

-- What every script here begins with: an editor, and a loop that says what each read gave.
local PRELUDE <const> = [[
  local clock, editor, task = require "fairlead.clock", require "fairlead.editor", require "fairlead.task"
  local e <close> = editor.open { history = arg[1] }
  local function say(kind, text) e:print(("<%s %s>"):format(kind, tostring(text):gsub("\n", "|"))) end
  local function all(prompt)
    while true do
      local kind, text = e:read(prompt or "> ", { continuation = ".. " })
      say(kind, text)
      if kind == "end" then return end
      if kind == "line" then e:add_history(text) end
    end
  end
]]

local folder

-- A program that runs such a script on a terminal of 40 by 10, or what `options` say.
local function start(script, options)
  local call = { columns = 40, rows = 10 }
  for key, value in pairs(options or {}) do call[key] = value end
  call[1], call[2], call[3] = program.path, folder:write("script.lua", PRELUDE .. script), call.history
  return sessions.start(call)
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
end)
