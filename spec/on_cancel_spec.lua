-- run:on_cancel: what becomes of what goes on without the run when Ctrl-C ends it, and what a release does then.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local memory = require "fairlead.procedure.memory"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local rehearsal = require "fairlead.world.rehearsal"
local screens = require "spec.support.screen"
local task = require "fairlead.task"
local world = require "fairlead.world"

local CHOICES <const> = { { name = "leave", text = "it goes on" }, { name = "stop", text = "it stops" } }

-- A guard that notes what is chosen.
local function guard(run, log, name)
  return (run:on_cancel {
    name = name or "the pump", choices = CHOICES, act = function(choice)
      log[#log + 1] = ("%s: %s"):format(name or "the pump", choice)
      clock.sleep(0.01) -- it may wait
      return "done with " .. choice
    end,
  })
end

-- Cancels a run of `body(run, log)` after a while; its log, the result of the run's end, and its recorder.
local function cancelled(body, options)
  local log, recorder = {}, memory.new()
  local events = {}
  local p = procedure.new { name = "p", run = function(run) return body(run, log) end }
  options = options or {}
  options.recorder, options.listener = recorder, function(event) events[#events + 1] = event end
  local handle = task.start(procedure.execute, p, {}, options)
  clock.sleep(0.1)
  handle:cancel "interrupted"
  pcall(handle.wait, handle)
  return log, events, recorder
end

local function hang() clock.sleep(60) end

describe("run:on_cancel", function()
  it("does what was said beforehand, and puts it on record", function()
    local log, events, recorder = cancelled(function(run, log)
      local _ <close> = guard(run, log)
      hang()
    end, { on_cancel = "stop" })
    assert.same({ "the pump: stop" }, log)
    assert.equal("interrupted", events[#events].outcome)
    local said = {}
    for _, event in ipairs(events) do said[#said + 1] = event.text end
    assert.matches("the pump: done with stop", table.concat(said, "\n"))
    local entry = recorder.records["@cancel:the pump"]
    assert.same({ "finished", "stop", "done with stop" }, { entry.status, entry.result.choice, entry.result.did })
  end)

  it("leaves it where nobody can be asked, and where the choice is none here", function()
    for _, choice in ipairs { false, "rollback" } do
      assert.same({ "the pump: leave" }, (cancelled(function(run, log)
        local _ <close> = guard(run, log)
        hang()
      end, { on_cancel = choice or nil })))
    end
  end)

  it("does nothing when the run fails, or ends well, or another task of it fails", function()
    for _, body in ipairs {
      function(run, log) local _ <close> = guard(run, log) end,
      function(run, log)
        local _ <close> = guard(run, log)
        errors.raise { kind = "spec.failed", message = "no" }
      end,
      function(run, log)
        run:parallel {
          a = function()
            local _ <close> = guard(run, log)
            hang()
          end,
          b = function() errors.raise { kind = "spec.failed", message = "no" } end,
        }
      end,
    } do
      local log = {}
      local p = procedure.new { name = "p", run = function(run) return body(run, log) end }
      procedure.execute(p, {}, { on_cancel = "stop" })
      assert.same({}, log)
    end
  end)

  it("does it for each of several that go on at the same time", function()
    local log = cancelled(function(run, log)
      local function branch(name)
        return function()
          local _ <close> = guard(run, log, name)
          hang()
        end
      end
      run:parallel { a = branch "a", b = branch "b" }
    end, { on_cancel = "stop" })
    table.sort(log)
    assert.same({ "a: stop", "b: stop" }, log)
  end)

  it("says what could not be done, and ends as interrupted all the same", function()
    local _, events, recorder = cancelled(function(run)
      local _ <close> = run:on_cancel {
        name = "the pump", choices = CHOICES,
        act = function() errors.raise { kind = "spec", message = "it is stuck" } end,
      }
      hang()
    end, { on_cancel = "stop" })
    assert.equal("interrupted", events[#events].outcome)
    assert.equal("failed", recorder.records["@cancel:the pump"].status)
    local said = {}
    for _, event in ipairs(events) do said[#said + 1] = event.text end
    assert.matches("the pump: stop could not be done: it is stuck", table.concat(said, "\n"))
  end)

  it("gives the run that is taken up what was chosen", function()
    local _, _, recorder = cancelled(function(run, log)
      local _ <close> = guard(run, log)
      hang()
    end, { on_cancel = "stop" })
    local before
    procedure.execute(procedure.new { name = "p", run = function(run)
      local own
      own, before = run:on_cancel { name = "the pump", choices = CHOICES, act = print }
      local _ <close> = own
    end }, {}, { recorder = recorder })
    assert.same({ choice = "stop", did = "done with stop" }, before)
  end)

  it("refuses what is none", function()
    local function wrong(options, message)
      local result = procedure.execute(procedure.new { name = "p", run = function(run)
        local _ <close> = run:on_cancel(options)
      end }, {})
      assert.matches(message, tostring(result.error), 1, true)
    end
    wrong(nil, "a table of options expected, got nil")
    wrong({ choices = CHOICES, act = print }, "name: non-empty text expected")
    wrong({ name = "x", choices = {}, act = print }, "choices: a list expected")
    wrong({ name = "x", choices = CHOICES }, "act: function expected")
  end)
end)

describe("at a terminal, Ctrl-C", function()
  local SCRIPT <const> = [[
    local clock = require "fairlead.clock"
    local procedure = require "fairlead.procedure"
    return procedure.new { name = "spec", run = function(run)
      local _ <close> = run:on_cancel {
        name = "the pump", choices = { { name = "leave", text = "it goes on" }, { name = "stop", text = "it stops" } },
        act = function(choice)
          local file <close> = assert(io.open(FOLDER .. "/chosen", "w"))
          file:write(choice)
          return "done with " .. choice
        end,
      }
      run:wait { name = "Pumping", timeout = 600, check = function() end }
    end }
  ]]

  -- Two that go on, in two tasks.
  local SEVERAL <const> = [[
    local procedure = require "fairlead.procedure"
    return procedure.new { name = "spec", run = function(run)
      local function branch(name)
        return function()
          local _ <close> = run:on_cancel {
            name = name, choices = { { name = "leave", text = "it goes on" }, { name = "stop", text = "it stops" } },
            act = function(choice)
              local file <close> = assert(io.open(FOLDER .. "/chosen", "a"))
              file:write(choice, " ")
              return "done with " .. choice
            end,
          }
          run:wait { name = "Pumping", timeout = 600, check = function() end }
        end
      end
      run:parallel { a = branch "pump a", b = branch "pump b" }
    end }
  ]]

  local function chosen(folder)
    local file <close> = assert(io.open(folder.path .. "/chosen"))
    return file:read "a"
  end

  local function at_terminal(body, option, value, text)
    local folder <close> = program.folder()
    local script = folder:write("script.lua", ("local FOLDER <const> = %q\n"):format(folder.path) .. (text or SCRIPT))
    local screen <close> = screens.start(100, 30, {
      program.path, "run", script, option, value,
    }, { "FAIRLEAD_STATE=" .. folder.path .. "/state" })
    screen:wait "Pumping"
    screen:interrupt()
    body(screen, folder)
  end

  for _, face in ipairs { "the tree", "--plain" } do
    it(("asks what is to become of it (%s)"):format(face), function()
      at_terminal(function(screen, folder)
        local shown = screen:wait "Type: leave, stop. Nothing means leave."
        assert.matches("the pump goes on without this run. What is to become of it%?", shown)
        assert.matches("stop: it stops", shown)
        screen:type "burst"
        clock.sleep(0.2)
        screen:type "stop"
        screen:wait "%[ended 130%]"
        assert.equal("stop", chosen(folder))
      end, face == "--plain" and face or nil)
    end)
  end

  it("asks once for all that goes on, and waits longer than closing handlers have for the answer", function()
    at_terminal(function(screen, folder)
      local shown = screen:wait "Nothing means leave."
      assert.matches("pump a, pump b go on without this run. What is to become of them%?", shown)
      clock.sleep(11)
      screen:type "stop"
      screen:wait "%[ended 130%]"
      assert.equal("stop stop ", chosen(folder))
    end, nil, nil, SEVERAL)
  end)

  it("leaves it when nothing is typed", function()
    at_terminal(function(screen, folder)
      screen:wait "Nothing means leave."
      screen:type ""
      screen:wait "%[ended 130%]"
      assert.equal("leave", chosen(folder))
    end)
  end)

  it("a second time does not wait for an answer, and nothing is done", function()
    at_terminal(function(screen, folder)
      screen:wait "Nothing means leave."
      screen:interrupt()
      screen:wait "%[ended 130%]"
      assert.is_nil(io.open(folder.path .. "/chosen"))
    end)
  end)

  it("does not ask where --on-cancel has said it", function()
    at_terminal(function(screen, folder)
      local shown = screen:wait "%[ended 130%]"
      assert.is_nil(shown:find("What is to become", 1, true))
      assert.equal("stop", chosen(folder))
    end, "--on-cancel", "stop")
  end)
end)

describe("a release that is cancelled while AWS deploys to staging", function()
  local function staging_deployments(w)
    local list = {}
    for _, store in pairs(w.aws.stores) do
      for _, deployment in pairs(store.codedeploy.by_id) do
        if deployment.group.name:find "^staging" then list[#list + 1] = deployment end
      end
    end
    table.sort(list, function(a, b) return a.created_at < b.created_at end)
    return list
  end

  -- Releases until staging takes the first traffic, or another wait has begun, is cancelled, and is taken up; both
  -- ends, and the world.
  local function twice(choice, script, wait)
    local w = world.new { seed = 1 }
    local first, second
    local loaded = rehearsal.load(w, script or "scripts/planning-data.lua")
    rehearsal.inside(w, function(folder)
      local recorder, started = memory.new(), task.event()
      local execution = rehearsal.execute_options(w, folder, { id = "20260302-090000-cccccc" })
      execution.recorder, execution.on_cancel, execution.directory = recorder, choice, folder.work
      first = {}
      execution.listener = function(event)
        first[#first + 1] = event
        local there = event.event == "wait.progress" and event.path:find("^Staging/.*" .. (wait or "Deployment") .. "$")
        if there and (script or wait or (event.traffic or 0) > 0) then started:set() end
      end
      local handle = task.start(procedure.execute, loaded, { development = "no" }, execution)
      started:wait()
      handle:cancel "interrupted"
      pcall(handle.wait, handle)
      clock.sleep(60)
      local again = memory.new()
      again.records, again.ordinal = recorder.records, recorder.ordinal
      execution.recorder, execution.attempt, execution.listener = again, 2, nil
      second = procedure.execute(loaded, { development = "no" }, execution)
      w:settle()
    end)
    return first, second, w
  end

  local function texts(events)
    local list = {}
    for _, event in ipairs(events) do list[#list + 1] = event.text end
    return table.concat(list, "\n")
  end

  it("leaves it to AWS, and goes on with it when taken up", function()
    local first, second, w = twice "leave"
    assert.equal("interrupted", first[#first].outcome)
    assert.matches("deployment d%-%w+ of staging%-planning%-data: AWS goes on with it", texts(first))
    assert.equal("done", second.outcome, tostring(second.error))
    local list = staging_deployments(w)
    assert.equal("Succeeded", list[#list].status)
  end)

  it("stops it, and does not take it for a success when taken up", function()
    local first, second, w = twice "stop"
    assert.equal("interrupted", first[#first].outcome)
    assert.equal("deployment.stopped", second.reason)
    assert.matches("when this run was interrupted: it was stopped; what it had done by then stays",
      texts(second.events))
    local list = staging_deployments(w)
    assert.equal("Stopped", list[#list].status)
    local merged = w.github.pulls.list[1].merged.sha
    assert.are_not.equal(merged, w.aws:live("production").sha)
  end)

  it("stops it and goes back, and says that it was rolled back when taken up", function()
    local first, second, w = twice "rollback"
    assert.matches("it was stopped, and is rolled back", texts(first))
    assert.equal(5, second.exit_code, tostring(second.error))
    assert.equal("deployment.rolled_back", second.reason)
    local list = staging_deployments(w)
    assert.equal("codeDeployRollback", list[#list].creator)
    assert.equal("Succeeded", list[#list].status)
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
  end)

  it("says so when it had not begun, or does it to what the run has not seen yet", function()
    local first, second = twice("rollback", nil, "Start of the deployment")
    assert.matches("deployment of staging%-planning%-data: it had not begun; whatever builds and deploys it goes on",
      texts(first))
    assert.equal("done", second.outcome, tostring(second.error))
    assert.matches("deployment of staging%-planning%-data, when this run was interrupted: it had not begun",
      texts(second.events))
  end)

  it("does so for each of several services", function()
    local first, second, w = twice("rollback", "scripts/async-processor.lua")
    local said = texts(first)
    for _, service in ipairs { "request%-api", "request%-processor" } do
      assert.matches("of staging%-pub%-async%-" .. service .. ": it was stopped, and is rolled back", said)
    end
    assert.equal(5, second.exit_code, tostring(second.error))
    assert.equal(w.aws.initial_sha, w.aws:live("staging").sha)
  end)
end)
