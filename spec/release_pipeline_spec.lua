-- Which execution of a pipeline carries a commit.
local pipelines = require "release.pipeline"

local SHA <const> = ("a1"):rep(20)
local DIGEST <const>, OTHER <const> = "sha256:" .. ("b"):rep(64), "sha256:" .. ("c"):rep(64)
local PLACE <const> = {
  name = "live", region = "eu-west-2", pipeline = { name = "pipe" },
  services = { { name = "web", cluster = "c", service = "s", image = "web", deploys = "codedeploy" } },
}

-- A release whose clients answer with these executions, the newest first; `pushed`: the commit's image is there.
local function release(executions, pushed)
  local codepipeline, ecs, ecr = {}, {}, {}
  function codepipeline.paginate()
    local i = 0
    return function()
      i = i + 1
      return executions[i]
    end
  end
  function ecs.DescribeServices() return { services = { {} } } end
  function ecr.BatchGetImage()
    return { images = pushed and { { imageId = { imageDigest = DIGEST, imageTag = SHA:sub(1, 7) } } } or {} }
  end
  function ecr.DescribeImages() return { imageDetails = { { imagePushedAt = 1 } } } end
  return {
    settings = { timeouts = {}, environments = { live = PLACE } },
    clients = { live = { codepipeline = codepipeline, ecs = ecs, ecr = ecr } },
  }
end

local function execution(id, ...)
  local sources = {}
  for i, revision in ipairs { ... } do sources[i] = { revisionId = revision } end
  return { pipelineExecutionId = id, sourceRevisions = sources }
end

local function found(executions, pushed) return pipelines.execution(release(executions, pushed), PLACE, SHA) end

describe("the execution of a pipeline that carries a commit", function()
  it("is told by the image, where that is a source", function()
    assert.equal("ours", found({ execution("newer", OTHER), execution("ours", DIGEST) }, true))
  end)

  it("is told by the commit, where the code is the only source, also when its image is built already", function()
    assert.equal("ours", found({ execution("ours", SHA) }, false))
    assert.equal("ours", found({ execution("newer", ("d4"):rep(20)), execution("ours", SHA) }, true))
  end)

  it("is not one with another image that only took up the code beside it", function()
    assert.is_nil(found({ execution("theirs", OTHER, SHA) }, true))
    assert.is_nil(found({ execution("theirs", OTHER, SHA) }, false))
    assert.equal("ours", found({ execution("theirs", OTHER, SHA), execution("ours", DIGEST, SHA) }, true))
  end)

  it("is none where nothing carries it", function()
    assert.is_nil(found({ execution("x"), execution("y", OTHER) }, true))
  end)
end)
