-- The live tree on a real terminal. What counts is what stays on the screen.
local clock = require "fairlead.clock"
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local HEAD <const> = [[
local procedure = require "fairlead.procedure"
local clock = require "fairlead.clock"
]]

-- A screen on which `fairlead run` carries out a procedure; to be closed.
local function show(columns, rows, run, plan, env, ...)
  local folder = program.folder()
  local path = folder:write("script.lua",
    HEAD .. ("return procedure.new { name = 'spec', summary = 'Spec', plan = { %s }, run = function(run) %s end }")
      :format(plan or "", run))
  local screen = screens.start(columns, rows, { program.path, "run", path, ... }, env)
  return screen, setmetatable({}, { __close = function()
    local _ <close> = folder
    local _ <close> = screen
  end })
end

-- Waits for a file that the spec makes, so that the spec decides when the run goes on.
local function until_told(folder, name)
  return ("run:wait { name = 'Held', timeout = 60, every = 0.05, check = function() local f = io.open(%q)"
    .. " if f then f:close() return true end return nil, { text = 'held', traffic = 40 } end }")
    :format(folder.path .. "/" .. name)
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

local function without_times(text)
  return (text:gsub(" +[%d.]+ s\n", "\n"):gsub(" · [%d.]+ s · run %S+", ""))
end

