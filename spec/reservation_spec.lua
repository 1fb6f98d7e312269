--- Environments that are had on all machines: who comes next, what becomes of who is gone, what a run finds when it is
--- taken up. Each run here is one on a machine of its own; what they share is the application's repository.
local clock = require "fairlead.clock"
local memory = require "fairlead.procedure.memory"
local reserving = require "spec.support.reserving"

local change = reserving.change
local BOB <const>, ADMIN <const> = "ghp_areviewers-token", "ghp_anadmins-token"

-- Has the environment for some seconds.
local function using(seconds, log, name, options)
  return function(this)
    local _ <close> = this:have("development", change(), options)
    log[#log + 1] = name
    clock.sleep(seconds)
    log[#log + 1] = name .. " is done"
  end
end

-- Somebody else's, for so many seconds from now.
local function hers(seconds)
  local now = clock.now()
  return { login = "areviewer", kind = "try", since = now, ["until"] = now + seconds, why = "users try it" }
end

local function find(result, event, name)
  for _, e in ipairs(result.events) do
    if e.event == event and e.step == name then return e end
  end
end

local function texts(result)
  local list = {}
  for _, event in ipairs(result.events) do list[#list + 1] = event.text end
  return table.concat(list, "\n")
end

describe("an environment", function()
  it("is one run's at a time: the next waits, is told who has it, and gets it when that gives it back", function()
    reserving.inside(function(place)
      local log = {}
      local results = reserving.together {
        first = function() return place:run({}, using(600, log, "first")) end,
        second = function()
          clock.sleep(30)
          return place:run({ token = BOB, slack = true }, using(60, log, "second"))
        end,
      }
      assert.same({ "first", "first is done", "second", "second is done" }, log)
      assert.equal("done", results.first.outcome, tostring(results.first.error))
      assert.equal("done", results.second.outcome, tostring(results.second.error))
      local note = find(results.second, "wait.progress", "Reserve development")
      assert.matches("^adeveloper has it for #7 %(00000000%), since 09:00 UTC, until 10:30 UTC: Change 7", note.text)
      assert.is_number(note.expected)
      assert.matches("waiting for development: adeveloper has it for #7", place:said())
      assert.matches("<@U04REVIEW> has development until %d+:%d+ UTC: Change 7", place:said())
      assert.is_nil(place:reservation().holder)
      assert.equal("given-back", place:reservation().last.what)
    end)
  end)

  it("is had by whoever GitHub or the machine calls by an odd name, too", function()
    for _, name in ipairs { "dependabot[bot]", "ACME\\J\u{f6}rg Ada", ("x"):rep(300), "" } do
      reserving.inside(function(place)
        local seen
        local result = place:run({}, function(this)
          local mine = this:reservations()
          this.github = setmetatable({ viewer = function() return name end }, { __index = this.github })
          mine.github = this.github
          local _ <close> = this:have("development", change())
          this.run:step("Deploy", { act = function() return {} end })
          seen = place:reservation().holder.login
        end)
        assert.equal("done", result.outcome, ("%s: %s"):format(name, tostring(result.error)))
        assert.equal(#name > 0 and #name < 100 and name or "somebody", seen)
        assert.is_nil(place:reservation().holder)
      end)
    end
  end)

  it("goes to those who wait in order of arrival", function()
    reserving.inside(function(place)
      local log, bodies = {}, {}
      for i, name in ipairs { "a", "b", "c", "d" } do
        bodies[name] = function()
          clock.sleep(i * 20)
          return place:run({ token = i % 2 == 0 and BOB or ADMIN }, using(100, log, name))
        end
      end
      for name, result in pairs(reserving.together(bodies)) do
        assert.equal("done", result.outcome, name .. ": " .. tostring(result.error))
      end
      assert.same({ "a", "a is done", "b", "b is done", "c", "c is done", "d", "d is done" }, log)
    end)
  end)

  it("does not wait long for a place in line whose run is gone", function()
    reserving.inside(function(place)
      local now = clock.now()
      place:put { queue = {
        {
          login = "areviewer", run = "20260101-000000-000000", kind = "try", since = now - 900, seen = now,
          seconds = 60,
        },
      } }
      local log = {}
      local result = place:run({}, using(10, log, "mine"))
      assert.equal("done", result.outcome, tostring(result.error))
      assert.is_true(place:time() > 300 and place:time() < 400, "it had 5 minutes to show itself")
    end)
  end)

  it("is taken over when its holder's time is over, who is told", function()
    reserving.inside(function(place)
      local now = clock.now()
      place:put { holder = {
        login = "areviewer", slack = "U04REVIEW", kind = "try", by_hand = true, why = "users try it",
        since = now - 3600, ["until"] = now + 900,
      } }
      local result = place:run({ slack = true }, using(10, {}, "mine"))
      assert.equal("done", result.outcome, tostring(result.error))
      assert.is_true(place:time() > 900 and place:time() < 1000)
      assert.matches("<@U04REVIEW>: you have development until 09:15 UTC, and somebody waits for it", place:said())
      assert.matches("<@U01DEV> takes development over from <@U04REVIEW> %(its time was over%): Change 7", place:said())
    end)
  end)

  it("is taken over when the pull request it is reserved for closes", function()
    reserving.inside(function(place)
      local result = place:run({ slack = true }, function(this, run)
        local gh = this.github
        run.directory = place.folder.work
        local pull = this:open_pull_request {}
        local now = clock.now()
        place:put { holder = {
          login = "areviewer", slack = "U04REVIEW", kind = "try", by_hand = true, pull_request = pull.number,
          since = now, ["until"] = now + 86400, why = "users try it",
        } }
        local log = {}
        reserving.together {
          waits = function() using(10, log, "mine")(this) end,
          closes = function()
            clock.sleep(600)
            assert.same({}, log)
            gh:patch("pulls/" .. pull.number, { state = "closed" })
          end,
        }
        assert.same({ "mine", "mine is done" }, log)
        assert.is_true(place:time() < 800)
      end)
      assert.equal("done", result.outcome, tostring(result.error))
      assert.matches("takes development over from <@U04REVIEW> %(pull request #%d+ was closed%)", place:said())
    end)
  end)

  it("is not taken over while something is deployed there, however its pull request stands", function()
    reserving.inside(function(place)
      local number
      place:run({}, function(this)
        number = this:open_pull_request({}).number
        this.github:patch("pulls/" .. number, { state = "closed" })
      end)
      local began = place:time()
      local holder = hers(600)
      holder.run, holder.deploying, holder.pull_request = "20260101-000000-000000", true, number
      place:put { holder = holder }
      local result = place:run({}, using(10, {}, "mine"))
      assert.equal("done", result.outcome, tostring(result.error))
      assert.is_true(place:time() - began > 600)
    end)
  end)

  it("stays a run's while that deploys longer than it said", function()
    reserving.inside(function(place)
      local log = {}
      local results = reserving.together {
        long = function()
          return place:run({ settings = {} }, function(this)
            this.settings.environments.development.hold = 1200
            local _ <close> = setmetatable({}, { __close = function()
              this.settings.environments.development.hold = 5400
            end })
            using(5000, log, "long")(this)
          end)
        end,
        other = function()
          clock.sleep(60)
          return place:run({ token = BOB }, using(1, log, "other"))
        end,
      }
      assert.same({ "long", "long is done", "other", "other is done" }, log)
      assert.equal("done", results.long.outcome, tostring(results.long.error))
    end)
  end)

  it("that is another's is not waited for where a run may not wait", function()
    reserving.inside(function(place)
      place:put { holder = hers(600) }
      local result = place:run({ no_wait = true }, using(1, {}, "mine"))
      assert.equal("waiting", result.outcome)
      assert.equal(75, result.exit_code)
      assert.equal("lock.held", result.reason)
      assert.matches("areviewer has it.*fairlead resume .*fairlead reserve planning%-data development %-%-steal",
        tostring(result.error))
      assert.same({}, place:reservation().queue)
    end)
  end)

  it("is not waited for longer than the settings say, and the place in line is given up", function()
    reserving.inside(function(place)
      place:put { holder = hers(9600) }
      local result = place:run({
        settings = { timeouts = setmetatable({ lock = 300 }, { __index = reserving.settings.timeouts }) },
      }, using(1, {}, "mine"))
      assert.equal("lock.held", result.reason)
      assert.matches("waited 5 min for it", tostring(result.error))
      assert.same({}, place:reservation().queue)
    end)
  end)

  it("a dry run looks only", function()
    reserving.inside(function(place)
      local result = place:run({ dry = true }, using(1, {}, "mine"))
      assert.equal(0, result.exit_code, tostring(result.error))
      assert.is_nil(place.records:read "development")
    end)
  end)

  it("says what runs there where that is not what it is reserved for", function()
    reserving.inside(function(place)
      local now = clock.now()
      place:put { holder = {
        login = "areviewer", kind = "try", by_hand = true, commit = ("1234567a"):rep(5), since = now,
        why = "users try it", ["until"] = now + 300,
      } }
      local result = place:run({ slack = true }, using(10, {}, "mine"))
      assert.equal("done", result.outcome, tostring(result.error))
      assert.matches("areviewer has it for 1234567a.*users try it; but what runs is %x%x%x%x%x%x%x%x", place:said())
    end)
  end)
end)

describe("what is kept for trying", function()
  local function released(after, hold)
    return function(this, run)
      run:stage("Development", function()
        local _ <close> = this:have("development", change(), { hold = hold })
        clock.sleep(60)
      end)
      run:stage("Review", function() clock.sleep(after) end)
      this:hand_back_kept()
      run:stage("Later", function() clock.sleep(60) end)
    end
  end

  it("stays while the run goes on, and is given back before its end; its holder is told when the time ends", function()
    reserving.inside(function(place)
      local log = {}
      local results = reserving.together {
        tries = function() return place:run({ slack = true }, released(7000, 7200)) end,
        looks = function()
          clock.sleep(600)
          local holder = place:reservation().holder
          assert.equal("adeveloper", holder.login)
          assert.is_nil(holder.deploying)
          assert.is_true(holder["until"] > clock.now() + 6000)
          clock.sleep(6300)
          assert.matches("<@U01DEV>: you have development until 11:01 UTC. Longer: `fairlead reserve planning%-data "
            .. "development %-%-extend 1h`", place:said())
          log[1] = "looked"
        end,
        next = function()
          clock.sleep(100)
          return place:run({ token = BOB }, function(this)
            using(1, {}, "next")(this)
            log[2] = place:time()
          end)
        end,
      }
      assert.equal("done", results.tries.outcome, tostring(results.tries.error))
      assert.equal("looked", log[1])
      assert.is_true(log[2] > 7000 and log[2] < 7250, tostring(log[2]))
      local _, nudges = place:said():gsub("you have development until", "")
      assert.equal(1, nudges)
    end)
  end)

  it("goes back at the end of a run that fails, and stays where the run is interrupted", function()
    reserving.inside(function(place)
      local result = place:run({}, function(this, run)
        do
          local _ <close> = this:have("development", change(), { hold = 3600 })
        end
        run:refuse("spec.reason", "no")
      end)
      assert.equal("spec.reason", result.reason)
      assert.is_nil(place:reservation().holder)
    end)
  end)

  it("by a command of its holder's is not taken up again by the run's end", function()
    reserving.inside(function(place)
      local result = place:run({}, function(this)
        do
          local _ <close> = this:have("development", change(), { hold = 3600 })
        end
        this:reservations():hand_over("development", "areviewer", "it is hers now")
      end)
      assert.equal("done", result.outcome, tostring(result.error))
      assert.equal("areviewer", place:reservation().holder.login)
      assert.equal("U04REVIEW", place:reservation().holder.slack)
      assert.equal("it is hers now", place:reservation().holder.why)
    end)
  end)
end)

describe("a person's own reservation", function()
  it("is entered by their run, by one at a time, and is theirs again afterwards", function()
    reserving.inside(function(place)
      local now = clock.now()
      place:put { holder = {
        login = "adeveloper", kind = "try", by_hand = true, since = now - 60, ["until"] = now + 7200, why = "my day",
      } }
      local log = {}
      local results = reserving.together {
        first = function() return place:run({}, using(300, log, "first")) end,
        second = function()
          clock.sleep(10)
          return place:run({}, using(10, log, "second"))
        end,
      }
      assert.equal("done", results.first.outcome, tostring(results.first.error))
      assert.same({ "first", "first is done", "second", "second is done" }, log)
      local holder = place:reservation().holder
      assert.same({ "adeveloper", true, nil, "my day", now + 7200 },
        { holder.login, holder.by_hand, holder.run, holder.why, holder["until"] })
    end)
  end)
end)

describe("a run that is taken up", function()
  -- Two processes of one run: `first` and `second` are their bodies.
  local function twice(place, first, second)
    local recorder = memory.new()
    local one = place:run({ id = "20260302-100000-cccccc", recorder = recorder }, first)
    local again = memory.new()
    again.records, again.ordinal = recorder.records, recorder.ordinal
    return one, place:run({ id = "20260302-100000-cccccc", recorder = again }, second)
  end

  local function stages(fails)
    return function(this, run)
      run:stage("Development", function()
        local _ <close> = this:have("development", change())
        run:step("Deploy", { repeatable = true, act = function() end })
      end)
      run:step("Afterwards", { repeatable = true, act = function()
        if fails then require("fairlead.errors").raise { kind = "spec.failed", message = "no" } end
      end })
    end
  end

  it("does not wait for what it has given back", function()
    reserving.inside(function(place)
      local now
      local one, two = twice(place, function(this, run)
        local ok, err = pcall(stages(true), this, run)
        now = clock.now()
        place:put { holder = { login = "areviewer", kind = "try", since = now, ["until"] = now + 9000, why = "hers" } }
        if not ok then error(err, 0) end
      end, stages(false))
      assert.equal("spec.failed", one.reason)
      assert.equal("done", two.outcome, tostring(two.error))
      assert.is_true(clock.now() < now + 60)
      assert.equal("areviewer", place:reservation().holder.login)
    end)
  end)

  it("has again what it had when it was interrupted, and waits where somebody else has it meanwhile", function()
    reserving.inside(function(place)
      local taken_at
      local function part(_, run) return run:step("Deploy", { repeatable = true, act = function() end }) end
      local one, two = twice(place, function(this)
        local _ <close> = this:have("development", change())
        require("fairlead.errors").raise { kind = "wait.timeout", message = "nothing came" }
      end, function(this, run)
        assert.equal("20260302-100000-cccccc", place:reservation().holder.run)
        local before = clock.now()
        local _ <close> = this:have("development", change())
        taken_at = clock.now() - before
        part(this, run)
      end)
      assert.equal("wait.timeout", one.reason)
      assert.equal("done", two.outcome, tostring(two.error))
      assert.is_true(taken_at < 10)
      assert.is_nil(place:reservation().holder)
    end)
  end)

  it("changes nothing when somebody has taken it away", function()
    reserving.inside(function(place)
      local acted = false
      local result = place:run({}, function(this, run)
        local _ <close> = this:have("development", change())
        this:reservations():clear("development", "urgent")
        run:step("Deploy", { repeatable = true, act = function() acted = true end })
      end)
      assert.equal("lock.lost", result.reason)
      assert.matches("adeveloper took it away: urgent", tostring(result.error))
      assert.is_false(acted)
    end)
  end)
end)

describe("releases of one application", function()
  -- Two commits of main, one after the other, that nobody has deployed.
  local function commits(place)
    local shas = {}
    for i = 1, 2 do
      shas[i] = place.world.github:commit_as("main", {
        author = "areviewer", message = "Commit " .. i, files = { ["commit.txt"] = tostring(i) },
      })
    end
    return shas[1], shas[2]
  end

  local function deploying(sha, seconds, log, name)
    return function(this)
      local _ <close> = this:have("staging", { number = 7, title = name, merged = sha })
      log[#log + 1] = name
      clock.sleep(seconds)
    end
  end

  it("that wait for one environment come in the order of their commits, whoever came first", function()
    reserving.inside(function(place)
      local older, newer = commits(place)
      local log = {}
      local results = reserving.together {
        has = function() return place:run({}, deploying(place.world.aws.initial_sha, 300, log, "initial")) end,
        newer = function()
          clock.sleep(20)
          return place:run({ token = BOB }, deploying(newer, 10, log, "newer"))
        end,
        older = function()
          clock.sleep(60)
          return place:run({ token = ADMIN }, deploying(older, 10, log, "older"))
        end,
      }
      for name, result in pairs(results) do
        assert.equal("done", result.outcome, name .. ": " .. tostring(result.error))
      end
      assert.same({ "initial", "older", "newer" }, log)
    end)
  end)

  it("do not overwrite what is newer and live, and give the environment back", function()
    reserving.inside(function(place)
      local older, newer = commits(place)
      clock.sleep(3600) -- the push to main publishes to staging
      place.world:settle()
      assert.equal(newer, place.world.aws:live("staging").sha)
      local log = {}
      local result = place:run({}, deploying(older, 10, log, "older"))
      assert.equal("newer-is-live", result.reason)
      assert.matches("staging runs %x+.*, which is newer than " .. older:sub(1, 8), tostring(result.error))
      assert.same({}, log)
      assert.is_nil(place:reservation("staging").holder)
    end)
  end)
end)

describe("a held environment", function()
  it("is deployed to by nobody until it is freed with a reason", function()
    reserving.inside(function(place)
      local result = place:run({ slack = true }, function(this)
        local hold = this:hold("production", "rolled back: pages are empty")
        assert.equal("adeveloper", hold.login)
      end)
      assert.equal("done", result.outcome, tostring(result.error))
      assert.matches("nobody deploys to production until somebody says why it may go on: `fairlead reserve "
        .. "planning%-data production %-%-free", place:said())
      local function deploys(this)
        local _ <close> = this:have("production", change())
      end
      local refused = place:run({ token = BOB }, deploys)
      assert.equal(3, refused.exit_code)
      assert.equal("held", refused.reason)
      assert.matches("production is held by adeveloper since 09:%d+ UTC: rolled back: pages are empty; .* %-%-free",
        tostring(refused.error))
      local warned = place:run({}, function(this) this:tell_holds() end)
      assert.matches("production is held by adeveloper since 09:%d+ UTC: rolled back: pages are empty; before this "
        .. "release gets there: fairlead reserve planning%-data production %-%-free", texts(warned))
      place:run({ token = ADMIN }, function(this)
        this:reservations():free("production", "the pages are mended")
      end)
      assert.equal("done", place:run({ token = BOB }, deploys).outcome)
      local lines = {}
      for i, entry in ipairs(place.records:history "production") do lines[i] = entry.subject end
      assert.matches("production: anadmin lets deployments go on: the pages are mended", table.concat(lines, "\n"))
    end)
  end)

  it("is held once, however often the run is taken up", function()
    reserving.inside(function(place)
      for _ = 1, 2 do
        place:run({ id = "20260302-100000-cccccc" }, function(this) this:hold("production", "why") end)
      end
      assert.equal(1, #place.records:history "production")
    end)
  end)
end)
