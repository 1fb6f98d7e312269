--- Transcripts of the pages, carried out: what stands after a prompt is typed into the real program at a real
--- pseudo-terminal, and what the screen shows then has to be what the page shows.
---
--- A transcript is a fenced block of language `console`. A line `$ COMMAND` starts a program, which goes on in the
--- blocks that follow until the next `$`. In what is shown
---   a line `…`             stands for any number of lines, also for none
---   … within a line        for any text
---   an id of a real run    is whatever the run got; later lines that name it are typed with that one
---   times                  on real services (no `--world`, no `rehearse`): any duration, time of day, date
---   127.0.0.1:34287        any port
--- and in what is typed
---   ‹Tab›, ‹Ctrl-C›        are keys; Enter is pressed at the end of a line unless it ends with a key
---   ⟨text⟩                 is what the program writes into the line by itself, for a key
local clock = require "fairlead.clock"
local sessions = require "spec.support.terminal_session"

local M = {}

local COLUMNS <const>, ROWS <const> = 100, 50
local CALM <const> = 0.15 -- seconds without a change, after which a screen is taken to be whole
local PATIENCE <const> = 30 -- seconds, for a screen to become what the page shows

-- What may be typed after. The first capture is the prompt, the second what is typed.
local PROMPTS <const> = {
  "^(%$ )(.*)$", "^(%l+!?> ?)(.*)$", "^(stop %d+> ?)(.*)$", "^(   %.%. ?)(.*)$", "^(.*%(yes/no%) ?)(.*)$",
  "^(.*%[y/N/all in this line%] ?)(.*)$",
}

-- Prompt and typed text of a line; nil: it is shown only.
local function prompt_of(line)
  for _, pattern in ipairs(PROMPTS) do
    local prompt, typed = line:match(pattern)
    if prompt then return prompt, typed end
  end
  if line:find "^‹[^›]*›$" then return "", line end -- a key while something runs
end

local function stripped(line) return (line:gsub("%s+$", "")) end

-- ---- comparing ----

local RUN_ID <const> = "%d%d%d%d%d%d%d%d%-%d%d%d%d%d%d%-%x%x%x%x%x%x"

-- What differs from run to run, as patterns; the order matters.
local VARIES <const> = {
  { "127%.0%.0%.1:%d+", "127%%.0%%.0%%.1:%%d+" },
}
local VARIES_FOR_REAL <const> = {
  { "%d%d%d%d%-%d%d%-%d%d %d%d:%d%d", "%%d+%%-%%d+%%-%%d+ %%d+:%%d+" },
  { "%d%d:%d%d:%d%d", "%%d+:%%d+:%%d+" },
  { "%d+%.?%d* s%f[%W] *", "[%%d.]+ s *" },
  { "%d%d%d%d%d%d%d%d%d%d%.%d%d%d%d%d%d", "%%d+%%.%%d+" },
}

