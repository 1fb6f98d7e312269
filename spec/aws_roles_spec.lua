-- Credentials that end: those of roles, and those that a program prints.
local aws = require "fairlead.aws"
local clock = require "fairlead.clock"
local credential_process = require "fairlead.aws.credentials.process"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local http = require "fairlead.http"
local task = require "fairlead.task"

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

local function write(path, text)
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
end

--- Calls `body(folder)` with a config file and a folder that are gone afterwards; `%s` in the config is the folder.
local function with(config, variables, body)
  local name <const> = os.tmpname()
  local remove <close> = setmetatable({}, { __close = function() -- luacheck: ignore remove
    os.remove(name)
    os.remove(name .. ".count")
    os.remove(name .. ".sh")
  end })
  write(name, (config:gsub("@", name)))
  local overlay = { ["AWS_*"] = false, AWS_CONFIG_FILE = name, AWS_SHARED_CREDENTIALS_FILE = "/nowhere/credentials",
    AWS_REGION = "eu-west-2" }
  for variable, text in pairs(variables) do
    overlay[variable] = text
  end
  return environment.with(overlay, body, name)
end

--- An STS that gives credentials that last as long as was asked for, and an ECS that gives nothing.
local function sts(request, number)
  if request.headers["x-amz-target"] then
    return 200, {}
  end
  local seconds <const> = tonumber(request.body.DurationSeconds) or 3600
  local ends <const> = os.date("!%Y-%m-%dT%H:%M:%SZ", fake.START + math.floor(request.at) + seconds)
  return 200, ([[<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId>
    <SecretAccessKey>s%d</SecretAccessKey><SessionToken>t%d</SessionToken><Expiration>%s</Expiration></Credentials>
    </AssumeRoleResult></AssumeRoleResponse>]]):format(number, number, number, ends)
end

--- The requests as "key action role name".
local function told(seen)
  local list = {}
  for i, request in ipairs(seen) do
    local body <const> = request.body
    list[i] = table.concat({ request.headers.authorization:match "Credential=(%w+)", body.Action or "-",
      body.RoleArn or "-", body.RoleSessionName or "-" }, " ")
  end
  return list
end

