local nearest = require "fairlead.nearest"

describe("nearest.name", function()
  local known = { timeout = true, attempts = true, to = true }

  it("finds what was meant: a letter missing, added, wrong, or two swapped", function()
    for _, typed in ipairs { "timout", "timeoutt", "tameout", "tiemout", "TIMEOUT" } do
      assert.equal("timeout", nearest.name(typed, known))
    end
  end)

  it("finds nothing where nothing is near", function()
    assert.is_nil(nearest.name("region", known))
    assert.is_nil(nearest.name("", {}))
  end)

  it("gives the same answer for equal distances", function()
    assert.equal("bat", nearest.name("cat", { hat = true, bat = true }))
  end)
end)
