--- The library of releases serves an organisation that shares nothing with the first ones: see
--- support/second_organisation. What is rehearsed here is its own release, with its own names of everything.
local procedure = require "fairlead.procedure"
local sorted = require "fairlead.sorted"
local sweep = require "fairlead.world.sweep"
local world = require "fairlead.world"

local SCRIPT <const> = "spec/support/second_organisation/procedure.lua"

-- Rehearses it; `change(fixture)` changes its world, `before(w)` what goes on there.
local function rehearse(options)
  options = options or {}
  local fixture = procedure.load(SCRIPT).rehearsal()
  if options.change then options.change(fixture) end
  local w = world.new { seed = options.seed or 1, fixture = fixture, scenario = options.scenario }
  if options.before then options.before(w) end
  return w:run(SCRIPT, options.parameters or {}, { command = options.command }), w
end

local function merged(w)
  local pull = w.github.pulls.list[1]
  return pull and pull.merged and pull.merged.sha
end

-- Trunk's commits, the newest first.
local function trunk(w)
  local repository, list = w.github:repository(), {}
  local sha = repository:resolve("trunk").sha
  while sha do
    list[#list + 1] = sha
    sha = repository.commits[sha].parents[1]
  end
  return list
end

local function stages(result)
  local names = {}
  for _, event in ipairs(result.events) do
    if event.event == "step.started" and not event.path:find "/" then names[event.path] = true end
  end
  return names
end

local function decision(result)
  local found = {}
  for _, event in ipairs(result.events) do
    if event.event == "gate.decided" and event.path == "Approval" then found = event end
  end
  return found
end

local function status_of(w) return w.aws.environments.qa.pipeline.executions[1].status end

describe("a second organisation's release", function()
  local result, w

  local parents

  setup(function()
    result, w = rehearse { before = function(begun)
      begun:on("merged", function(data) parents = begun.github:repository().commits[data.pull.merged.sha].parents end)
    end }
  end)

  it("is done", function()
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(0, result.exit_code)
  end)

  it("brings the merged commit to all three environments, and proves it in each", function()
    local proven = {}
    for _, place in ipairs(result.live) do proven[place.environment] = place.version end
    for _, name in ipairs { "qa", "preprod", "live" } do
      assert.equal(merged(w), w.aws:live(name).sha)
      assert.equal(merged(w):sub(1, 8), proven[name])
    end
  end)

  it("merges by squashing: one commit on trunk, of one parent", function()
    assert.same({ w.aws.initial_sha }, parents)
  end)

  it("is approved in CodePipeline, by whoever may there", function()
    assert.same({ "approved", "harbour-master", "CodePipeline" },
      { decision(result).decision, decision(result).by, decision(result).via })
    assert.equal("Succeeded", status_of(w))
  end)

  it("answers the pause hooks of both, each after a try", function()
    for name, path in sorted { preprod = "Preprod/Continue", live = "Live/Continue" } do
      local hook = w.aws.environments[name].services[1].history[1].hooks[1]
      assert.equal("SUCCEEDED", hook.status)
      local done = false
      for _, event in ipairs(result.events) do
        done = done or event.event == "step.finished" and event.path == path
      end
      assert.is_true(done, path)
    end
  end)

  it("says nothing in Slack, of which it has none, and asks nobody there", function()
    assert.same({}, w.slack.requests)
  end)

  it("goes through its own plan", function()
    local seen = stages(result)
    for _, name in ipairs { "Qa", "Preprod", "Live" } do assert.is_true(seen[name], name) end
    for _, name in ipairs { "Development", "Staging", "Production" } do assert.is_nil(seen[name]) end
  end)
end)

describe("a second organisation's release ends as it should when", function()
  it("a test fails", function()
    local result, w = rehearse { scenario = "tests-fail" }
    assert.same({ 3, "tests-failed" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.is_nil(merged(w))
  end)

  it("live's new tasks fail their health checks", function()
    local result, w = rehearse { scenario = { rolls_back = { live = true } } }
    assert.same({ 5, "deployment.rolled_back" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.equal(merged(w), w.aws:live("preprod").sha)
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("the same happens by the name that every organisation's last environment has in scenarios", function()
    local result, w = rehearse { scenario = "production-rolls-back" }
    assert.equal("deployment.rolled_back", result.reason, tostring(result.error))
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("qa's rolling update is taken back", function()
    local result, w = rehearse { scenario = { rolls_back = { qa = true } } }
    assert.equal("deployment.rolled_back", result.reason, tostring(result.error))
    assert.equal(w.aws.initial_sha, w.aws:live("preprod").sha)
  end)

  it("the new version answers wrongly while preprod's deployment stands at its hook", function()
    local result, w = rehearse { scenario = "smoke-test-fails" }
    assert.same({ 5, "deployment.rolled_back" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.matches("turned back: smoke test https://next%.tides%-preprod%.harbour%.example/stations/7: ",
      tostring(result.error))
    for _, request in ipairs(w.sites.requests) do
      if request.host == "tides-preprod.harbour.example" then assert.equal(w.aws.initial_sha, request.sha) end
    end
  end)

  it("it is rejected in CodePipeline", function()
    local result, w = rehearse { scenario = "admin-refuses" }
    assert.same({ 3, "gate.refused" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.matches("harbour%-master", tostring(result.error))
    assert.equal("Failed", status_of(w))
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("nobody approves", function()
    local result, w = rehearse { change = function(fixture) fixture.people.admins = {} end }
    assert.same({ 3, "gate.timeout" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("whoever runs it approves it in CodePipeline", function()
    local result, w = rehearse { change = function(fixture) fixture.people.admins[1].login = "ines" end }
    assert.same({ 3, "gate.refused" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.matches("approved in CodePipeline by ines, whose answer does not count here", tostring(result.error))
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("the image of what is live is gone from the one registry", function()
    local result, w = rehearse { scenario = "old-image-pruned" }
    assert.same({ 3, "no-way-back" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
  end)

  it("GitHub is down while it would write there what is live", function()
    local result, w = rehearse { scenario = "github-down-for-10-minutes", seed = 3 }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(merged(w), w.aws:live("live").sha)
  end)

  it("somebody deploys to live by hand meanwhile: what the pipeline began is stopped", function()
    local result, w = rehearse { scenario = { hotfix = { low = 60, high = 70 } }, change = function(fixture)
      fixture.aws.environments.live.lifecycle_hooks = nil -- nobody would answer the hotfix's
    end }
    assert.same({ 3, "gate.voided" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.matches("live.services.tides.image: was ", tostring(result.error), 1, true)
    assert.are_not.equal(merged(w), w.aws:live("live").sha)
  end)

  it("trunk moves before it is approved: what the pipeline began is stopped", function()
    local result, w = rehearse { before = function(w)
      w:on("approval_waiting", function()
        w:after(300, function()
          w.github:commit_as("trunk", { author = "pia", message = "Tables in fathoms",
            files = { ["units.txt"] = "fathoms\n" } })
        end)
      end)
    end }
    assert.same({ 3, "gate.voided" }, { result.exit_code, result.reason }, tostring(result.error))
    assert.matches("main: was " .. merged(w):sub(1, 8), tostring(result.error), 1, true)
    w:settle()
    assert.equal(w.aws.initial_sha, w.aws:live("live").sha)
    local executions = w.aws.environments.qa.pipeline.executions
    assert.equal("Stopped", executions[#executions].status)
  end)
end)

describe("a second organisation's promotion", function()
  it("that comes when the pipeline has done it all knows the way back still", function()
    local fixture = procedure.load(SCRIPT).rehearsal()
    fixture.aws.environments.live.lifecycle_hooks = nil
    local w = world.new { seed = 1, fixture = fixture }
    local back
    local late = procedure.new { name = "late", run = function(run)
      local this = require("release").new(run, require "second_organisation.settings")
      local change = this:open_pull_request {}
      this:pass_tests(change)
      this:get_reviewed(change)
      this:merge(change)
      this:go_live("qa", change)
      this:go_live("preprod", change)
      this:get_approved(change, { after = "preprod", before = "live" })
      require("fairlead.clock").sleep(3600)
      back = this:need_way_back("live", change.merged)
      this:promote("live", change)
    end }
    local result = w:run(late, {})
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(merged(w), w.aws:live("live").sha)
    assert.equal(w.aws.initial_sha, back.commit)
  end)
end)

describe("a scenario of one's own", function()
  it("is refused where nobody would read one of its fields", function()
    local ok, err = pcall(world.new, { scenario = { rolls_bak = { live = true } } })
    assert.is_false(ok)
    assert.matches('no field "rolls_bak"; did you mean "rolls_back"?', tostring(err), 1, true)
  end)
end)

describe("a second organisation's rollback", function()
  it("brings back what was live before, by ECS's own blue-green", function()
    local result, w = rehearse { command = "rollback", parameters = { environment = "live", why = "wrong moon" } }
    assert.equal("done", result.outcome, tostring(result.error))
    local commits <const> = trunk(w)
    w:close() -- its folder was opened again, for the commits
    assert.equal(commits[2], w.aws:live("live").sha)
    assert.equal(commits[1], w.aws:live("preprod").sha)
    assert.same({}, w.slack.requests)
  end)

  it("names its own environments where there is no such one", function()
    local result = rehearse { command = "rollback", parameters = { environment = "production", why = "wrong moon" } }
    assert.same({ 2, "usage" }, { result.exit_code, result.reason })
    assert.matches("it has: live, preprod, qa", tostring(result.error))
  end)
end)

describe("a second organisation's release that is killed", function()
  it("goes on from every instant of a sample", function()
    local report = sweep.run { script = SCRIPT, samples = 1, at_most = 12 }
    local problems = {}
    for _, finding in ipairs(report.findings) do
      problems[#problems + 1] = finding.when .. ": " .. table.concat(finding.problems, "; ")
    end
    assert.equal("done", report.outcome)
    assert.equal(12, report.tried)
    assert.equal("", table.concat(problems, "\n"))
  end)
end)
