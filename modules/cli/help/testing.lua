return [[
    fairlead test [busted's arguments]

runs busted specs inside the host, so `it` may wait:

    local world = require "fairlead.world"
    it("is rolled back when staging is unhealthy", function()
      local w = world.new { seed = 1, scenario = "staging-rolls-back" }
      local result = w:run("scripts/release.lua", { branch = "x" })
      assert.equal("rolled_back", result.outcome)
    end)

The exit code is 0 when all have passed.
]]
