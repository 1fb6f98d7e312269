--- The commands of a session: `:name argument`. One file for each subject in commands/; each returns a list of them.
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"

local M = {}

---@class repl.Command
---@field name string without the colon
---@field aliases? string[]
---@field usage string ":cancel N"
---@field text string one line
---@field help? string what else there is to say
---@field run async fun(session: repl.Session, argument: string) its error is told in one line
---@field hides? fun(session: repl.Session, argument: string): boolean whether a secret is in it that only the command
--- knows to be one: then the line is not kept in the history
---@field complete? fun(session: repl.Session, text: string): table[] what the argument may be

-- In the order of `:help`.
local FILES <const> = { "core", "start", "tasks", "http", "writes", "debug", "run" }

local list, by_name

local function load_all()
  if list then return end
  list, by_name = {}, {}
  for _, file in ipairs(FILES) do
    for _, command in ipairs(require("fairlead.repl.commands." .. file)) do
      list[#list + 1] = command
      by_name[command.name] = command
      for _, alias in ipairs(command.aliases or {}) do by_name[alias] = command end
    end
  end
end

---All commands, in the order of `:help`.
---@return repl.Command[]
function M.all()
  load_all()
  return list
end

---The command and its argument in a line; `?name` is short for `:help name`.
---@param text string
---@return string|nil name nil: the line is no command
---@return string argument
function M.parse(text)
  local asked <const> = text:match "^%s*%?%s*(.-)%s*$"
  if asked then return "help", asked end
  local name, argument = text:match "^%s*:(%S*)%s*(.-)%s*$"
  if name then return name, argument end
  return nil, ""
end

---Whether a line may be kept in the history: no secret is in it.
---@param session repl.Session
---@param said string
---@return boolean
function M.may_keep(session, said)
  local name <const>, argument = M.parse(said)
  local command <const> = name and try(M.find, name)
  if command and command.hides and command.hides(session, argument) then return false end
  return require "fairlead.repl.secrets".keep(said)
end

---One command, by its name, by another of its names, or by a beginning that only it has.
---@param name string
---@return repl.Command
---errors: kind "usage"
function M.find(name)
  load_all()
  if by_name[name] then return by_name[name] end
  local matching, seen = {}, {}
  for known, command in pairs(by_name) do
    if name ~= "" and known:sub(1, #name) == name and not seen[command] then
      matching[#matching + 1], seen[command] = ":" .. command.name, true
    end
  end
  if #matching == 1 then return by_name[matching[1]:sub(2)] end
  table.sort(matching)
  local near <const> = nearest.name(name, by_name)
  errors.raise {
    kind = "usage", message = ("there is no command ':%s'"):format(name),
    hint = #matching > 1 and "it could be " .. table.concat(matching, ", ")
      or near and ("did you mean ':%s'?"):format(near) or "`:help` lists the commands",
  }
end

return M