describe("the live tree", function()
  it("shows what runs, what it waits for, and what is still to come; leaves the whole tree and a summary", function()
    local folder <close> = program.folder()
    local screen, closing = show(70, 20, [[
      run:stage("Build", function() run:step("Compile", function() end) end)
      run:say "A remark"
      run:stage("Deploy", function() ]] .. until_told(folder, "go") .. [[ end)
      run:live { environment = "staging", version = "1a2b" }
    ]], "'Build', 'Deploy', 'Announce'")
    local _ <close> = closing
    local lines = lines_of(screen:wait "40 %%")
    assert.equal("  A remark", lines[1])
    assert.matches("^✔ Build +[%d.]+ s$", lines[2])
    assert.matches("^  ✔ Compile +[%d.]+ s$", lines[3])
    assert.matches("^%S+ Deploy +[%d.]+ s$", lines[4])
    assert.matches("^  %S+ Held  ████░░░░░░ 40 %%  held +[%d.]+ s$", lines[5])
    assert.equal("○ Announce", lines[6])
    assert.equal(6, #lines)
    assert.is_false(screen:cursor_is_shown())
    local first = lines[5]:match "([%d.]+) s$"
    clock.sleep(0.6)
    assert.are_not.equal(first, lines_of(screen:read())[5]:match "([%d.]+) s$")

    folder:write("go", "")
    local text = screen:wait "%[ended 0%]"
    assert.equal([[
  A remark
  live: staging  1a2b
✔ Build
  ✔ Compile
✔ Deploy
  ✔ Held

Done: Spec
Live
  staging  1a2b
[ended 0]
]], without_times(text))
    assert.is_true(screen:cursor_is_shown())
  end)

  it("is drawn in place: a hundred remarks and redraws leave one tree, and each remark once", function()
    local screen, closing = show(60, 10, [[
      for i = 1, 100 do
        run:step("Step " .. i % 3, function() clock.sleep(i % 10 == 0 and 0.05 or 0) end)
        run:say(("remark %03d"):format(i))
      end
    ]])
    local _ <close> = closing
    screen:wait "%[ended 0%]"
    local text, seen = screen:read(true), 0
    for i = 1, 100 do
      local count = select(2, text:gsub(("remark %03d\n"):format(i), ""))
      assert.equal(1, count, "remark " .. i)
      seen = seen + count
    end
    assert.equal(100, seen)
    assert.equal(1, select(2, text:gsub("✔ Step 1 %(34%)", "")))
  end)

  it("follows a change of the window's size, and cuts what does not fit", function()
    local folder <close> = program.folder()
    local screen, closing = show(80, 20, [[
      run:stage("A name that is rather long, as names of steps may well be", function() ]]
      .. until_told(folder, "go") .. [[ end)]], "'Next'")
    local _ <close> = closing
    screen:wait "40 %%"
    -- tmux folds its lines at once and tells the program a quarter of a second later, so a line that was drawn
    -- meanwhile may be left above; from then on the tree is whole.
    screen:resize(40, 20)
    screen:wait "long, a…"
    clock.sleep(0.6)
    local lines = lines_of(screen:read())
    assert.matches("^%S+ A name that is rather long, a[^…]*…  [%d.]+ s$", lines[#lines - 2])
    assert.matches("^  %S+ Held  ████░░░░░░ 40 %%  held +[%d.]+ s$", lines[#lines - 1])
    assert.equal("○ Next", lines[#lines])
    assert.is_true(#lines <= 6, #lines .. " lines")
    screen:resize(90, 20)
    screen:wait "may well be +[%d.]+ s\n  %S+ Held  ████░░░░░░ 40 %%  held +[%d.]+ s\n○ Next\n$"
    folder:write("go", "")
    screen:wait "may well be +[%d.]+ s\n  ✔ Held +[%d.]+ s\n\nDone: "
  end)

  it("keeps what goes on in sight when there is more than the screen holds", function()
    local folder <close> = program.folder()
    local screen, closing = show(60, 8, [[
      for i = 1, 20 do run:step("Step " .. i, function() end) end
    ]] .. until_told(folder, "go"))
    local _ <close> = closing
    local lines = lines_of(screen:wait "40 %%")
    assert.is_true(#lines <= 8)
    assert.matches("^  %d+ lines above$", lines[1])
    assert.matches("Held", lines[#lines])
    folder:write("go", "")
    screen:wait "%[ended 0%]"
    local text = screen:read(true)
    for i = 1, 20 do assert.equal(1, select(2, text:gsub("✔ Step " .. i .. " ", "")), "step " .. i) end
  end)

  it("asks at a gate below what was there, and goes on after the answer", function()
    local screen, closing = show(70, 20, [[
      run:step("Before", function() end)
      run:gate { name = "Go", question = "Deploy it?", evidence = { sha = "1a2b\27[2J" }, approvers = { "anadmin" } }
      run:step("After", function() end)
    ]])
    local _ <close> = closing
    screen:wait "\n> *\n"
    assert.is_true(screen:cursor_is_shown())
    screen:type "yes"
    screen:wait "Who decides%?"
    screen:type "approve anadmin looks good"
    assert.equal([[
? Deploy it?
    sha: 1a2b␛[2J
  Type: approve NAME, or refuse NAME and why. Who may decide: anadmin.
> yes
  Who decides? approve NAME
> approve anadmin looks good
? Go: approved by anadmin: looks good
✔ Before
✔ Go  approved by anadmin
✔ After

Done: Spec
[ended 0]
]], without_times(screen:wait "%[ended 0%]"))
  end)

  it("takes no answer that was typed before the question", function()
    local folder <close> = program.folder()
    local screen, closing = show(70, 20, until_told(folder, "go") .. " run:gate { name = 'Go', timeout = 60 }")
    local _ <close> = closing
    screen:wait "40 %%"
    screen:type "yes"
    clock.sleep(0.2)
    folder:write("go", "")
    screen:wait "Type: yes, or no and why%.\n> *\n"
    clock.sleep(0.3)
    assert.is_nil(screen:read():find("approved", 1, true))
    screen:type "no not yet"
    screen:wait "refused by %S+: not yet"
    screen:wait "%[ended 3%]"
  end)

  it("ends on Ctrl-C with the tree, a summary and the cursor", function()
    local screen, closing = show(70, 20, "run:wait { name = 'It', timeout = 60, check = function() end }",
      "'It', 'Next'")
    local _ <close> = closing
    screen:wait "It"
    clock.sleep(0.3)
    screen:interrupt()
    local text = screen:wait "%[ended 130%]"
    assert.matches("✘ It +[%d.]+ s\n○ Next\n\nInterrupted: Spec", text)
    assert.matches("Not done\n  It, Next\n", text)
    assert.is_true(screen:cursor_is_shown())
  end)

  it("has colours, unless NO_COLOR is set", function()
    local function colours(env)
      local screen, closing = show(70, 20, "run:step('One', function() end) run:refuse('no.way', 'because')", nil, env)
      local _ <close> = closing
      screen:wait "%[ended 3%]"
      return screen:read_coloured():find("\27[", 1, true) ~= nil
    end
    assert.is_true(colours {})
    assert.is_false(colours { "NO_COLOR=1" })
  end)

  it("is of ASCII where the locale is not UTF-8, and lines on a dumb terminal or when asked for", function()
    local function left(env, ...)
      local screen, closing = show(70, 20, "run:step('One', function() end)", nil, env, ...)
      local _ <close> = closing
      return screen:wait "%[ended 0%]"
    end
    assert.matches("^%+ One +0 s\n\nDone: Spec, ", left { "LC_ALL=C" })
    assert.matches("^%d%d:%d%d:%d%d  run ", left { "TERM=dumb" })
    assert.matches("^%d%d:%d%d:%d%d  run ", left({}, "--plain"))
    assert.matches('^{"at":', left({}, "--json"))
  end)
end)
