--- Amazon ECR: repositories, images, and the tags that point at them. A digest is the SHA-256 of an image's manifest,
--- as in the real registry, so an image that is put into another repository keeps its digest.
---
--- Source of shapes, codes and messages: botocore's model ecr/2015-09-21.
local call_of = require "fairlead.world.aws.call"
local digest = require "fairlead.digest"
local json = require "fairlead.json"
local sorted = require "fairlead.sorted"

local M = {
  signing_name = "ecr",
  target = "AmazonEC2ContainerRegistry_V20150921",
  json = "1.1",
  operations = {},
}

local MANIFEST_TYPE <const> = "application/vnd.docker.distribution.manifest.v2+json"
local BASE_LAYERS <const> = 3

---@class fairlead.world.aws.Image
---@field digest string "sha256:…"
---@field tags string[] in the order in which they were given
---@field pushed_at number unix seconds
---@field size integer
---@field manifest string
---@field sha string? the commit that it was built from

---@class fairlead.world.aws.Repository
---@field name string
---@field arn string
---@field uri string
---@field account string
---@field created_at number
---@field immutable boolean? a tag that is taken cannot be moved
---@field images fairlead.world.aws.Image[] in the order in which they came
---@field layers table<string, boolean> the blobs that the repository holds

function M.store()
  return { repositories = {} }
end

--- Makes a repository.
---@param store table an account's and region's
---@param name string
---@param now number
---@param options {immutable: boolean?}?
---@return fairlead.world.aws.Repository
function M.create_repository(store, name, now, options)
  local repository = {
    name = name,
    arn = ("arn:aws:ecr:%s:%s:repository/%s"):format(store.region, store.account, name),
    uri = ("%s.dkr.ecr.%s.amazonaws.com/%s"):format(store.account, store.region, name),
    account = store.account,
    created_at = now,
    immutable = options and options.immutable,
    images = {},
    layers = {},
  }
  store.ecr.repositories[name] = repository
  return repository
end

---@param repository fairlead.world.aws.Repository
---@param tag string
---@return fairlead.world.aws.Image?
function M.find_tag(repository, tag)
  for _, image in ipairs(repository.images) do
    for _, held in ipairs(image.tags) do
      if held == tag then
        return image
      end
    end
  end
end

---@param repository fairlead.world.aws.Repository
---@param image_digest string
---@return fairlead.world.aws.Image?
function M.find_digest(repository, image_digest)
  for _, image in ipairs(repository.images) do
    if image.digest == image_digest then
      return image
    end
  end
end

--- Takes an image out of a repository, as a lifecycle policy does. What runs goes on running; nothing new can pull it.
---@param repository fairlead.world.aws.Repository
---@param image fairlead.world.aws.Image
function M.remove(repository, image)
  for i, held in ipairs(repository.images) do
    if held == image then
      table.remove(repository.images, i)
      return
    end
  end
end

