--- Type expressions of annotations, as the Lua language server writes them: `string|nil`, `{name: string, at?: number}`
--- `fun(sha: string): boolean`, `table<string, procedure.Parameter>`, `fairlead.github.Check[]`.
---
--- Source: LuaLS wiki, "Annotations" and "Type definitions".
local M = {}

---@class annotations.Type
---@field kind "name"|"literal"|"fun"|"table"|"list"|"union"
---@field name? string of a name: "string", "procedure.Run"
---@field arguments? annotations.Type[] of a name: those between < and >
---@field value? string|number of a literal
---@field parameters? annotations.Slot[] of a function
---@field returns? annotations.Type[] of a function
---@field fields? annotations.Slot[] of a table
---@field of? annotations.Type|annotations.Type[] of a list: what it holds; of a union: its members

---@class annotations.Slot
---@field name string of a table's index field: "[string]"
---@field type? annotations.Type
---@field optional? boolean

local Reader = {}
Reader.__index = Reader

function Reader:take(pattern)
  local first, last, found = self.text:find("^" .. pattern, self.at)
  if not first then return nil end
  self.at = last + 1
  return found or self.text:sub(first, last)
end

function Reader:spaces() self:take "%s+" end

local union

local function slot(reader)
  local name = reader:take "%.%.%." or reader:take "([%a_][%w_]*)"
  if name then
    local optional = reader:take "%s*%?" ~= nil
    if reader:take "%s*:%s*" then
      local of = union(reader)
      return of and { name = name, type = of, optional = optional or nil }
    end
    return { name = name, optional = optional or nil }
  end
end

-- What stands between brackets, up to `closing`: slots, index fields and bare types.
local function slots(reader, closing)
  local list = {}
  while true do
    reader:spaces()
    if reader:take(closing) then return list end
    local before = reader.at
    local item
    if reader:take "%[" then
      local key = reader:take "([^%]]*)"
      if not reader:take "%]%s*:%s*" then return nil end
      item = { name = "[" .. key .. "]", type = union(reader) }
    else
      item = slot(reader)
      if item and not item.type and closing == "}" then -- a tuple: a type, not a name
        reader.at = before
        item = { name = "[integer]", type = union(reader) }
      end
    end
    if not item then return nil end
    list[#list + 1] = item
    reader:spaces()
    reader:take ","
  end
end

local function function_type(reader)
  local parameters = slots(reader, "%)")
  if not parameters then return nil end
  local returns = {}
  if reader:take ":%s*" then
    repeat
      reader:take "[%a_.]+:%s+" -- a result may have a name
      local one = union(reader)
      if not one then return nil end
      returns[#returns + 1] = one
    until not reader:take ",%s*"
  end
  return { kind = "fun", parameters = parameters, returns = returns }
end

local function name_type(reader)
  local name = reader:take "%.%.%." or reader:take "([%a_][%w_.%-]*)"
  if not name then return nil end
  local ended = name:match "^(.-)%.+$" -- the full stop of a sentence
  if ended and ended ~= "" then
    reader.at = reader.at - (#name - #ended)
    name = ended
  end
  local found = { kind = "name", name = name }
  if reader:take "<" then
    found.arguments = {}
    repeat
      reader:spaces()
      found.arguments[#found.arguments + 1] = union(reader)
      reader:spaces()
    until not reader:take ","
    if not reader:take ">" then return nil end
  end
  return found
end

local function primary(reader)
  if reader:take "%(" then
    reader:spaces()
    local inner = union(reader, true)
    reader:spaces()
    return reader:take "%)" and inner
  end
  if reader:take "{" then
    local fields = slots(reader, "}")
    return fields and { kind = "table", fields = fields }
  end
  reader:take "async%s+"
  if reader:take "fun%(" then return function_type(reader) end
  if reader:take "fun%f[^%w_.]" then return { kind = "fun", parameters = { { name = "..." } }, returns = {} } end
  local text = reader:take '"([^"]*)"' or reader:take "'([^']*)'"
  if text then return { kind = "literal", value = text } end
  local number = reader:take "%-?%d+%.?%d*"
  if number then return { kind = "literal", value = tonumber(number) } end
  reader:take "`"
  local found = name_type(reader)
  reader:take "`"
  return found
end

local NIL <const> = { kind = "name", name = "nil" }

local function postfix(reader)
  local found = primary(reader)
  while found do
    if reader:take "%[%]" then
      found = { kind = "list", of = found }
    elseif reader:take "%?" then
      found = { kind = "union", of = { found, NIL } }
    else
      return found
    end
  end
end

function union(reader, spaced)
  local members = {}
  repeat
    members[#members + 1] = postfix(reader)
  until not (reader:take "|" or spaced and reader:take "%s*|+%s*")
  if #members <= 1 then return members[1] end
  return { kind = "union", of = members }
end

---Reads a type from the beginning of a text.
---@param text string
---@param spaced? boolean there may be spaces around the | of a union; then nothing else follows
---@return annotations.Type|nil found nil: there is none
---@return string rest what follows it
function M.parse(text, spaced)
  local reader = setmetatable({ text = text, at = 1 }, Reader)
  reader:spaces()
  local found = union(reader, spaced)
  return found, text:sub(reader.at)
end

---Whether nil is among what a type allows.
---@param of annotations.Type|nil
---@return boolean
function M.is_optional(of)
  if not of then return true end
  if of.kind == "name" then return of.name == "nil" or of.name == "any" or of.name == "unknown" end
  if of.kind ~= "union" then return false end
  for _, member in ipairs(of.of) do
    if M.is_optional(member) then return true end
  end
  return false
end

---The members of a union without nil; of any other type, itself.
---@param of annotations.Type|nil
---@param list? annotations.Type[]
---@return annotations.Type[]
function M.members(of, list)
  list = list or {}
  if not of then return list end
  if of.kind == "union" then
    for _, member in ipairs(of.of) do M.members(member, list) end
  elseif not (of.kind == "name" and of.name == "nil") then
    list[#list + 1] = of
  end
  return list
end

local function join(list, write)
  local texts = {}
  for i, item in ipairs(list) do texts[i] = write(item) end
  return table.concat(texts, ", ")
end

local function write_slot(item)
  local key = item.name .. (item.optional and "?" or "")
  if not item.type then return key end
  return item.name == "[integer]" and M.text(item.type) or key .. ": " .. M.text(item.type)
end

---A type as annotations write it.
---@param of annotations.Type
---@return string
function M.text(of)
  if of.kind == "name" then
    return of.name .. (of.arguments and "<" .. join(of.arguments, M.text) .. ">" or "")
  elseif of.kind == "literal" then
    return type(of.value) == "string" and '"' .. of.value .. '"' or tostring(of.value)
  elseif of.kind == "list" then
    local inner = M.text(of.of)
    return (of.of.kind == "union" and "(" .. inner .. ")" or inner) .. "[]"
  elseif of.kind == "table" then
    return "{" .. join(of.fields, write_slot) .. "}"
  elseif of.kind == "fun" then
    local returns = #of.returns > 0 and ": " .. join(of.returns, M.text) or ""
    return "fun(" .. join(of.parameters, write_slot) .. ")" .. returns
  end
  local members, texts = M.members(of), {}
  for i, member in ipairs(members) do
    texts[i] = (member.kind == "fun" and #members > 1) and "(" .. M.text(member) .. ")" or M.text(member)
  end
  if M.is_optional(of) then
    if #texts == 1 and members[1].kind ~= "fun" then return texts[1] .. "?" end
    texts[#texts + 1] = "nil"
  end
  return table.concat(texts, "|")
end

return M
