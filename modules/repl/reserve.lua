--- Memory kept for the session itself: a line that has filled what there is, and left it in a variable, must leave
--- enough to say so and to run the line that empties the variable.
local M = {}

local SIZE <const> = 1 << 19 -- bytes
local MUCH <const> = 4 * SIZE -- when so much is to be had, there is enough again

---Keeps memory aside. What was given away is only taken back when that leaves enough.
---@param session repl.Session
function M.hold(session)
  if session.reserve then return end
  if session.spent and not pcall(string.rep, "\0", MUCH) then
    collectgarbage() -- Lua does it by itself for small things only: buffers take theirs without
    if not pcall(string.rep, "\0", MUCH) then return end
  end
  local held, bytes = pcall(string.rep, "\0", SIZE)
  session.reserve = held and bytes or nil
end

---Gives it to whatever has to be done now.
---@param session repl.Session
function M.release(session)
  session.reserve, session.spent = nil, true
end

return M
