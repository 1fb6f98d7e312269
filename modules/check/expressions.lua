--- What each kind of expression is, as far as annotations tell: `infer.Call(walker, node, expected)` and so on, by the
--- tags of luacheck's parser.
local calls = require "fairlead.check.calls"
local operations = require "fairlead.check.operations"

---@type table<string, fun(self: check.Walker, node: table, expected: check.Known|nil): check.Known|nil>
local infer = {}

function infer.Id(self, node) return self:identifier(node) end
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
  return self:member(base, node[2], false)
end

function infer.Function(self, node, expected)
  local wanted = self.library:plain(expected)
  if not wanted or wanted.kind ~= "fun" then wanted = nil end
  local described = self.described[node.line]
  local given = {}
  for _, one in ipairs(described and described.parameters or {}) do given[one.name] = one.type end
  local returns = self.returns
  self.returns = {}
  self:inner(function()
    for i, id in ipairs(node[1]) do
      if id.tag == "Id" then
        local slot = wanted and wanted.parameters[i]
        local known = given[id[1]] or slot and slot.type
        if id[1] == "self" and i == 1 and node.self_type then known = node.self_type end
        self:declare(id, known)
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
  local fn = self.library:plain(self:member(base, node[2], true))
  if fn and fn.kind ~= "fun" then fn = nil end
  arguments(self, node, 3, fn, true)
  local service = node[3]
  if fn and fn.full == "fairlead.aws.Session:client" and service and service.tag == "String" then
    return operations.client(service[1])
  end
  return result_of(fn)
end

return { infer = infer }
