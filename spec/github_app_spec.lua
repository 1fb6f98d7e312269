--- A GitHub App against the simulated GitHub, which checks what the app signed: with real keys, on a virtual clock.
local clock = require "fairlead.clock"
local digest = require "fairlead.digest"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local github = require "fairlead.github"
local http = require "fairlead.http"
local jwt = require "fairlead.jwt"
local rsa_keys = require "spec.support.rsa_keys"
local task = require "fairlead.task"
local world = require "spec.support.world"

local keys -- made once: they take a while

local function with_keys()
  if not keys then
    keys = rsa_keys.open()
    keys:make "app"
    keys:make "other"
  end
  return keys
end

local ACCESS <const> = "POST /app/installations/{id}/access_tokens"

--- A world with an app, laid over by `app`; `body(gh, w, call)` with the app's client.
local function visit(app, body, options)
  local own <const> = with_keys()
  local fixture = { id = 4711, slug = "releaser", installation = 99, public_key = own:read "app.pub" }
  for name, value in pairs(app) do fixture[name] = value or nil end
  return world.visit({ changes = { github = { app = fixture } } }, function(w, call)
    options = options or {}
    local gh = github.client {
      repository = options.repository or "acme/lighthouse",
      app = { id = 4711, private_key_file = options.key or own.folder .. "/app.pem" },
    }
    return body(gh, w, call)
  end)
end

local function count(w, operation)
  local n = 0
  for _, request in ipairs(w.github.requests) do
    if request.operation == operation then n = n + 1 end
  end
  return n
end

