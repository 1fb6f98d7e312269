--- The guard of a session: what changes something is asked for first, until `:writes on`, and is put on record.
---
--- It stands at the lowest place that code of this program passes: where the modules http and process call their C
--- halves, and where git changes refs by itself. So it does not matter how a line comes there: by a function that was
--- stored before, in a coroutine, below pcall, by a client, a transport of its own or the C half itself. Who asks whom:
---   a request that writes (fairlead.dry.reads tells)   asks, also in a session of a simulated world, whose own traffic
---                                                      never comes here
---   process.run, and so git push and git clone         asks, unless its caller says `harmless = true`
---   repo:create_branch, repo:tag, fetch with refspecs   ask: they change what is yours
---   repo:fetch without them, all that reads             does not
--- A procedure that a line carries out has its own confirmation and journal: `allowing`.
---
--- Out of its reach, on purpose: files (io.open, os.remove, os.rename) and a repository's working tree, requests that
--- write by GET, and what a line does to get around it (the debug library, package.loadlib, putting another function
--- into the place of this one; the prompt then says "unguarded!").
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local ledgers = require "fairlead.repl.writes.ledger"
local scope = require "fairlead.repl.scope"
local task = require "fairlead.task"
local when_loaded = require "fairlead.repl.when_loaded"
local wording = require "fairlead.repl.writes.wording"

local M = {}

---@class repl.Writes
---@field session repl.Session
---@field on boolean nothing is asked
---@field ledger repl.Ledger
---@field refused integer how many writes
local Writes = {}
Writes.__index = Writes

---Calls `fn(...)`, whose writes, and those of the tasks that it starts, are guarded by something else.
---@async
---@param name string what it is: "run 20260302-090000-215603"
---@param fn async fun(...): ...
---@return any ... its results
function M.allowing(name, fn, ...)
  return scope.within({ name = name, allowed = true }, fn, ...)
end

-- ---- asking ----

local function refuse(self, write, message, hint)
  self.refused = self.refused + 1
  errors.raise {
    kind = "repl.write", target = write.what, message = message, hint = hint, retryable = false,
  }
end

-- One question of a line at a time; those of other lines need not wait for it.
local function turn(mark)
  while mark.asking do mark.asking:wait() end
  local mine <const> = task.event()
  mark.asking = mine
  return setmetatable({}, { __close = function()
    mark.asking = nil
    mine:set()
  end })
end

local function ask(self, write, mark)
  local session <const> = self.session
  if not session.editor then
    refuse(self, write, "not done: there is no terminal to ask at", "`:writes on` in a line before it allows that")
  end
  local began <const> = clock.monotonic()
  local answer = session:ask(("%s? [y/N%s] "):format(write.what, mark.line and "/all in this line" or ""))
  local who <const> = (task.lineage())
  self.pauses[who] = (self.pauses[who] or 0) + clock.monotonic() - began
  answer = answer and answer:lower():match "^%s*(.-)%s*$" or ""
  if mark.line and (answer == "all" or answer == "a") then
    mark.all = true
  elseif answer ~= "y" and answer ~= "yes" then
    refuse(self, write, "not done: nobody said yes")
  end
end

-- A yes holds for the same request when its answer was lost or said to come again.
local function is_again(mark, write)
  if not write.key or not mark.again or not mark.again[write.key] then return false end
  mark.again[write.key] = nil
  return true
end

-- Raises unless the write may be made.
local function decide(self, write, mark)
  if self.on or mark.all or is_again(mark, write) then return end
  local mine <close> = turn(mark) -- luacheck: ignore mine
  if self.on or mark.all then return end -- said while this one stood in line
  ask(self, write, mark)
end

---Has a write made: asks for it, puts it on record, makes it.
---@async
---@param write repl.Write
---@param make async fun(...): ...
---@param outcome fun(...): table|nil, any from make's results, what goes on record; or nil and an error
---@return any ... make's results
---errors: kind "repl.write"
function Writes:through(write, make, outcome, ...)
  local mark <const> = scope.nearest() or self.nobody
  decide(self, write, mark)
  local entry <close> = self.ledger:begin(write, mark ~= self.nobody and mark or nil)
  local results <const> = table.pack(make(...))
  local result <const>, err = outcome(table.unpack(results, 1, results.n))
  if result then entry:finish(result) else entry:fail(err) end
  if write.key then
    local status <const> = result and result.status
    mark.again = mark.again or {}
    mark.again[write.key] = (not status or status == 429 or status >= 500) or nil
  end
  return table.unpack(results, 1, results.n)
