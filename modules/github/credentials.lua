--- As whom a client asks GitHub: the first of what is given, the variables, a GitHub App, and gh's login.
---
--- A credential is `{source=, hint=, token = function(self, deadline) -> Secret, refused = function(self, token) ->
--- boolean}`: `source` tells people where it is from, `hint` what to do when GitHub refuses it; `refused` is told of a
--- 401 and says whether `token` may give another one now.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local token = require "fairlead.service.token"

local app = require "fairlead.github.app"
local gh_login = require "fairlead.github.gh_login"

local M = {}

---@class fairlead.github.Credential
---@field source string where it is from, for people: "GH_TOKEN", "gh's login as ada (…)"
---@field hint string what to do when GitHub refuses it
---@field token async fun(self: fairlead.github.Credential, deadline: number): Secret
---@field refused fun(self: fairlead.github.Credential, token: Secret): boolean whether another one may be had

local ID <const>, FILE <const> = "FAIRLEAD_GITHUB_APP_ID", "FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE"
local NEW <const> = "the token is wrong, expired or revoked; "

--- A token that is as it is.
local function fixed(text, source, hint)
  return {
    source = source, hint = NEW .. hint,
    token = function() return text end,
    refused = function() return false end,
  }
end

--- gh's login: after a 401 it is looked up once more, as somebody may have logged in anew.
local function login(found, source, host)
  return {
    source = source, hint = NEW .. ("run `gh auth login --hostname %s`"):format(host),
    token = function() return found end,
    refused = function(_, refused)
      local now <const> = gh_login.find(host)
      if not now or M.same(now, refused) then return false end
      found = now
      return true
    end,
  }
end

--- Whether two secrets hold the same token.
---@param a Secret
---@param b Secret
---@return boolean
function M.same(a, b)
  local http <const> = require "fairlead.http"
  return http.reveal(a) == http.reveal(b)
end

--- The variables that hold a token for this host, in order. gh gives a server only the enterprise ones when GH_HOST
--- names it; what else names a server is meant for Fairlead, or is set for a job of GitHub Actions with GITHUB_TOKEN.
local function variables(host)
  if not host.server or host.simulated then return { "GH_TOKEN", "GITHUB_TOKEN" } end
  if host.source == "GH_HOST" then return { "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN" } end
  return { "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GH_TOKEN", "GITHUB_TOKEN" }
end

local function of_variables(names, need)
  local first, others = nil, {}
  for _, name in ipairs(names) do
    local text <const> = environment.get(name)
    if text and not first then
      first = name
    elseif text and text ~= environment.get(first) then
      others[#others + 1] = name
    end
  end
  if not first then return nil end
  need.variables = { first }
  return fixed(token.find(nil, need), #others == 0 and first
    or ("%s, not the other one in %s"):format(first, table.concat(others, ", ")),
    ("set %s to a new one"):format(table.concat(names, " or ")))
end

local function of_app(place)
  local id <const>, file <const> = environment.get(ID), environment.get(FILE)
  if not id and not file then return nil, ("%s and %s are not set"):format(ID, FILE) end
  if not (id and file) then
    -- Half of it was meant to be used: to go on with somebody's login would hide that.
    errors.raise {
      kind = "config.invalid", op = "github.client", target = id and ID or FILE,
      message = ("is set, and %s is not"):format(id and FILE or ID), hint = "a GitHub App needs both",
    }
  end
  place.names = { id = ID, file = FILE }
  return app.new({ id = id, private_key_file = file }, place)
end

local function of_options(options, place)
  if options.token ~= nil then
    local given <const> = token.find(options.token, { op = "github.client" })
    return fixed(given, "the option token", "set GH_TOKEN or GITHUB_TOKEN to a new one, or give another")
  elseif options.app ~= nil then
    local wanted <const> = options.app
    if type(wanted) ~= "table" or wanted.id == nil or type(wanted.private_key_file) ~= "string" then
      error("bad argument #1 to 'github.client' (app: {id=, private_key_file=} expected)", 4)
    end
    place.names = { id = "app.id", file = "app.private_key_file" }
    return app.new(wanted, place)
  end
end

--- The credential of a client.
---@async
---@param options fairlead.github.ClientOptions
---@param host fairlead.github.Host
---@return fairlead.github.Credential
--- raises config.missing, which tells what was tried and why each did not serve; config.invalid for what is there and
--- wrong
function M.find(options, host)
  local place <const> = { base_url = host.base_url, repository = options.repository }
  local names <const> = variables(host)
  local found = of_options(options, place)
    or of_variables(names, { op = "github.client", service = "GitHub", target = options.repository or "GitHub" })
  if found then return found end
  local own <const>, no_app = of_app(place)
  if own then return own end
  local kept <const>, told = gh_login.find(host.name)
  if kept then return login(kept, told, host.name) end
  local last <const> = table.remove(names)
  errors.raise {
    kind = "config.missing", op = "github.client", target = options.repository or "GitHub",
    message = ("no GitHub token%s: %s and %s are not set; %s; %s"):format(
      host.name ~= "github.com" and " for " .. host.name or "", table.concat(names, ", "), last, no_app, told),
    hint = ("set %s or %s to a token with access to the repository, or run `gh auth login --hostname %s`"):format(
      table.concat(names, ", "), last, host.name),
  }
end

return M
