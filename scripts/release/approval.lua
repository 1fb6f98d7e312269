--- An admin's decision before a change goes on: who is asked and where, and what the decision is about.
---
--- Where several channels ask, the first decision counts, and the others are closed with it. A job on GitHub or a
--- pipeline that waits for a decision is given the one that was made elsewhere, after the evidence was derived anew.
local approvers = require "release.approvers"
local aws = require "fairlead.aws"
local errors = require "fairlead.errors"
local evidence_of = require "release.evidence"
local github = require "fairlead.github"
local pipelines = require "release.pipeline"
local slack = require "fairlead.slack"
local talk = require "release.talk"
local value = require "fairlead.procedure.value"

---@class Release
---@field approvals table<string, table>? what was approved, by environment
local Release = {}

local function short(sha) return sha:sub(1, 8) end

-- ---- channels ----

--- What is asked: {change=, where=, environment=, approval=, who= Approvers}.
local CHANNELS = {}

--- In the release's thread. A Slack that is down when the question is to be asked is asked again until it answers.
function CHANNELS.slack(self, ask)
  if not self.slack then return nil, "the settings name no channel of Slack's" end
  local thread <const> = self.talk.thread
  local inner <const> = slack.approval {
    client = self.slack, channel = thread and thread.channel or self.settings.channel, thread = thread and thread.ts,
    approvers = function() return approvers.find(self, ask.change, ask.approval).ids end, barred = ask.who.barred,
    show = function(evidence) return evidence_of.show(evidence, ask.where) end,
  }
  local channel <const>, outage <const> = { name = inner.name }, self.talk.outage
  local pending

  local function attempt(method, ...)
    if outage:is_on() then return nil, outage.err end
    local asked <const>, err = try(inner[method], inner, ...)
    if not err then return asked end
    if not (err.retryable or err:is "http") then error(err, 0) end
    outage:failed(err)
    return nil, err
  end

  function channel.ask(_, request)
    local asked <const>, err = attempt("ask", request)
    if not err then return asked end
    pending = request
    self.run:warn(("the question cannot be asked in Slack yet: %s"):format(tostring(err)))
    return { pending = true }
  end

  function channel.resume(_, request, asked)
    local found <const>, err = attempt("resume", request, asked and not asked.pending and asked or nil)
    if not err then return found end
    pending = request
    return asked or { pending = true }
  end

  function channel.withdraw(_, request, asked)
    if not (asked and asked.pending) then attempt("withdraw", request, asked) end
  end

  function channel.answer()
    if pending then
      local found <const>, err = attempt("resume", pending) -- it may have got there
      if err then return nil end
      if not found and select(2, attempt("ask", pending)) then return nil end
      pending = nil
    end
    return inner:answer()
  end

  function channel.close(_, decision) inner:close(decision) end

  return channel
end

--- On the pull request, while Slack is out of order: nobody is asked there as long as Slack can ask them.
function CHANNELS.pull_request(self, ask)
  local outage <const> = self.talk.outage
  local inner <const> = github.question {
    client = self.github, number = ask.change.number,
    approvers = function() return approvers.find(self, ask.change, ask.approval, true).logins end,
    show = function(evidence) return evidence_of.show(evidence, ask.where, true) end,
  }
  local channel <const> = { name = inner.name, every = inner.every }
  local idle

  function channel.ask(_, request)
    if outage:has_failed() then return inner:ask(request) end
    idle = request
    return { idle = true }
  end

  function channel.resume(_, request, asked)
    local found <const> = inner:resume(request, asked)
    if not found then idle = request end
    return found or { idle = true }
  end

  function channel.answer()
    if not idle then return inner:answer() end
    if not outage:has_failed() then return nil end
    self.run:say(("Slack does not answer: it is asked on %s, too"):format(ask.change.url))
    if not inner:resume(idle) then inner:ask(idle) end
    idle = nil
  end

  function channel.close(_, decision)
    if not idle then inner:close(decision) end
  end

  return channel
end

--- At the terminal: whoever sits there is who the token is of, and has to be one of the approvers.
function CHANNELS.terminal(self, ask)
  local viewer <const> = self.github:viewer()
  if viewer and approvers.includes(ask.who, viewer) then return "terminal" end
  return nil, ("at the terminal sits %s, who may not decide%s"):format(viewer or "nobody whom GitHub knows",
    approvers.barred(ask.who, viewer) and " about an own change or run" or "")
end

--- The build of the merge, one of whose jobs waits for a review of the environment.
local function waiting_build(self, ask)
  if ask.environment.arrives ~= "push" then return nil end
  return self.github:workflow_runs {
    head_sha = ask.change.merged, workflow = self.settings.workflows.on_push, event = "push",
  }[1]
end

