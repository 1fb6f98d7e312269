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

---Says for a deployment that is being followed what may become of it when the run is cancelled. A run that is taken up
---is told what was done.
---@async
---@param context live.Context
---@param id string of the deployment
---@return table guard to be closed
function M.guard(context, id)
  local run <const> = context.run
  local name <const> = ("deployment %s of %s"):format(contexts.short_id(id), context.service.service)
  local guard <const>, before <const> = run:on_cancel {
    name = name,
    choices = CHOICES,
    act = function(choice)
      if choice == "leave" then return "AWS goes on with it" end
      local how <const> = context.strategy.stop(context, id, { rollback = choice == "rollback" })
      return how == "over" and "it was over already" or DONE[choice]
    end,
  }
  if before then
    run:warn(("%s, when this run was interrupted: %s"):format(name, before.did
      or ("%s was asked for, and it is not known whether it was done"):format(before.choice)))
  end
  return guard
end

return M
