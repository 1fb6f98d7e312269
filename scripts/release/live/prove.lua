--- Whether a commit is live in an environment, link by link: commit → workflow run → image → task definition →
--- deployment → running tasks → site. Each link is ok, missing or not to be told; it holds only if none is missing.
---
--- This looks once, waits for nothing and changes nothing.
local builds = require "release.live.build"
local contexts = require "release.live.context"
local git = require "fairlead.git"
local images = require "release.live.image"
local sites = require "release.live.site"
local tasks = require "release.live.tasks"

local M = {}

---@class live.Link
---@field name "commit"|"build"|"image"|"definition"|"deployment"|"tasks"|"site"
---@field service string? where the environment has several
---@field ok boolean? nil: not to be told
---@field text string one line
---@field url string?
---@field digest string? of the image
---@field id string|integer? of the workflow run or deployment

---@class live.Proof
---@field environment string
---@field commit string in full
---@field holds boolean every link holds
---@field missing string? name of the first link that does not
---@field links live.Link[] in their order

local short <const>, short_digest <const> = contexts.short, contexts.short_digest

local function commit_link(release, sha)
  local commit <const> = images.commit(release, sha)
  if not commit then
    local text <const> = ("%s has no commit %s"):format(release.settings.repository, short(sha))
    return { name = "commit", ok = false, text = text }
  end
  return {
    name = "commit", ok = true, subject = commit.subject, author = commit.author, at = commit.at,
    text = ("%s %q by %s, %s"):format(short(commit.sha), commit.subject, commit.author, commit.at),
  }
end

-- ---- build ----

