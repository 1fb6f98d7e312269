--- The record of a session's writes: a run of mode "repl" in the journal, made with the first of them. Each is on the
--- disk before it is made, and again with what came of it; who, when and by which line. Neither secrets nor bodies are:
--- of a body its digest.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local secrets = require "fairlead.repl.secrets"

local M = {}

local LONGEST <const> = 2000 -- bytes of a line's text

---@class repl.Ledger
---@field folder string|nil of the journal; nil: where it is otherwise
---@field run string|nil its id, once there was a write
---@field count integer how many are on record
local Ledger = {}
Ledger.__index = Ledger

---@class repl.Entry a write that has begun
local Entry = {}
Entry.__index = Entry

---@param options? {folder: string?, on_trouble: fun(err: Error)?} on_trouble: the result of a write cannot be recorded
---@return repl.Ledger
function M.new(options)
  options = options or {}
  return setmetatable({ folder = options.folder, on_trouble = options.on_trouble, count = 0, begun = 0 }, Ledger)
end

-- Opening may wait for other processes: of several writes at once, the first opens.
local function open(self)
  while self.opening do self.opening:wait() end
  if self.recorder then return end
  local opened <const> = require "fairlead.task".event()
  self.opening = opened
  local turn <close> = setmetatable({}, { __close = function() -- luacheck: ignore turn
    self.opening = nil
    opened:set()
  end })
  local journal <const> = require "fairlead.journal"
  local book <const> = journal.open { folder = self.folder }
  local opening <close> = setmetatable({}, { __close = function(_, err) -- luacheck: ignore opening
    if err ~= nil then book:close() end
  end })
  local random <close> = assert(io.open("/dev/urandom", "rb"))
  local id <const> = os.date("!%Y%m%d-%H%M%S", math.floor(clock.now()))
    .. ("-%02x%02x%02x"):format(random:read(3):byte(1, 3))
  local user <const> = os.getenv "USER" or os.getenv "LOGNAME"
  local token <const> = book:begin {
    id = id, procedure = "repl", summary = "writes of a session", mode = "repl", parameters = {},
    directory = require "fairlead.journal.native".absolute ".", user = user,
  }
  self.book, self.run, self.recorder = book, id, require "fairlead.journal.recorder".new(book, id, token)
end

local function refuse(write, err)
  errors.raise {
    kind = "repl.write", target = write.what, cause = err,
    message = "not done: the journal, which has to hold it before, cannot be written: " .. tostring(err),
  }
end

---Writes down that a write begins.
---@async
---@param write repl.Write
---@param mark repl.Mark|nil the line that makes it
---@return repl.Entry entry to be closed; a write that was not finished then has failed
---errors: kind "repl.write": the journal cannot be written
function Ledger:begin(write, mark)
  local line = mark and mark.text and secrets.redact(mark.text) or nil
  if line and #line > LONGEST then line = line:sub(1, LONGEST):gsub("[\192-\255]?[\128-\191]*$", "") .. "…" end
  local intent <const> = {
    line = line, number = mark and mark.line, what = write.record or write.what,
    operation = write.operation, on = write.on,
    method = write.method, url = write.url, arguments = write.arguments, body = write.body, bytes = write.bytes,
  }
  local path <const> = mark and mark.name or "session"
  self.begun = self.begun + 1
  local key <const> = {
    id = ("%s#%d"):format(path, self.begun), kind = "write", path = path, occurrence = self.begun,
    digest = require "fairlead.digest".sha256(require "fairlead.json".encode(intent, { sort_keys = true })),
  }
  local _, err = try(function()
    if not self.recorder then open(self) end
    self.recorder:begin(key, intent)
  end)
  if err then refuse(write, err) end
  self.count = self.count + 1
  return setmetatable({ ledger = self, recorder = self.recorder, key = key }, Entry)
end

local function record(entry, method, value)
  if entry.done then return end
  entry.done = true
  local recorder <const>, ledger = entry.recorder, entry.ledger
  local _, err = try(function() recorder[method](recorder, entry.key, value) end)
  -- It is on the disk, and nobody asks for it again: a session that lasts for days must not grow by it.
  recorder.records[entry.key.id], recorder.seen[entry.key.id] = nil, nil
  -- What was done cannot be undone because nobody could write it down.
  if err and ledger.on_trouble then ledger.on_trouble(err) end
end

---It was made.
---@param result table {status=} or {code=}
function Entry:finish(result) record(self, "finish", result) end

---It was not made, or nobody knows.
---@param err any
function Entry:fail(err)
  local told <const> = errors.wrap(err)
  record(self, "fail", errors.new { kind = told.kind, message = secrets.redact(tostring(told)) })
end

Entry.__close = function(self, err)
  self:fail(err or errors.new { kind = "repl.write", message = "it was left" })
end

---The session has ended.
---@param exit_code integer
function Ledger:close(exit_code)
  if not self.recorder then return end
  local ended <const> = self.recorder
  self.recorder = nil
  local _, err = try(function() ended:ended { outcome = "done", reason = "done", exit_code = exit_code } end)
  self.book:close()
  if err and self.on_trouble then self.on_trouble(err) end
end

return M
