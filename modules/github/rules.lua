--- What a branch demands before something may be merged into it, from rulesets and from classic protection together.
---
--- Sources: docs.github.com "REST API endpoints for rules" (Get rules for a branch: active rules of all rulesets, for
--- everybody who can read), "REST API endpoints for protected branches" (Get branch protection: for administrators),
--- "REST API endpoints for branches" (Get a branch: its protection's check names, for everybody who can read).
local address = require "fairlead.service.address"
local shape = require "fairlead.service.shape"

local list_of <const>, maybe <const> = shape.list, shape.maybe

-- What is read from GitHub's answers.
local CONTEXTS <const> = maybe(list_of { context = "text" })
local REVIEWS <const> = { required_approving_review_count = "integer?", dismiss_stale_reviews = "boolean?",
  dismiss_stale_reviews_on_push = "boolean?", require_last_push_approval = "boolean?" }
local BRANCH <const> = { protected = "boolean?", protection = maybe { enabled = "boolean?",
  required_status_checks = maybe { contexts = maybe(list_of "text") } } }
local PROTECTION <const> = { required_pull_request_reviews = maybe(REVIEWS),
  required_status_checks = maybe { strict = "boolean?", contexts = maybe(list_of "text"), checks = CONTEXTS } }
local RULE <const> = { type = "text", parameters = maybe {
  required_status_checks = CONTEXTS, strict_required_status_checks_policy = "boolean?",
  required_approving_review_count = "integer?", dismiss_stale_reviews_on_push = "boolean?",
  require_last_push_approval = "boolean?",
} }

---@class fairlead.github.BranchRules
---@field checks_required string[] names of checks and statuses, sorted
---@field strict boolean the branch must be up to date with its base
---@field approvals integer how many approving reviews; 0: none
---@field dismiss_stale boolean a push takes approvals away
---@field last_push_approval boolean the last push must be approved by somebody else
---@field pull_request boolean changes come by pull request only
---@field source string "ruleset", "protection", "ruleset and protection" or "none"
---@field unreadable string[] what the token may not see, so that something may be missing here

---@class fairlead.github.Client
local Rules = {}

local function add_checks(names, contexts, field)
  for _, context in ipairs(contexts or {}) do
    names[field and context[field] or context] = true
  end
end

local function add_reviews(rules, required)
  rules.pull_request = true
  rules.approvals = math.max(rules.approvals, required.required_approving_review_count or 0)
  rules.dismiss_stale = rules.dismiss_stale or required.dismiss_stale_reviews_on_push
    or required.dismiss_stale_reviews or false
  rules.last_push_approval = rules.last_push_approval or required.require_last_push_approval or false
end

local function add_rule(rules, names, rule)
  local parameters <const> = rule.parameters or {}
  if rule.type == "required_status_checks" then
    add_checks(names, parameters.required_status_checks, "context")
    rules.strict = rules.strict or parameters.strict_required_status_checks_policy or false
  elseif rule.type == "pull_request" then
    add_reviews(rules, parameters)
  end
end

--- A GET for which "there is none" and "you may not see it" are answers: the value, or nil and which of the two.
local function look(self, path, rules, name)
  local value, err = try(self.get, self, path, nil, { op = "github.branch_rules", shape = PROTECTION })
  if value then
    return value
  end
  if err:is "github.api.not_authorised" and err.status == 403 then
    rules.unreadable[#rules.unreadable + 1] = name
    return nil, "unreadable"
  elseif err:is "github.api.not_found" then
    return nil, "none"
  end
  error(err, 0)
end

--- The rules of a branch.
---@async
---@param branch string
---@return fairlead.github.BranchRules
--- raises github.api.not_found when there is no such branch
function Rules:branch_rules(branch)
  if type(branch) ~= "string" then
    error(("bad argument #1 to 'branch_rules' (string expected, got %s)"):format(type(branch)), 2)
  end
  local name <const> = address.segment(branch)
  local rules = { checks_required = {}, strict = false, approvals = 0, dismiss_stale = false,
    last_push_approval = false, pull_request = false, unreadable = {} }
  local names, sources = {}, {}

  -- The branch first: the other two answer 404 both for "no such branch" and for "no rules".
  local known <const> = self:get("branches/" .. name, nil, { op = "github.branch_rules", shape = BRANCH })

  local list, err = try(self.list, self, "rules/branches/" .. name, nil, { op = "github.branch_rules",
    shape = RULE })
  if list then
    for _, rule in ipairs(list) do
      add_rule(rules, names, rule)
    end
    if #list > 0 then
      sources[#sources + 1] = "ruleset"
    end
  elseif err:is "github.api.not_authorised" and err.status == 403 then
    rules.unreadable[#rules.unreadable + 1] = "rulesets"
  elseif not err:is "github.api.not_found" then -- an Enterprise Server too old for rulesets
    error(err, 0)
  end

  if known.protected then
    local protection, why = look(self, "branches/" .. name .. "/protection", rules, "branch protection")
    -- To who is no administrator GitHub may say 404 as well.
    if why == "none" and known.protection and known.protection.enabled then
      rules.unreadable[#rules.unreadable + 1] = "branch protection"
      why = "unreadable"
    end
    if protection then
      local checks <const> = protection.required_status_checks
      if checks then
        add_checks(names, checks.contexts)
        add_checks(names, checks.checks, "context")
        rules.strict = rules.strict or checks.strict or false
      end
      if protection.required_pull_request_reviews then
        add_reviews(rules, protection.required_pull_request_reviews)
      end
    elseif why == "unreadable" and known.protection and known.protection.required_status_checks then
      add_checks(names, known.protection.required_status_checks.contexts)
    end
    -- A branch that only rulesets protect is "protected" too, and has no classic protection to show.
    if protection or (why == "unreadable" and known.protection and known.protection.enabled) then
      sources[#sources + 1] = "protection"
    end
  end

  for check in pairs(names) do
    rules.checks_required[#rules.checks_required + 1] = check
  end
  table.sort(rules.checks_required)
  rules.source = #sources > 0 and table.concat(sources, " and ") or "none"
  return rules
end

return Rules
