--- The people around a release: a reviewer who reads pull requests, an admin who decides, others who answer what they
--- were not asked. They do what people do through the services: reviews, reactions, replies.
---
--- The fixture's `people`:
---   reviewers  = {{ login=, after_seconds=, decision = "approve"|"request_changes"|"comment", body= }, …}
---   admins     = {{ user= (in Slack), login= (on GitHub), after_seconds=, way = "reaction"|"reply"|"github"|
---                "codepipeline", why= }, …}; who refuses says why in a reply. With a login they also review what waits
---                for them on GitHub; with way = "github" they do nothing else, with way = "codepipeline" they approve
---                there and not in Slack
---   bystanders = {{ user=, after_seconds= }, …}   react like admins, without being asked
---   requester  = { user= }   who runs the release, in Slack; else the user named like the token's owner on GitHub
---   stranger   = { user= }   who is on no list of approvers; else the first user who is neither admin nor requester
--- What colleagues do of their own accord is in colleagues.lua.
local colleagues = require "fairlead.world.colleagues"
local messages = require "fairlead.world.slack.messages"

local M = {}

---@class fairlead.world.People
local People = {}
People.__index = People

local STATES <const> = { approve = "APPROVED", request_changes = "CHANGES_REQUESTED", comment = "COMMENTED" }

--- Emoji that say yes and no.
local YES <const>, NO <const> = "white_check_mark", "x"

local WHY_NOT <const> = "not today: the release before it is still being watched"

---@param world fairlead.world.World
---@return fairlead.world.People
function M.new(world)
  local self = setmetatable({
    world = world,
    github = world.github,
    slack = world.slack,
    fixture = world.fixture.people or {},
    random = world:stream("people"),
    reading = {},
  }, People)
  self:watch_pulls()
  self:watch_questions()
  self:watch_comments()
  self:watch_deployments()
  self:watch_pipelines()
  colleagues.begin(world)
  return self
end

--- How long somebody takes, who usually takes so long: never twice the same.
local function patience(self, person)
  return (person.after_seconds or 180) * self.random:between(0.8, 1.3)
end

---------------------------------------------------------------------------------------------------------------------
-- Reviews

--- A reviewer reads a pull request when its checks have passed: nobody reviews what is red.
function People:watch_pulls()
  if self.world.scenario.nobody_reviews then
    return
  end
  local function consider(pull)
    for _, person in ipairs(self.fixture.reviewers or {}) do
      self:read(person, pull)
    end
  end
  self.world:on("review_requested", function(data)
    consider(data.pull)
  end)
  self.world:on("check_completed", function(data)
    for _, pull in ipairs(self.github.pulls.list) do
      if pull.state == "open" and pull.head_sha == data.sha then
        consider(pull)
      end
    end
  end)
end

--- Whether somebody has given an opinion of a pull request's present head that still stands.
local function has_reviewed(pull, login)
  for _, review in ipairs(pull.reviews) do
    if review.by == login and review.commit_id == pull.head_sha and review.state ~= "DISMISSED" then
      return true
    end
  end
  return false
end

---@param person table
---@param pull fairlead.world.Pull
function People:read(person, pull)
  local key = person.login .. " " .. pull.number .. " " .. pull.head_sha
  if
    self.reading[key]
    or person.login == pull.author
    or has_reviewed(pull, person.login)
    or not self.github.pulls:checks_pass(pull)
  then
    return
  end
  self.reading[key] = true
  local head = pull.head_sha
  self.world:after(patience(self, person), function()
    self.reading[key] = nil
    if pull.state ~= "open" or pull.head_sha ~= head or not self.github.pulls:checks_pass(pull) then
      return
    end
    self.github.pulls:review(pull, {
      by = person.login,
      state = STATES[person.decision or "approve"],
      body = person.body,
    })
  end)
end

---------------------------------------------------------------------------------------------------------------------
-- Approvals

--- Somebody in Slack, with how they answer.
local function in_slack(self, person, found, what)
  local name = person.user or person.name
  local user = name and self.slack:user(name) or found
  if not user then
    error(("the fixture's people: no Slack user for the %s"):format(what))
  end
  return setmetatable({ user = user.id }, { __index = person })
end

--- Who runs the release.
local function requester(self)
  local github = self.github.fixture
  local email = ((github.users or {})[github.user] or {}).email
  local found
  for _, user in ipairs(self.slack.users) do
    if user.name == github.user or (email and user.email == email) then
      found = found or user
    end
  end
  return in_slack(self, self.fixture.requester or {}, found, "requester")
end

