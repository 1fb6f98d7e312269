-- GitHub's own client, @octokit/rest, against `fairlead world serve`: every operation that the procedures use.
local clock = require "fairlead.clock"
local others = require "spec.peers.support.others"
local program = require "spec.support.program"
local process = require "fairlead.process"
local results = require "spec.peers.support.results"
local served = require "spec.support.served"
local served_world = require "spec.peers.support.served_world"

local PATIENCE <const> = 60 -- seconds, at the world's speed an hour
local REPOSITORY <const> = { owner = "acme", repo = "lighthouse" }
local ADA <const>, BOB <const>, ROOT <const> = "ghp_a-developers-token", "ghp_bobs-token", "ghp_roots-token"

describe("a served world, asked by @octokit/rest:", function()
  local world, client, folder, head

  setup(function()
    world = served_world.start "spec/peers/software/world.lua"
    client = others.of_node(world)
    folder = program.folder()
    local clone <const> = served.clone(world.text, folder)
    process.run({ "git", "-C", clone, "push", "-q", "origin", "say-hello" }):check()
    head = process.run({ "git", "-C", clone, "rev-parse", "HEAD" }):check().stdout:match "%x+"
  end)
  teardown(function()
    client:close()
    world:close()
    local closing <close> = folder -- luacheck: ignore closing
  end)

  local column <const> = results.column { spec = "world_github", group = "GitHub", it = it,
    peer = "@octokit/rest, asking `world serve`" }

  -- Parameters are those of the path, in the repository, and what is given.
  local function parameters(given)
    local all = {}
    for _, part in ipairs { REPOSITORY, given or {} } do
      for name, value in pairs(part) do all[name] = value end
    end
    return all
  end

  local function call(operation, given, token)
    return client:call("github", operation, parameters(given), token or ADA)
  end

  local function code(operation, given, token)
    return client:ask("github", operation, parameters(given), token or ADA).code
  end

  local function asked(operation, body)
    column(operation, function() return body(operation) end)
  end

  local function soon(look)
    local deadline <const> = clock.monotonic() + PATIENCE
    repeat
      local found <const> = look()
      if found then return found end
      clock.sleep(0.3)
    until clock.monotonic() > deadline
    error("did not come to it", 2)
  end

  asked("GET /user", function(operation)
    assert.equal("ada", call(operation).login)
    assert.equal("401", code(operation, {}, "ghp_nobodys"))
  end)

  asked("GET /repos/{owner}/{repo}", function(operation)
    assert.equal("main", call(operation).default_branch)
    assert.equal("404", code(operation, { repo = "none" }))
  end)

  asked("GET /repos/{owner}/{repo}/branches/{branch}", function(operation)
    assert.is_true(call(operation, { branch = "main" }).protected)
    assert.equal(head, call(operation, { branch = "say-hello" }).commit.sha)
  end)

  asked("GET /repos/{owner}/{repo}/rules/branches/{branch}", function(operation)
    assert.is_true(#call(operation, { branch = "main" }) > 0)
  end)

  asked("GET /repos/{owner}/{repo}/branches/{branch}/protection", function(operation)
    assert.matches("^40[34]$", code(operation, { branch = "say-hello" }))
  end)

  asked("GET /repos/{owner}/{repo}/collaborators/{username}/permission", function(operation)
    assert.equal("read", call(operation, { username = "eve" }).permission)
  end)

  asked("GET /orgs/{org}/teams/{team_slug}/members", function(operation)
    assert.equal("bob", call(operation, { org = "acme", team_slug = "keepers" })[1].login)
  end)

  asked("GET /repos/{owner}/{repo}/compare/{base}...{head}", function(operation)
    assert.equal(1, call(operation, { base = "main", head = head }).ahead_by)
  end)

  -- ---- a pull request ----

  local number

  asked("POST /repos/{owner}/{repo}/pulls", function(operation)
    local input <const> = { title = "Say hello", head = "say-hello", base = "main", body = "é" }
    number = call(operation, input).number
    assert.equal("422", code(operation, input)) -- there is one
  end)

  asked("GET /repos/{owner}/{repo}/pulls", function(operation)
    assert.equal(number, call(operation, { head = "acme:say-hello", state = "open" })[1].number)
  end)

  asked("POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers", function(operation)
    assert.equal("bob", call(operation, { pull_number = number, reviewers = { "bob" } }).requested_reviewers[1].login)
  end)

  asked("GET /repos/{owner}/{repo}/commits/{ref}/check-runs", function(operation)
    soon(function()
      local runs <const> = call(operation, { ref = head }).check_runs
      for _, run in ipairs(runs) do
        if run.conclusion ~= "success" then return false end
      end
      return #runs == 2
    end)
  end)

  asked("GET /repos/{owner}/{repo}/commits/{ref}/status", function(operation)
    assert.equal(head, call(operation, { ref = head }).sha)
  end)

  asked("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", function(operation)
    assert.equal("405", code(operation, { pull_number = number, sha = head })) -- nobody has approved
    call("POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews", { pull_number = number, event = "APPROVE" }, BOB)
    assert.equal("409", code(operation, { pull_number = number, sha = ("0"):rep(40) }))
    assert.is_true(call(operation, { pull_number = number, sha = head, merge_method = "squash" }).merged)
  end)

  asked("GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews", function(operation)
    assert.equal("APPROVED", call(operation, { pull_number = number })[1].state)
  end)

  local merged
  asked("GET /repos/{owner}/{repo}/pulls/{pull_number}", function(operation)
    local pull <const> = call(operation, { pull_number = number })
    assert.is_true(pull.merged)
    merged = pull.merge_commit_sha
  end)

  asked("GET /repos/{owner}/{repo}/commits/{ref}", function(operation)
    assert.matches("^Say hello", call(operation, { ref = merged }).commit.message)
  end)

  asked("GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls", function(operation)
    assert.equal(number, call(operation, { commit_sha = merged })[1].number)
  end)

  -- ---- workflows ----

  local run

  asked("GET /repos/{owner}/{repo}/actions/runs", function(operation)
    soon(function() return call(operation, { head_sha = merged }).workflow_runs[1] end)
  end)

  asked("POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", function(operation)
    local sent <const> = { workflow_id = "publish.yml", ref = "main", inputs = { environment = "production" },
      return_run_details = true }
    run = call(operation, sent).workflow_run_id
    assert.is_number(run)
    sent.inputs = { environment = "nowhere" }
    assert.equal("422", code(operation, sent))
  end)

  asked("GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", function(operation)
    local found <const> = call(operation, { workflow_id = "publish.yml", event = "workflow_dispatch" })
    assert.equal(run, found.workflow_runs[1].id)
  end)

  local environment
  asked("GET /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", function(operation)
    environment = soon(function() return call(operation, { run_id = run })[1] end).environment
    assert.equal("production", environment.name)
  end)

  asked("GET /repos/{owner}/{repo}/actions/runs/{run_id}", function(operation)
    assert.equal("waiting", call(operation, { run_id = run }).status)
  end)

  asked("POST /repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments", function(operation)
    local answer <const> = { run_id = run, environment_ids = { environment.id }, state = "approved", comment = "fine" }
    assert.is_string(code(operation, answer, BOB)) -- who is no reviewer of it
    assert.is_table(call(operation, answer, ROOT))
  end)

  asked("GET /repos/{owner}/{repo}/actions/runs/{run_id}/approvals", function(operation)
    assert.equal("root", call(operation, { run_id = run })[1].user.login)
  end)

  local job
  asked("GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs", function(operation)
    soon(function()
      for _, found in ipairs(call(operation, { run_id = run }).jobs) do
        if found.conclusion == "success" then job = found.id end
      end
      return job
    end)
  end)

  asked("GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs", function(operation)
    assert.matches("%d%d%d%d%-%d%d%-%d%dT", call(operation, { job_id = job })) -- after a redirect
  end)

  asked("POST /repos/{owner}/{repo}/actions/runs/{run_id}/cancel", function(operation)
    call(operation, { run_id = run })
    soon(function()
      return call("GET /repos/{owner}/{repo}/actions/runs/{run_id}", { run_id = run }).status == "completed"
    end)
    assert.equal("409", code(operation, { run_id = run }))
  end)

  -- ---- records ----

  local deployment
  asked("POST /repos/{owner}/{repo}/deployments", function(operation)
    deployment = call(operation, { ref = merged, environment = "staging", required_contexts = {}, auto_merge = false,
      payload = { digest = "sha256:0" } }).id
  end)

  asked("POST /repos/{owner}/{repo}/deployments/{deployment_id}/statuses", function(operation)
    assert.equal("success", call(operation, { deployment_id = deployment, state = "success" }).state)
  end)

  asked("GET /repos/{owner}/{repo}/deployments", function(operation)
    assert.equal(deployment, call(operation, { environment = "staging" })[1].id)
  end)

  local REF <const> = "fairlead/reservations/peers"
  local commit, tree

  asked("POST /repos/{owner}/{repo}/git/trees", function(operation)
    tree = call(operation, { tree = { { path = "x", mode = "100644", type = "blob", content = "é\n" } } }).sha
  end)

  asked("POST /repos/{owner}/{repo}/git/commits", function(operation)
    commit = call(operation, { message = "{\"by\":\"ada\"}", tree = tree, parents = {} }).sha
  end)

  asked("GET /repos/{owner}/{repo}/git/commits/{commit_sha}", function(operation)
    assert.equal("{\"by\":\"ada\"}", call(operation, { commit_sha = commit }).message)
  end)

  asked("POST /repos/{owner}/{repo}/git/refs", function(operation)
    assert.equal("refs/" .. REF, call(operation, { ref = "refs/" .. REF, sha = commit }).ref)
    assert.equal("422", code(operation, { ref = "refs/" .. REF, sha = commit }))
  end)

  asked("GET /repos/{owner}/{repo}/git/ref/{ref}", function(operation)
    assert.equal(commit, call(operation, { ref = REF }).object.sha)
    assert.equal("404", code(operation, { ref = REF .. "/none" }))
  end)

  asked("PATCH /repos/{owner}/{repo}/git/refs/{ref}", function(operation)
    local make <const> = "POST /repos/{owner}/{repo}/git/commits"
    local newer <const> = call(make, { message = "2", tree = tree, parents = { commit } }).sha
    assert.equal(newer, call(operation, { ref = REF, sha = newer, force = false }).object.sha)
    assert.equal("422", code(operation, { ref = REF, sha = commit, force = false })) -- no fast forward
  end)
end)
