--- run:gate: a decision that the run needs before it goes on.
---
--- A decision holds for what was shown to whoever made it. The evidence is written down when the question is asked;
--- when it can be derived again, that is done after the decision, and any change makes the decision void.
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local dry = require "fairlead.procedure.dry"
local duration = require "fairlead.procedure.duration"
local errors = require "fairlead.errors"
local events = require "fairlead.procedure.events"
local nodes = require "fairlead.procedure.node"
local supervise = require "fairlead.procedure.supervise"
local task = require "fairlead.task"
local value = require "fairlead.procedure.value"

local M = {}

---@class procedure.GateOptions
---@field name string
---@field question? string what is asked; the name with a question mark when left out
---@field evidence? table|fun(shown: table?): table what the decision is about, plain data; a function is called again
--- afterwards, with what was shown
---@field show? fun(evidence: table): string the evidence in a few lines, for whoever decides; else all of it is shown
---@field approvers? string[] who may decide; nil: whoever started the run (then --yes confirms)
---@field at_terminal? string who of the approvers sits at the terminal, where that is known: then they answer there
--- without giving their name; without it whoever sits there is taken at their word
---@field via? (string|procedure.Channel)[] where it is asked, all at once, the first decision counts; {"terminal"}
---@field timeout? number seconds; a day when left out

---@class procedure.Channel
---@field name string
---@field every? number seconds between two looks for an answer; 5 when left out
---@field ask fun(self, request: procedure.GateRequest): any plain data that `resume` finds the question by
---@field answer fun(self): procedure.Decision|nil
---@field resume? fun(self, request: procedure.GateRequest, asked: any): any takes up a question of an interrupted run;
--- asked: what `ask` returned, plain data; nil: it may have got there or not. What `ask` would return, or nil: ask anew
---@field withdraw? fun(self, request: procedure.GateRequest, asked: any) tells that a question of an interrupted run is
--- no longer open, as what it was about has changed, and is asked anew; asked: as for `resume`
---@field blocks? boolean `answer` waits for a person, so that it cannot just be looked at
---@field close? fun(self, decision: procedure.Decision) told to every channel that was asked

---@class procedure.GateRequest
---@field run string
---@field procedure string
---@field name string
---@field path string
---@field question string
---@field evidence table|nil
---@field summary string|nil the evidence in a few lines
---@field digest string of the evidence
---@field approvers string[]|nil
---@field deadline number unix seconds
---@field say fun(text: string) to whoever watches the run
---@field prompt fun(text: string) to whoever may type an answer now

---@class procedure.Decision
---@field decision "approved"|"refused"|"timeout"|"voided"|"cancelled"
---@field by? string
---@field why? string
---@field via? string the channel's name

local DAY <const> = 86400
local EVERY <const> = 5
local FIELDS <const> = { name = true, question = true, evidence = true, show = true, approvers = true,
  at_terminal = true, via = true, timeout = true }

