--- The three applications in every scenario: how the release ends, what it says and what runs in the end.
---
--- Columns: scenario; outcome; exit code; reason code; whether the change was merged; what staging and production run
--- ("ours": the merged commit, "before": what ran at the start, "other": another commit, "both": the services differ);
--- messages to the infrastructure team.
local scenarios = require "fairlead.world.scenarios"
local world = require "fairlead.world"

local EXPECTED <const> = {
  ["planning-data"] = [[
    all-well                   done           0  done                     merged  ours    ours    0
    tests-fail                 refused        3  tests-failed             open    before  before  1
    tests-late                 done           0  done                     merged  ours    ours    0
    check-added-late           done           0  done                     merged  ours    ours    0
    checks-of-previous-commit  done           0  done                     merged  ours    ours    0
    cancelled-check            refused        3  tests-failed             open    before  before  1
    migration-present          done           0  done                     merged  ours    ours    0
    dev-taken                  done           0  done                     merged  ours    ours    0
    approval-then-push         refused        3  head-moved               open    before  before  1
    head-moves                 refused        3  head-moved               open    before  before  1
    review-missing             refused        3  gate.timeout             open    before  before  1
    image-late                 done           0  done                     merged  ours    ours    0
    dispatch-unnamed           done           0  done                     merged  ours    ours    0
    staging-rolls-back         rolled_back    5  deployment.rolled_back   merged  before  before  1
    smoke-test-fails           failed         1  smoke_test.failed        merged  ours    before  1
    production-rolls-back      rolled_back    5  deployment.rolled_back   merged  ours    before  1
    rolling-update-rolls-back  done           0  done                     merged  ours    ours    0
    image-of-other-commit      failed         1  deployment.not_ours      merged  before  before  1
    deployment-limit-exceeded  done           0  done                     merged  ours    ours    0
    old-image-pruned           refused        3  no-way-back              merged  ours    before  1
    production-overtaken       failed         1  deployment.stopped       merged  ours    before  1
    admin-refuses              refused        3  gate.refused             merged  ours    before  1
    approval-by-requester      done           0  done                     merged  ours    ours    0
    wrong-person-approves      done           0  done                     merged  ours    ours    0
    two-releases-at-once       refused        3  newer-is-live            merged  other   before  1
    hotfix-during-release      refused        3  gate.voided              merged  ours    before  1
    token-expires-midway       not_authorised 4  aws.api.not_authorised   merged  ours    before  1
    slack-down                 done           0  done                     merged  ours    ours    0
    github-down-for-10-minutes done           0  done                     merged  ours    ours    0
    rate-limited               done           0  done                     merged  ours    ours    0
    flaky                      done           0  done                     merged  ours    ours    0
  ]],
  providers = [[
    all-well                   done           0  done                     merged  ours    ours    0
    tests-fail                 refused        3  tests-failed             open    before  before  1
    tests-late                 done           0  done                     merged  ours    ours    0
    check-added-late           done           0  done                     merged  ours    ours    0
    checks-of-previous-commit  done           0  done                     merged  ours    ours    0
    cancelled-check            refused        3  tests-failed             open    before  before  1
    migration-present          done           0  done                     merged  ours    ours    0
    dev-taken                  done           0  done                     merged  ours    ours    0
    approval-then-push         refused        3  head-moved               open    before  before  1
    head-moves                 refused        3  head-moved               open    before  before  1
    review-missing             refused        3  gate.timeout             open    before  before  1
    image-late                 done           0  done                     merged  ours    ours    0
    dispatch-unnamed           done           0  done                     merged  ours    ours    0
    staging-rolls-back         rolled_back    5  deployment.rolled_back   merged  before  before  1
    smoke-test-fails           failed         1  smoke_test.failed        merged  ours    before  1
    production-rolls-back      rolled_back    5  deployment.rolled_back   merged  ours    before  1
    rolling-update-rolls-back  done           0  done                     merged  ours    ours    0
    image-of-other-commit      failed         1  deployment.not_ours      merged  before  before  1
    deployment-limit-exceeded  done           0  done                     merged  ours    ours    0
    old-image-pruned           refused        3  no-way-back              merged  ours    before  1
    production-overtaken       failed         1  deployment.stopped       merged  ours    before  1
    admin-refuses              refused        3  gate.refused             merged  ours    before  1
    approval-by-requester      done           0  done                     merged  ours    ours    0
    wrong-person-approves      done           0  done                     merged  ours    ours    0
    two-releases-at-once       refused        3  gate.voided              merged  other   before  1
    hotfix-during-release      refused        3  gate.voided              merged  ours    before  1
    token-expires-midway       not_authorised 4  aws.api.not_authorised   merged  ours    before  1
    slack-down                 done           0  done                     merged  ours    ours    0
    github-down-for-10-minutes done           0  done                     merged  ours    ours    0
    rate-limited               done           0  done                     merged  ours    ours    0
    flaky                      done           0  done                     merged  ours    ours    0
  ]],
  ["async-processor"] = [[
    all-well                   done           0  done                     merged  ours    ours    0
    tests-fail                 refused        3  tests-failed             open    before  before  1
    tests-late                 done           0  done                     merged  ours    ours    0
    check-added-late           done           0  done                     merged  ours    ours    0
    checks-of-previous-commit  done           0  done                     merged  ours    ours    0
    cancelled-check            refused        3  tests-failed             open    before  before  1
    migration-present          done           0  done                     merged  ours    ours    0
    dev-taken                  done           0  done                     merged  ours    ours    0
    approval-then-push         refused        3  head-moved               open    before  before  1
    head-moves                 refused        3  head-moved               open    before  before  1
    review-missing             refused        3  gate.timeout             open    before  before  1
    image-late                 done           0  done                     merged  ours    ours    0
    dispatch-unnamed           done           0  done                     merged  ours    ours    0
    staging-rolls-back         rolled_back    5  deployment.rolled_back   merged  before  before  1
    smoke-test-fails           failed         1  smoke_test.failed        merged  ours    before  1
    production-rolls-back      rolled_back    5  deployment.rolled_back   merged  ours    before  1
    rolling-update-rolls-back  rolled_back    5  deployment.rolled_back   merged  before  before  1
    image-of-other-commit      failed         1  deployment.not_ours      merged  before  before  1
    deployment-limit-exceeded  done           0  done                     merged  ours    ours    0
    old-image-pruned           refused        3  no-way-back              merged  ours    before  1
    production-overtaken       failed         1  deployment.superseded    merged  ours    before  1
    admin-refuses              refused        3  gate.refused             merged  ours    before  1
    approval-by-requester      done           0  done                     merged  ours    ours    0
    wrong-person-approves      done           0  done                     merged  ours    ours    0
    two-releases-at-once       refused        3  newer-is-live            merged  both    before  1
    hotfix-during-release      refused        3  gate.voided              merged  ours    other   1
    token-expires-midway       not_authorised 4  aws.api.not_authorised   merged  ours    before  1
    slack-down                 done           0  done                     merged  ours    ours    0
    github-down-for-10-minutes done           0  done                     merged  ours    ours    0
    rate-limited               done           0  done                     merged  ours    ours    0
    flaky                      done           0  done                     merged  ours    ours    0
  ]],
}

