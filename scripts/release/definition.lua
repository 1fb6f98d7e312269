--- In what a task definition differs from another, by names and sizes: what is set, not what it is set to. Values may
--- be secret, and those of one environment are not another's.
local value = require "fairlead.procedure.value"

local M = {}

-- What else decides how a container runs, and a task; of the Amazon ECS API reference's ContainerDefinition and
-- TaskDefinition. Logging is each environment's own.
local OF_CONTAINER <const> = {
  "command", "dependsOn", "entryPoint", "essential", "healthCheck", "linuxParameters", "mountPoints", "portMappings",
  "privileged", "readonlyRootFilesystem", "systemControls", "ulimits", "user", "volumesFrom", "workingDirectory",
}
local OF_TASK <const> = { "ephemeralStorage", "ipcMode", "networkMode", "pidMode", "runtimePlatform", "volumes" }
local ROLES <const> = { "executionRoleArn", "taskRoleArn" }

local function named(list)
  local set = {}
  for _, item in ipairs(list or {}) do set[item.name] = true end
  return set
end

local function sorted(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function add_names(lines, what, before, after)
  local changes = {}
  for _, name in ipairs(sorted(after)) do
    if not before[name] then changes[#changes + 1] = "+" .. name end
  end
  for _, name in ipairs(sorted(before)) do
    if not after[name] then changes[#changes + 1] = "-" .. name end
  end
  if #changes > 0 then lines[#lines + 1] = ("%s %s"):format(what, table.concat(changes, " ")) end
end

local function add_size(lines, what, before, after)
  -- A container's sizes are numbers, a task's are texts; nothing and 0 mean the same.
  local was <const>, is <const> = tonumber(before) or 0, tonumber(after) or 0
  if was ~= is then lines[#lines + 1] = ("%s %d → %d"):format(what, was, is) end
end

-- A pattern for an environment's own name, which tells nothing from another.
local function own_name(environment) return ((environment or "\0"):gsub("%p", "%%%0")) end

local function as_text(setting, environment)
  if setting == nil or type(setting) == "table" and next(setting) == nil then return "" end
  return (value.canonical(setting):gsub(own_name(environment), "<environment>"))
end

-- Settings that differ in anything but the environment's name; one line for all.
local function add_others(lines, names, was, is, environments)
  local changed = {}
  for _, name in ipairs(names) do
    if as_text(was[name], environments.before) ~= as_text(is[name], environments.after) then
      changed[#changed + 1] = name
    end
  end
  if #changed > 0 then lines[#lines + 1] = "other " .. table.concat(changed, " ") end
end

-- Roles by their names: each account has its own of them.
local function add_roles(lines, before, after, environments)
  local function names(definition)
    local roles = {}
    for _, field in ipairs(ROLES) do roles[field] = definition[field] and definition[field]:match "[^/]*$" end
    return roles
  end
  add_others(lines, ROLES, names(before), names(after), environments)
end

-- Containers by name; an environment's own name in it does not tell one container from another.
local function by_name(definition, environment)
  local containers, pattern <const> = {}, own_name(environment)
  for _, container in ipairs(definition.containerDefinitions or {}) do
    containers[container.name:gsub(pattern, "<environment>")] = container
  end
  return containers
end

---What is different in `after`, seen from `before`.
---@param before table a task definition, as DescribeTaskDefinition gives it
---@param after table
---@param environments? { before: string, after: string } the names of the environments that they are of
---@return string[] lines "env +NEW -OLD", "cpu 256 → 512", "other command"; a container's own with its
--- name, where there are several
function M.differences(before, after, environments)
  local lines = {}
  add_size(lines, "cpu", before.cpu, after.cpu)
  add_size(lines, "memory", before.memory, after.memory)
  environments = environments or {}
  add_roles(lines, before, after, environments)
  add_others(lines, OF_TASK, before, after, environments)
  local old <const>, new <const> = by_name(before, environments.before), by_name(after, environments.after)
  add_names(lines, "containers", old, new)
  local several <const> = #sorted(new) > 1
  for _, name in ipairs(sorted(new)) do
    local was <const>, is <const> = old[name], new[name]
    local function called(what) return several and ("%s: %s"):format(name, what) or what end
    if was then
      add_names(lines, called "env", named(was.environment), named(is.environment))
      add_names(lines, called "secrets", named(was.secrets), named(is.secrets))
      add_size(lines, called "cpu", was.cpu, is.cpu)
      add_size(lines, called "memory", was.memory, is.memory)
      local others = {}
      add_others(others, OF_CONTAINER, was, is, environments)
      if others[1] then lines[#lines + 1] = called(others[1]) end
    end
  end
  return lines
end

return M
