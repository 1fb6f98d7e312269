--- The vocabulary in which procedures are written: what the releases of all applications share. Each method is one
--- part of the page that the teams used to follow by hand, and one part of the tree that a run shows.
---
--- A change is what travels: {number=, url=, title=, author=, branch=, head=, merged=}; head is the commit of the
--- branch, merged the commit on main. What is true of one application only is in settings.lua.
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local github = require "fairlead.github"
local live = require "release.live"
local reviews = require "release.reviews"
local slack = require "fairlead.slack"
local talk = require "release.talk"

---@class Release
---@field run procedure.Run
---@field settings table of the application; see settings.lua
---@field github fairlead.github.Client
---@field talk Talk
---@field results table<string, table> what is live where, by environment, as live.follow found it
local Release = {}
Release.__index = Release

local M = {}

---@param run procedure.Run
---@param settings table of one application
---@param options { sites: string? }? sites: a URL with {host} in it, where the sites are not in public
---@return Release
function M.new(run, settings, options)
  local self = setmetatable({ run = run, settings = settings, results = {} }, Release)
  self.sites = options and options.sites
  if self.sites and not self.sites:find "^https?://[^%s]+$" then
    errors.raise {
      kind = "usage", op = "release", target = self.sites, message = "is no address for the sites",
      hint = "write it as http://127.0.0.1:8080/sites/{host}",
    }
  end
  self.github = github.client { repository = settings.repository }
  self.slack = slack.client {}
  self.talk = talk.new(run, self.slack, settings)
  return self
end

local function short(sha) return sha:sub(1, 8) end

-- Environments are parts of the plan by their names: "Staging".
local function stage_of(environment) return (environment:gsub("^%l", string.upper)) end

-- ---- 1. Pull request, tests passing ----

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
local function unmoved(self, change)
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
      unmoved(self, change)
      local checks <const> = tests(self, change)
      return checks.state == "passing" and { commit = change.head, why = checks.why }, checks.why
    end,
  }
end

-- ---- 2. Development ----

-- `check` is asked right before, and not again when a run is taken up that has started the build: what it asks for may
-- have changed since, and by this run itself.
local function dispatch(self, environment, ref, sha, check)
  local workflow <const> = self.settings.publish_workflow
  return self.run:step("Start the build", {
    intent = { workflow = workflow, ref = ref, environment = environment, commit = sha },
    already = function(begun)
      local started <const> = begun
        and self.github:find_dispatched { workflow = workflow, ref = ref, sha = sha, since = begun.began }
      if started then return { id = started.id, url = started.url } end
      check()
    end,
    act = function()
      local started <const> = self.github:dispatch {
        workflow = workflow, ref = ref, sha = sha, inputs = { environment = environment },
      }
      return { id = started.id, url = started.url }
    end,
  })
end

local function follow(self, environment, sha, build)
  local result <const> = live.follow(self, self.settings.environments[environment], sha, build)
  self.results[environment] = result
  self.run:notify { text = (":white_check_mark: %s is live in %s: %s"):format(short(sha), environment, result.site) }
end

-- There is one environment of each kind for everybody: it is this release's while it deploys there and tries what came.
local function have(self, environment, change)
  local thread <const> = self.talk.thread
  return self.run:lock(environment, {
    reason = ("%s #%d %s"):format(self.settings.name, change.number, change.title),
    ["for"] = self.settings.holds[environment],
    timeout = self.settings.timeouts.lock,
    notify = thread and { slack = { channel = thread.channel, thread = thread.ts } } or nil,
  })
end

---Builds the branch, deploys it to an environment and tries it there.
---@async
---@param environment string
---@param change table
function Release:try_in(environment, change)
  self.run:stage(stage_of(environment), function()
    local _ <close> = have(self, environment, change)
    local build <const> = dispatch(self, environment, change.branch, change.head, function() unmoved(self, change) end)
    follow(self, environment, change.head, build)
  end)
