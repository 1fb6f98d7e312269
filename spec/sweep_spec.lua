--- The crash sweep: that it finds what is done twice, or not at all, when a procedure is killed and taken up again;
--- that it blames the right step; and that it leaves careful procedures alone.
local choose = require "fairlead.world.sweep.choose"
local json = require "fairlead.json"
local program = require "spec.support.program"
local random = require "fairlead.world.random"
local sweep = require "fairlead.world.sweep"

-- A procedure in the example world; `body` has run, gh and team (a Slack client).
local SCRIPT <const> = [[
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local git = require "fairlead.git"
local procedure = require "fairlead.procedure"
local slack = require "fairlead.slack"
local function use(...) return ... end
use(clock, git)
return procedure.new {
  name = "lamp",
  rehearsal = function() return require "fairlead.world.example".fixture() end,
  run = function(run)
    local gh, team = github.client { repository = "acme/lighthouse" }, slack.client {}
    use(gh, team)
    local function look() return gh:get("branches/main").commit.sha end
    run:step("Look", { already = look, act = look })
    %s
    run:step("Look again", { already = look, act = look })
  end,
}
]]

local folder

-- Sweeps a procedure with this body; all instants.
local function try_everywhere(body, options)
  local call = { script = folder:write("lamp.lua", SCRIPT:format(body)) }
  for name, value in pairs(options or {}) do call[name] = value end
  return sweep.run(call)
end

