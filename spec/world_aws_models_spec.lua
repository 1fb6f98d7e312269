-- What the simulated CodePipeline, load balancer, alarms and STS answer, as the real clients read it, against the
-- services' own models.
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local botocore = require "spec.support.botocore"
local json = require "fairlead.json"
local process = require "fairlead.process"

local function change(fixture)
  local environments <const> = fixture.aws.environments
  environments.staging.alarms = { "staging-unhealthy" }
  environments.staging.canary_seconds, environments.staging.bake_seconds = 60, 60
  environments.staging.pipeline = { name = "orchard", stages = {
    { name = "Source" }, { name = "One", deploys = "staging" }, { name = "Two", approval = "Approve" },
    { name = "Three", deploys = "worker" },
  } }
end

--- Answers of all operations at one moment, as lines for aws_shapes.py.
local function ask_all(session, lines)
  local function ask(service, operation, input)
    local client <const> = session:client(service)
    local output <const> = client[operation](client, input)
    lines[#lines + 1] = json.encode { service = service, operation = operation, output = output }
    return output
  end
  ask("sts", "GetCallerIdentity", {})
  ask("cloudwatch", "DescribeAlarms", {})
  for _, group in ipairs(ask("elbv2", "DescribeTargetGroups", {}).TargetGroups) do
    ask("elbv2", "DescribeTargetHealth", { TargetGroupArn = group.TargetGroupArn, Targets = { { Id = "10.0.0.1" } } })
    ask("elbv2", "DescribeTargetHealth", { TargetGroupArn = group.TargetGroupArn })
  end
  ask("codepipeline", "GetPipelineState", { name = "orchard" })
  ask("codepipeline", "ListActionExecutions", { pipelineName = "orchard" })
  for _, summary in ipairs(ask("codepipeline", "ListPipelineExecutions", { pipelineName = "orchard" })
    .pipelineExecutionSummaries) do
    ask("codepipeline", "GetPipelineExecution", { pipelineName = "orchard",
      pipelineExecutionId = summary.pipelineExecutionId })
  end
  return ask
end

local function follow(scenario, lines)
  aws.rehearse(function()
    local w <const> = aws.world { scenario = scenario, change = change }
    aws.with_clients(w, function(session)
      local pipeline <const> = session:client "codepipeline"
      aws.publish(w)
      for i = 1, 30 do
        clock.sleep(20)
        local ask <const> = ask_all(session, lines)
        if i == 5 or i == 6 then
          ask("codepipeline", "StartPipelineExecution", { name = "orchard" })
        end
        local approval <const> = pipeline:GetPipelineState({ name = "orchard" }).stageStates[3]
        local run <const> = approval.actionStates[1].latestExecution
        if run and run.token and i % 2 == 0 then
          ask("codepipeline", "PutApprovalResult", { pipelineName = "orchard", stageName = "Two",
            actionName = "Approve", token = run.token,
            result = { status = i % 4 == 0 and "Approved" or "Rejected", summary = "s" } })
        elseif i == 29 then
          local id <const> = pipeline:StartPipelineExecution({ name = "orchard" }).pipelineExecutionId
          ask("codepipeline", "StopPipelineExecution", { pipelineName = "orchard", pipelineExecutionId = id,
            reason = "enough", abandon = true })
        end
      end
    end)
  end)
end

describe("what the simulated AWS answers", function()
  it("has the members, types and values of the services' models", function()
    local lines = {}
    follow("all-well", lines)
    follow("staging-rolls-back", lines)
    assert.is_true(#lines > 300)
    local found <const> = botocore.pythons()
    assert.is_true(#found > 0, "Debian's python3-botocore is among the packages for tests")
    for _, python in ipairs(found) do
      local checked <const> = process.run { python, "spec/support/aws_shapes.py", stdin = table.concat(lines, "\n"),
        timeout = 120 }
      assert.equal(("checked %d\n"):format(#lines), checked.stdout .. checked.stderr)
    end
  end)
end)
