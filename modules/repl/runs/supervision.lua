--- A run under the debugger. Each part of it (a step, a stage, a wait, a gate, the procedure itself) is a task that is
--- kept when it fails: all around it is live meanwhile, its locks are kept, and whoever sits at the session has it done
--- again in place, gives a result for it, or lets the error take its course.
local debugger = require "fairlead.debugger"
local errors = require "fairlead.errors"
local native = require "fairlead.task.native"
local task = require "fairlead.task"
local text = require "fairlead.faces.text"

local M = {}

---@class repl.Hold a part that came to its end, or has not begun, where the run stands still until somebody says more
---@field place procedure.Place
---@field why "done"|"next" done: it gave `results` when it was done again; next: it is the next that is not on record
---@field results any[]|nil
---@field choice table|nil what was said: {action = "go_on"|"again"|"give", value=}

---@class repl.Supervision
---@field session repl.Session
---@field run procedure.Run|nil once it has begun
---@field before fun(place: procedure.Place): boolean|nil whether the run stands still before a part
---@field parts table<Task, procedure.Place>
---@field courses table<Error, table> what becomes of an error on its way out: {place=, action=, value=}
---@field stays table<procedure.Place, boolean> parts that are done again to see what comes of it
local Supervision = {}
Supervision.__index = Supervision

local function who()
  local environment <const> = require "fairlead.environment"
  return environment.get "USER" or environment.get "LOGNAME"
end

-- ---- the places around a place ----

---The part that a part belongs to.
---@param place procedure.Place
---@return procedure.Place|nil
function M.outer(place)
  if place.kind == "procedure" then return nil end
  return place.kind == "look" and place.node.part or place.parent.part
end

---The path of the step, stage, wait or gate that a part is; "" for the procedure.
---@param place procedure.Place
---@return string
function M.path_of(place)
  return place.path or place.parent.path
end

---What a part is called: its path.
---@param place procedure.Place
---@return string
function M.name_of(place)
  if place.kind == "procedure" then return place.name end
  if place.path then return place.path end
  local outer <const> = place.parent.path
  return outer == "" and place.name or outer .. "/" .. place.name
end

-- ---- standing still ----

-- Where the run stands still of its own: a stop like a breakpoint's. `held` is found in this frame by `M.hold_of`.
local function stand_still(held)
  _G.breakpoint()
  return held.choice or { action = "go_on" }
end

