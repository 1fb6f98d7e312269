---@meta fairlead.git.native
-- The C half of fairlead.git. Scripts use fairlead.git, which adds to the methods of a repository.

local M = {}

---@type table<string, function> the methods of a repository, for fairlead.git to complete
M.repository_methods = {}

---Opens a repository. Raises `git.no_repository`, `git.unsafe`, `git.unsupported`.
---@param path string
---@param here boolean true: the folder itself only; false: also those above it
---@return fairlead.git.Repository
function M.open(path, here) end

---A repository. Give it back with `close`, or keep it in a `<close>` variable.
---@class fairlead.git.Repository
local Repository = {}

---@class fairlead.git.Person
---@field name string
---@field email string
---@field time integer unix seconds

---@class fairlead.git.Commit
---@field sha string
---@field summary string the message's first paragraph, on one line
---@field message string
---@field author fairlead.git.Person
---@field committer fairlead.git.Person
---@field time integer unix seconds, when it was committed
---@field parents string[] ids

---@class fairlead.git.Head
---@field branch string? nil when detached
---@field sha string? nil when unborn
---@field detached boolean no branch is checked out
---@field unborn true? the branch has no commit yet

---@class fairlead.git.StatusEntry
---@field path string
---@field old_path string? before a rename
---@field index "added"|"modified"|"deleted"|"renamed"|"type_changed"|"conflicted"|nil staged
---@field worktree "untracked"|"modified"|"deleted"|"renamed"|"type_changed"|"unreadable"|"conflicted"|nil not staged

---@class fairlead.git.FileStat
---@field path string
---@field old_path string? before a rename
---@field status "added"|"modified"|"deleted"|"renamed"|"copied"|"type_changed"
---@field insertions integer lines
---@field deletions integer lines
---@field binary true?

---@class fairlead.git.DiffStat
---@field files integer
---@field insertions integer lines
---@field deletions integer lines
---@field by_file fairlead.git.FileStat[]

---@class fairlead.git.Branch
---@field name string
---@field sha string
---@field head true? it is checked out
---@field upstream string? "origin/main"

---@class fairlead.git.Tag
---@field name string
---@field sha string of the commit
---@field annotated boolean
---@field message string? of an annotated one

---Gives the repository back. May be called again.
function Repository:close() end

---The full id of what a revision names; for an annotated tag, of what it was put on. Raises `git.not_found`,
---`git.ambiguous`.
---@param revision string
---@return string sha
function Repository:resolve(revision) end

---What is checked out.
---@return fairlead.git.Head
function Repository:head() end

---Where the working tree is; for a bare repository, where it is itself.
---@return string
function Repository:folder() end

---Whether it has no working tree.
---@return boolean
function Repository:is_bare() end

---Whether its history was cut when it was cloned.
---@return boolean
function Repository:is_shallow() end

---A setting as git would use it; nil when there is none.
---@param name string "user.email"
---@return string?
function Repository:setting(name) end

---The names of its remotes.
---@return string[]
function Repository:remotes() end

---What is not committed, as `git status` lists it; empty: nothing. Raises `git.bare`.
---@return fairlead.git.StatusEntry[]
function Repository:status() end

---One commit. Raises `git.not_found`, `git.ambiguous`.
---@param revision string
---@return fairlead.git.Commit
function Repository:commit(revision) end

---In C: commits that `to` reaches and `from` does not.
---@private
---@param to string
---@param from string?
---@param limit integer?
---@return fairlead.git.Commit[]
function Repository:log(to, from, limit) end

---In C: the best common ancestor.
---@private
---@param a string
---@param b string
---@return string? sha
function Repository:merge_base(a, b) end

---In C: how far two are apart.
---@private
---@param a string
---@param b string
---@return integer ahead
---@return integer behind
function Repository:ahead_behind(a, b) end

---In C: whether b contains a.
---@private
---@param a string
---@param b string
---@return boolean
function Repository:is_ancestor(a, b) end

---In C: what changed from a to b.
---@private
---@param a string
---@param b string
---@return fairlead.git.DiffStat
function Repository:diff_stat(a, b) end

---In C: the branches.
---@private
---@param remote boolean those that follow remotes' branches
---@return fairlead.git.Branch[]
function Repository:branches(remote) end

---In C: makes a branch.
---@private
---@param name string
---@param at string
---@return string sha
function Repository:create_branch(name, at) end

---Whether a branch may be called so, by git's rules.
---@param name string
---@return boolean
function Repository:is_branch_name(name) end

---The tags that are on commits.
---@return fairlead.git.Tag[]
function Repository:tags() end

---In C: tags a commit.
---@private
---@param name string
---@param at string
---@param message string? makes an annotated tag, by the tagger
---@param tagger string?
---@param email string?
---@return string sha
function Repository:tag(name, at, message, tagger, email) end

---Every ref by its full name, with the id that it points at; symbolic ones left out.
---@return table<string, string>
function Repository:refs() end

---The version of libgit2.
---@return string
function M.version() end

return M
