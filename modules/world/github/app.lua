--- A GitHub App of the simulated GitHub: it proves itself with a token that it has signed, which is checked for real,
--- and is given tokens for its installation, which end.
---
--- `fixture.github.app` is {id=, slug=, public_key= PEM, installation= id, rights= a list such as "contents:write", or
--- nil for all, seconds= until a token ends}.
--- Sources: GitHub Docs, "Generating a JSON Web Token (JWT) for a GitHub App"; REST "GitHub Apps"; texts of refusals:
--- answers of api.github.com.
local json = require "fairlead.json"
local jwt = require "fairlead.jwt"
local refusal = require "fairlead.world.github.refusal"
local shapes = require "fairlead.world.github.shapes"

local M = {}

local LONGEST <const> = 600 -- seconds that a signed token may be good for
local LASTS <const> = 3600 -- seconds until an installation's token ends
local LETTERS <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

local INTEGRATION <const> = "Resource not accessible by integration"

--- Who asks with a token that an app has signed; nil: it is no such token.
---@param github fairlead.world.GitHub
---@param token string
---@return table? viewer
function M.signed(github, token)
  local app <const> = github.fixture.app
  if not app or not token:find "^[%w_-]+%.[%w_-]+%.[%w_-]+$" then return nil end
  local claims <const> = jwt.verify(token, app.public_key)
  if not claims then refusal.raise(401, "A JSON web token could not be decoded") end
  local now <const> = github.world.now
  if math.type(claims.exp) ~= "integer" or claims.exp <= now then
    refusal.raise(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which "
      .. "the assertion expires")
  elseif claims.exp > now + LONGEST then
    refusal.raise(401, "'Expiration time' claim ('exp') is too far in the future")
  elseif math.type(claims.iat) ~= "integer" or claims.iat > now then
    refusal.raise(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
      .. "issued")
  elseif tostring(claims.iss) ~= tostring(app.id) then
    refusal.raise(401, "A JSON web token could not be decoded")
  end
  return { login = app.slug .. "[bot]", token = "app " .. app.id, rights = {}, app = app }
end

--- Who asks with an installation's token; nil: it is none, or has ended.
---@param github fairlead.world.GitHub
---@param token string
---@return table? viewer
function M.installed(github, token)
  local made <const> = (github.installation_tokens or {})[token]
  if not made or made.expires_at <= github.world.now then return nil end
  return { login = made.login, token = token, rights = made.rights, installation = true }
end

--- Refuses what an app may not ask: as itself only of itself, and about no user for its installation.
---@param viewer table?
---@param route table
function M.check(viewer, route)
  if not viewer then return end
  if viewer.app and route.right ~= "app" or viewer.installation and route.verb == "GET /user" then
    refusal.raise(403, INTEGRATION)
  elseif route.right == "app" and not viewer.app then
    refusal.raise(401, "A JSON web token could not be decoded")
  end
end

---@param github fairlead.world.GitHub
---@param router fairlead.world.Router
function M.add(github, router)
  local function add(route, answer)
    router:add(route, "app", function(call)
      if not call.viewer then refusal.raise(401, "A JSON web token could not be decoded") end
      return answer(call, call.viewer.app)
    end)
  end

  local function installation(app)
    return {
      id = app.installation, account = github.shapes:user(github.owner), app_id = app.id, app_slug = app.slug,
      repository_selection = "selected", target_type = "Organization", suspended_at = json.null,
      access_tokens_url = ("%s/app/installations/%d/access_tokens"):format(github.world.base_urls.github,
        app.installation or 0),
    }
  end

  add("GET /app", function(_, app)
    return 200, { id = app.id, slug = app.slug, name = app.slug, owner = github.shapes:user(github.owner) }
  end)

  add("GET /app/installations", function(call, app)
    return 200, github:page(call, app.installation and { installation(app) } or {})
  end)

  add("GET /repos/{owner}/{repo}/installation", function(_, app)
    if not app.installation then refusal.not_found() end
    return 200, installation(app)
  end)

  add("POST /app/installations/{id}/access_tokens", function(call, app)
    if not app.installation or call.id ~= tostring(app.installation) then refusal.not_found() end
    local letters = {}
    for i = 1, 36 do
      local at <const> = github.random:integer(1, #LETTERS)
      letters[i] = LETTERS:sub(at, at)
    end
    local token <const>, seconds <const> = "ghs_" .. table.concat(letters), app.seconds or LASTS
    local rights
    if app.rights then
      rights = {}
      for _, right in ipairs(app.rights) do
        rights[right] = true
        rights[right:gsub(":write$", ":read")] = true
      end
    end
    github.installation_tokens = github.installation_tokens or {}
    github.installation_tokens[token] = {
      login = app.slug .. "[bot]", rights = rights, expires_at = github.world.now + seconds,
    }
    local ends <const> = shapes.time(github.world.now + seconds)
    return 201, { token = token, expires_at = ends, repository_selection = "selected" }
  end)
end

return M
