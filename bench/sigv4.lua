-- Signatures per second of an ordinary call to ECS, against a loop in C that does the same hashing on OpenSSL and
-- nothing else: the ratio is what reading the request, its canonical form and the results as Lua values cost.
local clock = require "fairlead.clock"
local process = require "fairlead.process"
local sigv4 = require "fairlead.sigv4"

local COUNT <const> = 100000
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
  local kept, derived = done.stdout:match "^(%d+)\n(%d+)\n$"
  return tonumber(kept), tonumber(derived)
end

local function median(list)
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function thousands(number)
  local text = ("%.0f"):format(number):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local lua, kept, derived = {}, {}, {}
for round = 1, ROUNDS do -- in turn, so that whatever else the machine does falls on all
  lua[round] = ours()
  kept[round], derived[round] = theirs()
end
local rate, with_kept, with_derived = median(lua), median(kept), median(derived)
print(("sigv4: %s signatures/s, %.2f of bare OpenSSL HMAC chain (%s), %.2f with its key kept (%s)"):format(
  thousands(rate), rate / with_derived, thousands(with_derived), rate / with_kept, thousands(with_kept)))
