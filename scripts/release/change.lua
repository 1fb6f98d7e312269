--- The change that a release carries: its pull request and its merge. Its tests are in checks.lua, its review in
--- reviews.lua.
---
--- A change is what travels: {number=, url=, title=, author=, branch=, head=, merged=, requester=}; head is the
--- commit of the branch, merged the commit on main, requester whoever releases it (nil: nobody knows).
local clock = require "fairlead.clock"
local description = require "release.description"
local environment_of = require "fairlead.environment"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local live = require "release.live"

---@class Release
local Release = {}

local NO_COMMIT <const> = ("0"):rep(40) -- git's own id for none: a dry run's

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
  self.talk:check()
  local names = {}
  for name in pairs(self.settings.environments) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do live.current(self, self.settings.environments[name]) end
  self:tell_holds()
end

local function remote_head(repository, branch)
  local ok, sha = pcall(repository.resolve, repository, "refs/remotes/origin/" .. branch)
  return ok and sha or nil
end

local function as_change(self, pull)
  return {
    number = pull.number, url = pull.url, title = pull.title, author = pull.user,
    branch = pull.head.ref, head = pull.head.sha,
    -- A job of GitHub Actions has a token of nobody's, and acts for whoever started it.
    requester = self.github:viewer() or environment_of.get "GITHUB_ACTOR",
  }
end

--- The description that the pull request has, or will have when it is opened with this text.
local function check_description(self, branch, text)
  local wanted <const> = (self.settings.pull_request or {}).description
  if not wanted then return end
  self.run:wait {
    name = "Description",
    timeout = self.settings.timeouts.push,
    check = function()
      local pull <const> = self.github:pull_request { head = branch, base = self.settings.main }
      local open <const> = pull and pull.state == "open"
      local lacks <const> = description.lacks(open and pull.body or text, wanted)
      if #lacks == 0 then return true end
      self.run:refuse("description-missing",
        ("the description %s lacks what the team asks for: %s"):format(open and "of " .. pull.url
          or "for the pull request", table.concat(lacks, "; ")),
        open and "write it there and start again" or "write it into the last commit's message, or open the pull "
          .. "request by hand")
    end,
  }
end

--- The author merges, not the reviewer and nobody else, unless the team allows it.
local function check_author(self, change)
  local viewer <const>, by <const> = self.github:viewer(), self.settings.merge_by or "author"
  if viewer == change.author or (not viewer and change.author:find "%[bot%]$") then return end
  local who <const> = viewer or "whoever this token is of"
  if by == "author" then
    self.run:refuse("not-author", ("pull request #%d is %s's, and %s would merge it"):format(
      change.number, change.author, who), ("let %s release it, or set merge_by = \"anyone\" in the settings"):format(
      change.author))
  end
  self.run:say(("pull request #%d is %s's; %s merges it, as the settings allow"):format(
    change.number, change.author, who))
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

-- What a dry run takes for the pull request that it does not open.
local function pretended(self, branch, title, sha)
  local newest <const> = self.github:get("pulls", { state = "all", per_page = 1 })[1]
  local number <const> = newest and newest.number + 1 or 1
  return {
    number = number, url = ("https://github.com/%s/pull/%d"):format(self.settings.repository, number), title = title,
    author = self.github:viewer(), branch = branch, head = sha,
  }
end

-- Found, or opened with the title and the description; a person's text stays as it is.
local function open_or_find(self, branch, title, body, sha)
  local gh <const>, main <const> = self.github, self.settings.main
  return self.run:step("Open pull request", {
    intent = { head = branch, base = main },
    already = function()
      local pull <const> = gh:pull_request { head = branch, base = main }
      if not (pull and pull.state == "open") then return nil end
      local change <const> = as_change(self, pull)
      check_author(self, change)
      return change
    end,
    act = function()
      return as_change(self, gh:open_pull_request { head = branch, base = main, title = title, body = body })
    end,
    pretend = function() return pretended(self, branch, title, sha) end,
  })
end

