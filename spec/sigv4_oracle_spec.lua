-- Signatures compared with those of AWS's own libraries, which Debian packages: aws-c-auth signs the same requests, and
-- botocore verifies what was sent, as a server would.
local json = require "fairlead.json"
local process = require "fairlead.process"
local sigv4 = require "fairlead.sigv4"

local REQUESTS <const> = 80

---A generator of its own, so that each run makes the same requests.
local function generator(seed)
  local state = seed
  local random = {}
  function random.number(limit)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % limit + 1
  end
  function random.one(list) return list[random.number(#list)] end
  function random.chance(n) return random.number(n) == 1 end
  function random.join(list, most, separator)
    local parts = {}
    for i = 1, random.number(most + 1) - 1 do parts[i] = random.one(list) end
    return table.concat(parts, separator)
  end
  return random
end

local LEGAL <const> = { "a", "b.c", "%20", "%C3%A9", "x+y", "k=v", "~u", "-_", "(1)", "a:b", "%2F", "'q'", "@", "v;3" }
local RAW <const> = { "a b", "é", "ሴ", "100%", "[1]", '"', "a|b", ".", "..", "", "...", "%zz", "%c3" }
local PARAMETERS <const> = {
  "a=1", "a=2", "a", "b=", "=c", "a-b=1", "a=a b", "q=x+y", "q=%2b", "é=ü", "%C3%A9=1", "%c3%a9=2", "x=a=b", "",
  "arn=arn:aws:ecs:eu-west-2:1:service/a/b", "A=1", "_=~", "star=*", "quote='", "n=%0A",
}
local VALUES <const> = { "1", " a  b ", "x, y", '"q  q"', "é", "", "a\tb" }

local function random_headers(random)
  if random.chance(4) then return nil end
  local headers = {}
  for _ = 1, random.number(5) do
    local name = random.one { "X-A", "x-a", "X-B", "Content-Type", "X-Amz-Target", "Accept", "User-Agent", "Z" }
    headers[#headers + 1] = { name, random.one(VALUES) }
  end
  return json.array(headers)
end

local function random_request(random)
  local as_sent = random.chance(3)
  local segments = table.move(LEGAL, 1, #LEGAL, 1, {})
  if not as_sent then table.move(RAW, 1, #RAW, #segments + 1, segments) end
  local query = random.join(PARAMETERS, 6, "&")
  local credentials = {
    access_key_id = "AKIA" .. random.number(999), secret_access_key = ("s/+"):rep(random.number(40)),
  }
  if random.chance(3) then credentials.session_token = "tok/en+" .. random.number(9) .. "==" end
  return {
    method = random.one { "GET", "POST", "PUT", "DELETE" },
    url = random.one { "https", "http" } .. "://" .. random.one { "h.example", "H.Example:443", "127.0.0.1:8080" }
      .. "/" .. random.join(segments, 5, "/") .. (query ~= "" and "?" .. query or ""),
    headers = random_headers(random),
    body = random.one { nil, "", "{}", "é", ("x"):rep(1000) },
    payload_hash = random.chance(6) and "UNSIGNED-PAYLOAD" or nil,
    service = random.one { "ecs", "s3", "execute-api" }, region = random.one { "eu-west-2", "us-gov-west-1" },
    credentials = credentials, time = 946684800 + random.number(900000000), expires = random.number(604800),
    normalize_path = not as_sent and not random.chance(3), double_encode = not as_sent,
    sign_payload_header = random.chance(3), omit_session_token = random.chance(3),
  }
end

---What a transport would send: one entry for each value.
local function sent_headers(signed)
  local sent = json.array()
  for name, value in pairs(signed.headers) do
    for _, one in ipairs(type(value) == "table" and value or { value }) do sent[#sent + 1] = { name, one } end
  end
  return sent
end

local function ask_oracle(mode, cases)
  -- Debian's Python: its packages are not visible to another that comes first in PATH.
  local done = process.run {
    "/usr/bin/python3", "spec/support/sigv4_oracle.py", mode, stdin = json.encode(cases), timeout = 120,
  }
  assert.equal(0, done.code, done.stderr)
  return json.decode(done.stdout)
end

describe("sigv4 against AWS's own libraries", function()
  local random = generator(20261122)
  local cases = {}
  for i = 1, REQUESTS do
    local request = random_request(random)
    local signed = sigv4.sign(request)
    cases[i] = {
      request = request, headers = sent_headers(signed), url = sigv4.presign(request),
      canonical = signed.canonical_request, signature = signed.signature,
    }
  end

  for mode, name in pairs { sign = "aws-c-auth signs alike", verify = "botocore accepts what was sent" } do
    it(name .. ", " .. REQUESTS .. " requests in headers and in the query", function()
      local answers = ask_oracle(mode, cases)
      assert.equal(REQUESTS, #answers)
      for i, answer in ipairs(answers) do
        local case = cases[i]
        local about = case.request.url .. "\n" .. case.canonical
        assert.equal(answer.header, case.signature, about)
        assert.equal(answer.query, case.url:match "X%-Amz%-Signature=(%x+)$", about)
      end
    end)
  end
end)
