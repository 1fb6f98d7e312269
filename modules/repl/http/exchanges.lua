--- The HTTP exchanges of a session: the last of them, and of the newest ones everything that is needed to look at them
--- again and to repeat them.
---
--- Nothing that is kept of a request has a secret's text in it: what was sent as a Secret stays that value, and what
--- looks like one in a header, an address or a body becomes one.
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local scope = require "fairlead.repl.scope"
local secrets = require "fairlead.repl.secrets"
local when_loaded = require "fairlead.repl.when_loaded"

local M = {}

local MOST <const> = 200 -- exchanges
local WHOLE <const> = 50 -- of these, the newest, with request and answer
local LARGEST <const> = 64 << 10 -- bytes of a body that are kept

---@class repl.Exchange
---@field number integer counts from 1
---@field method string
---@field url string without secrets
---@field host string
---@field status integer?
---@field operation string? of the service that it went to, where its address does not say it: "UpdateService"
---@field error string? what went wrong, where there was no answer
---@field problem string? that in few words
---@field refused boolean? it was asked for, and not sent
---@field elapsed number seconds
---@field attempt integer
---@field at number unix seconds, when it ended
---@field by string? the line or run that made it
---@field sent integer bytes of body
---@field received integer? bytes of body, decompressed
---@field replaced boolean another transport than the network's carried it: a simulation's, or a line's own
---@field request repl.KeptRequest? of the newest
---@field answer repl.KeptAnswer? of the newest

---@class repl.KeptRequest
---@field method string
---@field url string|Secret
---@field headers (string|Secret)[][]
---@field body (string|Secret)?
---@field hidden boolean? the body was given as a secret
---@field cut boolean? the body was too large: what is kept is its beginning
---@field ca_file string?
---@field proxy string|Secret|false|nil

---@class repl.KeptAnswer
---@field status integer
---@field headers string[][]
---@field body string its beginning
---@field cut boolean?
---@field http_version string?

---@class repl.Exchanges
---@field list repl.Exchange[] the newest last
local Exchanges = {}
Exchanges.__index = Exchanges

-- ---- what may be seen ----

local QUERY <const> = { sig = true, code = true, key = true, ["x-amz-signature"] = true, ["x-amz-credential"] = true }

---Whether a part of a query is a secret, by its name.
---@param name string
---@return boolean
function M.is_secret_query(name)
  return QUERY[name:lower()] or secrets.is_secret_name(name)
end

---An address as it may be seen: values in its query that are secrets, and Slack's webhooks, have a tag in their place.
---@param url string
---@return string
function M.visible_url(url)
  local before <const>, query = url:match "^([^?]*)%??(.*)$"
  local shown = before:gsub("^(https?://hooks%.slack%.com/%w+/).+$", "%1[secret]")
  if query ~= "" then
    shown = shown .. "?" .. query:gsub("([^&=]+)=([^&]+)", function(name)
      if M.is_secret_query(name) then return name .. "=[secret]" end
    end)
  end
  return secrets.redact(shown)
end

local HEADERS <const> = { authorization = true, ["proxy-authorization"] = true, cookie = true, ["set-cookie"] = true }

---Whether a header's value is a secret, by the header's name.
---@param name string
---@return boolean
function M.is_secret_header(name)
  return HEADERS[name:lower()] or secrets.is_secret_name(name)
end

-- A text that holds a secret becomes one, whole.
local function guarded(text)
  if type(text) ~= "string" or secrets.keep(text) then return text end
  return secret(text)
end

-- ---- keeping ----

local function bytes_of(value)
  return value and #require "fairlead.http".reveal(value) or 0
end

-- Nobody keeps a secret in these, and every request has some of them.
local PLAIN <const> = {
  accept = true, ["accept-encoding"] = true, ["content-type"] = true, ["content-length"] = true, date = true,
  ["if-none-match"] = true, ["user-agent"] = true, ["x-amz-date"] = true, ["x-amz-target"] = true,
  ["x-amz-content-sha256"] = true, ["x-github-api-version"] = true,
}

