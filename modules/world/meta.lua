---@meta fairlead.world.native
--- The C half of the simulated world: the HTTP server under `fairlead world serve`. Scripts use `fairlead.world.serve`.
local native = {}

---@class world.Server
local Server = {}

---@class world.Exchange
local Exchange = {}

--- A server on loopback. Raises kind `world.listen`.
---@param options {port: integer?, max_body: integer?} port 0: any free one; max_body in bytes, 64 MiB when not given
---@return world.Server
function native.listen(options) end

--- The next request, and the exchange by which to answer it; nothing when the server is closed meanwhile. One task may
--- wait here at a time.
---@async
---@return {method: string, target: string, version: string, headers: string[][], body: string}? request
---@return world.Exchange? exchange
function Server:next() end

--- The port that it listens on.
---@return integer
function Server:port() end

--- Cuts every connection and stops listening. May be called again.
function Server:close() end

--- Sends the answer. Content-Length and the like are the server's own. An exchange is answered once.
---@param answer {status: integer, headers: string[][]?, body: string?}
---@return boolean sent false when the client or the server has gone
function Exchange:answer(answer) end

--- Cuts the connection: the client sees a reset. May be called again.
function Exchange:reset() end

return native
