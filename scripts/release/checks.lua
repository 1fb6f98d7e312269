--- The tests of a change: those of its head commit and of no other, watched until all that will come have come and
--- have passed.
local clock = require "fairlead.clock"

---@class Release
local Release = {}

local SETTLE <const> = 30 -- seconds for which nothing new may appear after all have passed

local function short(sha) return sha:sub(1, 8) end

--- Names of the checks that have to pass: those of the settings, and those that the rules of main demand.
---@async
---@param fresh boolean? ask for the rules again
---@return string[] names sorted
function Release:required_checks(fresh)
  local names, known = {}, {}
  for _, list in ipairs { self.settings.required_checks or {}, self:main_rules(fresh).checks_required } do
    for _, name in ipairs(list) do
      if not known[name] then
        known[name] = true
        names[#names + 1] = name
      end
    end
  end
  table.sort(names)
  return names
end

-- How the tests of the change's head stand; the run ends when one of them has failed. Somebody may have made another
-- check a required one meanwhile: before all are called passed, the rules are read again.
local function tests(self, change)
  local checks = self.github:checks(change.head, { required = self:required_checks() })
  if checks.state == "passing" then
    checks = self.github:checks(change.head, { required = self:required_checks(true) })
  end
  if checks.state == "failing" then
    self:tell_failed_checks(change, checks)
    self.run:refuse("tests-failed", ("tests of %s failed: %s"):format(short(change.head), checks.why),
      "read " .. change.url .. "/checks, mend it and start again")
  end
  return checks
end

-- A workflow run of the commit that has not ended yet may still have jobs to come, which are checks, too. What was
-- started by hand is no test.
local function under_way(self, change)
  local runs <const>, err = try(self.github.workflow_runs, self.github, { head_sha = change.head })
  if not runs then
    if err:is "github.api.not_authorised" then return nil end -- the checks alone have to do
    error(err, 0)
  end
  for _, run in ipairs(runs) do
    if run.status ~= "completed" and run.event ~= "workflow_dispatch" then return run end
  end
end

local function names_of(checks)
  local names = {}
  for i, run in ipairs(checks.runs) do names[i] = run.name end
  return table.concat(names, "\0")
end

-- Whether all tests have passed and no further one is to be expected. `settling` is kept from look to look.
local function settled(self, change, checks, settling, seconds)
  local run <const> = under_way(self, change)
  local now <const>, names <const> = clock.now(), names_of(checks)
  if run then
    settling.names = nil
    return false, ("%s, and %s has not ended: %s"):format(checks.why, run.name, run.url)
  end
  if settling.names ~= names then settling.names, settling.since = names, now end
  if now - settling.since < seconds then
    return false, checks.why .. "; waiting whether another one appears"
  end
  return true
end

local function await(self, change, seconds)
  local settling = {}
  self.run:wait {
    name = "Tests",
    timeout = self.settings.timeouts.tests,
    every = 10,
    check = function()
      self:unmoved(change)
      local checks <const> = tests(self, change)
      if checks.state ~= "passing" then
        settling.names = nil
        return nil, checks.why
      end
      local done <const>, why <const> = settled(self, change, checks, settling, seconds)
      return done and { commit = change.head, why = checks.why }, why
    end,
  }
end

---Waits until all tests of the change's head commit have passed. A check counts when it was reported for this very
---commit; required ones have to be there by name; and as any other may appear late, a while must pass in which none
---does.
---@async
---@param change table
function Release:pass_tests(change) await(self, change, SETTLE) end

---Waits until tests that have begun since have passed, too.
---@async
---@param change table
function Release:pass_tests_again(change) await(self, change, 0) end

---Raises unless all tests of the head pass at this moment: asked right before acting.
---@async
---@param change table
function Release:need_passed_tests(change)
  local checks <const> = tests(self, change)
  if checks.state == "passing" then return end
  self.run:refuse("tests-not-passing", checks.why, "start again when they have passed")
end

return Release
