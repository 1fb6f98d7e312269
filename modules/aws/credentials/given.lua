--- Credentials that a script gives its session.
local found = require "fairlead.aws.credentials.found"

---@type fairlead.aws.Provider
return {
  name = "session",
  load = function(session)
    local given <const> = session.options.credentials
    if not given then
      return nil, "none given"
    end
    return found.make(given, "given")
  end,
}
