--- What is different from the first moment on, in scenarios where it is: a change that holds a migration, a branch that
--- was pushed before the run began and whose checks are green, a ref that somebody else holds.
local M = {}

local HOUR <const> = 3600

--- A migration as Alembic writes it; the database's tables are invented.
local MIGRATION <const> = [[
"""add the layer's columns

Revision ID: 5d1c40e8a7b2
Revises: 9a77be0315fc
"""

from alembic import op
import sqlalchemy as sa

revision = "5d1c40e8a7b2"
down_revision = "9a77be0315fc"


def upgrade():
    op.add_column("dataset", sa.Column("layer", sa.Text(), nullable=True))


def downgrade():
    op.drop_column("dataset", "layer")
]]

--- The fixture's part about GitHub, as the scenario has it. The fixture itself stays as it is.
---@param world fairlead.world.World
---@return table
function M.repository(world)
  local github = world.fixture.github
  if not (world.scenario.migration and github.branch and #(github.branch.commits or {}) > 0) then
    return github
  end
  local commits = table.move(github.branch.commits, 1, #github.branch.commits, 1, {})
  local last = setmetatable({ files = {} }, { __index = commits[#commits] })
  for path, text in pairs(commits[#commits].files or {}) do
    last.files[path] = text
  end
  local folder = world.fixture.migrations or "migrations"
  last.files[folder .. "/versions/5d1c40e8a7b2_add_the_layers_columns.py"] = MIGRATION
  commits[#commits] = last
  local branch = setmetatable({ commits = commits }, { __index = github.branch })
  return setmetatable({ branch = branch }, { __index = github })
end

--- The branch was pushed an hour ago, all but its last commit, and what was pushed has passed its tests. Of a branch of
--- one commit that is the commit that it began at.
local function push_before(world, folder)
  local github, shas = world.github, folder.branch_commits
  local previous = shas[#shas - 1] or folder.repository.branches[folder.repository.default_branch]
  local branch = github.fixture.branch.name
  folder.repository:set_ref("refs/heads/" .. branch, previous)
  github.actions:record_past(branch, previous, github.fixture.user, world.now - HOUR)
end

--- A commit for a ref that somebody holds: it has no files, only its message tells.
local function commit_for(world, folder, held, message, parents)
  local repository = require "fairlead.world.repository"
  local objects = require "fairlead.world.github.objects"
  local person = repository.person(world.fixture.github, held.by)
  local by = { name = person.name, email = person.email, at = math.floor(world.now) }
  local tree = folder.repository.commits[folder.repository.branches[folder.repository.default_branch]].tree
  local commit = objects.write_commit(folder.repository, {
    tree = tree, parents = parents, message = message, author = by, committer = by,
  })
  return commit.sha
end

--- Somebody holds what a ref stands for, and gives it back after a while. An entry of the fixture's `held`:
---   { ref = "refs/…", by = login, seconds = 1500, message = text or function(now, till) -> text,
---     given_back = function(message, now) -> text of a commit after what is there then; without it the ref goes }
--- Times are whole unix seconds.
local function hold(world, folder, held)
  local repository = folder.repository
  local seconds = (held.seconds or 1500) * world:stream("held"):between(0.9, 1.1)
  local message, now = held.message, math.floor(world.now)
  if type(message) == "function" then
    message = message(now, now + math.floor(world:duration(seconds)))
  end
  local sha = commit_for(world, folder, held, message, {})
  repository:set_ref(held.ref, sha)
  world:after(seconds, function()
    local before = repository:ref(held.ref)
    if not before then
      return -- it has been taken away from them meanwhile
    elseif held.given_back then
      local text = held.given_back(repository.commits[before].message, math.floor(world.now))
      repository:set_ref(held.ref, commit_for(world, folder, held, text, { before }))
    elseif before == sha then
      repository:set_ref(held.ref, nil)
    end
  end)
end

--- Called once the repositories are there.
---@async
---@param world fairlead.world.World
---@param folder fairlead.world.Folder
function M.opened(world, folder)
  if world.scenario.previous_checks and world.github.fixture.branch then
    push_before(world, folder)
  end
  for _, held in ipairs(world.scenario.held and world.fixture.held or {}) do
    hold(world, folder, held)
  end
end

return M
