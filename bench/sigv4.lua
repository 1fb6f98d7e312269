-- sigv4: signatures per second of an ordinary call to ECS, against a loop in C that does the same hashing on OpenSSL
-- and nothing else (the ratio is what reading the request, its canonical form and the results as Lua values cost),
-- against the bare hashing of as many blocks, and against two other signers: AWS's own in C (python3-awscrt) and aws4
-- for Node.js (where `./dev peers` has installed it).
local clock = require "fairlead.clock"
local process = require "fairlead.process"
local sigv4 = require "fairlead.sigv4"

local COUNT <const>, OTHERS <const> = 100000, 20000
local ROUNDS <const> = 5

local request = {
  method = "POST", url = "https://ecs.eu-west-2.amazonaws.com/", time = 1772442000,
  service = "ecs", region = "eu-west-2",
  headers = {
    ["Content-Type"] = "application/x-amz-json-1.1",
    ["X-Amz-Target"] = "AmazonEC2ContainerServiceV20141113.DescribeServices",
  },
  body = '{"cluster":"staging-cluster","services":["staging-planning-data"],"include":["TAGS"]}',
  credentials = {
    access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    session_token = ("FwoGZXIvYXdzEBYaDPqX"):rep(16),
  },
}

local function ours()
  local began = clock.monotonic()
  for _ = 1, COUNT do sigv4.sign(request) end
  return COUNT / (clock.monotonic() - began)
end

local canonical = tostring(#sigv4.sign(request).canonical_request)
local function theirs()
  local done = process.run { "build/release/bench/sigv4", tostring(COUNT), tostring(#request.body), canonical }
  assert(done.code == 0, done.stderr)
  local kept, derived, floor = done.stdout:match "^(%d+)\n(%d+)\n(%d+)\n$"
  return tonumber(kept), tonumber(derived), tonumber(floor)
end

-- Each prints its signatures per second. It signs with the key of the day, as we do; both keep it.
local AWSCRT <const> = [[
import sys, time, datetime
from awscrt import auth, http
count, body, token = int(sys.argv[1]), sys.argv[2], sys.argv[3]
provider = auth.AwsCredentialsProvider.new_static("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)
date = datetime.datetime.fromtimestamp(1772442000, datetime.timezone.utc)
import io
began = time.perf_counter()
for _ in range(count):
  request = http.HttpRequest("POST", "/", http.HttpHeaders([("Host", "ecs.eu-west-2.amazonaws.com"),
    ("Content-Type", "application/x-amz-json-1.1"),
    ("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.DescribeServices")]), io.BytesIO(body.encode()))
  config = auth.AwsSigningConfig(algorithm=auth.AwsSigningAlgorithm.V4, credentials_provider=provider,
    region="eu-west-2", service="ecs", date=date, signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS)
  auth.aws_sign_request(request, config).result()
print(int(count / (time.perf_counter() - began)))
]]
local AWS4 <const> = [=[
const aws4 = require('aws4')
const [count, body, sessionToken] = [Number(process.argv[1]), process.argv[2], process.argv[3]]
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', sessionToken }
const began = process.hrtime.bigint()
for (let i = 0; i < count; i++) aws4.sign({ service: 'ecs', region: 'eu-west-2', method: 'POST', path: '/', body,
  headers: { 'Content-Type': 'application/x-amz-json-1.1', 'X-Amz-Date': '20260302T090000Z',
    'X-Amz-Target': 'AmazonEC2ContainerServiceV20141113.DescribeServices' } }, keys)
console.log(Math.floor(count / (Number(process.hrtime.bigint() - began) / 1e9)))
]=]
local MODULES <const> = "build/peers/node_modules"

local function other(program, flag, code)
  local done = process.run { program, flag, code, tostring(OTHERS), request.body, request.credentials.session_token,
    env = { NODE_PATH = MODULES } }
  return done.code == 0 and tonumber(done.stdout) or nil
end

local function median(list)
  if #list == 0 then return nil end
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function thousands(number)
  local text = ("%.0f"):format(number):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local lua, kept, derived, floor, awscrt, aws4 = {}, {}, {}, {}, {}, {}
for round = 1, ROUNDS do -- in turn, so that whatever else the machine does falls on all
  lua[round] = ours()
  kept[round], derived[round], floor[round] = theirs()
  awscrt[#awscrt + 1] = other("/usr/bin/python3", "-c", AWSCRT)
  aws4[#aws4 + 1] = other("node", "-e", AWS4)
end
local rate, with_kept, with_derived = median(lua), median(kept), median(derived)
print(("sigv4: %s signatures/s, %.2f of bare OpenSSL HMAC chain (%s), %.2f with its key kept (%s)"):format(
  thousands(rate), rate / with_derived, thousands(with_derived), rate / with_kept, thousands(with_kept)))
print(("sigv4: %.2f of the bare hashing of 38 blocks (%s); 0.4 or more: %s"):format(rate / median(floor),
  thousands(median(floor)), rate / median(floor) >= 0.4 and "met" or "MISSED"))
for name, list in require "fairlead.sorted" { ["python3-awscrt"] = awscrt, ["aws4 on Node.js"] = aws4 } do
  local theirs_rate = median(list)
  print(theirs_rate and ("sigv4: %.1f times %s (%s)"):format(rate / theirs_rate, name, thousands(theirs_rate))
    or ("sigv4: %s is not installed (`./dev peers` does it)"):format(name))
end
