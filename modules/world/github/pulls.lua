--- Pull requests of the simulated GitHub: their reviews, whether they can be merged, and merging.
---
--- Sources: GitHub Docs, "About protected branches", "Available rules for rulesets", "Troubleshooting required status
--- checks", REST "Pulls" ("Merge a pull request": 405 and 409).
local refusal = require "fairlead.world.github.refusal"
local repository = require "fairlead.world.repository"

local M = {}

---@class fairlead.world.Pull
---@field id integer
---@field number integer
---@field title string
---@field body string?
---@field state "open"|"closed"
---@field draft boolean
---@field author string
---@field head string branch
---@field head_sha string
---@field base string branch
---@field base_sha string
---@field created number
---@field updated number
---@field reviewers string[] asked for a review
---@field teams string[] asked for a review
---@field reviews table[] {id=, by=, state=, body=, commit_id=, at=}
---@field comments table[]
---@field merged {at: number, by: string, sha: string}?

---@class fairlead.world.Pulls
---@field list fairlead.world.Pull[]
local Pulls = {}
Pulls.__index = Pulls

--- Seconds that the background job takes that finds out whether a pull request can be merged.
local MERGEABILITY <const> = { low = 1, high = 4 }

local PASSING <const> = { success = true, skipped = true, neutral = true }

---@param github fairlead.world.GitHub
---@return fairlead.world.Pulls
function M.new(github)
  return setmetatable({
    github = github,
    world = github.world,
    random = github.world:stream("pulls"),
    list = {},
    last_number = github.fixture.last_number or 411,
  }, Pulls)
end

---@class fairlead.world.Rules
---@field required_checks string[]
---@field required_approvals integer
---@field dismiss_stale boolean a push takes approvals back
---@field strict boolean the head must contain the base
---@field kind "ruleset"|"protection"

--- The rules of a branch; nil where there are none.
---@param branch string
---@return fairlead.world.Rules?
function Pulls:rules(branch)
  local rules = self.github.fixture.rules
  if not rules or branch ~= self.github.fixture.default_branch then
    return nil
  end
  return {
    required_checks = rules.required_checks or {},
    required_approvals = rules.required_approvals or 0,
    dismiss_stale = rules.dismiss_stale == true,
    strict = rules.strict == true,
    kind = rules.kind or "ruleset",
  }
end

--- Whether a way of merging is allowed. Rebasing is not: the repository's history shows its pull requests.
---@param method "merge"|"squash"|"rebase"
---@return boolean
function Pulls:allows(method)
  local allowed = self.github.fixture.merge_methods or { "merge", "squash" }
  for _, name in ipairs(allowed) do
    if name == method then
      return method ~= "rebase"
    end
  end
  return false
end

---@param number integer|string
---@return fairlead.world.Pull?
function Pulls:get(number)
  number = math.tointeger(tonumber(number))
  for _, pull in ipairs(self.list) do
    if pull.number == number then
      return pull
    end
  end
  return nil
end

