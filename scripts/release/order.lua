--- Releases of one application come in the order of their commits: nothing older overwrites what is live.
local clock = require "fairlead.clock"
local images = require "release.live.image"
local live = require "release.live"
local slack = require "fairlead.slack"

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

---Says, to the infrastructure team too, when what our deployment takes the place of is neither what was there before
---nor part of what is released: somebody's hotfix would be lost in silence.
---@async
---@param environment string
---@param sha string the commit that comes
function Release:tell_replaced(environment, sha)
  local before <const> = (self.before or {})[environment]
  if not before then return end
  self.before[environment] = nil -- of several services the first that comes has looked
  local now <const> = live.now(self, self.settings.environments[environment]).commit
  if not now or now == before or now == sha or self:reservations():is_older(now, sha) then return end
  local commit <const> = images.commit(self, now)
  local text <const> = ("%s ran %s %q by %s, deployed since this release began; %s does not hold it and takes its "
    .. "place"):format(environment, short(now), commit and commit.subject or "", commit and commit.author or "?",
    short(sha))
  self.run:warn(text)
  self.run:notify { key = "replaced " .. environment, text = ":warning: " .. slack.escape(text), alarm = true }
end

return Release
