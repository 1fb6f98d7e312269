--- The vocabulary in which procedures are written: what the releases of all applications share. Each method is one
--- part of the page that the teams used to follow by hand, and one part of the tree that a run shows.
---
--- What is true of one application only is in its settings; nothing here, and in no part, knows a name of theirs.
local errors = require "fairlead.errors"
local github = require "fairlead.github"
local slack = require "fairlead.slack"
local talk = require "release.talk"

---@class Release
---@field run procedure.Run
---@field settings table of the application; see settings.lua
---@field github fairlead.github.Client
---@field slack table? a Slack client; nil: this application does without
---@field talk Talk
---@field results table<string, table> what is live where, by environment, as live.follow found it
---@field sites string? a URL with {host} in it, where the sites are not in public
local Release = {}
Release.__index = Release

-- Each part gives some methods.
local PARTS <const> = {
  "change", "rules", "checks", "reviews", "reservation", "order", "deploy", "approval", "ledger", "note", "way_back",
  "rollback", "why",
}
for _, part in ipairs(PARTS) do
  for name, method in pairs(require("release." .. part)) do Release[name] = method end
end

local M = {}

local function check_sites(sites)
  if not sites or sites:find "^https?://[^%s]+$" then return sites end
  errors.raise {
    kind = "usage", op = "release", target = sites, message = "is no address for the sites",
    hint = "write it as http://127.0.0.1:8080/sites/{host}",
  }
end

---@param run procedure.Run
---@param settings table of one application
---@param options { sites: string? }? sites: a URL with {host} in it, where the sites are not in public
---@return Release
function M.new(run, settings, options)
  local self = setmetatable({ run = run, settings = settings, results = {} }, Release)
  self.sites = check_sites(options and options.sites)
  self.github = github.client { repository = settings.repository }
  self.slack = settings.channel and slack.client {}
  self.talk = talk.new(run, self.slack, settings)
  self:find_out_why()
  return self
end

---The commands of an application: what `fairlead rollback` and others run.
---@param settings table of one application
---@return table<string, procedure.Procedure>
function M.commands(settings)
  return require("release.commands").of(settings, M)
end

return M
