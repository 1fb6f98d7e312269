--- The world's repositories on disk: the simulated GitHub's bare repository and a developer's working clone of it, in a
--- temporary folder.
---
--- All of it is real git, made by as few processes as will do: one fast-import writes every commit. Names, dates and
--- contents come from the fixture and the clock, so commit ids are the same in every run.
local errors = require "fairlead.errors"
local process = require "fairlead.process"
local repository = require "fairlead.world.repository"

local M = {}

---@class fairlead.world.Folder
---@field path string
---@field origin string GitHub's bare repository
---@field work string the developer's clone, on the fixture's branch
---@field repository fairlead.world.Repository what `origin` holds
---@field branch_commits string[] the shas of the branch's own commits, the oldest first
local Folder = {}
Folder.__index = Folder

-- GitHub's own repository gets two hooks. `update` refuses, branch by branch, what the branch's rules refuse;
-- `post-receive` leaves a line for each ref that a push has moved: how the world hears of pushes, whoever made them.
--
-- $1: the origin's URL; $2: the branch to work on; $3: the default branch; $4 $5: the developer's name and address;
-- $6: the folder to make, or nothing for a temporary one; $7: the update hook; standard input: fast-import's commands.
local SET_UP <const> = [[
set -eu
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
root=${6:-$(mktemp -d "${TMPDIR:-/tmp}/fairlead-XXXXXXXX")}
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/state"
cd "$root"
git init -q --template= -b "$3" work
printf '[user]\n\tname = %s\n\temail = %s\n' "$4" "$5" >>work/.git/config
printf '[commit]\n\tgpgSign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n' >>work/.git/config
printf '[remote "origin"]\n\turl = %s\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n[url "%s"]\n\tinsteadOf = %s\n' \
  "$1" "$root/origin.git" "$1" >>work/.git/config
printf '[branch "%s"]\n\tremote = origin\n\tmerge = refs/heads/%s\n' "$3" "$3" >>work/.git/config
git -C work fast-import --quiet --date-format=raw >marks
cp -R work/.git origin.git
rm -rf origin.git/refs/remotes
[ "$2" = "$3" ] || rm -f "origin.git/refs/heads/$2"
printf '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n[gc]\n\tauto = 0\n' >origin.git/config
printf '[receive]\n\tautogc = false\n[http]\n\treceivepack = true\n' >>origin.git/config
mkdir origin.git/hooks
printf '%s' "$7" >origin.git/hooks/update
printf '#!/bin/sh\nwhile read -r line; do printf "%%s\\n" "$line"; done >>pushes\n' >origin.git/hooks/post-receive
chmod +x origin.git/hooks/update origin.git/hooks/post-receive
printf 'ref: refs/remotes/origin/%s\n' "$3" >work/.git/refs/remotes/origin/HEAD
git -C work checkout -q -f "$2"
trap - EXIT
printf '%s\n' "$root"
cat marks
]]

--- The `update` hook: GitHub's words for a push to a protected branch.
--- Sources: GitHub Docs, "Troubleshooting rules"; "About protected branches".
local function update_hook(github)
  local branch = github.default_branch
  local lines
  if (github.rules or {}).kind == "protection" then
    lines = {
      "error: GH006: Protected branch update failed for refs/heads/" .. branch .. ".",
      "error: Changes must be made through a pull request.",
    }
  else
    lines = {
      "error: GH013: Repository rule violations found for refs/heads/" .. branch .. ".",
      ("Review all repository rules at https://github.com/%s/rules?ref=refs%%2Fheads%%2F%s"):format(
        github.repository,
        branch
      ),
      "",
      "- Changes must be made through a pull request.",
    }
  end
  local out = { "#!/bin/sh", ("[ \"$1\" = 'refs/heads/%s' ] || exit 0"):format(branch), "cat >&2 <<'END'" }
  table.move(lines, 1, #lines, #out + 1, out)
  out[#out + 1] = "END\nexit 1\n"
  return table.concat(out, "\n")
end

--- Makes the folder.
---@async
---@param github table the fixture's part about GitHub
---@param now number unix seconds: the newest commit is an hour old
---@param path string? where to make it; a temporary folder when not given
---@return fairlead.world.Folder
function M.create(github, now, path)
  local branch = github.branch and github.branch.name or github.default_branch
  local import = repository.import()
  local author = repository.person(github, github.user)
  -- One mark a commit, an hour apart, the newest an hour ago.
  local first = { message = "Begin", files = github.files or { ["README.md"] = "# Read me\n" } }
  local history = github.commits or { first }
  local work = github.branch and github.branch.commits or {}
  local at = math.floor(now) - 3600 * (#history + #work)
  local last
  for _, commit in ipairs(history) do
    last = import:commit {
      ref = "refs/heads/" .. github.default_branch,
      message = commit.message,
      files = commit.files,
      author = repository.person(github, commit.author or github.user),
      at = at,
    }
    at = at + 3600
  end
  import:reset("refs/remotes/origin/" .. github.default_branch, last)
  if github.branch then
    import:reset("refs/heads/" .. branch, last)
  end
  for _, commit in ipairs(work) do
    import:commit {
      ref = "refs/heads/" .. branch,
      message = commit.message,
      files = commit.files,
      author = repository.person(github, commit.author or github.user),
      at = at,
    }
    at = at + 3600
  end
  local url = "https://github.com/" .. github.repository .. ".git"
  local done = process.run {
    "sh", "-c", SET_UP, "sh", url, branch, github.default_branch, author.name, author.email, path or "",
    update_hook(github),
    stdin = import:text(),
  }
  local root, marks = done.stdout:match("^([^\n]+)\n(.*)$")
  if done.code ~= 0 or not root then
    errors.raise { kind = "world.git", op = "world.open", message = "cannot make the repositories: " .. done.stderr }
  end
  local origin = root .. "/origin.git"
  local self = setmetatable({
    path = root,
    origin = origin,
    work = root .. "/work",
    state = root .. "/state",
    repository = repository.new(origin, github.default_branch),
  }, Folder)
  local shas = self.repository:learn(import, marks)
  self.branch_commits = table.move(shas, #history + 1, #shas, 1, {})
  if branch ~= github.default_branch then
    self.repository.branches[branch] = nil -- the developer has not pushed it
  end
  return self
end

--- Removes the folder and all in it.
---@async
function Folder:remove()
  local done = process.run { "rm", "-rf", "--", self.path }
  if done.code ~= 0 then
    errors.raise { kind = "world.git", op = "world.close", target = self.path, message = done.stderr }
  end
end

return M
