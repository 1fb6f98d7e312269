--- The deployments that ECS itself carries out, by each service's strategy.
local records = require "fairlead.world.aws.service_deployments"
local rolling = require "fairlead.world.aws.rolling"
local shifting = require "fairlead.world.aws.shifting"

local M = {}

--- Starts a deployment of a task definition.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
---@param definition fairlead.world.aws.TaskDefinition
---@return fairlead.world.aws.Deployment
function M.start(aws, service, definition)
  if service.strategy == "ROLLING" then
    return rolling.start(aws, service, definition)
  end
  return shifting.start(aws, service, definition)
end

--- Stops a service deployment that is under way.
---@param aws fairlead.world.AWS
---@param record fairlead.world.aws.ServiceDeployment
---@param how "ROLLBACK"|"ABORT"
function M.stop(aws, record, how)
  return (record.shift and shifting or rolling).stop(aws, record, how)
end

--- Starts or stops tasks until a service has as many as it wants.
---@param aws fairlead.world.AWS
---@param service fairlead.world.aws.Service
function M.scale(aws, service)
  local ongoing = records.ongoing(service)
  if ongoing and ongoing.shift then
    return shifting.scale(aws, ongoing.shift)
  end
  rolling.scale(aws, service)
end

M.continue = shifting.continue
M.is_past_return = shifting.is_past_return
M.NO_PAUSE = shifting.NO_PAUSE

return M
