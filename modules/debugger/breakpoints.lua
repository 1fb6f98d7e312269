--- Breakpoints by file and line: where they are asked for, and where they are.
---
--- A file is named by the end of its path. In each loaded file that is meant the breakpoint is at the next line that
--- has code; in one that is not loaded yet it waits for it (boot.lua tells), and until then is at the line itself.
local errors = require "fairlead.errors"
local lines = require "fairlead.debugger.lines"
local native = require "fairlead.debugger.native"

local M = {}

---@class debugger.Breakpoint
---@field id integer
---@field file string the end of a path, as it was asked for
---@field line integer as it was asked for
---@field places {file: string, line: integer}[] where it is, in loaded files
---@field pending boolean no loaded file is meant yet

local all, last_id = {}, 0 ---@type debugger.Breakpoint[], integer

-- By parts of the path: "data.lua" does not mean "planning-data.lua".
local function means(file, path)
  return path == file or path:sub(-#file - 1) == "/" .. file
end

local function publish()
  local list = {}
  for _, one in ipairs(all) do
    -- Also by its own name: a chunk may come from elsewhere than a file.
    if #one.places == 0 then list[#list + 1] = { file = one.file, line = one.line } end
    for _, place in ipairs(one.places) do list[#list + 1] = place end
  end
  native.set_breakpoints(list)
end

local function place_in(one, chunk, path)
  for i, place in ipairs(one.places) do
    if place.file == path then
      table.remove(one.places, i)
      break
    end
  end
  local line = lines.next(chunk, one.line)
  if line then one.places[#one.places + 1] = { file = path, line = line } end
  one.pending = #one.places == 0
  return line
end

local function on_load(chunk, path)
  local changed = false
  for _, one in ipairs(all) do
    if means(one.file, path) then
      place_in(one, chunk, path)
      changed = true
    end
  end
  if changed then publish() end
end

-- In the files that are loaded already, as they are on disk now.
local function find_places(one)
  local paths = {}
  for path in pairs(native.boot().sources) do
    if means(one.file, path) then paths[#paths + 1] = path end
  end
  table.sort(paths)
  local without_code = false
  for _, path in ipairs(paths) do
    local chunk = loadfile(path)
    if chunk and not place_in(one, chunk, path) then without_code = true end
  end
  if without_code and #one.places == 0 then
    errors.raise {
      kind = "usage", op = "breakpoint", target = ("%s:%d"):format(one.file, one.line),
      message = "there is no code at that line, or after it",
    }
  end
end

local function copy(one)
  local places = {}
  for i, place in ipairs(one.places) do places[i] = { file = place.file, line = place.line } end
  return { id = one.id, file = one.file, line = one.line, places = places, pending = one.pending }
end

---Has every task stop before this line is executed.
---@param file string the end of a source's path
---@param line integer
---@return integer id
---@return debugger.Breakpoint breakpoint where it is: at the next line that has code
---errors: kind "usage": the file is loaded and has no code from that line on
function M.add(file, line)
  if type(file) ~= "string" or file == "" then
    error(("bad argument #1 to 'debugger.break_at' (file's name expected, got %s)"):format(type(file)), 2)
  end
  if math.type(line) ~= "integer" or line < 1 or line > 1 << 30 then
    error("bad argument #2 to 'debugger.break_at' (line's number expected)", 2)
  end
  local one = { id = last_id + 1, file = file:gsub("^%./", ""), line = line, places = {}, pending = true }
  find_places(one)
  last_id = one.id
  all[#all + 1] = one
  publish()
  return one.id, copy(one)
end

---@return debugger.Breakpoint[] in the order in which they were made
function M.list()
  local list = {}
  for i, one in ipairs(all) do list[i] = copy(one) end
  return list
end

---@param id integer
---@return boolean removed whether there was one
function M.remove(id)
  for i, one in ipairs(all) do
    if one.id == id then
      table.remove(all, i)
      publish()
      return true
    end
  end
  return false
end

---Those that were made before a debugger is attached count from then on.
function M.attach()
  native.boot().on_load = on_load
  publish()
end

---None is left.
function M.detach()
  native.boot().on_load = nil
  all = {}
end

return M
