--- When a session looks for newer credentials, and how its tasks share that.
---
--- Source: botocore `credentials.py`, RefreshableCredentials (15 and 10 minutes). Unlike there, credentials that could
--- not be renewed are used to their end: a release that has nine minutes left may well be over by then.
local clock = require "fairlead.clock"
local task = require "fairlead.task"

local M = {}

local ADVISORY <const> = 900 -- seconds before their end: one task looks for newer ones, the others go on
local MANDATORY <const> = 600 -- seconds before their end: the others wait for it
local AGAIN <const> = 60 -- seconds between two looks while what is there holds

--- Looks for credentials, as the only task that does.
local function look(session, find, holds)
  local search <const> = { event = task.event() }
  local _ <close> = setmetatable({}, { __close = function()
    session.finding = nil
    search.event:set()
  end })
  session.finding, session.looked_at = search, clock.now() + session.clock_offset
  if session.found then
    session.loaded_files = nil -- somebody may have signed in anew
  end
  local fresh <const>, err = try(find, session)
  if not fresh and not holds then
    search.failure = err
    error(err, 0)
  end
  session.found = fresh or session.found
  return session.found
end

--- A session's credentials, those that it has or newer ones. A program, or a person with a key, is asked once, however
--- many tasks want to know.
---@async
---@param session fairlead.aws.Session
---@param find async fun(session: fairlead.aws.Session): fairlead.aws.Credentials
---@return fairlead.aws.Credentials
--- raises what `find` raises, when there are none that hold
function M.current(session, find)
  while true do
    local found <const>, now = session.found, clock.now() + session.clock_offset
    local left <const> = found and (found.expires_at or math.huge) - now or 0
    local search <const> = session.finding
    if left > ADVISORY or left > MANDATORY and search
      or left > 0 and not search and now < session.looked_at + AGAIN then
      return found
    elseif not search then
      return look(session, find, left > 0)
    end
    search.event:wait()
    if search.failure then
      error(search.failure, 0)
    end
  end
end

return M
