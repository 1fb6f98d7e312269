local clock = require "fairlead.clock"
local json = require "fairlead.json"
local sigv4 = require "fairlead.sigv4"

local PUBLISHED <const> = "../shared/sigv4"

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

---A request that signs, with these fields instead.
local function request(fields)
  local given = {
    method = "GET", url = "https://ecs.eu-west-2.amazonaws.com/", service = "ecs", region = "eu-west-2",
    time = 1772442000, credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "key" },
  }
  for name, value in pairs(fields or {}) do
    if value == json.null then value = nil end
    given[name] = value
  end
  return given
end

local function query_signature(url)
  return url:match "X%-Amz%-Signature=(%x+)$"
end

local function line(text, number)
  for each in (text .. "\n"):gmatch "(.-)\n" do
    number = number - 1
    if number == 0 then return each end
  end
end

local function canonical_path(fields)
  return line(sigv4.sign(request(fields)).canonical_request, 2)
end

local function canonical_query(query)
  return line(sigv4.sign(request { url = "https://h/?" .. query }).canonical_request, 3)
end

local function refusal(fields, sign)
  local ok, err = pcall(sign or sigv4.sign, request(fields))
  assert.is_false(ok, "no error was raised")
  assert.is_string(err)
  return err
end

describe("sigv4, AWS's published cases", function()
  local cases = {
    "get-header-value-multiline", "get-header-value-trim", "get-relative-unnormalized", "get-slashes-normalized",
    "get-space-normalized", "get-utf8", "get-vanilla", "get-vanilla-query-order-key-case",
    "get-vanilla-with-session-token", "post-sts-header-after", "post-vanilla-query", "post-x-www-form-urlencoded",
  }

  local function read_case(name)
    local folder = PUBLISHED .. "/" .. name .. "/"
    local context = json.decode(read_file(folder .. "context.json"))
    local head, body = (read_file(folder .. "request.txt") .. "\n"):match "^(.-\n)\n(.*)$"
    local method, target = head:match "^(%u+) (.-) HTTP/1%.1\n"
    local headers = {}
    for each in head:match "\n(.*)$":gmatch "(.-)\n" do
      if each:find "^%s" then
        headers[#headers][2] = headers[#headers][2] .. "\n" .. each
      else
        headers[#headers + 1] = { each:match "^([^:]+):(.*)$" }
      end
    end
    assert.equal("2015-08-30T12:36:00Z", context.timestamp)
    return {
      method = method, url = "https://example.amazonaws.com" .. target, headers = headers,
      body = body:gsub("\n$", ""), service = context.service, region = context.region, time = 1440938160,
      credentials = {
        access_key_id = context.credentials.access_key_id, secret_access_key = context.credentials.secret_access_key,
        session_token = context.credentials.token,
      },
      normalize_path = context.normalize, sign_payload_header = context.sign_body,
      omit_session_token = context.omit_session_token, expires = context.expiration_in_seconds,
    }, folder
  end

  local function expected(folder, name)
    return (read_file(folder .. name):gsub("\n$", ""))
  end

  for _, name in ipairs(cases) do
    local file = io.open(PUBLISHED .. "/" .. name .. "/request.txt")
    if file then file:close() end
    local test = file and it or pending
    test(name .. ", in headers", function()
      local given, folder = read_case(name)
      local signed = sigv4.sign(given)
      assert.equal(expected(folder, "header-canonical-request.txt"), signed.canonical_request)
      assert.equal(expected(folder, "header-string-to-sign.txt"), signed.string_to_sign)
      assert.equal(expected(folder, "header-signature.txt"), signed.signature)
      local sent = read_file(folder .. "header-signed-request.txt")
      assert.equal(sent:match "\nAuthorization:([^\n]*)", signed.headers.Authorization)
      assert.equal(sent:match "\nX%-Amz%-Security%-Token:([^\n]*)", signed.headers["X-Amz-Security-Token"])
    end)
    test(name .. ", in the query", function()
      local given, folder = read_case(name)
      local url = sigv4.presign(given)
      assert.equal(expected(folder, "query-signature.txt"), query_signature(url))
      local target = read_file(folder .. "query-signed-request.txt"):match "^%u+ (.-) HTTP/1%.1\n"
      assert.equal("https://example.amazonaws.com" .. target, url)
    end)
  end
end)

-- Signatures by aws-c-auth, AWS's own C library, not by this module: spec/support/sigv4_oracle.py fill.
describe("sigv4, own cases", function()
  for _, case in ipairs(json.decode(read_file "spec/support/sigv4_vectors.json")) do
    it(case.name, function()
      local signed = sigv4.sign(case.request)
      assert.equal(case.header, signed.signature, signed.canonical_request)
      assert.equal(case.query, query_signature(sigv4.presign(case.request)))
    end)
  end
end)

describe("sigv4.sign", function()
  it("gives all headers to be sent, found in any case", function()
    local headers = sigv4.sign(request {
      headers = { ["Content-Type"] = "text/plain", ["user-agent"] = "me", ["X-Step"] = { "a", "b" } },
    }).headers
    assert.equal("text/plain", headers["content-type"])
    assert.equal("me", headers["User-Agent"])
    assert.same({ "a", "b" }, headers["x-step"])
    assert.equal("ecs.eu-west-2.amazonaws.com", headers.HOST)
    assert.equal("20260302T090000Z", headers["x-amz-date"])
    assert.matches("SignedHeaders=content%-type;host;x%-amz%-date;x%-step, Signature=%x+$", headers.Authorization)
    assert.is_nil(headers["X-Amz-Content-Sha256"])
    assert.is_nil(headers[1])
  end)

  it("leaves what it was given as it was", function()
    local given = request { headers = { Accept = "*/*" } }
    sigv4.sign(given)
    assert.same(request { headers = { Accept = "*/*" } }, given)
  end)

  it("sends folded values unfolded", function()
    local signed = sigv4.sign(request { headers = { ["X-A"] = "a\r\n  b\n\tc" } })
    assert.equal("a b c", signed.headers["x-a"])
    assert.matches("\nx-a:a b c\n", signed.canonical_request, 1, true)
  end)

  it("keeps the values of a repeated name under its first spelling", function()
    local headers = sigv4.sign(request { headers = { { "X-A", "1" }, { "x-a", "2" }, { "X-a", "3" } } }).headers
    assert.same({ "1", "2", "3" }, rawget(headers, "X-A"))
    assert.is_nil(rawget(headers, "x-a"))
  end)

  it("sends a session token that it does not sign", function()
    local credentials = { access_key_id = "AK", secret_access_key = "k", session_token = "tok" }
    local signed = sigv4.sign(request { credentials = credentials, omit_session_token = true })
    assert.equal("tok", signed.headers["X-Amz-Security-Token"])
    assert.is_nil(signed.canonical_request:find("token", 1, true))
    credentials.session_token = ""
    assert.is_nil(sigv4.sign(request { credentials = credentials }).headers["X-Amz-Security-Token"])
  end)

  it("takes the task's clock when no time is given", function()
    clock.simulate({ start = 1772442000.75 }, function()
      assert.equal("20260302T090000Z", sigv4.sign(request { time = json.null }).headers["X-Amz-Date"])
    end)
  end)

  it("signs the same with secrets as with their texts, and gives away none", function()
    local plain = { access_key_id = "AK", secret_access_key = "hush-key", session_token = "hush-token" }
    local hidden = {}
    for name, value in pairs(plain) do hidden[name] = secret(value) end
    local open = sigv4.sign(request {
      credentials = plain, body = "hush-body", headers = { ["X-Key"] = "hush-header" },
    })
    local shut = sigv4.sign(request {
      credentials = hidden, body = secret "hush-body", headers = { ["X-Key"] = secret "hush-header" },
    })
    assert.equal(open.signature, shut.signature)
    assert.equal(open.headers.Authorization, shut.headers.Authorization)
    assert.matches("hush", open.canonical_request, 1, true)
    for _, value in ipairs { shut.canonical_request, shut.headers["X-Key"], shut.headers["X-Amz-Security-Token"] } do
      assert.equal("[secret]", tostring(value))
    end
    assert.is_nil(json.encode(shut):find("hush", 1, true))
  end)

  it("derives the right key again after many others", function()
    local first = sigv4.sign(request()).signature
    local signatures = {}
    for round = 1, 3 do
      for i = 1, 40 do
        local signature = sigv4.sign(request {
          region = "region-" .. i % 5, service = "service" .. i % 4, time = 1772442000 + 86400 * (i % 2),
          credentials = { access_key_id = "AK", secret_access_key = "key" .. i % 2 },
        }).signature
        assert.equal(round > 1 and signatures[i] or signature, signature)
        signatures[i] = signature
      end
    end
    assert.equal(first, sigv4.sign(request()).signature)
  end)

  it("does not take one scope for another that reads the same run together", function()
    local one = sigv4.sign(request { region = "ab", service = "c" })
    local other = sigv4.sign(request { region = "a", service = "bc" })
    assert.not_equal(one.signature, other.signature)
  end)
end)

describe("sigv4's canonical path", function()
  it("encodes only what cannot stand in a path when S3 signs it as sent", function()
    local function path(text)
      return canonical_path { url = "https://h" .. text, normalize_path = false, double_encode = false }
    end
    assert.equal("/a%20b/%C3%A9/%25zz/%25/%254", path "/a b/é/%zz/%/%4")
    assert.equal("/%2f%2F+", path "/%2f%2F+")
  end)

  it("never climbs above the root", function()
    assert.equal("/", canonical_path { url = "https://h/../../.." })
    assert.equal("/b", canonical_path { url = "https://h/a/../../../b" })
  end)
end)

describe("sigv4's canonical query", function()
  it("has one form for one parameter", function()
    assert.equal("a=%2B%20%25", canonical_query "a=%2b%20%")
    assert.equal("a=A~", canonical_query "%61=%41%7E")
    assert.equal("=x&a=", canonical_query "a&=x")
  end)
end)

describe("sigv4.presign", function()
  it("keeps the URL and adds the signature last", function()
    local url = sigv4.presign(request { url = "https://h.example/a b?x=1&#part" })
    assert.matches("^https://h%.example/a b%?x=1&X%-Amz%-Algorithm=AWS4%-HMAC%-SHA256&X%-Amz%-Credential=", url)
    assert.matches("&X%-Amz%-Expires=900&X%-Amz%-Signature=%x+$", url)
    assert.equal(64, #query_signature(url))
  end)

  it("makes a whole URL of a bare host", function()
    assert.matches("^https://h%.example/%?X%-Amz%-Algorithm=", sigv4.presign(request { url = "https://h.example" }))
  end)

  it("has the session token in the URL, encoded", function()
    local credentials = { access_key_id = "AK", secret_access_key = "k", session_token = secret "a/b+c=" }
    assert.matches("&X-Amz-Security-Token=a%2Fb%2Bc%3D&",
      sigv4.presign(request { credentials = credentials }), 1, true)
  end)

  it("refuses times that AWS refuses", function()
    for _, expires in ipairs { 0, -1, 604801, 1.5, "60", math.huge } do
      local message = refusal({ expires = expires }, sigv4.presign)
      assert.matches("expires: 1 to 604800 whole seconds expected", message, 1, true)
    end
  end)
end)

describe("sigv4, wrong and hostile input", function()
  it("says which function, which field and what was expected", function()
    assert.equal("bad argument #1 to 'sigv4.sign' (region: string expected, got nil)",
      refusal { region = json.null })
    assert.matches("'sigv4.presign' (service: string expected, got number)",
      refusal({ service = 5 }, sigv4.presign), 1, true)
    local cases = {
      { { url = json.null }, "url: string expected, got nil" },
      { { url = "/path" }, "url: http:// or https:// expected" },
      { { url = "ftp://h/" }, "url: http:// or https:// expected" },
      { { url = "https:///path" }, "url: has no host" },
      { { url = "https://user:pass@h/" }, "url: holds a user name" },
      { { url = "https://h/\r\nX: y" }, "url: holds a control character" },
      { { url = "https://h/\0" }, "url: holds a control character" },
      { { url = "https://é/" }, "url: its host is not ASCII" },
      { { url = "https://h h/" }, "url: its host is not ASCII" },
      { { method = "GET /" }, "method: letters expected" },
      { { method = "" }, "method: letters expected" },
      { { body = {} }, "body: string or Secret expected, got table" },
      { { headers = "x" }, "headers: table expected, got string" },
      { { headers = { ["X A"] = "1" } }, "headers: a name holds a character that is not allowed" },
      { { headers = { ["X:A"] = "1" } }, "headers: a name holds a character that is not allowed" },
      { { headers = { [""] = "1" } }, "headers: a name is empty" },
      { { headers = { A = true } }, "headers: value of a: string expected, got boolean" },
      { { headers = { A = { "1", {} } } }, "headers: value of a: string expected, got table" },
      { { headers = { A = "1\r\nEvil: 2" } }, "headers: value of a holds a line break" },
      { { headers = { A = "1\n" } }, "headers: value of a holds a line break" },
      { { headers = { A = "1\r" } }, "headers: value of a holds a line break" },
      { { headers = { A = "1\0" } }, "headers: value of a holds a line break" },
      { { headers = { A = "1", a = "2" } }, "is there twice" },
      { { headers = { { "A", "1" }, B = "2" } }, "headers: a list and names in one table" },
      { { headers = { "A: 1" } }, "headers: [1]: {name, value} expected" },
      { { headers = { { 1, "1" } } }, "headers: [1]: name: string expected" },
      { { headers = { { "Host", "a" }, { "host", "b" } } }, "headers: one host expected" },
      { { headers = { Host = "" } }, "headers: one host expected" },
      { { region = "eu/west" }, "region: 1 to 128 visible characters" },
      { { service = "" }, "service: 1 to 128 visible characters" },
      { { service = ("s"):rep(129) }, "service: 1 to 128 visible characters" },
      { { credentials = json.null }, "credentials: table expected, got nil" },
      { { credentials = {} }, "credentials.access_key_id: 1 to 128 visible characters" },
      { { credentials = { access_key_id = "AK" } }, "credentials.secret_access_key: 1 to 1024 bytes expected" },
      { { credentials = { access_key_id = "AK", secret_access_key = ("k"):rep(1025) } }, "1 to 1024 bytes expected" },
      { { credentials = { access_key_id = "A, B", secret_access_key = "k" } }, "credentials.access_key_id: 1 to 128" },
      { { credentials = { access_key_id = "AK", secret_access_key = "k", session_token = "a\nb" } },
        "credentials.session_token: holds white space" },
      { { time = "now" }, "time: number expected, got string" },
      { { time = 0 / 0 }, "time: unix seconds expected" },
      { { time = -1 }, "time: unix seconds expected" },
      { { time = 1e18 }, "time: unix seconds expected" },
      { { normalize_path = 1 }, "normalize_path: boolean expected, got number" },
      { { payload_hash = "abc" }, "payload_hash: 64 lower-case hex digits" },
      { { payload_hash = ("A"):rep(64) }, "payload_hash: 64 lower-case hex digits" },
      { { regoin = "x" }, "unknown option 'regoin'" },
      { { "x" }, "unknown option '?'" },
    }
    for _, case in ipairs(cases) do
      for _, sign in ipairs { sigv4.sign, sigv4.presign } do
        assert.matches(case[2], refusal(case[1], sign), 1, true)
      end
    end
    local _, err = pcall(sigv4.sign, "url")
    assert.equal("bad argument #1 to 'sigv4.sign' (table expected, got string)", err)
  end)

  it("refuses a request that was signed before", function()
    for _, name in ipairs { "Authorization", "x-amz-date", "X-AMZ-SECURITY-TOKEN", "X-Amz-Content-Sha256" } do
      assert.matches("a request is signed once", refusal { headers = { [name] = "x" } }, 1, true)
    end
    local presigned = sigv4.presign(request())
    assert.matches("url: X-Amz-Algorithm is already there", refusal { url = presigned }, 1, true)
    assert.matches("X-Amz-Signature is already there",
      refusal({ url = "https://h/?a=1&X%2DAmz-Signature=0" }, sigv4.presign), 1, true)
    assert.matches("a request is signed once", refusal { headers = sigv4.sign(request()).headers }, 1, true)
  end)

  it("names no secret in an error", function()
    local message = refusal {
      credentials = { access_key_id = "AK", secret_access_key = secret(("hush"):rep(400)) },
    }
    assert.is_nil(message:find("hush", 1, true))
    message = refusal { headers = { Cookie = secret "hush\nhush" } }
    assert.is_nil(message:find("hush", 1, true))
  end)

  it("survives sizes that nobody sends", function()
    local many = {}
    for i = 1, 1000 do many[i] = { "X-" .. i % 7, ("v"):rep(i) } end
    assert.equal(64, #sigv4.sign(request { headers = many }).signature)
    many[1001] = { "X", "x" }
    assert.matches("headers: more than 1000", refusal { headers = many }, 1, true)
    local query = ("&=&%&a=%41&é"):rep(20000)
    assert.equal(64, #sigv4.sign(request { url = "https://h/?" .. query }).signature)
    local path = ("/../a/./%"):rep(20000)
    assert.equal("/a/%25", canonical_path({ url = "https://h" .. path }):sub(-6))
    assert.equal(64, #sigv4.sign(request { body = ("\0"):rep(5000000) }).signature)
  end)

  it("signs any bytes in path, query and values without a fault", function()
    local state = 42
    local function random(limit)
      state = (state * 1103515245 + 12345) & 0x7FFFFFFF
      return (state >> 8) % limit
    end
    for _ = 1, 2000 do
      local bytes = {}
      for i = 1, random(40) do bytes[i] = string.char(random(256)) end
      local text = table.concat(bytes)
      local given = request { url = "https://h/" .. text, headers = { ["X-A"] = text }, body = text }
      local ok, signed = pcall(sigv4.sign, given)
      if ok then
        assert.is_nil(signed.canonical_request:find "[\0\r]")
        assert.equal(64, #query_signature(sigv4.presign(given)))
      else
        assert.matches("^bad argument #1 to 'sigv4.sign' %(", signed)
      end
    end
  end)
end)
