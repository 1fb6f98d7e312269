--- GitHub's deployments: records of what was, or is to be, deployed where, with statuses that follow it. Tools make
--- them through the API; jobs of workflows that name an environment make their own.
---
--- Sources: GitHub Docs, REST "Deployments" and "Deployment statuses"; "Deploying with GitHub Actions".
local json = require "fairlead.json"
local refusal = require "fairlead.world.github.refusal"
local repository = require "fairlead.world.repository"
local shapes = require "fairlead.world.github.shapes"

local M = {}

local time = shapes.time

local STATES <const> = {
  error = true, failure = true, inactive = true, in_progress = true, queued = true, pending = true, success = true,
}

---@class fairlead.world.GitHubDeployments
---@field list table[] {id=, sha=, ref=, task=, environment=, statuses= the newest first, …}
local Deployments = {}
Deployments.__index = Deployments

---@param github fairlead.world.GitHub
---@return fairlead.world.GitHubDeployments
function M.new(github)
  return setmetatable({
    github = github,
    world = github.world,
    random = github.world:stream("github deployments"),
    list = {},
    last_id = 3100000000,
  }, Deployments)
end

local function new_id(self)
  self.last_id = self.last_id + self.random:integer(1, 4000)
  return self.last_id
end

--- Records a deployment.
---@param options {sha: string, ref: string, environment: string, by: string, task: string?, payload: any,
--- description: string?, transient: boolean?, production: boolean?, app: boolean?} app: made by GitHub Actions
---@return table deployment
function Deployments:create(options)
  local now = self.world.now
  local deployment = {
    id = new_id(self),
    sha = options.sha,
    ref = options.ref,
    task = options.task or "deploy",
    payload = options.payload,
    environment = options.environment,
    original_environment = options.environment,
    description = options.description,
    by = options.by,
    app = options.app,
    transient = options.transient == true,
    production = options.production,
    created = now,
    updated = now,
    statuses = {},
  }
  if deployment.production == nil then
    deployment.production = options.environment == "production"
  end
  table.insert(self.list, deployment)
  return deployment
end

--- Adds a status. With `auto_inactive`, a success ends the earlier successes in the same environment: but those of
--- production and of transient environments only where a workflow's job does it.
---@param deployment table
---@param status {state: string, by: string, description: string?, log_url: string?, environment_url: string?,
--- environment: string?, auto_inactive: boolean?}
---@return table status
function Deployments:add_status(deployment, status)
  local added = {
    id = new_id(self),
    state = status.state,
    by = status.by,
    description = status.description or "",
    log_url = status.log_url or "",
    environment_url = status.environment_url or "",
    at = self.world.now,
  }
  deployment.environment = status.environment or deployment.environment
  added.environment = deployment.environment
  table.insert(deployment.statuses, 1, added)
  deployment.updated = self.world.now
  if status.state == "success" and status.auto_inactive ~= false then
    for _, other in ipairs(self.list) do
      local newest = other.statuses[1]
      if
        other ~= deployment
        and other.environment == deployment.environment
        and newest
        and newest.state == "success"
        and (deployment.app or not (other.transient or other.production))
      then
        self:add_status(other, { state = "inactive", by = status.by })
      end
    end
  end
  return added
end

---@param id integer|string
---@return table?
function Deployments:get(id)
  id = math.tointeger(tonumber(id))
  for _, deployment in ipairs(self.list) do
    if deployment.id == id then
      return deployment
    end
  end
  return nil
end

---------------------------------------------------------------------------------------------------------------------
-- What jobs do

--- A job for an environment tells of itself: "waiting" for a reviewer, "queued", "in_progress", and how it ended.
---@param job table
---@param state string
function Deployments:follow_job(job, state)
  local run = job.run
  if not job.environment then
    return
  end
  if not job.deployment then
    job.deployment = self:create {
      sha = run.sha,
      ref = run.branch,
      environment = job.environment,
      by = run.actor,
      app = true,
    }
  end
  self:add_status(job.deployment, {
    state = state,
    by = "github-actions[bot]",
    log_url = self.github.shapes:page(("/actions/runs/%d/job/%d"):format(run.id, job.id)),
  })
