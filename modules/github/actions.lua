--- Workflows: starting one and knowing which run that started, following runs and jobs, deployments that wait for
--- somebody's review.
---
--- Sources: docs.github.com "REST API endpoints for workflows" and "… for workflow runs"; github.blog changelog
--- "Workflow dispatch API now returns run IDs" (2026-02-19); docs.github.com "Reviewing deployments".
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local shape = require "fairlead.service.shape"

local list <const>, maybe <const> = shape.list, shape.maybe

-- What is read from GitHub's answers.
local RUN <const> = {
  id = "integer", name = "text?", display_title = "text?", workflow_id = "integer?", path = "text?", event = "text?",
  status = "text?", conclusion = "text?", head_sha = "text?", head_branch = "text?", check_suite_id = "integer?",
  actor = maybe { login = "text?" }, run_attempt = "integer?", html_url = "text?",
}
local JOB <const> = { id = "integer", name = "text", status = "text?", conclusion = "text?", html_url = "text?",
  steps = maybe(list { name = "text?", status = "text?", conclusion = "text?" }) }
local WAITING <const> = list {
  environment = { name = "text", id = "integer" }, current_user_can_approve = "boolean?", wait_timer = "number?",
  reviewers = maybe(list { type = "text?",
    reviewer = maybe { login = "text?", slug = "text?", name = "text?" } }),
}

local FIND_TIMEOUT <const> = 120 -- seconds until a dispatched run must have shown up
local CLOCKS_DIFFER <const> = 60 -- seconds between GitHub's clock and this one
local LOST_TIMEOUT <const> = 30 -- seconds to look for a run before a dispatch whose answer was lost is repeated

---@class fairlead.github.WorkflowRun
---@field id integer
---@field name string the workflow's name
---@field title string what the run calls itself (run-name)
---@field workflow_id integer
---@field path string? the workflow's file
---@field event string push, pull_request, workflow_dispatch, …
---@field status string queued, in_progress, requested, waiting, pending, completed
---@field conclusion string? once completed
---@field state "passing"|"failing"|"pending"
---@field head_sha string
---@field head_branch string?
---@field check_suite_id integer?
---@field actor string? login
---@field attempt integer
---@field url string the page for people
---@field created_at number unix seconds
---@field started_at number? unix seconds, of this attempt
---@field updated_at number? unix seconds
---@field jobs fun(self: fairlead.github.WorkflowRun): fairlead.github.Job[]

---@class fairlead.github.Job
---@field id integer
---@field name string
---@field status string
---@field conclusion string?
---@field state "passing"|"failing"|"pending"
---@field url string
---@field started_at number? unix seconds
---@field completed_at number? unix seconds
---@field steps {name: string, status: string, conclusion: string?}[]

---@class fairlead.github.PendingDeployment
---@field environment string
---@field environment_id integer
---@field can_approve boolean whether the token's user may
---@field reviewers string[] logins, and team slugs with a leading @
---@field wait_seconds number the environment's wait timer
---@field waiting_since number? unix seconds, of the timer

---@class fairlead.github.Client
local Actions = {}

local function state_of(status, conclusion)
  if status ~= "completed" then
    return "pending"
  end
  return (conclusion == "success" or conclusion == "neutral" or conclusion == "skipped") and "passing" or "failing"
end

---@return fairlead.github.WorkflowRun
local function shape_run(self, raw)
  local run = {
    id = raw.id, name = raw.name, title = raw.display_title or raw.name, workflow_id = raw.workflow_id,
    path = raw.path, event = raw.event, status = raw.status, conclusion = raw.conclusion,
    state = state_of(raw.status, raw.conclusion),
    head_sha = raw.head_sha, head_branch = raw.head_branch, check_suite_id = raw.check_suite_id,
    actor = raw.actor and raw.actor.login, attempt = raw.run_attempt or 1, url = raw.html_url,
    created_at = answer.time(raw.created_at), started_at = answer.time(raw.run_started_at),
    updated_at = answer.time(raw.updated_at),
  }
  return setmetatable(run, { __index = { jobs = function() return self:jobs(run.id) end } })
end

