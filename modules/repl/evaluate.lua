--- Lines as Lua: an expression, whose values are shown, or statements, whose locals live on in the session.
---
--- A chunk's locals are gone when it ends, so statements are compiled with a call at their end that reads them
--- (debug.getlocal) and puts them into the environment. Functions of that chunk keep their own variable: what a later
--- line assigns they do not see. Not kept are variables marked <close>, whose value is closed by then, and `_`. A chunk
--- that ends in `return` leaves no room for that call; its locals go.
local errors = require "fairlead.errors"

local M = {}

---@class repl.Chunk
---@field body async fun(...): ... what was compiled
---@field given? fun(...) what it gets as `...`
---@field values? any[] of an expression that was run, with their number in `n`

-- What follows the statements. The semicolon: without it the call's parenthesis would go on with the last of them.
local KEEP <const> = "\n;(...){%s}"

-- Of `local x <const> = 1` nothing is left at run time but the places that use it, so the keeper is given one each.
local function constants(text)
  local list, seen = {}, {}
  for name in text:gmatch "([%a_][%w_]*)%s*<%s*const%s*>" do
    if not seen[name] then list[#list + 1] = ("%s=function()return %s end"):format(name, name) end
    seen[name] = true
  end
  return table.concat(list, ",")
end

local function closed_names(text)
  local names = {}
  for name in text:gmatch "([%a_][%w_]*)%s*<%s*close%s*>" do names[name] = true end
  return names
end

local CHUNK <const> = 2 -- the level of the chunk, seen from the keeper

local function keeper(text, env)
  local closed <const> = closed_names(text)
  return function(constant)
    for name, value in pairs(constant) do
      local known, found = pcall(value)
      if known then rawset(env, name, found) end
    end
    for index = 1, math.maxinteger do
      local name, value = debug.getlocal(CHUNK, index)
      if not name then return end
      if name:find "^[%a_]" and name ~= "_" and not closed[name] then rawset(env, name, value) end
    end
  end
end

-- An expression's values are handed to a function rather than returned: a call that is returned is a tail call, and its
-- errors would tell of the place that called the chunk.
local function expression_of(text, name, env)
  local plain <const>, problem = load("return " .. text .. "\n", name, "t", env)
  if not plain then return nil, problem end
  local giving <const> = load("(...)(" .. text .. "\n)", name, "t", env)
  if not giving then return { body = plain } end -- "1;"
  local chunk <const> = { body = giving }
  chunk.given = function(...) chunk.values = table.pack(...) end
  return chunk
end

local function is_unfinished(problem)
  return problem:sub(-5) == "<eof>"
end

---Compiles a line.
---@param text string
---@param name string the chunk's name, as load() takes it
---@param env table what it sees, and where its globals go
---@param kept? table where its locals go; `env` when left out
---@return repl.Chunk|nil chunk
---@return string|nil problem the compiler's message
---@return boolean|nil unfinished more lines may make it whole
function M.compile(text, name, env, kept)
  text = text:gsub("^%s*=", "", 1)
  local expression, unexpected = expression_of((text:gsub("^%s*return%f[%W]", "", 1)), name, env)
  if expression then return expression end
  local keeping = load(text .. KEEP:format(constants(text)), name, "t", env)
  if keeping then return { body = keeping, given = keeper(text, kept or env) } end
  -- Ended, so that a quotation that was left open is not taken for one that goes on.
  local plain, problem = load(text .. "\n", name, "t", env)
  if plain then return { body = plain } end
  return nil, problem, is_unfinished(problem) or is_unfinished(unexpected)
end

---Runs a chunk, in the calling task.
---@async
---@param chunk repl.Chunk
---@return boolean ok
---@return any[]|Error results the values to be shown, with their number in `n`; or the error
function M.run(chunk)
  -- Called by `try` itself, so that a traceback names it as a main chunk. Statements that return nil and an error are
  -- taken for some that failed; that is what they mean.
  local results <const> = table.pack(try(chunk.body, chunk.given))
  if chunk.values then return true, chunk.values end
  if results.n == 2 and results[1] == nil and errors.is_error(results[2]) then return false, results[2] end
  return true, results
end

---Whether more lines are needed.
---@param text string
---@return boolean
function M.is_unfinished(text)
  local _, _, unfinished = M.compile(text, "=", {})
  return unfinished or false
end

-- Where in its line the compiler stumbled. It names the token, which may be there several times: it is the first up to
-- which the text is already wrong.
local function column_of(lines, number, token, name)
  local line <const> = lines[number] or ""
  local before <const> = table.concat(lines, "\n", 1, number - 1) .. (number > 1 and "\n" or "")
  local from = 1
  while true do
    local first, last = line:find(token, from, true)
    if not first then return nil end
    local chunk, problem = load(before .. line:sub(1, last), name, "t", {})
    if not chunk and not is_unfinished(problem) then return first end
    from = first + 1
  end
end

-- As many columns of blanks as the text takes, as far as that can be told: tabs stay tabs.
local function blanks(text)
  return (text:gsub("[\x80-\xbf]", ""):gsub("[^\t]", " "))
end

---The compiler's message as an error that points at the place.
---@param text string
---@param problem string
---@param unfinished boolean|nil
---@param name string the chunk's name
---@return Error
function M.syntax_error(text, problem, unfinished, name)
  local number, message = problem:match ":(%d+): (.*)$"
  number, message = tonumber(number) or 1, message or problem
  local token <const> = message:match " near '(.*)'$"
  local lines, details = {}, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  number = math.min(number, #lines) -- where it ends, the line's end that was added is not the user's
  local line <const> = lines[number]
  if unfinished then
    message = "the input ends in the middle of a statement: " .. message
  elseif line then
    details[1] = "  " .. line
    local column <const> = token and column_of(lines, number, token, name)
    if column then details[2] = "  " .. blanks(line:sub(1, column - 1)) .. "^" end
  end
  local err <const> = errors.new {
    kind = "repl.syntax", message = (#lines > 1 and "line %d: %s" or "%.0s%s"):format(number, message),
  }
  err.details, err.line = details, number
  return err
end

return M
