--- The words of a command's argument: separated by blanks, those with blanks in them in quotes.
local errors = require "fairlead.errors"

local M = {}

-- One word from `at` on, without its quotes, and where it ends.
local function word(text, at)
  local parts = {}
  while at <= #text do
    local first <const> = text:sub(at, at)
    if first:find "%s" then break end
    if first == '"' or first == "'" then
      local close <const> = text:find(first, at + 1, true)
      if not close then
        errors.raise { kind = "usage", message = "a quotation is not closed: " .. text:sub(at) }
      end
      parts[#parts + 1] = text:sub(at + 1, close - 1)
      at = close + 1
    else
      local plain <const> = text:match("^[^%s\"']+", at)
      parts[#parts + 1] = plain
      at = at + #plain
    end
  end
  return table.concat(parts), at
end

---@param text string
---@return string[]
---errors: kind "usage"
function M.split(text)
  local list, at = {}, text:find "%S"
  while at and at <= #text do
    list[#list + 1], at = word(text, at)
    at = text:find("%S", at)
  end
  return list
end

return M
