--- The parts of a page of help: functions, modules, objects, other values.
local examples = require "fairlead.repl.help.examples"
local functions = require "fairlead.inspect.functions"
local inspect = require "fairlead.inspect"
local known = require "fairlead.repl.known"
local sorted = require "fairlead.sorted"
local types = require "fairlead.annotations.types"

local M = {}

local MANUAL <const> = "https://www.lua.org/manual/5.4/manual.html"

-- A type without the nil that a "?" behind the name tells of already.
local function type_text(slot)
  if not slot.type then return "" end
  local alias = slot.type.kind == "name" and select(2, known.library:find(slot.type.name))
  local members = types.members(alias or slot.type)
  return types.text(#members == 1 and members[1] or { kind = "union", of = members })
end

local function name_of(slot)
  local optional = slot.optional or slot.type and slot.type.kind == "union" and types.is_optional(slot.type)
  return slot.name .. (optional and slot.name ~= "..." and "?" or "")
end

local function call_text(topic, of)
  local names = {}
  for i, slot in ipairs(of.parameters) do
    if not (i == 1 and slot.name == "self") and slot.name:sub(1, 1) ~= "_" then
      names[#names + 1] = name_of(slot)
    end
  end
  local returns = {}
  for i, one in ipairs(of.returns) do
    returns[i] = of.operation and "output" or types.text(one)
  end
  return ("%s(%s)%s"):format(topic, table.concat(names, ", "), #returns > 0 and " → " .. table.concat(returns, ", ")
    or "")
end

-- The fields of options, without those that are private.
local function slot_rows(slots)
  local rows = {}
  for _, slot in ipairs(slots) do
    if not slot.private then
      rows[#rows + 1] = { name_of(slot), type_text(slot), slot.text }
    end
  end
  return rows
end

-- What a parameter's options are, where it is a table of such.
local function fields_of(slot)
  local fitting = slot.type and known.fitting(slot.type, { tag = "Table" })
  local shape = fitting and known.library:shape(fitting)
  if not shape or shape.object or #shape.slots == 0 then return nil end
  return slot_rows(shape.slots)
end

local function parameters(page, of)
  local rows, tables = {}, {}
  for i, slot in ipairs(of.parameters) do
    if slot.type and not (i == 1 and slot.name == "self") then
      local fields = fields_of(slot)
      local of_type = fields and slot.type.kind == "table" and "table" or type_text(slot)
      rows[#rows + 1] = { name_of(slot), of_type, slot.text }
      if fields then tables[#tables + 1] = { slot.name, fields } end
    end
  end
  if #rows > 0 then
    page:gap()
    page:rows(rows, 2)
  end
  for _, one in ipairs(tables) do
    page:heading(one[1] .. " = {")
    page:rows(one[2], 2)
    page:add(page.style:paint("bold", "}"))
  end
end

local function results(page, definition)
  local rows = {}
  for _, slot in ipairs(definition.returns) do
    local named = slot.name ~= ""
    local said = named and slot.text:sub(1, #slot.name) == slot.name and slot.text:sub(#slot.name + 2) or slot.text
    rows[#rows + 1] = { named and slot.name or type_text(slot), named and type_text(slot) or nil, said }
  end
  if #rows == 0 or #rows == 1 and not rows[1][2] and rows[1][3] == "" then return end
  page:heading "Returns"
  page:rows(rows, 2)
end

local function example(page, full)
  local code = full and examples.of(full)
  if not code then return end
  page:heading "Example"
  page:code(code, 2)
end

-- An AWS operation: what it takes, and what its output holds.
local function operation(page, topic, of)
  local described = of.operation
  page:heading(("%s(parameters, options?) → output"):format(topic))
  page:text(("An operation of AWS's %s. It may wait."):format(described.service))
  local given = {}
  for i, member in ipairs(described.parameters) do
    local kind = member.words and '"' .. table.concat(member.words, '"|"') .. '"' or member.kind
    given[i] = { member.name .. (member.required and "" or "?"), kind }
  end
  page:heading(#given > 0 and "parameters = {" or "It takes no parameters.")
  page:rows(given, 2)
  if #given > 0 then page:add(page.style:paint("bold", "}")) end
  local rows = {}
  for i, member in ipairs(described.results) do rows[i] = { member.name, member.kind } end
  if #rows > 0 then page:heading "Returns" end
  page:rows(rows, 2)
  page:heading "Raises"
  page:text("aws.api (aws.api.not_authorised, .not_found, .throttled), http.*, aws.no_credentials", 2)
  local required = {}
  for _, member in ipairs(described.parameters) do
    if member.required then
      local value = member.kind == "list" and "{ … }" or member.kind == "string" and '"…"' or "…"
      required[#required + 1] = member.name .. " = " .. value
    end
  end
  page:heading "Like this"
  page:code(('local %s = aws.session {}:client "%s"\nlocal output = %s:%s { %s }'):format(described.service,
    described.service, described.service, described.name, table.concat(required, ", ")), 2)
end

---A function or method.
---@param page repl.Page
---@param topic string
---@param of check.Known
function M.fun(page, topic, of)
  if of.operation then return operation(page, topic, of) end
  local definition = of.definition
  page:heading(call_text(topic, of))
  if definition and definition.text ~= "" then page:text(definition.text) end
  parameters(page, of)
  if definition then
    results(page, definition)
    if #definition.notes > 0 then page:heading "Raises" end
    for _, note in ipairs(definition.notes) do
      page:text((note:gsub("^errors:%s*", ""):gsub("^[Rr]aises%s+", "")), 2)
    end
    if definition.async then
      page:gap()
      page:text "It may wait."
    end
  end
  example(page, of.full)
end

---A function without annotations.
---@param page repl.Page
---@param topic string
---@param fn function
function M.plain_function(page, topic, fn)
  local info = debug.getinfo(fn, "u")
  local names = {}
  for i = 1, info.nparams do names[i] = debug.getlocal(fn, i) end
  if info.isvararg then names[#names + 1] = "…" end
  page:heading(("%s(%s)"):format(topic, table.concat(names, ", ")))
  page:text(functions.describe(fn, {}), 2)
  local name = functions.describe(fn, {}):match "^function ([%w_.]+) %[C%]$"
  if name and rawget(_G, name:match "^[%w_]+") ~= nil then page:text(("%s#pdf-%s"):format(MANUAL, name), 2) end
end

local function first_sentence(text)
  local line = text:gsub("\n", " ")
  return line:match "^(.-)[.:;]%s" or line:match "^(.-)[.:;]?$"
end

-- Functions with the first sentence of what is said of each.
local function function_rows(members, between)
  local rows, others = {}, {}
  for name, member in sorted(members) do
    local of = type(member) == "table" and member
    local definition = of and of.definition
    if of and of.kind == "fun" and name:sub(1, 1) ~= "_" and not (definition and definition.private) then
      rows[#rows + 1] = { call_text(between .. name, { parameters = of.parameters, returns = {} }), nil,
        definition and first_sentence(definition.text) or nil }
    elseif name:sub(1, 1) ~= "_" and not (definition and definition.private) then
      others[#others + 1] = name
    end
  end
  return rows, others
end

---What `require` gives.
---@param page repl.Page
---@param topic string
---@param of check.Known
function M.module(page, topic, of)
  local name = of.name:gsub("^fairlead%.", ""):gsub("%.native$", "")
  local is_own = known.library.modules["fairlead." .. name] ~= nil
  page:heading(is_own and ("%s  (require \"fairlead.%s\")"):format(topic, name) or topic)
  if is_own then page:text(known.head_of(name)) end
  local rows, others = function_rows(known.library:shape(of).members, topic .. ".")
  if #rows > 0 then page:heading "Functions" end
  page:rows(rows, 2)
  if #others > 0 then page:heading(#rows > 0 and "Values" or "Members") end
  page:names(others, 2)
  if not is_own then page:text("\n" .. MANUAL .. "#6") end
end

---An object of a class.
---@param page repl.Page
---@param topic string
---@param of check.Known
---@param found repl.Known
function M.object(page, topic, of, found)
  local shape = known.library:shape(of)
  page:heading(("%s: %s%s"):format(topic, types.text(of), of.service and " of " .. of.service or ""))
  local class = of.kind == "name" and known.library:find(of.name)
  if class and class.text and class.text ~= "" then page:text(class.text) end
  local rows = slot_rows(shape.slots)
  if #rows > 0 then page:heading "Fields" end
  page:rows(rows, 2)
  local members = {}
  for name, member in pairs(shape.members) do
    if name ~= "new" then members[name] = member end -- makes such an object
  end
  local methods = function_rows(members, topic .. ":")
  if #methods > 0 then page:heading "Methods" end
  page:rows(methods, 2)
  if of.service then
    page:heading "Operations"
    page:names(require "fairlead.aws.operations".names(of.service), 2)
  end
  if found.held then
    page:heading "Now"
    page:code(inspect.text(found.value, { width = page.width - 2, depth = 2, items = 12 }), 2)
  end
end

---Any other value.
---@param page repl.Page
---@param topic string
---@param found repl.Known
function M.value(page, topic, found)
  page:heading(found.type and ("%s: %s"):format(topic, types.text(found.type)) or topic)
  if found.held then page:code(inspect.text(found.value, { width = page.width - 2, depth = 2, items = 20 }), 2) end
end

---A word of the language.
---@param page repl.Page
---@param list repl.Token[]
---@return boolean
function M.word(page, list)
  if #list ~= 1 or list[1].kind ~= "keyword" then return false end
  page:heading(list[1].text)
  page:text("A word of the language: " .. MANUAL .. "#3", 2)
  return true
end

return M
