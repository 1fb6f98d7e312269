--- Completion of a line: what can stand at the cursor, by the values that are there and by the modules' annotations.
---
--- Nothing is run for it: fields are read raw, calls are known by what their annotations say they give, and where
--- neither tells anything there is nothing to choose from.
local commands = require "fairlead.repl.complete.commands"
local contexts = require "fairlead.repl.complete.context"
local known = require "fairlead.repl.known"
local strings = require "fairlead.repl.complete.strings"
local tokens = require "fairlead.repl.complete.tokens"
local types = require "fairlead.annotations.types"

local M = {}

---@class repl.Candidate as the editor takes it
---@field text string
---@field shown? string how it is listed, if not so
---@field after? string what follows when it is the only one

---@class repl.CompleteOptions
---@field session? repl.Session for its commands, and its last results
---@field commands? repl.Command[] default: the session's
---@field before? string the lines before this one that belong to it
---@field variables? table<string, any>[] values by name that lie before those of env: of a stopped frame

local WIDEST <const> = 44 -- of what is listed

local PUBLIC <const> = {}
for _, name in ipairs(known.public) do PUBLIC[name] = true end

local is = tokens.is

local function begins(name, typed)
  return name:sub(1, #typed) == typed and (name:sub(1, 1) ~= "_" or typed:sub(1, 1) == "_")
end

local function by_text(a, b) return a.text < b.text end

local function listed(texts, typed)
  local found, seen = {}, {}
  for _, candidate in ipairs(texts) do
    if begins(candidate.text, typed) and not seen[candidate.text] then
      found[#found + 1], seen[candidate.text] = candidate, true
    end
  end
  table.sort(found, by_text)
  return found
end

-- "get(url, options)": how a function is listed.
local function signature(name, member)
  local of = member and member.type and known.library:plain(member.type)
  if not of or of.kind ~= "fun" or of.operation or not of.parameters[1] then return nil end
  local names = {}
  for _, parameter in ipairs(of.parameters) do
    if parameter.name ~= "self" then names[#names + 1] = parameter.name .. (parameter.optional and "?" or "") end
  end
  local shown = ("%s(%s)"):format(name, table.concat(names, ", "))
  return #shown <= WIDEST and shown or nil
end

local function is_function(member)
  if not member then return false end
  if member.held then return type(member.value) == "function" end
  local of = member.type and known.library:plain(member.type)
  return of ~= nil and of.kind == "fun"
end

local function is_method(member)
  local of = member and member.type and known.library:plain(member.type)
  return of ~= nil and of.kind == "fun" and of.method == true
end

-- ---- after a dot or a colon ----

local function members(context, last, typed, with_colon)
  local texts = {}
  for name, member in pairs(known.members(context:ending_at(last))) do
    if name:find "^[%a_][%w_]*$" and not tokens.keywords[name] then
      local fits = with_colon and is_function(member) or not with_colon and not is_method(member)
      if fits then texts[#texts + 1] = { text = name, shown = signature(name, member) } end
    end
  end
  return listed(texts, typed)
end

-- ---- inside a table ----

local function option_text(slot)
  local shown = slot.name .. (slot.optional and "?" or "") .. (slot.type and ": " .. types.text(slot.type) or "")
  if utf8.len(shown) and utf8.len(shown) > WIDEST then shown = shown:sub(1, utf8.offset(shown, WIDEST) - 1) .. "…" end
  return { text = slot.name, shown = shown, after = " = " }
end

-- The options of the table whose brace is at `open`, without those that are given.
local function options(context, open, whole, typed)
  local shape = known.table_shape((context:wanted(open, { tag = "Table" })))
  if not shape then return {} end
  local given, texts = contexts.given(whole, open), {}
  for _, slot in ipairs(shape.slots) do
    if not slot.private and slot.name:find "^[%a_][%w_]*$" and (not given[slot.name] or slot.name == typed) then
      texts[#texts + 1] = option_text(slot)
    end
  end
  return listed(texts, typed)
end

-- ---- a name ----

local function add_names(texts, from)
  for name, value in next, from do
    if type(name) == "string" and name:find "^[%a_][%w_]*$" then
      texts[#texts + 1] = { text = name, held = value }
    end
  end
end

-- The line's own variables, where they are made before the cursor.
local function own_names(texts, list)
  for i, token in ipairs(list) do
    local before, after = list[i - 1], list[i + 1]
    local made = before and (before.text == "local" or before.text == "for" or is(before, ",") or is(before, "("))
      and before.kind ~= "string"
    if token.kind == "name" and made and after and i < #list then texts[#texts + 1] = { text = token.text } end
  end
end

local function globals(env, options_given, list, typed)
  local texts = {}
  own_names(texts, list)
  for _, variables in ipairs(options_given.variables or {}) do add_names(texts, variables) end
  local seen, level = env, 0
  while type(seen) == "table" and level < 8 do
    add_names(texts, seen)
    local meta = debug.getmetatable(seen)
    seen, level = type(meta) == "table" and rawget(meta, "__index") or nil, level + 1
  end
  add_names(texts, _G)
  for name in pairs(typed == "" and PUBLIC or known.library:module_names()) do
    texts[#texts + 1] = { text = name:match "[^.]*$" }
  end
  for word in pairs(tokens.keywords) do texts[#texts + 1] = { text = word } end
  for _, text in ipairs(texts) do text.held = nil end
  return listed(texts, typed)
end

-- What may be the value of `name = …` in a table.
local function values(context, place, typed)
  local wanted = context:wanted(place, { tag = "String" })
  local texts = {}
  for _, word in ipairs(known.words(wanted)) do texts[#texts + 1] = { text = ('"%s"'):format(word) } end
  for _, one in ipairs(types.members(wanted)) do
    if one.kind == "name" and one.name == "boolean" then
      texts[#texts + 1], texts[#texts + 2] = { text = "true" }, { text = "false" }
    end
  end
  return typed == "" and texts or {}
end

-- ---- the whole ----

local function name_at(context, env, given, whole, typed)
  local list = context.list
  local last = typed ~= "" and #list - 1 or #list
  local before = list[last]
  if (is(before, ".") or is(before, ":")) and last > 1 then
    return members(context, last - 1, typed, before.text == ":")
  end
  local around = tokens.enclosing(list, last)
  if around and is(list[around], "{") then
    if is(before, "{") or is(before, ",") or is(before, ";") then
      local found = options(context, around, whole, typed)
      if #found > 0 then return found end
    elseif is(before, "=") then
      local found = values(context, last + 1, typed)
      if #found > 0 then return found end
    end
  end
  if before and typed == "" and (before.kind ~= "symbol" and before.kind ~= "keyword" or is(before, ")")
    or is(before, "]") or is(before, "}")) then return {} end -- after a value: an operator, perhaps
  return globals(env, given, list, typed)
end

-- Lua that ends at the cursor; `first` is where it begins in the line.
local function expression(line, cursor, first, env, given)
  local earlier = given.before and given.before .. "\n" or ""
  local shift = #earlier - first + 1
  local text = earlier .. line:sub(first, cursor)
  local list = tokens.read(text)
  local last = list[#list]
  local session = given.session
  local context = contexts.new(list, env, given.variables or {}, function(name)
    local number = session and (name == "_" and 1 or math.tointeger(tonumber(name:match "^_([1-9])$")))
    if number then return session.results[number] end
    if name == "err" and session then return session.last_error end
  end)
  if last and last.open then
    if last.kind == "comment" then return cursor + 1, {} end
    local start, found = strings.complete(context, #list, line:sub(cursor + 1))
    return start - shift, found
  end
  local typed = last and (last.kind == "name" or last.kind == "keyword") and last.to == #text and last.text or ""
  if typed == "" and last and last.kind == "number" and last.to == #text then return cursor + 1, {} end
  local whole = tokens.read(text .. line:sub(cursor + 1))
  return cursor - #typed + 1, name_at(context, env, given, whole, typed)
end

---What can stand at the cursor.
---@param line string
---@param cursor integer bytes before the cursor
---@param env table what lines see
---@param options_given? repl.CompleteOptions
---@return integer start the first byte of what the candidates are for, which ends at the cursor
---@return repl.Candidate[] candidates sorted
function M.complete(line, cursor, env, options_given)
  local given = options_given or {}
  local before = line:sub(1, cursor)
  if not given.before then
    if before:find "^%s*:" then return commands.complete(before, given) end
    local asked = before:match "^%s*%?%s*()"
    if asked then
      if before:find("^:", asked) then return commands.names(before, asked, given) end
      return expression(line, cursor, asked, env, given)
    end
  end
  return expression(line, cursor, 1, env, given)
end

---What can stand at the cursor of a session's line.
---@param session repl.Session
---@param line string
---@param cursor integer bytes before the cursor
---@return integer start
---@return repl.Candidate[] candidates
function M.of(session, line, cursor)
  local variables = {}
  for _, variable in ipairs(session.frame and session.frame:locals() or {}) do
    variables[variable.name] = variable.value -- the innermost of a name comes last
  end
  return M.complete(line, cursor, session.env, { session = session, variables = { variables },
    before = session.input and session.input.unfinished or nil })
end

return M
