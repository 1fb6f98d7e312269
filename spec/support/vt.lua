--- What a person sees: a screen that obeys the sequences that line editors and coloured output use (VT100 and a little
--- more). What it does not know it ignores, but remembers in `unknown`, so that a spec can see that it missed nothing.
local text = require "fairlead.faces.text"

local M = {}

local Screen = {}
Screen.__index = Screen

--- A screen without anything on it.
function M.new(columns, rows)
  local self = setmetatable({ columns = columns, rows = rows, row = 1, column = 1, lines = {} }, Screen)
  self.scrolled, self.modes, self.unknown, self.bells, self.pending = {}, {}, {}, 0, ""
  for row = 1, rows do self.lines[row] = {} end
  return self
end

local function blank(cells, from, to)
  for column = from, to do cells[column] = nil end
end

function Screen:scroll()
  self.scrolled[#self.scrolled + 1] = table.remove(self.lines, 1)
  self.lines[self.rows] = {}
end

function Screen:line_feed()
  if self.row < self.rows then
    self.row = self.row + 1
  else
    self:scroll()
  end
end

-- The cell that a character's combining marks go to.
local function put(self, character)
  local width = text.width(character)
  if width == 0 then
    local column = math.max(1, self.column - 1)
    if self.wraps then column = self.columns end
    self.lines[self.row][column] = (self.lines[self.row][column] or " ") .. character
    return
  end
  if self.wraps or self.column + width - 1 > self.columns then
    self.column, self.wraps = 1, false
    self:line_feed()
  end
  local cells = self.lines[self.row]
  if self.inserts then
    for column = self.columns, self.column + width, -1 do cells[column] = cells[column - width] end
  end
  cells[self.column] = character
  if width == 2 then cells[self.column + 1] = "" end
  self.column = self.column + width
  if self.column > self.columns then self.column, self.wraps = self.columns, true end -- as all do since the VT100
end

local controls = {
  ["\r"] = function(self) self.column, self.wraps = 1, false end,
  ["\n"] = function(self) self.wraps = false self:line_feed() end,
  ["\b"] = function(self) self.column, self.wraps = math.max(1, self.column - 1), false end,
  ["\t"] = function(self) self.column = math.min(self.columns, (self.column - 1) // 8 * 8 + 9) end,
  ["\a"] = function(self) self.bells = self.bells + 1 end,
}

local function move(row, column)
  return function(self, count)
    count = math.max(1, count or 1)
    self.row = math.max(1, math.min(self.rows, self.row + row * count))
    self.column = math.max(1, math.min(self.columns, self.column + column * count))
    self.wraps = false
  end
end

-- What ends a sequence ESC [ … to what it does; the numbers before it are its arguments.
local sequences = {
  A = move(-1, 0), B = move(1, 0), C = move(0, 1), D = move(0, -1),
  G = function(self, column) self.column, self.wraps = math.min(self.columns, column or 1), false end,
  d = function(self, row) self.row = math.min(self.rows, row or 1) end,
  H = function(self, row, column)
    self.row, self.column, self.wraps = math.min(self.rows, row or 1), math.min(self.columns, column or 1), false
  end,
  J = function(self, what)
    if what == 2 or what == 3 then
      for row = 1, self.rows do self.lines[row] = {} end
    else
      blank(self.lines[self.row], self.column, self.columns)
      for row = self.row + 1, self.rows do self.lines[row] = {} end
    end
  end,
  K = function(self, what)
    blank(self.lines[self.row], (what or 0) == 0 and self.column or 1, what == 1 and self.column or self.columns)
  end,
  P = function(self, count)
    local cells = self.lines[self.row]
    for column = self.column, self.columns do cells[column] = cells[column + (count or 1)] end
  end,
  ["@"] = function(self, count)
    local cells = self.lines[self.row]
    for column = self.columns, self.column, -1 do
      cells[column] = column >= self.column + (count or 1) and cells[column - (count or 1)] or " "
    end
  end,
  m = function() end,
  t = function() end,
}

local function obey(self, private, arguments, last)
  local numbers = {}
  for number in (arguments .. ";"):gmatch "(%d*);" do numbers[#numbers + 1] = tonumber(number) or false end
  if private == "?" and (last == "h" or last == "l") then
    for _, number in ipairs(numbers) do self.modes[number] = last == "h" end
  elseif private == "" and (last == "h" or last == "l") and numbers[1] == 4 then
    self.inserts = last == "h"
  elseif private == "" and sequences[last] then
    sequences[last](self, numbers[1] or nil, numbers[2] or nil)
  else
    self.unknown[#self.unknown + 1] = private .. arguments .. last
  end
end

-- One thing at the beginning of the bytes: how many bytes it takes, or nil when it is not whole yet.
local function step(self, bytes, at)
  local first = bytes:sub(at, at)
  if controls[first] then
    controls[first](self)
    return at + 1
  end
  if first == "\27" then
    local private, arguments, last, after = bytes:match("^%[([?>=]?)([%d;]*)([@-~])()", at + 1)
    if after then
      obey(self, private, arguments, last)
      return after
    end
    after = bytes:match("^%][^\a\27]*[\a]()", at + 1) or bytes:match("^[()][%w]()", at + 1)
      or bytes:match("^[=>78M]()", at + 1)
    if after then return after end
    return #bytes - at >= 32 and at + 1 or nil
  end
  if first:byte() < 0x20 or first == "\127" then
    self.unknown[#self.unknown + 1] = ("%q"):format(first)
    return at + 1
  end
  local length = first:byte() < 0x80 and 1 or first:byte() < 0xE0 and 2 or first:byte() < 0xF0 and 3 or 4
  if at + length - 1 > #bytes then return nil end
  put(self, bytes:sub(at, at + length - 1))
  return at + length
end

--- Takes what a program wrote.
function Screen:write(bytes)
  bytes = self.pending .. bytes
  local at = 1
  while at <= #bytes do
    local after = step(self, bytes, at)
    if not after then break end
    at = after
  end
  self.pending = bytes:sub(at)
end

local function line_text(cells, columns)
  local parts = {}
  for column = 1, columns do parts[column] = cells[column] or " " end
  return (table.concat(parts):gsub(" +$", ""))
end

--- The lines that are seen, without the spaces at their ends and the empty lines at the screen's end.
function Screen:read()
  local lines = {}
  for row = 1, self.rows do lines[row] = line_text(self.lines[row], self.columns) end
  while lines[#lines] == "" do lines[#lines] = nil end
  return lines
end

--- The lines that have scrolled away, and then those that are seen.
function Screen:read_all()
  local lines = {}
  for _, cells in ipairs(self.scrolled) do lines[#lines + 1] = line_text(cells, self.columns) end
  return table.move(self:read(), 1, self.rows, #lines + 1, lines)
end

--- Another size, without wrapping anew (as xterm): lines are cut, rows go at the top.
function Screen:resize(columns, rows)
  while #self.lines > rows and self.row > rows do
    self:scroll()
    table.remove(self.lines)
    self.row = self.row - 1
  end
  while #self.lines > rows do table.remove(self.lines) end
  while #self.lines < rows do self.lines[#self.lines + 1] = {} end
  for _, cells in ipairs(self.lines) do
    if columns < self.columns then blank(cells, columns + 1, self.columns) end
  end
  self.columns, self.rows = columns, rows
  self.column, self.wraps = math.min(self.column, columns), false
end

return M
