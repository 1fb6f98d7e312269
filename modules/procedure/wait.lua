--- run:wait: asks again and again, until something is so or its time is over.
local clock = require "fairlead.clock"
local dry = require "fairlead.procedure.dry"
local errors = require "fairlead.errors"
local events = require "fairlead.procedure.events"
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"
local duration = require "fairlead.procedure.duration"
local value = require "fairlead.procedure.value"

local M = {}

---@class procedure.WaitOptions
---@field name string
---@field check fun(): any, (string|procedure.WaitNote|nil) a value that is not false, plain data, ends the wait; the
--- note tells
---@field timeout number seconds from the beginning of the wait
---@field every? number seconds between the first checks; 5 when left out
---@field again? boolean on resume it is asked again although it had come: what was so then has to be so now
---@field pretend? any a dry run's result where it would wait: plain data, or a function that gives them

---@class procedure.WaitNote
---@field text? string how it stands
---@field fraction? number 0 to 1
---@field expected? number unix seconds: when the end is expected
---@field traffic? number percent of the traffic that goes to the new version

local EVERY <const> = 5
local GROWTH <const> = 1.25 -- the interval's, from check to check
local LONGEST <const> = 10 -- seconds between two looks, unless `every` is longer: AWS's own waiters look each 15
local REPEAT <const> = 30 -- seconds after which progress is told although nothing changed

local FIELDS <const> = { name = true, check = true, timeout = true, every = true, again = true,
  pretend = true }

local function check_options(options)
  if type(options) ~= "table" then error("run:wait: a table of options expected, got " .. type(options), 3) end
  nodes.check_name(options.name, "run:wait", 4)
  local function wrong(text)
    error(("run:wait %q: %s"):format(options.name, text), 4)
  end
  if type(options.check) ~= "function" then wrong("check: function expected, got " .. type(options.check)) end
  if type(options.timeout) ~= "number" or options.timeout <= 0 then
    wrong "timeout: a number of seconds above 0 expected"
  end
  if options.every ~= nil and (type(options.every) ~= "number" or options.every <= 0) then
    wrong "every: a number of seconds above 0 expected"
  end
  for field in pairs(options) do
    if not FIELDS[field] then
      wrong(("unknown field '%s' (it takes name, check, timeout, every, again, pretend)"):format(tostring(field)))
    end
  end
end

local function finite(item)
  local number = tonumber(item)
  return number and number == number and math.abs(number) ~= math.huge and number or nil
end

local function read_note(note)
  if note == nil then return {} end
  if type(note) ~= "table" or errors.is_error(note) then return { text = tostring(note) } end
  return {
    text = note.text ~= nil and tostring(note.text) or nil,
    fraction = finite(note.fraction), expected = finite(note.expected), traffic = finite(note.traffic),
  }
end

-- What ends a wait; the others are told and tolerated.
local function ends(err) return not err.retryable end

-- A supervisor sees a check's failure where it happens, before the wait deals with it.
local function watched(waiting, check)
  local run, node = waiting.node.run, waiting.node
  if not run.supervise then return check end
  return function()
    return supervise.call(run, { kind = "look", name = node.name, node = node, ends = ends }, check)
  end
end

-- One check, never past the deadline. A retryable failure is a note; any other ends the wait.
local function ask(waiting, check)
  local left = waiting.info.deadline - clock.now()
  -- At the deadline itself there is one last look, which gets a moment to answer.
  local ok, found, note = pcall(task.timeout, math.max(left, 5), nodes.bind(waiting.node, watched(waiting, check)))
  if not ok then
    local err = errors.wrap(found)
    if err.kind == "timeout" and clock.now() >= waiting.info.deadline then return nil, { text = "no answer" } end
    if ends(err) then error(err, 0) end
    return nil, { text = waiting.info.text, fraction = waiting.info.fraction, expected = waiting.info.expected,
      traffic = waiting.info.traffic, error = tostring(err), pause = tonumber(err.retry_after) }
  end
  return found or nil, read_note(note)
end

local function tell(waiting, note)
  local info, now = waiting.info, clock.now()
  info.text, info.fraction, info.expected, info.traffic = note.text, note.fraction, note.expected, note.traffic
  info.error, info.checks = note.error, info.checks + 1
  local says = ("%s|%s|%s|%s"):format(note.text, note.fraction, note.traffic, note.error)
  if says == waiting.said and now - waiting.said_at < REPEAT then return end
  waiting.said, waiting.said_at = says, now
  waiting.node:emit {
    event = "wait.progress",
    text = note.text,
    fraction = note.fraction,
    traffic = note.traffic,
    expected = note.expected and events.round(note.expected),
    error = note.error,
    since = events.round(info.since),
    deadline = events.round(info.deadline),
    checks = info.checks,
  }
