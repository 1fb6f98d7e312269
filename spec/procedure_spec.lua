local clock = require "fairlead.clock"
local duration = require "fairlead.procedure.duration"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"
local playing = require "spec.support.playing"
local task = require "fairlead.task"

local START <const>, events, play = playing.START, playing.events, playing.play

describe("a procedure's declaration", function()
  local function refused(options, pattern)
    local ok, err = pcall(procedure.new, options)
    assert.is_false(ok)
    assert.matches(pattern, err)
  end

  it("names what is wrong with it", function()
    refused(nil, "bad argument #1 to 'procedure.new' %(table expected, got nil%)")
    refused({ run = print }, "name: non%-empty text expected")
    refused({ name = "x" }, 'procedure "x": run: function expected, got nil')
    refused({ name = "x", run = print, pln = {} }, "unknown field 'pln'")
    refused({ name = "x", run = print, plan = { 1 } }, "plan%[1%]: text expected")
    refused({ name = "x", run = print, parameters = { a = { type = "int" } } }, "parameter 'a': type 'int' is none of")
    refused({ name = "x", run = print, parameters = { a = { type = "choice" } } }, "needs choices")
    refused({ name = "x", run = print, parameters = { a = { type = "integer", default = "b" } } },
      'its default "b" is not a whole number')
    refused({ name = "x", run = print, parameters = { a = { required = true, default = 1 } } }, "never be used")
  end)
end)

describe("parameters", function()
  local specs = {
    branch = { required = true, help = "what to release" },
    count = { type = "integer" },
    ratio = { type = "number", default = 0.5 },
    fast = { type = "boolean", default = false },
    hold = { type = "duration", default = "20m" },
    size = { type = "choice", choices = { "small", "large" } },
    token = { secret = true },
  }
  local function read(given)
    local values
    local result = play(function(_, parameters) values = parameters end, { parameters = specs }, given)
    return values, result
  end

  it("get their types from a command line's text", function()
    local values = read { branch = "main", count = "5", ratio = "1e3", fast = "yes", hold = "1h30m", size = "large" }
    assert.same({ branch = "main", count = 5, ratio = 1000.0, fast = true, hold = 5400, size = "large" }, values)
    assert.equal("integer", math.type(values.count))
  end)

  it("are taken as they are from Lua, and get their defaults", function()
    assert.same({ branch = "b", count = 5, ratio = 0.5, fast = false, hold = 1200 }, read { branch = "b", count = 5 })
  end)

  it("that are secret show in no event", function()
    local values, result = read { branch = "b", token = "hunter2" }
    assert.equal("[secret]", tostring(values.token))
    assert.is_nil(json.encode(result.events[1]):find("hunter2", 1, true))
  end)

  local function refused(given)
    local _, result = read(given)
    assert.equal("usage", result.outcome)
    assert.equal(2, result.exit_code)
    assert.same({ "run.finished" }, { result.events[1].event, result.events[2] })
    return result.error
  end

  it("are refused when unknown, with the nearest name", function()
    assert.equal("unknown parameter 'brnach' (given \"x\"); did you mean 'branch'?",
      refused { brnach = "x", branch = "b" }.problems[1])
  end)

  it("are refused when missing, with what is expected", function()
    assert.equal("parameter 'branch' is missing, expected text (what to release); `fairlead help SCRIPT` lists the "
      .. "parameters", tostring(refused {}))
  end)

  it("are refused when of another type, with what was given", function()
    local problems = refused({ branch = "b", count = "5.5", fast = "maybe", hold = "soon", size = "huge",
      ratio = "inf" }).problems
    assert.same({
      "parameter 'count' is \"5.5\", expected a whole number",
      "parameter 'fast' is \"maybe\", expected yes or no",
      "parameter 'hold' is \"soon\", expected a time such as 90s, 20m or 1h30m",
      "parameter 'ratio' is \"inf\", expected a number",
      "parameter 'size' is \"huge\", expected small or large",
    }, problems)
  end)
end)

