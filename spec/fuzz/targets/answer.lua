--- What a server sends, byte by byte, through a real connection and libcurl: an answer of texts and lengths within the
--- limits, or an error of kind http.*.
---
--- The first byte of the input says what is asked and in how many pieces it comes; the rest is sent.
local answers = require "spec.fuzz.answers"
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local peer = require "fairlead.peer"
local task = require "fairlead.task"

local M = { lua = true }

local MOST <const> = 100000 -- bytes of body that are taken
local SLOW <const> = 5 -- seconds

local function serve(listener, input, pieces)
  local socket <close> = listener:accept()
  socket:read()
  local size = math.max(#input // pieces, 1)
  for at = 1, #input, size do
    if not socket:write(input:sub(at, at + size - 1)) then return end
    if pieces > 1 then clock.sleep(0) end
  end
end

local function check(response)
  assert(math.type(response.status) == "integer" and response.status >= 0 and response.status <= 999)
  assert(#response.body <= MOST, "more than max_body")
  for name, value in pairs(response.headers) do
    assert(not name:find "[\r\n%z]" and not value:find "[\r\n%z]", "a break in a header")
  end
end

---@param input string
function M.run(input)
  if #input == 0 then return end
  local how = input:byte()
  local listener <close> = peer.listen()
  local server = task.start(serve, listener, input:sub(2), (how & 7) + 1)
  local taken = 0
  local began = clock.monotonic()
  local response, err = try(http.request, {
    url = ("http://127.0.0.1:%d/"):format(listener:port()), retry = false, follow = false, timeout = SLOW,
    method = how & 8 ~= 0 and "HEAD" or how & 16 ~= 0 and "POST" or "GET", body = how & 16 ~= 0 and "some" or nil,
    max_body = MOST, proxy = false,
    sink = how & 32 ~= 0 and function(chunk) taken = taken + #chunk end or nil,
  })
  server:cancel()
  try(server.wait, server)
  assert(clock.monotonic() - began < SLOW, "a connection that was closed was waited for")
  assert(taken <= MOST, "a sink got more than max_body")
  if response then check(response) else answers.check_error(err) assert(err:is "http", err) end
end

return M