end

---------------------------------------------------------------------------------------------------------------------
-- Routes

--- What answers show of a deployment.
---@param github fairlead.world.GitHub
---@param deployment table
---@return table
function M.shape(github, deployment)
  local s = github.shapes
  local url = s:url("/deployments/" .. deployment.id)
  return {
    id = deployment.id,
    node_id = ("DE_%x"):format(deployment.id),
    url = url,
    sha = deployment.sha,
    ref = deployment.ref,
    task = deployment.task,
    payload = deployment.payload or json.decode "{}",
    original_environment = deployment.original_environment,
    environment = deployment.environment,
    description = deployment.description or json.null,
    creator = s:user(deployment.by),
    created_at = time(deployment.created),
    updated_at = time(deployment.updated),
    statuses_url = url .. "/statuses",
    repository_url = s:url(""),
    transient_environment = deployment.transient,
    production_environment = deployment.production,
    performed_via_github_app = deployment.app and s:actions_app() or json.null,
  }
end

local function status_shape(github, deployment, status)
  local s = github.shapes
  local url = s:url("/deployments/" .. deployment.id)
  return {
    id = status.id,
    node_id = ("DES_%x"):format(status.id),
    url = ("%s/statuses/%d"):format(url, status.id),
    state = status.state,
    creator = s:user(status.by),
    description = status.description,
    environment = status.environment,
    target_url = status.log_url,
    log_url = status.log_url,
    environment_url = status.environment_url,
    created_at = time(status.at),
    updated_at = time(status.at),
    deployment_url = url,
    repository_url = s:url(""),
    performed_via_github_app = json.null,
  }
end

local function given(value)
  if value == json.null then
    return nil
  end
  return value
end

