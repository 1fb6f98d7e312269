--- The board in Slack: one message for a run, edited as it goes on; that it shows what matters, keeps to Slack's
--- limits, and neither delays nor fails a release when Slack does.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local models = require "fairlead.faces.model"
local playing = require "spec.support.playing"
local procedure = require "fairlead.procedure"
local task = require "fairlead.task"
local world = require "fairlead.world"

local SCRIPT <const> = "scripts/planning-data.lua"
local CHANNEL <const> = "planning-data-platform"

procedure.load(SCRIPT) -- from here on its modules are found
local deploy_bot = require "release.deploy_bot"
local outages = require "release.outage"
local talk = require "release.talk"
local view = require "release.board.view"

local function channel_of(w, name)
  for _, channel in ipairs(w.slack.channels) do
    if channel.name == name then return channel end
  end
end

local function is_board(item)
  return item.metadata ~= nil and item.metadata.event_payload.board == true
end

-- What the bot of the release wrote into a channel: not in threads, and in them.
local function said(w, name)
  local above, below = {}, {}
  for _, item in ipairs(channel_of(w, name).messages) do
    if item.user == w.slack.me.id then table.insert(item.thread_ts and below or above, item) end
  end
  return above, below
end

-- What messages say, apart from commits, images, deployments and times.
local function words(messages)
  local list = {}
  for i, item in ipairs(messages) do
    list[i] = item.text:gsub("%x%x%x%x%x%x%x+", "#"):gsub("d%-%u%w+", "#"):gsub("%d%d:%d%d", "#")
  end
  return list
end

