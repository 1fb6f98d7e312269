--- Reads the annotations of Lua files: what `fairlead check` knows of the modules, and what the reference pages say.
---
--- It reads lines, as an editor's outline does: a block of lines that begin with --- describes the definition below it.
local lfs = require "lfs"
local types = require "fairlead.annotations.types"

local M = {}

---@class annotations.File
---@field path string
---@field classes annotations.Class[]
---@field aliases table<string, annotations.Type>
---@field definitions annotations.Definition[] functions and values, as they come
---@field returned? string the variable that the file returns
---@field open? boolean what it returns has more than is defined by name: it is made with contents, or filled in a loop
---@field variables table<string, string> local variables that are classes: their class by the variable
---@field text string[] the comment at the file's head
---@field typed table<integer, annotations.Type> what ---@type says of the statement in a line

---@class annotations.Class
---@field name string
---@field parents string[]
---@field fields annotations.Field[]
---@field text string
---@field variable? string the local variable below it

---@class annotations.Field: annotations.Slot
---@field text string what is said about it
---@field private? boolean

---@class annotations.Definition
---@field owner? string the variable that it is defined in; nil: a global or local function
---@field name string
---@field method boolean called with a colon
---@field is_function boolean
---@field is_local boolean
---@field parameters annotations.Field[]
---@field returns annotations.Field[]
---@field type? annotations.Type of a value
---@field text string what is said about it
---@field notes string[] what is said after its results: errors that it raises
---@field async boolean
---@field private boolean
---@field documented boolean
---@field line integer

