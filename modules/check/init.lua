--- What can be told about a script without running it: `fairlead check`.
---
--- Syntax, names that are not there, functions and options that the modules do not have, and what would make a run
--- impossible to take up again or endless. What the modules have is read from their annotations.
local annotations = require "fairlead.annotations"
local libraries = require "fairlead.check.library"
local nearest = require "fairlead.nearest"
local sources = require "fairlead.check.source"
local walk = require "fairlead.check.walk"

local _, here <const> = ...

local M = {}

---@class check.Finding
---@field path string
---@field line integer
---@field column integer characters from 1
---@field rule string its name, for `-- fairlead: allow NAME`
---@field message string
---@field hint? string what to do

---@class check.Report
---@field findings check.Finding[] by place
---@field files string[] what was checked, in the order in which it was met

local is_rule = {}
for _, rule in ipairs(require "fairlead.check.rules") do is_rule[rule[1]] = true end

local function folder_of(path) return path:match "^(.*)/[^/]*$" or "." end

local function is_file(path)
  local file = io.open(path, "r")
  if not file then return false end
  local readable = file:read(0) ~= nil or file:seek "end" == 0
  file:close()
  return readable
end

local function join(folder, name) return folder == "." and name or folder .. "/" .. name end

-- The file of a module beside a script; specs find theirs from the folder that they are run in, too.
local function beside(folders, name)
  local relative = name:gsub("%.", "/")
  if relative:find "[^%w_/-]" then return nil end
  for _, folder in ipairs(folders) do
    for _, ending in ipairs { ".lua", "/init.lua" } do
      local path = join(folder, relative .. ending)
      if is_file(path) then return path end
    end
  end
end

local function is_installed(name)
  return package.preload[name] ~= nil or package.searchpath(name, package.path) ~= nil
    or package.searchpath(name, package.cpath) ~= nil
end

---@class check.Check one look at several scripts
---@field library check.Library
---@field done table<string, check.Known|boolean> by path: what each file returns
---@field report check.Report
local Check = {}
Check.__index = Check

-- `-- fairlead: allow NAME…` allows in its own line and, alone in a line, in the next.
local function allowances(source)
  local list, lines = {}, {}
  for line in (source.text .. "\n"):gmatch "(.-)\n" do lines[#lines + 1] = line end
  for _, comment in ipairs(source.comments) do
    local names = comment.contents:match "^%s*fairlead:%s*allow%s+(.*)$"
    if names then
      local alone = lines[comment.line]:find "^%s*%-%-" ~= nil
      local line, count = comment.line + (alone and 1 or 0), 0
      for name in names:gmatch "[^%s,]+" do -- rules first, then, if anything, the reason
        if not is_rule[name] and count > 0 then break end
        count = count + 1
        list[#list + 1] = { line = line, at = comment, rule = name, used = false }
      end
    end
  end
  return list
end

local function allowed(list, finding)
  local found = false
  for _, allowance in ipairs(list) do
    if allowance.line == finding.line and allowance.rule == finding.rule then
      allowance.used, found = true, true
    end
  end
  return found
end

-- What `require` gives in a script of these folders.
local function requirer(self, folders, foreign)
  return function(name)
    if name:find "^fairlead%." then
      local known = self.library:module(name)
      if known == nil then return nil, ("there is no module '%s'"):format(name) end
      return known
    end
    local path = beside(folders, name)
    local known
    if path then
      known = self:file(path, folders, foreign)
    else
      path = beside(self.shared, name)
      known = path and self:file(path, self.shared, true)
    end
    if type(known) == "table" and known.kind == "record" then known.name, known.required = name, true end
    if known then return known end
    if is_installed(name) then return true end
    return nil, ("there is no module '%s' in %s"):format(name, table.concat(folders, " or "))
  end
end

---@param path string
---@param folders string[] where its modules are
---@param foreign? boolean it is only read, not checked
---@return check.Known|boolean returned
---@package
function Check:file(path, folders, foreign)
  local known = self.done[path]
  if known ~= nil then return known end
  self.done[path] = true -- a module that requires itself knows nothing of itself
  local findings, report = {}, self.report
  local source, problem = sources.read(path)
  if not foreign then report.files[#report.files + 1] = path end
  if not source then
    problem.path, problem.rule = path, "syntax"
    report.findings[#report.findings + 1] = problem
    return true
  end
  local returned = walk.walk(source, {
    library = self.library, require = requirer(self, folders, foreign), spec = path:find "_spec%.lua$" ~= nil,
    report = function(finding) findings[#findings + 1] = finding end,
  })
  self.done[path] = returned or true
  if foreign then return self.done[path] end
  local allow, seen = allowances(source), {}
  for _, finding in ipairs(findings) do
    local key = ("%d:%d:%s"):format(finding.line, finding.column, finding.message)
    if not seen[key] and not allowed(allow, finding) then report.findings[#report.findings + 1] = finding end
    seen[key] = true
  end
  for _, allowance in ipairs(allow) do
    if not allowance.used then
      local near = not is_rule[allowance.rule] and nearest.name(allowance.rule, is_rule)
      report.findings[#report.findings + 1] = {
        path = path, line = allowance.at.line, column = 1, rule = "unused-allow",
        message = (is_rule[allowance.rule] and "nothing here needs to be allowed %s" or "there is no rule '%s'")
          :format(allowance.rule),
        hint = near and ("did you mean '%s'?"):format(near) or nil,
      }
    end
  end
  return self.done[path]
end

local function by_place(a, b)
  if a.path ~= b.path then return a.path < b.path end
  if a.line ~= b.line then return a.line < b.line end
  if a.column ~= b.column then return a.column < b.column end
  return a.message < b.message
end

---Checks scripts, and the modules of their own folders that they require.
---@param paths string[]
---@return check.Report
---errors: kinds "script.not_found", "config.missing" (luacheck is not there)
function M.files(paths)
  local modules = folder_of(folder_of(here))
  local self = setmetatable({
    library = libraries.new(modules), done = {}, report = { findings = {}, files = {} },
    shared = { folder_of(modules) .. "/scripts" },
  }, Check)
  -- The classes of settings, which no script requires.
  local settings = annotations.read(self.shared[1] .. "/release/meta.lua")
  if settings then self.library:add({ settings }, function() return "release.settings" end) end
  for _, path in ipairs(paths) do
    local folders = { folder_of(path) }
    if path:find "_spec%.lua$" then folders[2] = "." end
    self:file(path, folders)
  end
  table.sort(self.report.findings, by_place)
  return self.report
end

return M
