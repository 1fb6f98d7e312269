-- The simulated GitHub, asked over HTTP as anybody would ask it.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local process = require "fairlead.process"
local support = require "spec.support.world"

local R <const> = support.REPOSITORY

local function git(folder, ...)
  return process.run { "git", cwd = folder, ... }
end

local function push(w, ...)
  return git(w:open().work, "push", "-q", "origin", ...)
end

--- Pushes the branch and opens its pull request.
local function open_pull(w, call, title)
  push(w, "light-it"):check()
  local response, pull = call("POST", R .. "/pulls", {
    body = { title = title or "Light it", head = "light-it", base = "main" },
  })
  assert.equal(201, response.status)
  return pull
end

--- Opens a pull request, lets its checks pass and has it approved by Bob.
local function approved_pull(w, call)
  local pull = open_pull(w, call)
  clock.sleep(200)
  local response = call("POST", ("%s/pulls/%d/reviews"):format(R, pull.number), {
    body = { event = "APPROVE" },
    token = "ghp_bobs-token",
  })
  assert.equal(200, response.status)
  return pull
end

local function merge(call, pull, body)
  return call("PUT", ("%s/pulls/%d/merge"):format(R, pull.number), { body = body or {} })
end

--- Asks until `done(body)`, at most for ten minutes; gives the body and the seconds.
local function poll(call, path, done)
  local began = clock.now()
  while clock.now() - began < 600 do
    local _, body = call("GET", path)
    if done(body) then
      return body, clock.now() - began
    end
    clock.sleep(1)
  end
  error("never so: GET " .. path)
end

