--- `aws.session { role_arn = … }`: a role that the session's other credentials assume.
local found = require "fairlead.aws.credentials.found"

---@type fairlead.aws.Provider
return {
  name = "session's role",
  load = function(session)
    local arn <const> = session.options.role_arn
    if not arn then
      return nil, "no role asked for"
    end
    local role <const> = require "fairlead.aws.credentials.role"
    local rest = {}
    for name, value in pairs(session.options) do
      rest[name] = name ~= "role_arn" and value or nil
    end
    return found.make(role.assume(session:derive(rest), { role_arn = arn }), "role " .. arn)
  end,
}
