--- Messages: writing, changing and reading them, their threads and reactions.
---
--- Sources: docs.slack.dev methods chat.postMessage, chat.update, conversations.history, conversations.replies,
--- reactions.get; "Message metadata" (include_all_metadata).
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local shape = require "fairlead.service.shape"

local list_of <const>, maybe <const> = shape.list, shape.maybe

-- What is read from Slack's answers.
local MESSAGE <const> = { ts = "text", user = "text?", bot_id = "text?", text = "text?",
  metadata = maybe { event_type = "text?", event_payload = maybe {} } }
local PAGE <const> = { shape = { messages = maybe(list_of(MESSAGE)) } }
local POSTED <const> = { shape = { channel = "text", ts = "text" } }
local REACTIONS <const> = { shape = { message = maybe { reactions = maybe(list_of { name = "text", count = "integer?",
  users = maybe(list_of "text") }) } } }

---@class fairlead.slack.Message
---@field ts string Slack's id of the message in its channel, also its time
---@field user string? id
---@field bot_id string? of a bot's
---@field text string
---@field thread_ts string? of the thread that it is in
---@field metadata {event_type: string, event_payload: table}?

---@class fairlead.slack.Posted
---@field channel string id
---@field ts string

---@class fairlead.slack.Reaction
---@field name string without colons
---@field count integer
---@field users string[] ids; Slack may leave some out where there are many

---@class fairlead.slack.Client
local Messages = {}

local NONCE <const> = "fairlead_post" -- in the payload of every message's metadata, so that it is known again
local EVENT_TYPE <const> = "fairlead_message"
local CLOCKS_DIFFER <const> = 600 -- seconds

local function check(options, name, ...)
  if type(options) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(options)), 3)
  end
  for _, field in ipairs { ... } do
    if type(options[field]) ~= "string" or options[field] == "" then
      error(("bad argument #1 to '%s' (%s: string expected, got %s)"):format(name, field, type(options[field])), 3)
    end
  end
end

--- What goes with every message: the caller's metadata, and a number of its own.
local function metadata_of(given)
  local payload = {}
  for name, value in pairs(given and given.event_payload or {}) do
    payload[name] = value
  end
  local nonce <const> = chance.token()
  payload[NONCE] = nonce
  return { event_type = given and given.event_type or EVENT_TYPE, event_payload = payload }, nonce
end

--- A message of ours that Slack took although its answer was lost.
local function find_posted(self, channel, thread, nonce, since)
  local method <const> = thread and "conversations.replies" or "conversations.history"
  local page <const> = self:call(method, {
    channel = channel, ts = thread, oldest = ("%.6f"):format(since - CLOCKS_DIFFER), limit = 100,
    include_all_metadata = true,
  }, PAGE)
  for _, message in ipairs(page.messages or {}) do
    local metadata <const> = message.metadata
    if metadata and metadata.event_payload and metadata.event_payload[NONCE] == nonce then
      return { channel = channel, ts = message.ts }
    end
  end
end

--- Writes a message. When Slack's answer is lost, looks whether the message is there before writing it again.
---@async
---@param options {channel: string, text: string, blocks?: table, thread?: string, broadcast?: boolean,
---  metadata?: {event_type: string, event_payload: table}} channel: id or name; text: what is shown, and what
---  notifications show where there are blocks (see `escape`); thread: ts of the message to answer
---@return fairlead.slack.Posted
--- raises slack.api and http.*
function Messages:post(options)
  check(options, "post", "channel", "text")
  local channel = self:channel_id(options.channel)
  local metadata <const>, nonce = metadata_of(options.metadata)
  local body = {
    channel = channel, text = options.text, blocks = options.blocks, thread_ts = options.thread,
    reply_broadcast = options.broadcast, metadata = metadata, unfurl_links = false, unfurl_media = false,
  }
  local attempts <const> = 3
  local since <const> = clock.now()
  for attempt = 1, attempts do
    local posted, err = try(self.call, self, "chat.postMessage", body, POSTED)
    if posted then
      return { channel = posted.channel, ts = posted.ts }
    end
    -- Refused for a limit's sake: `call` has waited for as long as it may.
    if attempt == attempts or err:is "slack.api.rate_limited" or not (err.retryable or err:is "http.reset"
      or err:is "http.timeout" or err:is "http.truncated") then
      error(err, 0)
    end
    clock.sleep(attempt)
    local there <const> = find_posted(self, channel, options.thread, nonce, since)
    if there then
      return there
    end
  end
