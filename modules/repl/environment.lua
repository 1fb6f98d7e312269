--- What lines see: their own variables, the last results, Lua's own names, Fairlead's modules by their short names.
local errors = require "fairlead.errors"
local nearest = require "fairlead.nearest"
local task = require "fairlead.task"

local M = {}

-- A module of Fairlead's by its short name; nil when there is none.
local function module(name)
  local whole <const> = "fairlead." .. name
  local loaded <const> = package.loaded[whole]
  if loaded ~= nil then return loaded end
  for _, searcher in ipairs(package.searchers) do
    if type((searcher(whole))) == "function" then return (require(whole)) end
  end
  return nil
end

local function unknown(env, name)
  local known = {}
  for key in pairs(env) do known[key] = true end
  for key in pairs(_G) do known[key] = true end
  for _, key in ipairs { "http", "json", "github", "slack", "aws", "git", "process", "clock", "task", "world" } do
    known[key] = true
  end
  local near <const> = #name > 2 and nearest.name(name, known) or nil
  errors.raise {
    kind = "repl.undefined", message = ("undefined variable '%s'"):format(name),
    hint = near and ("did you mean '%s'?"):format(near) or nil,
  }
end

-- `_` and `_1` the last result, `_2` the one before, … `_9`; `err` the last error; `jobs` the background lines' tasks.
local function held(session, name)
  if name == "err" then return true, session.last_error end
  if name == "jobs" then
    local tasks = {}
    for _, job in ipairs(session.jobs.list) do tasks[job.number] = job.task end
    return true, tasks
  end
  if name == "_" then return true, session.results[1] end
  local number <const> = math.tointeger(tonumber(name:match "^_([1-9])$"))
  if number then return true, session.results[number] end
  return false
end

-- fairlead.task as lines see it. What a line starts would end with the line, its scope; at a prompt the scope that is
-- meant is the session.
local function task_for(session)
  local module_of = {}
  for name, value in pairs(task) do module_of[name] = value end
  module_of.start = function(fn, ...)
    if type(fn) ~= "function" then return task.start(fn, ...) end -- its message
    local arguments <const> = table.pack(...)
    local body <const> = session:wrapped(task.inherit(function()
      task.name "task.start"
      return fn(table.unpack(arguments, 1, arguments.n))
    end))
    return session.jobs:start("task.start in: " .. session.said, body, { quiet = true }).task
  end
  return module_of
end

---@param session repl.Session
---@return table env
function M.new(session)
  local env <const> = {}
  env._G = env
  env.task = task_for(session)
  env.print = function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    session:print(table.concat(parts, "\t"))
  end
  return setmetatable(env, {
    __index = function(_, name)
      local value = rawget(_G, name)
      if value ~= nil or type(name) ~= "string" then return value end
      local is_held, kept = held(session, name)
      if is_held then return kept end
      value = module(name)
      if value ~= nil then return value end
      unknown(env, name)
    end,
  })
end

return M
