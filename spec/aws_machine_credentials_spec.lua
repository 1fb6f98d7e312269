-- Credentials that the machine has: a container's agent, and an instance's metadata service. Over real sockets where
-- the address may be this machine's.
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local container = require "fairlead.aws.credentials.container"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local home = require "spec.support.aws_home"
local http = require "fairlead.http"
local json = require "fairlead.json"
local peer = require "fairlead.peer"
local server = require "spec.support.server"

local failure <const> = home.failure
local FUTURE <const> = "2099-01-01T00:00:00Z"

local function keys(name, ends)
  return json.encode { Code = "Success", AccessKeyId = name, SecretAccessKey = "hush-" .. name,
    Token = "token-" .. name, Expiration = ends or FUTURE, AccountId = "111111111111" }
end

local function load() return aws.session():credentials() end

describe("a container's credentials", function()
  it("come from its agent, with the token that its file holds at the time", function()
    local peer_ <close> = server.start(function(exchange) exchange:reply(200, {}, keys "AKBOX") end)
    home.with({ files = { token = "first" }, variables = {
      AWS_CONTAINER_CREDENTIALS_FULL_URI = peer_.url .. "/v1/credentials?a=b",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "@/token", AWS_CONTAINER_AUTHORIZATION_TOKEN = "not this one",
    } }, function(folder)
      local session <const> = aws.session()
      local found <const> = session:credentials()
      assert.same({ "AKBOX", "111111111111", 4070908800 }, { found.access_key_id, found.account_id, found.expires_at })
      assert.equal("hush-AKBOX", http.reveal(found.secret_access_key))
      assert.equal("token-AKBOX", http.reveal(found.session_token))
      assert.equal(("container %s/v1/credentials"):format(peer_.url), found.source)
      home.write(folder .. "/token", "second")
      session:refresh()
      session:credentials()
      local seen <const> = peer_.requests
      assert.same({ "/v1/credentials", "a=b", "first" },
        { seen[1].path, seen[1].query, seen[1].headers.authorization })
      assert.equal("second", seen[2].headers.authorization)
    end)
  end)

  it("of ECS come from its own address", function()
    home.with({ variables = { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = "/v2/credentials/1?x=1",
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://evil.example/", AWS_CONTAINER_AUTHORIZATION_TOKEN = "t" } },
      function()
        local seen <const> = fake.run(function() return 200, keys "AKECS" end, function()
          assert.equal("AKECS", load().access_key_id)
        end)
        assert.equal("http://169.254.170.2/v2/credentials/1?x=1", seen[1].url)
      end)
  end)

  it("are asked for at known addresses only", function()
    for _, url in ipairs { "https://anywhere.example/x", "http://localhost/x", "http://127.0.0.1:81/",
      "http://127.1.2.3/", "http://[::1]:80/x", "http://169.254.170.2/x", "http://169.254.170.23/v1",
      "http://[fd00:ec2::23]/v1", "HTTP://LocalHost/" } do
      assert.is_true(container.is_allowed(url), url)
    end
    for _, url in ipairs { "http://evil.example/x", "http://127.0.0.1.evil.example/", "http://localhost.evil.example",
      "http://127.0.0.1@evil.example/", "http://169.254.169.254/", "http://[fd00:ec2::254]/", "http://128.0.0.1/",
      "ftp://localhost/", "file:///etc/passwd", "localhost", "", "http://", "http://evil.example\\@127.0.0.1/",
      "http://169.254.170.2:80:80/", "https://user@anywhere.example/" } do
      assert.is_false(container.is_allowed(url), url)
      home.with({}, function()
        local seen <const>, err = fake.run(function() return 200, keys "AK" end, function()
          return environment.with({ AWS_CONTAINER_CREDENTIALS_FULL_URI = url ~= "" and url or "x" }, failure, load)
        end)
        assert.equal(0, #seen)
        assert.equal("config.invalid", err.kind)
      end)
    end
    for _, path in ipairs { ".evil.example/", "@evil.example/", "/a\r\nb" } do
      home.with({}, function()
        environment.with({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = path }, function()
          assert.equal("config.invalid", failure(load).kind)
        end)
      end)
    end
  end)

  it("are not asked for with a token that would break out of its header", function()
    for name, token in pairs { AWS_CONTAINER_AUTHORIZATION_TOKEN = "hush\r\nX-Evil: 1",
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "@/token" } do
      home.with({ files = { token = "hush\n" }, variables = { [name] = token,
        AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://127.0.0.1:1/" } }, function()
        local err <const> = failure(load)
        assert.matches(name .. ": holds a line's end", tostring(err), 1, true)
        assert.is_nil(errors.describe(err):find("hush", 1, true))
      end)
    end
    home.with({ variables = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = "@/none",
      AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://127.0.0.1:1/" } }, function()
      assert.matches("none: No such file", tostring(failure(load)))
    end)
  end)

  it("are asked for three times, a second apart, and not the instance's in their place", function()
    home.with({ variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/x" } }, function()
      local seen <const>, found = fake.run(function(_, number)
        if number == 1 then
          fake.lose "http.timeout"
        elseif number == 2 then
          return 500, "busy"
        end
        return 200, keys "AKTHIRD"
      end, load)
      assert.equal("AKTHIRD", found.access_key_id)
      assert.is_true(seen[2].at - seen[1].at >= 1 and seen[3].at - seen[2].at >= 1 and seen[3].at < 3)

      local all <const>, err = fake.run(function() return 503, { message = "not yet" } end,
        function() return failure(load) end)
      assert.equal(3, #all)
      assert.equal("aws.no_credentials", err.kind)
      assert.matches("it answered 503: not yet; has the task or the pod a role?", tostring(err), 1, true)

      local refused <const> = fake.run(function() return 403, { code = "AccessDenied", message = "no" } end,
        function() return failure(load) end)
      assert.equal(1, #refused)
    end)
  end)

  it("that make no sense are told without a word of them", function()
    for body, expected in pairs { ["hush"] = "something that is no JSON object",
      ['{"AccessKeyId":"A","SecretAccessKey":"hush","Expiration":"hush"}'] = "an Expiration that is no time",
      ['{"SecretAccessKey":"hush"}'] = "no AccessKeyId and SecretAccessKey" } do
      home.with({ variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/x" } }, function()
        local _, err = fake.run(function() return 200, body end, function() return failure(load) end)
        assert.matches(expected, tostring(err), 1, true)
        assert.is_nil(errors.describe(err):find("hush", 1, true))
      end)
    end
  end)
end)

local PATH <const> = "/latest/meta-data/iam/security-credentials/"

--- A metadata service of version 2; `changes` answer in its place, by "METHOD path".
local function imds(changes)
  return server.start(function(exchange)
    local key <const> = exchange.method .. " " .. exchange.path
    local change <const> = changes and changes[key]
    if change then
      return type(change) == "function" and change(exchange) or exchange:reply(table.unpack(change))
    elseif key == "PUT /latest/api/token" then
      return exchange:reply(200, {}, "TOKEN")
    elseif key == "GET " .. PATH then
      return exchange:reply(200, {}, "web-role")
    elseif key == "GET " .. PATH .. "web-role" then
      return exchange:reply(200, {}, keys "AKINSTANCE")
    end
    exchange:reply(404)
  end)
end

local function at(service, variables, body)
  local all = { AWS_EC2_METADATA_SERVICE_ENDPOINT = service.url .. "/", AWS_METADATA_SERVICE_TIMEOUT = "0.1" }
  for name, value in pairs(variables) do
    all[name] = value
  end
  return home.with({ variables = all }, body)
end

local function told(service)
  local list = {}
  for i, request in ipairs(service.requests) do
    list[i] = ("%s %s %s"):format(request.method, request.path, request.headers["x-aws-ec2-metadata-token"] or "-")
  end
  return list
end

local V2 <const> = { "PUT /latest/api/token -", "GET " .. PATH .. " TOKEN", "GET " .. PATH .. "web-role TOKEN" }
local V1 <const> = { "PUT /latest/api/token -", "GET " .. PATH .. " -", "GET " .. PATH .. "web-role -" }

describe("an instance's credentials", function()
  it("come from its metadata service, version 2", function()
    local service <close> = imds()
    at(service, {}, function()
      local found <const> = load()
      assert.equal("AKINSTANCE", found.access_key_id)
      assert.equal("[secret]", tostring(found.session_token))
      assert.equal("instance " .. service.url, found.source)
    end)
    assert.same(V2, told(service))
    assert.equal("21600", service.requests[1].headers["x-aws-ec2-metadata-token-ttl-seconds"])
  end)

  it("come from version 1 where there is no other", function()
    for _, status in ipairs { 403, 404, 405 } do
      local service <close> = imds { ["PUT /latest/api/token"] = { status } }
      at(service, {}, function() assert.equal("AKINSTANCE", load().access_key_id) end)
      assert.same(V1, told(service))
      at(service, { AWS_EC2_METADATA_V1_DISABLED = "true" }, function()
        assert.matches(("it gave no token (%d), and version 1 is switched off"):format(status),
          failure(load).details[11], 1, true)
      end)
      assert.equal(4, #service.requests)
    end
    -- A hop limit of one swallows the token's answer on its way into a container.
    local silent <close> = imds { ["PUT /latest/api/token"] = server.faults.silence }
    at(silent, {}, function() assert.equal("AKINSTANCE", load().access_key_id) end)
    assert.same(V1, told(silent))
  end)

  it("are not asked for where the token is refused, or nobody answers", function()
    local service <close> = imds { ["PUT /latest/api/token"] = { 400 } }
    at(service, {}, function()
      assert.equal(("instance: %s: it refused to give a token (400)"):format(service.url), failure(load).details[11])
    end)
    assert.equal(1, #service.requests)

    local nobody <const> = peer.listen()
    local port <const> = nobody:port()
    nobody:close()
    at({ url = "http://127.0.0.1:" .. port }, {}, function()
      local began <const> = clock.monotonic()
      assert.matches("refused", failure(load).details[11])
      assert.is_true(clock.monotonic() - began < 0.5)
    end)
  end)

  it("are looked for once, for a second at most, at the address of the machine's network", function()
    for mode, url in pairs { [""] = "http://169.254.169.254", IPv4 = "http://169.254.169.254",
      IPv6 = "http://[fd00:ec2::254]" } do
      home.with({ variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = mode ~= "" and mode or false } }, function()
        local asked
        http.with_transport(function(request)
          asked = asked and error "a second request" or request
          errors.raise { kind = "http.timeout", message = "timed out after 1 s while connecting", retryable = true }
        end, function()
          assert.equal(("instance: %s: timed out after 1 s while connecting"):format(url), failure(load).details[11])
        end)
        assert.same({ url .. "/latest/api/token", 1 }, { asked.url, asked.connect_timeout })
        assert.is_false(asked.proxy)
      end)
    end
    home.with({ variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv5" } }, function()
      assert.equal("config.invalid", failure(load).kind)
    end)
  end)

  it("are switched off by a variable, and by being in a container", function()
    local service <close> = imds()
    at(service, { AWS_EC2_METADATA_DISABLED = "TRUE" }, function()
      assert.equal("instance: AWS_EC2_METADATA_DISABLED is true", failure(load).details[11])
    end)
    local box <close> = server.start(function(exchange) exchange:reply(403) end)
    at(service, { AWS_CONTAINER_CREDENTIALS_FULL_URI = box.url }, function()
      assert.matches("it answered 403", tostring(failure(load)))
    end)
    assert.same({ 0, 1 }, { #service.requests, #box.requests })
  end)

  it("that are not there are told why", function()
    local cases <const> = {
      { "GET " .. PATH, { 404 }, "this instance has no role" },
      { "GET " .. PATH, { 200, {}, "" }, "it gave an empty answer" },
      { "GET " .. PATH, { 500 }, "it answered 500" },
      { "GET " .. PATH, { 200, {}, "<html>" }, "something that is no role's name" },
      { "GET " .. PATH .. "web-role", { 200, {}, '{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot"}' },
        "AssumeRoleUnauthorizedAccess: EC2 cannot" },
      { "GET " .. PATH .. "web-role", { 200, {}, "hush" }, "it gave something that is no JSON object" },
      { "GET " .. PATH .. "web-role", { 200, {}, ("x"):rep(100000) }, "" },
    }
    for _, case in ipairs(cases) do
      local service <close> = imds { [case[1]] = case[2] }
      at(service, {}, function()
        local err <const> = failure(load)
        assert.equal("aws.no_credentials", err.kind)
        assert.matches(case[3], err.details[11], 1, true)
        assert.is_nil(errors.describe(err):find("hush", 1, true))
      end)
    end
  end)

  it("past their end are used on when there are no newer ones, and looked for again later", function()
    home.with({}, function()
      local down = false
      local seen <const> = fake.run(function(request)
        if down then
          return 503
        elseif request.path:find "token$" then
          return 200, "T"
        end
        return 200, request.path == PATH and "r" or keys("AKOLD", "2026-03-02T09:30:00Z")
      end, function()
        local session <const> = aws.session()
        session:credentials()
        clock.sleep(1900) -- past 09:30
        local kept <const> = session:credentials()
        local left <const> = kept.expires_at - clock.now()
        assert.equal("AKOLD", kept.access_key_id)
        assert.is_true(left >= 900 + 119 and left <= 900 + 600)
        assert.equal(kept, session:credentials())
        down = true
        clock.sleep(1600)
        assert.equal("AKOLD", session:credentials().access_key_id)
      end)
      assert.equal(3 + 3 + 2, #seen, "found, looked again past their end, and in vain")
    end)
  end)

  it("of one or the other are a profile's credential_source", function()
    local service <close> = imds()
    local box <close> = server.start(function(exchange) exchange:reply(200, {}, keys "AKBOX") end)
    for source, key in pairs { Ec2InstanceMetadata = "AKINSTANCE", EcsContainer = "AKBOX" } do
      local credential
      local sts <close> = server.start(function(exchange)
        credential = exchange.headers.authorization:match "Credential=(%w+)"
        exchange:reply(200, {}, ([[<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKROLE</AccessKeyId>
          <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>
          </AssumeRoleResult></AssumeRoleResponse>]]):format(FUTURE))
      end)
      home.with({ config = "[profile p]\nrole_arn = arn:aws:iam::222222222222:role/r\ncredential_source = " .. source,
        variables = { AWS_CONTAINER_CREDENTIALS_FULL_URI = box.url, AWS_EC2_METADATA_SERVICE_ENDPOINT = service.url,
          AWS_ENDPOINT_URL_STS = sts.url, AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "s" } }, function()
        local found <const> = aws.session({ profile = "p" }):credentials()
        assert.same({ key, "AKROLE", "222222222222" }, { credential, found.access_key_id, found.account_id })
      end)
    end
  end)
end)