describe("a role", function()
  it("of a session is assumed with its other credentials, and again before they end", function()
    with("", { AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "s" }, function()
      local seen <const> = fake.run(sts, function()
        local session <const> = aws.session { role_arn = "arn:aws:iam::1:role/deploy" }
        local ecs <const> = session:client "ecs"
        task.all { function() ecs:ListClusters() end, function() ecs:ListClusters() end }
        assert.equal("role arn:aws:iam::1:role/deploy", session:credentials().source)
        assert.equal("[secret]", tostring(session:credentials().session_token))
        clock.sleep(2600)
        ecs:ListClusters()
        clock.sleep(110)
        ecs:ListClusters()
      end)
      local name <const> = ("fairlead-%d"):format(fake.START)
      local assumed <const> = "AKENV AssumeRole arn:aws:iam::1:role/deploy "
      local list <const> = told(seen)
      assert.same({ assumed .. name, "ASIA1 - - -", "ASIA1 - - -", "ASIA1 - - -" }, { table.unpack(list, 1, 4) })
      assert.equal(1, (list[5]:find(assumed, 1, true)))
      assert.same({ "ASIA5 - - -" }, { table.unpack(list, 6) })
      assert.equal("t5", seen[6].headers["x-amz-security-token"])
    end)
  end)

  it("of a profile is assumed by its source profile, and that one's role before", function()
    with(table.concat({
      "[profile keys]", "aws_access_key_id = AKKEYS", "aws_secret_access_key = s",
      "[profile hub]", "role_arn = arn:hub", "source_profile = keys", "role_session_name = me",
      "[profile production]", "role_arn = arn:production", "source_profile = hub", "external_id = x1",
      "duration_seconds = 900",
    }, "\n"), {}, function()
      local seen <const> = fake.run(sts, function()
        aws.session({ profile = "production" }):client("ecs"):ListClusters()
      end)
      local list <const> = told(seen)
      assert.equal("AKKEYS AssumeRole arn:hub me", list[1])
      assert.equal(1, (list[2]:find("ASIA1 AssumeRole arn:production fairlead-", 1, true)))
      assert.same({ "x1", "900" }, { seen[2].body.ExternalId, seen[2].body.DurationSeconds })
      assert.equal("ASIA2 - - -", list[3])
    end)
  end)

  it("of a profile may be assumed by its own keys, or the environment's", function()
    with(table.concat({
      "[profile own]", "aws_access_key_id = AKOWN", "aws_secret_access_key = s", "role_arn = arn:r",
      "source_profile = own",
      "[profile ci]", "role_arn = arn:r", "credential_source = Environment",
    }, "\n"), { AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "s" }, function()
      for profile, key in pairs { own = "AKOWN", ci = "AKENV" } do
        local seen <const> = fake.run(sts, function() aws.session({ profile = profile }):credentials() end)
        assert.equal(1, #seen)
        assert.equal(1, (told(seen)[1]:find(key .. " AssumeRole", 1, true)))
      end
    end)
  end)

  it("that cannot be assumed says why", function()
    local cases <const> = {
      { "role_arn = arn:r", "has role_arn, but neither source_profile nor credential_source" },
      { "role_arn = arn:r\nsource_profile = b\n[profile b]\nrole_arn = arn:b\nsource_profile = p",
        "its source_profile leads back to where it began: p -> b -> p" },
      { "role_arn = arn:r\nsource_profile = q", "its source_profile 'q' is in neither " },
      { "role_arn = arn:r\nsource_profile = p\ncredential_source = Environment",
        "has both source_profile and credential_source" },
      { "role_arn = arn:r\nsource_profile = b\n[profile b]\naws_access_key_id = AK", "has only one of aws_access" },
      { "role_arn = arn:r\nsource_profile = p\nduration_seconds = soon", "duration_seconds = soon is no number" },
      { "role_arn = arn:r\ncredential_source = Lambda", "has an unknown credential_source: Lambda" },
    }
    for _, case in ipairs(cases) do
      with("[profile p]\n" .. case[1] .. "\n", {}, function()
        local err <const> = failure(function() aws.session({ profile = "p" }):credentials() end)
        assert.equal("config.invalid", err.kind)
        assert.matches(case[2], tostring(err), 1, true)
      end)
    end
    with("", { AWS_ACCESS_KEY_ID = "AK", AWS_SECRET_ACCESS_KEY = "s" }, function()
      local _, err = fake.run(function()
        return 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
      end, function()
        return failure(function() aws.session({ role_arn = "arn:r" }):client("ecs"):ListClusters() end)
      end)
      assert.equal("aws.api.not_authorised sts.AssumeRole", err.kind .. " " .. err.op)
    end)
    assert.error_matches(function() aws.session { role_arn = 5 } end, "role_arn: string expected, got number")
  end)
end)

describe("a credential_process", function()
  it("gives credentials, which are looked for anew before they end", function()
    with("[default]\ncredential_process = /bin/sh '@.sh' \"a b\"\n", {}, function(name)
      write(name .. ".sh", ([[
        echo run >>%s.count
        test "$1" = "a b" || exit 3
        count=$(wc -l <%s.count)
        echo '{"Version":1,"AccessKeyId":"ASIA'$count'","SecretAccessKey":"hush","SessionToken":"t'$count'",'
        echo '"Expiration":"2026-03-02T1'$count':00:00Z"}']]):format(name, name))
      local seen <const> = fake.run(function() return 200, {} end, function()
        local session <const> = aws.session()
        local ecs <const> = session:client "ecs"
        local function list() ecs:ListClusters() end
        task.all { list, list }
        clock.sleep(6900) -- five minutes before 11:00
        list()
        assert.equal("hush", http.reveal(session:credentials().secret_access_key))
      end)
      local keys = {}
      for i, request in ipairs(seen) do
        keys[i] = request.headers.authorization:match "Credential=(%w+)"
      end
      assert.same({ "ASIA1", "ASIA1", "ASIA2" }, keys)
    end)
  end)

  it("is asked at most once a minute for better ones; what still holds is used", function()
    with("[default]\ncredential_process = /bin/sh @.sh\n", {}, function(name)
      write(name .. ".sh", ([[
        echo run >>%s.count
        test "$(wc -l <%s.count)" -gt 2 && exit 1
        echo '{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"s","Expiration":"2026-03-02T09:04:00Z"}']]):format(
        name, name))
      fake.run(function() return 200, {} end, function()
        local session <const> = aws.session()
        for _ = 1, 20 do
          assert.equal("AK", session:credentials().access_key_id)
          clock.sleep(10)
        end
        local lines = 0
        for _ in io.lines(name .. ".count") do
          lines = lines + 1
        end
        assert.equal(4, lines)
        clock.sleep(60)
        assert.equal("aws.no_credentials", failure(function() session:credentials() end).kind)
      end)
    end)
  end)

  it("that fails says how, without a word of what it printed", function()
    local cases <const> = {
      ["echo 'you are signed out' >&2; exit 4"] = "ended with code 4: you are signed out",
      ["echo hush-key"] = "has printed something that is no JSON object",
      ["echo '[\"hush-key\"]'"] = "has printed no credentials of version 1",
      ["echo '{\"Version\":1,\"SecretAccessKey\":\"hush-key\"}'"] = "has printed no AccessKeyId",
      ["echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"hush-key\",\"Expiration\":\"soon\"}'"]
        = "an Expiration that is no time",
    }
    for script, expected in pairs(cases) do
      with("[default]\ncredential_process = /bin/sh @.sh\n", {}, function(name)
        write(name .. ".sh", script)
        local err <const> = failure(function() aws.session():credentials() end)
        assert.equal("aws.no_credentials", err.kind)
        local text <const> = require("fairlead.errors").describe(err)
        assert.matches(expected, text, 1, true)
        assert.is_nil(text:find("hush", 1, true))
      end)
    end
    for command, expected in pairs { ["/nowhere/tool"] = "cannot be run", ["tool 'x"] = "is no command line" } do
      with("[default]\ncredential_process = " .. command .. "\n", {}, function()
        assert.matches(expected, tostring(failure(function() aws.session():credentials() end)), 1, true)
      end)
    end
  end)

  it("that fails with many words has them told, as they are not its credentials", function()
    with("[default]\ncredential_process = /bin/sh @.sh\n", {}, function(name)
      write(name .. ".sh", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i >&2; echo >&2; done; exit 1")
      local err <const> = failure(function() aws.session():credentials() end)
      assert.matches("ended with code 1: line 12;", tostring(err), 1, true)
      assert.equal(9, #err.details)
      assert.same({ "line 3", "line 11" }, { err.details[1], err.details[9] })
      write(name .. ".sh", "kill -9 $$")
      assert.matches("ended with code 137;", tostring(failure(function() aws.session():credentials() end)), 1, true)
    end)
  end)

  it("may tell the account, and must not print what has ended", function()
    with("[default]\ncredential_process = /bin/cat @.sh\n", {}, function(name)
      write(name .. ".sh", '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","AccountId":"111111111111"}')
      local found <const> = aws.session():credentials()
      assert.same({ "111111111111", nil }, { found.account_id, found.expires_at })
      write(name .. ".sh", '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"2001-01-01T00:00:00Z"}')
      assert.matches("has printed credentials that have ended already",
        tostring(failure(function() aws.session():credentials() end)), 1, true)
      write(name .. ".sh", '{"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"}')
      assert.matches("no credentials of version 1", tostring(failure(function() aws.session():credentials() end)), 1,
        true)
    end)
  end)

  it("is a command line of words, as a shell takes them apart", function()
    assert.same({ "a", "b c", "d'e", 'f"g\\h', "i j", "" }, credential_process.words
      [[  a 'b c' "d'e" "f\"g\\h" i\ j "" ]])
    assert.same({ "$HOME", "a;b", "x\\y" }, credential_process.words [[$HOME a;b "x\y"]])
    assert.same({}, credential_process.words "  ")
    for _, text in ipairs { "'a", '"a', "a\\" } do
      assert.is_nil(credential_process.words(text))
    end
  end)
end)
