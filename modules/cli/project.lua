--- The procedures of a project: the scripts of one folder. `fairlead live`, `rollback` and others speak of
--- applications; an application's name there is its script's name.
local environment = require "fairlead.environment"
local errors = require "fairlead.errors"
local lfs = require "lfs"
local nearest = require "fairlead.nearest"
local procedure = require "fairlead.procedure"

local M = {}

---@class cli.project.Entry
---@field key string the script's name without `.lua`
---@field path string
---@field procedure procedure.Procedure

local function is_folder(path) return lfs.attributes(path, "mode") == "directory" end

---Adds the option that names the folder.
---@param command table of lua-argparse
function M.define_folder(command)
  command:option("--scripts", "The folder of the procedures; FAIRLEAD_SCRIPTS, or scripts/ here, when left out.")
    :argname "FOLDER"
end

---The folder of the procedures: the given one, FAIRLEAD_SCRIPTS, else scripts/ here or at the top of the working copy.
---@async
---@param given? string
---@return string folder
---errors: kind "usage"
function M.folder(given)
  local named = given or environment.get "FAIRLEAD_SCRIPTS"
  if named then
    if is_folder(named) then return named end
    errors.raise { kind = "usage", op = "project", target = named, message = "is no folder",
      hint = given and "--scripts names the folder of the procedures" or "correct FAIRLEAD_SCRIPTS" }
  end
  if is_folder "scripts" then return "scripts" end
  local git = require "fairlead.git"
  local repository <close> = (try(git.open, "."))
  local top = repository and repository:folder() .. "/scripts"
  if top and is_folder(top) then return top end
  errors.raise {
    kind = "usage", op = "project", message = "there is no folder scripts/ here",
    hint = "change into the project, or name the folder: --scripts FOLDER",
  }
end

-- A script that returns a procedure says so; modules that it requires do not.
local function makes_procedure(path)
  local file <close> = io.open(path, "rb")
  local text = file and file:read "a" or ""
  return text:find("procedure.new", 1, true) ~= nil
end

local function scripts_in(folder)
  local names = {}
  for name in lfs.dir(folder) do
    local key = name:match "^([%w][%w_-]*)%.lua$"
    if key and makes_procedure(folder .. "/" .. name) then names[#names + 1] = key end
  end
  table.sort(names)
  return names
end

local function load(folder, key)
  local path = ("%s/%s.lua"):format(folder, key)
  return { key = key, path = path, procedure = procedure.load(path) }
end

---The names of all procedures of a project, in order; none is loaded.
---@async
---@param folder? string
---@return string[]
function M.keys(folder)
  return scripts_in(M.folder(folder))
end

---All procedures of a project, by name. One that cannot be loaded fails: what is left out in silence is missed too
---late.
---@async
---@param folder? string
---@return cli.project.Entry[]
function M.procedures(folder)
  folder = M.folder(folder)
  local entries = {}
  for i, key in ipairs(scripts_in(folder)) do entries[i] = load(folder, key) end
  return entries
end

---One procedure of a project, by its name.
---@async
---@param key string
---@param folder? string
---@return cli.project.Entry
---errors: kind "usage"
function M.find(key, folder)
  folder = M.folder(folder)
  local keys, known = scripts_in(folder), {}
  for _, name in ipairs(keys) do
    if name == key then return load(folder, key) end
    known[name] = true
  end
  local near = nearest.name(key, known)
  errors.raise {
    kind = "usage", op = "project", target = folder, message = ("there is no application '%s'"):format(key),
    hint = near and ("did you mean '%s'?"):format(near) or "there are: " .. table.concat(keys, ", "),
  }
end

return M
