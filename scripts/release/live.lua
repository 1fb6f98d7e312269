--- Did my change win? From a commit to what the public sees, link by link:
--- build → image digest → deployment, by its own id → digest of the running tasks → the site's answer.
---
--- Nothing here asks for "the newest deployment" or whether a service is "stable": both look well after a rollback.
--- Sources: the API models of ECR, ECS and CodeDeploy; CodeDeploy user guide, "Redeploy and roll back a deployment" (a
--- rollback is a deployment of its own); ECS API reference, TaskSet (externalId is the CodeDeploy deployment's id).
local aws = require "fairlead.aws"
local errors = require "fairlead.errors"
local git = require "fairlead.git"
local http = require "fairlead.http"

local M = {}

local CLOCK_SKEW <const> = 60 -- seconds by which AWS's clocks may differ from one another

local function short(sha) return sha:sub(1, 8) end

local function clients(release, environment)
  release.clients = release.clients or {}
  local known = release.clients[environment.name]
  if known then return known end
  local session <const> = aws.session { profile = environment.profile, region = environment.region }
  known = { ecr = session:client "ecr", ecs = session:client "ecs", codedeploy = session:client "codedeploy" }
  release.clients[environment.name] = known
  return known
end

-- ---- build ----

local function jobs_under_way(github, run)
  local names = {}
  for _, job in ipairs(github:jobs(run.id)) do
    if job.status == "in_progress" then names[#names + 1] = job.name end
  end
  local what <const> = #names > 0 and table.concat(names, ", ") or run.status
  return ("%s, %s"):format(what, run.url)
end

local function built(release, build, sha)
  release.run:wait {
    name = "Build",
    timeout = release.settings.timeouts.build,
    every = 15,
    check = function()
      local found <const> = release.github:workflow_run(build.id)
      if found.head_sha ~= sha then -- what is started by hand takes what its branch holds at that moment
        errors.raise {
          kind = "github.run_failed", op = "build", target = found.url,
          message = ("it builds %s, not %s: the branch moved"):format(short(found.head_sha), short(sha)),
          hint = "look at what came, and start again",
        }
      end
      if found.status ~= "completed" then return nil, jobs_under_way(release.github, found) end
      if found.conclusion ~= "success" then
        errors.raise {
          kind = "github.run_failed", op = "build", target = found.url,
          message = "it ended with " .. tostring(found.conclusion),
          hint = "read its log, mend the cause and start again",
        }
      end
      return { id = found.id, commit = found.head_sha }
    end,
  }
end

-- ---- image ----

--- Every abbreviation of a commit that may be its image's tag: the build's shallow clone decides how long it is.
local function possible_tags(sha)
  local ids = {}
  for length = 7, #sha do ids[#ids + 1] = { imageTag = sha:sub(1, length) } end
  return ids
end

local function find_image(ecr, environment, sha)
  local found <const> = ecr:BatchGetImage {
    repositoryName = environment.services[1].image, imageIds = possible_tags(sha),
  }
  local image <const> = found.images[1]
  if not image then return nil end
  local details <const> = ecr:DescribeImages {
    repositoryName = environment.services[1].image, imageIds = { { imageDigest = image.imageId.imageDigest } },
  }
  local detail <const> = details.imageDetails[1]
  return { digest = image.imageId.imageDigest, tag = image.imageId.imageTag, pushed_at = detail.imagePushedAt }
end

local function image_of(release, environment, sha)
  local ecr <const> = clients(release, environment).ecr
  return release.run:wait {
    name = "Image",
    timeout = release.settings.timeouts.image,
    every = 10,
    check = function()
      local image <const> = find_image(ecr, environment, sha)
      return image, not image and ("no image of %s in %s"):format(short(sha), environment.services[1].image) or nil
    end,
  }
end

-- ---- deployment ----

local function service_of(ecs, environment)
  local described <const> = ecs:DescribeServices {
    cluster = environment.services[1].cluster, services = { environment.services[1].service },
  }
  local service <const> = described.services[1]
  if not service then
    errors.raise {
      kind = "aws.api.not_found", op = "ecs.DescribeServices", target = environment.services[1].service,
      message = "there is no such service in " .. environment.services[1].cluster, hint = "correct it in settings.lua",
    }
  end
  return service
end

--- The task definition that a deployment brings: as its AppSpec says, in JSON or YAML; where that lies in S3, as its
--- task set says, once there is one.
local function definition_of(ecs, environment, deployment)
  local revision <const> = deployment.revision or {}
  local text <const> = (revision.appSpecContent or revision.string or {}).content or ""
  local named <const> = text:match "arn:aws[%w-]*:ecs:[%w-]+:%d+:task%-definition/[%w_-]+:%d+"
  if named then return named end
  for _, set in ipairs(service_of(ecs, environment).taskSets or {}) do
    if set.externalId == deployment.deploymentId then return set.taskDefinition end
  end
end

--- Whether a deployment may be of this image: by digest, or by a tag that names the commit; nothing while it cannot be
--- told. A tag that moves ("latest") proves nothing either way; the running tasks will tell.
local function is_of(ecs, environment, deployment, image, sha)
  local definition <const> = definition_of(ecs, environment, deployment)
  if not definition then return nil end
  local described <const> = ecs:DescribeTaskDefinition { taskDefinition = definition }
  for _, container in ipairs(described.taskDefinition.containerDefinitions) do
    local digest <const> = container.image:match "@(sha256:%x+)$"
    local tag <const> = not digest and container.image:match ":([%w_.-]+)$"
    if digest == image.digest then return true end
    if tag and (git.is_abbreviation(tag, sha) or not tag:find "^%x+$") then return true end
  end
  return false
end

local function find_deployment(aws_clients, environment, image, sha, passed_over)
  local codedeploy <const>, ecs <const> = aws_clients.codedeploy, aws_clients.ecs
  for id in codedeploy:paginate("ListDeployments", {
    applicationName = environment.services[1].application, deploymentGroupName = environment.services[1].group,
    createTimeRange = { start = image.pushed_at - CLOCK_SKEW },
  }, "deployments") do
    if not passed_over[id] then
      local info <const> = codedeploy:GetDeployment { deploymentId = id }.deploymentInfo
      local ours = false
      if info.creator ~= "codeDeployRollback" then ours = is_of(ecs, environment, info, image, sha) end
      if ours then return id end
      passed_over[id] = ours == false
    end
  end
end

local function deployment_of(release, environment, image, sha)
  local passed_over = {}
  return release.run:wait {
    name = "Start of the deployment",
    timeout = release.settings.timeouts.image,
    every = 10,
    check = function()
      local id <const> = find_deployment(clients(release, environment), environment, image, sha, passed_over)
      return id, not id and ("no deployment of %s in %s"):format(image.tag, environment.services[1].group) or nil
    end,
  }
end

local function console(environment, id)
  return ("https://%s.console.aws.amazon.com/codesuite/codedeploy/deployments/%s"):format(environment.region, id)
end

--- How far a deployment is: the lifecycle event under way, and the share of the traffic that the new tasks take. For
--- people only: a deployment has no targets before it starts (DeploymentNotStartedException), and does not fail for it.
local function progress(codedeploy, environment, id)
  local told <const>, err <const> = try(codedeploy.BatchGetDeploymentTargets, codedeploy, {
    deploymentId = id, targetIds = { environment.services[1].cluster .. ":" .. environment.services[1].service },
  })
  if err and err.code ~= "DeploymentNotStartedException" then return { text = ("%s (%s)"):format(id, err) } end
  local targets <const> = told and told.deploymentTargets or {}
  local target <const> = targets[1] and targets[1].ecsTarget
  if not target then return { text = id .. " is being prepared" } end
  local note = { text = id }
  for _, event in ipairs(target.lifecycleEvents or {}) do
    if event.status == "InProgress" then note.text = ("%s: %s"):format(id, event.lifecycleEventName) end
  end
  for _, set in ipairs(target.taskSetsInfo or {}) do
    if set.taskSetLabel == "Green" then note.traffic = set.trafficWeight end
  end
  if note.text == id and note.traffic == 100 then note.text = id .. ": the old tasks are kept for a while" end
  return note
end

local function raise_failed(environment, id, info)
  local why <const> = info.errorInformation or {}
  local rollback <const> = info.rollbackInfo and info.rollbackInfo.rollbackDeploymentId
  local because <const> = ("%s: %s"):format(why.code or info.status, why.message or "CodeDeploy gives no reason")
  errors.raise {
    kind = rollback and "deployment.rolled_back" or "deployment." .. info.status:lower(),
    op = "deployment", target = ("%s of %s"):format(id, environment.services[1].application), code = why.code,
    message = rollback and ("it was rolled back by deployment %s (%s)"):format(rollback, because) or because,
    hint = "see " .. console(environment, id),
  }
end

local function deployed(release, environment, id)
  local codedeploy <const> = clients(release, environment).codedeploy
  release.run:fact(("deployment %s to %s: %s"):format(id, environment.name, console(environment, id)))
  release.run:wait {
    name = "Deployment",
    timeout = release.settings.timeouts.deployment,
    every = 10,
    check = function()
      local info <const> = codedeploy:GetDeployment { deploymentId = id }.deploymentInfo
      if info.status == "Succeeded" then return { id = id } end
      if info.status == "Failed" or info.status == "Stopped" then raise_failed(environment, id, info) end
      return nil, progress(codedeploy, environment, id)
    end,
  }
end

-- ---- tasks ----

local function primary_task_set(service)
  for _, set in ipairs(service.taskSets or {}) do
    if set.status == "PRIMARY" then return set end
  end
end

local function count_running(ecs, environment, task_set, digest)
  local arns = {}
  local of_set <const> = { cluster = environment.services[1].cluster, startedBy = task_set.id }
  for arn in ecs:paginate("ListTasks", of_set, "taskArns") do
    arns[#arns + 1] = arn
  end
  local running, other = 0, 0
  for first = 1, #arns, 100 do -- DescribeTasks takes 100 at most
    local described <const> = ecs:DescribeTasks {
      cluster = environment.services[1].cluster, tasks = table.move(arns, first, math.min(first + 99, #arns), 1, {}),
    }
    for _, task in ipairs(described.tasks) do
      local same = false
      for _, container in ipairs(task.containers) do same = same or container.imageDigest == digest end
      if task.lastStatus == "RUNNING" and same then running = running + 1 else other = other + 1 end
    end
  end
  return running, other
end

local function tasks_run(release, environment, id, digest)
  local ecs <const> = clients(release, environment).ecs
  return release.run:wait {
    name = "Running tasks",
    timeout = release.settings.timeouts.tasks,
    every = 10,
    check = function()
      local service <const> = service_of(ecs, environment)
      local set <const> = primary_task_set(service)
      if not set then return nil, environment.services[1].service .. " has no primary task set" end
      if set.externalId ~= id then
        errors.raise {
          kind = "deployment.superseded", op = "deployment", target = id,
          message = ("%s now runs what deployment %s brought"):format(environment.services[1].service,
            tostring(set.externalId)),
          hint = "find out who deployed, then start again",
        }
      end
      local running <const>, other <const> = count_running(ecs, environment, set, digest)
      local note <const> = ("%d of %d tasks run %s"):format(running, service.desiredCount, digest:sub(1, 19))
      return running >= service.desiredCount and other == 0 and running > 0 and { tasks = running }, note
    end,
  }.tasks
end

-- ---- site ----

local function site_of(release, environment)
  if not release.sites then return environment.site end
  return (release.sites:gsub("{host}", (environment.site:gsub("^https?://", ""))))
end

local function site_answers(release, environment, sha)
  local version <const> = environment.version
  local site <const> = site_of(release, environment)
  release.run:wait {
    name = "Site",
    timeout = release.settings.timeouts.site,
    every = 5,
    check = function()
      local answer <const> = http.get(site .. version.path):check():json()
      local told <const> = type(answer) == "table" and tostring(answer[version.field]) or "nothing"
      return git.is_abbreviation(told, sha) and { version = told }, ("%s answers with version %s"):format(site, told)
    end,
  }
  return site
end

local function try_page(url, contains)
  local response <const> = http.get(url, { timeout = 10 })
  local found <const> = response.body:find(contains, 1, true)
  if response.status == 200 and found then return end
  errors.raise {
    kind = "smoke_test.failed", op = "smoke test", target = url, status = response.status,
    retryable = response.status == 429, -- the site asks us to be slower, which says nothing of the version
    message = ("answered %d %s %q"):format(response.status, found and "with" or "without", contains),
    hint = "the new version takes all traffic: mend it, or roll back",
  }
end

--- A wrong answer fails at once; no answer is asked for again for a while.
local function smoke_test(release, environment, site)
  local pages <const> = environment.smoke_test
  local passed = 0
  release.run:wait {
    name = "Smoke test",
    timeout = release.settings.timeouts.site,
    every = 5,
    check = function()
      while passed < #pages do
        local page <const> = pages[passed + 1]
        try_page(site .. page.path, page.contains)
        passed = passed + 1
      end
      return { pages = passed }
    end,
  }
end

-- ---- all of it ----

---Follows a commit from its build until the site answers with it, then tries the site.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string the commit, in full
---@param build { id: integer } its workflow run
---@return { digest: string, deployment: string, tasks: integer, site: string }
function M.follow(release, environment, sha, build)
  built(release, build, sha)
  local image <const> = image_of(release, environment, sha)
  release.run:fact(("image %s:%s is %s"):format(environment.services[1].image, image.tag, image.digest))
  local id <const> = deployment_of(release, environment, image, sha)
  deployed(release, environment, id)
  local tasks <const> = tasks_run(release, environment, id, image.digest)
  local site <const> = site_answers(release, environment, sha)
  release.run:live {
    environment = environment.name, version = short(sha), url = site, deployment = id, tasks = tasks,
    image = image.digest:sub(1, 19),
  }
  smoke_test(release, environment, site)
  return { digest = image.digest, deployment = id, tasks = tasks, site = site }
end

---The deployment whose tasks take an environment's traffic now.
---@async
---@param release Release
---@param environment table of settings.lua
---@return string? id
function M.current(release, environment)
  local set <const> = primary_task_set(service_of(clients(release, environment).ecs, environment))
  return set and set.externalId
end

return M
