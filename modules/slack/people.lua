--- Channels, people and groups of people by name or id; who is in a group is asked for each time.
---
--- Source: docs.slack.dev methods conversations.list, users.info, users.lookupByEmail, users.list, usergroups.list,
--- usergroups.users.list.
local errors = require "fairlead.errors"
local shape = require "fairlead.service.shape"

-- What is read from Slack's answers.
local CHANNEL <const> = { id = "text", name = "text?", is_private = "boolean?", is_member = "boolean?" }
local USER <const> = { id = "text", name = "text?", real_name = "text?", is_bot = "boolean?", deleted = "boolean?",
  profile = shape.maybe { real_name = "text?", display_name = "text?", email = "text?" } }
local ONE_USER <const> = { shape = { user = USER } }
local GROUPS <const> = { shape = { usergroups = shape.list { id = "text", handle = "text?" } } }
local MEMBERS <const> = { shape = { users = shape.list "text" } }

---@class fairlead.slack.Channel
---@field id string
---@field name string? without "#"
---@field is_private boolean?
---@field is_member boolean? whether the bot is in it

---@class fairlead.slack.User
---@field id string
---@field name string handle
---@field real_name string?
---@field display_name string?
---@field email string?
---@field is_bot boolean
---@field deleted boolean

---@class fairlead.slack.Client
local People = {}

local function is_channel_id(text)
  return text:find "^[CGD][A-Z0-9]+$" ~= nil
end

local function is_user_id(text)
  return text:find "^[UW][A-Z0-9]+$" ~= nil
end

local function check(value, name)
  if type(value) ~= "string" or value == "" then
    error(("bad argument #1 to '%s' (string expected, got %s)"):format(name, type(value)), 3)
  end
end

--- A channel by its name ("#releases" or "releases") or its id.
---@async
---@param name string
---@return fairlead.slack.Channel with the id alone when an id was given
--- raises slack.api.not_found
function People:channel(name)
  check(name, "channel")
  if is_channel_id(name) then
    return self.channels[name] or { id = name }
  end
  local wanted <const> = name:gsub("^#", "")
  if not self.channels[wanted] then
    for raw in self:paginate("conversations.list", {
      types = "public_channel,private_channel", exclude_archived = true, limit = 1000,
    }, "channels", CHANNEL) do
      local channel = { id = raw.id, name = raw.name, is_private = raw.is_private, is_member = raw.is_member }
      self.channels[raw.name or raw.id], self.channels[raw.id] = channel, channel
    end
  end
  return self.channels[wanted] or errors.raise {
    kind = "slack.api.not_found", op = "slack.channel", target = "#" .. wanted, code = "channel_not_found",
    message = "no such channel", hint = "is the name right, and is the bot in it if it is private? (/invite it)",
  }
end

--- The id of a channel; an id costs no call.
---@async
---@param name string
---@return string
function People:channel_id(name)
  check(name, "channel_id")
  return is_channel_id(name) and name or self:channel(name).id
end

local function remember(self, raw)
  local profile <const> = raw.profile or {}
  local user = {
    id = raw.id, name = raw.name, real_name = raw.real_name or profile.real_name, display_name = profile.display_name,
    email = profile.email, is_bot = raw.is_bot or false, deleted = raw.deleted or false,
  }
  self.users[user.id] = user
  return user
end

--- A person by id, by e-mail address, or by handle or display name ("@anadmin" or "anadmin").
---@async
---@param who string
---@return fairlead.slack.User
--- raises slack.api.not_found
function People:user(who)
  check(who, "user")
  if self.users[who] then
    return self.users[who]
  end
  if is_user_id(who) then
    return remember(self, self:call("users.info", { user = who }, ONE_USER).user)
  end
  local user
  if who:find "^[^@]+@.+" then
    user = remember(self, self:call("users.lookupByEmail", { email = who }, ONE_USER).user)
  else
    -- A handle is one person's; a display name may be several people's, and then it names nobody.
    local wanted <const> = who:gsub("^@", "")
    local shown, ambiguous = nil, false
    for raw in self:paginate("users.list", { limit = 200 }, "members", USER) do
      local one = remember(self, raw)
      if not one.deleted and one.name == wanted then
        user = one
      elseif not one.deleted and one.display_name == wanted then
        shown, ambiguous = one, shown ~= nil
      end
    end
    user = user or (not ambiguous and shown) or nil
  end
  self.users[who] = user or errors.raise {
    kind = "slack.api.not_found", op = "slack.user", target = who, code = "user_not_found",
    message = "nobody is called that, or several people are", hint = "give the member id from their Slack profile",
  }
  return user
end

local function is_group_id(text)
  return text:find "^S[A-Z0-9]+$" ~= nil
end

--- Who is in a group of users ("@admins" or "admins", or its id) at this moment. Needs the scope usergroups:read.
---@async
---@param name string
---@return string[] ids of people
--- raises slack.api.not_found
function People:group_members(name)
  check(name, "group_members")
  local id = is_group_id(name) and name
  if not id then
    local wanted <const> = name:gsub("^@", "")
    for _, group in ipairs(self:call("usergroups.list", {}, GROUPS).usergroups) do
      if group.handle == wanted then
        id = group.id
      end
    end
  end
  if not id then
    errors.raise {
      kind = "slack.api.not_found", op = "slack.group_members", target = name, code = "no_such_subteam",
      message = "no such group of users", hint = "give its handle, without the @, or its id (S0…)",
    }
  end
  return self:call("usergroups.users.list", { usergroup = id }, MEMBERS).users
end

return People
