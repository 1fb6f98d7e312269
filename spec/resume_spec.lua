--- Runs that end at any instant and are taken up again: what a recorder gives back, and a release in the simulated
--- world with a real journal. spec/resume_program_spec.lua kills real processes.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local journal = require "fairlead.journal"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local task = require "fairlead.task"
local world = require "fairlead.world"

local function play(fn, options)
  return procedure.execute(procedure.new { name = "spec", run = fn }, {}, options)
end

local function again(recorder, fn, options)
  recorder.seen = {} -- another process has come to nothing yet
  options = options or {}
  options.recorder, options.id, options.attempt = recorder, "one", 2
  return play(fn, options)
end

-- A task that is stopped while the function waits: what a process that dies leaves behind, in its recorder.
local function dies(recorder, fn, options)
  options = options or {}
  options.recorder, options.id = recorder, "one"
  -- What a dead process would still write does not arrive.
  local writes = {}
  for _, name in ipairs { "begin", "finish", "fail", "ended" } do
    writes[name] = recorder[name]
  end
  local running = task.start(play, fn, options)
  clock.sleep(0.05)
  for name in pairs(writes) do recorder[name] = function() error("dead", 0) end end
  running:cancel "killed"
  pcall(running.wait, running)
  for name in pairs(writes) do recorder[name] = nil end
end

local function for_ever() task.event():wait() end

