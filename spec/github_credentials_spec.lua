--- As whom a client asks GitHub: what counts before what, where each is from, and what is told when there is nothing.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local fake = require "spec.support.fake_service"
local gh_login = require "fairlead.github.gh_login"
local github = require "fairlead.github"
local http = require "fairlead.http"
local process = require "fairlead.process"
local program = require "spec.support.program"

-- Nothing of whoever runs this.
local BARE <const> = {
  GH_TOKEN = false, GITHUB_TOKEN = false, GH_ENTERPRISE_TOKEN = false, GITHUB_ENTERPRISE_TOKEN = false,
  GITHUB_API_URL = false, GH_HOST = false, GH_CONFIG_DIR = "/dev/null", ["FAIRLEAD_GITHUB_*"] = false,
}

local function inside(variables, fn, ...)
  local overlay = {}
  for name, value in pairs(BARE) do overlay[name] = value end
  for name, value in pairs(variables) do overlay[name] = value end
  return environment.with(overlay, fn, ...)
end

local function client(variables, options)
  options = options or {}
  options.repository = options.repository or "o/n"
  return inside(variables, github.client, options)
end

local function failure(...)
  local made, err = try(client, ...)
  assert.is_nil(made)
  return err
end

local HOSTS <const> = [[
# written by gh
github.com:
    git_protocol: https
    users:
        ada:
            oauth_token: gho_adas
        "bob":
            oauth_token: 'gho_bobs'
    user: ada
    oauth_token: gho_adas
ghe.example.com:
    users:
        carol:
            oauth_token: "gho_carols" # of 2.40
    user: carol
    git_protocol: ssh
keyring.example.com:
    users:
        dave:
    user: dave
]]

local function with_hosts(text, body)
  local folder <close> = program.folder()
  process.run({ "mkdir", "-p", "bin", "home/.config/gh", "config/gh", cwd = folder.path }):check()
  folder:write("hosts.yml", text)
  return body(folder)
end

--- A gh that answers as `script` does.
local function with_gh(script, body)
  return with_hosts(HOSTS, function(folder)
    folder:write("bin/gh", "#!/bin/sh\n" .. script)
    process.run({ "chmod", "+x", folder.path .. "/bin/gh" }):check()
    return body({
      GH_CONFIG_DIR = folder.path, GH_HOST = "keyring.example.com",
      PATH = folder.path .. "/bin:" .. os.getenv "PATH",
    }, folder)
  end)
end

