-- http: requests a second against the same loop in C on libcurl and libuv, both against one local nginx in turn; and a
-- thousand polls of one second at once. Ratios: this host's rate by the peer's.
package.path = "./?.lua;" .. package.path -- spec/support
local certificates = require "spec.support.certificates"
local clock = require "fairlead.clock"
local http = require "fairlead.http"
local nginx = require "spec.support.nginx"
local process = require "fairlead.process"
local task = require "fairlead.task"

local PEER <const> = "build/release/bench/http"
local ROUNDS <const> = 15
local TARGET <const> = 0.8
local POLLS <const>, POLL_SECONDS <const>, POLL_MEGABYTES <const> = 1000, 1.2, 40

local site <close> = nginx.new(3)
certificates.make(site.folder)
process.run({ "mkdir", site.folder .. "/www" }):check()
site:write("www/page", ("x"):rep(1000))
site:start [[
  server { listen 127.0.0.1:{1}; root {folder}/www; }
  server { listen 127.0.0.1:{2} ssl http2; root {folder}/www;
    ssl_certificate {folder}/good.pem; ssl_certificate_key {folder}/good.key; }
]]
local authority = site.folder .. "/authority.pem"

local function ours(url, requests, at_once, ca_file)
  local options = { ca_file = ca_file }
  local began = clock.monotonic()
  local function client()
    for _ = 1, requests // at_once do
      local r = http.get(url, options)
      assert(r.status == 200 and #r.body == 1000)
    end
  end
  if at_once == 1 then
    client()
  else
    local clients = {}
    for i = 1, at_once do clients[i] = client end
    task.all(clients)
  end
  return clock.monotonic() - began
end

local function theirs(url, requests, at_once, ca_file)
  local done = process.run { PEER, url, tostring(requests), tostring(at_once), ca_file }
  return tonumber(done:check().stdout)
end

local function median(list)
  table.sort(list)
  return list[#list // 2 + 1]
end

local function compare(name, url, requests, at_once, ca_file)
  ours(url, at_once, at_once, ca_file) -- connections are there before the clock runs, as a script's mostly are
  local mine, peers, ratios = {}, {}, {}
  for round = 1, ROUNDS do
    mine[round] = requests / ours(url, requests, at_once, ca_file)
    peers[round] = requests / theirs(url, requests, at_once, ca_file)
    ratios[round] = mine[round] / peers[round]
  end
  local ratio = median(ratios)
  print(("http: %-21s %6.0f requests/s, libcurl in C %6.0f (medians of %d): ratio %.2f, %.1f or more: %s"):format(
    name, median(mine), median(peers), ROUNDS, ratio, TARGET, ratio >= TARGET and "met" or "MISSED"))
end

local plain = ("http://127.0.0.1:%d/page"):format(site.ports[1])
local tls = ("https://127.0.0.1:%d/page"):format(site.ports[2])
compare("plain, one by one", plain, 2000, 1)
compare("plain, 64 at once", plain, 3200, 64)
compare("TLS, one by one", tls, 2000, 1, authority)
compare("TLS, 64 at once", tls, 3200, 64, authority)

-- The polls run in a process of their own, so that its memory is theirs alone.
local server = task.start(process.run, { PEER, "--delay", tostring(site.ports[3]), "1" })
clock.sleep(0.2)
local polls = process.run({ "build/release/bin/fairlead", "-e", ([[
  local list = {}
  for i = 1, %d do list[i] = "http://127.0.0.1:%d/" .. i end
  http.get(list[1])
  local began = clock.monotonic()
  local function poll(url) return http.get(url) end
  for _, r in ipairs(task.map(list, poll)) do assert(r.body == "ok" and r.attempts == 1) end
  print(clock.monotonic() - began)
  for line in io.lines "/proc/self/status" do
    if line:find "VmHWM" then print(line:match "%%d+") end
  end
]]):format(POLLS, site.ports[3]) }):check().stdout
server:cancel()
local seconds, kilobytes = polls:match "([%d.]+)\n(%d+)"
seconds, kilobytes = tonumber(seconds), tonumber(kilobytes)
local function verdict(value, target) return value <= target and "met" or "MISSED" end
print(("http: %d polls of 1 s at once: %.2f s, %.1f or less: %s; %.0f MB at most, %d or less: %s"):format(POLLS,
  seconds, POLL_SECONDS, verdict(seconds, POLL_SECONDS),
  kilobytes / 1024, POLL_MEGABYTES, verdict(kilobytes / 1024, POLL_MEGABYTES)))
