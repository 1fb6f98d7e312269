--- What a release says in Slack: one thread in the team's channel, and one message to the infrastructure team when it
--- fails.
local digest = require "fairlead.digest"
local slack = require "fairlead.slack"

---@class Talk
---@field run procedure.Run
---@field slack table
---@field settings table
---@field thread table? {channel=, ts=} once the release has begun
---@field said table<string, integer> how often this process has come to say something
---@field heard table<string, boolean>? keys of what an interrupted process has said in the thread; nil: not read yet
---@field fresh boolean this process has opened the thread, so nothing was said in it before
---@field change table?
local Talk = {}
Talk.__index = Talk

local M = {}

---@param run procedure.Run
---@param client table a Slack client
---@param settings table of the application
---@return Talk
function M.new(run, client, settings)
  local self = setmetatable({ run = run, slack = client, settings = settings, said = {}, fresh = false }, Talk)
  run:notifier(function(message) self:tell(message) end)
  return self
end

---A link in Slack's markup. The text comes from outside, a title for one, and could say <!channel>.
---@param url string
---@param text string
---@return string
function M.link(url, text) return ("<%s|%s>"):format(slack.escape(url), slack.escape(text)) end

local link <const> = M.link

---Opens the thread.
---@async
---@param change table
function Talk:begin(change)
  self.change = change
  self.thread = self.run:step("Tell the team", {
    intent = { channel = self.settings.channel, pull_request = change.number },
    already = function(begun)
      local id <const> = self.slack:channel_id(self.settings.channel)
      local posted <const> = begun and self.slack:find { channel = id, payload = { step = self.run:step_id() } }
      return posted and { channel = id, ts = posted.ts }
    end,
    act = function()
      self.fresh = true
      return self.slack:post {
        channel = self.settings.channel,
        text = (":ship: Releasing %s: %s"):format(self.settings.name,
          link(change.url, ("#%d %s"):format(change.number, change.title))),
        metadata = {
          event_type = "fairlead_release", event_payload = { run = self.run.id, step = self.run:step_id() },
        },
      }
    end,
  })
end

-- The same words at the same turn have the same key in every process of a run.
local function key_of(self, text)
  self.said[text] = (self.said[text] or 0) + 1
  return digest.sha256(("%s\0%s\0%d"):format(self.run.id, text, self.said[text])):sub(1, 32)
end

-- What was said in the thread before this process took the run up.
local function heard(self)
  if not self.heard then
    self.heard = {}
    for _, reply in ipairs(self.slack:replies { channel = self.thread.channel, ts = self.thread.ts, limit = 1000 }) do
      local payload <const> = reply.metadata and reply.metadata.event_payload
      if payload and payload.said then self.heard[payload.said] = true end
    end
  end
  return self.heard
end

-- Whether it is worth a look: a run that knows what it has told says so, of any other only a new thread is silent.
local function may_have_said(self, message)
  if message and message.id then return message.again end
  return not self.fresh
end

---Says something in the thread; what an interrupted process of this run has said there is not said again.
---@async
---@param text string in Slack's markup
---@param message table? a notification, whose id is the same in every process of a run
function Talk:say(text, message)
  if not self.thread then return end
  local key <const> = message and message.id or key_of(self, text)
  if may_have_said(self, message) and heard(self)[key] then return end
  self.slack:post {
    channel = self.thread.channel, thread = self.thread.ts, text = text,
    metadata = { event_type = "fairlead_message", event_payload = { run = self.run.id, said = key } },
  }
end

---Tells the infrastructure team; once.
---@async
---@param text string in Slack's markup
---@param message table a notification
---@private
function Talk:alarm(text, message)
  local key <const> = message.id or key_of(self, text)
  local channel <const> = self.settings.infrastructure_channel
  if may_have_said(self, message) and self.slack:find { channel = channel, payload = { said = key } } then return end
  self.slack:post {
    channel = channel, text = text,
    metadata = { event_type = "fairlead_failure", event_payload = { run = self.run.id, said = key } },
  }
end

---A gate's channel: one of `approvers` reacts or replies in the thread.
---@param approvers string[] Slack ids
---@return procedure.Channel
function Talk:approval(approvers)
  return slack.approval {
    client = self.slack, channel = self.thread.channel, thread = self.thread.ts, approvers = approvers,
  }
end

local HEADLINE <const> = {
  done = ":white_check_mark: released",
  refused = ":no_entry_sign: stopped",
  rolled_back = ":rewind: rolled back",
  interrupted = ":octagonal_sign: interrupted",
}

local function facts_of(self, message)
  local lines = {}
  local function add(label, value)
    if value == nil or value == "" then return end
    lines[#lines + 1] = ("*%s:* %s"):format(label, slack.escape(tostring(value)))
  end
  add("What", tostring(message.error))
  add("Where", message.failed)
  add("Run", ("%s (%s)"):format(self.run.id, message.reason))
  for _, fact in ipairs(message.facts or {}) do add("Fact", fact) end
  for _, place in ipairs(message.live or {}) do
    add("Live in " .. place.environment, ("%s %s"):format(place.version or "?", place.url or ""))
  end
  local not_done <const> = table.concat(message.not_done or {}, ", ")
  add("Not done", not_done)
  return table.concat(lines, "\n")
end

--- The run's notifier: words go to the thread; a bad end goes to the infrastructure team too.
---@param message table
---@private
function Talk:tell(message)
  if not message.ending then return self:say(message.text, message) end
  local headline <const> = HEADLINE[message.outcome] or ":x: failed"
  if message.outcome == "done" then return self:say(headline, message) end
  self:say(("%s: %s"):format(headline, slack.escape(tostring(message.error))), message)
  -- What never began is between the terminal and whoever sits there.
  if message.outcome == "interrupted" or not self.change then return end
  self:alarm(("%s: release of %s, %s\n%s"):format(headline, self.settings.name,
    link(self.change.url, ("#%d"):format(self.change.number)), facts_of(self, message)), message)
end

return M
