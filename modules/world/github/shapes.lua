--- What the simulated GitHub's answers look like: the field names of GitHub's OpenAPI description.
local job_log = require "fairlead.world.github.job_log"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {}

---@class fairlead.world.Shapes
---@field private github fairlead.world.GitHub
local Shapes = {}
Shapes.__index = Shapes

---@param github fairlead.world.GitHub
---@return fairlead.world.Shapes
function M.new(github)
  return setmetatable({ github = github, user_ids = {}, users_seen = 0 }, Shapes)
end

--- A time as GitHub writes it; nothing is null.
---@param time number? unix seconds
---@return string|userdata
function M.time(time)
  return time and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(time)) or json.null
end

local function or_null(value)
  if value == nil then
    return json.null
  end
  return value
end

--- An id for base64-like node ids: readable, and different for every object.
local function node(kind, id)
  return ("%s_%012x"):format(kind, id)
end

--- The API's address of something in the repository.
---@param path string
---@return string
function Shapes:url(path)
  local github = self.github
  return ("%s/repos/%s/%s%s"):format(github.world.base_urls.github, github.owner, github.name, path)
end

--- The web page of something in the repository.
---@param path string
---@return string
function Shapes:page(path)
  return ("https://github.com/%s/%s%s"):format(self.github.owner, self.github.name, path)
end

---@param login string
---@return integer
function Shapes:user_id(login)
  local id = self.user_ids[login]
  if not id then
    self.users_seen = self.users_seen + 1
    id = 583230 + self.users_seen
    self.user_ids[login] = id
  end
  return id
end

---@param login string
---@return table
function Shapes:user(login)
  local id = self:user_id(login)
  local api = self.github.world.base_urls.github
  return {
    login = login,
    id = id,
    node_id = node("U", id),
    avatar_url = ("https://avatars.githubusercontent.com/u/%d?v=4"):format(id),
    url = api .. "/users/" .. login,
    html_url = "https://github.com/" .. login,
    type = login:find("%[bot%]$") and "Bot" or "User",
    site_admin = false,
  }
end

---@param slug string
---@return table
function Shapes:team(slug)
  local id = self:user_id("team:" .. slug)
  return {
    id = id,
    node_id = node("T", id),
    name = slug,
    slug = slug,
    description = json.null,
    privacy = "closed",
    notification_setting = "notifications_enabled",
    permission = "push",
    type = "organization",
    url = ("%s/teams/%d"):format(self.github.world.base_urls.github, id),
    html_url = ("https://github.com/orgs/%s/teams/%s"):format(self.github.owner, slug),
    members_url = ("%s/teams/%d/members{/member}"):format(self.github.world.base_urls.github, id),
    repositories_url = ("%s/teams/%d/repos"):format(self.github.world.base_urls.github, id),
    parent = json.null,
  }
end

--- The repository, short: as it is inside other objects.
---@return table
function Shapes:repository_short()
  local github = self.github
  return {
    id = 89834567,
    node_id = node("R", 89834567),
    name = github.name,
    full_name = github.owner .. "/" .. github.name,
    private = github.fixture.private == true,
    owner = self:user(github.owner),
    html_url = self:page(""),
    url = self:url(""),
    description = json.null,
    fork = false,
  }
end

---@param viewer table?
---@return table
function Shapes:repository(viewer)
  local github = self.github
  local value = self:repository_short()
  local write = viewer ~= nil and github:can_write(viewer.login)
  local user = viewer and (github.fixture.users or {})[viewer.login] or {}
  value.default_branch = github.fixture.default_branch
  value.archived = false
  value.disabled = false
  value.visibility = value.private and "private" or "public"
  value.clone_url = self:page(".git")
  value.git_url = ("git://github.com/%s/%s.git"):format(github.owner, github.name)
  value.ssh_url = ("git@github.com:%s/%s.git"):format(github.owner, github.name)
  value.svn_url, value.mirror_url = self:page(""), json.null
  value.created_at = M.time((github.world.fixture.start or github.world.now) - 86400 * 900)
  local admin = user.admin == true
  value.updated_at = M.time(github.world.fixture.start or github.world.now)
  value.pushed_at = value.updated_at
  value.homepage, value.language, value.license = json.null, json.null, json.null
  value.size, value.open_issues, value.forks, value.watchers = 1024, 0, 0, 0
  value.open_issues_count, value.forks_count, value.watchers_count, value.stargazers_count = 0, 0, 0, 0
  value.has_issues, value.has_projects, value.has_wiki, value.has_pages, value.has_downloads =
    true, true, false, false, true
  value.has_discussions, value.network_count, value.subscribers_count = false, 0, 1
  value.permissions = { admin = admin, maintain = admin, push = write, triage = write, pull = true }
  if write then
    value.allow_merge_commit = github.pulls:allows("merge")
    value.allow_squash_merge = github.pulls:allows("squash")
    value.allow_rebase_merge = github.pulls:allows("rebase")
    value.delete_branch_on_merge = github.fixture.delete_branch_on_merge == true
    value.allow_auto_merge = false
  end
  return value
