return [[
== text
print(inspect.text { 1, 2, name = "site", token = secret "abc" }) --> { 1, 2, name = "site", token = [secret] }
print(inspect.text("two\nlines", { lines = true }))

== line
print(inspect.line({ list = { 1, 2, 3 }, name = "long" }, { width = 25 })) --> { list = { 1, 2, 3 }, na…
]]
