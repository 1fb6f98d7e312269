-- The README's example procedure, carried out in a simulated world as the README tells its readers to test their own.
local world = require "fairlead.world"

local FIXTURE <const> = {
  github = {
    repository = "example/handbook", default_branch = "main", token = "ghp_example", user = "ada",
    users = { ada = { name = "Ada" } },
    files = { ["index.md"] = "# Handbook\n" },
    workflows = {
      ["publish.yml"] = {
        name = "Publish", on = { workflow_dispatch = {} }, jobs = { { name = "publish", seconds = 90 } },
      },
    },
  },
  slack = {
    token = "xoxb-example", team = "T1", bot = "fairlead",
    channels = { { id = "C1", name = "handbook" } },
    users = { { id = "U1", name = "grace" } },
  },
  people = { admins = { { name = "grace", after_seconds = 300 } } },
}

local function publish(scenario)
  local w = world.new { fixture = FIXTURE, scenario = scenario }
  return w:run("examples/publish.lua", { editor = "grace" }), w
end

local function dispatches(w)
  local count = 0
  for _, request in ipairs(w.github.requests) do
    if request.method == "POST" and request.path:find "/dispatches$" then count = count + 1 end
  end
  return count
end

describe("the example procedure", function()
  it("publishes once when the editor agrees, and ends when the workflow has", function()
    local result, w = publish "all-well"
    assert.equal("done", result.outcome, result.error and tostring(result.error))
    assert.equal(1, dispatches(w))
    assert.is_true(result.elapsed > 300, "it took " .. result.elapsed .. " s")
  end)

  it("starts nothing when the editor refuses", function()
    local result, w = publish "admin-refuses"
    assert.equal(3, result.exit_code)
    assert.equal("gate.refused", result.reason)
    assert.equal(0, dispatches(w))
  end)
end)

local function text_of(path)
  local file <close> = assert(io.open(path))
  return file:read "a"
end

describe("the README", function()
  local readme = text_of "README.md"

  -- The quoted code, indentation aside.
  local function quotes(code)
    return (readme:gsub("%f[^\n\0] +", "")):find((code:gsub("%f[^\n\0] +", "")), 1, true) ~= nil
  end

  it("quotes the example as it is", function()
    assert.is_true(quotes(text_of "examples/publish.lua"))
  end)

  it("names only files that exist", function()
    for path in readme:gmatch "[%w_./-]+" do
      local folder = path:match "^(%l+)/"
      if folder and ("host modules scripts examples spec bench vendor"):find(folder) and path:find "%.%l+$" then
        assert.is_truthy(io.open(path), "README.md names " .. path)
      end
    end
  end)
end)
