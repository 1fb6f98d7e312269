--- fairlead live: what is live where, and what was merged and never got there.
local deploying = require "spec.support.deploying"
local json = require "fairlead.json"
local process = require "fairlead.process"
local program = require "spec.support.program"
local served = require "spec.support.served"
local task = require "fairlead.task"

local live = require "release.live"
local status = require "release.live.status"

local function by_name(found)
  local links = {}
  for _, link in ipairs(found.links) do links[link.name] = link end
  return links
end

local function live_in_staging(place)
  place.publish(place.sha)
  live.follow(place.this, place.environment, place.sha)
end

local function commit(w, message)
  return w.github:commit_as("main", { author = "areviewer", message = message, files = { ["x.txt"] = message } })
end

describe("how an environment stands", function()
  it("is proven where the newest of main is live", function()
    local result, w = deploying.play({ settings = "planning_data" }, function(place)
      return status.of(place.this, place.environment)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local found = result.value
    assert.is_true(found.holds, found.missing)
    assert.equal(w.aws.initial_sha, found.commit.sha)
    assert.equal("main is live", by_name(found).main.text)
    assert.equal("planning-data", found.application)
  end)

  it("tells of a revert that was merged and never got there", function()
    local result = deploying.play({ settings = "planning_data" }, function(place)
      place.environment.arrives = "dispatch"
      place.world.fixture.github.workflows["publish.yml"].on.push = nil
      live_in_staging(place)
      local subject = place.this.github:get("commits/" .. place.sha).commit.message:match "^[^\n]*"
      commit(place.world, "Something else")
      local before = status.of(place.this, place.environment)
      commit(place.world, ('Revert "%s"'):format(subject))
      return { before = before, after = status.of(place.this, place.environment) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    local before, after = result.value.before, result.value.after
    assert.is_true(before.holds, before.missing)
    assert.is_nil(by_name(before).main.ok)
    assert.matches("main is 1 commit ahead, up to %x+ \"Something else\" by areviewer", by_name(before).main.text)
    assert.is_false(after.holds)
    assert.equal("main", after.missing)
    assert.matches("main is 2 commits ahead, .*; merged and not live: %x+ \"Revert .*\" by areviewer",
      by_name(after).main.text)
  end)

  it("makes nothing of a revert whose original is not live either", function()
    local result = deploying.play({ settings = "planning_data" }, function(place)
      place.environment.arrives = "dispatch"
      commit(place.world, "Something else")
      commit(place.world, 'Revert "Something else"')
      return status.of(place.this, place.environment)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_true(result.value.holds, result.value.missing)
  end)

  it("says what each service runs where they differ", function()
    local result = deploying.play({ settings = "async_processor" }, function(place)
      place.publish(place.sha)
      local service = place.environment.services[1]
      place.ecs:UpdateService { cluster = service.cluster, service = service.service, forceNewDeployment = true }
      require("fairlead.clock").sleep(900)
      place.environment.site = nil
      return status.of(place.this, place.environment)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_false(result.value.holds)
    assert.equal("commit", result.value.missing)
    assert.matches("^request%-api runs %x+ \".-\"; request%-processor runs %x+ \".-\"$", result.value.links[1].text)
  end)
end)

describe("fairlead live", function()
  it("prints each link, and its exit code says whether anything is missing", function()
    local folder <close> = program.folder()
    local printed = folder.path .. "/served"
    local serving = task.start(process.run, {
      "sh", "-c", 'exec "$0" "$@" >' .. printed, program.path, "world", "serve", "scripts/planning-data.lua",
      "--speed", "100", timeout = 60, env = { FAIRLEAD_STRESS_GC = false },
    })
    local variables = served.read(printed)
    local env = { NO_COLOR = "1", FAIRLEAD_STRESS_GC = false }
    for name, value in pairs(variables) do env[name] = value end
    local sites = "sites=" .. variables.GITHUB_API_URL:match "^(.*)/github$" .. "/sites/{host}"
    local function run(application, ...)
      local call = { "live", "--application", application, sites, ... }
      call.env = env
      return program.run(call)
    end

    local told = run("planning-data", "production")
    assert.equal(0, told.code, told.stderr)
    assert.matches("^planning%-data  production: %x+ \".-\" by .-, %d+%-%d+%-%d+ %d+:%d+  proven\n", told.stdout)
    assert.matches("\n  unknown  build       GitHub has no run for %x+ any more", told.stdout)
    assert.matches("\n  ok       tasks       2 of 2 run sha256:%x+\n", told.stdout)
    assert.matches("\n  ok       site        http://[^ ]+ answers with version %x+\n", told.stdout)

    local all = run("planning-data", "--json")
    local names = {}
    for line in all.stdout:gmatch "[^\n]+" do
      local one = json.decode(line)
      names[#names + 1] = one.environment
      assert.is_true(one.holds)
      assert.equal("ok", one.links[1].state)
    end
    assert.same({ "development", "staging", "production" }, names)

    -- The other application's repository is not in this world: it cannot be looked at, and that is no "proven".
    local other = run("providers", "production")
    assert.is_not.equal(0, other.code)
    assert.matches("^providers  production: could not be looked at  unknown\n", other.stdout)
    serving:cancel "the spec is over"
  end)

  it("refuses an environment that no application has", function()
    local result = program.run { "live", "prod", env = { GITHUB_TOKEN = "t", SLACK_BOT_TOKEN = false } }
    assert.equal(2, result.code)
    assert.equal("fairlead: live async-processor: there is no environment 'prod'; it has: development, staging, "
      .. "production\n", result.stderr)
  end)
end)
