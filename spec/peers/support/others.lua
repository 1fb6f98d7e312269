--- Other people's clients of AWS, each in a process of its own that can be asked.
local http = require "fairlead.http"
local json = require "fairlead.json"
local keys = require "spec.peers.support.keys"
local servers = require "spec.peers.support.servers"

local M = {}

---@class peers.Client
local Client = {}
Client.__index = Client

---One call.
---@async
---@param service string
---@param operation string
---@param parameters table
---@return {output: table?, code: string?, message: string?, status: integer?}
function Client:ask(service, operation, parameters)
  local sent <const> = json.encode { service = service, operation = operation, parameters = parameters }
  return http.post(self.server.url, { body = sent, timeout = 60, retry = false }):check():json()
end

---One call that has to succeed.
---@async
---@return table output
function Client:call(service, operation, parameters)
  local result <const> = self:ask(service, operation, parameters)
  return result.output or error(("%s.%s: %s: %s"):format(service, operation, result.code, result.message), 2)
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

return M
