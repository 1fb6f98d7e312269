--- What an approval is bound to: all that whoever approves relies on, derived from the services anew each time. A
--- difference between two derivations is a change of what was approved.
local context = require "release.live.context"
local definition = require "release.definition"
local images = require "release.live.image"
local live = require "release.live"
local slack = require "fairlead.slack"
local talk = require "release.talk"

local M = {}

local short <const> = context.short

local function sorted(map)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- deriving ----

--- Names and conclusions of the checks that the head has to pass; of all, where none is named.
local function checks_of(release, change)
  local required <const> = release:required_checks(true)
  local wanted, checks = {}, {}
  for _, name in ipairs(required) do
    wanted[name] = true
    checks[name] = "missing"
  end
  for _, run in ipairs(release.github:checks(change.head).runs) do
    if #required == 0 or wanted[run.name] then
      local told <const>, known <const> = run.conclusion or run.status, checks[run.name]
      checks[run.name] = (known and known ~= "missing") and known .. ", " .. told or told
    end
  end
  return checks
end

--- What runs in an environment: of each service the image, the task definition, the deployment that brought them, and
--- the one that is about to change that, whoever began it.
local function running_in(release, environment)
  local now <const>, services = live.now(release, environment), {}
  for _, service in ipairs(now.services) do
    services[service.name] = {
      image = service.digest, definition = service.definition, deployment = service.deployment,
    }
  end
  for _, one in ipairs(context.all(release, environment)) do
    services[one.name].under_way = one.strategy.under_way(one)
  end
  return { commit = now.commit, services = services }
end

--- In what the task definitions that were tried differ from those that run in the other environment now.
local function differences(release, tried, place, now)
  local ecs_of_tried <const>, ecs_of_now <const> = context.clients(release, tried.environment).ecs,
    context.clients(release, place).ecs
  local found = {}
  local function read(ecs, arn) return ecs:DescribeTaskDefinition({ taskDefinition = arn }).taskDefinition end
  for _, name in ipairs(sorted(tried.services)) do
    local service <const> = tried.services[name]
    local other <const> = now.services[name]
    if service.definition and other and other.definition then
      local lines <const> = definition.differences(read(ecs_of_now, other.definition),
        read(ecs_of_tried, service.definition), { before = place.name, after = tried.environment.name })
      if #lines > 0 then found[name] = lines end
    end
  end
  return found
end

