-- The simulated GitHub's deployments, issues and teams: records that tools and workflows leave.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

local function create(call, body, token)
  body.required_contexts = body.required_contexts or json.array {}
  local response, made = call("POST", R .. "/deployments", { body = body, token = token })
  assert.equal(201, response.status)
  return made
end

local function states(call, deployment)
  local _, list = call("GET", ("%s/deployments/%d/statuses"):format(R, deployment.id))
  for i, status in ipairs(list) do list[i] = status.state end
  return list
end

local function ids(call, query)
  local _, list = call("GET", R .. "/deployments", { query = query })
  for i, deployment in ipairs(list) do list[i] = deployment.id end
  return list
end

describe("world.github's deployments", function()
  it("are recorded with a commit, found by environment, task, ref and commit, and followed by statuses", function()
    support.visit({}, function(_, call)
      local one = create(call, { ref = "main", environment = "staging", payload = { digest = "sha256:1" } })
      local two = create(call, { ref = "main", environment = "staging", task = "rollback", description = "back" })
      local three = create(call, { ref = "main" })
      assert.same({ "deploy", "staging", "ada", "sha256:1", false },
        { one.task, one.environment, one.creator.login, one.payload.digest, one.production_environment })
      assert.same({ "production", true }, { three.environment, three.production_environment })
      assert.same({ two.id, one.id }, ids(call, { environment = "staging" }))
      assert.same({ two.id }, ids(call, { environment = "staging", task = "rollback" }))
      assert.same({ three.id, two.id, one.id }, ids(call, { sha = one.sha, ref = "main" }))
      assert.same({}, ids(call, { sha = ("0"):rep(40) }))
      local post = ("%s/deployments/%d/statuses"):format(R, one.id)
      for _, state in ipairs { "in_progress", "success" } do
        local response, status = call("POST", post, { body = { state = state, log_url = "https://example.com/1" } })
        assert.same({ 201, "https://example.com/1" }, { response.status, status.log_url })
      end
      assert.same({ "success", "in_progress" }, states(call, one))
      assert.equal(422, (call("POST", post, { body = { state = "done" } })).status)
      assert.equal(422, (call("POST", post, { body = { state = "success", description = ("x"):rep(141) } })).status)
    end)
  end)

  it("become inactive by a later success in the same environment, but those of production do not", function()
    support.visit({}, function(_, call)
      local function succeed(environment)
        local made = create(call, { ref = "main", environment = environment })
        call("POST", ("%s/deployments/%d/statuses"):format(R, made.id), { body = { state = "success" } })
        return made
      end
      local staging, production = succeed "staging", succeed "production"
      succeed "staging"
      succeed "production"
      assert.same({ "inactive", "success" }, states(call, staging))
      assert.same({ "success" }, states(call, production))
      assert.equal(422, (call("DELETE", R .. "/deployments/" .. production.id)).status)
      assert.equal(204, (call("DELETE", R .. "/deployments/" .. staging.id)).status)
      assert.equal(404, (call("GET", R .. "/deployments/" .. staging.id)).status)
    end)
  end)

  it("are refused while checks of the commit have not passed, unless none is asked for", function()
    support.visit({}, function(w, call)
      local _, main = call("GET", R .. "/branches/main")
      call("POST", ("%s/statuses/%s"):format(R, main.commit.sha), { body = { state = "pending", context = "oil" } })
      local response, body = call("POST", R .. "/deployments", { body = { ref = "main" } })
      assert.same({ 409, "Conflict: Commit status checks failed for main." }, { response.status, body.message })
      assert.same({ { context = "oil", state = "pending" } }, body.errors[1].contexts)
      create(call, { ref = "main" })
      -- A branch that lacks commits of main gets them in place of a deployment.
      call("POST", R .. "/git/refs", { body = { ref = "refs/heads/old", sha = main.commit.sha } })
      w.github:commit_as("main", { author = "bob", message = "Newer", files = { ["new.txt"] = "new\n" } })
      response, body = call("POST", R .. "/deployments", { body = { ref = "old" } })
      assert.same({ 202, "Auto-merged main into old on deployment." }, { response.status, body.message })
      local _, compared = call("GET", R .. "/compare/main...old")
      assert.equal(0, compared.behind_by)
      create(call, { ref = "old", auto_merge = false })
      local ask = { body = { ref = "main" }, token = "ghp_eves-token" }
      assert.equal(403, (call("POST", R .. "/deployments", ask)).status)
      assert.equal(403, (call("GET", R .. "/deployments", { token = "github_pat_narrow" })).status)
    end)
  end)

  it("are made by jobs that name an environment, and tell how those went", function()
    support.visit({}, function(_, call)
      local function dispatch(environment)
        local _, started = call("POST", R .. "/actions/workflows/publish.yml/dispatches", {
          body = { ref = "main", inputs = { environment = environment }, return_run_details = true },
        })
        return started.workflow_run_id
      end
      local run = dispatch "production"
      clock.sleep(120)
      local _, list = call("GET", R .. "/deployments", { query = { environment = "production" } })
      assert.equal("github-actions", list[1].performed_via_github_app.slug)
      assert.same({ "waiting" }, states(call, list[1]))
      local path = ("%s/actions/runs/%d/pending_deployments"):format(R, run)
      local _, pending = call("GET", path)
      local _, approved = call("POST", path, {
        body = { environment_ids = { pending[1].environment.id }, state = "approved", comment = "" },
        token = "ghp_roots-token",
      })
      assert.equal(list[1].id, approved[1].id)
      clock.sleep(200)
      assert.same({ "success", "in_progress", "queued", "waiting" }, states(call, list[1]))
      dispatch "development"
      clock.sleep(400)
      dispatch "development"
      clock.sleep(400)
      local _, both = call("GET", R .. "/deployments", { query = { environment = "development" } })
      assert.equal("success", states(call, both[1])[1])
      assert.equal("inactive", states(call, both[2])[1])
    end)
  end)
end)

