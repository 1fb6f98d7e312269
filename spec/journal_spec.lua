--- The journal: a real SQLite file in a real folder.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local journal = require "fairlead.journal"
local lfs = require "lfs"
local memory = require "fairlead.procedure.memory"
local native = require "fairlead.journal.native"
local procedure = require "fairlead.procedure"
local process = require "fairlead.process"
local program = require "spec.support.program"

local function fails(kind, fn, ...)
  local results = table.pack(try(fn, ...))
  assert.is_nil(results[1])
  assert.equal(kind, results[2].kind, tostring(results[2]))
  assert.is_truthy(results[2].hint)
  assert.is_nil(tostring(results[2]):find "\n")
  return results[2]
end

local function mode_of(path)
  return lfs.attributes(path, "permissions")
end

-- Carries out a function as a procedure, on record.
local function play(book, fn, options)
  options = options or {}
  local made = procedure.new {
    name = "spec", summary = "a spec's run", parameters = options.declare or {}, run = fn,
  }
  return procedure.execute(made, options.given or {}, {
    recorder = options.recorder or book:recording(), id = options.id, attempt = options.attempt, user = "ada",
    channels = options.channels, no_wait = options.no_wait,
  })
end

describe("a journal's file", function()
  it("is made, with its folder, for nobody else to read", function()
    local folder <close> = program.folder()
    local where = folder.path .. "/state/fairlead"
    local book <close> = journal.open { folder = where }
    assert.equal("rwx------", mode_of(folder.path .. "/state"))
    assert.equal("rwx------", mode_of(where))
    assert.equal("rw-------", mode_of(book.path))
    play(book, function(run) run:step("One", function() return 1 end) end)
    assert.equal("rw-------", mode_of(book.path .. "-wal"))
    assert.equal("rw-------", mode_of(book.path .. "-shm"))
  end)

  it("is closed to others again when somebody opened it to them", function()
    local folder <close> = program.folder()
    journal.open({ folder = folder.path }):close()
    process.run { "chmod", "644", folder.path .. "/journal.db" }
    process.run { "chmod", "755", folder.path }
    local book <close> = journal.open { folder = folder.path }
    assert.equal("rw-------", mode_of(book.path))
    assert.equal("rwx------", mode_of(folder.path))
  end)

  it("waits for the disk at each commit, and writes ahead", function()
    local folder <close> = program.folder()
    local book <close> = journal.open { folder = folder.path }
    assert.equal("wal", book.db:rows("PRAGMA journal_mode")[1].journal_mode)
    assert.equal(2, book.db:rows("PRAGMA synchronous")[1].synchronous)
  end)

  it("is where the variables say", function()
    local environment = require "fairlead.environment"
    local hidden = { FAIRLEAD_STATE = false, XDG_STATE_HOME = false, HOME = false }
    local function folder(variables)
      return environment.with(hidden, environment.with, variables, journal.folder)
    end
    assert.equal("/a", folder { FAIRLEAD_STATE = "/a", XDG_STATE_HOME = "/b", HOME = "/c" })
    assert.equal("/b/fairlead", folder { XDG_STATE_HOME = "/b", HOME = "/c" })
    assert.equal("/c/.local/state/fairlead", folder { XDG_STATE_HOME = "not/absolute", HOME = "/c" })
    fails("config.missing", folder, {})
  end)

  it("is refused when it belongs to somebody else", function()
    if native.process().uid ~= 0 then return pending "only root can give a file away" end
    local folder <close> = program.folder()
    journal.open({ folder = folder.path }):close()
    process.run { "chown", "65534", folder.path .. "/journal.db" }
    assert.matches("journal.db: belongs to another user; run fairlead as that user",
      tostring(fails("journal.not_owned", journal.open, { folder = folder.path })), 1, true)
    process.run { "chown", "65534", folder.path }
    fails("journal.not_owned", journal.open, { folder = folder.path })
  end)

  it("is refused where it cannot be written", function()
    local folder <close> = program.folder()
    if process.run({ "mount", "-t", "tmpfs", "none", folder.path }).code ~= 0 then
      return pending "mount is not allowed"
    end
    local _ <close> = setmetatable({}, { __close = function() process.run { "umount", folder.path } end })
    journal.open({ folder = folder.path }):close()
    assert.equal(0, process.run({ "mount", "-o", "remount,ro", folder.path }).code)
    fails("journal.read_only", journal.open, { folder = folder.path })
    fails("journal.read_only", journal.open, { folder = folder.path .. "/below" })
  end)

  it("is refused on a network file system, by its name", function()
    assert.equal("NFS", journal.network(0x6969))
    assert.equal("CIFS", journal.network(0xff534d42))
    assert.is_nil(journal.network(0xef53)) -- ext4
    local folder <close> = program.folder()
    local about = native.folder(folder.path)
    assert.is_nil(journal.network(about.type))
  end)

  it("is refused when it is damaged, and left as it is", function()
    local folder <close> = program.folder()
    folder:write("journal.db", ("no database at all. "):rep(500))
    fails("journal.corrupt", journal.open, { folder = folder.path })
    assert.equal(10000, lfs.attributes(folder.path .. "/journal.db", "size"))
  end)

  it("tells damage that only shows when it is read", function()
    local folder <close> = program.folder()
    do
      local book <close> = journal.open { folder = folder.path }
      for i = 1, 50 do
        play(book, function(run) run:step("One", function() return ("x"):rep(2000) end) end, { id = "run-" .. i })
      end
    end
    local file <close> = assert(io.open(folder.path .. "/journal.db", "r+b"))
    local size = file:seek "end"
    for at = 8192, size - 4096, 4096 do
      file:seek("set", at)
      file:write(("\255"):rep(4096))
    end
    file:close()
    fails("journal.corrupt", function()
      local book <close> = journal.open { folder = folder.path }
      for i = 1, 50 do book:entries("run-" .. i) end
      return #book:runs()
    end)
  end)

  it("is refused when a newer program wrote it, or another one", function()
    local folder <close> = program.folder()
    local book = journal.open { folder = folder.path }
    book.db:script "PRAGMA user_version = 99"
    book:close()
    assert.matches("version 99", tostring(fails("journal.newer", journal.open, { folder = folder.path })))
    local other <close> = program.folder()
    process.run { "chmod", "700", other.path }
    local db = native.open(other.path .. "/journal.db", 1)
    db:script "CREATE TABLE recipes (name)"
    db:close()
    fails("journal.not_a_journal", journal.open, { folder = other.path })
  end)

  it("says so when another process keeps it locked", function()
    local folder <close> = program.folder()
    local book <close> = journal.open { folder = folder.path }
    book.db:script "BEGIN IMMEDIATE"
    local other <close> = journal.open { folder = folder.path, busy = 0.05 }
    local began = clock.monotonic()
    fails("journal.busy", play, other, function() end)
    assert.is_true(clock.monotonic() - began < 5)
    book.db:script "ROLLBACK"
    assert.equal("done", play(other, function() end).outcome)
  end)

  it("fails the step that it has no space for, before that is done", function()
    local folder <close> = program.folder()
    if process.run({ "mount", "-t", "tmpfs", "-o", "size=400k", "none", folder.path }).code ~= 0 then
      return pending "mount is not allowed"
    end
    local _ <close> = setmetatable({}, { __close = function() process.run { "umount", folder.path } end })
    local book <close> = journal.open { folder = folder.path }
    local done, told = 0, {}
    local result = play(book, function(run)
      run:notifier(function(message) told[#told + 1] = message.reason end)
      for i = 1, 200 do
        run:step("Step " .. i, { intent = { text = ("x"):rep(9000) }, act = function() done = done + 1 end })
      end
    end)
    assert.equal("journal.full", result.reason, tostring(result.error))
    assert.matches("there is no space left for it; make room", tostring(result.error), 1, true)
    assert.same({ "journal.full" }, told)
    local finished = 0
    for _, entry in ipairs(book:entries(result.id)) do
      if entry.status == "finished" then finished = finished + 1 end
    end
    assert.is_true(done > 3)
    assert.is_true(done - finished <= 1) -- the last one's end may be what there was no space for
  end)

  it("is closed twice, and refuses what comes after", function()
    local folder <close> = program.folder()
    local book = journal.open { folder = folder.path }
    book:runs()
    book:close()
    book:close()
    assert.has_error(function() book:runs() end, "calling 'rows' on bad self (the journal is closed)")
  end)
end)

describe("what is recorded", function()
  local folder, book
  before_each(function()
    folder = program.folder()
    book = journal.open { folder = folder.path }
  end)
  after_each(function()
    book:close()
    getmetatable(folder).__close()
  end)

  it("counts another attempt where the one before had told its end, and only there", function()
    local id = play(book, function() error "broken" end).id
    book:take(id)
    assert.equal(2, book:run(id).attempts)
    book.db:run("UPDATE runs SET owner = NULL WHERE id = ?", id) -- as if its process had been killed
    book:take(id)
    assert.equal(2, book:run(id).attempts)
  end)

  it("tells the run, who began it, where, and how it ended", function()
    local result = play(book, function(run)
      run:step("One", { intent = { n = 1 }, act = function() return { big = math.maxinteger, list = { 1, 2.5 } } end })
      run:refuse("not-today", "it is Friday")
    end, { declare = { name = {}, token = { secret = true } }, given = { name = "x", token = "hunter2" } })
    local run = book:run(result.id)
    assert.equal("spec", run.procedure)
    assert.equal("ada", run.user)
    assert.same({ name = "x" }, run.parameters)
    assert.equal("refused", run.outcome)
    assert.equal("not-today", run.reason)
    assert.equal(3, run.exit_code)
    assert.equal("it is Friday", run.error.text)
    local entry = book:entries(result.id)[1]
    assert.equal("One", entry.path)
    assert.equal("step", entry.kind)
    assert.same({ n = 1 }, entry.intent)
    assert.same({ big = math.maxinteger, list = { 1, 2.5 } }, entry.result)
    local events = book:events(result.id)
    assert.equal("run.started", events[1].event)
    assert.equal("run.finished", events[#events].event)
  end)

  it("is never a secret", function()
    local token = "xoxb-" .. ("5f3a"):rep(8)
    local result = play(book, function(run, parameters)
      run:say("using " .. tostring(parameters.token))
      run:step("One", { intent = "with " .. tostring(parameters.token), act = function() return "ok" end })
      local _, err = try(run.step, run, "Two", function() return { token = parameters.token } end)
      assert.matches("result.token is a userdata", tostring(err))
      run:step("Three", function() errors.raise { kind = "x", message = "no " .. tostring(parameters.token) } end)
    end, { declare = { token = { secret = true } }, given = { token = token } })
    assert.equal("x", result.reason)
    book:close()
    local found = 0
    for entry in lfs.dir(folder.path) do
      if entry:find "^journal" then
        local file <close> = assert(io.open(folder.path .. "/" .. entry, "rb"))
        found = found + 1
        assert.is_nil(file:read("a"):find(token, 1, true))
      end
    end
    assert.is_true(found >= 1)
  end)

  it("is refused when JSON cannot hold it or it is too much, and stays begun", function()
    local cycle = {}
    cycle.self = cycle
    local unfit = {
      ["is a function"] = print, ["refers back to itself"] = cycle, ["which JSON has no word for"] = 0 / 0,
      ["above the limit of 1048576"] = ("x"):rep(10 << 20),
    }
    for text, value in pairs(unfit) do
      local result = play(book, function(run) run:step("One", function() return value end) end)
      assert.equal("failed", result.outcome)
      assert.matches(text, tostring(result.error), 1, true)
      local entry = book:entries(result.id)[1]
      assert.equal("failed", entry.status)
      assert.is_nil(entry.result)
    end
  end)

  it("is one transaction for a step's beginning and one for its end", function()
    local made
    play(book, function(run)
      made = run.recorder
      local before = made.commits
      run:step("One", function() assert.equal(before + 1, made.commits) end)
      assert.equal(before + 2, made.commits)
    end)
  end)

  it("is not written by who lost the run to another process", function()
    local acted = false
    local result = play(book, function(run)
      run:step("One", function() end)
      book.db:run("UPDATE runs SET token = 'another' WHERE id = ?", run.id)
      run:step("Two", function() acted = true end)
    end)
    assert.equal("resume.lost", result.reason)
    assert.is_false(acted)
    assert.is_nil(book:run(result.id).outcome)
  end)

  it("keeps events within bounds", function()
    local result = play(book, function(run) run:say(("x"):rep(100000)) end)
    local longest = 0
    for _, row in ipairs(book.db:rows("SELECT length(event) AS n FROM events WHERE run = ?", result.id)) do
      longest = math.max(longest, row.n)
    end
    assert.is_true(longest < 66000)
  end)

  it("is found by a part of the run's id, when only one has it", function()
    play(book, function() end, { id = "20260101-100000-aaaaaa" })
    play(book, function() end, { id = "20260101-100000-bbbbbb" })
    assert.equal("20260101-100000-bbbbbb", book:run("bbbbbb").id)
    assert.matches("more than one", tostring(fails("resume.unknown", book.run, book, "20260101")))
    fails("resume.unknown", book.run, book, "2027")
    assert.equal("20260101-100000-bbbbbb", book:runs()[1].id)
  end)
end)

describe("a native statement", function()
  it("keeps zero bytes, integers and nil apart, and takes as many values as it has places for", function()
    local folder <close> = program.folder()
    local db <close> = native.open(folder.path .. "/x.db", 1)
    db:script "CREATE TABLE t (a, b, c)"
    assert.equal(1, db:run("INSERT INTO t VALUES (?, ?, ?)", "a\0b", math.mininteger, nil))
    local row = db:rows("SELECT a, b, c, 1.5 AS d FROM t")[1]
    assert.same({ a = "a\0b", b = math.mininteger, d = 1.5 }, row)
    assert.has_error(function() db:run("INSERT INTO t VALUES (?, ?, ?)", 1) end)
    assert.has_error(function() db:run("INSERT INTO t VALUES (?, ?, ?)", 1, {}, 2) end)
    assert.equal(1, db:rows("SELECT count(*) AS n FROM t")[1].n)
  end)

  it("is reset when it fails, so that no transaction stays open", function()
    local folder <close> = program.folder()
    local db <close> = native.open(folder.path .. "/x.db", 1)
    db:script "CREATE TABLE t (a UNIQUE)"
    db:run("INSERT INTO t VALUES (?)", 1)
    for _ = 1, 3 do assert.has_error(function() db:run("INSERT INTO t VALUES (?)", 1) end) end
    local other <close> = native.open(folder.path .. "/x.db", 0)
    assert.equal(1, other:run("INSERT INTO t VALUES (?)", 2))
  end)
end)

describe("an owner", function()
  local owner = require "fairlead.journal.owner"

  it("is told from a later process with the same number, and from one before the machine was started again", function()
    local me = owner.here("ada", 0)
    assert.equal("alive", owner.state(me))
    local function with(field, value)
      local copy = {}
      for name, item in pairs(me) do copy[name] = item end
      copy[field] = value
      return owner.state(copy)
    end
    assert.equal("gone", with("began", me.began - 1))
    assert.equal("gone", with("boot", "another"))
    assert.equal("gone", with("pid", 2 ^ 22 | 0))
    assert.equal("unknown", with("host", "elsewhere"))
    assert.equal("unknown", with("namespace", 1))
  end)
end)

describe("a memory recorder", function()
  it("is what a journal's does, without the disk", function()
    local made = memory.new()
    made:begin({ id = "A", kind = "step", path = "A", digest = "d", scope = "" }, { n = 1 })
    assert.equal("begun", made:find({ id = "A" }).status)
    made:finish({ id = "A" }, 5)
    assert.equal(5, made:find({ id = "A" }).result)
  end)
end)
