--- Who has an environment: where there is one for everybody, a release has it to itself while it deploys there and
--- tries what came.

---@class Release
local Release = {}

-- There is one environment of each kind for everybody: it is this release's while it deploys there and tries what came.
---@async
---@param environment string
---@param change table
---@return procedure.Lock lock to be closed
function Release:have(environment, change)
  local thread <const> = self.talk.thread
  return self.run:lock(environment, {
    reason = ("%s #%d %s"):format(self.settings.name, change.number, change.title),
    ["for"] = self.settings.environments[environment].hold,
    timeout = self.settings.timeouts.lock,
    notify = thread and { slack = { channel = thread.channel, thread = thread.ts } } or nil,
  })
end

return Release