-- The tags of a block, each with the lines that go on with it; the lines before the first tag come as tag "text".
local function tags_of(block)
  local tags = { { name = "text", lines = {} } }
  for _, line in ipairs(block) do
    local name, rest = line:match "^%s*%-%-%-@(%a+)%s*(.*)$"
    if name then
      tags[#tags + 1] = { name = name, lines = { rest } }
    else
      local text = line:match "^%s*%-%-%-%s?(.*)$"
      local is_note = text:find "^errors:" or text:find "^raises " or text:find "^Raises " and #tags > 1
      if is_note then tags[#tags + 1] = { name = "note", lines = {} } end
      local lines = tags[#tags].lines
      lines[#lines + 1] = text
    end
  end
  return tags
end

local function joined(tag)
  return (table.concat(tag.lines, " "):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- "name? type text" as ---@field and ---@param have it.
local function read_field(text)
  local visibility, after = text:match "^(%a+)%s+(.*)$"
  local private = visibility == "private" or visibility == "package" or visibility == "protected"
  if private or visibility == "public" then text = after end
  local name, optional, rest = text:match "^(%[[^%]]*%])(%??)%s+(.*)$"
  if not name then name, optional, rest = text:match "^([%w_.]+)(%??)%s+(.*)$" end
  if not name then return nil end
  local of, remark = types.parse(rest)
  return {
    name = name, type = of, text = remark:gsub("^%s+", ""), private = private or nil,
    optional = (optional == "?" or types.is_optional(of)) or nil,
  }
end

-- "type name text" as ---@return has it, several of them apart by commas.
local function read_returns(text, list)
  repeat
    local of, rest = types.parse(text)
    if not of then return end
    local name, after = rest:match "^%s+([%a_][%w_]*)%f[%W](.*)$"
    local more = (after or rest):match "^%s*,%s*(.*)$"
    list[#list + 1] = { name = name or "", type = of, text = more and "" or rest:gsub("^%s+", "") }
    text = more
  until not more
end

local function read_class(text)
  local name, rest = text:gsub("^%([%a, ]*%)%s*", ""):match "^([%w_.]+)(.*)$"
  local parents, remark = {}, rest
  local list = rest:match "^%s*:%s*(.*)$"
  while list do
    local parent, after = list:match "^([%w_.]+)(.*)$"
    if not parent then break end
    parents[#parents + 1] = parent
    remark, list = after, after:match "^%s*,%s*(.*)$"
  end
  return { name = name, parents = parents, fields = {}, text = (remark:gsub("^%s+", "")) }
end

local function read_block(block)
  local read = { parameters = {}, returns = {}, notes = {}, text = "", classes = {}, aliases = {},
    documented = #block > 0 }
  local class
  for _, tag in ipairs(tags_of(block)) do
    local name, text = tag.name, joined(tag)
    if name == "text" then
      read.text = table.concat(tag.lines, "\n")
    elseif name == "class" then
      class = read_class(text)
      if class.text == "" then class.text = (read.text:gsub("\n", " ")) end
      read.classes[#read.classes + 1] = class
    elseif name == "field" and class then
      class.fields[#class.fields + 1] = read_field(text)
    elseif name == "alias" then
      local alias, rest = text:match "^([%w_.]+)%s*(.*)$"
      read.aliases[alias] = types.parse((rest:gsub("^|%s*", "")), true)
    elseif name == "param" then
      read.parameters[#read.parameters + 1] = read_field(text)
    elseif name == "return" then
      read_returns(text, read.returns)
    elseif name == "type" then
      local of, rest = types.parse(text)
      read.type, read.async = of, text:find "^async" ~= nil or nil
      if read.text == "" then read.text = rest:gsub("^%s+", "") end
    elseif name == "note" then
      read.notes[#read.notes + 1] = text
    elseif name == "async" then
      read.async = true
    elseif name == "private" or name == "package" or name == "protected" then
      read.private = true
    end
  end
  read.class = class
  return read
end

-- The definition in a line of code: owner, separator, name, parameters; nil when it defines nothing that has a name.
local function definition_in(line)
  local owner, separator, name, list = line:match "^%s*function ([%w_]+)([.:])([%w_]+)%s*(%b())"
  if owner then return { owner = owner, name = name, method = separator == ":", list = list } end
  name, list = line:match "^%s*local function ([%w_]+)%s*(%b())"
  if name then return { name = name, list = list, is_local = true } end
  name, list = line:match "^function ([%w_]+)%s*(%b())"
  if name then return { name = name, list = list } end
  owner, name, list = line:match "^([%w_]+)%.([%w_]+) = function%s*(%b())"
  if owner then return { owner = owner, name = name, list = list } end
  owner, name = line:match "^([%w_]+)%.([%w_]+) = "
  if owner then return { owner = owner, name = name } end
end

-- Every parameter of the function's head, described or not. A value whose block describes parameters is a function.
local function parameters_of(found, read)
  if not found.list then return read.parameters end
  local described, parameters = {}, {}
  for _, one in ipairs(read.parameters) do described[one.name] = one end
  for name in found.list:gmatch "[%w_.]+" do
    parameters[#parameters + 1] = described[name] or { name = name, text = "" }
  end
  return parameters
end

local function from_type(read)
  local of = read.type
  if not of or of.kind ~= "fun" then return end
  read.parameters = {}
  for i, parameter in ipairs(of.parameters) do
    read.parameters[i] = { name = parameter.name, type = parameter.type, text = "",
      optional = (parameter.optional or types.is_optional(parameter.type)) or nil }
  end
  for _, one in ipairs(of.returns) do read.returns[#read.returns + 1] = { name = "", type = one, text = "" } end
end

local function define(file, found, read, number)
  if found.list == nil then from_type(read) end
  local is_function = found.list ~= nil or #read.parameters > 0 or #read.returns > 0
  local self_first = found.method and 1 or 0
  file.definitions[#file.definitions + 1] = {
    owner = found.owner, name = found.name, method = self_first == 1, is_function = is_function,
    is_local = found.is_local or false, parameters = parameters_of(found, read), returns = read.returns,
    type = not is_function and read.type or nil, text = read.text, notes = read.notes, async = read.async or false,
    private = read.private or found.name:sub(1, 1) == "_", documented = read.documented, line = number,
  }
end

-- Most lines of a file have no block above them, and define nothing.
local function is_plain(block, line)
  return #block == 0 and line and not (line:find("function ", 1, true) or line:find "^[%w_]+%.[%w_]+ = ")
end

local function finish_block(file, block, line, number)
  if is_plain(block, line) then return end
  local read = read_block(block)
  for _, class in ipairs(read.classes) do file.classes[#file.classes + 1] = class end
  for name, of in pairs(read.aliases) do file.aliases[name] = of end
  local variable = line and line:match "^%s*local ([%w_]+)"
  if read.type and line and not line:find "^%S+%.%S+ = " then file.typed[number] = read.type end
  if read.class and variable then
    read.class.variable = variable
    file.variables[variable] = read.class.name
  end
  local found = line and definition_in(line)
  if found then define(file, found, read, number) end
end

---Reads a file's text.
---@param text string
---@param path string
---@return annotations.File
function M.parse(text, path)
  local file = { path = path, classes = {}, aliases = {}, definitions = {}, variables = {}, text = {},
    typed = {} }
  local block, number, head = {}, 0, true
  for line in (text .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    if line:find "^%s*%-%-%-" and not line:find "^%s*%-%-%-%-" then
      block[#block + 1] = line
    else
      if head and #block > 0 then
        for i, one in ipairs(block) do
          if not one:find "^%-%-%-@" then file.text[#file.text + 1] = block[i]:match "^%s*%-%-%-%s?(.*)$" end
        end
      end
      if not line:find "^#" then head = head and #block == 0 and line == "" end
      finish_block(file, block, line, number)
      block = {}
      file.returned = line:match "^return ([%w_]+)%s*$" or file.returned
    end
  end
  finish_block(file, block, nil, number)
  local name = file.returned
  file.open = name and (text:find("\nlocal " .. name .. " = {[^}]") or text:find("\n%s*" .. name .. "%[[^\n]-%] = ")
    or text:find("setmetatable%(" .. name .. "[,)]")) ~= nil or nil
  return file
end

---Reads a file.
---@param path string
---@return annotations.File|nil file nil: it cannot be read
---@return string|nil problem
function M.read(path)
  local file, problem = io.open(path, "r")
  if not file then return nil, problem end
  local text = file:read "a"
  file:close()
  if not text then return nil, path .. " cannot be read" end
  return M.parse(text, path)
end

---Every file under a folder whose name ends so, sorted.
---@param folder string
---@param ending string
---@return string[] paths
function M.files(folder, ending)
  local found = {}
  if lfs.attributes(folder, "mode") ~= "directory" then return found end
  for entry in lfs.dir(folder) do
    local path = folder .. "/" .. entry
    if entry:sub(1, 1) ~= "." then
      if lfs.attributes(path, "mode") == "directory" then
        local below = M.files(path, ending)
        table.move(below, 1, #below, #found + 1, found)
      elseif entry:sub(-#ending) == ending then
        found[#found + 1] = path
      end
    end
  end
  table.sort(found)
  return found
end

return M
