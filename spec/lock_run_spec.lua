--- Locks within one process: what run:lock promises to a script, on a virtual clock; what a store promises; and what
--- `fairlead unlock` does.
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local json = require "fairlead.json"
local lfs = require "lfs"
local lock = require "fairlead.lock"
local playing = require "spec.support.playing"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local server = require "spec.support.server"
local stores = require "fairlead.lock.store"
local task = require "fairlead.task"

local events = playing.events

local folder

local function with_state(fn, ...)
  return environment.with({ FAIRLEAD_STATE = folder.path }, fn, ...)
end

local function play(fn, options, given)
  return with_state(playing.play, fn, options, given)
end

-- Runs of several functions at once, by name, on one virtual clock.
local function play_all(functions)
  return with_state(clock.simulate, { start = playing.START }, function()
    local tasks = {}
    for name, fn in pairs(functions) do
      tasks[name] = function()
        return procedure.execute(procedure.new { name = name, run = fn }, {}, { id = name, user = name })
      end
    end
    return task.all(tasks)
  end)
end

local function claim(run, changes)
  local made = {
    name = "staging", reason = "spec", wanted = 600, ttl = 60, wait = false,
    owner = { run = run, user = run, host = "here", process = { pid = 1, boot = "none" } },
  }
  for name, value in pairs(changes or {}) do made[name] = value end
  return made
end

before_each(function() folder = program.folder() end)
after_each(function()
  local gone <close> = folder -- luacheck: ignore gone
end)

