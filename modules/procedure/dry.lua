--- Dry runs: every reading happens, no step acts.
---
--- A step that would act gives its `pretend` instead: what it would have given, as far as that can be told. Where there
--- is none, the result is an unknown, which stands for a text or for a table of such: `pull.head.sha` of an unknown is
--- "‹head.sha of Open pull request›". The run goes on past it to its end. What depends on what was not done cannot be
--- looked at: waits pass, and say so.
local errors = require "fairlead.errors"
local value = require "fairlead.procedure.value"

local M = {}

local OPEN <const>, CLOSE <const> = "‹", "›"

local function stop(what, because)
  errors.raise {
    kind = "dry_run.end",
    message = ("the dry run ends here: what follows needs %s%s"):format(what, because and " (" .. because .. ")" or ""),
  }
end

local texts = setmetatable({}, { __mode = "k" }) -- what each unknown stands for: {name, field}

local function text_of(unknown)
  local known <const> = texts[unknown]
  return ("%s%s of %s%s"):format(OPEN, known.field or "result", known.name, CLOSE)
end

-- What a text can be asked for; an unknown one gives itself, whole.
local TEXT <const> = {}
for _, name in ipairs { "sub", "lower", "upper", "gsub", "rep", "reverse", "format" } do
  TEXT[name] = function(unknown) return text_of(unknown) end
end

local Unknown = { __name = "dry.Unknown", __tostring = text_of }

local function make(name, field)
  local unknown <const> = setmetatable({}, Unknown)
  texts[unknown] = { name = name, field = field }
  return unknown
end

function Unknown.__index(unknown, key)
  if TEXT[key] then return TEXT[key] end
  local known <const> = texts[unknown]
  local field <const> = known.field and ("%s.%s"):format(known.field, tostring(key)) or tostring(key)
  return make(known.name, field)
end

function Unknown.__concat(left, right) return tostring(left) .. tostring(right) end

-- What nobody can guess: numbers, order, what a call would give.
for _, name in ipairs { "call", "len", "unm", "add", "sub", "mul", "div", "mod", "pow", "idiv", "lt", "le" } do
  Unknown["__" .. name] = function(left, right)
    stop(text_of(texts[left] and left or right))
  end
end

function Unknown.__pairs() return next, {}, nil end

---Whether a value is an unknown.
---@param item any
---@return boolean
function M.is_unknown(item)
  return type(item) == "table" and texts[item] ~= nil
end

---A plain value in which unknowns are the text that they stand for.
---@param item any
---@return any
function M.text(item)
  if M.is_unknown(item) then return text_of(item) end
  if type(item) ~= "table" or getmetatable(item) ~= nil then return item end
  local copy <const> = {}
  for key, inner in next, item do copy[key] = M.text(inner) end
  return copy
end

---The unknown that a text names, such as a URL or a request's body.
---@param text string
---@return string|nil name "‹id of Start the build›"
function M.named_in(text)
  return text:match(OPEN .. "[^\n]-" .. CLOSE)
end

---What a step or wait that is passed over gives, and the mark that from here on something is missing in the world.
---@param run procedure.Run
---@param node procedure.Node
---@param pretend any its `pretend`
---@return any
function M.pretend(run, node, pretend)
  if type(pretend) == "function" then pretend = pretend() end
  if pretend == nil then
    run.pretended = true
    return make(node.name)
  end
  local problem <const> = not M.is_unknown(pretend) and value.problem(M.text(pretend), "pretend")
  if problem then error(("%s: %s; pretend is plain data"):format(node.path, problem), 0) end
  run.pretended = true
  return pretend
end

---Looks at the world for a step, wait or gate. Once something is missing in it, a failure tells nothing.
---@async
---@param run procedure.Run
---@param fn async fun(...): ... looks
---@return any found nil: nothing, or it could not be looked at
---@return any ... what `fn` gave beside it; where it failed, {text=, error=}
function M.look(run, fn, ...)
  if not (run.dry and run.pretended) then return fn(...) end
  local results <const> = table.pack(pcall(fn, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local err <const> = errors.wrap(results[2])
  return nil, { text = "it depends on what was not done", error = tostring(err) }
end

-- What has nothing to do with what was not done: rights, settings, the network, Ctrl-C.
local function stays_wrong(kind)
  for _, pattern in ipairs { "not_authorised$", "no_credentials$", "^config", "^usage", "^http", "^cancelled",
    "^journal", "^dry_run" } do
    if kind:find(pattern) then return true end
  end
  return false
end

---How a dry run ended that went wrong, where that is only because of what was not done.
---@param run procedure.Run
---@param err Error|nil
---@return string|nil message nil: it did not, or it is a failure like any other
function M.ended_early(run, err)
  if not err or not run.dry then return nil end
  if err.kind == "dry_run.end" then return err.message end
  if not run.pretended or stays_wrong(err.kind) then return nil end
  local ok <const>, stopped = pcall(stop, "what was not done", err.message)
  return not ok and stopped.message or nil
end

return M
