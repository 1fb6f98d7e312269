-- `fairlead new`: what it writes works at once, in an empty folder.
local lfs = require "lfs"
local process = require "fairlead.process"
local program = require "spec.support.program"
local screens = require "spec.support.screen"

local folder

-- The collector is pressed by the modules' own specs, not by these programs'.
local function fairlead(...) return program.run { cwd = folder.path, env = { FAIRLEAD_STRESS_GC = false }, ... } end

local function read(name)
  local file <close> = assert(io.open(folder.path .. "/" .. name))
  return file:read "a"
end

local function entries()
  local names = {}
  for name in lfs.dir(folder.path) do
    if name:sub(1, 1) ~= "." then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- What everybody does first with a new procedure.
local function try_all(name)
  local checked = fairlead("check", name .. ".lua", name .. "_spec.lua")
  assert.equal("Nothing found in 4 files.\n", checked.stdout)
  local rehearsed = fairlead("rehearse", name .. ".lua")
  assert.equal(0, rehearsed.code, rehearsed.stdout .. rehearsed.stderr)
  assert.matches("Rehearsed %(all%-well", rehearsed.stdout)
  local tested = fairlead("test", "-o", "plainTerminal", name .. "_spec.lua")
  assert.equal(0, tested.code, tested.stdout .. tested.stderr)
  return tonumber(tested.stdout:match "(%d+) success")
end

describe("fairlead new", function()
  before_each(function() folder = program.folder() end)
  after_each(function() process.run { "rm", "-rf", folder.path } end)

  for _, case in ipairs {
    { "grants", "development,staging,production", "codedeploy", "grants", specs = 4 },
    { "leaflets", "staging,production", "rolling", "#print-shop", specs = 4 },
    { "archive", "staging,production", "blue_green", "none", specs = 4 },
    { "notice-board", "board", "codedeploy", "team", specs = 2 },
    { "words", "local,end", "codedeploy", "none", specs = 4 }, -- words of Lua's own
  } do
    it(("writes a procedure that passes everything: %s, %s"):format(case[2], case[3]), function()
      local name = case[1]
      local made = fairlead("new", name, "--repository", "acme/" .. name, "--environments", case[2], "--deploys",
        case[3], "--channel", case[4])
      assert.equal(0, made.code, made.stderr)
      local files = { name .. "-rehearsal.lua", name .. "-settings.lua", name .. ".lua", name .. "_spec.lua" }
      table.sort(files)
      assert.same(files, entries())
      assert.equal(case.specs, try_all(name))
    end)
  end

  it("makes a short procedure; what is the team's own is in the settings", function()
    assert.equal(0, fairlead("new", "grants", "--repository", "acme/grants", "--environments",
      "development,staging,production", "--deploys", "codedeploy", "--channel", "grants").code)
    local text = read "grants.lua"
    assert.is_true(select(2, text:gsub("\n", "")) <= 25, text)
    assert.is_nil(text:find("acme", 1, true))
    assert.matches('repository = "acme/grants"', read "grants-settings.lua", 1, true)
    assert.matches('channel = "grants"', read "grants-settings.lua", 1, true)
  end)

  it("tells editors where the annotations are, and leaves what they were told before", function()
    local options = { "--repository", "a/b", "--environments", "x", "--deploys", "rolling", "--channel", "none" }
    assert.equal(0, fairlead("new", "grants", table.unpack(options)).code)
    local settings = require("fairlead.json").decode(read ".luarc.json")
    assert.equal("file", lfs.attributes(settings["workspace.library"][1] .. "/fairlead/http/init.lua", "mode"))
    assert.equal("file", lfs.attributes(settings["workspace.library"][2] .. "/release.lua", "mode"))
    folder:write(".luarc.json", "{}\n")
    assert.equal(0, fairlead("new", "leaflets", table.unpack(options)).code)
    assert.equal("{}\n", read ".luarc.json")
  end)

  it("overwrites nothing, and then writes nothing", function()
    local settings = folder:write("grants-settings.lua", "return {}\n")
    local refused = fairlead("new", "grants", "--repository", "a/b", "--environments", "x", "--deploys", "rolling",
      "--channel", "none")
    assert.equal(2, refused.code)
    assert.matches("grants-settings.lua: is there already, and nothing is overwritten", refused.stderr, 1, true)
    assert.same({ "grants-settings.lua" }, entries())
    assert.equal("return {}\n", read "grants-settings.lua")
    assert.is_truthy(settings)
  end)

  it("needs all answers as options where there is no terminal", function()
    local refused = fairlead("new", "grants", "--deploys", "rolling")
    assert.equal(2, refused.code)
    assert.matches("these were not given: --repository, --environments, --channel", refused.stderr, 1, true)
    assert.same({}, entries())
  end)

  it("refuses answers that cannot be right", function()
    for _, case in ipairs {
      { "--repository", "grants", "'grants' is no repository, expected owner/name" },
      { "--environments", "dev,dev", "'dev' is there twice" },
      { "--environments", "Dev", "'Dev' is no name for an environment" },
      { "--environments", "staging,review", "'review' is what another part of a release is called" },
      { "--deploys", "codedeplyo", "did you mean 'codedeploy'?" },
      { "--channel", "a b", "'a b' is no channel of Slack" },
    } do
      local refused = fairlead("new", "grants", case[1], case[2])
      assert.equal(2, refused.code)
      assert.matches(case[3], refused.stderr, 1, true)
    end
    assert.equal(2, fairlead("new", "../grants").code)
    local hiding = fairlead("new", "release", "--repository", "a/b", "--environments", "x", "--deploys", "rolling",
      "--channel", "none")
    assert.matches("release: is the library's own name", hiding.stderr, 1, true)
    assert.same({}, entries())
  end)

  it("asks at a terminal what was not given, again until it is an answer", function()
    local command = ("cd %s && exec %s new grants --deploys codedeploy"):format(folder.path, program.path)
    local screen <close> = screens.start(100, 30, { "sh", "-c", command })
    screen:wait "Which repository"
    screen:type "grants"
    screen:wait "is no repository"
    screen:type "acme/grants"
    screen:wait "Which environments"
    screen:type ""
    screen:wait "Which channel in Slack%? %[none%]"
    screen:type "#grants"
    screen:wait "ended 0"
    assert.matches('repository = "acme/grants"', read "grants-settings.lua", 1, true)
    assert.matches("this:promote%(\"production\", change%)", read "grants.lua")
  end)
end)