end

-- Functions may have kept a guarded one for longer than the session lasts.
local function is_free(self)
  if self.closed then return true end
  local mark <const> = scope.nearest()
  return mark ~= nil and mark.allowed == true
end

-- ---- where it stands ----

-- Puts `make(raw)` into the place of a function of a module's, or of a table in it; now, or when that is loaded.
local function stand(self, module_name, field, make, table_of)
  local places <const> = {}
  local stop <const> = when_loaded.call(module_name, function(module)
    local place <const> = table_of and table_of(module) or module
    local raw <const> = place[field]
    local mine <const> = make(raw)
    place[field] = mine
    places[#places + 1] = { place = place, field = field, raw = raw, mine = mine }
  end)
  table.insert(self.stands, { places = places, stop = stop, checked = not table_of })
end

local function of_request(status, failure)
  if status then return { status = status } end
  return nil, failure
end

local function of_program(done) return { code = done.code, signal = done.signal } end
local function of_ref(sha) return { sha = sha } end

local function stand_at_http(self)
  stand(self, "fairlead.http.native", "request", function(raw)
    return function(method, url, headers, body, ...)
      local write <const> = not is_free(self) and wording.request(method, url, headers, body) or nil
      if not write then return raw(method, url, headers, body, ...) end
      return self:through(write, raw, of_request, method, url, headers, body, ...)
    end
  end)
end

local function stand_at_programs(self)
  stand(self, "fairlead.process.native", "run", function(raw)
    return function(options, ...)
      if type(options) ~= "table" or options.harmless == true or is_free(self) then return raw(options, ...) end
      return self:through(wording.program(options), raw, of_program, options, ...)
    end
  end)
end

-- The methods that C made, before fairlead.git puts its own, which call these, over them; where it is loaded already,
-- its own.
local function stand_at_refs(self)
  for _, name in ipairs { "create_branch", "tag" } do
    stand(self, "fairlead.git.native", name, function(raw)
      return function(repository, what, at, ...)
        local options <const> = type(what) == "table" and what or { name = what, at = at }
        if is_free(self) or type(options.name) ~= "string" then return raw(repository, what, at, ...) end
        local write <const> = wording.ref(name, repository:folder(), options.name, tostring(options.at or "HEAD"))
        return self:through(write, raw, of_ref, repository, what, at, ...)
      end
    end, function(module) return module.repository_methods end)
  end
end

---Whether the guard stands where it was put.
---@return boolean
function Writes:is_whole()
  for _, one in ipairs(self.stands) do
    for _, place in ipairs(one.checked and one.places or {}) do
      if place.place[place.field] ~= place.mine then return false end
    end
  end
  return true
end

---The prompt's word, which says when nothing is asked: "production!", "stop 2!", "unguarded!".
---@param word string
---@return string
function Writes:marked(word)
  if not self:is_whole() then return "unguarded!" end
  if not self.on then return word end
  return word == "fairlead" and "production!" or word .. "!"
end

---Seconds of the running task's last exchange in which somebody was asked.
---@return number
function Writes:pause()
  local who <const> = (task.lineage())
  local seconds <const> = self.pauses[who] or 0
  self.pauses[who] = nil
  return seconds
end

---A part of the REPL: puts the guard in its place, until the session ends.
---@param session repl.Session
---@return repl.Writes
function M.open(session)
  local folder <const> = session.world and try(require "fairlead.journal".folder) or nil -- before a world has its own
  local self <const> = setmetatable({
    session = session, on = false, refused = 0, stands = {}, pauses = setmetatable({}, { __mode = "k" }),
    nobody = { name = "session" },
    ledger = ledgers.new { folder = folder, on_trouble = function(err)
      session:warn("a write's result is not on record: " .. tostring(err))
    end },
  }, Writes)
  session.writes = self
  stand_at_http(self)
  if session.place == "real" then
    stand_at_programs(self)
    stand_at_refs(self)
  end
  session:on_close(function() self:close() end)
  return self
end

---Takes the guard away, and ends the record.
function Writes:close()
  for i = #self.stands, 1, -1 do
    self.stands[i].stop()
    for _, place in ipairs(self.stands[i].places) do
      if place.place[place.field] == place.mine then place.place[place.field] = place.raw end
    end
  end
  self.stands, self.closed = {}, true
  self.ledger:close(self.session.exit_code or 0)
end

return M
