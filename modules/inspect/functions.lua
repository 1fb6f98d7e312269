--- What functions, threads and userdata are called: by where they were written, and by the module that has them.
local M = {}

local getinfo, getmetatable = debug.getinfo, debug.getmetatable -- the real metatable, whatever __metatable says
local find, format, gsub, sub = string.find, string.format, string.gsub, string.sub

local FIELDS <const> = 500 -- of a module that are looked at
local LONGEST_PATH <const> = 48

local own_folder <const> = gsub(sub(getinfo(1, "S").source, 2), "modules/inspect/[^/]*$", "")

---A file as people name it: the host's own modules from their folder on, long paths without their beginning.
---@param source string as debug.getinfo has it
---@return string
function M.place(source)
  if sub(source, 1, 1) ~= "@" then return sub(source, 1, 1) == "=" and sub(source, 2) or '"…"' end
  local path = sub(source, 2)
  if sub(path, 1, #own_folder) == own_folder and own_folder ~= "" then path = sub(path, #own_folder + 1) end
  if #path <= LONGEST_PATH then return path end
  local last = sub(path, -LONGEST_PATH)
  return "…" .. sub(last, find(last, "/", 1, true) or 1)
end

---The name of a value's type, as its metatable says; nothing of the metatable's is run.
---@param value any
---@return string|nil
function M.type_name(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and name ~= "" and name or nil
end

-- "http.get" of every function that a loaded module has; the shortest name, where there are several.
local function module_names()
  local names = {}
  for module, value in next, package.loaded do
    if type(module) == "string" and type(value) == "table" then
      local prefix = module == "_G" and "" or gsub(module, "^fairlead%.", "") .. "."
      local key, left = nil, FIELDS
      repeat
        key, value = next(package.loaded[module], key)
        left = left - 1
        if type(value) == "function" and type(key) == "string" then
          local name = prefix .. key
          local other = names[value]
          if not other or #name < #other or #name == #other and name < other then names[value] = name end
        end
      until key == nil or left == 0
    end
  end
  return names
end

---"function http.get modules/http/init.lua:80"
---@param fn function
---@param cache table kept for one text
---@return string
function M.describe(fn, cache)
  cache.names = cache.names or module_names()
  local name = cache.names[fn]
  local info = getinfo(fn, "S")
  local where = info.what == "C" and "[C]" or M.place(info.source) .. (info.linedefined > 0 and ":" .. info.linedefined
    or "")
  return "function " .. (name and name .. " " or "") .. where
end

---"thread suspended deploy.lua:12"
---@param thread thread
---@return string
function M.thread(thread)
  local text = "thread " .. coroutine.status(thread)
  for level = 0, 20 do
    local info = getinfo(thread, level, "Sl")
    if not info then break end
    if info.what ~= "C" then return text .. " " .. M.place(info.source) .. ":" .. info.currentline end
  end
  return text
end

---"http.Url 0x55d0c8e1f2a8": a userdata's type and address.
---@param value any
---@return string
function M.userdata(value)
  return (M.type_name(value) or "userdata") .. " " .. format("%p", value)
end

return M
