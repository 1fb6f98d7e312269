--- The people around a release: a reviewer who reads pull requests, an admin who decides, a colleague who pushes at the
--- wrong moment. They do what people do through the services: reviews, reactions, replies, commits.
---
--- The fixture's `people`:
---   reviewers  = {{ login=, after_seconds=, decision = "approve"|"request_changes"|"comment", body= }, …}
---   admins     = {{ user= (in Slack), login= (on GitHub), after_seconds=, way = "reaction"|"reply", why= }, …}; who
---                refuses says why in a reply
---   bystanders = {{ user=, after_seconds= }, …}   react like admins, without being asked
---   colleague  = { login=, message=, files= }     who pushes in the scenario head-moves
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
  self:watch_deployments()
  if world.scenario.head_moves then
    self:move_head()
  end
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

--- Whether a message asks for somebody's decision: it says so in its metadata.
local function asks(item)
  local kind = item.metadata and item.metadata.event_type or ""
  return kind:find("gate", 1, true) ~= nil or kind:find("approval", 1, true) ~= nil
end

--- An admin answers a question that a bot asks in Slack.
function People:watch_questions()
  self.world:on("slack_message", function(data)
    if not data.by.bot or not asks(data.message) then
      return
    end
    for _, person in ipairs(self.fixture.bystanders or {}) do
      self:decide(person, data.channel, data.message, true)
    end
    for _, person in ipairs(self.fixture.admins or {}) do
      self:decide(person, data.channel, data.message, not self.world.scenario.admin_refuses)
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

--- An admin reviews a deployment that waits on GitHub.
function People:watch_deployments()
  self.world:on("deployment_waiting", function(data)
    local actions = self.github.actions
    for _, person in ipairs(self.fixture.admins or {}) do
      local environment = actions.environments[data.environment]
      if person.login and actions:may_review(environment, person.login, data.run) then
        self.world:after(patience(self, person), function()
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

---------------------------------------------------------------------------------------------------------------------

--- A colleague pushes to the pull request's branch in the moment before it is merged.
function People:move_head()
  local moved = false
  self.world:on("merging", function(data)
    if moved or data.pull.state ~= "open" then
      return
    end
    moved = true
    local colleague = self.fixture.colleague or {}
    self.github:commit_as(data.pull.head, {
      author = colleague.login or "colleague",
      message = colleague.message or "One more small thing",
      files = colleague.files or { ["SMALL_THING.md"] = "One more small thing.\n" },
    })
  end)
end

return M
