--- What there is to say of a name: `?http.get`, `?ecs:DescribeServices`, `?run:step`, `?:curl`, `?github`.
---
--- It comes from the annotations in the modules' source, and, of a script's own functions, from the script's.
local commands = require "fairlead.repl.commands"
local contexts = require "fairlead.repl.complete.context"
local errors = require "fairlead.errors"
local known = require "fairlead.repl.known"
local nearest = require "fairlead.nearest"
local pages = require "fairlead.repl.help.page"
local parts = require "fairlead.repl.help.parts"
local tokens = require "fairlead.repl.complete.tokens"

local M = {}

---@class repl.HelpOptions
---@field env? table what lines see
---@field variables? table<string, any>[] values that lie before those of env: of a stopped frame
---@field width? integer columns, default 80
---@field colour? boolean

local function unknown(topic, near)
  errors.raise {
    kind = "repl.no_help", message = ("nothing is known of '%s'"):format(topic),
    hint = #near > 0 and "did you mean " .. table.concat(near, ", ") .. "?" or "`?` lists what there is",
  }
end

-- ---- what is near ----

-- Functions and methods of all modules that are called so.
local function called(name)
  local found = {}
  for _, module in ipairs(known.public) do
    known.library:module("fairlead." .. module)
    local shape = known.library:shape(known.library:module("fairlead." .. module))
    if shape and shape.members[name] then found[#found + 1] = module .. "." .. name end
  end
  for class, variable in pairs(known.variables_of) do
    local shape = known.library:shape { kind = "name", name = class }
    local member = shape and shape.members[name]
    if member then
      local is_method = type(member) == "table" and member.kind == "fun"
      found[#found + 1] = variable .. (is_method and ":" or ".") .. name
    end
  end
  table.sort(found)
  return found
end

local function names_of(members)
  local names = {}
  for name in pairs(members) do names[name] = true end
  return names
end

-- What was perhaps meant by "http.gett": another name of what stands before its end, or a name of that kind elsewhere.
local function near(context, list, topic)
  local last, before = list[#list], list[#list - 1]
  if not last or last.kind ~= "name" and last.kind ~= "keyword" then return {} end
  if #list > 2 and (tokens.is(before, ".") or tokens.is(before, ":")) then
    local base = context:ending_at(#list - 2)
    local meant = nearest.name(last.text, names_of(known.members(base)))
    if meant then return { topic:sub(1, last.from - 1) .. meant } end
    return called(last.text)
  end
  local found = called(last.text)
  if #found > 0 then return found end
  local names = names_of(context.env)
  for _, name in ipairs(known.public) do names[name] = true end
  for name in next, _G do names[name] = true end
  local meant = nearest.name(last.text, names)
  return { meant }
end

-- ---- the topics ----

-- A command by one of its whole names.
local function command_called(name)
  for _, command in ipairs(commands.all()) do
    if command.name == name then return command end
    for _, alias in ipairs(command.aliases or {}) do
      if alias == name then return command end
    end
  end
end

local function of_command(page, command)
  page:heading(command.usage)
  page:text(command.text, 2)
  if #(command.aliases or {}) > 0 then page:text("also :" .. table.concat(command.aliases, ", :"), 2) end
  if command.help then
    page:gap()
    page:code(table.concat(pages.fold(command.help, page.width - 2), "\n"), 2)
  end
end

local function of_known(page, topic, found)
  local of = found.type and known.library:plain(found.type) or found.type
  if of and of.kind == "fun" then return parts.fun(page, topic, of) end
  if found.held and type(found.value) == "function" then return parts.plain_function(page, topic, found.value) end
  if of and (of.kind == "module" or of.required) and of.name then return parts.module(page, topic, of) end
  if of and known.library:shape(of) and of.name ~= "string" then return parts.object(page, topic, of, found) end
  return parts.value(page, topic, found)
end

---What there is to say of a topic, laid out.
---@param topic string "http.get", "gh:merge", ":curl", "github"
---@param options? repl.HelpOptions
---@return string text
---errors: kinds "repl.no_help", with what was perhaps meant; "usage", of an unknown command
function M.text(topic, options)
  options = options or {}
  local page = pages.new(options)
  topic = topic:match "^%s*%??%s*(.-)%s*$":gsub("[%({]%s*%)?%s*$", "")
  local name = topic:match "^:(%S+)"
  if name then
    of_command(page, commands.find(name))
    return page:finish()
  end
  local list, command = tokens.read(topic), command_called(topic)
  if parts.word(page, list) then return page:finish() end
  local context = contexts.new(list, options.env or {}, options.variables or {}, function() return nil end)
  local first = tokens.expression_start(list, #list)
  local found = first == 1 and context:ending_at(#list) or nil
  if not found and command then
    of_command(page, command)
    return page:finish()
  end
  if not found then unknown(topic, near(context, list, topic)) end
  of_known(page, topic, found)
  if command then
    page:gap()
    page:text(("There is a command :%s, too: `?:%s`."):format(topic, topic))
  end
  return page:finish()
end

---What there is to say of a topic in a session, as wide as its terminal.
---@param session repl.Session
---@param topic string
---@return string text
---errors: as text
function M.of(session, topic)
  local variables = {}
  for _, variable in ipairs(session.frame and session.frame:locals() or {}) do
    variables[variable.name] = variable.value
  end
  return M.text(topic, { env = session.env, variables = { variables }, width = session:width(),
    colour = session.colour })
end

return M
