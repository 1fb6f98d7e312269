-- boot.lua - the part of the host that is easier to say in Lua: coroutines that let the host's waits through, and a
-- `require` whose modules may wait. Runs once for each host, before any script; `native` is globals.c's table.
local native = ...
local tag <const> = native.tag
local executing, entered, rethrow, cancelled = native.executing, native.entered, native.rethrow, native.cancelled
local guarded = native.guarded
local resume, yield, create, close = coroutine.resume, coroutine.yield, coroutine.create, coroutine.close
local status, running = coroutine.status, coroutine.running
local is_held, pass, yieldable = native.is_held, native.pass, native.yieldable

-- A script's own coroutine that waits for the host yields `tag`: pass it outwards, up to the task, and come back with
-- the answer. One that a debugger's hook holds yields nothing at all, as hooks must. Keys are such coroutines, values
-- those around them.
local waiting = setmetatable({}, { __mode = "k" })

local function settle(co, outer, at, ok, first, ...)
  executing(outer)
  if ok and (first == tag or first == nil and is_held()) then
    if yieldable() or not pass() then
      waiting[co] = outer
      yield(tag)
      waiting[co] = nil
    end
    outer = executing(co)
    return settle(co, outer, at, resume(co))
  end
  if not ok and cancelled(at, first) then -- nobody is left to close it
    executing(co)
    close(co)
    executing(outer)
    rethrow(at, first)
  end
  return ok, first, ...
end

local function enter(co, ...)
  if waiting[co] then return false, "cannot resume a coroutine that waits in another task" end
  return settle(co, executing(co), entered(), resume(co, ...))
end

function coroutine.resume(co, ...)
  if type(co) ~= "thread" then return resume(co, ...) end
  return enter(co, ...)
end

local function closed(outer, at, ok, problem)
  executing(outer)
  if not ok then rethrow(at, problem) end
  return ok, problem
end

-- Its closing handlers run in it, and can be interrupted there.
local function close_one(co)
  return closed(executing(co), entered(), close(co))
end

local function unwrap(co, ok, ...)
  if ok then return ... end
  if status(co) ~= "running" then close_one(co) end
  error((...), 0)
end

function coroutine.wrap(fn)
  local co = create(type(fn) == "function" and guarded(fn) or fn)
  return function(...) return unwrap(co, enter(co, ...)) end
end

function coroutine.close(co)
  if waiting[co] then error("cannot close a coroutine that waits in another task", 2) end
  if type(co) ~= "thread" or status(co) == "running" or status(co) == "normal" then return close(co) end
  return close_one(co)
end

coroutine.yield = native.yield

-- A task whose body failed, and was kept for a debugger, cleans up in a second coroutine. It stays known by its first.
local first = setmetatable({}, { __mode = "k" })
native.first, native.waiting = first, waiting

function coroutine.running()
  local co, is_main = running()
  return first[co] or co, is_main
end

-- Text only: a chunk of bytecode can crash the host.
local TEXT_ONLY <const> = "attempt to load a binary chunk (only text is allowed)"
local load_any, loadfile_any = load, loadfile

function load(chunk, name, mode, ...)
  if mode ~= nil and mode ~= "t" and mode ~= "bt" then return nil, TEXT_ONLY end
  return load_any(chunk, name, "t", ...)
end

function loadfile(path, mode, ...)
  if mode ~= nil and mode ~= "t" and mode ~= "bt" then return nil, TEXT_ONLY end
  return loadfile_any(path, "t", ...)
end

function dofile(path)
  local chunk, problem = loadfile(path)
  if not chunk then error(problem, 0) end
  return chunk()
end

-- Strict globals for scripts and for our own modules: the standard names are copied, so that they cost nothing;
-- others are looked up (a library may have defined one since), and a name that nobody defined is a mistake.
local strict = {}
for name, value in pairs(_G) do strict[name] = value end
setmetatable(strict, {
  __index = function(_, name)
    local value = rawget(_G, name)
    if value == nil then error("undefined variable '" .. tostring(name) .. "'; write `local` where it is made", 2) end
    return value
  end,
  __newindex = function(_, name)
    error("assignment to the undeclared variable '" .. tostring(name) .. "'; write `local " .. tostring(name) .. "`", 2)
  end,
})

local loadlib = package.loadlib

local function load_library(path, name)
  local loader, problem = loadlib(path, "luaopen_" .. name:gsub("%.", "_"))
  if not loader then error(problem, 0) end
  return loader
end

-- Fairlead's own modules: fairlead.a is modules/a/init.lua, fairlead.a.b is modules/a/b.lua; where there is no such
-- file, fairlead.a and fairlead.a.native are the shared object a.so. Gives whether there is one, its loader or nil,
-- its file.
local function find_module(name)
  local rest = name:match("^fairlead%.([a-z0-9_.]+)$")
  if not rest or rest:find("..", 1, true) then return false end
  local path = native.data_dir .. "/modules/" .. rest:gsub("%.", "/")
  if native.is_file(path .. "/init.lua") then return true, nil, path .. "/init.lua" end
  if rest:find(".", 1, true) and native.is_file(path .. ".lua") then return true, nil, path .. ".lua" end
  local library = native.native_dir .. "/" .. rest:gsub("%.native$", "") .. ".so"
  if not native.is_file(library) then return false end
  return true, load_library(library, name), library
