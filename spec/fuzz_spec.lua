-- Every input that the fuzzer kept, once more: what reaches all the code that fuzzing has reached (spec/fuzz/corpus,
-- which ./dev fuzz adds to), and what once broke something (spec/fuzz/found). The sanitized suite looks for leaks.
local lfs = require "lfs"

local function files_of(folder)
  local names = {}
  if not lfs.attributes(folder) then return names end
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
      for _, input in ipairs(files_of("spec/fuzz/found/" .. name)) do inputs[#inputs + 1] = input end
      for _, input in ipairs(inputs) do
        local ok, problem = xpcall(target.run, debug.traceback, read(input))
        assert(ok, input .. ": " .. tostring(problem))
      end
      if target.close then target.close() end
    end)
  end
end)
