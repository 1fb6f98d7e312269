-- Rows of a journal that Fairlead did not write: what a reader is told.
local journal = require "fairlead.journal"
local program = require "spec.support.program"

local function book_with(folder, statement, ...)
  local book = journal.open { folder = folder.path, durable = false }
  book.db:run [[INSERT INTO runs (id, number, procedure, mode, parameters, began, attempts, ordinal)
    VALUES ('r1', 1, 'deploy', 'run', '{}', 1772442000, 1, 0)]]
  book.db:run [[INSERT INTO entries (run, id, ordinal, kind, path, occurrence, digest, status, attempts, began,
    finished) VALUES ('r1', 'Sure', 1, 'gate', 'Sure', 1, 'd', 'begun', 1, 1772442000, NULL)]]
  book.db:run [[INSERT INTO events (run, ordinal, event) VALUES ('r1', 1, '{"at":1,"event":"note"}')]]
  book.db:run(statement, ...)
  return book
end

local CASES <const> = {
  { "UPDATE runs SET parameters = '[1]'", "run r1, parameters: a JSON object expected" },
  { "UPDATE runs SET owner = '{\"pid\":1}'", "run r1, owner: a JSON object with a %w+ as %w+ expected" },
  { "UPDATE runs SET began = 'yesterday'", "run r1, began: a time expected" },
  { "UPDATE runs SET began = 1e300", "run r1, began: a time expected" },
  { "UPDATE runs SET procedure = CAST(x'ff' AS TEXT)", "run r1, procedure: a text expected" },
  { "UPDATE runs SET error = '{\"text\":null}'", "run r1, error: a JSON object with a text as text expected" },
  { "UPDATE entries SET status = 'half'", "run r1, entry Sure, status: one of begun, finished, failed expected" },
  { "UPDATE entries SET status = 'finished'", "run r1, entry Sure, finished: a time expected" },
  { "UPDATE entries SET status = 'finished', finished = 1772442001, result = '5'",
    "run r1, entry Sure, result: a decision and who made it expected" },
  { "UPDATE entries SET intent = '{'", "run r1, entry Sure, intent: JSON expected" },
  { "UPDATE entries SET intent = '{\"approvers\":{\"a\":1}}'", "intent: approvers that are a list of texts expected" },
  { "UPDATE events SET event = 'null'", "run r1, event 1, event: a JSON object expected" },
  { "UPDATE events SET event = '{\"at\":1,\"event\":\"gate.asked\"}'", "event 1, event: a path expected" },
  { "UPDATE events SET ordinal = 'last'", "run r1, its newest event's ordinal: a number expected" },
}

describe("a journal's row that Fairlead did not write", function()
  for _, case in ipairs(CASES) do
    it("is told, with what is wrong in it: " .. case[1], function()
      local folder <close> = program.folder()
      local book <close> = book_with(folder, case[1])
      local _, err = try(function()
        book:runs()
        book:entries "r1"
        book:events "r1"
        book:resuming("r1", "token")
      end)
      assert.is_truthy(err, "nothing was found wrong")
      assert.equal("journal.corrupt", err.kind)
      assert.matches(case[2], err.message)
      assert.equal(book.path, err.target)
      assert.matches("restore it from a copy", err.hint)
    end)
  end
end)
