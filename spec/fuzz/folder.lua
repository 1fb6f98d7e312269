--- A folder of a target's own, for as long as it runs.
local lfs = require "lfs"

local M = {}

local function remove(path)
  if lfs.symlinkattributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
    lfs.rmdir(path)
  else
    os.remove(path)
  end
end
M.remove = remove

---@return string path
function M.new()
  local unique = os.tmpname()
  os.remove(unique)
  local path = ("%s/fairlead.fuzz.%s"):format(os.getenv "TMPDIR" or "/tmp", unique:match "[^/]+$")
  assert(lfs.mkdir(path))
  return path
end

---@param path string
---@param text string
function M.write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  file:write(text)
end

return M
