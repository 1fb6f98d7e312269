--- Commands at a stop: where it is, what is there, and how it goes on; breakpoints.
local debugger = require "fairlead.debugger"
local stops = require "fairlead.repl.runs.stops"
local text = require "fairlead.faces.text"

local usage <const> = stops.usage

local function whole(argument)
  return math.tointeger(tonumber(argument))
end

-- ---- which stop, which frame ----

local function list_stops(session)
  local list <const> = session.stops.list
  if #list == 0 then return session:print "nothing is stopped" end
  for _, stop in ipairs(list) do
    session:print((stop == session.stop and "> " or "  ") .. stops.line_of(stop))
  end
end

-- Frames as `:where` numbers them; `all`: the host's own modules', too.
local function frames_of(session, all)
  local stop <const> = stops.current(session)
  return all and stop.frames or stops.frames(stop)
end

local KINDS <const> = { Lua = "a function", main = "the file itself", C = "in C" }

-- What a frame is of, where a name is known.
local function name_of(frame)
  return text.clean(frame.name and frame.name ~= "" and frame.name or KINDS[frame.what] or "")
end

local function where(session, argument)
  local task
  for number, frame in ipairs(frames_of(session, argument == "all")) do
    if task and frame.task ~= task then session:print "     … waited for by" end
    task = frame.task
    local mark <const> = frame == session.frame and ">" or " "
    session:print(("%s %2d  %s  %s"):format(mark, number, stops.place_of(frame), name_of(frame)))
  end
end

local function index_of(list, wanted)
  for i, frame in ipairs(list) do
    if frame == wanted then return i end
  end
end

local function show_frame(session, list, number)
  local frame <const> = list[number]
  session.frame = frame
  session:print(("frame %d  %s  %s"):format(number, stops.place_of(frame), text.clean(frame.name or "")))
  stops.print_source(session, frame, 1)
end

local function move(step)
  return function(session, argument)
    local list = frames_of(session)
    local at = index_of(list, session.frame)
    if not at then
      list = frames_of(session, true)
      at = index_of(list, session.frame) or 1
    end
    local number <const> = at + step * (whole(argument) or 1)
    if not list[number] then usage(step > 0 and "this is the outermost frame" or "this is the innermost frame") end
    show_frame(session, list, number)
  end
end

local function frame(session, argument)
  local list <const> = frames_of(session)
  if argument == "" then return show_frame(session, list, index_of(list, session.frame) or 1) end
  local number <const> = whole(argument)
  if not number or not list[number] then
    usage(("there is no frame '%s'"):format(argument), "`:where` lists them")
  end
  show_frame(session, list, number)
end

-- ---- what is there ----

local function variables(wanted)
  return function(session)
    local widest, list = 0, {}
    for _, one in ipairs(stops.frame(session):locals()) do
      if wanted[one.kind] then
        list[#list + 1] = one
        widest = math.max(widest, text.width(one.name))
      end
    end
    if #list == 0 then session:print "none here" end
    for _, one in ipairs(list) do
      session:print(("%s = %s"):format(text.pad(one.name, widest), session:brief(one.value, widest + 3)))
    end
  end
end

local function source(session, argument)
  stops.print_source(session, stops.frame(session), whole(argument) or 10)
end

-- ---- how it goes on ----

local function going(method)
  return function(session)
    local stop <const> = stops.current(session)
    if stop.kind == "failure" then
      usage("it failed here and cannot go on from this line", "`:retry`, `:resume` or `:fail`")
    end
    session.stops:go_on(stop, function(one) one[method](one) end)
  end
end

-- ---- breakpoints ----

local function break_at(session, argument)
  local file, line = argument:match "^(.-):?(%d+)$"
  line = whole(line)
  if not line then usage("where?", "`:break FILE:LINE`, or at a stop `:break LINE`") end
  if file == "" then file = stops.frame(session).source end
  local id <const> = debugger.break_at(file, line)
  session:print(("breakpoint %d at %s:%d"):format(id, file, line))
end

local function list_breakpoints(session)
  local list <const> = debugger.breakpoints()
  if #list == 0 then session:print "there are no breakpoints" end
  for _, one in ipairs(list) do session:print(("%3d  %s:%d"):format(one.id, one.file, one.line)) end
end

local function delete(_, argument)
  local number <const> = whole(argument)
  if not number or debugger.remove(number) == false then
    usage(("there is no breakpoint '%s'"):format(argument), "`:breaks` lists them")
  end
end

---@type repl.Command[]
return {
  { name = "stops", usage = ":stops", text = "What is stopped, and where; `:stop N` looks at another.",
    run = list_stops },
  { name = "where", aliases = { "bt" }, usage = ":where [all]", text = "The frames of the stop, the innermost first.",
    run = where, help = "With `all`: those of Fairlead's own modules, too." },
  { name = "up", usage = ":up [N]", text = "To the frame that called this one.", run = move(1) },
  { name = "down", usage = ":down [N]", text = "To the frame that this one called.", run = move(-1) },
  { name = "frame", usage = ":frame [N]", text = "To a frame, by its number in `:where`.", run = frame },
  { name = "locals", usage = ":locals", text = "The frame's locals, a line each.",
    help = "NAME shows one whole, NAME = VALUE changes it.", run = variables { ["local"] = true, vararg = true } },
  { name = "upvalues", usage = ":upvalues", text = "What the frame's function has from outside of it.",
    run = variables { upvalue = true } },
  { name = "source", usage = ":source [N]", text = "The source around the frame's line, N lines each way.",
    run = source },
  { name = "break", usage = ":break FILE:LINE", text = "Stop there each time, before the line is run.",
    run = break_at },
  { name = "breaks", usage = ":breaks", text = "The breakpoints.", run = list_breakpoints },
  { name = "delete", usage = ":delete N", text = "Take a breakpoint away.", run = delete },
  { name = "step", aliases = { "s" }, usage = ":step", text = "To the next line, into what is called.",
    run = going "step" },
  { name = "next", aliases = { "n" }, usage = ":next", text = "To the next line of this function.",
    run = going "next" },
  { name = "finish", usage = ":finish", text = "To where this function was called.", run = going "finish" },
  { name = "continue", aliases = { "c" }, usage = ":continue", text = "Go on to the next stop, or to the end.",
    run = going "continue" },
}
