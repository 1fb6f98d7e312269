--- A world in which one environment gets a new version, for specs of scripts/release/live: a commit whose images
--- are pushed, and what looks at it. Made from the Async Processor's settings, deployed as a spec wants it.
local aws = require "fairlead.aws"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local world = require "fairlead.world"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local release = require "release"

local M = {}

local function copy(value)
  if type(value) ~= "table" then return value end
  local own = {}
  for key, item in pairs(value) do own[key] = copy(item) end
  return own
end

---@class deploying.Options
---@field settings "async_processor"|"planning_data"
---@field strategy string? how the services are deployed, if not as the settings say
---@field change fun(fixture: table, environment: table)? changes the world, and the environment's settings
---@field scenario string?

---@class deploying.Place what a spec's body gets
---@field this Release
---@field environment table of the settings
---@field sha string a commit that is newer than what runs
---@field world table
---@field ecs table a client
---@field publish fun(sha: string) pushes its images
---@field force fun() calls UpdateService for each service, as a workflow does

--- Plays `body` in the environment "staging".
---@async
---@param options deploying.Options
---@param body fun(place: deploying.Place): any
---@return procedure.Result
---@return table world
function M.play(options, body)
  local settings = copy(require("settings")[options.settings])
  local environment = settings.environments.staging
  local fixture = require("rehearsal")[options.settings]()
  for _, service in ipairs(environment.services) do service.deploys = options.strategy or service.deploys end
  local simulated = fixture.aws.environments.staging
  simulated.deploys = options.strategy or simulated.deploys
  simulated.workflow_updates = false -- `force` does it
  if options.change then options.change(fixture, environment) end
  local w, sha = world.new { seed = 1, scenario = options.scenario, fixture = fixture }, nil
  local play = procedure.new {
    name = "play",
    run = function(run)
      local place = { this = release.new(run, settings, {}), environment = environment, sha = sha, world = w }
      place.ecs = aws.session({ region = environment.region }):client "ecs"
      function place.publish(commit)
        w:publish { environment = "staging", sha = commit, short_sha = commit:sub(1, 7) }
        require("fairlead.clock").sleep(1)
        w:settle()
      end
      function place.force()
        for _, service in ipairs(environment.services) do
          place.ecs:UpdateService { cluster = service.cluster, service = service.service, forceNewDeployment = true }
        end
      end
      return body(place)
    end,
  }
  local result = w:run(play, {}, {
    prepare = function(folder)
      process.run({ "git", "-C", folder.work, "push", "-q", "origin", "HEAD" }):check()
      w.github:notice_pushes()
      sha = process.run({ "git", "-C", folder.work, "rev-parse", "HEAD" }):check().stdout:match "%x+"
    end,
  })
  return result, w
end

return M
