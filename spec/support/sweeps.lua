--- The crash sweep of all that the scripts can do, in all scenarios: each in a process of its own, as many at once as
--- there are processors. `./dev sweep [SCENARIO…]` runs it.
---   READS=n|all   of reads in a row, which change nothing but the time, how many to try in each part (0)
---   SAMPLE=n      of the instants that are left, how many to try, drawn by the seed; ALL=1: all of them
---   TOGETHER=n    at how many instants to kill one run (20); what goes wrong there is tried again alone
---   SEED=n        (1)      SCRIPTS="providers …"   (all that are procedures)
local clock = require "fairlead.clock"
local lfs = require "lfs"
local process = require "fairlead.process"
local scenarios = require "fairlead.world.scenarios"
local task = require "fairlead.task"

local FAIRLEAD <const>, LOGS <const> = "build/release/bin/fairlead", "build/sweep"
local SAMPLE <const> = "100"
-- Where a rollback meets something else than a release does.
local ROLLBACK_IN <const> = { "all-well", "old-image-pruned", "slack-down", "rate-limited", "flaky" }

local function setting(name, otherwise)
  local value <const> = os.getenv(name)
  return value ~= nil and value ~= "" and value or otherwise
end

-- The scripts that are procedures, by name.
local function scripts()
  local names = {}
  for word in setting("SCRIPTS", ""):gmatch "%S+" do names[#names + 1] = word end
  if #names > 0 then return names end
  for name in lfs.dir "scripts" do
    local file <close> = name:find "%.lua$" and io.open("scripts/" .. name) or nil
    if file and file:read "a":find "return procedure%.new" then names[#names + 1] = name:sub(1, -5) end
  end
  table.sort(names)
  return names
end

local function jobs(wanted)
  local list = {}
  for _, script in ipairs(scripts()) do
    for _, scenario in ipairs(wanted) do list[#list + 1] = { name = script, script = script, scenario = scenario } end
    for _, scenario in ipairs(ROLLBACK_IN) do
      local among = false
      for _, name in ipairs(wanted) do among = among or name == scenario end
      if among then
        list[#list + 1] = { name = script .. " rollback", script = script, scenario = scenario, command = "rollback" }
      end
    end
  end
  return list
end

-- Each time that a run is taken up costs it some seconds: too many where what matters is when a session ends.
local function together_in(scenario)
  return setting("TOGETHER", scenarios.find(scenario).session_expires and "4" or "20")
end

local ROW <const> = "%-26s  %-26s  %11s  %5s  %6s  %s"

local function sweep(job)
  local command = {
    FAIRLEAD, "rehearse", "scripts/" .. job.script .. ".lua", "--crash-everywhere", "--scenario", job.scenario,
    "--reads", setting("READS", "0"), "--together", together_in(job.scenario), "--seed", setting("SEED", "1"),
    timeout = 7200,
  }
  local function add(...)
    for _, word in ipairs { ... } do command[#command + 1] = word end
  end
  if not setting "ALL" then add("--sample", setting("SAMPLE", SAMPLE)) end
  if job.command then add("--command", job.command, "environment=production", "why=rehearsed") end
  local done <const> = process.run(command)
  local log <const> = ("%s/%s.%s.log"):format(LOGS, job.name:gsub(" ", "-"), job.scenario)
  local file <close> = assert(io.open(log, "w"))
  file:write(done.stdout, done.stderr)
  local tried, of, runs, wrong = done.stdout:match "at (%d+) of (%d+) instants .- in (%d+) runs: (%d+) wrong%."
  local result <const> = {
    tried = tonumber(tried) or 0, runs = tonumber(runs) or 0, log = log,
    wrong = tonumber(wrong) or 1, -- it ended before its summary: that is wrong, too
  }
  print(ROW:format(job.name, job.scenario, tried and tried .. "/" .. of or "-", runs or "-", wrong or "?",
    done.stdout:match "ends as (.-) with" or "see " .. log))
  io.stdout:flush()
  return result
end

local function show(log)
  local file <close> = assert(io.open(log))
  print(("\n---- %s\n%s"):format(log, file:read "a"))
end

local wanted = table.move(arg, 1, #arg, 1, {})
if #wanted == 0 then
  for i, scenario in ipairs(scenarios.list) do wanted[i] = scenario.name end
end
lfs.mkdir "build"
lfs.mkdir(LOGS)
local began <const> = clock.monotonic()
print(ROW:format("script", "scenario", "tried/of", "runs", "wrong", "end"))
local results <const> = task.map(jobs(wanted), sweep, { limit = tonumber(setting("JOBS", "2")) })
local tried, runs, wrong = 0, 0, 0
for _, result in ipairs(results) do
  tried, runs, wrong = tried + result.tried, runs + result.runs, wrong + result.wrong
  if result.wrong > 0 then show(result.log) end
end
print(("\n%d instants tried in %d runs of %d rows, %d wrong, in %d s"):format(tried, runs, #results, wrong,
  math.ceil(clock.monotonic() - began)))
os.exit(wrong == 0 and tried > 0, true)
