-- Supervised runs: each part is called by a function of whoever carries the run out, which may call it again in place.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local journal = require "fairlead.journal"
local json = require "fairlead.json"
local memory = require "fairlead.procedure.memory"
local playing = require "spec.support.playing"
local procedure = require "fairlead.procedure"
local task = require "fairlead.task"

local events, play = playing.events, playing.play

-- Calls a part again as often as `again(place, err)` says so, in a task of its own or, with `plain`, in the caller's.
local function retrying(again, plain)
  return function(_, _, call, place)
    while true do
      local ok, results
      if plain then
        results = table.pack(pcall(call))
      else
        results = table.pack(pcall(task.timeout, 1e6, call))
      end
      ok = results[1]
      if ok then return table.unpack(results, 2, results.n) end
      local err = errors.wrap(results[2])
      local choice = again(place, err)
      if type(choice) == "table" then return place:give(choice.value, choice.by) end
      if not choice then error(err, 0) end
    end
  end
end

local function broken(times, value)
  local left = times
  return function()
    left = left - 1
    if left >= 0 then errors.raise { kind = "spec.broken", message = "not yet" } end
    return value
  end
end

local function once(path)
  return function(place, err) return place.path == path and place.attempts < 5 and err.kind == "spec.broken" end
end

-- Each taking of a lock has a token of its own; what branches do in one instant has no order.
local function comparable(list)
  local texts = {}
  for i, event in ipairs(list) do
    event.token = nil
    texts[i] = ("%.3f %s %s %s"):format(event.at, event.path and event.path:match "^[^/]*" or i, event.path,
      json.encode(event, { sort_keys = true }))
  end
  table.sort(texts)
  return texts
end

