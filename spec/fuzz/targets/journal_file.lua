--- A journal's file that was damaged: it opens and gives what is left, or the error says that it is damaged.
---
--- The input is changes to a file with a few runs, seven bytes each: where (three bytes), how many (two), what (one)
--- and how (one): overwrite, zero, cut off, or copy from elsewhere. The odd bytes at the end say how much log is left.
local answers = require "spec.fuzz.answers"
local environment = require "fairlead.environment"
local folder = require "spec.fuzz.folder"
local journal = require "fairlead.journal"

local M = { lua = true }

local START <const> = 1772442000

local home, pristine, log

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a" or ""
end

-- A journal of three runs, and its log as it is before it goes into the file.
local function make()
  home = folder.new()
  local book <close> = journal.open { folder = home, durable = false }
  for i = 1, 3 do
    book.db:run([[INSERT INTO runs (id, number, procedure, mode, parameters, began, attempts, ordinal)
      VALUES (?, ?, 'deploy', 'run', '{"environment":"staging"}', ?, 1, 0)]], "r" .. i, i, START + i)
    for k = 1, 12 do
      book.db:run([[INSERT INTO entries (run, id, ordinal, kind, path, occurrence, digest, status, result, attempts,
        began, finished) VALUES (?, ?, ?, 'step', ?, 1, 'd', 'finished', ?, 1, ?, ?)]], "r" .. i, "Step " .. k, k,
        "Step " .. k, ('{"id":"%s"}'):format(("x"):rep(k * 20)), START + k, START + k + 1)
      book.db:run("INSERT INTO events (run, ordinal, event) VALUES (?, ?, ?)", "r" .. i, k,
        ('{"at":%d,"event":"note","text":"%d"}'):format(START + k, k))
    end
  end
  log = read(home .. "/journal.db-wal")
  book.db:script "PRAGMA wal_checkpoint(TRUNCATE)"
  pristine = read(home .. "/journal.db")
end

local function changed(bytes, change)
  local a, b, c, high, low, what, how = change:byte(1, 7)
  local at = (a << 16 | b << 8 | c) % #bytes + 1
  local count = math.min((high << 8 | low) % 4096 + 1, #bytes - at + 1)
  local before, after = bytes:sub(1, at - 1), bytes:sub(at + count)
  if how & 3 == 0 then return before .. string.char(what) .. bytes:sub(at + 1) end
  if how & 3 == 1 then return before .. ("\0"):rep(count) .. after end
  if how & 3 == 2 then return #before > 0 and before or "\0" end
  local from = (at * 31 + what * 4096) % #bytes + 1
  local piece = bytes:sub(from, from + count - 1)
  return before .. piece .. bytes:sub(at + #piece)
end

local function look()
  local book <close> = journal.open { durable = false, busy = 0.01 }
  for _, run in ipairs(book:runs()) do
    book:entries(run.id)
    book:events(run.id)
    book:durations(run, "Step 1")
  end
  book:newest_resumable()
end

---@param input string
function M.run(input)
  if not home then make() end
  local bytes = pristine
  for at = 1, math.min(#input - 6, 7 * 40), 7 do bytes = changed(bytes, input:sub(at, at + 6)) end
  for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(home .. "/journal.db" .. ending) end
  folder.write(home .. "/journal.db", bytes)
  local left = #input % 7
  if left > 0 then folder.write(home .. "/journal.db-wal", log:sub(1, #log * left // 6)) end
  environment.with({ FAIRLEAD_STATE = home }, function()
    local _, err = try(look)
    if err then
      answers.check_error(err)
      assert(err:is "journal" or err:is "resume", err)
    end
  end)
end

function M.close()
  if home then folder.remove(home) end
  home = nil
end

return M