-- Sanitizers look for mistakes in C, for which each fifth will do.
local EACH <const> = os.getenv "ASAN_OPTIONS" and 5 or 1

local INFRASTRUCTURE <const> = "planning-data-infrastructure"

local function rows(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do
    local name <const>, rest <const> = line:match "^%s*(%S+)%s+(.-)%s*$"
    if name then list[name] = rest:gsub("%s+", " ") end
  end
  return list
end

local function alarms(w)
  local count = 0
  for _, channel in ipairs(w.slack.channels) do
    if channel.name == INFRASTRUCTURE then
      for _, message in ipairs(channel.messages or {}) do
        local payload <const> = message.metadata or {}
        if payload.event_type == "fairlead_failure" then count = count + 1 end
      end
    end
  end
  return count
end

-- What runs in an environment, beside what the release merged and what ran before.
local function runs(w, environment, merged, before)
  local live <const> = w.aws:live(environment).sha
  if not live then return "both" end
  return live == merged and "ours" or live == before and "before" or "other"
end

local function play(script, scenario)
  local w = world.new { seed = 1, scenario = scenario }
  local before
  local result = w:run(("scripts/%s.lua"):format(script), {}, {
    prepare = function() before = w.aws:live("production").sha end,
  })
  local merged
  for _, pull in ipairs(w.github.pulls.list) do
    if pull.head == w.fixture.github.branch.name then merged = pull.merged and pull.merged.sha end
  end
  return ("%s %d %s %s %s %s %d"):format(result.outcome, result.exit_code, result.reason, merged and "merged" or "open",
    runs(w, "staging", merged, before), runs(w, "production", merged, before), alarms(w)), result
end

for _, script in ipairs { "planning-data", "providers", "async-processor" } do
  describe("the release of " .. script, function()
    local expected <const> = rows(EXPECTED[script])

    for i = 1, #scenarios.list, EACH do
      local scenario <const> = scenarios.list[i]
      it("ends as it should when " .. scenario.text, function()
        local got <const>, result <const> = play(script, scenario.name)
        assert.equal(("%s %s"):format(scenario.name, expected[scenario.name]), ("%s %s"):format(scenario.name, got),
          tostring(result.error))
      end)
    end

    it("is looked at in every scenario that there is, and in no other", function()
      local known = {}
      for _, scenario in ipairs(scenarios.list) do known[scenario.name] = true end
      for name in pairs(expected) do assert.is_true(known[name], name) end
    end)
  end)
end
