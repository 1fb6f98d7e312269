--- What images are called, and whose they are: scripts/release/live/image.lua against answers of ECR.
package.path = "scripts/?.lua;" .. package.path -- the library of releases is not one of Fairlead's modules

local images = require "release.live.image"
local json = require "fairlead.json"

local SHA <const> = ("0123456789abcdef"):rep(3):sub(1, 40)
local INDEX <const>, ARM <const>, INTEL <const> = "sha256:" .. ("a"):rep(64), "sha256:" .. ("b"):rep(64),
  "sha256:" .. ("c"):rep(64)
local REGISTRY <const> = "999999999999.dkr.ecr.eu-west-2.amazonaws.com/"

-- A service whose registry is another account's. `asked` gets what ECR was asked.
local function context(image_text, answers, asked)
  local definition = { containerDefinitions = {
    { name = "sidecar", image = "public.ecr.aws/aws-observability/collector:latest" },
    { name = "app", image = image_text },
  } }
  local function ecr_operation(name)
    return function(_, input)
      asked[#asked + 1] = input
      local answer <const> = answers[name]
      return type(answer) == "function" and answer(input) or answer
    end
  end
  return {
    name = "app", environment = { name = "staging" }, release = {},
    service = { image = "team/app", cluster = "c", service = "s" },
    ecs = {
      DescribeServices = function() return { services = { { taskDefinition = "arn:1" } } } end,
      DescribeTaskDefinition = function() return { taskDefinition = definition } end,
    },
    ecr = { BatchGetImage = ecr_operation "BatchGetImage", DescribeImages = ecr_operation "DescribeImages" },
  }
end

describe("an image", function()
  it("for several platforms is known by each platform's digest, in the registry that the service pulls from", function()
    local asked = {}
    local here = context(REGISTRY .. "team/app:main", {
      BatchGetImage = { images = { {
        imageId = { imageDigest = INDEX, imageTag = SHA:sub(1, 7) },
        imageManifest = json.encode { manifests = { { digest = ARM }, { digest = INTEL } } },
      } } },
      DescribeImages = { imageDetails = { { imagePushedAt = 12 } } },
    }, asked)
    local found = images.find(here, SHA)
    assert.same({ [INDEX] = true, [ARM] = true, [INTEL] = true }, found.digests)
    assert.equal(INDEX, found.digest)
    assert.equal(12, found.pushed_at)
    for _, input in ipairs(asked) do
      assert.equal("999999999999", input.registryId)
      assert.equal("team/app", input.repositoryName)
    end
    assert.equal(34, #asked[1].imageIds, "every abbreviation from 7 characters on")
  end)

  it("is the one that was pushed last, where several builds left tags of the commit", function()
    local here = context(REGISTRY .. "team/app:main", {
      BatchGetImage = { images = {
        { imageId = { imageDigest = ARM, imageTag = SHA:sub(1, 7) } },
        { imageId = { imageDigest = INTEL, imageTag = SHA:sub(1, 8) } },
        { imageId = { imageDigest = ARM, imageTag = SHA:sub(1, 9) } },
      } },
      DescribeImages = { imageDetails = {
        { imageDigest = ARM, imagePushedAt = 12 }, { imageDigest = INTEL, imagePushedAt = 30 },
      } },
    }, {})
    local found = images.find(here, SHA)
    assert.same({ INTEL, SHA:sub(1, 8), 30 }, { found.digest, found.tag, found.pushed_at })
  end)

  it("is named by a definition by digest, by a commit's tag, or by a tag that moves", function()
    local image = { digest = INDEX, digests = { [INDEX] = true, [ARM] = true }, sha = SHA }
    local function brings(text) return images.is_in(context(REGISTRY .. text, {}, {}), "arn:1", image) end
    assert.is_true(brings("team/app@" .. ARM))
    assert.is_false(brings("team/app@" .. INTEL))
    assert.is_true(brings("team/app:" .. SHA:sub(1, 9)))
    assert.is_false(brings "team/app:fedcba9")
    assert.is_nil(brings "team/app:main")
    assert.is_nil(brings "team/app", "latest is meant")
    assert.is_false(brings("other/app@" .. ARM), "another repository's")
  end)

  it("is told apart where the registry has a port", function()
    local named = images.named_by({ service = { image = "team/app" } }, { containerDefinitions = {
      { image = "registry.example.org:5000/team/app:0123456" },
      { image = "registry.example.org:5000/team/app@" .. ARM },
    } })
    assert.same({ { tag = "0123456" }, { digest = ARM } }, named)
  end)

  it("that several commits' tags name is of the one that comes last", function()
    local commits = { aaaaaaa = "2026-01-01T00:00:00Z", bbbbbbb = "2026-02-01T00:00:00Z" }
    local release = { github = { get = function(_, path)
      local id = path:match "^commits/(%x+)$"
      if not commits[id] then
        require("fairlead.errors").raise { kind = "github.api.not_found", message = "no commit" }
      end
      return { sha = id, commit = { message = "Subject\n\nBody", committer = { date = commits[id] },
        author = { name = "A" } } }
    end } }
    local one = { release = release, service = {} }
    local found = images.commit_of_tags(one, { "aaaaaaa", "bbbbbbb", "ccccccc", "main", "v1" })
    assert.same({ sha = "bbbbbbb", subject = "Subject", author = "A", at = "2026-02-01T00:00:00Z" }, found)
    assert.is_nil(images.commit_of_tags(one, { "main" }))
    assert.is_nil(images.commit_of_tags(one, nil))
  end)
end)
