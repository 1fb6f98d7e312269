--- What a release says in Slack: the board, one message in the team's channel that shows how it stands; in that
--- message's thread what there is to tell; and one message to the infrastructure team when it fails. Without a channel
--- in the settings nothing is said.
local board = require "release.board"
local deploy_bot = require "release.deploy_bot"
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local outages = require "release.outage"
local task = require "fairlead.task"
local view = require "release.board.view"

---@class Talk
---@field run procedure.Run
---@field slack table? nil: this application does without
---@field settings table
---@field thread table? {channel=, ts=} once the board is there
---@field subject table? what the board is about
---@field outage Outage
---@field private board Board?
---@field private said table<string, integer> how often this process has come to say something
---@field private heard table<string, boolean>? keys of what an interrupted process has said in the thread
---@field private fresh boolean this process has opened the thread, so nothing was said in it before
---@field private unsaid table[] what could not be said yet
local Talk = {}
Talk.__index = Talk

local M = {}

local PATIENCE <const> = 45 -- seconds that one thing to say may take; Slack may ask for 30 s of silence before
local MOST_UNSAID <const> = 50 -- messages that are kept while Slack is down

---@param run procedure.Run
---@param client table? a Slack client
---@param settings table of the application
---@return Talk
function M.new(run, client, settings)
  local self = setmetatable({
    run = run, slack = client, settings = settings, outage = outages.new(run), said = {}, fresh = false, unsaid = {},
    reasons = {},
  }, Talk)
  if not client or run.dry then return self end
  run:listen(function(event)
    if event.event == "note" and event.kind == "why" then table.insert(self.reasons, event) end
  end)
  run:notifier(function(message) self:tell(message) end)
  return self
end

---A link in Slack's markup.
---@param url string
---@param text string from outside
---@return string
M.link = view.link

---Checks that the token is right and the channels are there, so that a mistake in the settings is found before anything
---is done. That Slack is down is no mistake.
---@async
---errors: kinds "slack.api.not_authorised", "slack.api.not_found"
function Talk:check()
  if not self.slack then return end
  local refusal
  self.outage:attempt(PATIENCE, function()
    local _, err = try(function()
      self.slack:call "auth.test"
      for _, name in ipairs { "channel", "infrastructure_channel" } do
        if self.settings[name] then self.slack:channel_id(self.settings[name]) end
      end
    end)
    local mistaken <const> = err and (err:is "slack.api.not_authorised" or err:is "slack.api.not_found")
    if err and not mistaken then error(err, 0) end
    refusal = err
  end)
  if refusal then error(refusal, 0) end
end

-- ---- the board ----

local function metadata_of(self)
  return { event_type = "fairlead_release", event_payload = { run = self.run.id, board = true } }
end

local function find(self)
  local id <const> = self.slack:channel_id(self.settings.channel)
  local found <const> = self.slack:find { channel = id, payload = { run = self.run.id, board = true } }
  return found and { channel = id, ts = found.ts }
end

-- Posts the board; `look` where an attempt may have posted it.
local function open(self, look)
  local found <const> = look and find(self)
  if found then return found end
  local message <const> = self.board:message()
  local posted <const> = self.slack:post {
    channel = self.settings.channel, text = message.text, blocks = message.blocks, metadata = metadata_of(self),
  }
  return { channel = posted.channel, ts = posted.ts }
end

-- What could not be said when it was to be is said when Slack answers again, in the same order.
local function catch_up(self)
  while self.unsaid[1] do
    local message <const> = self.unsaid[1]
    if not self.outage:attempt(PATIENCE, function() self:post(message, true) end) then
      self.heard = nil
      return false
    end
    table.remove(self.unsaid, 1)
  end
  return true
end

local function new_board(self)
  local made <const> = board.new(self.run, self.slack, self.outage, self.subject, self.settings.people or {})
  made.metadata = metadata_of(self)
  made.on_edited = function() return catch_up(self) end
  made.open = function()
    self.thread = open(self, true)
    return self.thread
  end
  return made
end

---Opens the board; or has the run go on without, while Slack is down.
---@async
---@param subject { url: string?, title: string, number: integer?, what: string?, failure: string? } a change, say;
--- what: what is done, failure: what it is called when it fails; of a release of the application when left out
function Talk:begin(subject)
  if not self.slack then return end
  local name <const> = subject.number and ("#%d %s"):format(subject.number, subject.title) or subject.title
  self.subject = {
    what = subject.what or "Releasing " .. self.settings.name, url = subject.url, title = name,
    failure = subject.failure or "release of " .. self.settings.name,
  }
  if not self.run.dry then self.board = new_board(self) end
  local look = false
  local place <const> = self.run:step("Tell the team", {
    intent = { channel = self.settings.channel, about = subject.number or name },
    already = function(begun)
      look = begun ~= nil
      local done <const>, found = self.outage:attempt(PATIENCE, function() return look and find(self) end)
      return done and found or nil
    end,
    act = function()
      local done <const>, posted = self.outage:attempt(PATIENCE, function() return open(self, look) end)
      self.fresh = done and not look
      return done and posted or { missing = true } -- it comes when Slack answers
    end,
  })
  if self.run.dry then return end
  self.thread = place.ts and place or nil
  self.board.place = self.thread
  self.run:at_end(function(message) self:close(message) end)
  self.worker = self.run:background("board", function() self.board:work() end)
  if not self.thread then self.board:want(0) end
  deploy_bot.watch(self.run, self.slack, self.settings, self.board)
end

