--- The built-in channel of gates: the terminal that the run was started from.
local M = {}

---@class procedure.TerminalChannel: procedure.Channel
local Terminal = { name = "terminal", blocks = true }
Terminal.__index = Terminal

---@class procedure.TerminalOptions
---@field user? string who sits there
---@field known? boolean it is known that this is who sits there, so that they need not give their name
---@field read_line fun(): string|nil waits for a line
---@field discard? fun() forgets what was typed before the question

---@param options procedure.TerminalOptions
---@return procedure.TerminalChannel
function M.terminal(options)
  return setmetatable({
    user = options.user, known = options.known, read_line = options.read_line, discard = options.discard, every = 0,
  }, Terminal)
end

---Answers for whoever started the run with --yes, or only rehearses it.
---@param user string|nil
---@param name string
---@return procedure.Channel
function M.yes(user, name)
  return {
    name = name,
    ask = function() end,
    answer = function() return { decision = "approved", by = user } end,
  }
end

local function listed(names)
  return table.concat(names, ", ")
end

---@param request procedure.GateRequest
function Terminal:ask(request)
  self.request = request
  if self.discard then self.discard() end
  if request.approvers and self.known then
    request.prompt(("Type: approve, or refuse and why. You are %s."):format(self.user))
  elseif request.approvers then
    request.prompt("Type: approve NAME, or refuse NAME and why. Who may decide: "
      .. listed(request.approvers) .. ".")
  else
    request.prompt "Type: yes, or no and why."
  end
end

local function may(request, name)
  for _, approver in ipairs(request.approvers) do
    if approver == name then return true end
  end
  return false
end

-- One typed line to a decision; nil and what to say when it is none.
local function read(line, request, user, known)
  local word, rest = line:match "^%s*(%a*)%s*(.-)%s*$"
  word = word:lower()
  local yes = word == "yes" or word == "y" or word == "approve"
  local no = word == "no" or word == "n" or word == "refuse"
  if not yes and not no then
    return nil, request.approvers and known and "Please type: approve, or refuse and why."
      or request.approvers and "Please type: approve NAME, or refuse NAME and why."
      or "Please type: yes, or no and why."
  end
  local by = user
  if request.approvers and not known then
    by, rest = rest:match "^(%S*)%s*(.*)$"
    if by == "" then return nil, ("Who decides? %s NAME"):format(yes and "approve" or "refuse") end
    if not may(request, by) then
      return nil, ("%s may not decide this; who may: %s."):format(by, listed(request.approvers))
    end
  end
  return { decision = yes and "approved" or "refused", by = by, why = rest ~= "" and rest or nil }
end

---Waits for a line that decides.
---@async
---@return procedure.Decision
function Terminal:answer()
  while true do
    local line = self.read_line()
    if not line then
      error(require "fairlead.errors".new { kind = "gate.unattended", message = "the terminal was closed" }, 0)
    end
    local decision, say = read(line, self.request, self.user, self.known)
    if decision then return decision end
    self.request.prompt(say)
  end
end

---One typed line to a decision.
---@param line string
---@param request procedure.GateRequest
---@param user string|nil
---@param known? boolean it is known who `user` is
---@return procedure.Decision|nil decision
---@return string|nil say what to tell whoever typed it, when it decides nothing
M.read = read

return M
