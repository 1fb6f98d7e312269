--- The second organisation's release: what comes to trunk goes by its pipeline to qa and preprod, and with the harbour
--- master's approval to live.
package.path = "scripts/?.lua;spec/support/?.lua;" .. package.path -- the library of releases is not one of Fairlead's

local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "second_organisation.settings"

return procedure.new {
  name = "tide-tables",
  summary = "release the tide tables",
  plan = { "Pull request", "Tests", "Review", "Merge", "Qa", "Preprod", "Approval", "Live" },
  commands = release.commands(settings),
  rehearsal = function() return require("second_organisation.rehearsal").world() end,
  run = function(run)
    local this <const> = release.new(run, settings)
    local change <const> = this:open_pull_request {}
    this:pass_tests(change)
    this:get_reviewed(change)
    this:merge(change)
    this:go_live("qa", change)
    this:go_live("preprod", change)
    this:get_approved(change, { after = "preprod", before = "live" })
    this:promote("live", change)
  end,
}
