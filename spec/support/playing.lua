-- Procedures carried out on a virtual clock, for specs.
local clock = require "fairlead.clock"
local procedure = require "fairlead.procedure"

local M = {}

M.START = 1772442000 -- 2026-03-02T09:00:00Z

-- Carries out a function as a procedure. `options` are those of procedure.execute, and `parameters`, `plan`.
function M.play(fn, options, given)
  options = options or {}
  options.mode = options.mode or "rehearsal"
  local declaration = { name = "spec", run = fn, parameters = options.parameters, plan = options.plan }
  options.parameters, options.plan = nil, nil
  return clock.simulate({ start = M.START }, procedure.execute, procedure.new(declaration), given or {}, options)
end

-- The events of a name, reduced to the fields that are asked for; "-" where one is missing.
function M.events(result, name, ...)
  local found, fields = {}, { ... }
  for _, event in ipairs(result.events) do
    if event.event == name then
      local row = {}
      for i, field in ipairs(fields) do row[i] = event[field] == nil and "-" or event[field] end
      found[#found + 1] = #fields == 1 and row[1] or row
    end
  end
  return found
end

return M
