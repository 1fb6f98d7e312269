--- One verdict over everything that was checked of a commit: check runs (GitHub Actions and other apps) and commit
--- statuses (older services), which GitHub keeps apart and which mean different things by "pending".
---
--- Sources: docs.github.com "Using the REST API to interact with checks" (statuses and conclusions), "REST API
--- endpoints for commit statuses" (combined status: pending when there is none, so it is not asked for a verdict),
--- "Troubleshooting required status checks" (skipped and neutral pass; a check and a status of one name both count).
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local shape = require "fairlead.service.shape"

---@alias fairlead.github.Verdict "passing"|"failing"|"pending"

---@class fairlead.github.Check
---@field name string
---@field app string? slug of the app that reports it
---@field source "check"|"status"|"job" job: seen through the workflow's run
---@field status string queued, in_progress, requested, waiting, pending, completed
---@field conclusion string? once completed; of a status: success, failure or error
---@field state fairlead.github.Verdict
---@field url string? the page for people
---@field started_at number? unix seconds
---@field completed_at number? unix seconds

---@class fairlead.github.Checks
---@field state "passing"|"failing"|"pending"|"missing" missing: nothing was reported, or nothing under a required name
---@field runs fairlead.github.Check[] by name
---@field why string one line
---@field missing string[] required names that nothing was reported under
---@field sha string

-- What is read from GitHub's answers.
local CHECK_RUN <const> = { id = "integer", name = "text", status = "text?", conclusion = "text?", html_url = "text?",
  details_url = "text?", check_suite = shape.maybe { id = "integer?" }, app = shape.maybe { slug = "text?" } }
local STATUS <const> = { context = "text", state = "text?", target_url = "text?" }

---@class fairlead.github.Client
---@field private blind_until number? unix seconds: until then checks are not asked for, as the token may not read them
local Checks = {}

local BLIND <const> = 600 -- seconds: refused requests count against the limits, and permissions are rarely given midway

-- Our own decision for each conclusion. Tools disagree (gh lets `cancelled` pass and calls `stale` pending, shipit
-- calls `action_required` pending); for a release only what was seen to succeed, or was meant not to run, passes.
local CONCLUSIONS <const> = {
  success = "passing", neutral = "passing", skipped = "passing",
  failure = "failing", cancelled = "failing", timed_out = "failing", action_required = "failing",
  startup_failure = "failing", stale = "failing",
}
local STATUSES <const> = { success = "passing", failure = "failing", error = "failing", pending = "pending" }

---@return fairlead.github.Verdict
local function verdict(status, conclusion)
  if status ~= "completed" then
    return "pending"
  end
  return CONCLUSIONS[conclusion] or "failing" -- a conclusion that GitHub invents later has not been seen to succeed
end

local function from_check_run(raw)
  return {
    id = raw.id, suite = raw.check_suite and raw.check_suite.id,
    name = raw.name, app = raw.app and raw.app.slug, source = "check",
    status = raw.status, conclusion = raw.conclusion, state = verdict(raw.status, raw.conclusion),
    url = raw.html_url or raw.details_url,
    started_at = answer.time(raw.started_at), completed_at = answer.time(raw.completed_at),
  }
end

local function from_status(raw)
  local state <const> = STATUSES[raw.state] or "failing"
  return {
    name = raw.context, source = "status",
    status = state == "pending" and "pending" or "completed",
    conclusion = state ~= "pending" and raw.state or nil, state = state, url = raw.target_url,
    started_at = answer.time(raw.created_at), completed_at = state ~= "pending" and answer.time(raw.updated_at) or nil,
  }
end

--- check suite -> "workflow event", for telling a re-run from another workflow's job of the same name. Empty when the
--- token may not read workflow runs.
local function workflows_of(self, sha)
  local of_suite = {}
  for _, run in ipairs(try(self.workflow_runs, self, { head_sha = sha }) or {}) do
    if run.check_suite_id then
      of_suite[run.check_suite_id] = ("%s %s"):format(tostring(run.workflow_id), tostring(run.event))
    end
  end
  return of_suite
end

