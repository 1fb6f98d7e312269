--- AWS's SDK for Python, where it is installed: a second opinion on AWS's services.
local process = require "fairlead.process"

local M = {}

---Pythons that have a botocore: Debian's, and a newer one where there is one.
---@async
---@return string[] programs
function M.pythons()
  local list, seen = {}, {}
  for _, python in ipairs { "/usr/bin/python3", "python3" } do
    local code <const> = "import botocore; print(botocore.__version__)"
    local done <const> = try(process.run, { python, "-c", code, timeout = 60 })
    if done and done.code == 0 and not seen[done.stdout] then
      list[#list + 1], seen[done.stdout] = python, true
    end
  end
  return list
end

return M
