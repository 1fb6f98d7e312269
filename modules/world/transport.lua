--- The network's place taken by the world: latency that passes on the virtual clock, and the scenario's faults.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local message = require "fairlead.world.message"

local M = {}

--- Seconds that a request and its answer take together.
local LATENCY <const> = { low = 0.06, high = 0.4 }
--- By how much each of the ways in which the network can behave is slower than the one before.
local SLOWER <const> = 0.5

local function fail(sent, kind, text)
  errors.raise {
    kind = kind,
    op = sent.method,
    target = sent.url:match("^[^?#]*"),
    message = text,
    retryable = true,
  }
end

--- The fields of a request that a service reads: text in place of secrets.
local function open_secrets(sent)
  local headers = {}
  for i, pair in ipairs(sent.headers or {}) do
    headers[i] = { pair[1], http.reveal(pair[2]) }
  end
  return message.parse {
    method = sent.method,
    url = sent.url,
    headers = headers,
    body = sent.body and http.reveal(sent.body) or "",
  }
end

--- A transport for http.with_transport.
---@param world fairlead.world.World
---@return async fun(sent: table): table
function M.new(world)
  local latency = world:network_stream("latency")
  local slower = 1 + world.network * SLOWER
  local low, high = LATENCY.low * slower, LATENCY.high * slower
  return function(sent)
    local request = open_secrets(sent)
    local there, back = latency:between(low, high) / 2, latency:between(low, high) / 2
    local fault = world:fault(request)
    local patience = sent.timeout or 30
    local function give_up(seconds)
      clock.sleep(seconds)
      fail(sent, "http.timeout", ("no answer within %g s"):format(patience))
    end
    if fault == "timeout" or there > patience then
      give_up(patience)
    end
    clock.sleep(there)
    if fault == "reset" then
      fail(sent, "http.reset", "the connection was reset by the peer")
    end
    local arrived = clock.now()
    local answer = world:handle(request)
    local there_and_held = there + (clock.now() - arrived)
    if not answer then
      fail(sent, "http.resolve", "no such host: " .. request.host)
    elseif there_and_held + back > patience then -- too late: it has been carried out
      give_up(math.max(patience - there_and_held, 0))
    end
    clock.sleep(back)
    if fault == "lost" then
      fail(sent, "http.reset", "the connection was reset by the peer before an answer came")
    end
    local body = sent.method == "HEAD" and "" or answer.body
    if sent.max_body and #body > sent.max_body then
      fail(sent, "http.too_large", ("the answer has more than %d bytes"):format(sent.max_body))
    end
    if sent.sink then
      sent.sink(body)
      body = ""
    end
    local headers = table.move(answer.headers, 1, #answer.headers, 1, {})
    headers[#headers + 1] = { "date", os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(clock.now())) }
    return { status = answer.status, headers = headers, body = body, url = sent.url, http_version = "2" }
  end
end

return M
