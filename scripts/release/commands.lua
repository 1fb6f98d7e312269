--- What else the script of an application can do, besides releasing it: `fairlead live`, `fairlead rollback` and others
--- run these.
local doctor = require "release.doctor"
local procedure = require "fairlead.procedure"
local reserve = require "release.reservation.command"

local M = {}

local function rollback(settings, release)
  return procedure.new {
    name = settings.key .. " rollback",
    summary = ("roll back %s"):format(settings.name),
    plan = { "Proposal", "Confirmation", "Rollback" },
    parameters = {
      environment = { required = true, help = "where" },
      why = { required = true, help = "what is wrong with what is live; the team is told" },
      to = { help = "a commit that was released there; default: the last one that was live and healthy" },
      sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" },
    },
    run = function(run, parameters)
      local this <const> = release.new(run, settings, { sites = parameters.sites })
      local proposal <const> = this:propose_rollback(parameters.environment, { to = parameters.to })
      this:confirm_rollback(proposal)
      this:roll_back(proposal, parameters.why)
    end,
  }
end

---@param settings table of one application
---@param release table the library itself
---@return table<string, procedure.Procedure>
function M.of(settings, release)
  return {
    doctor = doctor.procedure(settings),
    live = require("release.live.command").procedure(settings, release),
    reserve = reserve.of(settings, release),
    rollback = rollback(settings, release),
  }
end

return M
