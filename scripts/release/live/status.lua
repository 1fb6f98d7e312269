--- How an environment stands: what is live there, whether that is proven, and what main holds that is not live. A
--- change that was merged, or reverted, and never arrived is told here; nobody else notices.
local builds = require "release.live.build"
local contexts = require "release.live.context"
local images = require "release.live.image"
local now_of = require "release.live.now".now
local prove = require "release.live.prove".prove

local M = {}

local short <const> = contexts.short

local RUNS <const> = 10 -- of the newest that are looked through

---@class live.Status
---@field application string key
---@field environment string
---@field commit {sha: string, subject: string, author: string, at: string}? nothing: it is not known what is live
---@field holds boolean nothing is missing
---@field missing string? name of the first link that is
---@field links live.Link[] those of the proof, and "main"
---@field services live.Service[]

-- ---- which commit ----

-- Where no tag tells, or not one for all services, the site may know.
local function commit_of(release, now)
  local id <const> = now.commit or now.site_version
  return id and id:find "^%x+$" and #id >= 7 and images.commit(release, id) or nil
end

local function unknown_commit(release, now)
  local parts = {}
  for i, service in ipairs(now.services) do
    local commit <const> = service.commit and images.commit(release, service.commit)
    local what = commit and ("%s %q"):format(short(commit.sha), commit.subject)
      or service.digest and ("%s, which no tag names a commit of"):format(contexts.short_digest(service.digest))
    parts[i] = ("%s runs %s"):format(service.name, what or "nothing")
  end
  return { name = "commit", ok = false, text = table.concat(parts, "; ") }
end

-- ---- what main holds ----

-- Reverts of something that is live; one whose original is not live either changes nothing.
local function reverts_in(commits)
  local subjects, reverts = {}, {}
  for _, commit in ipairs(commits) do subjects[commit.subject] = true end
  for _, commit in ipairs(commits) do
    local reverted <const> = commit.subject:match '^Revert "(.+)"'
    if reverted and not subjects[reverted] then reverts[#reverts + 1] = commit end
  end
  return reverts
end

local function told(commits)
  local last <const> = commits[#commits]
  return ("%s %q by %s"):format(short(last.sha), last.subject, last.author)
end

-- The newest push to main whose images were published for an environment, and whether a newer one is on its way.
local function newest_published(release, environment)
  local under_way
  for _, run in ipairs(release.github:workflow_runs {
    workflow = release.settings.workflows.on_push, event = "push", branch = release.settings.main, limit = RUNS,
  }) do
    local conclusion <const> = builds.standing(run, release.github:jobs(run.id), environment)
    if conclusion == "success" then return run, under_way end
    if not conclusion then under_way = under_way or run end
  end
  return nil, under_way
end

local function is_among(commits, sha)
  for _, commit in ipairs(commits) do
    if commit.sha == sha then return true end
  end
  return false
end

local function main_link(release, environment, sha)
  local main <const> = release.settings.main
  local between <const> = release.github:compare(sha, main)
  local commits <const> = between.commits
  if between.ahead_by == 0 then return { name = "main", ok = true, ahead = 0, text = ("%s is live"):format(main) } end
  local link <const> = {
    name = "main", ahead = between.ahead_by,
    text = ("%s is %d commit%s ahead, up to %s"):format(main, between.ahead_by, between.ahead_by == 1 and "" or "s",
      told(commits)),
  }
  if between.behind_by > 0 then link.text = ("what is live is not of %s; "):format(main) .. link.text end
  if environment.shared then return link end -- branches are tried here
  local reverts <const> = reverts_in(commits)
  if #reverts > 0 then
    link.ok, link.text = false, ("%s; merged and not live: %s"):format(link.text, told(reverts))
  end
  if environment.arrives ~= "push" then return link end
  local published <const>, under_way <const> = newest_published(release, environment)
  if published and is_among(commits, published.head_sha) then
    link.ok, link.url = false, published.url
    link.text = ("%s; %s was published and is not live: %s"):format(link.text, short(published.head_sha), published.url)
  elseif under_way and link.ok == nil then
    link.text = ("%s; %s is on its way: %s"):format(link.text, short(under_way.head_sha), under_way.url)
  end
  return link
end

-- ---- all of it ----

---How an environment stands. Looks once, and changes nothing.
---@async
---@param release Release
---@param environment table of settings.lua
---@return live.Status
function M.of(release, environment)
  local now <const> = now_of(release, environment)
  local commit <const> = commit_of(release, now)
  local status <const> = {
    application = release.settings.key, environment = environment.name, commit = commit, services = now.services,
  }
  if not commit then
    status.holds, status.missing, status.links = false, "commit", { unknown_commit(release, now) }
    return status
  end
  local proof <const> = prove(release, environment, commit.sha)
  status.holds, status.missing, status.links = proof.holds, proof.missing, proof.links
  local main <const> = main_link(release, environment, commit.sha)
  status.links[#status.links + 1] = main
  if main.ok == false and status.holds then status.holds, status.missing = false, "main" end
  return status
end

return M
