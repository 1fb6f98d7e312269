--- nginx for specs and benchmarks: in a folder of its own, on free ports, ended and wiped by <close>.
local clock = require "fairlead.clock"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local task = require "fairlead.task"

local M = {}

local FRAME <const> = [[
daemon off;
user root; # the folder may be closed to others; without root, nginx only remarks on it
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000;
%s
}
]]

---@class nginx.Server
---@field folder string
---@field ports integer[]
local Server = {}
Server.__index = Server

--- A file in its folder.
---@param name string
---@param text string
function Server:write(name, text)
  local file <close> = assert(io.open(self.folder .. "/" .. name, "wb"))
  file:write(text)
end

---Ends it and removes its folder.
function Server:close()
  if not self.folder then return end
  if self.running then
    self.running:cancel "nginx is no longer needed"
    try(self.running.wait, self.running)
  end
  process.run { "rm", "-rf", self.folder }
  self.folder = nil
end
Server.__close = Server.close

local function free_ports(count)
  local listeners, ports = {}, {}
  for i = 1, count do
    listeners[i] = peer.listen()
    ports[i] = listeners[i]:port()
  end
  for i = 1, count do listeners[i]:close() end
  return ports
end

---A folder and ports for a server that `start` starts, when its files are there.
---@param ports integer how many
---@return nginx.Server
function M.new(ports)
  local made = process.run({ "mktemp", "-d" }):check()
  local folder = made.stdout:match "%S+"
  return setmetatable({ folder = folder, ports = free_ports(ports) }, Server)
end

---Starts it with these `server` blocks, in which {folder} and {1}, {2}… (ports) are replaced.
---@async
---@param servers string
function Server:start(servers)
  local values = { folder = self.folder }
  for i, port in ipairs(self.ports) do values[tostring(i)] = tostring(port) end
  self:write("nginx.conf", (FRAME:format(servers:gsub("%%", "%%%%")):gsub("{(%w+)}", values)))
  self.running = task.start(process.run,
    { "nginx", "-p", self.folder, "-c", self.folder .. "/nginx.conf", "-e", self.folder .. "/error.log" })
  for _ = 1, 500 do
    local socket = peer.connect("127.0.0.1", self.ports[1])
    if socket then return socket:close() end
    if self.running:status() == "done" then error("nginx does not start: " .. self.running:result().stderr, 2) end
    clock.sleep(0.01)
  end
  error("nginx does not answer", 2)
end

return M
