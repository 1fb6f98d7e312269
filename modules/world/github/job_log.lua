--- What a job of a workflow did, step by step, and what it printed: enough to find out from the log's end why a job
--- failed. A fixture's job may bring the lines that it prints when it fails (`log`).
--- Source: logs of GitHub-hosted runners; GitHub Docs, "Workflow commands for GitHub Actions" (##[group], ##[error]).
local M = {}

--- A job's own step, between checking out and cleaning up.
local function main_step(job)
  local spec = job.spec
  if spec.publishes then
    return "Build and push the images"
  elseif job.name:lower():find("lint", 1, true) then
    return "Run the linters"
  end
  return "Run the tests"
end

---@param job table
---@return {name: string, conclusion: string?, from: number, to: number|false|nil}[] steps; times are parts of the job's
function M.steps(job)
  if not job.started or job.conclusion == "skipped" then
    return {}
  end
  local done = job.status == "completed"
  local stopped = done and job.conclusion ~= "success" and job.conclusion or nil
  local steps = {
    { name = "Set up job", conclusion = "success", from = 0, to = 0.02 },
    { name = "Run actions/checkout@v4", conclusion = "success", from = 0.02, to = 0.05 },
    { name = main_step(job), conclusion = done and (stopped or "success") or nil, from = 0.05, to = done and 0.9 },
  }
  if job.spec.redeploys and done then
    steps[#steps + 1] = {
      name = "Tell ECS to take the new images", conclusion = stopped and "skipped" or "success", from = 0.9, to = 0.98,
    }
  end
  if done then
    steps[#steps + 1] = { name = "Complete job", conclusion = "success", from = 0.98, to = 1 }
  end
  return steps
end

--- What a test runner prints of one test that fails.
local FAILED_TEST <const> = {
  "============================= test session starts ==============================",
  "platform linux -- Python 3.12.9, pytest-8.3.4, pluggy-1.5.0",
  "collected 214 items",
  "",
  "tests/%s/test_pages.py ..............F.........                         [ 11%%]",
  "tests/%s/test_search.py ...............................................  [ 33%%]",
  "",
  "=================================== FAILURES ===================================",
  "______________________ test_page_has_a_heading_of_its_own ______________________",
  "",
  "    def test_page_has_a_heading_of_its_own(client):",
  "        response = client.get(\"/map\")",
  ">       assert response.status_code == 200",
  "E       assert 500 == 200",
  "E        +  where 500 = <Response [500 Internal Server Error]>.status_code",
  "",
  "tests/%s/test_pages.py:41: AssertionError",
  "=========================== short test summary info ============================",
  "FAILED tests/%s/test_pages.py::test_page_has_a_heading_of_its_own - assert 500 == 200",
  "======================== 1 failed, 213 passed in 61.07s ========================",
}

local FAILED_LINT <const> = {
  "application/routers/map.py:17:1: F401 'json' imported but unused",
  "application/routers/map.py:41:121: E501 line too long (134 > 120 characters)",
  "Found 2 errors.",
}

local function failure_of(job)
  if job.spec.log then
    return job.spec.log
  elseif main_step(job) == "Run the linters" then
    return FAILED_LINT
  end
  local folder = job.name:lower():match("(%a+)[^/]*$") or "unit"
  local lines = {}
  for i, line in ipairs(FAILED_TEST) do
    lines[i] = line:find("%%") and line:format(folder) or line
  end
  return lines
end

--- The runner's own words for how a job's step ended that did not succeed; nil where none did.
---@param job table
---@return string?
function M.error_text(job)
  if job.conclusion == "failure" then
    return "Process completed with exit code 1."
  elseif job.conclusion == "cancelled" then
    return "The operation was canceled."
  elseif job.conclusion == "timed_out" then
    return "The job running on runner GitHub Actions 1 has exceeded the maximum execution time of 360 minutes."
  end
  return nil
end

--- A job's log, each line with its time.
---@param job table one that has ended
---@return string
function M.text(job)
  local out = {}
  local began, lasted = job.started or job.completed, job.completed - (job.started or job.completed)
  local function print_at(part, line)
    local at = began + lasted * part
    local whole = math.floor(at)
    out[#out + 1] = ("%s.%07dZ %s\n"):format(
      os.date("!%Y-%m-%dT%H:%M:%S", whole),
      math.floor((at - whole) * 1e7),
      line
    )
  end
  print_at(0, "Current runner version: '2.329.0'")
  print_at(0, "##[group]Runner Image")
  print_at(0, "Image: ubuntu-24.04")
  print_at(0, "##[endgroup]")
  print_at(0.01, "Job name: " .. job.name)
  for _, step in ipairs(M.steps(job)) do
    if step.name ~= "Set up job" and step.name ~= "Complete job" and step.conclusion ~= "skipped" then
      print_at(step.from, "##[group]" .. step.name)
      print_at(step.from, "##[endgroup]")
      if step.conclusion == "failure" then
        for _, line in ipairs(failure_of(job)) do
          print_at(step.to, line)
        end
      end
      local failed = step.conclusion ~= "success" and M.error_text(job)
      if failed then
        print_at(step.to, "##[error]" .. failed)
      end
    end
  end
  print_at(1, "Cleaning up orphan processes")
  return table.concat(out)
end

return M
