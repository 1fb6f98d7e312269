--- Retries: which failures are worth another attempt, and how long to wait before it.
local clock = require "fairlead.clock"
local misuse = require "fairlead.http.misuse"
local native = require "fairlead.http.native"
local redirect = require "fairlead.http.redirect"

local M = {}

local IDEMPOTENT <const> = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true }
local KINDS <const> = {
  ["http.resolve"] = true,
  ["http.connect"] = true,
  ["http.reset"] = true,
  ["http.timeout"] = true,
  ["http.truncated"] = true,
}
local STATUSES <const> = { [429] = true, [502] = true, [503] = true, [504] = true }

---@class http.Retry how often, and how long between
---@field attempts integer? in all; default 3
---@field unsafe boolean? also methods that are not idempotent, such as POST
---@field backoff number? seconds before the second attempt, doubled before each further one; default 0.5
---@field max_backoff number? seconds between two attempts at most; default 20
---@field max_retry_after number? seconds that a server may ask for; if it asks for more, its answer stands; default 60
---@field attempt_timeout number? seconds that one attempt may take; default: all that is left of `timeout`
local FIELDS <const> = {
  attempts = "number",
  unsafe = "boolean",
  backoff = "number",
  max_backoff = "number",
  max_retry_after = "number",
  attempt_timeout = "number",
}

local DEFAULT <const> = { attempts = 3, backoff = 0.5, max_backoff = 20, max_retry_after = 60 }
local NEVER <const> = { attempts = 1 }

---The plan for a request, from its option `retry`.
---@param call { name: string, argument: integer }
---@param option false|integer|http.Retry|nil
---@param method string
---@return http.Retry
function M.plan(call, option, method)
  if option == nil then return IDEMPOTENT[method] and DEFAULT or NEVER end
  if option == false then return NEVER end
  local plan = DEFAULT
  if type(option) == "number" then
    plan = setmetatable({ attempts = option }, { __index = DEFAULT })
  elseif type(option) == "table" then
    for name, value in pairs(option) do
      local expected = FIELDS[name]
      if not expected then misuse.raise(call, "retry: %s", misuse.unknown(name, FIELDS)) end
      if type(value) ~= expected then misuse.raise(call, "retry.%s", misuse.type_error(name, expected, value)) end
    end
    plan = setmetatable({}, { __index = DEFAULT })
    for name, value in pairs(option) do plan[name] = value end
  elseif option == true then
    misuse.raise(call, "retry: false, a number of attempts, or a table expected, got true")
  end
  if not math.tointeger(plan.attempts) or plan.attempts < 1 then
    misuse.raise(call, "retry: attempts: an integer of 1 or more expected")
  end
  if not IDEMPOTENT[method] and not rawget(plan, "unsafe") then return NEVER end
  return plan
end

-- What Retry-After asks for, in seconds from now: a number, or a date (RFC 9110, 10.2.3).
local function retry_after(headers)
  local text = redirect.header(headers, "retry-after")
  if not text then return nil end
  local seconds = tonumber(text:match("^%s*(%d+%.?%d*)%s*$"))
  if seconds then return seconds end
  local date = native.date(text)
  return date and math.max(0, date - clock.now())
end

---Seconds to wait before the next attempt; nil when there is to be none.
---@param plan http.Retry
---@param attempt integer the one that has just ended
---@param left number seconds until the request's deadline
---@param answer http.Response|nil
---@param failure any the error, when there is no answer
---@param jitter fun(): number 0..1
---@return number|nil
function M.pause(plan, attempt, left, answer, failure, jitter)
  if attempt >= plan.attempts then return nil end
  local asked
  if answer then
    if not STATUSES[answer.status] then return nil end
    asked = retry_after(answer.header_list)
    if asked and asked > plan.max_retry_after then return nil end
  elseif type(failure) ~= "table" or not KINDS[failure.kind] then
    return nil
  end
  local most = math.min(plan.max_backoff, plan.backoff * 2 ^ (attempt - 1))
  local pause = asked or most * (0.5 + 0.5 * jitter())
  return pause < left and pause or nil
end

return M
