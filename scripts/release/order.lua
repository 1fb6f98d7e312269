--- Releases of one application come in the order of their commits: nothing older overwrites what is live.
local clock = require "fairlead.clock"
local live = require "release.live"

---@class Release
local Release = {}

local ASKED <const> = 60 -- seconds for which it is believed that nothing newer is live

local function short(sha) return sha:sub(1, 8) end

local function describe(self, sha)
  local pull <const> = (try(self.github.pulls_of, self.github, sha))
  return pull and pull[1] and ("%s (#%d %s)"):format(short(sha), pull[1].number, pull[1].title) or short(sha)
end

---The commit that is live in an environment, if `sha` is an ancestor of it.
---@async
---@param environment string
---@param sha string
---@return string|nil newer in full; nil: what is live is not newer, or it cannot be told what it is
function Release:newer_live(environment, sha)
  local runs <const> = live.now(self, self.settings.environments[environment]).commit
  return runs and self:reservations():is_older(sha, runs) and runs or nil
end

---Ends the run where something newer is live already.
---@async
---@param environment string
---@param sha string the commit that is to be brought there
---@param options { again: boolean?, by: string? }? again: it is asked in a loop; AWS and GitHub hear of it once a
--- minute; by: the commit that took this one's place, which may not be all there yet
---errors: kind "gate.refused" (reason "newer-is-live")
function Release:refuse_older(environment, sha, options)
  self.asked_newer = self.asked_newer or {}
  local last <const> = self.asked_newer[environment]
  if options and options.again and last and clock.now() - last < ASKED then return end
  self.asked_newer[environment] = clock.now()
  local by <const> = options and options.by
  local newer <const> = by and self:reservations():is_older(sha, by) and by or self:newer_live(environment, sha)
  if not newer then return end
  local text <const> = ("%s %s %s, which is newer than %s and holds it"):format(environment,
    newer == by and "gets" or "runs", describe(self, newer), describe(self, sha))
  self.run:refuse("newer-is-live", text, ("there is nothing left to release there; to go back, fairlead rollback %s %s")
    :format(self.settings.key, environment))
end

return Release
