-- Fairlead's http and git against `openssl s_server` with certificates that nobody should trust, and protocols that
-- nobody should speak: refused, with what is wrong.
local certificates = require "spec.support.certificates"
local environment = require "fairlead.environment"
local git = require "fairlead.git"
local http = require "fairlead.http"
local process = require "fairlead.process"
local program = require "spec.support.program"
local results = require "spec.peers.support.results"
local servers = require "spec.peers.support.servers"

local LAX <const> = { "-cipher", "ALL:@SECLEVEL=0" }

---@class peers.Bad
---@field name string
---@field certificate string
---@field options string[]?
---@field plain boolean? no TLS
---@field of_git boolean? the user's git decides whether it will do
---@field says string a part of http's message

---@type peers.Bad[]
local BAD <const> = {
  { name = "expired", certificate = "expired", says = "has expired; renew it, or check this machine's clock" },
  { name = "not yet valid", certificate = "early", says = "is not valid yet" },
  { name = "for another name", certificate = "wrong", says = "is for another name; check the host's name" },
  { name = "self-signed", certificate = "self_signed", says = "is self-signed: no known authority vouches for it" },
  { name = "by an unknown authority", certificate = "stranger",
    says = "comes from an authority that is not known here" },
  { name = "with a key of 1024 bits", certificate = "weak", options = LAX, of_git = true, says = "key too weak" },
  { name = "TLS 1.0 only", certificate = "good", options = { "-tls1", "-cipher", "ALL:@SECLEVEL=0" },
    of_git = true, says = "it speaks no version of TLS from 1.2 on" },
  { name = "TLS 1.1 only", certificate = "good", options = { "-tls1_1", "-cipher", "ALL:@SECLEVEL=0" },
    of_git = true, says = "it speaks no version of TLS from 1.2 on" },
  { name = "no TLS at all", certificate = "good", plain = true, says = "what it speaks is not TLS" },
}

describe("openssl s_server", function()
  local folder, authority

  setup(function()
    folder = program.folder()
    certificates.make(folder.path)
    certificates.signed(folder.path, "weak", certificates.NAMES, "authority", "30",
      { "-newkey", "rsa:1024", "-nodes" })
    process.run({ "faketime", "+10 days", "openssl", "x509", "-req", "-in", "good.csr", "-CA", "authority.pem",
      "-CAkey", "authority.key", "-CAcreateserial", "-days", "30", "-copy_extensions", "copy", "-out", "early.pem",
      cwd = folder.path }):check()
    process.run({ "cp", "good.key", "early.key", cwd = folder.path }):check()
    authority = folder.path .. "/authority.pem"
  end)
  teardown(function() local closing <close> = folder end) -- luacheck: ignore closing

  local function serve(bad)
    if bad.plain then
      return servers.start { name = "http.server", "/usr/bin/python3", "-m", "http.server", "--bind", "127.0.0.1",
        "{port}", cwd = folder.path }
    end
    local command = { name = "openssl s_server", "openssl", "s_server", "-accept", "127.0.0.1:{port}", "-www",
      "-quiet", "-cert", bad.certificate .. ".pem", "-key", bad.certificate .. ".key", cwd = folder.path }
    for _, option in ipairs(bad.options or {}) do command[#command + 1] = option end
    return servers.start(command)
  end

  local function by_http(url)
    local _, err <const> = try(http.get, url, { ca_file = authority, retry = false })
    return err
  end

  local function by_git(url)
    local config <const> = folder:write("config", ("[http]\n  sslCAInfo = %s\n"):format(authority))
    local _, err <const> = try(environment.with, { GIT_CONFIG_NOSYSTEM = "1", GIT_CONFIG_GLOBAL = config,
      GIT_SSL_CAINFO = false, GIT_TERMINAL_PROMPT = "0", NO_PROXY = "127.0.0.1" },
      git.clone, { url = url, path = folder.path .. "/clone" })
    return err
  end

  local column <const> = results.column { spec = "tls", group = "TLS", peer = "http", it = it }
  for _, bad in ipairs(BAD) do
    column(bad.name, function()
      local server <close> = serve(bad)
      local err <const> = by_http(("https://127.0.0.1:%d/"):format(server.port))
      assert.equal("http.tls", err and err.kind)
      assert.is_false(err.retryable)
      assert.matches(bad.says, tostring(err), 1, true)
    end)
  end

  local of_git <const> = results.column { spec = "tls", group = "TLS", peer = "git", it = it }
  for _, bad in ipairs(BAD) do
    if not bad.of_git then
      of_git(bad.name, function()
        local server <close> = serve(bad)
        local err <const> = by_git(("https://127.0.0.1:%d/x.git"):format(server.port))
        assert.equal("git.tls", err and err.kind, tostring(err))
        assert.is_falsy(err.retryable)
      end)
    end
  end

  it("is spoken with when all is well", function()
    local server <close> = serve { certificate = "good" }
    assert.equal(200, http.get(("https://127.0.0.1:%d/"):format(server.port), { ca_file = authority }).status)
  end)
end)
