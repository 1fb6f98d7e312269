--- What a script can do besides its procedure: commands, how they are found in a project, and how they are resumed.
local clock = require "fairlead.clock"
local lfs = require "lfs"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local project = require "fairlead.cli.project"
local task = require "fairlead.task"

local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local undo = procedure.new {
  name = "boat undo", summary = "take it back", parameters = { folder = { required = true } },
  run = function(run, parameters)
    run:step("Once", function()
      local file <close> = assert(io.open(parameters.folder .. "/effects", "a"))
      file:write("undone\n")
    end)
    run:wait { name = "Go", timeout = 600, every = 0.02, check = function()
      local file <close> = io.open(parameters.folder .. "/go")
      return file ~= nil, "nobody said go"
    end }
  end,
}
return procedure.new { name = "boat", commands = { undo = undo }, run = function() end }
]]

local folder

before_each(function() folder = program.folder() end)
after_each(function() folder = getmetatable(folder).__close(folder) end)

local function run(...)
  return program.run { env = { FAIRLEAD_STATE = folder.path .. "/state" }, timeout = 20, ... }
end

local function until_exists(path)
  while not lfs.attributes(path) do clock.sleep(0.02) end
end

describe("a procedure's commands", function()
  it("are procedures, by names in small letters", function()
    local other = procedure.new { name = "other", run = function() end }
    assert.has_error(function() procedure.new { name = "p", run = print, commands = { Undo = other } } end,
      "procedure \"p\": commands: 'Undo' is no name of a command (small letters, digits and dashes)")
    assert.has_error(function() procedure.new { name = "p", run = print, commands = { undo = print } } end,
      'procedure "p": commands: undo: procedure expected, got function')
  end)

  it("are rehearsed in the procedure's world", function()
    local undo = procedure.new { name = "undo", run = function() end }
    local own = procedure.new { name = "own", run = function() end, rehearsal = function() return { own = true } end }
    procedure.new { name = "p", run = print, commands = { undo = undo, own = own },
      rehearsal = function() return { of_p = true } end }
    assert.same({ of_p = true }, undo.rehearsal())
    assert.same({ own = true }, own.rehearsal())
  end)

  it("are carried out by name, taken up again as what they were, and listed", function()
    local script = folder:write("boat.lua", SCRIPT)
    local began = task.start(run, "run", script, "--command", "undo", "folder=" .. folder.path)
    until_exists(folder.path .. "/effects")
    began:cancel "killed"
    folder:write("go", "")
    local resumed = run("resume", "--plain")
    assert.equal(0, resumed.code, resumed.stderr)
    local effects <close> = assert(io.open(folder.path .. "/effects"))
    assert.equal("undone\n", effects:read "a")
    assert.matches("boat undo", run("runs").stdout)
    assert.matches("Commands:\n   undo +take it back", run("help", script).stdout)
  end)

  it("that do not exist are refused with those that do", function()
    local script = folder:write("boat.lua", SCRIPT)
    local result = run("run", script, "--command", "sink")
    assert.equal(2, result.code)
    assert.equal(("fairlead: script %s: the procedure \"boat\" has no command 'sink'; it has: undo\n"):format(script),
      result.stderr)
  end)
end)

describe("a project", function()
  local before

  before_each(function() before = lfs.currentdir() end)
  after_each(function() lfs.chdir(before) end)

  it("is the procedures in its folder scripts/, by name; what they require is not one", function()
    lfs.mkdir(folder.path .. "/scripts")
    folder:write("scripts/boat.lua", SCRIPT)
    folder:write("scripts/ashore.lua", SCRIPT)
    folder:write("scripts/settings.lua", "error 'not loaded'")
    folder:write("scripts/.hidden.lua", "-- procedure.new")
    lfs.chdir(folder.path)
    local keys = {}
    for i, entry in ipairs(project.procedures()) do keys[i] = entry.key end
    assert.same({ "ashore", "boat" }, keys)
    assert.equal("boat", project.find("boat").procedure.name)
    local _, err = try(project.find, "baot")
    assert.equal("project scripts: there is no application 'baot'; did you mean 'boat'?", tostring(err))
  end)

  it("is found from the folder that is named", function()
    folder:write("boat.lua", SCRIPT)
    assert.equal(1, #project.procedures(folder.path))
    local _, err = try(project.procedures, folder.path .. "/none")
    assert.equal("usage", err.kind)
    lfs.chdir(folder.path)
    _, err = try(project.procedures)
    assert.matches("there is no folder scripts/ here; change into the project, or name the folder", tostring(err))
  end)
end)
