--- The simulated Slack's methods about people: who asks, users, groups of users.
local json = require "fairlead.json"

local M = {}

---@param slack fairlead.world.Slack
---@param user table
---@return table
function M.shape(slack, user)
  return {
    id = user.id,
    team_id = slack.fixture.team,
    name = user.name,
    real_name = user.real_name or user.name,
    deleted = user.deleted == true,
    is_bot = user.bot == true,
    is_admin = user.admin == true,
    is_owner = false,
    is_app_user = false,
    is_restricted = false,
    tz = "Europe/London",
    updated = math.floor(slack.world.fixture.start or 0) - 86400,
    profile = {
      real_name = user.real_name or user.name,
      display_name = user.name,
      email = user.email,
      bot_id = user.bot_id,
      api_app_id = user.app_id,
      team = slack.fixture.team,
    },
  }
end

local function members_of(group)
  return json.array(table.move(group.users, 1, #group.users, 1, {}))
end

---@param slack fairlead.world.Slack
function M.add(slack)
  local api = require "fairlead.world.slack"
  local refuse = slack.refuse

  slack.methods["auth.test"] = {
    call = function()
      return {
        url = ("https://%s.slack.com/"):format(slack.fixture.domain or "workspace"),
        team = slack.fixture.team_name or "Workspace",
        team_id = slack.fixture.team,
        user = slack.me.name,
        user_id = slack.me.id,
        bot_id = slack.me.bot_id,
        is_enterprise_install = false,
      }
    end,
  }

  slack.methods["users.info"] = {
    scope = "users:read",
    call = function(arguments)
      api.require(arguments, "user")
      local user = slack:user(tostring(arguments.user))
      if not user or user.id ~= arguments.user then
        refuse("user_not_found")
      end
      return { user = M.shape(slack, user) }
    end,
  }

  slack.methods["users.list"] = {
    scope = "users:read",
    call = function(arguments)
      local page, cursor = api.page(arguments, slack.users, 1000, 1000)
      for i, user in ipairs(page) do
        page[i] = M.shape(slack, user)
      end
      return { members = page, cache_ts = math.floor(slack.world.now), response_metadata = { next_cursor = cursor } }
    end,
  }

  slack.methods["users.lookupByEmail"] = {
    scope = "users:read.email",
    call = function(arguments)
      api.require(arguments, "email")
      for _, user in ipairs(slack.users) do
        if user.email and user.email:lower() == tostring(arguments.email):lower() then
          return { user = M.shape(slack, user) }
        end
      end
      return refuse("users_not_found")
    end,
  }

  slack.methods["usergroups.list"] = {
    scope = "usergroups:read",
    call = function(arguments)
      local list = {}
      for _, group in ipairs(slack.usergroups) do
        local shown = {
          id = group.id,
          team_id = slack.fixture.team,
          is_usergroup = true,
          is_subteam = true,
          name = group.name or group.handle,
          handle = group.handle,
          description = group.description or "",
          is_external = false,
          date_create = math.floor(slack.world.fixture.start or 0) - 86400 * 300,
          date_delete = group.disabled and math.floor(slack.world.fixture.start or 0) - 86400 or 0,
        }
        if api.truth(arguments.include_count) then
          shown.user_count = #group.users
        end
        if api.truth(arguments.include_users) then
          shown.users = members_of(group)
        end
        if not group.disabled or api.truth(arguments.include_disabled) then
          list[#list + 1] = shown
        end
      end
      return { usergroups = json.array(list) }
    end,
  }

  slack.methods["usergroups.users.list"] = {
    scope = "usergroups:read",
    call = function(arguments)
      api.require(arguments, "usergroup")
      for _, group in ipairs(slack.usergroups) do
        local hidden = group.disabled and not api.truth(arguments.include_disabled)
        if group.id == arguments.usergroup and not hidden then
          return { users = members_of(group) }
        end
      end
      return refuse("no_such_subteam")
    end,
  }
end

return M
