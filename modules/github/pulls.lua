--- Pull requests: finding, opening, who reviewed which commit, merging exactly the commit that was checked.
---
--- Sources: docs.github.com "REST API endpoints for pull requests" (mergeable is computed in the background; 405 and
--- 409 of a merge), "REST API endpoints for pull request reviews", "Managing a branch protection rule" (which review
--- counts).
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local shape = require "fairlead.service.shape"

local list <const>, maybe <const> = shape.list, shape.maybe

-- What is read from GitHub's answers.
local USER <const> = maybe { login = "text" }
local PULL <const> = {
  number = "integer", state = "text", title = "text?", body = "text?", html_url = "text?", user = USER,
  head = { sha = "text", ref = "text?" }, base = { sha = "text?", ref = "text?" }, draft = "boolean?",
  merged = "boolean?", mergeable = "boolean?", mergeable_state = "text?", merge_commit_sha = "text?", merged_by = USER,
  requested_reviewers = maybe(list { login = "text?" }), requested_teams = maybe(list { slug = "text?" }),
}
local LISTED <const> = { number = "integer", state = "text" }
local REVIEW <const> = { user = USER, state = "text", commit_id = "text?", html_url = "text?",
  author_association = "text?" }

---@class fairlead.github.PullRequest
---@field number integer
---@field title string
---@field body string its description; "" when it has none
---@field state "open"|"closed"|"merged"
---@field draft boolean
---@field merged boolean
---@field url string the page for people
---@field user string login of the author
---@field head {sha: string, ref: string} ref: the branch
---@field base {sha: string, ref: string}
---@field mergeable boolean? nil: GitHub has not worked it out yet
---@field mergeable_state string? clean, has_hooks, unstable, blocked, behind, dirty, draft, unknown
---@field merge_commit_sha string? the commit on the base branch, once merged
---@field merged_by string? login
---@field merged_at number? unix seconds
---@field created_at number unix seconds
---@field updated_at number unix seconds
---@field requested_reviewers string[] logins asked for a review that they have not given
---@field requested_teams string[] teams asked for one, by slug
---@field existing boolean? from open_pull_request: it was there already

---@class fairlead.github.Review
---@field user string login
---@field state "approved"|"changes_requested"|"commented"|"dismissed"
---@field commit_id string the commit that was looked at
---@field current boolean that commit is the head now
---@field submitted_at number? unix seconds
---@field url string
---@field association string what they are to the repository, as far as the token's user sees: "MEMBER", "NONE", …

---@class fairlead.github.Reviews
---@field list fairlead.github.Review[] the one that counts of each person, oldest first
---@field approved_by string[] logins whose review stands as an approval, of whatever commit
---@field approved_current_by string[] those of them who approved the head commit
---@field changes_requested_by string[]
---@field requested string[] logins asked and still silent
---@field head string the head commit that `current` was judged by

---@class fairlead.github.Client
local Pulls = {}

local function login(user)
  return user and user.login or "ghost" -- GitHub's own name for a deleted account
end

local function logins(users)
  local names = {}
  for i, user in ipairs(users or {}) do
    names[i] = login(user)
  end
  return names
end

local function slugs(teams)
  local names = {}
  for i, team in ipairs(teams or {}) do
    names[i] = team.slug
  end
  return names
end

---@return fairlead.github.PullRequest
local function as_pull(raw)
  local merged <const> = raw.merged or raw.merged_at ~= nil
  return {
    number = raw.number, title = raw.title, body = raw.body or "", draft = raw.draft or false, merged = merged,
    state = merged and "merged" or raw.state,
    url = raw.html_url, user = login(raw.user),
    head = { sha = raw.head.sha, ref = raw.head.ref },
    base = { sha = raw.base.sha, ref = raw.base.ref },
    mergeable = raw.mergeable, mergeable_state = raw.mergeable_state,
    -- Before the merge this field names GitHub's test merge, which is no commit of the base branch.
    merge_commit_sha = merged and raw.merge_commit_sha or nil,
    merged_by = raw.merged_by and raw.merged_by.login,
    merged_at = answer.time(raw.merged_at),
    created_at = answer.time(raw.created_at), updated_at = answer.time(raw.updated_at),
    requested_reviewers = logins(raw.requested_reviewers), requested_teams = slugs(raw.requested_teams),
  }
end

local function check_options(options, name)
  if type(options) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(options)), 3)
  end
end

local function check_text(options, name, field)
  if type(options[field]) ~= "string" or options[field] == "" then
    error(("bad argument #1 to '%s' (%s: string expected, got %s)"):format(name, field, type(options[field])), 3)
  end
