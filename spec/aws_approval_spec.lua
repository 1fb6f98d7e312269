-- The CodePipeline channel against a scripted service: what is rare or hard to time. The world's specs have the rest.
local aws = require "fairlead.aws"
local fake = require "spec.support.fake_service"

local TOKEN <const>, OURS <const> = "1a2b3c4d-573f-4ea7-a67e-000000000001", "execution-1"
local BOB <const> = "arn:aws:iam::111111111111:user/people/Bob"

--- A pipeline in some state; `sent` gets the approvals that are put to it.
local function pipeline(state)
  local sent = {}
  return sent, function(request)
    local operation <const> = request.headers["x-amz-target"]:match "[^.]+$"
    if operation == "PutApprovalResult" then
      sent[#sent + 1] = request.body
      if state.on_put then
        return state.on_put(state)
      end
      return 200, { approvedAt = 1772442000 }
    elseif operation == "GetPipelineState" then
      local latest = { status = state.status, summary = state.summary, lastUpdatedBy = state.by,
        token = state.status == "InProgress" and TOKEN or nil }
      return 200, { stageStates = { { stageName = "Approve", latestExecution = state.status and {
        pipelineExecutionId = state.execution or OURS, status = "InProgress" }, actionStates = {
        { actionName = "Say", latestExecution = state.status and latest } } } } }
    elseif operation == "GetPipelineExecution" then
      return 200, { pipelineExecution = { status = state.overall or "InProgress" } }
    end
    assert.equal("ListActionExecutions", operation)
    local runs = {}
    if state.status and not state.execution then
      runs[1] = { stageName = "Approve", actionName = "Say", status = state.status, startTime = 1, updatedBy = state.by,
        output = { executionResult = { externalExecutionId = TOKEN } } }
    end
    return 200, { actionExecutionDetails = runs }
  end
end

local function with_channel(state, body)
  local sent, answer = pipeline(state)
  fake.run(answer, function()
    local session <const> = aws.session { region = "eu-west-2", credentials = { access_key_id = "A",
      secret_access_key = "k" } }
    local channel <const> = aws.approval { client = session:client "codepipeline", pipeline = "orchard",
      execution = OURS, stage = "Approve", action = "Say" }
    channel:ask { run = "r-1", digest = ("ab"):rep(32) }
    body(channel)
  end)
  return sent
end

local function answer_of(state)
  local found
  with_channel(state, function(channel) found = channel:answer() end)
  return found
end

describe("a CodePipeline approval", function()
  it("is open until somebody decides there", function()
    assert.is_nil(answer_of {})
    assert.is_nil(answer_of { status = "InProgress" })
    assert.same({ decision = "approved", by = "Bob", why = "looks good" },
      answer_of { status = "Succeeded", by = BOB, summary = "looks good" })
    assert.same({ decision = "refused", by = "bob@example.org", why = "not on a Friday" }, answer_of {
      status = "Failed", by = "arn:aws:sts::111111111111:assumed-role/Admins/bob@example.org",
      summary = "not on a Friday" })
  end)

  it("of another execution says nothing of ours", function()
    assert.is_nil(answer_of { status = "Succeeded", by = BOB, execution = "execution-2" })
  end)

  it("is refused when the execution ends without one", function()
    local found <const> = answer_of { overall = "Superseded" }
    assert.equal("refused CodePipeline", found.decision .. " " .. found.by)
    assert.matches("execution%-1 of orchard did not come to a decision: a newer execution has overtaken it", found.why)
    assert.matches("it was stopped", answer_of({ status = "InProgress", overall = "Stopped" }).why)
    assert.matches("abandoned", answer_of({ status = "Abandoned" }).why)
  end)

  it("gets what was decided elsewhere, and tells it again after an interruption as that person's", function()
    local state = { status = "InProgress" }
    local sent <const> = with_channel(state, function(channel)
      channel:close { decision = "approved", by = "anadmin", via = "Slack", why = "go\nahead: now" }
    end)
    assert.same({ pipelineName = "orchard", stageName = "Approve", actionName = "Say", token = TOKEN, result = {
      status = "Approved", summary = "Approved by anadmin in Slack: go ahead: now [r-1 abababababab]" } }, sent[1])
    local found <const> = answer_of { status = "Succeeded", by = "arn:aws:iam::1:user/deployer",
      summary = sent[1].result.summary }
    assert.same({ decision = "approved", by = "anadmin", why = "go ahead: now" }, found)
    local other <const> = answer_of { status = "Succeeded", by = BOB, summary = "Approved by me in Slack [r-2 00]" }
    assert.equal("Bob", other.by)
  end)

  it("is rejected when it was refused elsewhere, in a summary that fits", function()
    local sent <const> = with_channel({ status = "InProgress" }, function(channel)
      channel:close { decision = "refused", by = "anadmin", via = "terminal", why = ("é "):rep(400) }
    end)
    assert.equal("Rejected", sent[1].result.status)
    assert.is_true(#sent[1].result.summary <= 512)
    assert.is_not_nil(utf8.len(sent[1].result.summary))
    assert.matches("%[r%-1 abababababab%]$", sent[1].result.summary)
  end)

  it("stays open when nothing was decided, or it was decided there", function()
    for _, decision in ipairs { { decision = "voided", via = "Slack" }, { decision = "timeout" },
      { decision = "cancelled" }, { decision = "approved", via = "CodePipeline" } } do
      assert.equal(0, #with_channel({ status = "InProgress" }, function(channel) channel:close(decision) end))
    end
  end)

  it("that has been given already is as well as given; told otherwise, it is an error", function()
    local approved <const> = { decision = "approved", by = "a", via = "Slack" }
    local function taken(status)
      return { status = "InProgress", on_put = function(state)
        state.status = status
        return 400, { __type = "ApprovalAlreadyCompletedException", message = "done" }
      end }
    end
    with_channel(taken "Succeeded", function(channel) channel:close(approved) end)
    local function refused(state)
      with_channel(state, function(channel)
        local _, err = try(channel.close, channel, approved)
        assert.equal("aws.api.conflict", err.kind)
        assert.matches("Say of execution execution%-1 does not wait for a decision", tostring(err))
      end)
    end
    refused(taken "Failed")
    refused { status = "InProgress", execution = "execution-2" }
    refused {}
  end)

  it("has to be named wholly, and to exist", function()
    assert.error_matches(function() aws.approval { client = {}, pipeline = "p", execution = "e", stage = "s" } end,
      "bad argument #1 to 'aws.approval' %(action: string expected, got nil%)")
    fake.run(function() return 200, { stageStates = {} } end, function()
      local session <const> = aws.session { region = "eu-west-2", credentials = { access_key_id = "A",
        secret_access_key = "k" } }
      local channel <const> = aws.approval { client = session:client "codepipeline", pipeline = "orchard",
        execution = OURS, stage = "Approve", action = "Say" }
      local _, err = try(channel.close, channel, { decision = "approved", via = "Slack" })
      assert.equal("aws.api.not_found", err.kind)
      assert.matches("no action Say in a stage Approve", tostring(err))
    end)
  end)
end)
