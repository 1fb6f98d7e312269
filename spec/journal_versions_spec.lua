--- Journals that older programs left behind open and resume with this one.
local journal = require "fairlead.journal"
local lfs = require "lfs"
local native = require "fairlead.journal.native"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"
local schema = require "fairlead.journal.schema"

local PLACE <const> = "spec/support/journals/"

-- A journal as a program of that version left it.
local function write(folder, version)
  native.folder(folder)
  local file <close> = assert(io.open(("%sversion-%d.sql"):format(PLACE, version)))
  local db <close> = native.open(folder .. "/journal.db", 1)
  db:script(file:read "a")
end

it("there is one for each version of the layout", function()
  for version = 1, schema.version do
    assert.is_truthy(lfs.attributes(("%sversion-%d.sql"):format(PLACE, version)), "version " .. version)
  end
end)

for version = 1, schema.version do
  describe("a journal of version " .. version, function()
    it("opens, lists its runs, and has them resumed", function()
      local folder <close> = program.folder()
      write(folder.path, version)
      local book <close> = journal.open { folder = folder.path }
      assert.equal(schema.version, book.db:rows("PRAGMA user_version")[1].user_version)
      local run = book:runs()[1]
      assert.equal("deploy", run.procedure)
      assert.is_true(run.resumable)
      local entries = book:entries(run.id)
      assert.equal("Build/one", entries[1].path)
      assert.same({ done = "one" }, entries[1].result)
      assert.equal("run.started", book:events(run.id)[1].event)

      local log = folder.path .. "/log"
      local loaded = procedure.load(PLACE .. "deploy.lua")
      local parameters = { log = log, go = folder:write("go", "") }
      local token = book:take(run.id, { take_over = true })
      local result = procedure.execute(loaded, parameters, {
        id = run.id, attempt = run.attempts + 1, recorder = book:resuming(run.id, token), mode = "run",
      })
      assert.equal("done", result.outcome, tostring(result.error))
      local effects <close> = assert(io.open(log))
      assert.equal("two\n", effects:read "a")
    end)
  end)
end