end

-- ---- 3. Review and merge ----

---Asks for a review and waits until another developer has approved the head commit.
---@async
---@param change table
function Release:get_reviewed(change)
  self.run:gate {
    name = "Review",
    question = ("%s: review of #%d %s by another developer"):format(self.settings.name, change.number, change.title),
    evidence = function() return { commit = unmoved(self, change).head.sha } end,
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
        unmoved(self, change)
        local done <const>, err <const> = try(gh.merge, gh,
          { number = change.number, sha = change.head, method = self.settings.merge_method })
        if err and err:is "github.api.conflict" then unmoved(self, change) end -- says who moved it
        if err then error(err, 0) end
        return { commit = done.sha }
      end,
    })
    change.merged = merged.commit
    self.run:fact(("merged into %s as %s"):format(self.settings.main, merged.commit))
    self.run:notify { text = (":twisted_rightwards_arrows: merged as %s"):format(short(merged.commit)) }
  end)
end

-- ---- 4. Staging, then production ----

--- The build that the merge started.
local function build_of_push(self, sha)
  local workflow <const> = self.settings.publish_workflow
  return self.run:wait {
    name = "Start of the build",
    timeout = self.settings.timeouts.build,
    every = 5,
    check = function()
      local found <const> = self.github:workflow_runs { head_sha = sha, workflow = workflow, event = "push" }[1]
      if not found then return nil, ("%s has not started for %s"):format(workflow, short(sha)) end
      return { id = found.id, url = found.url }
    end,
  }
end

---Follows what the merge started until the change is live in an environment, and tries it there.
---@async
---@param environment string
---@param change table
function Release:go_live(environment, change)
  self.run:stage(stage_of(environment), function()
    local _ <close> = have(self, environment, change)
    follow(self, environment, change.merged, build_of_push(self, change.merged))
  end)
end

local function head_of_main(self)
  return self.github:get("branches/" .. self.settings.main).commit.sha
end

--- Slack ids of the admins, less the change's own author and whoever releases it.
local function approvers_of(self, change)
  local ids, requester <const> = {}, self.github:viewer()
  for login, id in pairs(self.settings.admins) do
    if login ~= change.author and login ~= requester then ids[#ids + 1] = id end
  end
  table.sort(ids)
  if #ids == 0 then
    self.run:refuse("no-approver", "the only admin is the change's author, or releases it",
      "name another one in settings.lua, or let somebody else release it")
  end
  return ids
end

---Asks an admin, in Slack, with what the decision is about: the commit, and what runs where it was tried.
---@async
---@param change table
---@param where { after: string, before: string } names of environments
function Release:get_approved(change, where)
  local tried <const>, approvers <const> = self.results[where.after], approvers_of(self, change)
  self.run:gate {
    name = "Approval",
    question = ("%s: deploy %s, %q, to %s?"):format(
      self.settings.name, short(change.merged), change.title, where.before),
    evidence = function()
      return {
        commit = change.merged, main = head_of_main(self), pull_request = change.url,
        [where.after] = {
          image = tried.digest, deployment = live.current(self, self.settings.environments[where.after]),
        },
      }
    end,
    approvers = approvers,
    via = { self.talk:approval(approvers) },
    timeout = self.settings.timeouts.approval,
  }
end

---Builds main for an environment, deploys it there and tries it.
---@async
---@param environment string
---@param change table
function Release:promote(environment, change)
  self.run:stage(stage_of(environment), function()
    local _ <close> = have(self, environment, change)
    local build <const> = dispatch(self, environment, self.settings.main, change.merged, function()
      local main <const> = head_of_main(self)
      if main == change.merged then return end
      self.run:refuse("main-moved", ("%s is at %s; %s is no longer the newest"):format(
        self.settings.main, short(main), short(change.merged)), "release what is there now")
    end)
    follow(self, environment, change.merged, build)
  end)
end

return M
