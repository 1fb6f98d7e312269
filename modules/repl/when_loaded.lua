--- Has something done to a module when it is first required, so that a session does not load what nobody uses.
local M = {}

-- As require finds it, but for what this file itself has put into package.preload.
local function find(name)
  for _, searcher in ipairs { table.unpack(package.searchers, 2) } do
    local loader <const>, extra = searcher(name)
    if type(loader) == "function" then return loader, extra end
  end
  error(("module '%s' not found"):format(name), 0)
end

---Calls `fn(module)` now, if the module is there, and whenever it is loaded: also
---when somebody has it loaded once more.
---@param name string as require takes it
---@param fn fun(module: any)
---@return fun() stop
function M.call(name, fn)
  local before <const> = package.preload[name]
  local loaded <const> = package.loaded[name]
  if loaded ~= nil then fn(loaded) end
  package.preload[name] = function(...)
    local module
    if before then
      module = before(...)
    else
      local loader <const>, extra = find(name)
      module = loader(name, extra)
    end
    if module == nil then module = package.loaded[name] end
    fn(module)
    return module
  end
  return function() package.preload[name] = before end
end

return M
