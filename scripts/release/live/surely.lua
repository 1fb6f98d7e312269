--- Writes to services that take no idempotency token: AWS's UpdateService and CreateDeployment. When an answer is lost,
--- it is looked whether the write was heard before it is sent again.
local clock = require "fairlead.clock"

local ATTEMPTS <const> = 4
local LOOKS <const> = 4 -- before it is taken for not heard
local PAUSE <const> = 5 -- seconds between looks; what was begun shows at once or a moment later

---Carries out a write once, whatever becomes of its answer.
---@async
---@generic T
---@param act fun(): T the write
---@param found fun(): T? what the write gave, if it was heard
---@return T
return function(act, found)
  for attempt = 1, ATTEMPTS do
    local result <const>, err <const> = try(act)
    if not err then return result end
    if not err.retryable or attempt == ATTEMPTS then error(err, 0) end
    for look = 1, LOOKS do
      local seen <const> = found()
      if seen then return seen end
      if look < LOOKS then clock.sleep(PAUSE) end
    end
  end
end
