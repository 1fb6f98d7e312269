--- What a release says in Slack: one thread in the team's channel, and one message to the infrastructure team when it
--- fails.
local slack = require "fairlead.slack"

---@class Talk
---@field run procedure.Run
---@field slack table
---@field settings table
---@field thread table? {channel=, ts=} once the release has begun
---@field change table?
local Talk = {}
Talk.__index = Talk

local M = {}

---@param run procedure.Run
---@param client table a Slack client
---@param settings table of the application
---@return Talk
function M.new(run, client, settings)
  local self = setmetatable({ run = run, slack = client, settings = settings }, Talk)
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
    act = function()
      return self.slack:post {
        channel = self.settings.channel,
        text = (":ship: Releasing %s: %s"):format(self.settings.name,
          link(change.url, ("#%d %s"):format(change.number, change.title))),
        metadata = { event_type = "fairlead_release", event_payload = { run = self.run.id } },
      }
    end,
  })
end

---Says something in the thread.
---@async
---@param text string in Slack's markup
function Talk:say(text)
  if not self.thread then return end
  self.slack:post { channel = self.thread.channel, thread = self.thread.ts, text = text }
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
  if not message.ending then return self:say(message.text) end
  local headline <const> = HEADLINE[message.outcome] or ":x: failed"
  if message.outcome == "done" then return self:say(headline) end
  self:say(("%s: %s"):format(headline, slack.escape(tostring(message.error))))
  -- What never began is between the terminal and whoever sits there.
  if message.outcome == "interrupted" or not self.change then return end
  self.slack:post {
    channel = self.settings.infrastructure_channel,
    text = ("%s: release of %s, %s\n%s"):format(headline, self.settings.name,
      link(self.change.url, ("#%d"):format(self.change.number)), facts_of(self, message)),
    metadata = { event_type = "fairlead_failure", event_payload = { run = self.run.id } },
  }
end

return M
