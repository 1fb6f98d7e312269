--- Strings as Lua would write them: what a terminal would obey is escaped, other characters stay readable.
local M = {}

-- Taken now: a value under inspection may be the strings' own metatable, spoilt.
local byte, find, format, gsub, sub = string.byte, string.find, string.format, string.gsub, string.sub

local NAMED <const> = { ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
  ["\v"] = "\\v", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escape(character)
  return NAMED[character] or format("\\x%02X", byte(character))
end

-- C1 controls, what turns the direction of the text after it, and what has no width.
local function is_unseen(code)
  return code >= 0x7F and code <= 0x9F or code >= 0x200B and code <= 0x200F or code == 0x2028 or code == 0x2029
    or code >= 0x202A and code <= 0x202E or code >= 0x2060 and code <= 0x2069 or code == 0xFEFF
    or code >= 0xE0000 and code <= 0xE007F
end

-- Well-formed UTF-8, with what does not show written out.
local function visible(text)
  return (gsub(text, "[\xC2-\xF4][\x80-\xBF]+", function(character)
    local code = utf8.codepoint(character)
    if is_unseen(code) then return format("\\u{%X}", code) end
  end))
end

-- Bytes above ASCII: characters stay, anything else is \xNN.
local function beyond_ascii(text)
  local parts, at = {}, 1
  while at <= #text do
    local ok, bad = utf8.len(text, at)
    parts[#parts + 1] = visible(sub(text, at, ok and #text or bad - 1))
    if ok then break end
    parts[#parts + 1] = format("\\x%02X", byte(text, bad))
    at = bad + 1
  end
  return table.concat(parts)
end

local function escaped(text, pattern)
  text = gsub(text, pattern, escape)
  return find(text, "[\x80-\xFF]") and beyond_ascii(text) or text
end

-- The first `limit` bytes, without half a character at their end.
local function beginning(text, limit)
  if #text <= limit then return text end
  local last = limit
  while last > 0 and last > limit - 4 and find(sub(text, last + 1, last + 1), "[\x80-\xBF]") do last = last - 1 end
  return sub(text, 1, last > 0 and last > limit - 4 and last or limit) -- what ends so late is no character
end

---A whole number with its thousands apart: "1,234,567".
---@param number integer
---@return string
function M.count(number)
  local text = format("%d", number)
  local first = #text % 3
  local rest = gsub(sub(text, first + 1), "%d%d%d", ",%0")
  return first > 0 and sub(text, 1, first) .. rest or sub(rest, 2)
end

---A string in quotes. Control characters, quotes and bytes that are no UTF-8 are escaped.
---@param text string
---@param limit? integer bytes of it that are shown; default: all
---@return string quoted cut ones end in "…"
---@return string|nil length what a cut one is to be followed by: "(1,234 bytes)"
function M.quote(text, limit)
  local shown = limit and beginning(text, limit) or text
  local quoted = escaped(shown, '[%c\\"]')
  if #shown == #text then return '"' .. quoted .. '"' end
  return '"' .. quoted .. '…"', "(" .. M.count(#text) .. " bytes)"
end

---The lines of a text, made harmless, line by line.
---@param text string
---@param limit integer bytes of it that are shown
---@return string[] lines
---@return string|nil length as of quote
function M.lines(text, limit)
  local shown = beginning(text, limit)
  local lines = {}
  for line in string.gmatch(shown .. "\n", "(.-)\r?\n") do
    lines[#lines + 1] = escaped(gsub(line, "\t", "  "), "%c")
  end
  if lines[#lines] == "" then lines[#lines] = nil end -- what follows the last line's end
  if #shown == #text then return lines end
  lines[#lines] = lines[#lines] .. "…"
  return lines, "(" .. M.count(#text) .. " bytes)"
end

---A number as Lua would read it back: 3 and 3.0 differ, and no digit is lost.
---@param number number
---@return string
function M.number(number)
  if math.type(number) == "integer" then return format("%d", number) end
  if number ~= number then return "nan" end
  if number == math.huge then return "math.huge" end
  if number == -math.huge then return "-math.huge" end
  for digits = 14, 17 do
    local text = format("%." .. digits .. "g", number)
    if tonumber(text) == number then return find(text, "[.e]") and text or text .. ".0" end
  end
  return format("%.17g", number)
end

local RESERVED <const> = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do RESERVED[word] = true end

---Whether a string can be a field's name as it is.
---@param text string
---@return boolean
function M.is_name(text)
  return find(text, "^[%a_][%w_]*$") ~= nil and not RESERVED[text]
end

return M
