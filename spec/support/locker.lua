--- A procedure for the specs of locks: takes one, and writes into a file what it did. Files in a folder tell it when to
--- go on, so that a spec decides the order in which things happen.
local clock = require "fairlead.clock"
local lfs = require "lfs"
local procedure = require "fairlead.procedure"

local function append(path, text)
  local file <close> = assert(io.open(path, "a"))
  file:setvbuf "full"
  file:write(text, "\n") -- one write(2), which the system puts at the end whole
end

local function wait_for(path)
  while not lfs.attributes(path) do clock.sleep(0.01) end
end

return procedure.new {
  name = "locker", summary = "have a lock",
  parameters = {
    folder = { required = true, help = "where the files are" },
    name = { required = true, help = "whose files" },
    lease = { type = "number", default = 60 },
    timeout = { type = "number", default = 60 },
    wait = { type = "boolean", default = true, help = "with the lock, until there is a file NAME.go" },
  },
  run = function(run, parameters)
    local folder, name = parameters.folder, parameters.name
    append(folder .. "/" .. name .. ".pid", (assert(lfs.symlinkattributes("/proc/self", "target"))))
    local lock <close> = run:lock("development", {
      reason = "spec of " .. name, ["for"] = 600, lease = parameters.lease, timeout = parameters.timeout,
    })
    run:step("first", function()
      -- Two at once would meet here.
      if not parameters.wait then assert(lfs.mkdir(folder .. "/inside")) end
      append(folder .. "/log", ("%s first %d"):format(name, lock.token))
      clock.sleep(0.002)
      if not parameters.wait then assert(lfs.rmdir(folder .. "/inside")) end
    end)
    if parameters.wait then
      append(folder .. "/" .. name .. ".in", "")
      wait_for(folder .. "/" .. name .. ".go")
    end
    run:step("second", function() append(folder .. "/log", ("%s second %d"):format(name, lock.token)) end)
  end,
}
