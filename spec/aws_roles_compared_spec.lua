-- Roles, web identities and sign-ins as botocore understands the same profiles: the same requests in the same order,
-- signed with the same keys, and refusals where it refuses.
local aws = require "fairlead.aws"
local digest = require "fairlead.digest"
local environment = require "fairlead.environment"
local fake = require "spec.support.fake_service"
local home = require "spec.support.aws_home"
local json = require "fairlead.json"
local process = require "fairlead.process"
local server = require "spec.support.server"

--- A profile's section: a name, and its settings; R1 and R2 stand for roles.
local function section(name, ...)
  local text <const> = table.concat({ ("[profile %s]"):format(name), ... }, "\n")
  return (text:gsub("R(%d)", "arn:aws:iam::111111111111:role/R%1")) .. "\n"
end

local function keys(id)
  return ("aws_access_key_id = %s\naws_secret_access_key = s"):format(id)
end

local NAME <const> = "role_session_name = me"
local WEB <const> = "web_identity_token_file = @/token"
local SSO <const> = "sso_session = corp\nsso_account_id = 1\nsso_role_name = r"
local CORP <const> = "[sso-session corp]\nsso_region = eu-west-2\nsso_start_url = https://corp.example/start\n"

-- What a profile p is, and who it ends as (nothing: nobody), with which variables. What is newer, botocore 1.29 does
-- not know how to do; 1.43 does.
local CASES <const> = {
  { section("p", "role_arn = R1", "source_profile = k", "external_id = ext", "duration_seconds = 1800", NAME)
    .. section("k", keys "AKK"), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME)
    .. section("q", "role_arn = R2", "source_profile = k", NAME) .. section("k", keys "AKK"), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME)
    .. section("q", "role_arn = R2", "source_profile = k", NAME, keys "AKQ") .. section("k", keys "AKK"), "R1" },
  { section("p", "role_arn = R1", "source_profile = p", NAME, keys "AKP"), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME, keys "AKP") .. section("q", keys "AKQ"), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME)
    .. section("q", "credential_process = /bin/cat @/process.json"), "R1" },
  { section("p", "role_arn = R1", "credential_source = Environment", NAME), "R1",
    { AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "s" } },
  { section("p", "role_arn = R1", WEB, NAME), "R1" },
  { section("p", "role_arn = R1", WEB, NAME, keys "AKP"), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME) .. section("q", "role_arn = R2", WEB, NAME), "R1" },
  { section("p", "role_arn = R1", "source_profile = q", NAME) .. section("q", SSO) .. CORP, "R1", newer = true },
  { section("p", SSO) .. CORP, "AKSSO" },
  { section("p", SSO, keys "AKP") .. CORP, "AKSSO" },
  { section("p", "role_arn = R1", "source_profile = p") },
  { section("p", "role_arn = R1", "source_profile = q") .. section("q", "role_arn = R2", "source_profile = p") },
  { section("p", "role_arn = R1", "source_profile = q") },
  { section("p", "role_arn = R1", "source_profile = q") .. section("q", "region = eu-west-2") },
  { section("p", "role_arn = R1", "source_profile = q", "credential_source = Environment")
    .. section("q", keys "AKQ") },
  { section("p", "role_arn = R1") },
  { section("p", "role_arn = R1", "credential_source = Nowhere") },
  { section("p", WEB) },
  { section("p", "sso_session = corp", "sso_account_id = 1") .. CORP },
  { section("p", "sso_session = gone", "sso_account_id = 1", "sso_role_name = r") },
  { section("p", SSO, "sso_region = elsewhere") .. CORP },
  { section("p", "sso_start_url = https://nobody.example", "sso_region = x", "sso_account_id = 1",
    "sso_role_name = r") },
}

local XML <const> = [[<%sResponse><%sResult><Credentials><AccessKeyId>%s</AccessKeyId>
  <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
  </Credentials>
  </%sResult></%sResponse>]]
local PORTAL <const> = '{"roleCredentials":{"accessKeyId":"AKSSO","secretAccessKey":"s","sessionToken":"t",'
  .. '"expiration":4070908800000}}'

--- STS and the portal; who asks, and in which case, is the first part of the path. `seen` holds what each asked.
local function services(seen)
  return server.start(function(exchange)
    local who <const>, rest = exchange.path:match "^/(%w+)(.*)$"
    local told, body
    if rest == "/federation/credentials" then
      local query <const> = fake.decode_query(exchange.query)
      told = { "portal", query.account_id, query.role_name, exchange.headers["x-amz-sso_bearer_token"] }
      body = PORTAL
    else
      local form <const> = fake.decode_query(exchange.body)
      local action <const> = form.Action
      told = { form, (exchange.headers.authorization or ""):match "Credential=(%w+)/%d+/([%w-]+)/sts/" }
      body = XML:format(action, action, form.RoleArn:match "R%d$", action, action)
    end
    seen[who] = seen[who] or {}
    table.insert(seen[who], json.encode(told))
    exchange:reply(200, { ["Content-Type"] = "text/xml" }, body)
  end)
end

local FILES <const> = { token = "token",
  ["process.json"] = '{"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s"}',
  [".aws/sso/cache/" .. digest.sha1 "corp" .. ".json"]
    = '{"accessToken":"sign-in","expiresAt":"2099-01-01T00:00:00Z"}' }

describe("a profile", function()
  it("is who it is for botocore, by the same requests", function()
    local seen = {}
    local service <close> = services(seen)
    home.with({ files = FILES, variables = { AWS_REGION = false } }, function(folder)
      local questions = {}
      local function variables(case, i, who)
        local path <const> = ("%s/config%d"):format(folder, i)
        home.write(path, (case[1]:gsub("@/", folder .. "/")))
        local all = { HOME = folder, AWS_CONFIG_FILE = path, AWS_DEFAULT_REGION = "eu-west-2",
          AWS_EC2_METADATA_DISABLED = "true" }
        for _, name in ipairs { "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_SSO" } do
          all[name] = ("%s/%s%d"):format(service.url, who, i)
        end
        for name, value in pairs(case[3] or {}) do
          all[name] = value
        end
        return all
      end
      for i, case in ipairs(CASES) do
        questions[i] = { variables = variables(case, i, "theirs"), profile = "p" }
      end
      local done <const> = process.run { "/usr/bin/python3", "spec/support/botocore_config.py", "credentials",
        stdin = json.encode(questions), timeout = 60, env = { HOME = folder } }
      for i, theirs in ipairs(json.decode(done:check().stdout)) do
        local case <const> = CASES[i]
        local ours <const>, err = environment.with(variables(case, i, "ours"), try, function()
          return aws.session({ profile = "p" }):credentials()
        end)
        assert.equal(case[2], ours and ours.access_key_id, case[1])
        assert.equal(case[2] ~= nil, seen["ours" .. i] ~= nil, case[1])
        if case.newer then
          assert.equal(2, #seen["ours" .. i])
        else
          assert.equal(case[2], theirs.key, case[1])
          assert.same(seen["theirs" .. i] or {}, seen["ours" .. i] or {}, case[1])
        end
        assert.is_true(ours ~= nil or err:is "config" or err:is "aws.no_credentials", case[1])
      end
    end)
  end)
end)
