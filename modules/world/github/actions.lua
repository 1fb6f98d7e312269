--- GitHub Actions: workflow runs and their jobs, which are also the checks of a commit.
---
--- A run appears some seconds after what triggers it. Its jobs appear when what they need has succeeded; they are
--- queued, run and complete; a job for a protected environment waits for one of its reviewers.
--- Sources: GitHub Docs, "Events that trigger workflows", "Reviewing deployments", "Using jobs in a workflow".
local environments = require "fairlead.world.github.environments"
local workflows = require "fairlead.world.github.workflows"

local M = {}

---@class fairlead.world.Actions
---@field workflows table[] {id=, file=, name=, on=, jobs=, environments_on_push=}
---@field runs table[] in order of creation
---@field environments table<string, table> {id=, name=, reviewers=, prevent_self_review=}
local Actions = {}
Actions.__index = Actions

--- Seconds from a push to its runs' appearance; from a job's appearance to its start.
local ATTACH <const> = { low = 2, high = 7 }
local QUEUE <const> = { low = 2, high = 9 }
--- When a job that calls ECS, too, has pushed its images: the part of its time that has passed then.
local PUSHED <const> = 0.9

---@param github fairlead.world.GitHub
---@return fairlead.world.Actions
function M.new(github)
  local self = setmetatable({
    github = github,
    world = github.world,
    random = github.world:stream("actions"),
    workflows = workflows.read(github.fixture.workflows),
    runs = {},
    by_id = {},
    jobs_by_id = {},
    environments = environments.read(github),
    numbers = {},
  }, Actions)
  if self.world.scenario.late_check then
    self:split_check(self.world.scenario.late_check)
  end
  return self
end

