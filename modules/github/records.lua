--- Records that machines share: small JSON values in git refs of a repository, each changed by compare-and-swap.
---
--- A record is a ref below a prefix, such as refs/fairlead/reservations/development. It points to a commit whose
--- message is a line for people, an empty line, and the value as JSON; the commit before it holds the value before. So
--- the history is the audit log: `git fetch origin refs/fairlead/reservations/development && git log FETCH_HEAD`.
---
--- Two machines that write at the same time: creating a ref fails where there is one, and moving it without force fails
--- where the new commit does not descend from what the ref points to by then.
--- Sources: docs.github.com "REST API endpoints for Git references" (Create a reference; Update a reference, `force`),
--- "… for Git commits" (Create a commit), "… for Git trees" (Create a tree).
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local shape = require "fairlead.service.shape"

local M = {}

local LONGEST <const> = 60000 -- bytes of a commit's message, read or written
local DEPTH <const> = 50 -- commits that are looked through for one's own

local README <const> = "This ref holds a record that fairlead keeps: the message of its newest commit is the value, "
  .. "those before it are what it was.\n"

-- What is read from GitHub's answers.
local REF <const> = { object = { sha = "sha" } }
local COMMIT <const> = { message = "text", tree = { sha = "sha" }, parents = shape.list { sha = "sha" },
  author = shape.maybe { date = "text?", name = "text?" } }
-- What may be sent twice: an object's second copy harms nobody.
local MADE <const> = { op = "github.records", once = false, shape = { sha = "sha" } }
local MOVED <const> = { op = "github.records", once = false, shape = REF }

---@class fairlead.github.Records
---@field private client fairlead.github.Client
---@field private prefix string "fairlead/reservations/": below refs/
---@field private seen table<string, table> by commit: what it holds. Commits do not change
local Records = {}
Records.__index = Records

---Opens the records below a prefix.
---@param options {client: fairlead.github.Client, prefix: string} prefix: "refs/fairlead/reservations"
---@return fairlead.github.Records
function M.open(options)
  local prefix <const> = tostring(options.prefix):match "^refs/([%w][%w_-]*/[%w_/-]*[%w_-])$"
  if not prefix then
    error(("bad argument #1 to 'records.open' (prefix: \"refs/…/…\" expected, got '%s')"):format(options.prefix), 2)
  end
  return setmetatable({ client = options.client, prefix = prefix .. "/", seen = {} }, Records)
end

local function check_name(name)
  if type(name) == "string" and #name <= 100 and name:find "^[%w][%w_-]*$" then return end
  error(("bad argument #1 (name of a record: letters, digits, '-' and '_' expected, got '%s')"):format(tostring(name)),
    3)
end

local function subject(self, name) return self.client:subject((" refs/%s%s"):format(self.prefix, name)) end

local function raise_unreadable(self, name, why)
  errors.raise {
    kind = "github.record", op = "github.records", target = subject(self, name),
    message = "holds no record that can be read: " .. why,
    hint = "somebody wrote there who is not fairlead: look at it, then delete the ref",
  }
end

--- The value in a commit's message: JSON, alone or after a line for people.
local function value_in(self, name, message)
  if type(message) ~= "string" or #message > LONGEST then
    raise_unreadable(self, name, "its message is longer than " .. LONGEST .. " bytes")
  end
  local text <const> = message:match "^%s*({.*)$" or message:match "\n({.*)$"
  if not text then raise_unreadable(self, name, "there is no JSON in its message") end
  local value <const>, err = try(json.decode, text)
  if err then raise_unreadable(self, name, tostring(err.message)) end
  return value
end

--- What a commit holds: {value=, tree=, parent=, at=, author=, subject=}.
local function commit_of(self, name, sha)
  local known <const> = self.seen[sha]
  if known then return known end
  local commit <const> = self.client:get("git/commits/" .. sha, nil, { op = "github.records", shape = COMMIT })
  local held <const> = {
    text = commit.message, tree = commit.tree.sha, parent = commit.parents[1] and commit.parents[1].sha,
    at = require "fairlead.service.answer".time(commit.author and commit.author.date),
    author = commit.author and commit.author.name,
    subject = tostring(commit.message):match "^[^\n{]*",
  }
  value_in(self, name, held.text)
  self.seen[sha] = held
  return held
end

--- The commit that a record is at; nil: there is no such record.
local function head_of(self, name)
  local ref <const>, err = try(self.client.get, self.client, "git/ref/" .. self.prefix .. name, nil,
    { op = "github.records", shape = REF })
  if ref then return ref.object.sha end
  if err:is "github.api.not_found" then return nil end
  error(err, 0)
end

