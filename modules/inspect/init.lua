--- Values as people read them: tables with their keys in order, on one line where they fit, else an item a line.
---
---     local inspect = require "fairlead.inspect"
---     print(inspect.text({ 1, 2, name = "site" }))    --> { 1, 2, name = "site" }
---
--- Nothing of the value's is run: no __tostring, __pairs, __index, __len. Secrets are their tag. What is large is
--- shown in part, and says how much was left out.
local errors = require "fairlead.errors.native"

local keys = require "fairlead.inspect.keys"
local nodes = require "fairlead.inspect.node"
local quote = require "fairlead.inspect.quote"
local style = require "fairlead.faces.style"
local text = require "fairlead.faces.text"

local M = {}

---@class inspect.Options
---@field width? integer columns, default 80
---@field depth? integer tables within tables that are shown, default 6, at most 100
---@field items? integer of a list, and named ones of a table, that are shown; default 50
---@field text? integer bytes of a string that are shown, default 500
---@field indent? integer columns that the lines after the first are moved by, default 0
---@field colour? boolean with a terminal's colours (unless NO_COLOR is set); default false
---@field lines? boolean texts of several lines are shown line by line, rather than with \n in them; default false

local STEP <const> = 2
local MOST_NODES <const> = 20000 -- values in one text

local Writer = {}
Writer.__index = Writer

function Writer:put(parts)
  for i = 1, #parts, 2 do
    local content, name = parts[i], parts[i + 1]
    self.out[#self.out + 1] = name ~= "" and self.style:paint(name, content) or content
  end
end

function Writer:add(content) self.out[#self.out + 1] = content end

function Writer:new_line(indent) self.out[#self.out + 1] = "\n" .. (" "):rep(indent) end

function Writer:flat(node)
  self:put(node.parts)
  if not node.items then return end
  self:add(#node.items > 0 and "{ " or "{")
  for i, item in ipairs(node.items) do
    if i > 1 then self:add ", " end
    self:put(item.key)
    self:flat(item.node)
  end
  self:add(#node.items > 0 and " }" or "}")
end

local function columns(parts)
  local width = 0
  for i = 1, #parts, 2 do width = width + text.width(parts[i]) end
  return width
end

---@param node inspect.Node
---@param indent integer of the line that it begins in
---@param column integer where it begins
function Writer:write(node, indent, column)
  if node.lines then
    self:put(node.parts)
    for _, line in ipairs(node.lines) do
      self:new_line(indent + STEP)
      self:put { line, "green" }
    end
    self:new_line(indent)
    self:add "]]"
  elseif not node.items or not node.tall and column + node.width < self.width then
    self:flat(node)
  else
    self:put(node.parts)
    self:add "{"
    self:items(node, indent + STEP)
    self:new_line(indent)
    self:add "}"
  end
end

function Writer:items(node, indent)
  for i, item in ipairs(node.items) do
    self:new_line(indent)
    self:put(item.key)
    self:write(item.node, indent, indent + columns(item.key))
    if i < #node.items then self:add "," end
  end
end

-- An error alone: its line as people know it, then a field a line, then where in the script it was raised.
function Writer:error(context, err, indent)
  local line = text.clean(nodes.error_line(err))
  self:put { line, "red" }
  self:items(nodes.error_fields(context, err), indent + STEP)
  local traceback = rawget(err, "traceback")
  if type(traceback) ~= "string" then return end
  for _, at in ipairs((quote.lines(traceback, 4000))) do
    self:new_line(indent + STEP)
    self:put { "at " .. at, "dim" }
  end
end

local function whole(value, default, least, most)
  value = math.tointeger(value) or default
  return math.max(least, math.min(most, value))
end

local function context_of(options)
  return {
    items = whole(options.items, 50, 1, 100000), depth = whole(options.depth, 6, 0, 100),
    text = whole(options.text, 500, 1, 1 << 30), lines = options.lines == true, nodes = MOST_NODES,
    budget = { left = keys.MOST }, seen = {}, functions = {},
  }
end

local function writer_of(options)
  return setmetatable({
    out = {}, width = whole(options.width, 80, 20, 1 << 20), style = style.new { colours = options.colour == true },
  }, Writer)
end

---A value's text, of one line or several, without a line's end after it.
---@param value any
---@param options? inspect.Options
---@return string
function M.text(value, options)
  options = options or {}
  local context, writer <const> = context_of(options), writer_of(options)
  local indent = whole(options.indent, 0, 0, 1000)
  if errors.is_error(value) then
    writer:error(context, value, indent)
  else
    writer:write(nodes.make(context, value, 0, {}), indent, indent)
  end
  return table.concat(writer.out)
end

---A value on one line, cut to the width: for lists of names and values.
---@param value any
---@param options? inspect.Options depth is 3 and items 20 by default
---@return string
function M.line(value, options)
  options = options or {}
  local context, writer <const> = context_of(options), writer_of(options)
  context.depth, context.items = whole(options.depth, 3, 0, 100), whole(options.items, 20, 1, 1000)
  context.lines, context.text = false, whole(options.text, writer.width, 1, 1 << 20)
  local node <const> = nodes.make(context, value, 0, {})
  if node.width <= writer.width then
    writer:flat(node)
    return table.concat(writer.out)
  end
  local painter <const>, left = writer.style, writer.width
  writer.style = { paint = function(_, name, content)
    return { name, content }
  end }
  writer:flat(node)
  local out = {}
  for _, part in ipairs(writer.out) do
    local name, content = nil, part
    if type(part) == "table" then name, content = part[1], part[2] end
    local shown = text.cut(content, text.width(content) < left and left or left)
    out[#out + 1] = painter:paint(name, shown)
    left = left - text.width(shown)
    if shown ~= content or left <= 0 then break end
  end
  return table.concat(out)
end

return M