end

local function check_number(options, name)
  if math.type(options.number) ~= "integer" then
    error(("bad argument #1 to '%s' (number: integer expected, got %s)"):format(name, type(options.number)), 3)
  end
end

--- The pull requests of a branch, newest first.
local function of_branch(self, head, base, state)
  local owner <const> = self.repository:match "^[^/]+"
  return self:list("pulls", {
    head = head:find(":", 1, true) and head or owner .. ":" .. head,
    base = base, state = state or "all", sort = "created", direction = "desc",
  }, { op = "github.pull_request", shape = LISTED })
end

--- One pull request, by its number or by its branch. Of several of one branch: the open one, else the newest.
---@async
---@param options {number?: integer, head?: string, base?: string, wait?: number} wait: seconds to wait until GitHub has
---  worked out whether it can be merged; default 0
---@return fairlead.github.PullRequest? nothing: no pull request of that branch
--- raises github.api.not_found for a number that does not exist
function Pulls:pull_request(options)
  check_options(options, "pull_request")
  local number = options.number
  if number == nil then
    check_text(options, "pull_request", "head")
    local found = of_branch(self, options.head, options.base)
    local chosen = found[1]
    for i = #found, 1, -1 do
      if found[i].state == "open" then
        chosen = found[i]
      end
    end
    if not chosen then
      return nil
    end
    number = chosen.number
  else
    check_number(options, "pull_request")
  end
  local deadline <const> = clock.now() + (options.wait or 0)
  local pause = 1
  while true do
    -- Asking is what makes GitHub work it out.
    local pull = as_pull((self:get("pulls/" .. number, nil, { op = "github.pull_request", shape = PULL })))
    if pull.mergeable ~= nil or pull.state ~= "open" or clock.now() + pause > deadline then
      return pull
    end
    clock.sleep(pause)
    pause = math.min(pause * 2, 8)
  end
end

--- The repository's default branch.
---@async
---@return string
function Pulls:default_branch()
  if not self.default_branch_name then
    self.default_branch_name = self:get(self:path(), nil, { op = "github.default_branch",
      shape = { default_branch = "text" } }).default_branch
  end
  return self.default_branch_name
end

--- Opens a pull request, or returns the one that is open already for the same branches. When GitHub's answer is lost,
--- looks whether it was opened before asking again.
---@async
---@param options {title: string, head: string, base?: string, body?: string, draft?: boolean} base: default the
---  repository's default branch
---@return fairlead.github.PullRequest `existing` is true when it was there already
function Pulls:open_pull_request(options)
  check_options(options, "open_pull_request")
  check_text(options, "open_pull_request", "title")
  check_text(options, "open_pull_request", "head")
  local base <const> = options.base or self:default_branch()

  local function existing(is_existing)
    local open = of_branch(self, options.head, base, "open")[1]
    local pull = open and self:pull_request { number = open.number }
    if pull then
      pull.existing = is_existing
    end
    return pull
  end

  local found = existing(true)
  if found then
    return found
  end
  local attempts <const> = 3
  for attempt = 1, attempts do
    local raw, err = try(self.post, self, "pulls", {
      title = options.title, head = options.head, base = base, body = options.body, draft = options.draft or false,
    }, { op = "github.open_pull_request", shape = PULL })
    if raw then
      local pull = as_pull(raw)
      pull.existing = false
      return pull
    end
    if err:is "github.api.invalid" then
      found = err.message:find("already exists", 1, true) and existing(true)
    elseif err.retryable then
      clock.sleep(attempt)
      found = existing(false)
    else
      error(err, 0)
    end
    if found then
      return found
    end
    if attempt == attempts or not err.retryable then
      error(err, 0)
    end
  end
end

--- What somebody may do with the repository. Of a public one anybody may review the pull requests.
---
--- Source: GitHub Docs, REST "Collaborators", Get repository permissions for a user.
---@async
---@param user string login
---@return "admin"|"write"|"read"|"none" permission
--- raises github.api.not_authorised where the token may not ask that
function Pulls:permission(user)
  local told <const>, err = try(self.get, self, ("collaborators/%s/permission"):format(address.segment(user)), nil,
    { op = "github.permission", shape = { permission = "text" } })
  if told then return told.permission end
  if not err:is "github.api.not_found" then error(err, 0) end
  return "none"
end

--- Whether a later review of the same person replaces an earlier one: a comment does not take an approval back.
local function replaces(earlier, later)
  return earlier.state == "commented" or later.state ~= "commented"
end

