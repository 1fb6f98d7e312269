-- What calls cost where services fail: requests and (simulated) seconds until the error where they always do, and where
-- three in ten requests or answers are lost, how many calls come through and whether anything was done twice.
package.path = "./?.lua;" .. package.path -- spec/support
local adversity = require "spec.support.adversity"

print(("%-42s %-38s %8s %9s  %s"):format("retries: always", "", "requests", "seconds", "ends as"))
for _, case in ipairs(adversity.hopeless) do
  local cost = adversity.cost(case)
  print(("%-42s %-38s %8d %9.2f  %s"):format(cost.name, cost.answer, cost.requests, cost.seconds, cost.kind))
end

print(("\n%-42s %8s %8s %10s %10s %8s %8s"):format("retries: 30 % lost", "calls", "done", "requests/c", "seconds/c",
  "effects", "twice"))
for _, row in ipairs(adversity.losses(1, 0.3)) do
  print(("%-42s %8d %8d %10.2f %10.2f %8d %8d"):format(row.name, row.calls, row.done, row.requests / row.calls,
    row.seconds / row.calls, row.effects, row.twice))
end
print "A PUT is the same done twice as once; of all others nothing may be done twice. Who hears no success looks first."