describe("a client's credentials", function()
  it("are what is given, then GH_TOKEN, then GITHUB_TOKEN, then gh's login, and tell where from", function()
    with_hosts(HOSTS, function(folder)
      local variables = { GH_TOKEN = "ghp_1", GITHUB_TOKEN = "ghp_2", GH_CONFIG_DIR = folder.path }
      local function seen(options)
        local gh <const> = client(variables, options)
        return { http.reveal(gh.token), gh.token_source }
      end
      assert.same({ "ghp_0", "the option token" }, seen { token = "ghp_0" })
      assert.same({ "ghp_1", "GH_TOKEN, not the other one in GITHUB_TOKEN" }, seen())
      variables.GH_TOKEN = nil
      assert.same({ "ghp_2", "GITHUB_TOKEN" }, seen())
      variables.GITHUB_TOKEN = nil
      assert.same({ "gho_adas", ("gh's login as ada (%s/hosts.yml)"):format(folder.path) }, seen())
    end)
  end)

  it("are told of one by one when there are none", function()
    local err = failure {}
    assert.equal("config.missing", err.kind)
    assert.equal("github.client o/n: no GitHub token: GH_TOKEN and GITHUB_TOKEN are not set; FAIRLEAD_GITHUB_APP_ID "
      .. "and FAIRLEAD_GITHUB_APP_PRIVATE_KEY_FILE are not set; gh is not logged in: there is no /dev/null/hosts.yml; "
      .. "set GH_TOKEN or GITHUB_TOKEN to a token with access to the repository, or run `gh auth login --hostname "
      .. "github.com`", tostring(err))
    with_hosts(HOSTS, function(folder)
      err = failure { GH_CONFIG_DIR = folder.path, GH_HOST = "other.example.com" }
      assert.matches("no GitHub token for other.example.com: GH_ENTERPRISE_TOKEN and GITHUB_ENTERPRISE_TOKEN are not "
        .. "set", tostring(err), 1, true)
      assert.matches("gh is not logged in to other.example.com", tostring(err), 1, true)
    end)
  end)

  it("go to the server that they are for", function()
    local both <const> = { GH_TOKEN = "ghp_hub", GH_ENTERPRISE_TOKEN = "ghp_server" }
    local function seen(more, options)
      local variables = {}
      for _, part in ipairs { both, more } do
        for name, value in pairs(part) do variables[name] = value end
      end
      local gh <const> = client(variables, options)
      return { gh.host, gh.base_url, gh.token_source:match "^[%w_]+" }
    end
    assert.same({ "github.com", "https://api.github.com", "GH_TOKEN" }, seen {})
    assert.same({ "ghe.example.com", "https://ghe.example.com/api/v3", "GH_ENTERPRISE_TOKEN" },
      seen { GH_HOST = "GHE.example.com" })
    assert.same({ "acme.ghe.com", "https://api.acme.ghe.com", "GH_TOKEN" }, seen { GH_HOST = "acme.ghe.com" })
    assert.same({ "github.com", "https://api.github.com", "GH_TOKEN" }, seen { GH_HOST = "github.com" })
    assert.same({ "ghe.example.com", "https://ghe.example.com/api/v3", "GH_ENTERPRISE_TOKEN" },
      seen { GITHUB_API_URL = "https://ghe.example.com/api/v3/", GH_HOST = "other.example.com" })
    assert.same({ "acme.ghe.com", "https://api.acme.ghe.com", "GH_TOKEN" },
      seen({}, { base_url = "https://api.acme.ghe.com" }))
    assert.same({ "127.0.0.1:8080", "http://127.0.0.1:8080/github", "GH_TOKEN" },
      seen { GITHUB_API_URL = "http://127.0.0.1:8080/github" })
    -- github.com's token is not for a server that gh is pointed to, and is for one whose job it is.
    assert.equal("config.missing", failure({ GH_TOKEN = "ghp_hub", GH_HOST = "ghe.example.com" }).kind)
    assert.equal("GITHUB_TOKEN", client({ GITHUB_TOKEN = "ghs_job",
      GITHUB_API_URL = "https://ghe.example.com/api/v3" }).token_source)
    for _, name in ipairs { "https://ghe.example.com", "a/b", "a b", "-" } do
      local err <const> = failure { GH_HOST = name }
      assert.equal("config.invalid", err.kind)
      assert.matches("GH_HOST: is not the name of a host", tostring(err), 1, true)
    end
  end)

  it("say what to do when GitHub refuses them, by where they are from", function()
    local function hint(variables, options)
      local gh <const> = client(variables, options)
      local err
      fake.run(function() return 401, { message = "Bad credentials" } end, function()
        err = select(2, try(gh.get, gh, "/user"))
      end)
      assert.equal("github.api.not_authorised", err.kind)
      return err.hint
    end
    assert.matches("set GH_TOKEN or GITHUB_TOKEN to a new one", hint { GH_TOKEN = "t" }, 1, true)
    assert.matches("set GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN to a new one",
      hint { GH_HOST = "ghe.example.com", GITHUB_ENTERPRISE_TOKEN = "t" }, 1, true)
    with_hosts(HOSTS, function(folder)
      assert.matches("run `gh auth login --hostname github.com`", hint { GH_CONFIG_DIR = folder.path }, 1, true)
    end)
  end)
end)

