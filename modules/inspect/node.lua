--- Values as nodes: what is to be written, how wide it is on one line, and what it is made of. Everything is read raw:
--- whatever a metatable holds, none of it runs.
local errors = require "fairlead.errors.native"
local json = require "fairlead.json"

local text = require "fairlead.faces.text"

local functions = require "fairlead.inspect.functions"
local keys = require "fairlead.inspect.keys"
local quote = require "fairlead.inspect.quote"

local M = {}

---@class inspect.Node
---@field parts string[] text, style, text, style…; style "" is none. Of a table: what stands before its brace
---@field width integer columns on one line
---@field items? {key: string[], node: inspect.Node}[] of a table
---@field tall? boolean it does not go on one line
---@field lines? string[] of a text that is shown line by line

---@class inspect.Context
---@field items integer
---@field depth integer
---@field text integer bytes of a string
---@field lines boolean
---@field nodes integer that may still be made
---@field budget {left: integer}
---@field seen table<table, inspect.Path>
---@field functions table

---@class inspect.Path
---@field above? inspect.Path
---@field key any
---@field open? boolean what is there is being read

local getmetatable = debug.getmetatable -- the real metatable, whatever __metatable says
local format, find = string.format, string.find

local ERROR_TEXT <const> = { op = true, target = true, message = true, hint = true } -- what its one line has

local function leaf(content, style)
  return { parts = { content, style or "" }, width = text.width(content) }
end

local function key_parts(key)
  if type(key) == "string" then
    if #key <= 200 and quote.is_name(key) then return { key, "", " = ", "" } end
    return { "[", "", quote.quote(key, 200), "green", "] = ", "" }
  elseif type(key) == "number" then
    return { "[", "", quote.number(key), "cyan", "] = ", "" }
  elseif type(key) == "boolean" then
    return { "[", "", key and "true" or "false", "yellow", "] = ", "" }
  end
  return { "[", "", M.short(key), "dim", "] = ", "" }
end

local function width_of(parts)
  local width = 0
  for i = 1, #parts, 2 do width = width + text.width(parts[i]) end
  return width
end

-- ".jobs[1].name": where in the whole something is.
local function path_text(path)
  local steps = {}
  while path.above do
    local key = path.key
    if type(key) == "string" and quote.is_name(key) then
      table.insert(steps, 1, "." .. key)
    else
      local parts = key_parts(key)
      table.insert(steps, 1, "[" .. parts[3] .. "]")
    end
    path = path.above
  end
  return #steps > 0 and table.concat(steps) or "the whole"
end

local function number_text(value) return type(value) == "number" and quote.number(value) or nil end

local function plain(value) return type(value) == "string" and value or number_text(value) end

---An error object's one line, made here of its raw fields: what they hold may be anything.
---@param err table
---@return string
function M.error_line(err)
  local op, target = plain(rawget(err, "op")), plain(rawget(err, "target"))
  local message = plain(rawget(err, "message")) or plain(rawget(err, "kind")) or "?"
  local hint = plain(rawget(err, "hint"))
  local subject = op and target and op .. " " .. target or op or target
  return (subject and subject .. ": " or "") .. message .. (hint and "; " .. hint or "")
end

---What keys and paths call a value that is no text or number.
---@param value any
---@return string
function M.short(value)
  local kind = type(value)
  if rawequal(value, json.null) then return "json.null" end
  if kind == "userdata" and functions.type_name(value) == "fairlead.Secret" then return "[secret]" end
  if kind == "table" and errors.is_error(value) then return "Error" end
  return text.clean(functions.type_name(value) or kind) .. " " .. format("%p", value)
end

