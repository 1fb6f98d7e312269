--- Why did it fail? When a release does not end well because of a deployment, a build, a test or a site, AWS and GitHub
--- are asked what they know of it, and that is told with the end: a few lines in the summary and in Slack, and what
--- they were found by in the run and in the thread.
---
--- Nothing is hidden for it: the error stays what it is, and a source that cannot be read says so.
local mask = require "release.why.mask"
local subjects = require "release.why.subject"
local task = require "fairlead.task"

---@class why.Finding
---@field text string one line
---@field lines string[]? what it was found by
---@field tail integer? so many of the last lines count; else of the first

---@class Release
local Release = {}

local PATIENCE <const> = 20 -- seconds that one source may take
local MOST_FINDINGS <const>, MOST_LINES <const> = 8, 25
local LONGEST <const> = 300 -- bytes of a line

-- {what it is called, module, function}; those that tell most come first.
local AWS <const> = {
  { "the deployment's lifecycle events", "deployment", "lifecycle" },
  { "the service deployment", "deployment", "service_deployment" },
  { "the alarms", "traffic", "alarms" },
  { "the stopped tasks", "tasks", "stopped" },
  { "the container's log", "tasks", "logs" },
  { "the targets' health", "traffic", "health" },
  { "the service's events", "deployment", "events" },
}
local GITHUB <const> = {
  { "the failing job's log", "checks", "build" },
  { "the failing check's log", "checks", "checks" },
  { "the commit", "checks", "commit" },
}

-- Who may know, by what failed; nobody for what says itself why it is so.
local function sources_of(subject)
  local err <const> = subject.err
  if subject.build or subject.checks then return GITHUB end
  if not subject.environment then return {} end
  if err:is "deployment.rolled_back" or err:is "deployment.failed" or err:is "deployment.stopped"
    or err:is "wait.timeout" or err:is "smoke_test" then
    return AWS
  end
  return {}
end

local function cut(line) return #line > LONGEST and line:sub(1, utf8.offset(line, 0, LONGEST) - 1) .. "…" or line end

-- The name says enough to people.
local function brief(text) return (text:gsub("arn:[%w:-]-:targetgroup/([%w-]+)/%x+", "%1")) end

-- A finding as it may be shown.
local function shown(finding)
  local lines = {}
  for _, text in ipairs(finding.lines or {}) do
    for line in tostring(text):gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  end
  local most <const> = finding.tail or MOST_LINES
  if not finding.tail then lines = table.move(lines, 1, math.min(#lines, most), 1, {}) end
  lines = mask.tail(lines, most)
  for i, line in ipairs(lines) do lines[i] = cut(line) end
  return { text = cut(mask.line(brief(finding.text))), details = #lines > 0 and table.concat(lines, "\n") or nil }
end

---What is known of a failure, what tells most first.
---@async
---@param release Release
---@param err Error
---@param path string? the part of the run that failed
---@param since number unix seconds: when that part began
---@return { text: string, details: string? }[]
local function collect(release, err, path, since)
  local subject <const> = subjects.of(release, err, path, since)
  local found, unread = {}, { names = {}, lines = {} }
  for _, source in ipairs(sources_of(subject)) do
    local findings <const>, problem = try(task.timeout, PATIENCE, function()
      return require("release.why." .. source[2])[source[3]](subject)
    end)
    if problem then
      table.insert(unread.names, source[1])
      table.insert(unread.lines, ("%s: %s"):format(source[1], tostring(problem)))
    end
    for _, finding in ipairs(findings or {}) do
      if #found < MOST_FINDINGS then found[#found + 1] = shown(finding) end
    end
  end
  if #unread.names > 0 then
    found[#found + 1] = shown { text = "could not be read: " .. table.concat(unread.names, ", "), lines = unread.lines }
  end
  return found
end

---Finds out why, whenever the run does not end well.
function Release:find_out_why()
  local began = {} -- when each part of the plan did
  self.run:listen(function(event)
    if event.event == "step.started" and not event.path:find("/", 1, true) then began[event.path] = event.at end
  end)
  self.run:on_why(function(err, path)
    local since <const> = began[path:match "^[^/]*"] or self.run.started
    local found <const>, problem = try(collect, self, err, path, since)
    return found or { { text = "why could not be found out: " .. mask.line(tostring(problem)) } }
  end)
end

---Keeps the checks that failed, for whoever asks why.
---@param checks fairlead.github.Checks
function Release:tell_failed_checks(_, checks) self.failed_checks = checks end

return Release
