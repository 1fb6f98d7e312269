--- Histories of shallow repositories, such as CI's checkouts. libgit2 1.5 does not know where they were cut and fails
--- at the first commit that is not there; git knows.
local command = require "fairlead.git.command"

local M = {}

local function git(repository, op, target, arguments, accepts)
  return command.run {
    op = op, target = target, folder = repository:folder(), bare = repository:is_bare(), arguments = arguments,
    accepts = accepts, timeout = command.DEFAULT_TIMEOUT, harmless = true,
  }
end

--- As Repository:log.
---@async
---@param repository fairlead.git.Repository
---@param to string
---@param from string?
---@param limit integer?
---@return fairlead.git.Commit[]
function M.log(repository, to, from, limit)
  local arguments = { "rev-list", "--date-order", "--parents", repository:commit(to).sha }
  if from then arguments[#arguments + 1] = "^" .. repository:commit(from).sha end
  if limit then table.insert(arguments, 2, "--max-count=" .. limit) end
  arguments[#arguments + 1] = "--"
  local commits = {}
  for line in git(repository, "git.log", to, arguments).stdout:gmatch "[^\n]+" do
    local ids = {}
    for id in line:gmatch "%x+" do ids[#ids + 1] = id end
    local commit = repository:commit(ids[1])
    commit.parents = table.move(ids, 2, #ids, 1, {}) -- those that are here
    commits[#commits + 1] = commit
  end
  return commits
end

--- As Repository:merge_base.
---@async
---@param repository fairlead.git.Repository
---@param a string
---@param b string
---@return string?
function M.merge_base(repository, a, b)
  local arguments = { "merge-base", repository:commit(a).sha, repository:commit(b).sha }
  local done = git(repository, "git.merge_base", a, arguments, 1)
  return done.stdout:match "^%x+"
end

--- As Repository:ahead_behind; what lies beyond the cut counts for neither.
---@async
---@param repository fairlead.git.Repository
---@param a string
---@param b string
---@return integer ahead
---@return integer behind
function M.ahead_behind(repository, a, b)
  local range = repository:commit(a).sha .. "..." .. repository:commit(b).sha
  local done = git(repository, "git.ahead_behind", a, { "rev-list", "--left-right", "--count", range, "--" })
  local ahead, behind = done.stdout:match "^(%d+)%s+(%d+)"
  return math.tointeger(ahead), math.tointeger(behind)
end

--- As Repository:is_ancestor; false where the cut hides the answer.
---@async
---@param repository fairlead.git.Repository
---@param a string
---@param b string
---@return boolean
function M.is_ancestor(repository, a, b)
  local arguments = { "merge-base", "--is-ancestor", repository:commit(a).sha, repository:commit(b).sha }
  return git(repository, "git.is_ancestor", a, arguments, 1).code == 0
end

return M
