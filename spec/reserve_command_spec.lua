--- `fairlead reserve`, `locks` and `unlock` in a project: what people do with an environment by hand.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local lfs = require "lfs"
local process = require "fairlead.process"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local reserving = require "spec.support.reserving"
local served = require "spec.support.served"
local task = require "fairlead.task"

local change = reserving.change

-- The command in the world of `place`, as its token's user.
local function reserve(place, parameters)
  local command = procedure.load("scripts/planning-data.lua", "reserve")
  parameters.environment = parameters.environment or "development"
  place.runs = place.runs + 1
  return procedure.execute(command, parameters, {
    mode = "rehearsal", directory = place.folder.work, id = ("20260302-1100%02d-bbbbbb"):format(place.runs),
  })
end

local function hers(place)
  local now = clock.now()
  place:put { holder = {
    login = "areviewer", slack = "U04REVIEW", kind = "try", by_hand = true, since = now, ["until"] = now + 3600,
    why = "users try it",
  } }
end

describe("fairlead reserve", function()
  it("gives it for as long as it can be written down, and hands it to nobody who is none", function()
    reserving.inside(function(place)
      for _, length in ipairs { "721h", "30000000h" } do
        local refused = reserve(place, { ["for"] = length, reason = "for ever" })
        assert.same({ "refused", "too-long" }, { refused.outcome, refused.reason }, length)
      end
      assert.equal("done", reserve(place, { ["for"] = "720h", reason = "a month" }).outcome)
      for _, nobody in ipairs { "@", "a/../..", "nobody-here" } do
        local refused = reserve(place, { what = "hand-over", to = nobody })
        assert.equal("nobody-named", refused.reason, nobody .. ": " .. tostring(refused.error))
      end
      assert.equal("adeveloper", place:reservation().holder.login)
    end)
  end)

  it("takes an environment, makes it longer, hands it over", function()
    reserving.inside(function(place)
      local taken = reserve(place, { ["for"] = "2h", reason = "a designer looks", pull_request = "412" })
      assert.equal("done", taken.outcome, tostring(taken.error))
      local holder = place:reservation().holder
      local began = holder.since
      assert.same({ "adeveloper", "a designer looks", 412, true, nil, 7200 },
        { holder.login, holder.why, holder.pull_request, holder.by_hand, holder.run, holder["until"] - began })
      assert.equal("adeveloper", taken.value[1].holder.login)

      assert.equal("done", reserve(place, { what = "extend", ["for"] = "30m" }).outcome)
      assert.equal(9000, place:reservation().holder["until"] - began)

      local handed = reserve(place, { what = "hand-over", to = "areviewer", reason = "her turn" })
      assert.equal("done", handed.outcome, tostring(handed.error))
      holder = place:reservation().holder
      assert.same({ "areviewer", "her turn", 9000 }, { holder.login, holder.why, holder["until"] - began })
      assert.matches("<@U04REVIEW> has development now, from <@U01DEV>: her turn", place:said())

      local refused = reserve(place, { what = "extend" })
      assert.equal("not-yours", refused.reason)
      assert.matches("cannot extend development: it is not yours: areviewer has it", tostring(refused.error))
      assert.equal("not-yours", reserve(place, { what = "give-back" }).reason)
    end)
  end)

  it("waits in line for what somebody has, and is done when it is given back", function()
    reserving.inside(function(place)
      local results = reserving.together {
        run = function()
          return place:run({ token = "ghp_areviewers-token" }, function(this)
            local _ <close> = this:have("development", change())
            clock.sleep(400)
          end)
        end,
        reserve = function()
          clock.sleep(30)
          return reserve(place, { ["for"] = "1h", reason = "mine" })
        end,
      }
      assert.equal("done", results.reserve.outcome, tostring(results.reserve.error))
      assert.is_true(place:time() > 400)
      assert.equal("adeveloper", place:reservation().holder.login)
    end)
  end)

  it("takes it away with a reason only; its holder is told", function()
    reserving.inside(function(place)
      hers(place)
      assert.equal("reason-missing", reserve(place, { what = "steal" }).reason)
      assert.equal("areviewer", place:reservation().holder.login)
      local result = reserve(place, { what = "steal", reason = "an incident" })
      assert.equal("done", result.outcome, tostring(result.error))
      assert.is_nil(place:reservation().holder)
      assert.matches("<@U01DEV> took development away from <@U04REVIEW>: an incident", place:said())
      assert.equal("done", reserve(place, { what = "steal", reason = "again" }).outcome)
    end)
  end)

  it("refuses to hand over to nobody, and what is no environment, before anything is said", function()
    reserving.inside(function(place)
      assert.equal("done", reserve(place, {}).outcome)
      local said = place:said()
      assert.equal("nobody-named", reserve(place, { what = "hand-over" }).reason)
      local unknown = reserve(place, { environment = "prod" })
      assert.same({ 2, "usage" }, { unknown.exit_code, unknown.reason })
      assert.matches("it has: development, production, staging", unknown.error.hint)
      assert.equal(said, place:said())
      assert.equal("nobody-named", reserve(place, { what = "hand-over", to = "no-such-person" }).reason)
    end)
  end)

  it("gives back once, frees what is held, shows all", function()
    reserving.inside(function(place)
      assert.equal("done", reserve(place, {}).outcome)
      assert.equal("done", reserve(place, { what = "give-back" }).outcome)
      assert.is_nil(place:reservation().holder)
      place:run({}, function(this) this:hold("production", "rolled back") end)
      assert.equal("reason-missing", reserve(place, { what = "free", environment = "production" }).reason)
      assert.equal("rolled back", place:reservation("production").hold.why)
      local freed = reserve(place, { what = "free", environment = "production", reason = "mended" })
      assert.equal("done", freed.outcome, tostring(freed.error))
      assert.is_nil(place:reservation("production").hold)
      local requests = #place.world.github.requests
      local command = procedure.load("scripts/planning-data.lua", "reserve")
      local all = procedure.execute(command, { what = "show" }, { mode = "rehearsal" }).value
      assert.equal(3, #all)
      for i = requests + 1, #place.world.github.requests do
        assert.equal("GET", place.world.github.requests[i].method)
      end
    end)
  end)

  it("says what runs there where that is another change", function()
    reserving.inside(function(place)
      local now = clock.now()
      place:put { holder = {
        login = "areviewer", kind = "try", by_hand = true, since = now, ["until"] = now + 3600, why = "users try it",
        commit = ("1234567a"):rep(5), pull_request = 123,
      } }
      local result = reserve(place, { what = "show" })
      assert.matches("^areviewer has it for #123 %(1234567a%), since 09:00 UTC, until 10:00 UTC: users try it$",
        result.value[1].text[1])
      assert.matches("^but what runs is %x%x%x%x%x%x%x%x", result.value[1].text[2])
    end)
  end)
end)

describe("in a project", function()
  local function while_served(body)
    local folder <close> = program.folder()
    local printed = folder.path .. "/served"
    local serving = task.start(process.run, {
      "sh", "-c", 'exec "$0" "$@" >' .. printed, program.path, "world", "serve", "scripts/planning-data.lua",
      timeout = 100, env = { FAIRLEAD_STRESS_GC = false },
    })
    local variables = served.read(printed)
    local env = { FAIRLEAD_STRESS_GC = false, GITHUB_ACTIONS = false, FAIRLEAD_STATE = folder.path .. "/state",
      FAIRLEAD_SCRIPTS = lfs.currentdir() .. "/scripts", USER = "spec" }
    for name, value in pairs(variables) do env[name] = value end
    body(function(...) return program.run { env = env, timeout = 60, ... } end)
    serving:cancel "the spec is over"
  end

  it("locks and unlock tell of reservations on all machines, too", function()
    while_served(function(fairlead)
      local taken = fairlead("reserve", "planning-data", "development", "--for", "2h", "--reason", "a designer looks")
      assert.equal(0, taken.code, taken.stderr .. taken.stdout)
      local locks = fairlead("locks", "--application", "planning-data")
      assert.equal(0, locks.code, locks.stderr)
      assert.matches("^development of planning%-data: adeveloper has it, since .*: a designer looks\n", locks.stdout)
      local line = json.decode(fairlead("locks", "--json", "--application", "planning-data").stdout)
      assert.equal("development", line.environment)
      assert.equal("adeveloper", line.holder.login)
      assert.same({}, line.waiting)

      local longer = fairlead("reserve", "planning-data", "development", "--extend", "1h", "--json")
      assert.equal(0, longer.code, longer.stderr)
      local unlocked = fairlead("unlock", "development", "--application", "planning-data")
      assert.equal(0, unlocked.code, unlocked.stderr)
      assert.equal("development of planning-data is unlocked. adeveloper had it: a designer looks\n", unlocked.stdout)
      assert.equal("Nothing is locked.\n", fairlead("locks", "--application", "planning-data").stdout)
    end)
  end)

  it("what was forgotten is said at once", function()
    local function refused(message, ...)
      local result = program.run { "reserve", ... }
      assert.equal(2, result.code, result.stdout)
      assert.matches(message, result.stderr)
    end
    refused("which environment%?", "planning-data")
    refused("%-%-steal needs a reason", "planning-data", "development", "--steal")
    refused("%-%-for is for reserving", "planning-data", "development", "--extend", "1h", "--for", "2h")
    refused("there is no application 'planing%-data'; did you mean 'planning%-data'", "planing-data", "development")
  end)
end)
