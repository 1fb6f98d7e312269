--- Images in ECR: which digest a commit has, which commit a digest is of, and an earlier image under a tag that moves.
---
--- Sources: Amazon ECR API reference, BatchGetImage, DescribeImages, PutImage; Amazon ECR User Guide, "Retagging an
--- image"; OCI image specification, "Image index" (one image for several platforms has a digest for each of them).
local contexts = require "release.live.context"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local json = require "fairlead.json"

local M = {}

-- Of what a service's containers are called, the account whose registry they are pulled from: an account of its own
-- keeps the images in many organisations.
local function registry_of(context)
  local service <const> = contexts.describe(context)
  local arn = service.taskDefinition
  for _, set in ipairs(service.taskSets or {}) do
    if set.status == "PRIMARY" then arn = set.taskDefinition end
  end
  if not arn then return nil end
  local described <const> = context.ecs:DescribeTaskDefinition { taskDefinition = arn }
  for _, container in ipairs(described.taskDefinition.containerDefinitions) do
    local account <const>, path <const> = container.image:match "^(%d+)%.dkr%.ecr%.[^/]+/([^@:]+)"
    if path == context.service.image then return account end
  end
end

---The repository of a service's images, as each operation of ECR takes it.
---@async
---@param context live.Context
---@param more table? what else is asked
---@return {repositoryName: string, registryId: string?}
function M.repository(context, more)
  local known <const> = context.release.registries or {}
  context.release.registries = known
  local key <const> = context.environment.name .. "/" .. context.name
  if known[key] == nil then known[key] = registry_of(context) or false end
  local asked <const> = { repositoryName = context.service.image, registryId = known[key] or nil }
  for name, item in pairs(more or {}) do asked[name] = item end
  return asked
end

--- Every tag that an image of a commit may have: the build's shallow clone decides how long the abbreviation is. What
--- stands before it, "sha-" say, is in the service's settings.
local function possible_tags(context, sha)
  local ids, prefix <const> = {}, context.service.tag_prefix or ""
  for length = 7, #sha do ids[#ids + 1] = { imageTag = prefix .. sha:sub(1, length) } end
  return ids
end