--- GitHub lets the job go on at the moment of the review. What must not go on, as the review was not an approver's or
--- something has changed, can only be stopped.
function CHANNELS.github(self, ask)
  local build <const> = waiting_build(self, ask)
  if not build then return nil, ("no build of the merge waits for %s on GitHub"):format(ask.environment.name) end
  local gh <const> = self.github
  local inner <const> = github.approval { client = gh, run = build.id, environment = ask.environment.name }
  local channel, looked = { name = inner.name, every = 10 }, false

  function channel.ask(_, request)
    inner:ask(request)
    request.say(("a review of %s in %s decides"):format(ask.environment.name, build.url))
    if not ask.in_slack then -- nobody else shows the evidence there
      local tagged = {}
      for i, id in ipairs(ask.who.ids) do tagged[i] = ("<@%s>"):format(id) end
      self.talk:say((":key: *%s* %s\n%s\nTo be decided on GitHub: %s"):format(slack.escape(request.question),
        table.concat(tagged, " "), evidence_of.show(request.evidence, ask.where),
        talk.link(build.url, "review deployments")))
    end
    return { run = build.id }
  end

  function channel.resume(_, request, asked)
    if asked then inner:ask(request) end
    return asked -- else it is asked anew; what was said in Slack is not said again
  end

  function channel.answer()
    local decision <const>, first = inner:answer(), not looked
    looked = true
    if not decision or decision.decision ~= "approved" or decision.handed_on then return decision end
    if first then self.run:warn(("%s approved %s on GitHub before it was asked"):format(decision.by, build.url)) end
    local who <const> = approvers.find(self, ask.change, ask.approval)
    if approvers.includes(who, decision.by) then return decision end
    return {
      decision = "refused", by = decision.by,
      why = ("approved on GitHub by %s, whose answer does not count here; who may decide: %s"):format(decision.by,
        table.concat(who.names, ", ")),
    }
  end

  function channel.close(_, decision)
    if decision.via ~= inner.name then return inner:close(decision) end
    if decision.decision == "approved" then return end
    local _, err = try(function() gh:post(("actions/runs/%d/cancel"):format(build.id), nil, { once = false }) end)
    if err and not err:is "github.api.conflict" then error(err, 0) end -- 409: it has ended
  end

  channel.hand_on = function(decision) inner:close(decision) end
  channel.decided = function() return inner:answer() end
  return channel
end

--- The execution of the pipeline that carries the merge waits there.
function CHANNELS.codepipeline(self, ask)
  local place <const> = ask.environment
  local pipeline <const> = place.arrives == "pipeline" and place.pipeline
  if not (pipeline and pipeline.approval) then return nil, ("%s has no pipeline's approval"):format(place.name) end
  local execution <const> = pipelines.execution(self, place, ask.change.merged)
  if not execution then
    return nil, ("%s has no execution for %s"):format(pipeline.name, short(ask.change.merged))
  end
  local inner <const> = aws.approval {
    client = pipelines.client(self, place), pipeline = pipeline.name, execution = execution,
    stage = pipeline.approval.stage, action = pipeline.approval.action,
  }
  local channel <const> = { name = inner.name, every = inner.every }

  function channel.ask(_, request)
    inner:ask(request)
    request.say(("%s of %s decides, execution %s"):format(pipeline.approval.action, pipeline.name, execution))
  end

  -- Who may approve there is IAM's affair; but nobody approves their own change.
  function channel.answer()
    local decision <const> = inner:answer()
    local barred <const> = decision and decision.decision == "approved" and approvers.barred(ask.who, decision.by)
    if not barred then return decision end
    return {
      decision = "refused", by = decision.by,
      why = ("approved in CodePipeline by %s, whose answer does not count here: an own change or run"):format(
        decision.by),
    }
  end

  -- The pipeline has gone on when it was approved there; what must not go on is stopped.
  function channel.close(_, decision)
    if decision.via ~= inner.name then return inner:close(decision) end
    if decision.decision == "approved" then return end
    pipelines.take_back(self, place, ask.change.merged, execution, decision.why or decision.decision)
  end

  channel.hand_on = function(decision) inner:close(decision) end
  channel.decided = function() return inner:answer() end
  return channel
end

local DEFAULT_VIA <const> = { "slack", "terminal" }

--- Whether a job waits that only a reviewer of its environment can let go on, and this token's user is none: then an
--- approval given elsewhere could not be handed on.
local function only_on_github(self, ask)
  local build <const> = waiting_build(self, ask)
  if not build then return false end
  for _, pending in ipairs(self.github:pending_deployments(build.id)) do
    if pending.environment == ask.environment.name then return not pending.can_approve end
  end
  return false
end

