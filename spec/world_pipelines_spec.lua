-- The simulated CodePipeline as the real clients see it, and the gate's channel that goes by its approvals.
local aws = require "spec.support.aws"
local clients = require "fairlead.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"
local pipelines = require "fairlead.aws.pipeline"
local procedure = require "fairlead.procedure"

local APPROVAL <const> = { stageName = "Approve", actionName = "Approve-worker", pipelineName = "orchard" }

--- staging's images go to staging, and once somebody has approved, to worker.
local function change(more)
  return function(fixture)
    local environments <const> = fixture.aws.environments
    environments.staging.canary_seconds, environments.staging.bake_seconds = 60, 60
    environments.staging.pipeline = {
      name = "orchard",
      stages = {
        { name = "Source" },
        { name = "Deploy-staging", deploys = "staging" },
        { name = "Approve", approval = "Approve-worker" },
        { name = "Deploy-worker", deploys = "worker" },
      },
    }
    if more then
      more(fixture)
    end
  end
end

local function rehearse(options, body)
  return aws.rehearse(function()
    local w <const> = aws.world { change = change(options.change), scenario = options.scenario, seed = options.seed }
    return aws.with_clients(w, function(session) return body(session:client "codepipeline", w, session) end)
  end)
end

local function stages(pipeline)
  local parts = {}
  for i, stage in ipairs(pipeline:GetPipelineState({ name = "orchard" }).stageStates) do
    parts[i] = stage.latestExecution and stage.latestExecution.status or "-"
  end
  return table.concat(parts, " ")
end

local function stage_of(pipeline, name)
  return aws.find(pipeline:GetPipelineState({ name = "orchard" }).stageStates, function(stage)
    return stage.stageName == name
  end)
end

--- The last run of a stage's action.
local function run_of(pipeline, stage)
  return stage_of(pipeline, stage).actionStates[1].latestExecution
end

local function newest(pipeline)
  return pipeline:ListPipelineExecutions({ pipelineName = "orchard" }).pipelineExecutionSummaries[1]
end

local function status(pipeline, id)
  return pipeline:GetPipelineExecution({ pipelineName = "orchard", pipelineExecutionId = id }).pipelineExecution.status
end

--- Waits until `check` is true; gives the seconds that it took.
local function wait(check, seconds)
  local began <const> = clock.now()
  while not check() do
    assert.is_true(clock.now() < began + (seconds or 1200), "waited in vain")
    clock.sleep(3)
  end
  return clock.now() - began
end

--- Publishes SHA, and waits until its execution is held for approval: its id.
local function until_approval(pipeline, w)
  aws.publish(w)
  wait(function() return stages(pipeline) == "Succeeded Succeeded InProgress -" end)
  return newest(pipeline).pipelineExecutionId
end

local function token_of(pipeline)
  return run_of(pipeline, "Approve").token
end

local function put(pipeline, result, token)
  local input = { token = token or token_of(pipeline), result = { status = result, summary = "because" } }
  for name, value in pairs(APPROVAL) do
    input[name] = value
  end
  return pipeline:PutApprovalResult(input)
end

local function code(fn, ...)
  local _, err = try(fn, ...)
  return err and err.code
end

