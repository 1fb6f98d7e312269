--- fairlead unlock: gives back a lock of one's own, or takes away somebody else's and tells them: the one on this
--- machine, and in a project the reservation that all machines share.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local json = require "fairlead.json"
local lock = require "fairlead.lock"
local nearest = require "fairlead.nearest"
local shared = require "fairlead.cli.shared"
local task = require "fairlead.task"

local M = {}

local LONGEST <const> = 20 -- seconds for telling Slack

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("unlock", "Give back a lock of one's own; with --steal, take away anybody's.")
  command:argument("environment", "What is locked; `fairlead locks` lists it.")
  command:flag("--steal", "Also when somebody else has it. It is recorded, and they are told; their run stops.")
  command:option("--reason", "Why it is stolen; they read it."):argname "TEXT"
  command:flag("--json", "One JSON object: what was unlocked, and whether its owner was told.")
  shared.define(command)
  return command
end

-- Who types this, as a run would name its owner.
local function me()
  local process = require "fairlead.journal.native".process()
  return { user = lock.user(), host = process.host }
end

local function is_mine(owner, mine)
  return owner.user == mine.user and owner.host == mine.host
end

-- A release's lock is called by its application and the environment.
local function find(store, name, list)
  local wanted, known = { [name] = true }, #list > 0
  for _, one in ipairs(list) do wanted[("%s %s"):format(one.entry.key, name)] = true end
  for _, record in ipairs(store:list()) do
    if wanted[record.name] and record.id then return record end
  end
  local names = store:names()
  if known or names[name] then return nil end
  local near = nearest.name(name, names)
  errors.raise {
    kind = "usage", message = ("nothing called '%s' was ever locked here"):format(name),
    hint = near and ("did you mean `fairlead unlock %s`?"):format(near) or "`fairlead locks` lists what is",
  }
end

-- Tells whoever had it, where their run said. What was done is done, whether that works or not.
local function tell(former, options, mine)
  local place = former.notify and former.notify.slack
  if type(place) ~= "table" or type(place.channel) ~= "string" then
    return false, "their run named no place in Slack"
  end
  if not environment.get "SLACK_BOT_TOKEN" then return false, "SLACK_BOT_TOKEN is not set" end
  local slack = require "fairlead.slack"
  local client = slack.client {}
  local _, err = try(task.timeout, LONGEST, client.post, client, {
    channel = place.channel, thread = place.thread,
    text = (":unlock: %s took the lock of *%s* away from %s (run %s): %s"):format(
      slack.escape(lock.who(mine)), slack.escape(former.name), slack.escape(lock.who(former.owner)),
      slack.escape(former.owner.run), slack.escape(options.reason)),
    metadata = { event_type = "fairlead_lock", event_payload = { lock = former.name, run = former.owner.run } },
  })
  if err then return false, tostring(err) end
  return true
end

local function check(options)
  if options.reason and not options.steal then
    errors.raise { kind = "usage", message = "--reason is for --steal", hint = "leave it out, or add --steal" }
  end
  if options.steal and not (options.reason and options.reason:find "%S") then
    errors.raise {
      kind = "usage", message = "--steal needs a reason",
      hint = ("say why: fairlead unlock %s --steal --reason \"…\""):format(options.environment),
    }
  end
end

local function refuse(record)
  local err = errors.new {
    kind = "lock.held", op = "unlock", target = record.name,
    message = "is not yours: it is held by " .. lock.describe(record),
    hint = ("agree with them; or take it away: fairlead unlock %s --steal --reason \"…\""):format(record.name),
  }
  err.holder = record
  error(err, 0)
end

-- What all machines share: given back where it is one's own, taken away with a reason where it is not.
local function unlock_shared(options, list)
  local did = json.array()
  if options.steal then shared.need_one(list, options.environment) end
  for i, one in ipairs(list) do
    local words = { environment = options.environment, reason = options.reason, what = "give-back" }
    if options.steal then words.what = one.reservation.holder and "steal" or "free" end
    local acts = one.reservation.holder or options.steal and one.reservation.hold
    local _, err
    if acts then _, err = shared.carry_out(one.entry, words) end
    if err then error(err, 0) end
    if acts and words.what == "steal" and one.reservation.hold then
      words.what = "free"
      _, err = shared.carry_out(one.entry, words)
      if err then error(err, 0) end
    end
    did[i] = {
      application = one.entry.key, environment = options.environment, unlocked = acts ~= nil and acts ~= false,
      holder = one.reservation.holder, hold = one.reservation.hold,
    }
  end
  return did
end

local function say_shared(did)
  local text = require "fairlead.faces.text"
  for _, one in ipairs(did) do
    if one.unlocked then
      local holder, hold = one.holder, one.hold
      print(text.clean(("%s of %s is unlocked. %s"):format(one.environment, one.application,
        holder and ("%s had it: %s"):format(holder.login, holder.why)
          or ("It was held by %s: %s"):format(hold.login, hold.why))))
    elseif one.hold then
      print(text.clean(("%s of %s is held by %s: %s. To let deployments go on: --steal --reason \"…\""):format(
        one.environment, one.application, one.hold.login, one.hold.why)))
    end
  end
end

---@async
---@param options {environment: string, steal: boolean?, reason: string?, json: boolean?, application: string?,
--- scripts: string?}
---@return integer exit_code
function M.main(options)
  check(options)
  local text = require "fairlead.faces.text"
  local name, mine = options.environment, me()
  local list = shared.list(options, name)
  local did = unlock_shared(options, list)
  local store <close> = lock.open()
  local record = find(store, name, list)
  name = record and record.name or name
  if record and not options.steal and not is_mine(record.owner, mine) then refuse(record) end
  -- From the lease that was looked at only: it may have been given back and taken by somebody else since.
  local former = record and store:steal(name, {
    id = record.id, by = lock.who(mine), why = options.reason, what = options.steal and "stolen" or "unlocked",
  })
  if not options.json then say_shared(did) end
  if not former then
    if options.json then
      print(json.encode({ lock = name, unlocked = false, shared = did }, { sort_keys = true }))
    elseif #did == 0 then
      print(text.clean(("%s is free already."):format(name)))
    end
    return 0
  end
  local told, why
  if options.steal then told, why = tell(former, options, mine) end
  if options.json then
    print(json.encode({
      lock = name, unlocked = true, shared = did, stolen = options.steal or false, told = told, not_told = why,
      former = require "fairlead.cli.locks".plain(former),
    }, { sort_keys = true }))
    return 0
  end
  print(text.clean(("%s is unlocked. It was held by %s"):format(name, lock.describe(former))))
  if told then
    print(text.clean(("Told them in Slack, in %s."):format(former.notify.slack.channel)))
  elseif options.steal then
    print(text.clean(("They were not told: %s. Tell them yourself."):format(why)))
  end
  return 0
end

return M
