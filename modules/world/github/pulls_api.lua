--- The REST routes of pull requests, reviews and comments.
local json = require "fairlead.json"
local refusal = require "fairlead.world.github.refusal"
local shapes = require "fairlead.world.github.shapes"

local M = {}

local time = shapes.time

local REVIEW_STATES <const> = { APPROVE = "APPROVED", REQUEST_CHANGES = "CHANGES_REQUESTED", COMMENT = "COMMENTED" }

local function is_member(list, value)
  for _, item in ipairs(list) do
    if item == value then
      return true
    end
  end
  return false
end

local function given(value)
  if value == json.null then
    return nil
  end
  return value
end

local function users(github, logins)
  local list = {}
  for i, login in ipairs(logins) do
    list[i] = github.shapes:user(login)
  end
  return json.array(list)
end

local function side(github, branch, sha)
  return {
    label = github.owner .. ":" .. branch,
    ref = branch,
    sha = sha,
    user = github.shapes:user(github.owner),
    repo = github.shapes:repository(nil),
  }
end

--- A pull request as lists show it; `whole` adds what only GET of one pull request tells.
local function pull_shape(github, pull, whole)
  local s = github.shapes
  local teams = {}
  for i, slug in ipairs(pull.teams) do
    teams[i] = s:team(slug)
  end
  local url = s:url("/pulls/" .. pull.number)
  local issue = s:url("/issues/" .. pull.number)
  local value = {
    id = pull.id,
    node_id = ("PR_%x"):format(pull.id),
    number = pull.number,
    state = pull.state,
    locked = false,
    title = pull.title,
    body = pull.body or json.null,
    draft = pull.draft,
    user = s:user(pull.author),
    author_association = "MEMBER",
    head = side(github, pull.head, pull.head_sha),
    base = side(github, pull.base, pull.base_sha),
    created_at = time(pull.created),
    updated_at = time(pull.updated),
    closed_at = time(pull.closed),
    merged_at = time(pull.merged and pull.merged.at),
    merge_commit_sha = pull.merged and pull.merged.sha or pull.trial and pull.trial.sha or json.null,
    assignee = json.null,
    assignees = json.array {},
    labels = json.array {},
    milestone = json.null,
    auto_merge = json.null,
    active_lock_reason = json.null,
    requested_reviewers = users(github, pull.reviewers),
    requested_teams = json.array(teams),
    url = url,
    html_url = s:page("/pull/" .. pull.number),
    diff_url = s:page(("/pull/%d.diff"):format(pull.number)),
    patch_url = s:page(("/pull/%d.patch"):format(pull.number)),
    issue_url = issue,
    commits_url = url .. "/commits",
    comments_url = issue .. "/comments",
    review_comments_url = url .. "/comments",
    review_comment_url = s:url("/pulls/comments{/number}"),
    statuses_url = s:url("/statuses/" .. pull.head_sha),
    _links = {
      self = { href = url },
      html = { href = s:page("/pull/" .. pull.number) },
      issue = { href = issue },
      comments = { href = issue .. "/comments" },
      review_comments = { href = url .. "/comments" },
      review_comment = { href = s:url("/pulls/comments{/number}") },
      commits = { href = url .. "/commits" },
      statuses = { href = s:url("/statuses/" .. pull.head_sha) },
    },
  }
  if whole then
    local repo = github:repository()
    local mergeable
    if pull.state == "open" then
      mergeable = github.pulls:mergeable(pull)
    end
    value.merged = pull.merged ~= nil
    value.merged_by = pull.merged and s:user(pull.merged.by) or json.null
    if mergeable == nil then
      value.mergeable = json.null
    else
      value.mergeable = mergeable
    end
    value.rebaseable = value.mergeable
    value.mergeable_state = github.pulls:mergeable_state(pull, mergeable)
    value.comments = #pull.comments
    value.review_comments = 0
    value.maintainer_can_modify = false
    local base = repo:merge_base(pull.base_sha, pull.head_sha)
    value.commits = #repo:log(pull.head_sha, base)
    local key = tostring(base) .. pull.head_sha
    if not pull.size or pull.size.key ~= key then
      pull.size = { key = key, files = base and repo:files(base, pull.head_sha) or {} }
    end
    local added, deleted = 0, 0
    for _, file in ipairs(pull.size.files) do
      added, deleted = added + file.added, deleted + file.deleted
    end
    value.additions, value.deletions, value.changed_files = added, deleted, #pull.size.files
  end
  return value
end

