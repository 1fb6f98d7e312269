--- One carrying-out of a procedure that may be cut short at any instant, as by kill -9.
---
--- What a process does outside of itself goes through three doors: its records, its network, the programs that it
--- starts. An instant is the moment after one of those: between two of them nobody outside can tell when it died.
--- At its instant the task that came through the door stops for ever, and all doors are shut for good: neither a retry,
--- nor a closing handler, nor a notification of the dead process gets out. The driver then cancels what is left of it;
--- a cancellation cannot be caught, so the script does not go on either. A request of another task that was on its way
--- at that moment may still arrive, as it may when a real process is killed.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local task = require "fairlead.task"

local M = {}

---@class fairlead.world.Instant
---@field kind "record"|"request"|"program"
---@field path string the part of the procedure that was under way; "" outside of all
---@field text string what it was: "finish Merge/Merge pull request", "POST https://slack.com/api/chat.postMessage"
---@field entry string? of a record: what it is the record of, "step", "wait", "gate", …
---@field writes boolean it may have changed something outside

---@class fairlead.world.Crash
---@field instants fairlead.world.Instant[] that it has lived through
---@field dies? fun(instant: fairlead.world.Instant, count: integer): integer? whether it dies of this one; nil: never
---@field pause number? seconds that it stands still for, in place of dying
---@field hit integer? what `dies` gave when it died
---@field dead boolean
---@field died TaskEvent
---@field open table<string, boolean> ids of steps that were begun and not finished
---@field where fun(): string the path that the running task is at
local Crash = {}
Crash.__index = Crash

---@param dies? fun(instant: fairlead.world.Instant, count: integer): integer?
---@param where fun(): string
---@return fairlead.world.Crash
function M.new(dies, where)
  return setmetatable({ dies = dies, where = where, instants = {}, dead = false, died = task.event(), serving = {} },
    Crash)
end

---@private
function Crash:door()
  if self.dead then
    errors.raise { kind = "crashed", message = "this process is dead" }
  end
end

--- Dies when its instant has come.
---@async
---@param instant fairlead.world.Instant
function Crash:lived(instant)
  self.instants[#self.instants + 1] = instant
  if self.dead then -- another task died meanwhile
    task.event():wait()
    return
  end
  self.hit = self.dies and self.dies(instant, #self.instants)
  if self.hit and self.pause then
    self.hit, self.dies = nil, nil
    clock.sleep(self.pause)
  elseif self.hit then
    self.dead = true
    self.died:set()
    task.event():wait()
  end
end

-- Calls fn(...), then lives through an instant, whether fn failed or not.
local function pass(self, instant, fn, ...)
  local results = table.pack(pcall(fn, ...))
  self:lived(instant)
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

--- Methods of a recorder that only look, or that need not be on the disk before the run goes on.
local LOOKS <const> = { find = true, acted_on = true, event = true }

--- A recorder through this door.
---@param inner table
---@return table recorder
function Crash:recorder(inner)
  return setmetatable({}, {
    __index = function(_, name)
      local method = inner[name]
      if type(method) ~= "function" then
        return method
      end
      return function(_, ...)
        self:door()
        if LOOKS[name] then
          return method(inner, ...)
        end
        local key = ...
        key = type(key) == "table" and key or {}
        local instant = {
          kind = "record", path = self.where(), writes = true, entry = key.kind,
          text = key.path and name .. " " .. key.path or name,
        }
        return pass(self, instant, method, inner, ...)
      end
    end,
  })
end

--- Operations of AWS by their first word, methods of Slack by their last: those that change nothing.
local READS <const> = {
  Describe = true, Get = true, List = true, Batch = true, Scan = true, Query = true,
  history = true, replies = true, get = true, info = true, list = true, test = true, getPermalink = true,
  lookupByEmail = true, members = true,
}

local function describe(sent)
  local url = sent.url:match "^[^?#]*"
  local operation
  for _, header in ipairs(sent.headers or {}) do
    if header[1]:lower() == "x-amz-target" then
      operation = http.reveal(header[2]):match "[^.]+$"
    end
  end
  local slack = url:match "/api/[%w.]+%.(%a+)$"
  local writes = sent.method ~= "GET" and sent.method ~= "HEAD"
  if operation then
    writes = not READS[operation:match "^%u%l+"]
  elseif slack then
    writes = not READS[slack]
  end
  return ("%s %s"):format(sent.method, operation and url .. " " .. operation or url), writes
end

--- A transport through this door.
---@param inner async fun(sent: table): table
---@return async fun(sent: table): table
function Crash:transport(inner)
  return function(sent)
    self:door()
    local text, writes = describe(sent)
    local me = coroutine.running()
    return pass(self, { kind = "request", path = self.where(), text = text, writes = writes }, function()
      self.serving[me] = true
      local _ <close> = setmetatable({}, { __close = function() self.serving[me] = nil end })
      return inner(sent)
    end)
  end
end

--- A runner of programs through this door. The programs that the world runs while it serves a request are its own.
---@return async fun(options: table, run: function): table
function Crash:runner()
  return function(options, run)
    if self.serving[coroutine.running()] then
      return run(options)
    end
    self:door()
    local words = {}
    for i, word in ipairs(options) do
      words[i] = tostring(word)
    end
    local instant = { kind = "program", path = self.where(), text = table.concat(words, " "), writes = true }
    return pass(self, instant, run, options)
  end
end

return M
