local file = require "fairlead.file"
local process = require "fairlead.process"

local function mode_of(path)
  return process.run({ "stat", "-c", "%a", path }).stdout:match "%d+"
end

local function read(path)
  local from <close> = assert(io.open(path))
  return from:read "a"
end

describe("file.replace", function()
  local folder

  before_each(function()
    folder = process.run({ "mktemp", "-d" }).stdout:match "[^\n]+"
  end)

  after_each(function()
    process.run { "rm", "-rf", folder }
  end)

  it("writes a file that is its owner's only, also over one that was everybody's", function()
    local path <const> = folder .. "/token"
    assert.is_true(file.replace(path, "one\0two"))
    assert.equal("one\0two", read(path))
    assert.equal("600", mode_of(path))
    process.run { "chmod", "666", path }
    local longer <const> = ("x"):rep(1 << 20)
    assert.is_true(file.replace(path, longer))
    assert.equal(longer, read(path))
    assert.equal("600", mode_of(path))
    assert.equal("token\n", process.run({ "ls", "-A", folder }).stdout)
  end)

  it("gives whoever has the old file open the old text to its end", function()
    local path <const> = folder .. "/token"
    file.replace(path, "old text")
    local open <close> = assert(io.open(path))
    assert.equal("old", open:read(3))
    file.replace(path, "new")
    assert.equal(" text", open:read "a")
    assert.equal("new", read(path))
  end)

  it("says why it cannot, and leaves nothing behind", function()
    local done <const>, problem = file.replace(folder .. "/missing/token", "x")
    assert.is_nil(done)
    assert.equal(folder .. "/missing/token: No such file or directory", problem)
    process.run { "mkdir", folder .. "/token" }
    local over <const>, why = file.replace(folder .. "/token", "x")
    assert.is_nil(over)
    assert.matches("Is a directory", why)
    assert.equal("token\n", process.run({ "ls", "-A", folder }).stdout)
    assert.error_matches(function() file.replace("a\0b", "x") end, "holds a NUL")
  end)
end)
