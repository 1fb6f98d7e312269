--- What guards main: whether failing tests block a merge, and whether everybody goes through a pull request. Where that
--- is not so, the infrastructure team is told, once for each repository.
local slack = require "fairlead.slack"

---@class Release
local Release = {}

local MARK <const> = "fairlead_branch_rules" -- of what the infrastructure team was told, in Slack and on GitHub
local LABEL <const> = "branch-rules" -- of an issue, where there is no Slack

---The rules of main; asked for once.
---@async
---@param fresh boolean? ask again
---@return fairlead.github.BranchRules
function Release:main_rules(fresh)
  if fresh or not self.rules_of_main then
    self.rules_of_main = self.github:branch_rules(self.settings.main)
  end
  return self.rules_of_main
end

local function missing_checks(self, rules)
  local demanded, missing = {}, {}
  for _, name in ipairs(rules.checks_required) do demanded[name] = true end
  for _, name in ipairs(self.settings.required_checks or {}) do
    if not demanded[name] then missing[#missing + 1] = name end
  end
  return missing
end

--- What is wrong with the rules, and what cannot be told, as the token may not read all of them. Names of required
--- checks are told to everybody who can read the branch, for classic protection too; rulesets may be hidden.
local function judge(self, rules)
  local main <const>, problems = self.settings.main, {}
  local unreadable <const> = table.concat(rules.unreadable, " and ")
  local missing <const> = missing_checks(self, rules)
  local unknown
  if #missing > 0 and unreadable:find("rulesets", 1, true) then
    unknown = "whether failing tests block merging into " .. main
  elseif #missing > 0 then
    problems[1] = ("failing tests do not block merging into %s: %s"):format(main, table.concat(missing, ", "))
  end
  if not rules.pull_request and unreadable ~= "" then
    unknown = ("%s can be pushed to"):format(unknown and unknown .. ", and whether it" or "whether " .. main)
  elseif not rules.pull_request then
    problems[#problems + 1] = ("anybody who may write can push to %s without a pull request"):format(main)
  end
  return problems, unknown and ("%s cannot be told: the token may not read the %s"):format(unknown, unreadable)
end

local function settings_page(self)
  return ("https://github.com/%s/settings/rules"):format(self.settings.repository)
end

--- In the infrastructure team's channel: a run of anybody, on any machine, knows the message again.
local function tell_in_slack(self, problems)
  local channel <const> = self.settings.infrastructure_channel
  local function found()
    local message <const> = self.slack:find { channel = channel, payload = { [MARK] = self.settings.repository } }
    return message and { ts = message.ts }
  end
  return found, function()
    local lines = { (":warning: *%s* (%s)"):format(slack.escape(self.settings.repository), self.settings.name) }
    for _, problem in ipairs(problems) do lines[#lines + 1] = "• " .. slack.escape(problem) end
    lines[#lines + 1] = "Please set it right: " .. settings_page(self)
    local posted <const> = self.slack:post {
      channel = channel, text = table.concat(lines, "\n"),
      metadata = { event_type = MARK, event_payload = { [MARK] = self.settings.repository } },
    }
    return { ts = posted.ts }
  end
end

--- As an issue of the repository, where there is no Slack.
local function tell_by_issue(self, problems)
  local gh <const> = self.github
  local function found()
    for issue in gh:paginate("issues", { state = "all", labels = LABEL }) do
      if (issue.body or ""):find(MARK, 1, true) then return { issue = issue.number } end
    end
  end
  return found, function()
    local body <const> = ("%s\n\nPlease set it right: %s\n\n<!-- %s -->\n"):format(
      "* " .. table.concat(problems, "\n* "), settings_page(self), MARK)
    local issue <const> = gh:post("issues", {
      title = ("The rules of %s let through what was not tested"):format(self.settings.main), body = body,
      labels = { LABEL },
    })
    return { issue = issue.number }
  end
end

--- Whoever can be told. That they cannot be told does not stop a release.
local function tell(self, problems)
  local by_slack <const> = self.slack and self.settings.infrastructure_channel
  local found <const>, post <const> = (by_slack and tell_in_slack or tell_by_issue)(self, problems)
  local _, err = try(self.run.step, self.run, "Tell the infrastructure team", {
    intent = { repository = self.settings.repository, problems = problems },
    already = found,
    act = post,
  })
  if not err then return end
  if not (err:is "slack" or err:is "github" or err:is "http") then error(err, 0) end
  self.run:warn("the infrastructure team could not be told: " .. tostring(err))
end

---Checks what guards main. Says what is wrong, and tells the infrastructure team, if it was not told before.
---@async
function Release:check_branch_rules()
  local found <const> = self.run:wait {
    name = "Branch rules",
    timeout = self.settings.timeouts.push,
    check = function()
      local problems <const>, unknown <const> = judge(self, self:main_rules(true))
      return { problems = problems, unknown = unknown }
    end,
  }
  if found.unknown then self.run:say(found.unknown) end
  for _, problem in ipairs(found.problems) do self.run:warn(problem) end
  if #found.problems > 0 then tell(self, found.problems) end
end

return Release