end

-- Starts at `every` and grows gently, so that a long wait costs few requests; close to the expected end it is fine
-- again, so that the end is not found out late.
local function pause(waiting, note, every)
  local now = clock.now()
  local longest = math.max(every, LONGEST / waiting.node.run.pace)
  waiting.interval = math.min(waiting.interval and waiting.interval * GROWTH or every, longest)
  local seconds = waiting.interval
  if note.expected then
    local remaining = note.expected - now
    if remaining > 0 then
      seconds = math.min(seconds, math.max(every, remaining / 2))
    elseif not waiting.overdue then
      waiting.overdue, waiting.interval, seconds = true, every, every
    end
  end
  if note.pause then seconds = math.max(seconds, note.pause) end
  return math.min(seconds, math.max(0, waiting.info.deadline - now))
end

local function time_out(waiting, options)
  local info = waiting.info
  local last = info.error or info.text
  errors.raise {
    kind = "wait.timeout",
    op = "wait for",
    target = waiting.node.path,
    message = ("not there after %s%s"):format(duration.text(options.timeout), last and "; last seen: " .. last or ""),
  }
end

-- A wait that is taken up again keeps its deadline, so that a run which is killed often does not wait for ever. A clock
-- that was set back must not make it longer than it was meant to be. One that failed begins anew.
local function deadline_of(record, timeout)
  local latest = clock.now() + timeout
  if record and record.status == "begun" and record.deadline then return math.min(record.deadline, latest) end
  return latest
end

-- Puts an end on the record: what `check` gave, or why there will be nothing.
local function finish(node, key, found)
  local problem = value.unfit(found, "what check gave")
  if problem then
    error(("run:wait %q: %s, which cannot be recorded; return plain data"):format(node.name, problem), 0)
  end
  node.run.recorder:finish(key, found)
  return found
end

local function do_wait(run, options)
  local every = (options.every or EVERY) / run.pace
  local now = clock.now()
  local node <close> = nodes.open(run, "wait", options.name, { deadline = events.round(now + options.timeout) })
  local key = node:key(nil)
  local record = node:recorded(key, nil)
  if record and record.status == "finished" and not (options.again and run.mode ~= "replay") then
    node:skip "recorded"
    return record.result
  end
  nodes.check_replayed(node, record)
  local deadline = deadline_of(record, options.timeout)
  local info = { name = options.name, path = node.path, since = now, deadline = deadline, checks = 0 }
  if not run.dry then run.recorder:begin(key, nil, { deadline = deadline }) end
  local _ <close> = nodes.recording_failure(run, key)
  run.waits[node] = info
  local waiting = { node = node, info = info }
  local held_before = task.held()
  while true do
    info.deadline = deadline + task.held() - held_before -- of a debugger's time nothing counts
    local last_look = clock.now() >= info.deadline
    local found, note = dry.look(run, ask, waiting, options.check)
    if found == nil or note.text then tell(waiting, note) end
    if found ~= nil then return run.dry and found or finish(node, key, found) end
    if run.dry then
      node:skip("dry run", {
        would = "wait for " .. options.name, note = note.text or note.error, error = note.text and note.error,
      })
      return dry.pretend(run, node, options.pretend)
    end
    if last_look then time_out(waiting, options) end
    clock.sleep(pause(waiting, note, every))
  end
end

---@param Run table the class of runs
function M.install(Run)
  ---Waits until `check` gives a value. The first check is at once; a check's retryable error is told and tolerated. On
  ---resume a wait that had its value gives it again; one that was under way keeps its deadline.
  ---@async
  ---@param options procedure.WaitOptions
  ---@return any value what `check` gave
  ---errors: kind "wait.timeout"; what `check` raises
  function Run:wait(options)
    check_options(options)
    if self.supervise then
      return supervise.call(self, { kind = "wait", name = options.name }, do_wait, self, options)
    end
    return do_wait(self, options)
  end

  ---What the run waits for now, oldest first: waits and gates.
  ---@return {name: string, path: string, since: number, deadline: number, text: string?, expected: number?}[]
  function Run:waiting()
    local list = {}
    for _, info in pairs(self.waits) do list[#list + 1] = info end
    table.sort(list, function(a, b)
      if a.since ~= b.since then return a.since < b.since end
      return a.path < b.path
    end)
    return list
  end
end

return M
