--- What a team asks of a pull request's description: so much text, and what its headings promise.
local M = {}

-- A template's instructions are comments, and nobody's words: "<!-- why is this needed? -->".
local function own_words(text)
  return ((text or ""):gsub("\r\n?", "\n"):gsub("<!%-%-.-%-%->", ""))
end

local function heading_of(line)
  local marks <const>, title = line:match "^%s*(#+)%s+(.-)%s*#*%s*$"
  return marks and #marks, title and title:lower()
end

-- Whether there is text under a heading, up to the next one of its level or a higher one; nil: no such heading.
local function has_text_under(text, wanted)
  local level
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local depth <const>, title <const> = heading_of(line)
    if level then
      if depth and depth <= level then return false end
      if not depth and line:find "%S" then return true end
    elseif title == wanted:lower() then
      level = depth
    end
  end
  return level and false
end

local function count_characters(text)
  local count = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local words <const> = line:match "^%s*(.-)%s*$"
    if not heading_of(line) then count = count + (utf8.len(words) or #words) end
  end
  return count
end

---What a description lacks.
---@param text string? as GitHub has it
---@param wanted { minimum: integer?, headings: string[]? }? minimum: characters, headings and comments not counted
---@return string[] lacks one line each; none: nothing is missing
function M.lacks(text, wanted)
  text = own_words(text)
  local lacks = {}
  if not wanted then return lacks end
  local count <const> = count_characters(text)
  if count < (wanted.minimum or 0) then
    lacks[1] = count == 0 and "it says nothing"
      or ("it says too little (%d characters of at least %d)"):format(count, wanted.minimum)
  end
  for _, heading in ipairs(wanted.headings or {}) do
    local found <const> = has_text_under(text, heading)
    if found == nil then
      lacks[#lacks + 1] = ("there is no heading %q"):format(heading)
    elseif not found then
      lacks[#lacks + 1] = ("there is nothing under %q"):format(heading)
    end
  end
  return lacks
end

return M
