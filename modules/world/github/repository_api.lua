--- The REST routes of the repository itself: branches, rules, commits, checks, statuses, files, people.
local job_log = require "fairlead.world.github.job_log"
local json = require "fairlead.json"
local base64 = require("fairlead.world.github.git_data").base64
local profile = require "fairlead.world.github.profile"
local refusal = require "fairlead.world.github.refusal"
local sorted = require "fairlead.sorted"

local M = {}

local function mapped(list, shape, ...)
  local out = {}
  for i, item in ipairs(list) do
    out[i] = shape(..., item)
  end
  return json.array(out)
end

--- The commit that a path or query names, or a refusal in GitHub's words.
local function commit_of(github, name)
  return github:repository():resolve(name) or refusal.raise(422, "No commit found for SHA: " .. name)
end

local function add_people(github, router)
  router:add("GET /user", nil, function(call)
    if not call.viewer then
      refusal.raise(401, "Requires authentication")
    end
    return 200, profile.own(github, call.viewer.login)
  end)

  router:add("GET /users/{login}", nil, function(call)
    if not github:is_user(call.login) then
      refusal.not_found()
    end
    return 200, profile.public(github, call.login)
  end)

  router:add("GET /rate_limit", nil, function(call)
    local rate = github.limits:rate(call.viewer)
    local search = { limit = 30, used = 0, remaining = 30, reset = rate.reset }
    return 200, { resources = { core = rate, search = search }, rate = rate }
  end)

  -- A small part of GraphQL only; what it cannot answer it says so, as GitHub answers a field that does not exist.
  router:add("POST /graphql", nil, function(call)
    if not call.viewer then
      refusal.raise(401, "This endpoint requires you to be authenticated.")
    end
    local query = call.body.query
    if type(query) ~= "string" then
      refusal.raise(400, "A query attribute must be specified and must be a string.")
    end
    if query:gsub("%s+", " "):match("^%s*q?u?e?r?y?%s*{ ?viewer ?{ ?login ?} ?}%s*$") then
      return 200, { data = { viewer = { login = call.viewer.login } } }
    end
    local field = query:match("{%s*([%a_]+)") or query
    return 200, {
      errors = json.array {
        {
          message = ("Field '%s' doesn't exist on type 'Query'"):format(field),
          path = json.array { "query", field },
          extensions = { code = "undefinedField", typeName = "Query", fieldName = field },
        },
      },
    }
  end)

  router:add("GET /repos/{owner}/{repo}", nil, function(call)
    return 200, github.shapes:repository(call.viewer)
  end)

  router:add("GET /repos/{owner}/{repo}/collaborators/{login}/permission", "metadata:read", function(call)
    if not github:is_user(call.login) then
      refusal.not_found()
    end
    local user = (github.fixture.users or {})[call.login] or {}
    local level = user.admin and "admin" or github:can_write(call.login) and "write" or "read"
    local collaborator = github.shapes:user(call.login)
    collaborator.role_name = level
    return 200, { permission = level, role_name = level, user = collaborator }
  end)
end

--- What a branch's classic protection says; nil where rulesets protect it, or nothing.
local function protection_of(github, branch)
  local rules = github.pulls:rules(branch)
  return rules and rules.kind == "protection" and rules or nil
end

