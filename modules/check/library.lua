--- What is known of names: the modules' functions, classes and options, from their annotations; the standard libraries;
--- and what the scripts that are checked annotate themselves.
---
--- Types are those of fairlead.annotations.types, and two kinds more: "module" (what `require` gives) and "record" (a
--- table that a script makes), both with `members` by name; `open` means that there may be others.
local annotations = require "fairlead.annotations"
local lfs = require "lfs"
local types = require "fairlead.annotations.types"

local M = {}

---@class check.Known: annotations.Type a type of an expression
---@field members? table<string, check.Known|boolean> of a module or record: by name; true: nothing more is known
---@field open? boolean there may be members beside these
---@field method? boolean of a function: it was defined with a colon, so its parameters do not name self
---@field full? string of a function: what to call it in messages
---@field definition? annotations.Definition of a function: what is said about it
---@field service? string of an AWS client: what it is of

---@class check.Library
---@field folder string where the modules are
---@field classes table<string, check.Class>
---@field aliases table<string, annotations.Type>
---@field modules table<string, check.Known|false>
---@field groups table<string, boolean> the folders that have been read
local Library = {}
Library.__index = Library

---@class check.Class
---@field name string
---@field parents string[]
---@field members table<string, check.Known|boolean>
---@field slots annotations.Slot[] its fields in order, for tables that are written as options
---@field index? annotations.Type what any other text key holds
---@field list? annotations.Type what its list part holds
---@field open? boolean
---@field own? boolean a script's, which may give its objects further fields

local PRIMITIVE <const> = { ["nil"] = true, any = true, unknown = true, boolean = true, ["true"] = true,
  ["false"] = true, number = true, integer = true, string = true, table = true, ["function"] = true, thread = true,
  userdata = true, lightuserdata = true, self = true }
local STANDARD <const> = { "string", "table", "math", "os", "io", "utf8", "coroutine", "package", "debug" }

---The globals that scripts have.
---@type table<string, boolean>
M.globals = {}
for name in ([[_G _VERSION arg assert breakpoint collectgarbage coroutine debug dofile error getmetatable io ipairs
  load loadfile math next os package pairs pcall print rawequal rawget rawlen rawset require secret select setmetatable
  string table tonumber tostring try type utf8 warn xpcall]]):gmatch "%S+" do M.globals[name] = true end

---Functions of the standard libraries that scripts do not have, and what to use instead.
---@type table<string, string>
M.gone = {
  ["os.execute"] = 'use process.run { … } of "fairlead.process", which takes an argument list',
  ["io.popen"] = 'use process.run { … } of "fairlead.process", which takes an argument list',
}

---The globals that specs have, too.
---@type string[]
M.spec_globals = { "describe", "it", "before_each", "after_each", "setup", "teardown", "pending", "finally", "insulate",
  "expose", "spy", "stub", "mock", "context", "spec", "test", "lazy_setup", "lazy_teardown", "strict_setup",
  "strict_teardown", "randomize" }

---@param folder string the folder of the modules
---@return check.Library
function M.new(folder)
  local self = setmetatable({ folder = folder, classes = {}, aliases = {}, modules = {}, groups = {}, standard = {} },
    Library)
  for _, name in ipairs(STANDARD) do
    local members = {}
    for key in pairs(rawget(_G, name)) do members[key] = not M.gone[name .. "." .. key] or nil end
    self.standard[name] = { kind = "module", name = name, members = members }
  end
  return self
end

---A definition as a type.
---@param definition annotations.Definition
---@param full? string what to call it
---@return check.Known|boolean
function M.known_of(definition, full)
  if not definition.is_function then return definition.type or true end
  local returns = {}
  for i, one in ipairs(definition.returns) do returns[i] = one.type end
  return { kind = "fun", parameters = definition.parameters, returns = returns, method = definition.method, full = full,
    documented = definition.documented, definition = definition }
end

---The class of a name, made where there is none yet.
---@param name string
---@return check.Class
---@package
function Library:class_named(name)
  local class = self.classes[name]
  if not class then
    class = { name = name, parents = {}, members = {}, slots = {} }
    self.classes[name] = class
  end
  return class
