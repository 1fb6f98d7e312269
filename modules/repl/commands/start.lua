--- Commands that carry out the script's procedure, and tell what it did.
local carry_out = require "fairlead.repl.runs.carry_out"
local errors = require "fairlead.errors"
local words = require "fairlead.repl.words"

local function usage(message, hint)
  errors.raise { kind = "usage", message = message, hint = hint }
end

-- What the words name: the procedure or one of its commands, and parameters.
local function chosen(session, argument)
  if not session.procedure then
    usage("there is no procedure", "`fairlead repl SCRIPT` opens a session with one")
  end
  local list, command = words.split(argument), nil
  if list[1] and not list[1]:find("=", 1, true) then command = table.remove(list, 1) end
  local where <const> = "fairlead help " .. (session.script or "SCRIPT")
  local given <const> = require "fairlead.cli.options".parameters(list, where)
  local loaded = session.procedure
  if command then loaded = require "fairlead.procedure".command(loaded, command, session.script or loaded.name) end
  return loaded, given, command
end

local function confirm(session, loaded, given)
  if session.place == "world" then return end
  if not session.interactive then
    errors.raise {
      kind = "repl.write", op = "start", target = loaded.name,
      message = "it is carried out for real only when somebody at a terminal has confirmed it",
      hint = "`fairlead run SCRIPT` carries it out without asking, `fairlead repl --world` in a simulated world",
    }
  end
  local parameters = {}
  for name, value in require "fairlead.sorted"(given) do
    local spec <const> = loaded.parameters[name]
    parameters[#parameters + 1] = name .. "=" .. (spec and spec.secret and "[secret]" or value)
  end
  local with <const> = #parameters > 0 and " with " .. table.concat(parameters, ", ") or ""
  local question <const> = ("Carry out %q for real%s?"):format(loaded.name, with)
  if not session:confirm(require "fairlead.faces.text".clean(question)) then
    errors.raise { kind = "cancelled", message = "nothing was started" }
  end
end

-- Whether a secret parameter is given a value, of the procedure's or of one of its commands.
local function hides(session, argument)
  local all <const> = { session.procedure }
  for _, command in pairs(session.procedure and session.procedure.commands or {}) do all[#all + 1] = command end
  for _, one in ipairs(all) do
    for name, spec in pairs(one.parameters) do
      if spec.secret and (" " .. argument):find("%f[%w_]" .. name:gsub("%p", "%%%0") .. "=") then return true end
    end
  end
  return false
end

local function start(session, argument)
  local input <const> = require "fairlead.repl.input"
  local rest, background = input.background(" " .. argument)
  if argument == "&" then rest, background = "", true end
  local loaded, given, command = chosen(session, rest)
  confirm(session, loaded, given)
  local carried <const> = { procedure = loaded, ["in"] = session.place }
  local function body() return carry_out.run(session, carried, given, command) end
  table.insert(session.carried, carried)
  if not background then
    carried.task = session.line
    local result <const> = body()
    if result.outcome == "usage" then error(result.error, 0) end
    if result.value ~= nil then session:keep(result.value) end
    return
  end
  local job <const> = session.jobs:start(":start " .. argument, session:wrapped(body), { quiet = true })
  carried.task = job.task
  session:announce(job)
end

local function stop(session, argument)
  if argument ~= "" then return require "fairlead.repl.runs.stops".choose_by(session, argument) end
  local stopped = 0
  for _, carried in ipairs(session.carried) do
    if not carried.result and carried.task then
      carried.task:cancel "stopped by :stop"
      stopped = stopped + 1
    end
  end
  if stopped == 0 then usage("no run is going on", "`:start` carries the procedure out") end
end

local function answer(session, argument)
  session.questions:answer(argument)
end

local function events(session, argument)
  local number <const> = argument == "" and 20 or math.tointeger(tonumber(argument))
  if not number then usage("how many?", "`:events N`") end
  local list <const> = session.events
  if #list == 0 then return session:print "no run was carried out in this session yet" end
  for i = math.max(1, #list - number + 1), #list do session:print(list[i]) end
end

---@type repl.Command[]
return {
  { name = "start", usage = ":start [COMMAND] [name=value…] [&]", text = "Carry out the script's procedure.",
    run = start, hides = hides, help = [[
In a world at once, and nothing real is touched; for real after a question that names it. `&` leaves it running: its
lines appear above the prompt. COMMAND is another thing that the script can do, such as rollback. What it returned is
`_` afterwards, its error `err`. A run of the real services is in the journal like any other.]] },
  { name = "stop", usage = ":stop [N]", text = "End the runs that :start … & left running; with N: look at stop N.",
    run = stop },
  { name = "answer", usage = ":answer TEXT", text = "Answer what a line or a run in the background asked.",
    run = answer },
  { name = "events", usage = ":events [N]", text = "The last that runs of this session did, requests too.",
    run = events },
}
