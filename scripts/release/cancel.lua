--- A release that is cancelled while AWS deploys: whether AWS goes on, stops, or goes back.
local contexts = require "release.live.context"

local M = {}

local CHOICES <const> = {
  { name = "leave", text = "AWS goes on" },
  { name = "stop", text = "AWS stops, and what it has done stays" },
  { name = "rollback", text = "AWS stops and goes back to what was live" },
}

local DONE <const> = {
  stop = "it was stopped; what it had done by then stays",
  rollback = "it was stopped, and is rolled back",
}

-- `find` gives the deployment's id as it is at the moment of the cancellation; nil: there is none yet.
local function guard(context, name, find)
  local run <const> = context.run
  local opened <const>, before <const> = run:on_cancel {
    name = name,
    choices = CHOICES,
    act = function(choice)
      local id <const> = find()
      if not id then return "it had not begun; whatever builds and deploys it goes on" end
      if choice == "leave" then return "AWS goes on with it" end
      local how <const> = context.strategy.stop(context, id, { rollback = choice == "rollback" })
      return how == "over" and "it was over already" or DONE[choice]
    end,
  }
  if before then
    run:warn(("%s, when this run was interrupted: %s"):format(name, before.did
      or ("%s was asked for, and it is not known whether it was done"):format(before.choice)))
  end
  return opened
end

---Says for a deployment that is being followed what may become of it when the run is cancelled. A run that is taken up
---is told what was done.
---@async
---@param context live.Context
---@param id string of the deployment
---@return table guard to be closed
function M.guard(context, id)
  return guard(context, ("deployment %s of %s"):format(contexts.short_id(id), context.service.service),
    function() return id end)
end

---The same while a deployment is waited for: AWS may have begun it before the run has seen it.
---@async
---@param context live.Context
---@param find async fun(): string|nil the deployment's id, if it has begun
---@return table guard to be closed
function M.guard_start(context, find)
  return guard(context, "deployment of " .. context.service.service, find)
end

return M
