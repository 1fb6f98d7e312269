--- The command line: `fairlead COMMAND …`. One file for each command; this one finds the command, and turns every
--- failure into one line on standard error and an exit code.
local argparse = require "argparse"
local errors = require "fairlead.errors"
local outcomes = require "fairlead.procedure.outcome"
local nearest = require "fairlead.nearest"

local M = {}

-- In the order of `fairlead --help`.
local COMMANDS <const> = {
  "run", "rehearse", "resume", "live", "rollback", "reserve", "runs", "show", "why", "repl", "locks", "unlock", "world",
  "new", "check", "permissions", "doctor", "test", "help", "completion",
}

---The names of the commands.
---@type string[]
M.commands = COMMANDS

---@class cli.Command
---@field define fun(parser: table): table adds the command to argparse's parser
---@field main fun(options: table): integer carries it out; the exit code
---@field raw? boolean its arguments are passed on as they are

---@param name string
---@return cli.Command
local function command(name)
  return require("fairlead.cli." .. name)
end

---The parser of the command line.
---@param only? string the one command that it is to know, so that the others need not be loaded; nil: all of them
---@return table parser of lua-argparse
function M.parser(only)
  local parser = argparse("fairlead", "Carries out deploy and release procedures written in Lua.",
    "Other uses:\n"
      .. "   fairlead SCRIPT [ARG…]   run a Lua script\n"
      .. "   fairlead -e LUA [ARG…]   run a chunk of Lua\n"
      .. "   fairlead --version       which version this is\n\n"
      .. "`fairlead help` lists the topics that there is more to say about.")
  parser:usage "Usage: fairlead COMMAND …\n       fairlead SCRIPT [ARG…]"
  parser:command_target "command"
  parser:require_command(false)
  parser:help_max_width(100)
  for _, name in ipairs(only and { only } or COMMANDS) do command(name).define(parser) end
  return parser
end

-- What was said elsewhere commands neither the terminal nor, in GitHub Actions, the runner, which reads this too.
local function print_below(details)
  local text = require "fairlead.faces.text"
  for line in details:gmatch "[^\n]+" do io.stderr:write(text.harmless("    " .. text.clean(line)), "\n") end
end

---Whether it is the script that is wrong, so that its traceback tells where.
---@param err Error
---@return boolean
function M.is_mistake(err)
  return err.kind == "script" or err.kind == "cannot_wait"
end

---One line on standard error: what failed, on what, why, what to do; below it the error's details, and for a
---script's own mistake its traceback.
---@param err Error
---@param verbose? boolean everything that is known, below the line
function M.print_error(err, verbose)
  local text = require "fairlead.faces.text"
  for _, line in ipairs(err.problems or { tostring(err) }) do
    if err.problems then line = line .. "; " .. err.hint end
    io.stderr:write("fairlead: ", text.clean(line), "\n")
  end
  if verbose then
    print_below(errors.describe(err))
  else
    print_below(table.concat(err.details or {}, "\n"))
    if M.is_mistake(err) then print_below(err.traceback or "") end
  end
end

local function usage(message, near)
  errors.raise { kind = "usage", message = message, hint = near or "`fairlead --help` lists what there is" }
end

-- argparse's message as an error; an unknown command gets the name that was perhaps meant.
local function refuse(message, name)
  message = message:gsub("\nDid you mean", "; did you mean"):gsub("\n.*", "")
  local unknown = message:match "^unknown command '(.-)'"
  if unknown then
    local known = {}
    for _, one in ipairs(COMMANDS) do known[one] = true end
    local near = nearest.name(unknown, known)
    usage(("unknown command '%s'"):format(unknown), near and ("did you mean `fairlead %s`?"):format(near)
      or "`fairlead --help` lists the commands")
  end
  usage(message, name and ("`fairlead %s --help` tells how it is used"):format(name))
end

local function dispatch(args)
  local name
  for _, one in ipairs(COMMANDS) do name = name or (one == args[1] and one or nil) end
  if name and command(name).raw then
    return command(name).main { arguments = table.move(args, 2, #args, 1, {}) }
  end
  local parser = M.parser(name)
  if #args == 0 then
    io.stderr:write(parser:get_help(), "\n")
    return 2
  end
  local ok, options = parser:pparse(args)
  if not ok then refuse(options, name) end
  if not options.command then usage "which command?" end
  return command(options.command).main(options)
end

---Runs one command line. Ends the program with the command's exit code; its closing handlers run first.
---@async
---@param args string[] without the program's name
---@return integer exit_code 0; any other ends the program here
function M.main(args)
  local verbose = false
  for _, argument in ipairs(args) do verbose = verbose or argument == "-v" or argument == "--verbose" end
  local code, err = try(dispatch, args)
  if err then
    M.print_error(err, verbose)
    code = select(3, outcomes.of(err))
  end
  io.stdout:flush()
  if code ~= 0 then os.exit(code) end
  return 0
end

return M
