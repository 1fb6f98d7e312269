--- DynamoDB's expressions: conditions (comparisons, attribute_exists, attribute_not_exists, attribute_type,
--- begins_with, contains, size, BETWEEN, IN, AND, OR, NOT) and updates (SET with + - and if_not_exists, REMOVE, ADD of
--- numbers), over attributes of the item's top level.
---
--- Source: Amazon DynamoDB Developer Guide, "Condition and filter expressions, operators, and functions", "Update
--- expressions".
local M = {}

local KEYWORDS <const> = {
  AND = true, OR = true, NOT = true, BETWEEN = true, IN = true, SET = true, REMOVE = true, ADD = true, DELETE = true,
}

local Parser = {}
Parser.__index = Parser

local function fail(parser, text)
  error({ invalid = ("Invalid %s: %s"):format(parser.what, text) }, 0)
end

local function tokenize(parser, text)
  local tokens, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then
      return tokens
    end
    local token = text:match("^[%w_#:.]+", at) or text:match("^<>", at) or text:match("^[<>]=?", at)
      or text:match("^[=(),+-]", at)
    if not token then
      fail(parser, ('Syntax error; token: "%s", near: "%s"'):format(text:sub(at, at), text:sub(at, at + 10)))
    end
    tokens[#tokens + 1] = token
    at = at + #token
  end
end

--- A parser of an expression with the names and values that the request gives.
local function new(what, text, input)
  local self = setmetatable({
    what = what,
    names = input.ExpressionAttributeNames or {},
    values = input.ExpressionAttributeValues or {},
    used = input.used,
    at = 1,
  }, Parser)
  self.tokens = tokenize(self, text)
  return self
end

function Parser:peek()
  local token = self.tokens[self.at]
  local upper = token and token:upper()
  return KEYWORDS[upper] and upper or token
end

function Parser:take(wanted)
  local token = self:peek()
  if not token or (wanted and token ~= wanted) then
    fail(self, ('Syntax error; token: "%s", near: "%s"'):format(token or "<EOF>", self.tokens[self.at - 1] or ""))
  end
  self.at = self.at + 1
  return token
end

function Parser:path()
  local token = self:take()
  if token:sub(1, 1) == "#" then
    local name = self.names[token]
    if not name then
      fail(self, "An expression attribute name used in the document path is not defined; attribute name: " .. token)
    end
    self.used[token] = true
    return name
  elseif not token:find "^[%a_][%w_]*$" then
    fail(self, ('Syntax error; token: "%s"'):format(token))
  end
  return token
end

--- An operand: a function of the item that gives an attribute value or nil.
function Parser:operand()
  local token = self:peek()
  if token and token:sub(1, 1) == ":" then
    self:take()
    local value = self.values[token]
    if not value then
      fail(self, "An expression attribute value used in expression is not defined; attribute value: " .. token)
    end
    self.used[token] = true
    return function()
      return value
    end
  elseif token == "size" and self.tokens[self.at + 1] == "(" then
    self:take()
    self:take "("
    local name = self:path()
    self:take ")"
    return function(item)
      local _, held = next(item[name] or {})
      return held ~= nil and { N = tostring(#tostring(held)) } or nil
    end
  end
  local name = self:path()
  return function(item)
    return item[name]
  end
end

--- How two attribute values compare: -1, 0, 1; nil when their types differ or one is not there.
local function compare(a, b)
  if not a or not b then
    return nil
  end
  local kind, x = next(a)
  local other, y = next(b)
  if kind ~= other then
    return nil
  elseif kind == "N" then
    x, y = tonumber(x), tonumber(y)
  elseif kind == "BOOL" or kind == "NULL" then
    return x == y and 0 or nil
  elseif type(x) ~= "string" then
    return nil
  end
  return x == y and 0 or (x < y and -1 or 1)
end

local COMPARE <const> = {
  ["="] = function(order) return order == 0 end,
  ["<>"] = function(order) return order ~= 0 end,
  ["<"] = function(order) return order == -1 end,
  ["<="] = function(order) return order == -1 or order == 0 end,
  [">"] = function(order) return order == 1 end,
  [">="] = function(order) return order == 1 or order == 0 end,
}

local function text_of(value)
  local kind, held = next(value or {})
  return (kind == "S" or kind == "B") and held or nil
end

local FUNCTIONS <const> = {
  attribute_exists = function(held) return held ~= nil end,
  attribute_not_exists = function(held) return held == nil end,
  attribute_type = function(held, wanted) return held ~= nil and next(held) == text_of(wanted) end,
  begins_with = function(held, wanted)
    local text, start = text_of(held), text_of(wanted)
    return text ~= nil and start ~= nil and text:sub(1, #start) == start
  end,
  contains = function(held, wanted)
    local text, part = text_of(held), text_of(wanted)
    return text ~= nil and part ~= nil and text:find(part, 1, true) ~= nil
  end,
}

function Parser:primary()
  local token = self:peek()
  if token == "(" then
    self:take()
    local inner = self:either()
    self:take ")"
    return inner
  elseif token == "NOT" then
    self:take()
    local inner = self:primary()
    return function(item)
      return not inner(item)
    end
  elseif FUNCTIONS[token] and self.tokens[self.at + 1] == "(" then
    local fn = FUNCTIONS[self:take()]
    self:take "("
    local name = self:path()
    local second
    if self:peek() == "," then
      self:take()
      second = self:operand()
    end
    self:take ")"
    return function(item)
      return fn(item[name], second and second(item))
    end
  end
  local left = self:operand()
  local operator = self:take()
  if operator == "BETWEEN" then
    local low = self:operand()
    self:take "AND"
    local high = self:operand()
    return function(item)
      local held = left(item)
      return COMPARE[">="](compare(held, low(item))) and COMPARE["<="](compare(held, high(item)))
    end
  elseif operator == "IN" then
    self:take "("
    local choices = { self:operand() }
    while self:peek() == "," do
      self:take()
      choices[#choices + 1] = self:operand()
    end
    self:take ")"
    return function(item)
      for _, choice in ipairs(choices) do
        if compare(left(item), choice(item)) == 0 then
          return true
        end
      end
      return false
    end
  end
  local test = COMPARE[operator]
  if not test then
    fail(self, ('Syntax error; token: "%s"'):format(operator))
  end
  local right = self:operand()
  return function(item)
    return test(compare(left(item), right(item)))
  end
end

function Parser:both()
  local left = self:primary()
  while self:peek() == "AND" do
    self:take()
    local first, second = left, self:primary()
    left = function(item)
      return first(item) and second(item)
    end
  end
  return left
end

function Parser:either()
  local left = self:both()
  while self:peek() == "OR" do
    self:take()
    local first, second = left, self:both()
    left = function(item)
      return first(item) or second(item)
    end
  end
  return left
end

function Parser:finish()
  if self:peek() then
    fail(self, ('Syntax error; token: "%s"'):format(self:peek()))
  end
end

--- A condition as a function of an item (an empty table for one that is not there). Raises `{invalid=message}`.
---@param what "ConditionExpression"|"KeyConditionExpression"|"FilterExpression"
---@param text string
---@param input table the request; `used` collects the names and values that the expression mentions
---@return fun(item: table): boolean
function M.condition(what, text, input)
  local parser = new(what, text, input)
  local condition = parser:either()
  parser:finish()
  return condition
end

local function number_text(value)
  return math.type(value) == "integer" and tostring(value)
    or (value % 1 == 0 and ("%d"):format(value) or ("%.14g"):format(value))
end

local function add(parser, a, b, sign)
  if not a or not b or not a.N or not b.N then
    fail(parser, "An operand in the update expression has an incorrect data type")
  end
  return { N = number_text(tonumber(a.N) + sign * tonumber(b.N)) }
end

function Parser:set_value()
  local function term()
    if self:peek() == "if_not_exists" then
      self:take()
      self:take "("
      local name = self:path()
      self:take ","
      local otherwise = self:operand()
      self:take ")"
      return function(item)
        return item[name] or otherwise(item)
      end
    end
    return self:operand()
  end
  local left = term()
  local operator = self:peek()
  if operator == "+" or operator == "-" then
    self:take()
    local right = term()
    return function(item)
      return add(self, left(item), right(item), operator == "+" and 1 or -1)
    end
  end
  return left
end

local CLAUSES <const> = {
  SET = function(parser)
    local name = parser:path()
    parser:take "="
    local value = parser:set_value()
    return function(before, after)
      after[name] = value(before)
        or fail(parser, "The provided expression refers to an attribute that does not exist in the item")
    end
  end,
  REMOVE = function(parser)
    local name = parser:path()
    return function(_, after)
      after[name] = nil
    end
  end,
  ADD = function(parser)
    local name = parser:path()
    local value = parser:operand()
    return function(before, after)
      after[name] = before[name] and add(parser, before[name], value(before), 1) or value(before)
    end
  end,
}

--- An update as a function that changes `after`, reading `before`. Raises `{invalid=message}`.
---@param text string
---@param input table the request, with `used`
---@return fun(before: table, after: table)
function M.update(text, input)
  local parser, actions = new("UpdateExpression", text, input), {}
  while parser:peek() do
    local clause = CLAUSES[parser:take()]
    if not clause then
      fail(parser, ('Syntax error; token: "%s"'):format(parser.tokens[parser.at - 1]))
    end
    repeat
      actions[#actions + 1] = clause(parser)
      local more = parser:peek() == ","
      if more then
        parser:take()
      end
    until not more
  end
  return function(before, after)
    for _, act in ipairs(actions) do
      act(before, after)
    end
  end
end

return M
