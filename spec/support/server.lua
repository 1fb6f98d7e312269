--- An HTTP/1.1 server for specs, on the host's own loop, scripted byte by byte; and misbehaviours ready made.
---
---   local server <close> = server.start(function(exchange) exchange:reply(200, {}, "hello") end)
---   http.get(server.url .. "/path")
---   assert.equal("/path", server.requests[1].path)
---
--- The handler runs in a task of its own for each connection, once for each request on it, so it may wait. An exchange
--- is the request (method, path, query, headers with lower-case names, body, connection, number: which request on its
--- connection) and what can be done about it:
---   exchange:reply(status, headers, body)   a whole answer; the connection stays open
---   exchange:write(bytes)                    anything
---   exchange:head(status, headers)           a header without length: what follows is up to the spec
---   exchange:chunk(bytes)                    one chunk, after head with Transfer-Encoding: chunked; "" is the last
---   exchange:finish()                        closes the connection         exchange:reset()  cuts it
--- A failure of the handler ends the connection and is kept in server.failures.
local clock = require "fairlead.clock"
local peer = require "fairlead.peer"
local task = require "fairlead.task"

local M = {}

local REASONS <const> = {
  [200] = "OK", [204] = "No Content", [301] = "Moved Permanently", [302] = "Found", [303] = "See Other",
  [304] = "Not Modified", [307] = "Temporary Redirect", [308] = "Permanent Redirect", [404] = "Not Found",
  [429] = "Too Many Requests", [500] = "Internal Server Error", [503] = "Service Unavailable",
}

---@class server.Exchange
local Exchange = {}
Exchange.__index = Exchange

function Exchange:write(bytes)
  local ok, reason = self.socket:write(bytes)
  if not ok then error("the client is gone: " .. reason, 0) end
end

