--- Why a check or a build failed: the end of the failing jobs' logs, what was annotated where there is no log, and
--- whose commit it was.
---
--- Sources: GitHub Docs, "Workflow commands for GitHub Actions" (##[error], ##[group]), "REST API endpoints for check
--- runs" (annotations).
local M = {}

local MOST_JOBS <const> = 3
local LINES <const> = 25 -- of a job's log

local FAILING <const> = { failure = true, timed_out = true, cancelled = true, startup_failure = true }

-- The failing step's own lines: before the last error that the runner tells, without times and the runner's marks.
local function step_lines(log)
  local lines, last = {}, nil
  for raw in log:gmatch "[^\r\n]+" do
    local line <const> = raw:gsub("^\u{FEFF}", ""):gsub("^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z ?", "")
    if line:find "^##%[group%]" then
      lines = last and lines or {} -- a step before the one that failed
    elseif not line:find "^##%[endgroup%]" then
      lines[#lines + 1] = (line:gsub("^##%[error%]", "error: "))
      if line:find "^##%[error%]" then last = #lines end
    end
  end
  return table.move(lines, 1, last or #lines, 1, {})
end

-- What test runners, compilers and linters write of a failure, what says most first; without case.
local TELLING <const> = { "^failed ", "^not ok ", "^e  ", "^error: ", "%f[%w]%w*error%f[%W]", "%f[%w]failed%f[%W]",
  "^%S+:%d+:" }

local function telling(lines)
  for _, pattern in ipairs(TELLING) do
    for _, line in ipairs(lines) do
      if line:lower():find(pattern) and not line:find "^error: Process completed" then return line end
    end
  end
  return lines[#lines]
end

local function failing_step(job)
  for _, step in ipairs(job.steps or {}) do
    if FAILING[step.conclusion or ""] then return step.name end
  end
end

-- What a tool wrote at the lines of a file: of checks that are no jobs, and of jobs whose log is gone.
local function annotations(github, id)
  local lines = {}
  for _, note in ipairs(github:get(("check-runs/%d/annotations"):format(id)) or {}) do
    lines[#lines + 1] = ("%s:%s: %s"):format(tostring(note.path), tostring(note.start_line), tostring(note.message))
  end
  return lines
end

local function of_job(github, id, name, step)
  local title <const> = step and ("%s failed in %q"):format(name, step) or ("%s failed"):format(name)
  local log, err = try(github.job_log, github, id)
  local lines = log and step_lines(log) or {}
  if #lines == 0 then
    lines = try(annotations, github, id) or {}
    if #lines == 0 and err then error(err, 0) end
  end
  local said <const> = telling(lines)
  return { text = said and ("%s: %s"):format(title, said) or title, lines = lines, tail = LINES }
end

---The jobs of a build that failed.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.build(subject)
  local github <const>, found = subject.release.github, {}
  for _, job in ipairs(subject.build and github:jobs(subject.build) or {}) do
    if FAILING[job.conclusion or ""] and #found < MOST_JOBS then
      found[#found + 1] = of_job(github, job.id, "job " .. job.name, failing_step(job))
    end
  end
  return found
end

---The checks of a commit that failed.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.checks(subject)
  local github <const>, found = subject.release.github, {}
  for _, check in ipairs(subject.checks and subject.checks.runs or {}) do
    if check.state == "failing" and #found < MOST_JOBS then
      local job <const> = math.tointeger(tostring(check.url):match "/actions/runs/%d+/job/(%d+)")
      if job then
        found[#found + 1] = of_job(github, job, "check " .. check.name)
      else
        found[#found + 1] = { text = ("check %s ended with %s: %s"):format(check.name, tostring(check.conclusion),
          tostring(check.url)) }
      end
    end
  end
  return found
end

---Whose commit failed.
---@async
---@param subject why.Subject
---@return why.Finding[]
function M.commit(subject)
  local github <const> = subject.release.github
  local sha = subject.checks and subject.checks.sha
  if subject.build then sha = github:workflow_run(subject.build).head_sha end
  if not sha then return {} end
  local raw <const> = github:get("commits/" .. sha)
  local by <const> = raw.author and raw.author.login or raw.commit.author.name
  return { { text = ("commit %s is by %s: %s"):format(sha:sub(1, 8), by, raw.commit.message:match "^[^\n]*") } }
end

return M
