--- The rules of a reservation, and how what anybody may have written is read.
package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local line = require "release.reservation.line"
local record = require "release.reservation.record"
local words = require "release.reservation.words"

local function waiter(run, kind, commit)
  return { run = run, login = run, kind = kind, commit = commit, since = 0, seen = 0, seconds = 60, why = "why" }
end

local function runs(queue)
  local list = {}
  for i, one in ipairs(queue) do list[i] = one.run end
  return table.concat(list, " ")
end

-- Commits of main are "1", "2", …; other commits have nothing to do with them.
local function is_older(a, b)
  return tonumber(a) ~= nil and tonumber(b) ~= nil and tonumber(a) < tonumber(b)
end

describe("a line", function()
  it("is served by arrival, releases of main by their commits", function()
    local function order(...) return runs(line.in_order({ ... }, is_older)) end
    assert.equal("a b c", order(waiter("a", "try", "x"), waiter("b", "try", "y"), waiter("c", "try")))
    assert.equal("b a", order(waiter("a", "deploy", "2"), waiter("b", "deploy", "1")))
    assert.equal("c b a", order(waiter("a", "deploy", "3"), waiter("b", "deploy", "2"), waiter("c", "deploy", "1")))
    assert.equal("b t a", order(waiter("a", "deploy", "2"), waiter("t", "try", "1"), waiter("b", "deploy", "1")))
    assert.equal("a b", order(waiter("a", "deploy", "1"), waiter("b", "deploy", "1")))
    assert.equal("a b", order(waiter("a", "deploy", "x"), waiter("b", "deploy", "1")))
    assert.equal("", order())
  end)

  it("forgets who is gone, and never the one who asks", function()
    local reservation = { queue = { waiter "gone", waiter "me" } }
    assert.is_false(line.forget_gone(reservation, 300, "me"))
    assert.is_true(line.forget_gone(reservation, 301, "me"))
    assert.equal("me", runs(reservation.queue))
  end)

  it("has one place for a run, which is told about every two minutes", function()
    local reservation = { queue = {} }
    local claim = { run = "r", login = "l", kind = "try", why = "w", seconds = 60 }
    assert.equal("joined", line.join(reservation, claim, 0))
    assert.is_nil(line.join(reservation, claim, 119))
    assert.equal("seen", line.join(reservation, claim, 120))
    assert.equal(1, #reservation.queue)
    assert.equal(0, reservation.queue[1].since)
  end)
end)

describe("what is written of a reservation", function()
  it("is read as it was written", function()
    local reservation = { environment = "development", queue = {} }
    local claim = {
      run = "20260302-090000-aaaaaa", login = "ada", slack = "U1", kind = "try", why = "why", seconds = 60,
      pull_request = 7, commit = ("a"):rep(40), thread = { channel = "C1", ts = "1.2" }, deploying = true,
    }
    line.take(reservation, claim, 100)
    line.join(reservation, { run = "other", login = "bob", kind = "deploy", why = "w", seconds = 5 }, 100)
    line.hold(reservation, claim, 100, "rolled back")
    assert.same(reservation, record.read("development", record.plain(reservation), "app"))
    assert.same({ environment = "x", queue = {} }, record.read("x", nil, "app"))
  end)

  it("is refused where it is none", function()
    for _, value in ipairs {
      {}, { format = "1" }, { format = 1, holder = "ada" }, { format = 1, holder = { login = "ada" } },
      { format = 1, holder = { login = " ", since = 0, ["until"] = 1 } },
      { format = 1, holder = { login = "ada", since = 0, ["until"] = 0 / 0 } },
      { format = 1, hold = { why = "no" } },
    } do
      local ok, err = pcall(record.read, "development", value, "app")
      assert.is_false(ok)
      assert.equal("reservation.invalid", err.kind)
    end
    local ok, err = pcall(record.read, "development", { format = 2 }, "app")
    assert.is_false(ok)
    assert.equal("reservation.newer", err.kind)
  end)

  it("is read without what does not belong there, and as one line", function()
    local read = record.read("development", {
      format = 1, further = "field",
      holder = {
        login = "ada", since = 1, ["until"] = 2, why = "two\nlines\27[2J" .. ("x"):rep(600), commit = "short",
        pull_request = -1, thread = { channel = {} }, run = "a/b",
      },
      queue = { "x", {}, waiter("w", "try"), { login = "bob", run = "r", since = 0, seen = "now" } },
    }, "app")
    assert.is_nil(read.further)
    assert.is_nil(read.holder.commit)
    assert.is_nil(read.holder.pull_request)
    assert.is_nil(read.holder.thread)
    assert.is_nil(read.holder.run)
    assert.equal("try", read.holder.kind)
    assert.matches("^two lines %[2Jx+…$", read.holder.why)
    assert.is_true(#read.holder.why <= 510)
    assert.equal("w", runs(read.queue))
    local many = {}
    for i = 1, 100 do many[i] = waiter("w" .. i, "try") end
    assert.equal(40, #record.read("development", { format = 1, queue = many }, "app").queue)
  end)
end)

describe("reservations in words", function()
  it("name the day where it is another", function()
    assert.equal("09:30 UTC", words.moment(1772443800, 1772442000))
    assert.equal("Tue 3 Mar 09:30 UTC", words.moment(1772443800 + 86400, 1772442000))
  end)
end)
