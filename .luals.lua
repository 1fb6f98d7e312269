-- How the Lua language server finds `require "fairlead.http"`: in modules/http/init.lua (a Lua half) or
-- modules/http/meta.lua (a C half's annotations); `require "fairlead.http.retry"` in modules/http/retry.lua.
-- It is a plugin of lua-language-server (3.8 or newer), named in .luarc.json; nothing else reads it.
-- luacheck: globals ResolveRequire

---@param workspace string the workspace's address, file://…
---@param name string what the script requires
---@return string[]?
function ResolveRequire(workspace, name)
  local part = name:match "^fairlead%.([%w_.]+)$"
  if not part then return nil end
  local base = workspace .. "/modules/" .. part:gsub("%.", "/")
  for _, ending in ipairs { ".lua", "/init.lua", "/meta.lua" } do
    local file = io.open((base .. ending):gsub("^file://", ""), "r")
    if file then
      file:close()
      return { base .. ending }
    end
  end
  return nil
end
