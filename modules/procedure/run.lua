--- A run: what a procedure's function is given.
local channel = require "fairlead.procedure.channel"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"
local value = require "fairlead.procedure.value"

---@class procedure.Run
---@field id string
---@field parameters table<string, any> the typed values
---@field directory string the working copy that the run releases from
---@field dry boolean a dry run: nothing acts
---@field mode "run"|"dry-run"|"rehearsal"|"replay" a replay: what is on record gives its result, nothing else is done
---@field procedure procedure.Procedure
---@field script? string what it is made of: a digest of the script and the modules beside it; nil: of no script's file
---@field user? string who started it
---@field interactive boolean somebody sits at the terminal
---@field yes boolean the requester's own confirmations are given
---@field no_wait boolean it ends where it would wait for a person
---@field attempt integer 1; more when it was taken up
---@field on_cancel_choice? string what becomes of what goes on elsewhere when the run is cancelled
---@field pace number how many times as often as usual its waits look
---@field package supervise? procedure.Supervisor what calls each part of it
---@field package channels table<string, procedure.Channel>
---@field package recorder procedure.Recorder
---@field package stream procedure.Stream
---@field package root procedure.Node
local Run = {}
Run.__index = Run
Run.__name = "procedure.Run"

---@param fields table as the class lists them
---@return procedure.Run
function Run.new(fields)
  local run = setmetatable(fields, Run)
  run.dry = run.mode == "dry-run"
  run.parameters = {}
  run.branches = setmetatable({}, { __mode = "k" }) -- the parallel branch that each task is
  run.notices = setmetatable({}, { __mode = "k" }) -- how many notifications each node has made
  run.open = {} -- nodes under way, oldest first
  run.waits = {} -- what each waiting node waits for
  run.completed = {} -- names of the top-level nodes that ended well
  run.held, run.taking = {}, {} -- locks by name: held, and being taken
  run.guards = {} -- what is asked before a step acts
  run.goes_on = {} -- what would go on elsewhere without the run
  run.facts, run.lives, run.reasons = {}, {}, {}
  run.notifiers, run.failure_handlers, run.end_handlers = {}, {}, {}
  run.background_tasks, run.explainers = {}, {}
  if run.supervise then
    run.supervised = setmetatable({}, { __mode = "k" }) -- the part that each task is about to begin
    run.registered = {} -- what parts put into the lists above
  end
  run.root = nodes.root(run)
  return run
end

require "fairlead.procedure.step".install(Run)
require "fairlead.procedure.wait".install(Run)
require "fairlead.procedure.gate".install(Run)
require "fairlead.procedure.lock".install(Run)
require "fairlead.procedure.guard".install(Run)
require "fairlead.procedure.cancel".install(Run)
require "fairlead.procedure.beside".install(Run)

---@param event table
---@package
function Run:emit(event)
  local node = nodes.current(self)
  if node == self.root then
    self.stream:emit(event)
  else
    node:emit(event)
  end
end

local function check_text(text, where)
  if type(text) ~= "string" and type(text) ~= "number" then
    error(("%s: text expected, got %s"):format(where, type(text)), 3)
  end
  return tostring(text)
end

---A remark for whoever watches.
---@param text string
function Run:say(text)
  self:emit { event = "note", kind = "say", text = check_text(text, "run:say") }
end

---Something that is not as it should be and does not end the run.
---@param text string
function Run:warn(text)
  self:emit { event = "note", kind = "warning", text = check_text(text, "run:warn") }
end

---States what is live where; the summary at the end lists it. The same environment and application again replaces it.
---@param what {environment: string, version: string, url: string?, application: string?, [string]: any} plain data
function Run:live(what)
  if type(what) ~= "table" or type(what.environment) ~= "string" then
    error("run:live: a table with at least environment= expected", 2)
  end
  local problem = value.problem(what, "fact")
  if problem then error("run:live: " .. problem, 2) end
  if self.dry then return end -- nothing was made live
  local fact = value.copy(what)
  local place = #self.lives + 1
  for i, known in ipairs(self.lives) do
    if known.environment == fact.environment and known.application == fact.application then place = i end
  end
  self.lives[place] = fact
  self:emit { event = "note", kind = "live", live = fact, text = "live: " .. value.describe(fact) }
end

