--- Who may approve: the people, groups of Slack's and teams of GitHub's that the settings name, as they are at this
--- moment, less whoever wrote the change and whoever releases it.
local M = {}

---@class Approvers
---@field logins string[] on GitHub, sorted; people of Slack's groups are among them where the settings know them
---@field ids string[] in Slack, sorted
---@field names string[] what to call them: logins, and the groups whose people have no known login
---@field barred table<string, string> logins and Slack ids whose answers do not count, and why

local AUTHOR <const> = "you wrote this change, so somebody else has to decide"
local REQUESTER <const> = "you started this run, so somebody else has to decide"

--- Whose answer does not count, although they may be named.
local function barred_of(release, change, approval)
  local barred = {}
  if approval.requester_may then return barred end
  local function bar(login, why)
    if not login then return end
    barred[login] = why
    local id <const> = (release.settings.people or {})[login]
    if id then barred[id] = why end
  end
  bar(change.author, AUTHOR)
  bar(change.requester, REQUESTER)
  return barred
end

local function team_members(release, name)
  local owner, slug = name:match "^([^/]+)/([^/]+)$"
  if not owner then owner, slug = release.settings.repository:match "^[^/]+", name end
  local logins = {}
  for member in release.github:paginate(("/orgs/%s/teams/%s/members"):format(owner, slug)) do
    logins[#logins + 1] = member.login
  end
  return logins
end

local function sorted_keys(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  table.sort(list)
  return list
end

---Finds out who may approve: groups and teams are asked for each time.
---@async
---@param release Release
---@param change table
---@param approval table of an environment's settings: by = {people=, slack_groups=, github_teams=} (nil: it is AWS's
--- affair who may approve in CodePipeline), requester_may=
---@param tolerant boolean? a group whose people cannot be told, as Slack does not answer, is named only
---@return Approvers
---errors: kinds "github.api.not_found", "slack.api.not_found" (no such team or group), "….not_authorised"
function M.find(release, change, approval, tolerant)
  local by <const>, people <const> = approval.by or {}, release.settings.people or {}
  local barred <const>, logins, ids, groups = barred_of(release, change, approval), {}, {}, {}
  local login_of = {}
  for login, id in pairs(people) do login_of[id] = login end
  local function add_login(login)
    if barred[login] then return end
    logins[login] = true
    if people[login] then ids[people[login]] = true end
  end
  for _, login in ipairs(by.people or {}) do add_login(login) end
  for _, team in ipairs(by.github_teams or {}) do
    for _, login in ipairs(team_members(release, team)) do add_login(login) end
  end
  for _, group in ipairs(release.slack and by.slack_groups or {}) do
    local members <const>, err = try(release.slack.group_members, release.slack, group)
    if err and not (tolerant and (err.retryable or err:is "http")) then error(err, 0) end
    if err then groups["@" .. group] = true end
    for _, id in ipairs(members or {}) do
      if login_of[id] then
        add_login(login_of[id])
      elseif not barred[id] then
        ids[id], groups["@" .. group] = true, true
      end
    end
  end
  local names <const> = sorted_keys(logins)
  for _, group in ipairs(sorted_keys(groups)) do names[#names + 1] = group end
  return { logins = sorted_keys(logins), ids = sorted_keys(ids), names = names, barred = barred }
end

---@param approvers Approvers
---@param login string?
---@return boolean
function M.includes(approvers, login)
  for _, known in ipairs(approvers.logins) do
    if known == login then return true end
  end
  return false
end

return M
