--- The simulated GitHub's git repository: a bare one on disk, and what the world knows of it in memory.
---
--- Commits are kept in memory as they come (the world's own as it makes them, others when a push brings them), so that
--- most questions need no git process. What git alone can do (merge, compare files) is one process each.
local errors = require "fairlead.errors"
local process = require "fairlead.process"

local M = {}

---@class fairlead.world.Person
---@field name string
---@field email string

---@class fairlead.world.Commit
---@field sha string
---@field tree string
---@field parents string[] shas
---@field author fairlead.world.Person
---@field committer fairlead.world.Person
---@field at integer unix seconds
---@field message string

---@class fairlead.world.Repository
---@field path string the bare repository
---@field default_branch string
---@field branches table<string, string> branch -> sha, as the world last saw them
---@field tags table<string, string>
---@field refs table<string, string> all others by their whole names: refs/notes/commits
---@field commits table<string, fairlead.world.Commit> by sha
---@field kinds table<string, string> "blob", "tree", "commit", "tag", by the ids of objects that are known to be there
---@field written table<string, string> ids of trees, by what was asked to be written
---@field private looked table<string, fairlead.process.Result>
local Repository = {}
Repository.__index = Repository

local ZERO <const> = ("0"):rep(40)

--- Git must not see the user's own configuration or hooks, nor a repository that it was started from.
local QUIET <const> = {
  GIT_CONFIG_GLOBAL = "/dev/null",
  GIT_CONFIG_NOSYSTEM = "1",
}

--- Text that JSON can hold: git takes names and messages in any encoding.
local function readable(text)
  if utf8.len(text) then
    return text
  end
  return (text:gsub("[\128-\255]", "\u{FFFD}"))
end

--- Name and address of a GitHub user of the fixture, as git shows them.
---@param github table the fixture's part about GitHub
---@param login string
---@return fairlead.world.Person
function M.person(github, login)
  local user = (github.users or {})[login] or {}
  return { name = user.name or login, email = user.email or (login .. "@users.noreply.github.com") }
end

---------------------------------------------------------------------------------------------------------------------
-- Commands for git fast-import

---@class fairlead.world.Import
---@field private out string[]
---@field private commits table[] one for each mark
local Import = {}
Import.__index = Import

--- Commands for one run of git fast-import.
---@return fairlead.world.Import
function M.import()
  return setmetatable({ out = {}, commits = {}, tips = {} }, Import)
end

local function data(text)
  return ("data %d\n%s\n"):format(#text, text)
end

---@class fairlead.world.NewCommit
---@field ref string the ref to move
---@field message string
---@field author fairlead.world.Person
---@field committer fairlead.world.Person? the author when not given
---@field at number unix seconds
---@field files table<string, string|false>? path -> text; false deletes
---@field tree string? a whole tree by its id, in place of files
---@field parents string[]? shas or marks; the ref's tip when not given

--- Adds a commit.
---@param commit fairlead.world.NewCommit
---@return string mark names the commit in later commands
function Import:commit(commit)
  local out = self.out
  local mark = ":" .. (#self.commits + 1)
  local at = ("%d +0000"):format(math.floor(commit.at))
  local committer = commit.committer or commit.author
  out[#out + 1] = ("commit %s\nmark %s\n"):format(commit.ref, mark)
  out[#out + 1] = ("author %s <%s> %s\n"):format(commit.author.name, commit.author.email, at)
  out[#out + 1] = ("committer %s <%s> %s\n"):format(committer.name, committer.email, at)
  out[#out + 1] = data(commit.message)
  local parents = commit.parents or { self.tips[commit.ref] }
  for i, parent in ipairs(parents) do
    -- Within one run of fast-import the tip of a ref that it has itself written is the parent without being named.
    if commit.parents or i > 1 then
      out[#out + 1] = ("%s %s\n"):format(i == 1 and "from" or "merge", parent)
    end
  end
  if commit.tree then
    out[#out + 1] = ('M 040000 %s ""\n'):format(commit.tree)
  end
  local paths = {}
  for path in pairs(commit.files or {}) do
    paths[#paths + 1] = path
  end
  table.sort(paths)
  for _, path in ipairs(paths) do
    local text = commit.files[path]
    out[#out + 1] = text and ("M 100644 inline %s\n%s"):format(path, data(text)) or ("D %s\n"):format(path)
  end
  out[#out + 1] = "\n"
  self.tips[commit.ref] = mark
  table.insert(self.commits, {
    parents = parents,
    author = commit.author,
    committer = committer,
    at = math.floor(commit.at),
    message = commit.message,
  })
  return mark
end

--- Sets a ref.
---@param ref string
---@param to string sha or mark
function Import:reset(ref, to)
  self.out[#self.out + 1] = ("reset %s\nfrom %s\n\n"):format(ref, to)
  self.tips[ref] = to
end

--- The commands; at their end each mark's commit and tree are asked for.
---@return string
function Import:text()
  local out = table.move(self.out, 1, #self.out, 1, {})
  for i = 1, #self.commits do
    out[#out + 1] = ('get-mark :%d\nls :%d ""\n'):format(i, i)
  end
  return table.concat(out)
end

---------------------------------------------------------------------------------------------------------------------

--- What the world knows of a bare repository.
---@param path string
---@param default_branch string
---@return fairlead.world.Repository
function M.new(path, default_branch)
  return setmetatable({
    path = path,
    default_branch = default_branch,
    branches = {},
    tags = {},
    refs = {},
    commits = {},
    looked = {},
    kinds = {},
    written = {},
    read_pushes = 0,
  }, Repository)
end

--- Takes in what an import has made, from fast-import's answers.
---@param import fairlead.world.Import
---@param answers string
---@return string[] shas by mark
function Repository:learn(import, answers)
  local shas = {}
  local i = 0
  for sha, tree in answers:gmatch("(%x+)\n040000 tree (%x+)\t[^\n]*\n") do
    i = i + 1
    local commit = import.commits[i]
    for n, parent in ipairs(commit.parents) do
      commit.parents[n] = shas[tonumber(parent:match("^:(%d+)$"))] or parent
    end
    commit.sha, commit.tree = sha, tree
    self.commits[sha] = commit
    shas[i] = sha
  end
  for ref, tip in pairs(import.tips) do
    local branch = ref:match("^refs/heads/(.+)$")
    if branch then
      self.branches[branch] = shas[tonumber(tip:match("^:(%d+)$"))] or tip
    end
  end
  return shas
end

--- Runs git in the bare repository.
---@async
---@param arguments string[]
---@param input string? its standard input
---@param allow integer? an exit code besides 0 that is no error
---@return fairlead.process.Result
function Repository:git(arguments, input, allow)
  local done = process.run {
    "git", "--git-dir=" .. self.path, "-c", "core.quotePath=false",
    stdin = input,
    env = QUIET,
    table.unpack(arguments),
  }
  if done.code ~= 0 and done.code ~= allow then
    errors.raise {
      kind = "world.git",
      op = "git " .. arguments[1],
      target = self.path,
      message = done.stderr ~= "" and done.stderr or ("exit code " .. tostring(done.code)),
    }
  end
  return done
end

--- What git tells of objects that are named by their ids, or makes of them, the same each time: asked once.
---@async
---@param arguments string[]
---@param input string?
---@param allow integer?
---@return fairlead.process.Result
function Repository:look(arguments, input, allow)
  local key <const> = table.concat(arguments, "\0") .. "\0\0" .. (input or "")
  self.looked[key] = self.looked[key] or self:git(arguments, input, allow)
  return self.looked[key]
end

--- Runs a shell script on the bare repository, which is its $1.
---@async
---@param script string
---@param arguments string[] $2 and further
---@param input string? its standard input
---@return fairlead.process.Result
function Repository:shell(script, arguments, input)
  local done = process.run { "sh", "-c", script, "sh", self.path, stdin = input, env = QUIET, table.unpack(arguments) }
  if done.code ~= 0 then
    errors.raise { kind = "world.git", op = "sh", target = self.path, message = done.stderr }
  end
  return done
end

--- Makes a commit and moves its ref to it.
---@async
---@param commit fairlead.world.NewCommit
---@return string sha
function Repository:commit(commit)
  local import = M.import()
  commit.parents = commit.parents or { assert(self.branches[commit.ref:match("^refs/heads/(.+)$")]) }
  import:commit(commit)
  local done = self:git({ "fast-import", "--quiet", "--force", "--date-format=raw" }, import:text())
  return self:learn(import, done.stdout)[1]
end

--- The tree of a merge, or nil when the two conflict.
---@async
---@param ours string sha
---@param theirs string sha
---@return string? tree
function Repository:merge_tree(ours, theirs)
  local done = self:look({ "merge-tree", "--write-tree", "--no-messages", ours, theirs }, nil, 1)
  return done.code == 0 and done.stdout:match("^%x+") or nil
end

--- What has been pushed since the last call, in order; commits that a push brought are read.
---@async
---@return {ref: string, before: string?, after: string?}[]
function Repository:new_pushes()
  local file = io.open(self.path .. "/pushes", "rb")
  if not file then
    return {}
  end
  file:seek("set", self.read_pushes)
  local text = file:read("a")
  file:close()
  text = text:match("^.*\n") or "" -- a line that is still being written waits
  self.read_pushes = self.read_pushes + #text
  local pushes = {}
  for before, after, ref in text:gmatch("(%x+) (%x+) ([^\n]+)\n") do
    ref = readable(ref)
    local push = { ref = ref, before = before ~= ZERO and before or nil, after = after ~= ZERO and after or nil }
    pushes[#pushes + 1] = push
    self:note_ref(ref, push.after)
    if push.after and not self.commits[push.after] then
      self:read_commits(push.after)
    end
  end
  return pushes
end

--- Reads a commit and those before it that the world does not know yet.
---@async
---@param sha string
function Repository:read_commits(sha)
  local arguments = {
    "log", "--format=tformat:%H%x00%T%x00%P%x00%an%x00%ae%x00%cn%x00%ce%x00%ct%x00%B%x00%x01", sha, "--not",
  }
  for _, tip in pairs(self.branches) do
    if self.commits[tip] then
      arguments[#arguments + 1] = tip
    end
  end
  local done = self:git(arguments)
  for record in done.stdout:gmatch("([^\1]*)\1\n?") do
    local id, tree, parents, name, email, committer, committer_email, at, message =
      record:match("^(%x+)%z(%x+)%z([%x ]*)%z([^%z]*)%z([^%z]*)%z([^%z]*)%z([^%z]*)%z(%d+)%z(.*)%z$")
    if id then
      local list = {}
      for parent in parents:gmatch("%x+") do
        list[#list + 1] = parent
      end
      self.commits[id] = {
        sha = id,
        tree = tree,
        parents = list,
        author = { name = readable(name), email = readable(email) },
        committer = { name = readable(committer), email = readable(committer_email) },
        at = math.tointeger(at),
        message = readable((message:gsub("\n+$", ""))),
      }
    end
  end
end

--- Keeps in mind where a ref is; nil: nowhere any more.
---@param ref string whole name
---@param sha string?
function Repository:note_ref(ref, sha)
  local branch, tag = ref:match("^refs/heads/(.+)$"), ref:match("^refs/tags/(.+)$")
  if branch then
    self.branches[branch] = sha
  elseif tag then
    self.tags[tag] = sha
  else
    self.refs[ref] = sha
  end
end

--- Where a ref is.
---@param ref string whole name
---@return string? sha
function Repository:ref(ref)
  local branch, tag = ref:match("^refs/heads/(.+)$"), ref:match("^refs/tags/(.+)$")
  if branch then
    return self.branches[branch]
  elseif tag then
    return self.tags[tag]
  end
  return self.refs[ref]
end

--- Sets or deletes a ref, as GitHub does for its own API's callers. False when git refuses: a name that is none, or one
--- that has another ref for a folder.
---@async
---@param ref string whole name
---@param sha string? nil deletes
---@return boolean
function Repository:set_ref(ref, sha)
  local done = self:git(sha and { "update-ref", ref, sha } or { "update-ref", "-d", ref }, nil, 128)
  if done.code ~= 0 then
    return false
  end
  self:note_ref(ref, sha)
  return true
end

--- The files that differ between two commits.
---@async
---@param from string sha
---@param to string sha
---@return {path: string, added: integer, deleted: integer, status: string}[]
function Repository:files(from, to)
  local done = self:look({ "diff-tree", "-r", "--no-renames", "--numstat", "--summary", from, to })
  local list, by_path = {}, {}
  for line in done.stdout:gmatch("[^\n]+") do
    local added, deleted, path = line:match("^(%S+)\t(%S+)\t(.+)$")
    if path then
      local file = { path = readable(path), status = "modified" }
      file.added, file.deleted = math.tointeger(added) or 0, math.tointeger(deleted) or 0
      list[#list + 1] = file
      by_path[path] = file
    else
      local verb, name = line:match("^ (%a+) mode %d+ (.+)$")
      if by_path[name] then
        by_path[name].status = verb == "create" and "added" or "removed"
      end
    end
  end
  return list
end

--- The text of a file in a commit, or nil.
---@async
---@param sha string
---@param path string
---@return string? text
---@return string? blob the id of the file's content
function Repository:file(sha, path)
  if path:find("\n") or ("/" .. path .. "/"):find("/%.%.?/") then
    return nil -- no file of a tree is called so; git would read more into it
  end
  local done = self:git({ "cat-file", "--batch" }, sha .. ":" .. path .. "\n")
  local blob, size, text = done.stdout:match("^(%x+) blob (%d+)\n(.*)$")
  if not blob then
    return nil
  end
  return text:sub(1, math.tointeger(size)), blob
end

--- The commit that a name means: a branch, a tag, a commit id or a unique beginning of one (7 characters or more).
---@param name string
---@return fairlead.world.Commit?
function Repository:resolve(name)
  local short = name:gsub("^refs/", "")
  local sha = self.branches[name] or self.branches[short:match("^heads/(.+)$")] or self.tags[name]
    or self.tags[short:match("^tags/(.+)$")]
  if sha then
    return self.commits[sha]
  end
  if self.commits[name] or not name:match("^%x+$") or #name < 7 then
    return self.commits[name]
  end
  local found
  for id, commit in pairs(self.commits) do
    if id:sub(1, #name) == name then
      if found then
        return nil
      end
      found = commit
    end
  end
  return found
end

--- All commits that can be reached from one.
local function ancestry(self, sha)
  local seen, stack = {}, { sha }
  while #stack > 0 do
    local id = table.remove(stack)
    if not seen[id] and self.commits[id] then
      seen[id] = true
      for _, parent in ipairs(self.commits[id].parents) do
        stack[#stack + 1] = parent
      end
    end
  end
  return seen
end

--- Commits that can be reached from `to` and not from `from`, the newest first.
---@param to string sha
---@param from string? sha; nil: all of `to`'s history
---@return fairlead.world.Commit[]
function Repository:log(to, from)
  local without = from and ancestry(self, from) or {}
  local list, seen, stack = {}, {}, { to }
  -- Depth first with the parents after their children: children always come before.
  local function visit(id)
    if seen[id] or without[id] or not self.commits[id] then
      return
    end
    seen[id] = true
    for _, parent in ipairs(self.commits[id].parents) do
      visit(parent)
    end
    table.insert(list, 1, self.commits[id])
  end
  visit(stack[1])
  return list
end

--- The newest commit that both have.
---@param a string sha
---@param b string sha
---@return string? sha
function Repository:merge_base(a, b)
  local shared = ancestry(self, b)
  for _, commit in ipairs(self:log(a)) do
    if shared[commit.sha] then
      return commit.sha
    end
  end
  return nil
end

--- Whether a commit is in another's history.
---@param ancestor string sha
---@param sha string
---@return boolean
function Repository:contains(ancestor, sha)
  return ancestry(self, sha)[ancestor] == true
end

return M
