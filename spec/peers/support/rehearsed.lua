--- What the procedures ask of a service, and what the simulated one answers: from rehearsals of every script.
local procedure = require "fairlead.procedure"
local rehearsals = require "fairlead.world.rehearsal"
local sorted = require "fairlead.sorted"
local worlds = require "fairlead.world"

local M = {}

-- Scenarios in which they ask what they do not ask when all is well; the others would add nothing.
local REHEARSED <const> = {
  { "scripts/planning-data.lua", "all-well", "tests-fail", "production-rolls-back", "dispatch-unnamed", "dev-taken" },
  { "scripts/providers.lua", "all-well" },
  { "scripts/async-processor.lua", "all-well", "head-moves" },
}

---@class peers.Exchange
---@field request fairlead.world.Request
---@field answer fairlead.world.Answer

local function listen(world, host, found)
  local handle = world.handle
  world.handle = function(self, request)
    local answer = handle(self, request)
    if request.host == host and answer and answer.status ~= 304 then
      found[#found + 1] = { request = request, answer = answer }
    end
    return answer
  end
end

-- The commands that ask something of their own; each of an environment, where it wants one.
local function execute_commands(world, folder, loaded)
  for _, command in sorted(loaded.commands) do
    for environment in sorted(world.fixture.aws.environments) do
      local parameters <const> = command.parameters.environment and { environment = environment } or {}
      procedure.execute(command, parameters, rehearsals.execute_options(world, folder, {}))
    end
  end
end

---Every exchange with a host in those rehearsals, save those that say that nothing has changed.
---@async
---@param host string
---@return peers.Exchange[]
function M.exchanges(host)
  local found = {}
  for _, rehearsed in ipairs(REHEARSED) do
    for i = 2, #rehearsed do
      local world <const> = worlds.new { scenario = rehearsed[i] }
      local loaded <const> = rehearsals.load(world, rehearsed[1])
      listen(world, host, found)
      rehearsals.inside(world, function(folder)
        procedure.execute(loaded, {}, rehearsals.execute_options(world, folder, {}))
        if rehearsed[i] == "all-well" then execute_commands(world, folder, loaded) end
      end)
    end
  end
  return found
end

return M
