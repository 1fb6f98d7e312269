-- What the simulated AWS remembers of releases before the world began.
local async = require "spec.support.async_aws"
local aws = require "spec.support.aws"
local clock = require "fairlead.clock"
local json = require "fairlead.json"

local EARLIER <const> = {
  { back = 3, days = 20 },
  { back = 2, days = 12, failed = true },
  { back = 1, days = 9 },
}

local function commits(fixture)
  fixture.github.commits = {}
  for i = 1, 4 do
    fixture.github.commits[i] = { message = "Change " .. i, files = { ["README.md"] = ("# %d\n"):format(i) } }
  end
end

--- Main's commits, the newest first.
local function history(w)
  local repository = w:open().repository
  local list, at = {}, repository.branches.main
  while at do
    list[#list + 1] = at
    at = repository.commits[at].parents[1]
  end
  return list
end

local function tags(w, repository)
  local by_tag = {}
  for _, image in ipairs(aws.call(w, "ecr", "DescribeImages", { repositoryName = repository }).imageDetails) do
    for _, tag in ipairs(image.imageTags or {}) do
      by_tag[tag] = image.imageDigest
    end
  end
  return by_tag
end

describe("an environment's earlier releases", function()
  it("left images of real commits, task definitions, and deployments, one of which was rolled back", function()
    aws.rehearse(function()
      local w <close> = aws.world { change = function(fixture)
        commits(fixture)
        fixture.aws.environments.staging.earlier = EARLIER
      end }
      local main, by_tag = history(w), tags(w, "staging-web-app")
      assert.equal(main[1], w.aws:live("staging").sha)
      assert.equal(by_tag.latest, by_tag[main[1]:sub(1, 7)])
      local seen = {}
      for _, id in ipairs(aws.call(w, "codedeploy", "ListDeployments", aws.APPLICATION).deployments) do
        local info = aws.call(w, "codedeploy", "GetDeployment", { deploymentId = id }).deploymentInfo
        local arn = info.revision.appSpecContent.content:match "arn:aws:ecs:[%w-]+:%d+:task%-definition/[%w_-]+:%d+"
        local definition = aws.call(w, "ecs", "DescribeTaskDefinition", { taskDefinition = arn }).taskDefinition
        local digest = definition.containerDefinitions[1].image:match "@(.+)$"
        local back
        for i, sha in ipairs(main) do
          back = by_tag[sha:sub(1, 7)] == digest and i - 1 or back
        end
        seen[#seen + 1] = ("%s %s %d"):format(info.status, info.creator, back)
        assert.is_true(info.completeTime < clock.now() - 86400)
      end
      assert.same({ "Succeeded user 0", "Succeeded user 1", "Succeeded codeDeployRollback 3", "Failed user 2",
        "Succeeded user 3" }, seen)
      -- The deployment of what runs is no older than its image.
      local image = aws.call(w, "ecr", "DescribeImages", { repositoryName = "staging-web-app",
        imageIds = json.array { { imageTag = "latest" } } }).imageDetails[1]
      assert.is_true(aws.newest(w).createTime > image.imagePushedAt)
    end)
  end)

  it("are service revisions with settled digests where ECS deploys, though the definition never changed", function()
    aws.rehearse(function()
      local put = async.fixture(function(staging)
        staging.earlier = EARLIER
      end)
      local w <close> = aws.world { change = function(fixture)
        commits(fixture)
        put(fixture)
      end }
      local main, by_tag, seen = history(w), tags(w, "staging-pub-async-request-api"), {}
      for i, deployment in ipairs(async.deployments(w)) do
        local revision = aws.call(w, "ecs", "DescribeServiceRevisions", {
          serviceRevisionArns = { deployment.targetServiceRevision.arn },
        }).serviceRevisions[1]
        assert.equal(by_tag[main[i]:sub(1, 7)], revision.containerImages[1].imageDigest)
        assert.equal(async.service(w).taskDefinition, revision.taskDefinition)
        seen[i] = deployment.status
      end
      assert.same({ "SUCCESSFUL", "SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "SUCCESSFUL" }, seen)
      assert.equal(by_tag.main, async.tasks(w)[1].containers[1].imageDigest)
    end)
  end)

  it("may have lost their images", function()
    aws.rehearse(function()
      local w <close> = aws.world { change = function(fixture)
        commits(fixture)
        fixture.aws.environments.staging.earlier = { { back = 1, days = 40, pruned = true } }
      end }
      local main, by_tag = history(w), tags(w, "staging-web-app")
      assert.is_nil(by_tag[main[2]:sub(1, 7)])
      assert.is_string(by_tag[main[1]:sub(1, 7)])
      assert.equal(2, #aws.call(w, "codedeploy", "ListDeployments", aws.APPLICATION).deployments)
    end)
  end)
end)
