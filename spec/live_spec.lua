--- scripts/release/live.lua: whether a commit is live in an environment, link by link, and which link is missing.
local procedure = require "fairlead.procedure"
local world = require "fairlead.world"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local live = require "release.live"
local release = require "release"
local settings = require "settings"

-- Rehearses a release of the platform, and looks at it in the world that it leaves: `look` gets the release and the
-- world, and gives plain data.
local function after_release(options, look)
  local fixture = procedure.load("scripts/planning-data.lua").rehearsal()
  if options.fixture then options.fixture(fixture) end
  local w = world.new { seed = 1, scenario = options.scenario, fixture = fixture }
  local whole = procedure.load "scripts/planning-data.lua"
  local seen
  local outcome
  local both = procedure.new {
    name = "release, then look", parameters = whole.parameters, run = function(run, parameters)
      outcome = table.pack(pcall(whole.run, run, parameters))
      if options.change then options.change(w) end
      seen = look(release.new(run, settings.planning_data, {}), w)
    end,
  }
  local result = w:run(both, { development = "no" }, { prepare = options.prepare and function(folder)
    options.prepare(w, folder)
  end })
  assert.equal("done", result.outcome, tostring(result.error))
  return seen, outcome
end

local function merged(w) return w.github.pulls.list[1].merged.sha end

local function by_name(proof)
  local links = {}
  for _, link in ipairs(proof.links) do links[link.name] = link end
  return links
end

describe("a proof", function()
  it("holds where the release ended well, and for that commit only", function()
    after_release({}, function(this, w)
      local production = settings.planning_data.environments.production
      local proof = live.prove(this, production, merged(w))
      local names = {}
      for i, link in ipairs(proof.links) do
        names[i] = link.name
        assert.is_true(link.ok, link.name .. ": " .. link.text)
      end
      assert.same({ "commit", "build", "image", "definition", "deployment", "tasks", "site" }, names)
      assert.is_true(proof.holds)
      assert.is_nil(proof.missing)

      local before = w.aws.initial_sha
      local old = live.prove(this, production, before)
      assert.is_false(old.holds)
      assert.matches("what runs is sha256:%x+ of " .. merged(w):sub(1, 8), by_name(old).tasks.text)
      return {}
    end)
  end)

  it("writes nothing", function()
    after_release({}, function(this, w)
      local before = {}
      for _, service in ipairs { w.github, w.aws } do before[service] = #service.requests end
      live.prove(this, settings.planning_data.environments.staging, merged(w))
      live.now(this, settings.planning_data.environments.staging)
      for i = before[w.github] + 1, #w.github.requests do assert.equal("GET", w.github.requests[i].method) end
      for i = before[w.aws] + 1, #w.aws.requests do
        assert.matches("^%u%l+", w.aws.requests[i].operation)
        assert.is_truthy(w.aws.requests[i].operation:find "^Describe" or w.aws.requests[i].operation:find "^List"
          or w.aws.requests[i].operation:find "^Get" or w.aws.requests[i].operation:find "^BatchGet")
      end
      return {}
    end)
  end)

  it("names the deployment where staging was rolled back", function()
    local proof = after_release({ scenario = "staging-rolls-back" }, function(this, w)
      return live.prove(this, settings.planning_data.environments.staging, merged(w))
    end)
    local links = by_name(proof)
    assert.is_false(proof.holds)
    assert.is_true(links.image.ok)
    assert.equal("definition", proof.missing)
    assert.is_false(links.tasks.ok)
    assert.is_false(links.site.ok)
  end)

  it("says that there is no image where nothing was built for an environment", function()
    local proof = after_release({ scenario = "admin-refuses" }, function(this, w)
      return live.prove(this, settings.planning_data.environments.production, merged(w))
    end)
    assert.is_false(proof.holds)
    assert.equal("image", proof.missing)
    assert.is_nil(by_name(proof).build.ok, "no build for production is known")
  end)
end)

describe("what is live now", function()
  it("is told by the digest that runs and its tags", function()
    after_release({}, function(this, w)
      local now = live.now(this, settings.planning_data.environments.production)
      assert.equal(merged(w), now.commit)
      assert.equal(2, now.services[1].running)
      assert.equal(0, now.services[1].other)
      assert.same({ "latest", merged(w):sub(1, 7) }, { now.services[1].tags[2], now.services[1].tags[1] })
      assert.equal(w.aws:live("production").deployment, now.services[1].deployment)
      assert.equal(now.site_version, merged(w))
      return {}
    end)
  end)

  it("is what was there before, where the release was rolled back", function()
    after_release({ scenario = "production-rolls-back" }, function(this, w)
      assert.equal(w.aws.initial_sha, live.now(this, settings.planning_data.environments.production).commit)
      assert.equal(merged(w), live.now(this, settings.planning_data.environments.staging).commit)
      return {}
    end)
  end)
end)

-- A colleague's deployment of the version before, begun by hand.
local function deploy_other(w, environment)
  local bluegreen = require "fairlead.world.aws.bluegreen"
  local held = w.aws.environments[environment]
  bluegreen.start(w.aws, held.group, { definition = held.services[1].store.ecs.families[held.services[1].name][1],
    creator = "user" })
end

describe("a release whose change is not live in the end", function()
  it("names what took its place, and of which commit that is", function()
    -- A colleague deploys the version before, once ours has succeeded; we come to look only when that is in place.
    local first, colleagues
    local view <const> = require "fairlead.world.aws.codedeploy_view"
    local deployment <const> = view.deployment
    function view.deployment(held)
      local told = deployment(held)
      if held.id == first and colleagues ~= "done" then told.status = "InProgress" end
      return told
    end
    local restore <close> = setmetatable({}, { __close = function() view.deployment = deployment end }) -- luacheck: ignore
    local _, outcome = after_release({
      prepare = function(w)
        w:on("deployment_finished", function(data)
          if data.environment ~= "production" then return end
          if first then
            colleagues = "done"
          else
            first = data.id
            deploy_other(w, "production")
          end
        end)
      end,
    }, function() return {} end)
    assert.is_false(outcome[1])
    assert.equal("deployment.superseded", outcome[2].kind, tostring(outcome[2]))
    local text = tostring(outcome[2])
    assert.equal(1, (text:find("deployment " .. first .. " of production-planning-data: ", 1, true)), text)
    assert.matches("%-planning%-data now runs what deployment d%-%w+ brought: sha256:%x+ of %x+ \".-\" by .+; ", text)
  end)

  it("names the site where the image is of another commit than its tag says", function()
    local _, outcome = after_release({
      prepare = function(w)
        local emit = w.emit
        function w.emit(self, name, data)
          if name == "publish" and data.environment == "production" then
            data.short_sha, data.sha = data.sha:sub(1, 7), w.aws.initial_sha
          end
          return emit(self, name, data)
        end
      end,
    }, function() return {} end)
    assert.is_false(outcome[1])
    assert.equal("deployment.not_ours", outcome[2].kind, tostring(outcome[2]))
    assert.matches("^site https://www.planning.data.gov.uk: answers with version %x+, though all tasks run sha256:%x+ "
      .. "that our tag names, that of %x+;", tostring(outcome[2]))
  end)
end)