-- A page's text as a Lua pattern. What varies is taken out first, so that escaping does not meet it.
local function pattern_of(text, for_real)
  local kept = {}
  local function keep(pattern)
    kept[#kept + 1] = pattern
    return ("\1%d\2"):format(#kept)
  end
  text = text:gsub(RUN_ID, function() return keep "(%d+%-%d+%-%x+)" end)
  for _, list in ipairs { VARIES, for_real and VARIES_FOR_REAL or {} } do
    for _, one in ipairs(list) do
      text = text:gsub(one[1], function() return keep((one[2]:gsub("%%%%", "%%"))) end)
    end
  end
  text = text:gsub("‹[^›]*›⟨(.-)⟩", "%1"):gsub("⟨(.-)⟩", "%1")
  for _, any in ipairs { "‹[^›]*›", "…" } do
    text = text:gsub(any, function() return keep ".*" end)
  end
  text = text:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0")
  while text:find "\1" do -- what was kept may hold a placeholder itself
    text = text:gsub("\1(%d+)\2", function(n) return (kept[tonumber(n)]) end)
  end
  return "^" .. text .. "$"
end

-- Whether one line is what the page shows; learns the ids of runs.
local function line_matches(self, wanted, got)
  if wanted == got then return true end
  local caught = { got:match(pattern_of(wanted, self.for_real)) }
  if not caught[1] then return false end
  local n = 0
  for id in wanted:gmatch(RUN_ID) do
    n = n + 1
    if (self.ids[id] or caught[n]) ~= caught[n] then return false end
    self.ids[id] = caught[n]
  end
  return true
end

local function matches(self, wanted, got, i, j)
  i, j = i or 1, j or 1
  while i <= #wanted do
    if wanted[i] == "…" then
      for k = j, #got + 1 do
        if matches(self, wanted, got, i + 1, k) then return true end
      end
      return false
    end
    if not got[j] or not line_matches(self, wanted[i], got[j]) then return false end
    i, j = i + 1, j + 1
  end
  return j > #got
end

-- ---- typing ----

local function keys_of(self, typed)
  for wanted, got in pairs(self.ids) do typed = typed:gsub(wanted:gsub("%-", "%%-"), got) end
  return typed
end

local function type_in(self, typed)
  local rest = keys_of(self, typed:gsub("⟨.-⟩", ""))
  while rest ~= "" do
    local plain, key, after = rest:match "^(.-)‹([^›]*)›(.*)$"
    if not key then
      self.session:type(rest)
      break
    end
    self.session:type(plain)
    clock.sleep(0.3) -- what was typed is worked on, or what runs has begun
    self.session:key(key:lower())
    if after ~= "" then clock.sleep(0.3) end -- an editor takes what comes with a key for a paste
    rest = after
  end
  if not typed:gsub("⟨.-⟩", ""):find "›$" then self.session:type "\r" end
end

-- ---- playing ----

local Player = {}
Player.__index = Player

--- Whoever carries out a page's transcripts: in this folder, with this environment.
---@param folder string
---@param env table
---@param columns? integer of the terminal
function M.player(folder, env, columns)
  return setmetatable({ folder = folder, env = env, columns = columns or COLUMNS, ids = {} }, Player)
end

local function lines_now(self)
  local list = self.session:all_lines()
  for i, line in ipairs(list) do
    list[i] = stripped(line:gsub(self.folder:gsub("%p", "%%%0"), "~"))
  end
  while list[#list] == "" do list[#list] = nil end
  return list
end

-- Waits until the screen stands still and its last line is a prompt (or whatever it is, while something `runs`), or the
-- program has ended.
local function settle(self, runs, is_good, patience)
  local began, last, since = clock.monotonic(), -1, 0
  while true do
    local now <const> = clock.monotonic()
    if self.session.bytes ~= last then last, since = self.session.bytes, now end
    local list <const> = lines_now(self)
    local asks <const> = runs or list[1] and prompt_of(list[#list]) and not list[#list]:find "^%$"
    if self.session.ended or now - since > CALM and asks then
      local good <const> = is_good(list, not self.session.ended and not runs)
      if good or self.session.ended or now - began > patience then return list, not self.session.ended, good end
    elseif now - began > patience then
      return list, true, false
    end
    clock.sleep(0.03)
  end
end

-- What the screen shows since the last thing was typed, without the prompt that waits now.
local function since_typed(self, list, prompts)
  return table.move(list, self.from, #list - (prompts and 1 or 0), 1, {})
end

--- Ends the program that runs.
---@async
function Player:finish()
  local session <const> = self.session
  if not session then return end
  self.session = nil
  for _ = 1, 40 do
    if session.ended then break end
    session:key "ctrl-d"
    clock.sleep(0.25)
  end
  local ended <const> = session.ended
  session:close()
  assert(ended, "the program that a transcript left did not end at Ctrl-D")
end

function Player:__close(err)
  if not err then return self:finish() end
  if self.session then self.session:close() end -- hangs up
end

local function start(self, command)
  self:finish()
  self.for_real = not (command:find "--world" or command:find "rehearse")
  self.session = sessions.start {
    "/bin/sh", "-c", ("cd '%s' && %s"):format(self.folder, keys_of(self, command)), columns = self.columns, rows = ROWS,
    env = self.env,
  }
  self.from = 1
end

local function type_next(self, prompt, typed)
  if prompt == "$ " then return start(self, typed) end
  assert(self.session, "a transcript begins with `$ COMMAND`")
  self.from = #lines_now(self)
  if prompt == "" then self.from = self.from + 1 end
  type_in(self, typed)
end

-- The block in turns: what is typed, and the lines that the page shows from there on.
local function turns_of(lines)
  local turns = {}
  for _, line in ipairs(lines) do
    local prompt, typed = prompt_of(line)
    if prompt then
      turns[#turns + 1] = { line = line, prompt = prompt, typed = typed, shown = {} }
      if prompt ~= "$ " and prompt ~= "" then turns[#turns].shown[1] = stripped(line) end
    else
      assert(turns[1], "a transcript begins with what is typed: " .. line)
      table.insert(turns[#turns].shown, stripped(line))
    end
  end
  return turns
end

-- What an editor lists at a key stands above the line that is typed; the page has it below, as it comes.
local function as_it_came(self, turn, got)
  local last <const> = got[#got]
  if #got < 2 or not turn.line:find "‹" or turn.prompt == "" or not line_matches(self, turn.shown[1], last) then
    return got
  end
  return table.move(got, 1, #got - 1, 2, { last })
end

local function described(turn, got)
  return ("typed:    %s\n-- the page shows:\n%s\n-- the screen shows:\n%s"):format(turn.line,
    table.concat(turn.shown, "\n"), table.concat(got, "\n"))
end

local function with_ids_of_the_page(self, lines)
  for wanted, got in pairs(self.ids) do
    for i, line in ipairs(lines) do lines[i] = line:gsub(got:gsub("%-", "%%-"), wanted) end
  end
  return lines
end

--- Carries out a block.
---@param text string
---@param retaken? boolean do not fail; give the block as it has to be
---@return string text
function Player:play(text, retaken)
  local lines = {}
  for line in text:gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  local result = {}
  local turns <const> = turns_of(lines)
  for i, turn in ipairs(turns) do
    local runs <const> = turns[i + 1] ~= nil and turns[i + 1].prompt == ""
    if self.session and turn.prompt ~= "$ " and turn.prompt ~= "" then
      local list <const> = lines_now(self)
      local waiting <const> = list[#list] or ""
      if not line_matches(self, stripped(turn.prompt), waiting) then
        assert(retaken, ("the page types after %q, and the prompt is %q"):format(turn.prompt, waiting))
        turn.line = (prompt_of(waiting .. " ") or turn.prompt) .. turn.typed
        turn.shown[1] = stripped(turn.line)
      end
    end
    type_next(self, turn.prompt, turn.typed)
    local got
    local _, _, good = settle(self, runs, function(list, prompts)
      got = as_it_came(self, turn, since_typed(self, list, prompts))
      return matches(self, turn.shown, got)
    end, retaken and 3 or PATIENCE)
    if not good then
      assert(retaken, described(turn, got or {}))
      turn.shown = with_ids_of_the_page(self, got or {})
    end
    if turn.prompt == "$ " or turn.prompt == "" then table.insert(turn.shown, 1, turn.line) end
    if turn.prompt ~= "$ " and turn.prompt ~= "" then turn.shown[1] = turn.line end
    table.move(turn.shown, 1, #turn.shown, #result + 1, result)
  end
  return table.concat(result, "\n") .. "\n"
end

return M
