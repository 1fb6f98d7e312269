--- Runs the user's own `git`, so that credentials, SSH settings and hooks work as the user knows them.
local process = require "fairlead.process"
local progress = require "fairlead.git.progress"
local trouble = require "fairlead.git.trouble"

local M = {}

--- Never ask at a terminal; speak English, because what git says is read (trouble.lua). Where the host itself was
--- started by a hook, git's variables would lead every repository to that hook's: they are taken away.
local ENVIRONMENT <const> = {
  GIT_TERMINAL_PROMPT = "0",
  LC_ALL = "C",
  LANGUAGE = false,
  GIT_DIR = false,
  GIT_WORK_TREE = false,
  GIT_COMMON_DIR = false,
  GIT_INDEX_FILE = false,
  GIT_OBJECT_DIRECTORY = false,
  GIT_ALTERNATE_OBJECT_DIRECTORIES = false,
  GIT_NAMESPACE = false,
  GIT_PREFIX = false,
  GIT_SHALLOW_FILE = false,
  GIT_GRAFT_FILE = false,
}

--- What a transfer may take when the caller does not say. Somebody's askpass window may stay unanswered for ever.
M.DEFAULT_TIMEOUT = 600

---@class fairlead.git.Command
---@field op string for errors: "git.push"
---@field target string? for errors
---@field folder string? to run it in
---@field bare boolean? the folder is a bare repository
---@field arguments string[]
---@field timeout number?
---@field harmless boolean? it changes nothing, or only what follows a remote
---@field accepts integer? a code other than 0 that is an answer, too
---@field on_progress fun(progress: fairlead.git.Progress)? hears how far a transfer is

--- Runs git to its end; raises the error that trouble.lua makes of its failure.
---@async
---@param command fairlead.git.Command
---@return fairlead.process.Result
function M.run(command)
  local call = { "git", cwd = command.folder, env = ENVIRONMENT, timeout = command.timeout, max_output = 64 << 20,
    harmless = command.harmless }
  if command.bare then call[#call + 1] = "--git-dir=" .. command.folder end
  call[#call + 1] = command.arguments[1]
  if command.on_progress then
    call[#call + 1] = "--progress"
    call.on_output = progress.listener(command.on_progress)
  end
  table.move(command.arguments, 2, #command.arguments, #call + 1, call)
  local done = process.run(call)
  if command.on_progress then done.stderr = progress.without(done.stderr) end
  if done.code ~= 0 and done.code ~= command.accepts then
    trouble.raise(command.op, command.target, done)
  end
  return done
end

return M