local function check_options(options)
  if type(options) ~= "table" then error("run:gate: a table of options expected, got " .. type(options), 3) end
  nodes.check_name(options.name, "run:gate", 4)
  local function wrong(text)
    error(("run:gate %q: %s"):format(options.name, text), 4)
  end
  for field in pairs(options) do
    if not FIELDS[field] then
      wrong(("unknown field '%s' (it takes name, question, evidence, show, approvers, at_terminal, via, timeout)")
        :format(tostring(field)))
    end
  end
  if options.timeout ~= nil and (type(options.timeout) ~= "number" or options.timeout <= 0) then
    wrong "timeout: a number of seconds above 0 expected"
  end
  if options.approvers ~= nil and (type(options.approvers) ~= "table" or #options.approvers == 0) then
    wrong "approvers: a list of names expected (leave it out where the requester decides)"
  end
  if options.via ~= nil and (type(options.via) ~= "table" or #options.via == 0) then
    wrong "via: a list of channels expected"
  end
  local kind = type(options.evidence)
  if kind ~= "nil" and kind ~= "table" and kind ~= "function" then
    wrong("evidence: table or function expected, got " .. kind)
  end
end

local function derive(options, shown)
  local evidence = options.evidence
  if type(evidence) == "function" then evidence = evidence(shown and value.copy(shown)) end
  local problem = value.problem(evidence, "evidence")
  if problem then error(("run:gate %q: %s; evidence is plain data"):format(options.name, problem), 4) end
  return value.copy(evidence), digest.sha256(value.canonical(evidence))
end

-- The channels by which this run can ask, from names and objects. `skipped` tells why one cannot.
local function resolve(run, options)
  local channels, skipped = {}, {}
  for _, channel in ipairs(options.via or { "terminal" }) do
    if type(channel) == "string" then
      local found, why = run:channel(channel, options)
      if found then
        channels[#channels + 1] = found
      elseif why then
        skipped[#skipped + 1] = why
      else
        error(("run:gate %q: via: no channel is called '%s'"):format(options.name, channel), 4)
      end
    elseif type(channel) == "table" and channel.ask and channel.answer then
      channels[#channels + 1] = channel
    else
      error(("run:gate %q: via: a channel has name, ask and answer"):format(options.name), 4)
    end
  end
  return channels, skipped
end

local Gate = {}
Gate.__index = Gate

local function lose(gate, channel, err)
  gate.run:warn(("gate '%s': %s cannot be asked: %s"):format(gate.node.path, channel.name, tostring(err)))
end

-- What a channel's question is recorded by. Another evidence makes it another question.
local function question_key(gate, place, channel)
  local node = gate.node
  return {
    id = ("%s@%s#%d"):format(node.path, channel.name, place), kind = "question", path = node.path,
    occurrence = node.occurrence, scope = node.scope, digest = gate.request.digest,
  }
end

-- Asks by one channel. A question that an interrupted run asked there is taken up, where the channel knows how.
local function ask_one(gate, channel, key)
  if not channel.resume then return channel:ask(gate.request) end
  local recorder = gate.run.recorder
  local record = recorder:find(key)
  local open = record and record.status ~= "failed" and not gate.anew
  local known = open and record.digest == key.digest
  if open and not known and channel.withdraw then channel:withdraw(gate.request, record.result) end
  local asked = known and channel:resume(gate.request, record.result) or nil
  if asked ~= nil and record.status == "finished" then return end
  recorder:begin(key, gate.request.question)
  if asked == nil then asked = channel:ask(gate.request) end
  recorder:finish(key, asked)
end

local function ask(gate, channels)
  local asked = {}
  for place, channel in ipairs(channels) do
    -- Before it is asked: a channel that is interrupted while asking is told how it ended, too.
    local key = question_key(gate, place, channel)
    gate.asked[#gate.asked + 1] = { channel = channel, key = key }
    local ok, err = pcall(ask_one, gate, channel, key)
    if ok then
      asked[#asked + 1] = channel
    else
      gate.last_error = errors.wrap(err)
      if gate.last_error:is "journal" or gate.last_error:is "resume" then error(gate.last_error, 0) end
      lose(gate, channel, gate.last_error)
    end
  end
  return asked
end

-- Looks for one channel's answer until there is one. A channel that fails leaves the others to it.
local function listen(gate, channel)
  local every = (channel.every or EVERY) / gate.run.pace
  while true do
    local ok, decision = pcall(channel.answer, channel)
    if ok and decision then
      return { decision = decision.decision, by = decision.by, why = decision.why, via = channel.name }
    elseif not ok then
      local err = errors.wrap(decision)
      if err.kind == "gate.refused" then error(err, 0) end -- it has found that the run must not go on
      if not err.retryable then
        lose(gate, channel, err)
        gate.last_error, gate.alive = err, gate.alive - 1
        if gate.alive == 0 then error(err, 0) end
        task.event():wait() -- until another channel decides
      end
    end
    clock.sleep(every)
  end
end

local function decide(gate, channels)
  local listeners = {}
  for i, channel in ipairs(channels) do
    listeners[i] = nodes.bind(gate.node, function() return listen(gate, channel) end)
  end
  gate.alive = #channels
  local left = gate.request.deadline + task.held() - gate.held - clock.now() -- of a debugger's time nothing counts
  -- A deadline that passed while nobody carried the run out: one look whether somebody answered in time.
  if left <= 0 then left = 10 end
  local ok, decision = pcall(task.timeout, math.max(left, 0.001), task.race, listeners)
  if ok then return decision end
  local err = errors.wrap(decision)
  if err.kind == "timeout" and clock.now() >= gate.request.deadline - 0.001 then return { decision = "timeout" } end
  error(err, 0)
end

-- The question is no longer open: who takes the run up asks anew.
local function forget_question(gate, key, decision)
  local recorder = gate.run.recorder
  local record = recorder:find(key)
  if record and record.status ~= "failed" then recorder:fail(key, decision) end
end

-- Tells every channel that was asked how it ended; also when the run is cancelled. A run that only stops waiting leaves
-- its questions open.
function Gate.__close(gate)
  local decision = gate.decision or { decision = "cancelled" }
  if gate.closed or decision.decision == "waiting" then return end
  gate.closed = true
  for _, asked in ipairs(gate.asked) do
    local channel = asked.channel
    if decision.decision ~= "approved" and decision.decision ~= "refused" then
      local _, err = try(forget_question, gate, asked.key, decision.decision)
      if err then gate.run:warn(("gate '%s': %s"):format(gate.node.path, tostring(err))) end
    end
    if channel.close then
      local _, err = try(channel.close, channel, decision)
      if err then gate.run:warn(("gate '%s': %s: %s"):format(gate.node.path, channel.name, tostring(err))) end
    end
  end
end

local function tell(gate)
  local decision = gate.decision
  gate.node:emit {
    event = "gate.decided",
    decision = decision.decision,
    by = decision.by,
    why = decision.why,
    via = decision.via,
    digest = gate.request.digest,
  }
end

local function fail(gate, kind, message, hint)
  local decision = gate.decision
  tell(gate)
  local err = errors.new { kind = kind, op = "gate", target = gate.node.path, message = message, hint = hint }
  err.by, err.why = decision.by, decision.why
  error(err, 0)
end

-- Puts the decision on record: an answer, which nobody is asked for again. The channels are told first: nobody comes
-- back to a decision that is on record, and its questions would stay open.
local function settle(gate, decision)
  Gate.__close(gate)
  gate.run.recorder:finish(gate.key, decision)
  gate.key.settled = true
end

local function refused(by, why)
  return ("refused by %s%s"):format(by, why and ": " .. why or "")
end

local function judge(gate, options)
  local decision, request = gate.decision, gate.request
  if decision.decision == "timeout" then
    fail(gate, "gate.timeout", ("no decision after %s"):format(duration.text(options.timeout or DAY)),
      request.approvers and ("ask %s and start again"):format(table.concat(request.approvers, ", ")) or nil)
  elseif decision.decision == "refused" then
    settle(gate, {
      decision = "refused", by = decision.by, via = decision.via, why = decision.why, digest = request.digest,
      at = events.round(clock.now()),
    })
    fail(gate, "gate.refused", refused(decision.by or decision.via, decision.why))
  elseif decision.decision ~= "approved" then
    local what = tostring(decision.decision)
    error(("channel %s decided %s; approved or refused expected"):format(decision.via, what), 0)
  end
  if type(options.evidence) == "function" then
    local evidence, now = derive(options, request.evidence)
    if now ~= request.digest then
      local changes = table.concat(value.changes(request.evidence, evidence), "; ")
      gate.decision = { decision = "voided", by = decision.by, via = decision.via, why = changes }
      fail(gate, "gate.voided", ("what was approved by %s has changed since: %s"):format(decision.by or decision.via,
        changes), ("`fairlead resume %s` asks again with what it is now"):format(gate.run.id))
    end
  end
end

-- One look at each channel, for a run that may not wait for people.
local function look(gate, channels)
  for _, channel in ipairs(channels) do
    local decision = not channel.blocks and channel:answer()
    if decision then
      return { decision = decision.decision, by = decision.by, why = decision.why, via = channel.name }
    end
  end
  gate.decision = { decision = "waiting" }
  local request = gate.request
  errors.raise {
    kind = "waiting.decision", op = "gate", target = gate.node.path,
    message = ("waits for a decision%s: %s"):format(request.approvers
      and " of " .. table.concat(request.approvers, " or ") or "", request.question),
    hint = ("`fairlead resume %s` goes on once it is made"):format(gate.run.id),
  }
end

local function raise_voided(run, node, decision, changes)
  node:emit { event = "gate.decided", decision = "voided", by = decision.by, via = decision.via, why = changes,
    digest = decision.digest }
  errors.raise {
    kind = "gate.voided", op = "gate", target = node.path,
    message = ("what was approved by %s has changed since: %s"):format(decision.by or decision.via, changes),
    hint = ("`fairlead resume %s` asks again with what it is now"):format(run.id),
  }
end

-- What makes a decision void that was good when it was made.
local function revoker(run, node, key, decision)
  return function(changes)
    changes = table.concat(changes, "; ")
    run.recorder:fail(key, "voided: " .. changes)
    raise_voided(run, node, decision, changes)
  end
end

-- A decision that was made before the run was interrupted. It holds for what was shown: until something was done on the
-- strength of it, the evidence has to be the same still.
local function replay(run, node, key, record, options)
  local decision = record.result
  if decision.decision == "refused" then
    node:emit { event = "gate.decided", decision = "refused", by = decision.by, via = decision.via, why = decision.why,
      digest = decision.digest }
    local err = errors.new {
      kind = "gate.refused", op = "gate", target = node.path,
      message = refused(decision.by or decision.via, decision.why),
    }
    err.by, err.why = decision.by, decision.why
    error(err, 0)
  end
  if run.mode ~= "replay" and not run.recorder:acted_on(key) then
    local evidence, now = derive(options, decision.evidence)
    if now ~= decision.digest then
      local changes = table.concat(value.changes(decision.evidence, evidence), "; ")
      run.recorder:fail(key, "voided: " .. changes)
      raise_voided(run, node, decision, changes)
    end
  end
  node:skip "recorded"
  return decision, revoker(run, node, key, decision)
end

-- A dry run shows what would be asked, and goes on as if it were approved.
local function preview(run, node, options, question)
  local evidence, note = dry.look(run, function()
    local found = options.evidence
    if type(found) == "function" then found = found() end
    return dry.text(found)
  end)
  run.pretended = true
  node:skip("dry run", { would = "ask: " .. question, evidence = evidence, note = note and note.text,
    error = note and note.error })
  return {
    decision = "approved", by = options.approvers and options.approvers[1] or run.user, via = "dry run",
    evidence = evidence, digest = digest.sha256(value.canonical(evidence)), at = events.round(clock.now()),
  }, function() end
end

-- A refusal is an answer, unless whoever supervises the run has the gate called once more.
local function is_asked_again(node, record)
  return (node.attempt or 1) > 1 and record.status == "finished" and record.result.decision == "refused"
end

local function do_gate(run, options)
  local question = options.question or options.name .. "?"
  local node <close> = nodes.open(run, "gate", options.name, { intent = question })
  local key = node:key(nil)
  local record = node:recorded(key, nil)
  nodes.check_replayed(node, record)
  local anew = record and is_asked_again(node, record)
  if anew then
    run.recorder:fail(key, refused(record.result.by or record.result.via, record.result.why))
    record.status = "failed"
  elseif record and record.status == "finished" then
    return replay(run, node, key, record, options)
  end
  if run.dry then return preview(run, node, options, question) end
  -- What an earlier attempt began ends here, too, when its evidence can no longer be derived.
  local _ <close> = record and nodes.recording_failure(run, key) or nil
  local evidence, evidence_digest = derive(options)
  local now = clock.now()
  local deadline = now + (options.timeout or DAY)
  if record and record.status == "begun" and record.deadline then deadline = math.min(deadline, record.deadline) end
  run.recorder:begin(key, { question = question, evidence = evidence, approvers = options.approvers },
    { deadline = deadline })
  local _ <close> = not record and nodes.recording_failure(run, key) or nil
  local gate <close> = setmetatable({ run = run, node = node, key = key, asked = {}, anew = anew, held = task.held() },
    Gate)
  gate.request = {
    run = run.id, procedure = run.procedure.name, name = options.name, path = node.path, question = question,
    evidence = evidence, summary = options.show and evidence and options.show(evidence) or nil,
    digest = evidence_digest, approvers = options.approvers, deadline = deadline,
    say = function(text) node:emit { event = "note", kind = "say", text = text } end,
    prompt = function(text) node:emit { event = "note", kind = "prompt", text = text } end,
  }
  run.waits[node] = {
    name = options.name, path = node.path, since = now, deadline = gate.request.deadline, text = question,
  }
  local channels, skipped = resolve(run, options)
  local names = {}
  for i, channel in ipairs(channels) do names[i] = channel.name end
  node:emit {
    event = "gate.asked", question = question, evidence = evidence, summary = gate.request.summary,
    digest = evidence_digest, approvers = options.approvers, via = names,
    deadline = events.round(gate.request.deadline),
  }
  channels = ask(gate, channels)
  if #channels == 0 and not (run.no_wait and not gate.last_error) then
    if gate.last_error then error(gate.last_error, 0) end
    gate.decision = { decision = "refused", why = table.concat(skipped, "; ") }
    fail(gate, "gate.unattended", "nobody can be asked: " .. table.concat(skipped, "; "),
      options.approvers and "run it in a terminal, or ask via another channel"
        or "run it in a terminal, or confirm with --yes")
  end
  gate.decision = run.no_wait and look(gate, channels) or decide(gate, channels)
  judge(gate, options)
  local decision = {
    decision = "approved", by = gate.decision.by, via = gate.decision.via, why = gate.decision.why,
    digest = evidence_digest, evidence = evidence, at = events.round(clock.now()),
  }
  settle(gate, decision)
  tell(gate)
  return decision, revoker(run, node, key, decision)
end

---@param Run table the class of runs
function M.install(Run)
  ---Asks for a decision and waits for it.
  ---@async
  ---@param options procedure.GateOptions
  ---@return {decision: "approved", by: string?, via: string, why: string?, digest: string, evidence: any, at: number}
  ---@return fun(changes: string[]) revoke makes the decision void, as what it was about has changed since (`changes`
  --- says what); raises "gate.voided", and `resume` asks again
  ---errors: kinds "gate.refused", "gate.timeout", "gate.voided", "gate.unattended" (nobody can be asked)
  function Run:gate(options)
    check_options(options)
    if self.supervise then
      return supervise.call(self, { kind = "gate", name = options.name }, do_gate, self, options)
    end
    return do_gate(self, options)
  end
end

return M