--- Who reviewed what. Of each person the review that counts; `current` tells whether it was given for the head commit.
---@async
---@param number integer
---@return fairlead.github.Reviews
function Pulls:reviews(number)
  local pull <const> = self:pull_request { number = number }
  local of_user, order = {}, {}
  for raw in self:paginate("pulls/" .. number .. "/reviews", nil, { op = "github.reviews", shape = REVIEW }) do
    local review = {
      user = login(raw.user), state = raw.state:lower(), commit_id = raw.commit_id,
      current = raw.commit_id == pull.head.sha, submitted_at = answer.time(raw.submitted_at), url = raw.html_url,
      association = raw.author_association,
    }
    local earlier = of_user[review.user]
    -- "pending": begun by the token's own user and not sent yet.
    if review.state ~= "pending" and (not earlier or replaces(earlier, review)) then
      if not earlier then
        order[#order + 1] = review.user
      end
      of_user[review.user] = review
    end
  end
  local result = { list = {}, approved_by = {}, approved_current_by = {}, changes_requested_by = {},
    requested = pull.requested_reviewers, head = pull.head.sha }
  local function add(name, user)
    result[name][#result[name] + 1] = user
  end
  for i, user in ipairs(order) do
    local review = of_user[user]
    result.list[i] = review
    if review.state == "approved" then
      add("approved_by", user)
      if review.current then
        add("approved_current_by", user)
      end
    elseif review.state == "changes_requested" then
      add("changes_requested_by", user)
    end
  end
  return result
end

-- `mergeable_state`, as octokit and gh know it (GraphQL's MergeStateStatus in lower case).
local WHY_NOT <const> = {
  dirty = "it conflicts with its base branch",
  behind = "its branch is behind its base and has to be brought up to date first",
  blocked = "the branch's rules are not met: a check, an approval or an open conversation is missing",
  draft = "it is a draft",
  unknown = "GitHub is still working out whether it can be merged",
}

-- States in which it can be merged.
local CAN <const> = { clean = true, unstable = true, has_hooks = true }
local SETTLE <const> = 30 -- seconds to wait until GitHub knows again whether it can be merged

--- Merges a pull request, if its head is still `sha`.
---@async
---@param options {number: integer, sha: string, method?: "merge"|"squash"|"rebase", title?: string, message?: string}
---  sha: the head commit that was checked; method: default merge
---@return {sha: string, already: boolean} sha: the commit on the base branch; already: somebody had merged it
--- raises github.api.conflict when the head moved, github.api.not_mergeable, and as request
function Pulls:merge(options)
  check_options(options, "merge")
  check_number(options, "merge")
  check_text(options, "merge", "sha")
  local number <const>, sha <const> = options.number, options.sha
  local about <const> = { op = "github.merge", target = self:subject("#" .. number) }
  local attempts <const> = 3
  for attempt = 1, attempts do
    local merged, err = try(self.put, self, ("pulls/%d/merge"):format(number), {
      sha = sha, merge_method = options.method or "merge", commit_title = options.title,
      commit_message = options.message,
    }, { op = about.op, once = true, shape = { sha = "text" } })
    if merged then
      return { sha = merged.sha, already = false }
    end
    local moved <const>, refused <const> = err:is "github.api.conflict", err:is "github.api.not_mergeable"
    if not (moved or refused or err.retryable) then
      error(err, 0)
    end
    if err.retryable then
      clock.sleep(attempt)
    end
    -- A lost answer, or somebody was quicker: the pull request tells.
    local pull <const> = self:pull_request { number = number, wait = refused and SETTLE or 0 }
    if pull.merged and pull.head.sha == sha then
      return { sha = pull.merge_commit_sha, already = not err.retryable }
    end
    local message, hint
    if moved or pull.head.sha ~= sha then
      message = pull.head.sha == sha and err.message
        or ("its head moved from %s to %s"):format(sha:sub(1, 8), pull.head.sha:sub(1, 8))
      hint = "what is merged must be what was checked: wait for the checks and reviews of the new commit"
    elseif pull.state == "closed" then
      message = "it was closed without being merged"
    elseif refused and CAN[pull.mergeable_state] and attempt < attempts then
      clock.sleep(attempt) -- the base moved meanwhile, and GitHub had to work it out anew
    elseif refused then
      message = WHY_NOT[pull.mergeable_state] or err.message
    end
    if message then
      errors.raise {
        kind = (moved or pull.head.sha ~= sha) and "github.api.conflict" or "github.api.not_mergeable",
        op = about.op, target = about.target, status = err.status, request_id = err.request_id, message = message,
        hint = hint or "see " .. pull.url, cause = err,
      }
    end
    if attempt == attempts then
      error(err, 0)
    end
  end
end

return Pulls
