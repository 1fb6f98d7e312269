return [[
== client
local gh = github.client { repository = "acme/lighthouse" }
print(gh:viewer()) --> ada

== approval
local channel = github.approval { client = github.client { repository = "acme/lighthouse" }, run = 1,
  environment = "production" }
print(channel.name)

== question
local channel = github.question { client = github.client { repository = "acme/lighthouse" }, number = 1,
  approvers = function() return { "root" } end }
print(channel.name)

== Client:pull_request
git.open(w.folder.work):push { branch = "light-the-lamp" }
local gh = github.client { repository = "acme/lighthouse" }
gh:open_pull_request { head = "light-the-lamp", title = "Light the lamp" }
print(gh:pull_request({ head = "light-the-lamp" }).title) --> Light the lamp

== Client:open_pull_request
git.open(w.folder.work):push { branch = "light-the-lamp" }
local gh = github.client { repository = "acme/lighthouse" }
local pull = gh:open_pull_request { head = "light-the-lamp", base = "main", title = "Light the lamp" }
print(pull.state) --> open

== Client:checks
local repository = git.open(w.folder.work)
repository:push { branch = "light-the-lamp" }
local gh = github.client { repository = "acme/lighthouse" }
local checks = gh:checks(repository:head().sha)
print(checks.state, checks.why)

== Client:reviews
git.open(w.folder.work):push { branch = "light-the-lamp" }
local gh = github.client { repository = "acme/lighthouse" }
local pull = gh:open_pull_request { head = "light-the-lamp", title = "Light the lamp" }
print(#gh:reviews(pull.number)) --> 0

== Client:merge
local repository = git.open(w.folder.work)
repository:push { branch = "light-the-lamp" }
local gh = github.client { repository = "acme/lighthouse" }
local pull = gh:open_pull_request { head = "light-the-lamp", title = "Light the lamp" }
local _, err = try(gh.merge, gh, { number = pull.number, sha = repository:head().sha, method = "squash" })
print(err and err.kind) --> github.api.not_mergeable

== Client:branch_rules
local rules = github.client { repository = "acme/lighthouse" }:branch_rules "main"
print(rules.approvals, table.concat(rules.checks_required, " ")) --> 1	lint unit

== Client:default_branch
print(github.client { repository = "acme/lighthouse" }:default_branch()) --> main

== Client:permission
print(github.client { repository = "acme/lighthouse" }:permission "root") --> admin

== Client:viewer
print(github.client { repository = "acme/lighthouse" }:viewer()) --> ada

== Client:is_own
print(github.client { repository = "acme/lighthouse" }:is_own { login = "ada" }) --> true

== Client:dispatch
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
print(gh:workflow_run(started.id).state) --> pending

== Client:find_dispatched
local gh = github.client { repository = "acme/lighthouse" }
local began = clock.now()
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
print(gh:find_dispatched({ workflow = "publish.yml", ref = "main", since = began }).id == started.id) --> true

== Client:workflow_run
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
local found = gh:workflow_run(started.id)
print(found.state, found.url ~= nil) --> pending	true

== Client:workflow_runs
local gh = github.client { repository = "acme/lighthouse" }
gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
print(#gh:workflow_runs { workflow = "publish.yml", branch = "main" }) --> 1

== Client:jobs
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
clock.sleep(60)
for _, job in ipairs(gh:jobs(started.id)) do print(job.name, job.state) end

== Client:job_log
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "staging" } }
clock.sleep(600)
print(type(gh:job_log(gh:jobs(started.id)[1].id, 2000)))

== Client:pending_deployments
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "production" } }
for _, pending in ipairs(gh:pending_deployments(started.id)) do print(pending.environment) end

== Client:review_deployments
local gh = github.client { repository = "acme/lighthouse" }
local started = gh:dispatch { workflow = "publish.yml", ref = "main", inputs = { environment = "production" } }
local _, err = try(gh.review_deployments, gh, { run = started.id, environments = { "production" }, state = "approved",
  comment = "seen" })
print(err and err.kind)

== Client:get
print(github.client {}:get("/repos/acme/lighthouse").default_branch) --> main

== Client:post
local gh = github.client { repository = "acme/lighthouse" }
local sha = gh:get("/repos/acme/lighthouse/commits/main").sha
print(gh:post("/repos/acme/lighthouse/git/refs", { ref = "refs/heads/try-it", sha = sha }).ref) --> refs/heads/try-it

== Client:patch
local gh = github.client { repository = "acme/lighthouse" }
local sha = gh:get("/repos/acme/lighthouse/commits/main").sha
gh:post("/repos/acme/lighthouse/git/refs", { ref = "refs/heads/try-it", sha = sha })
gh:patch("/repos/acme/lighthouse/git/refs/heads/try-it", { sha = sha, force = false })

== Client:put
local _, err = try(function() return github.client {}:put("/repos/acme/lighthouse/pulls/99/merge", {}) end)
print(err.kind) --> github.api.not_found

== Client:delete
local gh = github.client { repository = "acme/lighthouse" }
local sha = gh:get("/repos/acme/lighthouse/commits/main").sha
gh:post("/repos/acme/lighthouse/git/refs", { ref = "refs/heads/try-it", sha = sha })
gh:delete "/repos/acme/lighthouse/git/refs/heads/try-it"

== Client:request
local gh = github.client { repository = "acme/lighthouse" }
print(gh:request("GET", "/repos/acme/lighthouse/pulls", { state = "open" }))

== Client:list
print(#github.client {}:list("/repos/acme/lighthouse/pulls", { state = "open" })) --> 0

== Client:paginate
for pull in github.client {}:paginate("/repos/acme/lighthouse/pulls", { state = "all" }) do print(pull.title) end

== Client:path
print(github.client { repository = "acme/lighthouse" }:path "/pulls") --> /repos/acme/lighthouse/pulls

== Client:subject
print(github.client { repository = "acme/lighthouse" }:subject "#5") --> acme/lighthouse#5

== Client:graphql
local query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { nameWithOwner } }"
local answer, err = try(function() return github.client {}:graphql(query, { owner = "acme", name = "lighthouse" }) end)
print(answer or err) -- the simulated GitHub answers REST only

== Client:graphql_nodes
local query = "query($after: String) { viewer { repositories(first: 50, after: $after) "
  .. "{ nodes { name } pageInfo { hasNextPage endCursor } } } }"
local found, err = try(function()
  for node in github.client {}:graphql_nodes(query, {}, { "viewer", "repositories" }) do print(node.name) end
end)
print(found or err) -- the simulated GitHub answers REST only

== Client:upload_asset
local gh = github.client { repository = "acme/lighthouse" }
local _, err = try(gh.upload_asset, gh, { release = 1, name = "notes.txt", content = "what is new" })
print(err) -- the simulated GitHub has no releases
]]