--- The open pull requests from a branch.
---@param head string
---@return fairlead.world.Pull[]
function Pulls:open_for(head)
  local found = {}
  for _, pull in ipairs(self.list) do
    if pull.state == "open" and pull.head == head then
      found[#found + 1] = pull
    end
  end
  return found
end

--- The next number: pull requests and issues share them.
---@return integer
function Pulls:new_number()
  self.last_number = self.last_number + 1
  return self.last_number
end

--- Opens a pull request.
---@async
---@param options {title: string, body: string?, head: string, base: string, draft: boolean?, by: string}
---@return fairlead.world.Pull
function Pulls:open(options)
  local repo, now = self.github:repository(), self.world.now
  local pull = {
    id = self.github:new_id(),
    number = self:new_number(),
    title = options.title,
    body = options.body,
    state = "open",
    draft = options.draft == true,
    author = options.by,
    head = options.head,
    head_sha = repo.branches[options.head],
    base = options.base,
    base_sha = repo.branches[options.base],
    created = now,
    updated = now,
    reviewers = {},
    teams = {},
    reviews = {},
    comments = {},
  }
  table.insert(self.list, pull)
  self.world:emit("pull_opened", { pull = pull })
  self.github.actions:pull_changed(pull, options.by)
  return pull
end

--- A branch has moved: pull requests from it have a new head, and their approvals may lapse.
---@param branch string
---@param after string? sha; nil: the branch is gone
---@param login string
function Pulls:branch_moved(branch, after, login)
  for _, pull in ipairs(self.list) do
    if pull.state == "open" and pull.head == branch then
      pull.updated = self.world.now
      if not after then
        pull.state, pull.closed = "closed", self.world.now
      else
        pull.head_sha = after
        local rules = self:rules(pull.base)
        if rules and rules.dismiss_stale then
          for _, review in ipairs(pull.reviews) do
            if review.state == "APPROVED" then
              review.state = "DISMISSED"
            end
          end
        end
        self.world:emit("pull_pushed", { pull = pull, by = login })
      end
    end
  end
end

---------------------------------------------------------------------------------------------------------------------
-- What a merge needs

--- The newest opinion of each reviewer who may write; comments change nobody's opinion.
local function opinions(self, pull)
  local by_user = {}
  for _, review in ipairs(pull.reviews) do
    if review.state ~= "COMMENTED" and review.state ~= "PENDING" and self.github:can_write(review.by) then
      by_user[review.by] = review.state
    end
  end
  return by_user
end

--- How a required check stands for a commit: "passing", "pending", "failing" or "missing". A check and a status of one
--- name are both required; of several checks of one name each workflow's newest for each event counts.
---@param name string
---@param sha string
---@return string
function Pulls:check_state(name, sha)
  local newest, order = {}, {}
  for _, job in ipairs(self.github.actions:checks(sha)) do
    if job.name == name then
      local key = job.run.workflow.file .. " " .. job.run.event
      if not newest[key] then
        order[#order + 1] = key
      end
      newest[key] = job.status ~= "completed" and "pending" or PASSING[job.conclusion] and "passing" or "failing"
    end
  end
  for _, status in ipairs(self.github.statuses[sha] or {}) do
    if status.context == name then
      order[#order + 1] = "status"
      newest.status = status.state == "success" and "passing" or status.state == "pending" and "pending" or "failing"
      break
    end
  end
  local state = "missing"
  for _, key in ipairs(order) do
    if newest[key] == "failing" then
      return "failing"
    elseif newest[key] == "pending" or state == "pending" then
      state = "pending"
    else
      state = "passing"
    end
  end
  return state
end

--- Whether all checks that are there have passed, and all that are required are there.
---@param pull fairlead.world.Pull
---@return boolean
function Pulls:checks_pass(pull)
  local checks = self.github.actions:checks(pull.head_sha)
  for _, job in ipairs(checks) do
    if job.status ~= "completed" or not PASSING[job.conclusion] then
      return false
    end
  end
  local rules = self:rules(pull.base)
  for _, name in ipairs(rules and rules.required_checks or {}) do
    if self:check_state(name, pull.head_sha) ~= "passing" then
      return false
    end
  end
  return #checks > 0
end

--- What the branch's rules still ask for, in GitHub's words.
---@param pull fairlead.world.Pull
---@return string[]
function Pulls:violations(pull)
  local rules, list = self:rules(pull.base), {}
  if not rules then
    return list
  end
  for _, name in ipairs(rules.required_checks) do
    local state = self:check_state(name, pull.head_sha)
    if state == "failing" then
      list[#list + 1] = ('Required status check "%s" is failing.'):format(name)
    elseif state == "pending" then
      list[#list + 1] = ('Required status check "%s" is in progress.'):format(name)
    elseif state == "missing" then
      list[#list + 1] = ('Required status check "%s" is expected.'):format(name)
    end
  end
  local approvals, objections = 0, 0
  for login, state in pairs(opinions(self, pull)) do
    if state == "APPROVED" and login ~= pull.author then
      approvals = approvals + 1
    elseif state == "CHANGES_REQUESTED" then
      objections = objections + 1
    end
  end
  if objections > 0 and rules.required_approvals > 0 then
    list[#list + 1] = "Changes have been requested."
  elseif approvals < rules.required_approvals then
    local missing = rules.required_approvals - approvals
    list[#list + 1] = ("At least %d approving review%s required by reviewers with write access."):format(
      missing,
      missing == 1 and " is" or "s are"
    )
  end
  return list
end

--- A pull request's merge, tried: {key=, tree= and sha=, or neither when the branches conflict}. The test merge is a
--- commit of its own, in refs/pull/N/merge; it is in `merge_commit_sha` until the real merge, and never on the base
--- branch (GitHub Docs, REST "Get a pull request").
local function try_merge(self, pull)
  local repo = self.github:repository()
  local base = repo.branches[pull.base]
  local key = base .. ".." .. pull.head_sha
  if not pull.trial or pull.trial.key ~= key then
    local tree = repo:merge_tree(base, pull.head_sha)
    pull.trial = { key = key, tree = tree }
    if tree then
      pull.trial.sha = repo:commit {
        ref = ("refs/pull/%d/merge"):format(pull.number),
        message = ("Merge %s into %s"):format(pull.head_sha, base),
        tree = tree,
        parents = { base, pull.head_sha },
        author = repository.person(self.github.fixture, pull.author),
        committer = { name = "GitHub", email = "noreply@github.com" },
        at = self.world.now,
      }
    end
  end
  return pull.trial
end

--- Whether the branches merge: true, false, or nil while GitHub has not found out. Asking makes it find out.
---@async
---@param pull fairlead.world.Pull
---@return boolean?
function Pulls:mergeable(pull)
  local base = self.github:repository().branches[pull.base]
  local key = base .. ".." .. pull.head_sha
  if pull.trial and pull.trial.key == key then
    return pull.trial.tree ~= nil
  end
  if pull.finding_out ~= key then
    pull.finding_out = key
    self.world:after(self.random:between(MERGEABILITY.low, MERGEABILITY.high), function()
      if pull.state == "open" then
        try_merge(self, pull)
      end
    end)
  end
  return nil
end

--- `mergeable_state`, as GitHub's GraphQL documentation explains mergeStateStatus.
---@param pull fairlead.world.Pull
---@param mergeable boolean?
---@return string
function Pulls:mergeable_state(pull, mergeable)
  if mergeable == nil then
    return "unknown"
  elseif pull.draft then
    return "draft"
  elseif not mergeable then
    return "dirty"
  elseif #self:violations(pull) > 0 then
    return "blocked"
  end
  local rules = self:rules(pull.base)
  local repo = self.github:repository()
  if rules and rules.strict and not repo:contains(repo.branches[pull.base], pull.head_sha) then
    return "behind"
  end
  for _, job in ipairs(self.github.actions:checks(pull.head_sha)) do
    if job.status ~= "completed" or not PASSING[job.conclusion] then
      return "unstable"
    end
  end
  return "clean"
end

---------------------------------------------------------------------------------------------------------------------

--- Merges a pull request: a real commit on the base branch.
---@async
---@param pull fairlead.world.Pull
---@param options {by: string, sha: string?, method: string?, title: string?, message: string?}
---@return string sha
function Pulls:merge(pull, options)
  self.world:emit("merging", { pull = pull })
  if pull.state ~= "open" then
    refusal.raise(405, "Pull Request is not mergeable")
  elseif options.sha and options.sha ~= pull.head_sha then
    refusal.raise(409, "Head branch was modified. Review and try the merge again.")
  elseif pull.draft then
    refusal.raise(405, "Pull Request is still a draft")
  end
  local method = options.method or "merge"
  if not self:allows(method) then
    local names = { merge = "Merge commits", squash = "Squash merges", rebase = "Rebase merges" }
    refusal.raise(405, names[method] .. " are not allowed on this repository.")
  end
  local violations = self:violations(pull)
  if #violations > 0 then
    if self:rules(pull.base).kind == "ruleset" then
      refusal.raise(405, "Repository rule violations found\n\n" .. table.concat(violations, "\n\n") .. "\n\n")
    end
    refusal.raise(405, violations[1])
  end
  return self:complete(pull, options)
end

--- Merges a pull request, whatever the branch's rules want: for those whose reviews and checks are no part of the play.
---@async
---@param pull fairlead.world.Pull
---@param options {by: string, method: string?, title: string?, message: string?}
---@return string sha
function Pulls:complete(pull, options)
  local github, method = self.github, options.method or "merge"
  local trial = try_merge(self, pull)
  if not trial.tree then
    refusal.raise(405, "Pull Request is not mergeable")
  end
  local repo = github:repository()
  local before = repo.branches[pull.base]
  local title, text
  if method == "merge" then
    title = options.title or ("Merge pull request #%d from %s/%s"):format(pull.number, github.owner, pull.head)
    text = options.message or pull.title
  else
    title = options.title or ("%s (#%d)"):format(pull.title, pull.number)
    text = options.message or ""
  end
  local sha = repo:commit {
    ref = "refs/heads/" .. pull.base,
    message = text ~= "" and (title .. "\n\n" .. text) or title,
    tree = trial.tree,
    parents = method == "merge" and { before, pull.head_sha } or { before },
    author = repository.person(github.fixture, options.by),
    committer = { name = "GitHub", email = "noreply@github.com" },
    at = self.world.now,
  }
  pull.state, pull.closed, pull.updated = "closed", self.world.now, self.world.now
  pull.merged = { at = self.world.now, by = options.by, sha = sha }
  self.world:emit("merged", { pull = pull, sha = sha, by = options.by })
  github:pushed("refs/heads/" .. pull.base, before, sha, options.by)
  if github.fixture.delete_branch_on_merge then
    repo:set_ref("refs/heads/" .. pull.head, nil)
    github:pushed("refs/heads/" .. pull.head, pull.head_sha, nil, options.by)
  end
  return sha
end

--- Merges the base into a pull request's head, in a moment.
---@async
---@param pull fairlead.world.Pull
---@param expected string? sha that the head must have
---@param login string who asks for it
function Pulls:update_branch(pull, expected, login)
  local repo = self.github:repository()
  if expected and expected ~= pull.head_sha then
    refusal.raise(422, "expected head sha didn’t match current head ref.")
  elseif pull.state ~= "open" or repo:contains(repo.branches[pull.base], pull.head_sha) then
    refusal.raise(422, "There are no new commits on the base branch.")
  end
  local before, base = pull.head_sha, repo.branches[pull.base]
  local tree = repo:merge_tree(before, base)
  if not tree then
    refusal.raise(422, "merge conflict between base and head")
  end
  self.world:after(self.random:between(1, 4), function()
    if pull.state ~= "open" or pull.head_sha ~= before then
      return
    end
    local sha = repo:commit {
      ref = "refs/heads/" .. pull.head,
      message = ("Merge branch '%s' into %s"):format(pull.base, pull.head),
      tree = tree,
      parents = { before, base },
      author = repository.person(self.github.fixture, login),
      committer = { name = "GitHub", email = "noreply@github.com" },
      at = self.world.now,
    }
    self.github:pushed("refs/heads/" .. pull.head, before, sha, login)
  end)
end

--- Adds a review.
---@param pull fairlead.world.Pull
---@param review {by: string, state: string, body: string?, commit_id: string?}
---@return table review
function Pulls:review(pull, review)
  if review.by == pull.author and review.state ~= "COMMENTED" then
    local what = review.state == "APPROVED" and "approve" or "request changes on"
    refusal.raise(422, "Unprocessable Entity", { ("Review Can not %s your own pull request"):format(what) })
  end
  local added = {
    id = self.github:new_id(),
    by = review.by,
    state = review.state,
    body = review.body or "",
    commit_id = review.commit_id or pull.head_sha,
    at = self.world.now,
  }
  table.insert(pull.reviews, added)
  for i, login in ipairs(pull.reviewers) do
    if login == review.by then
      table.remove(pull.reviewers, i)
      break
    end
  end
  pull.updated = self.world.now
  self.world:emit("reviewed", { pull = pull, review = added })
  return added
end

--- Asks people and teams for a review.
---@param pull fairlead.world.Pull
---@param logins string[]
---@param teams string[]
function Pulls:request_review(pull, logins, teams)
  local function add(list, names)
    for _, name in ipairs(names) do
      local there = false
      for _, other in ipairs(list) do
        there = there or other == name
      end
      if not there then
        list[#list + 1] = name
      end
    end
  end
  add(pull.reviewers, logins)
  add(pull.teams, teams)
  pull.updated = self.world.now
  local asked = table.move(logins, 1, #logins, 1, {})
  for _, slug in ipairs(teams) do
    local members = self.github:team(slug)
    table.move(members, 1, #members, #asked + 1, asked)
  end
  self.world:emit("review_requested", { pull = pull, reviewers = asked })
end

return M
