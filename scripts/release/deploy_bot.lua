--- What a bot tells in Slack of CodeDeploy's deployments: its messages are tied to the run's deployments by their ids,
--- told in the run and linked on the board. A hint for people; what counts is what AWS answers.
---
--- Source of the messages' form: the teams' procedure page. The bot edits one message for each deployment; a rollback
--- is told under the id of the deployment that it takes back.
local clock = require "fairlead.clock"
local task = require "fairlead.task"

local M = {}

local EVERY <const> = 30 -- seconds between two looks
local LONGEST_PAUSE <const> = 480 -- seconds between two looks while they fail
local BEFORE <const> = 60 -- seconds by which the bot may have been faster than the run
local PATIENCE <const> = 20 -- seconds that one look may take
local ID <const> = "%f[%w]d%-[A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9][A-Z0-9]%f[^A-Z0-9]"

---What a message says of a deployment; nothing when a person wrote it, or it is about something else.
---@param message fairlead.slack.Message
---@return { id: string, kind: "deployment"|"rollback", application: string, state: string }?
function M.read(message)
  if not message.bot_id then return nil end
  local kind <const>, id, application, state = (message.text or ""):match "^(%a+) (d%-%w+) for (.-) %((.-)%)%s*$"
  if kind ~= "Deployment" and kind ~= "Rollback" then return nil end
  return { id = id, kind = kind:lower(), application = application, state = state }
end

---@class DeployBot
---@field private known table<string, {part: string, told: table<string, string>}> by deployment
local DeployBot = {}
DeployBot.__index = DeployBot

-- Ids in what the run says: a fact, or how a wait stands. The part that says it is the one that the deployment is of.
local function hear(self, event)
  local part <const> = (event.path or ""):match "^[^/]+"
  if event.event == "step.finished" and event.path == part then self.over[part] = true end
  if not part or event.event ~= "wait.progress" and not (event.event == "note" and event.kind == "fact") then return end
  for id in (event.text or ""):gmatch(ID) do
    if not self.known[id] then
      self.known[id] = { part = part, told = {} }
      self.wake:set()
    end
  end
end

-- Whether a deployment may still be told of: its part of the plan goes on.
local function is_open(self)
  for _, known in pairs(self.known) do
    if not self.over[known.part] then return true end
  end
  return false
end

local function take(self, message)
  local said <const> = M.read(message)
  local known <const> = said and self.known[said.id]
  if not known or known.told[said.kind] == said.state then return end
  if not known.told[said.kind] then
    local link <const> = self.slack:call("chat.getPermalink", { channel = self.channel, message_ts = message.ts })
    self.board:link(known.part, link.permalink, said.kind .. " in Slack")
  end
  known.told[said.kind] = said.state
  self.run:say(("told in Slack: %s %s of %s: %s"):format(said.kind, said.id, said.application, said.state))
end

local function look(self)
  self.channel = self.channel or self.slack:channel_id(self.name)
  local messages <const> = self.slack:history {
    channel = self.channel, oldest = self.run.started - BEFORE, limit = 100,
  }
  for i = #messages, 1, -1 do take(self, messages[i]) end
end

local function work(self)
  local pause = EVERY
  while true do
    while not is_open(self) do
      self.wake:clear()
      self.wake:wait()
    end
    -- What cannot be read now may be later; nobody waits for it, so nobody is told.
    local _, err = try(task.timeout, PATIENCE, look, self)
    pause = err and math.min(pause * 2, LONGEST_PAUSE) or EVERY
    clock.sleep(pause / self.run.pace)
  end
end

---Follows what the bot tells until the run ends.
---@param run procedure.Run
---@param client table a Slack client
---@param settings table of the application
---@param board Board
function M.watch(run, client, settings, board)
  local self = setmetatable({
    run = run, slack = client, board = board, name = settings.deployments_channel or settings.channel,
    known = {}, over = {}, wake = task.event(),
  }, DeployBot)
  run:listen(function(event) hear(self, event) end)
  run:background("deployments in Slack", function() work(self) end)
end

return M
