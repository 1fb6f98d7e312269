--- Walks a script's syntax tree: which names are there, what each expression is as far as annotations tell, and what is
--- wrong about either.
---
--- A script is walked twice. The first time only collects what its tables and functions hold, so that the second knows
--- what stands further down.
local annotations = require "fairlead.annotations"
local calls = require "fairlead.check.calls"
local infer = require("fairlead.check.expressions").infer
local libraries = require "fairlead.check.library"
local nearest = require "fairlead.nearest"
local sources = require "fairlead.check.source"
local statements = require("fairlead.check.statements").statements

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

---Calls `fn` in a scope of its own.
---@param fn fun()
---@package
function Walker:inner(fn)
  local outer = self.scope
  self.scope = setmetatable({}, { __index = outer })
  fn()
  self.scope = outer
end

---@param id table the node that declares a variable
---@param known check.Known|nil what it is
---@package
function Walker:declare(id, known)
  local info = self.locals[id]
  if not info then
    info = { sets = 0 }
    self.locals[id] = info
  end
  info.type = known
  self.scope[id[1]] = info
end

---@return table<string, boolean> the names that can be used here
---@package
function Walker:names()
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
  local hint = self:near(name, self:names())
  if self.library:module(module) then hint = ('write `local %s = require "%s"`'):format(name, module) end
  self:find("undefined-global", node, ("undefined variable '%s'"):format(name), hint)
end

---What a name stands for; says when nothing does.
---@param node table
---@return check.Known|nil
---@package
function Walker:identifier(node)
  local info = self.scope[node[1]]
  if info then return info.sets == 0 and info.type or nil end
  return global(self, node)
end

---A member of what `base` is; says when there is none.
---@param base check.Known|nil
---@param node table its name
---@param called boolean with a colon
---@return check.Known|nil
---@package
function Walker:member(base, node, called)
  local name = node[1]
  local shape = self.library:shape(base)
  if not shape then return nil end
  local known = shape.members[name]
  if known ~= nil then return type(known) == "table" and known or nil end
  local service = base.service
  if service and service ~= "s3" and (called or name:find "^%u") or service == "s3" and name:find "^%u" then
    return calls.aws_operation(self, node, service)
  elseif shape.name == "fairlead.aws.Client" and (called or name:find "^%u") then
    -- Which service it is of is not known here; S3's clients have methods of their own.
    local s3 <const> = self.library:shape { kind = "name", name = "fairlead.aws.S3" }
    local own <const> = s3 and s3.members[name]
    if own ~= nil then return type(own) == "table" and own or nil end
    return calls.aws_operation(self, node)
  end
  if shape.index or shape.open then return type(shape.index) == "table" and shape.index or nil end
  local hint = self:near(name, shape.members)
  -- Answers of services hold more than is annotated, so of fields only what looks like a slip is one.
  if not (shape.strict or called or hint) or base.kind == "record" and not base.required then return nil end
  if called and #shape.slots > 0 and not next(shape.members) then return nil end
  local full = shape.name .. (called and ":" or ".") .. name
  hint = libraries.gone[full] or hint
  self:find("unknown-name", node, ("%s has no %s '%s'"):format(shape.name, called and "method" or "member", name), hint)
end

---@param list check.Known|nil
---@return check.Known|nil element what it holds
---@package
function Walker:element_of(list)
  local shape = self.library:shape(list)
  return shape and shape.list or nil
end

---What an expression is; looks at all of its parts on the way.
---@param node table
---@param expected? check.Known what is wanted there
---@return check.Known|nil
---@package
function Walker:infer(node, expected)
  local fn = infer[node.tag]
  return fn and fn(self, node, calls.fitting(self.library, expected, node)) or nil
end

---@param block table
---@package
function Walker:block(block)
  for _, statement in ipairs(block) do
    local fn = statements[statement.tag]
    if fn then fn(self, statement) end
  end
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
