--- Reference pages in Markdown, from annotations: what a module gives, and of its classes those that its functions take
--- and return.
local annotations = require "fairlead.annotations"
local types = require "fairlead.annotations.types"

local M = {}

---@class annotations.Part what belongs together: the files of a module
---@field name string how scripts require it
---@field short string what it is called in examples
---@field files annotations.File[]
---@field face annotations.File the file that `require` gives
---@field classes? table<string, boolean> the classes to tell of; nil: all that can be met
---@field start? string the class to begin with, where there is no function

-- The classes of some files: fields and methods, in the order in which they stand.
local function classes_of(files)
  local classes, variables = {}, {}
  for _, file in ipairs(files) do
    for _, read in ipairs(file.classes) do
      local class = classes[read.name] or { name = read.name, parents = {}, fields = {}, methods = {}, text = "" }
      classes[read.name] = class
      table.move(read.parents, 1, #read.parents, #class.parents + 1, class.parents)
      table.move(read.fields, 1, #read.fields, #class.fields + 1, class.fields)
      if class.text == "" then class.text = read.text end
      if read.variable then variables[read.variable] = variables[read.variable] or read.name end
    end
  end
  for _, file in ipairs(files) do
    for _, definition in ipairs(file.definitions) do
      local owner = definition.owner
      local class = owner and classes[file.variables[owner] or (owner ~= file.returned and variables[owner]) or ""]
      local is_public = definition.is_function and definition.documented and not definition.private
      -- What makes an object is a function of the module, not a method of it.
      if class and is_public and definition.name ~= "new" then class.methods[#class.methods + 1] = definition end
    end
  end
  return classes
end

-- Calls `fn` with each name in a type.
local function names_in(of, fn)
  if type(of) ~= "table" then return end
  if of.kind == "name" then
    fn(of.name)
    for _, argument in ipairs(of.arguments or {}) do names_in(argument, fn) end
  elseif of.kind == "list" then
    names_in(of.of, fn)
  elseif of.kind == "union" then
    for _, member in ipairs(of.of) do names_in(member, fn) end
  elseif of.kind == "fun" then
    for _, slot in ipairs(of.parameters) do names_in(slot.type, fn) end
    for _, one in ipairs(of.returns) do names_in(one, fn) end
  elseif of.kind == "table" then
    for _, slot in ipairs(of.fields) do names_in(slot.type, fn) end
  end
end

-- The classes that can be met from some functions on, in the order in which they are met.
local function reachable(classes, functions, start)
  local order, seen = {}, {}
  local visit
  local function of_type(of) names_in(of, function(name) visit(classes[name]) end) end
  local function of_function(fn)
    for _, slot in ipairs(fn.parameters) do of_type(slot.type) end
    for _, slot in ipairs(fn.returns) do of_type(slot.type) end
    of_type(fn.type)
  end
  function visit(class)
    if not class or seen[class.name] then return end
    seen[class.name] = true
    order[#order + 1] = class
    for _, parent in ipairs(class.parents) do visit(classes[parent]) end
    for _, field in ipairs(class.fields) do
      if not field.private then of_type(field.type) end
    end
    for _, method in ipairs(class.methods) do of_function(method) end
  end
  visit(classes[start])
  for _, fn in ipairs(functions) do of_function(fn) end
  return order
end

-- ---- Markdown ----

local function cell(text) return (text:gsub("|", "\\|"):gsub("\n", " ")) end

local function code(text) return "`" .. text:gsub("`", "'") .. "`" end

local aliases -- of the part that is being written

local function type_of(slot)
  if not slot.type then return "" end
  local text = types.text(slot.type.kind == "name" and aliases[slot.type.name] or slot.type)
  if slot.optional and not types.is_optional(slot.type) then text = text .. "?" end
  return code(text)
end

-- The comment at a file's head: lines that stand further in are code.
local function add_text(add, text)
  local inside = false
  for i, line in ipairs(text) do
    local is_code = line:find "^  " ~= nil
    if is_code and not inside then
      if text[i - 1] and text[i - 1] ~= "" then add "" end
      add "```lua"
    elseif inside and not is_code and line ~= "" then
      add "```"
      add ""
    end
    if line ~= "" or not inside then
      inside = is_code or (inside and line == "")
      add((line:gsub("^  %s?%s?", "")))
    elseif (text[i + 1] or ""):find "^  " then
      add ""
    end
  end
  if inside then add "```" end
  if #text > 0 then add "" end
end

local function heading(add, fn, prefix)
  local names = {}
  for _, slot in ipairs(fn.parameters) do
    if not (slot.name == "self" and #names == 0) and slot.name:sub(1, 1) ~= "_" then
      names[#names + 1] = slot.name .. (slot.optional and "?" or "")
    end
  end
  local returns = {}
  for _, slot in ipairs(fn.returns) do returns[#returns + 1] = types.text(slot.type) end
  add(("### `%s%s(%s)%s`"):format(prefix, fn.name, table.concat(names, ", "),
    #returns > 0 and " → " .. table.concat(returns, ", ") or ""))
  add ""
end

local function describe(add, fn)
  if fn.text ~= "" then
    add(fn.text)
    add ""
  end
  local any = false
  for _, slot in ipairs(fn.parameters) do
    if slot.type and slot.name ~= "self" then
      add(("- %s %s%s"):format(code(slot.name), type_of(slot), slot.text ~= "" and ": " .. slot.text or ""))
      any = true
    end
  end
  for _, slot in ipairs(fn.returns) do
    if slot.text ~= "" then
      add(("- returns %s: %s"):format(type_of(slot), slot.text))
      any = true
    end
  end
  for _, note in ipairs(fn.notes) do
    add("- " .. note)
    any = true
  end
  if fn.async then
    add "- It may wait."
    any = true
  end
  if any then add "" end
end

local function write_function(add, fn, prefix)
  heading(add, fn, prefix)
  describe(add, fn)
end

local function write_fields(add, fields)
  local rows = {}
  for _, field in ipairs(fields) do
    if not field.private then
      rows[#rows + 1] = ("| %s | %s | %s |"):format(code(field.name .. (field.optional and "?" or "")),
        cell(type_of { type = field.type }), cell(field.text))
    end
  end
  if #rows == 0 then return end
  add "| field | type | |"
  add "|---|---|---|"
  for _, row in ipairs(rows) do add(row) end
  add ""
end

local function write_class(add, class)
  add("## " .. class.name)
  add ""
  if class.text ~= "" then
    add(class.text:sub(1, 1):upper() .. class.text:sub(2) .. (class.text:find "[.:]$" and "" or "."))
    add ""
  end
  if #class.parents > 0 then
    add("It has what " .. table.concat(class.parents, " and ") .. " has, and:")
    add ""
  end
  write_fields(add, class.fields)
  local variable = class.name:match "([%w]+)$":lower()
  for _, method in ipairs(class.methods) do write_function(add, method, variable .. ":") end
end

---The page of a module.
---@param part annotations.Part
---@return string markdown
function M.page(part)
  local lines, functions, values = {}, {}, {}
  aliases = {}
  for _, file in ipairs(part.files) do
    for name, of in pairs(file.aliases) do aliases[name] = of end
  end
  local function add(line) lines[#lines + 1] = line end
  for _, definition in ipairs(part.face.definitions) do
    local own = definition.owner and definition.owner == part.face.returned
      or not definition.owner and not definition.is_local and not part.face.returned
    if own and not definition.private and definition.documented then
      local list = definition.is_function and functions or values
      list[#list + 1] = definition
    end
  end
  add("# " .. part.name)
  add ""
  add_text(add, part.face.text)
  for _, fn in ipairs(functions) do write_function(add, fn, part.short ~= "" and part.short .. "." or "") end
  for _, value in ipairs(values) do
    add(("### `%s.%s` %s"):format(part.short, value.name, value.type and types.text(value.type) or ""))
    add ""
    if value.text ~= "" then
      add(value.text)
      add ""
    end
  end
  for _, class in ipairs(reachable(classes_of(part.files), functions, part.start)) do
    if not part.classes or part.classes[class.name] then write_class(add, class) end
  end
  while lines[#lines] == "" do lines[#lines] = nil end
  return table.concat(lines, "\n") .. "\n"
end

---Reads what belongs to a module.
---@param name string how scripts require it
---@param short string what it is called in examples
---@param paths string[] its files; the first is what `require` gives
---@return annotations.Part
function M.part(name, short, paths)
  local files = {}
  for i, path in ipairs(paths) do files[i] = assert(annotations.read(path)) end
  return { name = name, short = short, files = files, face = files[1] }
end

return M
