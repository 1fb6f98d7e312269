--- The face for a terminal: a live tree of the run's steps, redrawn in place; remarks scroll away above it.
---
--- The frame is drawn below whatever is there, the cursor left at the beginning of the line after it. To draw again,
--- the cursor goes up as many lines as the last frame takes on the screen as it is now: a narrower window folds lines.
local clock = require "fairlead.clock"
local models = require "fairlead.faces.model"
local styles = require "fairlead.faces.style"
local summary = require "fairlead.faces.summary"
local task = require "fairlead.task"
local terminal = require "fairlead.terminal"
local text = require "fairlead.faces.text"
local tree = require "fairlead.faces.tree"
local value = require "fairlead.procedure.value"

local M = {}

---@class faces.Terminal
---@field model faces.Model
---@field style faces.Style
---@field private drawn integer[] the columns of each line of the frame on the screen
local Terminal = {}
Terminal.__index = Terminal

local REDRAW <const> = 0.1 -- real seconds between frames, however fast a rehearsal's events come
local TICK <const> = 0.25 -- real seconds between frames when nothing happens
local HIDE <const>, SHOW <const> = "\27[?25l", "\27[?25h"
local CLEAR_LINE <const>, EMPTY_LINE <const>, CLEAR_BELOW <const> = "\27[K", "\27[2K", "\27[J"

---@param options? faces.Options
---@return faces.Terminal
function M.new(options)
  options = options or {}
  local face = setmetatable({
    model = models.new(),
    style = styles.new { colours = true },
    stream = options.stream or io.stdout,
    verbose = options.verbose or false,
    drawn = {},
    frames = 0,
    last_frame = 0,
    last_event = clock.monotonic(),
    above = {}, -- remarks that the next frame leaves above the tree
  }, Terminal)
  face.stream:setvbuf "full"
  return face
end

local function size()
  local columns, rows = terminal.size(1)
  return columns or 80, rows or 24
end

-- The run's time now: a real run's goes on between events, a rehearsal's does not.
local function now(face)
  if face.model.mode == "rehearsal" then return face.model.last end
  return face.model.last + (clock.monotonic() - face.last_event)
end

