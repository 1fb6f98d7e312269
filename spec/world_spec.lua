local clock = require "fairlead.clock"
local http = require "fairlead.http"
local json = require "fairlead.json"
local message = require "fairlead.world.message"
local process = require "fairlead.process"
local random = require "fairlead.world.random"
local scenarios = require "fairlead.world.scenarios"
local support = require "spec.support.world"
local task = require "fairlead.task"
local timeline = require "fairlead.world.timeline"
local world = require "fairlead.world"

describe("world.timeline", function()
  it("runs what is due in order of time, and of one time in order of scheduling", function()
    local line, seen = timeline.new(100), {}
    for i, at in ipairs { 130, 110, 120, 110, 140, 125 } do
      line:at(at, function(now)
        seen[#seen + 1] = ("%d@%d/%d"):format(i, now, line.now)
      end)
    end
    line:settle(130)
    assert.same({ "2@110/110", "4@110/110", "3@120/120", "6@125/125", "1@130/130" }, seen)
    assert.equal(130, line.now)
    assert.equal(140, line:next())
  end)

  it("runs what events schedule when that is due too, each at its own time", function()
    local line, seen = timeline.new(0), {}
    line:at(10, function()
      line:at(line.now + 5, function(now) seen[#seen + 1] = now end)
      line:at(3, function(now) seen[#seen + 1] = now end) -- has passed: now
      line:at(line.now + 50, function() seen[#seen + 1] = "too early" end)
    end)
    line:at(12, function(now) seen[#seen + 1] = now end)
    line:settle(20)
    assert.same({ 10, 12, 15 }, seen)
  end)

  it("leaves out what was cancelled, and never goes back", function()
    local line, seen = timeline.new(0), {}
    local event = line:at(5, function() seen[#seen + 1] = "cancelled" end)
    line:at(6, function() seen[#seen + 1] = "ran" end)
    event.cancelled = true
    line:settle(10)
    line:settle(4)
    assert.same({ "ran" }, seen)
    assert.equal(10, line.now)
  end)

  it("keeps a thousand events in order", function()
    local line, stream, last, count = timeline.new(0), random.stream(3, "events"), 0, 0
    for _ = 1, 1000 do
      line:at(stream:between(0, 500), function(now)
        assert.is_true(now >= last)
        last, count = now, count + 1
      end)
    end
    line:settle(500)
    assert.equal(1000, count)
  end)
end)

describe("world.random", function()
  it("gives the same numbers for the same seed and name, others for others", function()
    local function draw(seed, name)
      local stream, out = random.stream(seed, name), {}
      for i = 1, 5 do
        out[i] = stream:next()
      end
      return out
    end
    assert.same(draw(7, "aws"), draw(7, "aws"))
    assert.are_not.same(draw(7, "aws"), draw(8, "aws"))
    assert.are_not.same(draw(7, "aws"), draw(7, "slack"))
  end)

  it("is xoshiro256** over splitmix64", function()
    -- What the authors' own C gives, seeded with 1 xor FNV-1a of "x".
    local stream = random.stream(1, "x")
    for _, number in ipairs { 0x9C2FFBB6B44A8B79, 0x9F8035F86A625502, 0xC42F1462691D50FD } do
      assert.equal(number, stream:next())
    end
  end)

  it("spreads integers evenly", function()
    local stream = random.stream(1, "x")
    local unit = stream:unit()
    assert.is_true(unit >= 0 and unit < 1)
    local counts = {}
    for _ = 1, 6000 do
      local n = stream:integer(1, 6)
      counts[n] = (counts[n] or 0) + 1
    end
    for n = 1, 6 do
      assert.is_true(counts[n] > 850 and counts[n] < 1150, "1 to 6 are not equally frequent")
    end
  end)

  it("draws for a probability of 0 too, so that what follows stays as it is", function()
    local a, b = random.stream(1, "x"), random.stream(1, "x")
    assert.is_false(a:chance(0))
    assert.is_true(b:chance(1))
    assert.equal(a:next(), b:next())
  end)

  it("makes text of an alphabet", function()
    assert.matches("^%x%x%x%x%x%x%x%x$", random.stream(1, "x"):text(8))
    assert.matches("^[AB][AB][AB]$", random.stream(1, "x"):text(3, "AB"))
  end)

  it("makes hexadecimal digits, as many as asked for", function()
    local stream = random.stream(1, "x")
    assert.equal("9c2ffbb6b44a8b799f80", stream:digits(20))
    assert.equal("c42f1462691d50fd", stream:digits(16))
    assert.equal("", stream:digits(0))
  end)
end)

describe("world.message", function()
  it("takes a URL apart and decodes its query in order", function()
    local request = message.parse {
      method = "GET",
      url = "https://API.github.com/a%20b/c?x=1+2&y=%C3%A4&x=3&z",
      headers = { { "X-One", "1" }, { "x-one", "2" } },
    }
    assert.equal("api.github.com", request.host)
    assert.equal("/a%20b/c", request.path)
    assert.same({ { "x", "1 2" }, { "y", "ä" }, { "x", "3" }, { "z", "" } }, request.query_list)
    assert.equal("3", request.query.x)
    assert.equal("1, 2", request.header("X-ONE"))
    assert.equal("", request.body)
  end)

  it("refuses a URL that is not absolute", function()
    assert.error_matches(function()
      message.parse { method = "GET", url = "/a" }
    end, "absolute URL expected")
  end)
end)

describe("world.scenarios", function()
  it("tells the nearest name and all names for one that there is not", function()
    local found, text = scenarios.find("staging-rolls-bak")
    assert.is_nil(found)
    assert.matches('did you mean "staging%-rolls%-back"%?', text)
    for _, scenario in ipairs(scenarios.list) do
      assert.is_truthy(text:find(scenario.name, 1, true))
    end
  end)

  it("has a line for each name", function()
    local seen = {}
    for _, scenario in ipairs(world.scenarios()) do
      assert.matches("^[a-z0-9-]+$", scenario.name)
      assert.is_nil(seen[scenario.name], scenario.name)
      seen[scenario.name] = true
      assert.matches("^[^\n]+[^.\n]$", scenario.text)
    end
    assert.equal("all-well", world.scenarios()[1].name)
    assert.is_true(seen["staging-rolls-back"] and seen["flaky"])
  end)

  it("ends world.new with an error of usage", function()
    local _, err = try(world.new, { scenario = "al-well", fixture = support.fixture() })
    assert.equal("usage", err.kind)
    assert.matches('did you mean "all%-well"', tostring(err))
  end)

  it("refuses options of the wrong type", function()
    assert.error_matches(function() world.new { fixture = "x" } end, "fixture: table expected, got string")
    assert.error_matches(function() world.new { seed = "7" } end, "seed: integer expected")
    assert.error_matches(function() world.new { fixture = {} } end, 'github.repository: "owner/name" expected')
  end)
end)

describe("world", function()
  --- All that a visit with a fixed course of requests sees and says.
  local function record(options)
    local log = {}
    local remove = http.on_exchange(function(exchange)
      log[#log + 1] = ("%s %s %s %.6f"):format(exchange.method, exchange.url, exchange.status or exchange.error,
        exchange.elapsed)
    end)
    local closing <close> = setmetatable({}, { __close = remove }) -- luacheck: ignore closing
    support.visit(options, function(w, call)
      local R = support.REPOSITORY
      process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
      local body = { title = "T", head = "light-it", base = "main" }
      local _, pull = call("POST", R .. "/pulls", { body = body, retry = { attempts = 4, unsafe = true } })
      for _ = 1, 20 do
        local response = try(call, "GET", R .. "/commits/" .. w.folder.repository.branches["light-it"] .. "/check-runs")
        log[#log + 1] = response and response.body or "-"
        clock.sleep(15)
      end
      log[#log + 1] = json.encode(pull or {})
    end)
    return table.concat(log, "\n")
  end

  it("is the same for the same seed, exchange for exchange", function()
    assert.equal(record { seed = 5 }, record { seed = 5 })
    assert.equal(record { seed = 5, scenario = "flaky" }, record { seed = 5, scenario = "flaky" })
  end)

  it("is another for another seed", function()
    assert.are_not.equal(record { seed = 5 }, record { seed = 6 })
  end)

  it("takes virtual time, not real time", function()
    local began = clock.monotonic()
    support.visit({}, function(_, call)
      local start = clock.now()
      local response = call("GET", "/user")
      assert.equal(200, response.status)
      assert.is_true(clock.now() - start >= 0.06 and clock.now() - start <= 0.4)
      clock.sleep(86400)
    end)
    assert.is_true(clock.monotonic() - began < 2)
  end)

  it("answers requests one at a time, in the order in which they come", function()
    support.visit({}, function(w, call)
      local paths = {}
      for i = 1, 20 do
        paths[i] = support.REPOSITORY .. "/commits?page=" .. i
      end
      task.map(paths, function(path)
        return call("GET", path).status
      end)
      local last = 0
      for _, request in ipairs(w.github.requests) do
        assert.is_true(request.at >= last)
        last = request.at
      end
      assert.equal(20, #w.github.requests)
    end)
  end)

  it("goes on when a request is cancelled in its queue", function()
    support.visit({}, function(_, call)
      local first = task.start(call, "GET", support.REPOSITORY .. "/commits/main")
      local second = task.start(call, "GET", support.REPOSITORY .. "/commits/main")
      second:cancel("no longer wanted")
      assert.equal(200, (first:wait()).status)
      pcall(second.wait, second)
      assert.equal(200, (call("GET", "/user")).status)
    end)
  end)

  it("removes its folder, also when what runs in it fails", function()
    local path
    assert.error_matches(function()
      support.visit({}, function(w)
        path = w:open().path
        assert(io.open(path .. "/origin.git/HEAD")):close()
        error "stop"
      end)
    end, "stop")
    assert.is_nil(io.open(path .. "/origin.git/HEAD"))
  end)

  it("raises http.resolve for a host that nobody has", function()
    support.visit({}, function(w)
      w.sites = w.sites or { handle = function() return nil end, requests = {} }
      local _, err = try(http.get, "https://no-such-site.example/", { retry = false })
      assert.equal("http.resolve", err.kind)
    end)
  end)

  it("breaks connections, is silent, answers 5xx and loses answers in the scenario flaky", function()
    local seen = {}
    support.visit({ scenario = "flaky", seed = 3 }, function(_, call)
      for i = 1, 200 do
        local response, err = try(call, "GET", "/users/bob?n=" .. i % 7)
        local what = err and err.kind or response.status
        seen[what] = (seen[what] or 0) + 1
      end
    end)
    assert.is_true(seen[200] > 120)
    for _, what in ipairs { 502, "http.reset", "http.timeout" } do
      assert.is_true((seen[what] or 0) >= 2, "never " .. tostring(what))
    end
  end)

  it("gives up when an answer takes longer than the request may, and then it may have been carried out", function()
    support.visit({}, function(w)
      local function ask(timeout)
        local began = clock.now()
        local _, err = try(http.get, "https://slack.com/api/api.test", { timeout = timeout, retry = false })
        return err and err.kind, clock.now() - began
      end
      local kind, seconds = ask(0.01)
      assert.equal("http.timeout", kind)
      assert.is_true(math.abs(seconds - 0.01) < 1e-6)
      assert.equal(0, #w.slack.requests) -- it did not even arrive
      local late = 0
      for _ = 1, 20 do
        local before = #w.slack.requests
        if ask(0.15) == "http.timeout" and #w.slack.requests > before then
          late = late + 1
        end
      end
      assert.is_true(late > 0)
      assert.is_nil(ask(1))
    end)
  end)

  it("tells the virtual clock's date in its answers", function()
    support.visit({}, function(_, call)
      assert.equal("Mon, 02 Mar 2026 09:00:00 GMT", call("GET", "/user").headers.date)
    end)
  end)

  it("carries out a request whose answer is lost", function()
    support.visit({ scenario = "flaky", seed = 3 }, function(w, call)
      w.faults.draw = function() return "lost" end
      process.run({ "git", "push", "-q", "origin", "light-it", cwd = w:open().work }):check()
      local body = { title = "T", head = "light-it", base = "main" }
      local _, lost = try(call, "POST", support.REPOSITORY .. "/pulls", { body = body })
      assert.equal("http.reset", lost.kind)
      assert.equal(1, #w.github.pulls.list)
    end)
  end)

  it("refuses requests in the scenario rate-limited, and says when to come back", function()
    local limited = 0
    support.visit({ scenario = "rate-limited", seed = 3 }, function(_, call)
      for _ = 1, 100 do
        local response, body = call("GET", "/user")
        if response.status ~= 200 then
          limited = limited + 1
          assert.is_true(response.status == 403 or response.status == 429)
          assert.matches("secondary rate limit", body.message)
          assert.is_true(tonumber(response.headers["retry-after"]) >= 1)
        end
      end
    end)
    assert.is_true(limited >= 5)
  end)
end)
