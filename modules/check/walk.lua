--- Walks a script's syntax tree: which names are there, what each expression is as far as annotations tell, and what is
--- wrong about either.
---
--- A script is walked twice. The first time only collects what its tables and functions hold, so that the second knows
--- what stands further down.
local annotations = require "fairlead.annotations"
local calls = require "fairlead.check.calls"
local libraries = require "fairlead.check.library"
local nearest = require "fairlead.nearest"
local sources = require "fairlead.check.source"

---@class check.Walker
---@field source check.Source
---@field library check.Library
---@field require fun(name: string): check.Known|boolean|nil, string? what a module gives; nil and why: there is none
---@field report? fun(finding: check.Finding) nil in the first walk
---@field globals table<string, boolean>
---@field scope table<string, check.Local> the innermost scope; its metatable leads outwards
---@field locals table<table, check.Local> by the node that declares them
---@field records table<table, check.Known> by the table constructor that makes them
---@field described table<integer, annotations.Definition> by line
---@field classes table<string, string> the classes of local variables
---@field typed table<integer, annotations.Type> by line
local Walker = {}
Walker.__index = Walker

---@class check.Local
---@field type? check.Known|boolean
---@field sets integer how often it is assigned after its declaration

local M = {}

---@param rule string
---@param node table where
---@param message string
---@param hint? string
---@package
function Walker:find(rule, node, message, hint)
  if not self.report then return end
  local line, column = sources.place(self.source, node)
  self.report { path = self.source.path, line = line, column = column, rule = rule, message = message, hint = hint }
end

---The hint that names what was perhaps meant.
---@param name string
---@param known table<string, any>
---@return string|nil
---@package
function Walker.near(_, name, known)
  local near = nearest.name(name, known)
  return near and near ~= name and ("did you mean '%s'?"):format(near) or nil
end

local function inner(self, fn)
  local outer = self.scope
  self.scope = setmetatable({}, { __index = outer })
  fn()
  self.scope = outer
end

local function declare(self, id, known)
  local info = self.locals[id]
  if not info then
    info = { sets = 0 }
    self.locals[id] = info
  end
  info.type = known
  self.scope[id[1]] = info
end

local function names_in_scope(self)
  local names, scope = {}, self.scope
  while scope do
    for name in next, scope do names[name] = true end
    local meta = getmetatable(scope)
    scope = meta and meta.__index
  end
  for name in pairs(self.globals) do names[name] = true end
  return names
end

local function global(self, node)
  local name = node[1]
  if self.globals[name] then
    if name == "secret" then
      return { kind = "fun", parameters = { { name = "text" } }, returns = { { kind = "name", name = "Secret" } } }
    end
    return self.library.standard[name]
  end
  local module = "fairlead." .. name
  local hint = self:near(name, names_in_scope(self))
  if self.library:module(module) then hint = ('write `local %s = require "%s"`'):format(name, module) end
  self:find("undefined-global", node, ("undefined variable '%s'"):format(name), hint)
end

local function identifier(self, node)
  local info = self.scope[node[1]]
  if info then return info.sets == 0 and info.type or nil end
  return global(self, node)
end

-- A member of what `base` is; says when there is none. `called`: with a colon.
local function member(self, base, node, called)
  local name = node[1]
  local shape = self.library:shape(base)
  if not shape then return nil end
  local known = shape.members[name]
  if known ~= nil then return type(known) == "table" and known or nil end
  if shape.name == "fairlead.aws.Client" and (called or name:find "^%u") then return calls.aws_operation(self, node) end
  if shape.index or shape.open then return type(shape.index) == "table" and shape.index or nil end
  local hint = self:near(name, shape.members)
  -- Answers of services hold more than is annotated, so of fields only what looks like a slip is one.
  if not (shape.strict or called or hint) or base.kind == "record" and not base.required then return nil end
  if called and #shape.slots > 0 and not next(shape.members) then return nil end
  local full = shape.name .. (called and ":" or ".") .. name
  hint = libraries.gone[full] or hint
  self:find("unknown-name", node, ("%s has no %s '%s'"):format(shape.name, called and "method" or "member", name), hint)
