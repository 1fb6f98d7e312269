--- A GitHub App's tokens: the app proves itself with a token that it signs, and gets one for its installation in the
--- repository, which ends after an hour and is renewed before that.
---
--- Sources: docs.github.com "Generating a JSON Web Token (JWT) for a GitHub App" (RS256; `iat` a minute back for clocks
--- that differ, `exp` at most ten minutes ahead, `iss` the app's id), "Generating an installation access token for a
--- GitHub App" (ends after an hour), "REST API endpoints for GitHub Apps".
local address = require "fairlead.service.address"
local answer = require "fairlead.service.answer"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local json = require "fairlead.json"
local jwt = require "fairlead.jwt"
local task = require "fairlead.task"

local failure = require "fairlead.github.failure"

local M = {}

local EARLY <const> = 300 -- seconds before a token's end at which it is renewed
local BACK <const> = 60 -- seconds by which clocks may differ
local AHEAD <const> = 540 -- seconds that a signed token is good for
local LASTS <const> = 3600 -- seconds, where GitHub does not say when a token ends

---@class fairlead.github.AppOptions
---@field id string|integer the app's id, or its client id
---@field private_key_file string PEM, as GitHub hands it out

---@class fairlead.github.App
---@field source string
---@field renews true
---@field hint string
---@field private id string
---@field private key Secret
---@field private repository string?
---@field private base_url string
---@field private current {token: Secret, expires_at: number}?
local App = {}
App.__index = App

local function fail(self, message, hint)
  errors.raise {
    kind = "config.invalid", op = "github.client", target = self.source, message = message, hint = hint,
  }
end

--- A private key that has been looked at: what is no key is told before anything is asked.
---@param options fairlead.github.AppOptions
---@param names {id: string, file: string} what the two are called in errors
---@return Secret key
local function read_key(options, names)
  local id <const>, path <const> = tostring(options.id), options.private_key_file
  if not id:find "^[%w._-]+$" then
    errors.raise { kind = "config.invalid", op = "github.client", target = names.id, message = "is no id of an app",
      hint = "the app's page under Settings, Developer settings, GitHub Apps shows it" }
  end
  local key <const>, unread = jwt.read_key(path)
  local problem
  if not key then
    problem = ("%s cannot be read: %s"):format(path, unread)
  else
    local _, wrong <const> = jwt.rs256({ iss = id }, key)
    if not wrong then return key end
    problem = ("%s %s"):format(path, wrong)
  end
  errors.raise { kind = "config.invalid", op = "github.client", target = names.file, message = problem,
    hint = "the app's page makes private keys: a file that begins with -----BEGIN RSA PRIVATE KEY-----" }
end

--- An app, asked for nothing yet.
---@param options fairlead.github.AppOptions
---@param place {base_url: string, repository: string?, names: {id: string, file: string}}
---@return fairlead.github.App
--- raises config.invalid for an id or a key that is none
function M.new(options, place)
  local id <const> = tostring(options.id)
  return setmetatable({
    id = id, key = read_key(options, place.names), base_url = place.base_url, repository = place.repository,
    source = ("GitHub App %s (%s)"):format(id, options.private_key_file), renews = true,
    hint = ("is the app %s still installed, and are its permissions what they were?"):format(id),
    free = task.event(),
  }, App)
end

--- One request as the app itself.
local function ask(self, method, path, body, deadline, hints)
  local now <const> = clock.now()
  local signed <const>, problem = jwt.rs256({
    iat = math.floor(now) - BACK, exp = math.floor(now) + AHEAD, iss = self.id,
  }, self.key)
  if not signed then fail(self, "its private key " .. problem) end
  local response <const> = http.request {
    method = method, url = self.base_url .. path, body = body and json.encode(body),
    headers = {
      ["Accept"] = "application/vnd.github+json, application/json;q=0.9", ["Authorization"] = "Bearer " .. signed,
      ["User-Agent"] = "fairlead", ["X-GitHub-Api-Version"] = "2022-11-28",
      ["Content-Type"] = body and "application/json" or nil,
    },
    timeout = math.max(math.min(30, deadline - now), 0.001),
    retry = { attempts = 3, unsafe = true }, -- a token too many ends by itself
  }
  local about <const> = { kind = "github.api", op = "github.app", target = path }
  if response.status >= 300 then
    about.hint = hints[response.status]
    failure.raise(response, about)
  end
  return answer.decode(response, about)
end

--- The installation whose token is wanted: the repository's, or, without a repository, the only one.
local function installation(self, deadline)
  local wrong <const> = ("the private key is not one of the app %s, the app is gone, or this machine's clock is wrong")
    :format(self.id)
  if self.repository then
    local owner <const>, name <const> = self.repository:match "^([^/]+)/(.+)$"
    return ask(self, "GET", ("/repos/%s/%s/installation"):format(address.segment(owner), address.segment(name)), nil,
      deadline, {
        [401] = wrong, [404] = ("install the app %s in %s, and let it see this repository"):format(self.id, owner),
      }).id
  end
  local found <const> = ask(self, "GET", "/app/installations", nil, deadline, { [401] = wrong })
  if #found ~= 1 then
    fail(self, #found == 0 and "is installed nowhere" or ("is installed in %d places"):format(#found),
      #found == 0 and "install it where the repository is" or "make the client for a repository")
  end
  return found[1].id
end

local function renew(self, deadline)
  self.installation = self.installation or installation(self, deadline)
  local made <const> = ask(self, "POST", ("/app/installations/%d/access_tokens"):format(self.installation), {},
    deadline, { [404] = ("the installation of the app %s is gone: install it again"):format(self.id) })
  if type(made.token) ~= "string" then
    errors.raise { kind = "github.api", op = "github.app", target = self.source, message = "got no token from GitHub" }
  end
  self.current = { token = secret(made.token), expires_at = answer.time(made.expires_at) or clock.now() + LASTS }
end

--- The token of now. Several tasks that want a new one wait for the same.
---@async
---@param deadline number unix seconds
---@return Secret
--- raises as `request`; config.invalid when it is not known which installation is meant
function App:token(deadline)
  while true do
    local current <const> = self.current
    if current and current.expires_at - EARLY > clock.now() then return current.token end
    if not self.renewing then break end
    self.free:clear()
    self.free:wait()
  end
  self.renewing = true
  local ended <close> = setmetatable({}, { -- luacheck: ignore ended
    __close = function()
      self.renewing = false
      self.free:set()
    end,
  })
  renew(self, deadline)
  return self.current.token
end

--- Told that GitHub refused a token (401): whether another one may be had.
---@param token Secret
---@return boolean
function App:refused(token)
  if self.current and self.current.token == token then
    self.current = nil
    self.installation = nil -- removed and installed again, it has another id
  end
  return true
end

return M