-- The runs of a commit that may have published here: by the push itself, or by hand.
local function runs_of(release, environment, sha)
  local workflows <const>, list, seen = release.settings.workflows or {}, {}, {}
  local asked = { { workflows.by_hand, "workflow_dispatch" } }
  -- What is for branches, and has no job of its own in main's run, gets nothing by that.
  local by_push <const> = environment.arrives ~= "dispatch" and (environment.job or not environment.shared)
  if by_push then table.insert(asked, 1, { workflows.on_push, "push" }) end
  for _, ask in ipairs(asked) do
    if ask[1] then
      for _, run in ipairs(release.github:workflow_runs { head_sha = sha, workflow = ask[1], event = ask[2] }) do
        if not seen[run.id] then list[#list + 1] = run end
        seen[run.id] = true
      end
    end
  end
  table.sort(list, function(a, b) return a.id > b.id end)
  return list
end

-- Whether a run was for this environment: one by hand has a job for the environment that was chosen, and no other.
local function is_for(environment, run, jobs)
  if run.event ~= "workflow_dispatch" or not environment.job then return true end
  for _, job in ipairs(jobs) do
    if job.name == environment.job then return true end
  end
  return run.status ~= "completed"
end

local function build_link(release, environment, sha)
  local last
  for _, run in ipairs(runs_of(release, environment, sha)) do
    local jobs <const> = release.github:jobs(run.id)
    if is_for(environment, run, jobs) then
      local conclusion <const> = builds.standing(run, jobs, environment)
      local link <const> = {
        name = "build", id = run.id, url = run.url, ok = conclusion and conclusion == "success" or nil,
        text = ("%s: %s"):format(run.url, conclusion or "under way"),
      }
      if conclusion and conclusion ~= "success" then link.ok = false end
      if link.ok then return link end
      last = last or link
    end
  end
  -- GitHub keeps runs for a time only ("Usage limits": 400 days at most), so an old one is not to be told.
  local text <const> = ("GitHub has no run for %s any more, or it was built elsewhere"):format(short(sha))
  return last or { name = "build", text = text }
end

-- ---- one service ----

local function image_link(context, sha)
  local image <const> = images.find(context, sha)
  local repository <const> = context.service.image
  if not image then
    return nil, { name = "image", ok = false, text = ("no image of %s in %s"):format(short(sha), repository) }
  end
  return image, {
    name = "image", ok = true, digest = image.digest, tag = image.tag,
    text = ("%s:%s is %s"):format(repository, image.tag, short_digest(image.digest)),
  }
end

local function definition_link(context, state, image, all_ours)
  local name <const> = state.definition and contexts.short_id(state.definition) or "none"
  local brings = false
  if state.definition then brings = images.is_in(context, state.definition, image) end
  local link <const> = { name = "definition", ok = brings, id = state.definition }
  if brings then
    link.text = ("%s names the image"):format(name)
  elseif brings == nil then -- the tasks tell what it was when they started
    link.ok = all_ours
    link.text = ("%s names :%s, which moves%s"):format(name, images.moving_tag(context, state.definition) or "?",
      all_ours and "; it was ours when the tasks started" or "; it was not ours when the tasks started")
  else
    link.text = ("%s does not name %s"):format(name, short_digest(image.digest))
  end
  return link
end

local function deployment_link(context, state, count, image)
  local link <const> = { name = "deployment", id = state.deployment }
  if not state.deployment then
    link.ok, link.text = false, "nothing takes the traffic of " .. context.service.service
    return link
  end
  link.ok, link.text = context.strategy.ended(context, state.deployment)
  if count.digest and not image.digests[count.digest] then
    link.ok = false
    link.text = ("%s; it brought %s"):format(link.text, images.describe(context, count.digest))
  end
  return link
end

local function tasks_link(context, state, count, image)
  local ours <const> = count.digest ~= nil and image.digests[count.digest] == true
  local link <const> = { name = "tasks", digest = count.digest, running = count.running, desired = state.desired }
  link.ok = count.running >= state.desired and count.other == 0 and count.running > 0
  if not link.ok and count.other == 0 and count.pending > 0 then link.ok = nil end -- they are being started
  link.text = ("%d of %d run %s"):format(count.running, state.desired, short_digest(image.digest))
  if not ours and count.digest then
    link.text = ("%s; what runs is %s"):format(link.text, images.describe(context, count.digest))
  elseif count.other > 0 then
    link.text = ("%s, %d something else"):format(link.text, count.other)
  end
  if count.pending > 0 then link.text = ("%s, %d being started"):format(link.text, count.pending) end
  return link
end

local function service_links(context, sha, add)
  local image <const>, link <const> = image_link(context, sha)
  add(link, context)
  if not image then return end
  local state <const> = context.strategy.state(context)
  local count = { running = 0, other = 0, pending = 0 }
  if state.started_by then count = tasks.count(context, state.started_by, image.digests) end
  local tasks_told <const> = tasks_link(context, state, count, image)
  add(definition_link(context, state, image, tasks_told.ok), context)
  add(deployment_link(context, state, count, image), context)
  add(tasks_told, context)
end

-- ---- site ----

local function site_link(release, environment, sha)
  if not environment.site then return { name = "site", ok = true, text = "none" } end
  local address <const> = sites.address(release, environment.site)
  if not environment.version then
    return { name = "site", ok = true, text = address .. " tells no version", url = address }
  end
  local told <const>, err <const> = try(sites.version, release, environment)
  local link <const> = { name = "site", url = address, version = told }
  if err then
    -- Not to be reached from here (a private network) is not the same as answering wrongly.
    local unreachable <const> = err:is "http" and not err:is "http.status"
    link.text = tostring(err)
    if not unreachable then link.ok = false end
    return link
  end
  link.ok = told ~= nil and git.is_abbreviation(told, sha)
  link.text = ("%s answers with version %s"):format(address, told or "none")
  return link
end

-- All links before it hold and the site answers with something else: the image is not what its tag says.
local function explain_site(link, links)
  local digests = {}
  for _, other in ipairs(links) do
    if other.name == "tasks" then
      if not other.ok then return end
      digests[#digests + 1] = short_digest(other.digest)
    end
  end
  if #digests == 0 then return end
  link.text = ("%s, though all tasks run %s that our tag names"):format(link.text, table.concat(digests, " and "))
end

-- A build that GitHub no longer knows is no reason to doubt what the image's tag and the running tasks say.
local function is_missing(link)
  return not link.ok and not (link.name == "build" and link.ok == nil)
end

---Proves that a commit is live in an environment, or says which link is missing.
---@async
---@param release Release
---@param environment table of settings.lua
---@param sha string the commit, in full
---@return live.Proof
function M.prove(release, environment, sha)
  local links <const> = {}
  local function add(link, context)
    link.service = context and context.several and context.name or nil
    links[#links + 1] = link
  end
  add(commit_link(release, sha))
  add(build_link(release, environment, sha))
  for _, context in ipairs(contexts.all(release, environment)) do service_links(context, sha, add) end
  local site <const> = site_link(release, environment, sha)
  if site.ok == false then explain_site(site, links) end
  add(site)
  local proof <const> = { environment = environment.name, commit = sha, links = links, holds = true }
  for _, link in ipairs(links) do
    if is_missing(link) then
      proof.holds, proof.missing = false, link.name
      break
    end
  end
  return proof
end

return M
