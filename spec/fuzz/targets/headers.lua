--- Headers and URLs of answers: whatever a server sends, it is names and values, a redirect is followed to an http(s)
--- address or refused, the secrets of a request go to no other place, and a pause is a number.
---
--- The input is fields (see spec.fuzz.answers): the request's URL, the status, the header as it came, the body.
local answer = require "fairlead.service.answer"
local answers = require "spec.fuzz.answers"
local clock = require "fairlead.clock"
local github = require "fairlead.github"
local http = require "fairlead.http"
local native = require "fairlead.http.native"

local M = { lua = true }

local START <const> = 1772442000

local function check_list(list)
  for _, pair in ipairs(list) do
    assert(#pair == 2 and type(pair[1]) == "string" and type(pair[2]) == "string")
    assert(not pair[1]:find "[\r\n]" and not pair[2]:find "\n", "a line break in a header")
  end
end

local function origin_of(url)
  local parts = assert(native.parse(url))
  return parts.scheme, parts.host:lower(), parts.port
end

--- What a transport is asked to send: the token only where the first request went, or from http to https there.
local function check_order(order, first)
  local scheme, host, port = origin_of(order.url)
  assert(scheme == "http" or scheme == "https", "neither http nor https: " .. order.url)
  assert(not order.url:find "[%c ]", "a URL with blanks")
  local bears = false
  for _, pair in ipairs(order.headers) do bears = bears or pair[1]:lower() == "authorization" end
  if not bears then return end
  local first_scheme, first_host, first_port = origin_of(first)
  assert(host == first_host, "the token goes to " .. host)
  assert(scheme == first_scheme and port == first_port or scheme == "https", "the token goes to " .. order.url)
end

local function request(url, status, header, body)
  local first, list = nil, native.headers(header)
  local sent = 0
  local function transport(order)
    sent = sent + 1
    first = first or order.url
    check_order(order, first)
    return { status = status, headers = list, body = body, url = order.url }
  end
  local response, err = http.with_transport(transport, try, http.get, url, {
    headers = { Authorization = secret "Bearer token" }, retry = { attempts = 2 }, timeout = 500,
  })
  assert(sent <= 12, "too many requests")
  if not response then
    if type(err.message) == "string" and err.kind == "script" then
      assert(err.message:find("bad argument", 1, true) and sent == 0, err)
    else
      answers.check_error(err)
    end
    return
  end
  for name, value in pairs(response.headers) do assert(type(name) == "string" and type(value) == "string") end
  local good, refusal = try(response.check, response)
  if not good then answers.check_error(refusal) end
  try(response.json, response)
end

local function read_values(header)
  for _, pair in ipairs(native.headers(header)) do
    local seconds = answer.seconds(pair[2])
    assert(not seconds or seconds >= 0 and seconds < math.huge)
    answer.http_date(pair[2])
    answer.time(pair[2])
    if not pair[2]:find "%z" then native.date(pair[2]) end
  end
end

local function paginate(status, header, body)
  local list = native.headers(header)
  local pages = http.with_transport(function(order)
    assert(order.url:find("https://api.github.com/", 1, true) == 1, "the token goes to " .. order.url)
    return { status = status, headers = list, body = body, url = order.url }
  end, try, function()
    local client = github.client { repository = "o/n", token = "t", base_url = "https://api.github.com", timeout = 100 }
    return client:list("pulls", nil, { max_pages = 3 })
  end)
  assert(pages == nil or type(pages) == "table")
end

---@param input string
function M.run(input)
  local fields = answers.fields(input)
  local url, header, body = fields[1], fields[3] or "", fields[4] or ""
  local status = math.min(math.max(tonumber((fields[2] or ""):sub(1, 3), 10) or 200, 200), 599)
  check_list(native.headers(header))
  read_values(header)
  if native.parse(url) then clock.simulate({ start = START }, request, url, status, header, body) end
  clock.simulate({ start = START }, paginate, status, header, body)
end

return M
