--- How a run ended: its outcome, a stable reason code, and the exit code.
local M = {}

---@alias procedure.Outcome "done"|"failed"|"usage"|"refused"|"not_authorised"|"rolled_back"|"waiting"|"interrupted"

---@type table<procedure.Outcome, integer>
M.exit_codes = {
  done = 0,
  failed = 1,
  usage = 2,
  refused = 3,
  not_authorised = 4,
  rolled_back = 5,
  waiting = 75,
  interrupted = 130,
}

-- Dotted prefixes of error kinds; the first that fits counts.
local BY_KIND <const> = {
  { "cancelled", "interrupted" },
  { "gate", "refused" },
  { "deployment.rolled_back", "rolled_back" },
  { "lock.held", "waiting" },
  { "usage", "usage" },
  { "config", "usage" },
  { "aws.no_credentials", "usage" },
  { "script.not_found", "usage" },
  { "script.syntax", "usage" },
  { "script.no_procedure", "usage" },
}

local function is(kind, prefix)
  return kind == prefix or kind:sub(1, #prefix + 1) == prefix .. "."
end

---@param err table|nil an error object; nil for a run that ended well
---@return procedure.Outcome outcome
---@return string reason the error's kind, or the code that run:refuse was given; "done" for a good end
---@return integer exit_code
function M.of(err)
  if err == nil then return "done", "done", M.exit_codes.done end
  local kind = err.kind or "script"
  local outcome = "failed"
  if kind:find "%.not_authorised$" then
    outcome = "not_authorised"
  else
    for _, row in ipairs(BY_KIND) do
      if is(kind, row[1]) then
        outcome = row[2]
        break
      end
    end
  end
  if kind == "exit" and err.status == 0 then outcome = "done" end -- the script called os.exit
  return outcome, err.reason or kind, kind == "exit" and err.status or M.exit_codes[outcome]
end

---The last event of a run that never began: a script that cannot be loaded, wrong parameters.
---@param err table an error object
---@param at number unix seconds
---@return table event
function M.finished_event(err, at)
  local outcome, reason, exit_code = M.of(err)
  return {
    event = "run.finished",
    at = math.floor(at * 1000 + 0.5) / 1000,
    outcome = outcome,
    reason = reason,
    exit_code = exit_code,
    error = tostring(err),
    elapsed = 0,
  }
end

return M