-- The abbreviation of a commit in a tag; nothing: the tag names none.
local function commit_in(context, tag)
  local prefix <const> = context.service.tag_prefix or ""
  local id <const> = tag:sub(1, #prefix) == prefix and tag:sub(#prefix + 1) or ""
  return id:find "^[0-9a-f]+$" and #id >= 7 and #id <= 64 and id or nil
end

--- The image's own digest and, where it is an index, those of the platforms: a task tells the one that it pulled.
local function digests_of(image)
  local digests = { [image.imageId.imageDigest] = true }
  local manifest <const> = try(json.decode, image.imageManifest or "")
  for _, platform in ipairs(type(manifest) == "table" and manifest.manifests or {}) do
    if platform.digest then digests[platform.digest] = true end
  end
  return digests
end

---The image of a commit, by its tag. Where several builds left tags of different lengths, the one that came last.
---@async
---@param context live.Context
---@param sha string the commit, in full
---@return live.Image? image nothing: there is none
function M.find(context, sha)
  local found <const> = context.ecr:BatchGetImage(M.repository(context, { imageIds = possible_tags(context, sha) }))
  local by_digest, ids = {}, {}
  for _, image in ipairs(found.images) do
    local digest <const> = image.imageId.imageDigest
    if not by_digest[digest] then ids[#ids + 1] = { imageDigest = digest } end
    by_digest[digest] = by_digest[digest] or image
  end
  if #ids == 0 then return nil end
  local newest
  for _, detail in ipairs(context.ecr:DescribeImages(M.repository(context, { imageIds = ids })).imageDetails) do
    if not newest or detail.imagePushedAt > newest.imagePushedAt then newest = detail end
  end
  local image <const> = by_digest[newest.imageDigest or ids[1].imageDigest]
  return {
    digest = image.imageId.imageDigest, digests = digests_of(image), tag = image.imageId.imageTag,
    pushed_at = newest.imagePushedAt, sha = sha,
  }
end

---An image by its digest.
---@async
---@param context live.Context
---@param digest string
---@param sha string? the commit that it is known to be of
---@return live.Image? image nothing: it is gone
function M.of_digest(context, digest, sha)
  local found <const> = context.ecr:BatchGetImage(M.repository(context, { imageIds = { { imageDigest = digest } } }))
  local image <const> = found.images[1]
  if not image then return nil end
  return {
    digest = digest, digests = digests_of(image), tag = image.imageId.imageTag or digest, pushed_at = 0, sha = sha,
  }
end

---The digest that a task definition has of this service's image, where it is to be told: by name, or by a tag that
---stays where it is.
---@async
---@param context live.Context
---@param arn string of a task definition
---@return string? digest
function M.digest_in(context, arn)
  local told <const> = try(context.ecs.DescribeTaskDefinition, context.ecs, { taskDefinition = arn })
  for _, named in ipairs(told and M.named_by(context, told.taskDefinition) or {}) do
    if named.digest then return named.digest end
    if named.tag and not M.moves(context, named.tag) then
      local found <const> = context.ecr:BatchGetImage(M.repository(context, {
        imageIds = { { imageTag = named.tag } },
      }))
      if found.images[1] then return found.images[1].imageId.imageDigest end
    end
  end
end

---The tags of an image.
---@async
---@param context live.Context
---@param digest string
---@return string[]? tags nothing: the image is gone
function M.tags(context, digest)
  local details <const>, err <const> = try(context.ecr.DescribeImages, context.ecr,
    M.repository(context, { imageIds = { { imageDigest = digest } } }))
  if err and err.code == "ImageNotFoundException" then return nil end
  if err then error(err, 0) end
  local tags <const> = details.imageDetails[1].imageTags or {}
  table.sort(tags)
  return tags
end

local function commit_at(release, id)
  local known <const> = release.commits or {}
  release.commits = known
  if known[id] == nil then
    local raw <const>, err <const> = try(function() return (release.github:get("commits/" .. id)) end)
    if err and not (err:is "github.api.not_found" or err:is "github.api.invalid") then error(err, 0) end
    known[id] = raw and {
      sha = raw.sha, subject = raw.commit.message:match "^[^\n]*", at = raw.commit.committer.date,
      author = raw.author and raw.author.login or raw.commit.author.name,
    } or false
  end
  return known[id] or nil
end

---A commit as GitHub tells it.
---@async
---@param release Release
---@param id string in full, or an abbreviation
---@return {sha: string, subject: string, author: string, at: string}? commit nothing: the repository has none such
function M.commit(release, id) return commit_at(release, id) end

---The commit that an image is of, as its tags say. Where they name several, as of an image that was put back, it is the
---one that comes last in time.
---@async
---@param context live.Context
---@param tags string[]?
---@return {sha: string, subject: string, author: string, at: string}?
function M.commit_of_tags(context, tags)
  local newest
  for _, tag in ipairs(tags or {}) do
    local id <const> = commit_in(context, tag)
    if id then
      local commit <const> = commit_at(context.release, id)
      if commit and (not newest or commit.at > newest.at) then newest = commit end
    end
  end
  return newest
end

---What a digest is, in words: its commit, else its tags.
---@async
---@param context live.Context
---@param digest string?
---@return string
function M.describe(context, digest)
  if not digest then return "nothing" end
  local tags <const> = M.tags(context, digest)
  local commit <const> = M.commit_of_tags(context, tags)
  local name = digest:sub(1, 19)
  if commit then return ("%s of %s %q by %s"):format(name, commit.sha:sub(1, 8), commit.subject, commit.author) end
  if not tags then return name .. ", whose image is gone" end
  return ("%s (%s)"):format(name, #tags > 0 and table.concat(tags, ", ") or "without a tag")
end

---The texts by which a task definition names images of this service's repository.
---@param context live.Context
---@param definition table as DescribeTaskDefinition tells it
---@return {digest: string?, tag: string?}[]
function M.named_by(context, definition)
  local list = {}
  for _, container in ipairs(definition.containerDefinitions) do
    local repository, rest = container.image:match "^([^@:]+)(.*)$"
    -- The registry may have a port, and then its ":" is not the tag's.
    if rest:find "^:%d+/" then
      local port, path, after = rest:match "^(:%d+)([^@:]+)(.*)$"
      repository, rest = repository .. port .. path, after
    end
    local path <const> = repository:match "^[^/]+/(.+)$" or repository
    if path == context.service.image then
      list[#list + 1] = { digest = rest:match "@(sha256:%x+)$", tag = rest:match "^:([%w_.-]+)" or nil }
    end
  end
  return list
end

---Whether a tag stays where it is: one that names a commit does, "latest" or "main" moves.
---@param context live.Context
---@param tag string
---@return boolean
function M.moves(context, tag) return commit_in(context, tag) == nil end

---Whether a task definition brings an image: by digest, or by a tag that names its commit. A tag that moves proves
---nothing either way.
---@async
---@param context live.Context
---@param arn string of a task definition
---@param image live.Image
---@return boolean? brings nil: it names the image by a tag that moves
function M.is_in(context, arn, image)
  local described <const> = context.ecs:DescribeTaskDefinition { taskDefinition = arn }
  local moving = false
  for _, named in ipairs(M.named_by(context, described.taskDefinition)) do
    if named.digest then
      if image.digests[named.digest] then return true end
    elseif image.sha and git.is_abbreviation(commit_in(context, named.tag or "latest") or "", image.sha) then
      return true
    else
      moving = moving or M.moves(context, named.tag or "latest")
    end
  end
  if moving then return nil end
  return false
end

---The tag that moves by which a task definition names this service's image, if it does.
---@async
---@param context live.Context
---@param arn string of a task definition
---@return string? tag
function M.moving_tag(context, arn)
  local described <const> = context.ecs:DescribeTaskDefinition { taskDefinition = arn }
  for _, named in ipairs(M.named_by(context, described.taskDefinition)) do
    if not named.digest and M.moves(context, named.tag or "latest") then return named.tag or "latest" end
  end
end

---Puts a tag on an image that is in the repository already. A write that may be repeated.
---@async
---@param context live.Context
---@param digest string
---@param tag string
function M.retag(context, digest, tag)
  local got <const> = context.ecr:BatchGetImage(M.repository(context, { imageIds = { { imageDigest = digest } } }))
  local image <const> = got.images[1]
  if not image then
    errors.raise {
      kind = "aws.api.not_found", op = "ecr.BatchGetImage", target = ("%s@%s"):format(context.service.image, digest),
      message = "the image is gone", hint = "build that commit again, or choose another one to go back to",
    }
  end
  local _, err <const> = try(context.ecr.PutImage, context.ecr, M.repository(context, {
    imageManifest = image.imageManifest, imageManifestMediaType = image.imageManifestMediaType, imageTag = tag,
    imageDigest = digest,
  }))
  if err and err.code ~= "ImageAlreadyExistsException" then error(err, 0) end
end

return M
