--- Slack: messages, threads, reactions, files, and people's approvals.
---
---     local slack = require "fairlead.slack"
---     local s = slack.client {}
---     local message = s:post { channel = "#releases", text = slack.escape "2 < 3" }
local Approval = require "fairlead.slack.approval"
local Client = require "fairlead.slack.client"
local native = require "fairlead.slack.native"

for _, part in ipairs { "messages", "people", "upload" } do
  for name, method in pairs(require("fairlead.slack." .. part)) do
    Client[name] = method
  end
end

local M = {}

--- A client for one workspace, as a bot.
---@param options? fairlead.slack.ClientOptions
---@return fairlead.slack.Client
--- raises config.missing when there is no token, config.invalid for an address that is none
function M.client(options)
  return Client.new(options)
end

--- A gate's channel that asks in Slack: a reaction or a reply of one of the approvers decides.
---@param options fairlead.slack.ApprovalOptions
---@return fairlead.slack.Approval
function M.approval(options)
  return Approval.new(options)
end

---Block Kit's blocks and Slack's markup, within Slack's limits.
---@type fairlead.slack.blocks
M.blocks = require "fairlead.slack.blocks"

---@type fun(text: string): string & < > as Slack wants them in text
M.escape = native.escape

---@type fun(options: table): boolean whether a request came from Slack; the options are in meta.lua
M.verify_signature = native.verify_signature

return M