local function text_of(blocks)
  local lines = {}
  for _, block in ipairs(blocks) do lines[#lines + 1] = (block.text or block.elements[1]).text end
  return table.concat(lines, "\n")
end

-- Rehearses; what the board showed comes with it, edit by edit. `prepare` gets the world.
local function rehearse(scenario, options)
  local loaded = procedure.load(SCRIPT)
  local fixture = loaded.rehearsal()
  if options and options.fixture then options.fixture(fixture) end
  local w = world.new { seed = options and options.seed or 1, scenario = scenario, fixture = fixture }
  local edits = {}
  w:on("slack_update", function(data)
    if is_board(data.message) then edits[#edits + 1] = { at = w.now, text = text_of(data.message.blocks) } end
  end)
  if options and options.prepare then options.prepare(w) end
  return w:run(SCRIPT, {}), w, edits
end

-- Slack does not answer while `is_down(now)`.
local function outage(w, is_down)
  local handle = w.slack.handle
  w.slack.handle = function(self, request)
    if not is_down(w.now) then return handle(self, request) end
    table.insert(w.slack.requests, { at = w.now, operation = request.path:match "[%w.]+$", status = 503 })
    return message.json(503, { ok = false, error = "service_unavailable" })
  end
end

local function warnings(result)
  local list = {}
  for _, event in ipairs(result.events) do
    if event.event == "note" and event.kind == "warning" then list[#list + 1] = event.text end
  end
  return list
end

describe("the board of a release in which nothing goes wrong", function()
  local result, w, edits

  setup(function() result, w, edits = rehearse "all-well" end)

  it("is the run's only message in the channel, and ends with its end", function()
    assert.equal("done", result.outcome, tostring(result.error))
    local above = said(w, CHANNEL)
    assert.equal(1, #above)
    assert.matches("^:white_check_mark: Releasing Planning Data Platform: <https://[^|]+/pull/%d+|#%d+ .*>: done$",
      above[1].text)
    local shown = text_of(above[1].blocks)
    assert.is_nil(shown:find(":white_circle:", 1, true))
    assert.is_nil(shown:find(":hourglass", 1, true))
    assert.matches(":round_pushpin: live in production: %x+ <https://www.planning.data.gov.uk|", shown)
    assert.matches("Started by <@U01DEV>, run " .. result.id:gsub("%-", "%%-"), shown)
  end)

  it("shows each part's beginning, what it waits for and since when, and who is asked", function()
    local all = {}
    for _, edit in ipairs(edits) do all[#all + 1] = edit.text end
    all = table.concat(all, "\n")
    for _, part in ipairs { "Tests", "Development", "Staging", "Production" } do
      assert.matches(":hourglass_flowing_sand: %*" .. part .. "%*: .*, since <!date^%d+^{time}|%d%d:%d%d UTC>", all)
    end
    assert.matches(":raising_hand: %*Approval%*: .*<@U02ADMIN>.* since ", all)
    assert.matches("20 %% of the traffic", all)
    assert.matches(":white_check_mark: %*Approval%*: approved by anadmin", all)
  end)

  it("is edited a few seconds apart, and not for nothing", function()
    for i = 2, #edits - 1 do -- the last one is the end's
      assert.is_true(edits[i].at - edits[i - 1].at >= 4, "too soon: " .. edits[i].text)
    end
    for i = 2, #edits do assert.not_equal(edits[i - 1].text, edits[i].text) end
    assert.is_true(#edits < 60)
  end)

  it("links what the bot tells of the run's deployments, by their ids, and of no others", function()
    local told = {}
    for _, event in ipairs(result.events) do
      if event.event == "note" and (event.text or ""):find "^told in Slack: " then told[#told + 1] = event.text end
    end
    assert.is_true(#told >= 9, #told .. " told")
    local ours = {}
    for _, place in ipairs(result.live) do ours[place.deployment] = true end
    for _, text in ipairs(told) do assert.is_true(ours[text:match "d%-%w+"], text) end
    local shown = text_of(said(w, CHANNEL)[1].blocks)
    local _, count = shown:gsub("<https://[^|>]*/archives/[^|>]*|deployment in Slack>", "")
    assert.equal(3, count)
  end)
end)

describe("the board of a release that fails", function()
  it("names the part, the reason and what was not done; the team of the infrastructure is told once", function()
    local result, w = rehearse "staging-rolls-back"
    assert.equal("rolled_back", result.outcome)
    local above, below = said(w, CHANNEL)
    assert.equal(1, #above)
    assert.matches("^:rewind: .*: rolled back$", above[1].text)
    local shown = text_of(above[1].blocks)
    assert.matches(":x: %*Staging%*: deployment d%-%w+", shown)
    assert.matches(":white_circle: %*Production%*", shown)
    assert.matches("%*Staging/Deployment:%* deployment d%-%w+ .* rolled back by deployment d%-%w+", shown)
    assert.matches("^:rewind: rolled back: ", below[#below].text)
    assert.equal(1, #said(w, "planning-data-infrastructure"))
  end)

  it("says by whom it was refused", function()
    local _, w = rehearse "admin-refuses"
    assert.matches(":no_entry_sign: %*Approval%*: .*refused by anadmin: not today", text_of(said(w, CHANNEL)[1].blocks))
  end)
end)

describe("the board of a run that is interrupted", function()
  it("says so, and where it stands", function()
    local loaded = procedure.load(SCRIPT)
    local w = world.new { seed = 1, fixture = loaded.rehearsal() }
    local run = task.start(function() return w:run(SCRIPT, {}) end)
    w:after(900, function() run:cancel "Ctrl-C" end)
    assert.equal("cancelled", select(2, pcall(run.wait, run)).kind)
    local above, below = said(w, CHANNEL)
    assert.equal(1, #above)
    assert.matches(": interrupted$", above[1].text)
    local shown = text_of(above[1].blocks)
    assert.matches(":octagonal_sign: %*Development%*", shown)
    assert.matches(":white_circle: %*Merge%*", shown)
    assert.matches("^:octagonal_sign: interrupted: ", below[#below].text)
    assert.same({}, (said(w, "planning-data-infrastructure"))) -- whoever interrupted it knows
  end)
end)

describe("the team's channel", function()
  for _, name in ipairs { "planning-data", "providers", "async-processor" } do
    it("gets one message of a run of scripts/" .. name .. ".lua", function()
      for _, scenario in ipairs { "all-well", "rate-limited", "tests-fail" } do
        local loaded = procedure.load("scripts/" .. name .. ".lua")
        local w = world.new { seed = 1, scenario = scenario, fixture = loaded.rehearsal() }
        local result = w:run(loaded, {})
        local above = said(w, CHANNEL)
        assert.equal(1, #above, ("%s: %s"):format(scenario, tostring(result.error)))
      end
    end)
  end
end)

describe("while Slack is down", function()
  local HOUR <const> = 3600

  it("a release goes on, says so once, and the board and its thread come when Slack answers", function()
    local plain, plain_w = rehearse "all-well"
    local result, w = rehearse("all-well", { prepare = function(w)
      outage(w, function(now) return now < w.fixture.start + 1800 end)
    end })
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same(1, #warnings(result))
    assert.matches("Slack cannot be told: slack.auth.test .*: Slack answered 503.*goes on without", warnings(result)[1])
    assert.is_true(result.elapsed < plain.elapsed + 60, "it was held up")
    local above, below = said(w, CHANNEL)
    assert.equal(1, #above)
    assert.matches(": done$", above[1].text)
    assert.same(words(select(2, said(plain_w, CHANNEL))), words(below))
  end)

  it("for some minutes in the middle, nothing is missing in the end", function()
    local plain, plain_w = rehearse "all-well"
    local result, w = rehearse("all-well", { prepare = function(w)
      outage(w, function(now)
        local minute = (now - w.fixture.start) / 60
        return minute > 20 and minute < 40
      end)
    end })
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(plain.outcome, result.outcome)
    assert.same(1, #warnings(result))
    local _, expected = said(plain_w, CHANNEL)
    local above, below = said(w, CHANNEL)
    assert.equal(1, #above)
    assert.same(words(expected), words(below))
    assert.matches(": done$", above[1].text)
  end)

  it("for ever, a failing release ends as it would", function()
    local result, w = rehearse("staging-rolls-back", { prepare = function(w)
      outage(w, function() return true end)
    end })
    assert.equal("deployment.rolled_back", result.reason)
    local list = warnings(result)
    assert.equal(2, #list, table.concat(list, "\n"))
    assert.matches("could not notify", list[2]) -- the infrastructure team does not know
    assert.equal(0, #said(w, CHANNEL))
    assert.is_true(result.elapsed < HOUR)
    assert.is_true(#w.slack.requests < 120, #w.slack.requests .. " requests to a Slack that is down")
  end)

  it("it is asked again after longer and longer pauses", function()
    local at = {}
    clock.simulate({ start = 0 }, function()
      local it = outages.new { warn = function() end }
      for _ = 1, 1400 do
        it:attempt(5, function()
          at[#at + 1] = clock.steady()
          error("no answer", 0)
        end)
        clock.sleep(1)
      end
    end)
    local pauses = {}
    for i = 2, #at do pauses[#pauses + 1] = math.floor(at[i] - at[i - 1] + 0.5) end
    assert.same({ 30, 60, 120, 240, 300, 300, 300 }, pauses)
  end)

  it("what never answers holds a step up for a limited time", function()
    local result, w = rehearse("tests-fail", { prepare = function(w)
      local handle = w.handle
      w.handle = function(self, request)
        if request.host == "slack.com" then task.event():wait() end
        return handle(self, request)
      end
    end })
    assert.equal("tests-failed", result.reason)
    assert.is_true(result.elapsed < 20 * 60)
    assert.equal(0, #said(w, CHANNEL))
  end)
end)

describe("a token or a channel that is wrong", function()
  it("is found before anything is done", function()
    local result, w = rehearse("all-well", { fixture = function(fixture)
      table.remove(fixture.slack.channels) -- the infrastructure's
    end })
    assert.equal("slack.api.not_found", result.reason)
    assert.same({}, w.github.pulls.list)
  end)
end)

describe("an application without a channel", function()
  it("is released in silence", function()
    local result = playing.play(function(run)
      local silent = talk.new(run, nil, { name = "Lamp" })
      silent:check()
      silent:begin { title = "Light", number = 1 }
      silent:say "hello"
      run:notify "merged"
      run:refuse("no", "no")
    end)
    assert.equal("no", result.reason)
    assert.same({}, warnings(result))
    assert.same({}, playing.events(result, "http.request", "url"))
    for _, event in ipairs(result.events) do assert.not_equal("Tell the team", event.step) end
  end)
end)

describe("what the board shows", function()
  local function show(events, changes)
    local model = models.new()
    for i, event in ipairs(events) do
      event.at = event.at or i
      model:apply(event)
    end
    local context = {
      subject = { what = "Releasing Lamp", url = "https://example.org/1", title = "#1 Light" }, links = {},
      people = { ada = "U01ADA" }, run = { id = "r1", user = "ada", attempt = 1 },
    }
    for name, value in pairs(changes or {}) do context[name] = value end
    return view.render(model, context)
  end

  it("keeps to Slack's limits, whatever comes", function()
    local long = ("<!channel> & \u{202E}*ü* "):rep(2000)
    local events = { { event = "run.started", plan = {}, procedure = "p", mode = "run" } }
    for i = 1, 400 do
      local path = ("%d %s"):format(i, long)
      events[#events + 1] = { event = "step.started", path = path, step = path, kind = "wait" }
      events[#events + 1] = { event = "wait.progress", path = path, text = long, error = long }
    end
    local shown = show(events, { final = { outcome = "failed", error = long, failed = long, why = { long } } })
    assert.is_true(#shown.blocks <= 50)
    assert.is_true(#shown.text <= 3000)
    for _, block in ipairs(shown.blocks) do
      local text = (block.text or block.elements[1]).text
      assert.is_true(utf8.len(text) <= 3000, "a block of " .. utf8.len(text))
      assert.is_nil(text:find("<!channel>", 1, true))
    end
    assert.matches("… and %d+ more", text_of(shown.blocks))
    assert.is_string(json.encode(shown.blocks))
  end)

  it("tells what was left out from what is to come, and mentions people and groups", function()
    local shown = text_of(show({
      { event = "run.started", plan = { "Tests", "Development", "Review", "Merge" }, procedure = "p", mode = "run" },
      { event = "step.started", path = "Tests", step = "Tests", kind = "wait" },
      { event = "step.skipped", path = "Tests", why = "recorded", elapsed = 0 },
      { event = "step.started", path = "Review", step = "Review", kind = "gate", at = 1772442000 },
      { event = "gate.asked", path = "Review", via = { "Slack" }, question = "?",
        approvers = { "ada", "S0ADMINS", "eve <&>" } },
    }, { run = { id = "r1", user = "eve", attempt = 3 } }).blocks)
    assert.matches(":white_check_mark: %*Tests%*\n:heavy_minus_sign: %*Development%*\n:raising_hand: %*Review%*: "
      .. "asked via Slack, of <@U01ADA>, <!subteam^S0ADMINS>, eve &lt;&amp;&gt;, "
      .. "since <!date^1772442000^{time}|09:00 UTC>\n:white_circle: %*Merge%*", shown)
    assert.matches("Started by eve, run r1, taken up 2 times", shown)
  end)
end)

describe("the bot's messages", function()
  local function read(text, bot) return deploy_bot.read { text = text, bot_id = bot or "B1" } end

  it("are told from others", function()
    assert.same({ id = "d-ABCDEFGH1", kind = "deployment", application = "staging-lamp", state = "completed" },
      read "Deployment d-ABCDEFGH1 for staging-lamp (completed)")
    assert.same({ id = "d-ABCDEFGH1", kind = "rollback", application = "staging-lamp",
      state = "replacement service accepting 20% traffic" },
      read "Rollback d-ABCDEFGH1 for staging-lamp (replacement service accepting 20% traffic)")
    assert.is_nil(read "Deployment is stuck, see d-ABCDEFGH1")
    assert.is_nil(deploy_bot.read { text = "Deployment d-ABCDEFGH1 for staging-lamp (completed)", user = "U1" })
    assert.is_nil(deploy_bot.read { bot_id = "B1" })
  end)

  it("may be in a channel of their own", function()
    procedure.load(SCRIPT)
    local settings = require "settings"
    settings.planning_data.deployments_channel = "deployments"
    local _ <close> = setmetatable({}, { __close = function() settings.planning_data.deployments_channel = nil end })
    local result, w, edits = rehearse("all-well", { fixture = function(fixture)
      table.insert(fixture.slack.channels, { id = "C09DEPLOY", name = "deployments" })
      fixture.slack.deployments_channel = "deployments"
    end })
    assert.equal("done", result.outcome, tostring(result.error))
    assert.is_true(#channel_of(w, "deployments").messages > 0)
    assert.matches("/archives/C09DEPLOY/p%d+|deployment in Slack>", edits[#edits].text)
  end)

  it("that cannot be read change nothing", function()
    local result, _, edits = rehearse("all-well", { prepare = function(w)
      local handle = w.slack.handle
      w.slack.handle = function(self, request)
        if not request.path:find "history" then return handle(self, request) end
        return message.json(200, { ok = false, error = "missing_scope", needed = "channels:history" })
      end
    end })
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({}, warnings(result))
    assert.matches(": done", edits[#edits].text)
  end)
end)