end

local function element_of(self, list)
  local shape = self.library:shape(list)
  return shape and shape.list or nil
end

-- ---- expressions ----

local infer = {}

---What an expression is; looks at all of its parts on the way.
---@param node table
---@param expected? check.Known what is wanted there
---@return check.Known|nil
---@package
function Walker:infer(node, expected)
  local fn = infer[node.tag]
  return fn and fn(self, node, calls.fitting(self.library, expected, node)) or nil
end

function infer.Id(self, node) return identifier(self, node) end
function infer.String() return { kind = "name", name = "string" } end
function infer.Number() return { kind = "name", name = "number" } end
infer.True = function() return { kind = "name", name = "boolean" } end
infer.False = infer.True

function infer.Paren(self, node, expected) return self:infer(node[1], expected) end

function infer.Op(self, node, expected)
  local name, left, right = node[1], node[2], node[3]
  local first = self:infer(left, name == "or" and expected or nil)
  local second = right and self:infer(right, (name == "or" or name == "and") and expected or nil)
  if name == "and" then return second end
  if name == "or" then return first or second end
  if name == "concat" then return { kind = "name", name = "string" } end
end

function infer.Index(self, node)
  local base = self:infer(node[1])
  if node[2].tag ~= "String" then
    self:infer(node[2])
    local shape = self.library:shape(base)
    return shape and (shape.list or shape.index) or nil
  end
  return member(self, base, node[2], false)
end

