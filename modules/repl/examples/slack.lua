return [[
== client
local channel = slack.client {}:channel "#deployments"
print(channel.id) --> C01DEPLOY

== approval
local channel = slack.approval { client = slack.client {}, channel = "deployments", approvers = { "root" } }
local outcome = procedure.execute(procedure.new { name = "ask", run = function(run)
  run:gate { name = "Agreement", question = "Go on?", via = { channel }, timeout = 3600,
    evidence = function() return { commit = "1a2b3c4" } end }
end }, {})
print(outcome.outcome)

== escape
print(slack.escape "a < b & c") --> a &lt; b &amp; c

== verify_signature
print(slack.verify_signature { signing_secret = "8f742231b10e8888abcd99yyyzzz85a5", timestamp = "1531420618",
  body = "token=x", signature = "v0=0000", now = 1531420620 }) --> false

== Client:post
local message = slack.client {}:post { channel = "deployments", text = "It begins." }
print(message.channel, message.ts ~= nil) --> C01DEPLOY	true

== Client:update
local client = slack.client {}
local message = client:post { channel = "deployments", text = "It begins." }
client:update { channel = message.channel, ts = message.ts, text = "It is done." }
print(client:history { channel = "deployments" }[1].text) --> It is done.

== Client:find
local client = slack.client {}
local metadata = { event_type = "release", event_payload = { id = "7" } }
client:post { channel = "deployments", text = "Release 7", metadata = metadata }
print(client:find { channel = "deployments", event_type = "release", payload = { id = "7" } } ~= nil) --> true

== Client:history
local client = slack.client {}
client:post { channel = "deployments", text = "It begins." }
for _, message in ipairs(client:history { channel = "deployments", limit = 10 }) do
  print(message.text) --> It begins.
end

== Client:replies
local client = slack.client {}
local message = client:post { channel = "deployments", text = "It begins." }
client:post { channel = "deployments", text = "Well?", thread = message.ts }
print(client:replies { channel = "deployments", ts = message.ts }[1].text) --> Well?

== Client:reactions
local client = slack.client {}
local message = client:post { channel = "deployments", text = "It begins." }
print(#client:reactions { channel = message.channel, ts = message.ts }) --> 0

== Client:channel
print(slack.client {}:channel("deployments").name) --> deployments

== Client:channel_id
print(slack.client {}:channel_id "#deployments") --> C01DEPLOY

== Client:user
print(slack.client {}:user("root@example.com").id) --> U03ROOT

== Client:group_members
local members, err = try(function() return slack.client {}:group_members "admins" end)
print(members or err.kind)

== Client:upload
slack.client {}:upload { channel = "deployments", filename = "why.txt", content = "what went wrong, at length" }

== Client:call
print(slack.client {}:call("auth.test").ok) --> true

== Client:paginate
for user in slack.client {}:paginate("users.list", { limit = 2 }, "members") do print(user.name) end
]]