local function add(node, key, below)
  node.items[#node.items + 1] = { key = key, node = below }
  node.width = node.width + width_of(key) + below.width + 2 -- ", " or, for all together, the braces' spaces
  node.tall = node.tall or below.tall
end

local function more(count, whole)
  return leaf(("… %s%s more"):format(whole and "" or "at least ", quote.count(count)), "dim")
end

local make

local function add_fields(node, context, value, depth, path, length, hidden)
  local found, total, whole = keys.first(value, length, context.items, context.budget)
  local shown, left_out = 0, 0
  for _, key in ipairs(found) do
    if hidden and hidden[key] then
      left_out = left_out + 1
    elseif context.nodes > 0 then
      add(node, key_parts(key), make(context, rawget(value, key), depth + 1, { above = path, key = key }))
      shown = shown + 1
    end
  end
  local rest = total - shown - left_out
  if rest > 0 then add(node, {}, more(rest, whole)) end
end

local function add_list(node, context, value, depth, path, length)
  local shown = 0
  while shown < length and shown < context.items and context.nodes > 0 do
    shown = shown + 1
    add(node, {}, make(context, rawget(value, shown), depth + 1, { above = path, key = shown }))
  end
  if shown < length then add(node, {}, more(length - shown, true)) end
end

-- The fields of a table, between braces. `hidden` are names that are not shown.
local function fields(context, value, depth, path, parts, hidden)
  local node = { parts = parts, width = width_of(parts) + 2, items = {} }
  local before = context.seen[value]
  if before then
    local content = (before.open and "<cycle to %s>" or "<same as %s>"):format(path_text(before))
    return leaf(table.concat { parts[1] or "", content }, "dim")
  end
  if next(value) == nil then return node end
  if depth >= context.depth then
    local length = keys.list_length(value)
    local _, total, whole = keys.first(value, length, 1, context.budget)
    add(node, {}, leaf((whole and "… " or "… at least ") .. quote.count(length + total), "dim"))
    return node
  end
  path.open = true
  context.seen[value] = path
  local length = keys.list_length(value)
  add_list(node, context, value, depth, path, length)
  add_fields(node, context, value, depth, path, length, hidden)
  path.open = false
  return node
end

local function error_node(context, value, depth, path)
  local parts = { "Error ", "red", quote.quote(M.error_line(value), context.text), "red", " ", "" }
  local hidden = setmetatable({ traceback = true }, { __index = ERROR_TEXT })
  local node = fields(context, value, depth, path, parts, hidden)
  if node.items and #node.items == 0 then return { parts = { parts[1], "red", parts[3], "red" },
    width = width_of(parts) - 1 } end
  return node
end

local of = {}

of["nil"] = function() return leaf("nil", "yellow") end

function of.boolean(_, value) return leaf(value and "true" or "false", "yellow") end

function of.number(_, value) return leaf(quote.number(value), "cyan") end

function of.string(context, value)
  if context.lines and find(value, "\n", 1, true) then
    local lines, length = quote.lines(value, context.text)
    return { parts = { "[[", "", length or "", "dim" }, width = 0, lines = lines, tall = true }
  end
  local quoted, length = quote.quote(value, context.text)
  local parts = { quoted, "green" }
  if length then parts[3], parts[4] = " " .. length, "dim" end
  return { parts = parts, width = width_of(parts) }
end

of["function"] = function(context, value)
  return leaf(text.clean(functions.describe(value, context.functions)), "dim")
end

function of.thread(_, value) return leaf(text.clean(functions.thread(value)), "dim") end

function of.userdata(_, value)
  if rawequal(value, json.null) then return leaf("json.null", "yellow") end
  if functions.type_name(value) == "fairlead.Secret" then return leaf("[secret]", "red") end
  return leaf(text.clean(functions.userdata(value)), "dim")
end

local array <const> = getmetatable(json.array {})

function of.table(context, value, depth, path)
  if errors.is_error(value) then return error_node(context, value, depth, path) end
  local name = functions.type_name(value)
  if rawequal(getmetatable(value), array) then name = next(value) == nil and "json.array" or nil end
  return fields(context, value, depth, path, name and { text.clean(name) .. " ", "bold" } or {})
end

---@param context inspect.Context
---@param value any
---@param depth integer tables around it
---@param path inspect.Path
---@return inspect.Node
function make(context, value, depth, path)
  context.nodes = context.nodes - 1
  return of[type(value)](context, value, depth, path)
end

M.make = make

---The fields of an error object that its one line does not have.
---@param context inspect.Context
---@param err table
---@return inspect.Node
function M.error_fields(context, err)
  local hidden = setmetatable({ traceback = type(rawget(err, "traceback")) == "string" }, { __index = ERROR_TEXT })
  return fields(context, err, 0, {}, {}, hidden)
end

return M
