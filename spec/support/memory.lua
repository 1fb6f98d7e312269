--- How much memory this process has, and has had: for specs of what must not fill it.
local M = {}

local function status(name)
  local file <close> = assert(io.open "/proc/self/status")
  return tonumber(file:read("a"):match(name .. ":%s*(%d+) kB")) * 1024
end

--- Whether sizes say something: AddressSanitizer keeps what was freed.
---@return boolean
function M.counts() return os.getenv "ASAN_OPTIONS" == nil end

---The bytes by which a function's memory grew at its highest.
---@async
---@param fn async fun()
---@return integer
function M.peak(fn)
  collectgarbage()
  local reset <close> = assert(io.open("/proc/self/clear_refs", "w")) -- proc(5): 5 sets the highest back
  reset:write "5"
  reset:flush()
  local before = status "VmRSS"
  fn()
  return status "VmHWM" - before
end

return M
