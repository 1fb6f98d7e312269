--- A gate's channel: another developer's approval on GitHub, of the commit that is to be merged.
local talk = require "release.talk"

local M = {}

---@param release Release
---@param change table
---@return procedure.Channel
function M.channel(release, change)
  local channel = { name = "GitHub review", every = 20 }

  function channel.ask(_, request)
    release.talk:say(":eyes: review wanted, please: "
      .. talk.link(change.url, ("#%d %s"):format(change.number, change.title)))
    request.say("waiting for a review of " .. change.url)
  end

  function channel.answer()
    local reviews <const> = release.github:reviews(change.number)
    local others <const> = {}
    for _, login in ipairs(reviews.approved_current_by) do
      if login ~= change.author then others[#others + 1] = login end
    end
    if #reviews.changes_requested_by > 0 then return nil end -- they will say when it is mended
    if #others >= release.settings.approvals then
      return { decision = "approved", by = table.concat(others, ", "), why = "approved " .. reviews.head:sub(1, 8) }
    end
  end

  return channel
end

return M
