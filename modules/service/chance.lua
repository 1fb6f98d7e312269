--- Random numbers for pauses between retries and for one-time tokens, from a source that a rehearsal replaces by its
--- own, so that one seed gives one run.
local M = {}

local source = math.random

--- A number from 0 to 1, or an integer in a range, as `math.random`.
---@param low? integer
---@param high? integer
---@return number
function M.random(low, high)
  if low then
    return low + math.floor(source() * (high - low + 1))
  end
  return source()
end

--- 32 hexadecimal digits that nobody else has.
---@return string
function M.token()
  local parts = {}
  for i = 1, 8 do
    parts[i] = ("%04x"):format(M.random(0, 0xffff))
  end
  return table.concat(parts)
end

--- Calls `fn(...)` with another source in force and returns its results.
---@async
---@param random fun(): number 0 or more, less than 1
---@param fn function
---@return any ...
function M.with(random, fn, ...)
  local previous = source
  local restore <close> = setmetatable({}, { -- luacheck: ignore restore
    __close = function()
      source = previous
    end,
  })
  source = random
  return (function(...) return ... end)(fn(...))
end

return M
