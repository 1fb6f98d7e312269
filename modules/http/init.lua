--- HTTP: requests that suspend the calling task. A status is data; an error is raised only when there is no answer.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local misuse = require "fairlead.http.misuse"
local native = require "fairlead.http.native"
local redirect = require "fairlead.http.redirect"
local request = require "fairlead.http.request"
local response = require "fairlead.http.response"
local retry = require "fairlead.http.retry"

local M = {}

local DEFAULT_FOLLOW <const> = 5
local now, sleep = clock.now, clock.sleep

---@class http.Raw what a transport gives
---@field status integer
---@field headers string[][] {name, value}
---@field body string? nil when the request's sink took it
---@field streamed integer? bytes that the sink took
---@field http_version string?

---@class http.RequestOptions: http.Options
---@field method? "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE"|"OPTIONS"|string default "GET"
---@field url string http(s), percent-encoded (raw UTF-8 is encoded); no name or password in it

---@class http.Options
---@field query table|string? added to the URL: a map, a list of {name, value}, or encoded text; no secrets
---@field headers table? map of name to string, Secret, number or a list of these; or a list of {name, value}; with an
--- Accept-Encoding among them the body comes as it was sent, without decompression
---@field body string|Secret? at most one of body, json and form
---@field json any? sent as JSON
---@field form table? sent as application/x-www-form-urlencoded; values may be Secrets
---@field timeout number? seconds until the answer is complete, redirects and retries included; default 30
---@field connect_timeout number? seconds for name, connection and TLS of one attempt; default 10
---@field idle_timeout number? seconds in which nothing may move; default: none but `timeout`
---@field retry false|integer|http.Retry? default: 3 attempts for idempotent methods, 1 for others
---@field follow boolean|integer? how many redirects; default 5, false for none
---@field sink (async fun(chunk: string))? takes the body of a 2xx answer in pieces; while it waits, the sender waits
---@field max_body integer? bytes of body, after decompression; default 64 MiB, with a sink none
---@field ca_file string? authorities to trust instead of the system's
---@field proxy string|Secret|false? instead of HTTPS_PROXY and NO_PROXY; false: none

-- ---- transports --------------------------------------------------------------------------------------

local function send(order, streaming)
  return native.request(order.method, order.url, order.headers, order.body, order.timeout, order.connect_timeout,
    order.idle_timeout, order.max_body, order.ca_file, order.proxy, streaming)
end

---libcurl's: what is in use unless use_transport says otherwise.
---@async
---@param order http.Request
---@return http.Raw
local function curl_transport(order)
  local status, header, body, version, transfer = send(order, order.sink ~= nil)
  if not status then error(header, 0) end
  if transfer then
    local closed <close> = transfer -- luacheck: ignore 211
    local streamed = 0
    for chunk in transfer.read, transfer do
      streamed = streamed + #chunk
      order.sink(chunk)
    end
    return { status = status, headers = native.headers(header), http_version = version, streamed = streamed }
  end
  return { status = status, headers = native.headers(header), body = body, http_version = version }
end

local transport = curl_transport
local listeners = {}

---Replaces what carries requests. Above it stay redirects, retries and encoding. Retries over another transport wait
---without jitter, so that a simulated run repeats exactly. A transport may leave request.sink alone and give the body.
---@param fn (async fun(request: http.Request): http.Raw)|nil nil: libcurl again
---@return (async fun(request: http.Request): http.Raw) previous
function M.use_transport(fn)
  local previous = transport
  transport = fn or curl_transport
  return previous
end

local restore = { __close = function(self) transport = self.previous end }

---Calls `body(...)` with another transport; the previous one comes back on any exit.
---@async
---@param fn async fun(request: http.Request): http.Raw
---@param body function
---@return ... body's results
function M.with_transport(fn, body, ...)
  local scope <close> = setmetatable({ previous = M.use_transport(fn) }, restore) -- luacheck: ignore 211
  return body(...)
end

---The text of a string or of a Secret: for transports, which have to send it.
---@param value string|Secret
---@return string
function M.reveal(value) return native.reveal(value) end

