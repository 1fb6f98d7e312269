-- journal: what a step costs when it is written down, beside a bare 4 KiB write and fdatasync in the same run; how long
-- it takes to take up a run of 1,000 steps; and to list a journal of 10,000 runs.
local clock = require "fairlead.clock"
local journal = require "fairlead.journal"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"

local STEPS <const>, RUNS <const>, LISTED_MS <const> = 1000, 10000, 50

local folder = process.run({ "mktemp", "-d", (os.getenv "TMPDIR" or "/tmp") .. "/fairlead-bench-XXXXXX" }):check()
  .stdout:match "%S+"
local _ <close> = setmetatable({}, { __close = function() process.run { "rm", "-rf", folder } end })

-- A procedure of so many steps, each timed; with `stop`, it fails at the end, so that it can be taken up again.
local function steps(count, times, stop)
  return procedure.new {
    name = "bench",
    run = function(run)
      for i = 1, count do
        local began = clock.monotonic()
        run:step("Step " .. i, { intent = { number = i }, act = function() return { number = i } end })
        times[i] = (clock.monotonic() - began) * 1e6
      end
      if stop then error "stopped" end
    end,
  }
end

local function percentile(times, share)
  local sorted = table.move(times, 1, #times, 1, {})
  table.sort(sorted)
  return sorted[math.max(1, math.floor(#sorted * share))]
end

local function bare()
  local out = process.run({ "build/release/bench/fdatasync", folder, tostring(2 * STEPS) }):check().stdout
  local p50, p99 = out:match "(%S+)\n(%S+)"
  return tonumber(p50), tonumber(p99)
end

local book <close> = journal.open { folder = folder }
local durable, memory = {}, {}
local run = procedure.execute(steps(STEPS, durable, true), {}, { recorder = book:recording() })
procedure.execute(steps(STEPS, memory), {}, {})
local p50, p99 = bare()
print(("journal: a step costs p50 %.0f us, p99 %.0f us (two commits); a bare 4 KiB write+fdatasync p50 %.0f us, "
  .. "p99 %.0f us: a commit is %.1f of it"):format(percentile(durable, 0.5), percentile(durable, 0.99), p50, p99,
  percentile(durable, 0.5) / 2 / p50))
print(("journal: the same step recorded in memory p50 %.0f us"):format(percentile(memory, 0.5)))

local again = {}
local began = clock.monotonic()
local token = book:take(run.id)
procedure.execute(steps(STEPS, again), {}, { id = run.id, recorder = book:resuming(run.id, token) })
print(("journal: taking up a run of %d finished steps %.0f ms"):format(STEPS, (clock.monotonic() - began) * 1000))

-- Short runs, in one transaction: what counts is how many there are.
book:transaction(function()
  for i = 1, RUNS do
    book.db:run([[
      INSERT INTO runs (id, number, procedure, mode, parameters, began, attempts, ordinal, finished, outcome)
      VALUES (?, ?, 'bench', 'run', '{}', ?, 1, 0, ?, 'done')]], "old-" .. i, i + 10, i * 60.0, i * 60.0 + 30)
  end
end)
local result = process.run { "build/release/bin/fairlead", "runs", env = { FAIRLEAD_STATE = folder } }:check()
local listing = {}
for i = 1, 11 do
  began = clock.monotonic()
  process.run { "build/release/bin/fairlead", "runs", env = { FAIRLEAD_STATE = folder } }:check()
  listing[i] = (clock.monotonic() - began) * 1000
end
local _, lines = result.stdout:gsub("\n", "")
local ms = percentile(listing, 0.5)
print(("journal: `fairlead runs` with %d runs in the journal %.0f ms (median of %d; %d lines): %d or less: %s"):format(
  RUNS, ms, #listing, lines, LISTED_MS, ms <= LISTED_MS and "met" or "missed"))