--- The last required check is reported by a workflow of its own, long after the others.
---@param delay {low: number, high: number} seconds
---@private
function Actions:split_check(delay)
  local rules = self.github.fixture.rules or {}
  local late = workflows.split(self.workflows, (rules.required_checks or {})[#(rules.required_checks or {})])
  if not late then
    return
  end
  self.world:on("run_completed", function(data)
    local run = data.run
    if run.workflow ~= late.after then
      return
    end
    self.world:after(self.random:between(delay.low, delay.high), function()
      self:start(late, { event = run.event, branch = run.branch, sha = run.sha, actor = run.actor, title = run.title })
    end)
  end)
end

--- A workflow by its file's name or its id.
---@param name string
---@return table?
function Actions:workflow(name)
  for _, workflow in ipairs(self.workflows) do
    if workflow.file == name or tostring(workflow.id) == name then
      return workflow
    end
  end
  return nil
end

local function attach_delay(self)
  return self.random:between(ATTACH.low, ATTACH.high) + (self.world.scenario.attach_delay or 0)
end

--- A branch has a new commit: its workflows start, and those of the pull requests that it is the head of.
---@param branch string
---@param sha string
---@param login string
function Actions:branch_pushed(branch, sha, login)
  self.world:after(attach_delay(self), function()
    for _, workflow in ipairs(self.workflows) do
      if workflows.takes(workflow.on.push, branch) then
        self:start(workflow, { event = "push", branch = branch, sha = sha, actor = login })
      end
    end
  end)
  for _, pull in ipairs(self.github.pulls:open_for(branch)) do
    self:pull_changed(pull, login)
  end
end

--- A pull request was opened, or its head has moved.
---@param pull table
---@param login string
function Actions:pull_changed(pull, login)
  local sha = pull.head_sha
  self.world:after(attach_delay(self), function()
    for _, workflow in ipairs(self.workflows) do
      if workflows.takes(workflow.on.pull_request, pull.base) then
        local trigger = { event = "pull_request", branch = pull.head, sha = sha, actor = login, title = pull.title }
        self:start(workflow, trigger)
      end
    end
  end)
end

---@class fairlead.world.Trigger
---@field event "push"|"pull_request"|"workflow_dispatch"
---@field branch string
---@field sha string
---@field actor string
---@field inputs table<string, string>?
---@field title string?

---@param workflow table
---@param trigger fairlead.world.Trigger
---@return table run without jobs
---@private
function Actions:new_run(workflow, trigger)
  local now = self.world.now
  local commit = self.github:repository().commits[trigger.sha]
  self.numbers[workflow.file] = (self.numbers[workflow.file] or 0) + 1
  local run = {
    id = self.github:new_id(),
    suite_id = self.github:new_id(),
    workflow = workflow,
    number = self.numbers[workflow.file],
    attempt = 1,
    event = trigger.event,
    branch = trigger.branch,
    sha = trigger.sha,
    actor = trigger.actor,
    inputs = trigger.inputs or {},
    title = trigger.event == "workflow_dispatch" and workflow.name
      or trigger.title
      or (commit and commit.message:match("^[^\n]*"))
      or workflow.name,
    status = "queued",
    created = now,
    started = now,
    updated = now,
    jobs = {},
    earlier_jobs = {},
    reviews = {},
  }
  table.insert(self.runs, run)
  self.by_id[run.id] = run
  return run
end

--- Starts a run.
---@param workflow table
---@param trigger fairlead.world.Trigger
---@return table run
function Actions:start(workflow, trigger)
  local run = self:new_run(workflow, trigger)
  self:advance(run)
  return run
end

--- Runs of a past push that have all passed, as if they had been watched from the start.
---@async
---@param branch string
---@param sha string
---@param login string
---@param at number unix seconds
function Actions:record_past(branch, sha, login, at)
  local main = self.github.fixture.default_branch
  for _, workflow in ipairs(self.workflows) do
    local event = workflows.takes(workflow.on.push, branch) and "push"
      or workflows.takes(workflow.on.pull_request, main) and "pull_request"
    if event or (workflow.after and workflow.after.on.push) then
      local run = self:new_run(workflow, { event = event or "push", branch = branch, sha = sha, actor = login })
      run.status, run.conclusion = "completed", "success"
      run.created, run.started, run.updated = at, at, at + 600
      for _, spec in ipairs(workflow.jobs) do
        local here = not spec.branches or workflows.takes(spec, branch)
        local job = self:new_job(run, spec, nil)
        job.status, job.conclusion = "completed", here and "success" or "skipped"
        job.created, job.started, job.completed = at, at + 8, at + 8 + (spec.seconds or 60)
      end
    end
  end
end

local function has_jobs(run, spec)
  for _, job in ipairs(run.jobs) do
    if job.spec == spec then
      return true
    end
  end
  return false
end

--- How all jobs of a name, or of the reusable workflow that it calls, have ended: nil while not all have.
local function outcome_of(run, name)
  local outcome
  for _, spec in ipairs(run.workflow.jobs) do
    if (spec.name == name or spec.group == name) and not has_jobs(run, spec) then
      return nil
    end
  end
  for _, job in ipairs(run.jobs) do
    if job.spec.name == name or job.spec.group == name then
      if job.status ~= "completed" then
        return nil
      elseif job.conclusion ~= "success" then
        outcome = job.conclusion
      else
        outcome = outcome or "success"
      end
    end
  end
  return outcome
end

--- Makes the jobs that have become due, and ends the run when there is nothing left to do.
---@param run table
function Actions:advance(run)
  local again = true
  while again do
    again = false
    for _, spec in ipairs(run.workflow.jobs) do
      if not has_jobs(run, spec) and run.status ~= "completed" then
        local ready = true
        local skipped = spec.branches ~= nil and not workflows.takes(spec, run.branch)
        for _, need in ipairs(workflows.needs(run.workflow, spec)) do
          local outcome = outcome_of(run, need)
          if not outcome then
            ready = false
          elseif outcome ~= "success" then
            skipped = true
          end
        end
        if ready then
          for _, place in ipairs(workflows.places(run, spec)) do
            self:add_job(run, spec, place or nil, skipped or run.cancelled)
          end
          again = again or skipped or run.cancelled
        end
      end
    end
  end
  self:settle_run(run)
end

---@param run table
---@param spec table the job as the fixture has it
---@param place string? the environment
---@return table job
---@private
function Actions:new_job(run, spec, place)
  local job = {
    id = self.github:new_id(),
    run = run,
    spec = spec,
    name = spec.for_each and place and ("%s (%s)"):format(spec.name, place) or spec.name,
    environment = place,
    attempt = run.attempt,
    created = self.world.now,
    status = "queued",
  }
  table.insert(run.jobs, job)
  self.jobs_by_id[job.id] = job
  return job
end

---@param run table
---@param spec table the job as the fixture has it
---@param place string? the environment
---@param skipped boolean?
function Actions:add_job(run, spec, place, skipped)
  local job, now = self:new_job(run, spec, place), self.world.now
  if skipped then
    job.status, job.conclusion = "completed", run.cancelled and "cancelled" or "skipped"
    job.started, job.completed = now, now
    return
  end
  if environments.is_protected(self.environments[place]) then
    job.status = "waiting"
    self.github.deployments:follow_job(job, "waiting")
    self.world:emit("deployment_waiting", { run = run, job = job, environment = place })
  else
    self:queue_job(job)
  end
end

--- Pushes the images that a job has built.
local function publish(self, job)
  local run = job.run
  self.world:publish {
    environment = job.spec.publishes == true and job.environment or job.spec.publishes,
    sha = run.sha,
    short_sha = run.sha:sub(1, 7),
    at = self.world.now,
    run_id = run.id,
  }
end

--- Lets a job start soon.
---@param job table
function Actions:queue_job(job)
  job.status = "queued"
  self.github.deployments:follow_job(job, "queued")
  job.event = self.world:after(self.random:between(QUEUE.low, QUEUE.high), function(now)
    job.status, job.started = "in_progress", now
    self.github.deployments:follow_job(job, "in_progress")
    local seconds = (job.spec.seconds or 60) * self.random:between(0.9, 1.15) * (self.world.scenario.slower or 1)
    self:settle_run(job.run)
    local conclusion = self:conclusion_of(job)
    job.event = self.world:after(seconds, function()
      self:end_job(job, conclusion)
    end)
    if job.spec.publishes and job.spec.redeploys and conclusion == "success" then
      self.world:after(seconds * PUSHED, function()
        if job.status == "in_progress" then
          publish(self, job)
        end
      end)
    end
  end)
  self:settle_run(job.run)
end

--- How a job ends, by the scenario: what fails are the tests of branches other than the default one.
---@param job table
---@return string
function Actions:conclusion_of(job)
  local failing, run = self.world.scenario.failing_checks, job.run
  if
    failing
    and run.branch ~= self.github.fixture.default_branch
    and run.event ~= "workflow_dispatch"
    and workflows.is_test(job.spec)
  then
    local how = failing[job.spec.name] or (job.spec == workflows.last_test(run.workflow) and failing["*"])
    if how then
      return how == true and "failure" or how
    end
  end
  return job.spec.conclusion or "success"
end

---@param job table
---@param conclusion string
function Actions:end_job(job, conclusion)
  local run = job.run
  job.status, job.conclusion, job.completed = "completed", conclusion, self.world.now
  self.github.deployments:follow_job(job, conclusion == "success" and "success" or "failure")
  if conclusion == "success" and job.spec.publishes and not job.spec.redeploys then
    publish(self, job)
  end
  self:advance(run)
  self.world:emit("check_completed", { sha = run.sha, name = job.name, conclusion = conclusion, run = run })
end

--- A run's status and conclusion follow from its jobs.
---@param run table
function Actions:settle_run(run)
  local active, waiting, worst = false, false, nil
  for _, job in ipairs(run.jobs) do
    if job.status == "waiting" then
      waiting = true
    elseif job.status ~= "completed" then
      active = active or job.status
      if job.status == "in_progress" then
        active = "in_progress"
      end
    elseif job.conclusion == "failure" or job.conclusion == "timed_out" then
      worst = "failure"
    elseif job.conclusion == "cancelled" and worst ~= "failure" then
      worst = "cancelled"
    end
  end
  run.updated = self.world.now
  if active then
    run.status = run.started_once and "in_progress" or active
    run.started_once = run.status == "in_progress"
  elseif waiting then
    run.status = "waiting"
  elseif run.status ~= "completed" then
    run.status, run.conclusion = "completed", worst or "success"
    self.world:emit("run_completed", { run = run })
  end
end

--- Cancels a run: what has not ended is cancelled in a few seconds.
---@param run table
function Actions:cancel(run)
  run.cancelled = true
  self.world:after(self.random:between(1, 4), function(now)
    for _, job in ipairs(run.jobs) do
      if job.status ~= "completed" then
        if job.event then
          job.event.cancelled = true
        end
        job.status, job.conclusion, job.completed = "completed", "cancelled", now
        self.github.deployments:follow_job(job, "error")
      end
    end
    self:advance(run)
  end)
end

--- Runs a completed run again under the same id, as a new attempt with new checks.
---@param run table
---@param login string
---@param failed_only boolean keep the jobs that have succeeded
function Actions:rerun(run, login, failed_only)
  local kept = {}
  for _, job in ipairs(run.jobs) do
    if failed_only and job.conclusion == "success" then
      kept[#kept + 1] = job
    else
      table.insert(run.earlier_jobs, job)
    end
  end
  run.jobs = kept
  run.attempt = run.attempt + 1
  run.actor = login
  run.status, run.conclusion, run.cancelled, run.started_once = "queued", nil, nil, false
  run.started = self.world.now
  self:advance(run)
end

Actions.may_review = environments.may_review
Actions.review = environments.review

--- The checks of a commit: the jobs of its runs, each run's newest attempt only unless `all`.
---@param sha string
---@param all boolean?
---@return table[]
function Actions:checks(sha, all)
  local list = {}
  for _, run in ipairs(self.runs) do
    if run.sha == sha then
      for _, job in ipairs(all and run.earlier_jobs or {}) do
        list[#list + 1] = job
      end
      for _, job in ipairs(run.jobs) do
        list[#list + 1] = job
      end
    end
  end
  return list
end

return M
