--- The change that a release carries: its pull request, tests, review and merge.
---
--- A change is what travels: {number=, url=, title=, author=, branch=, head=, merged=}; head is the commit of the
--- branch, merged the commit on main.
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local live = require "release.live"
local reviews = require "release.reviews"

---@class Release
local Release = {}

local function short(sha) return sha:sub(1, 8) end

-- ---- Pull request, tests passing ----

local function check_remote(self, repository)
  local remote <const> = repository:remote "origin"
  local name <const> = ("%s/%s"):format(remote.owner, remote.name)
  if name:lower() ~= self.settings.repository:lower() then
    errors.raise {
      kind = "config.invalid", op = "release", target = repository:folder(),
      message = ("its remote origin is %s, but this procedure releases %s"):format(name, self.settings.repository),
      hint = "start it in a clone of " .. self.settings.repository,
    }
  end
end

--- The branch in the working copy, if it is fit to be released.
local function working_branch(self, repository)
  local main <const> = self.settings.main
  check_remote(self, repository)
  local branch <const> = repository:require_branch()
  if branch == main then
    self.run:refuse("on-main", ("%s is checked out in %s; nobody pushes to it"):format(main, repository:folder()),
      "put the change on a branch of its own: git switch -c NAME")
  end
  repository:require_clean()
  repository:fetch { remote = "origin" }
  return branch
end

-- Asked before the first push only: a run that is taken up after its merge has nothing left that main lacks.
local function need_commits(self, repository, branch)
  local main <const> = self.settings.main
  if repository:ahead_behind(branch, "origin/" .. main) == 0 then
    self.run:refuse("nothing-to-release", ("%s has no commit that %s lacks"):format(branch, main),
      "commit the change first")
  end
end

--- Asks every service one harmless question, so that a wrong token or name is found before anything is done.
local function check_access(self)
  self.github:default_branch()
  self.slack:call("auth.test")
  local names = {}
  for name in pairs(self.settings.environments) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do live.current(self, self.settings.environments[name]) end
end

local function remote_head(repository, branch)
  local ok, sha = pcall(repository.resolve, repository, "refs/remotes/origin/" .. branch)
  return ok and sha or nil
end

local function as_change(pull)
  return {
    number = pull.number, url = pull.url, title = pull.title, author = pull.user,
    branch = pull.head.ref, head = pull.head.sha,
  }
end

--- A pull request that was there already shows its old head for a moment after a push.
local function await_push(self, change, sha)
  local before <const> = change.head
  change.head = sha
  if before == sha then return end
  self.run:wait {
    name = "Push seen",
    timeout = self.settings.timeouts.push,
    every = 2,
    check = function()
      local head <const> = self.github:pull_request { number = change.number }.head.sha
      return head ~= before, ("pull request #%d is still at %s"):format(change.number, short(before))
    end,
  }
end

---Pushes the branch that is checked out and opens its pull request, or finds the one that is open.
---@async
---@param options { title: string?, body: string? }
---@return table change
function Release:open_pull_request(options)
  return self.run:stage("Pull request", function()
    local run <const>, gh <const>, main <const> = self.run, self.github, self.settings.main
    local repository <close> = git.open(run.directory)
    local branch <const> = working_branch(self, repository)
    check_access(self)
    local commit <const> = repository:commit(branch)
    run:step("Push", {
      intent = { branch = branch, commit = commit.sha },
      already = function()
        need_commits(self, repository, branch)
        return remote_head(repository, branch) == commit.sha and { commit = commit.sha }
      end,
      act = function()
        repository:push { remote = "origin", branch = branch }
        return { commit = commit.sha }
      end,
    })
    local change <const> = run:step("Open pull request", {
      intent = { head = branch, base = main },
      already = function()
        local pull <const> = gh:pull_request { head = branch, base = main }
        return pull and pull.state == "open" and as_change(pull)
      end,
      act = function()
        return as_change(gh:open_pull_request {
          head = branch, base = main, title = options.title or commit.summary, body = options.body or commit.message,
        })
      end,
    })
    await_push(self, change, commit.sha)
    run:fact(("pull request #%d %s: %s"):format(change.number, change.title, change.url))
    self.talk:begin(change)
    return change
  end)
end

--- The pull request as it is now; the run ends when its head is not the commit that is being released. It may have been
--- merged by hand: tests and review are asked for all the same.
---@async
---@param change table
---@return table pull request
function Release:unmoved(change)
  local pull <const> = self.github:pull_request { number = change.number }
  if pull.state == "closed" then
    self.run:refuse("pull-request-closed", ("pull request #%d was closed"):format(change.number), "open it again")
  end
  if pull.head.sha ~= change.head then
    self.run:refuse("head-moved", ("pull request #%d was at %s and somebody pushed %s since"):format(
      change.number, short(change.head), short(pull.head.sha)), "pull, look at what came, and start again")
  end
  return pull
end

local function tests(self, change)
  local checks <const> = self.github:checks(change.head, { required = self.settings.required_checks })
  if checks.state == "failing" then
    self.run:refuse("tests-failed", ("tests of %s failed: %s"):format(short(change.head), checks.why),
      "read " .. change.url .. "/checks, mend it and start again")
  end
  return checks
end

---Waits until all tests of the change's head commit have passed.
---@async
---@param change table
function Release:pass_tests(change)
  self.run:wait {
    name = "Tests",
    timeout = self.settings.timeouts.tests,
    every = 10,
    check = function()
      self:unmoved(change)
      local checks <const> = tests(self, change)
      return checks.state == "passing" and { commit = change.head, why = checks.why }, checks.why
    end,
  }
end

-- ---- Review and merge ----

---Asks for a review and waits until another developer has approved the head commit.
---@async
---@param change table
function Release:get_reviewed(change)
  self.run:gate {
    name = "Review",
    question = ("%s: review of #%d %s by another developer"):format(self.settings.name, change.number, change.title),
    evidence = function() return { commit = self:unmoved(change).head.sha } end,
    via = { reviews.channel(self, change) },
    timeout = self.settings.timeouts.review,
  }
end

---Merges exactly the commit that was tested and reviewed.
---@async
---@param change table gets `merged`, the commit on main
function Release:merge(change)
  self.run:stage("Merge", function()
    local gh <const> = self.github
    local merged <const> = self.run:step("Merge pull request", {
      intent = { number = change.number, head = change.head, method = self.settings.merge_method },
      already = function()
        local pull <const> = gh:pull_request { number = change.number }
        return pull.merged and pull.head.sha == change.head and { commit = pull.merge_commit_sha }
      end,
      act = function()
        if tests(self, change).state ~= "passing" then
          self.run:refuse("tests-not-passing", ("tests of %s run again"):format(short(change.head)), "start again")
        end
        self:unmoved(change)
        local done <const>, err <const> = try(gh.merge, gh,
          { number = change.number, sha = change.head, method = self.settings.merge_method })
        if err and err:is "github.api.conflict" then self:unmoved(change) end -- says who moved it
        if err then error(err, 0) end
        return { commit = done.sha }
      end,
    })
    change.merged = merged.commit
    self.run:fact(("merged into %s as %s"):format(self.settings.main, merged.commit))
    self.run:notify { text = (":twisted_rightwards_arrows: merged as %s"):format(short(merged.commit)) }
  end)
end

return Release
