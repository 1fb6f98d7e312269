--- What was entered at a prompt, kept in a file from one session to the next.
---
--- The file has one entry a line, as a JSON string, so that an entry may have several lines. Each entry is appended
--- when it is added, by one write, so that two sessions at once keep both their entries. The file is cut to the newest
--- entries when it has grown well above the limit, and at the end of a session.
local file = require "fairlead.file"
local json = require "fairlead.json"

local M = {}

local MOST <const> = 5000 -- entries
local SLACK <const> = 500 -- that the file may have more, before it is cut when it is opened
local LONGEST <const> = 64 * 1024 -- bytes of an entry
local LARGEST <const> = 16 * 1024 * 1024 -- bytes of the file that are read, its last

---@class EditorHistory
---@field entries string[] the oldest first
---@field package path string?
---@field package on_problem fun(text: string)
local History = {}
History.__index = History

local function read_tail(path)
  local handle = io.open(path, "rb")
  if not handle then return nil end
  local _ <close> = handle
  local size = handle:seek "end"
  if not size then return nil, "it cannot be read" end
  handle:seek("set", math.max(0, size - LARGEST))
  local text = handle:read "a"
  if not text then return nil, "it cannot be read" end
  return size > LARGEST and text:gsub("^[^\n]*\n", "", 1) or text
end

-- The entries of a file's text, and how many lines are none.
local function parse(text)
  local entries, bad = {}, 0
  for line in text:gmatch "[^\n]+" do
    local done, entry = pcall(json.decode, line)
    if done and type(entry) == "string" and utf8.len(entry) and not entry:find "\0" then
      if entry ~= entries[#entries] then entries[#entries + 1] = entry end
    else
      bad = bad + 1
    end
  end
  return table.move(entries, math.max(1, #entries - MOST + 1), #entries, 1, {}), #entries, bad
end

local function rewrite(self, entries)
  local lines = {}
  for index, entry in ipairs(entries) do lines[index] = json.encode(entry) .. "\n" end
  local done, problem = file.replace(self.path, table.concat(lines))
  if not done then
    self.on_problem(("the history %s cannot be written: %s"):format(self.path, problem))
    self.path = nil -- said once
  end
end

---Opens a history.
---@param path? string nil: it is kept in memory only
---@param on_problem? fun(text: string)
---@return EditorHistory
function M.open(path, on_problem)
  local self = setmetatable({ entries = {}, path = path, on_problem = on_problem or function() end }, History)
  if not path then return self end
  local text, problem = read_tail(path)
  if not text then
    if problem then self.on_problem(("the history %s is begun anew: %s"):format(path, problem)) end
    rewrite(self, {}) -- made with its mode
    return self
  end
  local entries, count, bad = parse(text)
  self.entries = entries
  if bad > 0 then
    self.on_problem(("the history %s is damaged: %d of its lines were left out"):format(path, bad))
  end
  if bad > 0 or count > MOST + SLACK then rewrite(self, entries) end
  return self
end

---Adds an entry.
---@param text string
---@return boolean added false: it is empty, too long, no text, or the same as the newest
function History:add(text)
  local entries = self.entries
  if not text:find "%S" or #text > LONGEST or text == entries[#entries] then return false end
  if not utf8.len(text) or text:find "\0" then return false end
  entries[#entries + 1] = text
  if #entries > MOST + SLACK then
    self.entries = table.move(entries, #entries - MOST + 1, #entries, 1, {})
  end
  if self.path then
    local handle, problem = io.open(self.path, "ab")
    if handle then
      handle:setvbuf("full", LONGEST * 8) -- one write, whole among those of other sessions
      handle:write(json.encode(text), "\n")
      handle:close()
    else
      self.on_problem(("the history %s cannot be written: %s"):format(self.path, problem))
      self.path = nil
    end
  end
  return true
end

---Cuts the file to its newest entries, other sessions' among them.
function History:save()
  if not self.path then return end
  local text = read_tail(self.path)
  local entries, count = parse(text or "")
  if count > MOST then rewrite(self, entries) end
end

return M