describe("run:lock", function()
  it("names what is wrong with how it is called", function()
    for pattern, call in pairs {
      ["run:lock: name: non%-empty text expected, got nil"] = {},
      ["a name has no '/'"] = { "a/b" },
      ['run:lock "x": unknown field \'reson\''] = { "x", { reson = "y" } },
      ['run:lock "x": for: number expected, got string'] = { "x", { ["for"] = "1h" } },
      ['run:lock "x": for: a number of seconds above 0'] = { "x", { ["for"] = 0 } },
      ['run:lock "x": timeout: a number of seconds, 0 or more'] = { "x", { timeout = -1 } },
      ['run:lock "x": lease: seconds from 0.5 to 86400'] = { "x", { lease = 0.1 } },
      ['run:lock "x": reason: non%-empty text'] = { "x", { reason = " " } },
      ['run:lock "x": notify%[1%] is a function'] = { "x", { notify = { print } } },
      ['run:lock "x": a table of options expected, got string'] = { "x", "why" },
    } do
      local result = play(function(run) run:lock(table.unpack(call, 1, 2)) end)
      assert.matches(pattern, result.error and result.error.message or "no error")
      assert.matches("lock_run_spec.lua:%d+:", result.error.message)
    end
  end)

  it("tells that it was taken, why and until when, and that it was given back", function()
    local result = play(function(run)
      local _ <close> = run:lock("staging", { reason = "a try", ["for"] = 1200 })
      clock.sleep(90)
    end)
    assert.same({ { "staging", "a try", playing.START + 1200, 1, 0 } },
      events(result, "lock.taken", "lock", "reason", "until", "token", "waited"))
    assert.same({ { "staging", 1, "done", 90 } }, events(result, "lock.released", "lock", "token", "why", "held"))
  end)

  it("is given back when the script fails, and before the run's last event when the script forgot to", function()
    local failing = play(function(run)
      local _ <close> = run:lock "staging"
      error("no", 0)
    end)
    assert.equal("failed", failing.outcome)
    assert.same({ "done" }, events(failing, "lock.released", "why"))
    local careless = play(function(run) run:lock "staging" end)
    assert.equal("done", careless.outcome)
    assert.same({ { 2, "done" } }, events(careless, "lock.released", "token", "why"))
    assert.equal("run.finished", careless.events[#careless.events].event)
  end)

  it("waits until the other run is done, and no longer", function()
    local results = play_all {
      a = function(run)
        local _ <close> = run:lock("staging", { reason = "first" })
        clock.sleep(600)
      end,
      b = function(run)
        clock.sleep(1)
        local _ <close> = run:lock("staging", { reason = "second" })
        return clock.now()
      end,
    }
    assert.is_true(results.b.value - playing.START >= 600 and results.b.value - playing.START < 602)
    local said = events(results.b, "wait.progress", "text")
    assert.matches("^held by a on .*: first %(run a%)$", said[1])
    assert.is_true(#said <= 600 / 30 + 2, "progress is told too often: " .. #said)
  end)

  it("gives up at its deadline, with who has it", function()
    local results = play_all {
      a = function(run)
        local _ <close> = run:lock("staging", { reason = "first" })
        clock.sleep(600)
      end,
      b = function(run)
        clock.sleep(1)
        run:lock("staging", { timeout = 100 })
      end,
    }
    local b = results.b
    assert.same({ "waiting", "lock.held", 75, 101 }, { b.outcome, b.reason, b.exit_code, b.elapsed })
    assert.matches("^lock staging: is held by a on .*: first %(run a%); waited 1 min 40 s for it; `fairlead resume b`",
      tostring(b.error))
    assert.equal("a", b.error.holder.owner.run)
    assert.equal("done", results.a.outcome)
  end)

  it("does not wait, nor stand in line, with --no-wait", function()
    local other <close> = stores.open(folder.path)
    clock.simulate({ start = playing.START }, function() assert(other:acquire(claim "other")) end)
    local result = play(function(run) run:lock "staging" end, { no_wait = true })
    assert.same({ "lock.held", 75, 0 }, { result.reason, result.exit_code, result.elapsed })
    clock.simulate({ start = playing.START }, function() assert.same({}, other:list()[1].line) end)
  end)

  it("may be taken again inside, and is given back by the outermost", function()
    local result = play(function(run)
      local outer = run:lock("staging", { reason = "outer" })
      do
        local inner <close> = run:lock("staging", { reason = "inner" })
        assert.equal(outer.token, inner.token)
      end
      assert.is_true(outer:is_held())
      run:say "between"
      outer:close()
      outer:close()
      assert.is_false(outer:is_held())
    end)
    assert.equal("done", result.outcome)
    local order = {}
    for _, event in ipairs(result.events) do
      if event.event:find "^lock" or event.kind == "say" then order[#order + 1] = event.event end
    end
    assert.same({ "lock.taken", "note", "lock.released" }, order)
  end)

  it("is taken once by two branches of a run that want it at the same time", function()
    local result = play(function(run)
      local function branch()
        local mine <close> = run:lock "staging"
        clock.sleep(10)
        run:step("write", function() return mine.token end)
      end
      run:parallel { a = branch, b = branch }
    end)
    assert.equal("done", result.outcome)
    assert.same({ 1 }, events(result, "lock.taken", "token"))
    assert.same({ "done" }, events(result, "lock.released", "why"))
  end)

  it("refuses steps inside a lock that was stolen, finds what is done already, and lets others act", function()
    local wrote = {}
    local function write(name)
      return function() wrote[#wrote + 1] = name end
    end
    local result = play(function(run)
      run:parallel {
        inside = function()
          local mine <close> = run:lock("staging", { reason = "mine" })
          run:step("before", write "before")
          local thief <close> = lock.open()
          assert(thief:steal("staging", { by = "eve on tower", why = "hotfix", what = "stolen" }))
          assert.equal("there", run:step("found", { already = function() return "there" end, act = write "found" }))
          local ok, err = pcall(run.step, run, "after", write "after")
          assert.is_false(ok)
          assert.equal("lock.lost", err.kind)
          assert.matches("it was stolen by eve on tower at %d+:%d+: hotfix", err.message)
          assert.is_false(mine:is_held())
          assert.is_false(pcall(mine.extend, mine, 10))
          clock.sleep(120) -- with the lock that is lost
        end,
        outside = function()
          clock.sleep(60)
          run:step("elsewhere", write "elsewhere")
        end,
      }
    end)
    assert.equal("done", result.outcome, tostring(result.error))
    assert.same({ "before", "elsewhere" }, wrote)
    assert.same({ "stolen" }, events(result, "lock.released", "why"))
  end)

  it("is missed by its heartbeat when nothing is written for long", function()
    local result = play(function(run)
      local _ <close> = run:lock("staging", { lease = 60 })
      local thief <close> = lock.open()
      assert(thief:steal("staging", { by = "eve", why = "hotfix", what = "stolen" }))
      clock.sleep(16)
      run:say "after"
    end)
    local order = {}
    for _, event in ipairs(result.events) do
      if event.event == "lock.released" or event.kind == "say" then order[#order + 1] = event.event end
    end
    assert.same({ "lock.released", "note" }, order)
  end)

  it("goes on being renewed when the task that took it has ended", function()
    local result = play(function(run)
      local kept
      task.all { function() kept = run:lock("staging", { lease = 60 }) end }
      run:step("at once", function() end)
      clock.sleep(300)
      run:step("later", function() end)
      kept:close()
    end)
    assert.equal("done", result.outcome, tostring(result.error))
  end)

  it("can be wanted for longer", function()
    local result = play(function(run)
      local mine <close> = run:lock("staging", { ["for"] = 60 })
      clock.sleep(30)
      mine:extend(600)
      local other <close> = lock.open()
      return other:list()[1].until_
    end)
    assert.equal(playing.START + 630, result.value)
  end)

  it("is only looked at in a dry run, which makes no file", function()
    local function body(run)
      local _ <close> = run:lock("staging", { ["for"] = 600 })
    end
    local free = play(body, { mode = "dry-run" })
    assert.same({ "lock staging for 10 min" }, events(free, "step.skipped", "would"))
    assert.is_nil(lfs.attributes(folder.path .. "/locks.db"))
    local other <close> = stores.open(folder.path)
    clock.simulate({ start = playing.START }, function() assert(other:acquire(claim "other")) end)
    local held = play(body, { mode = "dry-run" })
    assert.equal("done", held.outcome)
    assert.matches("now it is held by other on here", events(held, "step.skipped", "would")[1])
  end)
end)

describe("a store of locks", function()
  local store

  before_each(function() store = stores.open(folder.path) end)
  after_each(function() store:close() end)

  it("gives each taking a greater token, also when the lock was free between", function()
    local last = 0
    for i = 1, 5 do
      local lease = assert(store:acquire(claim("run" .. i)))
      assert.equal(last + 1, lease.token)
      last = lease.token
      assert.is_true(store:release(lease))
    end
    assert.equal(1, store:acquire(claim("run", { name = "production" })).token)
  end)

  it("serves nobody before those in line, free or not", function()
    local holder = assert(store:acquire(claim "a"))
    local _, second = store:acquire(claim("b", { wait = true }))
    local _, third = store:acquire(claim("c", { wait = true }))
    assert.same({ 1, 2 }, { second.position, third.position })
    store:release(holder)
    local got, standing = store:acquire(claim "newcomer")
    assert.is_nil(got)
    assert.equal("b", standing.next.run)
    assert.is_nil((store:acquire(claim("c", { wait = true, ticket = third.ticket }))))
    assert.is_not_nil((store:acquire(claim("b", { wait = true, ticket = second.ticket }))))
    assert.equal(1, store:standing("staging", third.ticket).position)
    store:leave(third.ticket)
    assert.is_nil(store:standing("staging", third.ticket))
  end)

  it("lets a run that is taken up keep its place in line", function()
    assert(store:acquire(claim "a"))
    local _, first = store:acquire(claim("b", { wait = true }))
    store:acquire(claim("c", { wait = true }))
    local _, again = store:acquire(claim("b", { wait = true })) -- without its ticket, which the killed process knew
    assert.same({ first.ticket, 1 }, { again.ticket, again.position })
  end)

  it("refuses the old lease of a run that took its lock again", function()
    local old = assert(store:acquire(claim "a"))
    local new = assert(store:acquire(claim "a"))
    assert.is_true(new.retaken)
    assert.equal(2, new.token)
    for _, method in ipairs { "check", "renew", "release" } do
      local ok, loss = store[method](store, old)
      assert.is_nil(ok)
      assert.same({ "taken", "the same run, taken up again" }, { loss.what, loss.by })
    end
    assert.is_true(store:check(new))
  end)

  it("does not revive a lease that ran out", function()
    clock.simulate({ start = playing.START }, function()
      local lease = assert(store:acquire(claim "a"))
      clock.sleep(59)
      assert.is_true(store:renew(lease))
      clock.sleep(60)
      assert.is_nil((store:check(lease)))
      local ok, loss = store:renew(lease)
      assert.is_nil(ok)
      assert.same({ "lapsed", playing.START + 119 }, { loss.what, loss.at })
      assert.is_not_nil((store:acquire(claim "b")))
    end)
  end)

  it("steals only from the lease that was looked at, and remembers it", function()
    local first = assert(store:acquire(claim "a"))
    store:release(first)
    local second = assert(store:acquire(claim "b"))
    local theft = { by = "eve", why = "hotfix", what = "stolen", id = first.id }
    assert.is_nil(store:steal("staging", theft))
    theft.id = second.id
    assert.equal("b", store:steal("staging", theft).owner.run)
    assert.is_nil(store:steal("staging", theft))
    local last = store:history "staging"
    last = last[#last]
    assert.same({ "stolen", 2, "eve", "hotfix", "b" }, { last.what, last.token, last.by, last.why, last.owner.run })
  end)

  it("frees what was held before this machine was restarted, and not what another machine holds", function()
    assert(store:acquire(claim "a"))
    store.db:run "UPDATE locks SET boot = 'before', host = 'elsewhere'"
    assert.is_nil((store:acquire(claim "b")))
    store.db:run("UPDATE locks SET host = ?", require "fairlead.journal.native".process().host)
    assert.is_not_nil((store:acquire(claim "b")))
  end)

  it("is not touched when a newer fairlead wrote it", function()
    store.db:script "PRAGMA user_version = 99"
    local _, err = try(stores.open, folder.path)
    assert.equal("journal.newer", err.kind)
  end)
end)

describe("a file of locks that an older program left behind", function()
  for version = 1, stores.version do
    it(("of version %d opens, and its tokens go on"):format(version), function()
      local text <close> = assert(io.open(("spec/support/locks/version-%d.sql"):format(version)))
      do
        local db <close> = require "fairlead.journal.native".open(stores.path(folder.path), 1)
        db:script(text:read "a")
      end
      clock.simulate({ start = playing.START + 86400 }, function()
        local store <close> = stores.open(folder.path)
        assert.same({ development = true, staging = true }, store:names())
        assert.equal(8, assert(store:acquire(claim("now", { name = "development" }))).token)
        assert.equal(4, assert(store:acquire(claim "now")).token)
        assert.same({ "lapsed", 7 }, { store:history "development"[1].what, store:history "development"[1].token })
        local _, standing = store:acquire(claim("later", { wait = true }))
        assert.equal(13, standing.number) -- the line goes on, too
        assert.equal("released", store:history "staging"[1].what)
      end)
    end)
  end
end)

describe("fairlead unlock", function()
  local function fairlead(user, ...)
    return program.run { env = { FAIRLEAD_STATE = folder.path, USER = user, SLACK_BOT_TOKEN = false }, ... }
  end

  local function take(changes)
    local store <close> = stores.open(folder.path)
    local made = claim("run-1", changes)
    made.owner.user, made.owner.host = "ada", require "fairlead.journal.native".process().host
    return assert(store:acquire(made))
  end

  it("gives back one's own, and nobody else's", function()
    take()
    local refused = fairlead("bob", "unlock", "staging")
    assert.equal(75, refused.code)
    assert.matches("is not yours: it is held by ada on .*: spec %(run run%-1%)", refused.stderr)
    assert.matches("%-%-steal %-%-reason", refused.stderr)
    local done = fairlead("ada", "unlock", "staging", "--json")
    assert.equal(0, done.code)
    local said = json.decode(done.stdout)
    assert.same({ true, false, "run-1" }, { said.unlocked, said.stolen, said.former.owner.run })
    assert.equal("Nothing is locked.\n", fairlead("ada", "locks").stdout)
    local again = fairlead("ada", "unlock", "staging")
    assert.same({ 0, "staging is free already.\n" }, { again.code, again.stdout })
  end)

  it("wants a reason for stealing, and a name that was ever locked", function()
    take()
    for _, case in ipairs {
      { "needs a reason", "staging", "--steal" },
      { "needs a reason", "staging", "--steal", "--reason", "  " },
      { "%-%-reason is for %-%-steal", "staging", "--reason", "x" },
      { "did you mean `fairlead unlock staging`", "stagin" },
    } do
      local result = fairlead("bob", "unlock", table.unpack(case, 2))
      assert.equal(2, result.code)
      assert.matches(case[1], result.stderr)
    end
    assert.matches("^staging: ada", fairlead("bob", "locks").stdout)
  end)

  it("steals with a reason, and says that the owner could not be told", function()
    take()
    local result = fairlead("bob", "unlock", "staging", "--steal", "--reason", "hotfix")
    assert.equal(0, result.code)
    assert.matches("They were not told: their run named no place in Slack", result.stdout)
  end)

  it("tells the former owner in Slack", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, '{"ok":true,"channel":"C1","ts":"1.2"}')
    end)
    take { notify = { slack = { channel = "C1", thread = "7.8" } } }
    local result = program.run {
      "unlock", "staging", "--steal", "--reason", "hotfix <now>", "--json",
      env = {
        FAIRLEAD_STATE = folder.path, USER = "bob", SLACK_BOT_TOKEN = "xoxb-1", SLACK_API_URL = s.url .. "/api/",
      },
    }
    assert.equal(0, result.code, result.stderr)
    assert.is_true(json.decode(result.stdout).told)
    local sent = json.decode(s.requests[1].body)
    assert.same({ "C1", "7.8" }, { sent.channel, sent.thread_ts })
    assert.matches("bob on .* took the lock of %*staging%* away from ada on .* %(run run%-1%): hotfix &lt;now&gt;",
      sent.text)
  end)

  it("has stolen it also when Slack refuses to tell them", function()
    local s <close> = server.start(function(exchange)
      exchange:reply(200, {}, '{"ok":false,"error":"not_in_channel"}')
    end)
    take { notify = { slack = { channel = "C1" } } }
    local result = program.run {
      "unlock", "staging", "--steal", "--reason", "hotfix",
      env = {
        FAIRLEAD_STATE = folder.path, USER = "bob", SLACK_BOT_TOKEN = "xoxb-1", SLACK_API_URL = s.url .. "/api/",
      },
    }
    assert.equal(0, result.code)
    assert.matches("They were not told: .*not in channel.*Tell them yourself", result.stdout)
    assert.equal("Nothing is locked.\n", fairlead("ada", "locks").stdout)
  end)
end)
