-- What a person sees: lines above the prompt, long lines, wide characters, a window that changes its size.
local clock = require "fairlead.clock"
local editing = require "spec.support.editing"
local program = require "spec.support.program"
local text = require "fairlead.faces.text"

local folder

local function start(script, options)
  return editing.start(folder, script, options)
end

-- A script that prints a line when it is told to, by a signal that a file comes into being.
local PRINTER <const> = [[
  local function printer()
    for number = 1, math.huge do
      local path = arg[0] .. "." .. number
      while not io.open(path) do clock.sleep(0.005) end
      e:print("printed " .. number)
    end
  end
  task.start(printer)
  all()
]]

local printed

local function print_above(session)
  printed = printed + 1
  folder:write("script.lua." .. printed, "")
  session:expect("printed " .. printed .. "\n")
end

describe("the editor's screen", function()
  before_each(function() folder, printed = program.folder(), 0 end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("has other tasks' lines above the prompt, and the half-typed line below them", function()
    local session <close> = start(PRINTER)
    session:expect "> "
    session:type "half a line"
    session:key("left", "left")
    session:expect "half a line"
    print_above(session)
    print_above(session)
    session:type "X"
    session:expect_screen { "printed 1", "printed 2", "> half a liXne" }
    local row, column = session:cursor()
    assert.same({ 3, 13 }, { row, column })
    session:key "enter"
    session:expect "<line half a liXne>"
  end)

  it("prints above a line that takes several rows, wherever the cursor is in it", function()
    local session <close> = start(PRINTER, { columns = 20, rows = 12 })
    session:expect "> "
    session:type(("abcdefghi "):rep(5))
    session:expect "\ni abcdefghi "
    print_above(session)
    session:key("home")
    print_above(session)
    for _ = 1, 18 do session:key "right" end -- the first column of the second row
    print_above(session)
    for _ = 1, 4 do session:key "right" end
    print_above(session)
    session:key "end"
    print_above(session)
    session:type "!"
    session:expect_screen {
      "printed 1", "printed 2", "printed 3", "printed 4", "printed 5",
      "> abcdefghi abcdefgh", "i abcdefghi abcdefgh", "i abcdefghi !",
    }
  end)

  it("keeps the half-typed line whole under 10,000 lines of background output", function()
    local session <close> = start [[
      task.start(function()
        for number = 1, 10000 do
          e:print("background line " .. number)
          if number % 500 == 0 then clock.sleep(0.001) end
        end
      end)
      all()
    ]]
    session:expect "background line 1\n"
    local typed = {}
    for number = 1, 60 do
      typed[#typed + 1] = string.char(96 + number % 26 + 1)
      session:type(typed[#typed])
      if number % 7 == 0 then clock.sleep(0.001) end
    end
    session:expect("background line 10000\n", 60)
    session:expect(table.concat(typed):sub(-22))
    session:key "enter"
    session:expect_pattern("<line%s+" .. table.concat(typed):sub(1, 30))
    local count = 0
    for _, line in ipairs(session:all_lines()) do
      local number = line:match "^background line (%d+)$"
      if number then
        count = count + 1
        assert.equal(count, tonumber(number))
      else
        assert.is_nil(line:find("background", 1, true), line)
      end
    end
    assert.equal(10000, count)
  end)

  it("keeps neither the loop from its work nor the program from its end while the terminal takes nothing", function()
    local session <close> = start [[
      task.start(function()
        for number = 1, 40000 do e:print(("%d "):format(number):rep(100)) end
        local began = clock.monotonic()
        for _ = 1, 20 do clock.sleep(0.01) end
        local ticked = clock.monotonic()
        e:close()
        local file <close> = io.open(arg[0] .. ".took", "w")
        file:write(ticked - began, " ", clock.monotonic() - ticked)
      end)
      if e:read "> " ~= "end" then os.exit(1) end
    ]]
    session:stall()
    assert.equal(0, session:finish())
    local file <close> = io.open(folder.path .. "/script.lua.took")
    local ticking, closing = file:read("n", "n")
    assert.is_true(ticking < 2, ("twenty hundredths of a second took %s"):format(ticking))
    assert.is_true(closing < 2, ("closing took %s"):format(closing))
  end)

  it("shows and edits UTF-8, wide characters, and control characters as ^X", function()
    local session <close> = start(PRINTER, { columns = 20 })
    session:expect "> "
    session:type "größe 漢字 ❄"
    session:key("left", "left", "backspace")
    session:expect_screen { "> größe 漢 ❄" }
    session:key("ctrl-a")
    session:key("ctrl-v", "ctrl-g")
    session:expect_screen { "> ^Ggröße 漢 ❄" }
    print_above(session)
    session:key "enter"
    session:expect "<line größe 漢 ❄>"
    assert.equal(1, session.seen.bells)
  end)

  it("keeps a combining character in the text", function()
    local session <close> = start "all()"
    session:expect "> "
    session:type "re\u{301}sume\u{301}!"
    session:key("left", "backspace", "enter")
    session:expect "<line re\u{301}sume!>"
  end)

  it("stays in step whatever is typed, moved over and printed", function()
    local pieces = { "a", "bc ", "漢", "é", "字字", "x.y", " ", "\22\1" }
    for seed = 1, 6 do
      local session <close> = start(PRINTER, { columns = 17, rows = 40 })
      local state = seed
      local function random(n)
        state = (state * 1103515245 + 12345) & 0x7fffffff
        return (state >> 8) % n + 1
      end
      session:expect "> "
      local before, after, lines = "", "", {}
      for _ = 1, 40 do
        local what = random(10)
        if what <= 5 then
          local piece = pieces[random(#pieces)]
          session:type(piece)
          before = before .. piece:gsub("\22", "")
        elseif what <= 7 and before ~= "" then
          session:key "left"
          local last = utf8.offset(before, -1)
          before, after = before:sub(1, last - 1), before:sub(last) .. after
        elseif what == 8 and before ~= "" then
          session:key "backspace"
          before = before:sub(1, utf8.offset(before, -1) - 1)
        elseif what == 9 then
          session:key "end"
          before, after = before .. after, ""
        else
          print_above(session)
          lines[#lines + 1] = "printed " .. #lines + 1
        end
      end
      local row, width = ">", 1
      for _, code in utf8.codes(" " .. before .. after) do
        for _, part in ipairs(code == 1 and { "^", "A" } or { utf8.char(code) }) do
          if width + text.width(part) > 17 then
            lines[#lines + 1] = (row:gsub(" +$", ""))
            row, width = "", 0
          end
          row, width = row .. part, width + text.width(part)
        end
      end
      lines[#lines + 1] = (row:gsub(" +$", ""))
      print_above(session)
      table.insert(lines, printed, "printed " .. printed)
      while lines[#lines] == "" do lines[#lines] = nil end
      session:expect_screen(lines)
      for number = 1, printed do os.remove(folder.path .. "/script.lua." .. number) end
      printed = 0
    end
  end)

  it("draws the line anew when the window changes its size", function()
    local session <close> = start("all()", { columns = 40 })
    session:expect "> "
    session:type "a line of thirty-four characters !"
    session:expect "characters !"
    session:resize(20, 10)
    session:expect_screen { "> a line of thirty-f", "our characters !" }
    session:resize(60, 10)
    session:expect "> a line of thirty-four characters !"
    session:type "?"
    session:key "enter"
    session:expect "<line a line of thirty-four characters !?>"
  end)

  it("has prompts with colours, whose sequences take no columns", function()
    local session <close> = start([[all "\27[1;31mproduction!\27[0m> "]], { columns = 30 })
    session:expect "production!> "
    session:type "0123456789 0123456789"
    session:key("home", "X")
    session:expect_screen { "production!> X0123456789 01234", "56789" }
    assert.truthy(session:output():find("\27[1;31mp", 1, true))
    assert.truthy(session:output():find("\27[0m>", 1, true))
    local row, column = session:cursor()
    assert.same({ 1, 15 }, { row, column })
  end)

  it("makes do with a dumb terminal", function()
    local session <close> = start(PRINTER, { env = { TERM = "dumb" } })
    session:expect "> "
    session:type "half"
    session:expect "> half"
    print_above(session)
    session:expect "printed 1\n> half"
    session:line " done"
    session:expect "<line half done>"
    assert.is_nil(session:output():find("\27", 1, true))
  end)
end)
