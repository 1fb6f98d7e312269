--- A service's token, from an option or from variables, as a Secret.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

local M = {}

---@class fairlead.service.TokenNeed
---@field op string what needs it, such as "github.client"
---@field target string
---@field service string as people call it
---@field variables string[] in the order in which they count
---@field hint string what to set

--- The token that is given, else the first variable's.
---@param given string|Secret|nil
---@param need fairlead.service.TokenNeed
---@return Secret
--- raises config.missing, and config.invalid for a text that no service has ever called a token
function M.find(given, need)
  local text, source = given, "token"
  for _, name in ipairs(given == nil and need.variables or {}) do
    text, source = environment.get(name), name
    if text then
      break
    end
  end
  if text == nil then
    errors.raise {
      kind = "config.missing", op = need.op, target = need.target, message = ("no %s token"):format(need.service),
      hint = need.hint,
    }
  elseif type(text) == "userdata" then
    return text
  elseif type(text) ~= "string" or text == "" then
    error(("bad argument #1 to '%s' (token: non-empty string or secret expected, got %s)"):format(need.op,
      text == "" and "an empty one" or type(text)), 4)
  elseif text:find "[%c ]" then -- a file's last line break, a second line: what headers cannot hold
    errors.raise {
      kind = "config.invalid", op = need.op, target = source, message = "holds a line break or a space",
      hint = "set it to the token alone",
    }
  end
  return secret(text)
end

return M
