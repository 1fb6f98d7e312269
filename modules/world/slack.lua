--- The simulated Slack: one workspace, its channels, messages, threads and reactions, and the Web API before them.
---
--- Every answer of a method is HTTP 200 with `ok` true or false, but for 429: too many requests. Methods take forms and
--- JSON alike. Sources: Slack's developer documentation, "Using the Slack Web API", "Rate limits", and each method's
--- page.
local conversations = require "fairlead.world.slack.conversations"
local deploy_bot = require "fairlead.world.slack.deploy_bot"
local files = require "fairlead.world.slack.files"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local messages = require "fairlead.world.slack.messages"
local people = require "fairlead.world.slack.people"
local sorted = require "fairlead.sorted"

local M = {}

---@class fairlead.world.Slack
---@field requests {at: number, method: string, path: string, operation: string, status: integer, error: string?,
--- scope: string?}[] scope: what a token must have for it: "chat:write"
---@field channels table[] {id=, name=, is_member=, messages={…}}
---@field users table[] {id=, name=, email=, admin=, bot=}
---@field me table the user that the token belongs to: a bot
local Slack = {}
Slack.__index = Slack

--- What raises a Slack error out of a method: caught by `handle`.
local Refusal = {}

--- Ends the method with `ok: false`.
---@param code string
---@param details table? further fields of the answer
function M.refuse(code, details)
  error(setmetatable({ code = code, details = details }, Refusal), 0)
end

--- Messages to one channel: about one a second, short bursts are let through ("Rate limits": chat.postMessage).
local BURST <const> = 4
local PER_SECOND <const> = 1

--- How often a minute a method may be called: its tier says "at least so often", and Slack lets some more through
--- (`fixture.slack.tier_factor`: how many times as many).
--- Source: docs.slack.dev, "Rate limits" and each method's page; what is not named here is of tier 3.
local PER_MINUTE <const> = { 1, 20, 50, 100 }
local MORE <const> = 1.2
local TIERS <const> = {
  ["conversations.list"] = 2, ["users.list"] = 2, ["usergroups.list"] = 2, ["usergroups.users.list"] = 2,
  ["reactions.remove"] = 2, ["conversations.members"] = 4, ["users.info"] = 4, ["files.getUploadURLExternal"] = 4,
  ["files.completeUploadExternal"] = 4,
}
--- Methods with limits of their own, which a release does not come near.
local SPECIAL <const> = { ["chat.postMessage"] = true, ["chat.getPermalink"] = true, ["auth.test"] = true }

---@param world fairlead.world.World
---@return fairlead.world.Slack
function M.new(world)
  local fixture = world.fixture.slack or {}
  local self = setmetatable({
    world = world,
    fixture = fixture,
    random = world:stream("slack"),
    requests = {},
    channels = {},
    users = {},
    usergroups = fixture.usergroups or {},
    uploads = {},
    methods = {},
    called = {},
    last_micros = 0,
    refuse = M.refuse,
  }, Slack)
  for i, channel in ipairs(fixture.channels or {}) do
    self.channels[i] = {
      id = channel.id,
      name = channel.name,
      is_member = channel.is_member ~= false,
      is_private = channel.is_private == true,
      is_archived = channel.is_archived == true,
      members = channel.members,
      messages = {},
      allowance = BURST,
      allowance_at = world.now,
    }
  end
  for i, user in ipairs(fixture.users or {}) do
    self.users[i] = user
  end
  self.me = self:add_bot(fixture.bot or "bot")
  messages.add(self)
  conversations.add(self)
  people.add(self)
  files.add(self)
  deploy_bot.new(self)
  return self
end

--- Adds a bot user to the workspace.
---@param name string
---@return table user with `bot_id` and `app_id`
function Slack:add_bot(name)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
  local user = {
    id = "U0" .. self.random:text(9, alphabet),
    name = name,
    bot = true,
    bot_id = "B0" .. self.random:text(9, alphabet),
    app_id = "A0" .. self.random:text(9, alphabet),
  }
  table.insert(self.users, user)
  return user
end

