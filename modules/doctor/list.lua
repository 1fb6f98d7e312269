--- A list of checks: each looks at one thing, within a time of its own, and finds it well, bad, or cannot tell. They
--- run side by side; what one finds, others may need. Their order is that in which they were added.
local task = require "fairlead.task"

local M = {}

---@alias doctor.State "ok"|"bad"|"unknown"

---@class doctor.Finding
---@field state doctor.State
---@field text string as whom, or why
---@field advice? string what to do
---@field value? any for the checks that need this one; nil where they cannot be carried out
---@field error? Error
---@field cause? string it was not looked at: the check that is not well, and that it needs

---@class doctor.Check
---@field where string "GitHub", "AWS production", …
---@field what string
---@field look async fun(...): doctor.Finding gets the values of the checks that it needs
---@field needs doctor.Check[] those that have to be well before
---@field otherwise? any the value for the checks that need this one, when it cannot be looked at
---@field applications string[] who needs it
---@field finding? doctor.Finding
---@field private done TaskEvent

---@class doctor.List
---@field checks doctor.Check[]
---@field private known table<string, doctor.Check>
local List = {}
List.__index = List

local SECONDS <const> = 10 -- that a check may take; those that it waits for have their own

---@return doctor.List
function M.new()
  return setmetatable({ checks = {}, known = {} }, List)
end

---@param text string
---@param more? {advice: string?, value: any}
---@return doctor.Finding
function M.ok(text, more)
  more = more or {}
  return { state = "ok", text = text, advice = more.advice, value = more.value == nil and true or more.value }
end

---@param text string
---@param advice? string
---@return doctor.Finding
function M.bad(text, advice) return { state = "bad", text = text, advice = advice } end

---@param text string
---@param advice? string
---@param value? any
---@return doctor.Finding
function M.unknown(text, advice, value) return { state = "unknown", text = text, advice = advice, value = value } end

---Adds a check, once: the same place with the same name is the same check, whoever needs it.
---@param where string
---@param what string
---@param options {needs: doctor.Check[]?, otherwise: any, application: string?}
---@param look async fun(...): doctor.Finding
---@return doctor.Check
function List:add(where, what, options, look)
  local key <const> = where .. "\0" .. what
  local check = self.known[key]
  if not check then
    check = {
      where = where, what = what, look = look, needs = options.needs or {}, otherwise = options.otherwise,
      applications = {}, done = task.event(),
    }
    self.known[key] = check
    self.checks[#self.checks + 1] = check
  end
  local application <const> = options.application
  if application and check.applications[#check.applications] ~= application then
    table.insert(check.applications, application)
  end
  return check
end

-- What the world refused, for good; other failures may be gone when one looks again.
local REFUSALS <const> = { "not_authorised", "not_found", "authentication", "host_key", "invalid", "conflict" }

local function is_refusal(err)
  if err.retryable then return false end
  for _, kind in ipairs { "config", "aws.no_credentials", "http.tls", "journal", "process.not_found" } do
    if err:is(kind) then return true end
  end
  for _, ending in ipairs(REFUSALS) do
    if err.kind:sub(-#ending - 1) == "." .. ending then return true end
  end
  return false
end

-- A wrong setting is told with the variable, or the file and its line, that it stands in.
local function text_of(err)
  if err.kind ~= "config.invalid" then return err.message end
  local variable <const> = tostring(err.op):match "^[%u_]+$"
  return ("%s%s %s"):format(variable and variable .. " " or "", tostring(err.target), err.message)
end

---What an error says about the thing that was looked at.
---@param err Error
---@return doctor.Finding
function M.failed(err)
  local finding <const> = (is_refusal(err) and M.bad or M.unknown)(text_of(err), err.hint)
  finding.error = err
  if err.kind == "timeout" then finding.text = ("no answer within %d s"):format(SECONDS) end
  return finding
end

local function look_at(check)
  local values = {}
  for i, other in ipairs(check.needs) do
    other.done:wait()
    if other.finding.value == nil then
      -- What is to blame is the first of a row of such checks.
      local cause <const> = other.finding.cause or ("%s, %s"):format(other.where, other.what)
      return { state = "unknown", text = "not looked at; see " .. cause, cause = cause, value = check.otherwise }
    end
    values[i] = other.finding.value
  end
  local finding, err = try(task.timeout, SECONDS, check.look, table.unpack(values))
  if finding then return finding end
  if err.kind == "script" then -- an answer that nobody thought of; the other checks go on
    return { state = "unknown", text = "this check itself failed: " .. err.message, error = err }
  end
  return M.failed(err)
end

---Carries out all of them.
---@async
---@return doctor.Check[] checks each with its finding
function List:run()
  task.map(self.checks, function(check)
    check.finding = look_at(check)
    check.done:set()
  end)
  return self.checks
end

return M
