--- What a run says in Slack, when it is killed right after it has said it, and says it in other words when it is taken
--- up: once.
local choose = require "fairlead.world.sweep.choose"
local play = require "fairlead.world.sweep.play"
local program = require "spec.support.program"

package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local SCRIPT <const> = [[
local clock = require "fairlead.clock"
local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "settings"

return procedure.new {
  name = "talk", summary = "says something",
  rehearsal = function() return require("rehearsal").planning_data() end,
  run = function(run)
    local this = release.new(run, settings.planning_data, {})
    this.talk:begin { number = 7, title = "A change", url = "https://example.org/7" }
    run:stage("Talk", function() this.talk:say("hello at " .. clock.now(), { key = KEY }) end)
    run:step("Deploy", { repeatable = true, act = function() return { done = true } end })
  end,
}
]]

describe("what a run says", function()
  -- How often it is said in a run that is killed right after.
  local function said(key)
    local folder <close> = program.folder()
    local script = SCRIPT:gsub("KEY", key)
    local options = { script = folder:write("talk.lua", script), seed = 1, parameters = {} }
    local whole, at = play.run(options, {}), nil
    for i, instant in ipairs(whole.instants[1]) do
      if instant.path == "Talk" and instant.text:find "postMessage" then at = i end
    end
    options.id = whole.result.id
    local killed, count = play.run(options, choose.kills(whole.instants[1], { at })), 0
    assert.equal("done", killed.result.outcome, tostring(killed.result.error))
    for effect, times in pairs(killed.effects) do
      if effect:find "hello at" then count = count + times end
    end
    return count
  end

  it("is said once, though its words are others by then, when it is known by a key", function()
    assert.equal(1, said '"hello"')
  end)

  it("is said again in other words when it has none", function()
    assert.equal(2, said "nil")
  end)
end)
