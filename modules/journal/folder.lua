--- Where Fairlead keeps its state. By itself, so that who only looks there does not load SQLite.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"

---FAIRLEAD_STATE, else fairlead/ in XDG_STATE_HOME, else ~/.local/state/fairlead.
---@return string path
return function()
  local own = environment.get "FAIRLEAD_STATE"
  if own then return own end
  local base = environment.get "XDG_STATE_HOME"
  -- A relative path there is to be ignored (XDG Base Directory Specification).
  if base and base:sub(1, 1) == "/" then return base .. "/fairlead" end
  local home = environment.get "HOME"
  if not home then
    errors.raise {
      kind = "config.missing", op = "journal", message = "neither FAIRLEAD_STATE nor HOME says where to keep it",
      hint = "set FAIRLEAD_STATE to a folder",
    }
  end
  return home .. "/.local/state/fairlead"
end