local function contexts_of(rules)
  local checks = {}
  for i, name in ipairs(rules.required_checks) do
    checks[i] = { context = name, app_id = 15368 }
  end
  return json.array(table.move(rules.required_checks, 1, #rules.required_checks, 1, {})), json.array(checks)
end

local function add_branches(github, router)
  local function branch_shape(name, sha, whole)
    local rules = github.pulls:rules(name)
    local classic = protection_of(github, name)
    local contexts, checks
    if classic then
      contexts, checks = contexts_of(classic)
    end
    local url = github.shapes:url("/branches/" .. name)
    return {
      name = name,
      commit = whole and github.shapes:commit(github:repository().commits[sha])
        or { sha = sha, url = github.shapes:url("/commits/" .. sha) },
      protected = rules ~= nil,
      protection = {
        enabled = classic ~= nil,
        required_status_checks = {
          enforcement_level = classic and "non_admins" or "off",
          contexts = contexts or json.array {},
          checks = checks or json.array {},
        },
      },
      protection_url = url .. "/protection",
      _links = whole and { html = github.shapes:page("/tree/" .. name), self = url } or nil,
    }
  end

  router:add("GET /repos/{owner}/{repo}/branches", "contents:read", function(call)
    local list = {}
    for name, sha in sorted(github:repository().branches) do
      list[#list + 1] = branch_shape(name, sha, false)
    end
    return 200, github:page(call, list)
  end)

  router:add("GET /repos/{owner}/{repo}/branches/{branch+}/protection", "administration:read", function(call)
    local user = call.viewer and (github.fixture.users or {})[call.viewer.login] or {}
    if not github:repository().branches[call.branch] then
      refusal.raise(404, "Branch not found")
    elseif not user.admin then
      refusal.not_found()
    end
    local rules = protection_of(github, call.branch)
    if not rules then
      refusal.raise(404, "Branch not protected")
    end
    local url = github.shapes:url(("/branches/%s/protection"):format(call.branch))
    local contexts, checks = contexts_of(rules)
    return 200, {
      url = url,
      required_status_checks = {
        url = url .. "/required_status_checks",
        strict = rules.strict,
        contexts = contexts,
        contexts_url = url .. "/required_status_checks/contexts",
        checks = checks,
      },
      required_pull_request_reviews = {
        url = url .. "/required_pull_request_reviews",
        dismiss_stale_reviews = rules.dismiss_stale,
        require_code_owner_reviews = false,
        require_last_push_approval = false,
        required_approving_review_count = rules.required_approvals,
      },
      enforce_admins = { url = url .. "/enforce_admins", enabled = true },
      required_linear_history = { enabled = false },
      allow_force_pushes = { enabled = false },
      allow_deletions = { enabled = false },
      required_conversation_resolution = { enabled = false },
    }
  end)

  router:add("GET /repos/{owner}/{repo}/branches/{branch+}", "contents:read", function(call)
    local sha = github:repository().branches[call.branch]
    if not sha then
      refusal.raise(404, "Branch not found")
    end
    return 200, branch_shape(call.branch, sha, true)
  end)

  -- Only rulesets are told here; classic protection is not (GitHub Docs, "Get rules for a branch").
  router:add("GET /repos/{owner}/{repo}/rules/branches/{branch+}", "metadata:read", function(call)
    local rules, list = github.pulls:rules(call.branch), {}
    local function add(type, parameters)
      list[#list + 1] = {
        type = type,
        ruleset_source_type = "Repository",
        ruleset_source = github.owner .. "/" .. github.name,
        ruleset_id = 42,
        parameters = parameters,
      }
    end
    if rules and rules.kind == "ruleset" then
      add("deletion")
      add("non_fast_forward")
      local methods = {}
      for _, method in ipairs { "merge", "squash", "rebase" } do
        methods[#methods + 1] = github.pulls:allows(method) and method or nil
      end
      add("pull_request", {
        required_approving_review_count = rules.required_approvals,
        dismiss_stale_reviews_on_push = rules.dismiss_stale,
        require_code_owner_review = false,
        require_last_push_approval = false,
        required_review_thread_resolution = false,
        allowed_merge_methods = json.array(methods),
      })
      if #rules.required_checks > 0 then
        local checks = {}
        for i, name in ipairs(rules.required_checks) do
          checks[i] = { context = name, integration_id = 15368 }
        end
        add("required_status_checks", {
          strict_required_status_checks_policy = rules.strict,
          do_not_enforce_on_create = false,
          required_status_checks = json.array(checks),
        })
      end
    end
    return 200, github:page(call, list)
  end)
end

local function add_commits(github, router)
  local s = github.shapes

  router:add("GET /repos/{owner}/{repo}/commits", "contents:read", function(call)
    local name = call.query.sha or github.fixture.default_branch
    local commit = github:repository():resolve(name) or refusal.not_found()
    local list = github:repository():log(commit.sha)
    local page, headers = github:page(call, list)
    return 200, mapped(page, s.commit, s), headers
  end)

  router:add("GET /repos/{owner}/{repo}/commits/{ref+}/check-runs", "checks:read", function(call)
    local commit, list = commit_of(github, call.ref), {}
    for _, job in ipairs(github.actions:checks(commit.sha, call.query.filter == "all")) do
      if
        (not call.query.check_name or job.name == call.query.check_name)
        and (not call.query.status or job.status == call.query.status)
        and (not call.query.app_id or call.query.app_id == "15368")
      then
        list[#list + 1] = job
      end
    end
    local page, headers = github:page(call, list)
    return 200, { total_count = #list, check_runs = mapped(page, s.check_run, s) }, headers
  end)

  router:add("GET /repos/{owner}/{repo}/commits/{ref+}/check-suites", "checks:read", function(call)
    local commit, list = commit_of(github, call.ref), {}
    for _, run in ipairs(github.actions.runs) do
      if run.sha == commit.sha then
        list[#list + 1] = run
      end
    end
    local page, headers = github:page(call, list)
    return 200, { total_count = #list, check_suites = mapped(page, s.check_suite, s) }, headers
  end)

  --- The newest status of each context.
  local function newest(sha)
    local list, seen = {}, {}
    for _, status in ipairs(github.statuses[sha] or {}) do
      if not seen[status.context] then
        seen[status.context] = true
        list[#list + 1] = status
      end
    end
    return list
  end

  -- Commit statuses only: a repository that uses only Actions has none, and is "pending" for ever (GitHub Docs, "Get
  -- the combined status for a specific reference").
  router:add("GET /repos/{owner}/{repo}/commits/{ref+}/status", "statuses:read", function(call)
    local commit = commit_of(github, call.ref)
    local list = newest(commit.sha)
    local state = #list > 0 and "success" or "pending"
    for _, status in ipairs(list) do
      if status.state == "failure" or status.state == "error" then
        state = "failure"
      elseif status.state == "pending" and state ~= "failure" then
        state = "pending"
      end
    end
    local page, headers = github:page(call, list)
    return 200, {
      state = state,
      sha = commit.sha,
      total_count = #list,
      statuses = mapped(page, s.status, s),
      repository = s:repository_short(),
      commit_url = s:url("/commits/" .. commit.sha),
      url = s:url(("/commits/%s/status"):format(commit.sha)),
    }, headers
  end)

  router:add("GET /repos/{owner}/{repo}/commits/{ref+}/statuses", "statuses:read", function(call)
    local commit = commit_of(github, call.ref)
    local page, headers = github:page(call, github.statuses[commit.sha] or {})
    return 200, mapped(page, s.status, s), headers
  end)

  router:add("POST /repos/{owner}/{repo}/statuses/{sha}", "statuses:write", function(call)
    local body = call.body
    refusal.check(body, { state = "string!", context = "string", description = "string", target_url = "string" })
    local commit = github:repository().commits[call.sha]
    if not commit then
      refusal.raise(422, "No commit found for SHA: " .. call.sha)
    end
    local states = { error = true, failure = true, pending = true, success = true }
    if not states[body.state] then
      refusal.invalid("Status", "state", "custom", "state is not included in the list")
    end
    local status = {
      id = github:new_id(),
      sha = commit.sha,
      state = body.state,
      context = type(body.context) == "string" and body.context or "default",
      description = type(body.description) == "string" and body.description or nil,
      target_url = type(body.target_url) == "string" and body.target_url or nil,
      at = github.world.now,
      creator = call.viewer.login,
    }
    local list = github.statuses[commit.sha] or {}
    github.statuses[commit.sha] = list
    table.insert(list, 1, status)
    return 201, s:status(status)
  end)

  router:add("GET /repos/{owner}/{repo}/commits/{ref+}/pulls", "pull_requests:read", function(call)
    local commit, repo, list = commit_of(github, call.ref), github:repository(), {}
    for _, pull in ipairs(github.pulls.list) do
      local base = repo:merge_base(pull.base_sha, pull.head_sha)
      local is_its = pull.merged and pull.merged.sha == commit.sha
      for _, other in ipairs(repo:log(pull.head_sha, base)) do
        is_its = is_its or other.sha == commit.sha
      end
      if is_its then
        list[#list + 1] = github.pull_shape(pull)
      end
    end
    return 200, github:page(call, list)
  end)

  router:add("GET /repos/{owner}/{repo}/commits/{ref+}", "contents:read", function(call)
    local commit = commit_of(github, call.ref)
    local value = s:commit(commit)
    local files = commit.parents[1] and github:repository():files(commit.parents[1], commit.sha) or {}
    local added, deleted, list = 0, 0, {}
    for i, file in ipairs(files) do
      added, deleted = added + file.added, deleted + file.deleted
      list[i] = s:file(file, commit.sha)
    end
    value.stats = { additions = added, deletions = deleted, total = added + deleted }
    value.files = json.array(list)
    return 200, value
  end)

  router:add("GET /repos/{owner}/{repo}/check-runs/{job}", "checks:read", function(call)
    local job = github.actions.jobs_by_id[math.tointeger(tonumber(call.job))] or refusal.not_found()
    return 200, s:check_run(job)
  end)

  -- What a runner notes of a job that failed, besides what its tools report: that its step ended with an error.
  router:add("GET /repos/{owner}/{repo}/check-runs/{job}/annotations", "checks:read", function(call)
    local job, list = github.actions.jobs_by_id[math.tointeger(tonumber(call.job))] or refusal.not_found(), {}
    local error_text = job_log.error_text(job)
    if error_text then
      list[1] = {
        path = ".github",
        start_line = 41,
        end_line = 41,
        start_column = json.null,
        end_column = json.null,
        annotation_level = "failure",
        title = "",
        message = error_text,
        raw_details = "",
        blob_href = s:page(("/blob/%s/.github"):format(job.run.sha)),
      }
    end
    return 200, github:page(call, list)
  end)

  router:add("GET /repos/{owner}/{repo}/check-suites/{suite}/check-runs", "checks:read", function(call)
    for _, run in ipairs(github.actions.runs) do
      if tostring(run.suite_id) == call.suite then
        local page, headers = github:page(call, run.jobs)
        return 200, { total_count = #run.jobs, check_runs = mapped(page, s.check_run, s) }, headers
      end
    end
    return refusal.not_found()
  end)

  router:add("GET /repos/{owner}/{repo}/compare/{range+}", "contents:read", function(call)
    local from, to = call.range:match("^(.-)%.%.%.(.+)$")
    local repo = github:repository()
    local base, head = from and repo:resolve(from), to and repo:resolve(to)
    if not base or not head then
      refusal.not_found()
    end
    local common = repo:merge_base(base.sha, head.sha)
    local ahead, behind = repo:log(head.sha, base.sha), repo:log(base.sha, head.sha)
    local status = #ahead == 0 and #behind == 0 and "identical" or #behind == 0 and "ahead" or #ahead == 0 and "behind"
      or "diverged"
    local commits, files = {}, {}
    for _, commit in ipairs(ahead) do
      table.insert(commits, 1, s:commit(commit))
    end
    -- "Compare two commits": the oldest first; files with the first page only, 300 at most.
    local headers
    if call.query.per_page or call.query.page then
      commits, headers = github:page(call, commits)
    else
      commits = json.array(table.move(commits, 1, math.min(#commits, 250), 1, {}))
    end
    local first = (tonumber(call.query.page) or 1) == 1
    for i, file in ipairs(first and common and common ~= head.sha and repo:files(common, head.sha) or {}) do
      if i > 300 then break end
      files[i] = s:file(file, head.sha)
    end
    local page = s:page(("/compare/%s...%s"):format(from, to))
    return 200, {
      url = s:url(("/compare/%s...%s"):format(from, to)),
      html_url = page,
      permalink_url = page,
      diff_url = page .. ".diff",
      patch_url = page .. ".patch",
      base_commit = s:commit(base),
      merge_base_commit = common and s:commit(repo.commits[common]) or json.null,
      status = status,
      ahead_by = #ahead,
      behind_by = #behind,
      total_commits = #ahead,
      commits = commits,
      files = json.array(files),
    }, headers
  end)

  router:add("GET /repos/{owner}/{repo}/contents/{path+}", "contents:read", function(call)
    local name = call.query.ref or github.fixture.default_branch
    local commit = github:repository():resolve(name) or refusal.raise(404, "No commit found for the ref " .. name)
    local text, blob = github:repository():file(commit.sha, call.path)
    if not text then
      refusal.not_found()
    end
    if (call.request.header("accept") or ""):find("raw", 1, true) then
      return 200, text
    end
    return 200, {
      type = "file",
      name = call.path:match("[^/]+$"),
      path = call.path,
      sha = blob,
      size = #text,
      encoding = "base64",
      content = base64(text),
      url = s:url(("/contents/%s?ref=%s"):format(call.path, name)),
      html_url = s:page(("/blob/%s/%s"):format(name, call.path)),
      git_url = s:url("/git/blobs/" .. blob),
      download_url = ("https://raw.githubusercontent.com/%s/%s/%s"):format(github.fixture.repository, name, call.path),
      _links = { self = s:url("/contents/" .. call.path), git = s:url("/git/blobs/" .. blob),
        html = s:page(("/blob/%s/%s"):format(name, call.path)) },
    }
  end)
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  add_people(github, router)
  add_branches(github, router)
  add_commits(github, router)
end

return M
