--- `fairlead world serve` as a process of its own, for clients of others.
local program = require "spec.support.program"
local served = require "spec.support.served"
local servers = require "spec.peers.support.servers"

local M = {}

-- An hour in a minute: what a client asks for in between has not passed by.
local SPEED <const> = 60

---@class peers.World
---@field url string
---@field variables table<string, string> what a client has to be told
local World = {}
World.__index = World

function World:close()
  local folder <close> = self.folder -- luacheck: ignore folder
  self.server:close()
end
World.__close = World.close

---Serves the world of a script, or a small one.
---@async
---@param script? string
---@return peers.World
function M.start(script)
  local folder <const> = program.folder()
  local out <const> = folder.path .. "/out"
  local server <const> = servers.start { name = "fairlead world serve", "sh", "-c",
    'exec "$0" world serve "$@" >"$OUT"', program.path, "--port", "{port}", "--speed", SPEED, script,
    env = { OUT = out, TMPDIR = folder.path } }
  local variables <const>, text <const> = served.read(out)
  variables.AWS_EC2_METADATA_DISABLED, variables.AWS_MAX_ATTEMPTS = "true", "1"
  variables.AWS_CONFIG_FILE, variables.AWS_SHARED_CREDENTIALS_FILE = "/dev/null", "/dev/null"
  return setmetatable({ server = server, url = server.url, folder = folder, variables = variables, text = text }, World)
end

return M
