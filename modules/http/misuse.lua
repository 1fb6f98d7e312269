--- Errors of whoever calls http wrongly: raised at the caller's line, in the words of luaL_argerror.
local nearest = require "fairlead.nearest"

local M = {}

-- The level of the first function outside this module.
local function caller()
  for level = 3, 50 do
    local info = debug.getinfo(level, "S")
    if not info then break end
    if info.what ~= "C" and not info.source:find("modules/http/[%w_]+%.lua$") then return level - 1 end
  end
  return 0
end

---Raises "bad argument #1 to 'http.get' (…)" at the line that called into this module.
---@param call { name: string, argument: integer } which function, and which of its arguments holds the mistake
---@param text string
---@param ... any for string.format
function M.raise(call, text, ...)
  error(("bad argument #%d to '%s' (%s)"):format(call.argument, call.name, text:format(...)), caller())
end

---"unknown option 'timout'; did you mean 'timeout'?"
---@param name any
---@param known table<string, any>
---@return string
function M.unknown(name, known)
  if type(name) ~= "string" then return ("unknown option [%s]"):format(tostring(name)) end
  local best = nearest.name(name, known)
  return ("unknown option '%s'%s"):format(name, best and ("; did you mean '%s'?"):format(best) or "")
end

---"timeout: number expected, got string"
---@param name string
---@param expected string
---@param value any
---@return string
function M.type_error(name, expected, value)
  return ("%s: %s expected, got %s"):format(name, expected, value == nil and "nil" or type(value))
end

return M
