return [[
== get
local response = http.get("https://lighthouse.example.com/health", { timeout = 10 })
print(response.status) --> 200

== head
print(http.head("https://lighthouse.example.com/").status) --> 200

== request
local response = http.request { method = "GET", url = "https://lighthouse.example.com/health", query = { full = "1" } }
print(response.status, response.attempts) --> 200	1

== post
local response = http.post("https://slack.com/api/auth.test", {
  headers = { authorization = secret("Bearer " .. http.reveal(w.fixture.slack.token)) },
})
print(response:json().ok) --> true

== put
local url = "https://api.github.com/repos/acme/lighthouse/pulls/99/merge"
print(http.put(url, { json = {} }).status) --> 401

== patch
local url = "https://api.github.com/repos/acme/lighthouse/pulls/99"
print(http.patch(url, { json = { title = "Light the lamp" } }).status) --> 401

== delete
print(http.delete("https://api.github.com/repos/acme/lighthouse/git/refs/heads/none").status) --> 401

== on_exchange
local remove = http.on_exchange(function(exchange) print(exchange.method, exchange.status) end)
http.get "https://lighthouse.example.com/health" --> GET	200
remove()

== reveal
print(http.reveal(secret "abc")) --> abc

== use_transport
local before = http.use_transport(function(request)
  return { status = 200, headers = { { "content-type", "text/plain" } }, body = "you asked for " .. request.url }
end)
print(http.get("https://example.com/").body) --> you asked for https://example.com/
http.use_transport(before)

== with_transport
local function offline() errors.raise { kind = "http.connect", message = "no network" } end
print(http.with_transport(offline, function()
  local response, err = try(http.get, "https://example.com/", { retry = false })
  return response, err.kind
end)) --> nil	http.connect

== Response:check
local response, err = try(function() return http.get("https://api.github.com/user"):check() end)
print(err.kind, err.status) --> http.status	401

== Response:json
print(http.get("https://api.github.com/user"):json().message) --> Requires authentication
]]
