--- Tokens signed with real keys, and checked by OpenSSL's own program.
local digest = require "fairlead.digest"
local http = require "fairlead.http"
local json = require "fairlead.json"
local jwt = require "fairlead.jwt"
local rsa_keys = require "spec.support.rsa_keys"

local CLAIMS <const> = { iss = "4711", iat = 1772441940, exp = 1772442540 }

local function plain(text)
  return digest.unbase64(text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" }) .. ("="):rep(-#text % 4))
end

describe("a token signed with RS256", function()
  it("is what OpenSSL itself says that the key signed", function()
    local keys <close> = rsa_keys.open()
    local token <const> = jwt.rs256(CLAIMS, jwt.read_key(keys:make "app"))
    assert.equal("[secret]", tostring(token))
    local header, claims, signature = http.reveal(token):match "^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$"
    assert.equal('{"alg":"RS256","typ":"JWT"}', plain(header))
    assert.same(CLAIMS, json.decode(plain(claims)))
    keys:write("text", header .. "." .. claims)
    keys:write("signature", plain(signature))
    assert.equal("Verified OK\n",
      keys:openssl("dgst", "-sha256", "-verify", "app.pub", "-signature", "signature", "text"))
  end)

  it("is signed by keys of both forms and all usual sizes", function()
    local keys <close> = rsa_keys.open()
    for _, bits in ipairs { "2048", "3072", "4096" } do
      local path <const> = keys:make("k" .. bits, bits)
      keys:openssl("rsa", "-in", path, "-traditional", "-out", "old.pem")
      assert.matches("BEGIN RSA PRIVATE KEY", keys:read "old.pem")
      local public <const> = keys:read("k" .. bits .. ".pub")
      for _, file in ipairs { path, keys.folder .. "/old.pem" } do
        assert.same(CLAIMS, (jwt.verify(http.reveal(jwt.rs256(CLAIMS, jwt.read_key(file))), public)))
      end
    end
  end)

  it("is not made with what is no such key, which is told without showing it", function()
    local keys <close> = rsa_keys.open()
    keys:openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "ec.pem")
    keys:openssl("genrsa", "-out", "short.pem", "1024")
    keys:make "app"
    keys:openssl("rsa", "-in", "app.pem", "-aes128", "-passout", "pass:sesame", "-out", "locked.pem")
    keys:write("cut.pem", keys:read("app.pem"):sub(1, 800))
    keys:write("empty.pem", "")
    local told = {}
    for _, name in ipairs { "ec.pem", "short.pem", "locked.pem", "cut.pem", "empty.pem", "app.pub" } do
      local token <const>, problem = jwt.rs256(CLAIMS, jwt.read_key(keys.folder .. "/" .. name))
      assert.is_nil(token)
      told[name] = problem
    end
    assert.same({
      ["ec.pem"] = "is no RSA key", ["short.pem"] = "has fewer than 2048 bits",
      ["locked.pem"] = "is encrypted with a passphrase", ["cut.pem"] = "is no key in PEM",
      ["empty.pem"] = "is no key in PEM", ["app.pub"] = "is no key in PEM",
    }, told)
  end)

  it("has a key that is read from a file of a sensible size", function()
    local keys <close> = rsa_keys.open()
    assert.same({ nil, "No such file or directory" }, { jwt.read_key(keys.folder .. "/none") })
    assert.same({ nil, "Is a directory" }, { jwt.read_key(keys.folder) })
    keys:write("large", ("x"):rep(16384))
    assert.equal("[secret]", tostring((jwt.read_key(keys.folder .. "/large"))))
    keys:write("large", ("x"):rep(16385))
    assert.same({ nil, "it is longer than 16 KiB" }, { jwt.read_key(keys.folder .. "/large") })
  end)

  it("is checked against the key, its algorithm and its form", function()
    local keys <close> = rsa_keys.open()
    keys:make "app"
    keys:make "other"
    local public <const> = keys:read "app.pub"
    local token <const> = http.reveal(jwt.rs256(CLAIMS, keys:read "app.pem"))
    local header, claims, signature = token:match "^(.-)%.(.-)%.(.*)$"
    assert.same(CLAIMS, (jwt.verify(token, public)))
    local function problem(text, key) return select(2, jwt.verify(text, key or public)) end
    assert.equal("is signed by somebody else", problem(token, keys:read "other.pub"))
    local other <const> = http.reveal(jwt.rs256({ iss = "1" }, keys:read "app.pem")):match "%.(.-)%."
    assert.equal("is signed by somebody else", problem(table.concat({ header, other, signature }, ".")))
    assert.equal("is signed by somebody else", problem(table.concat({ header, claims, signature:sub(2) }, ".")))
    local none <const> = digest.base64('{"alg":"none"}'):gsub("=", "")
    assert.equal("is not signed with RS256", problem(table.concat({ none, claims, signature }, ".")))
    for _, text in ipairs { "", "a.b", "a.b.c.d", header .. "." .. claims .. ".", "a.b.c", "ghp_token" } do
      assert.equal("is no JSON Web Token", problem(text), text)
    end
    assert.equal("cannot be checked: the key is no key in PEM", problem(token, "nothing"))
  end)

  it("has claims that are a table of a sensible size", function()
    assert.error_matches(function() jwt.rs256("iss", "k") end, "table expected, got string")
    assert.error_matches(function() jwt.rs256({ a = ("x"):rep(5000) }, "k") end, "is longer than 4 KiB")
    assert.error_matches(function() jwt.rs256({}, ("x"):rep(20000)) end, "is longer than 16 KiB")
  end)
end)
