-- What the journals of older versions hold a run of: killed while it waits, with a step done and one to do.
local procedure = require "fairlead.procedure"

return procedure.new {
  name = "deploy", parameters = { log = { required = true }, go = { required = true } },
  run = function(run, parameters)
    local function step(name)
      return run:step(name, { intent = { name = name }, act = function()
        local file <close> = assert(io.open(parameters.log, "a"))
        file:write(name, "\n")
        return { done = name }
      end })
    end
    run:stage("Build", function() step "one" end)
    run:gate { name = "Sure", evidence = { commit = "1a2b" } }
    run:wait { name = "Go", timeout = 315360000, check = function()
      local file <close> = io.open(parameters.go)
      return file ~= nil, "not yet"
    end }
    run:notify "going"
    step "two"
  end,
}
