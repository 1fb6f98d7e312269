-- Reads the annotations of the modules' Lua halves and of their meta.lua, and the luaL_Reg tables of their C halves.
-- It reads lines, as an editor's outline does: what counts is what starts in the first column.
local annotations = require "fairlead.annotations"
local lfs = require "lfs"

local M = {}

---@class annotations.Function
---@field owner string the table that it is defined in: M, Response, …
---@field name string
---@field parameters string[]
---@field documented boolean a block of --- lines stands directly above
---@field described table<string, boolean> the parameters that the block describes; "*" for all of them
---@field defines_function boolean false for any other value, such as a table or an alias
---@field public boolean its owner is what the file returns, or a table that ---@class makes a type
---@field place string file:line

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

-- The block of --- lines that ends just above line `last`.
local function block_above(lines, last)
  local described, found = {}, false
  for number = last - 1, 1, -1 do
    local line = lines[number]
    if not line:find "^%s*%-%-%-" then break end
    found = true
    local name = line:match "^%s*%-%-%-@param%s+([%w_.]+)"
    if name then described[name] = true end
    -- ---@type fun(a: string) and ---@overload describe their parameters in themselves.
    if line:find "@type" then described["*"] = true end
  end
  return found, described
end

local function block_has_class(lines, last)
  for number = last - 1, 1, -1 do
    if not lines[number]:find "^%-%-%-" then return false end
    if lines[number]:find "^%-%-%-@class" then return true end
  end
  return false
end

M.files = annotations.files

---The modules: folders of modules/.
---@return string[] names
function M.modules()
  local names = {}
  for entry in lfs.dir "modules" do
    if entry:sub(1, 1) ~= "." and lfs.attributes("modules/" .. entry, "mode") == "directory" then
      names[#names + 1] = entry
    end
  end
  table.sort(names)
  return names
end

---What a Lua file defines and annotates.
---@param path string
---@return annotations.Function[] functions named `owner.name` or `owner:name`
---@return table<string, boolean> fields the names that ---@field lines describe
---@return string|nil returned the variable that the file returns
function M.read(path)
  local lines = lines_of(path)
  local functions, fields, returned = {}, {}, nil
  local types = {}
  for number, line in ipairs(lines) do
    local owner, name, list = line:match "^function ([%w_]+)[.:]([%w_]+)%s*(%b())"
    if not owner then
      owner, name, list = line:match "^([%w_]+)%.([%w_]+) = function%s*(%b())"
    end
    if not owner then
      owner, name = line:match "^([%w_]+)%.([%w_]+) = "
    end
    if owner then
      local parameters = {}
      for parameter in (list or ""):gmatch "[%w_.]+" do parameters[#parameters + 1] = parameter end
      local documented, described = block_above(lines, number)
      functions[#functions + 1] = {
        owner = owner, name = name, parameters = parameters, documented = documented, described = described,
        defines_function = list ~= nil, place = path .. ":" .. number,
      }
    end
    local field = line:match "^%s*%-%-%-@field%s+([%w_]+)"
    if field then fields[field] = true end
    returned = line:match "^return ([%w_]+)%s*$" or returned
    local variable = line:match "^local ([%w_]+)"
    if variable and block_has_class(lines, number) then types[variable] = true end
  end
  for _, definition in ipairs(functions) do
    definition.public = definition.name:sub(1, 1) ~= "_"
      and (definition.owner == returned or types[definition.owner] == true)
  end
  return functions, fields, returned
end

---The names that a C file gives to Lua: the rows of its luaL_Reg tables, metamethods left out.
---@param path string
---@return table<string, string> rows name to file:line
function M.registered(path)
  local rows, inside = {}, false
  for number, line in ipairs(lines_of(path)) do
    if line:find "luaL_Reg%s+[%w_]+%[%]" then inside = true end
    if inside then
      for name in line:gmatch '{"([%w_]+)",' do
        if name:sub(1, 1) ~= "_" then rows[name] = path .. ":" .. number end
      end
    end
    if line:find "};" then inside = false end
  end
  return rows
end

return M