describe("world.github's issues", function()
  it("are opened, found by label and state, commented on and closed", function()
    support.visit({}, function(_, call)
      local response, issue = call("POST", R .. "/issues", {
        body = { title = "Failing tests do not block merges", body = "Please mend.", labels = { "infrastructure" } },
      })
      assert.same({ 201, 412, "infrastructure" }, { response.status, issue.number, issue.labels[1].name })
      call("POST", R .. "/issues", { body = { title = "Another" } })
      local function titles(query)
        local _, list = call("GET", R .. "/issues", { query = query })
        for i, one in ipairs(list) do list[i] = one.title end
        return list
      end
      assert.same({ "Failing tests do not block merges" }, titles { labels = "infrastructure" })
      assert.same({ "Another", "Failing tests do not block merges" }, titles {})
      assert.equal(201, (call("POST", R .. "/issues/412/comments", { body = { body = "Seen again" } })).status)
      local _, comments = call("GET", R .. "/issues/412/comments")
      assert.equal("Seen again", comments[1].body)
      call("PATCH", R .. "/issues/412", { body = { state = "closed" } })
      assert.same({}, titles { labels = "infrastructure" })
      assert.same({ "Failing tests do not block merges" }, titles { labels = "infrastructure", state = "closed" })
      assert.equal(422, (call("POST", R .. "/issues", { body = { title = " " } })).status)
      assert.equal(404, (call("GET", R .. "/issues/9")).status)
    end)
  end)
end)

describe("world.github's teams", function()
  it("tell their members to who may ask", function()
    support.visit({}, function(_, call)
      local response, members = call("GET", "/orgs/acme/teams/keepers/members")
      assert.same({ 200, "bob", "root" }, { response.status, members[1].login, members[2].login })
      assert.equal("active", select(2, call("GET", "/orgs/acme/teams/keepers/memberships/root")).state)
      assert.equal(404, (call("GET", "/orgs/acme/teams/keepers/memberships/ada")).status)
      assert.equal(404, (call("GET", "/orgs/acme/teams/nobody/members")).status)
      assert.equal(404, (call("GET", "/orgs/other/teams/keepers/members")).status)
      assert.equal(2, select(2, call("GET", "/orgs/acme/teams/keepers")).members_count)
    end)
  end)

  it("are not found by a classic token without read:org, and refused to a fine-grained one", function()
    support.visit({ changes = { github = { scopes = { "repo" } } } }, function(_, call)
      local response = call("GET", "/orgs/acme/teams/keepers/members")
      assert.equal(404, response.status)
      assert.equal("repo", response.headers["x-oauth-scopes"])
      assert.equal(403, (call("GET", "/orgs/acme/teams/keepers/members", { token = "github_pat_narrow" })).status)
      assert.equal(200, (call("GET", "/orgs/acme/teams/keepers/members", { token = "ghp_roots-token" })).status)
    end)
  end)
end)
