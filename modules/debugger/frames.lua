--- Frames: functions that have been called and not returned, as a task that is stopped has them, and what is in them.
local errors = require "fairlead.errors"
local native = require "fairlead.debugger.native"

local M = {}

---@class debugger.Frame
---@field source string its file, or what else the chunk is called
---@field line integer that it is at
---@field name? string of the function, as its caller knows it
---@field what "main"|"Lua"
---@field ours boolean of Fairlead's own modules
---@field task Task
---@field private co thread
---@field private level integer
---@field private fn function
---@field private held? table of the innermost one of a task that a hook holds: what Lua tells wrongly there
local Frame = {}
Frame.__index = Frame
Frame.__name = "debugger.Frame"

---@class debugger.Variable
---@field name string
---@field value any
---@field kind "local"|"vararg"|"upvalue"

local BOOT <const> = "=(fairlead boot)" -- carries waits through a script's coroutines; nothing to be looked at
local folder = native.boot().data_dir .. "/modules/"

local function is_ours(source)
  return source:sub(1, 10) == "=(fairlead" or source:sub(1, 1) == "@" and source:sub(2, #folder + 1) == folder
end

local function stale()
  errors.raise {
    kind = "debugger.stale", op = "debugger", message = "the task has gone on; this is no longer where it is",
    hint = "look at its stop again",
  }
end

-- The coroutines of a task that waits, the innermost first.
local function coroutines_of(task)
  local inside = {}
  for co, outer in pairs(native.boot().waiting) do inside[outer] = co end
  local list, co = {}, native.coroutine(task)
  while co do
    table.insert(list, 1, co)
    co = inside[co]
  end
  return list
end

local function name_of(source)
  return (source:gsub("^[@=]", ""))
end

-- How many frames are shown at the two ends of a very deep stack: a look at one costs as many steps as it is deep.
local INNER <const>, OUTER <const> = 200, 50

local function levels_of(co)
  local depth = native.depth(co)
  local level = -1
  return function()
    level = level + 1
    if level == INNER then level = math.max(level, depth - OUTER) end
    if level < depth then return level end
    return nil
  end
end

---The frames of a task that waits or is held. Of a stack that is hundreds of calls deep the middle is left out.
---@param task Task
---@param held? {line: integer, names: string[]} of a task that a hook holds
---@param list debugger.Frame[] that they are added to
function M.add(task, held, list)
  for place, co in ipairs(coroutines_of(task)) do
    for level in levels_of(co) do
      local fn, source, line, what, name = native.frame(co, level)
      if what ~= "C" and source ~= BOOT then
        local mine = place == 1 and level == 0 and held or nil
        list[#list + 1] = setmetatable({
          source = name_of(source), line = mine and mine.line or line, name = name,
          what = what == "main" and "main" or "Lua", ours = is_ours(source), task = task, co = co, level = level,
          fn = fn, held = mine, chunk = source, at = line,
        }, Frame)
      end
    end
  end
end

local function check(frame)
  local state = frame.task:status()
  if state ~= "waiting" and state ~= "held" then stale() end
  local fn, _, line = native.frame(frame.co, frame.level)
  if fn ~= frame.fn or line ~= frame.at then stale() end
end

-- The name and the value at a place; nil when there is nothing more.
local function at(frame, place)
  local name, value = native.get_local(frame.co, frame.level, place)
  if name and frame.held then name = frame.held.names[place] end
  return name, value
end

-- Names of locals that can be seen here -> their places: of those of one name the last.
local function places_of(frame)
  local places, order, place = {}, {}, 1
  local name = at(frame, place)
  while name do
    if name:sub(1, 1) ~= "(" then
      places[name] = place
      order[#order + 1] = name
    end
    place = place + 1
    name = at(frame, place)
  end
  return places, order
end

local function upvalue_of(frame, wanted)
  local i = 1
  local name, value = debug.getupvalue(frame.fn, i)
  while name do
    if name == wanted then return i, value end
    i = i + 1
    name, value = debug.getupvalue(frame.fn, i)
  end
  return nil
end

local function vararg_of(name)
  return math.tointeger(tonumber(type(name) == "string" and name:match "^%.%.%.(%d+)$" or nil))
end

---What can be seen in this frame: locals in the order in which they were declared, what a vararg function was called
---with besides (as "...1", "...2"), upvalues. A name stands for what it means at the frame's line.
---@return debugger.Variable[]
function Frame:locals()
  check(self)
  local list = {}
  local places, order = places_of(self)
  for i, name in ipairs(order) do
    local again = false
    for later = i + 1, #order do again = again or order[later] == name end
    if not again then
      list[#list + 1] = { name = name, value = select(2, at(self, places[name])), kind = "local" }
    end
  end
  local number = 1
  local is_vararg, extra = native.get_local(self.co, self.level, -number)
  while is_vararg do
    list[#list + 1] = { name = "..." .. number, value = extra, kind = "vararg" }
    number = number + 1
    is_vararg, extra = native.get_local(self.co, self.level, -number)
  end
  local i = 1
  local name, value = debug.getupvalue(self.fn, i)
  while name do
    if not places[name] and name ~= "_ENV" and name:sub(1, 1) ~= "(" then
      list[#list + 1] = { name = name, value = value, kind = "upvalue" }
    end
    i = i + 1
    name, value = debug.getupvalue(self.fn, i)
  end
  return list
end

---The value of a local, of "...1" and so on, or of an upvalue.
---@param name string
---@return boolean found
---@return any value
function Frame:get(name)
  check(self)
  local number = vararg_of(name)
  if number then
    local there, value = native.get_local(self.co, self.level, -number)
    return there ~= nil, value
  end
  local place = places_of(self)[name]
  if place then return true, (select(2, at(self, place))) end
  local i, value = upvalue_of(self, name)
  return i ~= nil, value
end

---Gives a local, a vararg or an upvalue another value.
---@param name string
---@param value any
---@return boolean found false: there is none of that name here
function Frame:set(name, value)
  check(self)
  local number = vararg_of(name)
  if number then return native.set_local(self.co, self.level, -number, value) == true end
  local place = places_of(self)[name]
  if place then return native.set_local(self.co, self.level, place, value) == true end
  local i = upvalue_of(self, name)
  return i ~= nil and debug.setupvalue(self.fn, i, value) ~= nil
end

---The environment for code that is to be run as if it stood here: names are locals, upvalues, or what `base` has; an
---assignment goes to the local or the upvalue of that name, or to `base`.
---@param base table
---@return table environment for `load`
function Frame:environment(base)
  return setmetatable({}, {
    __index = function(_, name)
      local found, value = self:get(name)
      if found then return value end
      return base[name]
    end,
    __newindex = function(_, name, value)
      if not self:set(name, value) then base[name] = value end
    end,
  })
end

local function text_of(chunk)
  if chunk:sub(1, 1) == "=" then return nil end
  if chunk:sub(1, 1) ~= "@" then return chunk end
  local file <close> = io.open(chunk:sub(2))
  return file and file:read "a"
end

---The lines around the one that the frame is at, as the file has them now.
---@param around? integer how many before and after it; 3 when left out
---@return {line: integer, text: string, current: boolean}[] lines empty where the source cannot be read
function Frame:text(around)
  local text = text_of(self.chunk)
  local list, number = {}, 0
  if not text then return list end
  around = around or 3
  for line in (text .. (text:sub(-1) == "\n" and "" or "\n")):gmatch "(.-)\r?\n" do
    number = number + 1
    if math.abs(number - self.line) <= around then
      list[#list + 1] = { line = number, text = line, current = number == self.line }
    end
  end
  return list
end

return M