-- Who is asked on GitHub, where the settings name people and nobody has asked anybody.
local function ask_reviewers(self, change)
  local wanted = {}
  for _, login in ipairs((self.settings.pull_request or {}).reviewers or {}) do
    if login ~= change.author then wanted[#wanted + 1] = login end
  end
  if #wanted == 0 then return end
  self.run:step("Ask for a review", {
    intent = { number = change.number, reviewers = wanted },
    already = function()
      local pull <const> = self.github:pull_request { number = change.number }
      local asked <const> = #pull.requested_reviewers + #pull.requested_teams > 0
        or #self.github:reviews(change.number).list > 0
      return (asked or pull.merged) and { reviewers = pull.requested_reviewers }
    end,
    act = function()
      self.github:post(("pulls/%d/requested_reviewers"):format(change.number), { reviewers = wanted },
        { once = false }) -- who is asked twice is asked once
      return { reviewers = wanted }
    end,
  })
end

---Pushes the branch that is checked out and opens its pull request, or finds the one that is open. Checks its
---description and the rules of main, and brings the branch up to date where the team wants that.
---@async
---@param options { title: string?, body: string? }
---@return table change
function Release:open_pull_request(options)
  return self.run:stage("Pull request", function()
    local run <const> = self.run
    local repository <close> = git.open(run.directory)
    local branch <const> = working_branch(self, repository)
    -- A run that is taken up after its push goes on where it was: what fails now is told there, and waits bear it.
    if run:recorded "Push" == "finished" then
      self:give_back_at_the_end { all = true }
    else
      repository:fetch { remote = "origin" }
      check_access(self)
    end
    local commit <const> = repository:commit(branch)
    local body <const> = options.body or commit.message
    check_description(self, branch, body)
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
    local change <const> = open_or_find(self, branch, options.title or commit.summary, body, commit.sha)
    await_push(self, change, commit.sha)
    run:fact(("pull request #%d %s: %s"):format(change.number, change.title, change.url))
    self.talk:begin(change)
    ask_reviewers(self, change)
    self:check_branch_rules()
    self:bring_up_to_date(change)
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

-- ---- Up to date with main ----

--- How the branch stands to main, as it was when the run looked.
local function stand(self, change)
  return self.run:wait {
    name = "Up to date",
    timeout = self.settings.timeouts.push,
    pretend = { behind = 0 },
    check = function()
      if self:unmoved(change).merged then return { behind = 0 } end
      local compared <const> = self.github:get(("compare/%s...%s"):format(self.settings.main, change.head),
        { per_page = 1 })
      return {
        behind = compared.behind_by, main = compared.base_commit.sha, strict = self:main_rules(true).strict,
      }
    end,
  }
end

-- GitHub brings main into the branch, in the background: the head is a merge of the old one and a commit of main.
local function new_head(self, change)
  local gh <const>, old <const> = self.github, change.head
  return self.run:wait {
    name = "New head",
    timeout = self.settings.timeouts.push,
    pretend = { commit = NO_COMMIT },
    every = 2,
    check = function()
      local head <const> = gh:pull_request { number = change.number }.head.sha
      if head == old then return nil, ("pull request #%d is still at %s"):format(change.number, short(old)) end
      local parents <const> = gh:get("git/commits/" .. head).parents
      local of_main <const> = #parents == 2 and parents[1].sha == old
        and gh:get(("compare/%s...%s"):format(parents[2].sha, self.settings.main), { per_page = 1 }).behind_by == 0
      if not of_main then self:unmoved(change) end -- says what somebody pushed
      return { commit = head }
    end,
  }.commit
end

local LOST <const> = 6 -- seconds after which an update whose answer was lost has taken effect, if it ever does

local function update_branch(self, change, main)
  local gh <const>, old <const> = self.github, change.head
  self.run:step("Bring the branch up to date", {
    intent = { number = change.number, head = old, main = main },
    already = function(begun)
      -- The head that it has then is looked at afterwards.
      return begun and gh:pull_request { number = change.number }.head.sha ~= old and { asked = true }
    end,
    act = function()
      local path <const> = ("pulls/%d/update-branch"):format(change.number)
      local asked <const>, err = try(function()
        return (gh:put(path, { expected_head_sha = old }, { once = true })) or true
      end)
      if asked then return { asked = true } end
      if err.retryable or err:is "http" then clock.sleep(LOST) end -- the answer may be lost, and it is done in a moment
      -- Whatever the head is then is looked at afterwards.
      if gh:pull_request({ number = change.number }).head.sha ~= old then return { asked = true } end
      if not err:is "github.api.invalid" then error(err, 0) end
      self.run:refuse("behind-main", ("GitHub cannot bring %s up to date: %s"):format(change.branch, err.message),
        ("merge %s into it by hand, and push"):format(self.settings.main))
    end,
  })
  change.head = new_head(self, change)
  self.run:say(("%s is up to date as %s; your working copy is not: git pull"):format(
    change.branch, short(change.head)))
end

---Sees to it that the branch holds what main holds. Where it does not, the settings decide: `pull_request.behind` is
---"update" (GitHub merges main into it, and all is tested again), "refuse", or "say"; when left out, "refuse" where the
---rules of main demand it, else "say".
---@async
---@param change table gets a new `head` when it is brought up to date
function Release:bring_up_to_date(change)
  local found <const>, main <const> = stand(self, change), self.settings.main
  if found.behind == 0 then return end
  local how <const> = (self.settings.pull_request or {}).behind or (found.strict and "refuse" or "say")
  local text <const> = ("%s lacks %d commit%s of %s"):format(
    change.branch, found.behind, found.behind == 1 and "" or "s", main)
  if how == "update" then
    update_branch(self, change, found.main)
  elseif how == "refuse" or found.strict then -- GitHub would not merge it
    self.run:refuse("behind-main", text, ("merge %s into it, push, and start again"):format(main))
  else
    self.run:warn(text .. "; what is tested is not what main will be")
  end
end

-- ---- Merge ----

---Merges exactly the commit that was tested and reviewed, as it is then: tests and reviews are looked at once more.
---@async
---@param change table gets `merged`, the commit on main
function Release:merge(change)
  self.run:stage("Merge", function()
    local gh <const> = self.github
    self:pass_tests_again(change)
    local merged <const> = self.run:step("Merge pull request", {
      intent = { number = change.number, head = change.head, method = self.settings.merge_method },
      already = function()
        local pull <const> = gh:pull_request { number = change.number }
        return pull.merged and pull.head.sha == change.head and { commit = pull.merge_commit_sha }
      end,
      act = function()
        check_author(self, change)
        self:unmoved(change) -- first: a push is why its approvals are gone
        self:need_passed_tests(change)
        self:need_reviews(change)
        local done <const>, err <const> = try(gh.merge, gh,
          { number = change.number, sha = change.head, method = self.settings.merge_method })
        if err and err:is "github.api.conflict" then self:unmoved(change) end -- says who moved it
        if err then error(err, 0) end
        return { commit = done.sha }
      end,
      pretend = { commit = NO_COMMIT },
    })
    change.merged = merged.commit
    self.run:fact(("merged into %s as %s"):format(self.settings.main, merged.commit))
    self.run:notify { text = (":twisted_rightwards_arrows: merged as %s"):format(short(merged.commit)) }
    self:hand_back_kept()
  end)
end

return Release
