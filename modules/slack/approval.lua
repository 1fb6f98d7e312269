--- A gate's channel in Slack: the question with its evidence as a message, and a reaction to it or a reply in its
--- thread as the answer. Only the named people's answers count; the others are told so, once each.
local escape = require("fairlead.slack.native").escape
local reply_of = require "fairlead.service.reply"

local APPROVE <const> = { "white_check_mark", "heavy_check_mark", "+1" }
local REFUSE <const> = { "no_entry_sign", "no_entry", "x", "-1" }
local TOLD <const> = "fairlead_told_off" -- event_type of what tells somebody that their answer does not count

---@class fairlead.slack.ApprovalOptions
---@field client fairlead.slack.Client
---@field channel string id or name
---@field thread? string ts of a message: the question is asked in its thread, and only replies after it count
---@field approvers? string[]|async fun(): string[] ids, handles or e-mail addresses; default the gate's. A function is
--- asked again when somebody answers, so that who has left a group meanwhile no longer decides
---@field barred? table<string, string> ids of people whose answers do not count, whoever they are, and why
---@field show? fun(evidence: table): string the evidence in Slack's markup; default a line for each value
---@field requester? string id, handle or address of who started the run
---@field allow_requester? boolean the requester's own answer counts; default false
---@field approve? string[] reactions that approve; default white_check_mark, heavy_check_mark, +1
---@field refuse? string[] reactions that refuse; default no_entry_sign, no_entry, x, -1
---@field name? string default "Slack"
---@field every? number seconds between two looks; default 5

---@class fairlead.slack.Approval
local Approval = {}
Approval.__index = Approval
Approval.__name = "fairlead.slack.Approval"

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do
    set[name] = true
  end
  return set
end