end

-- What `-e` and the REPL see: modules by their short names; assignments make globals.
local short_names = setmetatable({}, {
  __index = function(_, name)
    local value = rawget(_G, name)
    if value ~= nil or type(name) ~= "string" then return value end
    if not package.preload["fairlead." .. name] and not find_module("fairlead." .. name) then
      error("undefined variable '" .. name .. "'", 2)
    end
    return require("fairlead." .. name)
  end,
  __newindex = function(_, name, value) rawset(_G, name, value) end,
})

-- require: as Lua's, but the module's body may wait, and a second task that asks meanwhile waits for the first.
local loading = {}
local finished = { __close = function(self) loading[self.name] = nil; self.event:set() end }

local function find(name)
  local tried = {}
  for _, searcher in ipairs(package.searchers) do
    local loader, extra = searcher(name)
    if type(loader) == "function" then return loader, extra end
    if type(loader) == "string" then tried[#tried + 1] = loader end
  end
  error("module '" .. name .. "' not found: " .. table.concat(tried, "; "), 3)
end

function require(name)
  local loaded = package.loaded[name]
  if loaded ~= nil then return loaded end
  if type(name) ~= "string" then
    error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
  end
  local other = loading[name]
  if other then
    if other.task == native.current() then error("modules require each other in a loop: '" .. name .. "'", 2) end
    other.event:wait()
    return require(name)
  end
  local mine <close> = setmetatable({ name = name, task = native.current(), event = native.event() }, finished)
  loading[name] = mine
  local loader, extra = find(name)
  local value = loader(name, extra)
  if value ~= nil then package.loaded[name] = value end
  if package.loaded[name] == nil then package.loaded[name] = true end
  return package.loaded[name], extra
end

-- Where modules are: preloaded; Fairlead's own; beside the script, in FAIRLEAD_PATH and in Fairlead's library for
-- scripts; where the system's Lua keeps its own. Never in the current folder, which may be anybody's.
local _, _, c_searcher, c_root_searcher = table.unpack(package.searchers)

local function without_current_folder(path)
  local kept = {}
  for entry in path:gmatch("[^;]+") do
    if not entry:find("^%./") then kept[#kept + 1] = entry end
  end
  return table.concat(kept, ";")
end
package.path, package.cpath = without_current_folder(package.path), without_current_folder(package.cpath)

-- Which files were loaded, and who is told of a further one before it runs: the debugger's breakpoints wait for theirs.
local sources = {}
native.sources = sources

function native.loaded(chunk, path)
  sources[path] = true
  if native.on_load then native.on_load(chunk, path) end
end

local function load_text(path, env)
  local chunk, problem = loadfile_any(path, "t", env)
  if not chunk then error(problem, 0) end
  native.loaded(chunk, path)
  return chunk, path
end

local function preloaded(name)
  local loader = package.preload[name]
  if loader then return loader, ":preload:" end
  return nil
end

local function own(name)
  if not name:find("^fairlead%.") then return nil end
  local found, loader, where = find_module(name)
  if not found then return "it is not one of Fairlead's modules" end
  if loader then return loader, where end
  return load_text(where, strict)
end

local library <const> = native.data_dir .. "/scripts" -- what comes with Fairlead for scripts to share, after their own

local function beside_script(name)
  local relative = name:gsub("%.", "/")
  if relative:find("[^%w_/-]") then return nil end
  for i = 1, #native.folders + 1 do
    local folder = native.folders[i] or library
    for _, suffix in ipairs { ".lua", "/init.lua" } do
      local path = folder .. "/" .. relative .. suffix
      if native.is_file(path) then return load_text(path, strict) end
    end
    local shared_object = folder .. "/" .. relative .. ".so"
    if native.is_file(shared_object) then return load_library(shared_object, name), shared_object end
  end
  return #native.folders > 0 and "there is no such file in " .. table.concat(native.folders, ", ") or nil
end

local function in_lua_path(name)
  local path = package.searchpath(name, package.path)
  if not path then return "it is not in the folders of the system's Lua" end
  return load_text(path, _G)
end

local function quietly(searcher)
  return function(name)
    local loader, extra = searcher(name)
    if type(loader) == "function" then return loader, extra end
  end
end

package.searchers = {
  preloaded, own, beside_script, in_lua_path, quietly(c_searcher), quietly(c_root_searcher),
}
strict.load, strict.loadfile, strict.dofile, strict.require = load, loadfile, dofile, require
native.strict, native.short_names = strict, short_names
