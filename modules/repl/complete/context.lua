--- What the expressions of an unfinished line are, and what is wanted at a place in it. Nothing is run: values are read
--- raw, calls are known by their annotations.
local known = require "fairlead.repl.known"
local tokens = require "fairlead.repl.complete.tokens"
local typed = require "fairlead.check.operations"

local is = tokens.is

---@class repl.Context
---@field list repl.Token[]
---@field env table what lines see
---@field variables table<string, any>[] values that lie before those of env: a frame's
---@field results fun(name: string): any `_`, `_1`, `err`
---@field depth integer of what is being looked up, which may go in a circle
local Context = {}
Context.__index = Context

local M = {}

local DEEPEST <const> = 20

---@param list repl.Token[]
---@param env table
---@param variables table<string, any>[]
---@param results fun(name: string): any
---@return repl.Context
function M.new(list, env, variables, results)
  return setmetatable({ list = list, env = env, variables = variables, results = results, depth = 0 }, Context)
end

-- `local a, b = expression` and `a = expression`: the last one before a place that gives this name something.
local function assignment(self, name, before)
  local list = self.list
  for i = before, 1, -1 do
    if list[i].kind == "name" and list[i].text == name and is(list[i + 1], "=") and i + 1 < before
      and not is(list[i - 1], ".") then
      local around = tokens.enclosing(list, i - 1)
      if not (around and is(list[around], "{")) then return i + 2 end
    end
  end
end

-- `function(a, name)`: which parameter it is, of which function.
local function parameter(self, name, before)
  local list = self.list
  for i = before, 1, -1 do
    if list[i].kind == "keyword" and list[i].text == "function" then
      local open = i + 1
      while list[open] and (list[open].kind == "name" or is(list[open], ".") or is(list[open], ":")) do
        open = open + 1
      end
      local close = is(list[open], "(") and tokens.closing(list, open)
      local position = 0
      for j = open + 1, (close or open) - 1 do
        if list[j].kind == "name" then
          position = position + 1
          if list[j].text == name then return i, position end
        end
      end
    end
  end
end

-- `for _, name in ipairs(list) do`: the list's expression.
local function loop(self, name, before)
  local list = self.list
  for i = before, 1, -1 do
    if list[i].kind == "name" and list[i].text == name and is(list[i - 1], ",") and list[i + 1]
      and list[i + 1].text == "in" and list[i + 2] and (list[i + 2].text == "ipairs" or list[i + 2].text == "pairs")
      and is(list[i + 3], "(") then
      return i + 4
    end
  end
end

local function element(of)
  local shape = of and of.type and known.library:shape(of.type)
  if of and of.held and type(of.value) == "table" then
    local _, first = next(of.value)
    if first ~= nil then return known.of_value(first) end
  end
  return shape and known.of_type(shape.list or shape.index)
end

---What an env has under a name, read raw; `nil` where only running something would tell.
---@param name string
---@return repl.Known|nil
---@package
function Context:global(name)
  for _, variables in ipairs(self.variables) do
    if rawget(variables, name) ~= nil then return known.of_value(rawget(variables, name)) end
  end
  local value = known.raw_field(self.env, name)
  if value == nil then value = rawget(_G, name) end
  if value == nil then value = self.results(name) end
  if value == nil then value = package.loaded["fairlead." .. name] end
  if value == nil then return known.of_type(known.library:module("fairlead." .. name)) end
  local found = known.of_value(value)
  if not found.type and known.stands_in(value, "fairlead." .. name) then
    found.type = known.of_type(known.library:module("fairlead." .. name)).type
  end
  return found
end

-- What a name in the line stands for, at a place.
local function variable(self, name, at)
  local first = assignment(self, name, at)
  if first then
    local found = self:value(first, at)
    if found then return found end
  end
  local fn, position = parameter(self, name, at)
  if fn then
    local wanted = self:wanted(fn, { tag = "Function" })
    local slot = wanted and wanted.kind == "fun" and wanted.parameters[position]
    return known.of_type(slot and slot.type)
  end
  first = loop(self, name, at)
  if first then return element((self:value(first, at))) end
  local found = self:global(name)
  if found then return found end
  return known.of_type(known.guess(name))
end

local function literal(token)
  if not token then return nil end
  if token.kind == "string" then return token.text end
  return token.kind == "number" and tonumber(token.text) or nil
end

