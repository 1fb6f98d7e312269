--- A runnable example of each public function: modules/repl/examples/<module>.lua has those of a module, and a spec
--- runs them all in a simulated world.
local M = {}

local WITH_EXAMPLES <const> = {}
for name in ([[aws clock errors git github http inspect json procedure process secret sigv4 slack task try
  world]]):gmatch "%S+" do WITH_EXAMPLES[name] = true end

local function text_of(module)
  return WITH_EXAMPLES[module] and "\n" .. require("fairlead.repl.examples." .. module)
end

-- Classes whose names do not say of which module they are.
local MODULES <const> = { Error = "errors", Task = "task", TaskEvent = "task" }

-- "fairlead.github.Client:merge" is Client:merge in github's file, "http.get" and "fairlead.json:decode" are get and
-- decode in http's and json's.
local function split(full)
  local rest = full:gsub("^fairlead%.", "")
  local module, name = rest:match "^([%l_%d]+)[.:](.+)$"
  if module then return module, name end
  return MODULES[rest:match "^%w+"] or rest, rest
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

---The names of a module's examples, in their order.
---@param module string "http"
---@return string[] names as after "== "
function M.names(module)
  local names = {}
  for name in (text_of(module) or ""):gmatch "\n== ([^\n]+)" do names[#names + 1] = name end
  return names
end

return M
