--- The board: one message in the team's channel that shows a run as it stands, edited in place from its first step to
--- its end. What is edited is made from the run's events, so that whoever takes a run up edits the same message on.
---
--- Edits are made beside the run: they hold nothing up and fail nothing. Those that come fast are put together; the
--- last state always gets there.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local models = require "fairlead.faces.model"
local task = require "fairlead.task"
local view = require "release.board.view"

local M = {}

local GAP <const> = 4 -- seconds between two edits, at least
local SLOW <const> = 30 -- seconds until mere progress within a part is shown
local PATIENCE <const> = 20 -- seconds that one edit may take

---@class Board
---@field run procedure.Run
---@field outage Outage
---@field model faces.Model
---@field links table<string, {url: string, text: string}[]> by part
---@field private slack table
---@field private subject table
---@field place? {channel: string, ts: string} where the message is; nil: not there yet
---@field metadata table what the message is known by
---@field open fun(): {channel: string, ts: string} posts the message or finds it
---@field on_edited fun(): boolean called when the message is up to date; false: it has to be called again
---@field private due? number when there is something to edit, by clock.steady
local Board = {}
Board.__index = Board

-- What changes what the board shows: at once, or some time later.
local SHOWS <const> = {
  ["step.started"] = true, ["step.finished"] = true, ["step.skipped"] = true, ["wait.progress"] = true,
  ["gate.asked"] = true, ["gate.decided"] = true,
}

local function is_urgent(event)
  return event.event:find "^gate%." ~= nil
    or event.event ~= "wait.progress" and not (event.path or ""):find("/", 1, true)
end

---@param run procedure.Run
---@param client table a Slack client
---@param outage Outage
---@param subject { what: string, url: string?, title: string }
---@param people table<string, string>? login to Slack's id
---@return Board
function M.new(run, client, outage, subject, people)
  local self = setmetatable({
    run = run, slack = client, outage = outage, subject = subject, people = people, model = models.new(), links = {},
    edited = -math.huge, wake = task.event(),
  }, Board)
  run:listen(function(event)
    self.model:apply(event)
    if SHOWS[event.event] then self:want(is_urgent(event) and 0 or SLOW) end
  end)
  return self
end

---The message as it has to be now.
---@param final table? what run:at_end handlers get
---@return { text: string, blocks: table }
function Board:message(final)
  return view.render(self.model, {
    subject = self.subject, people = self.people, links = self.links, run = self.run, final = final,
  })
end

---Asks for an edit, in so many seconds at the latest.
---@param seconds number
function Board:want(seconds)
  local due <const> = clock.steady() + seconds
  if self.due and self.due <= due then return end
  self.due = due
  self.wake:set()
end

---Has a part show a link. The same address again replaces its text.
---@param part string
---@param url string
---@param text string
function Board:link(part, url, text)
  self.links[part] = self.links[part] or {}
  local list <const> = self.links[part]
  local place = #list + 1
  for i, known in ipairs(list) do
    if known.url == url then place = i end
  end
  list[place] = { url = url, text = text }
  self:want(SLOW)
end

local function edit(self, message)
  local now <const> = json.encode({ message.text, message.blocks }, { sort_keys = true })
  if now == self.shown then return true end
  local done <const> = self.outage:attempt(PATIENCE, function()
    self.slack:update {
      channel = self.place.channel, ts = self.place.ts, text = message.text, blocks = message.blocks,
      metadata = self.metadata,
    }
  end)
  self.edited = clock.steady()
  if done then self.shown = now end
  return done
end

-- Makes sure that the message is there, and as it has to be.
local function bring_up_to_date(self, final)
  if not self.place then
    local done <const>, place = self.outage:attempt(PATIENCE, self.open)
    if not done then return false end
    self.place = place
  end
  return edit(self, self:message(final)) and self.on_edited()
end

-- Seconds until the next edit; nil: there is none to make.
local function left(self)
  if not self.due then return nil end
  return math.max(self.due, self.edited + GAP, self.outage.over or 0) - clock.steady()
end

-- Waits until somebody asks for an edit, but not longer than so many seconds.
local function await(self, seconds)
  if seconds then
    try(task.timeout, seconds, self.wake.wait, self.wake)
  else
    self.wake:wait()
  end
  self.wake:clear()
end

---Edits the message whenever that is due, until the board is closed.
---@async
function Board:work()
  self.edited = clock.steady()
  while not self.closed do
    local seconds <const> = left(self)
    if seconds and seconds <= 0 then
      self.due = nil
      if not bring_up_to_date(self) then self:want(0) end
    else
      await(self, seconds)
    end
  end
end

---Ends `work`, once the edit under way has ended.
function Board:close()
  self.closed = true
  self.wake:set()
end

---Shows the end.
---@async
---@param final table what run:at_end handlers get
function Board:finish(final)
  local worked <const> = not self.outage:has_failed()
  if bring_up_to_date(self, final) or not worked then return end
  self.outage:insist() -- one answer that was lost must not leave the board as if the run went on
  bring_up_to_date(self, final)
end

return M
