--- Slack's Web API: calls with the token, `ok: false` as errors, pacing, waiting out 429, pages by cursor.
---
--- Sources: docs.slack.dev "Using the Slack Web API" (JSON bodies for methods that write, form bodies everywhere; a
--- charset with JSON), "Rate limits" (429 and Retry-After), "Pagination"; python-slack-sdk `builtin_handlers.py` (up
--- to a second on top of Retry-After).
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local chance = require "fairlead.service.chance"
local clock = require "fairlead.clock"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local shape = require "fairlead.service.shape"
local token = require "fairlead.service.token"

local Limits = require "fairlead.slack.limits"
local failure = require "fairlead.slack.failure"

local CALL_TIMEOUT <const> = 300 -- seconds for a call with its retries and waits
local REQUEST_TIMEOUT <const> = 30 -- seconds for one request
local RETRIES <const> = 3
local MAX_PAGES <const> = 100

---@class fairlead.slack.ClientOptions
---@field token? string|Secret the bot's; default SLACK_BOT_TOKEN
---@field base_url? string default SLACK_API_URL, then https://slack.com/api
---@field timeout? number seconds that one call may take with its retries and waits; default 300
---@field request_timeout? number seconds for one request; default 30

---@class fairlead.slack.CallOptions
---@field timeout? number seconds for the call with its retries and waits
---@field once? boolean send no second time unless Slack surely did nothing; default: true for methods that write
---@field shape? fairlead.service.Shape what a good answer has at least

---@class fairlead.slack.Client
---@field base_url string
---@field scopes string? of the token, separated by commas, as Slack told them with its last answer
---@field private token Secret
local Client = {}
Client.__index = Client
Client.__name = "fairlead.slack.Client"

local function find_token(options)
  return token.find(options.token, {
    op = "slack.client", target = "Slack", service = "Slack", variables = { "SLACK_BOT_TOKEN" },
    hint = "set SLACK_BOT_TOKEN to the bot's token (it begins with xoxb-)",
  })
end

---@param options? fairlead.slack.ClientOptions
---@return fairlead.slack.Client
function Client.new(options)
  options = options or {}
  if type(options) ~= "table" then
    error(("bad argument #1 to 'slack.client' (table expected, got %s)"):format(type(options)), 3)
  end
  local base, source = options.base_url, "base_url"
  if not base then
    base, source = environment.get "SLACK_API_URL", "SLACK_API_URL"
  end
  return setmetatable({
    base_url = address.base(base or "https://slack.com/api", source),
    token = find_token(options),
    timeout = options.timeout or CALL_TIMEOUT, request_timeout = options.request_timeout or REQUEST_TIMEOUT,
    limits = Limits.new(),
    channels = {}, users = {}, -- by name and by id
  }, Client)
end

-- Methods that only read; all others change something.
local READS <const> = { history = true, replies = true, list = true, info = true, get = true, lookupByEmail = true,
  test = true, members = true, getPermalink = true, getUploadURLExternal = true }
-- Doing these twice is the same as once.
local SAME_TWICE <const> = { ["chat.update"] = true }

local function is_read(method)
  return READS[method:match "[^.]+$"] or false
end

--- A form's fields: lists and objects in it are JSON texts.
local function form_of(body)
  local form = {}
  for name, value in pairs(body) do
    form[name] = (type(value) == "table" and json.encode(value)) or tostring(value)
  end
  return form
end

local function exchange(self, method, body, deadline)
  local headers = { ["Authorization"] = "Bearer " .. self.token, ["User-Agent"] = "fairlead" }
  local form, text
  if is_read(method) then
    form = form_of(body)
  else
    headers["Content-Type"] = "application/json; charset=utf-8"
    text = json.encode(body)
  end
  return http.request {
    method = "POST", url = self.base_url .. "/" .. method, headers = headers, form = form, body = text, retry = false,
    follow = false, timeout = math.max(math.min(self.request_timeout, deadline - clock.now()), 0.001),
  }
end

local function transient(err)
  return err.retryable or err:is "http.connect" or err:is "http.resolve" or err:is "http.reset"
    or err:is "http.timeout" or err:is "http.truncated"
end

