return [[
== secret
local token = secret "abc"
print("Bearer " .. token) --> [secret]
]]
