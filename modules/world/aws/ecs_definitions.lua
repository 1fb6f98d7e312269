--- Amazon ECS: the operations that register, deregister and describe task definitions.
---
--- Source of shapes, codes and messages: botocore's model ecs/2014-11-13.
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"
local view = require "fairlead.world.aws.ecs_view"

local M = {}

local function describe(ecs, call, input)
  local definition = ecs.find_definition(call, input.taskDefinition)
  if not definition then
    call:fail("ClientException", "Unable to describe task definition.")
  end
  return { taskDefinition = view.definition(definition) }
end

local function check_family(call, family)
  if not family:find "^[%w_-]+$" or #family > 255 then
    call:fail("ClientException", "Invalid 'family' parameter value: it must match [a-zA-Z0-9_-]{1,255}.")
  end
end

local function register(ecs, call, input)
  if #input.containerDefinitions == 0 then
    call:fail("ClientException", "Container list cannot be empty.")
  end
  check_family(call, input.family)
  for _, container in ipairs(input.containerDefinitions) do
    if not container.name or not container.image then
      call:fail("ClientException", "Container.name and Container.image should not be null or empty.")
    end
  end
  local known
  for _, store in ipairs(call:stores()) do
    known = known or (store.ecs.families[input.family] and store)
  end
  local definition = ecs.register(known or call.aws:store(call:account(), call.region), {
    family = input.family,
    containers = input.containerDefinitions,
    now = call.now,
    input = input,
  })
  return { taskDefinition = view.definition(definition) }
end

--- Tasks and services that use it go on; nothing new may.
local function deregister(ecs, call, input)
  if not input.taskDefinition:find ":%d+$" then
    call:fail("ClientException", "Task definition must have a revision.")
  end
  local definition = ecs.find_definition(call, input.taskDefinition)
  if not definition then
    call:fail("ClientException", "The specified task definition does not exist.")
  end
  definition.deregistered_at = definition.deregistered_at or call.now
  return { taskDefinition = view.definition(definition) }
end

local function list(ecs, call, input)
  local status, arns = input.status or "ACTIVE", {}
  if status ~= "ACTIVE" and status ~= "INACTIVE" then
    call:fail("InvalidParameterException", "Invalid status.")
  end
  for _, store in ipairs(call:stores()) do
    for family, revisions in sorted(store.ecs.families) do
      for _, definition in ipairs((not input.familyPrefix or family == input.familyPrefix) and revisions or {}) do
        if (definition.deregistered_at ~= nil) == (status == "INACTIVE") then
          arns[#arns + 1] = definition.arn
        end
      end
    end
  end
  if input.sort == "DESC" then
    for i = 1, #arns // 2 do
      arns[i], arns[#arns + 1 - i] = arns[#arns + 1 - i], arns[i]
    end
  end
  local part, next_token = ecs.page(call, arns, input, 100)
  return { taskDefinitionArns = json.array(part), nextToken = next_token }
end

--- Adds these operations to the service.
---@param ecs table fairlead.world.aws.ecs
function M.add(ecs)
  local function operation(name, input, run)
    ecs.operations[name] = {
      input = input,
      run = function(call, given)
        return run(ecs, call, given)
      end,
    }
  end
  operation("DescribeTaskDefinition", { ["taskDefinition!"] = "string", include = { "list", "string" } }, describe)
  operation("RegisterTaskDefinition", {
    ["family!"] = "string",
    ["containerDefinitions!"] = { "list", { name = "string", image = "string", essential = "boolean" } },
    taskRoleArn = "string",
    executionRoleArn = "string",
    networkMode = "string",
    cpu = "string",
    memory = "string",
    requiresCompatibilities = { "list", "string" },
  }, register)
  operation("DeregisterTaskDefinition", { ["taskDefinition!"] = "string" }, deregister)
  operation("ListTaskDefinitions", {
    familyPrefix = "string",
    status = "string",
    sort = "string",
    nextToken = "string",
    maxResults = "integer",
  }, list)
end

return M
