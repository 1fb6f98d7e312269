--- ECS's own blue-green deployments: lifecycle stages, and pause hooks that the smoke test of the test traffic answers,
--- or a person.
local clock = require "fairlead.clock"
local deploying = require "spec.support.deploying"

local live = require "release.live"

local TEST <const> = "test.staging.example.org"

-- One service by ECS's blue-green, which pauses after the test traffic has shifted.
local function play(options, body)
  options.settings, options.strategy = "async_processor", "blue_green"
  local change <const> = options.change
  function options.change(fixture, environment)
    local staging = fixture.aws.environments.staging
    staging.breaker, staging.images, staging.workers = nil, { staging.images[1] }, nil
    staging.lifecycle_hooks = options.hooks or { { stages = { "POST_TEST_TRAFFIC_SHIFT" } } }
    environment.services = { environment.services[1] }
    environment.smoke_test = { { path = "/health", contains = "ok" }, { path = "/docs", contains = "Requests" } }
    environment.test_site = not options.without_test and "https://" .. TEST or nil
    local site = fixture.sites[environment.site:gsub("^https://", "")]
    site.pages = { ["/docs"] = "<h1>Requests</h1>" }
    fixture.sites[TEST] = { environment = "staging", health = "/health", pages = site.pages, traffic = "test" }
    if change then change(fixture, environment) end
  end
  return deploying.play(options, body)
end

local function go_live(place)
  place.publish(place.sha)
  place.force()
  return live.follow(place.this, place.environment, place.sha)
end

local function steps(result)
  local names = {}
  for _, event in ipairs(result.events) do
    if event.event == "step.started" then names[#names + 1] = event.path end
  end
  return names
end

local function hook_of(w) return w.aws.environments.staging.services[1].history[1].hooks[1] end

describe("ECS's blue-green", function()
  it("goes on at a pause hook once the test traffic has passed the smoke test", function()
    local result, w = play({}, function(place)
      local found = go_live(place)
      return { found = found, proof = live.prove(place.this, place.environment, place.sha) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({
      "Image", "Start of the deployment", "Deployment", "Test traffic", "Smoke test of the test traffic", "Continue",
      "Deployment (2)", "Running tasks", "Site", "Smoke test",
    }, steps(result))
    assert.equal("SUCCEEDED", hook_of(w).status)
    assert.equal(result.value.found.commit, w.aws:live("staging").sha)
    assert.is_true(result.value.proof.holds, result.value.proof.missing)
    local stages = {}
    for _, event in ipairs(result.events) do
      if event.event == "wait.progress" and event.path:find "^Deployment" then stages[#stages + 1] = event.text end
    end
    assert.matches("scale up, %d of 2 new tasks run", table.concat(stages, "\n"))
    assert.matches("bake time", table.concat(stages, "\n"))
  end)

  it("is turned back where the test traffic fails the smoke test, before anybody sees it", function()
    local result, w = play({
      change = function(fixture) fixture.sites[TEST].pages = { ["/docs"] = "<h1>Nothing here</h1>" } end,
    }, function(place)
      local ok, err = pcall(go_live, place)
      assert(not ok)
      clock.sleep(600)
      place.world:settle()
      error(err, 0)
    end)
    assert.equal("deployment.rolled_back", result.reason, tostring(result.error))
    assert.equal(5, result.exit_code)
    assert.matches("turned back: smoke test https://" .. TEST .. "/docs: answered 200 without \"Requests\"",
      tostring(result.error))
    assert.equal("ROLLBACK_SUCCESSFUL", w.aws.environments.staging.services[1].history[1].status)
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
    for _, request in ipairs(w.sites.requests) do
      if request.host ~= TEST then assert.equal(w.aws.initial_sha, request.sha) end
    end
  end)

  it("asks a person at a hook where there is nothing to try", function()
    local result, w = play({ without_test = true }, go_live)
    assert.equal("done", result.outcome, tostring(result.error))
    local asked, decided
    for _, event in ipairs(result.events) do
      if event.event == "gate.asked" then asked = event.question end
      if event.event == "gate.decided" then decided = event end
    end
    assert.matches("^staging%-pub%-async%-request%-api in staging is paused %(post test traffic shift%) and brings %x+",
      asked)
    assert.equal("approved", decided.decision)
    assert.equal("SUCCEEDED", hook_of(w).status)
  end)

  it("is not gone on with where nobody answers in a hook's time", function()
    local result = play({ hooks = { { stages = { "POST_SCALE_UP" }, timeout_minutes = 2 } } }, function(place)
      place.this.run.channels.terminal = { name = "terminal", ask = function() end, answer = function() end }
      return go_live(place)
    end)
    assert.equal("gate.timeout", result.reason, tostring(result.error))
    assert.equal(3, result.exit_code)
  end)

  it("goes back by a deployment of its own", function()
    local result, w = play({ hooks = {} }, function(place)
      local before = live.now(place.this, place.environment)
      go_live(place)
      clock.sleep(120)
      local context = live.contexts(place.this, place.environment)[1]
      local since = clock.now()
      local id = context.strategy.back(context, before.services[1])
      assert(context.strategy.found(context, before.services[1], since) == id)
      local image = { digest = before.services[1].digest, digests = { [before.services[1].digest] = true },
        sha = before.commit, tag = "main", pushed_at = 0 }
      context.strategy.follow(context, id, image)
      return { came_through = context.strategy.ended(context, id) }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_true(result.value.came_through)
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
  end)
end)
