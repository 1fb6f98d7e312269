--- Iterates over a table in the order of its keys: `pairs` has another order in each run, and what is shown,
--- recorded or simulated must not.

---@generic V
---@param map table<string, V>?
---@return fun(): string?, V?
return function(map)
  local keys = {}
  for key in pairs(map or {}) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  local i = 0
  return function()
    i = i + 1
    local key = keys[i]
    if key ~= nil then
      return key, map[key] -- which may be false
    end
    return nil
  end
end