---Calls `fn` after each exchange (attempt or redirect) with {method=, url= (scheme, host and path), status= or error=,
---elapsed=, attempt=, replaced= (another transport than libcurl carried it)}, with the request as the transport got it,
---and with its answer, if there is one. Those two hold
---secrets, and are not to be changed. It must not wait.
---@param fn fun(exchange: table, request: http.Request, answer: http.Raw?)
---@return fun() remove
function M.on_exchange(fn)
  if type(fn) ~= "function" then
    misuse.raise({ name = "http.on_exchange", argument = 1 }, "%s", misuse.type_error("listener", "function", fn))
  end
  local entry = { fn = fn }
  listeners[#listeners + 1] = entry
  return function()
    for i, one in ipairs(listeners) do
      if one == entry then table.remove(listeners, i) end
    end
  end
end

local function tell(order, began, attempt, carrier, raw, failure)
  local exchange = {
    method = order.method,
    url = native.target(order.url),
    status = raw and raw.status,
    error = failure,
    elapsed = math.max(0, now() - began),
    attempt = attempt,
    replaced = carrier ~= curl_transport,
  }
  for _, entry in ipairs { table.unpack(listeners) } do entry.fn(exchange, order, raw) end
end

-- ---- one request --------------------------------------------------------------------------------------

-- The transport's answer, or nil and the error; neither pcall nor a retry holds up a cancellation.
local function exchange(order, attempt)
  local began, carrier = listeners[1] and now(), transport
  local ok, raw = pcall(carrier, order)
  if began then tell(order, began, attempt, carrier, ok and raw or nil, not ok and raw or nil) end
  if ok then return response.new(order, raw) end
  return nil, raw
end

local function no_jitter() return 1 end

local function time_left(order, deadline, timeout)
  local left = deadline - now()
  if left <= 0 then
    errors.raise {
      kind = "http.timeout",
      op = order.method,
      target = native.target(order.url),
      message = ("timed out after %g s, between attempts"):format(timeout),
      retryable = true,
    }
  end
  return left
end

-- A sink that knows whether it was used: what it has taken cannot be taken back for another attempt.
local NO_SINK <const> = { used = false }

local function watch_sink(order)
  local sink = order.sink
  if not sink then return NO_SINK end
  local watched = { used = false }
  order.sink = function(chunk)
    watched.used = true
    sink(chunk)
  end
  watched.take = order.sink
  return watched
end

local function fail_redirects(order, follow)
  errors.raise {
    kind = "http.redirect",
    op = order.method,
    target = native.target(order.url),
    message = ("more than %d redirects"):format(follow),
    retryable = false,
  }
end

-- A transport that does not stream has left the body to the answer.
local function empty_into_sink(sink, answer)
  if answer.body == "" or answer.status < 200 or answer.status > 299 then return end
  sink.take(answer.body)
  answer.body = ""
end

-- Everything but the common case. `answer` or `failure` is what the first exchange gave, where it has been made.
local function go_through(order, plan, follow, began, answer, failure)
  if follow == nil or follow == true then follow = DEFAULT_FOLLOW end
  local timeout = order.timeout
  local deadline, hops, attempts = began + timeout, 0, 0
  local sink = watch_sink(order)
  local first_made = answer or failure
  while true do
    attempts = attempts + 1
    if not first_made then
      if attempts + hops > 1 then order.timeout = time_left(order, deadline, timeout) end
      if plan.attempt_timeout and plan.attempt_timeout < order.timeout then order.timeout = plan.attempt_timeout end
      answer, failure = exchange(order, attempts)
    end
    first_made = false
    if answer and answer.status <= 299 then break end
    local pause
    if plan.attempts > attempts and not sink.used then
      local jitter = transport == curl_transport and math.random or no_jitter
      pause = retry.pause(plan, attempts, deadline - now(), answer, failure, jitter)
    end
    if pause then
      sleep(pause)
    elseif not answer then
      error(failure, 0)
    elseif follow and redirect.is_redirect(answer) then
      hops, attempts = hops + 1, attempts - 1
      if hops > follow then fail_redirects(order, follow) end
      order = redirect.follow(order, answer)
    else
      break
    end
  end
  if sink.take and not sink.used then empty_into_sink(sink, answer) end
  if attempts > 1 then answer.attempts = attempts end
  return answer
end

-- The common case, libcurl and an answer at the first attempt, makes no table but the response.
local function perform(call, options, given_method, given_url)
  local method, url, headers, body, max_body = request.read(call, options, given_method, given_url)
  local plan = retry.plan(call, options.retry, method)
  local began = now()
  local answer, failure
  if transport == curl_transport and not (options.sink or plan.attempt_timeout or listeners[1]) then
    local status, header, text, version = native.request(method, url, headers, body,
      options.timeout or request.TIMEOUT, options.connect_timeout or request.CONNECT_TIMEOUT, options.idle_timeout,
      max_body, options.ca_file, options.proxy)
    if status then
      answer = response.received(method, url, headers, status, header, text, version)
    else
      failure = header
    end
  end
  if not answer or answer.status > 299 then
    local order = request.order(options, method, url, headers, body, max_body)
    answer = go_through(order, plan, options.follow, began, answer, failure)
  end
  local elapsed = now() - began
  if elapsed > 0 then answer.elapsed = elapsed end
  return answer
end

local REQUEST <const> = { name = "http.request", argument = 1 }

---Sends a request and waits for the whole answer.
---
---Raises http.resolve, connect, reset, timeout, tls, truncated, too_large, protocol, proxy, redirect.
---@async
---@param options http.RequestOptions
---@return http.Response
function M.request(options)
  if type(options) ~= "table" then
    error(("bad argument #1 to 'http.request' (table expected, got %s)"):format(type(options)), 2)
  end
  return (perform(REQUEST, options))
end

local NO_OPTIONS <const> = {}

local function verb(name, method)
  local on_url = { name = "http." .. name, argument = 1 }
  local on_options = { name = "http." .. name, argument = 2 }
  return function(url, options)
    if type(url) ~= "string" then
      misuse.raise(on_url, "string expected, got %s", url == nil and "no value" or type(url))
    end
    if options == nil then return (perform(on_url, NO_OPTIONS, method, url)) end
    if type(options) ~= "table" then misuse.raise(on_options, "table expected, got %s", type(options)) end
    if options.method or options.url then misuse.raise(on_options, "http.%s has its own method and url", name) end
    return (perform(on_options, options, method, url))
  end
end

---Asks for what is there (GET); retried like all methods that change nothing when done twice. Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.get = verb("get", "GET")
---Sends something new (POST); not retried unless `retry` says so. Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.post = verb("post", "POST")
---Puts something in a place (PUT). Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.put = verb("put", "PUT")
---Changes a part of what is there (PATCH); not retried unless `retry` says so. Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.patch = verb("patch", "PATCH")
---Takes something away (DELETE). Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.delete = verb("delete", "DELETE")
---Asks for the headers of what is there (HEAD). Raises as http.request.
---@type async fun(url: string, options: http.Options?): http.Response
M.head = verb("head", "HEAD")

return M
