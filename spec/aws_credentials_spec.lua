-- Who a session is: the providers in their order, the shared files, the region.
local aws = require "fairlead.aws"
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local http = require "fairlead.http"
local profile = require "fairlead.aws.profile"
local task = require "fairlead.task"

local function failure(fn, ...)
  local _, err = try(fn, ...)
  assert.is_not_nil(err, "no error was raised")
  return err
end

--- Calls `body` with these files and variables and none of the developer's; the files are gone afterwards.
local function with(options, body)
  local overlay = { ["AWS_*"] = false }
  local names = {}
  for variable, text in pairs { AWS_CONFIG_FILE = options.config, AWS_SHARED_CREDENTIALS_FILE = options.credentials } do
    local name <const> = os.tmpname()
    local file <const> = assert(io.open(name, "w"))
    file:write(text)
    file:close()
    names[#names + 1] = name
    overlay[variable] = name
  end
  overlay.AWS_CONFIG_FILE = overlay.AWS_CONFIG_FILE or "/nowhere/config"
  overlay.AWS_SHARED_CREDENTIALS_FILE = overlay.AWS_SHARED_CREDENTIALS_FILE or "/nowhere/credentials"
  for name, value in pairs(options.variables or {}) do
    overlay[name] = value
  end
  local remove <close> = setmetatable({}, { __close = function() -- luacheck: ignore remove
    for _, name in ipairs(names) do
      os.remove(name)
    end
  end })
  return environment.with(overlay, body)
end

local KEYS <const> = { AWS_ACCESS_KEY_ID = "AKENV", AWS_SECRET_ACCESS_KEY = "senv", AWS_SESSION_TOKEN = "tenv" }
local FILE <const> = table.concat({ "[default]", "aws_access_key_id = AKDEFAULT",
  "aws_secret_access_key = sdefault", "", "[admin]", "aws_access_key_id = AKADMIN",
  "aws_secret_access_key = sadmin # not a part of it",
  "aws_session_token = tadmin" }, "\n")

describe("aws credentials", function()
  it("are those that were given, first of all", function()
    with({ variables = KEYS, credentials = FILE }, function()
      local session <const> = aws.session { credentials = { access_key_id = "A", secret_access_key = "s" } }
      local found <const> = session:credentials()
      assert.equal("A", found.access_key_id)
      assert.equal("[secret]", tostring(found.secret_access_key))
      assert.is_nil(found.session_token)
    end)
  end)

  it("are the environment's before the file's", function()
    with({ variables = KEYS, credentials = FILE }, function()
      local found <const> = aws.session():credentials()
      assert.equal("AKENV", found.access_key_id)
      assert.equal("senv", http.reveal(found.secret_access_key))
      assert.equal("tenv", http.reveal(found.session_token))
      assert.equal("environment", found.source)
    end)
  end)

  it("are the profile's when it is asked for by name, or by AWS_PROFILE without keys", function()
    with({ variables = KEYS, credentials = FILE }, function()
      local found <const> = aws.session({ profile = "admin" }):credentials()
      assert.equal("AKADMIN", found.access_key_id)
      assert.equal("sadmin", http.reveal(found.secret_access_key))
      assert.equal("tadmin", http.reveal(found.session_token))
      assert.matches("^profile admin %(", found.source)
    end)
    with({ variables = { AWS_PROFILE = "admin" }, credentials = FILE }, function()
      assert.equal("AKADMIN", aws.session():credentials().access_key_id)
    end)
    with({ credentials = FILE }, function()
      assert.equal("AKDEFAULT", aws.session():credentials().access_key_id)
    end)
  end)

  it("may stand in the config file", function()
    with({ config = "[profile ci]\naws_access_key_id=AKCI\naws_secret_access_key=sci\n" }, function()
      assert.equal("AKCI", aws.session({ profile = "ci" }):credentials().access_key_id)
    end)
  end)

  it("tell what was tried when there are none, and are a matter of configuration", function()
    with({ variables = { AWS_EC2_METADATA_DISABLED = "true" }, credentials = "[admin]\nregion = x\n" }, function()
      local err <const> = failure(function() aws.session({}):credentials() end)
      assert.equal("aws.no_credentials", err.kind)
      assert.equal(2, errors.exit_code(err))
      assert.equal("aws.session profile 'default': no AWS credentials in any of 11 places; set AWS_PROFILE to one of "
        .. "the profiles that are there (admin), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", tostring(err))
      local path <const> = environment.get "AWS_SHARED_CREDENTIALS_FILE"
      assert.same({
        "session's role: no role asked for",
        "session: none given",
        "environment: AWS_ACCESS_KEY_ID is not set",
        "profile's role: profile 'default' names no role",
        "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
        "IAM Identity Center: profile 'default' names no sign-in",
        ("shared credentials file: %s has no profile 'default'"):format(path),
        "credential_process: profile 'default' names none",
        "config file: /nowhere/config has no profile 'default'",
        "container: neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set",
        "instance: AWS_EC2_METADATA_DISABLED is true",
      }, err.details)
      local described <const> = errors.describe(err)
      for _, line in ipairs(err.details) do
        assert.matches("\n  " .. line:gsub("%p", "%%%0") .. "\n", described .. "\n")
      end
      local named <const> = failure(function() aws.session({ profile = "admin" }):credentials() end)
      assert.equal("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a profile that has them",
        named.hint)
      assert.equal("environment: left out, as the profile 'admin' was asked for by name", named.details[3])
      assert.equal(("shared credentials file: profile 'admin' in %s has no keys"):format(path), named.details[7])
    end)
  end)

  it("of a mistyped profile are not those of the machine", function()
    with({ variables = { AWS_PROFILE = "admn", AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://127.0.0.1:1/" },
      credentials = FILE }, function()
      local seen <const>, err = fake.run(function() return 500 end, function()
        return failure(function() aws.session():credentials() end)
      end)
      assert.equal(0, #seen)
      assert.equal("container: left out, as the profile 'admn' was asked for", err.details[10])
      assert.equal("instance: left out, as the profile 'admn' was asked for", err.details[11])
      assert.matches("did you mean the profile 'admin'%?", tostring(err))
    end)
  end)

  it("that are half there are an error, and not a reason to be somebody else", function()
    with({ variables = { AWS_ACCESS_KEY_ID = "AK" }, credentials = FILE }, function()
      local err <const> = failure(function() aws.session():credentials() end)
      assert.equal("config.invalid", err.kind)
      assert.matches("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not; set both", tostring(err), 1, true)
    end)
    with({ variables = { AWS_SECRET_ACCESS_KEY = "hush" }, credentials = FILE }, function()
      local text <const> = tostring(failure(function() aws.session():credentials() end))
      assert.matches("AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not", text, 1, true)
      assert.is_nil(text:find("hush", 1, true))
    end)
    with({ credentials = "[default]\naws_secret_access_key = hush\n" }, function()
      local err <const> = failure(function() aws.session():credentials() end)
      assert.equal("config.invalid", err.kind)
      assert.is_nil(errors.describe(err):find("hush", 1, true))
    end)
  end)

  it("say plainly what a profile wants that is not done here", function()
    with({ config = "[profile p]\nlogin_session = x\n", credentials = "[other]\n" }, function()
      local err <const> = failure(function() aws.session({ profile = "p" }):credentials() end)
      assert.equal("config.invalid", err.kind)
      assert.matches("a console sign-in", tostring(err), 1, true)
      assert.matches("export-credentials --profile p", tostring(err), 1, true)
    end)
  end)

  it("are read again when they have expired, in case somebody signed in anew", function()
    with({ variables = { AWS_ACCESS_KEY_ID = "AKOLD", AWS_SECRET_ACCESS_KEY = "s" } }, function()
      local seen <const>, err = fake.run(function(_, number)
        if number == 2 or number > 3 then
          return 400, { __type = "ExpiredTokenException", message = "The security token included is expired" }
        end
        return 200, {}
      end, function()
        local ecs <const> = aws.session({ region = "eu-west-2" }):client "ecs"
        ecs:ListClusters()
        return environment.with({ AWS_ACCESS_KEY_ID = "AKNEW" }, function()
          ecs:ListClusters()
          return failure(function() ecs:ListClusters() end)
        end)
      end)
      local keys = {}
      for i, request in ipairs(seen) do
        keys[i] = request.headers.authorization:match "Credential=(%w+)"
      end
      -- The last time there are no others: nothing is repeated.
      assert.same({ "AKOLD", "AKOLD", "AKNEW", "AKNEW" }, keys)
      assert.equal("aws.api.not_authorised", err.kind)
      assert.matches("the credentials %(environment%) have expired; sign in again", tostring(err))
      assert.matches("then `fairlead resume` goes on", tostring(err))
    end)
  end)

  it("that one task has read again are taken by the others, too; each request is repeated once at most", function()
    with({ variables = { AWS_ACCESS_KEY_ID = "AKOLD", AWS_SECRET_ACCESS_KEY = "s", AWS_SESSION_TOKEN = "one" } },
      function()
        local old, new, err = 0, 0, nil
        fake.run(function(request)
          if request.headers["x-amz-security-token"] == "one" then
            old = old + 1
            return 403, { __type = "UnrecognizedClientException", message = "invalid" }
          end
          new = new + 1
          if new > 3 then
            return 400, { __type = "ExpiredTokenException", message = "expired" }
          end
          return 200, {}
        end, function()
          local ecs <const> = aws.session({ region = "eu-west-2" }):client "ecs"
          try(ecs.ListClusters, ecs)
          return environment.with({ AWS_SESSION_TOKEN = "two" }, function()
            local function list() return ecs:ListClusters() end
            task.all { list, list, list }
            err = failure(list)
          end)
        end)
        assert.same({ 4, 4 }, { old, new })
        assert.equal("ExpiredTokenException", err.code)
      end)
  end)

  it("that cannot be read again leave AWS's own answer", function()
    with({ variables = { AWS_ACCESS_KEY_ID = "AKOLD", AWS_SECRET_ACCESS_KEY = "s" } }, function()
      local _, err = fake.run(function()
        return 400, { __type = "ExpiredTokenException", message = "expired" }
      end, function()
        local ecs <const> = aws.session({ region = "eu-west-2" }):client "ecs"
        ecs.session:credentials()
        return environment.with({ AWS_ACCESS_KEY_ID = false }, function()
          return failure(function() ecs:ListClusters() end)
        end)
      end)
      assert.equal("aws.api.not_authorised", err.kind)
    end)
  end)

  it("are refused when they are half given", function()
    assert.error_matches(function() aws.session { credentials = { access_key_id = "A" } } end,
      "access_key_id=, secret_access_key=")
    assert.error_matches(function() aws.session "admin" end, "table expected, got string")
  end)
end)

describe("an aws profile", function()
  it("whose settings are indented by mistake says so", function()
    with({ config = "[default]\nrole_arn =\n  source_profile = x\ns3 =\n  path = y\n" }, function()
      local err <const> = failure(function() aws.session():credentials() end)
      assert.equal("config.invalid", err.kind)
      assert.matches("has settings below `role_arn`, which is a text", tostring(err), 1, true)
    end)
  end)

  it("may name the authorities to trust; AWS_CA_BUNDLE comes before it", function()
    with({ variables = KEYS, config = "[default]\nca_bundle = /profile.pem\nregion = eu-west-2\n" }, function()
      local files = {}
      http.with_transport(function(request)
        files[#files + 1] = request.ca_file
        return { status = 200, headers = {}, body = "{}" }
      end, function()
        local ecs <const> = aws.session():client "ecs"
        ecs:ListClusters()
        environment.with({ AWS_CA_BUNDLE = "/variable.pem" }, ecs.ListClusters, ecs)
      end)
      assert.same({ "/profile.pem", "/variable.pem" }, files)
    end)
  end)

  it("has its region and its numbers in either file", function()
    with({ credentials = "[default]\nregion = eu-west-3\n", config = "[default]\nregion = eu-west-1\n" }, function()
      assert.equal("eu-west-3", aws.session():region(), "the credentials file's come first, as for botocore")
    end)
  end)
end)

describe("aws regions", function()
  it("come from the option, AWS_REGION, AWS_DEFAULT_REGION, the profile", function()
    with({ config = "[default]\nregion = eu-west-1\n[profile admin]\nregion=us-east-1\n" }, function()
      assert.equal("eu-west-1", aws.session():region())
      assert.equal("us-east-1", aws.session({ profile = "admin" }):region())
      environment.with({ AWS_DEFAULT_REGION = "eu-north-1" }, function()
        assert.equal("eu-north-1", aws.session():region())
        environment.with({ AWS_REGION = "eu-west-3" }, function()
          assert.equal("eu-west-3", aws.session():region())
          assert.equal("eu-west-2", aws.session({ region = "eu-west-2" }):region())
        end)
      end)
    end)
  end)

  it("are asked for when there is none, and refused when they are none", function()
    with({}, function()
      local err <const> = failure(function() aws.session():client "ecs" end)
      assert.equal("config.missing", err.kind)
      assert.matches("AWS_REGION", tostring(err))
      assert.equal("config.invalid", failure(function() aws.session({ region = "x/../y" }):client "ecs" end).kind)
    end)
  end)
end)

describe("aws shared files", function()
  it("say where they are wrong", function()
    for text, place in pairs { ["[a\n"] = ":1", ["[a]\nnonsense\n"] = ":2", ["x = 1\n"] = ":1", ["\n  y = 1\n"] = ":2",
      ["[a]\n= 1\n"] = ":2" } do
      local err <const> = failure(profile.parse, text, "/home/adev/.aws/config")
      assert.equal("config.invalid", err.kind)
      assert.matches("/home/adev/.aws/config" .. place .. ":", tostring(err), 1, true)
    end
  end)

  it("may come from Windows, and hold what is not for us", function()
    local read <const> = profile.parse("[default]\r\nregion = eu-west-2\r\n[sso-session corp]\r\nx = y\r\n", "c")
    assert.same({ default = { region = "eu-west-2" }, ["sso-session corp"] = { x = "y" } }, read)
    with({ config = "[admin]\nregion = us-east-1\n[profile 'two words']\nregion = eu-west-1\n" }, function()
      assert.is_nil(profile.load().config.admin, "only [profile admin] is a profile there")
      assert.equal("eu-west-1", profile.load().config["two words"].region)
    end)
  end)

  it("are not read without end", function()
    with({ config = ("#"):rep((1 << 20) + 10) }, function()
      assert.matches("larger than 1 MiB", tostring(failure(profile.load)))
    end)
    with({ variables = { AWS_CONFIG_FILE = "/" } }, function()
      assert.equal("config.invalid", failure(profile.load).kind)
    end)
  end)
end)
