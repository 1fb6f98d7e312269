-- A world that has something for every operation that the procedures use, for `fairlead world serve`.
package.path = "./?.lua;" .. package.path
local aws = require "spec.support.aws"
local procedure = require "fairlead.procedure"

local EARLIER <const> = { { back = 0, days = 9 } }

local function fixture()
  local made <const> = aws.fixture()
  local staging <const> = made.aws.environments.staging
  staging.alarms, staging.earlier = { "staging-unhealthy" }, EARLIER
  staging.pipeline = { name = "orchard", stages = { { name = "Source" }, { name = "One", deploys = "staging" },
    { name = "Two", approval = "Approve" }, { name = "Three", deploys = "worker" } } }
  made.aws.environments.worker.earlier = EARLIER
  made.aws.environments.blue = {
    account = "333333333333", region = "eu-west-2", cluster = "blue-cluster", service = "blue-web", tasks = 1,
    images = { { repository = "blue-web", tags = { "<short sha>", "latest" } } }, deploys = "blue_green",
    workflow_updates = false, health_seconds = 5, breaker = { enable = true, rollback = true },
    lifecycle_hooks = { { stages = { "POST_TEST_TRAFFIC_SHIFT" }, timeout_minutes = 600, action = "ROLLBACK" } },
    earlier = EARLIER,
  }
  return made
end

return procedure.new { name = "nothing", run = function() end, rehearsal = fixture }
