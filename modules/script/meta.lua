---@meta

--- Compiling other scripts, for programs that run them.
---@class fairlead.script
local script = {}

---Compiles a script as `fairlead SCRIPT` does: text only, strict globals, its folder first for `require`.
---@param path string
---@return function chunk raises kinds `script.not_found` and `script.syntax` (with `line`)
function script.load(path) end

return script