describe("on resume, a step", function()
  local recorder
  before_each(function() recorder = memory.new() end)

  it("that was finished gives its result and does not act", function()
    local acts = 0
    local function script(run)
      local got = run:step("One", {
        already = function() error "not asked" end,
        act = function() acts = acts + 1 end,
      })
      assert.same({ n = 7 }, got)
    end
    local function first(run)
      run:step("One", function() acts = acts + 1 return { n = 7 } end)
      for_ever()
    end
    dies(recorder, first)
    assert.equal("done", again(recorder, script).outcome)
    assert.equal(1, acts)
  end)

  it("that was begun is looked for, and done only where it is not there", function()
    local there, acts, told = false, 0, nil
    local function script(run)
      run:step("One", {
        already = function(begun)
          told = begun
          return there and { found = true }
        end,
        act = function()
          acts = acts + 1
          if acts == 1 then for_ever() end
          return { found = false }
        end,
      })
    end
    dies(recorder, script)
    assert.is_nil(told)
    there = true
    assert.equal("done", again(recorder, script).outcome)
    assert.equal(1, acts)
    assert.equal("begun", told.status)
    assert.is_true(math.abs(told.began - clock.now()) < 60)
    recorder = memory.new()
    acts, there = 0, false
    dies(recorder, script)
    assert.equal("done", again(recorder, script).outcome)
    assert.equal(2, acts)
  end)

  it("that was begun and cannot be looked for ends the run, and says how to help it", function()
    local acts = 0
    local function script(run)
      run:stage("Deploy", function()
        run:step("Migrate", function()
          acts = acts + 1
          for_ever()
        end)
      end)
    end
    dies(recorder, script)
    local result = again(recorder, script)
    assert.equal("resume.unsure", result.reason)
    assert.equal(1, acts)
    assert.matches("step Deploy/Migrate: was begun, and the run ended before its result was known",
      tostring(result.error), 1, true)
    assert.matches("give it already=function() … end", result.error.hint, 1, true)
  end)

  it("that failed is in doubt as well, unless it is repeatable", function()
    local acts = 0
    local function script(repeatable)
      return function(run)
        run:step("Ask", { repeatable = repeatable, act = function()
          acts = acts + 1
          if acts == 1 then errors.raise { kind = "http.timeout", message = "too slow" } end
          return acts
        end })
      end
    end
    play(script(nil), { recorder = recorder, id = "one" })
    assert.matches("was begun and failed (too slow)", tostring(again(recorder, script(nil)).error), 1, true)
    assert.equal("done", again(recorder, script(true)).outcome)
    assert.equal(2, acts)
  end)

  it("that is another one now names both sides, and nothing is done", function()
    local acts = 0
    local function act() acts = acts + 1 return true end
    play(function(run) run:step("Merge", { intent = { pull = 7 }, act = act }) end, { recorder = recorder, id = "one" })
    local other = again(recorder, function(run) run:step("Merge", { intent = { pull = 8 }, act = act }) end)
    assert.equal("resume.mismatch", other.reason)
    assert.matches('step Merge: was recorded with the intent {"pull":7}, the script now has {"pull":8}',
      tostring(other.error), 1, true)
    local kind = again(recorder, function(run) run:gate { name = "Merge" } end)
    assert.matches("gate Merge: was recorded as a step, the script now has a gate", tostring(kind.error), 1, true)
    local renamed = again(recorder, function(run) run:step("Merge it", { intent = { pull = 7 }, act = act }) end)
    assert.equal("resume.mismatch", renamed.reason)
    assert.matches("step Merge it: is new here; recorded at this place is the step 'Merge'",
      tostring(renamed.error), 1, true)
    assert.equal(1, acts)
  end)

  it("that the script has gained after all that is recorded is done", function()
    local acts = {}
    local function step(run, name) run:step(name, function() acts[#acts + 1] = name return true end) end
    play(function(run) step(run, "A") step(run, "B") error "x" end, { recorder = recorder, id = "one" })
    assert.equal("done", again(recorder, function(run) step(run, "A") step(run, "B") step(run, "C") end).outcome)
    assert.same({ "A", "B", "C" }, acts)
  end)

  it("in a parallel branch is told from one of its name in another branch", function()
    local acts, stop = {}, true
    local function branch(run, name)
      return function()
        run:step("Deploy", { act = function() acts[#acts + 1] = name return name end })
        if name == "b" and stop then for_ever() end
        run:step("Check", function() acts[#acts + 1] = name .. " check" return true end)
      end
    end
    local function script(run) run:parallel { a = branch(run, "a"), b = branch(run, "b") } end
    dies(recorder, script)
    stop = false
    assert.equal("done", again(recorder, script).outcome)
    assert.same({ "a", "a check", "b", "b check" }, acts)
  end)

  it("may not share its name with one that another task is in", function()
    local result = play(function(run)
      local function one() run:step("Deploy", function() clock.sleep(0.01) return true end) end
      task.all { one, one }
    end)
    assert.equal("failed", result.outcome)
    assert.matches('run:step "Deploy": another task is in a step of this name', tostring(result.error), 1, true)
  end)

  it("has the same key as before, for services that take one", function()
    local keys = {}
    local function script(run)
      run:step("One", { repeatable = true, act = function()
        keys[#keys + 1] = run:step_id()
        if #keys == 1 then for_ever() end
        return true
      end })
    end
    dies(recorder, script)
    assert.equal("done", again(recorder, script).outcome)
    assert.equal(keys[1], keys[2])
    assert.equal(32, #keys[1])
  end)
end)

describe("on resume, a wait", function()
  local recorder
  before_each(function() recorder = memory.new() end)

  it("that had its value gives it again without looking", function()
    local looks = 0
    local function script(run)
      local function check()
        looks = looks + 1
        return { n = 1 }
      end
      assert.same({ n = 1 }, run:wait { name = "It", timeout = 5, check = check })
      error "down"
    end
    play(script, { recorder = recorder, id = "one" })
    again(recorder, script)
    assert.equal(1, looks)
  end)

  it("keeps its deadline, however often it is taken up", function()
    clock.simulate({ start = 1000 }, function()
      local function script(run)
        run:wait { name = "It", timeout = 600, check = function() return nil, "not yet" end }
      end
      local running = task.start(play, script, { recorder = recorder, id = "one" })
      clock.sleep(400)
      running:cancel "killed"
      pcall(running.wait, running)
      local result = again(recorder, script)
      assert.equal("wait.timeout", result.reason)
      assert.equal(1600, result.finished)
      -- One that was given up begins anew.
      assert.equal(2200, again(recorder, script).finished)
    end)
  end)

  it("is not made longer by a clock that was set back", function()
    local function script(run) run:wait { name = "It", timeout = 600, check = function() return nil, "not yet" end } end
    clock.simulate({ start = 10000 }, function()
      local running = task.start(play, script, { recorder = recorder, id = "one" })
      clock.sleep(10)
      running:cancel "killed"
      pcall(running.wait, running)
    end)
    clock.simulate({ start = 10000 - 3600 }, function()
      assert.equal(10000 - 3600 + 600, again(recorder, script).finished)
    end)
  end)

  it("may only give what can be recorded", function()
    local result = play(function(run)
      run:wait { name = "It", timeout = 1, check = function() return { f = print } end }
    end)
    assert.matches('run:wait "It": what check gave.f is a function, which cannot be recorded',
      tostring(result.error), 1, true)
  end)
end)

-- A channel that remembers its questions outside of the run, as Slack does.
local function postbox()
  local box = { asked = 0, resumed = 0, answers = {}, closed = {} }
  function box.channel()
    return {
      name = "box", every = 0.01,
      ask = function() box.asked = box.asked + 1 return { number = box.asked } end,
      resume = function(_, _, asked)
        box.resumed = box.resumed + 1
        return asked
      end,
      withdraw = function(_, _, asked) box.withdrawn = asked end,
      answer = function() return box.answer end,
      close = function(_, decision) box.closed[#box.closed + 1] = decision.decision end,
    }
  end
  return box
end

describe("on resume, a gate", function()
  local recorder, box, evidence
  before_each(function()
    recorder, box = memory.new(), postbox()
    evidence = { commit = "1a" }
  end)

  local function script(after)
    return function(run)
      local decision = run:gate { name = "Approval", via = { box.channel() }, approvers = { "eve" },
        evidence = function() return evidence end, timeout = 60 }
      assert.equal("eve", decision.by)
      if after then after(run) end
    end
  end

  it("that was decided is not asked again", function()
    box.answer = { decision = "approved", by = "eve" }
    dies(recorder, script(for_ever))
    assert.equal("done", again(recorder, script()).outcome)
    assert.equal(1, box.asked)
    assert.same({ "approved" }, box.closed)
  end)

  it("that was refused stays refused, and nobody is asked again", function()
    box.answer = { decision = "refused", by = "eve", why = "not today" }
    local finish = recorder.finish
    -- Killed once the refusal is on record, before the run has told its end.
    function recorder.finish(...)
      finish(...)
      local key = select(2, ...)
      if key.kind == "gate" then for_ever() end
    end
    dies(recorder, script())
    recorder.finish = nil
    local result = again(recorder, script())
    assert.equal("gate.refused", result.reason)
    assert.matches("refused by eve: not today", tostring(result.error), 1, true)
    assert.equal(1, box.asked)
  end)

  it("is void when what was shown has changed since, and is asked again after that", function()
    box.answer = { decision = "approved", by = "eve" }
    dies(recorder, script(for_ever))
    evidence = { commit = "2b" }
    local result = again(recorder, script())
    assert.equal("gate.voided", result.reason)
    assert.matches("what was approved by eve has changed since: commit: was 1a, is now 2b",
      tostring(result.error), 1, true)
    assert.equal(1, box.asked)
    assert.equal("done", again(recorder, script()).outcome)
    assert.equal(2, box.asked)
  end)

  it("holds for good once something was done on its strength", function()
    box.answer = { decision = "approved", by = "eve" }
    local function deploys(run)
      run:step("Deploy", function() evidence = { commit = "2b" } return true end)
      if box.stop then for_ever() end
    end
    box.stop = true
    dies(recorder, script(deploys))
    box.stop = false
    assert.equal("done", again(recorder, script(deploys)).outcome)
  end)

  it("that was asked is taken up, not asked again", function()
    dies(recorder, script())
    box.answer = { decision = "approved", by = "eve" }
    box.closed = {}
    assert.equal("done", again(recorder, script()).outcome)
    assert.equal(1, box.asked)
    assert.equal(1, box.resumed)
  end)

  it("that was asked about something else is asked again, and its question taken back", function()
    dies(recorder, script())
    evidence = { commit = "2b" }
    box.answer = { decision = "approved", by = "eve" }
    assert.equal("done", again(recorder, script()).outcome)
    assert.equal(2, box.asked)
    assert.same({ number = 1 }, box.withdrawn)
  end)

  it("that was asked ends when its evidence can no longer be derived", function()
    dies(recorder, script())
    local result = again(recorder, function(run)
      run:gate { name = "Approval", via = { box.channel() }, approvers = { "eve" }, timeout = 60,
        evidence = function() run:refuse("head-moved", "somebody pushed") end }
    end)
    assert.equal("head-moved", result.reason)
    for _, record in pairs(recorder.records) do
      if record.kind == "gate" then assert.equal("failed", record.status) end
    end
  end)

  it("asks anew after an interruption that closed its question", function()
    local running = task.start(play, script(), { recorder = recorder, id = "one" })
    clock.sleep(0.03)
    running:cancel "Ctrl-C"
    pcall(running.wait, running)
    assert.same({ "cancelled" }, box.closed)
    box.answer = { decision = "approved", by = "eve" }
    assert.equal("done", again(recorder, script()).outcome)
    assert.equal(2, box.asked)
  end)

  it("leaves its question open with --no-wait, and ends with exit code 75 until it is answered", function()
    local result = play(script(), { recorder = recorder, id = "one", no_wait = true })
    assert.equal("waiting", result.outcome)
    assert.equal(75, result.exit_code)
    assert.matches("waits for a decision of eve: Approval?", tostring(result.error), 1, true)
    assert.equal("waiting", again(recorder, script(), { no_wait = true }).outcome)
    box.answer = { decision = "approved", by = "eve" }
    assert.equal("done", again(recorder, script(), { no_wait = true }).outcome)
    assert.equal(1, box.asked)
    assert.same({ "approved" }, box.closed)
  end)
end)

describe("on resume, a notification", function()
  it("is not said again; one that may have been said is marked", function()
    local recorder, said, stop = memory.new(), {}, true
    local function script(run)
      run:notifier(function(message)
        said[#said + 1] = { message.text, message.again, message.id }
        if message.text == "two" and stop then for_ever() end
      end)
      run:notify "one"
      run:notify "two"
    end
    dies(recorder, script)
    stop = false
    assert.equal("done", again(recorder, script).outcome)
    assert.same({ "one", "two", "two" }, { said[1][1], said[2][1], said[3][1] })
    assert.is_nil(said[2][2])
    assert.is_true(said[3][2])
    assert.equal(said[2][3], said[3][3])
    assert.equal(4, #said) -- and the ending
  end)

  it("tells the end of each attempt, and a good end once", function()
    local recorder, ends = memory.new(), {}
    local down = true
    local function script(run)
      run:notifier(function(message) ends[#ends + 1] = message.outcome end)
      if down then error "down" end
    end
    play(script, { recorder = recorder, id = "one" })
    down = false
    again(recorder, script)
    again(recorder, script)
    assert.same({ "failed", "done" }, ends)
  end)
end)

-- ---- in the simulated world ----

local SCRIPT <const> = "scripts/planning-data.lua"

-- Lets `count` transactions through, then nothing any more: neither records nor requests.
local function cut(inner, count)
  local state = { dead = false, commits = 0 }
  local recorder = setmetatable({}, { __index = inner })
  for _, name in ipairs { "begin", "finish", "fail", "ended" } do
    recorder[name] = function(_, ...)
      if state.dead then errors.raise { kind = "crashed", message = "dead" } end
      inner[name](inner, ...)
      state.commits = state.commits + 1
      if state.commits == count then
        state.dead = true
        errors.raise { kind = "crashed", message = "dead" }
      end
    end
  end
  return recorder, state
end

local function effects(w)
  local messages = {}
  for _, channel in ipairs(w.slack.channels) do
    -- Commits are made at other times than without the interruption, so they have other ids.
    for _, message in ipairs(channel.messages) do
      messages[#messages + 1] = message.text:gsub("%x%x%x%x%x%x%x%x+", "ID")
    end
  end
  table.sort(messages)
  return { pulls = #w.github.pulls.list, messages = messages }
end

describe("a release that is cut short and taken up with the same journal", function()
  -- Everything up to the review, whose steps need no other knowledge than the journal's.
  local function release(points)
    local folder <close> = program.folder()
    local w = world.new { seed = 1 }
    local rehearsal = require "fairlead.world.rehearsal"
    local loaded = rehearsal.load(w, SCRIPT)
    return rehearsal.inside(w, function(place, transport)
      local book <close> = journal.open { folder = folder.path, durable = false }
      local function execute(options, count)
        local recorder, state
        options.mode, options.directory, options.user, options.id = "rehearsal", place.work, "adev", "one"
        local inner = options.recorder
        options.recorder = function(run)
          recorder, state = cut(inner(run), count)
          return recorder
        end
        local result = http.with_transport(function(request)
          if state and state.dead then errors.raise { kind = "crashed", message = "dead" } end
          return transport(request)
        end, procedure.execute, loaded, {}, options)
        return result, state
      end
      local result, state = execute({ recorder = book:recording() }, points[1])
      local commits = state.commits
      for i = 2, #points + 1 do
        if not state.dead then break end
        book.db:run("UPDATE runs SET owner = NULL") -- its process is gone
        local options = { recorder = function()
          return book:resuming("one", book:take("one"))
        end, attempt = i }
        result, state = execute(options, points[i])
      end
      return result, effects(w), commits
    end)
  end

  local whole, expected, commits
  setup(function() whole, expected, commits = release {} end)

  it("is done when it is not cut", function()
    assert.equal("done", whole.outcome, tostring(whole.error))
    assert.is_true(commits > 60)
    assert.equal(1, expected.pulls)
  end)

  for _, point in ipairs { 2, 4, 6, 8 } do
    it(("has the same effects when it is cut after transaction %d"):format(point), function()
      local result, found = release { point }
      assert.equal("done", result.outcome, tostring(result.error))
      assert.same(expected, found)
    end)
  end

  it("has the same effects when it is cut three times", function()
    local result, found = release { 4, 2, 10 }
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same(expected, found)
  end)
end)