describe("a GitHub App", function()
  teardown(function()
    if keys then getmetatable(keys).__close(keys) end
  end)

  it("gets a token of its installation in the repository, and asks with it", function()
    visit({}, function(gh, w)
      assert.is_nil(gh.token)
      assert.equal("main", gh:get(gh:path()).default_branch)
      assert.matches("^ghs_%w+$", http.reveal(gh.token))
      assert.equal(("GitHub App 4711 (%s/app.pem)"):format(keys.folder), gh.token_source)
      gh:get "branches/main"
      assert.equal(1, count(w, "GET /repos/{owner}/{repo}/installation"))
      assert.equal(1, count(w, ACCESS))
      assert.equal("releaser[bot]", w.github.requests[#w.github.requests].by)
      assert.is_nil(gh:viewer())
    end)
  end)

  it("is taken from the variables, both of them", function()
    visit({}, function()
      local variables = {
        GH_TOKEN = false, GITHUB_TOKEN = false, FAIRLEAD_GITHUB_APP_ID = "4711",
        FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE = keys.folder .. "/app.pem",
      }
      local function make() return github.client { repository = "acme/lighthouse" } end
      local gh <const> = environment.with(variables, make)
      assert.equal("main", gh:default_branch())
      for name, other in pairs {
        FAIRLEAD_GITHUB_APP_ID = "FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE",
        FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE = "FAIRLEAD_GITHUB_APP_ID",
      } do
        local half = {}
        for key, value in pairs(variables) do half[key] = key ~= name and value end
        local _, err = try(environment.with, half, make)
        assert.equal(("github.client %s: is set, and %s is not; a GitHub App needs both"):format(other, name),
          tostring(err))
      end
    end)
  end)

  it("renews its token five minutes before it ends, once for all that wait", function()
    visit({}, function(gh, w)
      gh:get "branches/main"
      local first <const> = gh.token
      clock.sleep(3600 - 300 - 20)
      gh:get "branches/main"
      assert.equal(first, gh.token)
      clock.sleep(30)
      local function look() return gh:get "pulls" end
      task.all { look, look, look, look }
      assert.equal(2, count(w, ACCESS))
      assert.not_equal(http.reveal(first), http.reveal(gh.token))
      clock.sleep(86400)
      gh:get "branches/main"
      assert.equal(3, count(w, ACCESS))
    end)
  end)

  it("gets another token when GitHub refuses the one it has, once, also for a write", function()
    visit({}, function(gh, w)
      local sha <const> = gh:get("branches/main").commit.sha
      w.github.installation_tokens = {} -- taken back
      local made <const> = gh:create_deployment { sha = sha, environment = "staging" }
      assert.equal("releaser[bot]", made.by)
      assert.equal(1, #gh:deployments { environment = "staging" })
      assert.equal(2, count(w, ACCESS))
    end)
    local asked = 0
    local gh <const> = github.client { repository = "o/n", base_url = "http://h",
      app = { id = 4711, private_key_file = with_keys().folder .. "/app.pem" } }
    fake.run(fake.routes {
      ["GET /repos/o/n/installation"] = { id = 1 },
      ["POST /app/installations/1/access_tokens"] = function() return 201, { token = "ghs_x" } end,
      ["GET /user"] = function()
        asked = asked + 1
        return 401, { message = "Bad credentials" }
      end,
    }, function()
      local _, err = try(gh.get, gh, "/user")
      assert.equal("github.api.not_authorised", err.kind)
      assert.matches("is the app 4711 still installed", err.hint)
    end)
    assert.equal(2, asked)
  end)

  it("survives a network that loses its requests, and a GitHub that is busy", function()
    local gh <const> = github.client { repository = "o/n", base_url = "http://h",
      app = { id = 4711, private_key_file = with_keys().folder .. "/app.pem" } }
    local tries = { 0, 0 }
    fake.run(fake.routes {
      ["GET /repos/o/n/installation"] = function()
        tries[1] = tries[1] + 1
        if tries[1] == 1 then fake.lose "http.reset" end
        return 200, { id = 1 }
      end,
      ["POST /app/installations/1/access_tokens"] = function()
        tries[2] = tries[2] + 1
        if tries[2] == 1 then return 502, "" end
        return 201, { token = "ghs_x", expires_at = "2026-03-02T10:00:00Z" }
      end,
      ["GET /x"] = { ok = true },
    }, function() assert.is_true(gh:get("/x").ok) end)
    assert.same({ 2, 2 }, tries)
  end)

  it("says what is wrong where it is not let in", function()
    local own <const> = with_keys()
    local function told(app, options)
      return visit(app, function(gh)
        local _, err = try(gh.get, gh, "branches/main")
        return err
      end, options)
    end
    local err = told({}, { key = own.folder .. "/other.pem" })
    assert.equal("github.api.not_authorised", err.kind)
    assert.equal("A JSON web token could not be decoded", err.message)
    assert.matches("the private key is not one of the app 4711, the app is gone, or this machine's clock is wrong",
      err.hint, 1, true)
    err = told { id = 4712 }
    assert.equal("github.api.not_authorised", err.kind)
    err = told { installation = false }
    assert.equal("github.api.not_found", err.kind)
    assert.matches("install the app 4711 in acme, and let it see this repository", err.hint, 1, true)
    err = told({}, { repository = "acme/darkhouse" })
    assert.equal("github.api.not_found", err.kind)
    err = told { rights = { "issues:write" } }
    assert.equal("github.api.not_authorised", err.kind)
    assert.equal("Resource not accessible by integration", err.message)
    assert.matches("the token needs: contents=read", err.hint, 1, true)
  end)

  it("without a repository has the only installation there is", function()
    local own <const> = with_keys()
    local function of(installations)
      local gh <const> = github.client { base_url = "http://h",
        app = { id = "Iv23liABC", private_key_file = own.folder .. "/app.pem" } }
      local got, err
      fake.run(fake.routes {
        ["GET /app/installations"] = installations,
        ["POST /app/installations/7/access_tokens"] = function() return 201, { token = "ghs_x" } end,
        ["GET /x"] = { ok = true },
      }, function() got, err = try(gh.get, gh, "/x") end)
      return got, err and err.message
    end
    assert.is_true((of { { id = 7 } }).ok)
    assert.same({ nil, "is installed in 2 places" }, { of { { id = 7 }, { id = 8 } } })
  end)

  it("is refused at once with a key or an id that is none, and never shows the key", function()
    local own <const> = with_keys()
    own:write("bad.pem", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----\n")
    local function told(id, file)
      local made, err = try(github.client, { repository = "o/n", app = { id = id, private_key_file = file } })
      assert.is_nil(made)
      assert.equal("config.invalid", err.kind)
      return err.target .. ": " .. err.message
    end
    assert.equal(("app.private_key_file: %s/none cannot be read: No such file or directory"):format(own.folder),
      told(1, own.folder .. "/none"))
    assert.equal(("app.private_key_file: %s/bad.pem is no key in PEM"):format(own.folder),
      told(1, own.folder .. "/bad.pem"))
    assert.equal("app.id: is no id of an app", told("a b", own.folder .. "/app.pem"))
    assert.error_matches(function() github.client { app = { id = 1 } } end, "{id=, private_key_file=} expected")
  end)
end)

describe("the simulated GitHub", function()
  it("lets in only whom an app's token of now names", function()
    local own <const> = rsa_keys.open()
    local closing <close> = own -- luacheck: ignore closing
    own:make "app"
    local fixture <const> = { id = 4711, slug = "releaser", installation = 99, public_key = own:read "app.pub" }
    world.visit({ changes = { github = { app = fixture } } }, function(w, call)
      local now <const> = math.floor(w.now)
      local function told(claims)
        claims.iss = claims.iss or 4711
        claims.iat = claims.iat or now - 60
        claims.exp = claims.exp or now + 540
        local token <const> = http.reveal(jwt.rs256(claims, own:read "app.pem"))
        local response, body = call("GET", "/app", { token = token })
        return response.status == 200 and body.slug or response.status .. " " .. body.message
      end
      assert.equal("releaser", told {})
      assert.equal("releaser", told { iss = "4711" })
      assert.matches("^401 .*too far in the future", told { exp = now + 700 })
      assert.matches("^401 'Expiration time'", told { exp = now - 1 })
      assert.matches("^401 'Expiration time'", told { exp = "soon" })
      assert.matches("^401 'Issued at'", told { iat = now + 30 })
      assert.matches("^401 A JSON web token could not be decoded", told { iss = 1 })
      local unsigned <const> = digest.base64('{"alg":"none"}'):gsub("=", "") .. ".e30.AAAA"
      assert.equal(401, call("GET", "/app", { token = unsigned }).status)
      assert.equal(401, call("GET", "/app").status)
      local signed <const> = http.reveal(jwt.rs256({ iss = 4711, iat = now - 60, exp = now + 60 }, own:read "app.pem"))
      assert.equal(403, call("GET", world.REPOSITORY, { token = signed }).status)
      assert.equal(404, call("POST", "/app/installations/98/access_tokens", { token = signed }).status)
    end)
  end)
end)
