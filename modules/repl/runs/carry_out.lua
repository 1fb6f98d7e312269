--- A procedure carried out from within a session, in its world or for real, with the plain face's lines.
local errors = require "fairlead.errors"
local plain = require "fairlead.faces.plain"

local M = {}

local KEPT <const> = 1000 -- lines of what happened, for `:events`

---@class repl.Carried a run of this session
---@field procedure procedure.Procedure
---@field task Task that carries it out
---@field id string|nil once it has begun
---@field result procedure.Result|nil once it has ended

-- The plain face, writing where the session writes.
local function face(write, verbose)
  return plain.new { stream = { setvbuf = function() end, flush = function() end, write = write }, verbose = verbose }
end

-- Where an event's line goes on below: under what happened, past its time.
local MARGIN <const> = 20

-- Events' lines for a terminal: none is wider than it.
local function fitting(session, lines)
  if not session.interactive then return lines end
  local hang <const>, width <const> = require "fairlead.repl.help.page".hang, session:width()
  return (lines:gsub("[^\n]+", function(line)
    return table.concat(hang(line, width, line:find "^%d%d:%d%d:%d%d  " and MARGIN or 4), "\n")
  end))
end

---Shows each event, and keeps what it says, with the requests, for `:events`.
---@param session repl.Session
---@param carried repl.Carried
---@return fun(event: procedure.Event)
function M.listener(session, carried)
  local shown <const> = face(function(_, ...) session.output:write(fitting(session, table.concat { ... })) end, false)
  local kept <const> = face(function(_, lines)
    if lines == "\n" then return end
    for line in (lines .. "\n"):gmatch "([^\n]*)\n" do table.insert(session.events, line) end
    if #session.events > 2 * KEPT then
      session.events = table.move(session.events, #session.events - KEPT + 1, #session.events, 1, {})
    end
  end, true)
  return function(event)
    carried.id = carried.id or event.run
    shown:event(event)
    kept:event(event)
  end
end

local function in_world(session, carried, loaded, given)
  local rehearsal <const> = require "fairlead.world.rehearsal"
  local book <close> = require "fairlead.journal".open { folder = session.folder.state, durable = false }
  local options <const> = rehearsal.execute_options(session.world, session.folder, {
    listener = M.listener(session, carried),
  })
  options.recorder = book:recording()
  options.seed = options.seed + #session.carried - 1 -- two runs may begin at one moment of this clock: their ids differ
  return M.execute(session, loaded, given, options)
end

local function for_real(session, carried, loaded, given, command)
  -- Opened before anything is done, as by `fairlead run`: a run that nobody could take up does not begin.
  local book <close> = require "fairlead.journal".open()
  local read <const> = require "fairlead.journal.script".read(session.script)
  return M.execute(session, loaded, given, {
    listener = M.listener(session, carried), recorder = book:recording(read, command), mode = "run",
    interactive = session.interactive,
  })
end

---procedure.execute, with what parts of the REPL have to say about it.
---@async
---@param session repl.Session
---@param loaded procedure.Procedure
---@param given table<string, string>
---@param options procedure.ExecuteOptions
---@return procedure.Result
function M.execute(session, loaded, given, options)
  options.where = ":help start"
  for _, fn in ipairs(session.starters) do fn(options) end
  local execute <const> = require "fairlead.procedure".execute
  -- Its confirmation and its journal are its own. A replay writes nothing; if it tries to, it is asked for.
  if options.mode == "replay" then return execute(loaded, given, options) end
  return require "fairlead.repl.writes".allowing(loaded.name, execute, loaded, given, options)
end

---Carries it out in the calling task; what it returned becomes `_`, its error `err`.
---@async
---@param session repl.Session
---@param carried repl.Carried
---@param given table<string, string>
---@param command? string a command of the script's
---@return procedure.Result
function M.run(session, carried, given, command)
  local loaded <const> = carried.procedure
  local result <const> = (session.world and in_world or for_real)(session, carried, loaded, given, command)
  carried.result = result
  session.exit_code = result.exit_code
  if result.error then session.last_error = errors.wrap(result.error) end
  return result
end

return M
