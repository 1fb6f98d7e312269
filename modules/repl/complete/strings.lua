--- What may stand inside quotes: words that annotations name, modules, operations, keys, files.
local lfs = require "lfs"

local known = require "fairlead.repl.known"
local operations = require "fairlead.aws.operations"
local tokens = require "fairlead.repl.complete.tokens"

local M = {}

local MOST <const> = 1000 -- entries of a folder that are looked at

-- What a text beside an operator is compared with.
local COMPARING <const> = { ["=="] = true, ["~="] = true }

local function modules(typed)
  local list = {}
  for name in pairs(known.library:module_names()) do list[#list + 1] = name end
  local whole = typed:match "^(fairlead%.[%w_]+)%."
  local shape = whole and known.library:module(whole) ~= nil
  if shape then
    for name in pairs(known.library.modules) do
      if name:sub(1, #whole + 1) == whole .. "." then list[#list + 1] = name end
    end
  end
  for name in next, package.loaded do
    if type(name) == "string" and not name:find "^fairlead%." then list[#list + 1] = name end
  end
  return list
end

-- Operations, and what one gives, where an AWS client is told of them by name.
local function of_aws(context, fn, open, commas)
  local full = fn and fn.type and fn.type.full
  if full ~= "fairlead.aws.Client:call" and full ~= "fairlead.aws.Client:paginate" and
    full ~= "fairlead.aws.S3:presign" then return nil end
  local client = context:ending_at(open - 3)
  local service = client and client.type and client.type.service
  if not service then return nil end
  if commas == 0 then return operations.names(service) end
  local name = context.list[open + 1]
  local operation = commas == 2 and name and name.kind == "string" and operations.find(service, name.text)
  local names = {}
  for _, result in ipairs(operation and operation.results or {}) do
    if result.kind == "list" then names[#names + 1] = result.name end
  end
  return names
end

-- Whether a text may be a path: it looks like one, or what it is for is called so, or nothing is known of that.
local function may_be_path(typed, slot)
  if typed:find "^~?%.?%.?/" or not slot then return true end
  for _, word in ipairs { "path", "file", "folder", "cwd", "script" } do
    if (slot.name or ""):find(word, 1, true) then return true end
  end
  return false
end

-- The words for an unfinished string, and what is wanted there.
local function words(context, index)
  local list = context.list
  local before = list[index - 1]
  if before and COMPARING[before.text] then
    local other = context:ending_at(index - 2)
    return known.words(other and other.type), {}
  end
  if tokens.is(before, "[") then
    local base = context:ending_at(index - 2)
    local names = {}
    for name in pairs(known.members(base)) do names[#names + 1] = name end
    return names, {}
  end
  local around, commas = tokens.enclosing(list, index - 1)
  local wanted, slot, fn = context:wanted(index, { tag = "String" })
  if fn and fn.value == require then return modules(list[index].text), {} end
  local named = around and tokens.is(list[around], "(") and of_aws(context, fn, around, commas)
  return named or known.words(wanted), slot
end

local function entries(folder)
  local names = {}
  if lfs.attributes(folder, "mode") ~= "directory" then return names end
  for name in lfs.dir(folder) do
    if name ~= "." and name ~= ".." then names[#names + 1] = name end
    if #names >= MOST then break end
  end
  return names
end

---The files that a path may go on with. A folder ends in "/", and so goes on.
---@param typed string
---@return table[] candidates
function M.files(typed)
  local above, name = typed:match "^(.*/)([^/]*)$"
  local place = above or "./"
  local home = place:match "^~/" and os.getenv "HOME"
  if home then place = home .. place:sub(2) end
  local found = {}
  for _, entry in ipairs(entries(place)) do
    local part = name or typed
    if entry:sub(1, #part) == part and (entry:sub(1, 1) ~= "." or part:sub(1, 1) == ".") then
      local ending = lfs.attributes(place .. entry, "mode") == "directory" and "/" or ""
      found[#found + 1] = { text = (above or "") .. entry .. ending, shown = entry .. ending, folder = ending == "/" }
    end
  end
  return found
end

---What an unfinished string may be.
---@param context repl.Context
---@param index integer its token
---@param rest string what stands after the cursor
---@return integer start
---@return table[] candidates
function M.complete(context, index, rest)
  local token = context.list[index]
  local start = token.from + #token.quote
  local typed, found = token.text, {}
  local closing = rest:sub(1, 1) ~= token.quote and token.quote or nil
  if #token.quote > 1 then closing = token.quote:gsub("%[", "]") end
  local listed, slot = words(context, index)
  for _, word in ipairs(listed) do
    if word:sub(1, #typed) == typed then found[#found + 1] = { text = word, after = closing } end
  end
  if #listed > 0 or not may_be_path(typed, slot) then return start, found end
  for _, file in ipairs(M.files(typed)) do
    file.after = not file.folder and closing or nil
    file.folder = nil
    found[#found + 1] = file
  end
  return start, found
end

return M
