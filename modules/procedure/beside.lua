--- What goes on beside a run's steps: those who hear its events, what runs in the background, what is done at each end.
--- None of it changes what the steps do, and none of it can fail the run.
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"

local M = {}

local function check(value, where)
  if type(value) ~= "function" then error(("%s: function expected, got %s"):format(where, type(value)), 3) end
end

---Cancels what still runs in the background; the run is over.
---@param run procedure.Run
function M.stop(run)
  for _, handle in ipairs(run.background_tasks) do handle:cancel "the run is over" end
end

---Calls what was registered for the run's end. Each has its chance, whatever becomes of the others.
---@async
---@param run procedure.Run
---@param message table
function M.at_end(run, message)
  for _, handler in ipairs(run.end_handlers) do
    local _, why = try(function() handler(message) end)
    if why then run:warn("at the end: " .. tostring(why)) end
  end
end

---@class procedure.Finding
---@field text string one line
---@field details? string what it was found by, on several lines

---@param Run table the class of runs
function M.install(Run)
  ---Has somebody hear the run's events: those that there were at once, then each as it happens. Whoever hears may not
  ---wait.
  ---@param listener fun(event: procedure.Event)
  function Run:listen(listener)
    check(listener, "run:listen")
    for _, event in ipairs(self.stream.list) do listener(event) end
    self.stream:listen(listener)
  end

  ---Starts something that goes on beside the steps until the run ends, or the task that starts it does. It belongs to
  ---no step; that it fails is told, and does not fail the run.
  ---@param name string for messages
  ---@param fn fun()
  ---@return Task
  function Run:background(name, fn)
    check(fn, "run:background")
    if self.mode == "replay" then fn = function() end end -- it looks after things that are not done here
    local handle = supervise.start_beside(self, nodes.bind(self.root, function()
      task.name(name)
      local _, why = try(fn)
      if why then self:warn(("%s: %s"):format(name, tostring(why))) end
    end))
    self.background_tasks[#self.background_tasks + 1] = handle
    supervise.registered(self, self.background_tasks, handle)
    return handle
  end

  ---Registers who finds out why a part of the run failed. Asked when the run does not end well, before handlers that
  ---are registered later, and each finding is told as by run:because; and by whoever debugs it. It only reads.
  ---@param fn async fun(err: Error, path: string): procedure.Finding[]
  function Run:on_why(fn)
    check(fn, "run:on_why")
    self.explainers[#self.explainers + 1] = fn
    supervise.registered(self, self.explainers, fn)
    self:on_failure(function(err)
      if err.kind == "cancelled" then return end
      for _, finding in ipairs(fn(err, self.failed or "")) do self:because(finding.text, finding.details) end
    end)
  end

  ---What those who registered with run:on_why find out of a failure.
  ---@async
  ---@param err Error
  ---@param path string the part that failed
  ---@return procedure.Finding[]
  function Run:why(err, path)
    local list = {}
    for _, fn in ipairs(self.explainers) do
      for _, finding in ipairs(fn(err, path)) do list[#list + 1] = finding end
    end
    return list
  end

  ---Registers what is done at every end of the run in this process, after all that are to know have been told. Unlike
  ---what run:notifier registers it is not recorded, so doing it twice may do no harm. It gets what a notifier gets of
  ---the end; of a run that another process has taken up since, `reason` is "resume.lost".
  ---@param fn fun(message: table)
  function Run:at_end(fn)
    check(fn, "run:at_end")
    self.end_handlers[#self.end_handlers + 1] = fn
    supervise.registered(self, self.end_handlers, fn)
  end
end

return M
