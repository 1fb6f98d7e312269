--- What each kind of statement does to the names that are there: `statements.Local(walker, statement)` and so on, by
--- the tags of luacheck's parser.
local calls = require "fairlead.check.calls"

---@type table<string, fun(self: check.Walker, statement: table)>
local statements = {}

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
  for i, id in ipairs(statement[1]) do self:declare(id, known[i]) end
end

function statements.Localrec(self, statement)
  local id = statement[1][1]
  self:declare(id, self.locals[id] and self.locals[id].type)
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
          self:near(target[1], self:names()) or ("write `local %s`"):format(target[1]))
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

function statements.Do(self, statement) self:inner(function() self:block(statement) end) end

function statements.While(self, statement)
  self:infer(statement[1])
  self:inner(function() self:block(statement[2]) end)
end

function statements.Repeat(self, statement)
  self:inner(function()
    self:block(statement[1])
    self:infer(statement[2])
  end)
end

function statements.If(self, statement)
  for _, part in ipairs(statement) do
    if part.tag then
      self:infer(part)
    else
      self:inner(function() self:block(part) end)
    end
  end
end

function statements.Fornum(self, statement)
  for i = 2, #statement - 1 do self:infer(statement[i]) end
  self:inner(function()
    self:declare(statement[1], { kind = "name", name = "number" })
    self:block(statement[#statement])
  end)
end

function statements.Forin(self, statement)
  local source = statement[2][1]
  local item
  if source.tag == "Call" and source[1].tag == "Id" and source[1][1] == "ipairs" and source[2] then
    item = self:element_of(self:infer(source[2]))
  else
    values(self, statement[2])
  end
  self:inner(function()
    for i, id in ipairs(statement[1]) do self:declare(id, i == 2 and item or nil) end
    self:block(statement[3])
  end)
end

return { statements = statements }
