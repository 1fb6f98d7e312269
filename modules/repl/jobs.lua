--- Lines that go on in the background: `LINE &`, and what lines start with task.start.
local clock = require "fairlead.clock"
local native = require "fairlead.task.native"
local reserve = require "fairlead.repl.reserve"
local task = require "fairlead.task"

local M = {}

local PATIENCE <const>, TELL_EVERY <const> = 1, 5 -- seconds of an end before it is said what it waits for
local FINISHED <const> = 9 -- so many finished ones are kept, for jobs[N]:result()

---@class repl.Job
---@field number integer
---@field text string the line
---@field task Task
---@field quiet boolean nobody is told that it has ended well
---@field silent boolean|nil nobody is told how it ended
---@field finished boolean
---@field line Task|nil that began in the foreground: `task` ends with it

---@class repl.Jobs
---@field session repl.Session
---@field group table the host's, of their tasks
---@field list repl.Job[] in order; the oldest finished ones are gone
local Jobs = {}
Jobs.__index = Jobs

-- How a job ended, said in one line.
local function ending(self, job)
  if job.silent then return end
  local results = table.pack(try(job.task.result, job.task))
  local err = results[1] == nil and results[2]
  local failed = select(1, job.task:status()) == "failed"
  local head = ("[%d] "):format(job.number)
  if not failed then
    if job.quiet then return end
    local shown = {}
    for i = 1, results.n do shown[i] = self.session:text(results[i]) end
    self.session:print(head .. "done" .. (results.n > 0 and ": " .. table.concat(shown, ", ") or ""))
  elseif err.kind == "cancelled" then
    self.session:print(head .. "cancelled")
  else
    self.session:failed(err, head .. "failed: ")
  end
end

local function forget_oldest(self)
  local finished = 0
  for i = #self.list, 1, -1 do
    if self.list[i].finished then
      finished = finished + 1
      if finished > FINISHED then table.remove(self.list, i) end
    end
  end
end

-- Collects those that have finished.
local function collect(self)
  task.name "collects background lines"
  while true do
    local done = self.group:next()
    if not done then
      self.more:wait()
      self.more:clear()
    end
    for _, job in ipairs(self.list) do
      if job.task == done then
        job.finished = true
        if done:status() == "failed" then reserve.release(self.session) end
        local _, broken = try(ending, self, job)
        if broken then self.session:failed(broken) end
      end
    end
    forget_oldest(self)
    if #self:running() == 0 then self.idle:set() end
  end
end

-- Says whom the end waits for.
local function tell_leaving(self)
  clock.sleep(PATIENCE)
  while true do
    for _, job in ipairs(self:running()) do
      local _, what = job.task:status()
      local said <const> = ("waiting for [%d] to clean up: %s"):format(job.number, what or "?")
      self.session:print(self.session:paint("dim", said))
    end
    clock.sleep(TELL_EVERY)
  end
end

---Calls `body(jobs)`. Afterwards what still runs is cancelled, and its closers have run.
---@async
---@param session repl.Session
---@param body async fun(jobs: repl.Jobs)
function M.with(session, body)
  local helpers <close> = native.group()
  local group <close> = native.group()
  local self <const> = setmetatable({
    session = session, group = group, list = {}, count = 0, more = task.event(), idle = task.event(),
  }, Jobs)
  helpers:start(collect, self)
  body(self)
  if #self:running() > 0 then helpers:start(tell_leaving, self) end
end

---Starts one.
---@param text string
---@param body async fun(): ...
---@param options? {quiet: boolean?}
---@return repl.Job
function Jobs:start(text, body, options)
  self.count = self.count + 1
  local on <const> = self.session.clock
  local job <const> = {
    number = self.count, text = text, finished = false, quiet = options and options.quiet or false,
    task = on and self.group:start_on(on, body) or self.group:start(body),
  }
  table.insert(self.list, job)
  self.more:set()
  return job
end

-- Ends with a task of somebody else's, and ends it when it is cancelled itself.
local function follow(line)
  local ending <close> = setmetatable({}, { __close = function(_, err) -- luacheck: ignore ending
    if err == nil then return end
    line:cancel()
    try(line.wait, line)
  end })
  return line:wait()
end

---Has a line that began in the foreground go on as one in the background.
---@param text string
---@param line Task
---@return repl.Job
function Jobs:adopt(text, line)
  local job <const> = self:start(text, function() return follow(line) end, { quiet = true })
  job.line = line
  return job
end

---Those that have not finished.
---@return repl.Job[]
function Jobs:running()
  local list = {}
  for _, job in ipairs(self.list) do
    if not job.finished then list[#list + 1] = job end
  end
  return list
end

---@param number integer
---@return repl.Job|nil
function Jobs:find(number)
  for _, job in ipairs(self.list) do
    if job.number == number then return job end
  end
  return nil
end

---Waits until none runs, and the ends of all have been told.
---@async
function Jobs:wait()
  while #self:running() > 0 do
    self.idle:clear()
    self.idle:wait()
  end
end

return M