---Reads a record.
---@async
---@param name string
---@return table|nil value nil: there is no such record
---@return string|nil version to be given to `write`
---errors: kinds "github.record" (what is there cannot be read), "github.api.…", "http.…"
function Records:read(name)
  check_name(name)
  local sha <const> = head_of(self, name)
  if not sha then return nil, nil end
  -- Decoded each time: whoever reads it may change it.
  return value_in(self, name, commit_of(self, name, sha).text), sha
end

---The names of all records.
---@async
---@return string[] names in order
function Records:names()
  local names = {}
  for ref in self.client:paginate("git/matching-refs/" .. self.prefix, nil, { op = "github.records",
    shape = { ref = "text" } }) do
    local name <const> = tostring(ref.ref):match("^refs/" .. self.prefix:gsub("%-", "%%-") .. "([%w][%w_-]*)$")
    if name then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

---What a record was, newest first.
---@async
---@param name string
---@param limit? integer 20 when left out
---@return {value: table, at: number, author: string, subject: string, version: string}[]
function Records:history(name, limit)
  check_name(name)
  local list, sha = {}, head_of(self, name)
  while sha and #list < (limit or 20) do
    local held <const> = commit_of(self, name, sha)
    list[#list + 1] = {
      value = value_in(self, name, held.text), at = held.at, author = held.author, subject = held.subject,
      version = sha,
    }
    sha = held.parent
  end
  return list
end

--- Whether the record has been at `sha` since it was at `before`: somebody may have written after us already.
local function has_been_at(self, name, sha, before)
  local at = head_of(self, name)
  for _ = 1, DEPTH do
    if at == sha then return true end
    if not at or at == before then return false end
    at = commit_of(self, name, at).parent
  end
  return false
end

--- A tree for the first commit. GitHub makes none that is empty.
local function first_tree(self)
  return self.client:post("git/trees", {
    tree = { { path = "README", mode = "100644", type = "blob", content = README } },
  }, MADE).sha
end

local function message_of(value, line)
  local text <const> = json.encode(value, { sort_keys = true })
  line = line and line:gsub("[%c{]+", " "):gsub("^%s+", "") or ""
  local message <const> = line ~= "" and line .. "\n\n" .. text or text
  if #message > LONGEST then
    error(("records: a value of %d bytes; a record holds %d"):format(#message, LONGEST), 3)
  end
  return message
end

--- Moves the ref to a new commit; false when it was not where it was thought to be.
local function move(self, name, sha, version)
  local client <const>, ref <const> = self.client, self.prefix .. name
  local moved, err
  if version then
    moved, err = try(client.patch, client, "git/refs/" .. ref, { sha = sha, force = false }, MOVED)
  else
    moved, err = try(client.post, client, "git/refs", { ref = "refs/" .. ref, sha = sha }, MOVED)
  end
  if moved then return true end
  -- 422 has three reasons here: moved or made by somebody else; moved or made by us, the answer having been lost and
  -- the request sent again; or refused for good, by a rule of the repository for one.
  if not (err:is "github.api.invalid" or err:is "github.api.conflict") then error(err, 0) end
  if has_been_at(self, name, sha, version) then return true end
  if head_of(self, name) ~= version then return false end
  error(err, 0)
end

---Writes a record that is still as it was read.
---@async
---@param name string
---@param value table plain data; at most 60,000 bytes as JSON
---@param version? string as `read` gave it; nil: there was no such record
---@param line? string for people: what happened
---@return string|nil version nil: somebody else wrote since; nothing was written. Read it again
---errors: kinds "github.api.…", "http.…": whether it was written is not known then; read it and see
function Records:write(name, value, version, line)
  check_name(name)
  local before <const> = version and commit_of(self, name, version)
  local commit <const> = self.client:post("git/commits", {
    message = message_of(value, line),
    tree = before and before.tree or first_tree(self),
    parents = json.array { version },
  }, MADE)
  return move(self, name, commit.sha, version) and commit.sha or nil
end

---Reads, changes and writes a record, again as long as others write in between.
---@async
---@param name string
---@param change async fun(value: table|nil): table|nil, string|nil, any what it is to be, a line for people, and
--- what `update` shall return; nil for the value: leave it as it is. May be called more than once
---@return any result the third that `change` gave
---@return string|nil version of what was written; nil: nothing was
---errors: kinds "github.record.busy" (too many write at the same time), and as `read` and `write`
function Records:update(name, change)
  for _ = 1, 10 do
    local value <const>, version <const> = self:read(name)
    local wanted <const>, line <const>, result <const> = change(value)
    if wanted == nil then return result, nil end
    local written <const> = self:write(name, wanted, version, line)
    if written then return result, written end
  end
  errors.raise {
    kind = "github.record.busy", op = "github.records", retryable = true,
    target = subject(self, name),
    message = "others wrote it each time that this was about to",
  }
end

return M
