--- A run's stream of events: one list, and the listeners that hear each event as it happens.
local clock = require "fairlead.clock"

local json = require "fairlead.json"

local M = {}

local ARRAY <const> = getmetatable(json.array())

---@class procedure.Event
---@field at number unix seconds, by the run's clock, to the millisecond
---@field run string the run's id
---@field event string "run.started", "step.finished", …
---@field path? string the step, with those that it is part of: "Staging/Deployment"
---@field step? string the step's own name

---@class procedure.Stream
---@field list procedure.Event[]
---@field run string
---@field private listeners table[]
---@field broken? string why a listener was dropped
local Stream = {}
Stream.__index = Stream

-- Text from outside (a commit message, a service's answer) may not be UTF-8.
local function mended(text)
  local parts, at = {}, 1
  while at <= #text do
    local _, bad = utf8.len(text, at)
    if not bad then
      parts[#parts + 1] = text:sub(at)
      break
    end
    parts[#parts + 1] = text:sub(at, bad - 1) .. "\u{FFFD}"
    at = bad + 1
  end
  return table.concat(parts)
end

-- A copy that JSON can hold, whatever a script has handed over.
local function clean(item)
  local kind = type(item)
  if kind == "string" then
    return utf8.len(item) and item or mended(item)
  elseif kind == "number" then
    return (item == item and item ~= math.huge and item ~= -math.huge) and item or tostring(item)
  elseif kind == "function" or kind == "thread" then
    return "[" .. kind .. "]"
  elseif kind == "table" then
    local meta = getmetatable(item)
    if meta ~= nil and meta ~= ARRAY then return clean(tostring(item)) end
    local copy = {}
    for key, inner in next, item do
      if type(key) ~= "string" or not utf8.len(key) then key = clean(key) end
      copy[key] = type(inner) == "string" and utf8.len(inner) and inner or clean(inner)
    end
    return meta and setmetatable(copy, meta) or copy
  end
  return item
end

---@param run string the run's id
---@param listener? function|table a function, or an object with a method `event`
---@return procedure.Stream
function M.new(run, listener)
  local stream = setmetatable({ list = {}, run = run, listeners = {} }, Stream)
  if listener then stream.listeners[1] = listener end
  return stream
end

---To the millisecond: what a person, a log and a file can use.
---@param seconds number
---@return number
function M.round(seconds)
  return math.floor(seconds * 1000 + 0.5) / 1000
end

---Has one more hear what happens from now on.
---@param listener function|table a function, or an object with a method `event`
function Stream:listen(listener)
  self.listeners[#self.listeners + 1] = listener
end

---@param event table the fields beside `at` and `run`
function Stream:emit(event)
  event = clean(event)
  event.at, event.run = M.round(clock.now()), self.run
  self.list[#self.list + 1] = event
  -- A face that fails (its terminal went away) must not fail a release: it is left out from then on.
  for i = #self.listeners, 1, -1 do
    local listener = self.listeners[i]
    local ok, why
    if type(listener) == "function" then ok, why = pcall(listener, event)
    else ok, why = pcall(function() listener:event(event) end) end
    if not ok then
      table.remove(self.listeners, i)
      self.broken = tostring(why)
    end
  end
end

return M
