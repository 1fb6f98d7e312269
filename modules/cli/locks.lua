--- fairlead locks: who has what, why, until when, and who waits for it: on this machine, and in a project on all
--- machines.
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local lock = require "fairlead.lock"
local round = require "fairlead.procedure.events".round
local shared = require "fairlead.cli.shared"

local M = {}

---@param parser table
---@return table
function M.define(parser)
  local command = parser:command("locks", "List who has which environment, why, until when, and who waits.")
  command:flag("--json", "One JSON object a line for each lock and reservation.")
  shared.define(command)
  return command
end

local function person(owner)
  return {
    run = owner.run, user = owner.user, host = owner.host, procedure = owner.procedure, pid = owner.process.pid,
  }
end

---A lock as --json tells it.
---@param record lock.Record
---@return table
function M.plain(record)
  local line = json.array()
  for i, ticket in ipairs(record.line) do
    line[i] = {
      ticket = ticket.number, owner = person(ticket.owner), reason = ticket.reason, since = round(ticket.since),
    }
  end
  local plain = { lock = record.name, held = record.id ~= nil, waiting = line }
  if record.id then
    plain.owner, plain.reason, plain.token = person(record.owner), record.reason, record.token
    plain.taken, plain["until"] = round(record.taken), round(record.until_)
    plain.renewed, plain.expires = round(record.renewed), round(record.expires)
    plain.gone = lock.is_gone(record.owner)
  end
  return plain
end

local function show(record)
  local text = require "fairlead.faces.text"
  local lines = {}
  lines[1] = ("%s: %s"):format(record.name, record.id and lock.describe(record) or "free, the next in line takes it")
  if record.id and lock.is_gone(record.owner) then
    local left = require "fairlead.procedure.duration".text(record.expires - clock.now())
    lines[#lines + 1] = ("   its process is gone; `fairlead resume %s` has it again, else it is free in %s"):format(
      record.owner.run, left)
  end
  for i, ticket in ipairs(record.line) do
    lines[#lines + 1] = ("   %d. in line: %s, since %s: %s (run %s)"):format(
      i, lock.who(ticket.owner), lock.moment(ticket.since), ticket.reason, ticket.owner.run)
  end
  for _, line in ipairs(lines) do print(text.clean(line)) end
end

-- A reservation that all machines share, as --json tells it.
local function plain_shared(reservation)
  return {
    application = reservation.application, environment = reservation.environment, holder = reservation.holder,
    hold = reservation.hold, differs = reservation.differs,
    waiting = json.array(table.move(reservation.queue, 1, #reservation.queue, 1, {})),
  }
end

local function show_shared(options)
  local text = require "fairlead.faces.text"
  local list, unknown = shared.list(options)
  for _, one in ipairs(list) do
    local reservation = one.reservation
    if options.json then
      print(json.encode(plain_shared(reservation), { sort_keys = true }))
    else
      for i, line in ipairs(reservation.text) do
        print(text.clean(i == 1 and ("%s of %s: %s"):format(reservation.environment, reservation.application, line)
          or "   " .. line))
      end
    end
  end
  for _, one in ipairs(unknown) do
    io.stderr:write(text.clean(("fairlead: the reservations of %s are not known here: %s"):format(one.key,
      tostring(one.error))), "\n")
  end
  return #list
end

---Prints the locks of this machine, or of the journal's folder that the environment names.
---@async
---@param options {json: boolean?}
---@return integer count
function M.show_own(options)
  local store <close> = lock.open()
  local list = store:list()
  for _, record in ipairs(list) do
    if options.json then print(json.encode(M.plain(record), { sort_keys = true })) else show(record) end
  end
  return #list
end

---@async
---@param options {json: boolean?, application: string?, scripts: string?}
---@return integer exit_code
function M.main(options)
  local count = M.show_own(options) + show_shared(options)
  if count == 0 and not options.json then print "Nothing is locked." end
  return 0
end

return M