--- The newest run of each (app, name): ids grow, and a run that is begun again gets a new one, so that a pending re-run
--- beats an older pass. Runs of one name from two workflows are two checks, though: where a newer one would hide an
--- older one of another suite, the workflow runs tell which it is.
local function newest(self, sha, runs)
  table.sort(runs, function(a, b) return a.id > b.id end)
  local kept, by_key, of_suite = {}, {}, nil
  for _, run in ipairs(runs) do
    local key <const> = ("%s\0%s"):format(run.app or "", run.name)
    local lines = by_key[key]
    if not lines then
      by_key[key] = { run }
      kept[#kept + 1] = run
    else
      local superseded = false
      for _, newer in ipairs(lines) do
        if newer.suite == run.suite or not (newer.suite and run.suite) or run.app ~= "github-actions" then
          superseded = true
        else
          of_suite = of_suite or workflows_of(self, sha)
          local a <const>, b <const> = of_suite[newer.suite], of_suite[run.suite]
          superseded = superseded or a == b -- both unknown: the same check, as for other apps
        end
      end
      if not superseded then
        lines[#lines + 1] = run
        kept[#kept + 1] = run
      end
    end
  end
  return kept
end

--- What the check runs would say, from workflow runs and their jobs: for tokens that may not read checks (fine-grained
--- personal tokens cannot be given that permission).
local function from_workflow_runs(self, sha)
  local checks, seen = {}, {}
  for _, run in ipairs(self:workflow_runs { head_sha = sha }) do
    local key <const> = ("%s %s"):format(tostring(run.workflow_id), tostring(run.event))
    if not seen[key] then -- newest first
      seen[key] = true
      local jobs <const> = self:jobs(run.id)
      for _, job in ipairs(jobs) do
        checks[#checks + 1] = {
          name = job.name, app = "github-actions", source = "job", status = job.status, conclusion = job.conclusion,
          state = verdict(job.status, job.conclusion), url = job.url, started_at = job.started_at,
          completed_at = job.completed_at,
        }
      end
      if #jobs == 0 then -- not begun, or a workflow file that could not be started
        checks[#checks + 1] = {
          name = run.name, app = "github-actions", source = "job", status = run.status, conclusion = run.conclusion,
          state = run.state, url = run.url, started_at = run.started_at,
        }
      end
    end
  end
  return checks
end

local function check_runs(self, sha)
  local runs = {}
  if self.blind_until and clock.now() < self.blind_until then return from_workflow_runs(self, sha), true end
  local raws, err = try(self.list, self, ("commits/%s/check-runs"):format(address.segment(sha)), { filter = "all" },
    { op = "github.checks", key = "check_runs", shape = CHECK_RUN })
  if not raws then
    if not (err:is "github.api.not_authorised" and err.status == 403) then
      error(err, 0)
    end
    local jobs, also = try(from_workflow_runs, self, sha)
    if not jobs then
      error(also:is "github.api.not_authorised" and err or also, 0)
    end
    self.blind_until = clock.now() + BLIND
    return jobs, true
  end
  for i, raw in ipairs(raws) do
    runs[i] = from_check_run(raw)
  end
  return newest(self, sha, runs), false
end

--- "lint (failure), unit (cancelled) and 3 more"
local function names_of(runs)
  local names = {}
  for i, run in ipairs(runs) do
    if i > 3 then
      return table.concat(names, ", ") .. (" and %d more"):format(#runs - 3)
    end
    names[i] = ("%s (%s)"):format(run.name, run.conclusion or run.status)
  end
  return table.concat(names, ", ")
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list or {}) do
    set[name] = true
  end
  return set
end

--- Whether a commit's checks pass, all of them together. What is pending, failing or missing is told in `why`.
--- Never "passing" when nothing was reported.
---@async
---@param sha string
---@param options? {required?: string[], ignore?: string[]} required: names that must be among them; ignore: names that
---  do not matter
---@return fairlead.github.Checks
--- raises github.api.not_authorised when the token may read neither checks nor workflow runs; and as request
function Checks:checks(sha, options)
  if type(sha) ~= "string" then
    error(("bad argument #1 to 'checks' (string expected, got %s)"):format(type(sha)), 2)
  end
  options = options or {}
  local runs, fallback = check_runs(self, sha)
  for raw in self:paginate(("commits/%s/status"):format(address.segment(sha)), nil,
    { op = "github.checks", key = "statuses", shape = STATUS }) do
    runs[#runs + 1] = from_status(raw)
  end

  local ignored <const> = set_of(options.ignore)
  local of = { passing = {}, failing = {}, pending = {} }
  local kept, seen = {}, {}
  table.sort(runs, function(a, b)
    if a.name ~= b.name then
      return a.name < b.name
    end
    return a.source < b.source
  end)
  for _, run in ipairs(runs) do
    if not ignored[run.name] then
      run.id, run.suite = nil, nil
      kept[#kept + 1] = run
      seen[run.name] = true
      table.insert(of[run.state], run)
    end
  end
  local missing = {}
  for _, name in ipairs(options.required or {}) do
    if not seen[name] then
      missing[#missing + 1] = name
    end
  end

  local state, why
  local short <const> = sha:sub(1, 8)
  if #of.failing > 0 then
    state, why = "failing", ("%d of %d checks of %s fail: %s"):format(#of.failing, #kept, short, names_of(of.failing))
  elseif #of.pending > 0 then
    state, why = "pending", ("%d of %d checks of %s are not done: %s"):format(#of.pending, #kept, short,
      names_of(of.pending))
  elseif #missing > 0 then
    state, why = "missing", ("required checks of %s have not reported: %s"):format(short, table.concat(missing, ", "))
  elseif #kept == 0 then
    state, why = "missing", ("no check of %s has reported"):format(short)
  else
    state, why = "passing", ("all %d checks of %s pass"):format(#kept, short)
  end
  if state ~= "missing" and #missing > 0 then
    why = why .. "; not reported yet: " .. table.concat(missing, ", ")
  end
  if fallback then
    why = why .. " (seen through workflow runs and statuses: the token may not read checks)"
  end
  return { state = state, runs = kept, why = why, missing = missing, sha = sha }
end

return Checks
