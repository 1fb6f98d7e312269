return [[
== try
local value, err = try(json.decode, "{")
print(value, err.kind) --> nil	json.syntax
]]
