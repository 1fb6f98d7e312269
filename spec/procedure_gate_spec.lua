local channel = require "fairlead.procedure.channel"
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local playing = require "spec.support.playing"
local procedure = require "fairlead.procedure"
local task = require "fairlead.task"

local START <const>, events, play = playing.START, playing.events, playing.play

local function approving(by, after)
  local asked
  return {
    name = "fake",
    ask = function(_, request) asked = request.question end,
    answer = function()
      clock.sleep(after or 1)
      return { decision = "approved", by = by }
    end,
    question = function() return asked end,
    close = function(self, decision) self.closed = decision.decision end,
  }
end

describe("a gate", function()
  it("lets the run go on when it is approved, and tells who decided", function()
    local decision
    local via = approving("anadmin", 30)
    local result = play(function(run)
      decision = run:gate { name = "Go", question = "Really?", evidence = { sha = "1" }, approvers = { "anadmin" },
        via = { via } }
    end)
    assert.equal("done", result.outcome)
    assert.equal("Really?", via.question())
    assert.equal("approved", via.closed)
    assert.same({ "anadmin", "fake", START + 30 }, { decision.by, decision.via, decision.at })
    assert.equal(digest.sha256 '{"sha":"1"}', decision.digest)
    assert.same({ { "Really?", { "fake" } } }, events(result, "gate.asked", "question", "via"))
    assert.same({ { "approved", "anadmin" } }, events(result, "gate.decided", "decision", "by"))
  end)

  it("refuses with the reason that was given", function()
    local result = play(function(run)
      run:gate { name = "Go", via = { {
        name = "fake", ask = function() end,
        answer = function() return { decision = "refused", by = "anadmin", why = "not on a Friday" } end,
      } } }
    end)
    assert.same({ "refused", "gate.refused", 3 }, { result.outcome, result.reason, result.exit_code })
    assert.equal("gate Go: refused by anadmin: not on a Friday", tostring(result.error))
  end)

  it("is void when its evidence changes, and says what changed", function()
    local evidence = { head = "aaa", image = { digest = "1" }, same = true }
    local via = approving("anadmin", 10)
    local result = play(function(run)
      run:gate { name = "Go", via = { via }, evidence = function()
        if clock.now() > START then evidence = { head = "bbb", image = { digest = "2" }, same = true } end
        return evidence
      end }
    end)
    assert.same({ "refused", "gate.voided" }, { result.outcome, result.reason })
    assert.equal("gate Go: what was approved by anadmin has changed since: head: was aaa, is now bbb; "
      .. "image.digest: was 1, is now 2; `fairlead resume " .. result.id .. "` asks again with what it is now",
      tostring(result.error))
    assert.same({ "voided" }, events(result, "gate.decided", "decision"))
    assert.equal("voided", via.closed)
  end)

  it("ends when nobody decides in time", function()
    local slow = approving("x", 10000)
    local result = play(function(run) run:gate { name = "Go", via = { slow }, timeout = 120 } end)
    assert.same({ "gate.timeout", 120 }, { result.reason, result.elapsed })
    assert.equal("timeout", slow.closed)
  end)

  it("asks all channels at once: the first decision counts, the others are told", function()
    local slow, quick = approving("slow", 60), approving("quick", 20)
    local decision
    play(function(run) decision = run:gate { name = "Go", via = { slow, quick } } end)
    assert.equal("quick", decision.by)
    assert.equal("approved", slow.closed)
  end)

  it("goes on with the other channels when one fails", function()
    local broken = { name = "broken", ask = function() error "no such channel" end, answer = function() end }
    local dying = { name = "dying", ask = function() end, answer = function() error "token revoked" end }
    local result = play(function(run) run:gate { name = "Go", via = { broken, dying, approving("x", 5) } } end)
    assert.equal("done", result.outcome)
    local notes = events(result, "note", "text")
    assert.matches("gate 'Go': broken cannot be asked: .*no such channel", notes[1])
    assert.matches("gate 'Go': dying cannot be asked: .*token revoked", notes[2])
  end)

  it("fails with the channel's error when no channel is left", function()
    local dying = { name = "dying", ask = function() end, answer = function()
      errors.raise { kind = "slack.api.not_authorised", message = "invalid_auth" }
    end }
    local result = play(function(run) run:gate { name = "Go", via = { dying } } end)
    assert.same({ "not_authorised", 4 }, { result.outcome, result.exit_code })
  end)

  it("can be made void after it was approved, and is asked again by who takes the run up", function()
    local recorder <const>, asked = require "fairlead.procedure.memory".new(), 0
    local function attempt(stale)
      local via = approving("anadmin", 5)
      return play(function(run)
        local _, revoke = run:gate { name = "Go", evidence = { head = "aaa" }, via = { via } }
        if via.question() then asked = asked + 1 end
        if stale then revoke { "head: was aaa, is now bbb" } end
      end, { recorder = recorder })
    end
    local result <const> = attempt(true)
    assert.equal("gate.voided", result.reason)
    assert.matches("approved by anadmin has changed since: head: was aaa, is now bbb; ", tostring(result.error), 1,
      true)
    assert.same({ "approved", "voided" }, events(result, "gate.decided", "decision"))
    assert.equal("done", attempt(false).outcome)
    assert.equal(2, asked)
  end)

  it("ends at once when a channel finds that the run must not go on", function()
    local via = { name = "fake", ask = function() end, answer = function()
      errors.raise { kind = "gate.refused", message = "the head moved" }
    end }
    local result <const> = play(function(run) run:gate { name = "Go", via = { via, approving("x", 1000) } } end)
    assert.same({ "gate.refused", "the head moved" }, { result.reason, tostring(result.error) })
  end)

  it("shows its evidence in a few lines", function()
    local summary
    local via = approving("anadmin", 5)
    function via.ask(_, request) summary = request.summary end
    local result <const> = play(function(run)
      run:gate { name = "Go", evidence = { head = "aaa", tail = "bbb" }, via = { via },
        show = function(evidence) return evidence.head .. " to " .. evidence.tail end }
    end)
    assert.equal("aaa to bbb", summary)
    assert.same({ "aaa to bbb" }, events(result, "gate.asked", "summary"))
  end)

  it("tolerates a channel's retryable error", function()
    local count = 0
    local flaky = { name = "flaky", ask = function() end, answer = function()
      count = count + 1
      if count < 3 then errors.raise { kind = "http.reset", message = "reset", retryable = true } end
      return { decision = "approved", by = "x" }
    end }
    assert.equal("done", play(function(run) run:gate { name = "Go", via = { flaky } } end).outcome)
  end)

  it("tells its channels when the run is cancelled", function()
    local slow = approving("x", 1000)
    clock.simulate({ start = START }, function()
      local work = task.start(procedure.execute,
        procedure.new { name = "spec", run = function(run) run:gate { name = "Go", via = { slow } } end }, {}, {})
      clock.sleep(5)
      work:cancel "enough"
      pcall(work.wait, work)
    end)
    assert.equal("cancelled", slow.closed)
  end)

  describe("at the terminal", function()
    local function typed(lines, gate, options)
      local said = {}
      options = options or {}
      options.mode = "run"
      options.channels = { terminal = channel.terminal {
        user = "adev", read_line = function() return table.remove(lines, 1) end,
      } }
      local result = play(function(run) run:gate(gate) end, options)
      for _, event in ipairs(result.events) do
        if event.kind == "prompt" then said[#said + 1] = event.text end
      end
      return result, said
    end

    it("is decided by a typed yes, or no and why", function()
      assert.equal("done", (typed({ "yes" }, { name = "Go" })).outcome)
      local result = typed({ "no  too late" }, { name = "Go" })
      assert.equal("gate Go: refused by adev: too late", tostring(result.error))
    end)

    it("asks again until the answer is one", function()
      local result, said = typed({ "", "perhaps", "y" }, { name = "Go" })
      assert.equal("done", result.outcome)
      local again = "Please type: yes, or no and why."
      assert.same({ "Type: yes, or no and why.", again, again }, said)
    end)

    it("takes an approver's name, and nobody else's", function()
      local gate = { name = "Go", approvers = { "anadmin" } }
      local result, said = typed({ "yes", "approve adev", "approve anadmin fine" }, gate)
      assert.equal("done", result.outcome)
      assert.same({ "Who decides? approve NAME", "adev may not decide this; who may: anadmin." },
        { said[2], said[3] })
      assert.same({ { "anadmin", "fine" } }, events(result, "gate.decided", "by", "why"))
    end)

    it("takes the answer of who is known to sit there, and needs no name", function()
      local gate <const> = { name = "Go", approvers = { "anadmin" }, via = { channel.terminal {
        user = "anadmin", known = true, read_line = function() return "refuse too late" end,
      } } }
      local result, said = typed({}, gate)
      assert.same({ "Type: approve, or refuse and why. You are anadmin." }, said)
      assert.equal("gate Go: refused by anadmin: too late", tostring(result.error))
    end)

    it("cannot be decided when the input ends", function()
      local result = typed({}, { name = "Go" })
      assert.same({ "gate.unattended", 3 }, { result.reason, result.exit_code })
    end)

    it("is confirmed by --yes where the requester decides, never for an approver", function()
      local function with_yes(gate)
        return play(function(run) run:gate(gate) end, { mode = "run", yes = true, user = "adev" })
      end
      assert.same({ { "approved", "adev", "--yes" } },
        events(with_yes { name = "Go" }, "gate.decided", "decision", "by", "via"))
      local result = with_yes { name = "Go", approvers = { "anadmin" } }
      assert.equal("gate.unattended", result.reason)
      assert.equal("gate Go: nobody can be asked: standard input is not a terminal; run it in a terminal, or ask via "
        .. "another channel", tostring(result.error))
    end)
  end)

  it("says how it is asked wrongly", function()
    local function refused(gate, pattern)
      assert.matches(pattern, tostring(play(function(run) run:gate(gate) end).error))
    end
    refused({ name = "Go", approvers = {} }, "approvers: a list of names expected")
    refused({ name = "Go", via = { "pigeon" } }, "no channel is called 'pigeon'")
    refused({ name = "Go", evidence = { print } }, "evidence%[1%] is a function")
  end)
end)