end

local function add_class(self, read, own)
  local class = self:class_named(read.name)
  class.own = own
  table.move(read.parents, 1, #read.parents, #class.parents + 1, class.parents)
  for _, field in ipairs(read.fields) do
    if field.name == "[integer]" then
      class.list = field.type
    elseif field.name:find "^%[" then
      class.index = field.type
    else
      class.members[field.name] = field.type or true
      class.slots[#class.slots + 1] = field
    end
  end
end

-- What the name before a function's own means in this file: a class, or what the file returns.
local function class_of(file, variables, owner)
  local name = file.variables[owner] or (owner ~= file.returned and variables[owner]) or nil
  return name or nil
end

---Takes in the annotations of files that belong together.
---@param files annotations.File[]
---@param called fun(file: annotations.File): string what to call the file's own table, as "http"
---@param own? boolean they are scripts
---@return table<string, check.Known> returned what each file returns, by path
function Library:add(files, called, own)
  local variables, returned = {}, {}
  for _, file in ipairs(files) do
    for name, of in pairs(file.aliases) do self.aliases[name] = of end
    for _, class in ipairs(file.classes) do
      add_class(self, class, own)
      if class.variable then
        local other = variables[class.variable]
        variables[class.variable] = (other == nil or other == class.name) and class.name or false
      end
    end
  end
  for _, file in ipairs(files) do
    local module = { kind = "module", name = called(file), members = {}, open = file.open }
    for _, definition in ipairs(file.definitions) do
      local class = definition.owner and class_of(file, variables, definition.owner)
      if class then
        local members = self:class_named(class).members
        local known = M.known_of(definition, class .. ":" .. definition.name)
        -- A field's description stands, where the function itself has none.
        local stands = members[definition.name] ~= nil and (definition.private or not definition.documented)
        if not stands then members[definition.name] = known end
      elseif definition.owner and definition.owner == file.returned then
        module.members[definition.name] = M.known_of(definition, module.name .. "." .. definition.name)
      end
    end
    local class = file.returned and file.variables[file.returned]
    if class then
      returned[file.path] = { kind = "name", name = class, required = true }
      self:class_named(class).open = self:class_named(class).open or file.open
    elseif file.returned then
      returned[file.path] = module
    end
  end
  return returned
end

local function is_file(path) return lfs.attributes(path, "mode") == "file" end

-- Reads the folder of a module, once.
local function read_group(self, group)
  if self.groups[group] then return end
  self.groups[group] = true
  local folder = self.folder .. "/" .. group
  local files = {}
  for _, path in ipairs(annotations.files(folder, ".lua")) do files[#files + 1] = annotations.read(path) end
  local returned = self:add(files, function(file)
    return (file.path:sub(#self.folder + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/meta$", ""):gsub("/", "."))
  end)
  for path, known in pairs(returned) do
    local name = path:sub(#self.folder + 2):gsub("%.lua$", ""):gsub("/init$", "")
    local bare = name:gsub("/meta$", "")
    if bare == name or not is_file(self.folder .. "/" .. bare .. "/init.lua") then
      self.modules["fairlead." .. bare:gsub("/", ".")] = known
    end
  end
  if self.modules["fairlead." .. group] == nil then self.modules["fairlead." .. group] = false end
end

---What `require` gives for one of Fairlead's modules.
---@param name string "fairlead.http"
---@return check.Known|boolean|nil known nil: there is no such module; true: nothing is known of it
function Library:module(name)
  local group = name:match "^fairlead%.([%w_]+)"
  if not group or lfs.attributes(self.folder .. "/" .. group, "mode") ~= "directory" then return nil end
  read_group(self, group)
  local known = self.modules[name]
  if known then return known end
  local path = self.folder .. "/" .. name:sub(#"fairlead." + 1):gsub("%.", "/")
  if is_file(path .. ".lua") or is_file(path .. "/init.lua") or name:find "%.native$" or known == false then
    return true
  end
end

---The names of Fairlead's modules.
---@return table<string, boolean>
function Library:module_names()
  local names = {}
  for entry in lfs.dir(self.folder) do
    if entry:sub(1, 1) ~= "." then names["fairlead." .. entry] = true end
  end
  return names
end

---A class or an alias by its name; the folder that its name begins with is read first.
---@param name string
---@return check.Class|nil class
---@return annotations.Type|nil alias
function Library:find(name)
  if PRIMITIVE[name] then return nil end
  if not self.classes[name] and not self.aliases[name] then
    local group = name:gsub("^fairlead%.", ""):match "^[%w_]+" or ""
    for _, folder in ipairs { group, (group:gsub("%u", string.lower)), "errors" } do
      if lfs.attributes(self.folder .. "/" .. folder, "mode") == "directory" then read_group(self, folder) end
    end
  end
  return self.classes[name], self.aliases[name]
end

---What a type really is: no nil, no aliases. nil: unknown, or several things.
---@param of check.Known|boolean|nil
---@return check.Known|nil
function Library:plain(of)
  if type(of) ~= "table" then return nil end
  local list = types.members(of)
  if #list ~= 1 then
    for _, member in ipairs(list) do
      if member.kind ~= "literal" or type(member.value) ~= "string" then return nil end
    end
    return #list > 0 and { kind = "name", name = "string" } or nil
  end
  local one = list[1]
  if one.kind == "name" then
    local class, alias = self:find(one.name)
    if alias and not class then return self:plain(alias) end
  elseif one.kind == "literal" then
    return { kind = "name", name = type(one.value) == "string" and "string" or "number" }
  end
  return one
end

local function add_members(self, class, into, depth)
  for _, parent in ipairs(class.parents) do
    local found = self:find(parent)
    if found and depth < 8 then add_members(self, found, into, depth + 1) end
    if not found then into.open = true end
  end
  into.open = into.open or class.open
  into.index, into.list = class.index or into.index, class.list or into.list
  for name, known in pairs(class.members) do
    into.members[name] = known
    into.object = into.object or type(known) == "table" and known.full ~= nil
  end
  for _, slot in ipairs(class.slots) do into.slots[#into.slots + 1] = slot end
end

---@class check.Shape
---@field name string
---@field members table<string, check.Known|boolean>
---@field slots annotations.Slot[]
---@field open? boolean
---@field index? annotations.Type
---@field list? annotations.Type
---@field object? boolean it has methods: what is written out in its place stands in for it
---@field strict? boolean a table of its own that is known whole: reading anything else is a mistake

---What a table, an object or a module has; nil: nothing is known of it.
---@param of check.Known|boolean|nil
---@return check.Shape|nil
function Library:shape(of)
  local one = self:plain(of)
  if not one then return nil end
  if one.kind == "module" or one.kind == "record" then
    return { name = one.name, members = one.members, slots = {}, open = one.open,
      strict = one.kind == "module" or one.required }
  elseif one.kind == "list" then
    return { name = types.text(one), members = {}, slots = {}, list = one.of, open = true }
  elseif one.kind == "table" then
    local shape = { name = "it", members = {}, slots = {} }
    for _, slot in ipairs(one.fields) do
      if slot.name == "[integer]" then
        shape.list = slot.type
      elseif slot.name:find "^%[" then
        shape.index = slot.type or true
      else
        shape.members[slot.name] = slot.type or true
        shape.slots[#shape.slots + 1] = slot
      end
    end
    return shape
  elseif one.kind ~= "name" then
    return nil
  end
  if one.name == "string" then
    return { name = "string", members = self.standard.string.members, slots = {}, strict = true }
  end
  if one.name == "table" and one.arguments then
    return { name = "table", members = {}, slots = {}, index = one.arguments[2], open = true }
  end
  local class = self:find(one.name)
  if not class then return nil end
  local shape = { name = one.name, members = {}, slots = {}, strict = one.required }
  add_members(self, class, shape, 0)
  return shape
end

return M
