--- What a release asks of its pull request: a description, an author who merges, a branch that is up to date, rules
--- that guard main.
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"
local INFRASTRUCTURE <const> = "planning-data-infrastructure"

-- Rehearses without the development environment. `options`: settings = fields of the application's settings for the
-- while; change(fixture); before(w, folder).
local function release(options)
  local fixture <const> = procedure.load(SCRIPT).rehearsal()
  if options.change then options.change(fixture) end
  local settings <const> = package.loaded.settings.planning_data
  local kept = {}
  for name, value in pairs(options.settings or {}) do
    kept[name] = settings[name] or false
    settings[name] = value or nil
  end
  local restore <close> = setmetatable({}, { __close = function() -- luacheck: ignore restore
    for name, value in pairs(kept) do settings[name] = value or nil end
  end })
  local w <const> = world.new { seed = 1, fixture = fixture }
  local result <const> = w:run(SCRIPT, { development = "no" }, {
    prepare = function(folder) if options.before then options.before(w, folder) end end,
  })
  return result, w
end

local function push(w, folder, ...)
  process.run({ "git", "-C", folder.work, "push", "-q", "origin", ... }):check()
  w.github:notice_pushes()
end

local function messages(w, channel_name)
  local found = {}
  for _, channel in ipairs(w.slack.channels) do
    for _, message in ipairs(channel.name == channel_name and channel.messages or {}) do
      found[#found + 1] = message
    end
  end
  return found
end

local function said(result, pattern)
  for _, event in ipairs(result.events) do
    if event.event == "note" and event.text:find(pattern) then return event end
  end
end

describe("the description of a pull request", function()
  local lacks

  setup(function()
    procedure.load(SCRIPT) -- finds the modules beside it
    lacks = require "release.description".lacks
  end)

  it("is whatever it is where nothing is asked of it", function()
    assert.same({}, lacks(nil, nil))
    assert.same({}, lacks("", {}))
  end)

  it("is measured without its headings and its template's comments", function()
    local wanted <const> = { minimum = 20 }
    assert.same({ "it says nothing" }, lacks("<!-- Say why,\nplease, at length -->\n# Why this is needed\n", wanted))
    assert.same({ "it says too little (3 characters of at least 20)" }, lacks("## Why\n map \n", wanted))
    assert.same({}, lacks("Because the map was blank", wanted))
    assert.same({ "it says too little (19 characters of at least 20)" }, lacks(("é"):rep(19), wanted))
  end)

  it("has to have its headings, with something under each", function()
    local wanted <const> = { headings = { "Why", "How to test" } }
    assert.same({}, lacks("# why #\r\nBecause.\r\n## How to test\r\nLook.", wanted))
    assert.same({ 'there is no heading "How to test"' }, lacks("# Why\nBecause.\nHow to test: look", wanted))
    assert.same({ 'there is nothing under "Why"' },
      lacks("# Why\n<!-- tell -->\n\n# How to test\n## On a Mac\nLook.", wanted))
  end)
end)

describe("a release refuses a description that is missing", function()
  local ASKED <const> = { description = { minimum = 40, headings = { "Why" } } }

  it("before it opens a pull request", function()
    local result, w = release { settings = { pull_request = ASKED } }
    assert.equal("description-missing", result.reason, tostring(result.error))
    assert.equal(3, result.exit_code)
    assert.matches('too little %(21 characters of at least 40%); there is no heading "Why"', tostring(result.error))
    assert.equal(0, #w.github.pulls.list)
    for _, request in ipairs(w.github.requests) do assert.equal("GET", request.method, "nothing was done") end
  end)

  it("and leaves a person's text as it is", function()
    local result, w = release { settings = { pull_request = ASKED }, before = function(w, folder)
      push(w, folder, "HEAD")
      w.github.pulls:open { title = "Areas", head = "add-conservation-areas", base = "main", by = "adeveloper",
        body = "# Why\n\nsoon" }
    end }
    assert.equal("description-missing", result.reason, tostring(result.error))
    assert.matches("the description of https://github.com/digital%-land/digital%-land.info/pull/412 lacks",
      tostring(result.error))
    assert.equal("# Why\n\nsoon", w.github.pulls.list[1].body)
  end)

  it("and not one that says what is asked for", function()
    local result, w = release { settings = { pull_request = ASKED }, change = function(fixture)
      local commits <const> = fixture.github.branch.commits
      commits[#commits].message = "Name the layers\n\n# Why\n\nPeople could not tell one layer from the other."
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.matches("People could not tell", w.github.pulls.list[1].body)
  end)
end)

describe("the author merges", function()
  local function opened_by(login)
    return function(w, folder)
      push(w, folder, "HEAD")
      w.github.pulls:open { title = "Areas", head = "add-conservation-areas", base = "main", by = login }
    end
  end

  it("and nobody else: a release of another's pull request is refused before anything is done", function()
    local result, w = release { before = opened_by "areviewer" }
    assert.equal("not-author", result.reason, tostring(result.error))
    assert.matches("pull request #412 is areviewer's, and adeveloper would merge it", tostring(result.error))
    assert.is_nil(w.github.pulls.list[1].merged)
    assert.same({}, messages(w, "planning-data-platform"))
  end)

  it("unless the settings let anyone merge, which is said", function()
    local result, w = release { settings = { merge_by = "anyone" }, before = opened_by "anadmin",
      change = function(fixture) fixture.people.admins = { { name = "anotheradmin", after_seconds = 60 } } end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "is anadmin's; adeveloper merges it, as the settings allow"))
    assert.equal("adeveloper", w.github.pulls.list[1].merged.by)
  end)
end)

describe("a branch that is behind main", function()
  local function main_moves(w)
    w.github:commit_as("main", { author = "areviewer", message = "Another change", files = { ["other.txt"] = "x\n" } })
  end

  it("is told, where the rules let it be merged", function()
    local result, w = release { before = main_moves }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "add%-conservation%-areas lacks 1 commit of main; what is tested is not"))
    assert.equal("adeveloper", w.github.pulls.list[1].merged.by)
  end)

  it("is refused, where the rules demand that it is up to date", function()
    local result = release { before = main_moves, change = function(fixture) fixture.github.rules.strict = true end }
    assert.equal("behind-main", result.reason, tostring(result.error))
    assert.matches("lacks 1 commit of main; merge main into it, push, and start again$", tostring(result.error))
  end)

  it("is brought up to date by GitHub, where the team wants that, and tested again as what it is then", function()
    local merged
    local result, w = release { settings = { pull_request = { behind = "update" } }, before = function(w)
      main_moves(w)
      w:on("merged", function(data)
        local commits <const> = w.github:repository().commits
        merged = { head = commits[data.pull.head_sha], by = commits[data.sha],
          tests = w.github.pulls:check_state("unit tests", data.pull.head_sha) }
      end)
    end, change = function(fixture) fixture.github.rules.strict = true end }
    assert.equal("done", result.outcome, tostring(result.error))
    local pull <const> = w.github.pulls.list[1]
    assert.equal(2, #merged.head.parents)
    assert.equal(pull.head_sha, merged.by.parents[2])
    assert.equal("passing", merged.tests)
    assert.truthy(said(result, "is up to date as %x+; your working copy is not"))
    assert.equal(pull.merged.sha, w.aws:live("production").sha)
  end)

  it("is brought up to date although GitHub's answer was lost", function()
    local result, w = release { settings = { pull_request = { behind = "update" } }, before = function(w)
      main_moves(w)
      local pulls <const> = w.github.pulls
      local update <const> = pulls.update_branch
      function pulls:update_branch(...)
        update(self, ...)
        require "fairlead.world.github.refusal".raise(502, "Server Error")
      end
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "is up to date as %x+; your working copy is not"))
    assert.equal(1, #w.github.pulls.list)
  end)

  it("is refused when it conflicts", function()
    local result = release { settings = { pull_request = { behind = "update" } }, before = function(w)
      w.github:commit_as("main", { author = "areviewer", message = "Same file",
        files = { ["application/layers.json"] = '["other"]\n' } })
    end }
    assert.equal("behind-main", result.reason, tostring(result.error))
    assert.matches("merge conflict", tostring(result.error))
  end)

  it("is refused when somebody pushes something else instead", function()
    local result = release { settings = { pull_request = { behind = "update" } }, before = function(w)
      main_moves(w)
      local pulls <const> = w.github.pulls
      function pulls:update_branch(pull)
        w:after(1, function()
          w.github:commit_as(pull.head, { author = "areviewer", message = "More", files = { ["more.txt"] = "m\n" } })
        end)
        return self
      end
    end }
    assert.equal("head-moved", result.reason, tostring(result.error))
  end)
end)

describe("the rules of main", function()
  local function unguarded(fixture) fixture.github.rules.required_checks = { "lint" } end

  it("that let failing tests through are told to the infrastructure team", function()
    local result, w = release { change = unguarded }
    assert.equal("done", result.outcome, tostring(result.error))
    local told <const> = messages(w, INFRASTRUCTURE)
    assert.equal(1, #told)
    assert.matches("failing tests do not block merging into main: unit tests, integration tests, acceptance tests",
      told[1].text, 1, true)
    assert.is_nil(told[1].text:find "without a pull request")
  end)

  it("that let anybody push are told as well", function()
    local _, w = release { change = function(fixture)
      fixture.github.rules = false
    end }
    assert.matches("can push to main without a pull request", messages(w, INFRASTRUCTURE)[1].text)
  end)

  it("are not told again when another run has told them", function()
    local _, first = release { change = unguarded }
    local earlier <const> = messages(first, INFRASTRUCTURE)[1]
    local result, w = release { change = unguarded, before = function(w)
      for _, channel in ipairs(w.slack.channels) do
        if channel.name == INFRASTRUCTURE then
          w.slack:post(channel, w.slack.me, { text = earlier.text, metadata = earlier.metadata })
        end
      end
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(1, #messages(w, INFRASTRUCTURE))
  end)

  it("are told by an issue where there is no channel for it, once", function()
    local result, w = release { change = unguarded, settings = { infrastructure_channel = false } }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(1, #w.github.issues)
    local issue <const> = w.github.issues[1]
    assert.equal("The rules of main let through what was not tested", issue.title)
    assert.matches("failing tests do not block merging into main: unit tests", issue.body, 1, true)
    result, w = release { change = unguarded, settings = { infrastructure_channel = false }, before = function(again)
      issue.state = "closed"
      again.github.issues[1] = issue
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(1, #w.github.issues)
  end)

  it("that the token may not read are not called wrong", function()
    local result, w = release { change = function(fixture)
      fixture.github.rules.kind = "protection" -- names of checks are told to everybody, the rest to administrators
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "whether main can be pushed to cannot be told: the token may not read the branch"))
    assert.same({}, messages(w, INFRASTRUCTURE))
  end)

  it("do not stop a release when nobody can be told", function()
    local result = release { change = function(fixture)
      unguarded(fixture)
      fixture.slack.channels[2].is_member = false
    end }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.truthy(said(result, "the infrastructure team could not be told: "))
  end)
end)
