--- What a person's reply to a question of a gate's says: `approve`, or `refuse` and why.
local M = {}

---Reads a reply. An approval is that one word and nothing else: what says more ("approve? never", "approved, but wait
---until Monday") may mean anything, and is no answer.
---@param text string?
---@return "approved"|"refused"|nil decision
---@return string? why of a refusal, as it was written
function M.read(text)
  local word <const>, rest = (text or ""):match "^%s*`?(%a+)`?(.*)$"
  local verb <const> = word and word:lower()
  if verb == "approve" or verb == "approved" then
    return rest:find "^[%s.!]*$" and "approved" or nil
  elseif verb == "refuse" or verb == "refused" then
    rest = rest:match "^[%s:,.!-]*(.-)%s*$"
    return "refused", rest ~= "" and rest or nil
  end
end

return M
