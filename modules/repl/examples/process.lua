return [[
== run
local result = process.run { "sh", "-c", "echo $GREETING; exit 3", env = { GREETING = "hello" }, timeout = 10 }
print(result.code, result.stdout:match "%w+") --> 3	hello

== which
print(process.which "sh" ~= nil, (process.which "no-such-program")) --> true	nil

== with_runner
local function pretend() return { code = 0, stdout = "pretended\n", stderr = "" } end
print((process.with_runner(pretend, process.run, { "rm", "-r", "everything" }).stdout:gsub("\n", ""))) --> pretended

== Result:check
print((process.run { "echo", "fine" }:check().stdout:gsub("\n", ""))) --> fine
local _, err = try(function() return process.run { "false" }:check() end)
print(err.kind) --> process.failed
]]