end

--- Changes a message of one's own.
---@async
---@param options {channel: string, ts: string, text: string, blocks?: table, metadata?: table}
---@return fairlead.slack.Posted
function Messages:update(options)
  check(options, "update", "channel", "ts", "text")
  local answer <const> = self:call("chat.update", {
    channel = self:channel_id(options.channel), ts = options.ts, text = options.text, blocks = options.blocks,
    metadata = options.metadata,
  }, POSTED)
  return { channel = answer.channel, ts = answer.ts }
end

--- A message that was written with this in its metadata: how a program knows its own again after it was interrupted.
---@async
---@param options {channel: string, thread?: string, payload: table<string, any>, oldest?: string|number,
---  limit?: integer} channel: id or name; thread: ts of the message that it answers; payload: fields of event_payload
---  that must be equal; limit: how many messages to look through, default 1000
---@return fairlead.slack.Message?
function Messages:find(options)
  check(options, "find", "channel")
  local list <const> = options.thread
    and self:replies { channel = options.channel, ts = options.thread, oldest = options.oldest,
      limit = options.limit or 1000 }
    or self:history { channel = options.channel, oldest = options.oldest, limit = options.limit or 1000 }
  for _, message in ipairs(list) do
    local payload <const> = message.metadata and message.metadata.event_payload
    local same = payload ~= nil
    for name, value in pairs(options.payload) do
      same = same and payload[name] == value
    end
    if same then
      return message
    end
  end
end

local function take(iterator, limit)
  local list = {}
  for item in iterator do
    list[#list + 1] = item
    if #list == limit then
      break
    end
  end
  return list
end

local function as_ts(at)
  return type(at) == "number" and ("%.6f"):format(at) or at
end

--- A channel's messages, newest first.
---@async
---@param options {channel: string, oldest?: string|number, latest?: string|number, limit?: integer} oldest and latest:
---  ts, or unix seconds; limit: default 100
---@return fairlead.slack.Message[]
function Messages:history(options)
  check(options, "history", "channel")
  local limit <const> = options.limit or 100
  return take(self:paginate("conversations.history", {
    channel = self:channel_id(options.channel), oldest = as_ts(options.oldest), latest = as_ts(options.latest),
    limit = math.min(limit, 200), include_all_metadata = true,
  }, "messages", MESSAGE), limit)
end

--- The answers in a thread, oldest first, without the message that they answer.
---@async
---@param options {channel: string, ts: string, oldest?: string|number, limit?: integer} ts: of the message; limit:
---  default 200
---@return fairlead.slack.Message[]
function Messages:replies(options)
  check(options, "replies", "channel", "ts")
  local limit <const> = options.limit or 200
  local found = take(self:paginate("conversations.replies", {
    channel = self:channel_id(options.channel), ts = options.ts, oldest = as_ts(options.oldest), limit = 200,
    include_all_metadata = true,
  }, "messages", MESSAGE), limit + 1)
  for i = #found, 1, -1 do
    if found[i].ts == options.ts then
      table.remove(found, i)
    end
  end
  return found
end

--- The reactions to a message.
---@async
---@param options {channel: string, ts: string}
---@return fairlead.slack.Reaction[]
function Messages:reactions(options)
  check(options, "reactions", "channel", "ts")
  local answer <const> = self:call("reactions.get", {
    channel = self:channel_id(options.channel), timestamp = options.ts, full = true,
  }, REACTIONS)
  local list = {}
  for i, reaction in ipairs(answer.message and answer.message.reactions or {}) do
    list[i] = { name = reaction.name, count = reaction.count, users = reaction.users or {} }
  end
  return list
end

return Messages
