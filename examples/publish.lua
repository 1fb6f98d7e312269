-- Publishes a handbook: an editor agrees in Slack, a GitHub workflow publishes, and the run ends when the workflow has.
local github = require "fairlead.github"
local procedure = require "fairlead.procedure"
local slack = require "fairlead.slack"

return procedure.new {
  name = "publish",
  summary = "publish the handbook's main branch",
  parameters = { editor = { required = true, help = "who has to agree, by their name in Slack" } },

  run = function(run, parameters)
    local gh = github.client { repository = "example/handbook" }
    local editors = slack.approval { client = slack.client {}, channel = "handbook", approvers = { parameters.editor } }
    local function evidence() return { commit = gh:get("/repos/example/handbook/commits/main").sha } end

    run:gate { name = "Agreement", question = "Publish it?", evidence = evidence, via = { editors }, timeout = 3600 }

    local id = run:step("Publish", {
      already = function(begun)
        local found = begun and gh:find_dispatched { workflow = "publish.yml", ref = "main", since = begun.began }
        return found and found.id
      end,
      act = function() return gh:dispatch { workflow = "publish.yml", ref = "main" }.id end,
    })

    run:wait { name = "Publication", timeout = 1800, check = function()
      local workflow = gh:workflow_run(id)
      if workflow.state == "failing" then run:refuse("publication.failed", "the workflow failed: " .. workflow.url) end
      return workflow.state == "passing", workflow.status
    end }
  end,
}
