--- Rows of a journal that Fairlead did not write: listing, showing, explaining and taking up give what is there, or an
--- error that says which row is wrong.
---
--- The input is fields (see spec.fuzz.answers): a table's name begins a row of it, then come its columns, NAME:TVALUE;
--- T is i, f, t, b or n: a whole number, another number, a text, a blob, nothing.
local answers = require "spec.fuzz.answers"
local folder = require "spec.fuzz.folder"
local journal = require "fairlead.journal"
local environment = require "fairlead.environment"
local recorder = require "fairlead.journal.recorder"

local M = { lua = true }

local TABLES <const> = {
  runs = { id = "r1", number = 1, procedure = "deploy", mode = "run", parameters = "{}", began = 1772442000,
    attempts = 1, ordinal = 0 },
  entries = { run = "r1", id = "Step", ordinal = 1, kind = "step", path = "Step", occurrence = 1, digest = "d",
    status = "finished", attempts = 1, began = 1772442000, finished = 1772442001 },
  events = { run = "r1", ordinal = 1, event = '{"at":1,"event":"note"}' },
  scripts = { sha256 = "s", files = "[]" },
}
local OPTIONAL <const> = {
  runs = "summary script command sha256 git_commit directory user host finished outcome reason exit_code error owner "
    .. "token",
  entries = "scope intent result error deadline", events = "", scripts = "",
}

local home, book

local function columns_of(name)
  local known = {}
  for column in pairs(TABLES[name]) do known[column] = true end
  for column in OPTIONAL[name]:gmatch "%S+" do known[column] = true end
  return known
end

local function value_of(text)
  local kind, rest = text:sub(1, 1), text:sub(2)
  if kind == "i" then return math.tointeger(tonumber(rest)) or 0 end
  if kind == "f" then return tonumber(rest) or 1e999 end
  if kind == "n" then return nil end
  return rest
end

local function insert(name, row, blobs)
  local names, marks, values = {}, {}, {}
  local known = columns_of(name)
  for column, value in pairs(row) do
    if known[column] then
      names[#names + 1], values[#values + 1] = column, value
      marks[#marks + 1] = blobs[column] and "CAST(? AS BLOB)" or "?"
    end
  end
  try(book.db.run, book.db, ("INSERT OR REPLACE INTO %s (%s) VALUES (%s)"):format(name, table.concat(names, ", "),
    table.concat(marks, ", ")), table.unpack(values))
end

local function rows_of(input)
  local rows = {}
  for _, field in ipairs(answers.fields(input)) do
    local column, value = field:match "^([%l_0-9]+):(.*)$"
    if TABLES[field] then
      local row = {}
      for name, usual in pairs(TABLES[field]) do row[name] = usual end
      rows[#rows + 1] = { table = field, row = row, blobs = {} }
    elseif column and rows[1] then
      local last = rows[#rows]
      last.row[column], last.blobs[column] = value_of(value), value:sub(1, 1) == "b"
    end
  end
  return rows
end

-- Where a function of a module's looks for `print`.
local function globals_of(fn)
  for i = 1, math.huge do
    local name, value = debug.getupvalue(fn, i)
    if name == "_ENV" then return value end
    assert(name, "it uses no global")
  end
end

-- What the commands print goes nowhere, and has to be text.
local function quietly(fn, ...)
  local globals = globals_of(fn)
  local before = rawget(globals, "print")
  local _ <close> = setmetatable({}, { __close = function() rawset(globals, "print", before) end })
  rawset(globals, "print", function(line) assert(type(line) == "string") end)
  return try(fn, ...)
end

local function check(result, err)
  if result == nil and err then answers.check_error(err) end
end

local function look(id)
  check(try(book.runs, book))
  check(try(book.newest_resumable, book))
  for _, name in ipairs { "runs", "show", "why" } do
    local command = require("fairlead.cli." .. name)
    for _, as_json in ipairs { false, true } do
      check(quietly(command.main, { run = id, json = as_json or nil, limit = 20 }))
    end
  end
  local run = try(book.run, book, id)
  if run then
    check(try(book.durations, book, run, "Step"))
    check(try(book.files, book, run.sha256 or "s"))
    check(try(recorder.new, book, run.id, "token"))
    check(try(book.take, book, run.id, { user = "ada" }))
  end
end

---@param input string
function M.run(input)
  if not home then
    home = folder.new()
    book = journal.open { folder = home, durable = false }
    book.db:script "PRAGMA foreign_keys = OFF"
  end
  book.db:script "DELETE FROM entries; DELETE FROM events; DELETE FROM scripts; DELETE FROM runs"
  local id = "r1"
  for _, row in ipairs(rows_of(input)) do
    insert(row.table, row.row, row.blobs)
    if row.table == "runs" and type(row.row.id) == "string" then id = row.row.id end
  end
  environment.with({ FAIRLEAD_STATE = home }, look, id)
end

function M.close()
  if book then book:close() end
  if home then folder.remove(home) end
  home, book = nil, nil
end

return M
