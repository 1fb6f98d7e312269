--- What scripts/release.lua refuses before anything is done: working copies that are not fit to be released.
local process = require "fairlead.process"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"

local function git(folder, ...)
  process.run({ "git", "-C", folder.work, "-c", "user.name=A", "-c", "user.email=a@example.org", ... }):check()
end

-- Rehearses after `prepare` has changed the working copy; checks that nothing was written anywhere.
local function refused(prepare, parameters)
  local w = world.new { seed = 1 }
  local result = w:run(SCRIPT, parameters or {}, { prepare = prepare })
  assert.same({}, w.github.pulls.list)
  for _, channel in ipairs(w.slack.channels) do assert.same({}, channel.messages or {}) end
  return result, tostring(result.error)
end

describe("a release is refused", function()
  it("on main", function()
    local result, text = refused(function(folder) git(folder, "switch", "-q", "main") end)
    assert.equal(3, result.exit_code)
    assert.equal("on-main", result.reason)
    assert.matches("^main is checked out in /.*; nobody pushes to it; put the change on a branch of its own: "
      .. "git switch %-c NAME$", text)
  end)

  it("with a detached HEAD", function()
    local result, text = refused(function(folder) git(folder, "switch", "-q", "--detach") end)
    assert.equal("git.detached", result.reason)
    assert.matches("; git switch", text)
  end)

  it("with changes that are not committed", function()
    local result, text = refused(function(folder)
      assert(io.open(folder.work .. "/README.md", "a")):write("more\n"):close()
    end)
    assert.equal("git.dirty", result.reason)
    assert.matches("README.md", text)
  end)

  it("without a remote", function()
    local result, text = refused(function(folder) git(folder, "remote", "remove", "origin") end)
    assert.equal("git.no_remote", result.reason)
    assert.matches("origin", text)
  end)

  it("in a clone of another repository", function()
    local result, text = refused(function(folder)
      git(folder, "remote", "set-url", "origin", "https://github.com/digital-land/submit.git")
    end)
    assert.equal(2, result.exit_code)
    assert.matches("its remote origin is digital%-land/submit, but this procedure releases "
      .. "digital%-land/digital%-land.info; start it in a clone of ", text)
  end)

  it("when there is nothing to release", function()
    local result, text = refused(function(folder) git(folder, "switch", "-qc", "empty", "origin/main") end)
    assert.equal("nothing-to-release", result.reason)
    assert.matches("empty has no commit that main lacks; commit the change first$", text)
  end)

  it("outside of a repository", function()
    local result, text = refused(function(folder) process.run({ "rm", "-rf", folder.work .. "/.git" }):check() end)
    assert.equal("git.no_repository", result.reason)
    assert.matches("change into a clone", text)
  end)

  it("with an address of the sites that is none, before anything else", function()
    local result, text = refused(nil, { sites = "planning.example" })
    assert.equal(2, result.exit_code)
    assert.equal("release planning.example: is no address for the sites; write it as "
      .. "http://127.0.0.1:8080/sites/{host}", text)
  end)

  it("without access to a service, before anything is pushed", function()
    for _, service in ipairs { "github", "slack" } do
      local w = world.new { seed = 1 }
      local result = w:run(SCRIPT, {}, { prepare = function()
        w[service].fixture = setmetatable({ token = "another" }, { __index = w[service].fixture })
      end })
      assert.equal(4, result.exit_code)
      assert.equal(service .. ".api.not_authorised", result.reason)
      for _, event in ipairs(result.events) do assert.not_equal("Push", event.step) end
    end
  end)
end)
