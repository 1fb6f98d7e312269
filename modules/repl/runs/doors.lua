--- What a run in a world reaches the outside by: its network, and the programs that it starts. Shut, they stay shut:
--- what is left of the run may end as it likes, and nobody hears of it, as if it had been killed.
local errors = require "fairlead.errors"
local http = require "fairlead.http"
local process = require "fairlead.process"

local M = {}

---@class repl.Doors
---@field is_shut boolean
local Doors = {}
Doors.__index = Doors

local function check(self)
  if self.is_shut then errors.raise { kind = "cancelled", message = "this run was ended, to be gone through again" } end
end

---Calls `fn(...)` behind these doors.
---@async
---@param fn async fun(...): ...
---@return any ... its results
function Doors:within(fn, ...)
  local below
  local function guarded(request)
    check(self)
    return below(request)
  end
  below = http.use_transport(guarded)
  local restored <close> = setmetatable({}, { __close = function() http.use_transport(below) end }) -- luacheck: ignore
  return process.with_runner(function(options, run)
    check(self)
    return run(options)
  end, fn, ...)
end

---Shuts them.
function Doors:shut()
  self.is_shut = true
end

---@return repl.Doors
function M.new()
  return setmetatable({ is_shut = false }, Doors)
end

return M
