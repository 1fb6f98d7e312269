--- What a completion inserts, and how its candidates are listed.
local text = require "fairlead.faces.text"

local M = {}

local function common_prefix(candidates)
  local prefix = candidates[1].text
  for index = 2, #candidates do
    local other, length = candidates[index].text, 0
    while length < #prefix and prefix:byte(length + 1) == other:byte(length + 1) do length = length + 1 end
    prefix = prefix:sub(1, length)
  end
  while prefix ~= "" and not utf8.len(prefix) do prefix = prefix:sub(1, -2) end -- no part of a character
  return prefix
end

---What to do with a line.
---@param line string
---@param cursor integer bytes before the cursor
---@param start integer the first byte of what is completed
---@param candidates EditorCandidate[]
---@return { remove: integer, insert: string, list: EditorCandidate[]?, place: string? } plan characters before the
--- cursor that go, what comes for them; where there are several candidates, those, and what this leaves: cursor, line
function M.plan(line, cursor, start, candidates)
  local typed = line:sub(start, cursor)
  if #candidates == 0 then return { remove = 0, insert = "" } end
  if #candidates == 1 then
    local insert = candidates[1].text .. (candidates[1].after or "")
    return { remove = utf8.len(typed) or #typed, insert = insert }
  end
  local insert = common_prefix(candidates)
  if #insert <= #typed then
    return { remove = 0, insert = "", list = candidates, place = cursor .. ":" .. line }
  end
  local completed = line:sub(1, start - 1) .. insert
  return { remove = utf8.len(typed) or #typed, insert = insert, list = candidates,
    place = #completed .. ":" .. completed .. line:sub(cursor + 1) }
end

---A list in columns, read downwards; what does not fit above a prompt is counted.
---@param candidates EditorCandidate[]
---@param columns integer of the terminal
---@param rows integer
---@return string lines
function M.columns(candidates, columns, rows)
  local shown, widest = {}, 1
  for index, candidate in ipairs(candidates) do
    shown[index] = text.clean(candidate.shown or candidate.text)
    widest = math.max(widest, text.width(shown[index]))
  end
  local across = math.max(1, (columns + 1) // (widest + 2))
  local down = math.min((#shown + across - 1) // across, math.max(3, rows - 3))
  local lines, fitting = {}, math.min(#shown, across * down)
  for row = 1, down do
    local line = {}
    for index = row, fitting, down do
      local pad = index + down <= fitting and (" "):rep(widest + 2 - text.width(shown[index])) or ""
      line[#line + 1] = shown[index] .. pad
    end
    lines[row] = table.concat(line)
  end
  if fitting < #shown then lines[#lines + 1] = ("… and %d more"):format(#shown - fitting) end
  return table.concat(lines, "\n")
end

return M
