-- Credentials by IAM Identity Center ("SSO"): the command line's cache, renewal in it, the role's credentials.
local aws = require "fairlead.aws"
local digest = require "fairlead.digest"
local errors = require "fairlead.errors"
local home = require "spec.support.aws_home"
local http = require "fairlead.http"
local json = require "fairlead.json"
local process = require "fairlead.process"
local server = require "spec.support.server"

local failure <const> = home.failure

local SESSION <const> = [[
[profile deploy]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Deploy & Watch
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
]]
local LEGACY <const> = [[
[profile deploy]
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 111111111111
sso_role_name = Watch
]]
local function at(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", os.time() + seconds)
end

local CACHE <const> = ".aws/sso/cache/" .. digest.sha1 "corp" .. ".json"
local LEGACY_CACHE <const> = ".aws/sso/cache/" .. digest.sha1 "https://corp.awsapps.com/start" .. ".json"

--- A cached token; `changes` are other fields.
local function token(changes)
  local fields = { accessToken = "hush-access", expiresAt = at(28800), refreshToken = "hush-refresh",
    clientId = "client", clientSecret = "hush-client", registrationExpiresAt = at(86400 * 30), region = "eu-west-1",
    somethingElse = { 1, 2 } }
  for name, value in pairs(changes or {}) do
    fields[name] = value
  end
  return json.encode(fields)
end

--- The portal and the token service; `answers` stand in for theirs, by path: a list {status, headers, body}.
local function portal(answers)
  return server.start(function(exchange)
    if answers and answers[exchange.path] then
      local answer = answers[exchange.path]
      if type(answer) == "function" then
        answer = answer(exchange)
      end
      return exchange:reply(table.unpack(answer))
    elseif exchange.path == "/token" then
      return exchange:reply(200, {}, json.encode { accessToken = "hush-newer", expiresIn = 28800,
        refreshToken = "hush-rotated", tokenType = "Bearer" })
    end
    exchange:reply(200, {}, json.encode { roleCredentials = { accessKeyId = "AKSSO", secretAccessKey = "hush-key",
      sessionToken = "hush-token", expiration = 4070908800000 } })
  end)
end

local function with(service, options, body)
  options.variables = options.variables or {}
  options.variables.AWS_ENDPOINT_URL_SSO, options.variables.AWS_ENDPOINT_URL_SSO_OIDC = service.url, service.url
  options.config = options.config or SESSION
  return home.with(options, body)
end

local function load() return aws.session({ profile = "deploy" }):credentials() end

local function silent(err)
  assert.is_nil(errors.describe(err):find("hush", 1, true))
end

describe("a sign-in to IAM Identity Center", function()
  it("gives a role's credentials", function()
    local service <close> = portal()
    with(service, { files = { [CACHE] = token() } }, function()
      local found <const> = load()
      assert.same({ "AKSSO", "111111111111", 4070908800 }, { found.access_key_id, found.account_id, found.expires_at })
      assert.equal("hush-key", http.reveal(found.secret_access_key))
      assert.equal("hush-token", http.reveal(found.session_token))
      assert.equal("IAM Identity Center, Deploy & Watch in 111111111111", found.source)
    end)
    local request <const> = service.requests[1]
    assert.equal(1, #service.requests)
    assert.same({ "GET", "/federation/credentials", "account_id=111111111111&role_name=Deploy%20%26%20Watch",
      "hush-access" }, { request.method, request.path, request.query, request.headers["x-amz-sso_bearer_token"] })
    assert.is_nil(request.headers.authorization)
  end)

  it("of an older profile is kept under its start address, and never renewed", function()
    local service <close> = portal()
    with(service, { config = LEGACY, files = { [LEGACY_CACHE] = token { expiresAt = at(60) } } }, function()
      assert.equal("AKSSO", load().access_key_id)
    end)
    assert.equal(1, #service.requests)
  end)

  it("is renewed near its end, and the newer token kept for everybody", function()
    local service <close> = portal()
    with(service, { files = { [CACHE] = token { expiresAt = at(600) } } }, function(folder)
      load()
      local asked <const> = json.decode(service.requests[1].body)
      assert.same({ clientId = "client", clientSecret = "hush-client", grantType = "refresh_token",
        refreshToken = "hush-refresh" }, asked)
      assert.equal("hush-newer", service.requests[2].headers["x-amz-sso_bearer_token"])
      local kept <const> = json.decode(home.read(folder .. "/" .. CACHE))
      assert.same({ "hush-newer", "hush-rotated", "client", "hush-client", "https://corp.awsapps.com/start" },
        { kept.accessToken, kept.refreshToken, kept.clientId, kept.clientSecret, kept.startUrl })
      assert.same({ 1, 2 }, { table.unpack(kept.somethingElse) })
      assert.is_true(kept.expiresAt > at(28700) and kept.expiresAt < at(28900))
      assert.equal("600\n", process.run({ "stat", "-c", "%a", folder .. "/" .. CACHE }).stdout)
      load()
      assert.equal("/federation/credentials", service.requests[3].path)
      local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_config.py", "tokens", timeout = 60,
        stdin = json.encode { { folder = folder .. "/.aws/sso/cache", start_url = "https://corp.awsapps.com/start",
          session = "corp" } } }
      local theirs <const> = json.decode(done:check().stdout)[1]
      assert.equal("hush-newer", theirs.token)
      assert.is_true(math.abs(theirs.expires - os.time() - 28800) < 60)
    end)
  end)

  it("that cannot be renewed is used to its end", function()
    local service <close> = portal { ["/token"] = { 400, {}, '{"error":"invalid_grant"}' } }
    local near <const> = at(600)
    for _, cached in ipairs { token { expiresAt = near }, token { expiresAt = near, refreshToken = json.null },
      token { expiresAt = near, registrationExpiresAt = at(-60) } } do
      with(service, { files = { [CACHE] = cached } }, function()
        assert.equal("AKSSO", load().access_key_id)
      end)
    end
    local paths = {}
    for i, request in ipairs(service.requests) do
      paths[i] = request.path
    end
    assert.same({ "/token", "/federation/credentials", "/federation/credentials", "/federation/credentials" }, paths)
  end)

  it("is not taken from an answer that makes no sense", function()
    for _, body in ipairs { "hush", "{}", '{"accessToken":"hush","expiresIn":-1}', '{"accessToken":"hush"}',
      '{"accessToken":5,"expiresIn":100}', '{"accessToken":"hush","expiresIn":9223372036854775807}' } do
      local service <close> = portal { ["/token"] = { 200, {}, body } }
      with(service, { files = { [CACHE] = token { expiresAt = at(-60) } } }, function(folder)
        local err <const> = failure(load)
        assert.matches("has expired; run `aws sso login --profile deploy`", tostring(err), 1, true)
        assert.matches("answered with something that is no token", errors.describe(err), 1, true)
        silent(err)
        assert.matches("hush%-access", home.read(folder .. "/" .. CACHE))
      end)
    end
  end)

  it("that another program has renewed meanwhile is taken up", function()
    local folder
    local service <close> = portal { ["/token"] = function()
      home.write(folder .. "/" .. CACHE, token { accessToken = "hush-theirs" })
      return { 400, {}, '{"error":"invalid_grant"}' }
    end }
    with(service, { files = { [CACHE] = token { expiresAt = at(-60) } } }, function(here)
      folder = here
      assert.equal("AKSSO", load().access_key_id)
    end)
    assert.equal("hush-theirs", service.requests[2].headers["x-amz-sso_bearer_token"])
  end)

  it("is renewed without the cache being writable", function()
    local service <close> = portal()
    with(service, { files = { [CACHE] = token { expiresAt = at(-60) } } }, function(folder)
      -- Permissions would not do: root, as whom these specs may run, writes everywhere.
      local file <const> = require "fairlead.file"
      local replace <const> = file.replace
      file.replace = function() return nil, "Read-only file system" end
      local restore <close> = setmetatable({}, { __close = function() file.replace = replace end }) -- luacheck: ignore
      local session <const> = aws.session { profile = "deploy" }
      session:credentials()
      session:refresh()
      session:credentials()
      assert.matches("hush%-access", home.read(folder .. "/" .. CACHE))
    end)
    assert.equal(3, #service.requests)
    assert.equal("hush-newer", service.requests[3].headers["x-amz-sso_bearer_token"])
  end)

  it("that is over, missing or no longer accepted says what to run", function()
    local service <close> = portal { ["/token"] = { 500 } }
    for text, expected in pairs {
      [token { expiresAt = at(-60) }] = "the sign-in to IAM Identity Center has expired",
      [token { expiresAt = at(-60), refreshToken = json.null }] = "has expired",
      ["hush {"] = "holds no token", ["[]"] = "holds no token", [token { expiresAt = "soon" }] = "holds no token",
      [""] = "is empty", none = "No such file",
    } do
      with(service, { files = text ~= "none" and { [CACHE] = text } or nil }, function()
        local err <const> = failure(load)
        assert.equal("aws.no_credentials", err.kind)
        assert.equal("run `aws sso login --profile deploy`", err.hint)
        assert.matches(expected, tostring(err), 1, true)
        silent(err)
      end)
    end
    local revoked <close> = portal { ["/federation/credentials"] = { 401, {},
      '{"__type":"UnauthorizedException","message":"Session token not found or invalid"}' } }
    with(revoked, { files = { [CACHE] = token() } }, function()
      local err <const> = failure(load)
      assert.matches("no longer accepted; run `aws sso login --profile deploy`", tostring(err), 1, true)
      silent(err)
    end)
  end)

  it("to a role that is not given says so as AWS does", function()
    local service <close> = portal { ["/federation/credentials"] = { 403,
      { ["x-amzn-ErrorType"] = "ForbiddenException" }, '{"message":"No access"}' } }
    with(service, { files = { [CACHE] = token() } }, function()
      local err <const> = failure(load)
      assert.equal("aws.api.not_authorised", err.kind)
      assert.matches("sso.GetRoleCredentials Deploy & Watch in 111111111111: ForbiddenException: No access",
        tostring(err), 1, true)
    end)
  end)

  it("is asked again while the portal is out of order", function()
    local times = 0
    local service <close> = portal { ["/federation/credentials"] = function()
      times = times + 1
      return times == 1 and { 503 } or { 200, {},
        '{"roleCredentials":{"accessKeyId":"A","secretAccessKey":"s","sessionToken":"t","expiration":1}}' }
    end }
    with(service, { files = { [CACHE] = token() } }, function()
      assert.equal("A", load().access_key_id)
    end)
    assert.equal(2, times)
  end)

  it("is a matter of settings that are all there, and agree", function()
    local cases <const> = {
      ["[profile deploy]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n"]
        = "names the section [sso-session corp], which is not there",
      [SESSION .. "sso_account_id = 222222222222\n"] = "has another sso_account_id than its section [sso-session corp]",
      [LEGACY:gsub("sso_role_name = Watch\n", "")] = "is for IAM Identity Center, and has no sso_role_name",
      [LEGACY:gsub("sso_region = eu%-west%-1\n", "")] = "is for IAM Identity Center, and has no sso_region",
    }
    for config, expected in pairs(cases) do
      home.with({ config = config }, function()
        local err <const> = failure(load)
        assert.equal("config.invalid", err.kind)
        assert.matches(expected, tostring(err), 1, true)
      end)
    end
  end)

  it("without an account and a role gives no credentials", function()
    home.with({ config = SESSION:gsub("sso_account_id[^\n]*\nsso_role_name[^\n]*\n", ""),
      variables = { AWS_EC2_METADATA_DISABLED = "true" } }, function()
      local err <const> = failure(load)
      assert.equal("aws.no_credentials", err.kind)
      assert.equal("IAM Identity Center: profile 'deploy' names no sso_account_id and sso_role_name", err.details[6])
    end)
  end)

  it("is asked for where its region is", function()
    home.with({ config = SESSION, files = { [CACHE] = token { expiresAt = at(60) } } }, function()
      local urls = {}
      http.with_transport(function(request)
        urls[#urls + 1] = request.url
        return { status = 400, headers = {}, body = "{}" }
      end, function() failure(load) end)
      assert.same({ "https://oidc.eu-west-1.amazonaws.com/token", "https://portal.sso.eu-west-1.amazonaws.com/"
        .. "federation/credentials?account_id=111111111111&role_name=Deploy%20%26%20Watch" }, urls)
    end)
  end)
end)
