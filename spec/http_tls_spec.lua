-- http over TLS and HTTP/2, compressed bodies and proxies: against nginx, with certificates made for the purpose.
local certificates = require "spec.support.certificates"
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local nginx = require "spec.support.nginx"
local peer = require "fairlead.peer"
local process = require "fairlead.process"
local program = require "spec.support.program"
local server = require "spec.support.server"
local task = require "fairlead.task"

local QUALITIES <const> = { "good", "expired", "wrong", "self_signed", "stranger" }
local OLD <const>, PLAIN <const>, HTTP1 <const> = #QUALITIES + 1, #QUALITIES + 2, #QUALITIES + 3

local FILES <const> = [[
    root {folder}/www;
    gzip on; gzip_min_length 100; gzip_types *;
    location /br { add_header Content-Encoding br; default_type text/plain; gzip off; }
    location /zst { add_header Content-Encoding zstd; default_type text/plain; gzip off; }
]]

local function servers()
  local blocks = {}
  for i, name in ipairs(QUALITIES) do
    blocks[i] = ([[  server { listen 127.0.0.1:{%d} ssl http2;
    ssl_certificate {folder}/%s.pem; ssl_certificate_key {folder}/%s.key;
%s  }]]):format(i, name, name, FILES)
  end
  blocks[OLD] = ([[  server { listen 127.0.0.1:{%d} ssl; ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;
    ssl_certificate {folder}/good.pem; ssl_certificate_key {folder}/good.key; }]]):format(OLD)
  blocks[PLAIN] = ("  server { listen 127.0.0.1:{%d};\n%s  }"):format(PLAIN, FILES)
  blocks[HTTP1] = ([[  server { listen 127.0.0.1:{%d} ssl;
    ssl_certificate {folder}/good.pem; ssl_certificate_key {folder}/good.key;
%s  }]]):format(HTTP1, FILES)
  return table.concat(blocks, "\n")
end

local TEXT <const> = ("All work and no play makes a dull release. "):rep(2000)

