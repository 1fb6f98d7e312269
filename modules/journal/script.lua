--- What a run was made of: its script and the modules beside it, so that a resume can tell whether they are the same
--- still.
local digest = require "fairlead.digest"
local native = require "fairlead.journal.native"

local M = {}

---@class journal.Script
---@field path string absolute
---@field sha256 string of all files
---@field files {path: string, sha256: string, text: string}[] the script first, then the modules by path; paths are
--- relative to the script's folder
---@field commit? string of the repository that they are in; ends in '+' where that has changes which are not committed

local LARGEST <const> = 4 << 20 -- bytes of one file's text that is kept

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

local function add(files, folder, path)
  local text = read(path)
  if not text then return end
  files[#files + 1] = {
    path = path:sub(#folder + 2), sha256 = digest.sha256(text),
    text = (#text <= LARGEST and utf8.len(text)) and text or "",
  }
end

-- The modules that were loaded by now and lie beside the script.
local function modules_beside(folder)
  local found, list = {}, {}
  local places = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  for name in pairs(package.loaded) do
    local path = not name:find "^fairlead%.?" and package.searchpath(name, places)
    if path and not found[path] then
      found[path] = true
      list[#list + 1] = path
    end
  end
  table.sort(list)
  return list
end

local function commit_of(folder)
  local git = require "fairlead.git"
  local repository = try(git.open, folder)
  if not repository then return nil end
  local _ <close> = repository
  local head = try(repository.head, repository)
  if not head or not head.sha then return nil end
  local clean = try(repository.is_clean, repository)
  return head.sha .. (clean and "" or "+")
end

local function files_of(path)
  path = native.absolute(path) or path
  local folder = path:match "^(.*)/[^/]*$" or "."
  local files, sums = {}, {}
  add(files, folder, path)
  for _, module in ipairs(modules_beside(folder)) do
    if module ~= path then add(files, folder, module) end
  end
  for i, file in ipairs(files) do sums[i] = file.path .. "\0" .. file.sha256 end
  return path, files, digest.sha256(table.concat(sums, "\n"))
end

---What the script at a path and the modules beside it amount to, after it was loaded: the same for the same texts.
---@param path string
---@return string sha256
function M.digest(path)
  return (select(3, files_of(path)))
end

---The script at a path as it is now, after it was loaded.
---@async
---@param path string
---@return journal.Script
function M.read(path)
  local absolute, files, sha256 = files_of(path)
  return { path = absolute, files = files, sha256 = sha256, commit = commit_of(absolute:match "^(.*)/[^/]*$" or ".") }
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end

-- Where two texts differ, as one stretch: "line 12", "lines 12 to 20".
local function stretch(before, after)
  local old, new = lines_of(before), lines_of(after)
  local first = 1
  while first <= #old and first <= #new and old[first] == new[first] do first = first + 1 end
  local last_old, last_new = #old, #new
  while last_old >= first and last_new >= first and old[last_old] == new[last_new] do
    last_old, last_new = last_old - 1, last_new - 1
  end
  local was, is = last_old - first + 1, last_new - first + 1
  local place = last_new > first and ("lines %d to %d"):format(first, last_new) or ("line %d"):format(first)
  if was == 0 then return ("%s: %d added"):format(place, is) end
  if is == 0 then return ("before line %d: %d taken away"):format(first, was) end
  return ("%s: %d of before became %d"):format(place, was, is)
end

---Has what the script at a path requires from beside it be loaded anew, as in another process: what those modules hold
---belongs to what ran before.
---@param path string
function M.forget(path)
  local folder = path:match "^(.*)/[^/]*$" or "."
  local places = folder .. "/?.lua;" .. folder .. "/?/init.lua"
  for name in pairs(package.loaded) do
    if not name:find "^fairlead%." and package.searchpath(name, places) then package.loaded[name] = nil end
  end
end

---What differs between the script that a run was made of and the script as it is now.
---@param before {path: string, sha256: string, text: string}[]
---@param after {path: string, sha256: string, text: string}[]
---@return string[] lines one for each file; none: they are the same
function M.changes(before, after)
  local lines, old = {}, {}
  for _, file in ipairs(before) do old[file.path] = file end
  for _, file in ipairs(after) do
    local was = old[file.path]
    if not was then
      lines[#lines + 1] = file.path .. ": new"
    elseif was.sha256 ~= file.sha256 then
      lines[#lines + 1] = ("%s: %s"):format(file.path, stretch(was.text, file.text))
    end
    old[file.path] = nil
  end
  for _, file in ipairs(before) do
    if old[file.path] then lines[#lines + 1] = file.path .. ": no longer used" end
  end
  return lines
end

return M