describe("a step", function()
  it("acts, gives its result, and tells its beginning and end", function()
    local value
    local result = play(function(run)
      value = run:step("Deploy", { intent = { sha = "1a2b" }, act = function() clock.sleep(2) return { id = 7 } end })
    end)
    assert.same({ id = 7 }, value)
    assert.same({ { "Deploy", "step", "sha 1a2b" } }, events(result, "step.started", "path", "kind", "intent"))
    assert.same({ { "Deploy", "done", 2 } }, events(result, "step.finished", "path", "status", "elapsed"))
  end)

  it("does not act when `already` finds it done", function()
    local acted = false
    local value
    local result = play(function(run)
      value = run:step("Merge", { already = function() return "found" end, act = function() acted = true end })
    end)
    assert.is_false(acted)
    assert.equal("found", value)
    assert.same({ { "Merge", "already" } }, events(result, "step.skipped", "path", "why"))
  end)

  it("has a path through the steps that it is part of, and a number when its name repeats", function()
    local result = play(function(run)
      run:stage("Staging", function()
        run:step("Deploy", function() run:step("Image", function() end) end)
        run:step("Deploy", function() end)
      end)
    end)
    assert.same({ "Staging", "Staging/Deploy", "Staging/Deploy/Image", "Staging/Deploy (2)" },
      events(result, "step.started", "path"))
  end)

  it("belongs to its branch of run:parallel, and to the step around a task that the script starts itself", function()
    local result = play(function(run)
      run:parallel {
        left = function() clock.sleep(1) run:step("a", function() end) end,
        right = function() clock.sleep(1) run:step("b", function() end) end,
      }
      run:stage("Outer", function()
        task.all { function() run:step("inner", function() end) end }
      end)
    end)
    assert.same({ "left", "right", "left/a", "right/b", "Outer", "Outer/inner" },
      events(result, "step.started", "path"))
  end)

  it("refuses a result that JSON cannot hold, naming the place", function()
    local function refused(value, pattern)
      local result = play(function(run) run:step("Bad", function() return value end) end)
      assert.equal("failed", result.outcome)
      assert.matches(pattern, tostring(result.error))
      assert.matches("procedure_spec.lua:%d+:", tostring(result.error))
    end
    refused({ list = { 1, { close = print } } }, "result.list%[2%].close is a function, which cannot be recorded")
    refused(0 / 0, "result is %-?nan")
    refused("\xff", "result is text that is not UTF%-8")
    refused({ 1, 2, x = 3 }, "a table is either a list or has text keys only")
    refused(setmetatable({}, { __name = "Thing" }), "result is an object %(Thing%)")
    local loop = {}
    loop.again = loop
    refused(loop, "result.again refers back to itself")
    refused(secret "x", "result is a userdata")
  end)

  it("says how it is called wrongly, at the script's line", function()
    local function refused(fn, pattern)
      local result = play(fn)
      assert.matches("^spec/procedure_spec.lua:%d+: run:step", tostring(result.error):gsub("^%./", ""))
      assert.matches(pattern, tostring(result.error))
    end
    refused(function(run) run:step("x") end, "a function or {intent=, already=, act=function} expected, got nil")
    refused(function(run) run:step("x", { act = print, alredy = print }) end, "unknown field 'alredy'")
    refused(function(run) run:step("a/b", print) end, "a name has no '/'")
    refused(function(run) run:step("x", { intent = print, act = print }) end, "intent is a function")
  end)

  it("has a key of its own that repeats in the same run only", function()
    local keys = {}
    local function ask(run)
      run:step("one", function() keys[#keys + 1] = run:step_id() end)
      run:step("one", function() keys[#keys + 1] = run:step_id() end)
    end
    play(ask, { seed = 1 })
    play(ask, { seed = 1 })
    play(ask, { seed = 2 })
    assert.matches("^%x+$", keys[1])
    assert.equal(32, #keys[1])
    assert.are_not.equal(keys[1], keys[2])
    assert.same({ keys[1], keys[2] }, { keys[3], keys[4] })
    assert.are_not.equal(keys[1], keys[5])
  end)

  it("that failed names the innermost place, also where the error passes other steps", function()
    local result = play(function(run)
      run:stage("A", function()
        try(function() run:step("tolerated", function() error "first" end) end)
        run:step("B", function()
          errors.raise { kind = "http.timeout", message = "too slow", op = "get", target = "x" }
        end)
      end)
    end)
    local final = result.events[#result.events]
    assert.equal("A/B", final.failed)
    assert.equal("get x: too slow", final.error)
    assert.same({ { "A/tolerated", "failed" }, { "A/B", "failed" }, { "A", "failed" } },
      events(result, "step.finished", "path", "status"))
  end)
end)

describe("a recorded run", function()
  local acts, script
  before_each(function()
    acts = {}
    script = function(intent)
      return function(run)
        run:step("One", { intent = intent, act = function() acts[#acts + 1] = "one" return { n = 1 } end })
        run:step("Two", { repeatable = true, act = function()
          acts[#acts + 1] = "two"
          if #acts < 3 then error "down" end
          return 2
        end })
      end
    end
  end)

  it("goes on from what was recorded, without acting again", function()
    local recorder = memory.new()
    assert.equal("failed", play(script "x", { recorder = recorder }).outcome)
    local second = play(script "x", { recorder = recorder })
    assert.equal("done", second.outcome)
    assert.same({ "one", "two", "two" }, acts)
    assert.same({ { "One", "recorded" } }, events(second, "step.skipped", "path", "why"))
  end)

  it("refuses a step whose arguments are not those that were recorded", function()
    local recorder = memory.new()
    play(script "x", { recorder = recorder })
    local second = play(script "y", { recorder = recorder })
    assert.equal("resume.mismatch", second.reason)
    assert.matches("step One: was recorded with the intent x, the script now has y", tostring(second.error))
  end)

  it("holds copies: what a script does to a result afterwards does not reach it", function()
    local recorder = memory.new()
    play(function(run)
      local result = run:step("One", function() return { list = { 1 } } end)
      result.list[1] = 99
    end, { recorder = recorder })
    local again
    play(function(run) again = run:step("One", function() end) end, { recorder = recorder })
    assert.same({ list = { 1 } }, again)
  end)
end)

describe("a wait", function()
  it("checks at once, and gives what the check gives", function()
    local value
    local result = play(function(run)
      value = run:wait { name = "It", timeout = 60, check = function() return "here" end }
    end)
    assert.equal("here", value)
    assert.equal(0, result.elapsed)
  end)

  it("asks often at first, then less often, and finely again when the end is near", function()
    local times, expected = {}, START + 600
    play(function(run)
      run:wait {
        name = "It", timeout = 3600, every = 5,
        check = function()
          times[#times + 1] = clock.now() - START
          return clock.now() >= expected + 7 or nil, { text = "working", expected = expected }
        end,
      }
    end)
    assert.equal(0, times[1])
    assert.equal(5, times[2])
    local longest = 0
    for i = 2, #times do longest = math.max(longest, times[i] - times[i - 1]) end
    assert.is_true(longest > 5 and longest <= 10, "longest pause " .. longest)
    assert.is_true(#times < 80, #times .. " checks")
    assert.is_true(times[#times] - times[#times - 1] <= 7, "the end was found out late")
  end)

  it("looks more often at a hurried pace, all along", function()
    local times = {}
    play(function(run)
      run:wait { name = "It", timeout = 100, every = 5, check = function()
        times[#times + 1] = clock.now()
        return clock.now() - START > 90
      end }
    end, { pace = 60 })
    for i = 2, #times do assert.is_true(times[i] - times[i - 1] <= 0.5 + 1e-6, times[i] - times[i - 1]) end
  end)

  it("ends at its deadline with what was seen last, after one last look", function()
    local last
    local result = play(function(run)
      run:wait { name = "It", timeout = 100, every = 30, check = function()
        last = clock.now()
        return nil, "1 of 2"
      end }
    end)
    assert.equal("wait.timeout", result.reason)
    assert.equal("wait for It: not there after 1 min 40 s; last seen: 1 of 2", tostring(result.error))
    assert.equal(START + 100, last)
    assert.equal(100, result.elapsed)
  end)

  it("is not held up beyond its deadline by a check that hangs", function()
    local result = play(function(run)
      run:wait { name = "It", timeout = 50, check = function() clock.sleep(1000) return true end }
    end)
    assert.equal("wait.timeout", result.reason)
    assert.is_true(result.elapsed <= 55, result.elapsed .. " s")
  end)

  it("shows a retryable error and goes on; any other ends it", function()
    local count = 0
    local result = play(function(run)
      run:wait { name = "It", timeout = 600, check = function()
        count = count + 1
        if count == 2 then
          errors.raise { kind = "http.reset", message = "connection reset", retryable = true, retry_after = 40 }
        end
        if count == 3 then errors.raise { kind = "github.api.not_found", message = "no such run" } end
        return nil, "queued"
      end }
    end)
    assert.equal("github.api.not_found", result.reason)
    assert.same({ { "queued", "-" }, { "queued", "connection reset" } },
      events(result, "wait.progress", "text", "error"))
    assert.equal(45, result.elapsed)
  end)

  it("tells progress on change, and now and then without any", function()
    local result = play(function(run)
      try(run.wait, run, { name = "It", timeout = 300, every = 1, check = function() return nil, "same" end })
    end)
    local told = events(result, "wait.progress", "at")
    assert.is_true(#told >= 8 and #told <= 11, #told .. " events")
  end)

  it("can be read while it lasts", function()
    local seen
    play(function(run)
      run:wait { name = "It", timeout = 60, check = function()
        if clock.now() - START >= 5 then
          seen = run:waiting()
          return true
        end
        return nil, { text = "half", expected = START + 9 }
      end }
      assert.same({}, run:waiting())
    end)
    assert.equal(1, #seen)
    assert.same({ "It", START, START + 60, "half", START + 9 },
      { seen[1].path, seen[1].since, seen[1].deadline, seen[1].text, seen[1].expected })
  end)

  it("needs a timeout", function()
    assert.matches('run:wait "It": timeout: a number of seconds above 0 expected',
      tostring(play(function(run) run:wait { name = "It", check = print } end).error))
  end)
end)

describe("run:parallel", function()
  it("gives results by name, and cancels the others when one fails", function()
    local results
    play(function(run)
      results = run:parallel { a = function() clock.sleep(1) return 1 end, b = function() return 2 end }
    end)
    assert.same({ a = 1, b = 2 }, results)
    local result = play(function(run)
      run:parallel {
        slow = function() run:step("long", function() clock.sleep(100) end) end,
        bad = function() clock.sleep(1) error "broken" end,
      }
    end)
    assert.equal(1, result.elapsed)
    assert.same({ { "bad", "failed" }, { "slow/long", "cancelled" }, { "slow", "cancelled" } },
      events(result, "step.finished", "path", "status"))
    assert.equal("bad", result.events[#result.events].failed)
  end)
end)

describe("the end of a run", function()
  local function ended(kind, reason)
    local result = play(function(run)
      if reason then run:refuse(reason, "no") end
      errors.raise { kind = kind, message = "x" }
    end)
    return { result.outcome, result.reason, result.exit_code }
  end

  it("has an outcome, a reason code and an exit code by the error's kind", function()
    local done = play(function() end)
    assert.same({ "done", "done", 0 }, { done.outcome, done.reason, done.exit_code })
    assert.same({ "failed", "wait.timeout", 1 }, ended "wait.timeout")
    assert.same({ "usage", "config.missing", 2 }, ended "config.missing")
    assert.same({ "usage", "aws.no_credentials", 2 }, ended "aws.no_credentials")
    assert.same({ "refused", "gate.timeout", 3 }, ended "gate.timeout")
    assert.same({ "refused", "review.missing", 3 }, ended(nil, "review.missing"))
    assert.same({ "not_authorised", "github.api.not_authorised", 4 }, ended "github.api.not_authorised")
    assert.same({ "rolled_back", "deployment.rolled_back", 5 }, ended "deployment.rolled_back")
    assert.same({ "failed", "deployment.failed", 1 }, ended "deployment.failed")
    assert.same({ "waiting", "lock.held", 75 }, ended "lock.held")
    assert.same({ "failed", "gateway", 1 }, ended "gateway")
  end)

  it("tells the notifiers with the facts: what failed, what is live, what was not done", function()
    local told = {}
    play(function(run)
      run:notifier(function(message) told[#told + 1] = message end)
      run:stage("A", function() end)
      run:live { environment = "staging", version = "1" }
      run:live { environment = "staging", version = "2" }
      run:fact "https://example.org/run/1"
      run:notify "half way"
      run:stage("B", function()
        run:step("deploy", function() errors.raise { kind = "x.y", message = "bad" } end)
      end)
    end, { plan = { "A", "B", "C" } })
    assert.equal("half way", told[1].text)
    local ending = told[2]
    assert.is_true(ending.ending)
    assert.same({ "failed", "x.y", "B/deploy" }, { ending.outcome, ending.reason, ending.failed })
    assert.same({ "B", "C" }, ending.not_done)
    assert.same({ { environment = "staging", version = "2" } }, ending.live)
    assert.same({ "https://example.org/run/1" }, ending.facts)
    assert.equal("bad", ending.error.message)
  end)

  it("calls on_failure with the error, before the notifiers; a handler that fails does not hide it", function()
    local order = {}
    local result = play(function(run)
      run:on_failure(function(err) order[#order + 1] = "handler " .. err.kind error "handler broke" end)
      run:notifier(function(message) order[#order + 1] = message.outcome error "slack is down" end)
      run:refuse("review.missing", "nobody looked", "ask somebody")
    end)
    assert.same({ "handler gate.refused", "refused" }, order)
    assert.equal("review.missing", result.reason)
    assert.equal("nobody looked; ask somebody", tostring(result.error))
    local notes = events(result, "note", "text")
    assert.matches("^on_failure: .*handler broke$", notes[1])
    assert.matches("^could not notify: .*slack is down$", notes[2])
  end)

  it("comes in order also when the run is cancelled; what it does then may wait", function()
    local list, told = {}, nil
    clock.simulate({ start = START }, function()
      local work = task.start(procedure.execute, procedure.new {
        name = "spec", plan = { "Wait" },
        run = function(run)
          run:on_failure(function(err) clock.sleep(2) told = err.kind end)
          run:wait { name = "Wait", timeout = 900, check = function() end }
        end,
      }, {}, { listener = function(event) list[#list + 1] = event end })
      clock.sleep(20)
      work:cancel "Ctrl-C"
      pcall(work.wait, work)
    end)
    local final = list[#list]
    assert.equal("cancelled", told)
    assert.same({ "run.finished", "interrupted", "cancelled", 130, 22 },
      { final.event, final.outcome, final.reason, final.exit_code, final.elapsed })
    assert.same({ "Wait" }, final.not_done)
    assert.equal("cancelled", list[#list - 1].status)
  end)
end)

describe("a run's events", function()
  it("repeat exactly for the same seed, and the run's id with them", function()
    local function one(seed)
      local lines = {}
      local result = play(function(run)
        run:wait { name = "It", timeout = 60, check = function() return clock.now() > START + 20 end }
      end, { seed = seed })
      for i, event in ipairs(result.events) do lines[i] = json.encode(event) end
      return table.concat(lines, "\n"), result.id
    end
    local first, id = one(7)
    assert.equal(first, (one(7)))
    assert.matches("^20260302%-090000%-%x+$", id)
    assert.are_not.equal(id, select(2, one(8)))
  end)

  it("have an id of their own for each real run", function()
    local first, second = play(function() end, { mode = "run" }), play(function() end, { mode = "run" })
    assert.are_not.equal(first.id, second.id)
  end)

  it("show HTTP exchanges under the step that made them", function()
    local result = http.with_transport(function(request)
      return { status = 200, headers = {}, body = "", url = request.url }
    end, play, function(run)
      run:stage("Read", function() http.get "https://example.org/a" end)
      http.get "https://example.org/b"
    end)
    assert.same({ { "GET", 200, "Read" }, { "GET", 200, "-" } },
      events(result, "http.request", "method", "status", "path"))
  end)

  it("stay whole when a listener fails", function()
    local result = play(function(run) run:say "hello" end, { listener = function() error "broken pipe" end })
    assert.equal("done", result.outcome)
    assert.equal(3, #result.events)
    assert.matches("broken pipe$", result.broken)
  end)

  it("hold nothing that JSON cannot, whatever a script hands over", function()
    local result = play(function(run)
      local checks = 0
      run:wait { name = "It", timeout = 60, check = function()
        checks = checks + 1
        return checks > 1, { text = errors.new { kind = "x", message = "odd" }, fraction = 0 / 0, traffic = print }
      end }
    end)
    for _, event in ipairs(result.events) do assert.is_string(json.encode(event)) end
    assert.same({ { "odd", "-", "-" } }, events(result, "wait.progress", "text", "fraction", "traffic"))
  end)

  it("hold text in UTF-8 only", function()
    local result = play(function(run) run:say "caf\xe9 \xff!" end)
    assert.same({ "caf\u{FFFD} \u{FFFD}!" }, events(result, "note", "text"))
  end)
end)

describe("a length of time", function()
  it("is said as people say it", function()
    local said = {}
    for i, seconds in ipairs { 0, 0.04, 0.44, 3, 9.97, 59.6, 60, 65, 3599, 3600, 4800, 86400, 97200 } do
      said[i] = duration.text(seconds)
    end
    assert.same({ "0 s", "0 s", "0.4 s", "3 s", "10 s", "1 min", "1 min", "1 min 05 s", "59 min 59 s", "1 h",
      "1 h 20 min", "1 d 0 h", "1 d 3 h" }, said)
  end)
end)

describe("beside the steps", function()
  it("somebody who comes late hears all events, in order", function()
    local heard = {}
    local result = play(function(run)
      run:step("First", function() return 1 end)
      run:listen(function(event) heard[#heard + 1] = event.event end)
      run:step("Second", function() return 2 end)
    end)
    local all = {}
    for i, event in ipairs(result.events) do all[i] = event.event end
    assert.same(all, heard)
  end)

  it("what goes on belongs to no step, ends with the run, and fails nothing", function()
    local told, ended = 0, false
    local result = play(function(run)
      run:background("ticking", function()
        local _ <close> = setmetatable({}, { __close = function() ended = true end })
        while true do
          clock.sleep(1)
          told = told + 1
          run:say "tick"
        end
      end)
      run:background("breaking", function() error("it broke", 0) end)
      run:step("Work", function() clock.sleep(3.5) return true end)
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.equal(3, told)
    assert.is_true(ended)
    assert.same({ { "warning", "-", "breaking: it broke" }, { "say", "-", "tick" }, { "say", "-", "tick" },
      { "say", "-", "tick" } }, events(result, "note", "kind", "path", "text"))
  end)

  it("each end has its handlers, after everybody was told, though others fail", function()
    local order = {}
    local result = play(function(run)
      run:notifier(function(message) order[#order + 1] = "told " .. message.outcome end)
      run:at_end(function() error("no", 0) end)
      run:at_end(function(message) order[#order + 1] = "end " .. message.reason end)
      run:on_failure(function() run:because("the disk is full", "df says\n100 %") end)
      run:refuse("full", "no room")
    end)
    assert.same({ "told refused", "end full" }, order)
    assert.same({ { "warning", "at the end: no", "-" }, { "why", "the disk is full", "df says\n100 %" } },
      { events(result, "note", "kind", "text", "details")[2], events(result, "note", "kind", "text", "details")[1] })
    assert.same({ "the disk is full" }, result.events[#result.events].why)
  end)

  it("a run that only stops waiting for a person is at an end, too", function()
    local reasons = {}
    play(function(run)
      run:at_end(function(message) reasons[#reasons + 1] = message.reason end)
      run:gate { name = "Go", via = { { name = "nobody", ask = function() end, answer = function() end } } }
    end, { no_wait = true })
    assert.same({ "waiting.decision" }, reasons)
  end)
end)
