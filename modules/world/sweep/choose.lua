--- Which instants of a run are tried, and which of them together in one run.
local effects = require "fairlead.world.sweep.effects"

local M = {}

---@class fairlead.world.sweep.Kill
---@field at integer number of the instant in the uninterrupted run; 0: its beginning
---@field label string? what it is an instant of; nil at the beginning

local ENDING <const> = 30 -- instants at most, from the record of a question that failed to that of its gate

--- The numbers of the instants to try: all that differ in what was written or recorded before them; of reads in a row,
--- which change nothing but the time, so many for each part of the procedure (nil: all). Those after a gate that failed
--- are left out: who takes the run up then wants the question to be asked again.
---@param instants fairlead.world.Instant[]
---@param samples integer?
---@return integer[]
function M.instants(instants, samples)
  local chosen, group, last = {}, {}, #instants
  for i, instant in ipairs(instants) do
    if instant.entry == "gate" and instant.text:find "^fail " then
      for before = i, math.max(i - ENDING, 1), -1 do
        if instants[before].text == instant.text then last = before - 1 end
      end
      -- What it has read since the answer came has told it that it fails.
      while last > 0 and not instants[last].writes do last = last - 1 end
      break
    end
  end
  local function flush()
    local count = samples and math.min(samples, #group) or #group
    for i = 1, count do
      chosen[#chosen + 1] = group[1 + (i - 1) * (#group - 1) // math.max(count - 1, 1)]
    end
    group = {}
  end
  for i = 0, last do
    local instant, following = instants[i], instants[i + 1]
    local only_reads = instant and not instant.writes and following and not following.writes
    if not only_reads or (group[1] and instants[group[1]].path ~= instant.path) then
      flush()
    end
    if only_reads then
      group[#group + 1] = i
    else
      chosen[#chosen + 1] = i
    end
  end
  flush()
  return chosen
end

---What an instant is known by in every process of a run.
---@param instant fairlead.world.Instant
---@return string
function M.label(instant)
  instant.label = instant.label or ("%s\0%s\0%s"):format(instant.kind, instant.path, effects.plain(instant.text))
  return instant.label
end

---How many instants of a label there are from one number to another.
---@param instants fairlead.world.Instant[]
---@param label string
---@param from integer
---@param to integer
---@return integer
function M.count(instants, label, from, to)
  local count = 0
  for i = from, to do
    if M.label(instants[i]) == label then count = count + 1 end
  end
  return count
end

---@param instants fairlead.world.Instant[]
---@param numbers integer[]
---@return fairlead.world.sweep.Kill[]
function M.kills(instants, numbers)
  local kills = {}
  for i, at in ipairs(numbers) do
    kills[i] = { at = at, label = instants[at] and M.label(instants[at]) }
  end
  return kills
end

---So many of a list at most, drawn by a generator, in their order.
---@generic T
---@param list T[]
---@param most integer?
---@param random fairlead.world.Random
---@return T[]
function M.sample(list, most, random)
  local sample, needed = {}, math.min(most or #list, #list)
  for i, item in ipairs(list) do
    if random:unit() * (#list - i + 1) < needed then
      sample[#sample + 1], needed = item, needed - 1
    end
  end
  return sample
end

---Parts a list into groups of so many at most, the members of each as far apart as can be.
---@generic T
---@param list T[]
---@param together integer
---@return T[][]
function M.groups(list, together)
  local groups, count = {}, (#list + together - 1) // together
  for i, item in ipairs(list) do
    local g <const> = (i - 1) % count + 1
    groups[g] = groups[g] or {}
    table.insert(groups[g], item)
  end
  return groups
end

return M
