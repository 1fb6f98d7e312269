--- Slack: whose token it is, which scopes it has, and whether channels, groups and people that applications name are
--- there.
---
--- Source: docs.slack.dev, auth.test, conversations.info; "Installing with OAuth" (X-OAuth-Scopes tells a token's
--- scopes).
local environment = require "fairlead.environment"
local list = require "fairlead.doctor.list"
local slack = require "fairlead.slack"
local task = require "fairlead.task"

local M = {}

local HERE <const> = "Slack"
local SECONDS <const> = 9 -- for one call, with what it repeats

---@class doctor.Slack what an application needs of Slack
---@field scopes string[]
---@field channels string[] names or ids
---@field groups string[] handles or ids, whose members may approve
---@field people table<string, string> login on GitHub -> id in Slack

local function who(client)
  local found <const> = client:call "auth.test"
  local scopes
  for scope in (client.scopes or ""):gmatch "[^%s,]+" do
    scopes = scopes or {}
    scopes[scope] = true
  end
  local source <const> = environment.get "SLACK_BOT_TOKEN" and "SLACK_BOT_TOKEN" or "elsewhere"
  return list.ok(("%s in %s, by %s (%s)"):format(tostring(found.user), tostring(found.team), source,
    found.bot_id and "a bot's token" or "a person's token"), { value = { client = client, scopes = scopes } })
end

local function scopes(access, wanted)
  if not access.scopes then return list.unknown "Slack has not told the token's scopes" end
  local lacks = {}
  for _, scope in ipairs(wanted) do
    if not access.scopes[scope] then lacks[#lacks + 1] = scope end
  end
  if #lacks == 0 then return list.ok(table.concat(wanted, ", ")) end
  return list.bad("lacks " .. table.concat(lacks, ", "),
    "add the scopes to the app (api.slack.com/apps, OAuth & Permissions) and install it again")
end

local function channel(access, name)
  local client <const> = access.client
  local id <const> = client:channel_id(name)
  local found <const> = client:call("conversations.info", { channel = id }).channel
  if found.is_archived then return list.bad("is archived", "unarchive it, or name another in the settings") end
  if found.is_member then return list.ok(("%s, the bot is in it"):format(id)) end
  return list.bad("the bot is not in it", "in that channel: /invite @its-name")
end

local function group(access, name)
  local members <const> = access.client:group_members(name)
  if #members == 0 then return list.bad("has no members", "add whoever may approve") end
  return list.ok(("%d member%s"):format(#members, #members == 1 and "" or "s"))
end

-- A wrong id is somebody who is never told, and whose approval does not count.
local function people(access, known)
  local logins, wrong = {}, {}
  for login in pairs(known) do logins[#logins + 1] = login end
  table.sort(logins)
  local states <const> = task.map(logins, function(login)
    local user <const>, err = try(access.client.user, access.client, known[login])
    if err and err.code == "missing_scope" then return "?" end
    if err and not err:is "slack.api.not_found" then error(err, 0) end
    return not user and "nobody has that id" or user.deleted and "is deactivated" or ""
  end, { limit = 4 })
  local untold = false
  for i, state in ipairs(states) do
    untold = untold or state == "?"
    if state ~= "" and state ~= "?" then
      wrong[#wrong + 1] = ("%s (%s): %s"):format(logins[i], known[logins[i]], state)
    end
  end
  if #wrong == 0 and untold then
    return list.unknown("whether they are in the workspace cannot be told", "with the scope users:read it can")
  end
  if #wrong == 0 then return list.ok(("%d are in the workspace"):format(#logins)) end
  return list.bad(table.concat(wrong, "; "), "correct `people` in the settings: the member ID in their Slack profile")
end

---Adds what there is to look at.
---@param checks doctor.List
---@param hosts table of doctor/hosts.lua
---@param wanted {application: string, place: doctor.Slack}[] none: only the token, if there is one
---@param bare boolean there is no application at all
function M.add(checks, hosts, wanted, bare)
  local client <const>, err = try(slack.client, { timeout = SECONDS, request_timeout = SECONDS })
  if not (client or bare or #wanted > 0) then return end -- nobody needs it
  local needs = {}
  -- Also without a token: whether there is a way to it is worth knowing.
  if client or #wanted > 0 then
    needs[1] = hosts.need(client and client.base_url or environment.get "SLACK_API_URL" or "https://slack.com/api")
  end
  local token <const> = checks:add(HERE, "token", { needs = client and needs }, function()
    if client then return who(client) end
    local finding <const> = list.failed(err)
    -- Nothing here needs it.
    if #wanted == 0 and err.kind == "config.missing" then finding.state = "unknown" end
    return finding
  end)
  for _, one in ipairs(wanted) do
    local place <const>, for_it <const> = one.place, { needs = { token }, application = one.application }
    table.insert(token.applications, one.application)
    checks:add(HERE .. " " .. one.application, "scopes", for_it, function(access)
      return scopes(access, place.scopes)
    end)
    for _, name in ipairs(place.channels) do
      checks:add(HERE, "channel " .. name, for_it, function(access) return channel(access, name) end)
    end
    for _, name in ipairs(place.groups) do
      checks:add(HERE, "group @" .. name, for_it, function(access) return group(access, name) end)
    end
    if next(place.people) then
      checks:add(HERE .. " " .. one.application, "people", for_it, function(access)
        return people(access, place.people)
      end)
    end
  end
end

return M