local function shape_job(raw)
  local steps = {}
  for i, step in ipairs(raw.steps or {}) do
    steps[i] = { name = step.name, status = step.status, conclusion = step.conclusion }
  end
  return {
    id = raw.id, name = raw.name, status = raw.status, conclusion = raw.conclusion,
    state = state_of(raw.status, raw.conclusion), url = raw.html_url, started_at = answer.time(raw.started_at),
    completed_at = answer.time(raw.completed_at), steps = steps,
  }
end

local function check_id(id, name)
  if math.type(id) ~= "integer" then
    error(("bad argument #1 to '%s' (integer expected, got %s)"):format(name, type(id)), 3)
  end
end

local function check_options(options, name, ...)
  if type(options) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(options)), 3)
  end
  for _, field in ipairs { ... } do
    if options[field] == nil then
      error(("bad argument #1 to '%s' (%s: a value expected, got nil)"):format(name, field), 3)
    end
  end
end

--- One run of a workflow.
---@async
---@param id integer
---@return fairlead.github.WorkflowRun
--- raises github.api.not_found
function Actions:workflow_run(id)
  check_id(id, "workflow_run")
  return shape_run(self, (self:get("actions/runs/" .. id, nil, { op = "github.workflow_run", shape = RUN })))
end

--- The jobs of a run's latest attempt.
---@async
---@param id integer
---@return fairlead.github.Job[]
function Actions:jobs(id)
  check_id(id, "jobs")
  local jobs = self:list(("actions/runs/%d/jobs"):format(id), { filter = "latest" },
    { op = "github.jobs", key = "jobs", shape = JOB })
  for i, raw in ipairs(jobs) do
    jobs[i] = shape_job(raw)
  end
  return jobs
end

--- The end of what a job printed. GitHub keeps logs of jobs that have ended; they may be of many megabytes.
---@async
---@param id integer of the job
---@param bytes? integer so many at most; default 65536
---@return string text whole lines, each with its time, as GitHub keeps them
--- raises github.api.not_found (it has not ended, or its log is gone), .not_authorised
function Actions:job_log(id, bytes)
  check_id(id, "job_log")
  local most <const> = bytes or 65536
  local tail, cut = "", false
  self:request("GET", ("actions/jobs/%d/logs"):format(id), nil, nil, {
    op = "github.job_log",
    sink = function()
      tail, cut = "", false
      return function(chunk)
        tail = tail .. chunk
        if #tail <= most then return end
        tail, cut = tail:sub(-most), true
      end
    end,
  })
  return cut and tail:gsub("^[^\n]*\n", "", 1) or tail
end

--- Runs, newest first.
---@async
---@param options {head_sha?: string, workflow?: string|integer, event?: string, branch?: string, actor?: string,
---  status?: string, limit?: integer} workflow: its file's name or its id; limit: default 100
---@return fairlead.github.WorkflowRun[]
function Actions:workflow_runs(options)
  check_options(options, "workflow_runs")
  local path = "actions/runs"
  if options.workflow then
    path = ("actions/workflows/%s/runs"):format(address.segment(options.workflow))
  end
  local limit <const> = options.limit or 100
  local runs = {}
  for raw in self:paginate(path, {
    head_sha = options.head_sha, event = options.event, branch = options.branch, actor = options.actor,
    status = options.status, per_page = math.min(limit, 100),
  }, { op = "github.workflow_runs", key = "workflow_runs", shape = RUN }) do
    runs[#runs + 1] = shape_run(self, raw)
    if #runs == limit then
      break
    end
  end
  table.sort(runs, function(a, b) return a.id > b.id end)
  return runs
end

--- The login of the token's user; nil for tokens that have none (an Actions job's own).
---@async
---@return string?
function Actions:viewer()
  if self.login == nil then
    local user, err = try(self.get, self, "/user", nil, { op = "github.user", shape = { login = "text" } })
    if not user and not (err:is "github.api.not_authorised" or err:is "github.api.not_found") then
      error(err, 0)
    end
    self.login = user and user.login or false
  end
  return self.login or nil
end

--- Whether something was written by the token's user; for a token that is nobody's: by a bot, as all that such tokens
--- write is.
---@async
---@param user table? as GitHub names who wrote it
---@return boolean
function Actions:is_own(user)
  if type(user) ~= "table" then return false end
  local viewer <const> = self:viewer()
  if not viewer then return user.type == "Bot" end
  return type(user.login) == "string" and user.login:lower() == viewer:lower()
end

