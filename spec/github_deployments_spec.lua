--- Deployments as a shared record, and what lies between two commits, asked of the simulated GitHub.
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local json = require "fairlead.json"
local world = require "spec.support.world"

local function visit(body)
  return world.visit({}, function(w)
    local gh = github.client { repository = "acme/lighthouse", token = w.fixture.github.token }
    return body(gh, w, gh:default_branch())
  end)
end

local function head(gh, branch) return gh:get("branches/" .. branch).commit.sha end

describe("a deployment", function()
  it("is recorded with its data, found again, and followed by its states", function()
    visit(function(gh, w)
      local sha = head(gh, "main")
      local before = #w.github.deployments.list
      local made = gh:create_deployment {
        sha = sha, environment = "staging", task = "fairlead", payload = { run = "r-1", services = { { name = "a" } } },
        description = ("long "):rep(100),
      }
      assert.equal(before + 1, #w.github.deployments.list)
      gh:set_deployment_state(made.id, "in_progress")
      gh:set_deployment_state(made.id, "success", { description = "seen", environment_url = "https://a.example" })
      gh:create_deployment { sha = sha, environment = "staging", task = "other" }
      local found = gh:deployments { environment = "staging", task = "fairlead" }
      assert.equal(1, #found)
      assert.same({ made.id, sha, "fairlead", "staging", "ada" },
        { found[1].id, found[1].sha, found[1].task, found[1].environment, found[1].by })
      assert.equal("r-1", found[1].payload.run)
      assert.equal("a", found[1].payload.services[1].name)
      local states = gh:deployment_states(made.id)
      assert.same({ "success", "in_progress" }, { states[1].state, states[2].state })
      assert.equal("seen", states[1].description)
    end)
  end)

  it("whose payload is text, or nothing, has data all the same", function()
    visit(function(gh)
      local sha = head(gh, "main")
      gh:post("deployments", { ref = sha, environment = "a", auto_merge = false, required_contexts = json.array {},
        payload = '{"run":"r-2"}' })
      gh:post("deployments", { ref = sha, environment = "b", auto_merge = false, required_contexts = json.array {},
        payload = "no object" })
      assert.equal("r-2", gh:deployments({ environment = "a" })[1].payload.run)
      assert.same({}, gh:deployments({ environment = "b" })[1].payload)
    end)
  end)

  it("is recorded once when GitHub's answer is lost, whether it was carried out or not", function()
    for _, done in ipairs { true, false } do
      visit(function(gh, w)
        local options <const> = {
          sha = head(gh, "main"), environment = "staging", task = "fairlead", description = "ours",
          payload = { run = "r-1", list = {}, n = 2.0 },
        }
        local function of_ours() return #gh:deployments { environment = "staging", task = "fairlead" } end
        gh:create_deployment(options) -- the same again is another one
        options.payload.run = "r-2"
        gh:create_deployment(options)
        options.payload.run = "r-1"
        local sent, inner = 0, gh.post
        gh.post = function(...)
          sent = sent + 1
          if sent > 1 then return inner(...) end
          if done then inner(...) end
          fake.lose "http.timeout"
        end
        local before <const> = #w.github.deployments.list
        local made <const> = gh:create_deployment(options)
        assert.equal(done and 1 or 2, sent)
        assert.equal(before + 1, #w.github.deployments.list)
        assert.equal(3, of_ours())
        assert.equal(made.id, gh:deployments({ environment = "staging", task = "fairlead" })[1].id)
        sent = 0
        gh.post = function() sent = sent + 1; fake.lose "http.reset" end
        options.payload.run = "r-3"
        local _, err = try(gh.create_deployment, gh, options)
        assert.equal("http.reset", err.kind)
        assert.equal(3, sent)
        gh.post = inner
        _, err = try(gh.create_deployment, gh, { sha = ("0"):rep(40), environment = "staging" })
        assert.equal("github.api.invalid", err.kind)
      end)
    end
  end)

  it("has no state that GitHub does not know", function()
    visit(function(gh)
      assert.has_error(function() gh:set_deployment_state(1, "done") end,
        "bad argument #2 to 'set_deployment_state' ('done' is no state of a deployment)")
    end)
  end)
end)

describe("between two commits", function()
  it("lie commits with their authors, and files", function()
    visit(function(gh, w)
      local before = head(gh, "main")
      w.github:commit_as("main", { author = "bob", message = "One\n\nbody", files = { ["one.txt"] = "1" } })
      w.github:commit_as("main", { author = "ada", message = "Two", files = { ["migrations/2.sql"] = "2" } })
      local between = gh:compare(before, "main")
      assert.same({ "ahead", 2, 0, false },
        { between.status, between.ahead_by, between.behind_by, between.truncated })
      assert.same({ "One", "Two" }, { between.commits[1].subject, between.commits[2].subject })
      assert.same({ "bob", "ada" }, { between.commits[1].author, between.commits[2].author })
      local paths = {}
      for _, file in ipairs(between.files) do paths[#paths + 1] = file.path end
      table.sort(paths)
      assert.same({ "migrations/2.sql", "one.txt" }, paths)
      assert.equal("behind", gh:compare("main", before).status)
      assert.equal("identical", gh:compare("main", "main").status)
    end)
  end)

  it("are all commits, in more pages than one", function()
    visit(function(gh, w)
      local before = head(gh, "main")
      for i = 1, 105 do
        w.github:commit_as("main", { author = "bob", message = "No " .. i, files = { ["n.txt"] = tostring(i) } })
      end
      local between = gh:compare(before, "main")
      assert.equal(105, #between.commits)
      assert.equal("No 105", between.commits[105].subject)
      assert.is_false(between.truncated)
    end)
  end)
end)