function Exchange:head(status, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status] or "Whatever") }
  for name, value in pairs(headers or {}) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do lines[#lines + 1] = name .. ": " .. one end
  end
  self:write(table.concat(lines, "\r\n") .. "\r\n\r\n")
end

function Exchange:reply(status, headers, body)
  local all = { ["Content-Length"] = tostring(#(body or "")) }
  for name, value in pairs(headers or {}) do all[name] = value end
  self:head(status, all)
  if body and body ~= "" and self.method ~= "HEAD" then self:write(body) end
end

function Exchange:chunk(bytes) self:write(("%x\r\n%s\r\n"):format(#bytes, bytes)) end

function Exchange:finish()
  self.over = true
  self.socket:close()
end

function Exchange:reset()
  self.over = true
  self.socket:reset()
end

-- Bytes up to and with `mark`, or nil at the end of the stream; what comes after stays in the buffer.
local function read_until(connection, mark)
  while true do
    local _, last = connection.buffer:find(mark, 1, true)
    if last then
      local found = connection.buffer:sub(1, last)
      connection.buffer = connection.buffer:sub(last + 1)
      return found
    end
    local piece = connection.socket:read()
    if not piece then return nil end
    connection.buffer = connection.buffer .. piece
  end
end

local function read_exactly(connection, length)
  local parts, have = { connection.buffer }, #connection.buffer
  while have < length do
    local piece = connection.socket:read()
    if not piece then return nil end
    parts[#parts + 1], have = piece, have + #piece
  end
  local all = table.concat(parts)
  connection.buffer = all:sub(length + 1)
  return all:sub(1, length)
end

local function read_request(connection)
  local header = read_until(connection, "\r\n\r\n")
  if not header then return nil end
  local method, target = header:match("^(%S+) (%S+) HTTP/1%.[01]\r\n")
  if not method then error("not a request: " .. header, 0) end
  local headers = {}
  for name, value in header:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do headers[name:lower()] = value end
  local body = read_exactly(connection, tonumber(headers["content-length"] or 0))
  if not body then return nil end
  connection.number = connection.number + 1
  return setmetatable({
    method = method,
    target = target,
    path = target:match("^[^?]*"),
    query = target:match("%?(.*)$"),
    headers = headers,
    raw_header = header,
    body = body,
    connection = connection,
    socket = connection.socket,
    number = connection.number,
  }, Exchange)
end

local function serve(server, handler, socket)
  local closed <close> = socket -- luacheck: ignore 211
  local connection = { socket = socket, buffer = "", number = 0 }
  server.connections = server.connections + 1
  while true do
    local exchange = read_request(connection)
    if not exchange then return end
    server.requests[#server.requests + 1] = exchange
    handler(exchange)
    if exchange.over or exchange.headers.connection == "close" then return end
  end
end

---@class server.Server
---@field url string http://127.0.0.1:port
---@field port integer
---@field requests server.Exchange[] in the order they came
---@field connections integer how many were accepted
---@field failures any[]
local Server = {}
Server.__index = Server

--- Ends it, with all connections.
function Server:close()
  self.task:cancel("the spec's server is closed")
  self.listener:close()
  pcall(self.task.wait, self.task)
end
Server.__close = Server.close

---@param handler async fun(exchange: server.Exchange)
---@param options { port: integer? }?
---@return server.Server
function M.start(handler, options)
  local listener = peer.listen(options)
  local port = listener:port()
  local server = setmetatable({
    listener = listener,
    port = port,
    url = "http://127.0.0.1:" .. port,
    requests = {},
    failures = {},
    connections = 0,
  }, Server)
  local function one(socket)
    local ok, problem = pcall(serve, server, handler, socket)
    if not ok then server.failures[#server.failures + 1] = problem end
  end
  server.task = task.start(function()
    while true do
      local socket = listener:accept()
      if not socket then return end
      task.start(one, socket)
    end
  end)
  return server
end

---A handler that goes by the path: "/reset" is routes["/reset"]; routes["*"] takes the rest.
---@param routes table<string, async fun(exchange: server.Exchange)>
---@return async fun(exchange: server.Exchange)
function M.routes(routes)
  return function(exchange)
    local route = routes[exchange.path] or routes["*"]
    if route then route(exchange) else exchange:reply(404, {}, "no such route") end
  end
end

--- Misbehaviours: handlers to be routed to.
M.faults = {}

--- Announces more than it sends, then cuts the connection (RST).
function M.faults.reset_in_body(exchange)
  exchange:head(200, { ["Content-Length"] = "1000" })
  exchange:write("only this")
  clock.sleep(0.02)
  exchange:reset()
end

--- Cuts the connection instead of an answer.
function M.faults.reset(exchange) exchange:reset() end

--- Closes the connection instead of an answer.
function M.faults.hang_up(exchange) exchange:finish() end

--- Announces more than it sends, then closes.
function M.faults.short_body(exchange)
  exchange:head(200, { ["Content-Length"] = "1000" })
  exchange:write("only this")
  exchange:finish()
end

--- Chunks without the last one.
function M.faults.truncated_chunks(exchange)
  exchange:head(200, { ["Transfer-Encoding"] = "chunked" })
  exchange:chunk("only this")
  exchange:finish()
end

--- A chunk whose length is no number.
function M.faults.broken_chunks(exchange)
  exchange:head(200, { ["Transfer-Encoding"] = "chunked" })
  exchange:write("zzz\r\nwhat\r\n")
  exchange:finish()
end

--- Reads, and never answers.
function M.faults.silence() clock.sleep(3600) end

--- Begins an answer and falls silent.
function M.faults.stall(exchange)
  exchange:head(200, { ["Content-Length"] = "1000" })
  exchange:write("only this")
  clock.sleep(3600)
end

--- One byte each 20 ms, for ever.
function M.faults.drip(exchange)
  exchange:head(200, { ["Content-Length"] = "1000000" })
  while true do
    exchange:write("x")
    clock.sleep(0.02)
  end
end

--- Header lines for ever.
function M.faults.header_flood(exchange)
  exchange:write("HTTP/1.1 200 OK\r\n")
  for i = 1, math.huge do exchange:write(("X-Flood-%d: %s\r\n"):format(i, ("x"):rep(4000))) end
end

--- Body without length, for ever.
function M.faults.endless_body(exchange)
  exchange:head(200, { ["Content-Type"] = "application/octet-stream" })
  local piece = ("x"):rep(64 * 1024)
  while true do exchange:write(piece) end
end

--- Not HTTP.
function M.faults.gibberish(exchange)
  exchange:write("SSH-2.0-OpenSSH_9.2\r\n")
  exchange:finish()
end

---Redirects to itself.
function M.faults.redirect_loop(exchange) exchange:reply(302, { Location = exchange.path }) end

---429 or 503 with Retry-After for the first `times` requests, then 200.
---@param status integer
---@param retry_after string|fun(): string
---@param times integer
function M.faults.busy(status, retry_after, times)
  local served = 0
  return function(exchange)
    served = served + 1
    if served > times then return exchange:reply(200, {}, "at last") end
    local value = type(retry_after) == "function" and retry_after() or retry_after
    exchange:reply(status, { ["Retry-After"] = value }, "later")
  end
end

---A gzip stream of `bytes` zeros in a 150th of the size: one deflate block with fixed codes, whose every item repeats
---the last 258 bytes (RFC 1951, 3.2.6).
---@param bytes integer
---@return string
function M.bomb(bytes)
  local out, held, count = { "\31\139\8\0\0\0\0\0\0\255" }, 0, 0
  local function put(value, bits)
    held, count = held | value << count, count + bits
    while count >= 8 do
      out[#out + 1] = string.char(held & 255)
      held, count = held >> 8, count - 8
    end
  end
  local function huffman(code, bits) -- these go in with their first bit first
    for i = bits - 1, 0, -1 do put(code >> i & 1, 1) end
  end
  put(1, 1) -- the last block
  put(1, 2) -- fixed codes
  huffman(48, 8) -- a zero
  for _ = 1, bytes // 258 do
    huffman(197, 8) -- length 258
    huffman(0, 5) -- distance 1
  end
  huffman(0, 7) -- the end
  put(0, 7)
  return table.concat(out)
end

---A handler that lets CONNECT through as a proxy, and notes in `seen` where to; or refuses with `status`.
---@param seen string[]
---@param status integer?
function M.proxy(seen, status)
  return function(exchange)
    seen[#seen + 1] = exchange.method .. " " .. exchange.target
    if status then return exchange:reply(status, {}, "no") end
    local host, port = exchange.target:match("^([%d.]+):(%d+)$")
    if exchange.method ~= "CONNECT" then return exchange:reply(200, { ["X-Proxied"] = "yes" }, exchange.target) end
    port = port or exchange.target:match(":(%d+)$") -- a name: this machine is meant
    local far <close> = assert(peer.connect(host or "127.0.0.1", tonumber(port)))
    exchange:head(200)
    local function pump(from, to)
      for piece in from.read, from do
        if not to:write(piece) then return end
      end
      to:shutdown()
    end
    task.race {
      function() pump(exchange.socket, far) end,
      function() pump(far, exchange.socket) end,
    }
    exchange:finish()
  end
end

return M
