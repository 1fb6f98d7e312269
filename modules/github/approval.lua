--- A gate's channel that waits for GitHub's own review of an environment: whoever may approve there decides there.
---
--- It asks nothing: GitHub has asked by itself when the run reached the environment. Who may approve is the
--- environment's setting, so GitHub's answer is taken as it is.
---
--- Source: docs.github.com "REST API endpoints for workflow runs" (Get the review history for a workflow run, Get
--- pending deployments for a workflow run).

---@class fairlead.github.Approval
---@field name string
---@field client fairlead.github.Client
---@field run integer
---@field environment string
local Approval = {}
Approval.__index = Approval

---@param options {client: fairlead.github.Client, run: integer, environment: string, name?: string}
---@return fairlead.github.Approval channel
function Approval.new(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'github.approval' (table expected, got %s)"):format(type(options)), 3)
  end
  for field, expected in pairs { client = "table", run = "number", environment = "string" } do
    if type(options[field]) ~= expected then
      error(("bad argument #1 to 'github.approval' (%s: %s expected, got %s)"):format(field, expected,
        type(options[field])), 3)
    end
  end
  return setmetatable({
    name = options.name or "GitHub", client = options.client, run = options.run, environment = options.environment,
  }, Approval)
end

--- Nothing to do: the run's page asks.
function Approval.ask()
end

--- The last review of this environment in the run's history.
local function last_review(self)
  local found
  for _, review in ipairs(self.client:list(("actions/runs/%d/approvals"):format(self.run), nil,
    { op = "github.approval" })) do
    for _, environment in ipairs(review.environments or {}) do
      if environment.name == self.environment and (review.state == "approved" or review.state == "rejected") then
        found = review
      end
    end
  end
  return found
end

--- The decision, when there is one.
---@async
---@return {decision: "approved"|"refused", by: string, why: string?}?
function Approval:answer()
  for _, pending in ipairs(self.client:pending_deployments(self.run)) do
    if pending.environment == self.environment then
      return nil -- it waits now, whatever was said of an earlier attempt
    end
  end
  local review = last_review(self)
  if review then
    return {
      decision = review.state == "approved" and "approved" or "refused",
      by = review.user and review.user.login or "ghost",
      why = review.comment ~= "" and review.comment or nil,
    }
  end
  local run = self.client:workflow_run(self.run)
  if run.status == "completed" then
    return {
      decision = "refused", by = "GitHub",
      why = ("run %d ended (%s) without a review of %s; does that environment have required reviewers? %s"):format(
        self.run, tostring(run.conclusion), self.environment, run.url),
    }
  end
  return nil -- the run has not come to the environment yet
end

--- Nothing to tidy up.
function Approval.close()
end

return Approval