-- The problems of all findings, each once, in order of their instants.
local function problems(report)
  local list, seen = {}, {}
  for _, finding in ipairs(report.findings) do
    for _, problem in ipairs(finding.problems) do
      if not seen[problem] then list[#list + 1] = problem end
      seen[problem] = true
    end
  end
  return table.concat(list, "\n")
end

local function sorted(list)
  table.sort(list)
  return list
end

-- Looks for its message by what it wrote into the message's metadata.
local CAREFUL <const> = [[
  run:step("Tell the team", {
    already = function()
      local found = team:find { channel = "deployments", payload = { step = run:step_id() } }
      return found and { ts = found.ts }
    end,
    act = function()
      return { ts = team:post { channel = "deployments", text = "The lamp is lit",
        metadata = { event_type = "lamp", event_payload = { step = run:step_id() } } }.ts }
    end,
  })
]]

-- Says again what it has said when nobody heard how that went.
local CARELESS <const> = [[
  run:step("Tell the team", {
    act = function() return { ts = team:post { channel = "deployments", text = "The lamp is lit" }.ts } end,
  })
]]

describe("the crash sweep", function()
  setup(function() folder = program.folder() end)
  teardown(function() getmetatable(folder).__close() end)

  it("passes a careful procedure at every instant", function()
    local report = try_everywhere(CAREFUL)
    assert.equal("done", report.outcome)
    assert.equal("", problems(report))
    assert.equal(0, report.wrong)
    assert.equal(report.instants, report.tried)
    assert.equal(report.records + report.requests + report.programs + 1, report.instants)
  end)

  it("catches a write without `already`, at its step, and says how to mend it", function()
    local report = try_everywhere(CARELESS)
    assert.equal("done", report.outcome)
    assert.is_true(report.wrong > 0)
    for _, finding in ipairs(report.findings) do
      assert.equal("Tell the team", finding.step)
      assert.matches("give the step \"Tell the team\" an `already`", finding.advice, 1, true)
    end
    -- Killed when the message was there, and its record was not.
    local last = report.findings[#report.findings]
    assert.equal("after POST https://slack.com/api/chat.postMessage in Tell the team", last.when)
    assert.equal("POST https://slack.com/api/chat.postMessage", last.deed)
    assert.matches("metadata", last.advice)
  end)

  it("catches what is done outside of any step", function()
    local report = try_everywhere [[
      run:stage("Talk", function() team:post { channel = "deployments", text = "Hello" } end)
    ]]
    assert.matches("2 instead of 1 times: message in #deployments .*Hello", problems(report))
    assert.equal("Talk", report.findings[1].step)
    assert.matches("outside of any step (in Talk)", report.findings[1].advice, 1, true)
  end)

  it("catches what is not done because `already` only believes so", function()
    local report = try_everywhere [[
      local mark = run.directory .. "/../mark"
      run:step("Tell the team", {
        already = function()
          local file = io.open(mark)
          return file and file:close() and { told = true }
        end,
        act = function()
          assert(io.open(mark, "w")):close()
          return { ts = team:post { channel = "deployments", text = "The lamp is lit" }.ts }
        end,
      })
    ]]
    assert.matches("0 instead of 1 times: message in #deployments .*The lamp is lit", problems(report))
  end)

  it("catches a run that ends otherwise when it is taken up, and says where", function()
    local report = try_everywhere [[
      run:stage("Open", function()
        if gh:pull_request { head = "light-the-lamp" } then run:refuse("open-already", "somebody has opened it") end
        local repository <close> = git.open(run.directory)
        run:step("Push", {
          already = function() return false end,
          act = function() repository:push { branch = "light-the-lamp" } return true end,
        })
        run:step("Pull request", {
          already = function()
            local pull = gh:pull_request { head = "light-the-lamp" }
            return pull and { number = pull.number }
          end,
          act = function()
            return { number = gh:open_pull_request { head = "light-the-lamp", base = "main", title = "Light" }.number }
          end,
        })
      end)
    ]]
    assert.equal("done", report.outcome)
    assert.matches("it ended as refused (open-already", problems(report), 1, true)
    assert.equal("Open", report.findings[1].step)
    assert.matches("step that it guards", report.findings[1].advice)
    assert.equal(1, report.programs)
  end)

  it("kills as kill -9 does: nothing is said, closed or cleaned up on the way out", function()
    local report = try_everywhere(([[
      run:notifier(function(message)
        if message.outcome ~= "done" then team:post { channel = "deployments", text = "ended: " .. message.text } end
      end)
      run:on_failure(function() team:post { channel = "deployments", text = "failed" } end)
      local ended = false
      local closing <close> = setmetatable({}, { __close = function()
        if not ended then team:post { channel = "deployments", text = "closed" } end
      end })
      use(closing)
      while not pcall(function()
        run:wait { name = "A while", timeout = 60, check = function() return gh:get("branches/main").name end }
      end) do clock.sleep(1) end
      %s
      ended = true
    ]]):format(CAREFUL))
    assert.equal("", problems(report))
  end)

  it("kills all tasks at once", function()
    local report = try_everywhere [[
      run:parallel {
        left = function() run:step("Left", { already = look, act = look }) end,
        right = function()
          run:wait { name = "Right", timeout = 60, every = 1, check = function()
            gh:get "branches/main"
            return clock.now() > run.started + 10
          end }
        end,
      }
    ]]
    assert.equal("", problems(report))
  end)

  it("forgets what the script's modules held", function()
    folder:write("lamp_state.lua", "return { told = false }")
    local report = try_everywhere [[
      local state = require "lamp_state"
      run:stage("Talk", function()
        if state.told then return end
        state.told = true
        team:post { channel = "deployments", text = "Hello" }
      end)
    ]]
    assert.matches("2 instead of 1 times: message in #deployments .*Hello", problems(report))
  end)

  it("says so when a run does not repeat", function()
    local mark = folder.path .. "/was-here"
    local _, err = try(try_everywhere, ([[
      local file = io.open(%q)
      if file then
        file:close()
        return
      end
      assert(io.open(%q, "w")):close()
    ]]):format(mark, mark))
    assert.matches("two runs with one seed were not the same", tostring(err))
  end)

  it("does not take for wrong what a run that only stood still does as well", function()
    local report = try_everywhere [[
      run:step("Slow", {
        already = function(begun) if begun then clock.sleep(25) end end,
        act = function() return {} end,
      })
      run:step("Tell the team", {
        already = function()
          return team:find { channel = "deployments", payload = { lamp = 1 } } and { told = true }
        end,
        act = function()
          local text = clock.now() - run.started < 20 and "The lamp is lit" or "The lamp is lit, but late"
          return { ts = team:post { channel = "deployments", text = text,
            metadata = { event_type = "lamp", event_payload = { lamp = 1 } } }.ts }
        end,
      })
    ]]
    assert.equal("", problems(report))
    assert.is_true(report.runs > report.tried)
  end)

  it("tries several instants in one run, and what goes wrong there alone", function()
    local alone, together = try_everywhere(CAREFUL), try_everywhere(CAREFUL, { together = 6 })
    assert.equal("", problems(together))
    assert.equal(alone.instants, together.tried)
    assert.equal(alone.runs, alone.tried)
    assert.is_true(together.runs * 3 < alone.runs, together.runs .. " runs")
    alone, together = try_everywhere(CARELESS), try_everywhere(CARELESS, { together = 6 })
    local function instants(report)
      local list = {}
      for i, finding in ipairs(report.findings) do list[i] = { finding.at, finding.step, finding.when } end
      return list
    end
    assert.same(instants(alone), instants(together))
  end)

  it("draws a sample by its seed, in order", function()
    local function draw(seed) return choose.sample({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, 4, random.stream(seed, "sweep")) end
    assert.equal(4, #draw(1))
    assert.same(draw(1), sorted(draw(1)))
    assert.same(draw(1), draw(1))
    assert.are_not.same(draw(1), draw(3))
    assert.same({ 1, 2 }, choose.sample({ 1, 2 }, 5, random.stream(1, "sweep")))
    assert.same({ { 1, 4, 7 }, { 2, 5 }, { 3, 6 } }, choose.groups({ 1, 2, 3, 4, 5, 6, 7 }, 3))
  end)

  it("tries all that differs, and of reads in a row as many as asked for", function()
    local read, write = { writes = false, path = "" }, { writes = true, path = "" }
    local instants = { read, read, read, read, read, write, read, write }
    assert.same({ 0, 1, 2, 3, 4, 5, 6, 7, 8 }, sorted(choose.instants(instants)))
    assert.same({ 0, 1, 5, 6, 7, 8 }, sorted(choose.instants(instants, 1)))
    assert.same({ 0, 1, 4, 5, 6, 7, 8 }, sorted(choose.instants(instants, 2)))
    assert.same({ 0, 5, 6, 7, 8 }, sorted(choose.instants(instants, 0)))
  end)
end)

describe("fairlead rehearse --crash-everywhere", function()
  setup(function() folder = program.folder() end)
  teardown(function() getmetatable(folder).__close() end)

  local function rehearse(body, ...)
    return program.run { "rehearse", "--crash-everywhere", folder:write("lamp.lua", SCRIPT:format(body)), ... }
  end

  it("reports and ends with 1 when something is wrong", function()
    local done = rehearse(CARELESS)
    assert.equal(1, done.code, done.stderr)
    assert.matches("^Tell the team: wrong when killed at %d+ instant", done.stdout)
    assert.matches("what to do: give the step \"Tell the team\" an `already`", done.stdout, 1, true)
    assert.matches("all%-well, seed 1: killed and taken up again at %d+ of %d+ instants .-: [1-9]%d* wrong%.",
      done.stdout)
  end)

  it("ends with 0 when nothing is; as JSON too", function()
    local done = rehearse(CAREFUL, "--json", "--reads", "all", "--seed", "3")
    assert.equal(0, done.code, done.stderr)
    local last = json.decode(done.stdout:match "([^\n]+)\n$")
    assert.equal("sweep.finished", last.event)
    assert.equal(0, last.wrong)
    assert.equal(3, last.seed)
    assert.equal(last.instants, last.tried)
  end)

  it("says what is wrong with its arguments", function()
    assert.equal(2, rehearse(CAREFUL, "--reads", "some").code)
    assert.equal(2, rehearse(CAREFUL, "--scenario", "no-such").code)
  end)

  it("finds the release of the Planning Data Platform in order", function()
    local done = program.run {
      "rehearse", "--crash-everywhere", "scripts/planning-data.lua", "--scenario", "tests-fail", timeout = 300,
    }
    assert.equal(0, done.code, done.stdout)
  end)
end)
