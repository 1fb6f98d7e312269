-- `fairlead permissions`: what requests need of IAM, GitHub and Slack; and what whole releases need.
local aws = require "fairlead.permissions.aws"
local github = require "fairlead.permissions.github"
local json = require "fairlead.json"
local permissions = require "fairlead.permissions"
local program = require "spec.support.program"

local CONTEXT <const> = {
  region = "eu-west-2", account = "111111111111",
  learned = { ["d-1"] = { application = "shop", group = "shop-deployment" } },
}

local function needs(service, operation, p)
  local list = {}
  for i, need in ipairs(aws.needs(service, operation, p or {}, CONTEXT)) do
    list[i] = need.action .. " " .. table.concat(need.resources, " ")
  end
  return list
end

describe("what AWS has to allow", function()
  it("is the operation, on what it names", function()
    assert.same({ "ecs:DescribeServices arn:aws:ecs:eu-west-2:111111111111:service/main/shop" },
      needs("ecs", "DescribeServices", { cluster = "main", services = { "shop" } }))
    assert.same({ "ecs:UpdateService arn:aws:ecs:eu-west-2:111111111111:service/main/shop" },
      needs("ecs", "UpdateService", { cluster = "arn:aws:ecs:eu-west-2:111111111111:cluster/main", service = "shop" }))
    assert.same({ "ecr:BatchGetImage arn:aws:ecr:eu-west-2:111111111111:repository/team/shop" },
      needs("ecr", "BatchGetImage", { repositoryName = "team/shop" }))
    assert.same({ "logs:GetLogEvents arn:aws:logs:eu-west-2:111111111111:log-group:/ecs/shop:log-stream:*" },
      needs("logs", "GetLogEvents", { logGroupName = "/ecs/shop", logStreamName = "x" }))
    assert.same({ "codepipeline:PutApprovalResult arn:aws:codepipeline:eu-west-2:111111111111:shop/Ask/Approve" },
      needs("codepipeline", "PutApprovalResult", { pipelineName = "shop", stageName = "Ask", actionName = "Approve" }))
  end)

  it("is any of a kind where each run has another", function()
    assert.same({ "ecs:DescribeServiceDeployments arn:aws:ecs:eu-west-2:1:service-deployment/main/shop/*" },
      needs("ecs", "DescribeServiceDeployments",
        { serviceDeploymentArns = { "arn:aws:ecs:eu-west-2:1:service-deployment/main/shop/x7Yz" } }))
    assert.same({ "ecs:DescribeTasks arn:aws:ecs:eu-west-2:111111111111:task/main/*" },
      needs("ecs", "DescribeTasks", { cluster = "main", tasks = { "x" } }))
    local group = "arn:aws:codedeploy:eu-west-2:111111111111:deploymentgroup:shop/shop-deployment"
    assert.same({ "codedeploy:GetDeployment " .. group },
      needs("codedeploy", "GetDeployment", { deploymentId = "d-1" }))
  end)

  it("is everything only where IAM knows no less", function()
    assert.same({ "ecs:DescribeTaskDefinition *" },
      needs("ecs", "DescribeTaskDefinition", { taskDefinition = "shop:3" }))
    assert.same({ "codedeploy:BatchGetDeploymentTargets *" },
      needs("codedeploy", "BatchGetDeploymentTargets", { deploymentId = "d-1" }))
    local listing = aws.needs("ecs", "ListTasks", { cluster = "main" }, CONTEXT)[1]
    assert.same({ "*" }, listing.resources)
    assert.same({ ArnEquals = { ["ecs:cluster"] = "arn:aws:ecs:eu-west-2:111111111111:cluster/main" } },
      listing.condition)
  end)

  it("is another action where one allows several operations, and more where AWS asks for more", function()
    assert.same({ "sqs:SendMessage arn:aws:sqs:eu-west-2:111111111111:jobs" },
      needs("sqs", "SendMessageBatch", { QueueUrl = "https://sqs.eu-west-2.amazonaws.com/111111111111/jobs" }))
    local registering = needs("ecs", "RegisterTaskDefinition",
      { family = "shop", taskRoleArn = "arn:aws:iam::1:role/shop" })
    assert.same({ "ecs:RegisterTaskDefinition arn:aws:ecs:eu-west-2:111111111111:task-definition/shop:*",
      "iam:PassRole arn:aws:iam::1:role/shop" }, registering)
    assert.equal(3, #needs("codedeploy", "CreateDeployment", { applicationName = "a", deploymentGroupName = "b" }))
    assert.same({}, needs("sts", "GetCallerIdentity"))
  end)

  it("is found by the host", function()
    assert.same({ "ecr", "eu-west-2" }, { aws.service_of "api.ecr.eu-west-2.amazonaws.com" })
    assert.same({ "cloudwatch", "us-east-1" }, { aws.service_of "monitoring.us-east-1.amazonaws.com" })
    assert.same({ "sts", "us-east-1" }, { aws.service_of "sts.amazonaws.com" })
  end)
end)

describe("what GitHub has to allow", function()
  for request, expected in pairs {
    ["GET /repos/a/b"] = "metadata read",
    ["GET /repos/a/b/pulls/1/reviews"] = "pull_requests read",
    ["PUT /repos/a/b/pulls/1/merge"] = "contents write",
    ["PUT /repos/a/b/pulls/1/update-branch"] = "pull_requests write",
    ["GET /repos/a/b/commits/1a2b/check-runs"] = "checks read",
    ["GET /repos/a/b/commits/1a2b/status"] = "statuses read",
    ["GET /repos/a/b/commits/1a2b/pulls"] = "pull_requests read",
    ["GET /repos/a/b/compare/x...y"] = "contents read",
    ["PATCH /repos/a/b/git/refs/fairlead/x"] = "contents write",
    ["POST /repos/a/b/actions/workflows/x.yml/dispatches"] = "actions write",
    ["GET /repos/a/b/actions/runs/1/pending_deployments"] = "actions read",
    ["POST /repos/a/b/actions/runs/1/pending_deployments"] = "deployments write",
    ["GET /repos/a/b/branches/main/protection"] = "administration read",
    ["GET /orgs/a/teams/admins/members"] = "members read",
  } do
    it(("for %s is %s"):format(request, expected), function()
      local need = github.need(request:match "^(%S+) (%S+)$")
      assert.equal(expected, need.permission .. " " .. need.access)
    end)
  end

  it("is nothing where any token will do", function() assert.is_nil(github.need("GET", "/user")) end)
end)

local function statement(report, account, action)
  for _, one in ipairs(report.accounts) do
    for _, found in ipairs(one.account == account and one.policy.Statement or {}) do
      for _, name in ipairs(found.Action) do
        if name == action then return found end
      end
    end
  end
end

describe("what a release needs", function()
  local function of(scenario)
    return permissions.of("scripts/planning-data.lua",
      { scenarios = { scenario }, parameters = { development = false } })
  end

  local well

  setup(function() well = of "all-well" end)

  it("is one policy for each account, with nothing of another's", function()
    local environments = {}
    for i, account in ipairs(well.accounts) do
      environments[i] = table.concat(account.environments, " ")
      for _, one in ipairs(account.policy.Statement) do
        for _, resource in ipairs(one.Resource) do
          assert.is_truthy(resource == "*" or resource:find(account.account, 1, true), resource)
        end
      end
    end
    assert.same({ "development", "staging", "production" }, environments)
    assert.same({ "arn:aws:ecr:eu-west-2:111111111112:repository/staging-planning-data" },
      statement(well, "111111111112", "ecr:BatchGetImage").Resource)
  end)

  it("is GitHub's permissions and Slack's scopes", function()
    local needs_of_github = {}
    for _, one in ipairs(well.github[1].permissions) do needs_of_github[one.name] = one.access end
    assert.equal("digital-land/digital-land.info", well.github[1].subject)
    assert.equal("write", needs_of_github.contents)
    assert.equal("read", needs_of_github.checks)
    assert.is_nil(needs_of_github.issues)
    local scopes = table.concat(well.slack, " ")
    assert.is_truthy(scopes:find("chat:write", 1, true))
    assert.is_nil(scopes:find("files:write", 1, true))
    assert.same({ {}, {} }, { well.left_out, well.unknown })
  end)

  it("has what its commands and its cancelling need, and what only goes wrong needs", function()
    local text = json.encode(well.accounts)
    assert.is_truthy(text:find("codedeploy:CreateDeployment", 1, true), "rollback's is missing")
    assert.is_truthy(text:find("codedeploy:StopDeployment", 1, true), "--on-cancel's is missing")
    assert.is_nil(text:find("logs:GetLogEvents", 1, true))
    assert.is_truthy(json.encode(of("staging-rolls-back").accounts):find("logs:GetLogEvents", 1, true))
  end)
end)

describe("fairlead permissions", function()
  local SCRIPT <const> = [[
local github = require "fairlead.github"
local procedure = require "fairlead.procedure"
return procedure.new {
  name = "label", parameters = { number = { type = "integer", required = true } },
  rehearsal = function() return { github = { repository = "a/b", default_branch = "main", token = "t", user = "ada",
    users = { ada = { name = "Ada" } }, files = { README = "x" } } } end,
  run = function(run)
    run:say(github.client({ repository = "a/b" }):default_branch())
  end,
}
]]

  it("prints them for people, and as JSON", function()
    local folder <close> = program.folder()
    local path = folder:write("label.lua", SCRIPT)
    local result = program.run { "permissions", path, "number=3" }
    assert.equal(0, result.code, result.stderr)
    assert.matches("^GitHub: a/b\n  metadata: read\n\nThis is what %d+ rehearsals needed", result.stdout)
    local decoded = json.decode(program.run({ "permissions", path, "--json" }).stdout)
    assert.same({ { subject = "a/b", permissions = { { name = "metadata", access = "read" } } } }, decoded.github)
    assert.same({}, decoded.slack)
  end)

  it("tells what it could not rehearse", function()
    local folder <close> = program.folder()
    local result = program.run { "permissions", folder:write("label.lua", SCRIPT), "number=many" }
    assert.matches("Not rehearsed: label: .*number", result.stdout)
  end)
end)
