--- A run that has environments, keeps one for trying, gives back and holds, killed at every instant and taken up again:
--- nothing is reserved twice, nothing stays reserved, and nobody hears of it twice.
local choose = require "fairlead.world.sweep.choose"
local play = require "fairlead.world.sweep.play"
local program = require "spec.support.program"
local sweep = require "fairlead.world.sweep"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local SCRIPT <const> = [[
local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "settings"

local change = { number = 7, title = "A change", url = "https://example.org/7", head = ("7"):rep(40) }

return procedure.new {
  name = "reservations", summary = "has environments",
  rehearsal = function() return require("rehearsal").planning_data() end,
  run = function(run)
    local this = release.new(run, settings.planning_data, {})
    this.talk:begin(change)
    run:stage("Development", function()
      local _ <close> = this:have("development", change, { hold = 3600 })
      run:step("Deploy", { repeatable = true, act = function() return { done = true } end })
    end)
    run:stage("Merge", function() this:hand_back_kept() end)
    run:stage("Staging", function()
      local _ <close> = this:have("staging", change)
      run:step("Deploy", { repeatable = true, act = function() return { done = true } end })
    end)
    this:hold("production", "the spec says so")
  end,
}
]]

describe("reservations of a run that is killed", function()
  it("are as if it had not been, at every instant", function()
    local folder <close> = program.folder()
    local report = sweep.run { script = folder:write("reservations.lua", SCRIPT), samples = 1 }
    assert.equal("done", report.outcome)
    assert.is_true(report.tried > 40, tostring(report.tried))
    local problems = {}
    for i, finding in ipairs(report.findings) do
      problems[i] = ("%s: %s"):format(finding.when, table.concat(finding.problems, "; "))
    end
    assert.same({}, problems)
  end)

  it("go back when it is taken up and fails before it comes to them", function()
    local options = {
      script = "scripts/async-processor.lua", scenario = "token-expires-midway", seed = 1, parameters = {},
    }
    local whole = play.run(options, {})
    assert.equal("aws.api.not_authorised", whole.result.reason, tostring(whole.result.error))
    local instants, at = whole.instants[1], nil
    for i, instant in ipairs(instants) do
      if instant.kind == "record" and instant.text:find "^fail Production/" then
        at = i - 1 -- it has production, and knows of no failure yet
        break
      end
    end
    options.id = whole.result.id
    local killed = play.run(options, choose.kills(instants, { at }))
    assert.equal(2, #killed.instants)
    assert.equal("aws.api.not_authorised", killed.result.reason, tostring(killed.result.error))
    local told = 0
    for effect in pairs(killed.effects) do
      if effect:find("refs/fairlead/reservations/", 1, true) then
        told = told + 1
        assert.is_nil(effect:find "holder", effect)
      end
    end
    assert.equal(3, told)
  end)
end)