describe("a pipeline", function()
  it("takes new images through its stages: deployed, approved, deployed by ECS from a copy", function()
    rehearse({}, function(pipeline, w, session)
      assert.same({}, pipeline:ListPipelineExecutions({ pipelineName = "orchard" }).pipelineExecutionSummaries)
      assert.equal("- - - -", stages(pipeline))
      aws.publish(w)
      wait(function() return stages(pipeline) == "Succeeded InProgress - -" end)
      clock.sleep(5)
      local deployment <const> = run_of(pipeline, "Deploy-staging").externalExecutionId
      local info <const> = session:client("codedeploy"):GetDeployment({ deploymentId = deployment }).deploymentInfo
      assert.equal("InProgress", info.status)
      wait(function() return stages(pipeline) == "Succeeded Succeeded InProgress -" end)
      assert.equal(aws.SHA, w.aws:live("staging").sha)
      local summary <const> = newest(pipeline)
      assert.equal("InProgress", summary.status)
      local ecr <const> = session:client "ecr"
      local image <const> = ecr:DescribeImages({ repositoryName = "staging-web-app",
        imageIds = { { imageTag = aws.SHA:sub(1, 7) } } }).imageDetails[1]
      assert.same({ { "Image", image.imageDigest }, { "Code", aws.SHA } }, {
        { summary.sourceRevisions[1].actionName, summary.sourceRevisions[1].revisionId },
        { summary.sourceRevisions[2].actionName, summary.sourceRevisions[2].revisionId },
      })
      assert.equal("CloudWatchEvent", summary.trigger.triggerType)
      put(pipeline, "Approved")
      wait(function() return stages(pipeline) == "Succeeded Succeeded Succeeded Succeeded" end)
      assert.equal("Succeeded", status(pipeline, summary.pipelineExecutionId))
      assert.equal(aws.SHA, w.aws:live("worker").sha)
      local copy <const> = ecr:DescribeImages({ repositoryName = "worker-api",
        imageIds = { { imageTag = aws.SHA:sub(1, 7) } } }).imageDetails[1]
      assert.equal(image.imageDigest, copy.imageDigest)
      local runs <const> = pipeline:ListActionExecutions({ pipelineName = "orchard" }).actionExecutionDetails
      assert.equal("Deploy Approve-worker Deploy Image", ("%s %s %s %s"):format(runs[1].actionName, runs[2].actionName,
        runs[3].actionName, runs[4].actionName))
      assert.equal("because", runs[2].output.executionResult.externalExecutionSummary)
    end)
  end)

  it("stops at a deployment that fails, and runs it again when it is told to", function()
    rehearse({ scenario = "staging-rolls-back" }, function(pipeline, w)
      aws.publish(w)
      wait(function() return stages(pipeline) == "Succeeded Failed - -" end)
      local summary <const> = newest(pipeline)
      assert.equal("Failed", summary.status)
      local run <const> = run_of(pipeline, "Deploy-staging")
      assert.equal("JobFailed", run.errorDetails.code)
      assert.matches("ended as Failed", run.errorDetails.message)
      local again <const> = { pipelineName = "orchard", stageName = "Deploy-staging", retryMode = "FAILED_ACTIONS",
        pipelineExecutionId = summary.pipelineExecutionId }
      clock.sleep(120) -- until the rollback is over
      w.scenario = setmetatable({ rolls_back = false }, { __index = w.scenario })
      pipeline:RetryStageExecution(again)
      assert.equal("InProgress", status(pipeline, summary.pipelineExecutionId))
      wait(function() return stages(pipeline) == "Succeeded Succeeded InProgress -" end)
      assert.equal("StageNotRetryableException", code(pipeline.RetryStageExecution, pipeline, again))
      again.pipelineExecutionId = again.pipelineExecutionId:gsub("^.", { ["0"] = "1" })
      assert.is_not_nil(code(pipeline.RetryStageExecution, pipeline, again))
    end)
  end)

  it("lets a newer execution overtake one that waits for a stage, never one that is in it", function()
    rehearse({}, function(pipeline, w)
      local first <const> = until_approval(pipeline, w)
      local started = {}
      for i = 1, 2 do
        started[i] = pipeline:StartPipelineExecution({ name = "orchard", clientRequestToken = "token-" .. i })
          .pipelineExecutionId
        wait(function()
          local inbound <const> = stage_of(pipeline, "Approve").inboundExecution
          return inbound and inbound.pipelineExecutionId == started[i]
        end)
      end
      assert.equal(started[2], pipeline:StartPipelineExecution({ name = "orchard", clientRequestToken = "token-2" })
        .pipelineExecutionId)
      assert.equal("InProgress Superseded InProgress", ("%s %s %s"):format(status(pipeline, first),
        status(pipeline, started[1]), status(pipeline, started[2])))
      local old <const> = token_of(pipeline)
      put(pipeline, "Rejected")
      assert.equal("Failed", status(pipeline, first))
      wait(function() return token_of(pipeline) end)
      assert.not_equal(old, token_of(pipeline))
      assert.equal("InvalidApprovalTokenException", code(put, pipeline, "Approved", old))
      put(pipeline, "Approved")
      wait(function() return status(pipeline, started[2]) == "Succeeded" end)
    end)
  end)

  it("is stopped when its action has ended, or at once", function()
    rehearse({}, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      local stop <const> = { pipelineName = "orchard", pipelineExecutionId = id, reason = "not now" }
      pipeline:StopPipelineExecution(stop)
      assert.equal("Stopping", status(pipeline, id))
      assert.equal("DuplicatedStopRequestException", code(pipeline.StopPipelineExecution, pipeline, stop))
      stop.abandon = true
      local token <const> = token_of(pipeline)
      pipeline:StopPipelineExecution(stop)
      assert.equal("Stopped", status(pipeline, id))
      assert.equal("Abandoned", run_of(pipeline, "Approve").status)
      assert.equal("ApprovalAlreadyCompletedException", code(put, pipeline, "Approved", token))
      assert.equal("PipelineExecutionNotStoppableException", code(pipeline.StopPipelineExecution, pipeline, stop))
      assert.equal("not now", newest(pipeline).stopTrigger.reason)

      local second <const> = pipeline:StartPipelineExecution({ name = "orchard" }).pipelineExecutionId
      wait(function() return token_of(pipeline) end)
      pipeline:StopPipelineExecution { pipelineName = "orchard", pipelineExecutionId = second }
      put(pipeline, "Approved")
      assert.equal("Stopped", status(pipeline, second))
      assert.not_equal(aws.SHA, w.aws:live("worker").sha)
    end)
  end)

  it("refuses what it does not know", function()
    rehearse({}, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      local cases <const> = {
        { "GetPipelineState", { name = "meadow" }, "PipelineNotFoundException" },
        { "GetPipelineState", {}, "ValidationException" },
        { "GetPipelineExecution", { pipelineName = "orchard", pipelineExecutionId = "0-0" },
          "PipelineExecutionNotFoundException" },
        { "ListPipelineExecutions", { pipelineName = "orchard", nextToken = "x" }, "InvalidNextTokenException" },
        { "ListPipelineExecutions", { pipelineName = "orchard", filter = { succeededInStage = { stageName = "X" } } },
          "StageNotFoundException" },
        { "StartPipelineExecution", { name = "orchard", sourceRevisions = { { actionName = "Image",
          revisionType = "IMAGE_DIGEST", revisionValue = "sha256:00" } } }, "ValidationException" },
        { "RetryStageExecution", { pipelineName = "orchard", stageName = "Approve", pipelineExecutionId = id,
          retryMode = "FAILED_ACTIONS" }, "StageNotRetryableException" },
        { "RetryStageExecution", { pipelineName = "orchard", stageName = "Deploy-worker", pipelineExecutionId = id,
          retryMode = "FAILED_ACTIONS" }, "NotLatestPipelineExecutionException" },
      }
      for _, case in ipairs(cases) do
        assert.equal(case[3], code(pipeline[case[1]], pipeline, case[2]))
      end
      assert.equal("InvalidApprovalTokenException", code(put, pipeline, "Approved", id))
      assert.equal("ValidationException", code(put, pipeline, "Perhaps"))
      assert.equal("InProgress", status(pipeline, id))
      local succeeded <const> = pipeline:ListPipelineExecutions { pipelineName = "orchard",
        filter = { succeededInStage = { stageName = "Deploy-staging" } } }
      assert.equal(1, #succeeded.pipelineExecutionSummaries)
    end)
  end)

  it("gives up an approval that nobody gives in seven days", function()
    rehearse({}, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      clock.sleep(7 * 86400 - 60)
      assert.equal("InProgress", status(pipeline, id))
      clock.sleep(120)
      assert.equal("Failed", status(pipeline, id))
    end)
  end)

  it("whose fixture is wrong is an error that names the place", function()
    assert.error_matches(function()
      aws.world { change = change(function(fixture)
        fixture.aws.environments.staging.pipeline.stages[4].deploys = "moon"
      end) }
    end, 'aws.environments.staging.pipeline.stages%[4%]: no environment "moon"')
  end)
end)

describe("an execution", function()
  it("is found by what it carries, and tells how far it is", function()
    rehearse({}, function(pipeline, w, session)
      local before <const> = clock.now()
      local id <const> = until_approval(pipeline, w)
      local image <const> = session:client("ecr"):DescribeImages({ repositoryName = "staging-web-app",
        imageIds = { { imageTag = aws.SHA:sub(1, 7) } } }).imageDetails[1].imageDigest
      clock.sleep(5)
      local after <const> = clock.now()
      local started <const> = pipeline:StartPipelineExecution({ name = "orchard", sourceRevisions = {
        { actionName = "Code", revisionType = "COMMIT_ID", revisionValue = ("cd"):rep(20) } } }).pipelineExecutionId
      local function found(revision, since)
        local execution <const> = pipelines.find(pipeline, "orchard", { "x", revision }, since)
        return execution and execution.pipelineExecutionId
      end
      assert.equal(started, found(("cd"):rep(20)))
      assert.equal(started, found(image)) -- the newest
      assert.equal(id, found(aws.SHA))
      assert.equal(id, found(aws.SHA, before))
      assert.is_nil(found(aws.SHA, after))
      assert.is_nil(found "sha256:00")

      local progress = pipelines.progress(pipeline, "orchard", id)
      local function told()
        local parts = {}
        for i, stage in ipairs(progress.stages) do
          parts[i] = ("%s %s %s"):format(stage.name, stage.category, stage.status)
        end
        return progress.status .. ": " .. table.concat(parts, ", ")
      end
      assert.equal("InProgress: Source Source Succeeded, Deploy-staging Deploy Succeeded, Approve Approval InProgress",
        told())
      assert.equal("Approve-worker", progress.waiting.action)
      assert.matches("^d%-", progress.stages[2].external_id)
      put(pipeline, "Rejected")
      progress = pipelines.progress(pipeline, "orchard", id)
      assert.equal("Failed: Source Source Succeeded, Deploy-staging Deploy Succeeded, Approve Approval Failed", told())
      assert.equal("because", progress.stages[3].why)
      assert.is_nil(progress.waiting)
      pipeline:RetryStageExecution { pipelineName = "orchard", stageName = "Approve", pipelineExecutionId = id,
        retryMode = "FAILED_ACTIONS" }
      wait(function() return pipelines.progress(pipeline, "orchard", id).waiting end)
    end)
  end)
end)

--- A gate that asks by CodePipeline alone, or with a channel that answers at once.
local function gate(pipeline, id, other)
  local channel <const> = clients.approval { client = pipeline, pipeline = "orchard", execution = id, stage = "Approve",
    action = "Approve-worker" }
  local release <const> = procedure.new { name = "r", summary = "s", run = function(run)
    return run:gate { name = "Worker", evidence = { commit = aws.SHA }, via = { channel, other } }
  end }
  local result <const> = procedure.execute(release, {}, { interactive = false })
  local decided <const> = aws.find(result.events, function(event) return event.event == "gate.decided" end)
  return result, decided
end

describe("a gate by CodePipeline", function()
  local function with_admin(fixture)
    fixture.people = { admins = { { name = "anadmin", login = "anadmin", way = "codepipeline", after_seconds = 200 } } }
  end

  it("takes the decision of whoever approves there", function()
    rehearse({ change = with_admin }, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      local result <const>, decided = gate(pipeline, id)
      assert.equal("done", result.outcome)
      assert.equal("approved anadmin CodePipeline looks good", table.concat({ decided.decision, decided.by, decided.via,
        decided.why }, " "))
      wait(function() return status(pipeline, id) == "Succeeded" end)
    end)
  end)

  it("is refused by who rejects there", function()
    rehearse({ change = with_admin, scenario = "admin-refuses" }, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      local result <const>, decided = gate(pipeline, id)
      assert.equal("refused gate.refused", result.outcome .. " " .. result.reason)
      assert.equal("anadmin", decided.by)
      assert.equal("Failed", status(pipeline, id))
    end)
  end)

  it("hands a decision that was made elsewhere on to the pipeline", function()
    rehearse({}, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      local result <const> = gate(pipeline, id, {
        name = "Slack", ask = function() end, answer = function() return { decision = "approved", by = "anadmin" } end,
      })
      assert.equal("done", result.outcome)
      local run <const> = run_of(pipeline, "Approve")
      assert.equal("Succeeded", run.status)
      assert.matches("^Approved by anadmin in Slack %[", run.summary)
      wait(function()
        w:settle()
        return w.aws:live("worker").sha == aws.SHA
      end)
    end)
  end)

  it("is refused when the execution is stopped", function()
    rehearse({}, function(pipeline, w)
      local id <const> = until_approval(pipeline, w)
      pipeline:StopPipelineExecution { pipelineName = "orchard", pipelineExecutionId = id, abandon = true }
      local result <const>, decided = gate(pipeline, id)
      assert.equal("refused", result.outcome)
      assert.matches("abandoned", decided.why)
    end)
  end)
end)

describe("a pipeline's run", function()
  it("is the same for the same seed", function()
    local function run()
      return rehearse({ seed = 5 }, function(pipeline, w)
        local id <const> = until_approval(pipeline, w)
        put(pipeline, "Approved")
        wait(function() return status(pipeline, id) == "Succeeded" end)
        return json.encode(pipeline:ListActionExecutions { pipelineName = "orchard" })
      end)
    end
    assert.equal(run(), run())
  end)
end)