describe("gh's login", function()
  it("is that of the active user, also where only the users have tokens", function()
    with_hosts(HOSTS, function(folder)
      local gh <const> = client { GH_CONFIG_DIR = folder.path, GH_HOST = "ghe.example.com" }
      assert.equal("gho_carols", http.reveal(gh.token))
      assert.matches("^gh's login as carol %(", gh.token_source)
    end)
    with_hosts("github.com:\n  user: x\n  oauth_token: gho_old\n", function(folder)
      folder:write("home/.config/gh/hosts.yml", "github.com:\n    oauth_token: gho_home\n")
      folder:write("config/gh/hosts.yml", "github.com:\n    oauth_token: gho_config\n")
      local function token(variables) return http.reveal(client(variables).token) end
      local home <const>, config <const> = folder.path .. "/home", folder.path .. "/config"
      assert.equal("gho_old", token { GH_CONFIG_DIR = folder.path, XDG_CONFIG_HOME = config, HOME = home })
      assert.equal("gho_config", token { GH_CONFIG_DIR = false, XDG_CONFIG_HOME = config, HOME = home })
      assert.equal("gho_home", token { GH_CONFIG_DIR = false, XDG_CONFIG_HOME = false, HOME = home })
    end)
  end)

  it("is asked of gh where it lies in the keyring, without the variables that it would prefer", function()
    with_gh('echo "$@" >"$(dirname "$0")/asked"; echo gho_kept', function(variables, folder)
      local gh <const> = client(variables)
      assert.equal("gho_kept", http.reveal(gh.token))
      assert.equal("gh's login as dave (keyring)", gh.token_source)
      local file <close> = assert(io.open(folder.path .. "/bin/asked"))
      assert.equal("auth token --hostname keyring.example.com\n", file:read "a")
    end)
  end)

  it("that gh does not hand out is told with gh's own words", function()
    local function why(script)
      return with_gh(script, function(variables) return failure(variables).message end)
    end
    assert.matches("`gh auth token` ended with code 4: no oauth token found",
      why "echo no oauth token found >&2; exit 4", 1, true)
    assert.matches("`gh auth token` has printed no token", why "echo two words", 1, true)
    assert.is_nil(why("echo gho_leaked word"):find("gho_leaked", 1, true))
    with_hosts(HOSTS, function(folder)
      assert.matches("the login is in the keyring, and `gh`, which could read it, is not installed",
        failure({ GH_CONFIG_DIR = folder.path, GH_HOST = "keyring.example.com", PATH = folder.path }).message, 1, true)
    end)
  end)

  it("is looked up once more when GitHub refuses it", function()
    with_hosts("github.com:\n    oauth_token: gho_old\n", function(folder)
      local gh <const> = client { GH_CONFIG_DIR = folder.path }
      inside({ GH_CONFIG_DIR = folder.path }, function()
        local requests <const> = fake.run(function(request)
          if request.headers.authorization == "Bearer gho_new" then return 201, { id = 1 } end
          folder:write("hosts.yml", "github.com:\n    oauth_token: gho_new\n")
          return 401, { message = "Bad credentials" }
        end, function() assert.equal(1, gh:post("pulls", {}).id) end)
        assert.equal(2, #requests)
        local again <const> = fake.run(function() return 401, { message = "Bad credentials" } end,
          function() assert.is_nil((try(gh.get, gh, "/user"))) end)
        assert.equal(1, #again)
      end)
    end)
  end)

  it("is not guessed from a file that is not as gh writes it, whose line is told and whose text is not", function()
    for text, line in pairs {
      ["github.com:\n  - oauth_token: gho_secret\n"] = 2, ["github.com: [gho_secret]\n"] = 1,
      ["github.com:\n    oauth_token: 'gho_secret\n"] = 2, ["github.com:\n    a: 1\n  oauth_token: gho_secret\n"] = 3,
      ["github.com:\n    oauth_token: a\n    oauth_token: gho_secret\n"] = 3, ["\0\1gho_secret"] = 1,
      ["github.com:\n\toauth_token: gho_secret\n"] = 2,
    } do
      with_hosts(text, function(folder)
        local err <const> = failure { GH_CONFIG_DIR = folder.path }
        assert.matches(("hosts.yml:%d is not as gh writes it"):format(line), err.message, 1, true)
        assert.is_nil(errors.describe(err):find("gho_secret", 1, true))
      end)
    end
    with_hosts("github.com:\n    oauth_token: two words\n", function(folder)
      assert.matches("the token in .* is none", failure({ GH_CONFIG_DIR = folder.path }).message)
    end)
  end)

  it("is read whatever is in the file besides", function()
    local tree <const> = gh_login.parse(
      "---\n\na.b:\n  # x\n  c: d#e # f\n  g: \"h\\\"i\"\r\n  j: ''\n  k: {}\nl: null\n")
    assert.same({ ["a.b"] = { c = "d#e", g = 'h"i', j = {}, k = {} }, l = {} }, tree)
    assert.same({}, (gh_login.parse ""))
    local began <const> = os.clock()
    gh_login.parse(("'"):rep(200000))
    gh_login.parse((" "):rep(200000) .. "a: " .. ("# "):rep(100000))
    assert.is_true(os.clock() - began < 2)
  end)
end)
