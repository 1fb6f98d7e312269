-- Every input that the fuzzer kept, once more: what reaches all the code that fuzzing has reached (./dev fuzz), and
-- what once broke something. Under the sanitizers this looks for leaks, too.
local lfs = require "lfs"

local function files_of(folder)
  local names = {}
  for name in lfs.dir(folder) do
    if name:sub(1, 1) ~= "." then names[#names + 1] = folder .. "/" .. name end
  end
  table.sort(names)
  return names
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

describe("what the fuzzer kept", function()
  for _, path in ipairs(files_of "spec/fuzz/targets") do
    local name = path:match "([%w_]+)%.lua$"
    it("does no harm as " .. name, function()
      local target = require("spec.fuzz.targets." .. name)
      local inputs = files_of("spec/fuzz/corpus/" .. name)
      assert.is_true(#inputs > 0, "nothing is kept")
      for _, input in ipairs(inputs) do
        local ok, problem = xpcall(target.run, debug.traceback, read(input))
        assert(ok, input .. ": " .. tostring(problem))
      end
      if target.close then target.close() end
    end)
  end
end)