--- The channels by which it is asked. What waits by itself, a job or a pipeline, decides too, whether it is named or
--- not.
local function channels_of(self, ask)
  local via, tried = {}, {}
  local function add(name, listed)
    if tried[name] then return end
    tried[name] = true
    local make <const> = CHANNELS[name] or errors.raise {
      kind = "config.invalid", op = "settings", target = ask.environment.name,
      message = ("approval.via: %q is no way to ask"):format(tostring(name)),
      hint = "write slack, terminal, github or codepipeline",
    }
    local channel <const>, why_not = make(self, ask)
    via[#via + 1] = channel
    if not channel and listed then self.run:say(why_not) end
  end
  if not only_on_github(self, ask) then
    for _, name in ipairs(ask.approval.via or DEFAULT_VIA) do
      add(name, true)
      ask.in_slack = ask.in_slack or (name == "slack" and self.slack ~= nil)
    end
  end
  if tried.slack and self.slack then add "pull_request" end
  if ask.environment.arrives == "push" then add "github" end
  if ask.environment.arrives == "pipeline" then add "codepipeline" end
  return via
end

-- ---- the gate ----

local function find_approvers(self, change, approval)
  local who <const> = approvers.find(self, change, approval, true)
  local unknown <const> = who.unknown and ("%s may be any of those in a group of Slack's whom the settings' people do "
    .. "not name, so none of these may decide"):format(who.unknown)
  if #who.names > 0 or not approval.by then
    if unknown then self.run:warn(("%s; add %s there"):format(unknown, who.unknown)) end
    return who
  end
  self.run:refuse("no-approver", unknown or "whoever may approve is the change's author, or releases it",
    unknown and ("add %s to the settings' people, with their id in Slack"):format(who.unknown)
      or "name somebody else in the settings, or let somebody else release it")
end

---Asks an admin, with what the decision is about: the commit and its checks, what was tried where, in what it differs
---from what runs now, migrations, the way back.
---@async
---@param change table
---@param where { after: string, before: string } names of environments
function Release:get_approved(change, where)
  local environment <const> = self.settings.environments[where.before]
  local approval <const> = environment.approval
  if not approval then return end
  self:need_way_back(where.before, change.merged)
  local who <const> = find_approvers(self, change, approval)
  local ask <const> = { change = change, where = where, environment = environment, approval = approval, who = who }
  local via <const> = channels_of(self, ask)
  local viewer <const> = self.github:viewer()
  if #via == 0 and not self.run.dry then -- what a dry run did not start has no job that waits
    self.run:refuse("no-approver", "there is no way to ask " .. table.concat(who.names, ", "),
      "name another way in the settings' approval.via")
  end
  -- What waits by itself goes on as soon as it is approved, wherever that was.
  local function gone_on()
    for _, channel in ipairs(via) do
      local decided <const> = type(channel) == "table" and channel.decided and channel.decided()
      if decided and decided.decision == "approved" then return true end
    end
    return false
  end
  local function derive(shown) return evidence_of.derive(self, change, where, shown and gone_on() and shown or nil) end
  local decision <const>, revoke = self.run:gate {
    name = "Approval",
    question = ("%s: deploy %s, %q, to %s?"):format(
      self.settings.name, short(change.merged), change.title, where.before),
    evidence = derive,
    show = function(evidence) return evidence_of.show(evidence, where, true) end,
    approvers = #who.names > 0 and who.names or nil,
    at_terminal = viewer and approvers.includes(who, viewer) and viewer or nil,
    via = #via > 0 and via or nil,
    timeout = self.settings.timeouts.approval,
  }
  self.approvals = self.approvals or {}
  self.approvals[where.before] = { decision = decision, revoke = revoke, derive = derive, via = via }
end

---Raises unless what was approved for an environment is what there is at this moment: asked right before acting. Does
---nothing where nobody's approval was asked for.
---@async
---@param environment string
---errors: kind "gate.voided", with what has changed
function Release:need_approval(environment)
  local given <const> = (self.approvals or {})[environment]
  if not given then return end
  local changes <const> = value.changes(given.decision.evidence, given.derive(given.decision.evidence))
  if #changes > 0 then given.revoke(changes) end
end

---Gives an approval to the job or the pipeline that waits for it, unless it has it: what is released in this way goes
---on by itself.
---@async
---@param environment string
function Release:hand_on_approval(environment)
  local given <const> = (self.approvals or {})[environment]
  if not given then return end
  for _, channel in ipairs(given.via) do
    if type(channel) == "table" and channel.hand_on then
      self.run:step("Hand on the approval", {
        intent = { environment = environment, to = channel.name },
        already = function()
          local decided <const> = channel.decided()
          return decided and decided.decision == "approved" and { by = decided.by } or nil
        end,
        act = function()
          self:need_approval(environment)
          channel.hand_on(given.decision)
          return { by = given.decision.by }
        end,
      })
    end
  end
end

return Release
