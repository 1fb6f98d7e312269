--- What colleagues do of their own accord while somebody's release is under way: they push to its branch, merge a
--- change of theirs after it, mend production by hand.
---
--- The fixture's `people.colleague` = { login=, message=, files= }: who it is, and what they push. For a change of
--- their own they have `people.newer` = { login=, title=, branch=, files= }, for production `people.hotfix` = { login=,
--- message=, files=, environment= }; each has a default.
local messages = require "fairlead.world.slack.messages"
local repository = require "fairlead.world.repository"

local M = {}

--- Seconds before a reviewer's decision at which a hotfix is on its way.
local BEFORE_REVIEW <const> = 120

local function colleague_of(world)
  return (world.fixture.people or {}).colleague or {}
end

local function login_of(world, person)
  return person.login or colleague_of(world).login or "colleague"
end

--- Pushes to a pull request's branch.
local function push_to(world, pull)
  local person = colleague_of(world)
  world.github:commit_as(pull.head, {
    author = login_of(world, person),
    message = person.message or "One more small thing",
    files = person.files or { ["SMALL_THING.md"] = "One more small thing.\n" },
  })
end

--- A function that calls `fn` the first time only.
local function once(fn)
  local done = false
  return function(...)
    if not done then
      done = true
      fn(...)
    end
  end
end

--- Somebody pushes to the pull request's branch in the moment before it is merged.
local function move_head(world)
  local push = once(push_to)
  world:on("merging", function(data)
    if data.pull.state == "open" then
      push(world, data.pull)
    end
  end)
end

--- Somebody pushes to the branch right after its approval: what was approved is not what is there now.
local function push_after_approval(world)
  local push = once(function(pull)
    world:after(1, function()
      if pull.state == "open" then
        push_to(world, pull)
      end
    end)
  end)
  world:on("reviewed", function(data)
    if data.review.state == "APPROVED" then
      push(data.pull)
    end
  end)
end

--- A branch from main with one commit on it.
local function branch_off(world, name, from, commit)
  local github = world.github
  local repo = github:repository()
  local parent = repo.commits[from]
  local sha = repo:commit {
    ref = "refs/heads/" .. name,
    message = commit.message,
    files = commit.files,
    parents = { parent.sha },
    author = repository.person(world.fixture.github, commit.author),
    at = world.now,
  }
  github:pushed("refs/heads/" .. name, nil, sha, commit.author)
  return sha
end

--- Another pull request, reviewed and tested already, is merged some seconds after ours.
local function merge_newer(world, delay)
  local github = world.github
  local random = world:stream("newer release")
  local merge = once(function(base)
    world:after(random:between(delay.low, delay.high), function()
      local person = (world.fixture.people or {}).newer or {}
      local login, title = login_of(world, person), person.title or "Mend the footer's links"
      local branch = person.branch or "mend-footer"
      branch_off(world, branch, github:repository().branches[base], {
        author = login, message = title, files = person.files or { ["FOOTER.md"] = "Links that work.\n" },
      })
      local pull = github.pulls:open {
        title = title, body = "The links in the footer led nowhere; now they lead home.", head = branch, base = base,
        by = login,
      }
      github.pulls:complete(pull, { by = login })
    end)
  end)
  world:on("merged", function(data)
    merge(data.pull.base)
  end)
end

--- Somebody builds an image on their own machine and pushes it to an environment's registry.
local function deploy_hotfix(world, environment)
  local github = world.github
  local person = (world.fixture.people or {}).hotfix or {}
  local repo = github:repository()
  local main = repo.commits[repo.branches[github.fixture.default_branch]]
  -- From what was live before ours: main's first parent.
  local sha = branch_off(world, "hotfix", main.parents[1] or main.sha, {
    author = login_of(world, person),
    message = person.message or "Hotfix: no search without a term",
    files = person.files or { ["HOTFIX.md"] = "An empty search finds nothing.\n" },
  })
  world:publish { environment = environment, sha = sha, short_sha = sha:sub(1, 7), at = world.now }
end

--- Somebody deploys to production while our release waits for its approval there.
local function push_hotfix(world, delay)
  local random = world:stream("hotfix")
  local push = once(function(after)
    world:after((after or 0) + random:between(delay.low, delay.high), function()
      local person = (world.fixture.people or {}).hotfix or {}
      deploy_hotfix(world, person.environment or world:environment_of "production")
    end)
  end)
  world:on("slack_message", function(data)
    if data.by.bot and messages.asks(data.message) then
      push()
    end
  end)
  world:on("approval_waiting", function()
    push()
  end)
  -- A reviewer on GitHub may take their time until all else is done: the hotfix comes a little before they decide.
  world:on("review_planned", function(data)
    local person = (world.fixture.people or {}).hotfix or {}
    if data.environment == (person.environment or world:environment_of "production") then
      push(math.max(0, data.seconds - BEFORE_REVIEW))
    end
  end)
end

--- Somebody stops what deploys our commit, and deploys another one.
local function overtake(world, seconds_by_environment)
  local begin = once(function(environment, seconds)
    world:after(seconds, function()
      world.aws:stop_deployments(environment)
      deploy_hotfix(world, environment)
    end)
  end)
  world:on("publish", function(data)
    local seconds = seconds_by_environment[data.environment]
    if seconds then
      begin(data.environment, seconds)
    end
  end)
end

--- Lets colleagues do what the scenario says.
---@param world fairlead.world.World
function M.begin(world)
  local scenario = world.scenario
  if scenario.head_moves then
    move_head(world)
  end
  if scenario.push_after_approval then
    push_after_approval(world)
  end
  if scenario.newer_release then
    merge_newer(world, scenario.newer_release)
  end
  if scenario.hotfix then
    push_hotfix(world, scenario.hotfix)
  end
  if scenario.overtaken then
    overtake(world, scenario.overtaken)
  end
end

return M
