--- What is configured, reachable and permitted: checks of this machine, of the services that its environment has
--- credentials for, and of the places that applications need. Nothing is written anywhere, and no secret is told.
local aws = require "fairlead.doctor.aws"
local git = require "fairlead.doctor.git"
local github = require "fairlead.doctor.github"
local hide = require "fairlead.doctor.hide"
local hosts = require "fairlead.doctor.hosts"
local list = require "fairlead.doctor.list"
local machine = require "fairlead.doctor.machine"
local sites = require "fairlead.doctor.sites"
local slack = require "fairlead.doctor.slack"
local errors = require "fairlead.errors"

local M = {}

---@class doctor.Needs what an application needs: what its command `doctor` gives
---@field github? doctor.GitHub
---@field slack? doctor.Slack
---@field aws? doctor.AWS[] by environment
---@field sites? doctor.Site[]

---@class doctor.Application
---@field key string its name
---@field needs? doctor.Needs
---@field problem? doctor.Finding why its needs are not known

---@class doctor.Result
---@field where string
---@field what string
---@field state doctor.State
---@field text string as whom, or why
---@field advice? string what to do
---@field cause? string it was not looked at: the check that is not well, and that it needs
---@field details? string all that is known of an error, on several lines
---@field applications string[]

-- What all applications need of one service.
local function wanted(applications, service)
  local found = {}
  for _, application in ipairs(applications) do
    local needs <const> = (application.needs or {})[service]
    for _, place in ipairs(needs and (needs[1] and needs or not next(needs) and {} or { needs }) or {}) do
      found[#found + 1] = { application = application.key, place = place }
    end
  end
  return found
end

local function result_of(check, hidden)
  local finding <const> = check.finding
  local function clean(text) return text and hidden:clean(text) end
  return {
    where = check.where, what = check.what, state = finding.state, text = clean(finding.text),
    advice = clean(finding.advice), details = finding.error and clean(errors.describe(finding.error)) or nil,
    cause = finding.cause, applications = check.applications,
  }
end

-- The order in which people look: what everything else rests upon first.
local ORDER <const> = { "Machine", "Network", "git", "GitHub", "Slack", "AWS", "Site", "Application" }

local function in_order(results)
  local rank, first, sorted = {}, {}, {}
  for i, name in ipairs(ORDER) do rank[name] = i end
  for i, result in ipairs(results) do
    local where <const> = result.where
    first[where] = first[where] or i
    sorted[i] = { rank[where:match "^%S+"], first[where], i, result }
  end
  table.sort(sorted, function(a, b)
    for i = 1, 3 do
      if a[i] ~= b[i] then return a[i] < b[i] end
    end
    return false
  end)
  for i, one in ipairs(sorted) do results[i] = one[4] end
  return results
end

---Looks at everything, side by side; each within ten seconds, and a host that does not answer within five is not asked
---again.
---@async
---@param applications doctor.Application[] none: what the environment gives
---@param options? {folder: string?} the present folder; "."
---@return doctor.Result[] results always in the same order
function M.examine(applications, options)
  local checks <const>, hidden <const> = list.new(), hide.new()
  local places <const> = hosts.new(checks)
  local bare <const> = #applications == 0
  local of_github <const> = wanted(applications, "github")
  local repositories = {}
  for i, one in ipairs(of_github) do repositories[i] = one.place.repository end
  machine.add(checks)
  git.add(checks, { folder = options and options.folder or ".", repositories = repositories })
  github.add(checks, places, of_github, bare)
  slack.add(checks, places, wanted(applications, "slack"), bare)
  aws.add(checks, places, hidden, wanted(applications, "aws"), bare)
  sites.add(checks, wanted(applications, "sites"))
  for _, application in ipairs(applications) do
    local problem <const> = application.problem
    if problem then
      checks:add("Application", application.key, { application = application.key }, function() return problem end)
    end
  end
  places.clock()
  local results = {}
  for i, check in ipairs(checks:run()) do results[i] = result_of(check, hidden) end
  return in_order(results)
end

---How many of each.
---@param results doctor.Result[]
---@return table<doctor.State, integer>
function M.count(results)
  local counts = { ok = 0, bad = 0, unknown = 0 }
  for _, result in ipairs(results) do counts[result.state] = counts[result.state] + 1 end
  return counts
end

return M
