return [[
== new
local e = errors.new { kind = "deployment.failed", op = "deploy", target = "staging", message = "no task is healthy" }
print(e) --> deploy staging: no task is healthy

== raise
local ok, e = pcall(errors.raise, { kind = "config.missing", message = "no region", hint = "set AWS_REGION" })
print(e.kind, e.hint) --> config.missing	set AWS_REGION

== wrap
local ok, problem = pcall(error, "plain text", 0)
print(errors.wrap(problem).kind) --> script

== is_error
print(errors.is_error(errors.new { kind = "k", message = "m" }), errors.is_error "text") --> true	false

== exit_code
print(errors.exit_code(errors.new { kind = "gate.refused", message = "no" })) --> 3

== describe
local _, e = try(http.get, "not a url")
print(errors.describe(e))

== Error:is
local e = errors.new { kind = "http.timeout", message = "too late" }
print(e:is "http", e:is "aws") --> true	false
]]
