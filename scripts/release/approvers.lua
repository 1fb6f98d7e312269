--- Who may approve: the people, groups of Slack's and teams of GitHub's that the settings name, as they are at this
--- moment, less whoever wrote the change and whoever releases it.
local sorted = require "fairlead.sorted"

local M = {}

---@class Approvers
---@field logins string[] on GitHub, sorted; people of Slack's groups are among them where the settings know them
---@field ids string[] in Slack, sorted
---@field names string[] what to call them: logins, and the groups whose people have no known login
---@field barred table<string, string> logins (in small letters) and Slack ids whose answers do not count, and why
---@field unknown string? somebody whose answer does not count and whose Slack id the settings do not tell: then nobody
--- of a group counts whom the settings do not know either, as it may be them

local AUTHOR <const> = "you wrote this change, so somebody else has to decide"
local REQUESTER <const> = "you started this run, so somebody else has to decide"

-- GitHub takes a login in capitals and in small letters for the same.
local function slack_ids(release)
  local ids = {}
  for login, id in sorted(release.settings.people) do ids[login:lower()] = id end
  return ids
end

--- Whose answer does not count, although they may be named.
local function barred_of(change, approval, id_of)
  local barred, unknown = {}, nil
  if approval.requester_may then return barred end
  local function bar(login, why)
    if not login then return end
    local id <const> = id_of[login:lower()]
    barred[login:lower()] = why
    if id then barred[id] = why end
    if not id and not login:find "%[bot%]$" then unknown = unknown or login end
  end
  bar(change.author, AUTHOR)
  bar(change.requester, REQUESTER)
  return barred, unknown
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
  local by <const>, id_of <const> = approval.by or {}, slack_ids(release)
  local barred <const>, unknown = barred_of(change, approval, id_of)
  local logins, ids, groups, unsure = {}, {}, {}, false
  local login_of = {}
  for login, id in sorted(release.settings.people) do login_of[id] = login end
  local function add_login(login)
    local id <const> = id_of[login:lower()]
    if barred[login:lower()] or id and barred[id] then return end -- one person may have several logins
    logins[login] = true
    if id then ids[id] = true end
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
      elseif unknown then
        unsure = true
      elseif not barred[id] then
        ids[id], groups["@" .. group] = true, true
      end
    end
  end
  local names <const> = sorted_keys(logins)
  for _, group in ipairs(sorted_keys(groups)) do names[#names + 1] = group end
  return { logins = sorted_keys(logins), ids = sorted_keys(ids), names = names, barred = barred,
    unknown = unsure and unknown or nil }
end

---@param approvers Approvers
---@param login string?
---@return boolean
function M.includes(approvers, login)
  for _, known in ipairs(approvers.logins) do
    if login and known:lower() == login:lower() then return true end
  end
  return false
end

---Why somebody's answer does not count; nil: it does, if they may decide at all.
---@param approvers Approvers
---@param login string?
---@return string?
function M.barred(approvers, login) return login and approvers.barred[login:lower()] end

return M
