--- Where a session's lines take effect: on the real services, or in a world of simulated ones.
---
--- The world's clock is virtual, and its own: it stands still while somebody thinks or types, and jumps while all that
--- runs in the world sleeps. So ten minutes of it pass at once when a line waits for them, and never behind one's back.
--- The prompt lives on the real clock, and does not hold the world's up.
local clock = require "fairlead.clock"
local rehearsal = require "fairlead.world.rehearsal"

local M = {}

---Puts a world into a session: the procedure's own, or a small example where there is no script.
---@async
---@param session repl.Session with `world` and maybe `script`
function M.open(session)
  local world <const> = session.world
  if session.script then
    session.procedure = rehearsal.load(world, session.script)
  elseif not world.fixture then
    world:assemble(require "fairlead.world.example".fixture())
  end
  session.env.w = world
  session.clock = clock.virtual(world.now)
end

---Calls `body()` with the world's repositories made, and its tokens and network in force.
---@async
---@param session repl.Session
---@param body async fun(): ...
---@return any ... its results
function M.inside(session, body)
  local world <const> = session.world
  local closing <close> = world -- luacheck: ignore closing
  session.folder = clock.on(session.clock, world.open, world)
  return rehearsal.scope(world, session.folder, body)
end

return M
