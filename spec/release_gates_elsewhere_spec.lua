--- Gates of what waits by itself: a job on GitHub that waits for a review of its environment, an execution of a
--- pipeline that waits for its approval. A decision made elsewhere is handed on, and one made there is judged here.
local procedure = require "fairlead.procedure"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/providers.lua"

-- The Providers Service without its development environment, whose production is a job of the merge's build.
-- `options`: approval of production in the settings; change(fixture); before(w); interactive.
local function release(options)
  local fixture <const> = procedure.load(SCRIPT).rehearsal()
  if options.change then options.change(fixture) end
  local vocabulary <const>, settings <const> = package.loaded.release, package.loaded.settings.providers
  local production <const> = settings.environments.production
  local kept <const> = production.approval
  production.approval = options.approval or kept
  local restore <close> = setmetatable({}, { __close = function() production.approval = kept end }) -- luacheck: ignore
  local w <const> = world.new { seed = 1, fixture = fixture }
  local script <const> = procedure.new { name = "providers", run = function(run)
    local this <const> = vocabulary.new(run, settings)
    local change <const> = this:open_pull_request {}
    this:pass_tests(change)
    this:get_reviewed(change)
    this:merge(change)
    this:go_live("staging", change)
    this:get_approved(change, { after = "staging", before = "production" })
    this:hand_on_approval "production"
    this:go_live("production", change)
  end }
  local result <const> = w:run(script, {}, { prepare = function() if options.before then options.before(w) end end })
  return result, w
end

local function decision_of(result)
  local found
  for _, event in ipairs(result.events) do
    if event.event == "gate.decided" and event.path == "Approval" then found = event end
  end
  return found or {}
end

