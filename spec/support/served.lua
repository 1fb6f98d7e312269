--- A world that another process serves, and the clone in which a developer works on its repository.
local clock = require "fairlead.clock"
local process = require "fairlead.process"

local M = {}

---What `fairlead world serve` has printed into a file, once it is ready.
---@async
---@param path string
---@return table<string, string> variables to be exported
---@return string text all of it
function M.read(path)
  for _ = 1, 400 do
    local file = io.open(path)
    local text = file and file:read "a" or ""
    if file then file:close() end
    if text:find("Ctrl-C ends it", 1, true) then
      local variables = {}
      for name, value in text:gmatch "export ([%w_]+)=([^\n]*)" do variables[name] = value end
      return variables, text
    end
    clock.sleep(0.05)
  end
  error("the world was not served within 20 s: " .. path)
end

---What a developer does: clone, branch, commit. The dates are fixed, so the commit is the same each time.
---@async
---@param text string as M.read gives it
---@param folder table of spec.support.program
---@return string path of the clone
function M.clone(text, folder)
  local clone <const>, date <const> = folder.path .. "/clone", "2026-03-02T08:00:00Z"
  local env <const> = {
    GIT_AUTHOR_NAME = "A Developer", GIT_AUTHOR_EMAIL = "a.developer@example.gov.uk", GIT_AUTHOR_DATE = date,
    GIT_COMMITTER_NAME = "A Developer", GIT_COMMITTER_EMAIL = "a.developer@example.gov.uk", GIT_COMMITTER_DATE = date,
  }
  local function run(...) process.run({ "git", "-C", clone, env = env, ... }):check() end
  process.run({ "git", "clone", "-q", assert(text:match "git clone (%S+)"), clone }):check()
  run("switch", "-qc", "say-hello")
  folder:write("clone/hello.txt", "hello\n")
  run("add", ".")
  run("commit", "-qm", "Say hello")
  return clone
end

return M
