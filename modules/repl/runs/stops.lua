--- The stops of a session: places where a task stands still, at a breakpoint, after a step, or where it failed. One of
--- them is looked at, in one of its frames: there lines are evaluated.
local debugger = require "fairlead.debugger"
local errors = require "fairlead.errors"
local native = require "fairlead.task.native"
local task = require "fairlead.task"
local text = require "fairlead.faces.text"

local M = {}

---@class repl.Stops
---@field session repl.Session
---@field list debugger.Stop[] those that stand now, the oldest first
---@field awaited table<TaskEvent, boolean> set when one more stands
---@field takers fun(stop: debugger.Stop): (boolean|nil)[] who may deal with one before anybody is told
---@field tellers fun(stop: debugger.Stop): string[]|nil what else there is to say of one
local Stops = {}
Stops.__index = Stops

local AROUND <const> = 1 -- lines of source above and below, when a stop is told

local function usage(message, hint)
  errors.raise { kind = "usage", message = message, hint = hint }
end
M.usage = usage

-- ---- frames ----

---The frames of a stop that are of the script, or all where there are none.
---@param stop debugger.Stop
---@return debugger.Frame[]
function M.frames(stop)
  local own = {}
  for _, frame in ipairs(stop.frames) do
    if not frame.ours then own[#own + 1] = frame end
  end
  return #own > 0 and own or stop.frames
end

---@param frame debugger.Frame
---@return string "release.lua:12"
function M.place_of(frame)
  return ("%s:%d"):format(frame.source, frame.line)
end

---Prints the source around a frame's line, which is marked.
---@param session repl.Session
---@param frame debugger.Frame
---@param around integer
function M.print_source(session, frame, around)
  local list <const> = frame:text(around)
  if #list == 0 then return session:print "  (its source is not there)" end
  local width <const> = #tostring(list[#list].line)
  for _, one in ipairs(list) do
    local said <const> = ("%s %" .. width .. "d  %s"):format(one.current and ">" or " ", one.line, text.clean(one.text))
    local fits <const> = session.interactive and text.cut(said, session:width()) or said
    session:print(one.current and session:paint("bold", fits) or fits)
  end
end

-- ---- stops ----

---@param session repl.Session
---@param stop debugger.Stop|nil
function M.choose(session, stop)
  session.stop = stop
  session.frame = stop and M.frames(stop)[1] or nil
end

-- A stop that stands no longer; another one is looked at then, if there is any.
local function drop(self, stop)
  for i, other in ipairs(self.list) do
    if other == stop then
      table.remove(self.list, i)
      break
    end
  end
  if self.session.stop == stop then M.choose(self.session, self.list[#self.list]) end
end

---Lets a stop go: `go` has its task go on.
---@param stop debugger.Stop
---@param go fun(stop: debugger.Stop)
function Stops:let_go(stop, go)
  drop(self, stop)
  go(stop)
end

local WHAT <const> = { breakpoint = "breakpoint", step = "step", failure = "failed" }

-- What a stop is, and where, in words.
local function words_of(stop)
  local frame <const> = M.frames(stop)[1]
  local said = stop.error and "failed: " .. stop.said or stop.is_hold and "stands still"
    or WHAT[stop.kind]
  local name <const> = stop.name and stop.name ~= "" and " in " .. text.clean(stop.name) or ""
  return ("stop %d%s  %s"):format(stop.id, name, said), frame and M.place_of(frame) or stop.where
end

---One line of what a stop is.
---@param stop debugger.Stop
---@return string
function M.line_of(stop)
  return ("%s  at %s"):format(words_of(stop))
end

---Tells a stop: what, where, and what there is to be done.
---@param stop debugger.Stop
function Stops:tell(stop)
  local session <const> = self.session
  local what <const>, where = words_of(stop)
  session:tell(what, stop.error and "red" or "yellow")
  session:print("  at " .. where)
  local frame <const> = M.frames(stop)[1]
  if frame then M.print_source(session, frame, AROUND) end
  for _, teller in ipairs(self.tellers) do
    for _, said in ipairs(teller(stop) or {}) do session:tell(said, "dim") end
  end
end

local function release(stop)
  if not stop:is_live() then return end
  if stop.kind == "failure" then stop:release() else stop:continue() end
end

---Those that stand no longer: what they were part of was cancelled.
function Stops:prune()
  for i = #self.list, 1, -1 do
    if not self.list[i]:is_live() then drop(self, self.list[i]) end
  end
end

-- Called in a task of the debugger's.
local function came(self, stop)
  for _, taker in ipairs(self.takers) do
    if taker(stop) then return end
  end
  if self.left then return release(stop) end
  table.insert(self.list, stop)
  if not self.session.stop then M.choose(self.session, stop) end
  if stop.error then self.session.last_error, stop.said = stop.error, self.session:words(stop.error) end
  self:tell(stop)
  self:wake()
end

---Has those who wait for a stop or an end look again.
function Stops:wake()
  for event in pairs(self.awaited) do event:set() end
end

---Nobody is there any more to look at stops: those that stand go on, failures take their course.
function Stops:leave()
  self.left = true
  M.choose(self.session, nil)
  local list <const> = self.list
  self.list = {}
  for _, stop in ipairs(list) do release(stop) end
end

---Stops whose tasks are ended with what they are part of.
---@param is_one fun(stop: debugger.Stop): boolean
function Stops:forget(is_one)
  for i = #self.list, 1, -1 do
    if is_one(self.list[i]) then drop(self, self.list[i]) end
  end
end

---What is set when one more stop stands.
---@return TaskEvent
function Stops:arrival()
  local event <const> = task.event()
  self.awaited[event] = true
  return event
end

---Looks at another stop.
---@param session repl.Session
---@param number string
---errors: kind "usage"
function M.choose_by(session, number)
  for _, stop in ipairs(session.stops.list) do
    if tostring(stop.id) == number then
      M.choose(session, stop)
      return session.stops:tell(stop)
    end
  end
  usage(("there is no stop '%s'"):format(number), "`:stops` lists them")
end

---The words of a list that a text begins.
---@param words string[]
---@param typed string
---@return {text: string}[]
function M.completions(words, typed)
  local found = {}
  for _, word in ipairs(words) do
    if word:sub(1, #typed) == typed then found[#found + 1] = { text = word } end
  end
  return found
end

---The stop that is looked at.
---@param session repl.Session
---@return debugger.Stop
---errors: kind "usage"
function M.current(session)
  session.stops:prune()
  return session.stop or usage("nothing is stopped", "`:break FILE:LINE`, or breakpoint() in the script")
end

---The frame that is looked at.
---@param session repl.Session
---@return debugger.Frame
---errors: kind "usage"
function M.frame(session)
  M.current(session)
  return session.frame
end

-- The tasks around a task, from the list of all.
local function around(wanted)
  local parent_of = {}
  for _, entry in ipairs(task.list()) do parent_of[entry.task] = entry.parent or false end
  local list = {}
  local at = parent_of[wanted] ~= nil and wanted or nil
  while at do
    list[#list + 1] = at
    at = parent_of[at]
  end
  return list
end

---Whether a stop stands in a task, or in one below it.
---@param stop debugger.Stop
---@param outer Task
---@return boolean
function M.is_below(stop, outer)
  for _, one in ipairs(around(stop.task)) do
    if one == outer then return true end
  end
  return false
end

-- Until one more stop stands, or a task has ended.
local function wait(arrival, over)
  local group <close> = native.group()
  group:start(function() arrival:wait() end)
  if over then group:start(function() try(over.wait, over) end) end
  group:next()
end

local function has_ended(one)
  local status <const> = one:status()
  return status == "done" or status == "failed"
end

---Waits until a task has ended, a stop stands in it, or it asks something that has to be answered at the prompt.
---@async
---@param whole Task
---@return boolean ended
function Stops:ends(whole)
  while true do
    local arrival <const> = self:arrival()
    self:prune()
    for _, stop in ipairs(self.list) do
      if M.is_below(stop, whole) then return false end
    end
    if self.session.questions:is_asked_below(whole) then return false end
    wait(arrival, whole)
    if has_ended(whole) then return true end
  end
end

-- What a stop belongs to and whose end is worth waiting for: the background line, or as much of it as has no other stop
-- in it, which would never end. `ends_too`: a stop that will be ended by what becomes of this one.
local function whole_of(self, stop, ends_too)
  local ends, shared = {}, {}
  for _, job in ipairs(self.session.jobs:running()) do ends[job.line or job.task] = true end
  for _, other in ipairs(self.list) do
    if other ~= stop and not (ends_too and ends_too(other)) then
      for _, one in ipairs(around(other.task)) do shared[one] = true end
    end
  end
  local inner
  for _, one in ipairs(around(stop.task)) do
    if shared[one] then return inner end
    if ends[one] then return one end
    inner = one
  end
  return nil
end

---Lets a stop go and waits for what comes of it: the next stop, a question, or the end.
---@async
---@param stop debugger.Stop
---@param go fun(stop: debugger.Stop)
---@param ends_too? fun(other: debugger.Stop): boolean whether another stop is ended by what becomes of this one
function Stops:go_on(stop, go, ends_too)
  local whole <const> = whole_of(self, stop, ends_too)
  local arrival <const> = self:arrival()
  self:let_go(stop, go)
  wait(arrival, whole)
end

---Gives a session its stops.
---@param session repl.Session
function M.open(session)
  local self <const> = setmetatable({
    session = session, list = {}, takers = {}, tellers = {}, awaited = setmetatable({}, { __mode = "k" }),
  }, Stops)
  session.stops = self
  session:on_prompt(function()
    self:prune()
    return session.stop and ("stop %d"):format(session.stop.id) or nil
  end)
  local attached <const> = debugger.attach {
    on_stop = function(stop) came(self, stop) end,
    on_passed = function(place)
      session:print(("passed %s: a breakpoint where nothing can wait"):format(text.clean(place.where)))
    end,
  }
  session:on_close(function()
    self:leave()
    attached:close()
  end)
end

return M