local function texts(w)
  local list = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.messages or {}) do list[#list + 1] = message.text end
  end
  return table.concat(list, "\n")
end

-- The build of the merge, and the review of production in it.
local function build_of(w)
  for _, run in ipairs(w.github.actions.runs) do
    if run.event == "push" and run.branch == "main" then return run, run.reviews[1] end
  end
end

local function merged(w) return w.github.pulls.list[1].merged.sha end

local IN_SLACK <const> = { by = { people = { "anadmin" } }, via = { "slack" } }

-- The token's user is a reviewer of production, too, so that a decision can be handed on.
local function token_reviews(fixture)
  fixture.github.environments.production = { reviewers = { "adeveloper", "anadmin", "areviewer" } }
  fixture.people.admins = { { name = "anadmin", after_seconds = 120 } }
end

-- After staging is live and it was asked for.
local function reviewed_late(fixture)
  fixture.people.admins = { { name = "anadmin", login = "anadmin", way = "github", after_seconds = 1800 } }
end

local function fail_a_check(w)
  local head <const> = w.github.pulls.list[1].head_sha
  w.github.statuses[head] = { { id = 1, sha = head, state = "failure", context = "test / lint", at = w.now,
    creator = "adeveloper" } }
end

describe("a job on GitHub that waits", function()
  it("goes on when an approver reviews it there; the evidence is shown in Slack", function()
    local result, w = release { change = reviewed_late }
    assert.equal("done", result.outcome, tostring(result.error))
    local decided <const> = decision_of(result)
    assert.same({ "approved", "GitHub" }, { decided.decision, decided.via })
    assert.equal(merged(w), w.aws:live("production").sha)
    assert.matches(":key: %*Providers Service: deploy .-<@U02ADMIN> <@U03ADMIN>\n`%x+` %(`sha256:", texts(w))
    assert.matches("To be decided on GitHub: <https://github.com/digital-land/submit/actions/runs/", texts(w), 1, true)
  end)

  it("is stopped when who reviewed it there may not decide", function()
    local result, w = release { approval = { by = { people = { "anotheradmin" } }, via = { "github" } },
      change = reviewed_late }
    assert.equal("gate.refused", result.reason, tostring(result.error))
    assert.matches("approved on GitHub by anadmin, whose answer does not count here; who may decide: anotheradmin",
      tostring(result.error))
    assert.is_true(build_of(w).cancelled)
    assert.are_not.equal(merged(w), w.aws:live("production").sha)
  end)

  it("is stopped when something has changed since it was asked", function()
    local result, w = release { change = reviewed_late, before = function(w)
      w:on("slack_message", function(data)
        if data.message.text:find "To be decided on GitHub" then fail_a_check(w) end
      end)
    end }
    assert.equal("gate.voided", result.reason, tostring(result.error))
    assert.matches('checks%["test / lint"%]: was success, is now success, failure', tostring(result.error))
    assert.is_true(build_of(w).cancelled)
    assert.are_not.equal(merged(w), w.aws:live("production").sha)
  end)

  it("may have been approved before it was asked for, which is said", function()
    local result = release { change = function(fixture)
      fixture.people.admins = { { name = "anadmin", login = "anadmin", way = "github", after_seconds = 30 } }
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    local said
    for _, event in ipairs(result.events) do
      said = said or (event.event == "note" and event.text:match "anadmin approved %S+ on GitHub before it was asked")
    end
    assert.truthy(said)
  end)

  it("is given the decision that was made in Slack, with whose it was", function()
    local result, w = release { approval = IN_SLACK, change = token_reviews }
    assert.equal("done", result.outcome, tostring(result.error))
    local _, review = build_of(w)
    assert.same({ "approved", "adeveloper" }, { review.state, review.by })
    assert.matches("^Approved by anadmin in Slack %[%S+ %x+%]$", review.comment)
    assert.equal(merged(w), w.aws:live("production").sha)
  end)

  it("is refused on GitHub when it was refused in Slack", function()
    local result, w = release { approval = IN_SLACK, change = token_reviews, before = function(w)
      w.scenario = setmetatable({ admin_refuses = true }, { __index = w.scenario })
    end }
    assert.equal("gate.refused", result.reason, tostring(result.error))
    local _, review = build_of(w)
    assert.equal("rejected", review.state)
    assert.matches("^Refused by anadmin in Slack: not today", review.comment)
    assert.are_not.equal(merged(w), w.aws:live("production").sha)
  end)

  it("waits on when the approval in Slack is void", function()
    local result, w = release { approval = IN_SLACK, change = token_reviews, before = function(w)
      w:on("slack_message", function(data)
        local metadata <const> = data.message.metadata
        if not (metadata and metadata.event_type == "fairlead_approval") then return end
        fail_a_check(w)
      end)
    end }
    assert.equal("gate.voided", result.reason, tostring(result.error))
    local build <const>, review <const> = build_of(w)
    assert.is_nil(review)
    assert.equal("waiting", build.status)
  end)

  it("is decided once: an answer there closes the question in Slack", function()
    local result, w = release { approval = IN_SLACK, change = function(fixture)
      token_reviews(fixture)
      reviewed_late(fixture)
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({ "anadmin", "GitHub" }, { decision_of(result).by, decision_of(result).via })
    assert.matches(":white_check_mark: Approved by anadmin (GitHub)", texts(w), 1, true)
  end)
end)

-- The Planning Data Platform, where a pipeline takes staging's images to staging and, once approved, to production.
local function through_a_pipeline(options)
  local fixture <const> = procedure.load("scripts/planning-data.lua").rehearsal()
  fixture.people.admins = options.admins
  fixture.aws.environments.staging.pipeline = {
    name = "orchard",
    stages = {
      { name = "Source" },
      { name = "To-staging", deploys = "staging" },
      { name = "Approve", approval = "Say" },
      { name = "To-production", deploys = "production" },
    },
  }
  local places <const>, kept = package.loaded.settings.planning_data.environments, {}
  for name, stage in pairs { staging = "To-staging", production = "To-production" } do
    kept[name] = places[name]
    places[name] = setmetatable({
      arrives = "pipeline",
      pipeline = { name = "orchard", stage = stage, approval = { stage = "Approve", action = "Say" } },
      approval = name == "production" and { by = { people = { "anadmin" } }, via = { "slack" } } or nil,
    }, { __index = places[name] })
  end
  local restore <close> = setmetatable({}, { __close = function() -- luacheck: ignore restore
    for name, place in pairs(kept) do places[name] = place end
  end })
  local w <const> = world.new { seed = 1, fixture = fixture, scenario = options.scenario }
  return w:run("scripts/planning-data.lua", { development = "no" }), w
end

describe("a pipeline that waits", function()
  local function approval(w)
    for _, run in ipairs(w.aws.environments.staging.pipeline.runs) do
      if run.stage.name == "Approve" then return run end
    end
  end

  it("goes on when it is approved there", function()
    local result, w = through_a_pipeline { admins = {
      { name = "anadmin", login = "anadmin", way = "codepipeline", after_seconds = 200 },
    } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({ "anadmin", "CodePipeline" }, { decision_of(result).by, decision_of(result).via })
    assert.equal(merged(w), w.aws:live("production").sha)
  end)

  it("is given the decision that was made in Slack", function()
    local result, w = through_a_pipeline { admins = { { name = "anadmin", after_seconds = 200 } } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({ "anadmin", "Slack" }, { decision_of(result).by, decision_of(result).via })
    assert.equal(merged(w), w.aws:live("production").sha)
    assert.matches("^Approved by anadmin in Slack", approval(w).summary)
  end)

  it("is refused there when it was refused in Slack", function()
    local result, w = through_a_pipeline { scenario = "admin-refuses", admins = { { name = "anadmin" } } }
    assert.equal("gate.refused", result.reason, tostring(result.error))
    assert.equal("Failed", approval(w).status)
    assert.are_not.equal(merged(w), w.aws:live("production").sha)
  end)
end)
