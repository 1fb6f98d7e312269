--- What goes on only when somebody has said so: who may say it, where, and what it is bound to.
local json = require "fairlead.json"
local procedure = require "fairlead.procedure"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"

local function laid_over(base, changes)
  return setmetatable(changes or {}, { __index = base })
end

-- The settings' approval of production, for the while.
local function with_approval(settings, approval)
  local production <const> = settings.environments.production
  local before <const> = production.approval
  production.approval = laid_over(before, approval)
  return setmetatable({}, { __close = function() production.approval = before end })
end

-- Rehearses without the development environment. `options`: approval = fields of production's approval in the settings;
-- change(fixture); before(w).
local function release(options)
  local fixture <const> = procedure.load(SCRIPT).rehearsal()
  if options.change then options.change(fixture) end
  local restore <close> = with_approval(package.loaded.settings.planning_data, options.approval) -- luacheck: ignore
  local w <const> = world.new { seed = options.seed or 1, scenario = options.scenario, fixture = fixture }
  local result <const> = w:run(SCRIPT, { development = "no" }, {
    prepare = function() if options.before then options.before(w) end end,
  })
  return result, w
end

local function messages(w)
  local found = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.messages or {}) do found[#found + 1] = message end
  end
  return found
end

local function question(w)
  for _, message in ipairs(messages(w)) do
    if message.metadata and message.metadata.event_type == "fairlead_approval" then return message end
  end
end

local function texts(w)
  local list = {}
  for i, message in ipairs(messages(w)) do list[i] = message.text end
  return table.concat(list, "\n")
end

local function decision_of(result)
  local found
  for _, event in ipairs(result.events) do
    if event.event == "gate.decided" and event.path == "Approval" then found = event end
  end
  return found or {}
end

local function said(result, pattern)
  for _, event in ipairs(result.events) do
    if event.event == "note" and event.text:find(pattern) then return event end
  end
end

-- Calls `fn` when the admin is asked.
local function when_asked(w, fn)
  local done = false
  w:on("slack_message", function(data)
    local metadata <const> = data.message.metadata
    if done or not (metadata and metadata.event_type == "fairlead_approval") then return end
    done = true
    fn(data)
  end)
end

describe("the review of a release", function()
  local function reviews(w, list)
    w:on("check_completed", function()
      local pull <const> = w.github.pulls.list[1]
      if not pull or pull.reading or not w.github.pulls:checks_pass(pull) then return end
      pull.reading = true
      for _, review in ipairs(list) do
        w:after(review.after, function() review.act(pull, w.github.pulls) end)
      end
    end)
  end
  local function nobody(fixture) fixture.people.reviewers = {} end

  it("is asked for with the people tagged who were asked on GitHub", function()
    local settings <const> = procedure.load(SCRIPT) and package.loaded.settings.planning_data
    local kept <const> = settings.pull_request
    settings.pull_request = { reviewers = { "areviewer", "adeveloper" } }
    local restore <close> = setmetatable({}, { __close = function() settings.pull_request = kept end }) -- luacheck: ignore
    local result, w = release {}
    assert.equal("done", result.outcome, tostring(result.error))
    assert.matches("review wanted, please: <[^>]+> <@U04REVIEW>", texts(w))
    assert.is_nil(texts(w):match "please: [^\n]*<@U01DEV>")
  end)

  it("waits for changes that somebody asks for, and says so once", function()
    local result, w = release { change = nobody, before = function(w)
      reviews(w, {
        { after = 60, act = function(pull, pulls)
          pulls:review(pull, { by = "areviewer", state = "CHANGES_REQUESTED", body = "The legend is missing" })
        end },
        { after = 600, act = function(pull, pulls) pulls:review(pull, { by = "areviewer", state = "APPROVED" }) end },
      })
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    local _, count = texts(w):gsub("<@U04REVIEW> asks for changes: <https://[^>]+|the review>", "")
    assert.equal(1, count)
    assert.is_true(result.elapsed > 600)
  end)

  it("does not take an approval of an older commit, nor one that was dismissed, nor the author's", function()
    local result, w = release { change = function(fixture)
      nobody(fixture)
      fixture.github.rules.required_approvals = 0
    end, before = function(w)
      reviews(w, {
        { after = 30, act = function(pull)
          table.insert(pull.reviews, { id = 1, by = "areviewer", state = "APPROVED", body = "", at = w.now,
            commit_id = ("0"):rep(40) })
          table.insert(pull.reviews, { id = 2, by = "anadmin", state = "DISMISSED", body = "", at = w.now,
            commit_id = pull.head_sha })
          table.insert(pull.reviews, { id = 3, by = "adeveloper", state = "APPROVED", body = "", at = w.now,
            commit_id = pull.head_sha })
        end },
      })
    end }
    assert.equal("gate.timeout", result.reason, tostring(result.error))
    assert.matches("<@U04REVIEW> approved 00000000, which is not what would be merged %(%x+%)", texts(w))
    assert.matches("<@U02ADMIN>'s review was dismissed", texts(w))
    assert.is_nil(w.github.pulls.list[1].merged)
  end)

  it("is of people who may write to the repository: of a public one anybody may review the pull requests", function()
    local result, w = release { change = function(fixture)
      nobody(fixture)
      fixture.github.rules.required_approvals = 0
      fixture.github.users.apasserby = { name = "Passer-by", permission = "read" }
    end, before = function(w)
      reviews(w, {
        { after = 30, act = function(pull, pulls) pulls:review(pull, { by = "apasserby", state = "APPROVED" }) end },
        { after = 60, act = function(pull)
          table.insert(pull.reviews, { id = 7, by = "approver[bot]", state = "APPROVED", body = "", at = w.now,
            commit_id = pull.head_sha })
        end },
        { after = 120, act = function(pull, pulls)
          pulls:review(pull, { by = "apasserby", state = "CHANGES_REQUESTED", body = "I do not like it" })
        end },
        { after = 300, act = function(pull, pulls) pulls:review(pull, { by = "areviewer", state = "APPROVED" }) end },
      })
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    local by
    for _, event in ipairs(result.events) do
      if event.event == "gate.decided" and event.path == "Review" then by = event.by end
    end
    assert.equal("areviewer", by)
    local _, count = texts(w):gsub("apasserby's review does not count", "")
    assert.equal(1, count)
  end)

  it("is void when it was withdrawn before the merge", function()
    local result, w = release { change = function(fixture)
      fixture.github.rules.required_approvals = 0 -- GitHub itself would let it pass
    end, before = function(w)
      w:on("reviewed", function(data)
        if data.review.state ~= "APPROVED" then return end
        w:after(21, function()
          w.github.pulls:review(data.pull, { by = "areviewer", state = "CHANGES_REQUESTED", body = "Wait" })
        end)
      end)
      -- The merge is held up until then.
      local checks <const> = w.github.actions.checks
      function w.github.actions:checks(...)
        local list <const> = checks(self, ...)
        local pull <const> = w.github.pulls.list[1]
        local review <const> = pull and pull.reviews[1]
        if review and #pull.reviews == 1 and w.now > review.at then
          return { setmetatable({ status = "in_progress", conclusion = json.null }, { __index = list[1] }) }
        end
        return list
      end
    end }
    assert.equal("gate.voided", result.reason, tostring(result.error))
    assert.matches("approved by areviewer has changed since: the approvals of %x+ are by nobody now",
      tostring(result.error))
    assert.is_nil(w.github.pulls.list[1].merged)
  end)

  it("is void when somebody pushes after it", function()
    local result, w = release { scenario = "approval-then-push" }
    assert.equal("head-moved", result.reason, tostring(result.error))
    assert.is_nil(w.github.pulls.list[1].merged)
  end)
end)

describe("the tests of a release", function()
  it("are waited for when a required one appears late", function()
    local result, w = release { scenario = "check-added-late" }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(w.github.pulls.list[1].merged.sha, w.aws:live("production").sha)
  end)

  it("are waited for when one appears late that only the rules of the branch demand", function()
    local merged_with
    local result = release { change = function(fixture)
      local checks = { "end to end" }
      for i, name in ipairs(fixture.github.rules.required_checks) do checks[i + 1] = name end
      fixture.github.rules.required_checks = checks
    end, before = function(w)
      local completed = 0
      w:on("check_completed", function(data)
        completed = completed + 1
        if completed ~= 4 then return end
        w:after(90, function()
          w.github.statuses[data.sha] = { { id = 1, sha = data.sha, state = "success", context = "end to end",
            at = w.now, creator = "adeveloper" } }
          w:emit("check_completed", data)
        end)
      end)
      w:on("merged", function(data) merged_with = w.github.pulls:check_state("end to end", data.pull.head_sha) end)
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("passing", merged_with)
  end)

  it("have not passed when one that nobody demands appears late, and fails", function()
    local result = release { before = function(w)
      local completed = 0
      w:on("check_completed", function(data)
        completed = completed + 1
        if completed ~= 4 then return end
        w:after(15, function()
          w.github.statuses[data.sha] = { { id = 1, sha = data.sha, state = "failure", context = "spelling", at = w.now,
            creator = "adeveloper" } }
        end)
      end)
    end }
    assert.equal("tests-failed", result.reason, tostring(result.error))
    assert.matches("spelling %(failure%)", tostring(result.error))
  end)

  it("of an earlier commit are not taken for those of the head", function()
    local result = release { scenario = "checks-of-previous-commit" }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "") and result.elapsed > 300)
  end)

  it("have failed when one was cancelled", function()
    local result = release { scenario = "cancelled-check" }
    assert.equal("tests-failed", result.reason, tostring(result.error))
    assert.matches("cancelled", tostring(result.error))
  end)
end)

describe("an approval is shown what it is about", function()
  it("in one short message", function()
    local result, w = release {}
    assert.equal("done", result.outcome, tostring(result.error))
    local text <const>, merged <const> = question(w).text, w.github.pulls.list[1].merged.sha
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines < 10, text)
    assert.is_true(#text < 1500, text)
    assert.matches("`" .. merged:sub(1, 8) .. "` (`sha256:", text, 1, true)
    assert.matches("4 checks passed", text, 1, true)
    assert.matches("production runs `%x+` %(`sha256:%x+`%)", text)
    assert.matches("Task definition, against production's: none", text, 1, true)
    assert.matches("Migrations: none", text, 1, true)
    assert.matches("Script: `%x+`", text)
  end)

  it("and the migrations that come with the change", function()
    local _, w = release { scenario = "migration-present" }
    assert.matches("Migrations: :warning: `[^`]+`", question(w).text)
  end)
end)

describe("the difference of two task definitions", function()
  local differences

  setup(function()
    procedure.load(SCRIPT)
    differences = require "release.definition".differences
  end)

  local function definition(container, fields)
    container.name = container.name or "staging-web"
    return laid_over({ containerDefinitions = { container } }, fields)
  end

  it("is told by names and sizes, never by values", function()
    local before <const> = definition({ name = "production-web", environment = { { name = "OLD", value = "hush" } },
      secrets = { { name = "KEY", valueFrom = "arn:a" } }, cpu = 256 }, { cpu = "512", memory = "1024" })
    local after <const> = definition({ environment = { { name = "NEW", value = "hush2" } },
      secrets = { { name = "KEY", valueFrom = "arn:b" }, { name = "TOKEN", valueFrom = "arn:c" } }, cpu = 256 },
      { cpu = "512", memory = "2048" })
    local lines <const> = differences(before, after, { before = "production", after = "staging" })
    assert.same({ "memory 1024 → 2048", "env +NEW -OLD", "secrets +TOKEN" }, lines)
  end)

  it("names whatever else decides how it runs, and whose rights it has", function()
    local before <const> = definition({ name = "production-web", command = { "serve", "--as", "production" },
      portMappings = {} }, { networkMode = "awsvpc", taskRoleArn = "arn:aws:iam::1:role/production-web" })
    local after <const> = definition({ command = { "sh", "-c", "hush" }, privileged = true },
      { networkMode = "host", taskRoleArn = "arn:aws:iam::2:role/admin" })
    assert.same({ "other taskRoleArn", "other networkMode", "other command privileged" },
      differences(before, after, { before = "production", after = "staging" }))
    after.containerDefinitions[1].command = { "serve", "--as", "staging" }
    after.containerDefinitions[1].privileged = nil
    after.networkMode, after.taskRoleArn = "awsvpc", "arn:aws:iam::2:role/staging-web"
    assert.same({}, differences(before, after, { before = "production", after = "staging" }))
  end)

  it("is nothing between two that are the same but for their environment", function()
    assert.same({}, differences(definition { name = "production-web", environment = { { name = "A", value = "1" } } },
      definition { environment = { { name = "A", value = "2" } } }, { before = "production", after = "staging" }))
  end)

  it("names the container, where there are several, and those that came or went", function()
    local before <const> = { containerDefinitions = { { name = "web" }, { name = "proxy" } } }
    local after <const> = { containerDefinitions = { { name = "web", environment = { { name = "A" } } },
      { name = "logs" } } }
    assert.same({ "containers +logs -proxy", "web: env +A" }, differences(before, after))
  end)
end)

describe("an approval counts", function()
  it("when it is not the requester's, who is told so once", function()
    local result, w = release { scenario = "approval-by-requester" }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("anadmin", decision_of(result).by)
    local _, count = texts(w):gsub("<@U01DEV>: your answer does not count here: you started this run", "")
    assert.equal(1, count)
  end)

  it("when it is an approver's, and nobody else's", function()
    local result, w = release { scenario = "wrong-person-approves" }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("anadmin", decision_of(result).by)
    assert.matches("your answer does not count here: only these people may decide: <@U02ADMIN>, <@U03ADMIN>", texts(w),
      1, true)
  end)

  it("when it is the requester's, where the team allows it", function()
    local result = release { scenario = "approval-by-requester",
      approval = { requester_may = true, by = { people = { "adeveloper", "anadmin" } } } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("adeveloper", decision_of(result).by)
  end)

  it("as a refusal with the reason that was replied", function()
    local result = release { scenario = "admin-refuses", change = function(fixture)
      fixture.people.admins = { { name = "anadmin", way = "reply", why = "the map is blank", after_seconds = 60 } }
    end }
    assert.equal("gate.refused", result.reason)
    assert.matches("refused by anadmin: the map is blank", tostring(result.error))
  end)

  it("when it is of somebody in a group of Slack's who is in it still", function()
    local result, w = release { approval = { by = { slack_groups = { "async-admins" } } }, change = function(fixture)
      fixture.people.admins = {
        { name = "anadmin", after_seconds = 60 }, { name = "anotheradmin", after_seconds = 300 },
      }
    end, before = function(w)
      when_asked(w, function()
        w.slack.usergroups[1].users = { "U03ADMIN", "U05DEV" } -- anadmin leaves it
      end)
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("anotheradmin", decision_of(result).by)
    assert.matches("<@U02ADMIN>: your answer does not count here: only these people may decide: <@U03ADMIN>, <@U05DEV>",
      texts(w), 1, true)
  end)

  it("when it is of somebody in a team of GitHub's", function()
    local result = release { approval = { by = { github_teams = { "admins" } } } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("anadmin", decision_of(result).by)
  end)

  it("at the terminal when it is of who sits there, and that is no requester", function()
    local result = release { approval = { via = { "slack", "terminal" } } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "at the terminal sits adeveloper, who may not decide about an own change or run"))
    result = release { approval = { via = { "terminal" } } }
    assert.equal("no-approver", result.reason, tostring(result.error))
    result = release { approval = { via = { "terminal" }, requester_may = true, by = { people = { "adeveloper" } } } }
    assert.equal("gate.unattended", result.reason, tostring(result.error)) -- a rehearsal has no terminal
  end)

  it("although Slack was down when it was to be asked for", function()
    local answer <const> = require "fairlead.world.message"
    local result, w = release { change = function(fixture)
      fixture.people.admins = { { name = "anadmin", after_seconds = 120 } } -- does not look at GitHub
    end, before = function(w)
      local down_until <const>, handle <const> = {}, w.slack.handle
      w:on("deployment", function(data)
        if data.environment == "staging" and data.event:find "completed" then down_until.at = w.now + 900 end
      end)
      function w.slack:handle(request)
        if down_until.at and w.now < down_until.at then return answer.text(503, "out of order", {}) end
        return handle(self, request)
      end
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal("anadmin", decision_of(result).by)
    assert.truthy(said(result, "the question cannot be asked in Slack yet"))
    local questions = 0
    for _, message in ipairs(messages(w)) do
      local metadata <const> = message.metadata or {}
      if metadata.event_type == "fairlead_approval" then questions = questions + 1 end
    end
    assert.equal(1, questions)
  end)

  it("and is asked of nobody where only the author could give it", function()
    local result = release { approval = { by = { people = { "adeveloper" } } } }
    assert.equal("no-approver", result.reason, tostring(result.error))
  end)
end)

describe("an approval is void", function()
  local function voided(result, pattern)
    assert.equal("gate.voided", result.reason, tostring(result.error))
    assert.equal(3, result.exit_code)
    assert.matches("what was approved by anadmin has changed since: ", tostring(result.error), 1, true)
    assert.matches(pattern, tostring(result.error))
    assert.matches("fairlead resume %S+", tostring(result.error))
  end

  it("when main has moved, and says from where to where", function()
    local result, w = release { before = function(w)
      when_asked(w, function()
        w.github:commit_as("main", { author = "areviewer", message = "Quick", files = { ["quick.txt"] = "q\n" } })
      end)
    end }
    voided(result, "main: was " .. w.github.pulls.list[1].merged.sha .. ", is now %x+")
    assert.matches(":no_entry_sign: Void, as something has changed since it was approved by anadmin: main: was",
      question(w).text, 1, true)
    assert.are_not.equal(w.github.pulls.list[1].merged.sha, w.aws:live("production").sha)
  end)

  it("when a check of the head was run again and failed", function()
    local result = release { before = function(w)
      when_asked(w, function()
        local head <const> = w.github.pulls.list[1].head_sha
        w.github.statuses[head] = { { id = 1, sha = head, state = "failure", context = "lint", at = w.now,
          creator = "adeveloper" } }
      end)
    end }
    voided(result, "checks.lint: was success, is now success, failure")
  end)

  it("when somebody else deploys to production meanwhile", function()
    local result = release { scenario = "hotfix-during-release" }
    voided(result, 'production.services%["planning%-data"%].under_way: was nothing, is now d%-%w+')
  end)

  it("when something changes between the decision and the deployment", function()
    local result = release { before = function(w)
      w:on("slack_update", function(data)
        if data.message.text:find ":white_check_mark: Approved" then
          local head <const> = w.github.pulls.list[1].head_sha
          w.github.statuses[head] = { { id = 1, sha = head, state = "failure", context = "lint", at = w.now,
            creator = "adeveloper" } }
        end
      end)
    end }
    voided(result, "checks.lint: was success, is now success, failure")
  end)
end)