--- The image that a task definition's text names ("<uri>:<tag>" or "<uri>@<digest>"), as it is now.
---@param store table
---@param text string
---@return fairlead.world.aws.Image?
function M.resolve(store, text)
  for _, repository in pairs(store.ecr.repositories) do
    local rest = text:sub(1, #repository.uri) == repository.uri and text:sub(#repository.uri + 1)
    if rest and rest:sub(1, 1) == "@" then
      return M.find_digest(repository, rest:sub(2))
    elseif rest and (rest == "" or rest:sub(1, 1) == ":") then
      return M.find_tag(repository, rest == "" and "latest" or rest:sub(2))
    end
  end
end

--- Points a tag at an image, away from the one that had it.
local function move_tag(repository, image, tag)
  local before = M.find_tag(repository, tag)
  if before == image then
    return
  elseif before then
    for i, held in ipairs(before.tags) do
      if held == tag then
        table.remove(before.tags, i)
        break
      end
    end
  end
  image.tags[#image.tags + 1] = tag
end

--- A manifest as `docker build` would make one: some base layers that all images share, one of the application.
local function build_manifest(repository, identity)
  local layers, size = {}, 0
  local function layer(text, least)
    local hash = digest.sha256(text)
    local bytes = least + tonumber(hash:sub(1, 6), 16)
    size = size + bytes
    return {
      mediaType = "application/vnd.docker.image.rootfs.diff.tar.gzip",
      size = bytes,
      digest = "sha256:" .. hash,
    }
  end
  for i = 1, BASE_LAYERS do
    layers[i] = layer("base layer " .. i, 20000000)
  end
  layers[BASE_LAYERS + 1] = layer("application " .. identity, 4000000)
  local config = {
    mediaType = "application/vnd.docker.container.image.v1+json",
    size = 7023,
    digest = "sha256:" .. digest.sha256("configuration " .. repository.name .. " " .. identity),
  }
  local manifest = json.encode({
    schemaVersion = 2,
    mediaType = MANIFEST_TYPE,
    config = config,
    layers = json.array(layers),
  }, { sort_keys = true })
  return manifest, size, layers
end

--- Builds an image from a commit and pushes it.
---@param repository fairlead.world.aws.Repository
---@param options {identity: string, sha: string?, tags: string[], now: number} images of one identity are equal
---@return fairlead.world.aws.Image
function M.push(repository, options)
  local manifest, size, layers = build_manifest(repository, options.identity)
  local image_digest = "sha256:" .. digest.sha256(manifest)
  local image = M.find_digest(repository, image_digest)
  if not image then
    image = {
      digest = image_digest,
      tags = {},
      pushed_at = options.now,
      size = size,
      manifest = manifest,
      sha = options.sha,
    }
    table.insert(repository.images, image)
    for _, layer in ipairs(layers) do
      repository.layers[layer.digest] = true
    end
  end
  for _, tag in ipairs(options.tags) do
    move_tag(repository, image, tag)
  end
  return image
end

--- Copies an image from another repository, as replication does: its digest stays what it is.
---@param repository fairlead.world.aws.Repository
---@param image fairlead.world.aws.Image
---@param tags string[]
---@param now number
---@return fairlead.world.aws.Image
function M.copy(repository, image, tags, now)
  local copy = { digest = image.digest, tags = {}, pushed_at = now, size = image.size, manifest = image.manifest,
    sha = image.sha }
  table.insert(repository.images, copy)
  for _, layer in ipairs(json.decode(image.manifest).layers or {}) do
    repository.layers[layer.digest] = true
  end
  for _, tag in ipairs(tags) do
    move_tag(repository, copy, tag)
  end
  return copy
end

--- This service's words for a member that is not there.
---@param call fairlead.world.aws.Call
---@param member string
function M.missing(call, member)
  local text = "Invalid parameter at '%s' failed to satisfy constraint: 'Member must not be null'"
  call:fail("InvalidParameterException", text:format(member))
end

local function find_repository(call, input)
  for _, store in ipairs(call:stores()) do
    if not input.registryId or input.registryId == store.account then
      local repository = store.ecr.repositories[input.repositoryName]
      if repository then
        return repository
      end
    end
  end
  local text = "The repository with name '%s' does not exist in the registry with id '%s'"
  call:fail("RepositoryNotFoundException", text:format(input.repositoryName, input.registryId or call:account()))
end

local function find_image(repository, id)
  local image
  if id.imageDigest then
    image = M.find_digest(repository, id.imageDigest)
    if image and id.imageTag and M.find_tag(repository, id.imageTag) ~= image then
      return nil, "ImageTagDoesNotMatchDigest"
    end
  else
    image = M.find_tag(repository, id.imageTag)
  end
  return image, not image and "ImageNotFound" or nil
end

local function check_id(call, id)
  if not id.imageDigest and not id.imageTag then
    call:fail(
      "InvalidParameterException",
      "Invalid request parameters: imageId must have at least one of imageTag and imageDigest"
    )
  elseif id.imageDigest and not id.imageDigest:find "^sha256:%x+$" then
    call:fail("InvalidParameterException", "Invalid parameter at 'imageDigest' failed to satisfy constraint: "
      .. "'must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''")
  end
end

local function wanted_by(filter, image)
  local status = filter and filter.tagStatus or "ANY"
  return status == "ANY" or (status == "TAGGED") == (#image.tags > 0)
end

local function check_filter(call, input)
  local status = input.filter and input.filter.tagStatus
  if status and status ~= "ANY" and status ~= "TAGGED" and status ~= "UNTAGGED" then
    call:fail("InvalidParameterException", "Invalid parameter at 'filter.tagStatus' failed to satisfy constraint: "
      .. "'Member must satisfy enum value set: [ANY, TAGGED, UNTAGGED]'")
  end
  local limit = input.maxResults
  if limit and (limit < 1 or limit > 1000) then
    call:fail("InvalidParameterException", "Invalid parameter at 'maxResults' failed to satisfy constraint: "
      .. "'Member must have value between 1 and 1000'")
  end
end

local function page(call, list, input)
  return call:page(list, input.nextToken, input.maxResults or 100, function()
    call:fail("InvalidParameterException", "Invalid parameter at 'nextToken' failed to satisfy constraint: "
      .. "'Invalid token'")
  end)
end

local IMAGE_IDS <const> = { "list", { imageDigest = "string", imageTag = "string" } }

M.operations.DescribeImages = {
  input = {
    ["repositoryName!"] = "string",
    registryId = "string",
    imageIds = IMAGE_IDS,
    nextToken = "string",
    maxResults = "integer",
    filter = { tagStatus = "string" },
  },
  run = function(call, input)
    check_filter(call, input)
    local repository, images, next_token = find_repository(call, input), {}, nil
    if input.imageIds and #input.imageIds > 0 then
      if input.maxResults or input.nextToken then
        call:fail(
          "InvalidParameterException",
          "Invalid request parameters: maxResults and nextToken cannot be given with imageIds"
        )
      end
      local seen = {}
      for _, id in ipairs(input.imageIds) do
        check_id(call, id)
        local image = find_image(repository, id)
        if not image then
          local text = "The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within the repository "
            .. "with name '%s' in the registry with id '%s'"
          call:fail(
            "ImageNotFoundException",
            text:format(id.imageDigest or "null", id.imageTag or "null", repository.name, repository.account)
          )
        end
        if not seen[image] and wanted_by(input.filter, image) then
          seen[image] = true
          images[#images + 1] = image
        end
      end
    else
      local all = {}
      for _, image in ipairs(repository.images) do
        if wanted_by(input.filter, image) then
          all[#all + 1] = image
        end
      end
      images, next_token = page(call, all, input)
    end
    local details = {}
    for i, image in ipairs(images) do
      details[i] = {
        registryId = repository.account,
        repositoryName = repository.name,
        imageDigest = image.digest,
        imageTags = #image.tags > 0 and json.array { table.unpack(image.tags) } or nil,
        imageSizeInBytes = image.size,
        imagePushedAt = call_of.stamp(image.pushed_at),
        imageManifestMediaType = MANIFEST_TYPE,
        artifactMediaType = "application/vnd.docker.container.image.v1+json",
      }
    end
    return { imageDetails = json.array(details), nextToken = next_token }
  end,
}

M.operations.ListImages = {
  input = {
    ["repositoryName!"] = "string",
    registryId = "string",
    nextToken = "string",
    maxResults = "integer",
    filter = { tagStatus = "string" },
  },
  run = function(call, input)
    check_filter(call, input)
    local repository, ids = find_repository(call, input), {}
    for _, image in ipairs(repository.images) do
      if wanted_by(input.filter, image) then
        if #image.tags == 0 then
          ids[#ids + 1] = { imageDigest = image.digest }
        end
        for _, tag in ipairs(image.tags) do
          ids[#ids + 1] = { imageDigest = image.digest, imageTag = tag }
        end
      end
    end
    local part, next_token = page(call, ids, input)
    return { imageIds = json.array(part), nextToken = next_token }
  end,
}

local function image_answer(repository, image, tag)
  return {
    registryId = repository.account,
    repositoryName = repository.name,
    imageId = { imageDigest = image.digest, imageTag = tag },
    imageManifest = image.manifest,
    imageManifestMediaType = MANIFEST_TYPE,
  }
end

local FAILURE_REASONS <const> = {
  ImageNotFound = "Requested image not found",
  ImageTagDoesNotMatchDigest = "Requested image tag does not match the image digest",
}

M.operations.BatchGetImage = {
  input = {
    ["repositoryName!"] = "string",
    registryId = "string",
    ["imageIds!"] = IMAGE_IDS,
    acceptedMediaTypes = { "list", "string" },
  },
  run = function(call, input)
    local repository, images, failures = find_repository(call, input), {}, {}
    if #input.imageIds < 1 or #input.imageIds > 100 then
      call:fail("InvalidParameterException", "Invalid parameter at 'imageIds' failed to satisfy constraint: "
        .. "'Member must have length between 1 and 100'")
    end
    for _, id in ipairs(input.imageIds) do
      check_id(call, id)
      local image, why = find_image(repository, id)
      if image then
        images[#images + 1] = image_answer(repository, image, id.imageTag)
      else
        failures[#failures + 1] = { imageId = id, failureCode = why, failureReason = FAILURE_REASONS[why] }
      end
    end
    return { images = json.array(images), failures = json.array(failures) }
  end,
}

--- The blobs that a manifest needs and the repository lacks.
local function lacking_layers(call, repository, manifest)
  local ok, decoded = pcall(json.decode, manifest)
  if not ok or type(decoded) ~= "table" or type(decoded.layers) ~= "table" then
    call:fail("InvalidParameterException", "Invalid parameter at 'ImageManifest' failed to satisfy constraint: "
      .. "'Invalid JSON syntax'")
  end
  local lacking, size = {}, 0
  for _, layer in ipairs(decoded.layers) do
    size = size + (math.tointeger(layer.size) or 0)
    if not repository.layers[layer.digest] then
      lacking[#lacking + 1] = tostring(layer.digest)
    end
  end
  return lacking, size
end

--- The commit of an image that is already somewhere: promotion puts the same manifest into another repository.
local function built_from(call, image_digest)
  for _, store in ipairs(call:stores()) do
    for _, repository in sorted(store.ecr.repositories) do
      local image = M.find_digest(repository, image_digest)
      if image then
        return image.sha
      end
    end
  end
end

M.operations.PutImage = {
  input = {
    ["repositoryName!"] = "string",
    registryId = "string",
    ["imageManifest!"] = "string",
    imageManifestMediaType = "string",
    imageTag = "string",
    imageDigest = "string",
  },
  run = function(call, input)
    local repository = find_repository(call, input)
    local lacking, size = lacking_layers(call, repository, input.imageManifest)
    if #lacking > 0 then
      local text = "Layers with digests '[%s]' required for pushing image into repository with name '%s' in the "
        .. "registry with id '%s' do not exist"
      call:fail(
        "LayersNotFoundException",
        text:format(table.concat(lacking, ", "), repository.name, repository.account)
      )
    end
    local image_digest = "sha256:" .. digest.sha256(input.imageManifest)
    if input.imageDigest and input.imageDigest ~= image_digest then
      call:fail("ImageDigestDoesNotMatchException", "The provided digest does not match the digest of the manifest")
    end
    local image = M.find_digest(repository, image_digest)
    local tagged = input.imageTag and M.find_tag(repository, input.imageTag)
    if image and (tagged == image or not input.imageTag) then
      local text = "Image with digest '%s' and tag '%s' already exists in the repository with name '%s' in registry "
        .. "with id '%s'"
      call:fail(
        "ImageAlreadyExistsException",
        text:format(image_digest, input.imageTag or "null", repository.name, repository.account)
      )
    elseif tagged and repository.immutable then
      local text = "The image tag '%s' already exists in the '%s' repository and cannot be overwritten because the "
        .. "repository is immutable."
      call:fail("ImageTagAlreadyExistsException", text:format(input.imageTag, repository.name))
    end
    if not image then
      image = {
        digest = image_digest,
        tags = {},
        pushed_at = call.now,
        size = size,
        manifest = input.imageManifest,
        sha = built_from(call, image_digest),
      }
      table.insert(repository.images, image)
    end
    if input.imageTag then
      move_tag(repository, image, input.imageTag)
      call.aws:image_arrived(repository, image, { input.imageTag })
    end
    return { image = image_answer(repository, image, input.imageTag) }
  end,
}

M.operations.DescribeRepositories = {
  input = {
    registryId = "string",
    repositoryNames = { "list", "string" },
    nextToken = "string",
    maxResults = "integer",
  },
  run = function(call, input)
    local found, next_token = {}, nil
    if input.repositoryNames and #input.repositoryNames > 0 then
      for i, name in ipairs(input.repositoryNames) do
        found[i] = find_repository(call, { repositoryName = name, registryId = input.registryId })
      end
    else
      for _, store in ipairs(call:stores()) do
        for _, repository in pairs(store.ecr.repositories) do
          if not input.registryId or input.registryId == store.account then
            found[#found + 1] = repository
          end
        end
      end
      table.sort(found, function(a, b)
        return a.arn < b.arn
      end)
      found, next_token = page(call, found, input)
    end
    local list = {}
    for i, repository in ipairs(found) do
      list[i] = {
        repositoryArn = repository.arn,
        registryId = repository.account,
        repositoryName = repository.name,
        repositoryUri = repository.uri,
        createdAt = call_of.stamp(repository.created_at),
        imageTagMutability = repository.immutable and "IMMUTABLE" or "MUTABLE",
        imageScanningConfiguration = { scanOnPush = false },
        encryptionConfiguration = { encryptionType = "AES256" },
      }
    end
    return { repositories = json.array(list), nextToken = next_token }
  end,
}

M.operations.GetAuthorizationToken = {
  input = { registryIds = { "list", "string" } },
  run = function(call, input)
    local list, accounts = {}, input.registryIds
    if not accounts or #accounts == 0 then
      accounts = { call:account() }
    end
    for i, account in ipairs(accounts) do
      list[i] = {
        authorizationToken = digest.base64("AWS:" .. digest.sha256("registry " .. account .. call.w.seed)),
        expiresAt = call_of.stamp(call.now + 12 * 3600),
        proxyEndpoint = ("https://%s.dkr.ecr.%s.amazonaws.com"):format(account, call.region),
      }
    end
    return { authorizationData = json.array(list) }
  end,
}

return M
