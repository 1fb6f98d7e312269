--- The workflow run that builds a commit, and in it the job for one environment: a run that publishes to several
--- environments goes on, or waits for somebody's review, long after the job that matters here has ended.
local clock = require "fairlead.clock"
local context = require "release.live.context"
local errors = require "fairlead.errors"

local M = {}

local short <const> = context.short

-- The job that publishes for an environment, as the settings name it; nothing: the run is for this environment alone.
local function job_for(jobs, environment)
  for _, job in ipairs(jobs) do
    if job.name == environment.job then return job end
  end
end

local function describe(run, jobs)
  local under_way, waiting = {}, {}
  for _, job in ipairs(jobs) do
    if job.status == "in_progress" then under_way[#under_way + 1] = job.name end
    if job.status == "waiting" then waiting[#waiting + 1] = job.name end
  end
  local what = run.status
  if #under_way > 0 then
    what = table.concat(under_way, ", ")
  elseif #waiting > 0 then
    what = table.concat(waiting, ", ") .. " waits for a review"
  end
  return ("%s, %s"):format(what, run.url)
end

-- A job is skipped where what it needs has failed.
local function why_skipped(jobs)
  for _, job in ipairs(jobs) do
    if job.status == "completed" and job.state == "failing" then return job.conclusion end
  end
  return "skipped"
end

---How a run stands for one environment.
---@param run table as github:workflow_run gives it
---@param jobs table[] its jobs
---@param environment table of settings.lua
---@return string? conclusion "success" or another; nil: it is under way
---@return number since unix seconds: when what publishes there began
function M.standing(run, jobs, environment)
  local began <const> = run.started_at or run.created_at
  local job <const> = environment.job and job_for(jobs, environment)
  if not job then return run.status == "completed" and run.conclusion or nil, began end
  local conclusion = job.status == "completed" and job.conclusion or nil
  if conclusion == "skipped" then conclusion = why_skipped(jobs) end
  return conclusion, job.started_at or began
end

---Waits until a run has published for an environment.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string the commit that it has to build
---@param build {id: integer}
---@return number since unix seconds: when what publishes there began
function M.follow(release, environment, sha, build)
  return release.run:wait({
    name = "Build",
    timeout = release.settings.timeouts.build,
    every = 15,
    pretend = function() return { id = build.id, commit = sha, since = clock.now() } end,
    check = function()
      local found <const> = release.github:workflow_run(build.id)
      if found.head_sha ~= sha then -- what is started by hand takes what its branch holds at that moment
        errors.raise {
          kind = "github.run_failed", op = "build", target = found.url,
          message = ("it builds %s, not %s: the branch moved"):format(short(found.head_sha), short(sha)),
          hint = "look at what came, and start again",
        }
      end
      local jobs <const> = release.github:jobs(found.id)
      local conclusion <const>, since <const> = M.standing(found, jobs, environment)
      if not conclusion then return nil, describe(found, jobs) end
      if conclusion ~= "success" then
        errors.raise {
          kind = "github.run_failed", op = "build", target = found.url,
          message = "it ended with " .. conclusion,
          hint = "read its log, mend the cause and start again",
        }
      end
      return { id = found.id, commit = found.head_sha, since = since }
    end,
  }).since
end

return M