-- Calls whose result depends on what they are given.
local function special(self, fn, first)
  local argument = literal(self.list[first])
  local full = fn.type and fn.type.full
  if full == "fairlead.aws.Session:client" and type(argument) == "string" then
    return { type = typed.client(argument) }
  end
  if fn.value == require and type(argument) == "string" then
    if package.loaded[argument] ~= nil then return known.of_value(package.loaded[argument]) end
    return known.of_type(known.library:module(argument))
  end
  local name = self.list[first - 2] and self.list[first - 2].text
  if name == "try" and is(self.list[first - 1], "(") then
    return known.result((self:value(first, #self.list)))
  end
end

-- A call's end: the argument's first token, and the token after the call. nil: it goes on at the cursor.
local function call_at(self, i)
  local token = self.list[i]
  if is(token, "(") then
    local close = tokens.closing(self.list, i)
    return i + 1, close and close + 1
  elseif token and token.kind == "string" and not token.open then
    return i, i + 1
  elseif is(token, "{") then
    local close = tokens.closing(self.list, i)
    return i, close and close + 1
  end
end

-- A name, a string, or what is between parentheses; and the token after it.
local function primary(self, i, stop)
  local token = self.list[i]
  if not token then return nil, i end
  if token.kind == "name" then return variable(self, token.text, i - 1), i + 1 end
  if token.kind == "string" and not token.open then return known.of_value(token.text), i + 1 end
  if is(token, "(") then
    local close = tokens.closing(self.list, i)
    if close then return self:value(i + 1, stop), close + 1 end
  end
  return nil, i
end

---What the expression is that begins at a token: a name, with what is indexed and called after it.
---@param i integer
---@param stop integer the last token to be looked at
---@return repl.Known|nil
---@package
function Context:value(i, stop)
  if self.depth > DEEPEST then return nil end
  self.depth = self.depth + 1
  local found, at = primary(self, i, stop)
  while found and at <= stop do
    local token, name = self.list[at], self.list[at + 1]
    if (is(token, ".") or is(token, ":")) and name and name.kind == "name" and at + 1 <= stop then
      found, at = known.member(found, name.text), at + 2
    elseif is(token, "[") then
      local close = tokens.closing(self.list, at)
      local key = close == at + 2 and literal(self.list[at + 1]) or nil
      found = close and (key ~= nil and known.member(found, key) or element(found)) or nil
      at = (close or stop) + 1
    else
      local first, after = call_at(self, at)
      if not first or not after or after - 1 > stop then break end
      found, at = special(self, found, first) or known.result(found), after
    end
  end
  self.depth = self.depth - 1
  return found
end

---What the expression is that ends at a token.
---@param last integer
---@return repl.Known|nil
function Context:ending_at(last)
  local first = tokens.expression_start(self.list, last)
  return first and self:value(first, last) or nil
end

-- The function that is called before a token, and how.
local function callee(self, last)
  local token = self.list[last]
  if not token or token.kind ~= "name" and not is(token, ")") and not is(token, "]") then return nil end
  return self:ending_at(last), is(self.list[last - 1], ":") and token.kind == "name"
end

-- What the argument is wanted to be that is the `position`th of the call whose parenthesis is at `open`.
local function argument(self, open, position)
  local fn, with_colon = callee(self, open - 1)
  local slot = known.parameter(fn, position, with_colon or false)
  return slot and slot.type, slot, fn
end

---What is wanted at the place of a token, as annotations tell: a table that begins there, a function, a text.
---@param i integer its first token, or the place after the last
---@param node {tag: string} what it is: {tag = "Table"}, "Function", "String"
---@return check.Known|nil wanted
---@return annotations.Slot|nil slot
---@return repl.Known|nil fn what is called with it
function Context:wanted(i, node)
  local before = self.list[i - 1]
  local around, commas = tokens.enclosing(self.list, i - 1)
  if not before then return nil end
  local wanted, slot, fn
  if is(before, "=") and around and is(self.list[around], "{") then
    local shape = known.table_shape((self:wanted(around, { tag = "Table" })))
    local key = self.list[i - 2]
    local of = shape and (shape.members[key.text] or shape.index)
    wanted = type(of) == "table" and of or nil
    for _, one in ipairs(shape and shape.slots or {}) do
      if one.name == key.text then slot = one end
    end
  elseif is(before, "(") or is(before, ",") and around and is(self.list[around], "(") then
    wanted, slot, fn = argument(self, around, commas + 1)
  elseif is(before, "{") or is(before, ",") and around then
    local shape = known.table_shape((self:wanted(around, { tag = "Table" })))
    wanted = shape and shape.list
  else
    local with_colon
    fn, with_colon = callee(self, i - 1)
    slot = known.parameter(fn, 1, with_colon or false)
    wanted = slot and slot.type
  end
  if node.tag ~= "String" then wanted = wanted and known.fitting(wanted, node) end
  return wanted, slot, fn
end

---@param list repl.Token[]
---@param open integer the brace of a table
---@return table<string, boolean> the names that it gives already
function M.given(list, open)
  local names, depth = {}, 0
  for i = open, #list do
    local token = list[i]
    if is(token, "{") or is(token, "(") or is(token, "[") then depth = depth + 1 end
    if is(token, "}") or is(token, ")") or is(token, "]") then depth = depth - 1 end
    if depth == 0 then break end
    if depth == 1 and token.kind == "name" and is(list[i + 1], "=") then names[token.text] = true end
  end
  return names
end

return M
