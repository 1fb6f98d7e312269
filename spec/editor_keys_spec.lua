-- What keys do: emacs's and vi's, search, completion, and ~/.editrc.
local editing = require "spec.support.editing"
local program = require "spec.support.program"

local folder

local function start(script, options)
  return editing.start(folder, script, options)
end

local COMPLETER <const> = [[
  local names = { "deploy", "deployment", "describe", "größe", "größer", "http.get", "run" }
  e:completer(function(line, cursor)
    local word = line:sub(1, cursor):match "[%w.\x80-\xff]*$"
    local list = {}
    for _, name in ipairs(names) do
      if name:sub(1, #word) == word then list[#list + 1] = { text = name, after = "(" } end
    end
    return cursor - #word + 1, list
  end)
]]

describe("the editor's keys", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("move by words, delete words and what is before the cursor, and bring it back", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "one two three"
    session:key("ctrl-w")
    session:expect_screen { "> one two" }
    session:key("alt-b")
    session:key("ctrl-u")
    session:expect_screen { "> two" }
    session:key("ctrl-e", "ctrl-y")
    session:expect_screen { "> two one" }
    session:key("ctrl-a", "alt-f", "ctrl-k")
    session:expect_screen { "> two" }
  end)

  it("clear the screen with Ctrl-L and keep the line", function()
    local session <close> = start "print 'before' all()"
    session:expect "before\n> "
    session:type "half"
    session:key "ctrl-l"
    session:expect_screen { "> half" }
  end)

  it("search the history incrementally, backwards and forwards", function()
    local session <close> = start [[
      for _, line in ipairs { "deploy staging", "show runs", "deploy production", "exit" } do e:add_history(line) end
      all()
    ]]
    session:expect "> "
    session:key "ctrl-r"
    session:type "dep"
    session:expect "> deploy production\nbck:dep"
    session:key "ctrl-r"
    session:expect "> deploy staging\nbck:dep"
    session:key("ctrl-s", "ctrl-s") -- the first turns round
    session:expect "> deploy production\nfwd:dep"
    session:key "enter"
    session:expect "<line deploy production>\n> "
    session:key "ctrl-r"
    session:type "show"
    session:key("left", "enter") -- the sequence of a key ends the search, and is not typed
    session:expect "<line show runs>"
  end)

  it("keep printed lines above an open search", function()
    local session <close> = start [[
      e:add_history "deploy staging"
      task.start(function()
        while not io.open(arg[0] .. ".go") do clock.sleep(0.01) end
        e:print "printed"
      end)
      all()
    ]]
    session:expect "> "
    session:key "ctrl-r"
    session:type "stag"
    session:expect "bck:stag"
    folder:write("script.lua.go", "")
    session:expect "printed"
    session:key "enter"
    session:expect "<line deploy staging>\n> "
    assert.same({ "printed", "> deploy staging", "<line deploy staging>", ">" }, session:all_lines())
  end)

  it("complete what only one candidate fits, and the common part of several", function()
    local session <close> = start(COMPLETER .. "all()")
    session:expect "> "
    session:type "x = ht"
    session:key "tab"
    session:expect_screen { "> x = http.get(" }
    session:key "ctrl-u"
    session:type "d"
    session:key "tab"
    session:expect_screen { "> de" }
    session:type "p"
    session:key "tab"
    session:expect_screen { "> deploy" }
    session:key "tab"
    session:expect_screen { "deploy      deployment", "> deploy" }
    session:key "ctrl-u"
    session:type "gr"
    session:key "tab"
    session:expect "> größe"
    session:type "r + 1"
    session:key("left", "left", "left", "left", "tab")
    session:expect "> größer( + 1"
    session:key "enter"
    session:expect "<line größer( + 1>"
  end)

  it("cut a long list of candidates, and say how many more there are", function()
    local session <close> = start([[
      e:completer(function()
        local list = {}
        for number = 1, 1000 do list[number] = { text = ("name_%04d"):format(number) } end
        return 1, list
      end)
      all()
    ]], { columns = 30 })
    session:expect "> "
    session:key("tab")
    session:expect_screen { "> name_" }
    session:key("tab")
    session:expect_screen {
      "name_0001  name_0008", "name_0002  name_0009", "name_0003  name_0010", "name_0004  name_0011",
      "name_0005  name_0012", "name_0006  name_0013", "name_0007  name_0014", "… and 986 more", "> name_",
    }
  end)

  it("complete nothing when the completer fails, and stay alive", function()
    local session <close> = start "e:completer(function() error 'broken' end) all()"
    session:expect "> "
    session:type "a"
    session:key("tab", "b", "enter")
    session:expect "<line ab>"
    assert.truthy(session.seen.bells > 0)
  end)

  it("are vi's on demand: ESC alone leaves insert mode at once, and the loop goes on", function()
    local session <close> = start [[
      e:keys "vi"
      task.start(function()
        for number = 1, math.huge do
          clock.sleep(0.05)
          local file <close> = io.open(arg[0] .. ".ticks", "w")
          file:write(number)
        end
      end)
      all()
    ]]
    local function ticks()
      local file = io.open(folder.path .. "/script.lua.ticks")
      local number = file and file:read "n" or 0
      if file then file:close() end
      return number
    end
    session:expect "> "
    session:type "one two three"
    session:expect "three"
    session:key "escape"
    session:wait_until(function() return select(2, session:cursor()) == 15 end, "the cursor is not on the last letter")
    session:type "bdf" -- delete up to a character that is not typed yet
    local before = ticks()
    session:wait_until(function() return ticks() > before + 3 end, "the loop stands still")
    session:type "e"
    session:expect_screen { "> one two e" }
    session:key "enter"
    session:expect "<line one two e>\n> "
    session:type "xy"
    session:key("left", "Z", "up") -- arrows work in insert mode, and do not leave it
    session:key("down", "enter")
    session:expect "<line xZy>"
  end)

  it("are those of ~/.editrc", function()
    folder:write(".editrc", table.concat({
      "# a comment", 'bind "^[[A" ed-move-to-beg', "fairlead:bind ^O ed-move-to-end", "other:bind ^O ed-move-to-beg",
      "no-such-command", "edit off",
    }, "\n"))
    local session <close> = start("all()", { env = { HOME = folder.path } })
    session:expect "> "
    session:type "two"
    session:key "up"
    session:type "one "
    session:key "ctrl-o"
    session:type " three"
    session:expect_screen { "> one two three" }
  end)

  it("are vi's from the start when ~/.editrc says so", function()
    folder:write(".editrc", "bind -v\nbind ^A ed-move-to-beg\n")
    local session <close> = start("all()", { env = { HOME = folder.path } })
    session:expect "> "
    session:type "one two"
    session:key "escape"
    session:type "0dw"
    session:expect_screen { "> two" }
    session:type "A!"
    session:key "ctrl-a"
    session:type "?"
    session:paste " pasted "
    session:expect_screen { "> ? pasted two!" }
    session:key("ctrl-u")
    session:expect_screen { "> two!" }
  end)
end)
