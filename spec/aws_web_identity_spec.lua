-- A role by a web identity, as GitHub Actions and Kubernetes give them.
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local home = require "spec.support.aws_home"
local http = require "fairlead.http"
local server = require "spec.support.server"
local task = require "fairlead.task"

local failure <const> = home.failure

local ANSWER <const> = [[<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>hush-key</SecretAccessKey>
  <SessionToken>hush-session</SessionToken><Expiration>%s</Expiration></Credentials>
  <Audience>sts.amazonaws.com</Audience></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>]]
local ROLE <const> = "arn:aws:iam::111111111111:role/deploy"
local FUTURE <const> = "2099-01-01T00:00:00Z"
local REFUSAL <const> = "<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>"

describe("a web identity", function()
  it("of the environment takes on its role, without a signature", function()
    local sts <close> = server.start(function(exchange) exchange:reply(200, {}, ANSWER:format("AKWEB", FUTURE)) end)
    home.with({ files = { token = "hush.jwt.one\n" }, variables = {
      AWS_WEB_IDENTITY_TOKEN_FILE = "@/token", AWS_ROLE_ARN = ROLE, AWS_ROLE_SESSION_NAME = "run-7",
      AWS_ENDPOINT_URL_STS = sts.url } }, function(folder)
      local session <const> = aws.session()
      local found <const> = session:credentials()
      assert.same({ "AKWEB", "111111111111", 4070908800, "role " .. ROLE },
        { found.access_key_id, found.account_id, found.expires_at, found.source })
      assert.equal("hush-key", http.reveal(found.secret_access_key))
      assert.equal("hush-session", http.reveal(found.session_token))
      home.write(folder .. "/token", "hush.jwt.two")
      session:refresh()
      session:credentials()
    end)
    local first <const>, second = sts.requests[1], sts.requests[2]
    assert.same({ Action = "AssumeRoleWithWebIdentity", Version = "2011-06-15", RoleArn = ROLE,
      RoleSessionName = "run-7", WebIdentityToken = "hush.jwt.one" }, fake.decode_query(first.body))
    assert.is_nil(first.headers.authorization)
    assert.equal("hush.jwt.two", fake.decode_query(second.body).WebIdentityToken)
  end)

  it("of a profile does not mix with the environment's when the profile was asked for by name", function()
    home.with({ files = { token = "profile", other = "environment" },
      config = "[profile p]\nrole_arn = arn:aws:iam::1:role/p\nweb_identity_token_file = @/token\n",
      variables = { AWS_WEB_IDENTITY_TOKEN_FILE = "@/other", AWS_ROLE_ARN = ROLE, AWS_PROFILE = "p" } }, function()
      for options, expected in pairs { [{ profile = "p" }] = "profile arn:aws:iam::1:role/p",
        [{}] = "environment " .. ROLE } do
        local seen <const> = fake.run(function() return 200, ANSWER:format("AKWEB", FUTURE) end, function()
          aws.session(options):credentials()
        end)
        assert.equal(expected, seen[1].body.WebIdentityToken .. " " .. seen[1].body.RoleArn)
        assert.is_true(seen[1].is_secret)
        assert.equal("https://sts.eu-west-2.amazonaws.com/", seen[1].url)
      end
    end)
  end)

  it("is the source of a role that a profile names", function()
    home.with({ files = { token = "t" }, config = "[profile a]\nrole_arn = arn:a\nsource_profile = b\n"
      .. "[profile b]\nrole_arn = arn:b\nweb_identity_token_file = @/token\nrole_session_name = me" }, function()
      local seen <const> = fake.run(function(request)
        if request.body.Action == "AssumeRole" then
          return 200, (ANSWER:format("AKROLE", FUTURE):gsub("WithWebIdentity", ""))
        end
        return 200, ANSWER:format("AKWEB", FUTURE)
      end, function()
        assert.equal("AKROLE", aws.session({ profile = "a" }):credentials().access_key_id)
      end)
      assert.same({ "arn:b", "me" }, { seen[1].body.RoleArn, seen[1].body.RoleSessionName })
      assert.matches("Credential=AKWEB/", seen[2].headers.authorization, 1, true)
    end)
  end)

  it("that is not all there is an error", function()
    for variables, expected in pairs {
      [{ AWS_WEB_IDENTITY_TOKEN_FILE = "@/token" }] = "a token file is named, and no role; set AWS_ROLE_ARN",
      [{ AWS_WEB_IDENTITY_TOKEN_FILE = "@/none", AWS_ROLE_ARN = ROLE }] = "No such file",
      [{ AWS_WEB_IDENTITY_TOKEN_FILE = "@/empty", AWS_ROLE_ARN = ROLE }] = "is empty",
      [{ AWS_WEB_IDENTITY_TOKEN_FILE = "@/large", AWS_ROLE_ARN = ROLE }] = "is too large",
      [{ AWS_WEB_IDENTITY_TOKEN_FILE = "@", AWS_ROLE_ARN = ROLE }] = "cannot be",
    } do
      home.with({ files = { token = "hush", empty = " \n", large = ("hush"):rep(6000) }, variables = variables },
        function()
          local seen <const>, err = fake.run(function() return 500 end, function()
            return failure(function() aws.session():credentials() end)
          end)
          assert.equal(0, #seen)
          assert.equal("config.invalid", err.kind)
          assert.matches(expected:gsub("^a token", "a web identity's token"), tostring(err), 1, true)
          assert.is_nil(errors.describe(err):find("hush", 1, true))
        end)
    end
  end)

  it("is tried again while STS is out of order, and a refusal is told", function()
    home.with({ files = { token = "hush" },
      variables = { AWS_WEB_IDENTITY_TOKEN_FILE = "@/token", AWS_ROLE_ARN = ROLE } }, function()
      local seen <const>, found = fake.run(function(_, number)
        if number == 1 then
          return 503, "busy"
        elseif number == 2 then
          fake.lose "http.reset"
        end
        return 200, ANSWER:format("AKWEB", FUTURE)
      end, function() return aws.session():credentials() end)
      assert.equal("AKWEB", found.access_key_id)
      assert.equal(3, #seen)

      local asked <const> = fake.run(function(_, number)
        return number < 3 and 400 or 200, number < 3 and REFUSAL:format("IDPCommunicationError", "no answer")
          or ANSWER:format("AKWEB", FUTURE)
      end, function() return aws.session():credentials() end)
      assert.equal(3, #asked)

      local refused <const>, err = fake.run(function()
        return 400, REFUSAL:format("ExpiredTokenException", "Token expired: current date/time must be before …")
      end, function() return failure(function() aws.session():credentials() end) end)
      assert.equal(1, #refused)
      assert.equal("aws.api.not_authorised sts.AssumeRoleWithWebIdentity", err.kind .. " " .. err.op)
      assert.is_nil(errors.describe(err):find("hush", 1, true))
    end)
  end)
end)

describe("credentials that end", function()
  local function ends(seconds)
    return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(clock.now()) + seconds)
  end

  local function with_role(body)
    return home.with({ files = { token = "t" },
      variables = { AWS_WEB_IDENTITY_TOKEN_FILE = "@/token", AWS_ROLE_ARN = ROLE } }, body)
  end

  it("are renewed by one task a quarter of an hour before, while the others go on", function()
    with_role(function()
      local seen <const> = fake.run(function(_, number)
        clock.sleep(number > 1 and 5 or 0)
        return 200, ANSWER:format("AK" .. number, ends(3600))
      end, function()
        local session <const> = aws.session()
        assert.equal("AK1", session:credentials().access_key_id)
        clock.sleep(3600 - 901)
        assert.equal("AK1", session:credentials().access_key_id)
        clock.sleep(2)
        local function id() return session:credentials().access_key_id end
        assert.same({ "AK2", "AK1", "AK1" }, task.all { id, id, id })
        assert.equal("AK2", id())
      end)
      assert.equal(2, #seen)
    end)
  end)

  it("are waited for by all tasks ten minutes before; one asks", function()
    with_role(function()
      local seen <const> = fake.run(function(_, number)
        clock.sleep(5)
        return 200, ANSWER:format("AK" .. number, ends(3600))
      end, function()
        local session <const> = aws.session()
        local function id() return session:credentials().access_key_id end
        assert.same({ "AK1", "AK1" }, task.all { id, id })
        clock.sleep(3600 - 590)
        assert.same({ "AK2", "AK2", "AK2" }, task.all { id, id, id })
      end)
      assert.equal(2, #seen)
    end)
  end)

  it("and cannot be renewed are used to their end, looking again each minute", function()
    with_role(function()
      local seen <const>, err = fake.run(function(_, number)
        if number == 1 then
          return 200, ANSWER:format("AK1", ends(1800))
        end
        return 403, REFUSAL:format("AccessDenied", "no")
      end, function()
        local session <const> = aws.session()
        session:credentials()
        clock.sleep(1000)
        while clock.now() < fake.START + 1790 do
          assert.equal("AK1", session:credentials().access_key_id)
          clock.sleep(10)
        end
        clock.sleep(20)
        return failure(function() session:credentials() end)
      end)
      assert.equal("aws.api.not_authorised", err.kind)
      assert.is_true(#seen > 12 and #seen < 18, tostring(#seen))
    end)
  end)

  it("fail for all tasks that wait by one question, and a cancelled task hands on the asking", function()
    with_role(function()
      local seen <const> = fake.run(function(_, number)
        clock.sleep(5)
        if number == 1 then
          return 403, REFUSAL:format("AccessDenied", "no")
        end
        return 200, ANSWER:format("AK" .. number, ends(3600))
      end, function()
        local session <const> = aws.session()
        local function kind() return failure(session.credentials, session).kind end
        assert.same({ "aws.api.not_authorised", "aws.api.not_authorised" }, task.all { kind, kind })
        local first <const> = task.start(function() session:credentials() end)
        local second <const> = task.start(function() return session:credentials().access_key_id end)
        clock.sleep(1)
        first:cancel "not needed"
        assert.equal("AK3", second:wait())
      end)
      assert.equal(3, #seen)
    end)
  end)
end)
