--- The organisation's teams, and who is in them. A classic token needs the scope read:org, and is told "Not Found"
--- without it; a fine-grained one needs the permission "Members".
--- Source: GitHub Docs, REST "Teams" and "Team members"; "Scopes for OAuth apps".
local json = require "fairlead.json"
local refusal = require "fairlead.world.github.refusal"
local sorted = require "fairlead.sorted"

local M = {}

--- Scopes each of which lets a classic token see teams.
local SCOPES <const> = { "read:org", "write:org", "admin:org" }

local function has_scope(viewer)
  for _, scope in ipairs(SCOPES) do
    for _, own in ipairs(viewer.scopes or {}) do
      if own == scope then
        return true
      end
    end
  end
  return false
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  --- The members of the team that a request names.
  local function members_of(call)
    local members = (github.fixture.teams or {})[call.slug]
    if not members then
      refusal.not_found()
    end
    return members
  end

  local function add(route, answer)
    router:add(route, "members:read", function(call)
      if
        not call.viewer
        or call.org:lower() ~= github.owner:lower()
        or not (call.viewer.rights or has_scope(call.viewer))
      then
        refusal.not_found()
      end
      local status, value, headers = answer(call)
      headers = headers or {}
      table.insert(headers, { "x-accepted-oauth-scopes", table.concat(SCOPES, ", ") })
      return status, value, headers
    end)
  end

  add("GET /orgs/{org}/teams", function(call)
    local list = {}
    for slug in sorted(github.fixture.teams) do
      list[#list + 1] = github.shapes:team(slug)
    end
    return 200, github:page(call, list)
  end)

  add("GET /orgs/{org}/teams/{slug}", function(call)
    local members = members_of(call)
    local team = github.shapes:team(call.slug)
    team.members_count = #members
    return 200, team
  end)

  add("GET /orgs/{org}/teams/{slug}/members", function(call)
    local list = {}
    for i, login in ipairs(members_of(call)) do
      list[i] = github.shapes:user(login)
    end
    return 200, github:page(call, json.array(list))
  end)

  add("GET /orgs/{org}/teams/{slug}/memberships/{login}", function(call)
    for _, login in ipairs(members_of(call)) do
      if login:lower() == call.login:lower() then
        return 200, {
          url = ("%s/orgs/%s/teams/%s/memberships/%s"):format(github.world.base_urls.github, github.owner, call.slug,
            login),
          role = "member",
          state = "active",
        }
      end
    end
    return refusal.not_found()
  end)
end

return M
