--- What can be rehearsed: for each name one line of description, and what differs from a release that goes well.
--- A scenario is data; the services and the simulated people read it.
local nearest = require "fairlead.nearest"
local sorted = require "fairlead.sorted"

local M = {}

-- Fields that are tables by environment.
local BY_ENVIRONMENT <const> = {
  "rolls_back", "rolling_fails", "other_software", "group_busy", "pruned", "overtaken", "smoke_fails",
}

---@class fairlead.world.Scenario
---@field name string
---@field text string what happens, in one line
---@field failing_checks table<string, true|string>? test jobs of branches that fail, or end with another conclusion;
--- "*" is the last one of each workflow
---@field late_check {low: number, high: number}? seconds after the other checks until the last required one appears
---@field previous_checks boolean? all but the branch's last commit were pushed before, and those checks are green
---@field attach_delay number? seconds until a push's checks appear, in place of a few
---@field slower number? how many times longer than usual jobs take
---@field head_moves boolean? a colleague pushes to the branch between its approval and its merge
---@field push_after_approval boolean? a colleague pushes to the branch right after it was approved
---@field nobody_reviews boolean?
---@field newer_release {low: number, high: number}? seconds after our merge until somebody else's newer change is, too
---@field hotfix {low: number, high: number}? seconds after the question about production until somebody deploys there
---@field held boolean? somebody holds what fixture.held names when the run begins, and gives it back
---@field migration boolean? the change holds a database migration, in the folder fixture.migrations
---@field requester_answers boolean? who runs the release answers the question about its approval
---@field stranger_answers boolean? somebody who is no approver answers it
---@field old_dispatch boolean? a dispatch answers as older servers do: it names no run
---@field image_delay number? seconds between a publish job's push and the image's appearance in the registry
---@field rolls_back table<string, boolean|string>? environments whose deployment fails its health checks; a text:
--- only that of services in whose name it occurs
---@field rolling_fails table<string, boolean|string>? the same, but only where ECS itself deploys
---@field other_software table<string, boolean>? environments whose images of our commit were built from another one
---@field group_busy table<string, number>? seconds for which, from our image's arrival in an environment on, CodeDeploy
--- is busy with another deployment there
---@field pruned table<string, boolean>? environments whose registry has no more the image of what runs at the start
---@field overtaken table<string, number>? seconds after our image's arrival in an environment at which somebody stops
--- what deploys it, and deploys another commit
---@field smoke_fails table<string, boolean>? environments whose site answers wrongly with the new version
---@field admin_refuses boolean?
---@field session_expires number? seconds after which AWS's credentials are no longer good
---@field faults {rate: number, kinds: string[], writes: boolean}? what the network does to requests
---@field down table<string, {kinds: string[], after: number[]?, seconds: number?}>? by service: out of order all along,
--- or for so many seconds from some instant between two numbers of seconds after the first request to it
---@field limits {rate: number}? services refuse requests for a while: too many of them

