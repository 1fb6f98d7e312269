return [[
== decode
local value = json.decode '{"jobs": [{"name": "lint"}], "next": null}'
print(value.jobs[1].name) --> lint
print(value.next == json.null) --> true

== encode
print(json.encode { name = "site", ports = { 80, 443 } }) --> {"name":"site","ports":[80,443]}
print(json.encode({ 1.0, 1 }, { indent = 2 }))

== array
print(json.encode { tags = json.array {} }) --> {"tags":[]}
]]