---Ends the board with how the run ended.
---@async
---@param message table
---@private
function Talk:close(message)
  self.board:close()
  try(self.worker.wait, self.worker) -- an edit that is on its way must not come after the last one
  if message.reason == "resume.lost" then return end
  self.outage:insist()
  self.board:finish(message)
end

-- ---- the thread ----

-- The same words at the same turn have the same key in every process of a run.
local function key_of(self, text)
  self.said[text] = (self.said[text] or 0) + 1
  return digest.sha256(("%s\0%s\0%d"):format(self.run.id, text, self.said[text])):sub(1, 32)
end

-- What was said in the thread before this process took the run up.
local function heard(self)
  if not self.heard then
    local keys = {}
    for _, reply in ipairs(self.slack:replies { channel = self.thread.channel, ts = self.thread.ts, limit = 1000 }) do
      local payload <const> = reply.metadata and reply.metadata.event_payload
      if payload and payload.said then keys[payload.said] = true end
    end
    self.heard = keys
  end
  return self.heard
end

-- Whether it is worth a look: a run that knows what it has told says so, of any other only a new thread is silent.
local function may_have_said(self, message)
  if message and message.id then return message.again end
  return not self.fresh
end

---@param message { key: string, text: string, blocks: table? }
---@param look boolean it may have been said: look first
---@private
function Talk:post(message, look)
  if look and heard(self)[message.key] then return end
  self.slack:post {
    channel = self.thread.channel, thread = self.thread.ts, text = message.text, blocks = message.blocks,
    metadata = { event_type = "fairlead_message", event_payload = { run = self.run.id, said = message.key } },
  }
end

---Says something in the thread; what an interrupted process of this run has said there is not said again. While Slack
---is down it is kept, to be said later.
---@async
---@param text string in Slack's markup
---@param message table? a notification, whose id is the same in every process of a run; or `key`: what it is known by,
--- where its words may be others later; `blocks`: to be shown in place of the text
function Talk:say(text, message)
  if not self.board then return end
  local item <const> = {
    key = message and message.id or key_of(self, message and message.key or text), text = text,
    blocks = message and message.blocks,
  }
  local look <const> = may_have_said(self, message)
  local done <const> = self.thread and not self.unsaid[1]
    and self.outage:attempt(PATIENCE, function() self:post(item, look) end)
  if done or #self.unsaid >= MOST_UNSAID then return end
  self.heard = nil -- the attempt may have got there: it is looked for before the next
  self.unsaid[#self.unsaid + 1] = item
  self.board:want(0)
end

---Tells the infrastructure team; once.
---@async
---@param message table a notification; `blocks`: to be shown in place of the text
---@private
function Talk:alarm(message)
  local channel <const> = self.settings.infrastructure_channel
  if not channel then return end
  local key <const> = message.id
  task.timeout(PATIENCE, function()
    if may_have_said(self, message) and self.slack:find { channel = channel, payload = { said = key } } then return end
    self.slack:post {
      channel = channel, text = message.text, blocks = message.blocks,
      metadata = { event_type = "fairlead_failure", event_payload = { run = self.run.id, said = key } },
    }
  end)
end

-- ---- the end ----

local function facts_of(self, message)
  local lines = {}
  local function add(label, value)
    if value == nil or value == "" then return end
    lines[#lines + 1] = ("*%s:* %s"):format(label, view.plain(value, 600))
  end
  add("What", tostring(message.error))
  add("Where", message.failed)
  add("Run", ("%s (%s)"):format(self.run.id, message.reason))
  for _, fact in ipairs(message.facts or {}) do add("Fact", fact) end
  for _, place in ipairs(message.live or {}) do
    add("Live in " .. place.environment, ("%s %s"):format(place.version or "?", place.url or ""))
  end
  add("Not done", table.concat(message.not_done or {}, ", "))
  return lines
end

-- Lines, and why it came to what they tell: blocks. The text alone is for notifications, and the same however late AWS
-- was asked.
local function explained(self, lines, with_details)
  if #self.reasons == 0 then return table.concat(lines, "\n") end
  local all, details = table.move(lines, 1, #lines, 1, {}), {}
  for _, reason in ipairs(self.reasons) do
    all[#all + 1] = "• " .. view.plain(reason.text, 300)
    if reason.details then details[#details + 1] = "# " .. reason.text end
    for line in (reason.details or ""):gmatch "[^\n]+" do details[#details + 1] = line end
  end
  local blocks = {}
  view.sections(all, blocks)
  for _, block in ipairs(with_details and view.code(details, 6) or {}) do blocks[#blocks + 1] = block end
  return table.concat(lines, "\n"), json.array(blocks)
end

--- The run's notifier: words go to the thread; a bad end, and what has `alarm`, go to the infrastructure team too.
---@param message table
---@private
function Talk:tell(message)
  if not message.ending then
    self:say(message.text, message)
    return message.alarm and self:alarm(message)
  end
  local sign <const>, word = view.ending(message.outcome)
  local headline <const> = ("%s %s"):format(sign, word)
  if message.outcome == "done" then return self:say(headline, message) end
  local text <const>, blocks = explained(self, {
    ("%s: %s"):format(headline, view.plain(tostring(message.error), 1000)),
  }, true)
  self:say(text, { id = message.id, again = message.again, blocks = blocks })
  -- What never began is between the terminal and whoever sits there.
  if message.outcome == "interrupted" or not self.subject then return end
  local subject <const> = self.subject
  local facts <const> = facts_of(self, message)
  table.insert(facts, 1, ("%s: %s: %s"):format(headline, subject.failure,
    subject.url and M.link(subject.url, subject.title) or view.plain(subject.title)))
  message.text, message.blocks = explained(self, facts, false)
  self:alarm(message)
end

return M