--- The runs that a dispatch may have started: newer than all that were there before it, of its branch, its user, and
--- with the marker in their name.
local function candidates(self, dispatch)
  local found = {}
  for _, run in ipairs(self:workflow_runs { workflow = dispatch.workflow, event = "workflow_dispatch", limit = 30 }) do
    local fits = run.id > dispatch.newest
      and (not dispatch.since or run.created_at and run.created_at >= dispatch.since)
      and (run.head_branch == nil or run.head_branch == dispatch.branch)
      and (not dispatch.sha or run.head_sha == dispatch.sha)
      and (not dispatch.marker or (run.title or ""):find(dispatch.marker, 1, true))
    if fits then
      found[#found + 1] = run
    end
  end
  -- When somebody else may have started the only one, it has to be one's own.
  if #found > 1 or (dispatch.since and #found > 0) then
    local actor <const> = dispatch.actor or self:viewer()
    local own = {}
    for _, run in ipairs(found) do
      if run.actor == actor then
        own[#own + 1] = run
      end
    end
    found = (#own > 0 or (dispatch.since and actor)) and own or found
  end
  return found
end

--- Waits for the run that a dispatch started to show up; nil when it does not in time.
local function find_run(self, dispatch, timeout)
  local deadline <const> = clock.now() + timeout
  local pause = 1
  while true do
    local found <const> = candidates(self, dispatch)
    if #found == 1 then
      return found[1]
    elseif #found > 1 then
      errors.raise {
        kind = "github.api.conflict", op = "github.dispatch", target = dispatch.target,
        message = ("%d runs were started at the same time, and GitHub does not tell which is this one"):format(#found),
        hint = "put one of the inputs into the workflow's run-name, and give its value as `marker`",
      }
    end
    if clock.now() + pause > deadline then
      return nil
    end
    clock.sleep(pause)
    pause = math.min(pause * 1.5, 10)
  end
end

--- Whether a refusal is about return_run_details: servers from before February 2026 do not know it.
local function unknown_option(err)
  return (err.status == 422 or err.status == 400) and err.message:find("return_run_details", 1, true) ~= nil
end

--- Starts a workflow by hand (workflow_dispatch) and returns the run that it started: as GitHub names it, or found by
--- looking where GitHub does not. A dispatch whose answer was lost is repeated only when no run has shown up.
---@async
---@param options {workflow: string|integer, ref: string, inputs?: table<string, any>, sha?: string, marker?: string,
---  actor?: string, timeout?: number} workflow: its file's name or id; ref: branch or tag; for finding the run where
---  GitHub does not name it: sha: the commit that it must run, marker: text in its title, actor: who starts it (default
---  the token's user), timeout: seconds, default 120
---@return fairlead.github.WorkflowRun
--- raises github.api.not_found (no such workflow), .invalid (no such ref, wrong inputs, no workflow_dispatch trigger),
--- .conflict (several runs fit), github.api with retryable when no run has shown up in time
function Actions:dispatch(options)
  check_options(options, "dispatch", "workflow", "ref")
  local path <const> = ("actions/workflows/%s/dispatches"):format(address.segment(options.workflow))
  local dispatch <const> = {
    workflow = options.workflow, branch = options.ref:gsub("^refs/heads/", ""):gsub("^refs/tags/", ""),
    sha = options.sha, marker = options.marker, actor = options.actor, newest = 0,
    target = self:subject(" " .. options.workflow),
  }
  -- Ids grow, whatever the clocks say: a run that this dispatch starts has a greater one than any before it.
  local before <const> = self:workflow_runs { workflow = options.workflow, event = "workflow_dispatch", limit = 1 }
  dispatch.newest = before[1] and before[1].id or 0

  local body = { ref = options.ref, inputs = options.inputs, return_run_details = true }
  local attempts <const> = 4
  for attempt = 1, attempts do
    -- `true` for GitHub's empty answer, so that success is not nil.
    local named, err = try(function()
      return (self:post(path, body, { op = "github.dispatch",
        shape = maybe { workflow_run_id = "integer?", html_url = "text?" } })) or true
    end)
    local run
    if type(named) == "table" and named.workflow_run_id then
      -- The run itself may take a moment until it can be read.
      run = try(self.workflow_run, self, named.workflow_run_id)
      return run or shape_run(self, {
        id = named.workflow_run_id, html_url = named.html_url, name = tostring(options.workflow), status = "queued",
        event = "workflow_dispatch", head_branch = dispatch.branch, head_sha = options.sha,
      })
    elseif named then
      run = find_run(self, dispatch, options.timeout or FIND_TIMEOUT)
      return run or errors.raise {
        kind = "github.api", op = "github.dispatch", target = dispatch.target, retryable = true,
        message = ("the workflow was started, and no run has shown up within %d s"):format(
          options.timeout or FIND_TIMEOUT),
        hint = "look at the repository's Actions page before starting it again",
      }
    elseif unknown_option(err) and body.return_run_details then
      body.return_run_details = nil
    elseif err.retryable and attempt < attempts then
      run = find_run(self, dispatch, LOST_TIMEOUT)
      if run then
        return run
      end
    else
      error(err, 0)
    end
  end
end

--- The run that an interrupted attempt to dispatch has started, if it has: of this workflow, branch, commit and user,
--- and not older than the attempt. A run may take a moment to appear, so nil comes after a while only.
---@async
---@param options {workflow: string|integer, ref: string, since: number, sha?: string, marker?: string, actor?: string,
---  timeout?: number} since: unix seconds; timeout: seconds, default 30; the others as for `dispatch`
---@return fairlead.github.WorkflowRun?
--- raises github.api.conflict (several runs fit)
function Actions:find_dispatched(options)
  check_options(options, "find_dispatched", "workflow", "ref", "since")
  return find_run(self, {
    workflow = options.workflow, branch = options.ref:gsub("^refs/heads/", ""):gsub("^refs/tags/", ""),
    sha = options.sha, marker = options.marker, actor = options.actor, newest = 0,
    since = options.since - CLOCKS_DIFFER, target = self:subject(" " .. options.workflow),
  }, options.timeout or LOST_TIMEOUT)
end

--- The environments that a run waits for somebody's review of.
---@async
---@param id integer of a run
---@return fairlead.github.PendingDeployment[]
function Actions:pending_deployments(id)
  check_id(id, "pending_deployments")
  local pending = {}
  for i, raw in ipairs(self:get(("actions/runs/%d/pending_deployments"):format(id), nil,
    { op = "github.pending_deployments", shape = WAITING })) do
    local reviewers = {}
    for _, entry in ipairs(raw.reviewers or {}) do
      local who <const> = entry.reviewer or {}
      reviewers[#reviewers + 1] = entry.type == "Team" and "@" .. (who.slug or who.name or "?") or who.login
    end
    pending[i] = {
      environment = raw.environment.name, environment_id = raw.environment.id,
      can_approve = raw.current_user_can_approve or false, reviewers = reviewers,
      wait_seconds = (raw.wait_timer or 0) * 60, waiting_since = answer.time(raw.wait_timer_started_at),
    }
  end
  return pending
end

--- Approves or rejects environments that a run waits for, as the token's user.
---@async
---@param options {run: integer, environments: string[], state: "approved"|"rejected", comment?: string}
---@return string[] environments that were decided on; those that no longer waited are left out
--- raises github.api.not_authorised, github.api.invalid (the user may not approve, or may not approve own runs)
function Actions:review_deployments(options)
  check_options(options, "review_deployments", "run", "environments", "state")
  check_id(options.run, "review_deployments")
  if options.state ~= "approved" and options.state ~= "rejected" then
    error("bad argument #1 to 'review_deployments' (state: \"approved\" or \"rejected\" expected)", 2)
  end
  local path <const> = ("actions/runs/%d/pending_deployments"):format(options.run)
  local attempts <const> = 3
  local decided = {}
  for attempt = 1, attempts do
    local ids, names = {}, {}
    for _, pending in ipairs(self:pending_deployments(options.run)) do
      for _, environment in ipairs(options.environments) do
        if pending.environment == environment then
          ids[#ids + 1] = pending.environment_id
          names[#names + 1] = environment
        end
      end
    end
    if #ids == 0 then
      return decided -- nothing waits: at first "none did"; after a lost answer, that it had been heard
    end
    decided = names
    local answered, err = try(function()
      return (self:post(path, {
        environment_ids = ids, state = options.state,
        comment = options.comment or "", -- GitHub demands the field
      }, { op = "github.review_deployments" })) or true
    end)
    if answered then
      return decided
    end
    if not err.retryable or attempt == attempts then
      error(err, 0)
    end
    clock.sleep(attempt)
  end
end

return Actions
