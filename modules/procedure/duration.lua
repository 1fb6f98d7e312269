--- A length of time as people say it.
local M = {}

---@param seconds number
---@return string "0.4 s", "12 s", "4 min 05 s", "1 h 20 min", "3 d 4 h"
function M.text(seconds)
  if seconds < 0 then seconds = 0 end
  if seconds < 9.95 and seconds ~= math.floor(seconds) then
    return seconds < 0.05 and "0 s" or (("%.1f s"):format(seconds):gsub("%.0 s", " s"))
  end
  local whole = math.floor(seconds + 0.5)
  local function pair(big, small, big_name, small_name)
    if small == 0 then return ("%d %s"):format(big, big_name) end
    return ("%d %s %02d %s"):format(big, big_name, small, small_name)
  end
  if whole < 60 then return ("%d s"):format(whole) end
  if whole < 3600 then return pair(whole // 60, whole % 60, "min", "s") end
  if whole < 86400 then return pair(whole // 3600, whole % 3600 // 60, "h", "min") end
  return ("%d d %d h"):format(whole // 86400, whole % 86400 // 3600)
end

return M