-- To where the frame on the screen begins. What follows overwrites it line by line and clears what is left at the end:
-- some terminals keep in their history what is cleared all at once, frame after frame.
local function rise(face, columns)
  local lines = 0
  for _, width in ipairs(face.drawn) do lines = lines + math.max(1, (width + columns - 1) // columns) end
  local count = #face.drawn
  face.drawn = {}
  if lines == 0 then return "" end
  local up = ("\27[%dA\r"):format(lines)
  if lines == count then return up end
  -- Lines that the terminal has folded are emptied first: it would go on taking each for the next one's beginning.
  return up .. (EMPTY_LINE .. "\27[B"):rep(lines) .. up
end

-- The lines of a frame. One column stays free: a full line leaves the cursor in a state that terminals disagree about.
local function frame(face, columns, rows)
  local lines = tree.lines(face.model, face.style, {
    width = columns - 1, height = rows and rows - 1, now = now(face), spin = face.frames,
  })
  local parts = {}
  for i, line in ipairs(lines) do
    parts[i] = line.styled .. CLEAR_LINE .. "\n"
    face.drawn[i] = line.width
  end
  return table.concat(parts) .. CLEAR_BELOW
end

local function write(face, said)
  face.stream:write(said)
  face.stream:flush()
end

-- The remarks since the last frame.
local function take_above(face)
  local above = table.concat(face.above)
  face.above = {}
  return above
end

---Draws the tree as it is now, unless somebody types an answer below it.
function Terminal:draw()
  if self.asking or self.closed then return end
  local columns, rows = size()
  self.frames, self.last_frame = self.frames + 1, clock.monotonic()
  self.dirty = false
  local up = (self.frames == 1 and HIDE or "") .. rise(self, columns)
  write(self, up .. take_above(self) .. frame(self, columns, rows))
end

local function remark(face, sign, colour, said)
  local lines = {}
  for i, line in ipairs(text.lines(said)) do
    lines[i] = (i == 1 and face.style:paint(colour, sign) .. " " or "  ") .. line .. CLEAR_LINE .. "\n"
  end
  return table.concat(lines)
end

local NOTES <const> = {
  say = { " ", nil }, warning = { "!", "yellow" }, fact = { " ", nil }, live = { " ", "green" },
  notify = { ">", "cyan" }, why = { "?", "yellow" },
}

-- What an event leaves above the tree.
local function remarks(face, event)
  if event.event == "note" and NOTES[event.kind] then
    local sign, colour = NOTES[event.kind][1], NOTES[event.kind][2]
    local said = event.text
    if event.kind == "live" then said = "live: " .. summary.live_text(event.live) end
    if event.kind == "notify" then said = (event.sent and "told: " or "would tell: ") .. said end
    if event.details then said = said .. "\n" .. event.details end
    return remark(face, sign, colour, said)
  elseif event.event == "gate.decided" then
    return remark(face, face.style.signs.gate, "cyan", ("%s: %s%s%s"):format(face.style:path(event.path),
      event.decision, event.by and " by " .. event.by or "", event.why and ": " .. event.why or ""))
  elseif event.event == "http.request" and face.verbose then
    return remark(face, " ", nil, ("%s %s %s"):format(event.method, event.url, event.error or event.status))
  end
end

local function by_terminal(event)
  for _, name in ipairs(event.via) do
    if name == "terminal" then return true end
  end
  return false
end

-- While somebody types, nothing else may move the cursor: the tree is taken away, the question stands alone.
local function ask(face, event)
  local columns = size()
  local question = remark(face, face.style.signs.gate, "cyan", event.question)
  local lines = { rise(face, columns), SHOW, take_above(face), question }
  local evidence = event.evidence
  if event.summary then
    for line in event.summary:gmatch "[^\n]+" do
      lines[#lines + 1] = "    " .. text.clean(line) .. CLEAR_LINE .. "\n"
    end
  elseif type(evidence) == "table" then
    for _, line in ipairs(value.changes({}, evidence)) do
      lines[#lines + 1] = "    " .. text.clean((line:gsub(": was nothing, is now ", ": ", 1))) .. CLEAR_LINE .. "\n"
    end
  end
  face.asking = event.path
  write(face, table.concat(lines) .. CLEAR_BELOW)
end

local function answered(face)
  face.asking = nil
  write(face, "\r" .. CLEAR_LINE .. HIDE)
end

local function finish(face)
  if not face.model.began then return face:close() end -- whoever started it tells why
  local columns = size()
  local out = rise(face, columns) .. take_above(face) .. frame(face, columns) .. "\n"
  out = out .. table.concat(summary.lines(face.model, face.style), "\n") .. "\n"
  write(face, out)
  face:close()
end

---@param event procedure.Event
function Terminal:event(event)
  self.model:apply(event)
  self.last_event = clock.monotonic()
  local above = remarks(self, event)
  self.above[#self.above + 1] = above
  if event.event == "gate.decided" and self.asking == event.path then
    answered(self)
    self:draw()
  elseif event.event == "run.finished" then
    if self.asking then
      write(self, "\n")
      answered(self)
    end
    finish(self)
  elseif event.event == "gate.asked" and by_terminal(event) and not self.asking then
    ask(self, event)
  elseif event.event == "note" and event.kind == "question" then
    if not self.asking then ask(self, { question = event.text, summary = event.summary, path = event.path or "" }) end
  elseif event.event == "note" and event.kind == "answer" then
    if self.asking then answered(self) end
    self:draw()
  elseif event.event == "note" and event.kind == "prompt" and self.asking then
    write(self, remark(self, " ", nil, event.text) .. "> ")
  else
    self.dirty = true
    if clock.monotonic() - self.last_frame >= REDRAW then self:draw() end
  end
end

---Keeps the tree moving while nothing happens. On the caller's clock, which must be the real one.
function Terminal:start()
  self.ticker = task.start(function()
    while not self.closed do
      clock.sleep(TICK)
      if self.model.began and (self.dirty or self.model.mode ~= "rehearsal") then
        -- A background task's failure would be the run's; a terminal that went away is none.
        if not pcall(self.draw, self) then return end
      end
    end
  end)
end

---Gives the cursor back. May be called again.
function Terminal:close()
  if self.closed then return end
  self.closed = true
  if self.ticker then self.ticker:cancel "the run is over" end
  if self.frames > 0 or self.asking then write(self, SHOW) end
  self.stream:setvbuf "line"
end

return M
