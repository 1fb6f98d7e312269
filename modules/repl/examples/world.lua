return [[
== new
local fixture = require "fairlead.world.example".fixture()
local small = world.new { seed = 7, scenario = "all-well", fixture = fixture }
print(small.github ~= nil) --> true

== scenarios
for _, scenario in ipairs(world.scenarios()) do print(scenario.name) end

== service_for
print(world.service_for { host = "api.github.com" }) --> github

== World:run
local small = world.new { seed = 7, fixture = require "fairlead.world.example".fixture() }
local result = small:run(procedure.new { name = "example", run = function(run)
  run:say(github.client { repository = "acme/lighthouse" }:viewer())
end })
print(result.outcome) --> done

== World:transport
local small = world.new { seed = 7, fixture = require "fairlead.world.example".fixture() }
print(http.with_transport(small:transport(), http.get, "https://lighthouse.example.com/health").status) --> 200

== World:open
local small = world.new { seed = 7, fixture = require "fairlead.world.example".fixture() }
print(small:open().work ~= nil) --> true
small:close()

== World:close
local small <close> = world.new { seed = 7, fixture = require "fairlead.world.example".fixture() }
small:open()

== World:assemble
local small = world.new { seed = 7 }
small:assemble(require "fairlead.world.example".fixture())
print(small.slack ~= nil) --> true

== World:after
w:after(60, function() print "a minute later" end) --> a minute later
clock.sleep(61)
w:settle()

== World:at
w:at(clock.now() + 60, function() print "a minute later" end) --> a minute later
clock.sleep(61)
w:settle()

== World:settle
w:settle()

== World:on
w:on("push", function(data) print(data.branch) end) --> light-the-lamp
git.open(w.folder.work):push { branch = "light-the-lamp" }
w:settle()

== World:on_settled
w:on_settled(function() end)

== World:emit
w:on("lamp", function(data) print(data.colour) end) --> white
w:emit("lamp", { colour = "white" })

== World:publish
w:publish { environment = "staging", sha = ("1a2b3c4d"):rep(5), short_sha = "1a2b3c4", at = clock.now() }

== World:deployment_event
w:deployment_event { application = "staging-lighthouse", environment = "staging", id = "d-ABCDEFGH1", event = "started",
  at = clock.now() }

== World:handle
local answer = w:handle { method = "GET", host = "lighthouse.example.com", path = "/health", query = {},
  header = function() return nil end, body = "" }
print(answer.status) --> 200

== World:fault
print(w:fault { method = "GET", host = "lighthouse.example.com", path = "/health", query = {},
  header = function() return nil end, body = "" }) --> nil

== World:duration
print(type(w:duration(60))) --> number

== World:environment_of
print(w:environment_of "production") --> production

== World:stream
print(type(w:stream "dice")) --> table

== World:network_stream
print(type(w:network_stream "dice")) --> table

== World:exclusive
print(w:exclusive(function() return "nothing happens meanwhile" end)) --> nothing happens meanwhile
]]