---A fact that the summary at the end repeats: a link, an id.
---@param text string
function Run:fact(text)
  text = check_text(text, "run:fact")
  if self.dry and self.pretended then return self:say(text) end -- it is none yet
  self.facts[#self.facts + 1] = text
  supervise.registered(self, self.facts, text)
  self:emit { event = "note", kind = "fact", text = text }
end

---Tells everybody who registered by run:notifier. A notifier that fails is reported and does not fail the run.
---@async
---@param message string|table text, or {text=, …} with what the notifiers understand; they get it with an id of its
--- own, the same when the run is taken up. Where a run that is taken up may come to its messages in another order,
--- give each a key= of its own
function Run:notify(message)
  if type(message) == "string" then message = { text = message } end
  if type(message) ~= "table" or type(message.text) ~= "string" then
    error("run:notify: text, or a table with text= expected", 2)
  end
  self:emit { event = "note", kind = "notify", text = message.text, sent = not self.dry and self.mode ~= "replay" }
  if self.dry or self.mode == "replay" then return end
  local node = nodes.current(self)
  if message.key == nil then self.notices[node] = (self.notices[node] or 0) + 1 end
  self:tell(message, ("%s@notify#%s"):format(node.path, message.key or self.notices[node]), node.path)
end

---States why the run does not end well, as far as is known: the summary at the end lists it, and so does what is told
---of the end. For handlers of run:on_failure, which find out.
---@param text string one line
---@param details string? what it was found by, on several lines
function Run:because(text, details)
  text = check_text(text, "run:because")
  self.reasons[#self.reasons + 1] = text
  self:emit { event = "note", kind = "why", text = text, details = details and check_text(details, "run:because") }
end

-- Tells one of those who registered, once: what was told before the run was interrupted is not told again. Where it was
-- interrupted while telling, `again` says so: only the notifier can look whether the message got there.
local function tell_one(run, notifier, message, key)
  local record = run.recorder:find(key)
  if record and record.status == "finished" then return end
  local copy = { id = digest.sha256(run.id .. "\0" .. key.id):sub(1, 32), again = record ~= nil or nil }
  for field, item in pairs(message) do copy[field] = item end
  local _, unwritten = try(run.recorder.begin, run.recorder, key)
  -- A journal that failed is told, too; a run that somebody else carries out now says nothing any more.
  if unwritten and not unwritten:is "journal" then error(unwritten, 0) end
  notifier(copy)
  if not unwritten then run.recorder:finish(key) end
end

---@param message table
---@param id string of the message, the same in each attempt
---@param path string
---@package
function Run:tell(message, id, path)
  for place, notifier in ipairs(self.notifiers) do
    local key = { id = ("%s:%d"):format(id, place), kind = "notify", path = path, occurrence = 1, digest = "" }
    local _, err = try(tell_one, self, notifier, message, key)
    if err then self:warn("could not notify: " .. tostring(err)) end
  end
end

---Registers somebody to tell: every run:notify{…}, and the end of the run:
---{ending=true, outcome=, reason=, exit_code=, error=, failed=path, not_done={names}, live={…}, facts={…}, why={…},
---text=}.
---@param fn fun(message: table)
function Run:notifier(fn)
  if type(fn) ~= "function" then error("run:notifier: function expected, got " .. type(fn), 2) end
  self.notifiers[#self.notifiers + 1] = fn
  supervise.registered(self, self.notifiers, fn)
end

---Registers what is done when the run does not end well; also when it is interrupted, within the host's grace period.
---@param fn fun(err: table, run: procedure.Run)
function Run:on_failure(fn)
  if type(fn) ~= "function" then error("run:on_failure: function expected, got " .. type(fn), 2) end
  self.failure_handlers[#self.failure_handlers + 1] = fn
  supervise.registered(self, self.failure_handlers, fn)
end

---Ends the run: it must not go on. Exit code 3.
---@param reason string a stable code, dotted lower case: "review.missing"
---@param text string one line: what, on what, why
---@param hint? string what to do next
function Run.refuse(_, reason, text, hint)
  if type(reason) ~= "string" or not reason:find "^[%w_][%w_.-]*$" then
    error(("run:refuse: reason: a code such as \"review.missing\" expected, got %s"):format(tostring(reason)), 2)
  end
  local err = errors.new { kind = "gate.refused", message = check_text(text, "run:refuse"), hint = hint }
  err.reason = reason
  error(err, 0)
end

---Does several things at the same time. The first failure cancels the others and is raised.
---@async
---@param branches table<string, fun(): any> each becomes a stage of that name
---@return table<string, any> results by name
function Run:parallel(branches)
  if type(branches) ~= "table" then error("run:parallel: a table of functions expected, got " .. type(branches), 2) end
  local names = {}
  for name, fn in pairs(branches) do
    nodes.check_name(name, "run:parallel")
    if type(fn) ~= "function" then
      error(("run:parallel: %s: function expected, got %s"):format(name, type(fn)), 2)
    end
    names[#names + 1] = name
  end
  table.sort(names) -- tasks start in this order, every time
  local here = nodes.current(self)
  local tasks, stopped = {}, nil
  for i, name in ipairs(names) do
    local function branch()
      self.branches[coroutine.running()] = nodes.current(self).path
      return branches[name]()
    end
    tasks[i] = nodes.bind(here, function()
      if not self.dry then return self:stage(name, branch) end
      -- In a dry run the branches end one by one, each where it cannot go on.
      local ok, result = pcall(self.stage, self, name, branch)
      if ok then return result end
      if type(result) ~= "table" or result.kind ~= "dry_run.end" then error(result, 0) end
      stopped = stopped or result
    end)
  end
  local list, results = task.all(tasks), {}
  if stopped then error(stopped, 0) end
  for i, name in ipairs(names) do results[name] = list[i] end
  return results
end

---A channel by name, for a gate. With --yes the requester's own confirmations are given; never an approver's.
---@param name string
---@param gate procedure.GateOptions
---@return procedure.Channel|nil channel
---@return string|nil why there is such a channel, and this run cannot use it
---@package
function Run:channel(name, gate)
  if self.channels[name] then return self.channels[name] end
  if name ~= "terminal" then return nil end
  if not gate.approvers then
    if self.yes then return channel.yes(self.user, "--yes") end
    -- Whoever starts a rehearsal means it to go on.
    if self.mode == "rehearsal" then return channel.yes(self.user, "rehearsal") end
  end
  if not self.interactive then return nil, "standard input is not a terminal" end
  local terminal = require "fairlead.terminal"
  return channel.terminal {
    user = gate.at_terminal or self.user, known = gate.at_terminal ~= nil, read_line = terminal.read_line,
    discard = terminal.discard,
  }
end

return Run
