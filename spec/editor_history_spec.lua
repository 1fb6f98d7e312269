local editing = require "spec.support.editing"
local histories = require "fairlead.editor.history"
local process = require "fairlead.process"
local program = require "spec.support.program"

local folder, path

local function start(script, options)
  options = options or {}
  options.history = path
  return editing.start(folder, script, options)
end

local function mode()
  return process.run({ "stat", "-c", "%a", path }):check().stdout
end

local function lines()
  local file <close> = assert(io.open(path))
  local count = 0
  for _ in file:lines() do count = count + 1 end
  return count
end

describe("the editor's history", function()
  before_each(function()
    folder = program.folder()
    path = folder.path .. "/history"
  end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("is there in the next session, multi-line entries whole, in a file that only its owner reads", function()
    do
      local session <close> = start [[
        all()
      ]]
      session:expect "> "
      session:line "first"
      session:expect "<line first>\n> "
      session:line "second größe"
      session:expect "<line second größe>\n> "
      session:line "second größe"
      session:expect "> second größe\n<line second größe>\n> second größe\n<line second größe>\n> "
      session:key "ctrl-d"
      assert.equal(0, session:finish())
    end
    assert.equal("600\n", mode())
    do
      local session <close> = start [[
        e:add_history "for i = 1, 2 do\n  print(i)\nend"
        all()
      ]]
      session:expect "> "
      session:key "up"
      session:expect_screen { "> for i = 1, 2 do", "  print(i)", "end" }
      session:key("up", "up")
      session:expect_screen { "> first" }
      session:key("down", "down", "enter")
      session:expect "<line for i = 1, 2 do|  print(i)|end>"
    end
    assert.same({ "first", "second größe", "for i = 1, 2 do\n  print(i)\nend" }, histories.open(path).entries)
  end)

  it("keeps the half-typed line below it", function()
    local session <close> = start [[ e:add_history "old" all() ]]
    session:expect "> "
    session:type "half"
    session:key "up"
    session:expect_screen { "> old" }
    session:key "down"
    session:expect_screen { "> half" }
  end)

  it("has both entries of two sessions at once", function()
    local one, two = histories.open(path), histories.open(path)
    for number = 1, 50 do
      one:add("one " .. number)
      two:add("two " .. number)
    end
    one:save()
    two:save()
    local entries = histories.open(path).entries
    assert.equal(100, #entries)
    assert.same({ "one 1", "two 1" }, { entries[1], entries[2] })
  end)

  it("is cut to its newest 5000 entries", function()
    local history = histories.open(path)
    for number = 1, 5600 do history:add("entry " .. number) end
    assert.equal(5600, lines())
    local again = histories.open(path)
    assert.equal(5000, #again.entries)
    assert.equal(5000, lines())
    assert.equal("entry 601", again.entries[1])
    for number = 1, 20 do again:add("more " .. number) end
    again:save()
    assert.equal(5000, lines())
    assert.equal("600\n", mode())
  end)

  it("leaves out what is damaged, says so, and goes on", function()
    local problems = {}
    local function problem(text) problems[#problems + 1] = text end
    folder:write("history", '"good"\n{"not": "text"}\n\0\1\2\255\n"cut off\n"also good"\n')
    assert.same({ "good", "also good" }, histories.open(path, problem).entries)
    assert.equal(1, #problems)
    assert.matches("history is damaged: 3 of its lines were left out$", problems[1])
    assert.same({ "good", "also good" }, histories.open(path, problem).entries)
    assert.equal(1, #problems)
  end)

  it("does without a file that it cannot write, and says so once", function()
    local problems = {}
    local history = histories.open("/nonexistent/folder/history", function(text) problems[#problems + 1] = text end)
    assert.is_true(history:add "one")
    assert.is_true(history:add "two")
    assert.same({ "one", "two" }, history.entries)
    assert.equal(1, #problems)
    assert.matches("cannot be written", problems[1])
    problems = {}
    assert.same({}, histories.open(folder.path, function(text) problems[#problems + 1] = text end).entries)
    assert.is_true(#problems > 0)
  end)

  it("takes no empty line, no repetition, nothing that is no text, nothing huge", function()
    local history = histories.open(path)
    assert.is_false(history:add "  ")
    assert.is_true(history:add "a")
    assert.is_false(history:add "a")
    assert.is_false(history:add "\255")
    assert.is_false(history:add "a\0b")
    assert.is_false(history:add(("x"):rep(70000)))
    assert.same({ "a" }, histories.open(path).entries)
  end)
end)
