--- What a journal's rows hold, checked as they are read: a file that another program wrote to, that was restored in
--- part, or whose disk failed must not be taken for what a run did.
local errors = require "fairlead.errors"
local json = require "fairlead.json"

local M = {}

local LATEST <const> = 253402300799 -- unix seconds: the end of the year 9999

-- Each check gives the value as it is used, or nil and what it should be.
local function text(value)
  if type(value) == "string" and utf8.len(value) then return value end
  return nil, "a text"
end

local function integer(value)
  if math.type(value) == "integer" and value >= 0 then return value end
  return nil, "a number from 0"
end

local function time(value)
  if type(value) == "number" and value >= 0 and value <= LATEST then return value end
  return nil, "a time"
end

local function one_of(...)
  local allowed = {}
  for _, name in ipairs { ... } do allowed[name] = true end
  local expected = "one of " .. table.concat({ ... }, ", ")
  return function(value)
    if allowed[value] then return value end
    return nil, expected
  end
end

-- Optional fields that are there have to be right, too.
local function maybe(check)
  return function(value)
    if value == nil then return nil end
    return check(value)
  end
end

local function decoded(value)
  if type(value) ~= "string" then return nil, "JSON" end
  local ok, read = pcall(json.decode, value)
  if not ok then return nil, "JSON" end
  return read
end

local function texts(value)
  if type(value) ~= "table" then return nil, "a list of texts" end
  for name, item in pairs(value) do
    if math.type(name) ~= "integer" or not text(item) then return nil, "a list of texts" end
  end
  return value
end

-- A JSON object with these fields among others.
local function object(fields)
  return function(value)
    local read = decoded(value)
    if type(read) ~= "table" or read == json.null or #read > 0 then return nil, "a JSON object" end
    for name, check in pairs(fields) do
      local _, expected = check(read[name])
      if expected then return nil, ("a JSON object with %s as %s"):format(expected, name) end
    end
    return read
  end
end

local some_text <const>, some_time <const>, some_integer <const> = maybe(text), maybe(time), maybe(integer)

---A row's columns, by kind of row.
M.run = {
  id = text, number = integer, procedure = text, summary = some_text, mode = text, script = some_text,
  command = some_text, sha256 = some_text, git_commit = some_text, parameters = object {}, directory = some_text,
  user = some_text, host = some_text, began = time, finished = some_time, outcome = some_text, reason = some_text,
  exit_code = some_integer, attempts = integer, token = some_text,
  error = maybe(object { text = text, kind = some_text, hint = some_text, failed = some_text }),
  owner = maybe(object { pid = integer, host = text, since = time, user = some_text }),
}

M.entry = {
  id = text, ordinal = integer, kind = text, path = text, occurrence = integer, scope = some_text, digest = text,
  intent = maybe(decoded), status = one_of("begun", "finished", "failed"), result = maybe(decoded), error = some_text,
  attempts = integer, began = time, finished = some_time, deadline = some_time,
}

M.script = {
  files = function(value)
    local read = decoded(value)
    if type(read) ~= "table" then return nil, "a list of files" end
    for index, file in pairs(read) do
      if math.type(index) ~= "integer" or type(file) ~= "table" or not (text(file.path) and text(file.sha256)
        and text(file.text)) then
        return nil, "a list of files"
      end
    end
    return read
  end,
}

local event <const> = object { event = text, at = time, path = some_text, text = some_text, question = some_text,
  details = some_text, error = some_text, expected = some_time }

M.event = {
  event = function(value)
    local read, expected = event(value)
    if read and read.event == "gate.asked" then expected = select(2, maybe(texts)(read.via)) end
    if read and (read.event == "gate.asked" or read.event == "wait.progress") and not read.path then
      expected = "a path"
    end
    if expected then return nil, expected end
    return read
  end,
}

-- What an entry's columns say together: nothing, or which is wrong and what it should be.
local function contradiction(entry)
  if entry.status == "finished" and not entry.finished then return "finished", "a time" end
  if entry.kind ~= "gate" then return nil end
  local approvers = type(entry.intent) == "table" and entry.intent.approvers
  if approvers and not texts(approvers) then return "intent", "approvers that are a list of texts" end
  if entry.status ~= "finished" then return nil end
  local decision = type(entry.result) == "table" and entry.result or {}
  if not text(decision.decision) or not text(decision.by or decision.via) then
    return "result", "a decision and who made it"
  end
end

---Raises that a journal holds what Fairlead did not write.
---@param path string of the journal
---@param where string what is wrong, "run r1, owner"
---@param expected string what it should be
function M.refuse(path, where, expected)
  errors.raise {
    kind = "journal.corrupt", op = "journal", target = path, message = ("%s: %s expected; the file is damaged, or "
      .. "another program has written to it"):format(where, expected),
    hint = "restore it from a copy, or set FAIRLEAD_STATE to another folder",
  }
end

---A row with its columns as they are used: JSON is read.
---@param path string of the journal
---@param row table<string, any> as SQLite gives it
---@param columns table<string, fun(value: any): any, string?>
---@param what string "run r1"
---@return table row the same
---errors: kind "journal.corrupt", which says in which row and column
function M.read(path, row, columns, what)
  for name, check in pairs(columns) do
    local value, expected = check(row[name])
    if expected then M.refuse(path, ("%s, %s"):format(what, name), expected) end
    row[name] = value
  end
  local wrong, expected
  if columns == M.entry then wrong, expected = contradiction(row) end
  if wrong then M.refuse(path, ("%s, %s"):format(what, wrong), expected) end
  return row
end

return M
