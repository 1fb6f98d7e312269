--- Error objects: what failed, on what, why, and what to do next. `tostring(e)` is that in one line.
local native = require "fairlead.errors.native"

local M = {}

---@class Error
---@field kind string dotted, as "http.timeout"; e:is "http" is true for it
---@field message string one line
---@field op string? what was tried ("http.get")
---@field target string? on what (a URL, a path, a name); no secrets
---@field status integer? HTTP status
---@field code string? the service's own error code
---@field request_id string? the service's id of the request
---@field retryable boolean? trying again later may help
---@field hint string? what to do next
---@field details string[]? what else is to be known, a line each
---@field cause any? the error behind it
---@field traceback string? the script's own frames
---@field is fun(self: Error, kind: string): boolean its kind is that one, or begins with it and a dot

---Makes an error object out of its fields, without raising it.
---@param fields table kind and message at least
---@return Error
M.new = native.new

---Raises an error object made of its fields.
---@param fields table kind and message at least
function M.raise(fields) error(native.new(fields), 0) end

---An error object for anything that was caught: itself, or one of kind "script".
---@param value any
---@return Error
M.wrap = native.wrap

---@param value any
---@return boolean
M.is_error = native.is_error

---What a run that ends with this error exits with.
---@param value any
---@return integer
M.exit_code = native.exit_code

local DETAILS <const> = { "kind", "status", "code", "request_id" }
local DEEPEST_CAUSE <const> = 8

---Everything that is known, on several lines: the one line, the fields, the details, the traceback, the causes.
---@param value any
---@return string
function M.describe(value)
  local lines = {}
  for depth = 1, DEEPEST_CAUSE do
    local e = M.wrap(value)
    lines[#lines + 1] = (depth > 1 and "because of: " or "") .. tostring(e)
    for _, name in ipairs(DETAILS) do
      if e[name] ~= nil then lines[#lines + 1] = ("  %-11s %s"):format(name, tostring(e[name])) end
    end
    for _, line in ipairs(e.details or {}) do lines[#lines + 1] = "  " .. line end
    for line in (e.traceback or ""):gmatch "[^\n]+" do lines[#lines + 1] = "  at " .. line end
    -- Of a value that a script raised the error is made; the value says no more than that.
    if e.cause == nil or not M.is_error(e.cause) and tostring(e.cause) == e.message then break end
    value = e.cause
  end
  return table.concat(lines, "\n")
end

return M
