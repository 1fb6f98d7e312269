--- From a method of Slack to the bot's scope that it needs.
---
--- Source: docs.slack.dev, each method's page, "Scopes". Of channels the scopes for public ones are told; for private
--- ones they are groups:… in place of channels:….
local M = {}

---@type table<string, string|false> false: it needs none
M.scopes = {
  ["auth.test"] = false,
  ["chat.postMessage"] = "chat:write", ["chat.update"] = "chat:write", ["chat.delete"] = "chat:write",
  ["chat.postEphemeral"] = "chat:write", ["chat.scheduleMessage"] = "chat:write",
  ["chat.getPermalink"] = false,
  ["conversations.list"] = "channels:read", ["conversations.info"] = "channels:read",
  ["conversations.members"] = "channels:read",
  ["conversations.history"] = "channels:history", ["conversations.replies"] = "channels:history",
  ["conversations.join"] = "channels:join",
  ["files.getUploadURLExternal"] = "files:write", ["files.completeUploadExternal"] = "files:write",
  ["pins.add"] = "pins:write", ["pins.remove"] = "pins:write", ["pins.list"] = "pins:read",
  ["reactions.get"] = "reactions:read", ["reactions.list"] = "reactions:read",
  ["reactions.add"] = "reactions:write", ["reactions.remove"] = "reactions:write",
  ["usergroups.list"] = "usergroups:read", ["usergroups.users.list"] = "usergroups:read",
  ["users.info"] = "users:read", ["users.list"] = "users:read", ["users.getPresence"] = "users:read",
  ["users.lookupByEmail"] = "users:read.email",
}

return M
