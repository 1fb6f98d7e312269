--- run:on_cancel: what becomes of something that goes on without the run, when the run is cancelled in the middle.
---
--- Ctrl-C ends the run; what it has set going elsewhere knows nothing of that. --on-cancel says what is to become of
--- it, or whoever sits at the terminal, who is asked; else it is left. What was chosen and done is on record, so that
--- whoever takes the run up is told.
local errors = require "fairlead.errors"
local nodes = require "fairlead.procedure.node"
local task = require "fairlead.task"

local M = {}

local THINKING <const> = 60 -- seconds to answer
local ACTING <const> = 60 -- seconds for what is to be done then

---@class procedure.CancelChoice
---@field name string one word: what is typed, and what --on-cancel says
---@field text string what it means, for whoever is asked

---@class procedure.CancelOptions
---@field name string what goes on: "deployment d-1 of shop"
---@field choices procedure.CancelChoice[] the first is what happens when nobody says anything
---@field act async fun(choice: string): string does it, and says what was done

local function check(options)
  local function wrong(text) error("run:on_cancel: " .. text, 3) end
  if type(options) ~= "table" then wrong("a table of options expected, got " .. type(options)) end
  if type(options.name) ~= "string" or options.name == "" then wrong "name: non-empty text expected" end
  if type(options.act) ~= "function" then wrong("act: function expected, got " .. type(options.act)) end
  if type(options.choices) ~= "table" or not options.choices[1] then wrong "choices: a list expected" end
end

local function find(choices, word)
  for _, choice in ipairs(choices) do
    if choice.name == word then return choice.name end
  end
end

local function names_of(choices)
  local names = {}
  for i, choice in ipairs(choices) do names[i] = choice.name end
  return table.concat(names, ", ")
end

-- The question is about all that goes on now.
local function what_goes_on(run)
  local names = {}
  for i, one in ipairs(run.goes_on) do names[i] = one.name end
  if #names == 1 then return names[1] .. " goes on without this run. What is to become of it?" end
  return table.concat(names, ", ") .. " go on without this run. What is to become of them?"
end

-- Asks at the terminal until one of the choices is typed; an empty line, the end of the input, and no answer are the
-- first.
local function ask(run, guard)
  local terminal <const> = require "fairlead.terminal"
  task.more_time(THINKING + ACTING)
  terminal.discard()
  local lines = {}
  for i, choice in ipairs(guard.choices) do lines[i] = ("%s: %s"):format(choice.name, choice.text) end
  run:emit {
    event = "note", kind = "question", text = what_goes_on(run), summary = table.concat(lines, "\n"),
  }
  local chosen
  for _ = 1, 3 do
    run:emit { event = "note", kind = "prompt", text = ("Type: %s. Nothing means %s."):format(names_of(guard.choices),
      guard.choices[1].name) }
    local line <const> = (try(terminal.read_line, THINKING))
    local word <const> = line and line:match "^%s*(%a*)"
    if not word or word == "" then break end
    chosen = find(guard.choices, word:lower())
    if chosen then break end
  end
  run:emit { event = "note", kind = "answer", text = chosen or guard.choices[1].name }
  return chosen
end

-- One answer for all that go on: several services are one deployment to whoever is asked.
local function choose(run, guard)
  local choosing = run.choosing
  if choosing then
    task.more_time(THINKING + ACTING) -- as long as whoever asks
    choosing.done:wait()
  else
    choosing = { done = task.event() }
    run.choosing = choosing
    local _ <close> = setmetatable({}, { __close = function() choosing.done:set() end })
    choosing.word = run.on_cancel_choice or run.interactive and ask(run, guard) or nil
  end
  return choosing.word and find(guard.choices, choosing.word) or guard.choices[1].name
end

local function carry_out(run, guard)
  local choice <const> = choose(run, guard)
  task.more_time(ACTING)
  run.recorder:begin(guard.key, { name = guard.name, choice = choice })
  run.chosen_on_cancel = choice
  local did <const>, err = try(guard.act, choice)
  local told <const> = err and ("%s: %s could not be done: %s"):format(guard.name, choice, tostring(err))
    or ("%s: %s"):format(guard.name, did)
  if err then run.recorder:fail(guard.key, err) else run.recorder:finish(guard.key, { choice = choice, did = did }) end
  if err then run:warn(told) else run:say(told) end
  run:notify { key = "on cancel " .. guard.name, text = ":octagonal_sign: the run was interrupted; " .. told }
end

local function forgetting(run, guard)
  return setmetatable({}, { __close = function()
    for i, other in ipairs(run.goes_on) do
      if other == guard then return table.remove(run.goes_on, i) end
    end
  end })
end

---@param Run table the class of runs
function M.install(Run)
  ---Says what may become of something that goes on without the run, until this is closed: when the run is cancelled
  ---meanwhile, one of the choices is carried out, within the time that closing handlers have. When one task of several
  ---fails and ends the others, nothing is.
  ---@async
  ---@param options procedure.CancelOptions
  ---@return table guard to be closed
  ---@return {choice: string, did: string?, error: string?}|nil before what was chosen when an earlier process of this
  --- run was cancelled here
  function Run:on_cancel(options)
    check(options)
    local here <const> = nodes.current(self)
    local guard = { name = options.name, choices = options.choices, act = options.act }
    guard.key = {
      id = ("%s@cancel:%s"):format(here.path, options.name), kind = "cancel", path = here.path, occurrence = 1,
      digest = "",
    }
    local record <const> = self.recorder:find(guard.key)
    local before = record and {
      choice = type(record.intent) == "table" and record.intent.choice or "?",
      did = type(record.result) == "table" and record.result.did or nil, error = record.error,
    }
    table.insert(self.goes_on, guard)
    return setmetatable(guard, { __close = function(_, err)
      local _ <close> = forgetting(self, guard)
      if err == nil or self.dry or self.mode == "replay" or errors.wrap(err).kind ~= "cancelled" then return end
      if not task.is_ending(self.main) then return end
      carry_out(self, guard)
    end }), before
  end
end

return M
