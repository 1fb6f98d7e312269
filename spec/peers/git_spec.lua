-- Fairlead's git and http against `git http-backend` behind nginx, with a password and TLS by an authority of the
-- spec's own: the user's git does it, with the user's credential helper.
local certificates = require "spec.support.certificates"
local environment = require "fairlead.environment"
local git = require "fairlead.git"
local http = require "fairlead.http"
local nginx = require "spec.support.nginx"
local process = require "fairlead.process"
local results = require "spec.peers.support.results"
local sandboxes = require "spec.support.sandbox"
local servers = require "spec.peers.support.servers"

local PASSWORD <const> = "pass wörd/+="

local SITE <const> = [[
  server {
    listen 127.0.0.1:{1} ssl;
    ssl_certificate {folder}/good.pem; ssl_certificate_key {folder}/good.key;
    client_max_body_size 0;
    auth_basic "git"; auth_basic_user_file {folder}/passwords;
    location / {
      fastcgi_pass 127.0.0.1:BACKEND;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT REPOSITORIES;
      fastcgi_param GIT_HTTP_EXPORT_ALL "";
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }
  }]]

local HELPER <const> = [[
[http]
  sslCAInfo = %s
  postBuffer = 65536
[credential]
  helper = "!f() { test \"$1\" = get && printf 'username=ada\\npassword=%s\\n'; }; f"
[user]
  name = Ada
  email = ada@example.org
]]

describe("git http-backend behind nginx", function()
  local sandbox, site, backend, url

  local function config(name, password, authority)
    return sandbox:write(name, HELPER:format(authority or site.folder .. "/authority.pem", password))
  end

  setup(function()
    sandbox = sandboxes.new()
    sandbox:pair()
    sandbox:git("remote", "config", "http.receivepack", "true")
    local trusting <const> = sandbox:write("server.conf", "[safe]\n  directory = *\n")
    backend = servers.start { name = "fcgiwrap", "fcgiwrap", "-f", "-c", "2", "-s", "tcp:127.0.0.1:{port}",
      env = { GIT_CONFIG_NOSYSTEM = "1", GIT_CONFIG_GLOBAL = trusting } }
    site = nginx.new(1)
    certificates.make(site.folder)
    local sum <const> = process.run({ "openssl", "passwd", "-apr1", "-stdin", stdin = PASSWORD .. "\n" }):check().stdout
    site:write("passwords", "ada:" .. sum)
    site:start((SITE:gsub("BACKEND", tostring(backend.port)):gsub("REPOSITORIES", sandbox.path)))
    url = ("https://127.0.0.1:%d/remote"):format(site.ports[1])
  end)
  teardown(function()
    site:close()
    backend:close()
    sandbox:close()
  end)

  local column <const> = results.column { spec = "git", group = "git", it = it,
    peer = "git http-backend behind nginx, TLS and a password" }

  --- A spec as the developer whose git is configured so.
  local function done(operation, body, password)
    column(operation, function()
      return environment.with({ GIT_CONFIG_NOSYSTEM = "1", GIT_TERMINAL_PROMPT = "0", GIT_ASKPASS = "true",
        GIT_CONFIG_GLOBAL = config("config", password or PASSWORD), GIT_SSL_CAINFO = false,
        NO_PROXY = "127.0.0.1" }, body)
    end)
  end

  local function refused(kind, text, ...)
    local _, err <const> = try(...)
    assert.equal(kind, err.kind, tostring(err))
    assert.matches(text, tostring(err), 1, true)
  end

  local clone

  done("git.clone", function()
    local heard = 0
    clone = git.clone { url = url, path = sandbox.path .. "/clone", on_progress = function() heard = heard + 1 end }
    assert.equal(sandbox:git("remote", "rev-parse", "main"), clone:head().sha)
    assert.is_true(heard > 0)
  end)

  done("git.clone, of the newest commit only", function()
    sandbox:commit("work", "second", "2\n")
    sandbox:git("work", "push", "-q", "origin", "main")
    local shallow <close> = git.clone { url = url, path = sandbox.path .. "/shallow", depth = 1 }
    assert.is_true(shallow:is_shallow())
    shallow:fetch { unshallow = true }
    assert.is_false(shallow:is_shallow())
  end)

  done("repository:fetch", function()
    local sha <const> = sandbox:commit("work", "third", "3\n")
    sandbox:git("work", "push", "-q", "origin", "main")
    local updates <const> = clone:fetch()
    assert.equal(sha, updates[1].new)
    assert.equal("refs/remotes/origin/main", updates[1].ref)
  end)

  done("repository:push", function()
    process.run({ "git", "-C", sandbox.path .. "/clone", "switch", "-q", "-c", "topic" }):check()
    local noise <const> = process.run({ "openssl", "rand", "-base64", "600000" }):check().stdout
    local sha <const> = sandbox:commit("clone", "noise", noise) -- larger than git's buffer: it is sent in chunks
    local pushed <const> = clone:push { branch = "topic", set_upstream = true }
    assert.equal("new", pushed[1].status)
    assert.equal(sha, sandbox:git("remote", "rev-parse", "topic"))
  end)

  done("repository:push, with a lease", function()
    process.run({ "git", "-C", sandbox.path .. "/clone", "commit", "-q", "--amend", "-m", "Again" }):check()
    refused("git.rejected", "it has commits that you lack", clone.push, clone, { branch = "topic" })
    assert.equal("forced", clone:push({ branch = "topic", force_with_lease = true })[1].status)
  end)

  done("repository:push, refused by a hook", function()
    sandbox:write("remote/hooks/pre-receive", "#!/bin/sh\necho 'through a pull request, please'\nexit 1\n", "755")
    sandbox:commit("clone", "more", "more\n")
    refused("git.rejected.hook", "through a pull request, please", clone.push, clone, { branch = "topic" })
    process.run({ "rm", sandbox.path .. "/remote/hooks/pre-receive" }):check()
  end)

  done("git.clone, of a repository that is not there", function()
    refused("git.not_found", "no such repository", git.clone, { url = url .. "-none", path = sandbox.path .. "/none" })
  end)

  done("git.clone, with a wrong password", function()
    refused("git.authentication", "gh auth setup-git", git.clone, { url = url, path = sandbox.path .. "/none" })
  end, "wrong")

  done("git.clone, where the authority is not known", function()
    config("config", PASSWORD, site.folder .. "/unknown.pem")
    refused("git.tls", "http.sslCAInfo", git.clone, { url = url, path = sandbox.path .. "/none" })
  end)

  done("http.get, with ca_file", function()
    local digest <const> = require "fairlead.digest"
    local options <const> = { ca_file = site.folder .. "/authority.pem", query = { service = "git-upload-pack" } }
    assert.equal(401, http.get(url .. "/info/refs", options).status)
    options.headers = { Authorization = "Basic " .. digest.base64("ada:" .. PASSWORD) }
    local response <const> = http.get(url .. "/info/refs", options)
    assert.matches("# service=git-upload-pack", response.body, 1, true)
  end)
end)
