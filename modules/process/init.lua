--- Programs run as child processes: no shell, an argument list, bounded output, nothing left behind.
---
---   local done = process.run { "git", "status", "--porcelain", cwd = folder, timeout = 10 }
---   print(done:check().stdout)
---
--- A child has its own session and process group. A timeout, or the task's cancellation, sends TERM to the whole group
--- and, after a grace, KILL; the call returns when the child is gone. A daemon that it left behind and that holds its
--- output open delays the call by half a second at most.
---
--- Its times are real ones, also where the task runs on a virtual clock: the child knows no other.
local environment = require "fairlead.environment"
local native = require "fairlead.process.native"

local M = {}

--- What runs programs now.
local function runner(options)
  return native.run(options, environment.overrides())
end

---@class fairlead.process.Options
---@field [integer] string|number the program, then its arguments, as they are: no shell reads them
---@field cwd string? the folder to run it in
---@field env table<string, string|number|Secret|false>? changes to the host's; false takes a variable away
---@field stdin (string|Secret)? what it reads; without it, nothing (the null device)
---@field timeout number? seconds until it is stopped; its code is then 124
---@field grace number? seconds from TERM to KILL; default 5
---@field harmless boolean? true: it changes nothing that anybody would have to be asked for, as its caller knows; the
--- REPL's guard lets it through
---@field on_output (async fun(piece: string, stream: "stdout"|"stderr"))? hears of output as it comes, in the task that
--- runs the program; where it raises, the program is killed
---@field max_output integer? bytes of standard output, and of standard error, that are kept; default 16 MiB

---@class fairlead.process.Result
---@field code integer as a shell would say: 128 and the signal's number where one ended it, 124 on timeout
---@field signal string? the signal that ended it: "TERM", "KILL", …
---@field stdout string
---@field stderr string
---@field timed_out true? the timeout ended it
---@field program string the first of its arguments

--- Runs a program to its end. A code other than 0 is no error here: see `result:check()`.
---
--- The child sees the host's environment under the overlays of `fairlead.environment` and under `env`. Its signals are
--- as a shell would give them. Open files of the host's are not passed on.
---
--- Raises `process.not_found`, `process.not_executable`, `process.no_directory`, `process.start`, and
--- `process.too_large` when it writes more than `max_output` (it is stopped then).
---@async
---@param options fairlead.process.Options
---@return fairlead.process.Result
function M.run(options)
  return runner(options)
end

--- Calls `body(...)` while `fn` runs programs in place of `run`: it may refuse, or call what it is given. As an HTTP
--- transport does, it holds for the whole host until `body` ends, however that is.
---@async
---@param fn async fun(options: fairlead.process.Options, run: fun(options: fairlead.process.Options): table): table
---@param body function
---@return any ... its results
function M.with_runner(fn, body, ...)
  local previous <const> = runner
  local _ <close> = setmetatable({}, { __close = function() runner = previous end })
  runner = function(options) return fn(options, previous) end
  return (function(...) return ... end)(body(...))
end

--- Where a program is, looking through PATH as `run` does; nil when it is nowhere. A name with a slash is not looked
--- for, only checked.
---@param name string
---@return string?
function M.which(name)
  if type(name) ~= "string" then
    error(("bad argument #1 to 'process.which' (string expected, got %s)"):format(type(name)), 2)
  end
  return native.which(name, environment.get "PATH" or "/usr/local/bin:/usr/bin:/bin")
end

return M
