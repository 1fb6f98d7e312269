--- What a reservation says beside what is so: "reserved for #123, but what runs is #119".
local live = require "release.live"

local M = {}

-- The commit that a holder is said to try: by its pull request's head where no commit is named.
local function commit_of(release, holder)
  if holder.commit or not holder.pull_request then return holder.commit end
  return release.github:pull_request({ number = holder.pull_request }).head.sha
end

local function describe(release, sha)
  local pull <const> = release.github:pulls_of(sha)[1]
  return pull and ("%s (#%d %s)"):format(sha:sub(1, 8), pull.number, pull.title) or sha:sub(1, 8)
end

---What runs in an environment, where that is another commit than its holder reserved it for. For people: whatever
---cannot be told is no difference.
---@async
---@param release Release
---@param environment string
---@param holder table
---@return string|nil text "what runs is 0ebac5a2 (#119 Registers)"; nil: it is the holder's, or it cannot be told
function M.difference(release, environment, holder)
  return (try(function()
    if holder.deploying then return nil end -- it is on its way
    local wanted <const> = commit_of(release, holder)
    local runs <const> = wanted and live.now(release, release.settings.environments[environment]).commit
    if not runs or runs == wanted then return nil end
    return "what runs is " .. describe(release, runs)
  end))
end

return M
