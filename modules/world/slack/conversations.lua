--- The simulated Slack's methods that read channels: lists, history, threads.
local json = require "fairlead.json"
local messages = require "fairlead.world.slack.messages"

local M = {}

---@param slack fairlead.world.Slack
---@param channel table
---@return table
function M.shape(slack, channel)
  local text = { value = "", creator = "", last_set = 0 }
  return {
    id = channel.id,
    name = channel.name,
    name_normalized = channel.name,
    is_channel = not channel.is_private,
    is_group = false,
    is_im = false,
    is_mpim = false,
    is_private = channel.is_private,
    is_archived = channel.is_archived,
    is_general = false,
    is_shared = false,
    is_member = channel.is_member,
    creator = slack.users[1] and slack.users[1].id or slack.me.id,
    created = math.floor(slack.world.fixture.start or 0) - 86400 * 400,
    context_team_id = slack.fixture.team,
    topic = text,
    purpose = text,
    num_members = #M.members(slack, channel),
  }
end

--- Who is in a channel.
---@param slack fairlead.world.Slack
---@param channel table
---@return string[] ids
function M.members(slack, channel)
  if channel.members then
    return channel.members
  end
  local list = {}
  for _, user in ipairs(slack.users) do
    if user ~= slack.me or channel.is_member then
      list[#list + 1] = user.id
    end
  end
  return list
end

--- Whether a message's time is in the range that a method asks for. Timestamps of one length compare as text.
local function in_range(item, arguments, inclusive)
  local oldest, latest = arguments.oldest, arguments.latest
  local at = tonumber(item.ts)
  if oldest and oldest ~= "" and oldest ~= "0" and oldest ~= 0 then
    local low = tonumber(oldest) or 0
    if at < low or (not inclusive and at == low) then
      return false
    end
  end
  if latest and latest ~= "" and latest ~= "now" then
    local high = tonumber(latest) or math.huge
    if at > high or (not inclusive and at == high) then
      return false
    end
  end
  return true
end

---@param slack fairlead.world.Slack
function M.add(slack)
  local api = require "fairlead.world.slack"
  local refuse = slack.refuse

  local function channel_of(arguments, must_be_member)
    api.require(arguments, "channel")
    local channel = slack:channel(tostring(arguments.channel))
    if not channel or channel.id ~= arguments.channel or (channel.is_private and not channel.is_member) then
      refuse("channel_not_found")
    elseif must_be_member and not channel.is_member then
      refuse("not_in_channel")
    end
    return channel
  end

  slack.methods["conversations.list"] = {
    scope = "channels:read",
    call = function(arguments)
      local types = ",%s," .. "," .. tostring(arguments.types or "public_channel") .. ","
      local list = {}
      for _, channel in ipairs(slack.channels) do
        local kind = channel.is_private and "private_channel" or "public_channel"
        if
          types:find("," .. kind .. ",", 1, true)
          and not (channel.is_archived and api.truth(arguments.exclude_archived))
          and (channel.is_member or not channel.is_private)
        then
          list[#list + 1] = M.shape(slack, channel)
        end
      end
      local page, cursor = api.page(arguments, list, 100, 1000)
      return { channels = page, response_metadata = { next_cursor = cursor } }
    end,
  }

  slack.methods["conversations.info"] = {
    scope = "channels:read",
    call = function(arguments)
      return { channel = M.shape(slack, channel_of(arguments)) }
    end,
  }

  slack.methods["conversations.members"] = {
    scope = "channels:read",
    call = function(arguments)
      local list = M.members(slack, channel_of(arguments))
      local page, cursor = api.page(arguments, list, 100, 1000)
      return { members = page, response_metadata = { next_cursor = cursor } }
    end,
  }

  local function shown(list, arguments)
    local page, cursor = api.page(arguments, list, 100, 999)
    local with_metadata = api.truth(arguments.include_all_metadata)
    for i, item in ipairs(page) do
      page[i] = messages.shape(slack, item, true, with_metadata)
    end
    return page, cursor
  end

  slack.methods["conversations.history"] = {
    scope = "channels:history",
    call = function(arguments)
      local channel = channel_of(arguments, true)
      local inclusive, list = api.truth(arguments.inclusive), {}
      for i = #channel.messages, 1, -1 do
        local item = channel.messages[i]
        -- Replies are in their thread, unless they were sent to the channel too.
        if (not item.parent or item.broadcast) and in_range(item, arguments, inclusive) then
          list[#list + 1] = item
        end
      end
      local page, cursor = shown(list, arguments)
      return {
        messages = page,
        has_more = cursor ~= "",
        pin_count = 0,
        response_metadata = cursor ~= "" and { next_cursor = cursor } or nil,
      }
    end,
  }

  slack.methods["conversations.replies"] = {
    scope = "channels:history",
    call = function(arguments)
      api.require(arguments, "ts")
      local channel = channel_of(arguments, true)
      local item = slack:find(channel, tostring(arguments.ts)) or refuse("thread_not_found")
      local parent = item.parent or item
      local inclusive, list = api.truth(arguments.inclusive), { parent }
      for _, reply in ipairs(parent.replies or {}) do
        if in_range(reply, arguments, inclusive) then
          list[#list + 1] = reply
        end
      end
      local page, cursor = shown(list, arguments)
      return {
        messages = page,
        has_more = cursor ~= "",
        response_metadata = json.decode(('{"next_cursor":%s}'):format(json.encode(cursor))),
      }
    end,
  }
end

return M
