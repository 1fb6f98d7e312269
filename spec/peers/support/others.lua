--- Other people's clients, each in a process of its own that can be asked.
local http = require "fairlead.http"
local json = require "fairlead.json"
local keys = require "spec.peers.support.keys"
local servers = require "spec.peers.support.servers"

local M = {}

---@class peers.Client
local Client = {}
Client.__index = Client

---@async
local function ask(self, call)
  return http.post(self.server.url, { body = json.encode(call), timeout = 60, retry = false }):check():json()
end

---One call.
---@async
---@param service string of AWS; "github" or "slack"
---@param operation string
---@param parameters table
---@param token? string of GitHub's or Slack's
---@return {output: table?, code: string?, message: string?, status: integer?}
function Client:ask(service, operation, parameters, token)
  return ask(self, { service = service, client = service, operation = operation, parameters = parameters,
    token = token })
end

---One call that has to succeed.
---@async
---@return table output
function Client:call(service, operation, parameters, token)
  local result <const> = self:ask(service, operation, parameters, token)
  if result.code then error(("%s %s: %s: %s"):format(service, operation, result.code, result.message), 2) end
  return result.output
end

function Client:close() self.server:close() end
Client.__close = Client.close

---@async
---@param mode "boto3"|"aws" aws: its command line
---@param endpoint string where AWS is
---@param variables? table<string, string> instead of the keys of these specs
---@return peers.Client
function M.start(mode, endpoint, variables)
  return setmetatable({ server = servers.start { name = mode, servers.PYTHON, "spec/peers/software/aws_clients.py",
    mode, "{port}", endpoint, env = variables or keys.variables(endpoint) } }, Client)
end

---GitHub's and Slack's clients for JavaScript.
---@async
---@param world peers.World
---@return peers.Client
function M.of_node(world)
  return setmetatable({ server = servers.start { name = "GitHub's and Slack's clients", servers.NODE,
    "spec/peers/software/node_clients.mjs", "{port}", world.variables.GITHUB_API_URL, world.variables.SLACK_API_URL,
  } }, Client)
end

return M