local function kept_request(request, visible)
  local headers <const> = {}
  for i, pair in ipairs(request.headers) do
    local value = pair[2]
    if type(value) == "string" and M.is_secret_header(pair[1]) then value = secret(value) end
    headers[i] = { pair[1], PLAIN[pair[1]:lower()] and value or guarded(value) }
  end
  local url = request.url
  if visible ~= url then url = secret(url) end
  local body, cut = request.body, nil
  if bytes_of(body) > LARGEST then body, cut = type(body) == "string" and body:sub(1, LARGEST) or nil, true end
  return {
    method = request.method, url = url, headers = headers, body = guarded(body), cut = cut,
    hidden = type(body) == "userdata" or nil, ca_file = request.ca_file,
    proxy = request.proxy and guarded(request.proxy),
  }
end

local function kept_answer(answer)
  local body <const> = answer.body or ""
  return {
    status = answer.status, headers = answer.headers, body = body:sub(1, LARGEST), cut = #body > LARGEST or nil,
    http_version = answer.http_version,
  }
end

-- What it is for, where its address does not say it.
local function operation_of(request)
  local body <const> = request.body and require "fairlead.http".reveal(request.body) or ""
  local name <const> = require "fairlead.dry.reads".classify(request, body)
  return name:find "^%u%w+$" and name ~= request.method and name or nil
end

local function take(self, told, request, answer)
  local mark <const>, failure, visible = scope.nearest(), told.error, M.visible_url(request.url)
  self.count = self.count + 1
  local list <const> = self.list
  list[#list + 1] = {
    number = self.count, method = told.method, url = visible,
    host = request.url:match "^%a+://([^/?]*)" or "?", status = told.status,
    error = failure and secrets.redact(tostring(failure)),
    problem = failure and secrets.redact(tostring(errors.wrap(failure).message)), operation = operation_of(request),
    refused = failure and errors.wrap(failure).kind == "repl.write" or nil,
    elapsed = math.max(0, told.elapsed - self.pause()), attempt = told.attempt, at = clock.now(),
    by = mark and mark.name, sent = bytes_of(request.body),
    received = answer and (answer.streamed or #(answer.body or "")), replaced = told.replaced or false,
    request = kept_request(request, visible), answer = answer and kept_answer(answer),
  }
  local old <const> = list[#list - WHOLE]
  if old then old.request, old.answer = nil, nil end
  if #list > MOST then table.remove(list, 1) end
end

---Begins to listen; ended by `close`.
---@param options? {pause: (fun(): number)?} pause: seconds of this task's exchange in which a person was asked
---@return repl.Exchanges
function M.listen(options)
  local self <const> = setmetatable({ list = {}, count = 0 }, Exchanges)
  self.pause = options and options.pause or function() return 0 end
  self.removers = {}
  local stop <const> = when_loaded.call("fairlead.http", function(http)
    table.insert(self.removers, http.on_exchange(function(told, request, answer)
      -- What listens must not break what it listens to.
      local _, err = try(take, self, told, request, answer)
      self.trouble = err or self.trouble
    end))
  end)
  table.insert(self.removers, stop)
  return self
end

---A part of the REPL: keeps the session's exchanges while it lasts.
---@param session repl.Session
function M.open(session)
  local self <const> = M.listen {
    pause = function() return session.writes and session.writes:pause() or 0 end,
  }
  session.exchanges = self
  session:on_close(function() self:close() end)
end

---@param number integer|nil nil: the newest
---@return repl.Exchange|nil
function Exchanges:get(number)
  if not number then return self.list[#self.list] end
  for _, one in ipairs(self.list) do
    if one.number == number then return one end
  end
  return nil
end

---Stops listening; what was kept stays.
function Exchanges:close()
  for _, remove in ipairs(self.removers) do remove() end
  self.removers = {}
end

Exchanges.__close = Exchanges.close

return M
