--- Fetching, pushing and cloning: what is asked of git, and what its answer means.
local address = require "fairlead.git.address"
local check = require "fairlead.git.check"
local command = require "fairlead.git.command"
local errors = require "fairlead.errors"
local trouble = require "fairlead.git.trouble"

local M = {}

---@class fairlead.git.Update a ref that a fetch or a push has moved
---@field ref string full name: here for a fetch, on the remote for a push
---@field old string? id before; nil when it is new, and for a push that moved nothing
---@field new string? id after; nil when it is gone

---@class fairlead.git.PushedUpdate: fairlead.git.Update
---@field from string? the local ref that was pushed
---@field status "new"|"updated"|"forced"|"deleted"|"up_to_date"

-- ---- fetch ----

local function moved(before, after)
  local updates = {}
  for ref, id in pairs(after) do
    if before[ref] ~= id then updates[#updates + 1] = { ref = ref, old = before[ref], new = id } end
  end
  for ref, id in pairs(before) do
    if not after[ref] then updates[#updates + 1] = { ref = ref, old = id } end
  end
  table.sort(updates, function(a, b) return a.ref < b.ref end)
  return updates
end

-- A line of git's table: ` ! [rejected]   main -> main  (non-fast-forward)`.
local function raise_fetch_failure(target, done)
  local ref, reason = done.stderr:match "\n? ! %[rejected%]%s+%S+%s+%->%s+(%S+)%s+%(([^\n]*)%)"
  if not ref then trouble.raise("git.fetch", target, done) end
  errors.raise {
    kind = "git.rejected", op = "git.fetch", target = target, code = reason,
    message = ("%s here was left as it is (%s)"):format(ref, reason),
    hint = "a + before the refspec takes what the remote has, whatever is lost here",
  }
end

---@class fairlead.git.FetchOptions
---@field remote string? default "origin"
---@field refspecs string[]? default: as the remote is configured
---@field prune boolean? take away what follows branches that are gone there
---@field tags boolean? true: all tags; false: none; default: those on what is fetched
---@field depth integer? of the history, in commits
---@field unshallow boolean? the whole history of a shallow clone
---@field on_progress fun(progress: fairlead.git.Progress)? hears how far it is, a few times a second at most
---@field timeout number? seconds; default 600

--- Repository:fetch.
---@async
---@param repository fairlead.git.Repository
---@param options fairlead.git.FetchOptions
---@return fairlead.git.Update[] updates
function M.fetch(repository, options)
  local remote = repository:remote(options.remote or "origin")
  local arguments = { "fetch" }
  local function add(...) table.move({ ... }, 1, select("#", ...), #arguments + 1, arguments) end
  if options.prune then add "--prune" end
  if options.tags ~= nil then add(options.tags and "--tags" or "--no-tags") end
  if options.depth then add("--depth=" .. options.depth) end
  if options.unshallow and repository:is_shallow() then add "--unshallow" end
  add("--", options.remote or "origin", table.unpack(options.refspecs or {}))
  local before = repository:refs()
  local done = command.run {
    op = "git.fetch", target = remote.url, folder = repository:folder(), bare = repository:is_bare(),
    arguments = arguments, timeout = options.timeout or command.DEFAULT_TIMEOUT, accepts = 1,
    -- Refspecs may move branches of one's own, a depth cuts history off; without them only what follows the remote
    -- moves.
    harmless = not (options.refspecs or options.depth), on_progress = options.on_progress,
  }
  if done.code ~= 0 then raise_fetch_failure(remote.url, done) end
  return moved(before, repository:refs())
end

-- ---- push ----

local STATUS <const> = {
  [" "] = "updated", ["+"] = "forced", ["-"] = "deleted", ["*"] = "new", ["="] = "up_to_date", ["!"] = "rejected",
}

--- The lines of `git push --porcelain`: flag, tab, from:to, tab, summary (reason).
local function parse_push(text)
  local updates = {}
  for line in text:gmatch "[^\n]+" do
    local flag, from, to, summary = line:match "^([ +%-*=!])\t([^:\t]*):([^\t]*)\t(.*)$"
    if flag then
      updates[#updates + 1] = {
        ref = to, from = from ~= "" and from or nil, status = STATUS[flag], summary = summary,
        reason = summary:match "%((.-)%)%s*$",
      }
    end
  end
  return updates
end

-- Reasons that the remote's git gives itself. Any other word of a "[remote rejected]" is a hook's or the service's.
local OWN_REASONS <const> = {
  { "non%-fast%-forward", "it has commits that you lack", "fetch, then merge or rebase, and push again" },
  { "fetch first", "it has commits that you lack", "fetch, then merge or rebase, and push again" },
  { "stale info", "somebody has moved it since you fetched", "fetch, look at what came, and decide again" },
  { "needs force", "it points at something else", "push it under another name" },
  { "already exists", "it exists there and points at something else", "push it under another name" },
  { "checked out", "it is checked out there", "push to a bare repository, or another branch" },
  { "shallow update not allowed", "the clone is shallow", "fetch the whole history first: git fetch --unshallow" },
  { "deletion", "it may not be deleted there" },
}

--- The error for refs that the remote has refused.
local function raise_rejected(target, rejected, stderr)
  local reason = rejected.reason or rejected.summary
  local words = trouble.remote_lines(address.redact(stderr))
  for _, known in ipairs(OWN_REASONS) do
    if reason:find(known[1]) then
      errors.raise {
        kind = "git.rejected", op = "git.push", target = target, code = reason, hint = known[3],
        message = ("%s was rejected: %s"):format(rejected.ref, known[2]),
      }
    end
  end
  if reason:find "cannot lock ref" or reason:find "failed to lock" or reason:find "failed to update ref" then
    errors.raise {
      kind = "git.locked", op = "git.push", target = target, code = reason, retryable = true, hint = "push again",
      message = ("%s is being changed by somebody else"):format(rejected.ref),
    }
  end
  errors.raise {
    kind = "git.rejected.hook", op = "git.push", target = target, code = reason,
    message = ("%s was refused there (%s)%s"):format(rejected.ref, reason,
      words[1] and ": " .. table.concat(words, " / ", 1, math.min(#words, 6)) or ""),
    hint = "do what the message asks for; it is the repository's own rule",
  }
end

--- No ref was refused, and still git gave up: its own pre-push hook, or trouble on the way.
local function raise_push_failure(target, done)
  local text = done.stderr
  if not done.timed_out and text:find("failed to push some refs", 1, true) and not text:find "fatal:" and
    not text:find "error: src refspec" and not text:find "error: unable" then
    local words = {}
    for line in address.redact(text):gmatch "[^\r\n]+" do
      if not line:find "^error: failed to push" and not line:find "^hint:" then words[#words + 1] = line end
    end
    errors.raise {
      kind = "git.rejected.hook", op = "git.push", target = target, code = "pre-push",
      message = "the repository's own pre-push hook refused" ..
        (words[1] and ": " .. table.concat(words, " / ", 1, math.min(#words, 6)) or ""),
      hint = "do what the hook asks for",
    }
  end
  trouble.raise("git.push", target, done)
end

---@class fairlead.git.PushOptions
---@field remote string? default "origin"
---@field branch string? a local branch, pushed under its own name; default: the one that is checked out
---@field ref string? in place of a branch: a ref ("refs/tags/v1") or a refspec ("HEAD:refs/heads/x")
---@field refs string[]|string|nil several of them
---@field force_with_lease boolean|string|nil may move it back, but only from where the last fetch, or this id, saw it
---@field set_upstream boolean? later pulls and pushes of the branch use this remote
---@field on_progress fun(progress: fairlead.git.Progress)? hears how far it is, a few times a second at most
---@field timeout number? seconds; default 600

local function refspecs_of(repository, options)
  local refs = options.refs or options.ref
  if refs then return type(refs) == "table" and refs or { refs } end
  local branch = options.branch or repository:require_branch()
  check.branch_name(repository, "git.push", branch)
  repository:resolve("refs/heads/" .. branch)
  return { ("refs/heads/%s:refs/heads/%s"):format(branch, branch) }
end

-- `true` relies on what the last fetch saw; an id names the state that the caller has looked at.
local function lease(options, refspecs)
  if not options.force_with_lease then return nil end
  if options.force_with_lease == true then return "--force-with-lease" end
  local ref = refspecs[1]:match ":(.+)$" or refspecs[1]
  return ("--force-with-lease=%s:%s"):format(ref, options.force_with_lease)
end

-- git tells abbreviated ids: the full ones are here, but for what nobody has fetched.
local function complete(repository, update)
  local function full(id)
    return id and (try(repository.commit, repository, id) or { sha = id }).sha
  end
  local old, new = update.summary:match "^(%x+)%.%.%.?(%x+)"
  update.old, update.new = full(old), full(new)
  if update.status ~= "deleted" and update.from then
    update.new = try(repository.resolve, repository, update.from) or update.new
  end
  update.summary, update.reason = nil, nil
end

--- Repository:push.
---@async
---@param repository fairlead.git.Repository
---@param options fairlead.git.PushOptions
---@return fairlead.git.PushedUpdate[] updates
function M.push(repository, options)
  local remote = repository:remote(options.remote or "origin")
  local refspecs = refspecs_of(repository, options)
  local arguments = { "push", "--porcelain" }
  arguments[#arguments + 1] = lease(options, refspecs)
  if options.set_upstream then arguments[#arguments + 1] = "--set-upstream" end
  arguments[#arguments + 1] = "--"
  arguments[#arguments + 1] = options.remote or "origin"
  table.move(refspecs, 1, #refspecs, #arguments + 1, arguments)
  local target = remote.push_url or remote.url
  local done = command.run {
    op = "git.push", target = target, folder = repository:folder(), bare = repository:is_bare(), arguments = arguments,
    timeout = options.timeout or command.DEFAULT_TIMEOUT, accepts = 1, on_progress = options.on_progress,
  }
  local updates = parse_push(done.stdout)
  for _, update in ipairs(updates) do
    if update.status == "rejected" then raise_rejected(target, update, done.stderr) end
  end
  if done.code ~= 0 then raise_push_failure(target, done) end
  for _, update in ipairs(updates) do complete(repository, update) end
  return updates
end

-- ---- clone ----

---@class fairlead.git.CloneOptions
---@field url string
---@field path string the new folder
---@field branch string? to check out; default: the remote's own default
---@field depth integer? of the history, in commits
---@field bare boolean? no working tree
---@field on_progress fun(progress: fairlead.git.Progress)? hears how far it is, a few times a second at most
---@field timeout number? seconds; default 600

--- Runs `git clone`.
---@async
---@param options fairlead.git.CloneOptions
function M.clone(options)
  local arguments = { "clone", not options.on_progress and "--quiet" or nil }
  if options.bare then arguments[#arguments + 1] = "--bare" end
  if options.branch then arguments[#arguments + 1] = "--branch=" .. options.branch end
  if options.depth then arguments[#arguments + 1] = "--depth=" .. options.depth end
  arguments[#arguments + 1] = "--"
  arguments[#arguments + 1] = options.url
  arguments[#arguments + 1] = options.path
  command.run {
    op = "git.clone", target = options.url, arguments = arguments, timeout = options.timeout or command.DEFAULT_TIMEOUT,
    on_progress = options.on_progress,
  }
end

return M
