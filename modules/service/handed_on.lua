--- How a decision that was made elsewhere is written down at a service that waits for it too, and known again there:
--- "Approved by NAME in CHANNEL: WHY [RUN DIGEST]".
local M = {}

---What such a text ends with: the run, and what the decision was about.
---@param request table run, digest (a procedure's gate request)
---@return string
function M.mark(request) return ("[%s %s]"):format(request.run or "", (request.digest or ""):sub(1, 12)) end

---@param decision {decision: string, by: string?, why: string?, via: string?}
---@param mark string?
---@param most integer? bytes that the service takes; characters stay whole, and the mark stays
---@return string
function M.write(decision, mark, most)
  local text = ("%s by %s in %s"):format(decision.decision == "approved" and "Approved" or "Refused",
    decision.by or "somebody", (decision.via or "fairlead"):gsub(":", " "))
  if decision.why then text = text .. ": " .. decision.why:gsub("%s+", " ") end
  mark = " " .. (mark or "[]")
  if most and #text > most - #mark then
    text = text:sub(1, most - #mark):gsub("[\192-\255][\128-\191]*$", "")
  end
  return text .. mark
end

---Who decided, and why, where a text is one with this mark. Whether the service was given it by us is for the caller to
---find out: anybody may write so.
---@param text string
---@param mark string?
---@return {by: string, why: string?}?
function M.read(text, mark)
  if not mark or text:sub(-#mark) ~= mark then return nil end
  local by, why = text:match "^%a+ by (.-) in [^:]-: (.*) %[.-%]$"
  if not by then by = text:match "^%a+ by (.-) in [^:]- %[.-%]$" end
  return by and { by = by, why = why } or nil
end

return M
