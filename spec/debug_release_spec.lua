-- A session of the kind that matters: a release fails in staging; why is found out, a setting is put right, and it goes
-- on to production, with nothing done twice.
local json = require "fairlead.json"
local program = require "spec.support.program"

local folder

-- The release of the Planning Data Platform, with a setting that nobody has kept up with the site.
local SCRIPT <const> = [[
local planning = require "planning-data"
local settings = require "settings"
local world = planning.rehearsal
planning.rehearsal = function()
  local fixture = world()
  if WRONG then
    settings.planning_data.environments.staging.smoke_test[2].contains = "Data sets"
  end
  return fixture
end
return planning
]]

-- What GitHub, AWS and Slack of the world have got, counted.
local EFFECTS <const> = [[print(json.encode(require "fairlead.world.sweep.effects".of(w, {}), { sort_keys = true }))]]

local function session(lines, wrong)
  local script = folder:write("release-it.lua", (SCRIPT:gsub("WRONG", tostring(wrong))))
  local result = program.run {
    "repl", "--world", "--seed", "3", script, stdin = table.concat(lines, "\n"), timeout = 120,
    env = { USER = "ada", FAIRLEAD_STATE = folder.path .. "/state", FAIRLEAD_PATH = "scripts" },
  }
  return result.stdout, result.code, result.stderr
end

local function effects(out)
  return json.decode(out:match "\n({[^\n]*})\n*$" or out:match "^({[^\n]*})\n*$")
end

describe("a release that fails in staging, under the debugger", function()
  before_each(function() folder = program.folder() end)
  after_each(function() getmetatable(folder).__close(folder) end)

  it("is found out about, put right, and goes on to production with nothing done twice", function()
    local out, code, errors = session({
      ":start",
      ":where", ":why",
      ":up",
      "contains",
      "response.status, response.body:match '<h1>(.-)</h1>'",
      ":up",
      "test.contains = 'Datasets'",
      ":retry",
      "_.pages",
      ":resume",
      EFFECTS,
    }, true)
    assert.equal("", errors)
    assert.equal(0, code, out)
    assert.matches('stop 1 in Staging/Smoke test  failed: smoke test [^\n]*/dataset: answered 200 without "Data sets"',
      out)
    assert.is_truthy(out:find("the world's clock stands still, its locks are kept: planning-data staging", 1, true))
    assert.matches("\n> +1  [^\n]*release/live/smoke.lua:%d+  fail\n", out)
    assert.matches("\n +%d+  [^\n]*planning%-data.lua:%d+", out)
    assert.matches("\ncontainer staging%-planning%-data of staging%-planning%-data printed last: ready\n", out)
    assert.matches('\n"Data sets"\n200\n"Datasets"\n', out)
    assert.matches("stop 2[^\n]*stands still", out)
    assert.is_truthy(out:find("\nStaging/Smoke test is done; :resume goes on, :retry does it again\n", 1, true))
    assert.is_truthy(out:find("\n3\n", 1, true))
    assert.is_truthy(out:find("Done: release the Planning Data Platform", 1, true))
    assert.is_nil(out:find("failed    Staging", 1, true))

    local plain <const> = session({ ":start", EFFECTS }, false)
    assert.same(effects(plain), effects(out))
  end)
end)
