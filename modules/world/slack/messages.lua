--- The simulated Slack's methods that write: messages, their changes, reactions.
local json = require "fairlead.json"
local valid_blocks = require "fairlead.world.slack.blocks"

local M = {}

--- A message of chat.postMessage may be this long; Slack cuts longer ones, but far longer ones it refuses.
local LONGEST <const> = 40000

--- Whether a message asks for somebody's decision: it says so in its metadata.
---@param item table
---@return boolean
function M.asks(item)
  local kind = item.metadata and item.metadata.event_type or ""
  return kind:find("gate", 1, true) ~= nil or kind:find("approval", 1, true) ~= nil
end

--- What an answer shows of a message.
---@param slack fairlead.world.Slack
---@param item table
---@param whole boolean? with what people did to it: reactions, replies
---@param metadata boolean? with the metadata that it was posted with
---@return table
function M.shape(slack, item, whole, metadata)
  local value = {
    type = "message",
    subtype = item.subtype,
    user = item.user,
    bot_id = item.bot_id,
    app_id = item.app_id,
    team = item.team,
    text = item.text,
    ts = item.ts,
    blocks = item.blocks and json.array(item.blocks),
    attachments = item.attachments and json.array(item.attachments),
    files = item.files and json.array(item.files),
    edited = item.edited,
    thread_ts = item.thread_ts,
    metadata = metadata and item.metadata or nil,
  }
  local bot = item.bot_id and slack:user(item.user)
  if bot then
    value.bot_profile = {
      id = bot.bot_id,
      app_id = bot.app_id,
      name = bot.name,
      deleted = false,
      team_id = slack.fixture.team,
      updated = math.floor(slack.world.fixture.start or 0),
    }
  end
  if not whole then
    return value
  end
  if #item.reactions > 0 then
    local list = {}
    for i, reaction in ipairs(item.reactions) do
      list[i] = {
        name = reaction.name,
        users = json.array(table.move(reaction.users, 1, #reaction.users, 1, {})),
        count = #reaction.users,
      }
    end
    value.reactions = json.array(list)
  end
  if item.replies and #item.replies > 0 then
    local users, seen = {}, {}
    for _, reply in ipairs(item.replies) do
      if not seen[reply.user] then
        seen[reply.user] = true
        users[#users + 1] = reply.user
      end
    end
    value.thread_ts = item.ts
    value.reply_count = #item.replies
    value.reply_users = json.array(users)
    value.reply_users_count = #users
    value.latest_reply = item.replies[#item.replies].ts
  elseif item.parent then
    value.parent_user_id = item.parent.user
  end
  return value
end

---@param slack fairlead.world.Slack
function M.add(slack)
  local api = require "fairlead.world.slack"
  local refuse = slack.refuse

  --- The channel that a method writes to.
  local function writable(arguments, by_id_only)
    api.require(arguments, "channel")
    local channel = slack:channel(tostring(arguments.channel))
    local hidden = channel and channel.is_private and not channel.is_member
    if not channel or hidden or (by_id_only and channel.id ~= arguments.channel) then
      refuse("channel_not_found")
    elseif channel.is_archived then
      refuse("is_archived")
    end
    return channel
  end

  local function check_text(arguments)
    local text, blocks = arguments.text, arguments.blocks
    if (text == nil or text == "") and not blocks and not arguments.attachments then
      refuse("no_text")
    elseif text and #tostring(text) > LONGEST then
      refuse("msg_too_long")
    elseif blocks and not valid_blocks.are_valid(blocks) then
      refuse("invalid_blocks")
    end
  end

  slack.methods["chat.postMessage"] = {
    scope = "chat:write",
    call = function(arguments)
      local channel = writable(arguments)
      if not channel.is_member then
        refuse("not_in_channel")
      end
      check_text(arguments)
      local metadata = arguments.metadata
      if metadata and (type(metadata.event_type) ~= "string" or type(metadata.event_payload) ~= "table") then
        refuse("invalid_metadata_schema")
      end
      local wait = slack:must_wait(channel)
      if wait then
        refuse("ratelimited", { retry_after = wait })
      end
      local thread = arguments.thread_ts
      local parent = thread and slack:find(channel, tostring(thread))
      if thread and not parent then
        refuse("thread_not_found")
      elseif parent and parent.parent then
        parent = parent.parent
      end
      local item = slack:post(channel, slack.me, {
        text = arguments.text,
        blocks = arguments.blocks,
        attachments = arguments.attachments,
        metadata = metadata,
        thread_ts = parent and parent.ts,
        broadcast = api.truth(arguments.reply_broadcast),
      })
      if parent then
        M.join_thread(item, parent)
      end
      return { channel = channel.id, ts = item.ts, message = M.shape(slack, item) }
    end,
  }

  --- A message of this bot's own.
  local function own(arguments, refusal)
    api.require(arguments, "ts")
    local channel = writable(arguments, true)
    local item, at = slack:find(channel, tostring(arguments.ts))
    if not item then
      refuse("message_not_found")
    elseif item.user ~= slack.me.id then
      refuse(refusal)
    end
    return channel, item, at
  end

  slack.methods["chat.update"] = {
    scope = "chat:write",
    call = function(arguments)
      local channel, item = own(arguments, "cant_update_message")
      check_text(arguments)
      item.text = arguments.text or item.text
      item.blocks = arguments.blocks or (arguments.text == nil and item.blocks or nil)
      item.attachments = arguments.attachments or item.attachments
      item.metadata = arguments.metadata or item.metadata
      item.edited = { user = slack.me.id, ts = slack:new_ts() }
      slack.world:emit("slack_update", { channel = channel, message = item })
      return { channel = channel.id, ts = item.ts, text = item.text, message = M.shape(slack, item) }
    end,
  }

  slack.methods["chat.delete"] = {
    scope = "chat:write",
    call = function(arguments)
      local channel, item, at = own(arguments, "cant_delete_message")
      table.remove(channel.messages, at)
      if item.parent then
        for i, reply in ipairs(item.parent.replies) do
          if reply == item then
            table.remove(item.parent.replies, i)
            break
          end
        end
      end
      return { channel = channel.id, ts = item.ts }
    end,
  }

  slack.methods["chat.getPermalink"] = {
    call = function(arguments)
      api.require(arguments, "channel", "message_ts")
      local channel = slack:channel(tostring(arguments.channel)) or refuse("channel_not_found")
      local item = slack:find(channel, tostring(arguments.message_ts)) or refuse("message_not_found")
      local domain = slack.fixture.domain or "workspace"
      local link = ("https://%s.slack.com/archives/%s/p%s"):format(domain, channel.id, (item.ts:gsub("%.", "")))
      if item.parent then
        link = ("%s?thread_ts=%s&cid=%s"):format(link, item.parent.ts, channel.id)
      end
      return { channel = channel.id, permalink = link }
    end,
  }

  local function reacted(arguments)
    if not arguments.timestamp or not arguments.channel then
      refuse("no_item_specified")
    end
    local channel = slack:channel(tostring(arguments.channel)) or refuse("channel_not_found")
    return channel, slack:find(channel, tostring(arguments.timestamp)) or refuse("message_not_found")
  end

  slack.methods["reactions.add"] = {
    scope = "reactions:write",
    call = function(arguments)
      api.require(arguments, "name")
      local channel, item = reacted(arguments)
      if not slack:react(channel, item, slack.me, arguments.name) then
        refuse("already_reacted")
      end
      return {}
    end,
  }

  slack.methods["reactions.remove"] = {
    scope = "reactions:write",
    call = function(arguments)
      api.require(arguments, "name")
      local _, item = reacted(arguments)
      for i, reaction in ipairs(item.reactions) do
        for n, user in ipairs(reaction.name == arguments.name and reaction.users or {}) do
          if user == slack.me.id then
            table.remove(reaction.users, n)
            if #reaction.users == 0 then
              table.remove(item.reactions, i)
            end
            return {}
          end
        end
      end
      return refuse("no_reaction")
    end,
  }

  slack.methods["reactions.get"] = {
    scope = "reactions:read",
    call = function(arguments)
      local channel, item = reacted(arguments)
      return { type = "message", channel = channel.id, message = M.shape(slack, item, true) }
    end,
  }
end

--- Makes a message a reply of another.
---@param item table
---@param parent table
function M.join_thread(item, parent)
  item.parent = parent
  item.thread_ts = parent.ts
  parent.replies = parent.replies or {}
  table.insert(parent.replies, item)
end

return M
