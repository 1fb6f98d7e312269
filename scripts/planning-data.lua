#!/usr/bin/env fairlead
--- Releases the Planning Data Platform, the public site planning.data.gov.uk. The branch that is checked out here goes
--- through its pull request, tests, development, review and merge to staging, and with an admin's approval to
--- production.
local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "settings"

return procedure.new {
  name = "planning-data",
  summary = "release the Planning Data Platform from a branch to production",
  plan = { "Pull request", "Tests", "Development", "Review", "Merge", "Staging", "Approval", "Production" },
  commands = release.commands(settings.planning_data),
  rehearsal = function() return require("rehearsal").planning_data() end,

  parameters = {
    title = { help = "title of the pull request, where there is none yet; default: the last commit's" },
    development = { type = "boolean", default = true, help = "try the change in the development environment first" },
    hold = { type = "duration", help = "how long people have development then, to try the change by hand: 2h" },
    sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" },
  },

  run = function(run, parameters)
    local this = release.new(run, settings.planning_data, { sites = parameters.sites })

    local change = this:open_pull_request { title = parameters.title }
    this:pass_tests(change)

    if parameters.development then
      this:try_in("development", change, { hold = parameters.hold })
    end

    this:get_reviewed(change)
    this:merge(change)

    this:go_live("staging", change)

    this:get_approved(change, { after = "staging", before = "production" })
    this:promote("production", change)
  end,
}
