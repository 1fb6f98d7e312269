--- What differs between a run that was killed and the uninterrupted one, and which step is to blame.
local advice = require "fairlead.world.sweep.advice"
local effects = require "fairlead.world.sweep.effects"

local M = {}

-- How often what was done where, by all processes of a run.
local function deeds(processes)
  local counts = {}
  for _, instants in ipairs(processes) do
    for _, instant in ipairs(instants) do
      if instant.writes and instant.kind ~= "record" and not instant.text:find "^git .*fetch" then
        local key = instant.path .. "\0" .. effects.plain(instant.text)
        counts[key] = (counts[key] or 0) + 1
      end
    end
  end
  return counts
end

-- The step whose deed was done more often, or less often, than without the kill.
local function blame(baseline, found, more)
  local expected, had = deeds(baseline.instants), deeds(found.instants)
  local list = {}
  local function compare(key)
    local a, b = expected[key] or 0, had[key] or 0
    if (more and b > a) or (not more and b < a) then
      local path, text = key:match "^(.-)%z(.*)$"
      list[#list + 1] = { path = path, text = text }
    end
  end
  for key in pairs(expected) do compare(key) end
  for key in pairs(had) do
    if not expected[key] then compare(key) end
  end
  table.sort(list, function(a, b)
    if a.path ~= b.path then return a.path < b.path end
    return a.text < b.text
  end)
  return list
end

local function is_step(processes, path)
  for _, instants in ipairs(processes) do
    for _, instant in ipairs(instants) do
      local step = instant.entry == nil or instant.entry == "step"
      if instant.kind == "record" and step and instant.text == "begin " .. path then return true end
    end
  end
  return false
end

-- Of several suspects, the one that was under way when a process was killed: the last, if there were several.
local function suspect(list, processes)
  local killed = processes[#processes - 1]
  local path = killed[#killed] and killed[#killed].path
  for _, one in ipairs(list) do
    if one.path == path then return one end
  end
  return list[1]
end

-- What a step does to the world when nobody kills it.
local function deed_of(baseline, path)
  for _, instant in ipairs(baseline.instants[1]) do
    if instant.path == path and instant.writes and instant.kind ~= "record" then return instant.text end
  end
end

local function left_over(expected, found, text, problems)
  for name in pairs(found) do
    if not expected[name] then problems[#problems + 1] = text:format(name) end
  end
end

---@class fairlead.world.sweep.Finding
---@field at integer the instant; of several in one run the last
---@field when string "after …"
---@field together integer? how many kills of one run it took
---@field problems string[] what differs from the uninterrupted run
---@field step string? the step that did something too often, or not at all
---@field deed string? what it did
---@field advice string?

local function when(baseline, hit)
  local texts = {}
  for i, kill in ipairs(hit) do
    local instant <const> = baseline.instants[1][kill.at]
    texts[i] = instant and ("after %s%s"):format(instant.text, instant.path ~= "" and " in " .. instant.path or "")
      or "at its beginning"
  end
  return table.concat(texts, ", then ")
end

---@param baseline fairlead.world.sweep.Play
---@param found fairlead.world.sweep.Play
---@return fairlead.world.sweep.Finding? finding nil: nothing is wrong
function M.of(baseline, found)
  local problems, more, less = {}, false, false
  local a, b = baseline.result, found.result
  local other_end = a.outcome ~= b.outcome or a.reason ~= b.reason
  if other_end then
    problems[#problems + 1] = ("it ended as %s (%s%s) in place of %s (%s)"):format(b.outcome, b.reason,
      b.error and ": " .. tostring(b.error) or "", a.outcome, a.reason)
  end
  for _, difference in ipairs(effects.differences(baseline.effects, found.effects, baseline.others)) do
    more = more or difference.found > difference.expected
    less = less or difference.found < difference.expected
    problems[#problems + 1] = ("%d instead of %d times: %s"):format(difference.found, difference.expected,
      difference.effect)
  end
  left_over(baseline.begun, found.begun, "begun and never finished: %s", problems)
  left_over(baseline.locks, found.locks, "still locked: %s", problems)
  if #problems == 0 then return nil end
  local finding = {
    at = found.hit[#found.hit].at, problems = problems, when = when(baseline, found.hit),
    together = #found.hit > 1 and #found.hit or nil,
  }
  local one = suspect(blame(baseline, found, more or not less), found.instants)
  if b.reason == "resume.unsure" then
    finding.step = found.failed or ""
    finding.deed = deed_of(baseline, finding.step)
    finding.advice = advice.of(finding.step, true, finding.deed or "")
  elseif other_end then
    finding.step, finding.advice = found.failed or "", advice.ENDED_OTHERWISE
  elseif one then
    finding.step, finding.deed = one.path, one.text
    finding.advice = advice.of(one.path, is_step(found.instants, one.path), one.text)
  end
  return finding
end

return M
