--- Environment variables as the modules see them: the process's own, under overlays that a piece of code lays over
--- them for its duration. A rehearsal lays its tokens over the developer's, and hides the developer's AWS profile.
---
--- An overlay maps a name to text, to `false` (hidden: as if it were not set), or a name ending in `*` to `false`
--- (every name with that beginning is hidden, except those that the overlay gives). Like the HTTP transport, an
--- overlay holds for the whole host while its function runs, not only for the calling task.
local M = {}

---@alias fairlead.environment.Overlay table<string, string|false>

---@type fairlead.environment.Overlay[]  the newest last
local overlays = {}

--- What one overlay says of a name: text, false for hidden, nil for nothing.
local function look(overlay, name)
  local value = overlay[name]
  if value ~= nil then
    return value
  end
  for pattern, hidden in pairs(overlay) do
    if hidden == false and pattern:sub(-1) == "*" and name:sub(1, #pattern - 1) == pattern:sub(1, -2) then
      return false
    end
  end
  return nil
end

--- The variable's text, or nil when it is not set. An empty variable counts as not set, as for the AWS SDKs and gh.
---@param name string
---@return string?
function M.get(name)
  for i = #overlays, 1, -1 do
    local value = look(overlays[i], name)
    if value ~= nil then
      return value or nil
    end
  end
  local value = os.getenv(name)
  if value == "" then
    return nil
  end
  return value
end

--- Calls `fn(...)` with an overlay in force and returns its results. The overlay goes with the call, however it ends.
---@async
---@param overlay fairlead.environment.Overlay
---@param fn function
---@return any ...
function M.with(overlay, fn, ...)
  if type(overlay) ~= "table" then
    error(("bad argument #1 to 'environment.with' (table expected, got %s)"):format(type(overlay)), 2)
  end
  overlays[#overlays + 1] = overlay
  -- Its own entry is taken out, not "the last": two tasks may end in another order than they began.
  local restore <close> = setmetatable({}, { -- luacheck: ignore restore
    __close = function()
      for i = #overlays, 1, -1 do
        if overlays[i] == overlay then
          table.remove(overlays, i)
          return
        end
      end
    end,
  })
  local results = table.pack(fn(...))
  return table.unpack(results, 1, results.n)
end

--- The overlays in force as one table: what a child process must be given on top of the inherited environment.
--- `false`: to be taken away. Names ending in `*` are left out.
---@return table<string, string|false>
function M.overrides()
  local merged = {}
  for _, overlay in ipairs(overlays) do
    for name, value in pairs(overlay) do
      if name:sub(-1) ~= "*" then
        merged[name] = value
      end
    end
  end
  return merged
end

return M