--- Refuses a deployment of a commit whose checks and statuses have not all passed, or not those that are named.
local function check_contexts(github, sha, ref, wanted)
  local names = wanted
  if not names then
    names = {}
    for _, job in ipairs(github.actions:checks(sha)) do
      names[#names + 1] = job.name
    end
    for _, status in ipairs(github.statuses[sha] or {}) do
      names[#names + 1] = status.context
    end
  end
  local contexts, all = {}, true
  for i, name in ipairs(names) do
    local state = github.pulls:check_state(name, sha)
    contexts[i] = { context = name, state = state == "passing" and "success" or state == "failing" and "failure"
      or "pending" }
    all = all and state == "passing"
  end
  if not all then
    refusal.raise(409, ("Conflict: Commit status checks failed for %s."):format(ref), {
      { contexts = json.array(contexts), resource = "Deployment", field = "required_contexts", code = "invalid" },
    })
  end
end

--- A branch that lacks commits of the default one gets them by a merge, in place of a deployment (`auto_merge`).
local function merge_main(github, branch, sha, login)
  local repo, main = github:repository(), github.fixture.default_branch
  local tree = repo:merge_tree(repo.branches[main], sha)
  if not tree then
    refusal.raise(409, ("Conflict merging %s into %s."):format(main, branch))
  end
  local merged = repo:commit {
    ref = "refs/heads/" .. branch,
    message = ("Merge branch '%s' into %s"):format(main, branch),
    tree = tree,
    parents = { sha, repo.branches[main] },
    author = repository.person(github.fixture, login),
    committer = { name = "GitHub", email = "noreply@github.com" },
    at = github.world.now,
  }
  github:pushed("refs/heads/" .. branch, sha, merged, login)
  return 202, { message = ("Auto-merged %s into %s on deployment."):format(main, branch) }
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  local deployments = github.deployments
  local base = "/repos/{owner}/{repo}/deployments"

  local function deployment_of(call)
    return deployments:get(call.deployment) or refusal.not_found()
  end

  router:add("GET " .. base, "deployments:read", function(call)
    local query, list = call.query, {}
    local function wants(name, value)
      return not query[name] or query[name] == "none" or query[name] == value
    end
    for i = #deployments.list, 1, -1 do
      local one = deployments.list[i]
      if
        wants("sha", one.sha) and wants("ref", one.ref) and wants("task", one.task)
        and wants("environment", one.environment)
      then
        list[#list + 1] = one
      end
    end
    local page, headers = github:page(call, list)
    for i, one in ipairs(page) do
      page[i] = M.shape(github, one)
    end
    return 200, page, headers
  end)

  router:add("POST " .. base, "deployments:write", function(call)
    local body, repo = call.body, github:repository()
    refusal.check(body, {
      ref = "string!", task = "string", auto_merge = "boolean", required_contexts = "table", environment = "string",
      description = "string", transient_environment = "boolean", production_environment = "boolean",
    })
    local commit = repo:resolve(body.ref) or refusal.raise(422, "No ref found for: " .. body.ref)
    local main = github.fixture.default_branch
    local is_branch = repo.branches[body.ref] ~= nil
    if given(body.auto_merge) ~= false and is_branch and not repo:contains(repo.branches[main], commit.sha) then
      return merge_main(github, body.ref, commit.sha, call.viewer.login)
    end
    local wanted = given(body.required_contexts)
    if not wanted or #wanted > 0 then
      check_contexts(github, commit.sha, body.ref, wanted)
    end
    local deployment = deployments:create {
      sha = commit.sha,
      ref = body.ref,
      task = given(body.task),
      payload = given(body.payload),
      environment = given(body.environment) or "production",
      description = given(body.description),
      transient = given(body.transient_environment),
      production = given(body.production_environment),
      by = call.viewer.login,
    }
    return 201, M.shape(github, deployment)
  end)

  router:add("GET " .. base .. "/{deployment}", "deployments:read", function(call)
    return 200, M.shape(github, deployment_of(call))
  end)

  router:add("DELETE " .. base .. "/{deployment}", "deployments:write", function(call)
    local deployment = deployment_of(call)
    local newest = deployment.statuses[1]
    if newest and newest.state ~= "inactive" and #deployments.list > 1 then
      refusal.raise(
        422,
        "We cannot delete an active deployment unless it is the only deployment in a given environment."
      )
    end
    for i, other in ipairs(deployments.list) do
      if other == deployment then
        table.remove(deployments.list, i)
        break
      end
    end
    return 204
  end)

  router:add("GET " .. base .. "/{deployment}/statuses", "deployments:read", function(call)
    local deployment = deployment_of(call)
    local page, headers = github:page(call, deployment.statuses)
    for i, status in ipairs(page) do
      page[i] = status_shape(github, deployment, status)
    end
    return 200, page, headers
  end)

  router:add("GET " .. base .. "/{deployment}/statuses/{status}", "deployments:read", function(call)
    local deployment = deployment_of(call)
    for _, status in ipairs(deployment.statuses) do
      if tostring(status.id) == call.status then
        return 200, status_shape(github, deployment, status)
      end
    end
    return refusal.not_found()
  end)

  router:add("POST " .. base .. "/{deployment}/statuses", "deployments:write", function(call)
    local deployment, body = deployment_of(call), call.body
    refusal.check(body, {
      state = "string!", target_url = "string", log_url = "string", description = "string", environment = "string",
      environment_url = "string", auto_inactive = "boolean",
    })
    if not STATES[body.state] then
      refusal.invalid("DeploymentStatus", "state", "custom", "state is not included in the list")
    elseif given(body.description) and utf8.len(body.description) > 140 then
      refusal.invalid("DeploymentStatus", "description", "custom",
        "description is too long (maximum is 140 characters)")
    end
    local status = deployments:add_status(deployment, {
      state = body.state,
      by = call.viewer.login,
      description = given(body.description),
      log_url = given(body.log_url) or given(body.target_url),
      environment = given(body.environment),
      environment_url = given(body.environment_url),
      auto_inactive = given(body.auto_inactive),
    })
    return 201, status_shape(github, deployment, status)
  end)
end

return M
