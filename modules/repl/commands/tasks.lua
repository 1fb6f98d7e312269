--- Commands about what goes on: tasks and what they wait for, locks.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local secrets = require "fairlead.repl.secrets"
local task = require "fairlead.task"
local text = require "fairlead.faces.text"

local function usage(message, hint)
  errors.raise { kind = "usage", message = message, hint = hint }
end

local function state_of(entry)
  if entry.state ~= "waiting" then return entry.state end
  local what <const> = "waits: " .. (entry.waits_for or "?")
  local passed <const> = entry.since and clock.now() - entry.since
  if not passed or passed < 1 then return what end
  return ("%s, for %s"):format(what, require "fairlead.procedure.duration".text(passed))
end

-- Entries with their lines' numbers: what belongs to a background line, or to all of the program.
local function chosen(session, all)
  local job_of, depth_of, stand_ins, list = {}, {}, {}, {}
  for _, job in ipairs(session.jobs:running()) do
    job_of[job.line or job.task] = job
    if job.line then stand_ins[job.task] = true end -- it only waits for the line
  end
  for _, entry in ipairs(task.list()) do
    local job <const> = job_of[entry.task]
    local above <const> = entry.parent and depth_of[entry.parent]
    if all or (job or above) and not stand_ins[entry.task] then
      depth_of[entry.task] = above and above + 1 or 0
      list[#list + 1] = { entry = entry, job = job, depth = depth_of[entry.task] }
    end
  end
  return list
end

local function tasks(session, argument)
  local list <const> = chosen(session, argument == "all")
  if #list == 0 then return session:print "nothing runs in the background" end
  local rows, widest = {}, 0
  for i, one in ipairs(list) do
    local name = one.entry.name or "task"
    if one.job then name = ("[%d] %s"):format(one.job.number, secrets.redact(one.job.text):gsub("%s+", " ")) end
    rows[i] = text.cut(("  "):rep(one.depth) .. text.clean(name), 60)
    widest = math.max(widest, text.width(rows[i]))
  end
  for i, one in ipairs(list) do session:print(text.pad(rows[i], widest + 2) .. text.clean(state_of(one.entry))) end
end

local function cancel(session, argument)
  local number <const> = math.tointeger(tonumber(argument:match "^%[?(%d+)%]?$"))
  local running <const> = session.jobs:running()
  if not number then
    if argument ~= "" or #running ~= 1 then usage("which one?", "`:tasks` lists them, `:cancel N` ends one") end
    return running[1].task:cancel "cancelled by :cancel"
  end
  for _, job in ipairs(running) do
    if job.number == number then return job.task:cancel "cancelled by :cancel" end
  end
  usage(("no [%d] runs in the background"):format(number), "`:tasks` lists what does")
end

local function locks(session)
  local cli <const> = require "fairlead.cli.locks"
  -- Reservations in a project's repositories are of the real one: a world has its own.
  if session.world then
    if cli.show_own {} == 0 then session:print "Nothing is locked." end
  else
    cli.main {}
  end
end

---@type repl.Command[]
return {
  { name = "tasks", aliases = { "jobs" }, usage = ":tasks [all]",
    text = "What runs in the background, what it waits for, and for how long.", run = tasks,
    help = "With `all`: every task of the program, those of the REPL itself too." },
  { name = "cancel", usage = ":cancel [N]", text = "End what runs in the background; its closers run.", run = cancel },
  { name = "locks", usage = ":locks", text = "Who has which environment, why, until when, and who waits.",
    run = locks },
}
