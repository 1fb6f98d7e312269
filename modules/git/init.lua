--- git repositories: reading them in process, and fetching, pushing and cloning by the user's own `git`.
---
---   local repository <close> = git.open "."
---   local branch = repository:require_branch()
---   repository:require_clean()
---   repository:push { branch = branch, set_upstream = true }
---
--- What only reads does not wait, except in a shallow repository, where git itself is asked about its history.
--- Revisions are what `git rev-parse` takes: a branch, a tag, a commit id of 4 or more characters, HEAD~2, origin/main.
local address = require "fairlead.git.address"
local check = require "fairlead.git.check"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local id = require "fairlead.git.id"
local native = require "fairlead.git.native"
local shallow = require "fairlead.git.shallow"
local transfer = require "fairlead.git.transfer"

local M = {}

-- The methods that C made; those below replace some of them and call them.
local Repository = native.repository_methods
local read = {}
for name, method in pairs(Repository) do read[name] = method end

local function check_text(fn, value, position)
  if type(value) ~= "string" then
    error(("bad argument #%d to '%s' (string expected, got %s)"):format(position, fn, type(value)), 3)
  end
end

-- ---- opening ----

--- The repository that a folder is in.
---
--- Raises `git.no_repository`; `git.unsafe` when it belongs to another user; `git.unsupported` when its format is not
--- known (SHA-256 ids).
---@param path string? a folder in its working tree, or the repository itself; default "."
---@return fairlead.git.Repository
function M.open(path)
  if path == nil then path = "." end
  check_text("git.open", path, 1)
  return native.open(path, false)
end

--- Clones a repository and opens the clone. When it fails nothing is left behind.
---
--- Raises `git.authentication`, `git.not_authorised`, `git.not_found`, `git.host_key`, `git.tls`, `git.network`,
--- `git.timeout`, `git.exists`, `git.invalid_address`.
---@async
---@param options fairlead.git.CloneOptions
---@return fairlead.git.Repository
function M.clone(options)
  check.options("git.clone", options, {
    url = "!string", path = "!string", branch = "string", depth = "integer", bare = "boolean", timeout = "number",
    on_progress = "function",
  })
  check.clone_address("git.clone", options.url)
  transfer.clone(options)
  return native.open(options.path, true)
end

M.is_abbreviation = id.is_abbreviation

--- Takes a remote's address apart; nil when git would not know what to do with it.
---@param url string https://…, ssh://…, git://…, file://…, user@host:path, or a folder
---@return fairlead.git.Address?
function M.parse_address(url)
  check_text("git.parse_address", url, 1)
  return address.parse(url)
end

-- ---- history ----

--- Commits that `to` reaches and `from` does not (`git log from..to`), newest first, none before its children.
---
--- Raises `git.not_found`, `git.ambiguous`.
---@param options { from: string?, to: string?, limit: integer? }? to: default HEAD; from: default none
---@return fairlead.git.Commit[]
function Repository:log(options)
  options = check.options("repository:log", options, { from = "string", to = "string", limit = "integer" })
  local list = self:is_shallow() and shallow.log or read.log
  return list(self, options.to or "HEAD", options.from, options.limit)
end

--- The id of the best common ancestor; nil when the two have none.
---@param a string
---@param b string
---@return string?
function Repository:merge_base(a, b)
  return (self:is_shallow() and shallow.merge_base or read.merge_base)(self, a, b)
end

--- How many commits each of two has that the other lacks.
---@param a string
---@param b string
---@return integer ahead only a has them
---@return integer behind only b has them
function Repository:ahead_behind(a, b)
  return (self:is_shallow() and shallow.ahead_behind or read.ahead_behind)(self, a, b)
end

--- Whether b contains a, or is it.
---@param a string
---@param b string
---@return boolean
function Repository:is_ancestor(a, b)
  return (self:is_shallow() and shallow.is_ancestor or read.is_ancestor)(self, a, b)
end

--- What changed from a to b, in numbers, with renames found: `git diff --shortstat a b`.
---@param a string
---@param b string? default HEAD
---@return fairlead.git.DiffStat
function Repository:diff_stat(a, b)
  return read.diff_stat(self, a, b or "HEAD")
end

-- ---- state ----

--- Whether everything is committed. Untracked files count, unless told otherwise: the file that somebody forgot to add
--- is the one that the release will lack.
---@param options { untracked: boolean? }? untracked: false leaves untracked files out of account
---@return boolean
function Repository:is_clean(options)
  options = check.options("repository:is_clean", options, { untracked = "boolean" })
  for _, entry in ipairs(self:status()) do
    if options.untracked ~= false or entry.worktree ~= "untracked" then return false end
  end
  return true
end

local LETTERS <const> = { added = "A", modified = "M", deleted = "D", renamed = "R", type_changed = "T" }

-- As git status --short would say it.
local function short_status(entry)
  if entry.worktree == "untracked" then return "?? " .. entry.path end
  if entry.worktree == "conflicted" then return "UU " .. entry.path end
  return (LETTERS[entry.index] or "") .. (LETTERS[entry.worktree] or "") .. " " .. entry.path
end

