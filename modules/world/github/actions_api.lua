--- The REST routes of workflows, their runs and jobs, deployments that wait for a person, and environments.
local job_log = require "fairlead.world.github.job_log"
local json = require "fairlead.json"
local deployment_shape = require("fairlead.world.github.deployments").shape
local environments = require "fairlead.world.github.environments"
local refusal = require "fairlead.world.github.refusal"
local shapes = require "fairlead.world.github.shapes"
local sorted = require "fairlead.sorted"

local M = {}

local time = shapes.time

--- A list with its length, as these routes answer: {total_count=, <name>=[…]}.
local function counted(github, call, name, list, shape)
  local page, headers = github:page(call, list)
  for i, item in ipairs(page) do
    page[i] = shape(github.shapes, item)
  end
  return 200, { total_count = #list, [name] = page }, headers
end

--- Whether a run has a time in the range of a `created` filter: 2026-03-02, >=…, <…, a..b.
local function created_in(run, filter)
  local at = time(run.created)
  local low, high = filter:match("^(.-)%.%.(.+)$")
  if low then
    return (low == "*" or at >= low) and (high == "*" or at:sub(1, #high) <= high)
  end
  local sign, bound = filter:match("^([<>]=?)(.+)$")
  bound = bound and bound:gsub("%+00:00$", "Z")
  if sign == ">=" then
    return at >= bound
  elseif sign == ">" then
    return at > bound
  elseif sign == "<=" then
    return at:sub(1, #bound) <= bound
  elseif sign == "<" then
    return at < bound
  end
  return at:sub(1, #filter) == filter
end

local function matching(run, query)
  return (not query.branch or run.branch == query.branch)
    and (not query.event or run.event == query.event)
    and (not query.head_sha or run.sha == query.head_sha)
    and (not query.actor or run.actor == query.actor)
    and (not query.status or run.status == query.status or run.conclusion == query.status)
    and (not query.check_suite_id or tostring(run.suite_id) == query.check_suite_id)
    and (not query.created or created_in(run, query.created))
end

local function runs_of(github, call, workflow)
  local list = {}
  for i = #github.actions.runs, 1, -1 do
    local run = github.actions.runs[i]
    if (not workflow or run.workflow == workflow) and matching(run, call.query) then
      list[#list + 1] = run
    end
  end
  return counted(github, call, "workflow_runs", list, github.shapes.run)
end

--- The inputs of a dispatch, with their defaults, or a refusal.
local function inputs_of(trigger, given)
  local declared = type(trigger) == "table" and trigger.inputs or {}
  local values, unexpected = {}, {}
  for name, value in sorted(given) do
    if not declared[name] then
      unexpected[#unexpected + 1] = ("%q"):format(name)
    else
      values[name] = tostring(value)
    end
  end
  if #unexpected > 0 then
    refusal.raise(422, ("Unexpected inputs provided: [%s]"):format(table.concat(unexpected, ", ")))
  end
  for name, input in sorted(declared) do
    local value = values[name]
    if value == nil and input.default ~= nil then
      values[name] = tostring(input.default)
    elseif (value == nil or value == "") and input.required then
      refusal.raise(422, ("Required input '%s' not provided"):format(name))
    elseif value and input.options then
      local listed = false
      for _, option in ipairs(input.options) do
        listed = listed or option == value
      end
      if not listed then
        refusal.raise(
          422,
          ("Provided value '%s' for input '%s' not in the list of allowed values"):format(value, name)
        )
      end
    end
  end
  return values
end

local function add_workflows(github, router)
  local actions = github.actions

  local function workflow_of(call)
    return actions:workflow(call.workflow) or refusal.not_found()
  end

  router:add("GET /repos/{owner}/{repo}/actions/workflows", "actions:read", function(call)
    return counted(github, call, "workflows", actions.workflows, github.shapes.workflow)
  end)

  router:add("GET /repos/{owner}/{repo}/actions/workflows/{workflow}", "actions:read", function(call)
    return 200, github.shapes:workflow(workflow_of(call))
  end)

  router:add("GET /repos/{owner}/{repo}/actions/workflows/{workflow}/runs", "actions:read", function(call)
    return runs_of(github, call, workflow_of(call))
  end)

  -- `return_run_details` came on 2026-02-19 (GitHub changelog, "Workflow dispatch API now returns run IDs"). A server
  -- that does not know it refuses the key; without it no answer names the run, which appears a little later.
  router:add("POST /repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", "actions:write", function(call)
    local workflow, body = workflow_of(call), call.body
    local fields = { ref = "string!", inputs = "table", return_run_details = "boolean" }
    if github.world.scenario.old_dispatch then
      fields.return_run_details = nil
    end
    refusal.check(body, fields, true)
    local trigger = workflow.on.workflow_dispatch
    if not trigger then
      refusal.raise(422, "Workflow does not have 'workflow_dispatch' trigger")
    end
    local branch = body.ref:gsub("^refs/heads/", "")
    local sha = github:repository().branches[branch]
    if not sha then
      refusal.raise(422, ("No ref found for: %s"):format(body.ref))
    end
    local inputs = inputs_of(trigger, type(body.inputs) == "table" and body.inputs or {})
    local start = {
      event = "workflow_dispatch",
      branch = branch,
      sha = sha,
      actor = call.viewer.login,
      inputs = inputs,
    }
    if body.return_run_details ~= true then
      github.world:after(github.random:between(1, 6), function()
        actions:start(workflow, start)
      end)
      return 204
    end
    local run = actions:start(workflow, start)
    return 200, {
      workflow_run_id = run.id,
      run_url = github.shapes:url("/actions/runs/" .. run.id),
      html_url = github.shapes:page("/actions/runs/" .. run.id),
    }
  end)
end

local function add_runs(github, router)
  local actions = github.actions

  local function run_of(call)
    return actions.by_id[math.tointeger(tonumber(call.run))] or refusal.not_found()
  end

  router:add("GET /repos/{owner}/{repo}/actions/runs", "actions:read", function(call)
    return runs_of(github, call)
  end)

  router:add("GET /repos/{owner}/{repo}/actions/runs/{run}", "actions:read", function(call)
    return 200, github.shapes:run(run_of(call))
  end)

  router:add("GET /repos/{owner}/{repo}/actions/runs/{run}/jobs", "actions:read", function(call)
    local run = run_of(call)
    local list = table.move(run.jobs, 1, #run.jobs, 1, {})
    if call.query.filter == "all" then
      table.move(run.earlier_jobs, 1, #run.earlier_jobs, #list + 1, list)
    end
    return counted(github, call, "jobs", list, github.shapes.job)
  end)

  router:add("POST /repos/{owner}/{repo}/actions/runs/{run}/cancel", "actions:write", function(call)
    local run = run_of(call)
    if run.status == "completed" then
      refusal.raise(409, "Cannot cancel a workflow run that is completed.")
    end
    actions:cancel(run)
    return 202, {}
  end)

  for verb, failed_only in sorted { rerun = false, ["rerun-failed-jobs"] = true } do
    router:add(("POST /repos/{owner}/{repo}/actions/runs/{run}/%s"):format(verb), "actions:write", function(call)
      local run = run_of(call)
      if run.status ~= "completed" then
        refusal.raise(403, "This workflow is already running")
      end
      actions:rerun(run, call.viewer.login, failed_only == true)
      return 201, {}
    end)
  end

  router:add("GET /repos/{owner}/{repo}/actions/runs/{run}/approvals", "actions:read", function(call)
    local list = {}
    for i, review in ipairs(run_of(call).reviews) do
      list[i] = {
        state = review.state,
        comment = review.comment,
        user = github.shapes:user(review.by),
        environments = json.array { M.environment_reference(github, review.environment) },
      }
    end
    return 200, json.array(list)
  end)

  local function job_of(call)
    return actions.jobs_by_id[math.tointeger(tonumber(call.job))] or refusal.not_found()
  end

  router:add("GET /repos/{owner}/{repo}/actions/jobs/{job}", "actions:read", function(call)
    return 200, github.shapes:job(job_of(call))
  end)

  -- GitHub answers with a link of one minute to a store of logs, which needs no token.
  router:add("GET /repos/{owner}/{repo}/actions/jobs/{job}/logs", "actions:read", function(call)
    local job = job_of(call)
    if job.status ~= "completed" then
      refusal.not_found()
    end
    local base = call.request.service and github.world.base_urls.github
      or "https://results-receiver.actions.githubusercontent.com"
    return 302, "", { { "location", ("%s/_logs/jobs/%d"):format(base, job.id) } }
  end)

  router:add("GET /_logs/jobs/{job}", nil, function(call)
    local job = job_of(call)
    if not job.completed then
      refusal.not_found()
    end
    return 200, job_log.text(job)
  end)
end

--- An environment as approvals name it.
---@param github fairlead.world.GitHub
---@param environment table the environment's state
---@return table
function M.environment_reference(github, environment)
  return {
    id = environment.id,
    node_id = ("EN_%x"):format(environment.id),
    name = environment.name,
    url = github.shapes:url("/environments/" .. environment.name),
    html_url = github.shapes:page("/deployments/activity_log?environments_filter=" .. environment.name),
  }
end

local function reviewers_of(github, environment)
  local list = {}
  for _, login in ipairs(environment.reviewers) do
    list[#list + 1] = { type = "User", reviewer = github.shapes:user(login) }
  end
  for _, slug in ipairs(environment.teams) do
    list[#list + 1] = { type = "Team", reviewer = github.shapes:team(slug) }
  end
  return json.array(list)
end

local function add_reviews(github, router)
  local actions = github.actions
  local route = " /repos/{owner}/{repo}/actions/runs/{run}/pending_deployments"

  local function run_of(call)
    return actions.by_id[math.tointeger(tonumber(call.run))] or refusal.not_found()
  end

  router:add("GET" .. route, "actions:read", function(call)
    local run, list = run_of(call), {}
    for name in sorted(environments.waiting(run)) do
      local environment = actions.environments[name]
      list[#list + 1] = {
        environment = M.environment_reference(github, environment),
        wait_timer = 0,
        wait_timer_started_at = json.null,
        current_user_can_approve = call.viewer ~= nil and actions:may_review(environment, call.viewer.login, run),
        reviewers = reviewers_of(github, environment),
      }
    end
    return 200, json.array(list)
  end)

  router:add("POST" .. route, "deployments:write", function(call)
    local run, body = run_of(call), call.body
    refusal.check(body, { environment_ids = "table!", state = "string!", comment = "string!" })
    if body.state ~= "approved" and body.state ~= "rejected" then
      refusal.raise(
        422,
        ("Invalid request.\n\n%s is not a member of [\"approved\", \"rejected\"]."):format(body.state)
      )
    end
    local waiting, names = environments.waiting(run), {}
    for _, id in ipairs(body.environment_ids) do
      local found
      for name in sorted(waiting) do
        found = actions.environments[name].id == id and name or found
      end
      names[#names + 1] = found or ""
    end
    if #names == 0 then
      refusal.raise(422, "There is no pending deployment requests to approve or reject")
    end
    local list = {}
    local review = { by = call.viewer.login, state = body.state, comment = body.comment }
    for i, job in ipairs(actions:review(run, names, review)) do
      list[i] = deployment_shape(github, job.deployment)
    end
    return 200, json.array(list)
  end)
end

local function environment_shape(github, environment)
  local value = M.environment_reference(github, environment)
  local rules = {}
  if environments.is_protected(environment) then
    rules[1] = {
      id = environment.id + 1,
      node_id = ("GA_%x"):format(environment.id + 1),
      type = "required_reviewers",
      prevent_self_review = environment.prevent_self_review,
      reviewers = reviewers_of(github, environment),
    }
  end
  value.created_at = "2024-01-08T10:00:00Z"
  value.updated_at = "2024-01-08T10:00:00Z"
  value.protection_rules = json.array(rules)
  value.deployment_branch_policy = json.null
  return value
end

local function add_environments(github, router)
  local known = github.actions.environments

  router:add("GET /repos/{owner}/{repo}/environments", "actions:read", function(call)
    local list = {}
    for _, environment in sorted(known) do
      list[#list + 1] = environment
    end
    return counted(github, call, "environments", list, function(_, environment)
      return environment_shape(github, environment)
    end)
  end)

  router:add("GET /repos/{owner}/{repo}/environments/{environment}", "actions:read", function(call)
    return 200, environment_shape(github, known[call.environment] or refusal.not_found())
  end)
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  add_workflows(github, router)
  add_runs(github, router)
  add_reviews(github, router)
  add_environments(github, router)
end

return M
