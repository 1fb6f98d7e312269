---@meta

---Calls `fn(...)`; also a global. A cancellation is not caught: it goes on to the end of its task.
---@async
---@param fn function
---@param ... any
---@return any ... what `fn` returned; or nil and an error object
function try(fn, ...) end -- luacheck: ignore 121
