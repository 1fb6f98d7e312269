--- Git objects that are written through the simulated GitHub's API: blobs, trees, commits, on the real repository.
local refusal = require "fairlead.world.github.refusal"

local M = {}

--- The modes that a tree's entry may have, and what each is (GitHub Docs, REST "Create a tree").
local MODES <const> = {
  ["100644"] = "blob",
  ["100755"] = "blob",
  ["120000"] = "blob",
  ["040000"] = "tree",
  ["160000"] = "commit",
}

--- The kind of each object, in order: "blob", "tree", "commit", "tag", or false where there is none.
---@async
---@param repository fairlead.world.Repository
---@param shas string[]
---@return (string|false)[]
function M.kinds(repository, shas)
  for _, sha in ipairs(shas) do
    if type(sha) ~= "string" or not sha:find("^%x+$") or #sha ~= 40 then
      return {} -- no id at all; git would take it for a name
    end
  end
  if #shas == 0 then
    return {}
  end
  local known = repository.kinds -- of what is there; what is not may come
  for _, sha in ipairs(shas) do
    known[sha] = known[sha] or repository.commits[sha] and "commit" or nil
    if not known[sha] then
      local done = repository:git({ "cat-file", "--batch-check=%(objecttype)" }, sha .. "\n")
      known[sha] = done.stdout:match("^%a+\n$") and done.stdout:match("%a+") or nil
    end
  end
  local kinds = {}
  for i, sha in ipairs(shas) do
    kinds[i] = known[sha] or false
  end
  return kinds
end

--- Writes a file's content.
---@async
---@param repository fairlead.world.Repository
---@param content string
---@return string sha
function M.write_blob(repository, content)
  return repository:look({ "hash-object", "-w", "--stdin" }, content).stdout:match("%x+")
end

--- Writes a tree of entries over another tree. Git's index does it, as for any commit: folders come out of paths.
local WRITE_TREE <const> = [[
set -eu
index=$(mktemp "${TMPDIR:-/tmp}/fairlead-index-XXXXXXXX")
trap 'rm -f "$index" "$index.lock"' EXIT
rm -f "$index"
export GIT_INDEX_FILE="$index"
git --git-dir="$1" read-tree $2
git --git-dir="$1" update-index --add --index-info
git --git-dir="$1" write-tree
]]

local function bad_entry(text, ...)
  refusal.raise(422, text:format(...))
end

--- Writes a tree.
---@async
---@param repository fairlead.world.Repository
---@param entries {path: string, mode: string, type: string?, sha: any, content: string?}[]
---@param base string? a tree
---@return string sha
function M.write_tree(repository, entries, base)
  local lines, needed = {}, { base }
  for _, entry in ipairs(entries) do
    local path = type(entry) == "table" and entry.path
    if type(path) ~= "string" or path == "" or path:find("[\n%z]") or ("/" .. path .. "/"):find("/%.?%.?/") then
      bad_entry("tree.path contains a malformed path component")
    elseif not MODES[entry.mode] then
      bad_entry("Must supply a valid tree.mode")
    elseif entry.sha == nil and type(entry.content) ~= "string" then
      bad_entry("Must supply either tree.sha or tree.content")
    end
    local sha = entry.sha
    if entry.content then
      sha = M.write_blob(repository, entry.content)
    elseif type(sha) == "string" then
      needed[#needed + 1] = sha
    end
    if type(sha) ~= "string" then -- JSON's null: the path is taken out of the base
      lines[#lines + 1] = ("0 %s\t%s\n"):format(("0"):rep(40), path)
    elseif MODES[entry.mode] == "tree" then
      for line in repository:git({ "ls-tree", "-r", sha }, nil, 128).stdout:gmatch("[^\n]+") do
        local mode, id, below = line:match("^(%d+) %a+ (%x+)\t(.*)$")
        lines[#lines + 1] = ("%s %s\t%s/%s\n"):format(mode, id, path, below)
      end
    else
      lines[#lines + 1] = ("%s %s\t%s\n"):format(entry.mode, sha, path)
    end
  end
  local kinds = M.kinds(repository, needed)
  for i, sha in ipairs(needed) do
    if not kinds[i] then
      bad_entry(sha == base and "base_tree is not a valid tree oid" or "tree.sha %s is not a valid object", sha)
    end
  end
  local text = table.concat(lines)
  local key = (base or "") .. "\n" .. text
  local sha = repository.written[key] or repository:shell(WRITE_TREE, { base or "--empty" }, text).stdout:match("%x+")
  repository.written[key], repository.kinds[sha] = sha, "tree"
  return sha
end

--- A commit object's text.
local function text_of(commit)
  local out = { "tree " .. commit.tree }
  for _, parent in ipairs(commit.parents) do
    out[#out + 1] = "parent " .. parent
  end
  for _, role in ipairs { "author", "committer" } do
    local person = commit[role]
    out[#out + 1] = ("%s %s <%s> %d +0000"):format(role, person.name, person.email, person.at)
  end
  return table.concat(out, "\n") .. "\n\n" .. commit.message
end

--- Writes a commit; no ref moves. The world knows it from then on.
---@async
---@param repository fairlead.world.Repository
---@param commit {tree: string, parents: string[], message: string, author: table, committer: table} author and
--- committer: {name=, email=, at= unix seconds}
---@return fairlead.world.Commit
function M.write_commit(repository, commit)
  local kinds = M.kinds(repository, { commit.tree, table.unpack(commit.parents) })
  if kinds[1] ~= "tree" then
    refusal.raise(422, "Tree SHA does not exist")
  end
  for i = 1, #commit.parents do
    if kinds[i + 1] ~= "commit" then
      refusal.raise(422, "Parent SHA does not exist or is not a commit object")
    end
  end
  local sha = repository:git({ "hash-object", "-t", "commit", "-w", "--stdin" }, text_of(commit)).stdout:match("%x+")
  local written = {
    sha = sha,
    tree = commit.tree,
    parents = commit.parents,
    author = { name = commit.author.name, email = commit.author.email },
    committer = { name = commit.committer.name, email = commit.committer.email },
    at = commit.committer.at,
    message = commit.message,
  }
  repository.commits[sha] = repository.commits[sha] or written
  return repository.commits[sha]
end

return M
