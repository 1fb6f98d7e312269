--- What the simulated GitHub tells of a person: to everybody, and to themselves.
local json = require "fairlead.json"
local time = require("fairlead.world.github.shapes").time

local M = {}

local SINCE <const> = 86400 * 1500 -- seconds that everybody has been there

--- GET /users/{login}; schema public-user.
---@param github fairlead.world.GitHub
---@param login string
---@return table
function M.public(github, login)
  local value = github.shapes:user(login)
  local start = github.world.fixture.start or github.world.now
  value.name = ((github.fixture.users or {})[login] or {}).name or login
  value.email = json.null
  value.company, value.location, value.hireable, value.bio = json.null, json.null, json.null, json.null
  value.blog, value.twitter_username = "", json.null
  value.public_repos, value.public_gists, value.followers, value.following = 2, 0, 20, 0
  value.created_at, value.updated_at = time(start - SINCE), time(start)
  return value
end

--- GET /user; schema private-user.
---@param github fairlead.world.GitHub
---@param login string
---@return table
function M.own(github, login)
  local value = M.public(github, login)
  value.email = ((github.fixture.users or {})[login] or {}).email or json.null
  value.private_gists, value.total_private_repos, value.owned_private_repos = 0, 0, 0
  value.disk_usage, value.collaborators, value.two_factor_authentication = 1024, 0, true
  return value
end

return M
