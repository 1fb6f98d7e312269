--- What `run` and `rehearse` have in common: their arguments, the choice of a face, the last event of what never began.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local faces = require "fairlead.faces"
local procedure = require "fairlead.procedure"

local M = {}

---Adds the option that says what becomes of what AWS is doing when the run is cancelled.
---@param command table of lua-argparse
function M.define_on_cancel(command)
  command:option("--on-cancel", "What becomes of what AWS is doing when Ctrl-C ends the run; without it, whoever sits "
    .. "at the terminal is asked."):argname "leave|stop|rollback":target "on_cancel"
    :choices { "leave", "stop", "rollback" }
end

---Adds the options that choose a face.
---@param command table of lua-argparse
function M.define_faces(command)
  command:mutex(
    command:flag("--json", "One JSON object a line; the last one tells the outcome."),
    command:flag("--plain", "Lines with times, on a terminal too."))
  command:flag("-v --verbose", "HTTP exchanges, and all that is known of an error.")
end

---Parameters from the words of a command line.
---@param words string[] "name=value"
---@param where string how to see the list
---@return table<string, string>
function M.parameters(words, where)
  local given = {}
  for _, word in ipairs(words) do
    local name, value = word:match "^([^=]+)=(.*)$"
    local function refuse(message)
      errors.raise { kind = "usage", message = message, hint = ("`%s` lists the parameters"):format(where) }
    end
    if not name then refuse(("parameter '%s' has no value, expected name=value"):format(word)) end
    if given[name] then refuse(("parameter '%s' is given twice"):format(name)) end
    given[name] = value
  end
  return given
end

-- Remembers whether the last event has come.
local function watching(face)
  local watcher = { finished = false }
  function watcher:event(event)
    if event.event == "run.finished" then self.finished = true end
    face:event(event)
  end
  return watcher
end

---Carries out `play(listener)` before a face. Its errors are raised; a JSON face has told them as its last event then.
---@async
---@param options {json: boolean?, plain: boolean?, verbose: boolean?}
---@param play fun(listener: table): procedure.Result
---@return procedure.Result
function M.show(options, play)
  local face = faces.choose(options)
  local _ <close> = setmetatable({}, { __close = function() face:close() end })
  if face.start then face:start() end
  local watcher = watching(face)
  local result, err = try(play, watcher)
  if err then
    if options.json and not watcher.finished then face:event(procedure.finished_event(err, clock.now())) end
    error(err, 0)
  end
  return result
end

---The exit code of a run. What the face has no room for is told on standard error: why a run never began, where a
---script went wrong.
---@param result procedure.Result
---@param options {json: boolean?, verbose: boolean?}
---@return integer exit_code
function M.finish(result, options)
  local err = result.error
  if result.unwritten then
    local text = require "fairlead.faces.text"
    io.stderr:write("fairlead: how it ended is not in the journal: ", text.clean(result.unwritten), "\n")
  end
  if result.broken then
    local text = require "fairlead.faces.text"
    io.stderr:write("fairlead: what was shown is not all that happened: ", text.clean(result.broken), "\n")
  end
  local cli = require "fairlead.cli"
  if err and (result.outcome == "usage" or cli.is_mistake(err) or options.json or options.verbose) then
    cli.print_error(err, options.verbose)
  end
  return result.exit_code
end

return M