for _, how in ipairs { "in tasks of its own", "in the caller's task" } do
  local plain = how == "in the caller's task"

  describe("a supervised run, its parts called " .. how, function()
    local function supervised(fn, again, options)
      options = options or {}
      options.recorder = options.recorder or memory.new()
      options.supervise = retrying(again or function() return false end, plain)
      return play(fn, options), options.recorder
    end

    local function everything(run)
      run:stage("Build", function()
        local _ <close> = run:lock("shop", { reason = "spec" })
        run:step("Compile", function() clock.sleep(5) return { id = 7 } end)
        run:step("Compile", function() return "second" end)
        local ready = clock.now() + 60
        run:wait { name = "Image", timeout = 600, check = function() return clock.now() >= ready, "soon" end }
      end)
      run:gate { name = "Go", evidence = { commit = "abc" } }
      local both = run:parallel {
        one = function() return run:step("Deploy", function() clock.sleep(3) return 1 end) end,
        two = function() return run:step("Deploy", function() clock.sleep(1) return 2 end) end,
      }
      run:notify "both are there"
      return both.one + both.two
    end

    it("goes as one that is not", function()
      local before = memory.new()
      local expected = play(everything, { recorder = before })
      local result, after = supervised(everything)
      assert.same(comparable(expected.events), comparable(result.events))
      assert.equal(3, result.value)
      before.records["Build/Lock shop"].result, after.records["Build/Lock shop"].result = nil, nil
      assert.same(before.records, after.records)
    end)

    it("has a step called again in place", function()
      local asked, acted = {}, 0
      local work = broken(2, { id = 1 })
      local result, recorder = supervised(function(run)
        run:step("Make", function() return "first" end)
        return run:stage("Part", function()
          local made = run:step("Make", {
            already = function(begun) asked[#asked + 1] = begun and begun.status or "new" end,
            act = function() acted = acted + 1 return work() end,
          })
          run:step("Make", function() return "another" end)
          return made.id
        end)
      end, once "Part/Make")
      assert.equal("done", result.outcome)
      assert.equal(1, result.value)
      assert.equal(3, acted)
      assert.same({ "new", "failed", "failed" }, asked)
      assert.same({ { "Make", "-" }, { "Part", "-" }, { "Part/Make", "-" }, { "Part/Make", 2 }, { "Part/Make", 3 },
        { "Part/Make (2)", "-" } }, events(result, "step.started", "path", "attempt"))
      assert.same({ "done", "failed", "failed", "done", "done", "done" }, events(result, "step.finished", "status"))
      local record = recorder.records["Part/Make"]
      assert.equal("finished", record.status)
      assert.equal(3, record.attempts)
      assert.equal("", record.scope)
      assert.is_nil(record.error)
    end)

    it("asks what was begun, and refuses to guess", function()
      local kinds = {}
      local result = supervised(function(run)
        run:step("Post", broken(1, true))
      end, function(place, err)
        kinds[#kinds + 1] = ("%s %s"):format(place.kind, err.kind)
        return place.kind == "step" and place.attempts < 2
      end)
      assert.same({ "step spec.broken", "step resume.unsure", "procedure resume.unsure" }, kinds)
      assert.equal("failed", result.outcome)
    end)

    it("has a wait called again, with a deadline of its own", function()
      local tries = 0
      local result = supervised(function(run)
        return run:wait { name = "Image", timeout = 100, every = 10, check = function()
          return tries > 0 and clock.now() or nil, "none"
        end }
      end, function(place, err)
        if place.kind ~= "wait" or err.kind ~= "wait.timeout" then return false end
        tries = tries + 1
        assert.same({}, place.run:waiting())
        return true
      end)
      assert.equal("done", result.outcome)
      assert.is_true(result.elapsed >= 100 and result.elapsed < 110)
    end)

    it("has one look of a wait called again, and leaves it what it deals with itself", function()
      local looks, seen = 0, {}
      local result = supervised(function(run)
        local image = run:wait { name = "Image", timeout = 100, check = function()
          looks = looks + 1
          if looks == 1 then errors.raise { kind = "http.reset", message = "lost", retryable = true } end
          if looks == 2 then errors.raise { kind = "spec.broken", message = "no" } end
          return "there"
        end }
        run:step("After", function() return true end)
        return image
      end, function(place, err)
        seen[#seen + 1] = ("%s %s"):format(place.kind, tostring(place.ends and place.ends(err)))
        return place.kind == "look" and place.ends(err)
      end)
      assert.same({ "look false", "look true" }, seen)
      assert.equal("there", result.value)
      assert.same({ "Image", "After" }, events(result, "step.started", "path"))
    end)

    it("goes through a stage again, and does nothing of it twice", function()
      local done = { one = 0, two = 0 }
      local work = broken(1, true)
      local ends = 0
      local result, recorder = supervised(function(run)
        run:stage("Part", function()
          local _ <close> = run:lock("shop")
          run:fact "a fact"
          run:on_failure(function() ends = ends + 1 end)
          run:notify "begun"
          run:step("One", function() done.one = done.one + 1 return true end)
          work()
          run:step("Two", function() done.two = done.two + 1 return true end)
        end)
        error("the end", 0)
      end, once "Part")
      assert.same({ one = 1, two = 1 }, done)
      assert.equal("failed", result.outcome)
      assert.same({ "a fact" }, result.facts)
      assert.equal(1, ends)
      assert.same({ { "Part", "-" }, { "Part/Lock shop", "-" }, { "Part/One", "-" }, { "Part", 2 },
        { "Part/Lock shop", "-" }, { "Part/One", "-" }, { "Part/Two", "-" } },
        events(result, "step.started", "path", "attempt"))
      assert.same({ "recorded" }, events(result, "step.skipped", "why"))
      assert.equal(2, recorder.records["Part/Lock shop"].attempts)
    end)

    it("goes through the procedure again from the top", function()
      local done, told = 0, {}
      local work = broken(1, "value")
      local result = supervised(function(run)
        run:notifier(function(message) told[#told + 1] = message.text end)
        run:notify "begun"
        run:step("One", function() done = done + 1 return true end)
        run:step("One", function() done = done + 1 return true end)
        return work()
      end, function(place) return place.kind == "procedure" and place.attempts < 2 end)
      assert.equal(2, done)
      assert.equal("value", result.value)
      assert.equal(2, #told) -- that it began, and that it is done
      assert.same({ "One", "One (2)", "One", "One (2)" }, events(result, "step.started", "path"))
    end)

    it("does not go another way the second time", function()
      local pass = 0
      local result = supervised(function(run)
        run:stage("Part", function()
          pass = pass + 1
          run:step(pass == 1 and "One" or "Other", function() return true end)
          if pass == 1 then errors.raise { kind = "spec.broken", message = "no" } end
        end)
      end, once "Part")
      assert.equal("resume.mismatch", result.reason)
    end)

    it("asks a gate again that was refused", function()
      local answers, asked, told = { "refused", "approved" }, 0, {}
      local channel = {
        name = "chat",
        ask = function() asked = asked + 1 return { question = asked } end,
        resume = function(_, _, question) return question end,
        answer = function() return { decision = answers[asked], by = "ada" } end,
        close = function(_, decision) told[#told + 1] = decision.decision end,
      }
      local result, recorder = supervised(function(run)
        return run:gate({ name = "Go", via = { channel } }).by
      end, function(place, err) return place.kind == "gate" and err.kind == "gate.refused" end)
      assert.equal("ada", result.value)
      assert.equal(2, asked)
      assert.same({ "refused", "approved" }, told)
      assert.same({ "refused", "approved" }, events(result, "gate.decided", "decision"))
      assert.equal("approved", recorder.records["Go"].result.decision)
      assert.equal(2, recorder.records["Go@chat#1"].result.question)
    end)

    it("takes a value for a result, and says whose it is", function()
      local result, recorder = supervised(function(run)
        local id = run:step("Dispatch", { intent = { ref = "main" }, act = broken(9) }).id
        local image = run:wait { name = "Image", timeout = 10, check = broken(99) }
        return { id = id, image = image }
      end, function(place)
        if place.kind == "step" then return { value = { id = 42 }, by = "ada" } end
        if place.kind == "wait" then return { value = "sha256:1", by = "ada" } end
      end)
      assert.equal("done", result.outcome)
      assert.same({ id = 42, image = "sha256:1" }, result.value)
      assert.same({ { "Dispatch", "by hand", "ada" }, { "Image", "by hand", "ada" } },
        events(result, "step.skipped", "path", "why", "by"))
      local record, hand = recorder.records["Dispatch"], recorder.records["Dispatch@by hand"]
      assert.same({ "finished", { id = 42 }, { ref = "main" } }, { record.status, record.result, record.intent })
      assert.same({ by = "ada" }, hand.result)
      assert.equal(playing.START, hand.finished)
    end)

    it("takes no value where there is no result on record, and none that cannot be recorded", function()
      local problems = {}
      local function give(place, item)
        local _, err = pcall(place.give, place, item, "ada")
        problems[#problems + 1] = ("%s: %s"):format(place.kind, err.message)
      end
      supervised(function(run)
        run:stage("Part", function()
          run:step("One", broken(9))
        end)
      end, function(place)
        give(place, place.kind == "step" and print or 1)
        return false
      end)
      supervised(function(run)
        run:gate { name = "Go", evidence = function() error("no evidence", 0) end }
      end, function(place)
        if place.kind == "gate" then give(place, { decision = "approved" }) end
      end)
      assert.matches("step: the value is a function", problems[1])
      assert.matches("stage: a stage is not on record", problems[2])
      assert.matches("procedure: a procedure is not on record", problems[3])
      assert.matches("gate: a decision is its approvers' to make", problems[4])
    end)

    it("calls one branch again while the others go on", function()
      local work = broken(1, 1)
      local order = {}
      local result, recorder = supervised(function(run)
        return run:parallel {
          one = function() return run:step("Deploy", { repeatable = true, act = function()
            clock.sleep(1)
            local id = work()
            order[#order + 1] = "one"
            return id
          end }) end,
          two = function()
            run:step("Deploy", function() clock.sleep(1.5) order[#order + 1] = "two" return 2 end)
            return run:step("Follow", function() clock.sleep(2) order[#order + 1] = "followed" return 3 end)
          end,
        }
      end, once "one/Deploy")
      assert.same({ one = 1, two = 3 }, result.value)
      assert.same({ "two", "one", "followed" }, order)
      assert.equal("one", recorder.records["one/Deploy"].scope)
      assert.equal("two", recorder.records["two/Deploy"].scope)
    end)

    it("keeps a lock's lease alive although the task that took it has ended", function()
      local again = false
      local result = supervised(function(run)
        local _ <close> = run:lock("shop", { lease = 10 })
        run:wait { name = "Long", timeout = 1000, check = function()
          if clock.now() < playing.START + 500 then return nil end
          if not again then errors.raise { kind = "spec.broken", message = "no" } end
          return true
        end }
        run:step("After", function() return true end)
      end, function(place)
        again = true
        return place.kind == "wait"
      end)
      assert.equal("done", result.outcome)
      assert.same({ "done" }, events(result, "lock.released", "why"))
    end)

    it("keeps what goes on in the background until the run ends", function()
      local ticks = 0
      local result = supervised(function(run)
        run:stage("Part", function()
          run:background("ticking", function()
            while true do clock.sleep(10) ticks = ticks + 1 end
          end)
        end)
        run:step("Wait", function() clock.sleep(105) return true end)
      end)
      assert.equal("done", result.outcome)
      assert.equal(10, ticks)
    end)
  end)
end

describe("a supervised run's journal", function()
  it("holds what another process needs: values by hand, and a failure that somebody still looks at", function()
    local folder = os.tmpname()
    os.remove(folder)
    local book <close> = journal.open { folder = folder, durable = false }
    local function work(run)
      local id = run:step("Dispatch", broken(9)).id
      run:wait { name = "Build", timeout = 50, check = function() return nil, "queued" end }
      return id
    end
    local left
    play(work, { id = "r1", recorder = book:recording(), supervise = retrying(function(place, err)
      if place.kind == "step" then return { value = { id = 3 }, by = "ada" } end
      if place.kind == "wait" then left = err.kind end
    end) })
    local status = {}
    for i, entry in ipairs(book:entries "r1") do status[i] = ("%s %s %s"):format(entry.kind, entry.id, entry.status) end
    assert.same({ "step Dispatch finished", "hand Dispatch@by hand finished", "wait Build failed" }, status)
    assert.equal("wait.timeout", left)
    local token = book:take "r1"
    local result = play(work, { id = "r1", attempt = 2, recorder = book:resuming("r1", token) })
    assert.equal("wait.timeout", result.reason)
    assert.same({ "recorded" }, events(result, "step.skipped", "why"))
    for _, suffix in ipairs { "/journal.db", "/journal.db-wal", "/journal.db-shm" } do os.remove(folder .. suffix) end
    os.remove(folder)
  end)

  it("has the failure at once where its closing handlers have not run", function()
    local recorder, seen = memory.new(), {}
    play(function(run)
      run:step("One", { repeatable = true, act = function()
        local _ <close> = setmetatable({}, { __close = function()
          local place = seen.place
          seen.before = recorder.records["One"].status
          place:failed(errors.new { kind = "spec.broken", message = "seen" })
          seen.after = recorder.records["One"].status
        end })
        error("no", 0)
      end })
    end, { recorder = recorder, supervise = function(kind, _, call, place)
      if kind == "step" then seen.place = place end
      return call()
    end })
    assert.equal("begun", seen.before)
    assert.equal("failed", seen.after)
  end)
end)

describe("a release under a supervisor", function()
  local effects = require "fairlead.world.sweep.effects"
  local rehearsal = require "fairlead.world.rehearsal"
  local world = require "fairlead.world"

  local function rehearse(supervise)
    local w = world.new { seed = 3, scenario = "all-well" }
    local loaded = rehearsal.load(w, "scripts/planning-data.lua")
    return rehearsal.inside(w, function(folder)
      local result = procedure.execute(loaded, {}, rehearsal.execute_options(w, folder, { supervise = supervise }))
      return result, effects.of(w, {})
    end)
  end

  it("leaves in the world what it leaves there without one", function()
    local kinds = {}
    local result, left = rehearse(function(kind, _, call)
      kinds[kind] = true
      local tasks <close> = require "fairlead.task.native".group()
      return tasks:start(call):wait()
    end)
    local expected, expected_left = rehearse()
    assert.equal("done", result.outcome)
    assert.equal(expected.outcome, result.outcome)
    assert.same(expected_left, left)
    assert.same({ step = true, stage = true, wait = true, gate = true, lock = true, look = true, procedure = true },
      kinds)
  end)
end)

describe("a replay", function()
  local function script(seen)
    return function(run)
      run:notifier(function(message) table.insert(seen, message.text) end)
      run:background("looking after it", function() table.insert(seen, "background") end)
      local _ <close> = run:lock("shop")
      local id = run:step("Dispatch", { already = function() table.insert(seen, "looked") end, act = function()
        table.insert(seen, "acted")
        return 7
      end })
      run:notify "dispatched"
      run:wait { name = "Build", timeout = 60, again = true, check = function()
        table.insert(seen, "checked")
        return true
      end }
      run:gate { name = "Go", evidence = function()
        table.insert(seen, "evidence")
        return {}
      end }
      table.insert(seen, "at the end of it " .. id)
      run:step("Deploy", function() table.insert(seen, "deployed") end)
    end
  end

  it("gives what is on record, does nothing, tells nobody, and ends at what is not on record", function()
    local recorder, before, seen = memory.new(), {}, {}
    play(script(before), { recorder = recorder })
    recorder.records["Deploy"], recorder.seen = nil, {}
    local result = play(script(seen), { recorder = recorder, mode = "replay" })
    assert.same({ "at the end of it 7" }, seen)
    assert.equal("replay.end", result.reason)
    assert.equal("step Deploy: is not on record up to here", tostring(result.error))
    assert.same({ "Lock shop", "Dispatch", "Build", "Go" }, events(result, "step.skipped", "path"))
    assert.same({}, events(result, "lock.taken", "lock"))
    assert.is_nil(recorder.records["Deploy"])
  end)

  it("does not do again what was under way", function()
    local recorder = memory.new()
    local seen = {}
    play(script {}, { recorder = recorder })
    recorder.records["Dispatch"].status, recorder.seen = "begun", {}
    local result = play(script(seen), { recorder = recorder, mode = "replay" })
    assert.matches("Dispatch: was under way or had failed here", tostring(result.error))
    assert.same({}, seen)
  end)

  it("tells its supervisor what is on record of what comes next", function()
    local recorder, known = memory.new(), {}
    play(script {}, { recorder = recorder })
    recorder.records["Deploy"], recorder.seen = nil, {}
    play(script {}, { recorder = recorder, mode = "replay", supervise = function(_, name, call, place)
      local record = place.kind ~= "procedure" and place:on_record()
      known[name] = record and record.status or "nothing"
      return call()
    end })
    assert.same({ spec = "nothing", ["Lock shop"] = "finished", Dispatch = "finished", Build = "finished",
      Go = "finished", Deploy = "nothing" }, known)
  end)
end)
