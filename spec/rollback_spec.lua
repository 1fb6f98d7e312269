--- Rolling back, rehearsed for each application: where it goes, that it could, what it undoes, and what stays behind.
local procedure = require "fairlead.procedure"
local rehearsal = require "fairlead.world.rehearsal"
local world = require "fairlead.world"

local worlds = {} -- asked for their commits after the run, which opens their folder again

teardown(function()
  for _, w in ipairs(worlds) do w:close() end
end)

local function rollback(script, parameters, change, scenario)
  local fixture = procedure.load(script).rehearsal()
  if change then change(fixture) end
  local w = world.new { seed = 1, fixture = fixture, scenario = scenario }
  worlds[#worlds + 1] = w
  local given = { environment = "production", why = "the map is empty" }
  for name, value in pairs(parameters or {}) do given[name] = value end
  return w:run(script, given, { command = "rollback" }), w
end

-- Main's commits, the newest first.
local function main(w)
  local repository, list = w.github:repository(), {}
  local sha = repository:resolve("main").sha
  while sha do
    list[#list + 1] = sha
    sha = repository.commits[sha].parents[1]
  end
  return list
end

local function said(w)
  local texts = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.messages or {}) do texts[#texts + 1] = message.text end
  end
  return table.concat(texts, "\n")
end

local function states(w, sha)
  local list = {}
  for _, deployment in ipairs(w.github.deployments.list) do
    if deployment.task == "fairlead" and deployment.sha == sha and deployment.environment == "production" then
      for i = #deployment.statuses, 1, -1 do list[#list + 1] = deployment.statuses[i].state end
    end
  end
  return table.concat(list, " ")
end

local function facts(result) return table.concat(result.facts, "\n") end

for _, script in ipairs { "scripts/planning-data.lua", "scripts/providers.lua", "scripts/async-processor.lua" } do
  describe("a rollback by " .. script, function()
    local result, w

    setup(function() result, w = rollback(script) end)

    it("brings back what was live before, in every service, and proves it", function()
      assert.equal("done", result.outcome, tostring(result.error))
      local before = main(w)[2]
      assert.equal(before, w.aws:live("production").sha)
      assert.equal(before:sub(1, 8), result.live[1].version)
    end)

    it("leaves the other environments alone", function()
      assert.equal(main(w)[1], w.aws:live("staging").sha)
    end)

    it("writes down what is live, for everybody", function()
      assert.equal("success", states(w, main(w)[2]))
    end)

    it("holds the environment until somebody says why", function()
      assert.matches("nobody deploys to production until somebody says why", table.concat((function()
        local texts = {}
        for _, event in ipairs(result.events) do texts[#texts + 1] = event.text end
        return texts
      end)(), "\n"))
    end)

    it("shows the team how it stands, and why it is done, and what is held in the end", function()
      local texts = said(w)
      assert.matches(":white_check_mark: Rolling back [%w ]+ in production: the map is empty: done\n", texts)
      assert.matches(":rewind: rolling production back to %x+: the map is empty\n", texts)
      assert.matches("nobody deploys to production until somebody says why", texts)
    end)

    it("says what it undoes", function()
      assert.matches("undoes 1 commit by anotherdeveloper", facts(result))
    end)
  end)
end

describe("a rollback", function()
  local SCRIPT <const> = "scripts/planning-data.lua"

  -- Several runs in one world, one after the other.
  local function in_turn(runs, script, scenario)
    script = script or SCRIPT
    local w = world.new { seed = 1, fixture = procedure.load(script).rehearsal(), scenario = scenario }
    local results = {}
    rehearsal.inside(w, function(folder)
      for i, run in ipairs(runs) do
        local options = rehearsal.execute_options(w, folder, { id = "run-" .. i })
        local loaded = procedure.load(script, run.command)
        local parameters = type(run.parameters) == "function" and run.parameters(w) or run.parameters
        results[i] = procedure.execute(loaded, parameters, options)
      end
      results.main = main(w)
      results.live = w.aws:live("production").sha
      results.good = states(w, results.main[1])
    end)
    return results
  end

  local BACK <const> = { command = "rollback", parameters = { environment = "production", why = "slow" } }

  it("marks what it left as bad, goes to no release that was, and can be told to", function()
    local results = in_turn {
      { parameters = { development = "no" } }, BACK, BACK,
      { command = "rollback", parameters = function(w)
        return { environment = "production", why = "it was not that", to = main(w)[1] }
      end },
    }
    for i = 1, 4 do assert.equal("done", results[i].outcome, tostring(results[i].error)) end
    local sha = results.main
    assert.equal(sha[1]:sub(1, 8), results[1].live[#results[1].live].version)
    local second, third = facts(results[2]), facts(results[3])
    assert.matches(("from %s to"):format(sha[1]:sub(1, 8)), second)
    assert.is_nil(third:find("to " .. sha[1]:sub(1, 8), 1, true), "went back to what was rolled back")
    assert.equal(sha[1], results.live)
    assert.equal("success error success", results.good)
  end)

  it("after a release that one of two services did not take brings both to a commit that both had", function()
    local results = in_turn({ { parameters = {} }, BACK }, "scripts/async-processor.lua",
      { rolls_back = { production = "request-processor" } })
    assert.equal("rolled_back", results[1].outcome, tostring(results[1].error))
    assert.equal("done", results[2].outcome, tostring(results[2].error))
    assert.matches("from an unknown commit to " .. results.main[2]:sub(1, 8), facts(results[2]), 1, true)
    assert.equal(results.main[2], results.live)
  end)

  it("is refused where the image, the task definition or a secret is gone, before anything is done", function()
    local result, w = rollback(SCRIPT, nil, function(fixture)
      for _, release in ipairs(fixture.aws.environments.production.earlier) do release.pruned = true end
    end)
    assert.equal(3, result.exit_code)
    assert.equal("no-way-back", result.reason)
    assert.equal(main(w)[1], w.aws:live("production").sha)
    assert.is_nil(said(w):find "rolling production back")
  end)

  it("says which migrations stay", function()
    local result = rollback(SCRIPT, nil, function(fixture)
      fixture.github.commits[3].files["migrations/0007_names.sql"] = "ALTER TABLE a;\n"
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.matches("1 migration", facts(result))
    local warned = false
    for _, event in ipairs(result.events) do
      warned = warned or (event.text or ""):find("migration migrations/0007_names.sql stays", 1, true) ~= nil
    end
    assert.is_true(warned)
  end)

  it("that fails on its way leaves the environment held: nobody deploys there before it has been looked at", function()
    local w = world.new { seed = 1, fixture = procedure.load(SCRIPT).rehearsal(), scenario = "production-rolls-back" }
    worlds[#worlds + 1] = w
    w.aws.environments.production.good = {} -- the earlier version fails there, too
    local result = w:run(SCRIPT, { environment = "production", why = "slow" }, { command = "rollback" })
    assert.equal(5, result.exit_code, tostring(result.error))
    local order = {}
    for _, event in ipairs(result.events) do
      local name = event.event == "step.started" and event.path:match "^Rollback/(.+)$"
      if name == "Hold production" or name == "Go back" then order[#order + 1] = name end
    end
    assert.same({ "Hold production", "Go back" }, order)
    assert.matches("nobody deploys to production until somebody says why", said(w))
  end)

  it("of an environment that there is none of is refused with those that there are", function()
    local result = rollback(SCRIPT, { environment = "prod" })
    assert.same({ 2, "usage" }, { result.exit_code, result.reason })
    assert.matches("it has: development, production, staging", tostring(result.error))
  end)

  it("to a commit that was never released is refused", function()
    local result = rollback(SCRIPT, { to = "main" })
    assert.equal("not-released", result.reason)
  end)
end)
