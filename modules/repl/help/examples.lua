--- A runnable example of each public function: modules/repl/examples/<module>.lua has those of a module, and a spec
--- runs them all in a simulated world.
local M = {}

local texts = {}

local function text_of(module)
  if texts[module] == nil then
    local found = package.searchpath and try(require, "fairlead.repl.examples." .. module)
    texts[module] = found and "\n" .. found or false
  end
  return texts[module]
end

-- "fairlead.github.Client:merge" is Client:merge in github's file, "http.get" is get in http's.
local function split(full)
  local rest = full:gsub("^fairlead%.", "")
  local module, name = rest:match "^([%l_%d]+)%.(.+)$"
  if module then return module, name end
  return rest:lower():match "^[%l_]+", rest
end

---@param full string a function's name: "http.get", "fairlead.github.Client:merge", "try"
---@return string|nil code
function M.of(full)
  local module, name = split(full)
  local text = module and text_of(module)
  if not text then return nil end
  local _, last = text:find("\n== " .. name .. "\n", 1, true)
  if not last then return nil end
  local stop = text:find("\n== ", last, true) or #text + 1
  return (text:sub(last + 1, stop - 1):gsub("%s+$", ""))
end

---All examples of a module.
---@param module string "http"
---@return table<string, string> code by name
function M.all(module)
  local found = {}
  for name in (text_of(module) or ""):gmatch "\n== ([^\n]+)" do
    found[name] = M.of((name:find "^%u" and "fairlead." or "") .. module .. "." .. name) or M.of(name)
  end
  return found
end

return M
