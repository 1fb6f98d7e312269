--- In what a task definition differs from another, by names and sizes: what is set, not what it is set to. Values may
--- be secret, and those of one environment are not another's.
local M = {}

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

-- Containers by name; an environment's own name in it does not tell one container from another.
local function by_name(definition, environment)
  local containers, pattern <const> = {}, (environment or "\0"):gsub("%p", "%%%0")
  for _, container in ipairs(definition.containerDefinitions or {}) do
    containers[container.name:gsub(pattern, "<environment>")] = container
  end
  return containers
end

---What is different in `after`, seen from `before`.
---@param before table a task definition, as DescribeTaskDefinition gives it
---@param after table
---@param environments? { before: string, after: string } the names of the environments that they are of
---@return string[] lines "env +NEW -OLD", "cpu 256 → 512"; a container's own with its name, where there are several
function M.differences(before, after, environments)
  local lines = {}
  add_size(lines, "cpu", before.cpu, after.cpu)
  add_size(lines, "memory", before.memory, after.memory)
  environments = environments or {}
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
    end
  end
  return lines
end

return M
