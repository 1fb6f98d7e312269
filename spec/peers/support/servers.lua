--- Other people's servers, each on a free port of this machine, ended with the variable that holds it.
---
---     local moto <close> = servers.start { name = "moto", servers.PYTHON, "-m", "moto.server", "-p", "{port}" }
---     http.get(moto.url)
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local task = require "fairlead.task"

local M = {}

M.PLACE = "build/peers"
M.NODE = M.PLACE .. "/node"
M.PYTHON = M.PLACE .. "/venv/bin/python"
local START <const> = 60 -- seconds that a server may take to listen

---@class peers.Server
---@field name string
---@field port integer
---@field url string "http://127.0.0.1:port"
local Server = {}
Server.__index = Server

function Server:close()
  self.running:cancel "it is no longer needed"
  try(self.running.wait, self.running)
end
Server.__close = Server.close

-- Below those that the system gives to whoever asks for any port: one of these would soon be somebody else's.
local LOWEST <const>, HIGHEST <const> = 20000, 32000
local TRIES <const> = 20

--- A port that nothing listens at.
---@return integer
function M.free_port()
  for _ = 1, TRIES do
    local ok <const>, listener = pcall(peer.listen, { port = math.random(LOWEST, HIGHEST) })
    if ok then
      local closing <close> = listener -- luacheck: ignore closing
      return listener:port()
    end
  end
  error("no port is free", 2)
end

local function said(running)
  local ok, result = pcall(running.wait, running)
  return ok and result.stderr .. result.stdout or tostring(result)
end

---Waits until something listens at a port.
---@async
---@param name string
---@param port integer
---@param running table task of the program
function M.await(name, port, running)
  local deadline <const> = clock.monotonic() + START
  repeat
    if running:status() == "done" then error(("%s does not start: %s"):format(name, said(running)), 0) end
    local socket = peer.connect("127.0.0.1", port)
    if socket then return socket:close() end
    clock.sleep(0.05)
  until clock.monotonic() > deadline
  error(("%s does not listen after %d s"):format(name, START), 0)
end

local function start(options, port)
  local command = { "setpriv", "--pdeathsig", "KILL", "--", env = options.env, cwd = options.cwd }
  for _, argument in ipairs(options) do
    command[#command + 1] = (tostring(argument):gsub("{port}", tostring(port)))
  end
  local server <const> = setmetatable({ name = options.name, port = port, url = "http://127.0.0.1:" .. port }, Server)
  server.running = task.start(process.run, command)
  M.await(options.name, port, server.running)
  return server
end

---Starts a program and waits until it listens; once more when somebody else had the same port in mind. It dies with
---this process, however that ends.
---@async
---@param options table the command, in which {port} is replaced; `name`, `env`, `cwd`
---@return peers.Server
function M.start(options)
  local server <const>, err = try(start, options, M.free_port())
  return server or tostring(err):find "in use" and start(options, M.free_port()) or error(err, 0)
end

---Puts the verifier of signatures in front of a server.
---@async
---@param behind peers.Server
---@param keys table<string, {secret: string, token: string?}> by access key id
---@return peers.Server
function M.verified(behind, keys)
  return M.start { name = "verifier", M.NODE, "spec/peers/software/verifier.mjs", "{port}", behind.port,
    env = { VERIFIER_KEYS = json.encode(keys) } }
end

---Runs one of the small clients beside the specs, which read JSON and write JSON.
---@async
---@param command table program and arguments, with `env`
---@param input any
---@return any
function M.ask(command, input)
  local call = { stdin = json.encode(input), timeout = 240 }
  for key, value in pairs(command) do call[key] = value end
  local done <const> = process.run(call)
  if done.code ~= 0 then
    error(("%s: status %d\n%s"):format(table.concat(command, " "), done.code, done.stderr), 2)
  end
  return json.decode(done.stdout)
end

return M
