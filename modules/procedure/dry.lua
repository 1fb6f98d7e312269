--- Dry runs: every reading happens, no step acts.
---
--- A step that would act gives an unknown result instead. The run goes on past it, and tells what the next steps would
--- do, until something needs that result: there it ends, well, because from there on it could only guess.
local errors = require "fairlead.errors"

local M = {}

local OPERATIONS <const> = {
  "index", "newindex", "call", "concat", "len", "unm", "add", "sub", "mul", "div", "mod", "pow", "idiv", "band", "bor",
  "bxor", "bnot", "shl", "shr", "eq", "lt", "le", "tostring", "pairs",
}

---@param path string the step whose result is not known
---@return table unknown any use of it ends the dry run
function M.unknown(path)
  local function stop()
    errors.raise {
      kind = "dry_run.end",
      message = ("the dry run ends here: what follows needs the result of '%s'"):format(path),
    }
  end
  local meta = { __name = "dry.Unknown" }
  for _, name in ipairs(OPERATIONS) do meta["__" .. name] = stop end
  return setmetatable({}, meta)
end

---Whether a value is, or holds, an unknown result.
---@param item any
---@return boolean
function M.is_unknown(item)
  local meta = type(item) == "table" and getmetatable(item)
  return type(meta) == "table" and rawget(meta, "__name") == "dry.Unknown"
end

---Ends the dry run when an argument of a step holds an unknown result.
---@param item any
function M.need(item)
  if M.is_unknown(item) then
    local _ = #item -- raises, naming the step
  elseif type(item) == "table" and getmetatable(item) == nil then
    for _, inner in next, item do M.need(inner) end
  end
end

return M
