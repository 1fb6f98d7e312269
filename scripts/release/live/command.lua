--- What `fairlead live` runs of each application: how its environments stand. It reads only.
local errors = require "fairlead.errors"
local procedure = require "fairlead.procedure"
local status = require "release.live.status"
local task = require "fairlead.task"

local M = {}

local AT_ONCE <const> = 3 -- environments that are looked at at the same time

---The environments of an application, in the order in which a change comes to them.
---@param settings table of one application
---@return table[]
function M.environments(settings)
  local list = {}
  for _, environment in pairs(settings.environments) do list[#list + 1] = environment end
  table.sort(list, function(a, b) return a.order < b.order end)
  return list
end

-- Looking needs no Slack, and nobody is told.
local function without_slack(settings) return setmetatable({ channel = false }, { __index = settings }) end

-- One environment that cannot be looked at does not hide the others.
local function look(release, environment)
  local found <const>, err <const> = try(status.of, release, environment)
  if found then return found end
  return {
    application = release.settings.key, environment = environment.name, holds = false, links = {},
    error = { kind = err.kind, text = tostring(err) },
  }
end

---@param settings table of one application
---@param library table the library of releases
---@return procedure.Procedure
function M.procedure(settings, library)
  return procedure.new {
    name = settings.key .. " live",
    summary = ("what is live of %s, and whether that is proven"):format(settings.name),
    parameters = {
      environment = { help = "one of them only" },
      sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" },
    },
    run = function(run, parameters)
      local this <const> = library.new(run, without_slack(settings), { sites = parameters.sites })
      local chosen, names = {}, {}
      for i, environment in ipairs(M.environments(settings)) do
        names[i] = environment.name
        if not parameters.environment or parameters.environment == environment.name then
          chosen[#chosen + 1] = environment
        end
      end
      if #chosen == 0 then
        errors.raise {
          kind = "usage", op = "live", target = settings.key,
          message = ("there is no environment '%s'"):format(parameters.environment),
          hint = "it has: " .. table.concat(names, ", "),
        }
      end
      return task.map(chosen, function(environment) return look(this, environment) end, { limit = AT_ONCE })
    end,
  }
end

return M