--- Raises `git.dirty`, with up to five paths, unless everything is committed (as is_clean).
---@param options { untracked: boolean? }?
function Repository:require_clean(options)
  options = check.options("repository:require_clean", options, { untracked = "boolean" })
  local named, count = {}, 0
  for _, entry in ipairs(self:status()) do
    if options.untracked ~= false or entry.worktree ~= "untracked" then
      count = count + 1
      if count <= 5 then named[count] = short_status(entry) end
    end
  end
  if count == 0 then return end
  errors.raise {
    kind = "git.dirty", op = "git.status", target = self:folder(),
    message = ("%d uncommitted %s: %s%s"):format(count, count == 1 and "change" or "changes",
      table.concat(named, ", "), count > 5 and ", …" or ""),
    hint = "commit or stash them, or add what is not meant for git to .gitignore",
  }
end

--- The branch that is checked out; raises `git.detached` when none is.
---@return string name
function Repository:require_branch()
  local head = self:head()
  if head.branch then return head.branch end
  errors.raise {
    kind = "git.detached", op = "git.head", target = self:folder(),
    message = ("HEAD is detached at %s: no branch is checked out"):format(head.sha:sub(1, 10)),
    hint = "git switch BRANCH, or git switch --create NEW-BRANCH",
  }
end

-- ---- refs ----

--- The branches.
---@param options { remote: boolean? }? remote: those that follow a remote's ("origin/main"), in place of the local ones
---@return fairlead.git.Branch[]
function Repository:branches(options)
  options = check.options("repository:branches", options, { remote = "boolean" })
  return read.branches(self, options.remote == true)
end

--- Makes a branch; does not check it out. Raises `git.exists`, `git.invalid_name`, `git.not_found`.
---@param options { name: string, at: string? } at: default HEAD
---@return string sha the commit that it is on
function Repository:create_branch(options)
  options = check.options("repository:create_branch", options, { name = "!string", at = "string" })
  return read.create_branch(self, options.name, options.at or "HEAD")
end

-- Who makes a tag: as git decides, from its variables and then its settings.
local function committer(repository)
  local function setting(name)
    local value = repository:setting(name)
    return value ~= "" and value or nil
  end
  local name = environment.get "GIT_COMMITTER_NAME" or setting "committer.name" or setting "user.name"
  local email = environment.get "GIT_COMMITTER_EMAIL" or setting "committer.email" or setting "user.email" or
    environment.get "EMAIL"
  if name and email then return name, email end
  errors.raise {
    kind = "git.no_identity", op = "git.tag", target = repository:folder(),
    message = ("an annotated tag needs its maker's name and email, and git has no %s"):format(
      not name and not email and "user.name and user.email" or not name and "user.name" or "user.email"),
    hint = 'git config --global user.name "Your Name"; git config --global user.email you@example.org',
  }
end

--- Tags a commit; with a message the tag is annotated, by git's user.name and user.email.
---
--- Raises `git.exists`, `git.invalid_name`, `git.not_found`, `git.no_identity`.
---@param options { name: string, at: string?, message: string? } at: default HEAD
---@return string sha the commit that it is on
function Repository:tag(options)
  options = check.options("repository:tag", options, { name = "!string", at = "string", message = "string" })
  if not options.message then return read.tag(self, options.name, options.at or "HEAD") end
  local name, email = committer(self)
  return read.tag(self, options.name, options.at or "HEAD", options.message, name, email)
end

-- ---- remotes ----

---@class fairlead.git.Remote: fairlead.git.Address
---@field push_url string? where pushes go, when elsewhere

--- Where a remote is. Raises `git.no_remote`.
---@param name string? default "origin"
---@return fairlead.git.Remote
function Repository:remote(name)
  if name == nil then name = "origin" end
  check_text("repository:remote", name, 1)
  local url = self:setting(("remote.%s.url"):format(name))
  if not url then
    local names = self:remotes()
    errors.raise {
      kind = "git.no_remote", op = "git.remote", target = self:folder(),
      message = ("there is no remote '%s'"):format(name),
      hint = names[1] and "its remotes are: " .. table.concat(names, ", ") or
        ("git remote add %s ADDRESS"):format(name:find "^[%w._/]" and name or "origin"),
    }
  end
  local remote = address.parse(url) or { url = address.redact(url) }
  local push_url = self:setting(("remote.%s.pushurl"):format(name))
  remote.push_url = push_url and (address.parse(push_url) or { url = address.redact(push_url) }).url
  return remote
end

--- Fetches from a remote; returns the refs that have changed here.
---
--- Raises `git.no_remote`, `git.authentication`, `git.not_authorised`, `git.not_found`, `git.host_key`, `git.tls`,
--- `git.network`, `git.timeout`, `git.locked`, `git.rejected`.
---@async
---@param options fairlead.git.FetchOptions?
---@return fairlead.git.Update[] updates
function Repository:fetch(options)
  options = check.options("repository:fetch", options, {
    remote = "string", refspecs = "table", prune = "boolean", tags = "boolean", depth = "integer",
    unshallow = "boolean", timeout = "number", on_progress = "function",
  })
  check.refspecs("repository:fetch", options.refspecs or {}, true)
  return transfer.fetch(self, options)
end

--- Pushes a branch, or refs, to a remote; returns what came of each.
---
--- Raises what fetch raises; `git.rejected` when the remote has moved on; `git.rejected.hook` when a hook or the
--- service's rules refuse, with their words.
---@async
---@param options fairlead.git.PushOptions?
---@return fairlead.git.PushedUpdate[] updates
function Repository:push(options)
  options = check.options("repository:push", options, {
    remote = "string", branch = "string", ref = "string", refs = "string|table", force_with_lease = "boolean|string",
    set_upstream = "boolean", timeout = "number", on_progress = "function",
  })
  check.refspecs("repository:push", options.refs or options.ref or {}, false)
  return transfer.push(self, options)
end

return M
