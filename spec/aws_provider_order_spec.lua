-- Which source of credentials comes before which: asked of botocore too, over real sockets to the same agents.
local aws = require "fairlead.aws"
local home = require "spec.support.aws_home"
local json = require "fairlead.json"
local process = require "fairlead.process"
local server = require "spec.support.server"

local FUTURE <const> = "2099-01-01T00:00:00Z"

local function keys(name)
  return json.encode { Version = 1, Code = "Success", AccessKeyId = name, SecretAccessKey = "s", Token = "t",
    SessionToken = "t", Expiration = FUTURE }
end

local CONFIG <const> = [[
[default]
region = eu-west-2
[profile process]
credential_process = /bin/cat @/process.json
[profile both]
credential_process = /bin/cat @/process.json
aws_access_key_id = AKCONFIG
aws_secret_access_key = s
[profile config]
aws_access_key_id = AKCONFIG
aws_secret_access_key = s
[profile shared]
credential_process = /bin/cat @/process.json
aws_access_key_id = AKCONFIG
aws_secret_access_key = s
[profile broken]
credential_process = /bin/false
[profile half]
aws_access_key_id = AKHALF
]]
local CREDENTIALS <const> = "[shared]\naws_access_key_id = AKSHARED\naws_secret_access_key = s\n"

-- The name of a source in botocore is its `method`.
local METHODS <const> = { env = "AKENV", ["container-role"] = "AKBOX", ["iam-role"] = "AKINSTANCE",
  ["shared-credentials-file"] = "AKSHARED", ["custom-process"] = "AKPROCESS", ["config-file"] = "AKCONFIG" }

describe("aws sources", function()
  it("come in botocore's order", function()
    local box <close> = server.start(function(exchange) exchange:reply(200, {}, keys "AKBOX") end)
    local instance <close> = server.start(function(exchange)
      if exchange.method == "PUT" then
        return exchange:reply(200, {}, "TOKEN")
      end
      exchange:reply(200, {}, exchange.path:find "/$" and "role" or keys "AKINSTANCE")
    end)
    local env <const> = { AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "s" }
    local full <const> = { AWS_CONTAINER_CREDENTIALS_FULL_URI = ("http://127.0.0.1:%d/x"):format(box.port) }
    local cases = {}
    local function add(variables, profile, named)
      cases[#cases + 1] = { variables = variables, profile = profile, named = named }
    end
    for _, variables in ipairs { {}, env, full } do
      add(variables)
      for _, profile in ipairs { "process", "both", "config", "shared", "broken", "half", "missing", "default" } do
        add(variables, profile)
        local with_name = { AWS_PROFILE = profile }
        for name, value in pairs(variables) do
          with_name[name] = value
        end
        add(with_name)
      end
    end
    home.with({ config = CONFIG, credentials = CREDENTIALS, files = { ["process.json"] = keys "AKPROCESS" },
      variables = { AWS_EC2_METADATA_SERVICE_ENDPOINT = instance.url .. "/" } }, function(folder)
      for _, case in ipairs(cases) do
        case.variables.HOME = folder
        case.variables.AWS_EC2_METADATA_SERVICE_ENDPOINT = instance.url .. "/"
      end
      local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_config.py", "credentials",
        stdin = json.encode(cases), timeout = 60, env = { HOME = folder } }
      assert.equal(0, done.code, done.stderr)
      local agreed, refused = {}, 0
      -- botocore wants a profile that AWS_PROFILE names to be there even when it is not looked into.
      local function is_lenient(case)
        return case.variables.AWS_PROFILE == "missing" and case.variables.AWS_ACCESS_KEY_ID ~= nil
      end
      for i, theirs in ipairs(json.decode(done.stdout)) do
        local case <const> = cases[i]
        local about <const> = json.encode(case)
        local ours <const>, err = require "fairlead.environment".with(case.variables, try, function()
          return aws.session({ profile = case.profile }):credentials()
        end)
        if theirs.error and is_lenient(case) then
          assert.equal("ProfileNotFound AKENV", theirs.error .. " " .. ours.access_key_id)
        elseif theirs.error then
          assert.is_nil(ours, about)
          assert.is_true(err.kind == "config.invalid" or err.kind == "aws.no_credentials", about)
          refused = refused + 1
        else
          assert.equal(theirs.key, ours and ours.access_key_id or tostring(err), about)
          assert.equal(METHODS[theirs.method], theirs.key, about)
          agreed[theirs.method] = true
        end
      end
      for method in pairs(METHODS) do
        assert.is_true(agreed[method], method)
      end
      assert.is_true(refused >= 12, tostring(refused))
    end)
  end)
end)
