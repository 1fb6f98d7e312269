local process = require "fairlead.process"
local program = require "spec.support.program"

local function trial(name)
  local result = process.run { program.path:match ".*/" .. "embedding", name, timeout = 60 }
  assert.equal("", result.stdout .. result.stderr)
  assert.equal(0, result.code)
end

describe("a host inside another program", function()
  it("keeps nothing of the runs that have ended", function() trial "many_runs" end)
  it("runs again after an error, also with no limit of memory to speak of", function() trial "after_an_error" end)
  it("runs again after an interrupt; one between runs concerns none", function() trial "after_an_interrupt" end)
  it("ends all tasks of a run that ends because memory is full", function() trial "full_memory" end)
  it("may be closed without a run", function() trial "closed_at_once" end)
  it("is one of several, each in a thread of its own", function() trial "two_threads" end)
end)
