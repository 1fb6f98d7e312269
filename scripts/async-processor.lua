#!/usr/bin/env fairlead
--- Releases the Async Processor API, which takes requests from a queue and works on them: two images, two services,
--- updated one task after the other. Nobody can look at it, so a message is sent through its queue and its result
--- awaited.
local procedure = require "fairlead.procedure"
local release = require "release"
local settings = require "settings"

return procedure.new {
  name = "async-processor",
  summary = "release the Async Processor API from a branch to production",
  plan = { "Pull request", "Tests", "Development", "Review", "Merge", "Staging", "Approval", "Production" },
  commands = release.commands(settings.async_processor),
  rehearsal = function() return require("rehearsal").async_processor() end,

  parameters = {
    title = { help = "title of the pull request, where there is none yet; default: the last commit's" },
    development = { type = "boolean", default = true, help = "try the change in the development environment first" },
    hold = { type = "duration", help = "how long people have development then, to try the change by hand: 2h" },
    sites = { help = "where the sites are, if not in public: http://127.0.0.1:8080/sites/{host}" },
  },

  run = function(run, parameters)
    local this = release.new(run, settings.async_processor, { sites = parameters.sites })

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
