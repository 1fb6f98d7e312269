-- Roles for which a device's code is wanted.
local aws = require "fairlead.aws"
local fake = require "spec.support.fake_service"
local home = require "spec.support.aws_home"
local program = require "spec.support.program"
local screens = require "spec.support.screen"
local server = require "spec.support.server"

local CONFIG <const> = [[
[default]
role_arn = arn:aws:iam::1:role/deploy
source_profile = keys
mfa_serial = arn:aws:iam::1:mfa/me
[profile keys]
aws_access_key_id = AKKEYS
aws_secret_access_key = s
[profile second]
role_arn = arn:aws:iam::1:role/second
source_profile = default
]]
local ANSWER <const> = [[<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>AKROLE</AccessKeyId>
  <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
  </Credentials></AssumeRoleResult></AssumeRoleResponse>]]

describe("a role with a device's code", function()
  it("asks the script for it, also for a role on the way to another", function()
    home.with({ config = CONFIG }, function()
      for _, profile in ipairs { "default", "second" } do
        local asked
        local seen <const> = fake.run(function() return 200, ANSWER end, function()
          aws.session({ profile = profile, mfa_code = function(serial)
            asked = serial
            return "123456"
          end }):credentials()
        end)
        assert.equal("arn:aws:iam::1:mfa/me", asked)
        assert.same({ "arn:aws:iam::1:mfa/me", "123456", "arn:aws:iam::1:role/deploy" },
          { seen[1].body.SerialNumber, seen[1].body.TokenCode, seen[1].body.RoleArn })
        assert.equal(profile == "second" and 2 or 1, #seen)
      end
    end)
  end)

  it("asks nobody before the credentials are there that may assume it", function()
    home.with({ config = (CONFIG:gsub("aws_access_key_id[^\n]*\naws_secret[^\n]*\n", "")) }, function()
      local err <const> = home.failure(function()
        aws.session({ mfa_code = function() error "asked" end }):credentials()
      end)
      assert.equal("aws.no_credentials", err.kind)
      assert.equal("profile 'keys'", err.target)
    end)
  end)

  it("is an error where nobody can be asked", function()
    home.with({ config = CONFIG }, function(folder)
      local done <const> = program.run { "-e", 'require "fairlead.aws".session():credentials()',
        env = { HOME = folder } }
      assert.equal(2, done.code)
      assert.matches("a code of the device arn:aws:iam::1:mfa/me (mfa_serial) is wanted, and there is no terminal",
        done.stderr, 1, true)
    end)
  end)

  it("asks at the terminal, again for what is no code", function()
    local sts <close> = server.start(function(exchange) exchange:reply(200, {}, ANSWER) end)
    home.with({ config = CONFIG }, function(folder)
      local screen <close> = screens.start(90, 10, { program.path, "-e",
        [[print(require "fairlead.aws".session():credentials().access_key_id)]] },
        { "HOME=" .. folder, "AWS_REGION=eu-west-2", "AWS_ENDPOINT_URL_STS=" .. sts.url, "AWS_PROFILE=default",
          "AWS_CONFIG_FILE=" .. folder .. "/.aws/config", "AWS_ACCESS_KEY_ID=",
          "AWS_SHARED_CREDENTIALS_FILE=/dev/null" })
      screen:wait "Code of arn:aws:iam::1:mfa/me, to take on arn:aws:iam::1:role/deploy:"
      screen:type "12345x"
      screen:wait "That is no code: six digits"
      screen:type "654321"
      screen:wait "AKROLE"
    end)
    assert.equal("654321", fake.decode_query(sts.requests[1].body).TokenCode)
  end)
end)