---@type fairlead.world.Scenario[] in the order in which they are listed
M.list = {
  { name = "all-well", text = "nothing goes wrong" },
  {
    name = "tests-fail",
    text = "a test of the pull request fails",
    failing_checks = { ["*"] = true },
  },
  {
    name = "tests-late",
    text = "the tests appear minutes after the push, and take three times as long",
    attach_delay = 240,
    slower = 3,
  },
  {
    name = "check-added-late",
    text = "a required check appears more than a minute after all others have passed",
    late_check = { low = 60, high = 90 },
  },
  {
    name = "checks-of-previous-commit",
    text = "only the branch's previous commit has green checks; those of its head appear minutes later",
    previous_checks = true,
    attach_delay = 300,
  },
  {
    name = "cancelled-check",
    text = "somebody cancels a test of the pull request",
    failing_checks = { ["*"] = "cancelled" },
  },
  {
    name = "migration-present",
    text = "the change holds a database migration",
    migration = true,
  },
  {
    name = "dev-taken",
    text = "somebody else holds the development environment when the run begins, and gives it back later",
    held = true,
  },
  {
    name = "approval-then-push",
    text = "a colleague pushes to the branch right after it was approved",
    push_after_approval = true,
  },
  {
    name = "head-moves",
    text = "a colleague pushes to the branch after its approval, just before the merge",
    head_moves = true,
  },
  { name = "review-missing", text = "nobody reviews the pull request", nobody_reviews = true },
  {
    name = "image-late",
    text = "the published images appear in the registry minutes after the workflow run has ended",
    image_delay = 420,
  },
  {
    name = "dispatch-unnamed",
    text = "GitHub starts the dispatched workflow run, but does not say which run it is",
    old_dispatch = true,
  },
  {
    name = "staging-rolls-back",
    text = "staging's new tasks fail their health checks, and CodeDeploy rolls back",
    rolls_back = { staging = true },
  },
  {
    name = "smoke-test-fails",
    text = "staging's deployment completes, but the site answers with errors",
    smoke_fails = { staging = true },
  },
  {
    name = "production-rolls-back",
    text = "production's new tasks fail their health checks, and CodeDeploy rolls back",
    rolls_back = { production = true },
  },
  {
    name = "rolling-update-rolls-back",
    text = "staging's rolling update fails, ECS's circuit breaker takes it back, and ECS says \"stable\" again",
    rolling_fails = { staging = true },
  },
  {
    name = "image-of-other-commit",
    text = "the image in staging that is tagged with our commit was built from another one",
    other_software = { staging = true },
  },
  {
    name = "deployment-limit-exceeded",
    text = "when our image arrives in staging, CodeDeploy is busy with another deployment, and refuses ours at first",
    group_busy = { staging = 400 },
  },
  {
    name = "old-image-pruned",
    text = "the image of what runs in production is gone from the registry: there would be no way back to it",
    pruned = { production = true },
  },
  {
    name = "production-overtaken",
    text = "somebody stops our deployment to production half way, and deploys another commit",
    overtaken = { production = 60 },
  },
  { name = "admin-refuses", text = "the admin refuses the production deployment", admin_refuses = true },
  {
    name = "approval-by-requester",
    text = "who runs the release approves it, before an admin does",
    requester_answers = true,
  },
  {
    name = "wrong-person-approves",
    text = "somebody who is no approver says yes, before an admin does",
    stranger_answers = true,
  },
  {
    name = "two-releases-at-once",
    text = "somebody else's newer change is merged right after ours, and goes the same way",
    newer_release = { low = 30, high = 60 },
  },
  {
    name = "hotfix-during-release",
    text = "while the release waits for its approval somebody deploys another commit to production by hand",
    hotfix = { low = 15, high = 40 },
  },
  {
    name = "token-expires-midway",
    text = "AWS's session token expires half way: the release goes on where it finds a newer one, else when resumed",
    session_expires = 2400,
  },
  {
    name = "slack-down",
    text = "Slack is out of order all along",
    down = { slack = { kinds = { "server_error", "timeout", "broken", "broken" } } },
  },
  {
    name = "github-down-for-10-minutes",
    text = "for ten minutes in the middle GitHub answers 5xx or breaks connections",
    down = { github = { kinds = { "server_error", "server_error", "reset" }, after = { 300, 1500 }, seconds = 600 } },
  },
  {
    name = "rate-limited",
    text = "GitHub, AWS and Slack refuse many requests and say when to come back",
    limits = { rate = 0.12 },
  },
  {
    name = "flaky",
    text = "answers of 5xx, connections that are reset, time out, or break after the request was carried out",
    faults = { rate = 0.12, kinds = { "server_error", "reset", "timeout", "lost" }, writes = true },
  },
}

-- What a scenario may say: the fields that are used above.
local FIELDS <const> = {}
for _, scenario in ipairs(M.list) do
  for field in pairs(scenario) do
    FIELDS[field] = true
  end
end

-- A scenario of one's own. A field that nobody reads would make it one in which all goes well.
local function own(scenario)
  for field in sorted(scenario) do
    if not FIELDS[field] then
      local near = nearest.name(tostring(field), FIELDS)
      return nil, ("scenario: no field %q%s"):format(tostring(field),
        near and ("; did you mean %q?"):format(near) or "")
    end
  end
  return setmetatable({ name = scenario.name or "own", text = scenario.text or "one's own" }, { __index = scenario })
end

--- Tables by environment speak of "staging", the last environment but one, and "production", the last. A fixture whose
--- environments are called otherwise tells which they are in its `roles`: { staging = "preprod", production = "live" }.
---@param scenario fairlead.world.Scenario
---@param roles table<string, string>?
---@return fairlead.world.Scenario
function M.cast(scenario, roles)
  local changed = {}
  for _, field in ipairs(roles and BY_ENVIRONMENT or {}) do
    for role, value in pairs(scenario[field] or {}) do
      changed[field] = changed[field] or {}
      changed[field][roles[role] or role] = value
    end
  end
  return next(changed) and setmetatable(changed, { __index = scenario }) or scenario
end

--- The scenario of a name, or one's own.
---@param name string|fairlead.world.Scenario
---@return fairlead.world.Scenario? scenario
---@return string? message what to tell when there is none: the nearest name and all names
function M.find(name)
  if type(name) == "table" then
    return own(name)
  end
  local names, known = {}, {}
  for i, scenario in ipairs(M.list) do
    if scenario.name == name then
      return scenario
    end
    names[i], known[scenario.name] = scenario.name, true
  end
  local near = nearest.name(name, known)
  return nil, ("no scenario %q%s There are: %s"):format(
    name, near and ("; did you mean %q?"):format(near) or ".", table.concat(names, ", "))
end

return M
