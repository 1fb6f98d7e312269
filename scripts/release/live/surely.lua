--- Writes to services that take no idempotency token: AWS's UpdateService and CreateDeployment. When an answer is lost,
--- it is looked whether the write was heard before it is sent again.
local clock = require "fairlead.clock"

local ATTEMPTS <const> = 4
local LOOKS <const> = 4 -- before it is taken for not heard, unless told otherwise
local PAUSE <const> = 5 -- seconds between looks; what was begun shows at once or a moment later

---Carries out a write once, whatever becomes of its answer.
---@async
---@generic T
---@param act fun(): T the write
---@param found fun(): T? what the write gave, if it was heard
---@param options {looks: integer?}? looks: how often `found` is asked before the write is repeated; 1 where it takes
--- its time by itself
---@return T
return function(act, found, options)
  local looks <const> = options and options.looks or LOOKS
  for attempt = 1, ATTEMPTS do
    local result <const>, err <const> = try(act)
    if not err then return result end
    if not err.retryable or attempt == ATTEMPTS then error(err, 0) end
    for look = 1, looks do
      local seen <const> = found()
      if seen then return seen end
      if look < looks then clock.sleep(PAUSE) end
    end
  end
end
