--- The workflows of the simulated GitHub: what the fixture's files say, with the jobs of reusable workflows put in.
---
--- fixture.github.workflows[file] = {
---   name=, on={push=true|{branches={glob}}, pull_request=, workflow_dispatch={inputs={[name]={required=, default=,
---   options={…}}}}, workflow_call=true}, environments_on_push={…}, jobs={…} }
--- A job: { name=, seconds= (about how long),
---   needs = {names}          default: nothing; for a job that publishes or is done for each environment, all others
---   uses = "test.yml"        the jobs of that workflow, named "<this name> / <its name>", in this one's place
---   branches = {glob}        elsewhere it is skipped (`if: github.ref == …`)
---   environment = name, or "${{ inputs.environment }}"
---   for_each = "environment" one job for each of environments_on_push, or for the input: "publish (staging)"
---   publishes = true         pushes images to the environment's registry; a name: to that of this environment of
---                            AWS's, with which GitHub has nothing to do
---   redeploys = true         and then calls ECS for the environment's services, still within the job (the simulated
---                            AWS makes the calls: `workflow_updates` of its environment)
---   conclusion =, log = {lines} what it ends with and prints when it fails }
--- Sources: GitHub Docs, "Workflow syntax for GitHub Actions", "Reusing workflows", "Events that trigger workflows".
local sorted = require "fairlead.sorted"

local M = {}

--- Whether an event's or a job's filter takes a branch. Filters are true or {branches = {glob, …}}.
---@param filter boolean|table|nil
---@param branch string
---@return boolean
function M.takes(filter, branch)
  if not filter then
    return false
  elseif filter == true or not filter.branches then
    return true
  end
  for _, glob in ipairs(filter.branches) do
    local pattern = glob:gsub("[%-%.%+%?%%%^%$%(%)%[%]]", "%%%0")
    pattern = pattern:gsub("%*%*", "\0"):gsub("%*", "[^/]*"):gsub("%z", ".*")
    if branch:match("^" .. pattern .. "$") then
      return true
    end
  end
  return false
end

--- The jobs of a workflow, with those of the workflows that it calls. The fixture's own tables stay as they are.
local function jobs_of(files, file, depth)
  if depth > 4 then
    error(("the fixture's workflow %q: workflows call each other more than four deep"):format(file))
  end
  local jobs = {}
  for _, job in ipairs(files[file].jobs or {}) do
    if not job.uses then
      jobs[#jobs + 1] = setmetatable({}, { __index = job })
    else
      if not files[job.uses] then
        error(("the fixture's workflow %q calls %q, which is not there"):format(file, job.uses))
      end
      for _, called in ipairs(jobs_of(files, job.uses, depth + 1)) do
        local needs = job.needs and table.move(job.needs, 1, #job.needs, 1, {}) or nil
        for _, name in ipairs(called.needs or {}) do
          needs = needs or {}
          needs[#needs + 1] = job.name .. " / " .. name
        end
        jobs[#jobs + 1] = setmetatable({
          name = job.name .. " / " .. called.name,
          group = job.name,
          needs = needs,
          branches = job.branches or called.branches,
        }, { __index = called })
      end
    end
  end
  return jobs
end

--- All workflows of a fixture, in the order of their files' names.
---@param files table<string, table>?
---@return table[] workflows {id=, file=, name=, on=, jobs=, environments_on_push=}
function M.read(files)
  local list = {}
  for file, given in sorted(files) do
    table.insert(list, {
      id = 1018900 + #list,
      file = file,
      name = given.name or file,
      on = given.on or {},
      jobs = jobs_of(files, file, 1),
      environments_on_push = given.environments_on_push or {},
      calls = given.jobs,
    })
  end
  return list
end

--- Takes a test out of its workflow and makes it one of its own, which starts by itself some time after the other has
--- ended: as checks do that another service reports, or a workflow that runs after a workflow.
---@param list table[] workflows
---@param name string? of the check; the last test of the first workflow when there is none of that name
---@return table? workflow the new one, with `after` = the one that it follows
function M.split(list, name)
  local from, at
  for _, workflow in ipairs(list) do
    for i, spec in ipairs(workflow.jobs) do
      local automatic = workflow.on.push or workflow.on.pull_request
      if automatic and (spec.name == name or (not from and spec == M.last_test(workflow))) then
        from, at = workflow, i
      end
    end
  end
  if not from then
    return nil
  end
  local spec = table.remove(from.jobs, at)
  local made = {
    id = 1018900 + #list,
    file = ("after-%s"):format(from.file),
    name = spec.name,
    on = {},
    jobs = { setmetatable({ needs = {} }, { __index = spec }) },
    environments_on_push = {},
    after = from,
  }
  table.insert(list, made)
  return made
end

--- What a job of a workflow waits for: what it names, or by default, for a job that publishes, all that do not.
---@param workflow table
---@param spec table
---@return string[] names
function M.needs(workflow, spec)
  if spec.needs then
    return spec.needs
  end
  local needs = {}
  if spec.publishes or spec.for_each then
    for _, other in ipairs(workflow.jobs) do
      if not other.publishes and not other.for_each then
        needs[#needs + 1] = other.name
      end
    end
  end
  return needs
end

--- The environments for which a job is carried out, or one "false": once, for none.
---@param run table
---@param spec table
---@return (string|false)[]
function M.places(run, spec)
  local chosen = run.inputs.environment
  if spec.for_each == "environment" then
    return chosen and { chosen } or run.workflow.environments_on_push
  elseif spec.environment == "${{ inputs.environment }}" then
    return { chosen or false }
  end
  return { spec.environment or false }
end

--- Whether a job only tests: what it does changes nothing outside of the run.
---@param spec table
---@return boolean
function M.is_test(spec)
  return not spec.publishes and not spec.for_each and not spec.environment
end

--- The last job of a workflow that tests; nil when none does.
---@param workflow table
---@return table? spec
function M.last_test(workflow)
  local last
  for _, spec in ipairs(workflow.jobs) do
    if M.is_test(spec) then
      last = spec
    end
  end
  return last
end

return M
