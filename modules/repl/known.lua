--- What is known of a value or an expression without running anything: what it holds, read raw, and what the modules'
--- annotations say of it. For completion and help.
local annotations = require "fairlead.annotations"
local calls = require "fairlead.check.calls"
local libraries = require "fairlead.check.library"
local operations = require "fairlead.aws.operations"
local services = require "fairlead.aws.services"
local typed = require "fairlead.check.operations"
local types = require "fairlead.annotations.types"

local _, here <const> = ...

local M = {}

---@class repl.Known
---@field held? boolean there is a value
---@field value? any
---@field type? check.Known what annotations say

local getinfo, getmetatable = debug.getinfo, debug.getmetatable -- the real metatable, whatever __metatable says

local DEEPEST <const> = 16 -- of metatables' __index
local MOST <const> = 5000 -- names of one table

local folder <const> = here:match "^(.*)/[^/]*/[^/]*$"

---What is known of the modules: read when it is asked for, module by module.
M.library = libraries.new(folder)

---The modules that somebody who looks around is told of.
M.public = { "aws", "clock", "digest", "errors", "git", "github", "http", "inspect", "json", "jwt", "procedure",
  "process", "sigv4", "slack", "task", "world", "xml" }

---What variables of a class are called, in examples and elsewhere.
M.variables_of = {
  ["procedure.Run"] = "run", ["procedure.Lock"] = "my_lock", ["fairlead.github.Client"] = "gh",
  ["fairlead.aws.Session"] = "session", ["fairlead.slack.Client"] = "slack_client",
  ["fairlead.git.Repository"] = "repository", ["http.Response"] = "response", ["fairlead.world.World"] = "w",
  Task = "job", TaskEvent = "event", Error = "err",
}

---The class that a variable probably is of, by what it is called; of an AWS service's name: its client.
---@param name string
---@return check.Known|nil
function M.guess(name)
  for class, variable in pairs(M.variables_of) do
    if variable == name then return { kind = "name", name = class } end
  end
  if services.list[name] then return typed.client(name) end
end

local files = {}

