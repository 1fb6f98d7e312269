--- How far git's transfers are, as it tells people at a terminal (`--progress`, progress.c): each line is written over
--- the one before it, "Receiving objects:  45% (450/1000), 1.20 MiB | 3.00 MiB/s".
local M = {}

---@class fairlead.git.Progress
---@field phase string in git's words: "Counting objects", "Compressing objects", "Receiving objects",
--- "Writing objects", "Resolving deltas", "Updating files"
---@field remote boolean the other side is at work
---@field done integer things done
---@field total integer? of so many; nil where git does not know yet
---@field percent integer?
---@field bytes integer? that have come or gone so far, to the digits that git shows
---@field finished boolean this phase is over

local UNITS <const> = { bytes = 1, KiB = 1 << 10, MiB = 1 << 20, GiB = 1 << 30 }

---Reads one line of git's.
---@param line string
---@return fairlead.git.Progress|nil progress nil: it says something else
function M.parse(line)
  local before, phase, rest = line:match "^(r?e?m?o?t?e?:? ?)(%u%l+ %l+):%s+(%d.*)$"
  if not phase or (before ~= "" and before ~= "remote: ") then return nil end
  local percent, done, total = rest:match "^(%d+)%% %((%d+)/(%d+)%)"
  done = done or rest:match "^(%d+)"
  local amount, unit = rest:match ", ([%d.]+) (%a+)"
  return {
    phase = phase, remote = before ~= "", done = math.tointeger(done), total = math.tointeger(total),
    percent = math.tointeger(percent), bytes = UNITS[unit] and math.floor(tonumber(amount) * UNITS[unit]) or nil,
    finished = rest:find "done%.%s*$" ~= nil,
  }
end

---What process.run calls with git's output: cuts it into lines, and tells of those that are progress.
---@param tell fun(progress: fairlead.git.Progress)
---@return fun(piece: string, stream: string)
function M.listener(tell)
  local rest, last = "", nil
  return function(piece, stream)
    if stream ~= "stderr" then return end
    local lines = rest .. piece
    local from = 1
    for line, after in lines:gmatch "([^\r\n]*)[\r\n]()" do
      from = after
      local progress = M.parse(line)
      if progress and line ~= last then tell(progress) end
      last = line
    end
    rest = lines:sub(from):sub(-1000) -- a line without an end is none
  end
end

---What git said beside its progress.
---@param text string its standard error
---@return string
function M.without(text)
  local kept = {}
  for line in (text:find "\n$" and text or text .. "\n"):gmatch "([^\n]*)\n" do
    local shown = line:match "([^\r]*)\r*$" -- the last of those that were written over each other
    if not M.parse(shown) then kept[#kept + 1] = shown end
  end
  return table.concat(kept, "\n")
end

return M
