--- Deployments as a shared record, and what lies between two commits, asked of the simulated GitHub.
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
