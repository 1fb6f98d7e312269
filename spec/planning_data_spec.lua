--- The release of the Planning Data Platform, rehearsed in every scenario: how each ends, and what it leaves in the
--- world.
local json = require "fairlead.json"
local program = require "spec.support.program"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"
local INFRASTRUCTURE <const> = "planning-data-infrastructure"

local function rehearse(scenario, seed, parameters)
  local w = world.new { seed = seed or 1, scenario = scenario }
  return w:run(SCRIPT, parameters or {}), w
end

local function messages(w, name)
  local found = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.name == name and channel.messages or {}) do found[#found + 1] = message.text end
  end
  return found
end

local function merged_commit(w)
  local merged = w.github.pulls.list[1].merged
  return merged and merged.sha
end

local function finished(result, event)
  local names = {}
  for _, e in ipairs(result.events) do
    if e.event == event then names[e.path] = e end
  end
  return names
end

describe("a release in which nothing goes wrong", function()
  local result, w

  setup(function() result, w = rehearse "all-well" end)

  it("is done", function()
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("done", result.reason)
    assert.equal(0, result.exit_code)
  end)

  it("takes more than twenty minutes of the world's time", function()
    assert.is_true(result.elapsed > 20 * 60)
  end)

  it("brings the merged commit to staging and production, and the branch to development", function()
    local merged = merged_commit(w)
    assert.equal(merged, w.aws:live("staging").sha)
    assert.equal(merged, w.aws:live("production").sha)
    assert.is_truthy(w.aws:live("development").sha)
  end)

  it("goes through the plan in its order", function()
    local order = {}
    for _, event in ipairs(result.events) do
      if event.event == "step.started" and not event.path:find "/" then order[#order + 1] = event.path end
    end
    assert.same(
      { "Pull request", "Tests", "Development", "Review", "Merge", "Staging", "Way back", "Approval", "Production" },
      order)
  end)

  it("tells the team, and the infrastructure team nothing", function()
    assert.same({}, messages(w, INFRASTRUCTURE))
    assert.matches("Releasing Planning Data Platform", messages(w, "planning-data-platform")[1])
  end)

  it("never shows a secret", function()
    local text = json.encode(result.events)
    assert.is_nil(text:find("ghp_rehearsal", 1, true))
    assert.is_nil(text:find("xoxb-rehearsal", 1, true))
    assert.is_nil(text:find("rehearsal/secret", 1, true))
  end)
end)

describe("without the development environment", function()
  it("leaves it as it was", function()
    local result, w = rehearse("all-well", 1, { development = false })
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_nil(finished(result, "step.started")["Development"])
    assert.equal(merged_commit(w), w.aws:live("production").sha)
  end)
end)

-- scenario, outcome, exit code, reason
local ENDINGS <const> = {
  { "tests-late", "done", 0, "done" },
  { "image-late", "done", 0, "done" },
  { "dispatch-unnamed", "done", 0, "done" },
  { "rate-limited", "done", 0, "done" },
  { "flaky", "done", 0, "done" },
  { "tests-fail", "refused", 3, "tests-failed" },
  { "head-moves", "refused", 3, "head-moved" },
  { "review-missing", "refused", 3, "gate.timeout" },
  { "admin-refuses", "refused", 3, "gate.refused" },
  { "staging-rolls-back", "rolled_back", 5, "deployment.rolled_back" },
  { "smoke-test-fails", "failed", 1, nil },
}

describe("a release in the scenario", function()
  for _, row in ipairs(ENDINGS) do
    local scenario, outcome, exit_code, reason = row[1], row[2], row[3], row[4]
    it(("%s ends %s"):format(scenario, outcome), function()
      local result, w = rehearse(scenario)
      assert.equal(outcome, result.outcome, tostring(result.error))
      assert.equal(exit_code, result.exit_code)
      if reason then assert.equal(reason, result.reason) end
      local told = messages(w, INFRASTRUCTURE)
      if outcome == "done" then
        assert.same({}, told)
        assert.equal(merged_commit(w), w.aws:live("production").sha)
      else
        assert.equal(1, #told)
        assert.matches("release of Planning Data Platform", told[1])
        assert.matches("%*What:%* ", told[1])
        assert.matches("%*Where:%* ", told[1])
        assert.matches("%*Not done:%* .*Production", told[1])
        assert.matches("/pull/%d+", told[1])
        assert.are_not.equal(merged_commit(w) or "none", w.aws:live("production").sha)
      end
    end)
  end

  it("staging-rolls-back names the deployment, and the one that rolled it back", function()
    local _, w = rehearse "staging-rolls-back"
    assert.matches("d%-%w+ .*rolled back by deployment d%-%w+", messages(w, INFRASTRUCTURE)[1])
  end)

  for seed = 2, 6 do
    it(("flaky and rate-limited end well with seed %d too, and post nothing twice"):format(seed), function()
      for _, scenario in ipairs { "flaky", "rate-limited" } do
        local result, w = rehearse(scenario, seed)
        assert.equal("done", result.outcome, scenario .. ": " .. tostring(result.error))
        assert.equal(1, #w.github.pulls.list)
        local seen = {}
        for _, text in ipairs(messages(w, "planning-data-platform")) do
          assert.is_nil(seen[text], "posted twice: " .. text)
          seen[text] = true
        end
      end
    end)
  end
end)

describe("fairlead rehearse " .. SCRIPT, function()
  it("prints the same bytes for the same seed, others for another", function()
    local function output(seed, scenario)
      return program.run({ "rehearse", SCRIPT, "--scenario", scenario or "all-well", "--seed", seed, "--json" }).stdout
    end
    local first = output "7"
    assert.equal(first, output "7")
    assert.are_not.equal(first, output "8")
    for _, scenario in ipairs { "flaky", "rate-limited" } do
      assert.equal(output("7", scenario), output("7", scenario), "pauses before retries come from the seed too")
    end
    local last = json.decode(first:match "([^\n]+)\n$")
    assert.equal("run.finished", last.event)
    assert.equal("done", last.outcome)
    assert.equal(0, last.exit_code)
  end)
end)