--- Somebody who may not decide.
local function stranger(self)
  local known = { [requester(self).user] = true }
  for _, person in ipairs(self.fixture.admins or {}) do
    known[(self.slack:user(person.user or person.name or "") or {}).id or ""] = true
  end
  local found
  for _, user in ipairs(self.slack.users) do
    if not (user.bot or user.admin or known[user.id]) then
      found = found or user
    end
  end
  return in_slack(self, self.fixture.stranger or {}, found, "stranger")
end

--- Those who answer though it is not theirs to: at once, by a reaction and by a reply.
local function meddlers(self)
  local scenario, list = self.world.scenario, {}
  for _, person in ipairs {
    scenario.requester_answers and requester(self) or false,
    scenario.stranger_answers and stranger(self) or false,
  } do
    for _, way in ipairs(person and { "reaction", "reply" } or {}) do
      list[#list + 1] = setmetatable({ way = way, after_seconds = 20 }, { __index = person })
    end
  end
  return list
end

--- An admin answers a question that a bot asks in Slack.
function People:watch_questions()
  self.world:on("slack_message", function(data)
    if not data.by.bot or not messages.asks(data.message) then
      return
    end
    for _, person in ipairs(self.fixture.bystanders or {}) do
      self:decide(person, data.channel, data.message, true)
    end
    for _, person in ipairs(meddlers(self)) do
      self:decide(person, data.channel, data.message, true)
    end
    for _, person in ipairs(self.fixture.admins or {}) do
      if person.way ~= "github" and person.way ~= "codepipeline" then
        self:decide(person, data.channel, data.message, not self.world.scenario.admin_refuses)
      end
    end
  end)
end

---@param person table
---@param channel table
---@param item table the question
---@param approve boolean
function People:decide(person, channel, item, approve)
  local slack = self.slack
  local user = slack:user(person.user or person.name or "")
  if not user then
    error(("the fixture's people: no Slack user %q"):format(tostring(person.user or person.name)))
  end
  local function reply(text)
    local thread = item.parent or item
    messages.join_thread(slack:post(channel, user, { text = text, thread_ts = thread.ts }), thread)
  end
  self.world:after(patience(self, person), function()
    if not slack:find(channel, item.ts) then
      return
    end
    if person.way == "reply" then
      reply(approve and "approve" or ("refuse " .. (person.why or WHY_NOT)))
    else
      if not approve then
        reply("refuse " .. (person.why or WHY_NOT))
      end
      slack:react(channel, item, user, approve and YES or NO)
    end
  end)
end

--- An admin answers a question that is asked on a pull request.
function People:watch_comments()
  self.world:on("commented", function(data)
    if not data.comment.body:find("<!-- fairlead question", 1, true) then return end
    for _, person in ipairs(self.fixture.admins or {}) do
      self.world:after(patience(self, person), function()
        local refused = self.world.scenario.admin_refuses
        table.insert(data.issue.comments, {
          id = self.github:new_id(), by = person.login, at = self.world.now,
          body = refused and "refuse " .. (person.why or WHY_NOT) or "approve",
        })
      end)
    end
  end)
end

--- An admin reviews a deployment that waits on GitHub.
function People:watch_deployments()
  self.world:on("deployment_waiting", function(data)
    local actions = self.github.actions
    for _, person in ipairs(self.fixture.admins or {}) do
      local environment = actions.environments[data.environment]
      if person.login and actions:may_review(environment, person.login, data.run) then
        local seconds = patience(self, person)
        self.world:emit("review_planned", { environment = data.environment, seconds = seconds })
        self.world:after(seconds, function()
          if data.job.status ~= "waiting" then
            return
          end
          local refused = self.world.scenario.admin_refuses
          actions:review(data.run, { data.environment }, {
            by = person.login,
            state = refused and "rejected" or "approved",
            comment = refused and (person.why or WHY_NOT) or "",
          })
        end)
      end
    end
  end)
end

--- An admin approves in CodePipeline, when an execution waits there.
function People:watch_pipelines()
  self.world:on("approval_waiting", function(data)
    for _, person in ipairs(self.fixture.admins or {}) do
      if person.way == "codepipeline" then
        self.world:after(patience(self, person), function()
          if data.run.status ~= "InProgress" then
            return
          end
          local refused = self.world.scenario.admin_refuses
          local name = person.login or person.name or person.user
          data.pipeline:approve(data.run, {
            status = refused and "Rejected" or "Approved",
            summary = person.why or (refused and WHY_NOT) or "looks good",
          }, ("arn:aws:iam::%s:user/%s"):format(data.pipeline.environment.account, name))
        end)
      end
    end
  end)
end

return M