local function review_shape(github, pull, review)
  local page = github.shapes:page(("/pull/%d#pullrequestreview-%d"):format(pull.number, review.id))
  local url = github.shapes:url("/pulls/" .. pull.number)
  return {
    id = review.id,
    node_id = ("PRR_%x"):format(review.id),
    user = github.shapes:user(review.by),
    body = review.body,
    state = review.state,
    html_url = page,
    pull_request_url = url,
    author_association = "MEMBER",
    _links = { html = { href = page }, pull_request = { href = url } },
    submitted_at = time(review.at),
    commit_id = review.commit_id,
  }
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  local pulls = github.pulls

  --- For the routes of commits, which list pull requests too.
  github.pull_shape = function(pull)
    return pull_shape(github, pull, false)
  end

  local function pull_of(call)
    return pulls:get(call.number) or refusal.not_found()
  end

  router:add("GET /repos/{owner}/{repo}/pulls", "pull_requests:read", function(call)
    local query, list = call.query, {}
    local state = query.state or "open"
    if state ~= "open" and state ~= "closed" and state ~= "all" then
      refusal.invalid("PullRequest", "state", "invalid")
    end
    for _, pull in ipairs(pulls.list) do
      local head = query.head and (query.head:match("^" .. github.owner:gsub("%p", "%%%0") .. ":(.+)$") or "\0")
      if
        (state == "all" or pull.state == state)
        and (not head or pull.head == head)
        and (not query.base or pull.base == query.base)
      then
        table.insert(list, pull)
      end
    end
    local key = query.sort == "updated" and "updated" or "number"
    local ascending = (query.direction or (query.sort and "asc" or "desc")) == "asc"
    table.sort(list, function(a, b)
      if a[key] == b[key] then
        return a.number > b.number
      end
      return (a[key] < b[key]) == ascending
    end)
    local page, headers = github:page(call, list)
    for i, pull in ipairs(page) do
      page[i] = pull_shape(github, pull, false)
    end
    return 200, page, headers
  end)

  router:add("POST /repos/{owner}/{repo}/pulls", "pull_requests:write", function(call)
    local body = call.body
    refusal.check(body, {
      title = "string",
      head = "string!",
      base = "string!",
      body = "string",
      draft = "boolean",
      maintainer_can_modify = "boolean",
      issue = "integer",
    })
    if not given(body.title) or body.title == "" then
      refusal.invalid("PullRequest", "title", "missing_field")
    end
    local repo = github:repository()
    local head = body.head:match("^" .. github.owner:gsub("%p", "%%%0") .. ":(.+)$") or body.head
    if not repo.branches[body.base] then
      refusal.invalid("PullRequest", "base", "invalid")
    elseif not repo.branches[head] then
      refusal.invalid("PullRequest", "head", "invalid")
    end
    for _, pull in ipairs(pulls:open_for(head)) do
      if pull.base == body.base then
        local text = ("A pull request already exists for %s:%s."):format(github.owner, head)
        refusal.invalid("PullRequest", nil, "custom", text)
      end
    end
    if #repo:log(repo.branches[head], repo.branches[body.base]) == 0 then
      refusal.invalid("PullRequest", nil, "custom", ("No commits between %s and %s"):format(body.base, head))
    end
    local pull = pulls:open {
      title = body.title,
      body = given(body.body),
      head = head,
      base = body.base,
      draft = given(body.draft),
      by = call.viewer.login,
    }
    return 201, pull_shape(github, pull, true), { { "location", github.shapes:url("/pulls/" .. pull.number) } }
  end)

  router:add("GET /repos/{owner}/{repo}/pulls/{number}", "pull_requests:read", function(call)
    return 200, pull_shape(github, pull_of(call), true)
  end)

  router:add("PATCH /repos/{owner}/{repo}/pulls/{number}", "pull_requests:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { title = "string", body = "string", state = "string", base = "string" })
    if given(body.state) and body.state ~= "open" and body.state ~= "closed" then
      refusal.invalid("PullRequest", "state", "invalid")
    elseif body.state == "open" and pull.merged then
      refusal.invalid("PullRequest", "state", "invalid")
    elseif given(body.base) and not github:repository().branches[body.base] then
      refusal.invalid("PullRequest", "base", "invalid")
    end
    pull.title = given(body.title) or pull.title
    pull.base = given(body.base) or pull.base
    if body.body ~= nil then
      pull.body = given(body.body)
    end
    if given(body.state) and body.state ~= pull.state then
      pull.state = body.state
      pull.closed = body.state == "closed" and github.world.now or nil
    end
    pull.updated = github.world.now
    return 200, pull_shape(github, pull, true)
  end)

  router:add("GET /repos/{owner}/{repo}/pulls/{number}/commits", "pull_requests:read", function(call)
    local pull, repo = pull_of(call), github:repository()
    local list = {}
    for _, commit in ipairs(repo:log(pull.head_sha, repo:merge_base(pull.base_sha, pull.head_sha))) do
      table.insert(list, 1, github.shapes:commit(commit)) -- the oldest first
    end
    return 200, github:page(call, list)
  end)

  router:add("GET /repos/{owner}/{repo}/pulls/{number}/files", "pull_requests:read", function(call)
    local pull, repo = pull_of(call), github:repository()
    local list = {}
    local base = repo:merge_base(pull.base_sha, pull.head_sha)
    for i, file in ipairs(base and repo:files(base, pull.head_sha) or {}) do
      list[i] = github.shapes:file(file, pull.head_sha)
    end
    return 200, github:page(call, list)
  end)

  router:add("GET /repos/{owner}/{repo}/pulls/{number}/merge", "pull_requests:read", function(call)
    if not pull_of(call).merged then
      refusal.not_found()
    end
    return 204
  end)

  router:add("PUT /repos/{owner}/{repo}/pulls/{number}/merge", "contents:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { commit_title = "string", commit_message = "string", sha = "string", merge_method = "string" })
    local method = given(body.merge_method) or "merge"
    if method ~= "merge" and method ~= "squash" and method ~= "rebase" then
      refusal.raise(
        422,
        ("Invalid request.\n\n%s is not a member of [\"merge\", \"squash\", \"rebase\"]."):format(tostring(method))
      )
    end
    local sha = pulls:merge(pull, {
      by = call.viewer.login,
      sha = given(body.sha),
      method = method,
      title = given(body.commit_title),
      message = given(body.commit_message),
    })
    return 200, { sha = sha, merged = true, message = "Pull Request successfully merged" }
  end)

  -- The base is merged into the head in the background (GitHub Docs, REST "Update a pull request branch").
  router:add("PUT /repos/{owner}/{repo}/pulls/{number}/update-branch", "contents:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { expected_head_sha = "string" })
    pulls:update_branch(pull, given(body.expected_head_sha), call.viewer.login)
    return 202, { message = "Updating pull request branch.", url = github.shapes:page("/pull/" .. pull.number) }
  end)

  router:add("GET /repos/{owner}/{repo}/pulls/{number}/reviews", "pull_requests:read", function(call)
    local pull = pull_of(call)
    local page, headers = github:page(call, pull.reviews)
    for i, review in ipairs(page) do
      page[i] = review_shape(github, pull, review)
    end
    return 200, page, headers
  end)

  router:add("POST /repos/{owner}/{repo}/pulls/{number}/reviews", "pull_requests:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { body = "string", event = "string", commit_id = "string", comments = "table" })
    local state = "PENDING"
    if given(body.event) then
      state = REVIEW_STATES[body.event]
        or refusal.raise(422, "Unprocessable Entity", { "Variable $event of type PullRequestReviewEvent was invalid" })
    end
    if (state == "CHANGES_REQUESTED" or state == "COMMENTED") and (not given(body.body) or body.body == "") then
      refusal.raise(422, "Unprocessable Entity", { "Body can't be blank" })
    end
    local commit = given(body.commit_id)
    if commit and not github:repository().commits[commit] then
      refusal.raise(422, "Unprocessable Entity", { "Commit is not part of the pull request" })
    end
    local opinion = { by = call.viewer.login, state = state, body = given(body.body), commit_id = commit }
    local review = pulls:review(pull, opinion)
    return 200, review_shape(github, pull, review)
  end)

  local function requested(pull)
    local teams = {}
    for i, slug in ipairs(pull.teams) do
      teams[i] = github.shapes:team(slug)
    end
    return { users = users(github, pull.reviewers), teams = json.array(teams) }
  end

  router:add("GET /repos/{owner}/{repo}/pulls/{number}/requested_reviewers", "pull_requests:read", function(call)
    return 200, requested(pull_of(call))
  end)

  router:add("POST /repos/{owner}/{repo}/pulls/{number}/requested_reviewers", "pull_requests:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { reviewers = "table", team_reviewers = "table" })
    local logins, teams = given(body.reviewers) or {}, given(body.team_reviewers) or {}
    for _, login in ipairs(logins) do
      if login == pull.author then
        refusal.raise(422, "Review cannot be requested from pull request author.")
      elseif not github:is_user(login) then
        refusal.raise(
          422,
          ("Reviews may only be requested from collaborators. One or more of the users or teams you specified is not "
            .. "a collaborator of the %s/%s repository."):format(github.owner, github.name)
        )
      end
    end
    for _, slug in ipairs(teams) do
      if not (github.fixture.teams or {})[slug] then
        refusal.raise(
          422,
          ("Could not resolve to a node with the global id of '%s'."):format(slug)
        )
      end
    end
    pulls:request_review(pull, logins, teams)
    return 201, pull_shape(github, pull, false)
  end)

  router:add("DELETE /repos/{owner}/{repo}/pulls/{number}/requested_reviewers", "pull_requests:write", function(call)
    local pull, body = pull_of(call), call.body
    refusal.check(body, { reviewers = "table!", team_reviewers = "table" })
    for i = #pull.reviewers, 1, -1 do
      if is_member(body.reviewers, pull.reviewers[i]) then
        table.remove(pull.reviewers, i)
      end
    end
    return 200, pull_shape(github, pull, false)
  end)
end

return M
