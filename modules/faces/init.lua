--- Faces: what a run looks like. A face hears the run's events; only faces print.
local environment = require "fairlead.environment"

local M = {}

---@class faces.Face
---@field event fun(self, event: procedure.Event)
---@field close fun(self)
---@field start? fun(self) before the run, on the real clock

---@class faces.Choice: faces.Options
---@field json? boolean one JSON object a line
---@field plain? boolean lines, also on a terminal

---The face that fits: what was asked for; in GitHub Actions its own; on a terminal the live tree; lines otherwise.
---@param choice faces.Choice
---@return faces.Face
function M.choose(choice)
  local name = "plain"
  if choice.json then
    name = "json"
  elseif choice.plain then
    name = "plain"
  elseif environment.get "GITHUB_ACTIONS" == "true" then
    name = "github_actions"
  elseif require "fairlead.terminal".is_tty(1) and environment.get "TERM" ~= "dumb" and environment.get "TERM" then
    name = "terminal"
  end
  return require("fairlead.faces." .. name).new { stream = choice.stream, verbose = choice.verbose }
end

return M