describe("world.github's door", function()
  it("knows a token's owner and refuses a token that it does not know", function()
    support.visit({}, function(_, call)
      local _, user = call("GET", "/user")
      assert.equal("ada", user.login)
      local response, body = call("GET", "/user", { token = "ghp_wrong" })
      assert.equal(401, response.status)
      assert.equal("Bad credentials", body.message)
      local old_form = { authorization = "token ghp_a-developers-token" }
      assert.equal("ada", select(2, call("GET", "/user", { headers = old_form })).login)
    end)
  end)

  it("answers 404 for other repositories and for what it does not know", function()
    support.visit({}, function(_, call)
      for _, path in ipairs { "/repos/acme/other", "/repos/other/lighthouse/pulls", "/no/such/route" } do
        local response, body = call("GET", path)
        assert.equal(404, response.status)
        assert.equal("Not Found", body.message)
        assert.matches("^https://docs.github.com/", body.documentation_url)
      end
    end)
  end)

  it("refuses with 403 what a token or its owner may not do", function()
    support.visit({}, function(w, call)
      push(w, "light-it"):check()
      local response, body = call("GET", R .. "/commits/main/check-runs", { token = "github_pat_narrow" })
      assert.equal(403, response.status)
      assert.equal("Resource not accessible by personal access token", body.message)
      assert.equal("checks=read", response.headers["x-accepted-github-permissions"])
      assert.equal("checks:read", w.github.requests[#w.github.requests].right)
      assert.equal(200, (call("GET", R .. "/commits/main", { token = "github_pat_narrow" })).status)
      response = call("POST", R .. "/pulls", {
        token = "ghp_eves-token",
        body = { title = "x", head = "light-it", base = "main" },
      })
      assert.equal(403, response.status)
    end)
  end)

  it("refuses a request that does not say who it is", function()
    support.visit({}, function(w)
      local message = require "fairlead.world.message"
      local answer = w:handle(message.parse { method = "GET", url = "https://api.github.com/user", headers = {} })
      assert.equal(403, answer.status)
      assert.matches("User%-Agent", answer.body)
    end)
  end)

  it("refuses bodies that are not JSON, lack fields or have fields of the wrong type", function()
    support.visit({}, function(w, call)
      local message = require "fairlead.world.message"
      local function post(body)
        local answer = w:handle(message.parse {
          method = "POST",
          url = "https://api.github.com" .. R .. "/pulls",
          headers = { { "user-agent", "spec" }, { "authorization", "Bearer ghp_a-developers-token" } },
          body = body,
        })
        return answer.status, json.decode(answer.body).message
      end
      assert.same({ 400, "Problems parsing JSON" }, { post "{" })
      assert.same({ 400, "Body should be a JSON object" }, { post "[1]" })
      local status, text = post '{"title":"x","base":"main"}'
      assert.equal(422, status)
      assert.matches('"head" wasn\'t supplied', text)
      status, text = post '{"title":"x","base":"main","head":7}'
      assert.equal(422, status)
      assert.matches("7 is not a string", text)
      local _, body = call("POST", R .. "/pulls", { body = { head = "light-it", base = "main" } })
      assert.same({ { resource = "PullRequest", code = "missing_field", field = "title" } }, body.errors)
    end)
  end)

  it("counts requests, but not those that are answered 304", function()
    support.visit({}, function(_, call)
      local first = call("GET", R)
      assert.equal("4999", first.headers["x-ratelimit-remaining"])
      local again = call("GET", R, { headers = { ["if-none-match"] = first.headers.etag } })
      assert.equal(304, again.status)
      assert.equal("", again.body)
      assert.equal("4999", again.headers["x-ratelimit-remaining"])
      local other = call("GET", R .. "/branches", { headers = { ["if-none-match"] = first.headers.etag } })
      assert.equal(200, other.status)
    end)
  end)

  it("refuses when the hour's requests are used up, until the hour is over", function()
    support.visit({ changes = { github = { rate_limit = 3 } } }, function(_, call)
      for _ = 1, 3 do
        assert.equal(200, (call("GET", R)).status)
      end
      local response, body = call("GET", R)
      assert.equal(403, response.status)
      assert.matches("API rate limit exceeded", body.message)
      assert.equal("0", response.headers["x-ratelimit-remaining"])
      clock.sleep(tonumber(response.headers["x-ratelimit-reset"]) - clock.now())
      assert.equal(200, (call("GET", R)).status)
    end)
  end)

  it("refuses for a while who asks too fast, and says for how long", function()
    support.visit({}, function(_, call)
      local response, body
      for _ = 1, 81 do
        response, body = call("POST", R .. "/issues", { body = { title = "x" } })
        clock.sleep(0.01)
      end
      assert.equal(403, response.status)
      assert.are_not.equal("0", response.headers["x-ratelimit-remaining"])
      assert.matches("secondary rate limit", body.message)
      local seconds = tonumber(response.headers["retry-after"])
      assert.is_true(seconds >= 1 and seconds <= 60)
      assert.equal(200, (call("GET", "/user")).status) -- reads have room of their own
      clock.sleep(seconds)
      assert.equal(201, (call("POST", R .. "/issues", { body = { title = "x" } })).status)
    end)
    support.visit({ changes = { github = { secondary_limits = { points = 20 } } } }, function(_, call)
      local statuses = {}
      for i = 1, 22 do
        statuses[i] = call("GET", "/user").status
      end
      assert.equal(200, statuses[1])
      assert.equal(403, statuses[22])
    end)
  end)

  it("gives lists in pages with links to the next", function()
    support.visit({}, function(w, call)
      push(w, "light-it"):check()
      local first, page = call("GET", R .. "/commits", { query = { sha = "light-it", per_page = 2 } })
      assert.equal(2, #page)
      local following = first.headers.link:match('<https://api.github.com([^>]+)>; rel="next"')
      local second, rest = call("GET", following)
      assert.equal(1, #rest)
      assert.is_nil(second.headers.link:match 'rel="next"')
      assert.matches('rel="prev"', second.headers.link)
    end)
  end)

  it("says so when it cannot answer a GraphQL query", function()
    support.visit({}, function(_, call)
      local _, known = call("POST", "/graphql", { body = { query = "query { viewer { login } }" } })
      assert.equal("ada", known.data.viewer.login)
      local response, unknown = call("POST", "/graphql", { body = { query = "{ search { x } }" } })
      assert.equal(200, response.status)
      assert.matches("search", unknown.errors[1].message)
    end)
  end)
end)

describe("world.github's repository", function()
  it("is real git, with the same commits in every world", function()
    local ids = {}
    for i = 1, 2 do
      support.visit({ seed = i }, function(w)
        clock.sleep(i * 5000) -- whenever the repository is made
        w:settle()
        local folder = w:open()
        local log = git(folder.work, "log", "--format=%H %an <%ae> %ad %s", "--date=unix"):check().stdout
        assert.matches("^%x+ Ada <ada@example.com> 1772438400 Tell of it\n", log)
        ids[i] = log
        assert.equal("", git(folder.origin, "fsck", "--strict", "--no-dangling"):check().stdout)
        assert.equal("", git(folder.work, "status", "--porcelain"):check().stdout)
        assert.equal("https://github.com/acme/lighthouse.git\n",
          git(folder.work, "config", "remote.origin.url"):check().stdout)
        assert.equal("main\n", git(folder.origin, "for-each-ref", "--format=%(refname:short)"):check().stdout)
      end)
    end
    assert.equal(ids[1], ids[2])
  end)

  it("refuses pushes to the protected branch, in GitHub's words", function()
    local refusals = { ruleset = "GH013: Repository rule violations", protection = "GH006: Protected branch" }
    for kind, words in pairs(refusals) do
      support.visit({ changes = { github = { rules = { kind = kind } } } }, function(w)
        local done = push(w, "light-it:main", "light-it")
        assert.equal(1, done.code)
        assert.matches(words, done.stderr)
        assert.matches("remote rejected", done.stderr)
        w:settle()
        assert.is_truthy(w.folder.repository.branches["light-it"])
        assert.are_not.equal(w.folder.repository.branches["light-it"], w.folder.repository.branches.main)
      end)
    end
  end)

  it("shows what was pushed: commits that somebody made in the clone", function()
    support.visit({}, function(w, call)
      local work = w:open().work
      git(work, "commit", "-q", "--allow-empty", "-m", "A third\n\nand its text"):check()
      local head = git(work, "rev-parse", "HEAD"):check().stdout:sub(1, -2)
      assert.equal(422, (call("GET", R .. "/commits/" .. head)).status)
      push(w, "HEAD"):check()
      local _, commit = call("GET", R .. "/commits/light-it")
      assert.equal(head, commit.sha)
      assert.equal("A third\n\nand its text", commit.commit.message)
      assert.equal("ada", commit.author.login)
      assert.equal(head, select(2, call("GET", R .. "/git/ref/heads/light-it")).object.sha)
      assert.equal(head, select(2, call("GET", R .. "/commits/" .. head:sub(1, 7))).sha)
      local _, comparison = call("GET", R .. "/compare/main...light-it")
      assert.equal("ahead", comparison.status)
      assert.equal(3, comparison.ahead_by)
      assert.equal(2, #comparison.files)
    end)
  end)

  it("gives files, and deletes branches but not the protected one", function()
    support.visit({}, function(w, call)
      push(w, "light-it"):check()
      local _, file = call("GET", R .. "/contents/lamp.txt", { query = { ref = "light-it" } })
      assert.equal("bGlnaHQK\n", file.content)
      assert.equal(git(w.folder.work, "rev-parse", "HEAD:lamp.txt"):check().stdout:sub(1, -2), file.sha)
      assert.equal(404, (call("GET", R .. "/contents/none.txt")).status)
      assert.equal(204, (call("DELETE", R .. "/git/refs/heads/light-it")).status)
      assert.equal(404, (call("GET", R .. "/branches/light-it")).status)
      assert.equal(422, (call("DELETE", R .. "/git/refs/heads/main")).status)
    end)
  end)

  it("tells the rules of a branch: rulesets and classic protection apart", function()
    support.visit({}, function(_, call)
      local _, rules = call("GET", R .. "/rules/branches/main")
      local by_type = {}
      for _, rule in ipairs(rules) do
        by_type[rule.type] = rule.parameters or true
      end
      assert.equal(1, by_type.pull_request.required_approving_review_count)
      assert.equal("lint", by_type.required_status_checks.required_status_checks[1].context)
      assert.same({}, select(2, call("GET", R .. "/rules/branches/light-it")))
      assert.equal(404, (call("GET", R .. "/branches/main/protection", { token = "ghp_roots-token" })).status)
    end)
    support.visit({ changes = { github = { rules = { kind = "protection", required_checks = { "unit" } } } } },
      function(_, call)
        assert.same({}, select(2, call("GET", R .. "/rules/branches/main")))
        assert.equal(404, (call("GET", R .. "/branches/main/protection")).status) -- only for admins
        local _, protection = call("GET", R .. "/branches/main/protection", { token = "ghp_roots-token" })
        assert.same({ "unit" }, protection.required_status_checks.contexts)
        assert.is_true(select(2, call("GET", R .. "/branches/main")).protected)
      end)
  end)
end)

describe("world.github's pull requests", function()
  it("are refused without commits, without a branch, and twice", function()
    support.visit({}, function(w, call)
      local function refusal(body)
        local response, answer = call("POST", R .. "/pulls", { body = body })
        assert.equal(422, response.status)
        return answer.errors[1]
      end
      assert.same({ resource = "PullRequest", field = "head", code = "invalid" },
        refusal { title = "x", head = "light-it", base = "main" })
      assert.equal("No commits between main and main", refusal({ title = "x", head = "main", base = "main" }).message)
      open_pull(w, call)
      assert.equal("A pull request already exists for acme:light-it.",
        refusal({ title = "x", head = "light-it", base = "main" }).message)
      local _, list = call("GET", R .. "/pulls", { query = { head = "acme:light-it" } })
      assert.equal(1, #list)
      assert.equal(0, #select(2, call("GET", R .. "/pulls", { query = { head = "acme:other" } })))
      assert.equal(0, #select(2, call("GET", R .. "/pulls", { query = { state = "closed" } })))
    end)
  end)

  it("do not know at first whether they can be merged", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      assert.equal(json.null, pull.mergeable)
      assert.equal("unknown", pull.mergeable_state)
      local found, seconds = poll(call, R .. "/pulls/" .. pull.number, function(body)
        return body.mergeable ~= json.null
      end)
      assert.is_true(found.mergeable)
      assert.equal("blocked", found.mergeable_state)
      -- The test merge: a commit that is on no branch.
      local test_merge = process.run({ "git", "cat-file", "-p", found.merge_commit_sha, cwd = w.folder.origin }):check()
      assert.matches("parent " .. pull.base.sha .. "\nparent " .. pull.head.sha .. "\n", test_merge.stdout)
      assert.equal(pull.base.sha .. "\n", git(w.folder.origin, "rev-parse", "main"):check().stdout)
      assert.is_true(seconds >= 0.5)
      assert.equal(2, found.commits)
      assert.equal(2, found.changed_files)
    end)
  end)

  it("are dirty when the branches conflict, and not merged then", function()
    support.visit({ changes = { github = { rules = { required_checks = {} } } } }, function(w, call)
      local pull = open_pull(w, call)
      w.github:commit_as("main", { author = "bob", message = "Another light", files = { ["lamp.txt"] = "red\n" } })
      local found = poll(call, R .. "/pulls/" .. pull.number, function(body)
        return body.mergeable ~= json.null
      end)
      assert.is_false(found.mergeable)
      assert.equal("dirty", found.mergeable_state)
      local response, body = merge(call, pull)
      assert.equal(405, response.status)
      assert.equal("Pull Request is not mergeable", body.message)
    end)
  end)

  it("merge into a commit with both parents, and close", function()
    support.visit({}, function(w, call)
      local pull = approved_pull(w, call)
      local pulled = poll(call, R .. "/pulls/" .. pull.number, function(body)
        return body.mergeable_state == "clean"
      end)
      local response, merged = merge(call, pull, { sha = pull.head.sha })
      assert.equal(200, response.status)
      assert.is_true(merged.merged)
      local parents = git(w.folder.origin, "show", "-s", "--format=%P%n%s%n%an%n%cn", "main"):check().stdout
      local expected = "%s %s\nMerge pull request #%d from acme/light-it\nAda\nGitHub\n"
      assert.equal(expected:format(pull.base.sha, pull.head.sha, pull.number), parents)
      assert.equal(merged.sha .. "\n", git(w.folder.origin, "rev-parse", "main"):check().stdout)
      git(w.folder.origin, "fsck", "--strict", "--no-dangling"):check()
      local _, closed = call("GET", R .. "/pulls/" .. pull.number)
      assert.equal("closed", closed.state)
      assert.is_true(closed.merged)
      assert.equal(merged.sha, closed.merge_commit_sha)
      assert.are_not.equal(merged.sha, pulled.merge_commit_sha)
      assert.equal(204, (call("GET", ("%s/pulls/%d/merge"):format(R, pull.number))).status)
      assert.equal(405, (merge(call, pull)).status)
    end)
  end)

  it("squash into one commit; rebasing is not allowed here", function()
    support.visit({}, function(w, call)
      local pull = approved_pull(w, call)
      local response, body = merge(call, pull, { merge_method = "rebase" })
      assert.equal(405, response.status)
      assert.equal("Rebase merges are not allowed on this repository.", body.message)
      assert.equal(422, (merge(call, pull, { merge_method = "octopus" })).status)
      assert.equal(200, (merge(call, pull, { merge_method = "squash" })).status)
      assert.equal(pull.base.sha .. " Light it (#412)\n",
        git(w.folder.origin, "show", "-s", "--format=%P %s", "main"):check().stdout)
      assert.equal("light\n", git(w.folder.origin, "show", "main:lamp.txt"):check().stdout)
    end)
  end)

  it("are not merged by 409 when the head is not the expected one", function()
    support.visit({}, function(w, call)
      local pull = approved_pull(w, call)
      local response, body = merge(call, pull, { sha = ("0"):rep(40) })
      assert.equal(409, response.status)
      assert.equal("Head branch was modified. Review and try the merge again.", body.message)
    end)
  end)

  it("are not merged while checks are missing, run or have failed, or approvals are missing", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      local function why()
        local response, body = merge(call, pull)
        assert.equal(405, response.status)
        return body.message
      end
      assert.matches('Required status check "lint" is expected%.', why())
      clock.sleep(20)
      assert.matches('Required status check "lint" is in progress%.', why())
      clock.sleep(180)
      assert.equal("Repository rule violations found\n\nAt least 1 approving review is required by reviewers with "
        .. "write access.\n\n", why())
    end)
    support.visit({ scenario = "tests-fail" }, function(w, call)
      local pull = open_pull(w, call)
      clock.sleep(200)
      local _, body = merge(call, pull)
      assert.matches('Required status check "unit" is failing%.', body.message)
    end)
  end)

  it("take no approval from their author, nor from who may not write, and lose it with a push", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      local reviews = ("%s/pulls/%d/reviews"):format(R, pull.number)
      local response, body = call("POST", reviews, { body = { event = "APPROVE" } })
      assert.equal(422, response.status)
      assert.same({ "Review Can not approve your own pull request" }, body.errors)
      assert.equal(422, (call("POST", reviews, { body = { event = "COMMENT" }, token = "ghp_bobs-token" })).status)
      w.github.pulls:review(w.github.pulls:get(pull.number), { by = "eve", state = "APPROVED" })
      clock.sleep(200)
      assert.equal(405, (merge(call, pull)).status)
      call("POST", reviews, { body = { event = "APPROVE" }, token = "ghp_bobs-token" })
      git(w.folder.work, "commit", "-q", "--allow-empty", "-m", "More"):check()
      push(w, "light-it"):check()
      local _, list = call("GET", reviews)
      assert.equal("DISMISSED", list[2].state)
      assert.equal(pull.head.sha, list[2].commit_id)
      assert.are_not.equal(pull.head.sha, select(2, call("GET", R .. "/pulls/" .. pull.number)).head.sha)
    end)
  end)

  it("ask people and teams for reviews, and refuse who cannot be asked", function()
    support.visit({}, function(w, call)
      local pull = open_pull(w, call)
      local path = ("%s/pulls/%d/requested_reviewers"):format(R, pull.number)
      assert.equal(422, (call("POST", path, { body = { reviewers = { "ada" } } })).status)
      assert.equal(422, (call("POST", path, { body = { reviewers = { "nobody" } } })).status)
      local both = { reviewers = { "bob" }, team_reviewers = { "keepers" } }
      assert.equal(201, (call("POST", path, { body = both })).status)
      local _, asked = call("GET", path)
      assert.equal("bob", asked.users[1].login)
      assert.equal("keepers", asked.teams[1].slug)
    end)
  end)
end)
