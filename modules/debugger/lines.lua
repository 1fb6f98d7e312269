--- Which lines of a file have code: where a breakpoint can be.
---
--- debug.getinfo tells the lines of a function that exists; the functions inside a file come to be when it runs. So
--- these are read from the compiled form of the whole file (string.dump), whose layout is that of Lua 5.4's lundump.c.
local M = {}

local HEADER <const> = "\27Lua\x54\0\x19\x93\r\n\x1a\n\4\8\8"
local AFTER_HEADER <const> = #HEADER + 8 + 8 + 1 -- an integer, a number, how many upvalues
local FLOAT <const>, INTEGER <const>, SHORT <const>, LONG <const> = 0x13, 0x03, 0x04, 0x14 -- tags of constants
local ABSOLUTE <const> = -128 -- instead of a difference to the line before

local Reader = {}
Reader.__index = Reader

function Reader:byte()
  local value = self.text:byte(self.at)
  self.at = self.at + 1
  return value
end

-- Seven bits a byte, the highest first; the last one has the eighth bit.
function Reader:count()
  local value = 0
  repeat
    local byte = self:byte()
    value = value << 7 | byte & 0x7F
  until byte & 0x80 ~= 0
  return value
end

function Reader:skip(bytes)
  self.at = self.at + bytes
end

function Reader:skip_text()
  local size = self:count()
  if size > 0 then self:skip(size - 1) end
end

function Reader:skip_constants()
  for _ = 1, self:count() do
    local tag = self:byte()
    if tag == FLOAT or tag == INTEGER then
      self:skip(8)
    elseif tag == SHORT or tag == LONG then
      self:skip_text()
    end
  end
end

-- The lines of one function's instructions; a vararg function's first instruction is none of its text's.
function Reader:read_lines(found, line, is_vararg)
  local size = self:count()
  local differences, absolute = self.at, {}
  self:skip(size)
  for _ = 1, self:count() do
    local place = self:count()
    absolute[place] = self:count()
  end
  for place = 0, size - 1 do
    local difference = string.unpack("b", self.text, differences + place)
    line = difference == ABSOLUTE and absolute[place] or line + difference
    if place > 0 or not is_vararg then found[line] = true end
  end
end

function Reader:read_function(found)
  self:skip_text() -- its source
  local first = self:count()
  self:count() -- its last line
  self:byte() -- how many parameters
  local is_vararg = self:byte() ~= 0
  self:byte() -- how many registers
  self:skip(4 * self:count()) -- instructions
  self:skip_constants()
  self:skip(3 * self:count()) -- upvalues
  for _ = 1, self:count() do self:read_function(found) end
  self:read_lines(found, first, is_vararg)
  for _ = 1, self:count() do
    self:skip_text() -- a local's name, from where to where
    self:count()
    self:count()
  end
  for _ = 1, self:count() do self:skip_text() end -- upvalues' names
end

---The lines that have code, in a chunk and in the functions inside it.
---@param chunk function a whole file's
---@return table<integer, true> lines
function M.of(chunk)
  local text = string.dump(chunk)
  assert(text:sub(1, #HEADER) == HEADER, "the compiled form of another version of Lua")
  local found = {}
  setmetatable({ text = text, at = AFTER_HEADER + 1 }, Reader):read_function(found)
  return found
end

---The first line from `line` on that has code; nil: none.
---@param chunk function a whole file's
---@param line integer
---@return integer|nil
function M.next(chunk, line)
  local best
  for candidate in pairs(M.of(chunk)) do
    if candidate >= line and (not best or candidate < best) then best = candidate end
  end
  return best
end

return M
