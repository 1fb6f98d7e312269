-- noticing: how long after something happens in the world a release knows of it, in simulated seconds, and how many
-- requests that costs; beside `aws deploy wait deployment-successful` (a poll at once and then each 15 s: botocore,
-- waiters-2.json) and `gh run watch` (the run and its jobs each 3 s: cli/cli, pkg/cmd/run/watch), had they begun to
-- look at the same moment.
local world = require "fairlead.world"

local SCRIPT <const>, SEEDS <const> = "scripts/planning-data.lua", 25

-- What happens, where it is waited for, and who else could wait for it.
local CASES <const> = {
  {
    name = "a rollback starts", scenario = "staging-rolls-back", wait = "Staging/Deployment",
    peer = { name = "aws deploy wait", every = 15, requests = 1 },
    watch = function(w, happened)
      w:on("deployment", function(data)
        if data.event == "failed" or (data.rollback_of and data.event == "started") then happened() end
      end)
    end,
  },
  {
    name = "a check fails", scenario = "tests-fail", wait = "Tests",
    peer = { name = "gh run watch", every = 3, requests = 2 },
    watch = function(w, happened)
      w:on("check_completed", function(data)
        if data.conclusion == "failure" then happened() end
      end)
    end,
  },
  {
    name = "an approval is given", scenario = "all-well", wait = "Approval",
    peer = { name = "gh run watch", every = 3, requests = 2 },
    watch = function(w, happened)
      w:on("slack_reaction", function(data)
        if data.name == "white_check_mark" then happened() end
      end)
    end,
  },
}

local function percentile(values, share)
  table.sort(values)
  return values[math.max(1, math.ceil(#values * share))]
end

-- One rehearsal: seconds from the event to the end of the wait, seconds that the wait had lasted by then, requests.
local function measure(case, seed)
  local w = world.new { seed = seed, scenario = case.scenario }
  local event
  local result = w:run(SCRIPT, { development = "no" }, {
    prepare = function() case.watch(w, function() event = event or w.now end) end,
  })
  local began, ended, requests = nil, nil, 0
  for _, e in ipairs(result.events) do
    local here = e.path == case.wait
    if here and e.event == "step.started" then began = e.at end
    if here and (e.event == "step.finished" or e.event == "gate.decided") then ended = ended or e.at end
    if here and began and not ended and e.event == "http.request" then requests = requests + 1 end
  end
  assert(event and began and ended, ("%s, seed %d: it did not happen"):format(case.name, seed))
  return math.max(0, ended - event), event - began, requests
end

print(("noticing: from the event to the run's knowing, simulated seconds; %d seeds each"):format(SEEDS))
print(("%-22s %8s %8s %9s   %-16s %8s %8s %9s"):format("", "median", "worst", "requests", "", "median", "worst",
  "requests"))
for _, case in ipairs(CASES) do
  local ours, our_requests, theirs, their_requests = {}, {}, {}, {}
  for seed = 1, SEEDS do
    local late, into, requests = measure(case, seed)
    ours[#ours + 1], our_requests[#our_requests + 1] = late, requests
    local polls = math.ceil(into / case.peer.every) + 1
    theirs[#theirs + 1] = (polls - 1) * case.peer.every - into
    their_requests[#their_requests + 1] = polls * case.peer.requests
  end
  print(("%-22s %8.1f %8.1f %9d   %-16s %8.1f %8.1f %9d"):format(case.name, percentile(ours, 0.5), percentile(ours, 1),
    percentile(our_requests, 0.5), case.peer.name, percentile(theirs, 0.5), percentile(theirs, 1),
    percentile(their_requests, 0.5)))
end
