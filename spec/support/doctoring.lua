--- What `fairlead doctor` finds in a simulated world, for specs.
local environment = require "fairlead.environment"
local doctor = require "fairlead.doctor"
local http = require "fairlead.http"
local rehearsals = require "fairlead.world.rehearsal"
local world = require "fairlead.world"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local M = {}

local function copy(value)
  if type(value) ~= "table" then return value end
  local own = {}
  for key, item in pairs(value) do own[key] = copy(item) end
  return own
end

---@class doctoring.Options
---@field application string? "planning_data", …; planning_data when left out
---@field given table? settings in place of ours, and
---@field world table? the world that goes with them
---@field settings fun(settings: table)? changes what the application needs
---@field fixture fun(fixture: table)? changes the world
---@field scenario string?
---@field variables table<string, string|false>? over the world's
---@field through (fun(sent: table, answer: fun(): table): table)? stands between the clients and the world

---Looks at the world; the working copy is the developer's clone in it.
---@async
---@param options doctoring.Options
---@return doctor.Result[] results
---@return table world
function M.examine(options)
  local application <const> = options.application or "planning_data"
  local settings <const> = copy(options.given or require("settings")[application])
  if options.settings then options.settings(settings) end
  local fixture <const> = options.world or require("rehearsal")[application]()
  if options.fixture then options.fixture(fixture) end
  local w <const> = world.new { seed = 1, scenario = options.scenario, fixture = fixture }
  local results = rehearsals.inside(w, function(folder, transport)
    local function between(sent)
      local function answer() return transport(sent) end
      return options.through and options.through(sent, answer) or answer()
    end
    return environment.with(options.variables or {}, http.with_transport, between, doctor.examine, {
      { key = settings.key, needs = require("release.doctor").needs(settings) },
    }, { folder = folder.work })
  end)
  return results, w
end

---The result of one check.
---@param results doctor.Result[]
---@param where string
---@param what string
---@return doctor.Result
function M.find(results, where, what)
  for _, result in ipairs(results) do
    if result.where == where and result.what == what then return result end
  end
  local names = {}
  for i, result in ipairs(results) do names[i] = result.where .. ", " .. result.what end
  error(("there is no check %s, %s; there are:\n%s"):format(where, what, table.concat(names, "\n")), 2)
end

---The checks in this state, each as "where, what: text".
---@param results doctor.Result[]
---@param state doctor.State
---@return string[]
function M.all(results, state)
  local found = {}
  for _, result in ipairs(results) do
    if result.state == state then
      found[#found + 1] = ("%s, %s: %s"):format(result.where, result.what, result.text)
    end
  end
  return found
end

return M
