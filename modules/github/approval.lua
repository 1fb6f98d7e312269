--- A gate's channel that goes by GitHub's own review of an environment: whoever may approve there decides there; and
--- when somebody decides elsewhere, the job that waits is given that decision.
---
--- It asks nothing: GitHub has asked by itself when the run reached the environment. Who may approve is the
--- environment's setting, so GitHub's answer is taken as it is.
---
--- Source: docs.github.com "REST API endpoints for workflow runs" (Get the review history for a workflow run, Get
--- pending deployments for a workflow run).

local errors = require "fairlead.errors"
local handed = require "fairlead.service.handed_on"

---@class fairlead.github.Approval
---@field name string
---@field client fairlead.github.Client
---@field run integer
---@field environment string
local Approval = {}
Approval.__index = Approval
Approval.__name = "fairlead.github.Approval"

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

--- Remembers what the decision is about; the run's page asks.
---@param request table run, digest (a procedure's gate request)
function Approval:ask(request)
  self.mark = handed.mark(request)
end

--- A decision that this channel handed on. Anybody who may review the environment can write such a comment: only the
--- token's user's is this channel's.
local function own(self, review)
  local found <const> = handed.read(review.comment or "", self.mark)
  return found and self.client:is_own(review.user) and found or nil
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
---@return {decision: "approved"|"refused", by: string, why: string?, handed_on: boolean?}? handed_on: it was made
--- elsewhere, and this channel gave it to GitHub
function Approval:answer()
  for _, pending in ipairs(self.client:pending_deployments(self.run)) do
    if pending.environment == self.environment then
      return nil -- it waits now, whatever was said of an earlier attempt
    end
  end
  local review = last_review(self)
  if review then
    local decision <const> = review.state == "approved" and "approved" or "refused"
    local handed_on <const> = own(self, review)
    if handed_on then
      return { decision = decision, by = handed_on.by, why = handed_on.why, handed_on = true }
    end
    return {
      decision = decision,
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

--- Hands a decision that was made elsewhere on to the job that waits, as the token's user. Others (void, no answer in
--- time, a cancelled run) leave it waiting.
---@async
---@param decision? {decision: string, by: string?, why: string?, via: string?}
--- raises github.api.not_authorised (the token's user may not), and github.api.conflict when nothing waits for it
function Approval:close(decision)
  if not decision or decision.via == self.name
    or decision.decision ~= "approved" and decision.decision ~= "refused" then
    return
  end
  local approved <const> = decision.decision == "approved"
  local decided <const> = self.client:review_deployments {
    run = self.run, environments = { self.environment }, state = approved and "approved" or "rejected",
    comment = handed.write(decision, self.mark),
  }
  if #decided > 0 then
    return
  end
  local review <const> = last_review(self) -- somebody may have been faster there, or this has been done
  if not review or (review.state == "approved") ~= approved then
    errors.raise {
      kind = "github.api.conflict", op = "github.approval", target = self.environment,
      message = ("run %d does not wait for a review of it, and has not had this decision"):format(self.run),
      hint = "look at the run: " .. self.client:workflow_run(self.run).url,
    }
  end
end

return Approval
