--- How a run ended: its outcome, a stable reason code, and the exit code.
local errors = require "fairlead.errors"

local M = {}

---@alias procedure.Outcome "done"|"failed"|"usage"|"refused"|"not_authorised"|"rolled_back"|"waiting"|"interrupted"

---@type table<integer, procedure.Outcome> by exit code; which error has which is the host's to say
local OUTCOMES <const> = {
  [0] = "done", [2] = "usage", [3] = "refused", [4] = "not_authorised", [5] = "rolled_back", [75] = "waiting",
  [130] = "interrupted",
}

---@param err table|nil an error object; nil for a run that ended well
---@return procedure.Outcome outcome
---@return string reason the error's kind, or the code that run:refuse was given; "done" for a good end
---@return integer exit_code
function M.of(err)
  if err == nil then return "done", "done", 0 end
  local code <const> = errors.exit_code(err)
  return OUTCOMES[code] or "failed", err.reason or err.kind or "script", code
end

---Whether a run that ended so can be taken up. A person's refusal is an answer, and so is a rollback; nobody at the
---terminal is none.
---@param outcome procedure.Outcome|nil nil: its process is gone
---@param reason string|nil
---@return boolean
function M.can_resume(outcome, reason)
  return outcome ~= "done" and outcome ~= "rolled_back" and not (outcome == "refused" and reason == "gate.refused")
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