---@param options fairlead.slack.ApprovalOptions
---@return fairlead.slack.Approval channel
function Approval.new(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'slack.approval' (table expected, got %s)"):format(type(options)), 3)
  end
  local function wrong(field, expected)
    error(("bad argument #1 to 'slack.approval' (%s: %s expected, got %s)"):format(field, expected,
      type(options[field])), 4)
  end
  if type(options.client) ~= "table" then
    wrong("client", "a slack.client")
  elseif type(options.channel) ~= "string" then
    wrong("channel", "string")
  elseif type(options.approvers) == "table" and #options.approvers == 0
    or options.approvers ~= nil and type(options.approvers) ~= "table" and type(options.approvers) ~= "function" then
    wrong("approvers", "a list of names")
  end
  return setmetatable({
    name = options.name or "Slack", every = options.every, client = options.client, channel = options.channel,
    thread = options.thread, approvers = options.approvers, requester = options.requester,
    allow_requester = options.allow_requester or false, barred = options.barred or {}, show = options.show,
    approving = set_of(options.approve or APPROVE), refusing = set_of(options.refuse or REFUSE),
    approve_with = (options.approve or APPROVE)[1], refuse_with = (options.refuse or REFUSE)[1],
    told = {}, -- ids of people who were told that their answer does not count
  }, Approval)
end

--- Evidence as lines "name: value", sorted; lists and tables within it are indented.
local function lines_of(value, indent, lines)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if math.type(a) == math.type(b) then
      return a < b
    end
    return tostring(a) < tostring(b)
  end)
  for _, key in ipairs(keys) do
    local label <const> = math.type(key) and "•" or escape(tostring(key)) .. ":"
    local item <const> = value[key]
    if type(item) == "table" then
      lines[#lines + 1] = indent .. label
      lines_of(item, indent .. "    ", lines)
    else
      lines[#lines + 1] = ("%s%s %s"):format(indent, label, escape(tostring(item)))
    end
  end
  return lines
end

local function mentions(ids)
  local parts = {}
  for i, id in ipairs(ids) do
    parts[i] = ("<@%s>"):format(id)
  end
  return table.concat(parts, ", ")
end

--- Takes in who may decide, as ids; the requester is not among them unless that is allowed.
local function allow(self, names)
  local requester <const> = self.requester and self.client:user(self.requester).id
  self.requester_id = requester
  self.allowed, self.allowed_ids = {}, {}
  for _, name in ipairs(names) do
    local id <const> = self.client:user(name).id
    if not self.allowed[id] and not self.barred[id] and (id ~= requester or self.allow_requester) then
      self.allowed[id] = true
      self.allowed_ids[#self.allowed_ids + 1] = id
    end
  end
end

local function resolve(self, request)
  local approvers <const> = self.approvers or request.approvers
  local names <const> = type(approvers) == "function" and approvers() or approvers
  if not names or #names == 0 then
    error("slack.approval: approvers: nobody is named who may decide, here or at the gate", 0)
  end
  allow(self, names)
  if #self.allowed_ids == 0 then
    error("slack.approval: approvers: the requester is the only one who is named, and may not decide alone", 0)
  end
end

--- Who may decide, what the question is, and what it is known again by.
local function prepare(self, request)
  resolve(self, request)
  local lines = { "*" .. escape(request.question or request.name or "May this go on?") .. "*" }
  if type(request.evidence) == "table" and self.show then
    lines[#lines + 1] = self.show(request.evidence)
  elseif type(request.evidence) == "table" then
    lines_of(request.evidence, "", lines)
  end
  self.question = table.concat(lines, "\n")
  self.payload = {
    run = tostring(request.run or ""), gate = tostring(request.path or request.name or ""),
    digest = tostring(request.digest or ""),
  }
end

--- Asks the question.
---@async
---@param request table question, evidence, approvers, run, path, digest (a procedure's gate request)
---@return fairlead.slack.Posted message
function Approval:ask(request)
  prepare(self, request)
  self.message = self.client:post {
    channel = self.channel, thread = self.thread,
    text = ("%s\nWho may decide: %s. React with :%s: to approve or :%s: to refuse, or reply in the thread: `approve`, "
      .. "or `refuse` and why."):format(self.question, mentions(self.allowed_ids), self.approve_with, self.refuse_with),
    metadata = { event_type = "fairlead_approval", event_payload = self.payload },
  }
  return self.message
end

--- Takes up the question of an interrupted run, with the answers that it may have by now.
---@async
---@param request table as for `ask`
---@param asked? fairlead.slack.Posted what `ask` returned; nil: it may have asked or not
---@return fairlead.slack.Posted? message nil: it has not asked
function Approval:resume(request, asked)
  prepare(self, request)
  if not asked then
    local channel <const> = self.client:channel_id(self.channel)
    local found <const> = self.client:find { channel = channel, thread = self.thread, payload = self.payload }
    asked = found and { channel = channel, ts = found.ts }
  end
  self.message = asked
  if not asked then
    return nil
  end
  for _, reply in ipairs(self.client:replies { channel = asked.channel, ts = self.thread or asked.ts }) do
    local metadata <const> = reply.metadata
    if metadata and metadata.event_type == TOLD and metadata.event_payload
      and metadata.event_payload.gate == self.payload.gate then
      self.told[metadata.event_payload.user or ""] = true
    end
  end
  return asked
end

--- Closes the question of an interrupted run, which is asked anew as what it was about has changed.
---@async
---@param request table as for `ask`
---@param asked? fairlead.slack.Posted what `ask` returned; nil: it may have asked or not
function Approval:withdraw(request, asked)
  if not asked then
    local channel <const> = self.client:channel_id(self.channel)
    local payload <const> = { run = tostring(request.run or ""), gate = tostring(request.path or request.name or "") }
    local found <const> = self.client:find { channel = channel, thread = self.thread, payload = payload }
    asked = found and { channel = channel, ts = found.ts }
  end
  if asked then
    self.client:update { channel = asked.channel, ts = asked.ts, text = ("*%s*\n:no_entry_sign: Void, as something has "
      .. "changed since it was asked; it is asked anew"):format(escape(request.question or request.name or "?")) }
  end
end

--- Tells somebody, once, that their answer does not count.
local function tell_off(self, id)
  if self.told[id] then
    return
  end
  self.told[id] = true
  local why = self.barred[id] or id == self.requester_id and "you started this run, so somebody else has to decide"
    or "only these people may decide: " .. mentions(self.allowed_ids)
  self.client:post {
    channel = self.message.channel, thread = self.thread or self.message.ts,
    text = ("<@%s>: your answer does not count here: %s."):format(id, why),
    metadata = { event_type = TOLD, event_payload = { run = self.payload.run, gate = self.payload.gate, user = id } },
  }
end

--- Whether a person may decide; if not, they are told.
local function counts(self, id)
  if self.allowed[id] then
    return true
  end
  tell_off(self, id)
  return false
end

--- What people have answered by reactions, and by replies: {id=, decision=, why=}, in Slack's order.
local function answers_of(self)
  local answers = {}
  for _, reaction in ipairs(self.client:reactions { channel = self.message.channel, ts = self.message.ts }) do
    local name <const> = reaction.name:gsub("::.*$", "") -- skin tones
    local decision <const> = self.refusing[name] and "refused" or self.approving[name] and "approved"
    for _, id in ipairs(decision and reaction.users or {}) do
      answers[#answers + 1] = { id = id, decision = decision, why = decision == "refused" and (":%s:"):format(name)
        or nil }
    end
  end
  for _, reply in ipairs(self.client:replies { channel = self.message.channel, ts = self.thread or self.message.ts,
    oldest = self.message.ts }) do
    -- In a thread of somebody else's, only what came after the question answers it.
    if reply.user and not reply.bot_id and (tonumber(reply.ts) or 0) > tonumber(self.message.ts) then
      local decision <const>, why <const> = reply_of.read(reply.text)
      if decision then
        answers[#answers + 1] = { id = reply.user, decision = decision, why = why, said = true }
      end
    end
  end
  return answers
end

--- Asks anew who may decide, when there are answers that were not there at the last look, or one that would decide.
local function refresh(self, answers)
  if type(self.approvers) ~= "function" then
    return
  end
  local parts, decides = {}, false
  for i, answer in ipairs(answers) do
    parts[i] = answer.id .. answer.decision
    decides = decides or self.allowed[answer.id]
  end
  local seen <const> = table.concat(parts, " ")
  if decides or seen ~= self.seen then
    allow(self, self.approvers())
    self.seen = seen
  end
end

--- The decision, when there is one. Of a refusal and an approval the refusal counts, and of refusals one that says why.
---@async
---@return {decision: "approved"|"refused", by: string, why: string?}?
function Approval:answer()
  local answers <const> = answers_of(self)
  if #answers == 0 then
    return nil
  end
  refresh(self, answers)
  local found
  for _, answer in ipairs(answers) do
    if counts(self, answer.id) and (not found or answer.decision == "refused" and (found.decision == "approved"
      or answer.said and not found.said)) then
      found = answer
    end
  end
  return found and { decision = found.decision, by = self.client:user(found.id).name, why = found.why }
end

local ENDINGS <const> = {
  approved = ":white_check_mark: Approved", refused = ":no_entry_sign: Refused",
  voided = ":no_entry_sign: Void, as something has changed since it was approved",
  timeout = ":hourglass: Nobody decided in time", cancelled = ":no_entry_sign: The run was stopped",
}

--- Writes the decision into the message, so that nobody answers any more.
---@async
---@param decision? {decision: string, by: string?, why: string?, via: string?}
function Approval:close(decision)
  if not self.message then
    return -- the question never got there
  end
  decision = decision or { decision = "cancelled" }
  local line = ENDINGS[decision.decision] or escape(tostring(decision.decision))
  if decision.by then
    line = ("%s by %s"):format(line, escape(decision.by))
  end
  if decision.via and decision.via ~= self.name then
    line = ("%s (%s)"):format(line, escape(decision.via))
  end
  if decision.why then
    line = ("%s: %s"):format(line, escape(decision.why))
  end
  self.client:update { channel = self.message.channel, ts = self.message.ts, text = self.question .. "\n" .. line }
end

return Approval