end

--- The GitHub user whose name and address a commit carries; what GitHub commits itself is web-flow's.
local function login_of(self, person)
  if person.email == "noreply@github.com" then
    return "web-flow"
  end
  for login, user in sorted(self.github.fixture.users) do
    local email = user.email or (login .. "@users.noreply.github.com")
    if email == person.email then
      return login
    end
  end
  return nil
end

local function signature(person, at)
  return { name = person.name, email = person.email, date = M.time(at) }
end

---@param commit fairlead.world.Commit
---@return table
function Shapes:git_commit(commit)
  local parents = {}
  for i, parent in ipairs(commit.parents) do
    parents[i] = {
      sha = parent,
      url = self:url("/git/commits/" .. parent),
      html_url = self:page("/commit/" .. parent),
    }
  end
  return {
    sha = commit.sha,
    node_id = "C_" .. commit.sha:sub(1, 20),
    url = self:url("/git/commits/" .. commit.sha),
    html_url = self:page("/commit/" .. commit.sha),
    author = signature(commit.author, commit.at),
    committer = signature(commit.committer, commit.at),
    tree = { sha = commit.tree, url = self:url("/git/trees/" .. commit.tree) },
    message = commit.message,
    parents = json.array(parents),
    verification = { verified = false, reason = "unsigned", signature = json.null, payload = json.null,
      verified_at = json.null },
  }
end

---@param commit fairlead.world.Commit
---@return table
function Shapes:commit(commit)
  local inner = self:git_commit(commit)
  local parents = {}
  for i, parent in ipairs(commit.parents) do
    parents[i] = { sha = parent, url = self:url("/commits/" .. parent), html_url = self:page("/commit/" .. parent) }
  end
  local author, committer = login_of(self, commit.author), login_of(self, commit.committer)
  return {
    sha = commit.sha,
    node_id = inner.node_id,
    commit = {
      author = inner.author,
      committer = inner.committer,
      message = inner.message,
      tree = inner.tree,
      url = inner.url,
      comment_count = 0,
      verification = inner.verification,
    },
    url = self:url("/commits/" .. commit.sha),
    html_url = self:page("/commit/" .. commit.sha),
    comments_url = self:url("/commits/" .. commit.sha .. "/comments"),
    author = author and self:user(author) or json.null,
    committer = committer and self:user(committer) or json.null,
    parents = json.array(parents),
  }
end

---@param file {path: string, added: integer, deleted: integer, status: string}
---@param sha string
---@return table
function Shapes:file(file, sha)
  return {
    sha = sha,
    filename = file.path,
    status = file.status,
    additions = file.added,
    deletions = file.deleted,
    changes = file.added + file.deleted,
    blob_url = self:page(("/blob/%s/%s"):format(sha, file.path)),
    raw_url = self:page(("/raw/%s/%s"):format(sha, file.path)),
    contents_url = self:url(("/contents/%s?ref=%s"):format(file.path, sha)),
  }
end