--- A timestamp that names a message: unique in the workspace, later ones are greater.
---@return string
function Slack:new_ts()
  local micros = math.max(math.floor(self.world.now * 1000000), self.last_micros + 100)
  self.last_micros = micros
  return ("%d.%06d"):format(micros // 1000000, micros % 1000000)
end

---@param id string id, or name with or without "#"
---@return table?
function Slack:channel(id)
  local name = id:gsub("^#", "")
  for _, channel in ipairs(self.channels) do
    if channel.id == id or channel.name == name then
      return channel
    end
  end
  return nil
end

---@param id string id or name
---@return table?
function Slack:user(id)
  for _, user in ipairs(self.users) do
    if user.id == id or user.name == id then
      return user
    end
  end
  return nil
end

---@param channel table
---@param ts string
---@return table? found
---@return integer? at its place among the channel's messages
function Slack.find(_, channel, ts)
  for i, item in ipairs(channel.messages) do
    if item.ts == ts then
      return item, i
    end
  end
  return nil
end

--- Puts a message into a channel, as anybody.
---@param channel table
---@param user table
---@param post {text: string?, blocks: table?, attachments: table?, metadata: table?, thread_ts: string?,
--- broadcast: boolean?, files: table[]?}
---@return table message
function Slack:post(channel, user, post)
  local item = {
    type = "message",
    subtype = user.bot and not user.app_id and "bot_message" or nil,
    user = user.id,
    bot_id = user.bot_id,
    app_id = user.app_id,
    team = self.fixture.team,
    text = post.text or "",
    blocks = post.blocks,
    attachments = post.attachments,
    metadata = post.metadata,
    files = post.files,
    thread_ts = post.thread_ts,
    broadcast = post.broadcast,
    ts = self:new_ts(),
    reactions = {},
  }
  table.insert(channel.messages, item)
  self.world:emit("slack_message", { channel = channel, message = item, by = user })
  return item
end

--- Adds somebody's reaction to a message; false when it is there already.
---@param channel table
---@param item table the message
---@param user table
---@param name string emoji without colons
---@return boolean
function Slack:react(channel, item, user, name)
  local reaction
  for _, other in ipairs(item.reactions) do
    reaction = other.name == name and other or reaction
  end
  if not reaction then
    reaction = { name = name, users = {} }
    table.insert(item.reactions, reaction)
  end
  for _, id in ipairs(reaction.users) do
    if id == user.id then
      return false
    end
  end
  table.insert(reaction.users, user.id)
  self.world:emit("slack_reaction", { channel = channel, message = item, by = user, name = name })
  return true
end

--- Whether another message to a channel is let through now; if not, after how many whole seconds.
---@param channel table
---@return integer? seconds
function Slack:must_wait(channel)
  local now = self.world.now
  channel.allowance = math.min(BURST, channel.allowance + (now - channel.allowance_at) * PER_SECOND)
  channel.allowance_at = now
  if channel.allowance >= 1 then
    channel.allowance = channel.allowance - 1
    return nil
  end
  return math.max(1, math.ceil((1 - channel.allowance) / PER_SECOND))
end

--- Refuses a method that was called too often within the last minute.
local function check_tier(self, name)
  if SPECIAL[name] then
    return
  end
  local now, times = self.world.now, self.called[name] or {}
  self.called[name] = times
  while times[1] and times[1] <= now - 60 do
    table.remove(times, 1)
  end
  if #times >= PER_MINUTE[TIERS[name] or 3] * (self.fixture.tier_factor or MORE) then
    M.refuse("ratelimited", { retry_after = math.max(1, math.ceil(times[1] + 60 - now)) })
  end
  times[#times + 1] = now
end

---------------------------------------------------------------------------------------------------------------------

--- Arguments that are lists or objects, and the error for what is neither.
local STRUCTURED <const> = {
  blocks = "invalid_blocks_format",
  attachments = "invalid_attachments",
  metadata = "invalid_metadata_format",
  files = "invalid_arguments",
}

--- A method's arguments: of the query, of a form, or of JSON. Those that are JSON inside a form are decoded.
local function arguments_of(request)
  local arguments = {}
  for name, value in pairs(request.query) do
    arguments[name] = value
  end
  local content_type = request.header("content-type") or ""
  if request.body == "" then
    return arguments
  elseif content_type:find("^application/json") then
    local ok, value = pcall(json.decode, request.body)
    if not ok then
      M.refuse("invalid_json")
    elseif type(value) ~= "table" or value[1] ~= nil then
      M.refuse("json_not_object")
    end
    for name, item in pairs(value) do
      if type(item) == "table" then
        arguments[name] = item
      elseif item ~= json.null then
        arguments[name] = tostring(item) -- as in a form
      end
    end
  elseif content_type:find("^application/x%-www%-form%-urlencoded") then
    for name, value in pairs(message.form(request.body)) do
      arguments[name] = value
    end
  else
    M.refuse("invalid_post_type")
  end
  for name, item in sorted(arguments) do
    if type(item) == "string" and not utf8.len(item) then
      M.refuse("invalid_charset")
    elseif STRUCTURED[name] and type(item) == "string" then
      local ok, value = pcall(json.decode, item)
      if not ok or type(value) ~= "table" then
        M.refuse(STRUCTURED[name])
      end
      arguments[name] = value
    elseif not STRUCTURED[name] and type(item) == "table" then
      M.refuse("invalid_arguments")
    end
  end
  return arguments
end

--- An argument that is true or false.
---@param value string?
---@return boolean
function M.truth(value)
  return value == "true" or value == "1"
end

--- Checks that arguments are there.
---@param arguments table
---@param ... string names
function M.require(arguments, ...)
  local missing = {}
  for _, name in ipairs { ... } do
    if arguments[name] == nil or arguments[name] == "" then
      missing[#missing + 1] = "[ERROR] missing required field: " .. name
    end
  end
  if #missing > 0 then
    M.refuse("invalid_arguments", { response_metadata = { messages = json.array(missing) } })
  end
end

--- A page of a list by limit and cursor.
---@param arguments table
---@param list any[]
---@param default integer
---@param most integer
---@return any[] page
---@return string next_cursor "" at the end
function M.page(arguments, list, default, most)
  local limit = math.tointeger(tonumber(arguments.limit)) or default
  if limit < 1 or limit > most then
    M.refuse("invalid_limit")
  end
  local start = 1
  if arguments.cursor and arguments.cursor ~= "" then
    start = math.tointeger(tonumber(tostring(arguments.cursor):match("^next:(%d+)$"))) or M.refuse("invalid_cursor")
  end
  local page = json.array(table.move(list, start, math.min(start + limit - 1, #list), 1, {}))
  local following = start + limit
  return page, following <= #list and ("next:" .. following) or ""
end

local function answer(self, request, name)
  if name == "api.test" then
    return { args = request.query }
  end
  local method = self.methods[name]
  if not method then
    M.refuse("unknown_method", { req_method = name })
  end
  local arguments = arguments_of(request)
  local token = (request.header("authorization") or ""):match("^[Bb]earer%s+(%S+)$") or arguments.token
  if not token then
    M.refuse("not_authed")
  elseif token ~= self.fixture.token then
    M.refuse(token == self.fixture.revoked_token and "token_revoked" or "invalid_auth")
  end
  if self.fixture.scopes and method.scope then
    local has = false
    for _, scope in ipairs(self.fixture.scopes) do
      has = has or scope == method.scope
    end
    if not has then
      M.refuse("missing_scope", { needed = method.scope, provided = table.concat(self.fixture.scopes, ",") })
    end
  end
  check_tier(self, name)
  return method.call(arguments)
end

--- The scopes of the token: the fixture's, else all that any method needs.
---@return string[]
function Slack:scopes()
  if self.fixture.scopes then
    return self.fixture.scopes
  end
  local seen, list = {}, {}
  for _, method in sorted(self.methods) do
    if method.scope and not seen[method.scope] then
      seen[method.scope] = true
      list[#list + 1] = method.scope
    end
  end
  return list
end

--- Answers a request.
---@async
---@param request fairlead.world.Request
---@return fairlead.world.Answer
function Slack:handle(request)
  local upload = request.path:match("/upload/v1/(%w+)$")
  local name = request.path:match("/api/([%w.]+)$") or ""
  local status, value, headers = 200, nil, {}
  if upload then
    status, value = files.receive(self, upload, request)
  else
    local ok, result = pcall(answer, self, request, name)
    if ok then
      value = result
      value.ok = true
    elseif getmetatable(result) == Refusal then
      value = { ok = false, error = result.code }
      for field, item in pairs(result.details or {}) do
        value[field] = item
      end
      if result.code == "ratelimited" then
        status = 429
        headers[1] = { "retry-after", tostring(value.retry_after) }
        value.retry_after = nil
      end
    else
      error(result, 0)
    end
  end
  table.insert(self.requests, {
    at = self.world.now,
    method = request.method,
    path = request.path,
    operation = upload and "upload" or name,
    status = status,
    error = type(value) == "table" and value.error or nil,
    scope = upload == nil and (self.methods[name] or {}).scope or nil,
  })
  headers[#headers + 1] = { "x-slack-req-id", self.random:digits(32) }
  if type(value) == "table" and value.ok then
    headers[#headers + 1] = { "x-oauth-scopes", table.concat(self:scopes(), ",") }
  end
  if type(value) == "string" then
    return message.text(status, value, headers)
  end
  return message.json(status, value, headers)
end

return M