--- Waits until a call may be made; raises when that would be after the deadline.
local function pace(self, method, body, deadline, about)
  local at <const> = self.limits:reserve(method, body.channel)
  if at > deadline then
    errors.raise {
      kind = "slack.api.rate_limited", op = about.op, target = about.target, code = "ratelimited", retryable = true,
      message = ("Slack wants no %s for another %d s"):format(method, math.ceil(at - clock.now())),
      hint = "that is longer than this call may take; try again later",
    }
  end
  if at > clock.now() then
    clock.sleep(at - clock.now())
  end
end

--- Raises for an answer that lacks what is read from it.
local function check_shape(decoded, wanted, about)
  local problem <const> = shape.problem(decoded, wanted)
  if problem then
    errors.raise {
      kind = "slack.api", op = about.op, target = about.target, status = 200,
      message = ("answered with something else than was asked for (%s)"):format(problem),
      hint = "is the address Slack's (https://slack.com/api), and is no proxy answering in its place?",
    }
  end
  return decoded
end

--- Calls any method. Raises when Slack answers `ok: false`.
---@async
---@param method string such as "chat.postMessage"
---@param body? table the method's arguments
---@param options? fairlead.slack.CallOptions
---@return table answer
--- raises slack.api (.not_authorised .not_found .rate_limited) with Slack's `code`, and http.*
function Client:call(method, body, options)
  if type(method) ~= "string" or not method:find "^%a[%w.]+$" then
    error(("bad argument #1 to 'call' (a method such as 'chat.postMessage' expected, got '%s')"):format(
      tostring(method)), 2)
  end
  body, options = body or {}, options or {}
  local about <const> = { kind = "slack.api", op = "slack." .. method,
    target = type(body.channel) == "string" and body.channel or address.origin(self.base_url) }
  local deadline <const> = clock.now() + (options.timeout or self.timeout)
  local once = options.once
  if once == nil then
    once = not (is_read(method) or SAME_TWICE[method])
  end
  local failures = 0
  while true do
    pace(self, method, body, deadline, about)
    local response, err = try(exchange, self, method, body, deadline)
    local retry_after
    if response and response.status == 200 then
      local decoded <const> = answer.decode(response, about)
      if type(decoded) == "table" and decoded.ok == true then
        self.scopes = response.headers["x-oauth-scopes"] or self.scopes
        return options.shape and check_shape(decoded, options.shape, about) or decoded
      end
      err = failure.refusal(type(decoded) == "table" and decoded or {}, response, about)
    elseif response then
      err = failure.status(response, about)
    end
    if err:is "slack.api.rate_limited" then
      -- Not carried out, so it may be sent again, whatever it does.
      retry_after = response and answer.seconds(response.headers["retry-after"]) or 30
      self.limits:silence(method, retry_after + chance.random())
    else
      failures = failures + 1
      local unheard <const> = err:is "http.connect" or err:is "http.resolve"
      local pause <const> = failures * failures
      if not transient(err) or (once and not unheard) or failures > RETRIES or clock.now() + pause >= deadline then
        error(err, 0)
      end
      clock.sleep(pause)
    end
  end
end

--- Every item of a list over all its pages.
---@async
---@param method string
---@param body table
---@param key string the answer's field that holds the list
---@param item_shape? fairlead.service.Shape what each item has at least
---@return fun(): any iterator
function Client:paginate(method, body, key, item_shape)
  local asked = {}
  for name, value in pairs(body) do
    asked[name] = value
  end
  local call <const> = { shape = { [key] = shape.maybe(shape.list(item_shape or {})),
    response_metadata = shape.maybe { next_cursor = "text?" } } }
  local items, position, pages, more = {}, 0, 0, true
  return function()
    while position >= #items do
      if not more then
        return nil
      elseif pages >= MAX_PAGES then
        errors.raise {
          kind = "slack.api", op = "slack." .. method, target = address.origin(self.base_url),
          message = ("has more than %d pages"):format(MAX_PAGES),
          hint = "give an id in place of a name, or ask for less",
        }
      end
      local page <const> = self:call(method, asked, call)
      pages, position, items = pages + 1, 0, page[key] or {}
      local cursor <const> = page.response_metadata and page.response_metadata.next_cursor
      more = cursor ~= nil and cursor ~= "" and cursor ~= asked.cursor
      asked.cursor = cursor
    end
    position = position + 1
    return items[position]
  end
end

return Client
