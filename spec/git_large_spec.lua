-- Large repositories, and unusual ones, made by git itself: what is asked of them stays right, quick and small.
local clock = require "fairlead.clock"
local git = require "fairlead.git"
local process = require "fairlead.process"
local progress = require "fairlead.git.progress"
local sandboxes = require "spec.support.sandbox"
local task = require "fairlead.task"

local COMMITS <const>, FEWER <const> = 100000, 10000

local sandbox

-- A history for `git fast-import`, by awk: one file of a hundred that each commit changes, and a branch that leaves
-- halfway.
local HISTORY <const> = [=[
function commit(branch, number, from) {
  text = "line " number
  printf "commit refs/heads/%s\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n%s", branch, 1700000000 + number,\
    from
  printf "M 644 inline f%d\ndata %d\n%s\n", number % 100, length(text) + 1, text
}
BEGIN {
  for (i = 1; i <= count / 2; i++) commit("main", i, "")
  commit("side", 1, "from refs/heads/main\n")
  for (i = count / 2 + 1; i <= count; i++) commit("main", i, "")
}]=]

local function file_url(name) return "file://" .. sandbox.path .. "/" .. name end

local function make(name, commits)
  sandbox:git(".", "init", "-q", "--bare", "-b", "main", name)
  process.run({ "sh", "-c", 'awk -v count="$1" "$2" | git -C "$3" fast-import --quiet', "sh", tostring(commits),
    HISTORY, sandbox.path .. "/" .. name }):check()
end

lazy_setup(function()
  sandbox = sandboxes.new()
  make("large", COMMITS)
  make("medium", FEWER)
end)

lazy_teardown(function() sandbox:close() end)

describe("a repository of 100,000 commits", function()
  it("is read without being read whole", function()
    local repository <close> = git.open(sandbox.path .. "/large")
    local before <const> = collectgarbage "count"
    assert.equal("main", repository:head().branch)
    local ahead, behind = repository:ahead_behind("main", "side")
    assert.same({ COMMITS // 2, 1 }, { ahead, behind })
    assert.equal(repository:resolve "side~1", repository:merge_base("main", "side"))
    local log = repository:log { to = "main", limit = 10 }
    assert.equal(10, #log)
    assert.equal(repository:resolve "main", log[1].sha)
    assert.equal(1, #repository:log { from = "main", to = "side", limit = 10 })
    assert.is_true(collectgarbage "count" - before < 4096) -- KiB
  end)
end)

describe("a repository of 10,000 commits", function()
  it("is cloned with its progress told, while others go on", function()
    local seen, phases = {}, {}
    local function listen(at)
      seen[#seen + 1] = at
      phases[at.phase] = at
    end
    local ticks = 0
    local ticker = task.start(function()
      while true do
        clock.sleep(0.005)
        ticks = ticks + 1
      end
    end)
    git.clone { url = file_url "medium", path = sandbox.path .. "/clone", on_progress = listen }
    ticker:cancel()
    assert.is_true(ticks > 5)
    local received = phases["Receiving objects"]
    assert.is_true(received.finished)
    assert.equal(received.total, received.done)
    assert.equal(100, received.percent)
    assert.is_true(received.total > FEWER)
    assert.is_true(phases["Counting objects"].remote)
    assert.is_true(#seen > 3)
    local clone <close> = git.open(sandbox.path .. "/clone")
    assert.is_true(clone:is_clean())
  end)

  it("is cloned without its history, told to be shallow, and completed", function()
    local path <const> = sandbox.path .. "/shallow"
    git.clone { url = file_url "medium", path = path, depth = 3 }
    local repository <close> = git.open(path)
    assert.is_true(repository:is_shallow())
    assert.equal(3, #repository:log { limit = 10 })
    local phases = {}
    repository:fetch { unshallow = true, on_progress = function(at) phases[at.phase] = true end }
    assert.is_false(repository:is_shallow())
    assert.equal(2000, #repository:log { limit = 2000 })
    assert.is_true(phases["Receiving objects"])
  end)
end)

describe("a push", function()
  it("tells how far it is", function()
    local path <const> = sandbox.path .. "/pushed"
    sandbox:git(".", "init", "-q", "--bare", path)
    local repository <close> = git.open(sandbox.path .. "/medium")
    sandbox:git("medium", "remote", "add", "copy", path)
    local phases = {}
    local updates = repository:push { remote = "copy", ref = "refs/heads/side",
      on_progress = function(at) phases[at.phase] = at end }
    assert.equal("new", updates[1].status)
    assert.is_true(phases["Writing objects"].finished)
  end)
end)

describe("a repository with submodules", function()
  it("is clean, or not, as its submodules are", function()
    sandbox:git(".", "init", "-q", "-b", "main", "inner")
    sandbox:commit("inner", "file", "one")
    sandbox:git(".", "init", "-q", "-b", "main", "outer")
    sandbox:git("outer", "-c", "protocol.file.allow=always", "submodule", "add", "-q", sandbox.path .. "/inner", "part")
    sandbox:commit("outer", "other", "two")
    local repository <close> = git.open(sandbox.path .. "/outer")
    assert.is_true(repository:is_clean())
    local file <close> = assert(io.open(sandbox.path .. "/outer/part/file", "w"))
    file:write "changed"
    file:flush()
    assert.is_false(repository:is_clean())
    assert.equal("part", repository:status()[1].path)
    sandbox:commit("outer/part", "file", "three")
    assert.is_false(repository:is_clean()) -- another commit than the one that is recorded
  end)
end)

describe("git's progress", function()
  it("is read as git writes it", function()
    assert.same({ phase = "Receiving objects", remote = false, done = 450, total = 1000, percent = 45,
      bytes = 1258291, finished = false },
      progress.parse "Receiving objects:  45% (450/1000), 1.20 MiB | 3.00 MiB/s")
    assert.same({ phase = "Counting objects", remote = true, done = 12, finished = false },
      progress.parse "remote: Counting objects: 12")
    assert.is_true(progress.parse "Resolving deltas: 100% (3/3), done.".finished)
    for _, other in ipairs { "", "remote: hello", "fatal: it broke", "Receiving objects: nan", "To /tmp/x: 12 (3)" } do
      assert.is_nil(progress.parse(other), other)
    end
  end)

  it("is told once a line, wherever the pieces end, and kept out of what git said", function()
    local text <const> = "remote: Counting objects: 1\rremote: Counting objects: 2, done.\n" ..
      "Receiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), done.\nfatal: it broke\n"
    for size = 1, #text do
      local heard = {}
      local listen = progress.listener(function(at) heard[#heard + 1] = at.done end)
      for i = 1, #text, size do listen(text:sub(i, i + size - 1), "stderr") end
      assert.same({ 1, 2, 1, 2 }, heard)
    end
    assert.equal("fatal: it broke", progress.without(text))
  end)
end)
