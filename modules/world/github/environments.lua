--- GitHub's environments: who may decide whether a job that deploys to one goes on, and the decision.
---
--- A job for an environment with reviewers waits; one of them, of at most six, is enough. Source: GitHub Docs,
--- "Reviewing deployments", "Managing environments for deployment".
local refusal = require "fairlead.world.github.refusal"
local sorted = require "fairlead.sorted"

local M = {}

--- The environments of a fixture.
---@param github fairlead.world.GitHub
---@return table<string, table> environments {id=, name=, reviewers=, teams=, prevent_self_review=}
function M.read(github)
  local environments = {}
  for name, given in sorted(github.fixture.environments) do
    environments[name] = {
      id = github:new_id(),
      name = name,
      reviewers = given.reviewers or {},
      teams = given.teams or {},
      prevent_self_review = given.prevent_self_review == true,
    }
  end
  return environments
end

--- Whether somebody must decide before a job for an environment begins.
---@param environment table?
---@return boolean
function M.is_protected(environment)
  return environment ~= nil and #environment.reviewers + #environment.teams > 0
end

--- Jobs of a run that wait for a person, by environment.
---@param run table
---@return table<string, table> jobs
function M.waiting(run)
  local by_environment = {}
  for _, job in ipairs(run.jobs) do
    if job.status == "waiting" then
      by_environment[job.environment] = job
    end
  end
  return by_environment
end

local function is_among(list, value)
  for _, item in ipairs(list) do
    if item == value then
      return true
    end
  end
  return false
end

--- Whether a user may decide on an environment, as to a run.
---@param actions fairlead.world.Actions
---@param environment table
---@param login string
---@param run table
---@return boolean
function M.may_review(actions, environment, login, run)
  if environment.prevent_self_review and login == run.actor then
    return false
  end
  for _, slug in ipairs(environment.teams) do
    if is_among(actions.github:team(slug), login) then
      return true
    end
  end
  return is_among(environment.reviewers, login)
end

--- A reviewer's decision about environments of a run: what the API's route and the people of the world both do.
--- Refuses when nothing waits for one, or for somebody who is no reviewer.
---@param actions fairlead.world.Actions
---@param run table
---@param names string[] environments
---@param review {by: string, state: "approved"|"rejected", comment: string}
---@return table[] jobs
function M.review(actions, run, names, review)
  local waiting, jobs = M.waiting(run), {}
  for _, name in ipairs(names) do
    if not waiting[name] then
      refusal.raise(422, "There is no pending deployment requests to approve or reject")
    elseif not M.may_review(actions, actions.environments[name], review.by, run) then
      refusal.raise(403, "You are not allowed to approve or reject this deployment.")
    end
  end
  for i, name in ipairs(names) do
    local job = waiting[name]
    jobs[i] = job
    table.insert(run.reviews, {
      environment = actions.environments[name],
      by = review.by,
      state = review.state,
      comment = review.comment,
      at = actions.world.now,
    })
    if review.state == "approved" then
      actions:queue_job(job)
    else
      job.started = actions.world.now
      actions:end_job(job, "failure")
    end
  end
  return jobs
end

return M
