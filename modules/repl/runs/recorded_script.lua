--- The script of a run as the journal holds it, as files again: in a folder of their own in the state folder, for as
--- long as they are needed.
local errors = require "fairlead.errors"
local file = require "fairlead.file"
local journal = require "fairlead.journal"
local native = require "fairlead.journal.native"

local M = {}

---@class repl.RecordedScript
---@field path string of the script
---@field private folders string[] outer ones first
---@field private files string[]
local Recorded = {}
Recorded.__index = Recorded

---Takes the files away.
function Recorded:close()
  for _, path in ipairs(self.files) do os.remove(path) end
  for i = #self.folders, 1, -1 do os.remove(self.folders[i]) end
end

-- The folder of a file, with those between; each is made once.
local function make_folders(self, relative)
  local path = self.folders[1]
  for name in relative:gmatch "([^/]+)/" do
    path = path .. "/" .. name
    local known = false
    for _, folder in ipairs(self.folders) do known = known or folder == path end
    if not known then
      native.folder(path)
      self.folders[#self.folders + 1] = path
    end
  end
end

local function missing(what)
  errors.raise {
    kind = "usage", op = "replay", message = "the journal does not hold " .. what,
    hint = "`:reload` takes the script as it lies there now",
  }
end

---@param run journal.Run
---@param files {path: string, sha256: string, text: string}[]|nil of Journal:files
---@return repl.RecordedScript to be closed
---errors: kind "usage"
function M.open(run, files)
  if not files or #files == 0 then missing "its script" end
  local root <const> = ("%s/replay-%s-%d"):format(journal.folder(), run.id, native.process().pid)
  native.folder(root)
  local self <const> = setmetatable({ folders = { root }, files = {} }, Recorded)
  self.path = root .. "/" .. files[1].path
  for _, one in ipairs(files) do
    local outside <const> = one.path:find("^/") or ("/" .. one.path .. "/"):find("/../", 1, true)
    if one.text == "" or outside then
      self:close()
      missing(one.path)
    end
    make_folders(self, one.path)
    local path <const> = root .. "/" .. one.path
    self.files[#self.files + 1] = path
    assert(file.replace(path, one.text))
  end
  return self
end

return M