function infer.Function(self, node, expected)
  local wanted = self.library:plain(expected)
  if not wanted or wanted.kind ~= "fun" then wanted = nil end
  local described = self.described[node.line]
  local given = {}
  for _, one in ipairs(described and described.parameters or {}) do given[one.name] = one.type end
  local returns = self.returns
  self.returns = {}
  inner(self, function()
    for i, id in ipairs(node[1]) do
      if id.tag == "Id" then
        local slot = wanted and wanted.parameters[i]
        local known = given[id[1]] or slot and slot.type
        if id[1] == "self" and i == 1 and node.self_type then known = node.self_type end
        declare(self, id, known)
      end
    end
    self:block(node[2])
  end)
  local found = self.returns
  self.returns = returns
  local known = { kind = "fun", parameters = {}, returns = {}, method = node.is_method }
  if described and described.documented then
    known.parameters = described.parameters
    for i, one in ipairs(described.returns) do known.returns[i] = one.type end
  else
    for i, id in ipairs(node[1]) do
      if not (node.is_method and i == 1) then known.parameters[#known.parameters + 1] = { name = id[1] or "..." } end
    end
    -- Of a function that returns in one place only it is known what.
    if #found == 1 then known.returns = found[1] end
  end
  return known
end

-- A table that the script makes. What is wanted of it tells what its values are to be.
function infer.Table(self, node, expected)
  local record = self.records[node] or { kind = "record", name = "it", members = {} }
  self.records[node] = record
  local shape = expected and self.library:shape(expected)
  local own = calls.overrides(self, node, expected)
  for _, item in ipairs(node) do
    if item.tag == "Pair" then
      local key = item[1]
      local text = key.tag == "String" and key[1]
      local wanted = own and own[text]
      if not wanted and shape then
        local known = text and shape.members[text]
        if known == nil then known = shape.index end
        wanted = type(known) == "table" and known or nil
      end
      if not text then
        self:infer(key)
        record.open = true
      end
      local known = self:infer(item[2], wanted)
      if wanted then calls.check_value(self, wanted, item[2], text) end
      if text then record.members[text] = known or true end
    else
      local wanted = shape and shape.list
      self:infer(item, wanted)
      if wanted then calls.check_value(self, wanted, item, nil) end
      if item.tag == "Dots" or item.tag == "Call" or item.tag == "Invoke" then record.open = true end
    end
  end
  return record
end

local function arguments(self, node, first, fn, with_colon)
  local expected = calls.parameters(fn, with_colon)
  for i = first, #node do
    local wanted = expected[i - first + 1]
    local known = self:infer(node[i], wanted and wanted.type)
    -- Who gets a table may put something into it.
    if known and known.kind == "record" and not wanted then known.open = true end
  end
  if fn then calls.check(self, fn, node, first, expected) end
end

local function result_of(fn)
  return fn and fn.kind == "fun" and fn.returns[1] or nil
end

-- `require "name"` with its name written out.
local function required(self, node)
  local name = node[2]
  if not (node[1].tag == "Id" and node[1][1] == "require" and name and name.tag == "String") then return false end
  local known, problem = self.require(name[1])
  if known == nil then
    local hint
    if name[1]:find "^fairlead%." then hint = self:near(name[1], self.library:module_names()) end
    self:find("unknown-module", name, problem or ("there is no module '%s'"):format(name[1]), hint)
  end
  return true, type(known) == "table" and known or nil
end

function infer.Call(self, node)
  local is_require, module = required(self, node)
  if is_require then return module end
  local callee = node[1]
  local fn = self.library:plain(self:infer(callee))
  if fn and fn.kind ~= "fun" then fn = nil end
  if callee.tag == "Id" and not self.scope[callee[1]] then
    local name = callee[1]
    if (name == "try" or name == "pcall") and node[2] then
      local inside = self.library:plain(self:infer(node[2]))
      for i = 3, #node do self:infer(node[i]) end
      return name == "try" and result_of(inside and inside.kind == "fun" and inside or nil) or nil
    elseif name == "setmetatable" then
      local known = node[2] and self:infer(node[2])
      if known and known.kind == "record" then known.open = true end
      if node[3] then self:infer(node[3]) end
      return nil
    elseif name == "assert" and node[2] then
      local known = self:infer(node[2])
      for i = 3, #node do self:infer(node[i]) end
      return known
    end
  end
  arguments(self, node, 2, fn, false)
  return result_of(fn)
end

local HABITUAL <const> = { step = true, wait = true, gate = true, lock = true, stage = true }

function infer.Invoke(self, node)
  local base = self:infer(node[1])
  -- What nothing is known of, but is called run and does what a run does, is one.
  if not base and node[1].tag == "Id" and node[1][1] == "run" and HABITUAL[node[2][1]] then
    base = { kind = "name", name = "procedure.Run" }
  end
  local fn = self.library:plain(member(self, base, node[2], true))
  if fn and fn.kind ~= "fun" then fn = nil end
  arguments(self, node, 3, fn, true)
  return result_of(fn)
end

-- ---- statements ----

local statements = {}

---@param block table
---@package
function Walker:block(block)
  for _, statement in ipairs(block) do
    local fn = statements[statement.tag]
    if fn then fn(self, statement) end
  end
end

-- What several targets get from a list of expressions.
local function values(self, list, expected)
  local known = {}
  for i, node in ipairs(list or {}) do known[i] = self:infer(node, expected and expected[i]) end
  local last = list and list[#list]
  if last and (last.tag == "Call" or last.tag == "Invoke") then
    -- Only the first result of a call is followed; of try, the second is the error.
    if last.tag == "Call" and last[1].tag == "Id" and last[1][1] == "try" then
      known[#list + 1] = { kind = "name", name = "Error" }
    end
  end
  return known
end

-- A variable above which a class stands is that class; one with ---@type is what it says.
local function annotated(self, statement)
  local id = statement[1][1]
  local class = self.classes[id[1]]
  if class and statement[2] and statement[2][1] and statement[2][1].tag == "Table" then
    return { kind = "name", name = class }
  end
end

-- Below ---@type the table is to be what it says.
local function as_annotated(self, statement, list)
  local wanted = self.typed[statement.line]
  if not wanted then return values(self, list) end
  local known = values(self, list, { wanted })
  if list and list[1] then calls.check_value(self, wanted, list[1], nil) end
  known[1] = wanted
  return known
end

function statements.Local(self, statement)
  local known = as_annotated(self, statement, statement[2])
  known[1] = annotated(self, statement) or known[1]
  for i, id in ipairs(statement[1]) do declare(self, id, known[i]) end
end

function statements.Localrec(self, statement)
  local id = statement[1][1]
  declare(self, id, self.locals[id] and self.locals[id].type)
  self.locals[id].type = self:infer(statement[2][1])
end

local function set_member(self, base, key, known)
  local owner = self.library:plain(base)
  if not owner or owner.kind ~= "record" then
    local class = owner and owner.kind == "name" and self.library.classes[owner.name]
    if class and key.tag ~= "String" then
      class.open = true
    elseif class and class.own and class.members[key[1]] == nil then
      class.members[key[1]] = true
    end
    return
  end
  if key.tag == "String" then
    owner.members[key[1]] = known or true
  else
    owner.open = true
  end
end

-- function Class:method() has a self of that class.
local function method_of(target, value, base)
  if value and value.tag == "Function" and target.tag == "Index" and value[1][1] and value[1][1][1] == "self" then
    value.self_type, value.is_method = base, true
  end
end

function statements.Set(self, statement)
  local targets, bases = statement[1], {}
  for i, target in ipairs(targets) do
    if target.tag == "Index" then
      bases[i] = self:infer(target[1])
      if target[2].tag ~= "String" then self:infer(target[2]) end
      method_of(target, statement[2][i], bases[i])
    end
  end
  local known = values(self, statement[2])
  for i, target in ipairs(targets) do
    if target.tag == "Id" then
      local info = self.scope[target[1]]
      if info then
        info.sets = info.sets + (self.report and 0 or 1)
      else
        self:find("assigned-global", target, ("assignment to the undeclared variable '%s'"):format(target[1]),
          self:near(target[1], names_in_scope(self)) or ("write `local %s`"):format(target[1]))
      end
    else
      set_member(self, bases[i], target[2], known[i])
    end
  end
end

function statements.Call(self, statement) self:infer(statement) end
statements.Invoke = statements.Call

function statements.Return(self, statement)
  local known = as_annotated(self, statement, statement)
  if self.returns then self.returns[#self.returns + 1] = known end
end

function statements.Do(self, statement) inner(self, function() self:block(statement) end) end

function statements.While(self, statement)
  self:infer(statement[1])
  inner(self, function() self:block(statement[2]) end)
end

function statements.Repeat(self, statement)
  inner(self, function()
    self:block(statement[1])
    self:infer(statement[2])
  end)
end

function statements.If(self, statement)
  for _, part in ipairs(statement) do
    if part.tag then
      self:infer(part)
    else
      inner(self, function() self:block(part) end)
    end
  end
end

function statements.Fornum(self, statement)
  for i = 2, #statement - 1 do self:infer(statement[i]) end
  inner(self, function()
    declare(self, statement[1], { kind = "name", name = "number" })
    self:block(statement[#statement])
  end)
end

function statements.Forin(self, statement)
  local source = statement[2][1]
  local item
  if source.tag == "Call" and source[1].tag == "Id" and source[1][1] == "ipairs" and source[2] then
    item = element_of(self, self:infer(source[2]))
  else
    values(self, statement[2])
  end
  inner(self, function()
    for i, id in ipairs(statement[1]) do declare(self, id, i == 2 and item or nil) end
    self:block(statement[3])
  end)
end

---Walks a script.
---@param source check.Source
---@param options {library: check.Library, require: function, report: fun(finding: check.Finding), spec: boolean?}
---@return check.Known|nil returned what the script returns
function M.walk(source, options)
  local file = annotations.parse(source.text, source.path)
  options.library:add({ file }, function() return source.path end, true)
  local described = {}
  for _, definition in ipairs(file.definitions) do
    if definition.documented then described[definition.line] = definition end
  end
  local globals = {}
  for name in pairs(libraries.globals) do globals[name] = true end
  if options.spec then
    for _, name in ipairs(libraries.spec_globals) do globals[name] = true end
  end
  local returned
  local walker = setmetatable({
    source = source, library = options.library, require = options.require, globals = globals, locals = {},
    records = {}, described = described, classes = file.variables, typed = file.typed,
  }, Walker)
  for _, report in ipairs { false, options.report } do
    walker.report = report or nil
    walker.scope, walker.returns = {}, {}
    walker:block(source.tree)
    local last = walker.returns[#walker.returns]
    returned = last and last[1] or nil
  end
  return returned
end

return M
