--- Completion of the session's own commands: `:cu`, and what a command's argument may be.
local M = {}

local function all(given)
  return given.commands or require "fairlead.repl.commands".all()
end

local function by_text(a, b) return a.text < b.text end

---The commands whose names go on as typed.
---@param before string the line up to the cursor
---@param colon integer where the command's colon is
---@param given repl.CompleteOptions
---@return integer start
---@return repl.Candidate[] candidates
function M.names(before, colon, given)
  local typed, found = before:sub(colon + 1), {}
  for _, command in ipairs(all(given)) do
    if command.name:sub(1, #typed) == typed then
      found[#found + 1] = { text = command.name, shown = ":" .. command.name,
        after = command.usage:find " " and " " or nil }
    end
  end
  table.sort(found, by_text)
  return colon + 1, found
end

local function find(name, given)
  for _, command in ipairs(all(given)) do
    if command.name == name then return command end
    for _, alias in ipairs(command.aliases or {}) do
      if alias == name then return command end
    end
  end
end

---A command's name, or its argument, which only the command itself can tell.
---@param before string the line up to the cursor
---@param given repl.CompleteOptions
---@return integer start
---@return repl.Candidate[] candidates
function M.complete(before, given)
  local colon, name, argument = before:match "^%s*():(%S*)%s+()"
  if not colon then return M.names(before, before:find ":", given) end
  local command = find(name, given)
  local typed = before:sub(argument)
  local word = typed:match "%S*$"
  local start = #before - #word + 1
  if not command or not command.complete then return start, {} end
  local found = {}
  for _, candidate in ipairs(command.complete(given.session, typed) or {}) do
    if type(candidate) == "string" then candidate = { text = candidate } end
    if candidate.text:sub(1, #word) == word then found[#found + 1] = candidate end
  end
  return start, found
end

return M
