--- What ECS remembers of the deployments that it makes itself, rolling or blue-green: service deployments, each with an
--- ARN of its own, and the service revision that each brings, in which the tags of its images are settled as digests.
---
--- A service that is "stable" again may have been rolled back; a service deployment says how it ended.
--- Sources: Amazon ECS Developer Guide, "View service history using Amazon ECS service deployments", "Amazon ECS
--- service revisions"; API reference, ServiceDeployment, ServiceRevision, ContainerImage.
local images = require "release.live.image"

local M = {}

local CLOCK_SKEW <const> = 60 -- seconds by which AWS's clocks may differ from one another

local UNDER_WAY <const> = { "PENDING", "IN_PROGRESS", "STOP_REQUESTED", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS" }
local ONGOING <const> = {}
for _, status in ipairs(UNDER_WAY) do ONGOING[status] = true end

---@param status string of a service deployment
---@return boolean
function M.is_ongoing(status) return ONGOING[status] == true end

---The service deployments of a service, the newest first.
---@async
---@param context live.Context
---@param filter {after: number?, status: string[]?}? after: unix seconds, none that was made before
---@return table[] ServiceDeploymentBrief
function M.list(context, filter)
  filter = filter or {}
  local found = {}
  for brief in context.ecs:paginate("ListServiceDeployments", {
    cluster = context.service.cluster, service = context.service.service, status = filter.status, maxResults = 100,
    createdAt = filter.after and { after = filter.after - CLOCK_SKEW } or nil,
  }, "serviceDeployments") do
    found[#found + 1] = brief
  end
  table.sort(found, function(a, b)
    if a.createdAt ~= b.createdAt then return a.createdAt > b.createdAt end
    return a.serviceDeploymentArn < b.serviceDeploymentArn
  end)
  return found
end

---@async
---@param context live.Context
---@param arn string
---@return table? ServiceDeployment nothing: ECS does not know it, or not any more
function M.get(context, arn)
  return context.ecs:DescribeServiceDeployments { serviceDeploymentArns = { arn } }.serviceDeployments[1]
end

---A service revision. It never changes once its images are settled.
---@async
---@param context live.Context
---@param arn string
---@return table? ServiceRevision nothing: it is of before ECS kept them
function M.revision(context, arn)
  context.revisions = context.revisions or {}
  if context.revisions[arn] then return context.revisions[arn] end
  local found <const> = context.ecs:DescribeServiceRevisions { serviceRevisionArns = { arn } }.serviceRevisions[1]
  local settled = found ~= nil
  for _, image in ipairs(found and found.containerImages or {}) do settled = settled and image.imageDigest ~= nil end
  if settled and #(found.containerImages or {}) > 0 then context.revisions[arn] = found end
  return found
end

---The digest that a revision has of this service's image.
---@param context live.Context
---@param revision table
---@return string?
function M.digest(context, revision)
  local any
  for _, image in ipairs(revision.containerImages or {}) do
    local path <const> = image.image and image.image:match "^[^/]+/([^@:]+)"
    if path == context.service.image then return image.imageDigest end
    any = any or image.imageDigest
  end
  return any
end

---Whether a revision brings an image.
---@async
---@param context live.Context
---@param arn string of a revision
---@param image live.Image
---@return boolean? brings nil: its tags are not settled yet
function M.brings(context, arn, image)
  local revision <const> = M.revision(context, arn)
  if not revision then return nil end
  local settled = #(revision.containerImages or {}) > 0
  for _, container in ipairs(revision.containerImages or {}) do
    if image.digests[container.imageDigest or ""] then return true end
    settled = settled and container.imageDigest ~= nil
  end
  if settled then return false end
  return images.is_in(context, revision.taskDefinition, image)
end

---The newest service deployment that brings an image and was made after a moment.
---@async
---@param context live.Context
---@param image live.Image
---@param since number unix seconds
---@return string? arn
---@return string? note what there is instead
function M.find(context, image, since)
  local newest
  for _, brief in ipairs(M.list(context, { after = since })) do
    local arn <const> = brief.targetServiceRevisionArn
    if M.brings(context, arn, image) then return brief.serviceDeploymentArn end
    newest = newest or brief
  end
  local name <const> = context.service.service
  if not newest then return nil, ("no deployment of %s since %s was pushed"):format(name, image.tag) end
  local revision <const> = M.revision(context, newest.targetServiceRevisionArn)
  return nil, ("no deployment of %s brings %s; the newest brings %s"):format(
    name, image.tag, images.describe(context, revision and M.digest(context, revision)))
end

---The service deployment that is under way, whoever began it.
---@async
---@param context live.Context
---@return string? arn
function M.under_way(context)
  local newest <const> = M.list(context, { status = UNDER_WAY })[1]
  return newest and newest.serviceDeploymentArn
end

---The service deployment by which came what serves, as far as ECS remembers: the newest that was successful.
---@async
---@param context live.Context
---@return table? ServiceDeploymentBrief
function M.serving(context)
  return M.list(context, { status = { "SUCCESSFUL" } })[1]
end

---The service deployment that took another's place, if one did: newer, and not itself undone.
---@async
---@param context live.Context
---@param deployment table ServiceDeployment
---@return table? ServiceDeploymentBrief
function M.successor(context, deployment)
  for _, brief in ipairs(M.list(context, { after = deployment.createdAt })) do
    local newer <const> = brief.createdAt > deployment.createdAt
      and brief.serviceDeploymentArn ~= deployment.serviceDeploymentArn
    if newer and (brief.status == "SUCCESSFUL" or ONGOING[brief.status]) then return brief end
  end
end

return M