---@param job table
---@return table
function Shapes:check_run(job)
  local run = job.run
  local page = self:page(("/actions/runs/%d/job/%d"):format(run.id, job.id))
  local pulls = {}
  for _, pull in ipairs(self.github.pulls:open_for(run.branch)) do
    pulls[#pulls + 1] = self:pull_reference(pull)
  end
  return {
    id = job.id,
    node_id = node("CR", job.id),
    head_sha = run.sha,
    external_id = ("%08x-0000-0000-0000-%012x"):format(job.id & 0xFFFFFFFF, job.id),
    name = job.name,
    status = job.status,
    conclusion = or_null(job.conclusion),
    started_at = M.time(job.started),
    completed_at = M.time(job.completed),
    url = self:url("/check-runs/" .. job.id),
    html_url = page,
    details_url = page,
    output = { title = json.null, summary = json.null, text = json.null,
      annotations_count = job_log.error_text(job) and 1 or 0,
      annotations_url = self:url(("/check-runs/%d/annotations"):format(job.id)) },
    check_suite = { id = run.suite_id },
    app = self:actions_app(),
    pull_requests = json.array(pulls),
  }
end

--- The app that GitHub's own workflows report as.
---@return table
function Shapes:actions_app()
  return {
    id = 15368,
    slug = "github-actions",
    node_id = node("A", 15368),
    name = "GitHub Actions",
    description = "Automate your workflow from idea to production",
    external_url = "https://help.github.com/en/actions",
    html_url = "https://github.com/apps/github-actions",
    created_at = "2018-07-30T09:30:17Z",
    updated_at = "2025-03-07T16:35:00Z",
    permissions = { actions = "write", checks = "write", contents = "write", statuses = "write" },
    events = json.array { "check_run", "check_suite", "push" },
    owner = self:user("github"),
  }
end

---@param run table
---@return table
function Shapes:check_suite(run)
  local completed = run.status == "completed"
  return {
    id = run.suite_id,
    node_id = node("CS", run.suite_id),
    head_branch = run.branch,
    head_sha = run.sha,
    status = run.status == "waiting" and "queued" or run.status,
    conclusion = completed and run.conclusion or json.null,
    url = self:url("/check-suites/" .. run.suite_id),
    before = json.null,
    after = run.sha,
    pull_requests = json.array {},
    app = self:actions_app(),
    repository = self:repository_short(),
    created_at = M.time(run.created),
    updated_at = M.time(run.updated),
    head_commit = self:commit_reference(run.sha),
    latest_check_runs_count = #run.jobs,
    check_runs_url = self:url(("/check-suites/%d/check-runs"):format(run.suite_id)),
  }
end

---@param status table
---@return table
function Shapes:status(status)
  return {
    id = status.id,
    node_id = node("SC", status.id),
    url = self:url("/statuses/" .. status.sha),
    avatar_url = or_null(status.creator and self:user(status.creator).avatar_url),
    state = status.state,
    description = or_null(status.description),
    target_url = or_null(status.target_url),
    context = status.context,
    created_at = M.time(status.at),
    updated_at = M.time(status.at),
    creator = status.creator and self:user(status.creator) or json.null,
  }
end

---@param workflow table
---@return table
function Shapes:workflow(workflow)
  return {
    id = workflow.id,
    node_id = node("W", workflow.id),
    name = workflow.name,
    path = ".github/workflows/" .. workflow.file,
    state = "active",
    created_at = "2024-01-08T10:00:00.000Z",
    updated_at = "2024-01-08T10:00:00.000Z",
    url = self:url("/actions/workflows/" .. workflow.id),
    html_url = self:page(("/blob/%s/.github/workflows/%s"):format(self.github.fixture.default_branch, workflow.file)),
    badge_url = self:page(("/workflows/%s/badge.svg"):format(workflow.name)),
  }
end

---@param run table
---@return table
function Shapes:run(run)
  local url = self:url("/actions/runs/" .. run.id)
  local pulls = {}
  for _, pull in ipairs(self.github.pulls:open_for(run.branch)) do
    pulls[#pulls + 1] = self:pull_reference(pull)
  end
  return {
    id = run.id,
    node_id = node("WFR", run.id),
    name = run.workflow.name,
    display_title = run.title,
    path = ".github/workflows/" .. run.workflow.file,
    head_branch = run.branch,
    head_sha = run.sha,
    run_number = run.number,
    run_attempt = run.attempt,
    event = run.event,
    status = run.status,
    conclusion = or_null(run.conclusion),
    workflow_id = run.workflow.id,
    check_suite_id = run.suite_id,
    check_suite_node_id = node("CS", run.suite_id),
    url = url,
    html_url = self:page("/actions/runs/" .. run.id),
    pull_requests = json.array(pulls),
    created_at = M.time(run.created),
    updated_at = M.time(run.updated),
    run_started_at = M.time(run.started),
    actor = self:user(run.actor),
    triggering_actor = self:user(run.actor),
    jobs_url = url .. "/jobs",
    logs_url = url .. "/logs",
    check_suite_url = self:url("/check-suites/" .. run.suite_id),
    artifacts_url = url .. "/artifacts",
    cancel_url = url .. "/cancel",
    rerun_url = url .. "/rerun",
    previous_attempt_url = run.attempt > 1 and ("%s/attempts/%d"):format(url, run.attempt - 1) or json.null,
    workflow_url = self:url("/actions/workflows/" .. run.workflow.id),
    head_commit = self:commit_reference(run.sha),
    repository = self:repository_short(),
    head_repository = self:repository_short(),
    referenced_workflows = json.array(self:referenced_workflows(run)),
  }
end

--- The reusable workflows that a run's workflow calls, at the run's own commit.
---@param run table
---@return table[]
function Shapes:referenced_workflows(run)
  local list, seen = {}, {}
  for _, job in ipairs(run.workflow.calls or {}) do
    if job.uses and not seen[job.uses] then
      seen[job.uses] = true
      list[#list + 1] = {
        path = ("%s/%s/.github/workflows/%s@refs/heads/%s"):format(self.github.owner, self.github.name, job.uses,
          run.branch),
        sha = run.sha,
        ref = "refs/heads/" .. run.branch,
      }
    end
  end
  return list
end

---@param job table
---@return table
function Shapes:job(job)
  local run = job.run
  local steps = {}
  for i, step in ipairs(job_log.steps(job)) do
    local lasted = (job.completed or job.started) - job.started
    steps[i] = {
      name = step.name,
      number = i,
      status = step.conclusion and "completed" or "in_progress",
      conclusion = or_null(step.conclusion),
      started_at = M.time(job.started + lasted * step.from),
      completed_at = step.to and M.time(job.started + lasted * step.to) or json.null,
    }
  end
  return {
    id = job.id,
    run_id = run.id,
    run_url = self:url("/actions/runs/" .. run.id),
    run_attempt = job.attempt,
    node_id = node("CR", job.id),
    head_sha = run.sha,
    head_branch = run.branch,
    workflow_name = run.workflow.name,
    url = self:url("/actions/jobs/" .. job.id),
    html_url = self:page(("/actions/runs/%d/job/%d"):format(run.id, job.id)),
    status = job.status,
    conclusion = or_null(job.conclusion),
    created_at = M.time(job.created),
    started_at = M.time(job.started or job.created),
    completed_at = M.time(job.completed),
    name = job.name,
    steps = json.array(steps),
    check_run_url = self:url("/check-runs/" .. job.id),
    labels = json.array { "ubuntu-latest" },
    runner_id = job.started and 1 or json.null,
    runner_name = job.started and "GitHub Actions 1" or json.null,
    runner_group_id = job.started and 0 or json.null,
    runner_group_name = job.started and "GitHub Actions" or json.null,
  }
end

--- A commit as runs and check suites name it.
---@param sha string
---@return table|userdata
function Shapes:commit_reference(sha)
  local commit = self.github:repository().commits[sha]
  return commit and {
    id = commit.sha,
    tree_id = commit.tree,
    message = commit.message,
    timestamp = M.time(commit.at),
    author = { name = commit.author.name, email = commit.author.email },
    committer = { name = commit.committer.name, email = commit.committer.email },
  } or json.null
end

--- A pull request as other objects name it.
---@param pull table
---@return table
function Shapes:pull_reference(pull)
  local repository = self:repository_short()
  local short = { id = repository.id, name = repository.name, url = repository.url }
  return {
    id = pull.id,
    number = pull.number,
    url = self:url("/pulls/" .. pull.number),
    head = { ref = pull.head, sha = pull.head_sha, repo = short },
    base = { ref = pull.base, sha = pull.base_sha, repo = short },
  }
end

return M
