-- What an error has to say beyond its one line, wherever errors are told.
local errors = require "fairlead.errors"
local procedure = require "fairlead.procedure"
local program = require "spec.support.program"

local FIELDS <const> = { kind = "aws.no_credentials", op = "aws.session", message = "none", hint = "sign in",
  details = { "environment: not set", "file: not there" } }

local function copy()
  local fields = {}
  for name, value in pairs(FIELDS) do
    fields[name] = value
  end
  return fields
end

describe("an error's details", function()
  it("follow its line", function()
    local err <const> = errors.new(copy())
    assert.equal("aws.session: none; sign in", tostring(err))
    assert.equal("aws.session: none; sign in\n  kind        aws.no_credentials\n  environment: not set\n"
      .. "  file: not there", errors.describe(err))
  end)

  it("are printed below what a program fails with", function()
    local done <const> = program.run { "-e", [[require "fairlead.errors".raise { kind = "aws.no_credentials",
      message = "none", hint = "sign in", details = { "environment: not set", "file: \27[2J not there" } }]] }
    assert.equal(2, done.code)
    assert.matches("^fairlead: none; sign in\n    environment: not set\n    file: %S+ not there\n", done.stderr)
    assert.is_nil(done.stderr:find("\27", 1, true))
  end)

  it("are among the reasons that a run ends with", function()
    local done <const> = procedure.execute(procedure.new { name = "n", summary = "s", run = function(run)
      run:step("s", function() errors.raise(copy()) end)
    end }, {}, {})
    assert.equal(2, done.exit_code)
    local final
    for _, event in ipairs(done.events) do
      final = event.event == "run.finished" and event or final
    end
    assert.same(FIELDS.details, { table.unpack(final.why) })
  end)
end)