---The hold that a stop is, if it is one.
---@param stop debugger.Stop
---@return repl.Hold|nil
function M.hold_of(stop)
  if stop.kind ~= "breakpoint" or not stop:is_live() then return nil end
  for i = 1, math.min(3, #stop.frames) do
    local found, held = stop.frames[i]:get "held"
    if found and type(held) == "table" and held.place then return held end
  end
end

-- ---- calling the parts ----

-- What was said of a part that was done again, now that it came to its end.
local function came_through(self, place, results)
  if not self.stays[place] then return nil end
  self.stays[place] = nil
  return stand_still { place = place, why = "done", results = results }
end

-- In a group: when the run is cancelled the part has ended, closing handlers and all, before what is around it does.
local function call_once(self, place, call)
  local group <close> = native.group()
  local waiting <const> = group:start(function()
    local part <const> = debugger.start(function()
      task.name(M.name_of(place))
      return call()
    end)
    self.parts[part] = place
    return part:wait()
  end)
  group:next()
  return table.pack(pcall(waiting.result, waiting))
end

-- What becomes of a failure that has come out of a part: the part is the one that something was decided for, or it goes
-- on outwards.
local function decided(self, place, err)
  local course <const> = self.courses[err]
  if not course or course.place ~= place then error(err, 0) end
  self.courses[err] = nil
  return course
end

local function supervise(self, place, call)
  local choice
  if self.before and self.before(place) then
    choice = stand_still { place = place, why = "next" }
    if choice.action == "give" then return place:give(choice.value, who()) end
  end
  while not self.session.stops.left do
    local results <const> = call_once(self, place, call)
    if results[1] then
      choice = came_through(self, place, results)
      if not choice or choice.action == "go_on" then return table.unpack(results, 2, results.n) end
    else
      choice = decided(self, place, results[2])
      self.stays[place] = choice.stays
    end
    if choice.action == "give" then return place:give(choice.value, who()) end
  end
  return call()
end

-- ---- stops of its parts ----

---The part that a stop stands in.
---@param stop debugger.Stop
---@return procedure.Place|nil
function Supervision:place_of(stop)
  local held <const> = M.hold_of(stop)
  if held then return held.place.run == self.run and held.place or nil end
  for _, frame in ipairs(stop.frames) do
    local place <const> = self.parts[frame.task]
    if place then return place end
  end
  return self.parts[stop.task]
end

-- A failure that nobody is to be asked about: decided already, or a wait's own to deal with.
local function take(self, stop)
  local err <const> = stop.error
  local held <const> = M.hold_of(stop)
  stop.is_hold = held ~= nil
  if held and (stop.name or "") == "" then stop.name = M.name_of(held.place) end -- a wait's look has no task of a name
  local place <const> = err and self.parts[stop.task]
  if not place then return false end
  stop.name = M.name_of(place) -- with its number, which its task's name has not
  if self.session.stops.left or self.courses[err] or (place.ends and not place.ends(err)) then
    stop:release()
    return true
  end
  place:failed(err, stop.where)
  return false
end

local function locks_of(run)
  local names = {}
  for name in require "fairlead.sorted"(run.held) do names[#names + 1] = name end
  return table.concat(names, ", ")
end

local LOOK <const> = ":where :up :locals :source :why  look around; NAME = VALUE changes a local"

-- What can be done: once for each kind of stop, then shortly.
local function hints_of(self, place, kind)
  if self.hinted[kind] then return { ":help debugging says what can be done" } end
  self.hinted[kind] = true
  if kind ~= "failure" then return { LOOK, ":step :next :finish :continue  go on" } end
  local outside <const> = place.kind == "procedure" or place.kind == "stage"
  return {
    LOOK,
    (":retry does %s again; :resume goes on%s; :fail or Ctrl-D lets the error take its course"):format(
      outside and "this part" or "it", outside and "" or ", :resume = VALUE with a result of yours"),
  }
end

local function words_of_hold(self, held)
  local name <const>, results = M.name_of(held.place), held.results
  if held.why == "next" then return { ("%s comes next"):format(name) } end
  if held.place.kind == "look" and results[2] == nil then
    return { ("%s has found nothing yet; :resume goes on waiting, :retry looks again"):format(name) }
  end
  local lines <const> = { ("%s is done; :resume goes on, :retry does it again"):format(name) }
  if results.n > 1 then lines[2] = "it gave " .. self.session:text(results[2]) end
  return lines
end

-- What there is to say of a stop beside what and where it is.
local function tell(self, stop)
  local place <const> = self:place_of(stop)
  if not place then return nil end
  local held <const>, lines = M.hold_of(stop), {}
  if held then return words_of_hold(self, held) end
  local locks <const> = locks_of(self.run)
  lines[1] = ("in %s; its deadlines are held%s%s"):format(text.clean(M.name_of(place)),
    self.session.world and ", the world's clock stands still" or "",
    locks ~= "" and ", its locks are kept: " .. text.clean(locks) or "")
  return table.move(hints_of(self, place, stop.kind), 1, 2, 2, lines)
end

-- ---- what whoever sits there says ----

---The part that a word names, from the one that a stop stands in outwards; that one where there is no word.
---@param stop debugger.Stop
---@param word string
---@return procedure.Place
---errors: kind "usage"
function Supervision:find(stop, word)
  local place, names = self:place_of(stop), {}
  local first <const> = place
  while place do
    local name <const> = M.name_of(place)
    if word == "" or name == word or place.name == word then return place end
    names[#names + 1] = name
    place = M.outer(place)
  end
  errors.raise {
    kind = "usage", message = ("'%s' is no part that %s stands in"):format(word, first and M.name_of(first) or "this"),
    hint = "it stands in " .. table.concat(names, ", "),
  }
end

---Whether a stop stands in a part, or in one below it.
---@param stop debugger.Stop
---@param place procedure.Place
---@return boolean
function Supervision:is_within(stop, place)
  local at = self:place_of(stop)
  while at and at ~= place do at = M.outer(at) end
  return at ~= nil
end

-- Decides what becomes of a stop, and lets it go.
local function decide(self, stop, course)
  local held <const> = M.hold_of(stop)
  if held and held.place == course.place then
    held.choice = course
    if course.action == "again" then self.stays[held.place] = course.stays end
    return stop:continue()
  end
  if stop.kind ~= "failure" then
    errors.raise {
      kind = "usage", message = "it has not failed; only what failed, or was done again, can be done again",
      hint = "`:continue` goes on from here",
    }
  end
  self.courses[stop.error] = course
  stop:release()
end

---Has a part done again.
---@param stop debugger.Stop
---@param place procedure.Place
---@param stays boolean it stands still when it is done
function Supervision:again(stop, place, stays)
  decide(self, stop, { place = place, action = "again", stays = stays })
end

---Takes a value for the result of the part that a stop stands in.
---@param stop debugger.Stop
---@param place procedure.Place
---@param value any
function Supervision:give(stop, place, value)
  decide(self, stop, { place = place, action = "give", value = value })
end

---The step or wait whose result a stop stands in for.
---@param stop debugger.Stop
---@return procedure.Place
function Supervision:giving(stop)
  local place = self:place_of(stop)
  if place.kind == "look" then place = M.outer(place) end
  local why <const> = place:fixed()
  if why then errors.raise { kind = "usage", op = place.kind, target = M.name_of(place), message = why } end
  return place
end

---Lets a failure take its course.
---@param stop debugger.Stop
function Supervision:fail(stop)
  self.courses[stop.error] = { action = "fail" }
  stop:release()
end

---Puts a run under the debugger: options of procedure.execute that will carry it out.
---@param session repl.Session
---@param options procedure.ExecuteOptions changed
---@param before? fun(place: procedure.Place): boolean|nil whether it stands still before a part
---@return repl.Supervision
function M.new(session, options, before)
  local self <const> = setmetatable({
    session = session, before = before, parts = setmetatable({}, { __mode = "k" }),
    courses = setmetatable({}, { __mode = "k" }), hinted = {},
    stays = setmetatable({}, { __mode = "k" }),
  }, Supervision)
  options.supervise = function(_, _, call, place) return supervise(self, place, call) end
  options.on_run = function(run) self.run = run end
  table.insert(session.supervisions, self)
  return self
end

---A supervised run is over.
---@param session repl.Session
---@param self repl.Supervision
function M.forget(session, self)
  for i, other in ipairs(session.supervisions) do
    if other == self then return table.remove(session.supervisions, i) end
  end
end

---The supervised run that a stop stands in.
---@param session repl.Session
---@param stop debugger.Stop
---@return repl.Supervision|nil
function M.of(session, stop)
  for _, self in ipairs(session.supervisions) do
    if self:place_of(stop) then return self end
  end
end

---Gives a session the debugger for the runs that it carries out.
---@param session repl.Session
function M.open(session)
  session.supervisions = {}
  session:on_start(function(options)
    if not options.supervise then M.new(session, options) end
  end)
  table.insert(session.stops.takers, function(stop)
    for _, self in ipairs(session.supervisions) do
      if take(self, stop) then return true end
    end
  end)
  table.insert(session.stops.tellers, function(stop)
    local self <const> = M.of(session, stop)
    return self and tell(self, stop)
  end)
end

return M