--- The files of the settings' folder of migrations that come with what is deployed: seen from what is live there, or
--- from main as it was before the merge.
local function migrations_of(release, change, live_commit, environment)
  local folder <const> = environment.migrations or release.settings.migrations
  if not folder then return nil end
  local base <const> = live_commit or release.github:get("git/commits/" .. change.merged).parents[1].sha
  local compared <const>, paths = release.github:compare(base, change.merged), {}
  for _, file in ipairs(compared.files) do
    local inside <const> = file.path:sub(1, #folder + 1) == folder .. "/"
    if inside and file.status ~= "removed" then paths[#paths + 1] = file.path end
  end
  table.sort(paths)
  return { paths = paths, more = compared.truncated and #compared.files >= 300 or nil }
end

local function way_back_of(release, name, sha)
  local target <const> = release:way_back(name, sha, { now = true })
  if not target then return nil end
  local services = {}
  for _, service in ipairs(target.services) do
    services[service.name] = { image = service.digest, definition = service.definition }
  end
  return { commit = target.commit, proven = target.proven, services = services }
end

--- What is there before the change comes, as seen from what was tried.
local function situation(release, change, where, tried)
  local place <const> = release.settings.environments[where.before]
  local now <const> = running_in(release, place)
  return {
    now = now, differences = differences(release, tried, place, now),
    migrations = migrations_of(release, change, now.commit, place),
    way_back = release.way_back and way_back_of(release, where.before, change.merged) or nil,
  }
end

-- Whether a service has become what it is by this change alone: its image serves, or is on its way, or nothing is new.
local function is_ours(one, was, is, sha)
  local same <const> = is.image == was.image and is.definition == was.definition and is.deployment == was.deployment
  local image <const> = not same and is.image and images.find(one, sha)
  -- No image: what served is gone, and what comes is not there yet.
  local serves <const> = same or not is.image or image and image.digests[is.image]
  return serves and (is.under_way == was.under_way or not is.under_way or live.brings(one, is.under_way, sha))
end

-- Whether all that is new in an environment is this change. Somebody else's is not what was approved.
local function only_ours(release, place, sha, shown, now)
  for _, one in ipairs(context.all(release, place)) do
    local was <const>, is <const> = shown.services[one.name] or {}, now.services[one.name]
    if not is_ours(one, was, is, sha) then return false end
  end
  return true
end

---Derives the evidence.
---@async
---@param release Release
---@param change table
---@param where { after: string, before: string } names of environments
---@param gone_on table? the evidence that was shown, when what waited has gone on since: then the change is on its way,
--- and the environment that it comes to is no longer what it was when it was asked
---@return table evidence plain data
function M.derive(release, change, where, gone_on)
  local place <const> = release.settings.environments[where.after]
  local tried <const> = running_in(release, place)
  tried.environment = place
  local found = situation(release, change, where, tried)
  local there <const> = release.settings.environments[where.before]
  if gone_on and only_ours(release, there, change.merged, gone_on[where.before], found.now) then
    found = setmetatable({ now = gone_on[where.before] }, { __index = gone_on })
  end
  tried.environment = nil
  return {
    application = release.settings.key, to = where.before, pull_request = change.url, commit = change.merged,
    head = change.head, main = release:head_of_main(), checks = checks_of(release, change),
    [where.after] = tried, [where.before] = found.now, differences = found.differences,
    migrations = found.migrations, way_back = found.way_back, script = release.run.script,
  }
end

-- ---- showing ----

-- How texts from outside, names and links are written: in Slack's markup, or plainly.
local SLACK <const> = {
  text = slack.escape,
  code = function(text) return ("`%s`"):format(slack.escape(text)) end,
  link = talk.link,
  warning = ":warning: ",
}
local function as_it_is(text) return text end
local PLAIN <const> = {
  text = as_it_is, code = as_it_is, link = function(url, text) return ("%s (%s)"):format(text, url) end, warning = "! ",
}

local function images_of(services, write)
  local parts, names <const> = {}, sorted(services)
  for i, name in ipairs(names) do
    local digest <const> = services[name].image
    local shown <const> = digest and write.code(context.short_digest(digest)) or "no image"
    parts[i] = #names > 1 and ("%s %s"):format(write.text(name), shown) or shown
  end
  return table.concat(parts, ", ")
end

local function under_way(services, write)
  for _, name in ipairs(sorted(services)) do
    local id <const> = services[name].under_way
    if id then return ("; %s%s is being deployed there"):format(write.warning, write.code(context.short_id(id))) end
  end
  return ""
end

local function checks_line(checks, write)
  local passed, others = 0, {}
  for _, name in ipairs(sorted(checks)) do
    if checks[name] == "success" then
      passed = passed + 1
    else
      others[#others + 1] = write.text(("%s %s"):format(name, checks[name]))
    end
  end
  local text <const> = ("%d checks passed"):format(passed)
  return #others > 0 and ("%s; %s"):format(text, table.concat(others, ", ")) or text
end

local function differences_line(found, write)
  local parts = {}
  for _, name in ipairs(sorted(found)) do
    parts[#parts + 1] = write.text(("%s: %s"):format(name, table.concat(found[name], ", ")))
  end
  return #parts > 0 and table.concat(parts, "; ") or "none"
end

local function migrations_line(migrations, write)
  local shown = {}
  for i, path in ipairs(migrations.paths) do
    if i <= 3 then shown[i] = write.code(path:match "[^/]+$") end
  end
  local text = #shown > 0 and write.warning .. table.concat(shown, ", ") or "none"
  if #migrations.paths > 3 then text = ("%s and %d more"):format(text, #migrations.paths - 3) end
  return migrations.more and text .. " (more files changed than GitHub lists: look yourself)" or text
end

---The evidence in a few lines, for whoever is to decide.
---@param evidence table
---@param where { after: string, before: string }
---@param plain boolean? without Slack's markup
---@return string
function M.show(evidence, where, plain)
  local write <const> = plain and PLAIN or SLACK
  local tried <const>, now <const>, back <const> = evidence[where.after], evidence[where.before], evidence.way_back
  local function commit(sha, otherwise) return sha and write.code(short(sha)) or otherwise end
  local lines = {
    ("%s (%s) of %s%s; %s"):format(commit(evidence.commit), images_of(tried.services, write),
      write.link(evidence.pull_request, "the pull request"),
      evidence.main == evidence.commit and "" or ", main is at " .. commit(evidence.main),
      checks_line(evidence.checks, write)),
    ("%s runs %s (%s)%s"):format(where.before, commit(now.commit, "what no tag tells"),
      images_of(now.services, write), under_way(now.services, write)),
    ("Task definition, against %s's: %s"):format(where.before, differences_line(evidence.differences, write)),
  }
  if evidence.migrations then lines[#lines + 1] = "Migrations: " .. migrations_line(evidence.migrations, write) end
  if back then
    lines[#lines + 1] = ("Way back: %s (%s)%s"):format(commit(back.commit, "no known commit"),
      images_of(back.services, write), back.proven and "" or ", which nobody has proven to be healthy")
  end
  if evidence.script then lines[#lines + 1] = "Script: " .. write.code(evidence.script:sub(1, 12)) end
  return table.concat(lines, "\n")
end

return M