describe("http with nginx", function()
  local site, authority

  setup(function()
    site = nginx.new(HTTP1)
    certificates.make(site.folder)
    process.run({ "mkdir", site.folder .. "/www" }):check()
    site:write("www/text", TEXT)
    process.run({ "brotli", "-o", site.folder .. "/www/br", site.folder .. "/www/text" }):check()
    process.run({ "zstd", "-q", "-o", site.folder .. "/www/zst", site.folder .. "/www/text" }):check()
    site:write("www/big", ("0123456789abcdef"):rep(1024 * 1024))
    site:start(servers())
    authority = site.folder .. "/authority.pem"
  end)
  teardown(function() site:close() end)

  local function url(which, path, host)
    local scheme = which == PLAIN and "http" or "https"
    return ("%s://%s:%d/%s"):format(scheme, host or "127.0.0.1", site.ports[which], path or "text")
  end

  local function failure(...)
    local ok, err = try(http.get, ...)
    assert.is_nil(ok)
    return err
  end

  describe("TLS", function()
    it("trusts whom ca_file names", function()
      for _, host in ipairs { "127.0.0.1", "localhost" } do
        assert.equal(TEXT, http.get(url(1, "text", host), { ca_file = authority }).body)
      end
    end)

    it("trusts whom SSL_CERT_FILE or SSL_CERT_DIR names", function()
      process.run({ "mkdir", site.folder .. "/hashed" }):check()
      process.run({ "cp", authority, site.folder .. "/hashed/" }):check()
      process.run({ "openssl", "rehash", site.folder .. "/hashed" }):check()
      for name, value in pairs { SSL_CERT_FILE = authority, SSL_CERT_DIR = site.folder .. "/hashed" } do
        local done = program.run { "-e", "http.get(arg[1]).status", url(1), env = { [name] = value } }
        assert.equal("200\n", done.stdout, done.stderr)
      end
    end)

    it("trusts nobody else", function()
      local err = failure(url(1))
      assert.equal("http.tls", err.kind)
      assert.matches("comes from an authority that is not known here; .*ca_file=", tostring(err))
    end)

    it("does not let a connection made with ca_file serve a request without it", function()
      http.get(url(1), { ca_file = authority })
      assert.equal("http.tls", failure(url(1)).kind)
    end)

    it("says plainly what is wrong with a certificate", function()
      for i, text in pairs {
        [2] = "has expired; renew it, or check this machine's clock",
        [3] = "is for another name; check the host's name",
        [4] = "is self%-signed: no known authority vouches for it; ",
        [5] = "comes from an authority that is not known here; ",
      } do
        local err = failure(url(i), { ca_file = authority })
        assert.equal("http.tls", err.kind)
        assert.is_false(err.retryable)
        assert.matches(("^GET https://127.0.0.1:%d/text: the certificate of 127.0.0.1:%d %s"):format(
          site.ports[i], site.ports[i], text), tostring(err))
      end
    end)

    it("is at least version 1.2, also where the system would take less", function()
      local err = failure(url(OLD), { ca_file = authority })
      assert.equal("http.tls", err.kind)
      assert.matches("no TLS connection with .*: it speaks no version of TLS from 1.2 on$", err.message)
      site:write("lax.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n" ..
        "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
      local lax = { OPENSSL_CONF = site.folder .. "/lax.cnf" }
      local peers = process.run { "curl", "-sS", "--cacert", authority, url(OLD), env = lax }
      assert.equal(0, peers.code, "the server does not speak TLS 1.1 with anybody: " .. peers.stderr)
      local done = program.run { "-e", "http.get(arg[1], { ca_file = arg[2] })", url(OLD), authority, env = lax }
      assert.equal(1, done.code)
      assert.matches("no TLS connection with", done.stderr)
    end)

    it("does not speak with a server that speaks plain HTTP, nor read authorities that are not there", function()
      local err = failure(("https://127.0.0.1:%d/"):format(site.ports[PLAIN]), { ca_file = authority })
      assert.equal("http.tls", err.kind)
      assert.matches("what it speaks is not TLS; check the port", tostring(err), 1, true)
      err = failure(url(1), { ca_file = "/nonexistent/authority.pem" })
      assert.equal("http.tls", err.kind)
      assert.matches("cannot be read from /nonexistent/authority.pem", err.message)
    end)
  end)

  describe("HTTP/2", function()
    it("is chosen where the server offers it over TLS, and HTTP/1.1 elsewhere", function()
      assert.equal("2", http.get(url(1), { ca_file = authority }).http_version)
      assert.equal("1.1", http.get(url(HTTP1), { ca_file = authority }).http_version)
      assert.equal("1.1", http.get(url(PLAIN)).http_version)
    end)

    it("carries many requests at once", function()
      local paths = {}
      for i = 1, 100 do paths[i] = i % 2 == 0 and "text" or "missing" end
      http.get(url(1), { ca_file = authority })
      local statuses = task.map(paths, function(path) return http.get(url(1, path), { ca_file = authority }).status end)
      for i = 1, 100 do assert.equal(i % 2 == 0 and 200 or 404, statuses[i]) end
    end)

    it("streams to a slow sink while other requests go on", function()
      local received, others = 0, 0
      task.all {
        function()
          http.get(url(1, "big"), {
            ca_file = authority,
            headers = { ["Accept-Encoding"] = "identity" },
            sink = function(chunk)
              received = received + #chunk
              if received < 512 * 1024 then clock.sleep(0.01) end
            end,
          })
        end,
        function()
          for _ = 1, 20 do
            assert.equal(#TEXT, #http.get(url(1), { ca_file = authority }).body)
            others = others + 1
          end
        end,
      }
      assert.equal(16 * 1024 * 1024, received)
      assert.equal(20, others)
    end)
  end)

  describe("compressed bodies", function()
    it("are decompressed: gzip, br and zstd", function()
      for path, encoding in pairs { text = "gzip", br = "br", zst = "zstd" } do
        for _, which in ipairs { 1, PLAIN } do
          local r = http.get(url(which, path), { ca_file = authority })
          assert.equal(encoding, r.headers["content-encoding"])
          assert.is_true(r.body == TEXT, path)
        end
      end
    end)

    it("are bounded by what they are when decompressed", function()
      for _, path in ipairs { "text", "br", "zst", "big" } do
        local err = failure(url(PLAIN, path), { max_body = 50000 })
        assert.equal("http.too_large", err.kind)
      end
    end)

    it("are decompressed into a sink, too", function()
      local parts = {}
      http.get(url(PLAIN, "zst"), { sink = function(chunk) parts[#parts + 1] = chunk end })
      assert.is_true(table.concat(parts) == TEXT)
    end)
  end)

  describe("a proxy", function()
    it("tunnels https, and TLS is still verified end to end", function()
      local seen = {}
      local proxy <close> = server.start(server.proxy(seen))
      local r = http.get(url(HTTP1), { ca_file = authority, proxy = proxy.url })
      assert.equal(TEXT, r.body)
      assert.same({ "CONNECT 127.0.0.1:" .. site.ports[HTTP1] }, seen)
      assert.equal("http.tls", failure(url(HTTP1), { proxy = proxy.url }).kind)
    end)

    it("gets plain http as a whole URL", function()
      local seen = {}
      local proxy <close> = server.start(server.proxy(seen))
      local r = http.get("http://nowhere.invalid/x", { proxy = proxy.url })
      assert.equal("yes", r.headers["x-proxied"])
      assert.same({ "GET http://nowhere.invalid/x" }, seen)
    end)

    it("is taken from HTTPS_PROXY but for hosts in NO_PROXY, and proxy=false takes none", function()
      local seen = {}
      local proxy <close> = server.start(server.proxy(seen))
      local options = { ca_file = authority }
      peer.setenv("HTTPS_PROXY", proxy.url)
      http.get(url(HTTP1, "text", "localhost"), options)
      assert.equal(1, #seen)
      peer.setenv("NO_PROXY", "example.com,127.0.0.1")
      http.get(url(HTTP1), options)
      assert.equal(1, #seen)
      peer.setenv("NO_PROXY", nil)
      http.get(url(HTTP1), { ca_file = authority, proxy = false })
      assert.equal(1, #seen)
      peer.setenv("HTTPS_PROXY", nil)
    end)

    it("that refuses, asks for a password, or is not there, is named as the culprit", function()
      for status, text in pairs { [403] = "refused a tunnel: status 403", [407] = "asks for a name and password" } do
        local proxy <close> = server.start(server.proxy({}, status))
        local err = failure(url(HTTP1), { ca_file = authority, proxy = proxy.url, retry = false })
        assert.equal("http.proxy", err.kind)
        assert.matches(text, tostring(err))
      end
      local listener = peer.listen()
      local port = listener:port()
      listener:close()
      local err = failure(url(HTTP1), { proxy = "http://127.0.0.1:" .. port, retry = false })
      assert.equal("http.proxy", err.kind)
      assert.matches("^GET https://127.0.0.1:%d+/text: cannot reach the proxy: .*127.0.0.1 port " .. port,
        tostring(err))
      err = failure(url(HTTP1), { proxy = "http://no-such-proxy.invalid:1", retry = false })
      assert.equal("http.proxy", err.kind)
    end)

    it("does not get the request's headers with CONNECT", function()
      local proxy <close> = server.start(server.proxy({}))
      http.get(url(HTTP1), {
        ca_file = authority, proxy = proxy.url, headers = { Authorization = "Bearer " .. secret "t" },
      })
      assert.is_nil(proxy.requests[1].headers.authorization)
    end)
  end)
end)
