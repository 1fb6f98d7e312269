--- Text for people: made harmless, measured, cut to width.
---
--- Names of branches, commit messages and services' answers come from outside. What a terminal or a workflow runner
--- would take for a command is shown instead of obeyed.
local M = {}

-- Character ranges that take no column, or two (Unicode 15: combining marks; East Asian wide, and emoji).
local NONE <const> = {
  { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x0610, 0x061A }, { 0x064B, 0x065F },
  { 0x0E31, 0x0E31 }, { 0x0E34, 0x0E3A }, { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF },
  { 0x200B, 0x200F }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF },
  { 0xE0100, 0xE01EF },
}
local TWO <const> = {
  { 0x1100, 0x115F }, { 0x231A, 0x231B }, { 0x23E9, 0x23EC }, { 0x23F0, 0x23F0 }, { 0x23F3, 0x23F3 },
  { 0x25FD, 0x25FE }, { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x26A1, 0x26A1 }, { 0x26AA, 0x26AB },
  { 0x26BD, 0x26BE }, { 0x26C4, 0x26C5 }, { 0x26CE, 0x26CE }, { 0x26D4, 0x26D4 }, { 0x26EA, 0x26EA },
  { 0x26F2, 0x26F3 }, { 0x26F5, 0x26F5 }, { 0x26FA, 0x26FA }, { 0x26FD, 0x26FD }, { 0x2705, 0x2705 },
  { 0x270A, 0x270B }, { 0x2728, 0x2728 }, { 0x274C, 0x274C }, { 0x274E, 0x274E }, { 0x2753, 0x2755 },
  { 0x2757, 0x2757 }, { 0x2795, 0x2797 }, { 0x27B0, 0x27B0 }, { 0x27BF, 0x27BF }, { 0x2B1B, 0x2B1C },
  { 0x2B50, 0x2B50 }, { 0x2B55, 0x2B55 }, { 0x2E80, 0x303E }, { 0x3041, 0x33FF }, { 0x3400, 0x4DBF },
  { 0x4E00, 0x9FFF }, { 0xA000, 0xA4CF }, { 0xA960, 0xA97C }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF },
  { 0xFE10, 0xFE19 }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F004, 0x1F004 },
  { 0x1F0CF, 0x1F0CF }, { 0x1F18E, 0x1F18E }, { 0x1F191, 0x1F19A }, { 0x1F1E6, 0x1F320 }, { 0x1F32D, 0x1F335 },
  { 0x1F337, 0x1F37C }, { 0x1F37E, 0x1F393 }, { 0x1F3A0, 0x1F3CA }, { 0x1F3CF, 0x1F3D3 }, { 0x1F3E0, 0x1F3F0 },
  { 0x1F3F4, 0x1F3F4 }, { 0x1F3F8, 0x1F43E }, { 0x1F440, 0x1F440 }, { 0x1F442, 0x1F4FC }, { 0x1F4FF, 0x1F53D },
  { 0x1F54B, 0x1F54E }, { 0x1F550, 0x1F567 }, { 0x1F57A, 0x1F57A }, { 0x1F595, 0x1F596 }, { 0x1F5A4, 0x1F5A4 },
  { 0x1F5FB, 0x1F64F }, { 0x1F680, 0x1F6C5 }, { 0x1F6CC, 0x1F6CC }, { 0x1F6D0, 0x1F6D2 }, { 0x1F6D5, 0x1F6D7 },
  { 0x1F6DC, 0x1F6DF }, { 0x1F6EB, 0x1F6EC }, { 0x1F6F4, 0x1F6FC }, { 0x1F7E0, 0x1F7EB }, { 0x1F90C, 0x1F93A },
  { 0x1F93C, 0x1F945 }, { 0x1F947, 0x1F9FF }, { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}

local function within(ranges, code)
  local low, high = 1, #ranges
  while low <= high do
    local middle = (low + high) // 2
    local range = ranges[middle]
    if code < range[1] then
      high = middle - 1
    elseif code > range[2] then
      low = middle + 1
    else
      return true
    end
  end
  return false
end

local function columns_of(code)
  if code < 0x300 then return 1 end
  if within(NONE, code) then return 0 end
  return within(TWO, code) and 2 or 1
end

-- C1 controls (some terminals obey them), marks that turn the direction of what follows, line and paragraph separators.
local function is_control(code)
  return code < 0x20 or (code >= 0x7F and code <= 0x9F) or code == 0x2028 or code == 0x2029
    or (code >= 0x202A and code <= 0x202E) or (code >= 0x2066 and code <= 0x2069)
end

local function shown(code)
  if code < 0x20 then return utf8.char(0x2400 + code) end
  if code == 0x7F then return "\u{2421}" end
  return "\u{FFFD}"
end

---One line that is safe to print: controls become the pictures of controls, line ends become spaces, bytes that are no
---UTF-8 become replacement characters.
---@param text any
---@return string
function M.clean(text)
  text = tostring(text)
  if not text:find "[%c\x80-\xff]" then return text end
  text = text:gsub("%s+", function(space) return space:find "[\r\n]" and " " or nil end):gsub("\t", " ")
  local parts, at = {}, 1
  while at <= #text do
    local ok, bad = utf8.len(text, at)
    local last = ok and #text or bad - 1
    for _, code in utf8.codes(text:sub(at, last)) do
      parts[#parts + 1] = is_control(code) and shown(code) or utf8.char(code)
    end
    if not ok then parts[#parts + 1] = "\u{FFFD}" end
    at = last + (ok and 1 or 2)
  end
  return table.concat(parts)
end

---The lines of a text, each clean.
---@param text any
---@return string[]
function M.lines(text)
  local lines = {}
  for line in (tostring(text) .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = M.clean((line:gsub("\r$", ""))) end
  while #lines > 1 and lines[#lines] == "" do lines[#lines] = nil end
  return lines
end

---Lines in which a workflow runner finds no command: it takes "##[…]" for one anywhere in a line, and "::…::" at its
---beginning, after any spaces (actions/runner, ActionCommand.cs).
---@param lines string
---@return string
function M.harmless(lines)
  return (("\n" .. lines):gsub("##%[", "## ["):gsub("(\n%s*):(:)", "%1: %2"):sub(2))
end

---Columns that a clean text takes.
---@param text string
---@return integer
function M.width(text)
  if not text:find "[\x80-\xff]" then return #text end
  local width = 0
  for _, code in utf8.codes(text) do width = width + columns_of(code) end
  return width
end

---A clean text cut to a width; what is cut ends in "…".
---@param text string
---@param width integer columns
---@return string
function M.cut(text, width)
  if width <= 0 then return "" end
  if M.width(text) <= width then return text end
  local used, last = 0, 0
  for at, code in utf8.codes(text) do
    local columns = columns_of(code)
    if used + columns > width - 1 then break end
    used = used + columns
    last = at + #utf8.char(code) - 1
  end
  return text:sub(1, last) .. "…"
end

---A clean text filled up with spaces to a width; longer ones stay as they are.
---@param text string
---@param width integer columns
---@return string
function M.pad(text, width)
  return text .. (" "):rep(width - M.width(text))
end

return M