-- What a file annotates. A script may be changed meanwhile, and is read anew.
local function read(path)
  if path:sub(1, #folder) ~= folder then return annotations.read(path) end
  files[path] = files[path] or annotations.read(path)
  return files[path]
end

-- The annotated definition of a function, of a module or of a script.
local function definition_of(fn)
  local info = getinfo(fn, "S")
  local file = info.what ~= "C" and info.source:sub(1, 1) == "@" and read(info.source:sub(2))
  for _, definition in ipairs(file and file.definitions or {}) do
    if definition.line == info.linedefined then return definition, file end
  end
end

---The comment at the head of a module.
---@param module string "http"
---@return string
function M.head_of(module)
  for _, name in ipairs { "/init.lua", "/meta.lua", ".lua" } do
    local file = read(folder .. "/" .. module:gsub("%.", "/") .. name)
    if file and #file.text > 0 then return table.concat(file.text, "\n") end
  end
  return ""
end

-- Functions that are there without a module's name before them.
local function global_type(name)
  local file = read(("%s/%s/meta.lua"):format(folder, name))
  for _, definition in ipairs(file and file.definitions or {}) do
    if definition.name == name and not definition.owner then return libraries.known_of(definition, name) end
  end
end

local function type_of_function(fn)
  if fn == try then return global_type "try" end
  if fn == secret then return global_type "secret" end
  local definition, file = definition_of(fn)
  if definition then
    local class = file.variables[definition.owner]
    return libraries.known_of(definition, class and class .. ":" .. definition.name)
  end
  for name, module in next, package.loaded do
    if type(name) == "string" and type(module) == "table" and name:find "^fairlead%.[%w_]+$" then
      for key, value in next, module do
        if rawequal(value, fn) and type(key) == "string" then
          local shape = M.library:shape(M.library:module(name))
          return shape and type(shape.members[key]) == "table" and shape.members[key] or nil
        end
      end
    end
  end
end

local NAMES <const> = { ["task.Task"] = "Task", ["task.Event"] = "TaskEvent", ["fairlead.Secret"] = "Secret",
  ["fairlead.Error"] = "Error",
  ["git.Repository"] = "fairlead.git.Repository", ["process.Result"] = "fairlead.process.Result" }

local function type_by_name(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  if type(name) ~= "string" then return nil end
  name = NAMES[name] or name
  if not M.library:find(name) then return nil end
  local service = name == "fairlead.aws.Client" and rawget(value, "service")
  return service and typed.client(service) or { kind = "name", name = name }
end

local function module_name(value)
  for name, module in next, package.loaded do
    if rawequal(module, value) and type(name) == "string" then return name end
  end
end

local function type_of_table(value)
  local name = module_name(value)
  if name then
    if M.library.standard[name] then return M.library.standard[name] end
    local module = name:find "^fairlead%." and M.library:module(name)
    return type(module) == "table" and module or nil
  end
  return type_by_name(value)
end

---What a value's annotations are, found by the value itself: its module, its class's name, its function's line.
---@param value any
---@return check.Known|nil
function M.type_of(value)
  local kind = type(value)
  if kind == "function" then return type_of_function(value) end
  if kind == "table" then return type_of_table(value) end
  if kind == "userdata" then return type_by_name(value) end
  if kind == "string" then return { kind = "name", name = "string" } end
end

---Whether a table is a module with something changed: it has all that the module has.
---@param value any
---@param name string "fairlead.task"
---@return boolean
function M.stands_in(value, name)
  local module = package.loaded[name]
  if type(value) ~= "table" or type(module) ~= "table" then return false end
  for key in next, module do
    if rawget(value, key) == nil then return false end
  end
  return true
end

---@param value any
---@return repl.Known
function M.of_value(value)
  return { held = true, value = value, type = M.type_of(value) }
end

---@param of check.Known|boolean|nil
---@return repl.Known|nil
function M.of_type(of)
  return type(of) == "table" and { type = of } or nil
end

-- Where fields are looked for, one after the other: the value itself, then what its metatable's __index names.
local function sources(value)
  local list = { type(value) == "string" and string or nil }
  while #list < DEEPEST do
    if type(value) == "table" then list[#list + 1] = value end
    local meta = type(value) ~= "string" and getmetatable(value)
    value = type(meta) == "table" and rawget(meta, "__index") or nil
    if type(value) ~= "table" then return list end
  end
  return list
end

---A field, read raw: no metamethod runs.
---@param value any
---@param name any
---@return any
function M.raw_field(value, name)
  if type(value) == "string" then return string[name] end
  for _, source in ipairs(sources(value)) do
    local found = rawget(source, name)
    if found ~= nil then return found end
  end
end

---A member of something, by its name; nil: nothing is known of it.
---@param known repl.Known|nil
---@param name any
---@return repl.Known|nil
function M.member(known, name)
  if not known then return nil end
  local service = known.type and known.type.service
  if service and type(name) == "string" and name:find "^%u" then
    local of = typed.operation(service, name, true)
    if of then return { type = of } end
  end
  local shape = known.type and M.library:shape(known.type)
  local of = shape and shape.members[name]
  if of == nil and shape then of = type(name) == "number" and shape.list or shape.index end
  local is_named = of ~= nil and of ~= false -- though nothing more may be known of it
  if type(of) ~= "table" then of = nil end
  if of and of.kind == "fun" and not of.full and known.type.kind == "name" then -- a field that is a function
    of = setmetatable({ full = known.type.name .. ":" .. name }, { __index = of })
  end
  if known.held then
    local value = M.raw_field(known.value, name)
    if value ~= nil then return { held = true, value = value, type = of or M.type_of(value) } end
  end
  return is_named and { type = of } or nil
end

-- Any operation, where all are listed: what each takes is looked up when it is asked for.
local OPERATION <const> = { kind = "fun", method = true, parameters = {}, returns = {} }

---The names of something's members, each once, not sorted.
---@param known repl.Known|nil
---@return table<string, repl.Known|false> by name; false: nothing is known of it
function M.members(known)
  local found, left = {}, MOST
  if not known then return found end
  local of = known.type
  local shape = of and M.library:shape(of)
  for name, member in next, shape and shape.members or {} do
    if not (type(member) == "table" and member.definition and member.definition.private) then
      found[name] = type(member) == "table" and { type = member } or false
    end
  end
  for _, slot in ipairs(shape and shape.slots or {}) do
    if slot.private then found[slot.name] = nil end
  end
  if of and of.service then
    for _, name in ipairs(operations.names(of.service)) do found[name] = { type = OPERATION } end
  end
  for _, source in ipairs(known.held and sources(known.value) or {}) do
    for name, value in next, source do
      left = left - 1
      if left < 0 then return found end
      if type(name) == "string" then
        local member = found[name]
        local of_member = member and member.type or nil
        if not (member and member.held) then found[name] = { held = true, value = value, type = of_member } end
      end
    end
  end
  return found
end

---What a call gives.
---@param fn repl.Known|nil
---@return repl.Known|nil
function M.result(fn)
  local of = fn and fn.type and M.library:plain(fn.type)
  if not of or of.kind ~= "fun" then return nil end
  return M.of_type(of.returns[1])
end

---What a call's argument is to be.
---@param fn repl.Known|nil
---@param position integer
---@param with_colon boolean
---@return annotations.Slot|nil
function M.parameter(fn, position, with_colon)
  local of = fn and fn.type and M.library:plain(fn.type)
  if not of or of.kind ~= "fun" then return nil end
  return calls.parameters(of, with_colon)[position]
end

---Of the types that are wanted, the one that fits a table or a function that is written there.
---@param wanted check.Known
---@param node {tag: string} "Table" or "Function"
---@return check.Known|nil
function M.fitting(wanted, node)
  local found = calls.fitting(M.library, wanted, node)
  return found and (found.kind == "name" and M.library:plain(found) or found) or nil
end

---What a table that is written there is to hold.
---@param wanted check.Known|nil
---@return check.Shape|nil
function M.table_shape(wanted)
  return wanted and M.library:shape(wanted) or nil
end

local function add_words(of, words, depth)
  for _, one in ipairs(types.members(of)) do
    if one.kind == "literal" and type(one.value) == "string" then
      words[one.value] = true
    elseif one.kind == "name" and depth < DEEPEST then
      local _, alias = M.library:find(one.name)
      if alias then add_words(alias, words, depth + 1) end
    end
  end
end

---The words that annotations name for a text.
---@param wanted check.Known|nil
---@return string[] sorted; empty: none
function M.words(wanted)
  local words, list = {}, {}
  if wanted then add_words(wanted, words, 0) end
  for word in pairs(words) do list[#list + 1] = word end
  table.sort(list)
  return list
end

return M
